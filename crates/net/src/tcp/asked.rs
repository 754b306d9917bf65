//! What the kernel says of a connection when asked, without a read or a write.
use tokio::{io::Interest, net::TcpStream};

use crate::diag;

/// SIOCOUTQ: what was written and not yet acknowledged by the peer's kernel.
#[cfg(target_os = "linux")]
pub(crate) fn unacked(stream: &TcpStream) -> Option<usize> {
    queued(stream, libc::TIOCOUTQ)
}

/// SIOCOUTQ without SIOCOUTQNSD, which is what was not sent yet.
#[cfg(target_os = "linux")]
pub(crate) fn in_flight(stream: &TcpStream) -> Option<usize> {
    const SIOCOUTQNSD: libc::Ioctl = 0x894b;
    Some(unacked(stream)?.saturating_sub(queued(stream, SIOCOUTQNSD)?))
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn queued(stream: &TcpStream, what: libc::Ioctl) -> Option<usize> {
    use std::os::fd::AsRawFd;
    let mut queued: libc::c_int = 0;
    // SAFETY: the descriptor is open while `stream` is borrowed; both requests write one int.
    let rc = unsafe { libc::ioctl(stream.as_raw_fd(), what, &mut queued) };
    (rc == 0).then(|| usize::try_from(queued).ok()).flatten()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn in_flight(_: &TcpStream) -> Option<usize> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn unacked(_: &TcpStream) -> Option<usize> {
    None
}

/// Whether the peer's program has read all we wrote. Its kernel has it all before that kernel is asked.
pub(crate) fn drained(stream: &TcpStream) -> Option<bool> {
    if unacked(stream)? > 0 {
        return Some(false);
    }
    let (peer, local) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
    diag::unread(peer, local).map(|bytes| bytes == 0)
}

/// POLLERR: the error that the next read or write will report. Asking does not take it.
#[cfg(unix)]
#[allow(unsafe_code)]
pub(crate) fn is_broken(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd;
    let mut asked = libc::pollfd { fd: stream.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the descriptor is open while `stream` is borrowed; poll writes this one pollfd, and does
    // not wait.
    let rc = unsafe { libc::poll(&mut asked, 1, 0) };
    rc == 1 && asked.revents & libc::POLLERR != 0
}

#[cfg(not(unix))]
pub(crate) fn is_broken(_: &TcpStream) -> bool {
    false
}

/// Returns once the peer has reset it. The runtime notes POLLERR beside what can be read or written.
pub(crate) async fn broken(stream: &TcpStream) {
    // A runtime that is shutting down says so with an error, and nobody asks any more.
    let _ = stream.ready(Interest::ERROR).await;
}
