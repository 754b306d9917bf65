//! Every test here runs on the simulated network and on real sockets, and asks the far side.
mod hsms;
mod hsms_settings;
mod hsms_strays;
mod links;
mod probe;
mod probe_toggle;
mod proxies;
mod quirks;
mod raw;
mod restarts;
mod secrets;
mod shipped;
mod support;
mod tls;
mod toggle;
mod trust;
mod vkb;
