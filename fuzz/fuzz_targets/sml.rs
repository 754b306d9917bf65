//! Anything for SML.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| proto::testing::secs2::any_sml(text));
