//! Anything for a scenario file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| lab::testing::any_scenario(text));
