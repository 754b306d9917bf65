//! Anything at either end of a TAZCOM connection, and at gossip.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::tazcom::any_bytes(bytes));
