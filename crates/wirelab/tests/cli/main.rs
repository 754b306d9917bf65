//! The program as people and scripts call it: the real binary, real sockets, and a device's word for
//! what arrived.
mod decode;
mod device;
mod many;
mod metrics;
mod output;
mod stages;
mod support;
mod toggle;
mod usage;
mod vkb;
mod vkb_rules;
