//! Turns what happened into signed events on disk.

use crate::people::People;
use cccd::judgement::Judgement;
use drivers::key_store::KeyStore;
use emrtd::{Check, Entropy, Evidence, Outcome};
use events::event::Bytes;
use events::subject::Person;
use events::{Body, CheckResult, Clock, Event, SignedEvent, Verification};
use program::Failure;
use std::sync::Arc;
use store::outbox::{Outbox, OutboxError};
use visit::profile::Profile;

/// Label of the key that signs events.
pub const EVENT_KEY: &str = "event";

/// Who signs, and in whose name.
pub struct Recorder {
    /// The device's name.
    pub device: String,
    /// Where its keys are.
    pub keys: Arc<dyn KeyStore>,
    /// SubjectPublicKeyInfo of the event key.
    pub event_key: Vec<u8>,
    /// What people are called.
    pub people: People,
    /// Random identifier of this run.
    pub boot: Bytes<16>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({})", self.device)
    }
}

impl Recorder {
    /// Signs a document of a kind that is no event, with the event key.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign_document(&self, kind: &str, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        let sign = |data: &[u8]| self.keys.sign(EVENT_KEY, data);
        events::sign_document(kind, payload, &self.event_key, sign)
            .map_err(|error| Failure::device(error.code(), error.to_string(), "check the key store"))
    }

    /// Appends the event of one verification to the outbox.
    ///
    /// # Errors
    /// When signing or the disk fails.
    pub fn record(
        &self,
        outbox: &mut Outbox,
        entropy: &mut dyn Entropy,
        profile: &Profile,
        evidence: &Evidence,
        judgement: &Judgement,
    ) -> Result<SignedEvent, OutboxError> {
        let mut id = [0; 16];
        entropy.fill(&mut id).map_err(|e| events::EventError::Signing(e.to_string()))?;
        let accepted = profile.takes_document(judgement.kind, judgement.issuer());
        let body = Body::Verification(Verification {
            rung: judgement.rung(),
            word: Some(judgement.answers.word_where(accepted)),
            answers: Some(judgement.answers),
            document: Some(judgement.kind.code().to_owned()),
            access: evidence.access.protocol.clone(),
            checks: judgement.checks.iter().map(check).collect(),
            profile: profile.id.clone(),
            subject: self.people.subject(profile, person(judgement).as_ref()),
            decision: None,
            evidence: events::hash(&evidence.to_cbor()),
        });
        self.append(outbox, Bytes(id), body)
    }

    /// Appends an event to the outbox.
    ///
    /// # Errors
    /// When signing or the disk fails.
    pub fn append(&self, outbox: &mut Outbox, id: Bytes<16>, body: Body) -> Result<SignedEvent, OutboxError> {
        outbox.append(|chain| {
            let event = Event {
                version: events::event::VERSION,
                at: self.clock.wall(),
                id,
                software: env!("CARGO_PKG_VERSION").to_owned(),
                time_quality: self.clock.quality().id().to_owned(),
                uptime_ms: u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX),
                device: self.device.clone(),
                sequence: chain.sequence + 1,
                body,
                boot: self.boot,
                previous: chain.head,
            };
            SignedEvent::sign(event, &self.event_key, |data| {
                self.keys.sign(EVENT_KEY, data).map_err(|e| program::describe(&e))
            })
        })
    }
}

/// Whom a document names, as its chip says.
#[must_use]
pub fn person(judgement: &Judgement) -> Option<Person> {
    if let Some(number) = judgement.number() {
        return Person::citizen(number.digits());
    }
    let number = judgement.mrz.as_ref()?.document_number.as_str();
    Person::new(judgement.kind.code(), judgement.issuer(), number)
}

/// Identifier, outcome and reason only: details name certificates, which an event has no need of.
fn check(check: &Check) -> CheckResult {
    let outcome = match check.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Remark => "remark",
        Outcome::NotPerformed => "not_performed",
    };
    CheckResult { id: check.id.clone(), reason: check.reason.clone(), outcome: outcome.to_owned() }
}
