//! SECS-II: bytes from other stacks, and what must hold of any.
mod decode;
mod properties;
mod support;
mod vectors;
