//! Routes about people who work here: who is on duty, the register, who looked.

use crate::Desk;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::staff::{self, Person};
use crate::wire::{Body, OnDuty, TheCaller, TheDesk};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use events::{Duty, Look};
use program::{Private, lock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::book::{Looked, Looker, Part, Record, Seen, Which};
use utoipa::ToSchema;

type Answer<T> = Result<Json<T>, Problem>;

/// Looks that are shown.
const MOST_SHOWN: usize = 300;

/// Who may work at a page, and who does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Duties {
    /// Everybody who works here.
    pub staff: Vec<OnDuty>,
    /// Who is at this page; nobody where it is locked.
    pub on: Option<OnDuty>,
}

/// Who begins to work at a page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enter {
    /// Their identifier.
    pub staff: String,
    /// Their PIN.
    #[schema(value_type = String)]
    pub pin: Private,
}

/// A PIN of one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPin {
    /// The one that is good now.
    #[schema(value_type = String)]
    pub pin: Private,
    /// The one to come: 6 to 12 digits.
    #[schema(value_type = String)]
    pub new: Private,
}

/// Somebody who begins to work here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Their name.
    pub name: String,
    /// `reception`, `proctor`, `nurse` or `manager`.
    pub duty: String,
}

/// A PIN that was made, told this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Given {
    /// Whose.
    pub person: Person,
    /// The PIN.
    pub pin: String,
}

/// A look at what is kept of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// When, seconds since 1970.
    pub at: i64,
    /// Position of its event in the device's log.
    pub sequence: u64,
    /// Who: an identifier of the register, the name of a program, or `uid:N` of a command.
    pub by: String,
    /// Their name, where they are staff.
    pub name: Option<String>,
    /// As what.
    #[schema(value_type = String)]
    pub role: Duty,
    /// What at.
    #[schema(value_type = String)]
    pub what: Look,
    /// At how many people.
    pub count: u64,
    /// The profile.
    pub profile: String,
}

fn on_duty(person: Person) -> OnDuty {
    OnDuty { id: person.id, name: person.name, duty: person.duty }
}

/// Who may work at this page, and who does.
#[utoipa::path(get, path = "/v1/duty", responses((status = 200, body = Duties)))]
pub async fn duty(State(desk): TheDesk, caller: TheCaller) -> Answer<Duties> {
    let staff = staff::register(&desk.site().book())?;
    let staff = staff.into_iter().filter(|person| person.ended.is_none()).map(on_duty).collect();
    Ok(Json(Duties { staff, on: desk.on_duty(&caller)? }))
}

/// Somebody begins to work at this page, in place of whoever did.
#[utoipa::path(post, path = "/v1/unlock", request_body = Enter,
    responses((status = 200, body = OnDuty), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn unlock(State(desk): TheDesk, caller: TheCaller, Body(wanted): Body<Enter>) -> Answer<OnDuty> {
    let member = desk.watch.waits.enter(|| desk.site().book(), &wanted.staff, &wanted.pin.0, desk.now_ms())?;
    desk.open(&caller.id, &member.id);
    Ok(Json(on_duty(member.view())))
}

/// Whoever works at this page leaves it; it is locked.
#[utoipa::path(post, path = "/v1/lock", responses((status = 200)))]
pub async fn leave(State(desk): TheDesk, caller: TheCaller) -> Answer<Value> {
    desk.watch.close(&caller.id);
    Ok(Json(json!({})))
}

/// Gives oneself another PIN.
#[utoipa::path(post, path = "/v1/pin", request_body = OwnPin,
    responses((status = 200), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn own_pin(State(desk): TheDesk, caller: TheCaller, Body(wanted): Body<OwnPin>) -> Answer<Value> {
    staff::fit(&wanted.new.0)?;
    let member = desk.watch.waits.enter(|| desk.site().book(), &caller.by, &wanted.pin.0, desk.now_ms())?;
    staff::set_pin(&desk.site().book(), &member.id, &wanted.new.0)?;
    Ok(Json(json!({})))
}

/// The register of staff, those who left included.
#[utoipa::path(get, path = "/v1/staff", responses((status = 200, body = Vec<Person>)))]
pub async fn people(State(desk): TheDesk) -> Answer<Vec<Person>> {
    Ok(Json(staff::register(&desk.site().book())?))
}

/// Somebody begins to work here; they get a PIN, which they change.
#[utoipa::path(post, path = "/v1/staff", request_body = NewPerson,
    responses((status = 201, body = Given), (status = 422, body = Problem)))]
pub async fn add(State(desk): TheDesk, Body(wanted): Body<NewPerson>) -> Result<(StatusCode, Json<Given>), Problem> {
    let (pin, site) = (staff::new_pin()?, desk.site());
    let person = staff::add(&site.book(), &wanted.name, staff::duty(&wanted.duty)?, &pin, site.now())?;
    Ok((StatusCode::CREATED, Json(Given { person, pin })))
}

/// Somebody does not work here any more.
#[utoipa::path(delete, path = "/v1/staff/{id}", responses((status = 200, body = Person), (status = 422, body = Problem)))]
pub async fn end(State(desk): TheDesk, Path(id): Path<String>) -> Answer<Person> {
    Ok(Json(staff::end(&desk.site().book(), &id, desk.site().now())?))
}

/// Gives somebody who forgot theirs a PIN.
#[utoipa::path(post, path = "/v1/staff/{id}/pin", responses((status = 200, body = Given), (status = 422, body = Problem)))]
pub async fn new_pin(State(desk): TheDesk, Path(id): Path<String>) -> Answer<Given> {
    let pin = staff::new_pin()?;
    let person = staff::set_pin(&desk.site().book(), &id, &pin)?;
    desk.watch.waits.forget(&id);
    Ok(Json(Given { person, pin }))
}

/// Who looked at what is kept of people, latest first: what the device's log still has of it.
#[utoipa::path(get, path = "/v1/access", responses((status = 200, body = Vec<AccessView>)))]
pub async fn access(State(desk): TheDesk) -> Answer<Vec<AccessView>> {
    let register = staff::register(&desk.site().book())?;
    let looks = desk.site().looks(MOST_SHOWN)?.into_iter().map(|(event, look)| AccessView {
        at: event.at,
        sequence: event.sequence,
        name: register.iter().find(|person| person.id == look.by).map(|person| person.name.clone()),
        by: look.by,
        role: look.role,
        what: look.what,
        count: look.count,
        profile: look.profile,
    });
    Ok(Json(looks.collect()))
}

impl Desk {
    /// Who is on duty at a page.
    pub(crate) fn on_duty(&self, caller: &Caller) -> Result<Option<OnDuty>, Problem> {
        let Some(id) = self.watch.staff_at(&caller.id, self.now_ms()) else { return Ok(None) };
        Ok(staff::member(&self.site().book(), &id)?.map(|member| on_duty(member.view())))
    }

    /// Reads records for whoever asks, and has the look in the log before it gives them.
    ///
    /// # Errors
    /// When they cannot be read, or the look cannot be written down.
    pub(crate) fn look(
        &self,
        caller: &Caller,
        what: Look,
        which: Which<'_>,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Record>, Problem> {
        Ok(self.look_part(caller, what, which, usize::MAX, keep)?.records)
    }

    /// The same, and no more than `most` of them.
    ///
    /// # Errors
    /// As [`Desk::look`].
    pub(crate) fn look_part(
        &self,
        caller: &Caller,
        what: Look,
        which: Which<'_>,
        most: usize,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Part, Problem> {
        let looker = caller.looker(what, &self.profile().id);
        let mut lists = lock(&self.watch.lists);
        let seen = lists.entry(caller.id.clone()).or_default();
        // Only what a page asks by itself is what somebody saw before; what they ask for is a look.
        if !caller.auto || !matches!(what, Look::List | Look::Search) {
            let mut anew = Seen::default();
            let part = self.site().look_part(&looker, which, most, keep, &mut anew)?;
            if matches!(what, Look::List | Look::Search) {
                *seen = anew;
            }
            return Ok(part);
        }
        Ok(self.site().look_part(&looker, which, most, keep, seen)?)
    }

    /// Has in the log that whoever asks looks at a visit, once as long as they are on duty.
    ///
    /// # Errors
    /// When it cannot be written down: then they see nothing of it.
    pub(crate) fn looked(&self, caller: &Caller, what: Look, visit: &str) -> Result<Looked, Problem> {
        let looker: Looker<'_> = caller.looker(what, &self.profile().id);
        let mut visits = lock(&self.watch.visits);
        Ok(self.site().looked(&looker, visit, visits.entry(caller.id.clone()).or_default())?)
    }
}
