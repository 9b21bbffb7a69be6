//! The issuer in a process of its own, over a Unix socket: one question a connection, each 4 bytes of length (big-endian) and a CBOR
//! value of at most [`MOST`] bytes, and an answer of the same kind.

use super::{Issued, Issuer, IssuerError, Trust, Wanted};
use events::Clock;
use events::sync::Receipt;
use fleet::answer::Octets;
use program::lock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The most bytes of a question or an answer.
pub const MOST: usize = 256 * 1024;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long nobody is asked who has just not answered: whoever asks waits for none of the others.
const REST: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Question {
    Issue(Wanted),
    Receipt(Receipt),
    Trust,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Answer {
    Issued(Issued),
    Receipt(Octets),
    Trust(Trust),
    Refused { code: String, detail: String },
}

fn send(stream: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let bytes = serde_cbor::to_vec(value).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MOST);
    let length = length.ok_or_else(|| io::Error::other("it is too long"))?;
    stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat())?;
    stream.flush()
}

fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MOST {
        return Err(io::Error::other("it is too long"));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    serde_cbor::from_slice(&bytes).map_err(io::Error::other)
}

fn patient(stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// Asks the process that signs.
pub struct Remote {
    socket: PathBuf,
    clock: Arc<dyn Clock>,
    rests: Mutex<Option<Duration>>,
    trust: Mutex<Option<Trust>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.socket.display())
    }
}

impl Remote {
    /// At a socket. Nobody is asked yet.
    #[must_use]
    pub fn new(socket: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { socket: socket.to_owned(), clock, rests: Mutex::default(), trust: Mutex::default() }
    }

    fn ask(&self, question: &Question) -> Result<Answer, IssuerError> {
        let unavailable = |error: io::Error| IssuerError::Unavailable(error.to_string());
        if lock(&self.rests).is_some_and(|until| self.clock.monotonic() < until) {
            return Err(IssuerError::Unavailable("it did not answer just now".to_owned()));
        }
        let asked = || {
            let mut stream = UnixStream::connect(&self.socket)?;
            patient(&stream)?;
            send(&mut stream, question)?;
            receive(&mut stream)
        };
        let answered = asked().map_err(|error| {
            // Who is not there says so at once; who hangs is left alone for a while.
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
                *lock(&self.rests) = Some(self.clock.monotonic() + REST);
            }
            unavailable(error)
        })?;
        match answered {
            Answer::Refused { code, detail } => Err(IssuerError::of_code(&code, detail)),
            answer => Ok(answer),
        }
    }
}

fn another() -> IssuerError {
    IssuerError::Unavailable("it answers another question".to_owned())
}

impl Issuer for Remote {
    fn issue(&self, wanted: &Wanted) -> Result<Issued, IssuerError> {
        match self.ask(&Question::Issue(wanted.clone()))? {
            Answer::Issued(issued) => Ok(issued),
            _ => Err(another()),
        }
    }

    fn receipt(&self, receipt: &Receipt) -> Result<Vec<u8>, IssuerError> {
        match self.ask(&Question::Receipt(receipt.clone()))? {
            Answer::Receipt(signed) => Ok(signed.0),
            _ => Err(another()),
        }
    }

    fn trust(&self) -> Result<Trust, IssuerError> {
        match self.ask(&Question::Trust) {
            Ok(Answer::Trust(trust)) => {
                *lock(&self.trust) = Some(trust.clone());
                Ok(trust)
            }
            Ok(_) => Err(another()),
            // It is public, and what it was is better than nothing.
            Err(error) => lock(&self.trust).clone().ok_or(error),
        }
    }
}

/// Takes what was sent and nobody looks at, as much as lies there: a connection that is closed over it is reset, and whoever asked
/// would not see why it was refused.
fn leave(stream: &mut UnixStream) {
    program::ignore(stream.read(&mut [0; 64 * 1024]), "nobody looks at it");
}

/// Answers one connection of a user, if it is one of `peers`.
///
/// # Errors
/// When the connection breaks off.
pub fn answer(issuer: &Arc<dyn Issuer>, mut stream: UnixStream, user: u32, peers: &[u32]) -> io::Result<()> {
    patient(&stream)?;
    let asked = if peers.contains(&user) {
        match receive(&mut stream) {
            Ok(Question::Issue(wanted)) => issuer.issue(&wanted).map(Answer::Issued),
            Ok(Question::Receipt(receipt)) => issuer.receipt(&receipt).map(|signed| Answer::Receipt(Octets(signed))),
            Ok(Question::Trust) => issuer.trust().map(Answer::Trust),
            Err(error) => {
                stream.set_nonblocking(true)?;
                leave(&mut stream);
                stream.set_nonblocking(false)?;
                Err(IssuerError::Form(error.to_string()))
            }
        }
    } else {
        // Nothing that it says is looked at.
        leave(&mut stream);
        Err(IssuerError::Peer(user))
    };
    let answer = asked.unwrap_or_else(|error| {
        tracing::warn!(user, code = error.answer().1, "not signed: {error}");
        Answer::Refused { code: error.answer().1.to_owned(), detail: error.detail() }
    });
    send(&mut stream, &answer)
}
