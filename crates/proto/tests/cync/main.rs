//! Cync: bytes of real devices, both ends joined, a bridge in every mode, bytes that are bad.
mod bad;
mod client;
mod modes;
mod pair;
mod vectors;
