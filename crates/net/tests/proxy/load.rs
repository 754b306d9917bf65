//! Faults that come and go under load, and many connections of every kind: nothing is lost, nothing is
//! left.
