//! Anything for a SECS-II text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::secs2::any_text(bytes));
