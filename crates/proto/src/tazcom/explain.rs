//! Lines taken apart: every key with its value, and what is wrong with it.
use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Forged, Message};
use crate::explain::Explanation;

/// The keys there are.
const KEYS: [&str; 14] = [
    "type",
    "msg_id",
    "from",
    "version",
    "nonce",
    "proof",
    "timestamp",
    "content",
    "ttl",
    "hops",
    "signature",
    "payload",
    "ids",
    "since",
];

/// Every byte named, line by line.
pub(super) fn explain(bytes: &[u8]) -> Explanation {
    let mut said = Explanation::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let message = Message::decode(line);
        match serde_json::from_slice::<Fields<'_>>(line) {
            Ok(fields) => fields.name(&mut said, line, message.as_ref().ok()),
            Err(_) => {
                let kind = message.as_ref().map_or("junk", Message::kind);
                said.part(line.len(), kind, String::from_utf8_lossy(line.trim_ascii()));
            }
        }
        if let Err(wrong) = message {
            said.wrong(format!("a line that {}", blame(&wrong.to_string())));
        } else if !line.ends_with(b"\n") {
            said.wrong("without its newline");
        }
    }
    if bytes.is_empty() {
        said.problem = Some("no bytes".into());
    }
    said
}

/// Reads after "a line that".
fn blame(problem: &str) -> String {
    if problem.starts_with("is ") { problem.to_owned() } else { format!("is wrong: {problem}") }
}

/// The keys of an object and where their values lie, in the order in which they are written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl Fields<'_> {
    /// Each key's part ends with its value and begins where the one before it ended.
    fn name(&self, said: &mut Explanation, line: &[u8], message: Option<&Message>) {
        let mut named = 0;
        for (key, value) in &self.0 {
            let raw = value.get();
            let end = raw.as_ptr() as usize - line.as_ptr() as usize + raw.len();
            let known = KEYS.into_iter().find(|known| known == key);
            let value = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
            let value = if known.is_some() { value } else { format!("{key}: {value}") };
            said.part(end - named, known.unwrap_or("of no meaning"), value);
            named = end;
            if let Some((to_blame, problem)) = message.and_then(forged)
                && known == Some(to_blame)
            {
                said.wrong(problem);
            }
        }
        said.part(line.len() - named, "end", String::from_utf8_lossy(line[named..].trim_ascii()));
    }
}

/// What is wrong with a signed message, and the key to blame.
fn forged(message: &Message) -> Option<(&'static str, String)> {
    let Message::Signed { parcel, .. } = message else { return None };
    let wrong = parcel.open().err()?;
    let key = match wrong {
        Forged::Payload(_) => "payload",
        Forged::Signature(_) => "signature",
    };
    Some((key, wrong.to_string()))
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tazcom::{Body, Identity, MessageId, NodeId, Parcel, Payload};

    fn parts(line: &[u8]) -> Vec<(usize, &'static str, String)> {
        explain(line).parts.into_iter().map(|p| (p.len, p.field, p.value)).collect()
    }

    #[test]
    fn every_key_is_named_with_its_value_and_its_place() {
        let id = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let line = format!("{{\"type\": \"HELLO\", \"from\": \"{id}\", \"x\": [1]}}\n");
        let wanted = [
            (16, "type", "HELLO".to_owned()),
            (55, "from", id.to_owned()),
            (10, "of no meaning", "x: [1]".to_owned()),
            (2, "end", "}".to_owned()),
        ];
        assert_eq!(parts(line.as_bytes()), wanted);
        assert!(explain(line.as_bytes()).is_sound());
        assert_eq!(parts(b"ACK\n"), [(4, "ack", "ACK".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        let problems = |line: &[u8]| explain(line).problems();
        let [(Some(18), text)] = &problems(b"{\"type\": \"WELCOME\"}\n")[..] else {
            panic!("{:?}", problems(b"{\"type\": \"WELCOME\"}\n"))
        };
        assert!(text.contains("WELCOME") && text.starts_with("end: a line that is of the type"));
        assert!(problems(b"nothing\n")[0].1.starts_with("junk: a line that is no JSON"));
        assert!(problems(b"{\"type\": \"HELLO\"}\n")[0].1.contains("from is missing"));
        assert_eq!(problems(b"ACK")[0].1, "ack: without its newline");
        assert_eq!(problems(b""), [(None, "no bytes".into())]);
    }

    #[test]
    fn a_forged_signature_is_to_blame_and_a_sound_one_is_not() {
        let [anna, ben] = [1, 2].map(|n| Identity::from_seed([n; 32]));
        let body = Body::Seen { alert: MessageId::of("") };
        let author = NodeId::from_bytes([0; 32]);
        let payload = Payload { author, channel: "#a".into(), created: 1, expires: 2, body };
        let mut parcel = Parcel::pack(&anna, &payload);
        let line = |parcel: &Parcel| Message::Signed { hops: 1, parcel: parcel.clone() }.encode();
        assert!(explain(&line(&parcel)).is_sound());
        parcel.signature = ben.sign(b"something else");
        let problems = explain(&line(&parcel)).problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].1.starts_with("signature: ") && problems[0].1.contains("did not sign"));
    }
}
