//! The program as people and scripts call it: the real binary, real sockets, and a device's word for
//! what arrived.
mod bench;
mod bounds;
mod decode;
mod device;
mod follow;
mod hold;
mod interrupted;
mod judge;
mod links;
mod many;
mod metrics;
mod output;
mod run;
mod scenario;
mod stages;
mod support;
mod toggle;
mod usage;
mod vkb;
mod vkb_rules;
