//! `cccd-agent read`: one card, one report.

use crate::commands::{now, print_json};
use cccd::judgement::{Today, judge};
use drivers::key_store::sealed;
use drivers::reader::ReaderError;
use emrtd::{AccessPolicy, FileId, Password, Phase};
use events::Clock;
use kiosk_ui::Phrase;
use program::files::pass_phrase;
use program::{Failure, eprint, eprintln};
use reading::access::AccessKey;
use reading::anchors;
use reading::other_kind;
use reading::read::{self, Hooks};
use reading::readers;
use reading::readers::plan;
use reading::report;
use reading::terminal::{Inspection, Terminal};
use std::path::PathBuf;
use std::time::Duration;

/// What `read` is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The reader.
    pub reader: String,
    /// What opens the card.
    pub key: AccessKey,
    /// Trust anchors.
    pub trust: PathBuf,
    /// Allowed access protocols.
    pub access: AccessPolicy,
    /// Where to write the evidence without personal data.
    pub evidence: Option<PathBuf>,
    /// Where to write the whole evidence, encrypted, and the file with the pass phrase for it.
    pub whole: Option<(PathBuf, PathBuf)>,
    /// Certificates and key for terminal authentication; asks for fingerprints and irises.
    pub terminal: Option<PathBuf>,
    /// Data groups to read besides those of a citizen card.
    pub groups: Vec<u8>,
    /// Whether to print JSON.
    pub json: bool,
    /// How long to wait for a card.
    pub wait: Duration,
    /// How long a lifted card may stay away.
    pub resume: Duration,
}

/// Reads, reports, and returns the exit status.
///
/// # Errors
/// When there is no verdict.
pub fn run(request: &Request, clock: &dyn Clock) -> Result<u8, Failure> {
    if request.access == AccessPolicy::Bac && !request.key.passwords.iter().any(|p| matches!(p, Password::Mrz(_))) {
        return Err(Failure::usage(
            "bac_needs_mrz",
            "BAC needs the data of the machine readable zone",
            "give --mrz or --qr, or allow PACE",
        ));
    }
    let anchors = anchors::load(&request.trust)?;
    for note in &anchors.left_out {
        eprintln!("{note}");
    }
    // A wrong pass phrase file must not show only after the card has gone.
    let whole = match &request.whole {
        Some((path, phrase)) => Some((path, pass_phrase(phrase)?)),
        None => None,
    };
    let inspection = request.terminal.as_deref().map(Inspection::load).transpose()?;
    let biometric: &[u8] = if inspection.is_some() { &[3, 4] } else { &[] };
    let data_groups = [&[1, 2, 13, 14, 15], biometric, &request.groups].concat();
    let mut terminal = Terminal::new(anchors).with_inspection(inspection);
    terminal.prepare();
    let mut reader = readers::open(&request.reader)?;
    eprintln!("{}", Phrase::PlaceCard.both());
    let plan = plan(request.access, request.key.passwords.clone(), &data_groups);
    let mut shown = Shown::default();
    let mut hooks = Hooks {
        patience: request.resume,
        observe: &mut |_, progress| shown.progress(progress.phase),
        on_lifted: &mut || eprintln!("{}", Phrase::PutCardBack.both()),
        on_picture: &mut |_| {},
    };
    reader.arm();
    let mut aside: Option<Failure> = None;
    let reading = loop {
        let card = match reader.wait_for_card(request.wait) {
            Err(ReaderError::NoCard) if let Some(failure) = aside => return Err(failure),
            card => card?,
        };
        match read::read(&mut *reader, card, plan.clone(), &mut terminal, clock, &mut hooks) {
            Err(failure) if other_kind::not_wanted(&failure).is_some_and(|why| reader.set_aside(why)) => {
                eprintln!("{failure}");
                aside = Some(failure);
            }
            reading => break reading?,
        }
    };
    let (prepared, today) = (reading.sod.as_ref(), Today::certain(now(clock)));
    let judgement = judge(&reading.evidence, prepared, &request.key.known, &terminal.trust, today);
    if let Some(path) = &request.evidence {
        write_evidence(path, &reading.evidence.to_cbor())?;
    }
    if let Some((path, phrase)) = whole {
        let sealed = sealed::seal(&phrase, reading.evidence.to_cbor_whole().expose());
        let sealed = sealed.map_err(|e| Failure::device("key_store_crypto", e.to_string(), "report this as a bug"))?;
        write_evidence(path, &sealed)?;
    }
    eprint!("{}", report::for_people(judgement.word(), judgement.rung(), &judgement.checks));
    let mended: Vec<_> = request.key.mended.iter().map(|remark| remark.code()).collect();
    if !mended.is_empty() {
        eprintln!("  ! {}: {}", Phrase::LinesMended.both(), mended.join(", "));
    }
    if request.json {
        let mut report = report::read_report(&reading, &judgement, &terminal.left_out);
        if !mended.is_empty() {
            report["access"]["mended"] = mended.into();
        }
        print_json(&report)?;
    }
    Ok(report::word_exit(judgement.word()))
}

/// Says each step once.
#[derive(Default)]
struct Shown(Option<Phase>);

impl Shown {
    fn progress(&mut self, phase: Phase) {
        if self.0 == Some(phase) {
            return;
        }
        self.0 = Some(phase);
        let step = match phase {
            Phase::Reset | Phase::CardAccess | Phase::Pace | Phase::Bac | Phase::SelectApplication => 1,
            Phase::File(FileId::CardSecurity) => 1,
            Phase::File(FileId::Dg(3 | 4)) => 5,
            Phase::File(FileId::Dg(2)) => 4,
            Phase::File(_) => 2,
            Phase::ActiveAuthentication => 3,
            Phase::ChipAuthentication | Phase::TerminalAuthentication => 5,
            Phase::Done => 6,
        };
        eprintln!("  [{step}/6] {}", phase.name());
    }
}

fn write_evidence(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|e| {
        let message = format!("cannot write the evidence {}: {e}", path.display());
        Failure::usage("evidence_unwritable", message, "name a file in a directory that you may write to")
    })
}
