//! A bare server of VKB-Link frames whose sockets belong to the test: it can end them in every way
//! there is, and keeps what each of its connections read. It knows nothing of our codec.
use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One life of the server: a listening socket, until it is dropped.
pub(crate) struct Incarnation(TcpListener);

/// A connection it accepted, and the numbers its frames spelt.
pub(crate) struct Accepted {
    stream: TcpStream,
    part: Vec<u8>,
    numbers: Vec<u16>,
}

/// How a server lets go of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// Closes it.
    Fin,
    /// Closes it with linger 0.
    Rst,
    /// Says it will send no more, and goes on reading.
    HalfClose,
}

impl End {
    pub(crate) const ALL: [Self; 3] = [Self::Fin, Self::Rst, Self::HalfClose];
}

impl Incarnation {
    /// Takes a port although old connections of it linger.
    pub(crate) fn at(addr: SocketAddr) -> Self {
        Self::listen(addr, true).expect("the port is free")
    }
    /// Takes a port only if nothing of it is left in the kernel.
    pub(crate) fn without_reuse(addr: SocketAddr) -> io::Result<Self> {
        Self::listen(addr, false)
    }
    fn listen(addr: SocketAddr, reuse: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        socket.set_reuse_address(reuse)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(16)?;
        Ok(Self(TcpListener::from_std(socket.into())?))
    }
    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }
    pub(crate) async fn accept(&self) -> Accepted {
        let (stream, _) = self.0.accept().await.expect("there are descriptors left");
        Accepted { stream, part: Vec::new(), numbers: Vec::new() }
    }
}

impl Accepted {
    /// Reads until this number has come.
    pub(crate) async fn until(&mut self, number: u16) -> &[u16] {
        while !self.numbers.contains(&number) {
            assert!(self.read().await, "the end came before {number}: {:?}", self.numbers);
        }
        &self.numbers
    }
    /// Reads until the peer is gone.
    pub(crate) async fn rest(&mut self) -> &[u16] {
        while self.read().await {}
        &self.numbers
    }
    /// What comes next, and whether anything does.
    async fn read(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.part).await.unwrap_or(0);
        let whole = self.part.len() / 8 * 8;
        self.numbers.extend(self.part.drain(..whole).as_slice().chunks_exact(8).map(number));
        read > 0
    }
    /// Lets go of it. A socket that is half closed goes on living, and reading.
    pub(crate) async fn end(mut self, how: End) -> Option<Self> {
        match how {
            End::Fin => None,
            End::Rst => {
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("it is open");
                None
            }
            End::HalfClose => {
                self.stream.shutdown().await.expect("it is open");
                Some(self)
            }
        }
    }
}

/// The bitmaps of a frame read as one number.
fn number(frame: &[u8]) -> u16 {
    let [0xa5, 0x0d, 0, 4, low, high, 0, 0] = *frame else { panic!("no frame: {frame:02x?}") };
    u16::from_le_bytes([low, high])
}
