//! SECS-II: bytes from other stacks, and what must hold of any.
mod decode;
mod json;
mod properties;
mod sml;
mod support;
mod vectors;
