//! What the kernel says of a connection when asked, without a read or a write.
use tokio::net::TcpStream;

use crate::diag;

/// SIOCOUTQ: what was written and not yet acknowledged by the peer's kernel.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(crate) fn unacked(stream: &TcpStream) -> Option<usize> {
    use std::os::fd::AsRawFd;
    let mut queued: libc::c_int = 0;
    // SAFETY: the descriptor is open while `stream` is borrowed; TIOCOUTQ (= SIOCOUTQ) writes one int.
    let rc = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &mut queued) };
    (rc == 0).then(|| usize::try_from(queued).ok()).flatten()
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
