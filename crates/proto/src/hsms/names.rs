//! The messages of everyday (SEMI E5), by stream and function.

/// A message that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Stream.
    pub(super) stream: u8,
    /// Function.
    pub(super) function: u8,
    /// As evidence calls it, `S1F13`.
    pub(super) kind: &'static str,
    /// As the standard calls it.
    pub(super) name: &'static str,
}

/// The message of this stream and function, if it has a name here.
pub(super) fn of(stream: u8, function: u8) -> Option<&'static Known> {
    let at = KNOWN.binary_search_by_key(&(stream, function), |k| (k.stream, k.function)).ok()?;
    Some(&KNOWN[at])
}

/// What evidence calls those that have a name.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.kind)
}

macro_rules! known {
    ($($stream:literal $function:literal $name:literal;)*) => {
        &[$(Known {
            stream: $stream,
            function: $function,
            kind: concat!("S", $stream, "F", $function),
            name: $name,
        }),*]
    };
}

/// In order.
const KNOWN: &[Known] = known! {
    1 0 "abort";
    1 1 "are you there";
    1 2 "on line data";
    1 3 "selected equipment status request";
    1 4 "selected equipment status data";
    1 11 "status variable namelist request";
    1 12 "status variable namelist reply";
    1 13 "establish communications request";
    1 14 "establish communications acknowledge";
    1 15 "request off-line";
    1 16 "off-line acknowledge";
    1 17 "request on-line";
    1 18 "on-line acknowledge";
    1 21 "data variable namelist request";
    1 22 "data variable namelist";
    1 23 "collection event namelist request";
    1 24 "collection event namelist";
    2 0 "abort";
    2 13 "equipment constant request";
    2 14 "equipment constant data";
    2 15 "new equipment constant send";
    2 16 "new equipment constant acknowledge";
    2 17 "date and time request";
    2 18 "date and time data";
    2 23 "trace initialize send";
    2 24 "trace initialize acknowledge";
    2 25 "loopback diagnostic request";
    2 26 "loopback diagnostic data";
    2 29 "equipment constant namelist request";
    2 30 "equipment constant namelist";
    2 31 "date and time set request";
    2 32 "date and time set acknowledge";
    2 33 "define report";
    2 34 "define report acknowledge";
    2 35 "link event report";
    2 36 "link event report acknowledge";
    2 37 "enable/disable event report";
    2 38 "enable/disable event report acknowledge";
    2 41 "host command send";
    2 42 "host command acknowledge";
    2 43 "reset spooling streams and functions";
    2 44 "reset spooling acknowledge";
    5 0 "abort";
    5 1 "alarm report send";
    5 2 "alarm report acknowledge";
    5 3 "enable/disable alarm send";
    5 4 "enable/disable alarm acknowledge";
    5 5 "list alarms request";
    5 6 "list alarm data";
    6 0 "abort";
    6 1 "trace data send";
    6 2 "trace data acknowledge";
    6 11 "event report send";
    6 12 "event report acknowledge";
    6 15 "event report request";
    6 16 "event report data";
    6 19 "individual report request";
    6 20 "individual report data";
    6 23 "request spooled data";
    6 24 "request spooled data acknowledge";
    7 0 "abort";
    7 1 "process program load inquire";
    7 2 "process program load grant";
    7 3 "process program send";
    7 4 "process program acknowledge";
    7 5 "process program request";
    7 6 "process program data";
    7 17 "delete process program send";
    7 18 "delete process program acknowledge";
    7 19 "current process program directory request";
    7 20 "current process program directory data";
    9 1 "unrecognized device id";
    9 3 "unrecognized stream type";
    9 5 "unrecognized function type";
    9 7 "illegal data";
    9 9 "transaction timer timeout";
    9 11 "data too long";
    9 13 "conversation timeout";
    10 0 "abort";
    10 1 "terminal request";
    10 2 "terminal request acknowledge";
    10 3 "terminal display, single";
    10 4 "terminal display, single acknowledge";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for known in KNOWN {
            assert_eq!(of(known.stream, known.function).unwrap().kind, known.kind);
        }
        assert!(of(99, 1).is_none());
    }
}
