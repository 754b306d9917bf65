//! Every test here runs on the simulated network and on real sockets, and asks the far side.
mod hsms;
mod hsms_settings;
mod links;
mod probe;
mod proxies;
mod raw;
mod restarts;
mod shipped;
mod support;
mod toggle;
mod vkb;
