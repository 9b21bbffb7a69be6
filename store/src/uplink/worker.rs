//! The uplink in a thread of its own, so that a dead network never holds up a read.

use super::https::Https;
use super::machine::{Answer, Machine, Note, Step};
use crate::outbox::{Outbox, OutboxError};
use crate::receipts::Took;
use emrtd::{Entropy as _, SystemEntropy};
use events::Clock;
use events::sync::Receipt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tlog::Keys;

/// What the worker is told.
enum Message {
    /// An event was appended.
    Appended,
    /// Send what is there within this time, then end.
    Stop(Duration),
}

/// A running uplink.
#[derive(Debug)]
pub struct Worker {
    messages: Sender<Message>,
    thread: JoinHandle<Result<(), OutboxError>>,
}

/// How often an idle worker looks by itself; appends wake it anyway.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long after its start, or after an answer that did not come, an idle worker asks where central stands.
const FIRST_QUESTION: Duration = Duration::from_secs(600);
/// And how long after each answer: a central that was restored hears of it within this time from everybody, and gets what it lost.
const QUESTION: Duration = Duration::from_secs(6 * 3600);

impl Worker {
    /// Starts sending the outbox at `path`. `on_receipt` is told of every receipt. With the table of keys of central's log its
    /// receipts are checked and kept.
    ///
    /// # Errors
    /// When the outbox cannot be opened.
    pub fn start(
        path: &Path,
        https: Https,
        clock: Arc<dyn Clock>,
        keys: Option<Keys>,
        on_receipt: impl Fn(&Receipt) + Send + 'static,
    ) -> Result<Self, OutboxError> {
        let outbox = Outbox::open(path)?;
        let (messages, inbox) = channel();
        let thread = std::thread::spawn(move || {
            let result = work(outbox, &https, &*clock, keys.as_ref(), &inbox, &on_receipt);
            if let Err(error) = &result {
                tracing::error!(code = error.code(), "the uplink has ended: {}", program::describe(error));
            }
            result
        });
        Ok(Self { messages, thread })
    }

    /// Says that an event was appended.
    pub fn wake(&self) {
        program::ignore(self.messages.send(Message::Appended), "a worker that ended has told why already");
    }

    /// Sends what is pending within `patience` and ends.
    ///
    /// # Errors
    /// When the outbox failed.
    pub fn stop(self, patience: Duration) -> Result<(), OutboxError> {
        program::ignore(self.messages.send(Message::Stop(patience)), "whoever listened has ended");
        self.thread.join().unwrap_or(Ok(()))
    }
}

fn work(
    mut outbox: Outbox,
    https: &Https,
    clock: &dyn Clock,
    keys: Option<&Keys>,
    inbox: &Receiver<Message>,
    on_receipt: &dyn Fn(&Receipt),
) -> Result<(), OutboxError> {
    let mut machine = Machine::default();
    let mut deadline = None;
    let mut question = clock.monotonic() + FIRST_QUESTION;
    loop {
        let now = clock.monotonic();
        let pending = outbox.pending(machine.batch())?;
        if deadline.is_some_and(|end| now >= end || pending.is_empty()) {
            return Ok(());
        }
        let step = match machine.next(now, !pending.is_empty()) {
            // An empty batch is answered as any other: with how far central has this device's events.
            Step::Idle if now >= question => Step::Send,
            step => step,
        };
        let wait = match step {
            Step::Send => {
                machine.sending(now);
                let seen = keys.map(|keys| outbox.seen_header(keys)).transpose()?.flatten();
                let answer = https.send(&pending, seen.as_deref());
                let answered = matches!(answer, Answer::Receipt(_));
                question = clock.monotonic() + if answered { QUESTION } else { FIRST_QUESTION };
                let mut jitter = [0];
                // Without randomness devices retry in step, which is no reason not to retry.
                SystemEntropy.fill(&mut jitter).unwrap_or_default();
                match &answer {
                    Answer::Receipt(receipt) => {
                        for refused in &receipt.refused {
                            tracing::error!(
                                code = refused.code,
                                event = refused.sequence,
                                "central cannot read an event"
                            );
                            outbox.note_refused(refused)?;
                        }
                        if let Some(keys) = keys {
                            take(&mut outbox, keys, receipt, clock.wall())?;
                        }
                        if !pending.is_empty() {
                            on_receipt(receipt);
                        }
                    }
                    Answer::Refusal(refusal) => tracing::error!(
                        code = refusal.code,
                        remedy = refusal.remedy,
                        "central refused events: {}",
                        refusal.message
                    ),
                    Answer::Unreachable { .. } | Answer::TimedOut => {}
                }
                if let Note::Acknowledged(committed) = machine.feed(clock.monotonic(), jitter[0], answer) {
                    outbox.acknowledge(committed, clock.wall())?;
                }
                continue;
            }
            Step::WaitUntil(then) => then.saturating_sub(now),
            Step::Idle => HEARTBEAT,
        };
        let wait = deadline.map_or(wait, |end: Duration| wait.min(end.saturating_sub(now)));
        match inbox.recv_timeout(wait) {
            Ok(Message::Appended) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Stop(patience)) => deadline = Some(clock.monotonic() + patience),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Keeps what central's log says of the events, or why it is not believed. Events are acknowledged either way: whether central has
/// them does not hang on its log.
fn take(outbox: &mut Outbox, keys: &Keys, receipt: &Receipt, at: i64) -> Result<(), OutboxError> {
    match outbox.take_receipt(keys, receipt.log.as_ref(), at)? {
        Took::Kept(size) => tracing::info!(size, "central's log has the events"),
        Took::Refused(error) => {
            tracing::error!(code = error.code(), remedy = error.remedy(), "central's log is not believed: {error}");
        }
    }
    Ok(())
}
