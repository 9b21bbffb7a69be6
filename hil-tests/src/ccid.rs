//! The card's side of QEMU's USB reader (`usb-ccid` with `ccid-card-passthru`): below our software a CCID driver, a USB bus and
//! a reader stand that are none of ours.
//!
//! The protocol is that of libcacard (`vscard_common.h`): a header of three words in network order (kind, reader, length) and
//! a body. QEMU answers what it is told with an error word, which may be "success".

use crate::mirror::lock;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use virtual_card::chip::{ATR, Answer, Chip};

/// Kinds of messages.
const READER_ADD: u32 = 3;
const ATR_OF_CARD: u32 = 5;
const CARD_REMOVE: u32 = 6;
const APDU: u32 = 7;

/// A reader of a machine, and the card on it.
#[derive(Debug)]
pub struct Slot {
    line: UnixStream,
    card: Arc<Mutex<Option<Chip>>>,
}

fn tell(mut line: &UnixStream, kind: u32, body: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    let words: Vec<u8> = [kind, 0, length].into_iter().flat_map(u32::to_be_bytes).collect();
    line.write_all(&[&words, body].concat())
}

fn next(mut line: &UnixStream) -> std::io::Result<(u32, Vec<u8>)> {
    let mut head = [0; 12];
    line.read_exact(&mut head)?;
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let mut body = vec![0; usize::try_from(word(8)).map_err(std::io::Error::other)?];
    line.read_exact(&mut body)?;
    Ok((word(0), body))
}

impl Slot {
    /// Plugs the reader in.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn plug(line: UnixStream) -> anyhow::Result<Self> {
        let card: Arc<Mutex<Option<Chip>>> = Arc::default();
        let (chip, wire) = (Arc::clone(&card), line.try_clone()?);
        std::thread::spawn(move || {
            while let Ok((kind, body)) = next(&wire) {
                if kind != APDU {
                    continue;
                }
                let answer = lock(&chip).as_mut().map(|chip| chip.transmit(&body));
                // Without a card QEMU itself answers the reader.
                let said = match answer {
                    Some(Answer::Response(bytes)) => tell(&wire, APDU, &bytes),
                    Some(Answer::Lifted) => tell(&wire, CARD_REMOVE, &[]),
                    None => Ok(()),
                };
                if said.is_err() {
                    return;
                }
            }
        });
        tell(&line, READER_ADD, &[])?;
        Ok(Self { line, card })
    }

    /// Lays a card down.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn lay(&self, chip: Chip) -> anyhow::Result<()> {
        *lock(&self.card) = Some(chip);
        Ok(tell(&self.line, ATR_OF_CARD, &ATR)?)
    }

    /// Takes the card away.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn lift(&self) -> anyhow::Result<()> {
        *lock(&self.card) = None;
        Ok(tell(&self.line, CARD_REMOVE, &[])?)
    }

    /// The field goes out, as it does while the machine sleeps: the chip forgets its session. QEMU does not tell of it.
    pub fn darken(&self) {
        if let Some(chip) = lock(&self.card).as_mut() {
            chip.reset();
        }
    }
}
