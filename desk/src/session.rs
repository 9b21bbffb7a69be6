//! A session: one visit for one client, from consent to result. What happens in it is an event with a number, so that a
//! client that lost its connection asks for what came after the last one it saw.
//!
//! Events hold no personal data; whoever may see the holder asks for the session itself.

use crate::guard::Caller;
use crate::pairing::Role;
use emrtd::Check;
use events::event::Bytes;
use handoff::insurer::{Cover, Standing};
use identity::visits::Visit as Served;
use kiosk_ui::state::Queue;
use program::Failure;
use program::{Private, Text};
use reading::access::AccessKey;
use reading::device::Judged;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use store::book::Looked;
use utoipa::ToSchema;
use verdict::{Admission, Answers, Rung, Word};
use visit::content::Content;
use visit::finished::{Finished, Kept};
use visit::profile::{Profile, Source};
use visit::roster::Entry;
use visit::steps::{self, Outcome, Refusal, Visit, Wait};

/// One thing that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SessionEvent {
    /// The session.
    pub session: String,
    /// From 1, without gaps.
    pub sequence: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The session waits for this: `consent`, `key`, `chip`, `staff`, `face`, `form`, `kept` or `end`.
    Waiting {
        /// What for.
        #[schema(value_type = String)]
        waits: Wait,
    },
    /// The chip is read.
    Progress {
        /// `connect`, `unlock`, `text`, `portrait` or `verify`.
        step: &'static str,
        /// Per cent of the whole.
        per_cent: u8,
    },
    /// The card was lifted; it may be put back within five seconds.
    Lifted,
    /// The chip could not be read; the key is asked for again.
    NotRead {
        /// Stable code.
        code: String,
        /// What to do.
        remedy: String,
    },
    /// The verdict.
    Judged {
        /// The word over the card, as `docs/verdict.md` has them.
        #[schema(value_type = String)]
        word: Word,
        /// How much is assured; nothing where a proof failed or it is another card.
        #[schema(value_type = Option<String>)]
        rung: Option<Rung>,
        /// What the profile makes of it: `goes_on`, or `marked`, `ask_staff`, `refused` with the reason.
        #[schema(value_type = Object)]
        admission: Admission,
        /// Why the list or the ledger turns the holder away.
        #[schema(value_type = Option<String>)]
        refusal: Option<Refusal>,
    },
    /// The hospital's system has said what the health insurer says of the holder.
    Insured,
    /// The card has left the reader.
    CardGone,
    /// The end.
    Ended {
        /// How: `done`, `cancelled` or `{"refused": why}`.
        #[schema(value_type = Object)]
        outcome: Outcome,
        /// The number of the ticket or receipt.
        number: Option<String>,
    },
}

/// The verdict of a session.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub word: Word,
    pub rung: Option<Rung>,
    pub answers: Answers,
    pub admission: Admission,
    pub document: &'static str,
    pub until: Option<String>,
    pub checks: Vec<Check>,
    pub sequence: u64,
    pub event: Bytes<32>,
    pub total_ms: u64,
    pub refusal: Option<Refusal>,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub id: String,
    pub visit: Bytes<16>,
    pub correlation: Option<String>,
    pub caller: Caller,
    pub profile: Arc<Profile>,
    pub party: Option<String>,
    pub began: i64,
    /// When somebody last did something, milliseconds of the clock that only goes forward.
    pub touched: u64,
    pub steps: Visit,
    pub log: Vec<SessionEvent>,
    pub key: Option<AccessKey>,
    pub insurance: Option<Private>,
    /// Whom of the list they may be.
    pub proposed: Option<Entry>,
    /// What the health insurer says of them; nothing where nobody was asked, or nobody has answered.
    pub insured: Option<(Option<Cover>, Standing)>,
    pub verdict: Option<Verdict>,
    pub finished: Option<Finished>,
    pub kept: Option<Kept>,
    /// How many wait before whoever got a number.
    pub queue: Option<Queue>,
    pub outcome: Option<Outcome>,
    /// Nobody restarts the device meanwhile.
    pub served: Option<Served>,
}

impl Session {
    pub(super) fn new(
        visit: Bytes<16>,
        caller: Caller,
        profile: Arc<Profile>,
        now: i64,
        touched: u64,
    ) -> (Self, Vec<steps::Effect>) {
        let (steps, todo) = Visit::begin(profile.steps(), true);
        let session = Self {
            id: visit.to_string(),
            visit,
            correlation: None,
            caller,
            profile,
            party: None,
            began: now,
            touched,
            steps,
            log: Vec::new(),
            key: None,
            insurance: None,
            proposed: None,
            insured: None,
            verdict: None,
            finished: None,
            kept: None,
            queue: None,
            outcome: None,
            served: None,
        };
        (session, todo)
    }

    /// Tells the visit what happened; what it wants next.
    pub(super) fn advance(&mut self, input: steps::Input) -> Vec<steps::Effect> {
        let (steps, todo) = steps::update(self.steps.clone(), input);
        self.steps = steps;
        todo
    }

    /// Notes what happened.
    pub(super) fn happened(&mut self, what: What) -> SessionEvent {
        let sequence = self.log.len() as u64 + 1;
        let event = SessionEvent { session: self.id.clone(), sequence, what };
        self.log.push(event.clone());
        event
    }

    /// Takes the verdict.
    pub(super) fn judged(&mut self, judged: Judged, refusal: Option<Refusal>) -> Vec<steps::Effect> {
        let Judged { word, answers, rung, admission, document, until, checks, sequence, event, content, total_ms } =
            judged;
        self.verdict = Some(Verdict {
            word,
            rung,
            answers,
            admission,
            document,
            until,
            checks,
            sequence,
            event,
            total_ms,
            refusal,
        });
        self.finished = Some(Finished { visit: self.visit, sequence, content, party: self.party.clone() });
        if self.proposed.is_some() {
            let required = self.profile.roster().is_some_and(|rules| rules.required);
            let todo = self.advance(steps::Input::Proposed { required });
            debug_assert!(todo.is_empty(), "what is proposed waits for the verdict");
        }
        self.advance(steps::Input::Judged(admission, refusal))
    }

    /// The field of the form that a health insurance card fills in, where what is known of it goes to whoever is asked about it.
    pub(super) fn insurance_field(&self) -> Option<String> {
        self.profile.form().find(|field| field.from == Some(Source::HealthInsurance)).map(|field| field.id.clone())
    }

    /// What the insurer said of the card is in the form before anybody is asked for it, unless they showed one.
    pub(super) fn fill_insurance(&mut self) {
        let code = self.insured.as_ref().and_then(|(cover, _)| Some(Text::from(cover.as_ref()?.code.clone())));
        if let Some(((id, code), finished)) = self.insurance_field().zip(code).zip(self.finished.as_mut()) {
            finished.content.answers.entry(id).or_insert(code);
        }
    }

    /// Staff say that the entry of the list that is proposed is theirs.
    pub(super) fn is_listed(&mut self) {
        if let Some((entry, finished)) = self.proposed.take().zip(self.finished.as_mut())
            && let Some(rules) = self.profile.roster()
        {
            visit::roster::take(&entry, rules, &mut finished.content);
        }
    }

    /// A member of staff compared face and portrait.
    pub(super) fn compared(&mut self, same: bool) {
        let holder = if same { verdict::Holder::ByStaff } else { verdict::Holder::Differs };
        if let Some(verdict) = &mut self.verdict {
            verdict.answers = verdict.answers.with_holder(holder);
            verdict.word = verdict.answers.word();
        }
        let assurance = self.finished.as_mut().and_then(|finished| finished.content.assurance.as_mut());
        if let Some(assurance) = assurance {
            assurance.compared(holder);
        }
    }

    /// A failed read that may be tried again.
    pub(super) fn not_read(&mut self, failure: &Failure) -> (SessionEvent, Vec<steps::Effect>) {
        let todo = self.advance(steps::Input::NotRead);
        let what = What::NotRead { code: failure.code.clone(), remedy: failure.remedy.clone() };
        (self.happened(what), todo)
    }

    /// Whether somebody may see it and act in it: whose it is, and staff where a plugin's software has it.
    pub(super) fn is_for(&self, caller: &Caller) -> bool {
        self.caller.id == caller.id || (self.caller.is_plugin() && caller.role == Role::Desk)
    }

    /// Whether anything is known of the holder: then whoever sees the session looks at them.
    pub(super) const fn knows(&self) -> bool {
        self.finished.is_some()
    }

    /// What is known of the holder, for somebody of whose look the log has an event; nothing before the verdict.
    pub(super) fn content(&self, looked: Option<&Looked>) -> Option<&Content> {
        looked.filter(|looked| looked.is_at(&self.id))?;
        Some(&self.finished.as_ref()?.content)
    }

    /// What staff or software may know of the holder.
    pub(super) fn holder(&self, role: Role, looked: Option<&Looked>) -> Option<Value> {
        let content = self.content(looked)?;
        let released = visit::content::Released::new(&self.profile, role.recipient(), content)?;
        Some(released.to_json())
    }

    /// Forgets everything personal: the session is over, and its result has been there for long enough.
    pub(super) fn forget(&mut self) {
        (self.key, self.insurance, self.finished, self.kept) = (None, None, None, None);
        (self.proposed, self.insured) = (None, None);
    }
}
