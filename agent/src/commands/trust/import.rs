//! `cccd-agent trust import`: says what a file would change, asks where a person must say so, and writes it.

use super::{difference_text, line, print};
use crate::commands::{now, print_json};
use emrtd::UnixTime;
use events::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use program::{Failure, eprint, eprintln, exit};
use reading::anchors::{name, shown};
use reading::trust::import::{Imported, pin, write};
use reading::trust::plan::{Documents, Gain, Permissions, Plan, plan, unconfirmed};
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// What to import, and what the operator allows.
#[derive(Debug, Clone)]
pub struct Request {
    /// Files, in order.
    pub files: Vec<PathBuf>,
    /// The trust directory.
    pub into: PathBuf,
    /// Pin the document signer in the files, for this reason.
    pub pin: Option<String>,
    /// For which kinds of document; empty when that is not said.
    pub documents: Vec<String>,
    /// Why for these.
    pub reason: Option<String>,
    /// What may come in.
    pub permissions: Permissions,
    /// Whether to print JSON.
    pub json: bool,
}

/// Imports files, one after the other; the first that is refused ends it, those before it stay.
///
/// # Errors
/// When a file is refused.
pub fn run(request: &Request, clock: &dyn Clock) -> Result<u8, Failure> {
    let mut done = Vec::new();
    for file in &request.files {
        if let Some(reason) = &request.pin {
            let documents = Documents { words: request.documents.clone(), reason: reason.clone() };
            let entry = pin(file, &request.into, &documents, now(clock))?;
            if !request.json {
                print(&format!("pinned {} for {}\n", entry.sha256, entry.documents.join(", ")));
            }
            done.push(json!({ "pin": entry }));
        } else {
            let imported = take(file, request, now(clock))?;
            if !request.json {
                print(&imported_text(&imported));
            }
            done.push(json!(imported));
        }
    }
    if request.json {
        print_json(&json!({ "schema": "cccd-agent/trust-import/2", "imported": done }))?;
    }
    Ok(exit::GENUINE)
}

fn take(file: &Path, request: &Request, now: UnixTime) -> Result<Imported, Failure> {
    let reason = request.reason.clone().unwrap_or_else(|| format!("said when {} was imported", name(file)));
    let documents = Documents { words: request.documents.clone(), reason };
    let documents = (!documents.words.is_empty()).then_some(&documents);
    let plan = with_progress(&name(file), |progress| {
        plan(file, &request.into, documents, &request.permissions, now, progress)
    })?;
    eprint!("{}", shown(&planned_text(&plan)));
    let is_person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    confirm(&plan.open(&request.permissions), is_person.then_some(&mut ask as &mut dyn FnMut(&str) -> String))?;
    write(plan, now)
}

/// Shows a bar while a directory is read, to people; to others one line.
fn with_progress<T>(file: &str, work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> T) -> T {
    let bar = ProgressBar::hidden();
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(shown(file));
    let mut begun = false;
    let done = work(&mut |at, of| {
        if !begun {
            begun = true;
            bar.set_length(of as u64);
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            if !std::io::stderr().is_terminal() {
                eprintln!("{}: a directory of {of} entries", shown(file));
            }
        }
        bar.set_position(at as u64);
    });
    bar.finish_and_clear();
    done
}

/// What will vouch for more than before, those last that a person must confirm.
fn planned_text(plan: &Plan) -> String {
    let mut text = String::new();
    for list in &plan.master_lists {
        let known = if list.authority_known { "trusted here before" } else { "new here: compare its fingerprint" };
        text += &format!("master list of {}, under the CSCA {} ({known})\n", list.signer, list.authority_sha256);
    }
    for (to_confirm, head) in [(false, "will vouch"), (true, "will vouch, when you say so")] {
        let gains = plan.gains.iter().filter(|gain| gain.to_confirm == to_confirm);
        let lines: String = gains.map(gain_text).collect();
        if !lines.is_empty() {
            text += &format!("{head}:\n{lines}");
        }
    }
    text
}

fn gain_text(Gain { certificate, .. }: &Gain) -> String {
    let documents = certificate.documents.join(", ");
    let (sha256, country) = (&certificate.sha256, &certificate.country);
    format!("  {sha256} {country} {} {}\n    vouches for {documents}\n", certificate.role, certificate.subject)
}

fn ask(question: &str) -> String {
    eprint!("{question}");
    let mut line = String::new();
    program::ignore(std::io::stdin().read_line(&mut line), "no answer is no consent");
    line.trim().to_lowercase()
}

/// How many digits of a fingerprint a person types: enough to have looked at it.
const DIGITS: usize = 8;

/// Asks the person who is there, if anybody is.
fn confirm(open: &[&Gain], person: Option<&mut dyn FnMut(&str) -> String>) -> Result<(), Failure> {
    let said = match (open, person) {
        ([], _) => true,
        (_, None) => false,
        ([one], Some(ask)) => {
            let question = "Compare its SHA-256 with what its issuer publishes, then type the first 8 digits: ";
            ask(question) == one.certificate.sha256[..DIGITS]
        }
        (several, Some(ask)) => {
            ask(&format!("Type yes when all {} were compared with what their issuers publish: ", several.len()))
                == "yes"
        }
    };
    if said { Ok(()) } else { Err(unconfirmed(open)) }
}

fn imported_text(imported: &Imported) -> String {
    let Imported { file, certificates, revocation_lists, deviation_lists, difference, .. } = imported;
    let mut text = format!(
        "{file}: {certificates} certificates, {revocation_lists} revocation lists, {deviation_lists} deviation lists"
    );
    for (count, what) in [
        (imported.master_lists.len(), "master lists"),
        (imported.document_signers, "document signers kept aside"),
        (imported.refused_lists, "lists refused"),
        (imported.unreadable, "unreadable"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text += "\n";
    for replaced in &imported.replaced {
        text += &format!("  replaces {replaced}, which is kept in replaced/\n");
    }
    for view in difference.added.iter().filter(|view| view.documents.is_empty()) {
        text += &format!("  vouches for nothing: {}\n", line(view));
    }
    // The first of its kind is no difference that anybody would read line by line; `trust list` shows it.
    let first = difference.common == 0 && difference.removed.is_empty() && difference.added.len() > 20;
    if first { text + &format!("  {} added\n", difference.added.len()) } else { text + &difference_text(difference) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(sha256: &str) -> Gain {
        let mut store = emrtd::TrustStore::new();
        let issuer = virtual_card::Issuer::new(virtual_card::issuer::IssuerFault::None).expect("issuer");
        store.add("file", &issuer.trust_files().expect("files")[0].der).expect("certificate");
        let mut certificate = reading::trust::views(&store).remove(0);
        certificate.sha256 = sha256.repeat(32);
        Gain { certificate, to_confirm: true }
    }

    #[test]
    fn one_is_confirmed_by_its_fingerprint_and_several_by_a_word() {
        let (one, other) = (gain("a1"), gain("b2"));
        let answered = |open: &[&Gain], answer: &str| {
            confirm(open, Some(&mut |_: &str| answer.to_owned())).map_err(|failure| failure.code)
        };
        let refused = || Err("trust_anchors_unconfirmed".to_owned());
        assert_eq!(answered(&[&one], "a1a1a1a1"), Ok(()));
        for wrong in ["", "yes", "b2b2b2b2", "a1a1"] {
            assert_eq!(answered(&[&one], wrong), refused(), "{wrong:?}");
        }
        assert_eq!(answered(&[&one, &other], "yes"), Ok(()));
        for wrong in ["", "y", "a1a1a1a1"] {
            assert_eq!(answered(&[&one, &other], wrong), refused(), "{wrong:?}");
        }
        assert_eq!(answered(&[], ""), Ok(()));
        let failure = confirm(&[&one, &other], None).expect_err("nobody is there");
        assert!(
            failure.message.contains(&one.certificate.sha256) && failure.message.contains(&other.certificate.sha256)
        );
    }
}
