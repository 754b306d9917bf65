//! Anything at either end of an HSMS connection, before and after it is SELECTED.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::hsms::any_bytes(bytes));
