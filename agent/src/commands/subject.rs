//! `cccd-agent subject`: what the device knows of a person, for that person (Luật 91/2025/QH15: the data subject's right
//! to see their data and to have them erased).

use crate::commands::book;
use crate::commands::print_text;
use cccd::calendar::date_of;
use cccd::calendar::time_of;
use cccd::document::Kind;
use config::Config;
use drivers::key_store::sealed;
use events::event::Bytes;
use events::subject::Person;
use events::{Body, Disclosure, Duty, Look};
use program::{Failure, exit};
use serde_json::{Value, json};
use std::path::Path;
use store::book::{Book, Looker, Which};
use visit::content::Content;
use visit::profile::Profile;
use zeroize::Zeroizing;

/// The number from standard input: a command line stands in the list of processes.
fn number() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().read_line(&mut line).map_err(|e| Failure::usage("number_malformed", e.to_string(), REMEDY))?;
    let number = Zeroizing::new(line.trim().to_owned());
    if number.is_empty() {
        return Err(Failure::usage("number_malformed", "no number was given", REMEDY));
    }
    Ok(number)
}

const REMEDY: &str = "type the person's number, or the state and number of another document (LAO C1234567), and Enter";

/// Everybody whom a line may mean: a citizen by the number alone, others by the state that issued their document (three
/// letters, as on it) and its number. Under a number alone stands, too, whose paper was typed in without a state.
fn meant(line: &str) -> Vec<Person> {
    match line.split_once(char::is_whitespace) {
        Some((state, number)) => {
            let state = state.to_ascii_uppercase();
            Kind::ALL.into_iter().filter_map(|kind| Person::new(kind.code(), &state, number.trim())).collect()
        }
        None => Person::citizen(line).into_iter().chain(Person::on_paper(line)).collect(),
    }
}

fn found(config: &Config) -> Result<(Book, Vec<Bytes<32>>), Failure> {
    let book = book(config)?;
    let handles = meant(&number()?).iter().map(|person| book.handle(person)).collect();
    Ok((book, handles))
}

fn record(profile: Option<&Profile>, at: i64, content: &Content) -> Value {
    json!({
        "at": format!("{} {}", date_of(at), time_of(at)),
        "purpose": profile.map(|profile| &profile.purpose_vi),
        "legal_basis": profile.map(|profile| &profile.legal_basis),
        "recipients": profile.map(|profile| profile.recipients().map(|r| json!({ "id": r.id, "fields": r.fields })).collect::<Vec<_>>()),
        "source": content.source,
        "verified": content.source.is_chip(),
        "items": content.items,
        "answers": content.answers,
        "list": content.listed,
        "portrait": content.portrait,
    })
}

/// Writes everything that is kept of a person, sealed with a pass phrase that they are given, and notes that it was done.
///
/// # Errors
/// When the book does not open, or the file cannot be written.
pub fn export(config: &Path, out: &Path, pass_phrase_file: &Path) -> Result<u8, Failure> {
    let config = Config::load(config)?;
    let (book, handles) = found(&config)?;
    let by = super::who();
    let looker = Looker { by: &by, role: Duty::Operator, what: Look::Subject, profile: "" };
    let records = book.look(&looker, Which::Of(&handles), |_| true)?;
    let list = records.iter().map(|kept| {
        let mut one = record(Profile::load(&kept.profile).ok().as_ref(), kept.at, &kept.content);
        // What stood there before is kept of them, too.
        one["versions"] = json!(kept.versions);
        one
    });
    let report =
        json!({ "schema": "cccd-agent/subject/1", "device": config.device, "records": list.collect::<Vec<_>>() });
    let plain = Zeroizing::new(format!("{report:#}"));
    let phrase = program::files::pass_phrase(pass_phrase_file)?;
    let sealed = sealed::seal(&phrase, plain.as_bytes())
        .map_err(|e| Failure::device("key_store_crypto", e.to_string(), "report this as a bug"))?;
    std::fs::write(out, sealed).map_err(|e| {
        Failure::usage("file_unwritable", format!("cannot write {}: {e}", out.display()), "name another file")
    })?;
    book.note(&Body::Disclosure(Disclosure { count: records.len() as u64, subject: None }))?;
    print_text(&format!("{} records in {}\n", records.len(), out.display()));
    Ok(exit::GENUINE)
}

/// Shows what [`export`] wrote.
///
/// # Errors
/// When the pass phrase does not open it.
pub fn show(file: &Path, pass_phrase_file: &Path) -> Result<u8, Failure> {
    let phrase = program::files::pass_phrase(pass_phrase_file)?;
    let plain = sealed::open(&phrase, &program::files::read(file)?).ok_or_else(|| {
        let message = format!("the pass phrase does not open {}", file.display());
        Failure::usage("subject_locked", message, "use the pass phrase with which it was exported")
    })?;
    print_text(&String::from_utf8_lossy(&plain));
    print_text("\n");
    Ok(exit::GENUINE)
}

/// Erases everything that is kept of a person but what an authority has not confirmed yet.
///
/// # Errors
/// When the book does not open.
pub fn erase(config: &Path) -> Result<u8, Failure> {
    let config = Config::load(config)?;
    let (mut book, handles) = found(&config)?;
    let (gone, stays) = book.erase_subjects(&handles)?;
    print_text(&format!("{gone} records erased\n"));
    if stays > 0 {
        print_text(&format!("{stays} records stay until the authority's count is confirmed (lodging)\n"));
    }
    Ok(exit::GENUINE)
}
