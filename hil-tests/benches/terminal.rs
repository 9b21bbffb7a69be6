//! The terminal against peers, in one run: `cargo bench -p hil-tests --bench terminal`.
//!
//! Terminal time only: the chip runs in the same process, and its time is taken out. Every row is the best of many
//! rounds, ours and the peer's in turn, so that both see the same machine.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs, reason = "a program")]

use emrtd::hazmat::apdu::{Command, Response};
use emrtd::hazmat::crypto::Cipher;
use emrtd::hazmat::exchange::{Exchange, Step};
use emrtd::hazmat::pace::{Pace, ParameterReference};
use emrtd::hazmat::secure_messaging::SecureMessaging;
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::{KeyReserve, Password, SystemEntropy, TrustStore, UnixTime};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};
use virtual_card::issuer::IssuerFault;
use virtual_card::personalise::Card;
use virtual_card::{Answer, Chip, Fault, Issuer, PERSONAS};

fn main() {
    println!("{:<62} {:>12} {:>12} {:>7}", "terminal time, best of rounds", "ours", "peer", "ratio");
    pace(false);
    pace(true);
    for (cipher, name) in [(Cipher::Aes128, "AES-128"), (Cipher::TripleDes, "3DES")] {
        secure_messaging(cipher, name, false);
        secure_messaging(cipher, name, true);
    }
    passive_authentication();
    master_list();
}

/// Runs both in turn and prints the best of each.
fn compare(name: &str, rounds: u32, mut ours: impl FnMut() -> Duration, mut peer: impl FnMut() -> Duration) {
    let (mut best_ours, mut best_peer) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        best_ours = best_ours.min(ours());
        best_peer = best_peer.min(peer());
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let ratio = micros(best_ours) / micros(best_peer);
    println!("{name:<62} {:>9.1} us {:>9.1} us {ratio:>7.2}", micros(best_ours), micros(best_peer));
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// A chip in the same process whose time is counted apart.
struct Timed {
    chip: Chip,
    spent: Duration,
    apdus: u32,
}

/// What the stop-watch itself costs for this many commands: it must not count as the terminal's time.
fn stop_watch(commands: u32) -> Duration {
    let mut counted = Duration::ZERO;
    let start = Instant::now();
    for _ in 0..commands {
        counted += black_box(around(|| ())).1;
    }
    start.elapsed().saturating_sub(counted)
}

/// Runs the chip's part and says how long it took.
fn around<T>(part: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = part();
    let spent = start.elapsed();
    CHIP.with(|chip| chip.set(chip.get() + spent));
    APDUS.with(|n| n.set(n.get() + 1));
    (result, spent)
}

impl Timed {
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let (answer, spent) = around(|| self.chip.transmit(command));
        self.spent += spent;
        self.apdus += 1;
        match answer {
            Answer::Response(bytes) => bytes,
            Answer::Lifted => panic!("the card stays"),
        }
    }
}

impl dmrtd::com::Transceiver for &mut Timed {
    fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, dmrtd::com::TransceiveError> {
        Ok(self.transmit(apdu))
    }
}

/// PACE as a whole, or with the mapping key made before the tap, as the agent does it.
fn pace(prepared: bool) {
    let persona = &PERSONAS[0];
    let chip =
        || Timed { chip: Chip::new(persona, Fault::TolerateSelectMf).expect("card"), spent: Duration::ZERO, apdus: 0 };
    let (mut a, mut b) = (chip(), chip());
    let ours = || {
        a.chip.reset();
        a.spent = Duration::ZERO;
        let info = SecurityInfos::parse(&cccd::access::CARD_ACCESS).expect("EF.CardAccess").pace[0].clone();
        let password = Password::can(persona.can()).expect("CAN");
        let group = info.group().expect("group");
        let mut reserve = KeyReserve::default();
        reserve.fill(group, usize::from(prepared), &mut SystemEntropy).expect("key");
        let start = Instant::now();
        let mut pace = Pace::new(info, password, ParameterReference::Omit).with_mapping_key(reserve.take(group));
        black_box(run(&mut a, None, &mut pace));
        (start.elapsed() - a.spent).saturating_sub(stop_watch(5))
    };
    let peer = || {
        b.chip.reset();
        let mut passport = dmrtd::passport::Passport::new(&mut b);
        let card_access = passport.read_ef_card_access().expect("EF.CardAccess");
        let key = dmrtd::proto::can_key::CanKey::new(persona.can()).expect("CAN");
        // The time before PACE is the chip's and the file's; only the rest counts.
        passport_spent(&mut passport, |passport| passport.start_session_pace(key, &card_access).expect("PACE"))
    };
    let how = if prepared { ", mapping key made before the tap" } else { "" };
    compare(&format!("PACE-GM AES-128 brainpoolP256r1{how} (dmrtd)"), 60, ours, peer);
}

/// Time of an operation of the peer less what the chip took of it.
fn passport_spent<T>(
    passport: &mut dmrtd::passport::Passport<&mut Timed>,
    operation: impl FnOnce(&mut dmrtd::passport::Passport<&mut Timed>) -> T,
) -> Duration {
    CHIP.with(|c| c.set(Duration::ZERO));
    APDUS.with(|n| n.set(0));
    let start = Instant::now();
    black_box(operation(passport));
    let spent = start.elapsed() - CHIP.with(std::cell::Cell::get);
    let commands = APDUS.with(std::cell::Cell::get);
    let overhead = stop_watch(commands);
    APDUS.with(|n| n.set(commands));
    spent.saturating_sub(overhead)
}

thread_local! {
    static CHIP: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
    static APDUS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Reads EF.DG2 of 32 KiB through a session that stands already: in short APDUs as the peer does, or in extended ones
/// as we do where the card takes them, which the peer cannot.
fn secure_messaging(cipher: Cipher, name: &str, extended: bool) {
    const FILE: usize = 32 * 1024 - 4;
    let persona = &PERSONAS[0];
    let file = emrtd::hazmat::tlv::encode(0x75, &vec![0x5A; FILE]);
    let chip = || {
        let mut chip = Chip::new(persona, Fault::TolerateSelectMf).expect("card");
        chip.set_file(0x0102, file.clone());
        Timed { chip, spent: Duration::ZERO, apdus: 0 }
    };
    let (document, birth, expiry) = persona.mrz_fields();
    let (mut a, mut b) = (chip(), chip());
    let mut counts = (0, 0);
    let ours = || {
        a.chip.reset();
        let mut session = if cipher == Cipher::TripleDes {
            a.transmit(&hex("00A4040C07A0000002471001"));
            let key = emrtd::MrzKey::new(&document, &birth, &expiry).expect("key data");
            run(&mut a, None, &mut emrtd::hazmat::bac::Bac::new(&key))
        } else {
            let info = SecurityInfos::parse(&cccd::access::CARD_ACCESS).expect("EF.CardAccess").pace[0].clone();
            let password = Password::can(persona.can()).expect("CAN");
            let mut session = run(&mut a, None, &mut Pace::new(info, password, ParameterReference::Omit)).session;
            let select = Command::new(0, 0xA4, 4, 0x0C).with_data(hex("A0000002471001"));
            let answer = a.transmit(&session.protect(&select));
            session.unprotect(&answer).expect("opens");
            session
        };
        let short = session.short_le();
        let manner = emrtd::Manner::sized(short, if extended { emrtd::manner::CHUNK } else { short });
        (a.spent, a.apdus) = (Duration::ZERO, 0);
        let start = Instant::now();
        let read =
            run(&mut a, Some(&mut session), &mut emrtd::hazmat::file::ReadFile::new(emrtd::FileId::Dg(2), manner));
        let spent = (start.elapsed() - a.spent).saturating_sub(stop_watch(a.apdus));
        let emrtd::hazmat::file::FileOutcome::Read(bytes) = read else { panic!("the file is there") };
        assert_eq!(bytes.expose(), file);
        counts.0 = a.apdus;
        spent
    };
    let peer = || {
        b.chip.reset();
        APDUS.with(|n| n.set(0));
        let mut passport = dmrtd::passport::Passport::new(&mut b);
        if cipher == Cipher::TripleDes {
            let date = |year, month, day| chrono::NaiveDate::from_ymd_opt(year, month, day).expect("date");
            let (birth, expiry) = (date(1999, 1, 15), date(2039, 1, 15));
            let key = dmrtd::proto::dba_key::DBAKey::new(document.clone(), birth, expiry, false).expect("key");
            passport.start_session(key).expect("BAC");
        } else {
            let card_access = passport.read_ef_card_access().expect("EF.CardAccess");
            let key = dmrtd::proto::can_key::CanKey::new(persona.can()).expect("CAN");
            passport.start_session_pace(key, &card_access).expect("PACE");
            passport.api_mut().select_emrtd_application().expect("application");
        }
        APDUS.with(|n| n.set(0));
        let spent = passport_spent(&mut passport, |p| {
            assert_eq!(p.api_mut().read_file_by_sfi(2).expect("EF.DG2"), file);
        });
        counts.1 = APDUS.with(std::cell::Cell::get);
        spent
    };
    let how = if extended { "our extended APDUs, its short ones" } else { "short APDUs" };
    compare(&format!("read of 32 KiB, {name}, {how} (dmrtd)"), 30, ours, peer);
    println!("  APDUs: {} ours, {} peer", counts.0, counts.1);
}

/// Runs an exchange on a chip, inside a session or outside.
fn run<E: Exchange>(chip: &mut Timed, mut session: Option<&mut SecureMessaging>, exchange: &mut E) -> E::Output {
    let mut command = exchange.begin(&mut SystemEntropy).expect("command");
    loop {
        let answer = match &mut session {
            Some(session) => {
                let sent = session.protect(&command);
                session.unprotect(&chip.transmit(&sent)).expect("opens")
            }
            None => Response::decode(&chip.transmit(&command.encode())).expect("response"),
        };
        match exchange.feed(&answer, &mut SystemEntropy).expect("accepted") {
            Step::Send(next) => command = next,
            Step::Done(output) => return output,
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect()
}

fn passive_authentication() {
    let files: BTreeMap<u16, Vec<u8>> =
        Card::new(&PERSONAS[0], Fault::None).expect("card").files().map(|(id, bytes)| (id, bytes.to_vec())).collect();
    let (sod, dg1) = (&files[&0x011D], &files[&0x0101]);
    let anchors = Issuer::new(IssuerFault::None).expect("issuer").trust_files().expect("files");
    // Without the revocation list, whose signature is checked once, not once a signer.
    let store = || {
        let mut store = TrustStore::new();
        for file in anchors.iter().filter(|f| f.name.ends_with(".cer")) {
            store.add(file.name, &file.der).expect("certificate");
        }
        store
    };
    let groups = BTreeMap::from([(1, emrtd::Group::Bytes(dg1))]);
    let document = emrtd::Document::of(&emrtd::lds::dg1::parse(dg1).expect("MRZ"));
    let facts = emrtd::Facts::of(document);
    let once = |store: &TrustStore| {
        timed(|| {
            let result = emrtd::PassiveAuthentication::run(sod, &groups, &facts, store, None, UnixTime(1_780_000_000));
            assert!(result.trusted && result.bound == [1]);
        })
    };
    // The first card of a document signer, whose certificate no store has seen; and every further one.
    let ours = || once(&store());
    let known = store();
    let again = || once(&known);
    let peer_anchors = [dmrtd::auth::passive::TrustAnchor::from_certificate(&anchors[0].der).expect("anchor")];
    let peer = || {
        timed(|| {
            let groups = [dmrtd::auth::passive::DataGroup { number: 1, bytes: dg1 }];
            assert!(dmrtd::auth::passive::verify(sod, &groups, &peer_anchors).expect("verified").is_authentic());
        })
    };
    compare("passive authentication, CSCA brainpoolP512r1 explicit (dmrtd)", 60, ours, peer);
    // The two signatures in it, by OpenSSL alone.
    let floor = floor();
    compare("  the same against OpenSSL's two bare verifications", 60, ours, floor);
    compare("  a further card of the same document signer (dmrtd)", 60, again, peer);
}

/// Verifies one brainpoolP256r1 and one brainpoolP512r1 signature with keys that are ready.
fn floor() -> impl FnMut() -> Duration {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::ecdsa::EcdsaSig;
    use openssl::nid::Nid;
    let make = |curve, digest: &'static [u8]| {
        let key = EcKey::generate(&EcGroup::from_curve_name(curve).expect("curve")).expect("key");
        let signature = EcdsaSig::sign(digest, &key).expect("signature");
        let public = EcKey::from_public_key(key.group(), key.public_key()).expect("key");
        move || assert!(signature.verify(digest, &public).expect("verification"))
    };
    let (small, large) = (make(Nid::BRAINPOOL_P256R1, &[7; 32]), make(Nid::BRAINPOOL_P512R1, &[7; 64]));
    move || {
        timed(|| {
            small();
            large();
        })
    }
}

fn master_list() {
    let Some(list) = test_support::shared("masterlists/DE_ML_2026-05-28.ml") else { return };
    let list = std::fs::read(list).expect("readable");
    let ours = || timed(|| TrustStore::new().add("list", &list).expect("a master list"));
    let peer = || {
        timed(|| {
            use openssl::cms::{CMSOptions, CmsContentInfo};
            let mut cms = CmsContentInfo::from_der(&list).expect("CMS");
            let mut content = Vec::new();
            let options = CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY;
            cms.verify(None, None, None, Some(&mut content), options).expect("signature");
            let outer = emrtd::hazmat::tlv::first(&content, 0x30).expect("list");
            let mut fields = outer.children();
            fields.expect(0x02).expect("version");
            let mut each = fields.expect(0x31).expect("set").children();
            let mut store = openssl::x509::store::X509StoreBuilder::new().expect("store");
            while let Some(certificate) = each.next().expect("certificate") {
                let certificate = openssl::x509::X509::from_der(certificate.raw).expect("certificate");
                // Reading the key is what both do; OpenSSL does it on demand.
                black_box(certificate.public_key().ok());
                store.add_cert(certificate).expect("added");
            }
            store.build()
        })
    };
    compare("German master list, 588 certificates, verified (OpenSSL)", 15, ours, peer);
}
