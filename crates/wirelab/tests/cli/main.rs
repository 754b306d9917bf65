//! The program as people and scripts call it: the real binary, real sockets, and a device's word for
//! what arrived.
mod bench;
#[cfg(target_os = "linux")]
mod blackhole;
mod bounds;
mod browser;
mod captures;
#[cfg(unix)]
mod cync;
mod decode;
#[cfg(target_os = "linux")]
mod descriptors;
mod device;
mod follow;
mod group;
mod hold;
mod hsms;
#[cfg(target_os = "linux")]
mod hsms_cable;
mod imports;
mod interrupted;
mod judge;
mod links;
mod many;
mod metrics;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(unix)]
mod node;
#[cfg(unix)]
mod node_limits;
#[cfg(target_os = "linux")]
mod node_net;
#[cfg(unix)]
mod node_screen;
#[cfg(unix)]
mod node_talk;
mod orders;
mod output;
mod pcap;
mod probe;
#[cfg(unix)]
mod probe_toggle;
mod proxy;
#[cfg(unix)]
mod proxy_tls;
mod replay;
mod report;
mod run;
mod scenario;
mod shark;
mod stages;
mod support;
mod sweep;
mod target;
#[cfg(unix)]
mod tazcom;
mod toggle;
mod tools;
mod toxiproxy;
mod usage;
mod vkb;
mod vkb_rules;
mod webdriver;
