//! Terminal authentication version 1 (ICAO 9303-11 §7.1, BSI TR-03110-1 §3.5): the terminal shows a chain of
//! certificates and signs the chip's challenge, and the chip opens EF.DG3 and EF.DG4.
//!
//! | command | terminal sends | chip answers |
//! |---|---|---|
//! | READ BINARY EF.CVCA | | `42` reference of each CVCA key that it trusts |
//! | MSE:Set DST, PSO:Verify Certificate | each certificate of the path | |
//! | MSE:Set AT | the terminal's holder reference | |
//! | GET CHALLENGE | | eight bytes |
//! | EXTERNAL AUTHENTICATE | signature over chip identifier ‖ challenge ‖ Comp(terminal's key of chip authentication) | |
//!
//! The signature is made elsewhere, by a token for instance: [`TerminalStep::Sign`] says over what.

use crate::apdu::{Command, Response, StatusWord};
use crate::cvc::{Authorisation, CvCertificate, TerminalAlgorithm, TerminalCertificates};
use crate::error::Error;
use crate::security_info::CvcaFile;
use crate::tlv::{Reader, encode};

/// What the protocol wants next.
#[derive(Debug)]
pub enum TerminalStep {
    /// Send this command and feed its response.
    Send(Command),
    /// Have the inspection system's key sign this and feed the signature.
    Sign(SigningRequest),
    /// The chip has accepted the terminal.
    Done(Authorisation),
}

/// What the inspection system's key is to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningRequest {
    /// Padding and hash.
    pub algorithm: TerminalAlgorithm,
    /// The message, to be hashed.
    pub message: Vec<u8>,
}

impl SigningRequest {
    /// This message, under this algorithm.
    #[must_use]
    pub const fn new(algorithm: TerminalAlgorithm, message: Vec<u8>) -> Self {
        Self { algorithm, message }
    }
}

/// One run of terminal authentication, in the session that chip authentication opened.
#[derive(Debug)]
pub struct TerminalAuthentication {
    certificates: TerminalCertificates,
    /// ID_IC: what PACE yielded, or the document number with its check digit after BAC.
    chip_identifier: Vec<u8>,
    /// Comp of the terminal's key of chip authentication.
    terminal_key: Vec<u8>,
    file: CvcaFile,
    rights: Authorisation,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    /// EF.CVCA by short identifier, else by SELECT.
    ReadCvca,
    SelectCvca,
    ReadSelectedCvca,
    SetDst(Vec<CvCertificate>),
    Verify(Vec<CvCertificate>),
    SetAt,
    Challenge,
    Signature,
    External,
    Over,
}

/// Two references of at most 16 bytes with their headers.
const EF_CVCA_LENGTH: u32 = 36;

impl TerminalAuthentication {
    /// A run with the operator's certificates. `chip_identifier` is ID_IC, `terminal_key` Comp of the key of chip
    /// authentication, `file` where the chip says its EF.CVCA is.
    #[must_use]
    pub const fn new(
        certificates: TerminalCertificates,
        chip_identifier: Vec<u8>,
        terminal_key: Vec<u8>,
        file: CvcaFile,
    ) -> Self {
        Self { certificates, chip_identifier, terminal_key, file, rights: Authorisation::ALL, state: State::Begin }
    }

    /// The first command.
    #[must_use]
    pub fn begin(&mut self) -> Command {
        match self.file.sfi {
            Some(sfi) => {
                self.state = State::ReadCvca;
                Command::new(0x00, 0xB0, 0x80 | sfi, 0x00).with_le(EF_CVCA_LENGTH)
            }
            None => self.select(),
        }
    }

    fn select(&mut self) -> Command {
        self.state = State::SelectCvca;
        Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(self.file.fid.to_vec())
    }

    /// Takes the response to the last command.
    ///
    /// # Errors
    /// When the chip refuses, or no path leads from a key that it trusts to the terminal.
    pub fn feed(&mut self, response: &Response) -> Result<TerminalStep, Error> {
        let status = response.status;
        let accepted = |operation| {
            if status.is_success() { Ok(()) } else { Err(Error::Status { operation, status }) }
        };
        match std::mem::replace(&mut self.state, State::Over) {
            State::ReadCvca => {
                let references = references(response.data.expose());
                if !references.is_empty() && (status.is_success() || status == StatusWord::END_OF_FILE) {
                    return self.choose(&references);
                }
                Ok(send(self.select()))
            }
            State::SelectCvca => {
                accepted("SELECT EF.CVCA")?;
                self.state = State::ReadSelectedCvca;
                Ok(send(Command::new(0x00, 0xB0, 0x00, 0x00).with_le(EF_CVCA_LENGTH)))
            }
            State::ReadSelectedCvca => {
                let references = references(response.data.expose());
                if references.is_empty() {
                    return Err(Error::Status { operation: "READ BINARY EF.CVCA", status });
                }
                self.choose(&references)
            }
            State::SetDst(mut rest) => {
                accepted("terminal authentication MSE:Set DST")?;
                let certificate = rest.remove(0);
                let command = Command::new(0x00, 0x2A, 0x00, 0xBE).with_data(certificate.value().to_vec());
                self.state = State::Verify(rest);
                Ok(send(command))
            }
            State::Verify(rest) => {
                accepted("terminal authentication PSO:Verify Certificate")?;
                Ok(self.next_certificate(rest))
            }
            State::SetAt => {
                accepted("terminal authentication MSE:Set AT")?;
                self.state = State::Challenge;
                Ok(send(Command::new(0x00, 0x84, 0x00, 0x00).with_le(8)))
            }
            State::Challenge => {
                accepted("terminal authentication GET CHALLENGE")?;
                if response.data.expose().len() != 8 {
                    let reason = "the challenge is not eight bytes";
                    return Err(Error::Protocol { operation: "terminal authentication", reason });
                }
                let message = [&self.chip_identifier[..], response.data.expose(), &self.terminal_key].concat();
                self.state = State::Signature;
                Ok(TerminalStep::Sign(SigningRequest { algorithm: self.certificates.algorithm(), message }))
            }
            State::External => {
                accepted("terminal authentication EXTERNAL AUTHENTICATE")?;
                Ok(TerminalStep::Done(self.rights))
            }
            State::Begin | State::Signature | State::Over => Err(Error::OutOfOrder),
        }
    }

    /// Takes the signature that was asked for.
    ///
    /// # Errors
    /// When none was asked for.
    pub fn signed(&mut self, signature: &[u8]) -> Result<Command, Error> {
        if !matches!(self.state, State::Signature) {
            return Err(Error::OutOfOrder);
        }
        self.state = State::External;
        Ok(Command::new(0x00, 0x82, 0x00, 0x00).with_data(signature.to_vec()))
    }

    fn choose(&mut self, trusted: &[Vec<u8>]) -> Result<TerminalStep, Error> {
        let reason = "no certificate of the operator leads to a key that the chip trusts";
        let path = self.certificates.path(trusted);
        let (path, rights) = path.ok_or(Error::Protocol { operation: "terminal authentication", reason })?;
        let path = path.into_iter().cloned().collect();
        self.rights = rights;
        Ok(self.next_certificate(path))
    }

    fn next_certificate(&mut self, rest: Vec<CvCertificate>) -> TerminalStep {
        match rest.first() {
            Some(certificate) => {
                let data = encode(0x83, &certificate.authority);
                self.state = State::SetDst(rest);
                send(Command::new(0x00, 0x22, 0x81, 0xB6).with_data(data))
            }
            None => {
                self.state = State::SetAt;
                send(Command::new(0x00, 0x22, 0x81, 0xA4).with_data(encode(0x83, &self.certificates.own().holder)))
            }
        }
    }
}

const fn send(command: Command) -> TerminalStep {
    TerminalStep::Send(command)
}

/// The `42` objects of EF.CVCA; zeros pad the file.
fn references(file: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(file);
    let mut found = Vec::new();
    while let Ok(Some(object)) = reader.next() {
        if object.tag == 0x42 && (1..=16).contains(&object.value.len()) {
            found.push(object.value.to_vec());
        } else {
            break;
        }
    }
    found
}
