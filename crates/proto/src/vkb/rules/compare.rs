//! Truth with gaps, and JSON values held against each other.
use serde_json::Value;

/// What is missing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing(pub(super) String);

/// Yes, no, or what is missing to tell.
pub(super) type Truth = Result<bool, Missing>;

/// All of them hold. A no decides, whatever is missing elsewhere.
pub(super) fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    decided_by(false, truths)
}

/// One of them holds. A yes decides, whatever is missing elsewhere.
pub(super) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    decided_by(true, truths)
}

fn decided_by(decisive: bool, truths: impl IntoIterator<Item = Truth>) -> Truth {
    let mut missing = None;
    for truth in truths {
        match truth {
            Ok(truth) if truth == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(gap) => missing = missing.or(Some(gap)),
        }
    }
    missing.map_or(Ok(!decisive), Err)
}

/// The same value; 5 and 5.0 are the same number.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (one, other) => one == other,
    }
}

/// One of a list.
pub(super) fn one_of(value: &Value, list: &[Value]) -> bool {
    list.iter().any(|other| same(value, other))
}

/// Text has a part, a list a member, an object a key.
pub(super) fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(list), wanted) => one_of(wanted, list),
        (Value::Object(object), Value::String(key)) => object.contains_key(key),
        _ => false,
    }
}

/// Which side of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Lt,
    Lte,
    Gt,
    Gte,
}

impl Order {
    /// By its name in both formats.
    pub(super) fn find(name: &str) -> Option<Self> {
        match name {
            "lt" => Some(Self::Lt),
            "lte" => Some(Self::Lte),
            "gt" => Some(Self::Gt),
            "gte" => Some(Self::Gte),
            _ => None,
        }
    }
    pub(super) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Lt => value < limit,
            Self::Lte => value <= limit,
            Self::Gt => value > limit,
            Self::Gte => value >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_gap_counts_only_where_nothing_else_decides() {
        let gap = || Err(Missing("Flags".into()));
        assert_eq!(all([gap(), Ok(false)]), Ok(false));
        assert_eq!(all([gap(), Ok(true)]), gap());
        assert_eq!(all([]), Ok(true));
        assert_eq!(any([gap(), Ok(true)]), Ok(true));
        assert_eq!(any([gap(), Ok(false)]), gap());
        assert_eq!(any([]), Ok(false));
    }

    #[test]
    fn numbers_are_the_same_by_value_and_ids_to_the_last_digit() {
        assert!(same(&json!(5), &json!(5.0)));
        assert!(same(&json!([1, [2.0]]), &json!([1.0, [2]])));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        assert!(!same(&json!(1), &json!(true)) && !same(&json!("1"), &json!(1)));
    }

    #[test]
    fn containing_depends_on_what_contains() {
        assert!(contains(&json!("Jameson Memorial"), &json!("Jameson")));
        assert!(contains(&json!(["Gold", 5]), &json!(5.0)));
        assert!(contains(&json!({ "Gold": 1 }), &json!("Gold")));
        assert!(!contains(&json!(5), &json!(5)) && !contains(&json!("5"), &json!(5)));
    }
}
