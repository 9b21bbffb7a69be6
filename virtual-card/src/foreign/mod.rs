//! Cards of other hands: makes of chip with a dispatcher and a file system of their own, so that our card's mistakes
//! are not theirs. They share a persona's files and keys and the ciphers with [`Chip`](crate::Chip), nothing else.

mod javacard;
mod python;
mod simulator;

use crate::card_sm::{CardSm, Family, cbc, derive, mac, pad};
use crate::fault::Fault;
use crate::make::Make;
use crate::persona::Persona;
use crate::personalise::{Card, PersonaliseError};
use crate::vpcd::VpcdCard;
use openssl::hash::{MessageDigest, hash};
use openssl::symm::Mode;

/// A make of another hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// Identifier on the command line.
    pub id: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// What chip authentication it does, by the make that writes its EF.DG14.
    make: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    JavaCard { keeps_session: bool },
    Python,
    Simulator,
}

/// All of them.
pub const FOREIGN: [Foreign; 4] = [
    Foreign {
        id: "javacard",
        about: "an applet: selected before PACE, P2 = 00, no SFI, 6Cxx at the end of files; errors end the session",
        make: "ca-kat",
        kind: Kind::JavaCard { keeps_session: false },
    },
    Foreign {
        id: "javacard-keep",
        about: "the same with protected errors",
        make: "ca-kat",
        kind: Kind::JavaCard { keeps_session: true },
    },
    Foreign {
        id: "python",
        about: "BAC only; 6282 at the end of files, 61xx and GET RESPONSE for signatures",
        make: "ca-kat",
        kind: Kind::Python,
    },
    Foreign {
        id: "simulator",
        about: "PACE only; at most 4,000 bytes of data in an answer",
        make: "cccd",
        kind: Kind::Simulator,
    },
];

impl Foreign {
    /// By identifier.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        FOREIGN.iter().find(|foreign| foreign.id == id)
    }

    /// The card of a persona, of this make.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn card(&self, persona: &Persona) -> Result<Box<dyn VpcdCard>, PersonaliseError> {
        let make = Make::find(self.make).copied().unwrap_or_default();
        let card = Card::with_make(persona, Fault::None, make)?;
        Ok(match self.kind {
            Kind::JavaCard { keeps_session } => Box::new(javacard::JavaCard::new(card, keeps_session)),
            Kind::Python => Box::new(python::PythonCard::new(card)),
            Kind::Simulator => Box::new(simulator::Simulator::new(card)),
        })
    }
}

/// What a command yields: data, or a status word.
type Answer = Result<Vec<u8>, u16>;

fn broken(_: openssl::error::ErrorStack) -> u16 {
    0x6F00
}

/// The chip's side of BAC (ICAO 9303-11 §4.3.3): the answer, and the session.
fn mutual_authenticate(card: &Card, nonce: &[u8], data: &[u8]) -> Result<(Vec<u8>, CardSm), u16> {
    const CIPHER: Family = Family::TripleDes;
    let (cryptogram, checksum) = data.split_at_checked(32).filter(|(_, sum)| sum.len() == 8).ok_or(0x6700u16)?;
    let run = || {
        let seed = hash(MessageDigest::sha1(), card.mrz_information.as_bytes())?;
        let k_enc = derive(CIPHER, &seed[..16], 1)?;
        let k_mac = derive(CIPHER, &seed[..16], 2)?;
        let right = mac(CIPHER, &k_mac, &pad(cryptogram, 8))? == checksum;
        let terminal = cbc(CIPHER, Mode::Decrypt, &k_enc, &[0; 8], cryptogram)?;
        if !right || &terminal[8..16] != nonce {
            return Ok(None);
        }
        let mut k_icc = [0; 16];
        openssl::rand::rand_bytes(&mut k_icc)?;
        let mut plain = nonce.to_vec();
        plain.extend(&terminal[..8]);
        plain.extend(k_icc);
        let mut answer = cbc(CIPHER, Mode::Encrypt, &k_enc, &[0; 8], &plain)?;
        answer.extend(mac(CIPHER, &k_mac, &pad(&answer, 8))?);
        for (own, other) in k_icc.iter_mut().zip(&terminal[16..]) {
            *own ^= other;
        }
        let counter = [&nonce[4..8], &terminal[4..8]].concat();
        Ok(Some((answer, CardSm::new(CIPHER, &k_icc, Some(counter))?)))
    };
    run().map_err(broken)?.ok_or(0x6300)
}
