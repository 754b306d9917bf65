//! Anything for a capture of packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testing::any_pcap(bytes));
