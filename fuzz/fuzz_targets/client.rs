//! Anything for an answer to one command.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::testing::client_takes(
    &proto::toggle::Lamp::default(),
    &proto::toggle::Toggle::new("D1", true).expect("a sound command"),
    bytes
));
