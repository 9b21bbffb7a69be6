//! What goes over the wire, in both directions: `docs/local-api.md` is written from it.

use crate::Desk;
use crate::guard::Caller;
use crate::pairing::Role;
use crate::problem::Problem;
use crate::proof::PageKey;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use events::Duty;
use program::{Failure, Private};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use verdict::{Admission, Answers, Rung, Word};
use visit::content::Reason;
use visit::steps::{Outcome, Refusal, Wait};

/// The desk, as handlers get it.
pub(crate) type TheDesk = State<Arc<Desk>>;

/// A file to keep.
pub(crate) fn file(name: &str, kind: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

/// Somebody whose PIN opens this page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OnDuty {
    /// Their identifier, which events name.
    pub id: String,
    /// Their name.
    pub name: String,
    /// `reception`, `proctor`, `nurse` or `manager`.
    #[schema(value_type = String)]
    pub duty: Duty,
}

/// Who this is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct About {
    /// Level of this interface; it counts up with every change that a client must know of.
    pub api_level: u32,
    /// The device's name.
    pub device: String,
    /// The site's name.
    pub site: String,
    /// Version of the agent.
    pub version: String,
    /// The profile: what `cccd-agent profile explain --json` prints, as far as the page needs it.
    pub profile: Value,
    /// What is said of a card: titles, sentences, shapes and colours, by the codes of `docs/verdict.md`.
    #[schema(value_type = Object)]
    pub words: Value,
    /// What the caller is let in as.
    pub role: Role,
    /// Who is on duty at the page that asks.
    pub on_duty: Option<OnDuty>,
    /// What the caller may ask: method and path, `GET /v1/records`.
    pub may: Vec<String>,
    /// What the site calls this counter, where it hears kiosks and calls numbers.
    pub counter: Option<String>,
    /// Whether there are doors for software that expects a reader vendor's plugin.
    pub plugin: bool,
    /// The key that signs results (RFC 7517).
    pub jwk: Value,
}

/// How a part is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Part {
    /// Whether it works.
    pub works: bool,
    /// Stable code of what is wrong.
    pub code: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
}

impl Part {
    pub(crate) const fn works() -> Self {
        Self { works: true, code: None, remedy: None }
    }

    pub(crate) fn away(fault: &Failure) -> Self {
        Self { works: false, code: Some(fault.code.clone()), remedy: Some(fault.remedy.clone()) }
    }
}

/// How it is with central.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Central {
    /// Whether events go to one.
    pub configured: bool,
    /// Events that it has not acknowledged.
    pub unsent: u64,
}

/// How the messages for a recipient stand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Recipient {
    /// Which.
    pub id: String,
    /// How many wait.
    pub waiting: u64,
    /// How many it refused.
    pub refused: u64,
    /// Stable code of the last failure.
    pub error: Option<String>,
}

impl From<store::book::deliveries::Backlog> for Recipient {
    fn from(backlog: store::book::deliveries::Backlog) -> Self {
        let store::book::deliveries::Backlog { recipient: id, waiting, refused, error } = backlog;
        Self { id, waiting, refused, error }
    }
}

/// How everything is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// The reader.
    pub reader: Part,
    /// The printer, where there is one.
    pub printer: Option<Part>,
    /// Central.
    pub central: Central,
    /// Recipients for whom something waits.
    pub recipients: Vec<Recipient>,
    /// Who has a session.
    pub busy: Option<String>,
    /// Which.
    pub session: Option<String>,
    /// People inside, where the profile counts them.
    pub inside: Option<u64>,
}

/// What pairs a browser or program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The eight digits of `cccd-agent pair`.
    pub code: String,
    /// What it calls itself; shown to others while it has a session.
    pub name: String,
    /// Of the desk page: the key that signs its requests from now on.
    pub key: Option<PageKey>,
    /// Of the desk page where nobody manages the place yet: the first manager.
    pub manager: Option<First>,
}

/// The first manager of a place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// Their name.
    pub name: String,
    /// Their PIN: 6 to 12 digits.
    #[schema(value_type = String)]
    pub pin: Private,
}

/// Somebody is let in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paired {
    /// The pairing.
    pub id: String,
    /// What they may do.
    pub role: Role,
    /// The token of a program or of other software's page; the desk's own page has its key.
    pub token: Option<String>,
}

/// A session that is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// Whatever the client calls this visit; it comes back in the result.
    pub correlation_id: Option<String>,
    /// The party that the holder belongs to.
    pub party: Option<String>,
    /// Staff begin it for software that expects a reader vendor's plugin: its doors are told what comes of it.
    #[serde(default)]
    pub for_plugin: bool,
}

/// The holder's consent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// `vi` or `en`: the language of the words that were shown or read out.
    pub language: String,
}

/// What opens the chip: one of these.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What a scanner read: the QR code of a citizen card, twelve digits, or machine readable lines.
    #[schema(value_type = Option<String>)]
    pub scan: Option<Private>,
    /// The twelve digits of the card.
    #[schema(value_type = Option<String>)]
    pub number: Option<Private>,
    /// The lines of a machine readable zone, or `DOCNO,YYMMDD,YYMMDD`.
    #[schema(value_type = Option<String>)]
    pub mrz: Option<Private>,
}

/// Whether the face is that of the portrait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// It is.
    pub same: bool,
}

/// Whether staff go on with somebody of whom less is assured than the profile asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    /// Why they go on; without it they do not. Who they are says the register: it stands in the sealed record, and as a keyed hash
    /// in the log.
    pub reason: Option<Reason>,
}

/// Answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// By the field's identifier.
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Private>,
    /// The party that the holder belongs to.
    pub party: Option<String>,
}

/// The event of a verdict, in the device's log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    /// Its position.
    pub sequence: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// A verdict.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VerdictView {
    /// The word over the card, as `docs/verdict.md` has them.
    #[schema(value_type = String)]
    pub word: Word,
    /// How much is assured; nothing where a proof failed or it is another card.
    #[schema(value_type = Option<String>)]
    pub rung: Option<Rung>,
    /// The same from 1 to 5.
    pub level: Option<u8>,
    /// The five answers: issuer, chip, validity, consistency, holder.
    #[schema(value_type = Object)]
    pub answers: Answers,
    /// What the profile makes of it: `goes_on`, or `marked`, `ask_staff`, `refused` with the reason.
    #[schema(value_type = Object)]
    pub admission: Admission,
    /// `citizen_card`, `passport`, `identity_card`, `residence_card` or `other`.
    pub document: &'static str,
    /// The end of its validity, as the document has it.
    pub until: Option<String>,
    /// Why the list or the ledger turns the holder away.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Refusal>,
    /// Checks by identifier: `passed`, `failed`, `remark` or `not_performed`.
    #[schema(value_type = Object)]
    pub checks: Value,
    /// Its event.
    pub event: EventView,
    /// How long the read took, milliseconds.
    pub total_ms: u64,
}

/// A session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    /// Identifier, which is also that of the visit in the event log.
    pub id: String,
    /// What the client calls it.
    pub correlation_id: Option<String>,
    /// The profile.
    pub profile: String,
    /// Virtual cards: nothing here is about real people.
    pub practice: bool,
    /// Seconds since 1970.
    pub began: i64,
    /// What it waits for: `consent`, `key`, `chip`, `staff`, `face`, `form`, `kept` or `end`.
    #[schema(value_type = String)]
    pub waits: Wait,
    /// How it ended.
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Outcome>,
    /// The verdict.
    pub verdict: Option<VerdictView>,
    /// What the profile grants the caller.
    #[schema(value_type = Option<Object>)]
    pub holder: Option<Value>,
    /// The photograph in the list, for staff.
    #[schema(value_type = Option<Object>)]
    pub photo: Option<Value>,
    /// Answers that are known already.
    #[schema(value_type = Object)]
    pub answers: Value,
    /// What may be meant, by field, for staff to choose from: never filled in by itself.
    #[schema(value_type = Object)]
    pub proposals: Value,
    /// The fields of the form that are asked of this holder; empty before anything is known of them.
    pub asks: Vec<String>,
    /// Where the list says something else than the chip.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Value>,
    /// Whom of the list the holder may be, while staff are asked: `number` and `items` as listed.
    #[schema(value_type = Option<Object>)]
    pub proposed: Option<Value>,
    /// What the health insurer says of the holder, as the hospital's system tells it: `standing` (`valid`, `over`, `not_yet`, `unknown`,
    /// `nobody`), `code`, `facility`, `from`, `until`; nothing before it answers.
    #[schema(value_type = Option<Object>)]
    pub insured: Option<Value>,
    /// The number of the ticket or receipt.
    pub number: Option<String>,
    /// Where people with a ticket go.
    pub place: Option<String>,
    /// The record, where one is kept.
    pub record: Option<String>,
    /// Sequence of the last event.
    pub last_event: u64,
}

/// A result.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedResult {
    /// The result, schema `cccd-agent/result/2`.
    #[schema(value_type = Object)]
    pub result: Value,
    /// The same, signed by the device: a JWS (RFC 7515), ES256, whose key `GET /v1` names.
    pub jws: String,
}

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub struct After {
    /// The last one that was seen; `Last-Event-ID` says the same.
    pub after: Option<u64>,
}

/// Who asks, as the guard found.
pub type TheCaller = axum::Extension<Caller>;

/// JSON of a request's body; what is wrong with it is said without repeating it.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(|rejection| {
            let remedy = "send less; /usr/share/doc/cccd-agent/local-api.md has the limits";
            Problem::new(rejection.status(), "body_refused", "the body is too large or did not arrive whole", remedy)
        })?;
        parsed(&bytes).map(Body)
    }
}

/// JSON of a body; of none, an empty object.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|e| {
        let title = format!("the body is not the JSON that is wanted here, line {} column {}", e.line(), e.column());
        Problem::new(StatusCode::BAD_REQUEST, "body_malformed", title, "compare with /v1/openapi.json")
    })
}
