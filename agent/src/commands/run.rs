//! `cccd-agent run`: the device at work. A line on standard input is a scan (a QR code) or a typed number; it arms
//! one read. Each verdict becomes a signed event on disk and is sent to central.
//!
//! Standard output carries one JSON object a line, without personal data; `docs/cli.md` lists them. End of input,
//! SIGTERM and SIGINT end the process after the read at hand and after pending events had their chance.

use crate::access::{self, AccessKey};
use crate::anchors;
use crate::commands::{now, open_reader, plan, print_json};
use crate::config::Config;
use crate::failure::{Failure, exit};
use crate::outbox::{Outbox, OutboxError};
use crate::profile::Profile;
use crate::read::{self, Hooks};
use crate::recorder::{EVENT_KEY, Recorder};
use crate::report;
use crate::terminal::{Inspection, Terminal};
use crate::uplink::https::Https;
use crate::uplink::worker::Worker;
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore, sealed};
use drivers::reader::Reader;
use emrtd::secret::{Entropy as _, SystemEntropy};
use emrtd::session::AccessPolicy;
use events::event::Bytes;
use events::{Clock, SystemClock};
use serde_json::json;
use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a scan waits for its card.
const CARD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a card that was lifted during a read may stay away.
const RESUME_PATIENCE: Duration = Duration::from_secs(5);
/// How long pending events are sent after the end.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the stop signal is looked at.
const ROUND: Duration = Duration::from_millis(200);

fn device_failure(error: &OutboxError) -> Failure {
    let remedy = match error.code() {
        "outbox_disk_full" => "free space on the device; nothing was lost",
        _ => "check the disk and the state directory; nothing was lost",
    };
    Failure::device(error.code(), emrtd::error::describe(error), remedy)
}

struct Device {
    reader: Box<dyn Reader>,
    terminal: Terminal,
    recorder: Recorder,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    uplink: Option<Worker>,
}

/// Runs the device until it is told to stop.
///
/// # Errors
/// When it cannot start, or its own store fails.
pub fn run(config: &Path) -> Result<u8, Failure> {
    let config = Config::load(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|e| Failure::device("signals", e.to_string(), "report this as a bug"))?;
    }
    let mut device = match Device::start(&config, clock, &stop) {
        // Told to stop while there was no reader: nothing was under way.
        Err(failure) if failure.exit == exit::NO_READER && stop.load(Ordering::Relaxed) => return Ok(0),
        device => device?,
    };
    tracing::info!(device = config.device, profile = config.profile, reader = device.reader.name(), "ready");
    print_json(&json!({ "ready": true }), false)?;
    let scans = scans();
    while !stop.load(Ordering::Relaxed) {
        match scans.recv_timeout(ROUND) {
            Ok(line) => device.scan(&line, &stop)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    tracing::info!("stopping");
    device.finish()?;
    Ok(0)
}

/// A device may be switched on before its reader or pcscd: it says what it waits for, and waits.
fn wait_for_reader(specification: &str, stop: &AtomicBool) -> Result<Box<dyn Reader>, Failure> {
    let mut said = String::new();
    loop {
        match open_reader(specification) {
            Err(failure) if failure.exit == exit::NO_READER && !stop.load(Ordering::Relaxed) => {
                if said != failure.code {
                    tracing::warn!(code = failure.code, remedy = failure.remedy, "waiting: {}", failure.message);
                    print_json(&json!({ "waiting": failure }), false)?;
                    said = failure.code;
                }
                std::thread::park_timeout(ROUND);
            }
            result => return result,
        }
    }
}

/// Lines of standard input, read in a thread of their own; the channel closes at the end of input.
fn scans() -> Receiver<zeroize::Zeroizing<String>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(zeroize::Zeroizing::new(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Device {
    fn start(config: &Config, clock: Arc<dyn Clock>, stop: &AtomicBool) -> Result<Self, Failure> {
        let profile = Profile::built_in(&config.profile)?;
        let anchors = anchors::load(&config.trust)?;
        for note in &anchors.left_out {
            tracing::warn!(code = "trust_left_out", "{note}");
        }
        let inspection = config.terminal.as_deref().map(Inspection::load).transpose()?;
        let mut terminal = Terminal::new(anchors).with_inspection(inspection);
        terminal.prepare();
        let pass_phrase = config.pass_phrase()?;
        let keys: Arc<dyn KeyStore> = Arc::new(FileKeyStore::new(&config.keys, &pass_phrase));
        let event_key = keys
            .public_key(EVENT_KEY)
            .map_err(|e| Failure::device(e.code(), emrtd::error::describe(&e), "enrol the device again"))?;
        let sealed_path = config.keys.join("subject.sealed");
        let subject_key = std::fs::read(&sealed_path).ok().and_then(|bytes| sealed::open(&pass_phrase, &bytes));
        let subject_key = subject_key.ok_or_else(|| {
            let message = format!("cannot open {}", sealed_path.display());
            Failure::device("subject_key_locked", message, "enrol the device again")
        })?;
        let mut boot = [0; 16];
        SystemEntropy
            .fill(&mut boot)
            .map_err(|e| Failure::device("no_entropy", e.to_string(), "check the kernel's random source"))?;
        let outbox = Outbox::open(&config.outbox()).map_err(|e| device_failure(&e))?;
        let uplink = match &config.central {
            None => None,
            Some(central) => {
                let https = Https::new(&central.url, &central.certificate, &central.authority, Arc::clone(&keys))?;
                let receipt = |receipt: &events::sync::Receipt| {
                    tracing::info!(committed = receipt.committed, "central has committed");
                    // Standard output may be closed by then; the receipt is in the outbox anyway.
                    drop(print_json(&json!({ "receipt": receipt }), false));
                };
                let worker = Worker::start(&config.outbox(), https, Arc::clone(&clock), receipt);
                Some(worker.map_err(|e| device_failure(&e))?)
            }
        };
        let recorder = Recorder {
            device: config.device.clone(),
            keys,
            event_key,
            subject_key,
            boot: Bytes(boot),
            profile,
            clock: Arc::clone(&clock),
        };
        let reader = wait_for_reader(&config.reader, stop)?;
        Ok(Self { reader, terminal, recorder, outbox, clock, uplink })
    }

    /// One scan: a read and its event. What goes wrong with a card is reported and the device goes on; what goes
    /// wrong with the device itself ends it, because an event that cannot be kept must not look kept.
    fn scan(&mut self, line: &str, stop: &AtomicBool) -> Result<(), Failure> {
        let result = access::from_scan(line).and_then(|key| {
            print_json(&json!({ "armed": true }), false)?;
            self.read(&key, stop)
        });
        // For the next card, whatever became of this one.
        self.terminal.prepare();
        match result {
            Ok(()) => Ok(()),
            Err(failure) if failure.exit == exit::DEVICE => Err(failure),
            Err(failure) => {
                tracing::warn!(code = failure.code, "no verdict");
                print_json(&json!({ "error": failure }), false)
            }
        }
    }

    fn read(&mut self, key: &AccessKey, stop: &AtomicBool) -> Result<(), Failure> {
        let until = self.clock.monotonic() + CARD_PATIENCE;
        let card = loop {
            match self.reader.wait_for_card(ROUND) {
                Err(drivers::reader::ReaderError::NoCard)
                    if self.clock.monotonic() < until && !stop.load(Ordering::Relaxed) => {}
                card => break card?,
            }
        };
        let plan = plan(AccessPolicy::Auto, key.passwords.clone(), &self.recorder.profile.data_groups);
        let mut on_lifted = || drop(print_json(&json!({ "lifted": true }), false));
        let mut hooks = Hooks {
            patience: RESUME_PATIENCE,
            observe: &mut |_, _| {},
            on_lifted: &mut on_lifted,
            on_picture: &mut |_| {},
        };
        let reading = read::read(&mut *self.reader, card, plan, &mut self.terminal, &*self.clock, &mut hooks);
        let reading = reading?;
        let judgement = report::judge(&reading, &key.known, &self.terminal.trust, now(&*self.clock));
        let (evidence, cost) = (&reading.evidence, &reading.cost);
        let recorded = self.recorder.record(&mut self.outbox, &mut SystemEntropy, evidence, &judgement);
        let signed = recorded.map_err(|e| device_failure(&e))?;
        let total_ms = u64::try_from(cost.total.as_millis()).unwrap_or(u64::MAX);
        let sequence = signed.event.sequence;
        tracing::info!(sequence, decision = ?judgement.decision, total_ms, apdus = cost.apdus, "card judged");
        let event = json!({
            "seq": sequence, "id": signed.event.id.to_string(), "sha256": events::hash(&signed.bytes).to_string(),
        });
        print_json(&json!({ "event": event, "decision": judgement.decision, "total_ms": total_ms }), false)?;
        if let Some(uplink) = &self.uplink {
            uplink.wake();
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self.uplink {
            Some(uplink) => uplink.stop(DRAIN).map_err(|e| device_failure(&e)),
            None => Ok(()),
        }
    }
}
