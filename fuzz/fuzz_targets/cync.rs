//! Anything at either end of a Cync connection, before and after the login.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::cync::any_bytes(bytes));
