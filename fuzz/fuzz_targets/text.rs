//! Anything for a capture in text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testing::any_text(bytes));
