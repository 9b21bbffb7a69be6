//! Readers through libnfc: the PN532 and its relatives on UART, SPI, I2C or USB.
//!
//! `libnfc:CONNSTRING`, for example `libnfc:pn532_uart:/dev/ttyUSB0`, `libnfc:pn532_spi:/dev/spidev0.0:500000`,
//! `libnfc:pn532_i2c:/dev/i2c-1` or `libnfc:pn53x_usb`. These chips carry 262 bytes of an answer at most: cards are read
//! in short APDUs.

use super::{Card, Reader, ReaderError};
use crate::device::DeviceError;
use nfc1::target_info::TargetInfo;
use nfc1::{BaudRate, Context, Device, Error, Modulation, ModulationType, Timeout};
use rustix::fs::Access;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A card has this long to answer; signatures take the longest.
const ANSWER: Duration = Duration::from_secs(5);

/// Pause between two looks for a card.
const ROUND: Duration = Duration::from_millis(50);

/// The longest pause between two tries to open a reader, in rounds. The crate keeps a kilobyte of each try.
const LONGEST_PAUSE: u32 = 600;

/// A reader through libnfc.
#[derive(Debug, Clone)]
pub struct LibnfcReader {
    connstring: String,
    chip: Arc<Mutex<Chip>>,
}

/// Reader and card share it.
struct Chip {
    // Before the context, which it needs until it is closed.
    device: Option<Device>,
    context: Option<Context>,
    /// Changes with every card, so that an old connection does not talk to a new card.
    generation: u64,
    /// Rounds until the next try to open it, and the pause after that.
    pause: (u32, u32),
}

impl std::fmt::Debug for Chip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chip(open: {})", self.device.is_some())
    }
}

impl LibnfcReader {
    /// Opens the reader that a connection string names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(connstring: &str) -> Result<Self, ReaderError> {
        let chip = Chip { device: None, context: None, generation: 0, pause: (0, 1) };
        let reader = Self { connstring: connstring.to_owned(), chip: Arc::new(Mutex::new(chip)) };
        reader.device(&mut reader.lock())?;
        Ok(reader)
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.chip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn absent(&self) -> ReaderError {
        ReaderError::NoReader { wanted: self.connstring.clone(), attached: "not known by libnfc".to_owned() }
    }

    /// The open device, with its field on.
    fn device<'a>(&self, chip: &'a mut Chip) -> Result<&'a mut Device, ReaderError> {
        if chip.device.is_none() {
            let path = self.connstring.split(':').find(|part| part.starts_with('/'));
            // libnfc says the same of a node that is absent and of one that is denied.
            let open = path.map_or(Ok(()), |path| rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK));
            let open = open.map_err(|why| DeviceError::from_io(path.unwrap_or_default(), &why.into()));
            if let Err(denied @ DeviceError::Denied { .. }) = open {
                return Err(ReaderError::Denied(denied));
            }
            if open.is_err() || chip.pause.0 > 0 {
                chip.pause.0 = chip.pause.0.saturating_sub(1);
                return Err(self.absent());
            }
            chip.pause = (chip.pause.1, (chip.pause.1 * 2).min(LONGEST_PAUSE));
            let mut context = Context::new().map_err(|e| ReaderError::Communication(e.to_string()))?;
            let mut device = context.open_with_connstring(&self.connstring).map_err(|_| self.absent())?;
            device.initiator_init().map_err(|e| ReaderError::Communication(e.to_string()))?;
            (chip.context, chip.device, chip.pause) = (Some(context), Some(device), (0, 1));
        }
        chip.device.as_mut().ok_or_else(|| self.absent())
    }

    /// What a failure of the reader itself leaves behind.
    fn lost(chip: &mut Chip) -> ReaderError {
        (chip.device, chip.context) = (None, None);
        chip.generation += 1;
        ReaderError::ReaderLost
    }

    /// Looks for a card once and powers it; gives its ATR.
    fn look(&self) -> Result<Option<Vec<u8>>, ReaderError> {
        let mut chip = self.lock();
        for modulation_type in [ModulationType::Iso14443a, ModulationType::Iso14443b] {
            let modulation = Modulation { modulation_type, baud_rate: BaudRate::Baud106 };
            let found = self.device(&mut chip)?.initiator_list_passive_targets(&modulation, 1);
            let found = match found {
                Ok(found) => found,
                Err(Error::Io | Error::NoSuchDeviceFound | Error::Chip) => return Err(Self::lost(&mut chip)),
                Err(_) => continue,
            };
            if let Some(atr) = found.first().and_then(|target| atr(&target.target_info)) {
                chip.generation += 1;
                return Ok(Some(atr));
            }
        }
        Ok(None)
    }
}

/// The ATR that a PC/SC reader would make of a contactless card (PC/SC part 3, 3.1.3.2.3.1); `None` where there is no
/// card that speaks ISO/IEC 14443-4.
fn atr(target: &TargetInfo) -> Option<Vec<u8>> {
    let historical = match target {
        TargetInfo::Iso14443a(card) if card.uid_len > 0 && card.sak & 0x20 != 0 => {
            nfc1::iso14443a_locate_historical_bytes(card.ats.get(..card.ats_len)?).unwrap_or_default().to_vec()
        }
        // Application data, protocol info, and the higher nibble of MBLI.
        TargetInfo::Iso14443b(card) if card.pupi != [0; 4] => {
            [&card.application_data[..], &card.protocol_info[..], &[0]].concat()
        }
        _ => return None,
    };
    let historical = historical.get(..historical.len().min(15))?;
    let mut atr = vec![0x3B, 0x80 | u8::try_from(historical.len()).ok()?, 0x80, 0x01];
    atr.extend_from_slice(historical);
    atr.push(atr[1..].iter().fold(0, |check, byte| check ^ byte));
    Some(atr)
}

impl Reader for LibnfcReader {
    fn name(&self) -> String {
        self.connstring.clone()
    }

    fn check(&mut self) -> Result<(), ReaderError> {
        // Only an answer shows that it is there.
        self.look().map(drop)
    }

    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError> {
        let mut left = timeout;
        loop {
            if let Some(atr) = self.look()? {
                let generation = self.lock().generation;
                return Ok(Box::new(LibnfcCard { reader: self.clone(), generation, atr }));
            }
            if left.is_zero() {
                return Err(ReaderError::NoCard);
            }
            std::thread::park_timeout(ROUND.min(left));
            left = left.saturating_sub(ROUND);
        }
    }

    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        let mut left = timeout;
        loop {
            // The lock is given back before the next look takes it.
            let asked = self.device(&mut self.lock())?.initiator_target_is_present_any();
            let present = match asked {
                Ok(()) => true,
                // No card was selected before: is one there?
                Err(Error::InvalidArgument) => self.look()?.is_some(),
                Err(Error::Io | Error::NoSuchDeviceFound) => return Err(Self::lost(&mut self.lock())),
                Err(_) => false,
            };
            if !present {
                self.lock().generation += 1;
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::park_timeout(ROUND.min(left));
            left = left.saturating_sub(ROUND);
        }
    }
}

struct LibnfcCard {
    reader: LibnfcReader,
    generation: u64,
    atr: Vec<u8>,
}

impl Card for LibnfcCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn max_response(&self) -> u32 {
        256
    }

    fn reset(&mut self) -> Result<(), ReaderError> {
        if self.reader.lock().generation != self.generation {
            return Err(ReaderError::CardLifted);
        }
        {
            // The field off and on again: whatever was selected or opened is forgotten.
            let mut chip = self.reader.lock();
            let device = self.reader.device(&mut chip)?;
            device.initiator_init().map_err(|e| ReaderError::Communication(e.to_string()))?;
        }
        match self.reader.look()? {
            Some(atr) if atr == self.atr => {
                self.generation = self.reader.lock().generation;
                Ok(())
            }
            _ => Err(ReaderError::CardLifted),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let mut chip = self.reader.lock();
        if chip.generation != self.generation {
            return Err(ReaderError::CardLifted);
        }
        let device = self.reader.device(&mut chip)?;
        match device.initiator_transceive_bytes(command, 264, Timeout::Duration(ANSWER)) {
            Ok(answer) if answer.len() >= 2 => Ok(answer),
            Ok(_) => Err(ReaderError::Communication("the answer is shorter than two bytes".to_owned())),
            Err(Error::Io | Error::NoSuchDeviceFound) => Err(LibnfcReader::lost(&mut chip)),
            Err(Error::RfTransmissionError | Error::TargetReleased | Error::Timeout | Error::MifareAuthFailed) => {
                chip.generation += 1;
                Err(ReaderError::CardLifted)
            }
            Err(error) => Err(ReaderError::Communication(error.to_string())),
        }
    }
}

impl Drop for LibnfcCard {
    fn drop(&mut self) {
        let mut chip = self.reader.lock();
        if chip.generation == self.generation
            && let Some(device) = &mut chip.device
            && device.initiator_init().is_err()
        {
            // The next one finds the card powered anew, or opens the reader anew.
            LibnfcReader::lost(&mut chip);
        }
    }
}
