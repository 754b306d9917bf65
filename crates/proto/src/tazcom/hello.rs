//! Proving an id on a connection: what either end signs, and whether the other's signature holds.
//!
//! Signed are the role, both ids, both nonces and, over an encrypted connection, its own secret. So a
//! proof is good for one connection and one end of it. Over a plain connection somebody in the middle
//! can still pass proofs along and read what follows; only encryption keyed to the proven ids ends that.
use super::{Identity, NodeId};

const DOMAIN: &[u8] = b"tazcom 0.3 hello\0";

/// Which end of a connection signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that opened it.
    Dialer,
    /// The one that was called.
    Listener,
}

/// What both ends know once each has said its id and its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The id of the end that dials.
    pub dialer: NodeId,
    /// Its nonce.
    pub dialer_nonce: [u8; 32],
    /// The id of the end that listens.
    pub listener: NodeId,
    /// Its nonce.
    pub listener_nonce: [u8; 32],
    /// A secret of the encrypted connection underneath; zeros if it is plain.
    pub binding: [u8; 32],
}

impl Meeting {
    /// The proof of one end.
    pub fn prove(&self, role: Role, me: &Identity) -> [u8; 64] {
        me.sign(&self.statement(role))
    }
    /// Whether this is the proof of that end.
    pub fn holds(&self, role: Role, proof: &[u8; 64]) -> bool {
        let who = match role {
            Role::Dialer => self.dialer,
            Role::Listener => self.listener,
        };
        who.signed(&self.statement(role), proof)
    }
    /// All fields have their fixed length, so no two meetings have the same bytes.
    fn statement(&self, role: Role) -> Vec<u8> {
        let Self { dialer, dialer_nonce, listener, listener_nonce, binding } = self;
        let role: &[u8] = match role {
            Role::Dialer => b"d",
            Role::Listener => b"l",
        };
        let (dialer, listener) = (dialer.as_bytes(), listener.as_bytes());
        [DOMAIN, role, dialer, dialer_nonce, listener, listener_nonce, binding].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_good_for_one_meeting_and_one_end_of_it() {
        let [anna, ben] = [1, 2].map(|n| Identity::from_seed([n; 32]));
        let meeting = Meeting {
            dialer: anna.id(),
            dialer_nonce: [3; 32],
            listener: ben.id(),
            listener_nonce: [4; 32],
            binding: [0; 32],
        };
        let proof = meeting.prove(Role::Dialer, &anna);
        assert!(meeting.holds(Role::Dialer, &proof));
        assert!(!meeting.holds(Role::Listener, &proof));
        let others = [
            Meeting { dialer: ben.id(), ..meeting },
            Meeting { dialer_nonce: [9; 32], ..meeting },
            Meeting { listener: anna.id(), ..meeting },
            Meeting { listener_nonce: [9; 32], ..meeting },
            Meeting { binding: [9; 32], ..meeting },
        ];
        assert!(others.iter().all(|other| !other.holds(Role::Dialer, &proof)));
        // Nor can one meet oneself, and have one's own proof for the other's.
        let mirror = Meeting { listener: anna.id(), ..meeting };
        assert!(!mirror.holds(Role::Listener, &mirror.prove(Role::Dialer, &anna)));
    }
}
