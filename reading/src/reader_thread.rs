//! The reader's thread: one read after the other, the reader found again when it was away, the card waited for until
//! it is gone. Kiosk and desk give orders and hear what happens.

use crate::access::AccessKey;
use crate::device::{Device, Happening, Host, Judged, ROUND};
use drivers::reader::ReaderError;
use emrtd::{FileId, Phase, Progress};
use kiosk_ui::portrait::Picture;
use kiosk_ui::state::ReadStep;
use program::Private;
use program::{Failure, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use visit::profile::Profile;

/// A read that is wanted.
struct Order {
    read: u64,
    key: AccessKey,
    profile: Arc<Profile>,
}

/// What happens to the read that counts, and to the reader.
#[derive(Debug)]
pub enum ReaderEvent {
    /// How far it is.
    Progress(ReadStep, u8),
    /// The holder's name is known.
    Name(Private),
    /// More of the portrait can be shown.
    Picture(Arc<Picture>),
    /// The card was lifted; it may be put back.
    Lifted,
    /// The card that lay there is not the wanted one; another is waited for.
    Waiting,
    /// The verdict; its event is on disk.
    Judged(Box<Judged>),
    /// No verdict.
    Failed(Failure),
    /// The card has left the reader.
    Gone,
    /// The reader is there, or away.
    Reader(Option<Failure>),
    /// Events that central has not acknowledged.
    Unsent(u64),
    /// The device's own store failed: nothing goes on.
    Ended(Failure),
}

/// The reader's thread.
pub struct ReaderThread {
    orders: Option<Sender<Order>>,
    wanted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ReaderThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReaderThread(read {})", self.wanted.load(Ordering::Relaxed))
    }
}

/// What a reader says, and of which read.
#[derive(Debug)]
pub struct Said {
    read: Option<u64>,
    told: ReaderEvent,
}

/// How a reader says it.
type Tell<'a> = dyn Fn(Option<u64>, ReaderEvent) + 'a;

impl ReaderThread {
    /// Starts the thread. What it says goes to `tell`, from that thread; whether it still counts says [`Self::counts`].
    #[must_use]
    pub fn start(host: Arc<dyn Host>, tell: impl Fn(Said) + Send + 'static) -> Self {
        let (orders, to_read) = channel();
        let (wanted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (wanted, stop) = (Arc::clone(&wanted), Arc::clone(&stop));
            std::thread::spawn(move || work(&host, &to_read, &|read, told| tell(Said { read, told }), &wanted, &stop))
        };
        Self { orders: Some(orders), wanted, stop, thread: Some(thread) }
    }

    /// What was said, unless it was of a read that is not wanted any more.
    #[must_use]
    pub fn counts(&self, said: Said) -> Option<ReaderEvent> {
        said.read.is_none_or(|read| read == self.wanted.load(Ordering::Relaxed)).then_some(said.told)
    }

    /// Waits for a card and reads it; what was wanted before is not wanted any more.
    pub fn read(&self, key: AccessKey, profile: Arc<Profile>) {
        let read = self.wanted.fetch_add(1, Ordering::Relaxed) + 1;
        // The thread ends only when it has said why.
        if let Some(orders) = &self.orders {
            program::ignore(orders.send(Order { read, key, profile }), "whoever listened has ended");
        }
    }

    /// Does not wait for a card any more.
    pub fn stop_waiting(&self) {
        self.wanted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for ReaderThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            program::ignore(thread.join(), "a panic there has been reported by the runtime");
        }
    }
}

/// That the reader is still looked for.
#[must_use]
pub fn awaited() -> Failure {
    Failure::device("reader_awaited", "the reader is looked for", "wait, or plug the reader in")
}

/// How often the reader is looked for while nobody is served.
const IDLE: Duration = Duration::from_secs(2);

/// Tells that the reader is away, waits until it is there again, and tells that; false at the end.
fn found_again(device: &mut Device, failure: &Failure, tell: &Tell<'_>, stop: &AtomicBool) -> bool {
    tell(None, ReaderEvent::Reader(Some(failure.clone())));
    match device.reopen(stop) {
        Ok(()) => tell(None, ReaderEvent::Reader(None)),
        Err(failure) => {
            tell(None, ReaderEvent::Ended(failure));
            return false;
        }
    }
    true
}

/// Until nobody gives orders.
fn work(host: &Arc<dyn Host>, to_read: &Receiver<Order>, tell: &Tell<'_>, wanted: &AtomicU64, stop: &AtomicBool) {
    let mut device = match Device::start(Arc::clone(host), stop) {
        Ok(device) => device,
        Err(failure) => return tell(None, ReaderEvent::Ended(failure)),
    };
    tell(None, ReaderEvent::Reader(None));
    loop {
        tell(None, ReaderEvent::Unsent(host.unsent()));
        let Order { read, key, profile } = match to_read.recv_timeout(IDLE) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = device.check()
                    && !found_again(&mut device, &error.into(), tell, stop)
                {
                    return;
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        device.work_by(&profile);
        let mut gauge = Gauge::default();
        let current = || !stop.load(Ordering::Relaxed) && wanted.load(Ordering::Relaxed) == read;
        let say = |told| tell(Some(read), told);
        let result = device.read(&key, &|| !current(), &mut |happening| {
            let told = match happening {
                Happening::Judged(judged) => ReaderEvent::Judged(judged),
                Happening::Progress(progress) => {
                    let (step, per_cent) = gauge.read(progress);
                    ReaderEvent::Progress(step, per_cent)
                }
                Happening::Name(name) => ReaderEvent::Name(name),
                Happening::Picture(picture) => ReaderEvent::Picture(Arc::new(picture.clone())),
                Happening::Lifted => ReaderEvent::Lifted,
                Happening::Waiting => {
                    gauge = Gauge::default();
                    ReaderEvent::Waiting
                }
            };
            say(told);
        });
        if let Err(failure) = result {
            tracing::warn!(code = failure.code, "no verdict");
            match failure.exit {
                exit::DEVICE => return tell(None, ReaderEvent::Ended(failure)),
                exit::NO_READER => {
                    say(ReaderEvent::Failed(failure.clone()));
                    if !found_again(&mut device, &failure, tell, stop) {
                        return;
                    }
                }
                _ => say(ReaderEvent::Failed(failure)),
            }
        }
        device.prepare();
        while current() {
            match device.wait_for_removal(ROUND) {
                Ok(false) => {}
                Ok(true) | Err(ReaderError::NoCard) => {
                    say(ReaderEvent::Gone);
                    break;
                }
                // The next read says so.
                Err(_) => break,
            }
        }
    }
}

/// Turns the phases of a session into steps and per cents that never go back, whatever order a chip wants.
#[derive(Default)]
struct Gauge {
    step: Option<ReadStep>,
    per_cent: u8,
}

impl Gauge {
    fn read(&mut self, progress: Progress) -> (ReadStep, u8) {
        let share = |from: usize, wide: usize| {
            let done = progress.total.map_or(0, |total| wide * progress.bytes.min(total) / total.max(1));
            u8::try_from(from + done).unwrap_or(100)
        };
        let (step, per_cent) = match progress.phase {
            Phase::CardAccess => (Some(ReadStep::Connect), 3),
            Phase::Pace | Phase::Bac => (Some(ReadStep::Unlock), 8),
            Phase::SelectApplication => (Some(ReadStep::Unlock), 16),
            Phase::File(FileId::Dg(2)) => (Some(ReadStep::Portrait), share(40, 54)),
            Phase::File(_) => (Some(ReadStep::Text), share(20, 18)),
            // These stand before or after the portrait, a reset anywhere: they move the ring, not the step.
            Phase::Reset | Phase::ActiveAuthentication | Phase::ChipAuthentication | Phase::TerminalAuthentication => {
                (None, 0)
            }
            Phase::Done => (Some(ReadStep::Verify), 98),
        };
        let step = self.step.max(step);
        (self.step, self.per_cent) = (step, self.per_cent.max(per_cent));
        (step.unwrap_or(ReadStep::Connect), self.per_cent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_goes_back() {
        let mut gauge = Gauge::default();
        let at = |phase, bytes, total| Progress::new(phase, bytes, total);
        let order = [
            at(Phase::CardAccess, 0, None),
            at(Phase::Pace, 0, None),
            at(Phase::File(FileId::Dg(14)), 100, Some(100)),
            at(Phase::ChipAuthentication, 0, None),
            at(Phase::File(FileId::Dg(13)), 0, None),
            at(Phase::File(FileId::Dg(2)), 5000, Some(10_000)),
            at(Phase::File(FileId::Dg(15)), 0, Some(100)),
            at(Phase::ActiveAuthentication, 0, None),
            at(Phase::Done, 0, None),
        ];
        let seen: Vec<(ReadStep, u8)> = order.into_iter().map(|progress| gauge.read(progress)).collect();
        assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]), "{seen:?}");
        assert_eq!(seen[5], (ReadStep::Portrait, 67));
        assert_eq!(seen.last(), Some(&(ReadStep::Verify, 98)));
    }
}
