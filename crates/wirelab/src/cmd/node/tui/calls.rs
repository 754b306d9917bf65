//! Calls for help, and how each stands. They stay in sight until they are over.
use proto::tazcom::{AlertState, MessageId, Need, NodeId, gossip::Alert};

/// Calls remembered; the first to go are those that are over.
const MOST: usize = 200;

/// A call for help. Its text is safe to show.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: MessageId,
    /// Who needs what; none if only news of it came.
    pub(super) what: Option<(NodeId, Need, String)>,
    pub(super) stands: Alert,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

impl Calls {
    /// Somebody calls.
    pub(super) fn called(&mut self, id: MessageId, author: NodeId, need: Need, text: String) {
        self.of(id).what = Some((author, need, text));
    }
    /// One stands like this now.
    pub(super) fn stands(&mut self, id: MessageId, stands: Alert) {
        self.of(id).stands = stands;
    }
    /// The open ones first, then those somebody sees to, then those that are over; of each the newest
    /// first.
    pub(super) fn in_order(&self) -> Vec<&Call> {
        let mut calls: Vec<_> = self.0.iter().rev().collect();
        calls.sort_by_key(|call| call.stands.state);
        calls
    }
    /// The one whose id begins like this, or else the only one that is not over.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub(super) fn find(&self, start: Option<&str>) -> Result<MessageId, String> {
        let fits = |call: &&Call| match start {
            Some(start) => call.id.to_string().starts_with(start),
            None => call.stands.state != AlertState::Resolved,
        };
        let found: Vec<_> = self.0.iter().filter(fits).map(|call| call.id).collect();
        match (&found[..], start) {
            ([id], _) => Ok(*id),
            ([], Some(start)) => Err(format!("no alert's id begins with {start}")),
            ([], None) => Err("there is no alert".into()),
            (many, _) => Err(format!("{} alerts it could be; say which", many.len())),
        }
    }

    fn of(&mut self, id: MessageId) -> &mut Call {
        let at = self.0.iter().position(|call| call.id == id).unwrap_or_else(|| {
            if self.0.len() >= MOST {
                let over = |call: &Call| call.stands.state == AlertState::Resolved;
                self.0.remove(self.0.iter().position(over).unwrap_or(0));
            }
            self.0.push(Call { id, what: None, stands: Alert::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

/// How it stands, in a word.
pub(super) fn state(state: AlertState) -> &'static str {
    match state {
        AlertState::Open => "OPEN",
        AlertState::Taken => "TAKEN",
        AlertState::Resolved => "RESOLVED",
    }
}

/// What is needed, in a word.
pub(super) fn need(need: Need) -> &'static str {
    match need {
        Need::Medical => "medical",
        Need::Water => "water",
        Need::Technical => "technical",
        Need::Legal => "legal",
        Need::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> MessageId {
        MessageId::of(&n.to_string())
    }

    fn calls(states: &[AlertState]) -> Calls {
        let mut calls = Calls::default();
        for (n, state) in states.iter().enumerate() {
            calls.called(id(n), NodeId::from_bytes([1; 32]), Need::Water, n.to_string());
            calls.stands(id(n), Alert { state: *state, ..Alert::default() });
        }
        calls
    }

    #[test]
    fn what_is_open_comes_first_and_what_is_over_last() {
        use AlertState::{Open, Resolved, Taken};
        let calls = calls(&[Resolved, Open, Taken, Open]);
        let order: Vec<_> = calls.in_order().iter().map(|call| call.id).collect();
        assert_eq!(order, [id(3), id(1), id(2), id(0)]);
    }

    #[test]
    fn one_is_found_by_how_its_id_begins_or_if_it_is_the_only_one() {
        use AlertState::{Open, Resolved, Taken};
        let some = calls(&[Resolved, Taken]);
        assert_eq!(some.find(None), Ok(id(1)));
        assert_eq!(some.find(Some(&id(0).to_string()[..6])), Ok(id(0)));
        assert!(some.find(Some("!")).unwrap_err().contains("no alert's id"));
        assert!(calls(&[Open, Open]).find(None).unwrap_err().contains("say which"));
        assert!(calls(&[Resolved]).find(None).unwrap_err().contains("no alert"));
    }

    #[test]
    fn what_is_over_goes_before_what_is_open() {
        let mut calls = calls(&[AlertState::Open, AlertState::Resolved]);
        (2..2 * MOST).for_each(|n| calls.stands(id(n), Alert::default()));
        assert_eq!(calls.0.len(), MOST);
        assert!(calls.0.iter().all(|call| call.id != id(1)));
    }
}
