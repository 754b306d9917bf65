//! VKB-Link: shift states of VKB controllers, set over TCP.
pub mod rules;
