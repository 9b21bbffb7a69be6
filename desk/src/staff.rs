//! Who works here: persons with a name, a duty and a PIN. A page is a place where one of them works at a time; the pairing lets
//! the place in, the PIN says who sits there.
//!
//! The register stands sealed in the book. Nobody in it is taken out: who has left keeps their row, so that an `access` event of
//! last month still says who it was, and no identifier comes twice.
//!
//! A PIN is guessed at slowly: each try is counted before it is looked at, by person, and after three wrong ones the next has to
//! wait, longer each time. Whoever guesses at one person's PIN keeps nobody else out.

use crate::pairing::Unlock;
use crate::problem::Problem;
use axum::http::StatusCode;
use events::Duty;
use program::{Failure, lock};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Mutex;
use store::book::Book;
use utoipa::ToSchema;

/// Setting of the book with the register.
const REGISTER: &str = "staff-1";
/// Digits of a PIN, at least and at most.
const PIN: std::ops::RangeInclusive<usize> = 6..=12;
/// Characters of a name.
const LONGEST_NAME: usize = 80;
/// People in the register, those who left included.
const MOST: usize = 1000;
/// Wrong tries that cost no time.
const FREE: u32 = 3;
/// Milliseconds after the first one that does; it doubles.
const FIRST_WAIT_MS: u64 = 30_000;
/// The longest wait.
const LONGEST_WAIT_MS: u64 = 15 * 60_000;

/// Somebody who works, or worked, here.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) duty: Duty,
    pin: Unlock,
    since: i64,
    ended: Option<i64>,
}

/// Somebody who works, or worked, here, as a manager sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Person {
    /// Their identifier, which events name.
    pub id: String,
    /// Their name.
    pub name: String,
    /// `reception`, `proctor`, `nurse` or `manager`.
    #[schema(value_type = String)]
    pub duty: Duty,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// When they left.
    pub ended: Option<i64>,
}

impl Member {
    pub(crate) fn view(&self) -> Person {
        let Self { id, name, duty, since, ended, .. } = self;
        Person { id: id.clone(), name: name.clone(), duty: *duty, since: *since, ended: *ended }
    }
}

fn members(book: &Book) -> Result<Vec<Member>, Failure> {
    let Some(bytes) = book.setting(REGISTER)? else { return Ok(Vec::new()) };
    // A register that cannot be read is not an empty one: whoever pairs next would become its manager.
    serde_json::from_slice(&bytes).map_err(|_| {
        let remedy = "install the version of the agent that wrote it, or a newer one";
        Failure::device("staff_unreadable", "the register of staff cannot be read", remedy)
    })
}

fn write(book: &Book, members: &[Member]) -> Result<(), Failure> {
    Ok(book.set(REGISTER, &serde_json::to_vec(members).unwrap_or_default())?)
}

/// Everybody in the register.
///
/// # Errors
/// When the book fails.
pub fn register(book: &Book) -> Result<Vec<Person>, Failure> {
    Ok(members(book)?.iter().map(Member::view).collect())
}

/// Somebody who works here now.
pub(crate) fn member(book: &Book, id: &str) -> Result<Option<Member>, Failure> {
    Ok(members(book)?.into_iter().find(|member| member.id == id && member.ended.is_none()))
}

/// Whether somebody manages the place.
pub(crate) fn has_manager(book: &Book) -> Result<bool, Failure> {
    Ok(members(book)?.iter().any(|member| member.duty == Duty::Manager && member.ended.is_none()))
}

/// A word as a duty that people have.
///
/// # Errors
/// `staff_duty` for any other.
pub fn duty(word: &str) -> Result<Duty, Failure> {
    Duty::STAFF.into_iter().find(|duty| duty.code() == word).ok_or_else(no_duty)
}

fn no_duty() -> Failure {
    Failure::usage("staff_duty", "that is no role of staff", "name one of reception, proctor, nurse, manager")
}

/// What is typed as somebody's name.
///
/// # Errors
/// `staff_name`.
pub(crate) fn named(name: &str) -> Result<String, Failure> {
    let name = program::Text::typed(name).ok();
    let fits = |name: &program::Text| (1..=LONGEST_NAME).contains(&name.as_str().chars().count());
    name.filter(fits)
        .map(|name| name.as_str().to_owned())
        .ok_or_else(|| Failure::usage("staff_name", "this is no name", "type the name of one person, in one line"))
}

/// Whether nobody guesses a PIN before the waits begin: digits, not all the same, not in a row.
///
/// # Errors
/// `pin_weak`.
pub(crate) fn fit(pin: &str) -> Result<(), Failure> {
    let digits = pin.as_bytes();
    let steps = |by: i16| digits.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
    let plain = steps(0) || steps(1) || steps(-1);
    if PIN.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && !plain {
        return Ok(());
    }
    let remedy = "choose 6 to 12 digits that are not all the same and not in a row";
    Err(Failure::usage("pin_weak", "this is no PIN, or one that anybody guesses", remedy))
}

/// A PIN that nobody knows yet.
///
/// # Errors
/// When there is no entropy.
pub fn new_pin() -> Result<String, Failure> {
    loop {
        let random = visit::finished::random_id()?;
        let number = u64::from_be_bytes(random.0[..8].try_into().unwrap_or_default());
        let pin = format!("{:06}", number % 1_000_000);
        if fit(&pin).is_ok() {
            return Ok(pin);
        }
    }
}

/// Somebody begins to work here.
///
/// # Errors
/// `pin_weak`, `staff_name`, `staff_full`; when the book fails.
pub fn add(book: &Book, name: &str, duty: Duty, pin: &str, now: i64) -> Result<Person, Failure> {
    fit(pin)?;
    let name = named(name)?;
    if !Duty::STAFF.contains(&duty) {
        return Err(no_duty());
    }
    let mut members = members(book)?;
    if members.len() >= MOST {
        return Err(Failure::usage("staff_full", "the register of staff is full", "report this as a bug"));
    }
    let id = format!("nv-{}", members.len() + 1);
    let member = Member { id, name, duty, pin: Unlock::new(pin)?, since: now, ended: None };
    let view = member.view();
    members.push(member);
    write(book, &members)?;
    Ok(view)
}

fn change(book: &Book, id: &str, change: impl FnOnce(&mut Member)) -> Result<Person, Failure> {
    let mut members = members(book)?;
    let managers = |members: &[Member]| {
        members.iter().filter(|member| member.duty == Duty::Manager && member.ended.is_none()).count()
    };
    let before = managers(&members);
    let Some(member) = members.iter_mut().find(|member| member.id == id && member.ended.is_none()) else {
        let remedy = "`cccd-agent staff list` names who works here";
        return Err(Failure::usage("staff_unknown", "nobody of that identifier works here", remedy));
    };
    change(member);
    let view = member.view();
    if before > 0 && managers(&members) == 0 {
        let remedy = "add another manager first";
        return Err(Failure::usage("staff_last_manager", "nobody would manage this place any more", remedy));
    }
    write(book, &members)?;
    Ok(view)
}

/// Somebody does not work here any more; pages that they had open are locked with the next request.
///
/// # Errors
/// `staff_unknown`, `staff_last_manager`; when the book fails.
pub fn end(book: &Book, id: &str, now: i64) -> Result<Person, Failure> {
    change(book, id, |member| member.ended = Some(now))
}

/// Gives somebody another PIN, and forgets what was guessed at the old one.
///
/// # Errors
/// `pin_weak`, `staff_unknown`; when the book fails.
pub fn set_pin(book: &Book, id: &str, pin: &str) -> Result<Person, Failure> {
    fit(pin)?;
    let pin = Unlock::new(pin)?;
    let view = change(book, id, |member| member.pin = pin)?;
    set_wrong(book, id, 0)?;
    Ok(view)
}

fn wrong_of(book: &Book, id: &str) -> Result<u32, Failure> {
    let bytes = book.setting(&format!("pin-wrong/{id}"))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0))
}

fn set_wrong(book: &Book, id: &str, wrong: u32) -> Result<(), Failure> {
    Ok(book.set(&format!("pin-wrong/{id}"), wrong.to_string().as_bytes())?)
}

/// Milliseconds before the next try after so many wrong ones.
fn wait_after(wrong: u32) -> u64 {
    match wrong.checked_sub(FREE) {
        None => 0,
        Some(more) => {
            FIRST_WAIT_MS.saturating_mul(1_u64.checked_shl(more.min(32)).unwrap_or(u64::MAX)).min(LONGEST_WAIT_MS)
        }
    }
}

/// Until when whose next try has to wait: milliseconds of a clock that only goes forward. How many were wrong stands in the book;
/// after a start of the agent the wait of that many begins anew.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<HashMap<String, u64>>);

impl Waits {
    /// Counts a try before anybody looks at it; whose PIN it is to be.
    fn count(&self, book: &Book, id: &str, now: u64) -> Result<Member, Problem> {
        let mut waits = lock(&self.0);
        let member = member(book, id)?.ok_or_else(refused)?;
        let wrong = wrong_of(book, id)?;
        if wrong >= FREE {
            let until = *waits.entry(id.to_owned()).or_insert_with(|| now.saturating_add(wait_after(wrong)));
            if now < until {
                let title = format!("too many wrong tries; the next one in {} seconds", (until - now).div_ceil(1000));
                let remedy = "wait, or have a manager give you a new PIN; nobody else is kept out";
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "pin_wait", title, remedy));
            }
        }
        set_wrong(book, id, wrong.saturating_add(1))?;
        waits.insert(id.to_owned(), now.saturating_add(wait_after(wrong.saturating_add(1))));
        Ok(member)
    }

    /// Somebody has a new PIN: they wait for nothing.
    pub(crate) fn forget(&self, id: &str) {
        lock(&self.0).remove(id);
    }

    /// Whether this is somebody's PIN. The book is not held while it is looked at.
    ///
    /// # Errors
    /// `pin_refused` when it is not, or nobody is called so; `pin_wait` when they were wrong too often.
    pub(crate) fn enter<'a, B: std::ops::Deref<Target = Book> + 'a>(
        &self,
        book: impl Fn() -> B,
        id: &str,
        pin: &str,
        now: u64,
    ) -> Result<Member, Problem> {
        let member = self.count(&book(), id, now)?;
        if !member.pin.is(pin) {
            return Err(refused());
        }
        set_wrong(&book(), id, 0)?;
        lock(&self.0).remove(id);
        Ok(member)
    }
}

fn refused() -> Problem {
    let (title, remedy) =
        ("this is not their PIN", "type it again; a manager gives out a new one where it is forgotten");
    Problem::new(StatusCode::FORBIDDEN, "pin_refused", title, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::book::seal::Seal;

    fn book() -> Book {
        Book::in_memory(Seal::new(zeroize::Zeroizing::new([7; 32]))).expect("book")
    }

    #[test]
    fn a_pin_is_digits_that_nobody_guesses_first() {
        for pin in ["246810", "112233", "9081726354"] {
            fit(pin).expect(pin);
        }
        for pin in ["", "24681", "000000", "123456", "654321", "24681x", "２４６８１０", "1234567890123"] {
            assert_eq!(fit(pin).expect_err(pin).code, "pin_weak", "{pin}");
        }
        assert_ne!(new_pin().expect("one"), new_pin().expect("another"));
    }

    #[test]
    fn an_identifier_is_one_person_for_ever_and_the_last_manager_stays() {
        let book = book();
        assert!(!has_manager(&book).expect("reads"));
        let lan = add(&book, "Trần Thị Lan", Duty::Manager, "246810", 1).expect("added");
        let minh = add(&book, "Lê Minh", Duty::Nurse, "135791", 2).expect("added");
        assert_eq!((lan.id.as_str(), minh.id.as_str()), ("nv-1", "nv-2"));
        assert_eq!(end(&book, "nv-1", 3).expect_err("the last").code, "staff_last_manager");
        end(&book, "nv-2", 3).expect("ended");
        assert_eq!(end(&book, "nv-2", 4).expect_err("over").code, "staff_unknown");
        assert_eq!(add(&book, "Vũ An", Duty::Reception, "975310", 5).expect("added").id, "nv-3");
        let all = register(&book).expect("reads");
        assert_eq!(all[1], Person { ended: Some(3), ..minh }, "an event of last month still says who it was");
        for name in ["", "a\nb", &"a".repeat(81)] {
            assert_eq!(add(&book, name, Duty::Nurse, "246810", 6).expect_err(name).code, "staff_name");
        }
        for duty in [Duty::Program, Duty::Operator] {
            assert_eq!(add(&book, "His", duty, "246810", 6).expect_err("none of staff").code, "staff_duty");
        }
        for word in ["program", "operator", "boss", ""] {
            assert_eq!(duty(word).expect_err(word).code, "staff_duty");
        }
        assert!(!format!("{all:?}").contains("hash"));
    }

    #[test]
    fn guesses_are_counted_before_they_are_looked_at_and_by_person() {
        let book = book();
        for name in ["Lan", "Minh"] {
            add(&book, name, Duty::Reception, "246810", 1).expect("added");
        }
        let waits = Waits::default();
        let tried =
            |waits: &Waits, id: &str, pin: &str, now| waits.enter(|| &book, id, pin, now).map(|member| member.id);
        for _ in 0..FREE {
            assert_eq!(tried(&waits, "nv-1", "999999", 0).expect_err("wrong").code, "pin_refused");
        }
        // Not even the right one is looked at now, nor is it counted.
        for now in [0, FIRST_WAIT_MS - 1] {
            assert_eq!(tried(&waits, "nv-1", "246810", now).expect_err("wait").code, "pin_wait");
        }
        assert_eq!(wrong_of(&book, "nv-1").expect("reads"), FREE);
        assert_eq!(tried(&waits, "nv-2", "246810", 0).expect("nobody else waits"), "nv-2");
        // A start of the agent gives no free tries.
        assert_eq!(tried(&Waits::default(), "nv-1", "246810", 0).expect_err("wait").code, "pin_wait");
        assert_eq!(tried(&waits, "nv-1", "246810", FIRST_WAIT_MS).expect("right"), "nv-1");
        assert_eq!(wrong_of(&book, "nv-1").expect("reads"), 0);
        assert_eq!(tried(&waits, "nv-9", "246810", 0).expect_err("nobody").code, "pin_refused");
        assert_eq!([0, 2, 3, 4, 60].map(wait_after), [0, 0, FIRST_WAIT_MS, 2 * FIRST_WAIT_MS, LONGEST_WAIT_MS]);
        set_pin(&book, "nv-1", "864207").expect("set");
        assert_eq!(tried(&waits, "nv-1", "246810", 0).expect_err("the old one").code, "pin_refused");
        assert_eq!(tried(&waits, "nv-1", "864207", 0).expect("the new one"), "nv-1");
    }
}
