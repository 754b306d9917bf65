//! The proxy between real sockets, and between simulated ones.
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod road;
mod sim;
#[cfg(target_os = "linux")]
mod transparency;
