//! Puts a chip on vsmartcard's virtual reader (vpcd).
//!
//! The protocol is a two-byte big-endian length and a body, both ways. A body of one byte is a control: 0 power
//! off, 1 power on, 2 reset, 4 answer-to-reset wanted. Longer bodies are command APDUs.

use crate::chip::{ATR, Answer, Chip};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// What can be laid on the virtual reader.
pub trait VpcdCard {
    /// Answer to reset.
    fn atr(&self) -> Vec<u8>;
    /// Power on or reset.
    fn reset(&mut self);
    /// One command; `None` when the card has left the reader.
    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>>;
}

impl VpcdCard for Chip {
    fn atr(&self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn reset(&mut self) {
        Self::reset(self);
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        match Self::transmit(self, command) {
            Answer::Response(bytes) => Some(bytes),
            Answer::Lifted => None,
        }
    }
}

/// Why serving ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The card's own fault took it off the reader.
    Lifted,
    /// The reader closed the connection.
    ReaderGone,
}

/// Connects to the virtual reader, trying again until `patience` is over: pcscd opens its port a moment after
/// it starts.
///
/// # Errors
/// When the address does not resolve or nobody listens.
#[allow(clippy::disallowed_methods, reason = "waits in real time for another process")]
pub fn connect(address: impl ToSocketAddrs + Copy, patience: Duration) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Err(error) if start.elapsed() >= patience => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

/// Answers the reader until the card is lifted or the reader goes away.
///
/// # Errors
/// When the connection fails in another way than by being closed.
pub fn serve(card: &mut dyn VpcdCard, mut stream: TcpStream) -> io::Result<Ended> {
    loop {
        let Some(body) = receive(&mut stream)? else { return Ok(Ended::ReaderGone) };
        let answer = match body[..] {
            [0] => continue,
            [1 | 2] => {
                card.reset();
                continue;
            }
            [4] => card.atr(),
            _ => match card.transmit(&body) {
                Some(bytes) => bytes,
                None => return Ok(Ended::Lifted),
            },
        };
        let length = u16::try_from(answer.len()).map_err(|_| io::Error::other("answer over 65,535 bytes"))?;
        // One write for both, or Nagle's algorithm holds the second back.
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}

fn receive(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if let Err(error) = read(stream, &mut length) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(None),
            _ => Err(error),
        };
    }
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    read(stream, &mut body)?;
    Ok(Some(body))
}

/// vpcd writes length and body apart with Nagle's algorithm on: unless the first is acknowledged at once, the
/// second waits 44 ms. The kernel forgets the option, so it is set before every read.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        socket2::SockRef::from(&*stream).set_tcp_quickack(true)?;
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
