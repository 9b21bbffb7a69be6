//! Instructions of the terminal's operations, counted by valgrind: `cargo bench -p hil-tests --bench instructions`.
//!
//! Times on a shared machine differ by tens of per cent from run to run; instruction counts repeat, so a later change
//! can be compared with them. Only the terminal's own work is counted: the program runs itself under callgrind, which
//! collects inside [`counted`] only. Random keys make runs of public-key operations differ by a few per mille.

#![allow(missing_docs, reason = "a program")]

use emrtd::hazmat::apdu::{Command, Response};
use emrtd::hazmat::crypto::{Cipher, Curve, NamedGroup};
use emrtd::hazmat::exchange::{Exchange, Step};
use emrtd::hazmat::file::{FileOutcome, ReadFile};
use emrtd::hazmat::pace::{Pace, ParameterReference};
use emrtd::hazmat::secure_messaging::SecureMessaging;
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::{FileId, Group, KeyReserve, Manner, Password, SystemEntropy, TrustStore, UnixTime};
use std::collections::BTreeMap;
use std::hint::black_box;
use virtual_card::issuer::IssuerFault;
use virtual_card::personalise::Card;
use virtual_card::{Answer, Chip, Fault, Issuer, PERSONAS};

type Operation = (&'static str, fn());

const OPERATIONS: [Operation; 7] = [
    ("bac", || drop(bac(&mut chip(None)))),
    ("pace_brainpoolP256r1", || drop(pace(&mut chip(None), false))),
    ("pace_brainpoolP256r1_prepared", || drop(pace(&mut chip(None), true))),
    ("read_32k_aes128_short", || read_file(Cipher::Aes128, false)),
    ("read_32k_aes128_extended", || read_file(Cipher::Aes128, true)),
    ("read_32k_3des_short", || read_file(Cipher::TripleDes, false)),
    ("passive_authentication_first", passive_authentication),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--operation") {
        let operation = OPERATIONS.iter().find(|(name, _)| arguments.get(at + 1).is_some_and(|a| a == name));
        operation.expect("a known operation").1();
        return;
    }
    println!("{:<34} {:>16}", "operation", "instructions");
    for (name, _) in OPERATIONS {
        match count(&arguments[0], name) {
            Some(count) => println!("{name:<34} {count:>16}"),
            None => println!("{name:<34} {:>16}", "(no valgrind)"),
        }
    }
}

/// Runs this program under callgrind.
fn count(program: &str, operation: &str) -> Option<String> {
    let mut command = std::process::Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.args(["--toggle-collect=*counted*", program, "--operation", operation]);
    let said = command.output().ok()?.stderr;
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next().map(str::to_owned)
}

thread_local! {
    /// Off while a session is opened that another operation needs.
    static COUNTING: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
}

fn measured<T>(work: impl FnOnce() -> T) -> T {
    if COUNTING.get() { counted(work) } else { work() }
}

/// Callgrind collects inside this function, which it knows by its name.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn chip(file: Option<Vec<u8>>) -> Chip {
    let mut chip = Chip::new(&PERSONAS[0], Fault::TolerateSelectMf).expect("card");
    if let Some(file) = file {
        chip.set_file(0x0102, file);
    }
    chip
}

fn transmit(chip: &mut Chip, command: &[u8]) -> Vec<u8> {
    match chip.transmit(command) {
        Answer::Response(bytes) => bytes,
        Answer::Lifted => panic!("the card stays"),
    }
}

/// Runs an exchange, inside a session or outside; the chip's part is not counted.
fn run<E: Exchange>(chip: &mut Chip, mut session: Option<&mut SecureMessaging>, exchange: &mut E) -> E::Output {
    let mut sent = measured(|| {
        let command = exchange.begin(&mut SystemEntropy).expect("command");
        session.as_mut().map_or_else(|| command.encode(), |s| s.protect(&command))
    });
    loop {
        let answer = transmit(chip, &sent);
        let step = measured(|| {
            let answer = match &mut session {
                Some(session) => session.unprotect(&answer).expect("opens"),
                None => Response::decode(&answer).expect("response"),
            };
            match exchange.feed(&answer, &mut SystemEntropy).expect("accepted") {
                Step::Send(next) => Err(session.as_mut().map_or_else(|| next.encode(), |s| s.protect(&next))),
                Step::Done(output) => Ok(output),
            }
        });
        match step {
            Ok(output) => return output,
            Err(next) => sent = next,
        }
    }
}

fn bac(chip: &mut Chip) -> SecureMessaging {
    transmit(chip, &[0, 0xA4, 4, 0x0C, 7, 0xA0, 0, 0, 2, 0x47, 0x10, 1]);
    let (document, birth, expiry) = PERSONAS[0].mrz_fields();
    let key = emrtd::MrzKey::new(&document, &birth, &expiry).expect("key data");
    let mut exchange = measured(|| emrtd::hazmat::bac::Bac::new(&key));
    run(chip, None, &mut exchange)
}

fn pace(chip: &mut Chip, prepared: bool) -> SecureMessaging {
    let info = SecurityInfos::parse(&cccd::access::CARD_ACCESS).expect("EF.CardAccess").pace[0].clone();
    let group = NamedGroup::Ec(Curve::BrainpoolP256r1);
    let mut reserve = KeyReserve::default();
    reserve.fill(group, usize::from(prepared), &mut SystemEntropy).expect("keys");
    let password = Password::can(PERSONAS[0].can()).expect("CAN");
    let pace = Pace::new(info, password, ParameterReference::Omit).with_mapping_key(reserve.take(group));
    let mut pace = pace;
    run(chip, None, &mut pace).session
}

fn read_file(cipher: Cipher, extended: bool) {
    let file = emrtd::hazmat::tlv::encode(0x75, &vec![0x5A; 32 * 1024 - 4]);
    let mut chip = chip(Some(file.clone()));
    COUNTING.set(false);
    let mut session = if cipher == Cipher::TripleDes { bac(&mut chip) } else { pace(&mut chip, false) };
    if cipher != Cipher::TripleDes {
        let select = Command::new(0, 0xA4, 4, 0x0C).with_data(vec![0xA0, 0, 0, 2, 0x47, 0x10, 1]);
        let sent = session.protect(&select);
        session.unprotect(&transmit(&mut chip, &sent)).expect("opens");
    }
    COUNTING.set(true);
    let short = session.short_le();
    let manner = Manner::sized(short, if extended { 4096 } else { short });
    let FileOutcome::Read(bytes) = run(&mut chip, Some(&mut session), &mut ReadFile::new(FileId::Dg(2), manner)) else {
        panic!("the file is there")
    };
    assert_eq!(bytes.expose(), file);
}

fn passive_authentication() {
    let files: BTreeMap<u16, Vec<u8>> =
        Card::new(&PERSONAS[0], Fault::None).expect("card").files().map(|(id, bytes)| (id, bytes.to_vec())).collect();
    let mut store = TrustStore::new();
    for file in Issuer::new(IssuerFault::None).expect("issuer").trust_files().expect("files") {
        store.add(file.name, &file.der).expect("certificate");
    }
    let groups = BTreeMap::from([(1, Group::Bytes(&files[&0x0101]))]);
    let at = UnixTime(1_780_000_000);
    let document = emrtd::Document::of(&emrtd::lds::dg1::parse(&files[&0x0101]).expect("MRZ"));
    let facts = emrtd::Facts::of(document);
    let result = measured(|| emrtd::PassiveAuthentication::run(&files[&0x011D], &groups, &facts, &store, None, at));
    assert!(result.trusted);
}
