//! Readers through PC/SC (pcscd): every reader whose name contains a text, or all of them, watched together.

use super::{Card, Reader, ReaderError, announces_extended_length};
use pcsc::{Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Readers of the PC/SC service. Readers may come and go while it waits.
pub struct PcscReader {
    context: Context,
    /// Part of the names to watch; empty for all.
    wanted: String,
    /// Set when a card was lost, until the next one is powered anew.
    lost: Arc<AtomicBool>,
}

impl std::fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PcscReader({:?})", self.wanted)
    }
}

/// How often the list of readers is looked at while waiting; pcscd also wakes the wait when one is plugged in.
const ROUND: Duration = Duration::from_millis(500);

impl PcscReader {
    /// Watches the readers whose name contains `wanted`; all with an empty text.
    ///
    /// # Errors
    /// When the service is not there, or no such reader is attached now.
    pub fn open(wanted: &str) -> Result<Self, ReaderError> {
        let reader = Self { context: establish()?, wanted: wanted.to_owned(), lost: Arc::default() };
        if reader.matching()?.is_empty() {
            return Err(reader.no_reader());
        }
        Ok(reader)
    }

    /// Names of all attached readers.
    ///
    /// # Errors
    /// When the service is not there.
    pub fn attached() -> Result<Vec<String>, ReaderError> {
        let names = list(&establish()?)?;
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn matching(&self) -> Result<Vec<CString>, ReaderError> {
        let mut names = list(&self.context)?;
        names.retain(|name| name.to_string_lossy().contains(&self.wanted));
        Ok(names)
    }

    fn no_reader(&self) -> ReaderError {
        let names = list(&self.context).unwrap_or_default();
        let attached = names.iter().map(|n| n.to_string_lossy()).collect::<Vec<_>>().join(", ");
        let wanted = if self.wanted.is_empty() { "(any)".to_owned() } else { format!("{:?}", self.wanted) };
        ReaderError::NoReader { wanted, attached: if attached.is_empty() { "none".to_owned() } else { attached } }
    }

    /// Waits until `done` finds what it looks for among the states of the matching readers. A restarted service
    /// and readers that are plugged in meanwhile are picked up.
    fn watch<T>(
        &mut self,
        timeout: Duration,
        mut done: impl FnMut(&[ReaderState]) -> Option<T>,
    ) -> Result<Option<T>, ReaderError> {
        let mut left = timeout;
        loop {
            let names = match self.matching() {
                Err(ReaderError::NoService) => {
                    self.context = establish()?;
                    self.matching()?
                }
                names => names?,
            };
            let mut states: Vec<_> = names.into_iter().map(|n| ReaderState::new(n, State::UNAWARE)).collect();
            if !states.is_empty() {
                match self.context.get_status_change(Duration::ZERO, &mut states) {
                    Ok(()) | Err(Error::Timeout) => {}
                    Err(Error::UnknownReader) => continue,
                    Err(error) => return Err(translate(error)),
                }
            }
            if let Some(found) = done(&states) {
                return Ok(Some(found));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let round = left.min(ROUND);
            left -= round;
            // The pseudo reader wakes the wait when a reader is attached or removed.
            states.push(ReaderState::new(pcsc::PNP_NOTIFICATION(), State::UNAWARE));
            for state in &mut states {
                state.sync_current_state();
            }
            match self.context.get_status_change(round, &mut states) {
                Ok(()) | Err(Error::Timeout | Error::UnknownReader) => {}
                Err(error) => match translate(error) {
                    // Seen again at the top of the loop, which tries to connect anew.
                    ReaderError::NoService => {}
                    error => return Err(error),
                },
            }
        }
    }
}

impl Reader for PcscReader {
    fn name(&self) -> String {
        if self.wanted.is_empty() { "PC/SC".to_owned() } else { format!("PC/SC {:?}", self.wanted) }
    }

    fn check(&mut self) -> Result<(), ReaderError> {
        let names = match self.matching() {
            // A service that was started anew wants a new connection.
            Err(ReaderError::NoService) => {
                self.context = establish()?;
                self.matching()?
            }
            names => names?,
        };
        if names.is_empty() { Err(self.no_reader()) } else { Ok(()) }
    }

    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError> {
        let present = |states: &[ReaderState]| {
            states.iter().find(|s| s.event_state().contains(State::PRESENT)).map(|state| state.name().to_owned())
        };
        let mut left = timeout;
        if self.lost.load(Ordering::Relaxed) {
            // Powering a card that is gone confuses the service for good, so it is given time to look for itself. When
            // it has seen the reader empty, the next card is an ordinary one; a card put back sooner is powered anew.
            if self.watch(NOTICE.min(left), is_empty)?.is_some() {
                self.lost.store(false, Ordering::Relaxed);
            }
            left = left.saturating_sub(NOTICE);
        }
        loop {
            let Some(name) = self.watch(left, present)? else {
                let empty = self.matching()?.is_empty();
                return Err(if empty { self.no_reader() } else { ReaderError::NoCard });
            };
            match self.connect(&name) {
                // The card left again, or does not answer yet.
                Err(ReaderError::CardLifted) if left > SETTLE => {
                    left -= SETTLE;
                    self.watch(SETTLE, |_| None::<()>)?;
                }
                Err(ReaderError::CardLifted) => return Err(ReaderError::NoCard),
                card => return card.map(|card| Box::new(card) as Box<dyn Card>),
            }
        }
    }

    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        Ok(self.watch(timeout, is_empty)?.is_some())
    }
}

/// A card that vanished under a command is neither present nor empty until the service looks again.
fn is_empty(states: &[ReaderState]) -> Option<()> {
    states.iter().all(|s| s.event_state().intersects(State::EMPTY | State::UNAVAILABLE)).then_some(())
}

/// Between two tries to connect to a card that does not answer.
const SETTLE: Duration = Duration::from_millis(200);

/// pcscd looks at its readers every 400 ms; within this time it has noticed an empty one.
const NOTICE: Duration = Duration::from_millis(1000);

impl PcscReader {
    /// Connects for this program alone: nobody may speak into an open session.
    fn connect(&self, name: &CStr) -> Result<PcscCard, ReaderError> {
        let mut card = self.context.connect(name, ShareMode::Exclusive, Protocols::ANY).map_err(translate)?;
        if self.lost.load(Ordering::Relaxed) {
            // The service may still hold the state of the card that was lost: this one is powered anew.
            if let Err(error) = card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard) {
                leave(card);
                return Err(translate(error));
            }
            self.lost.store(false, Ordering::Relaxed);
        }
        let atr = card.status2_owned().map_err(translate)?.atr().to_vec();
        let by_reader = max_apdu_data(&card);
        let by_card = if announces_extended_length(&atr) == Some(false) { 256 } else { 65_536 };
        let max_response = by_reader.map_or(by_card, |reader| reader.clamp(256, by_card));
        let lost = Arc::clone(&self.lost);
        Ok(PcscCard { card: Some(card), atr, max_response, buffer: vec![0; BUFFER], lost })
    }
}

fn establish() -> Result<Context, ReaderError> {
    Context::establish(Scope::System).map_err(translate)
}

fn list(context: &Context) -> Result<Vec<CString>, ReaderError> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names),
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(translate(error)),
    }
}

fn translate(error: Error) -> ReaderError {
    match error {
        Error::NoService | Error::ServiceStopped | Error::InvalidHandle => ReaderError::NoService,
        Error::NoSmartcard
        | Error::RemovedCard
        | Error::ResetCard
        | Error::UnpoweredCard
        | Error::UnresponsiveCard
        | Error::NotTransacted => ReaderError::CardLifted,
        Error::UnknownReader | Error::ReaderUnavailable => ReaderError::ReaderLost,
        Error::SharingViolation => ReaderError::CardInUse,
        Error::Timeout => ReaderError::NoCard,
        other => ReaderError::Communication(other.to_string()),
    }
}

/// The largest response of an extended APDU with status bytes.
const BUFFER: usize = 65_536 + 2;

struct PcscCard {
    card: Option<pcsc::Card>,
    atr: Vec<u8>,
    max_response: u32,
    buffer: Vec<u8>,
    lost: Arc<AtomicBool>,
}

/// dwMaxAPDUDataSize of the reader (PC/SC part 10 §2.6.14), when it says.
fn max_apdu_data(card: &pcsc::Card) -> Option<u32> {
    const GET_FEATURES: u32 = 3400;
    const FEATURE_PROPERTIES: u8 = 0x12;
    const MAX_APDU_DATA_SIZE: u8 = 0x0A;
    let mut buffer = [0; 264];
    let features = card.control(pcsc::ctl_code(GET_FEATURES.into()), &[], &mut buffer).ok()?;
    let code = object(features, FEATURE_PROPERTIES)?;
    let code = u32::from_be_bytes(code.try_into().ok()?);
    let mut buffer = [0; 264];
    let properties = card.control(code.into(), &[], &mut buffer).ok()?;
    let value = object(properties, MAX_APDU_DATA_SIZE)?;
    Some(u32::from_le_bytes(value.try_into().ok()?))
}

/// The value of a tag in a list of one-byte tags and lengths.
fn object(mut list: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [tag, length, rest @ ..] = list {
        let value = rest.get(..usize::from(*length))?;
        if *tag == wanted {
            return Some(value);
        }
        list = &rest[usize::from(*length)..];
    }
    None
}

impl Card for PcscCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn max_response(&self) -> u32 {
        self.max_response
    }

    fn reset(&mut self) -> Result<(), ReaderError> {
        let card = self.card.as_mut().ok_or(ReaderError::CardLifted)?;
        let reset = card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::ResetCard);
        reset.map_err(|error| self.diagnose(translate(error)))
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let card = self.card.as_ref().ok_or(ReaderError::CardLifted)?;
        let error = match card.transmit(command, &mut self.buffer) {
            Ok(answer) if answer.len() >= 2 => return Ok(answer.to_vec()),
            // Some drivers report success and nothing when the card leaves under a command; no card answers that.
            Ok(_) => ReaderError::CardLifted,
            Err(error) => translate(error),
        };
        Err(self.diagnose(error))
    }
}

impl PcscCard {
    /// Drivers report a vanished card in many ways; what the reader says of the slot decides.
    fn diagnose(&mut self, mut error: ReaderError) -> ReaderError {
        if let ReaderError::Communication(_) = error {
            let status = self.card.as_ref().map(|card| card.status2_owned());
            if !matches!(status, Some(Ok(status)) if status.status().contains(pcsc::Status::PRESENT)) {
                error = ReaderError::CardLifted;
            }
        }
        if error == ReaderError::CardLifted {
            self.lost.store(true, Ordering::Relaxed);
            // The handle would talk to the next card.
            if let Some(card) = self.card.take() {
                leave(card);
            }
        }
        error
    }
}

/// Lets go of a card that is gone. A reset, which is what dropping the handle asks for, would fail and leave the
/// reader mute.
fn leave(card: pcsc::Card) {
    if let Err((_, _gone)) = card.disconnect(Disposition::LeaveCard) {}
}

impl Drop for PcscCard {
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            // The chip must forget its session; there is nobody left to tell when it is gone already.
            if let Err((_, _error)) = card.disconnect(Disposition::ResetCard) {}
        }
        zeroize::Zeroize::zeroize(&mut self.buffer);
    }
}
