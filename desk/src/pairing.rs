//! Who was let in: the code that is awaited, and those who gave one.
//!
//! | who | what is theirs | where it is good | how long |
//! |---|---|---|---|
//! | the desk page | a key in the browser, which signs each request | in that origin, port included | a year; of somebody of staff by their PIN until they leave it, for 15 minutes in which nobody does anything, or 12 hours |
//! | a page of other software | a token | with that page's `Origin` | until it is ended |
//! | a program | a token | without an `Origin` of another page | until it is ended |
//!
//! Who is to come is said when the code is made: whoever else tries is refused without a look at what they guessed.

use crate::problem::Problem;
use crate::proof::PageKey;
use axum::http::{StatusCode, Uri};
use events::sealed;
use program::Failure;
use serde::{Deserialize, Serialize};
use store::book::Book;
use utoipa::ToSchema;

/// Setting of the book with those who are paired. What older versions kept under `pairings` names nobody: it does not say to
/// whom a token was given.
const PAIRINGS: &str = "pairings-2";
/// Setting of the book with the code that is valid now.
const CODE: &str = "pairing-code-2";
/// Tries before a code is void.
const TRIES: u8 = 5;
/// Seconds that a code is valid.
const VALID_S: i64 = 600;
/// Seconds that a page stays paired. To pair it anew takes a technician, who is not there at the begin of every shift.
const LIFE_S: i64 = 365 * 24 * 3600;
/// Milliseconds that a page stays unlocked: a shift.
const SHIFT_MS: u64 = 12 * 60 * 60 * 1000;
/// Milliseconds without anybody doing anything after which it is locked before.
const IDLE_MS: u64 = 15 * 60 * 1000;
/// Those who may be paired at a time; the oldest goes.
const MOST: usize = 64;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Staff: everything that a desk does.
    Desk,
    /// Other software: sessions of its own, and their results.
    App,
}

impl Role {
    /// The recipient in profiles.
    #[must_use]
    pub const fn recipient(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::App => "app",
        }
    }
}

/// Who is to give a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The desk's own page.
    Page,
    /// A program that is no browser.
    Program,
    /// Other software's page, of this origin.
    Origin(String),
}

impl Awaited {
    /// A page of other software, named by its address.
    ///
    /// # Errors
    /// `origin_malformed` when that is no origin.
    pub fn origin(text: &str) -> Result<Self, Failure> {
        let uri: Option<Uri> = text.parse().ok();
        let origin = uri.filter(|uri| uri.path().len() <= 1 && uri.query().is_none()).and_then(|uri| {
            let (scheme, host) = (uri.scheme_str()?.to_lowercase(), uri.authority()?.as_str().to_lowercase());
            let usual = match scheme.as_str() {
                "http" => ":80",
                "https" => ":443",
                _ => "/",
            };
            let host = host.strip_suffix(usual).unwrap_or(&host);
            (!host.contains('@')).then(|| format!("{scheme}://{host}"))
        });
        origin.map(Self::Origin).ok_or_else(|| {
            let message = format!("{text:?} is no origin of a page");
            Failure::usage("origin_malformed", message, "name scheme, host and port only: https://his.example:8080")
        })
    }

    /// What they will be allowed.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Page => Role::Desk,
            Self::Program | Self::Origin(_) => Role::App,
        }
    }
}

/// What is kept of a PIN: the only place where one is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unlock {
    salt: String,
    hash: String,
}

impl Unlock {
    pub(crate) fn new(code: &str) -> Result<Self, Failure> {
        let (salt, hash) = sealed::remember(code.as_bytes())
            .map_err(|e| Failure::device("no_entropy", e.to_string(), "report this as a bug"))?;
        Ok(Self { salt: hex::encode(salt), hash: hex::encode(*hash) })
    }

    /// Whether this is it.
    pub(crate) fn is(&self, code: &str) -> bool {
        let bytes = |text: &str| hex::decode(text).unwrap_or_default();
        sealed::recalls((&bytes(&self.salt), &bytes(&self.hash)), code.as_bytes())
    }
}

/// What somebody shows that they are the one who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Right {
    /// The desk page's key, and the origin that holds it. Who works there is another matter: [`crate::staff`].
    Key { key: PageKey, origin: String },
    /// A token, of which the hash is kept, and the page that it was given to.
    Token { hash: String, origin: Option<String> },
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pairing {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) right: Right,
    since: i64,
}

impl Pairing {
    pub(crate) const fn role(&self) -> Role {
        match self.right {
            Right::Key { .. } => Role::Desk,
            Right::Token { .. } => Role::App,
        }
    }

    pub(crate) fn origin(&self) -> Option<&str> {
        match &self.right {
            Right::Key { origin, .. } => Some(origin),
            Right::Token { origin, .. } => origin.as_deref(),
        }
    }

    /// When it ends by itself.
    const fn until(&self) -> Option<i64> {
        match self.right {
            Right::Key { .. } => Some(self.since + LIFE_S),
            Right::Token { .. } => None,
        }
    }

    fn holds(&self, now: i64) -> bool {
        self.until().is_none_or(|until| now < until)
    }
}

/// Somebody who was let in, as staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PairingView {
    /// Its name for `cccd-agent pair --end`.
    pub id: String,
    /// What they called themselves.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The page that it was given to; nothing for a program.
    pub origin: Option<String>,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// When it ends by itself.
    pub until: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Code {
    hash: String,
    awaited: Awaited,
    until: i64,
    tries: u8,
}

pub(crate) fn hashed(text: &str) -> String {
    events::hash(text.as_bytes()).to_string()
}

fn read<T: for<'de> Deserialize<'de>>(book: &Book, name: &str) -> Result<Option<T>, Failure> {
    Ok(book.setting(name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn write<T: Serialize>(book: &Book, name: &str, value: &T) -> Result<(), Failure> {
    Ok(book.set(name, &serde_json::to_vec(value).unwrap_or_default())?)
}

/// Makes a code that lets one in, in place of any that was made before.
///
/// # Errors
/// When the book fails.
pub fn new_code(book: &Book, awaited: Awaited, now: i64) -> Result<String, Failure> {
    let random = visit::finished::random_id()?;
    let number = u64::from_be_bytes(random.0[..8].try_into().unwrap_or_default());
    let code = format!("{:08}", number % 100_000_000);
    write(book, CODE, &Code { hash: hashed(&code), awaited, until: now + VALID_S, tries: TRIES })?;
    Ok(code)
}

/// Who is awaited now.
///
/// # Errors
/// When the book fails.
pub(crate) fn awaited(book: &Book, now: i64) -> Result<Option<Awaited>, Failure> {
    Ok(read::<Code>(book, CODE)?.filter(|code| now <= code.until && code.tries > 0).map(|code| code.awaited))
}

/// How somebody who gives a code will show that it is them.
#[derive(Debug)]
pub enum Offer<'a> {
    /// The desk page: its key and its origin.
    Key(PageKey, &'a str),
    /// A program, or other software's page.
    Token,
}

/// Lets in whoever knows the code; the token of those who get one, which is told this once, and the pairing's identifier.
///
/// # Errors
/// `pairing_refused` when the code is wrong, used or old, or another one is awaited.
pub fn pair(
    book: &Book,
    code: &str,
    name: &str,
    offer: Offer<'_>,
    now: i64,
) -> Result<(Option<String>, String), Problem> {
    let refused = || {
        let remedy = "have a new code made with `cccd-agent pair`";
        Problem::new(StatusCode::FORBIDDEN, "pairing_refused", "the code is wrong, used or too old", remedy)
    };
    let Some(mut known) = read::<Code>(book, CODE)? else { return Err(refused()) };
    if known.until < now || known.tries == 0 {
        return Err(refused());
    }
    if matches!(offer, Offer::Key(..)) != (known.awaited == Awaited::Page) {
        return Err(refused());
    }
    known.tries -= 1;
    let right = openssl::memcmp::eq(known.hash.as_bytes(), hashed(code).as_bytes());
    if right {
        known.tries = 0;
    }
    write(book, CODE, &known)?;
    if !right {
        return Err(refused());
    }
    let (token, right) = match (offer, known.awaited) {
        (Offer::Key(key, origin), _) => (None, Right::Key { key, origin: origin.to_owned() }),
        (Offer::Token, awaited) => {
            let mut secret = [0; 32];
            openssl::rand::rand_bytes(&mut secret).map_err(|e| {
                Problem::from(Failure::device("no_entropy", e.to_string(), "check the kernel's random source"))
            })?;
            let token = hex::encode(secret);
            let origin = match awaited {
                Awaited::Origin(origin) => Some(origin),
                Awaited::Page | Awaited::Program => None,
            };
            (Some(token.clone()), Right::Token { hash: hashed(&token), origin })
        }
    };
    let mut pairings = those(book, now)?;
    // A page that is paired anew with its key is one page: what it had before is over.
    if let Right::Key { key, .. } = &right {
        pairings.retain(|known| !matches!(&known.right, Right::Key { key: other, .. } if other == key));
    }
    if pairings.len() >= MOST {
        pairings.remove(0);
    }
    let id = visit::finished::random_id()?.to_string();
    let name = program::Text::cleaned(name).as_str().chars().take(60).collect();
    pairings.push(Pairing { id: id.clone(), name, right, since: now });
    write(book, PAIRINGS, &pairings)?;
    Ok((token, id))
}

/// Those who are paired now.
pub(crate) fn those(book: &Book, now: i64) -> Result<Vec<Pairing>, Failure> {
    let mut pairings: Vec<Pairing> = read(book, PAIRINGS)?.unwrap_or_default();
    pairings.retain(|pairing| pairing.holds(now));
    Ok(pairings)
}

/// Those who are paired now, as staff see them.
///
/// # Errors
/// When the book fails.
pub fn paired(book: &Book, now: i64) -> Result<Vec<PairingView>, Failure> {
    let view = |pairing: Pairing| PairingView {
        role: pairing.role(),
        origin: pairing.origin().map(str::to_owned),
        until: pairing.until(),
        id: pairing.id,
        name: pairing.name,
        since: pairing.since,
    };
    Ok(those(book, now)?.into_iter().map(view).collect())
}

/// Ends one pairing, named by its identifier or by as much of its beginning as is nobody else's; whose it was.
///
/// # Errors
/// `pairing_unknown` when there is none, or more than one; when the book fails.
pub fn end(book: &Book, id: &str, now: i64) -> Result<String, Failure> {
    let mut pairings = those(book, now)?;
    let mut named = pairings.iter().enumerate().filter(|(_, pairing)| !id.is_empty() && pairing.id.starts_with(id));
    let (Some((at, _)), None) = (named.next(), named.next()) else {
        let remedy = "`cccd-agent pair --list` names those who are paired";
        return Err(Failure::usage("pairing_unknown", "that is not the name of one pairing", remedy));
    };
    let ended = pairings.remove(at);
    write(book, PAIRINGS, &pairings)?;
    Ok(ended.name)
}

/// Lets nobody in any more who was paired.
///
/// # Errors
/// When the book fails.
pub fn forget_all(book: &Book) -> Result<(), Failure> {
    write(book, PAIRINGS, &Vec::<Pairing>::new())
}

/// Nobody was let in with what was shown.
pub(crate) fn not_paired() -> Problem {
    let (title, remedy) = ("nobody was let in with this, or it is over", "pair with a code from `cccd-agent pair`");
    Problem::new(StatusCode::UNAUTHORIZED, "not_paired", title, remedy)
}

/// Who works at a page, since when, and when they last did something there: milliseconds of a clock that only goes forward.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    /// Their identifier in the register.
    pub(crate) staff: String,
    pub(crate) since: u64,
    pub(crate) touched: u64,
}

impl Opened {
    /// Whether it is unlocked still.
    pub(crate) const fn holds(&self, now: u64) -> bool {
        now < self.touched.saturating_add(IDLE_MS) && now < self.since.saturating_add(SHIFT_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::tests::Page;
    use store::book::seal::Seal;

    fn book() -> Book {
        Book::in_memory(Seal::new(zeroize::Zeroizing::new([7; 32]))).expect("book")
    }

    const OWN: &str = "http://127.0.0.1:8480";

    fn key() -> Offer<'static> {
        Offer::Key(Page::new().key(), OWN)
    }

    #[test]
    fn a_code_is_good_once_for_ten_minutes_and_five_tries() {
        let book = book();
        assert_eq!(pair(&book, "00000000", "x", key(), 0).expect_err("none was made").code, "pairing_refused");
        let code = new_code(&book, Awaited::Page, 100).expect("code");
        assert!(code.len() == 8 && code.bytes().all(|b| b.is_ascii_digit()));
        assert!(pair(&book, &code, "x", key(), 100 + VALID_S + 1).is_err(), "too old");
        let (token, _) = pair(&book, &code, "quầy 1", key(), 200).expect("paired");
        assert_eq!(token, None, "a page gets nothing that can be copied");
        assert!(pair(&book, &code, "x", key(), 201).is_err(), "used");
        let code = new_code(&book, Awaited::Program, 300).expect("code");
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        for _ in 0..TRIES {
            assert!(pair(&book, wrong, "x", Offer::Token, 301).is_err());
        }
        assert!(pair(&book, &code, "x", Offer::Token, 302).is_err(), "guessed at too often");
        let paired = paired(&book, 400).expect("reads");
        assert_eq!(paired.len(), 1);
        assert_eq!((paired[0].name.as_str(), paired[0].role, paired[0].since), ("quầy 1", Role::Desk, 200));
    }

    #[test]
    fn a_code_for_a_program_makes_no_staff_and_one_for_staff_gives_no_token() {
        let book = book();
        let code = new_code(&book, Awaited::Program, 0).expect("code");
        assert!(pair(&book, &code, "x", key(), 1).is_err());
        let (token, _) = pair(&book, &code, "x", Offer::Token, 1).expect("no try was spent");
        assert_eq!(token.map(|token| token.len()), Some(64));
        let code = new_code(&book, Awaited::Page, 2).expect("code");
        assert!(pair(&book, &code, "x", Offer::Token, 3).is_err());
        pair(&book, &code, "x", key(), 3).expect("no try was spent");
        let roles: Vec<_> = paired(&book, 4).expect("reads").into_iter().map(|one| one.role).collect();
        assert_eq!(roles, [Role::App, Role::Desk]);
    }

    #[test]
    fn a_page_is_paired_for_a_year_and_a_program_until_it_is_ended() {
        let book = book();
        let code = new_code(&book, Awaited::Page, 1000).expect("code");
        let (_, page) = pair(&book, &code, "page", key(), 1000).expect("paired");
        let code = new_code(&book, Awaited::origin("https://HIS.example:443/").expect("origin"), 1000).expect("code");
        let (_, his) = pair(&book, &code, "his", Offer::Token, 1000).expect("paired");
        let names = |now| paired(&book, now).expect("reads").into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(1000 + LIFE_S - 1), ["page", "his"]);
        assert_eq!(names(1000 + LIFE_S), ["his"]);
        assert_eq!(names(0), ["page", "his"], "a clock without a battery begins with what it last knew");
        assert_eq!(paired(&book, 1001).expect("reads")[1].origin.as_deref(), Some("https://his.example"));
        assert_eq!(end(&book, "", 1001).expect_err("nobody is named").code, "pairing_unknown");
        assert_eq!(end(&book, "x", 1001).expect_err("nobody is named").code, "pairing_unknown");
        assert_eq!(end(&book, &his[..12], 1001).expect("ended"), "his");
        assert_eq!(names(1002), ["page"]);
        assert_eq!(end(&book, &page, 1002).expect("ended"), "page");
        assert!(names(1003).is_empty());
    }

    #[test]
    fn a_key_that_is_paired_anew_is_one_pairing() {
        let (book, page) = (book(), Page::new());
        let mut ids = Vec::new();
        for _ in 0..2 {
            let code = new_code(&book, Awaited::Page, 0).expect("code");
            ids.push(pair(&book, &code, "page", Offer::Key(page.key(), OWN), 0).expect("paired").1);
        }
        let now: Vec<_> = paired(&book, 1).expect("reads").into_iter().map(|one| one.id).collect();
        assert_eq!(now, ids[1..]);
    }

    #[test]
    fn what_names_no_origin_is_refused() {
        for (text, origin) in [
            ("http://his.example", "http://his.example"),
            ("HTTP://His.Example:80/", "http://his.example"),
            ("https://his.example:8443", "https://his.example:8443"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(Awaited::origin(text).expect("one"), Awaited::Origin(origin.to_owned()));
        }
        for text in
            ["", "null", "*", "his.example", "/", "https://his.example/path", "https://a@his.example", "https://a/?b"]
        {
            assert_eq!(Awaited::origin(text).expect_err(text).code, "origin_malformed", "{text}");
        }
    }

    #[test]
    fn a_page_is_somebodys_until_they_are_idle_or_their_shift_is_over() {
        let opened = |touched| Opened { staff: "nv-1".to_owned(), since: 5, touched };
        assert!(opened(5).holds(IDLE_MS) && !opened(5).holds(IDLE_MS + 5));
        let last = SHIFT_MS + 4;
        assert!(opened(last).holds(last) && !opened(last).holds(last + 1), "busy all day");
    }
}
