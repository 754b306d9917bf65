//! Anything to be explained.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::explains::<proto::toggle::Lamp>(bytes));
