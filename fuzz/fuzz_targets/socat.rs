//! Anything for a capture of socat's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testing::any_socat(bytes));
