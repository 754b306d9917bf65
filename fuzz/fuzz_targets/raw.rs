//! Anything for captured bytes of one direction.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testing::any_raw(bytes));
