//! Readers by their names, and what is asked of a card.

use crate::simulated;
use drivers::reader::Reader;
use drivers::reader::pcsc::PcscReader;
use emrtd::{AccessPolicy, Plan};
use program::Failure;

/// A reader by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderName<'a> {
    /// PC/SC, with a part of the slot's name.
    Pcsc(&'a str),
    /// libnfc, with its connection string.
    Libnfc(&'a str),
    /// A virtual card.
    Simulated(&'a str),
}

impl<'a> ReaderName<'a> {
    /// Reads a name.
    ///
    /// # Errors
    /// When there is no such kind of reader.
    pub fn parse(text: &'a str) -> Result<Self, Failure> {
        match text.split_once(':') {
            None if text == "pcsc" => Ok(Self::Pcsc("")),
            Some(("pcsc", name)) => Ok(Self::Pcsc(name)),
            Some(("libnfc", connstring)) => Ok(Self::Libnfc(connstring)),
            Some(("sim", persona)) => Ok(Self::Simulated(persona)),
            _ => Err(Failure::usage(
                "reader_unknown",
                format!("no kind of reader is called {text:?}"),
                "use pcsc, pcsc:SUBSTRING, libnfc:CONNSTRING or sim:PERSONA",
            )),
        }
    }

    /// What can be known of it without opening it.
    ///
    /// # Errors
    /// When there is no such virtual card.
    pub fn check(self) -> Result<(), Failure> {
        match self {
            Self::Simulated(persona) => simulated::chip(persona).map(drop),
            Self::Pcsc(_) | Self::Libnfc(_) => Ok(()),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(self) -> Result<Box<dyn Reader>, Failure> {
        Ok(match self {
            Self::Pcsc(name) => Box::new(PcscReader::open(name)?),
            #[cfg(feature = "libnfc")]
            Self::Libnfc(connstring) => Box::new(drivers::reader::libnfc::LibnfcReader::open(connstring)?),
            #[cfg(not(feature = "libnfc"))]
            Self::Libnfc(connstring) => {
                let message = format!("libnfc:{connstring}: {}", program::without("libnfc"));
                return Err(Failure::usage("reader_unknown", message, "use pcsc, or the packages' agent"));
            }
            Self::Simulated(persona) => Box::new(simulated::reader(persona)?),
        })
    }
}

/// Opens a reader from its name.
///
/// # Errors
/// When it is misspelt or not there.
pub fn open(specification: &str) -> Result<Box<dyn Reader>, Failure> {
    ReaderName::parse(specification)?.open()
}

/// What to read of a CCCD.
#[must_use]
pub fn plan(access: AccessPolicy, passwords: Vec<emrtd::Password>, data_groups: &[u8]) -> Plan {
    let card_access_fallback = Some(cccd::access::CARD_ACCESS.to_vec());
    Plan::new(passwords, data_groups).with_access(access).with_card_access_fallback(card_access_fallback)
}
