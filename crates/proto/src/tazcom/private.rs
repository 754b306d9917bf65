//! Words for one node's eyes: sealed to its key with a key of one use, and bound to who wrote them.
//!
//! The key agreement is X25519 with the receiver's signing key in its Montgomery form, the cipher
//! ChaCha20-Poly1305. Whoever gets hold of the receiver's key can read what was sent before; there is no
//! ratchet here.
use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use super::{Identity, NodeId};

/// What the sealed text is bound to begins with this.
const DOMAIN: &[u8] = b"tazcom 0.3 private\0";

/// Seals words from one node to another. The 32 bytes must be random, and used for nothing else.
///
/// # Errors
/// The receiver's id is no key.
pub fn seal(random: [u8; 32], from: NodeId, to: NodeId, words: &str) -> Result<String, NotAKey> {
    let public = x25519(random, X25519_BASEPOINT_BYTES);
    let theirs = to.agreement_key().ok_or(NotAKey(to))?;
    let cipher = cipher(x25519(random, theirs), &public, &theirs).ok_or(NotAKey(to))?;
    let aad = bound_to(from, to);
    let payload = Payload { msg: words.as_bytes(), aad: &aad };
    let sealed = cipher.encrypt(&Nonce::default(), payload).expect("far below 256 GiB");
    Ok(BASE64URL_NOPAD.encode(&[&public[..], &sealed].concat()))
}

/// An id with which no secret can be agreed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no key, so nothing can be sealed for it")]
pub struct NotAKey(pub NodeId);

/// Opens what `from` sealed for us; none if it was not, or was sealed for somebody else.
pub fn open(me: &Identity, from: NodeId, sealed: &str) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    let (public, sealed) = bytes.split_first_chunk::<32>()?;
    let ours = me.id().agreement_key()?;
    let cipher = cipher(x25519(me.agreement_secret(), *public), public, &ours)?;
    let aad = bound_to(from, me.id());
    let words = cipher.decrypt(&Nonce::default(), Payload { msg: sealed, aad: &aad }).ok()?;
    String::from_utf8(words).ok()
}

/// The key is used once, since one half of it is; so the nonce may stay zero. None for a shared secret
/// that anybody could know.
fn cipher(shared: [u8; 32], public: &[u8; 32], theirs: &[u8; 32]) -> Option<ChaCha20Poly1305> {
    if shared == [0; 32] {
        return None;
    }
    let mut hash = Sha256::new_with_prefix(DOMAIN);
    hash.update(shared);
    hash.update(public);
    hash.update(theirs);
    let key: [u8; 32] = hash.finalize().into();
    Some(ChaCha20Poly1305::new(&Key::from(key)))
}

/// So nobody can pass another's sealed words on as their own.
fn bound_to(from: NodeId, to: NodeId) -> Vec<u8> {
    [DOMAIN, from.as_bytes(), to.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_receiver_reads_it_and_only_as_from_its_author() {
        let [anna, ben, eve] = [1, 2, 3].map(|n| Identity::from_seed([n; 32]));
        let sealed = seal([7; 32], anna.id(), ben.id(), "by the fountain").unwrap();
        assert_eq!(open(&ben, anna.id(), &sealed).as_deref(), Some("by the fountain"));
        assert_eq!(open(&eve, anna.id(), &sealed), None);
        assert_eq!(open(&ben, eve.id(), &sealed), None);
        let mut other = sealed.clone().into_bytes();
        let at = other.len() - 5;
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(open(&ben, anna.id(), std::str::from_utf8(&other).unwrap()), None);
        for junk in ["", "AAAA", "not base64!"] {
            assert_eq!(open(&ben, anna.id(), junk), None);
        }
    }

    #[test]
    fn nothing_is_sealed_for_a_key_that_shares_no_secret() {
        let mut weak = [0; 32];
        weak[0] = 1;
        let weak = NodeId::from_bytes(weak);
        let anna = Identity::from_seed([1; 32]);
        assert_eq!(seal([7; 32], anna.id(), weak, "x"), Err(NotAKey(weak)));
    }
}
