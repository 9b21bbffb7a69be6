//! What becomes of an answer in each state.

use super::delivery::Next;
use super::{Session, State};
use crate::apdu::Response;
use crate::error::Error;
use crate::evidence::Proof;
use crate::exchange::{Exchange as _, Step};
use crate::file::FileOutcome;

impl Session {
    pub(super) fn receive(&mut self, answer: &[u8]) -> Result<(), Error> {
        let reason = "fewer than two bytes";
        let too_short = || Error::Protocol { operation: "response", reason };
        let mut delivery = self.delivery.take().ok_or(Error::OutOfOrder)?;
        let protected = self.channel.is_some();
        let answer = match protected.then(|| delivery.assemble(answer)) {
            Some(Err(get_response)) => {
                (self.outgoing, self.delivery) = (Some(get_response), Some(delivery));
                return Ok(());
            }
            Some(Ok(whole)) => whole,
            None => answer.into(),
        };
        let opened = match &mut self.channel {
            _ if answer.len() < 2 && !self.state.is_of_chip() => return Err(too_short()),
            Some(channel) => channel.unprotect(&answer),
            None => Ok(Response::decode(&answer).ok_or_else(too_short)?),
        };
        let opened = match opened.map(|response| delivery.take(response)) {
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Next::Send(command))) => {
                self.delivery = Some(delivery);
                self.transmit(&command);
                return Ok(());
            }
            Ok(Ok(Next::Give(response))) => Ok(response),
            Err(error) => Err(error),
        };
        // Whatever comes of chip authentication, all that was read before it stays.
        if self.state.is_of_chip() {
            return self.receive_chip(&answer, opened);
        }
        // What terminal authentication would open is a gain; its failure loses nothing that was read.
        if let State::TerminalAuthentication(..) = self.state {
            self.receive_terminal(opened);
            return Ok(());
        }
        let response = match opened {
            Ok(response) => response,
            Err(error) => return self.lost(error),
        };
        let entropy = &mut *self.entropy;
        match std::mem::replace(&mut self.state, State::Broken) {
            State::CardAccess(mut read) => match read.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::CardAccess(read), command),
                Ok(Step::Done(FileOutcome::Read(bytes))) => self.card_access(Some(bytes)),
                // Whatever is wrong with the unsigned file, another SELECT or BAC may still work.
                _ => self.card_access(None),
            },
            State::AtrInfo => {
                self.sizes(&response);
                self.state = self.read_card_access();
                Ok(())
            }
            State::SelectMasterFile if self.experience.opened.is_some() => {
                self.try_pace();
                Ok(())
            }
            State::SelectMasterFile => {
                self.state = self.read_card_access();
                Ok(())
            }
            State::Pace(mut pace) => match pace.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::Pace(pace), command),
                Ok(Step::Done(output)) => {
                    self.chip_identifier = output.chip_identifier;
                    if let Some(data) = output.chip_authentication {
                        self.cam = Proof::Answered(data);
                    }
                    self.opened(output.session)
                }
                Err(error) => self.next_attempt(error),
            },
            State::Bac(mut bac) => match bac.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::Bac(bac), command),
                Ok(Step::Done(channel)) => self.opened(channel),
                Err(error) => self.next_attempt(error),
            },
            State::Select(before) => self.selected(before, response.status),
            State::File(mut read) => match read.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::File(read), command),
                Ok(Step::Done(outcome)) => self.file_done(&read, outcome),
                Err(error) => self.unreadable(&read, error),
            },
            State::ActiveAuthentication(mut run) => {
                match run.feed(&response, entropy) {
                    Ok(Step::Send(command)) => return self.go_on(State::ActiveAuthentication(run), command),
                    Ok(Step::Done(transcript)) => self.active = Proof::Answered(transcript),
                    Err(error) => self.active = Proof::Refused(refusal(&error)),
                }
                self.next_file();
                Ok(())
            }
            State::Reset
            | State::ChipAuthentication(_)
            | State::Confirm(_)
            | State::TerminalAuthentication(..)
            | State::Done
            | State::Broken => Err(Error::OutOfOrder),
        }
    }
}

impl State {
    /// Whether chip authentication is on.
    const fn is_of_chip(&self) -> bool {
        matches!(self, Self::Confirm(_) | Self::ChipAuthentication(_))
    }
}

/// Why a chip proved nothing: `chip_refused`, with its status word behind a colon where it gave one.
pub(super) fn refusal(error: &Error) -> String {
    match error {
        Error::Status { status, .. } => format!("chip_refused:{status}"),
        _ => "chip_refused".to_owned(),
    }
}
