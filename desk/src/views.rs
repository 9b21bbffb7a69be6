//! What clients see of sessions: states, events, results.

use super::guard::Caller;
use super::pairing::Role;
use super::problem::Problem;
use super::records;
use super::session::{Session, SessionEvent, Verdict};
use super::wire;
use super::{Desk, no_session, wrong_time};
use cccd::CardDate;
use events::Look;
use handoff::insurer::{Cover, Standing};
use program::lock;
use serde_json::{Value, json};
use store::book::Looked;
use verdict::Rung;
use visit::roster::Entry;
use visit::steps::Outcome;

impl Desk {
    /// A session as its client may see it.
    ///
    /// # Errors
    /// When there is none of that name for this caller.
    pub fn session(&self, caller: &Caller, id: &str) -> Result<wire::SessionView, Problem> {
        let inner = lock(&self.inner);
        let ended = inner.ended.iter().map(|(_, session)| session);
        let mut all = inner.current.iter().chain(ended);
        let session = all.find(|session| session.id == id && session.is_for(caller)).ok_or_else(no_session)?;
        // Whoever sees what a card said looks at its holder.
        let looked = session.knows().then(|| self.looked(caller, Look::Visit, id)).transpose()?;
        Ok(self.view(session, caller, looked.as_ref()))
    }

    fn view(&self, session: &Session, caller: &Caller, looked: Option<&Looked>) -> wire::SessionView {
        let listed = session.content(looked);
        // The photograph of a list is for those who look at faces, and whom a list may mean for those who decide it.
        let staff = caller.role == Role::Desk;
        let photo = listed
            .filter(|_| staff)
            .and_then(|content| content.photo.as_ref())
            .map(|photo| json!({ "media_type": photo.media_type, "base64": *photo.data.0 }));
        let scanned = listed.map(|content| {
            content.answers.iter().map(|(id, value)| (id.clone(), json!(*value.0))).collect::<serde_json::Map<_, _>>()
        });
        wire::SessionView {
            id: session.id.clone(),
            correlation_id: session.correlation.clone(),
            profile: session.profile.id.clone(),
            practice: session.profile.practice,
            began: session.began,
            waits: session.steps.waits(),
            outcome: session.outcome,
            verdict: session.verdict.as_ref().map(verdict_view),
            holder: session.holder(caller.role, looked),
            photo,
            answers: Value::Object(scanned.unwrap_or_default()),
            proposals: listed.map_or_else(|| json!({}), |content| records::proposals(&session.profile, content)),
            asks: listed.map(|content| records::asked(self, &session.profile, content)).unwrap_or_default(),
            differences: listed.map(|content| records::differences(&content.differences)).unwrap_or_default(),
            proposed: session
                .proposed
                .as_ref()
                .filter(|_| staff && looked.is_some() && session.steps.asks_for_entry())
                .map(entry_view),
            insured: session.insured.as_ref().filter(|_| staff && looked.is_some()).map(insured_view),
            number: session.kept.as_ref().and_then(|kept| kept.number.clone()),
            place: session.kept.as_ref().and_then(|kept| kept.place.clone()),
            record: session.kept.as_ref().filter(|_| session.profile.keep().is_some()).map(|kept| kept.id.clone()),
            last_event: session.log.len() as u64,
        }
    }

    /// What happened in a session after an event that the client has seen.
    ///
    /// # Errors
    /// When there is none of that name for this caller.
    pub fn since(&self, caller: &Caller, id: &str, seen: u64) -> Result<Vec<SessionEvent>, Problem> {
        let inner = lock(&self.inner);
        let ended = inner.ended.iter().map(|(_, session)| session);
        let mut all = inner.current.iter().chain(ended);
        let session = all.find(|session| session.id == id && session.is_for(caller)).ok_or_else(no_session)?;
        Ok(session.log.iter().filter(|event| event.sequence > seen).cloned().collect())
    }

    /// The session that this caller has now.
    #[must_use]
    pub fn own(&self, caller: &Caller) -> Option<String> {
        let inner = lock(&self.inner);
        inner.current.as_ref().filter(|session| session.is_for(caller)).map(|session| session.id.clone())
    }

    /// The result of a session that has ended, as an object and signed.
    ///
    /// # Errors
    /// When it has not ended, or there is none for this caller.
    pub fn result(&self, caller: &Caller, id: &str) -> Result<wire::SignedResult, Problem> {
        let inner = lock(&self.inner);
        let ended = inner.ended.iter().map(|(_, session)| session).find(|s| s.id == id && s.is_for(caller));
        let Some(session) = ended else {
            let waits = inner.current.as_ref().filter(|s| s.id == id && s.is_for(caller));
            return Err(waits.map_or_else(no_session, |session| wrong_time(session.steps.waits())));
        };
        let gives = session.knows() && session.outcome == Some(Outcome::Done);
        let looked = gives.then(|| self.looked(caller, Look::Result, id)).transpose()?;
        let result = self.result_of(session, caller, looked.as_ref());
        drop(inner);
        let jws = self.site.sign_jws("cccd-result+jwt", &result)?;
        Ok(wire::SignedResult { result, jws })
    }

    fn result_of(&self, session: &Session, caller: &Caller, looked: Option<&Looked>) -> Value {
        let verdict = session.verdict.as_ref();
        json!({
            "schema": "cccd-agent/result/2",
            "session": session.id,
            "correlation_id": session.correlation,
            "device": self.site.config.device,
            "profile": session.profile.id,
            "practice": session.profile.practice,
            "began": session.began,
            "outcome": session.outcome,
            "verdict": verdict.map(verdict_view),
            "source": session.finished.as_ref().map(|finished| finished.content.source),
            "assurance": session.finished.as_ref().and_then(|finished| Some(finished.content.assurance.as_ref()?.to_json())),
            "holder": if session.outcome == Some(Outcome::Done) { session.holder(caller.role, looked) } else { None },
            "number": session.kept.as_ref().and_then(|kept| kept.number.clone()),
        })
    }
}

/// What the insurer says, for staff.
fn insured_view((cover, standing): &(Option<Cover>, Standing)) -> Value {
    let cover = cover.as_ref();
    let day = |day: fn(&Cover) -> Option<CardDate>| cover.and_then(day).and_then(CardDate::day_first);
    json!({
        "standing": standing,
        "code": cover.map(|cover| cover.code.0.as_str()),
        "facility": cover.and_then(|cover| cover.facility.as_ref()).map(|code| code.0.as_str()),
        "from": day(|cover| cover.from),
        "until": day(|cover| cover.until),
    })
}

/// What the list says of somebody, for whoever decides whether it is who stands there.
fn entry_view(entry: &Entry) -> Value {
    let items: serde_json::Map<_, _> =
        entry.items.iter().map(|(item, value)| (item.name().to_owned(), json!(*value.0))).collect();
    json!({ "number": entry.number.as_ref().map(|number| number.0.as_str()), "items": items })
}

fn verdict_view(verdict: &Verdict) -> wire::VerdictView {
    wire::VerdictView {
        word: verdict.word,
        rung: verdict.rung,
        level: verdict.rung.map(Rung::level),
        answers: verdict.answers,
        admission: verdict.admission,
        document: verdict.document,
        until: verdict.until.clone(),
        refusal: verdict.refusal,
        checks: reading::report::outcomes(&verdict.checks),
        event: wire::EventView { sequence: verdict.sequence, sha256: verdict.event.to_string() },
        total_ms: verdict.total_ms,
    }
}
