//! Cync: bytes of real devices, both ends joined, a bridge in every mode, bytes that are bad.
mod bad;
mod client;
mod levels;
mod modes;
mod pair;
mod patience;
mod repeats;
mod vectors;
