//! The shape that all chip protocols share: commands out, responses in, a result at the end.

use crate::apdu::{Command, Response};
use crate::error::Error;
use crate::secret::Entropy;

/// What a protocol wants next.
#[derive(Debug)]
pub enum Step<T> {
    /// Send this command and feed its response.
    Send(Command),
    /// The protocol is complete.
    Done(T),
}

/// A protocol run as a state machine without I/O.
///
/// Commands and responses are in plain: secure messaging is added and removed by whoever drives it.
pub trait Exchange {
    /// What the protocol yields.
    type Output;

    /// The first command.
    ///
    /// # Errors
    /// When it cannot be built.
    fn begin(&mut self, entropy: &mut dyn Entropy) -> Result<Command, Error>;

    /// Takes the response to the last command.
    ///
    /// # Errors
    /// When the chip refuses, or answers something that the protocol does not allow. The exchange is over then.
    fn feed(&mut self, response: &Response, entropy: &mut dyn Entropy) -> Result<Step<Self::Output>, Error>;
}
