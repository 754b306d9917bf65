//! SML, the way people write SECS-II: as everybody reads it, and as anybody writes it.

mod print;
