//! Anything at a device's end of a connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::device_takes(
    proto::toggle::Lamp::default,
    bytes
));
