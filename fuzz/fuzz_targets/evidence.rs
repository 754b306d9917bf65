//! Anything for an evidence file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testing::any_evidence(bytes));
