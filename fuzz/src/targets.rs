//! What is fuzzed: every parser of bytes from a card, a scanner or a network, and the terminal's state machine
//! against a chip that answers anything. A target must neither panic nor run without end, whatever the bytes.

use emrtd::{
    AccessPolicy, Action, Circumstances, Evidence, MrzKey, Origin, Outcome, Password, Plan, Scope, Session,
    SystemEntropy, TerminalCertificates, TrustStore, UnixTime, lds, may_stand,
};
use virtual_card::issuer::IssuerFault;
use virtual_card::{Answer, Chip, Fault, Issuer, Lie, Make, Manners, PERSONAS};

#[path = "log.rs"]
mod log;

/// A fuzz target: its name, which is also that of its corpus, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 41] = [
    ("tlv", tlv),
    ("sod", sod),
    ("dg1", dg1),
    ("dg2", dg2),
    ("dg3", dg3),
    ("dg7", dg7),
    ("dg11", dg11),
    ("dg12", dg12),
    ("dg16", dg16),
    ("dg13", dg13),
    ("dg14", dg14),
    ("certificates", certificates),
    ("directory", directory),
    ("qr", qr),
    ("code", code),
    ("mrz", mrz),
    ("seal_vds", seal_vds),
    ("seal_nc", seal_nc),
    ("event", event),
    ("batch", batch),
    ("evidence", evidence),
    ("chip", chip),
    ("insider", insider),
    ("tolerable", tolerable),
    ("cvc", cvc),
    ("card_security", card_security),
    ("scanner", scanner),
    ("input", input),
    ("playlist", playlist),
    ("roster", roster),
    ("profile", profile),
    ("his", his),
    ("enrolment", enrolment),
    ("bundle", bundle),
    ("relay", relay),
    ("rollout", rollout),
    ("revoked", revoked),
    ("log_note", log::log_note),
    ("log_receipt", log::log_receipt),
    ("log_proof", log::log_proof),
    ("log_tile", log::log_tile),
];

/// Targets whose every run opens a session: thousands of mutations take minutes.
pub const SLOW: [&str; 2] = ["insider", "tolerable"];

/// What a device, central or a USB stick is told of enrolment and time.
fn enrolment(bytes: &[u8]) {
    use fleet::{answer, est, request, sealed_box, time};
    const NONCE: events::event::Bytes<16> = events::event::Bytes([7; 16]);
    if let Ok(request) = request::open(bytes) {
        request::csr_key(&request.csr).expect("it was checked");
    }
    let box_key = sealed_box::key(&[1; 32]).expect("a key");
    let roots = fleet::authority::Roots::default();
    assert!(answer::open(bytes, &roots, NONCE, &[], &box_key).is_err(), "nobody is trusted");
    assert!(time::open(bytes, NONCE, &roots).is_err(), "nobody is trusted");
    assert!(sealed_box::open(&box_key, bytes).is_err(), "nobody has sealed this");
    drop(est::from_body(bytes).and_then(|body| est::certificates(&body)));
    drop(est::certificates(bytes));
    drop(request::csr_key(bytes));
    drop(std::str::from_utf8(bytes).map(est::from_header));
}

/// A bundle from a stick or from central.
fn bundle(bytes: &[u8]) {
    use fleet::acceptance::{Acceptance, Trust};
    use fleet::bundle::{Bundle, Kind};
    if let Ok(bundle) = Bundle::inspect(bytes) {
        assert!(bundle.entries.iter().all(|entry| Kind::of(&entry.path).is_some()), "no path leads elsewhere");
    }
    let nobody = Trust::of(&[]);
    assert!(Acceptance { trust: &nobody, environment: "practice", known: 0 }.open(bytes).is_err(), "nobody is trusted");
}

/// What devices shall run.
fn rollout(bytes: &[u8]) {
    use fleet::rollout::{Rollout, Takes};
    let Some(rollout) = std::str::from_utf8(bytes).ok().and_then(|text| Rollout::parse(text).ok()) else { return };
    let due = rollout.due("kiosk-1");
    assert!(due >= rollout.begins || due == i64::MAX, "nobody is earlier than the rollout");
    for takes in [Takes::Image, Takes::Packages("amd64".to_owned())] {
        let choice = rollout.choice(&takes);
        assert!(choice.is_none_or(|choice| choice.files.iter().all(|file| file.len() == 64)), "files have no paths");
    }
    let (today, tomorrow) = (rollout.window.is_open(due), rollout.window.is_open(due.saturating_add(86_400)));
    assert_eq!(today, tomorrow, "a window opens every day");
}

/// Cards that were reported lost.
fn revoked(bytes: &[u8]) {
    if let Ok(list) = fleet::revoked::RevokedCards::parse(bytes) {
        assert_eq!(list.to_bytes(), bytes, "there is one form");
        let has = list.look_up(b"a key of the rig", "001099000017", Some("2022-01-16")) == fleet::revoked::Listed::Yes;
        assert!(!has || !list.is_empty(), "an empty list has nobody");
    }
}

/// What a scanner reads from a technician's phone, a line each.
fn relay(bytes: &[u8]) {
    let mut collector = fleet::relay::Collector::default();
    for line in String::from_utf8_lossy(bytes).lines() {
        drop(collector.take("answer", line));
    }
}

/// Bytes of a serial scanner: the first says how they are cut. The same as a text that a scanner of some layout types.
fn scanner(bytes: &[u8]) {
    use drivers::scanner::layouts::LAYOUTS;
    use drivers::scanner::wedge::{Reading, keys_of};
    use drivers::scanner::{Framer, QUIET, Scanned};
    let Some((&cut, rest)) = bytes.split_first() else { return };
    let layout = &LAYOUTS[usize::from(cut) % LAYOUTS.len()];
    let mut reading = Reading::default();
    let keys = keys_of(layout, &String::from_utf8_lossy(rest), cut & 0x80 != 0);
    let typed = keys.into_iter().filter_map(|event| reading.take(event)).collect::<Vec<_>>();
    for scanned in typed.into_iter().chain(reading.silence(QUIET * 10)) {
        if let Scanned::Text(scan) = scanned {
            assert!(!scan.text.is_empty() && !scan.text.chars().any(char::is_control), "text is text");
        }
    }
    let mut framer = Framer::default();
    let mut scans = Vec::new();
    for piece in rest.chunks(usize::from(cut) + 1) {
        scans.extend(framer.feed(piece));
        scans.extend(framer.silence(QUIET / 2));
    }
    scans.extend(framer.silence(QUIET * 10));
    assert!(!framer.is_waiting(), "enough silence ends everything");
    for scan in scans {
        if let Scanned::Text(scan) = scan {
            assert!(!scan.text.is_empty() && !scan.text.chars().any(char::is_control), "text is text");
            drop(cccd::qr::parse(&scan.text));
        }
    }
}

/// Events of a keyboard wedge and of a touch screen, three bytes each.
fn input(bytes: &[u8]) {
    use drivers::input::simulated::{Fingers, SimulatedInput};
    use drivers::input::{Axis, RawEvent, Surface};
    use drivers::scanner::{Scanner as _, wedge::WedgeScanner};
    use drivers::touch::{Calibration, EvdevTouchscreen, PictureSize, Touch, Touchscreen as _};
    let events: Vec<RawEvent> = bytes
        .chunks_exact(3)
        .map(|event| {
            // Kinds and codes that the drivers know, and some that they do not.
            let kind = u16::from(event[0] % 5);
            let code = u16::from(event[1]) + if event[0] & 0x80 != 0 { 0x100 } else { 0 };
            RawEvent { kind, code, value: i32::from(event[2].cast_signed()) }
        })
        .collect();
    let moment = std::time::Duration::from_micros(1);
    let fingers = Fingers::default();
    fingers.happen(events.clone());
    let mut wedge = WedgeScanner::new(SimulatedInput { fingers, surface: None });
    while let Ok(Some(_)) = wedge.wait_for_scan(moment) {}
    let axis = Axis { minimum: -100, maximum: 100 };
    for slots in [false, true] {
        let fingers = Fingers::default();
        fingers.happen(events.clone());
        let device = SimulatedInput { fingers, surface: Some(Surface { x: axis, y: axis, slots }) };
        let mut screen = EvdevTouchscreen::new(device, Calibration::default(), PictureSize::new(320, 240));
        let touches = screen.wait(moment).unwrap_or_default();
        for (at, touch) in touches.into_iter().enumerate() {
            let down = matches!(touch, Touch::Down(..));
            let (Touch::Down(x, y) | Touch::Up(x, y)) = touch;
            assert!(
                down == (at % 2 == 0) && (0..320).contains(&x) && (0..240).contains(&y),
                "down, up, down, up, inside"
            );
        }
    }
}

/// A list of people, once it is open: whatever it holds, what is wrong with it is said without repeating it.
fn roster(bytes: &[u8]) {
    use visit::roster::Roster;
    match Roster::parse(bytes) {
        Err(failure) => assert!(failure.message.len() < 200, "a failure holds a part of the list"),
        Ok(roster) => {
            let index = roster.index();
            assert!(index.find(&visit::content::Content::default(), &[]).is_none(), "nobody is nobody");
        }
    }
}

/// A profile from a file: valid ones keep what the engine relies on.
fn profile(bytes: &[u8]) {
    use visit::profile::{Profile, Step};
    let Some(profile) = std::str::from_utf8(bytes).ok().and_then(|text| Profile::parse(text).ok()) else { return };
    assert!(profile.steps().is_sorted() && profile.steps().contains(&Step::ReadChip));
    let nothing = visit::content::Content::default();
    for recipient in profile.recipients() {
        let released = visit::content::Released::new(&profile, &recipient.id, &nothing).expect("named");
        assert!(released.names().is_empty(), "nothing was taken");
    }
}

/// What a hospital's system answers, and the lines of a passport that somebody typed.
fn his(bytes: &[u8]) {
    use handoff::{Answer, his};
    let text = String::from_utf8_lossy(bytes).into_owned();
    drop(reading::access::from_mrz_text(&text));
    let (_, registered) = his::answered(&Answer { status: 200, body: text });
    if let Some(registered) = registered {
        assert!(registered.number.len() <= 8, "a number fits its ticket");
    }
}

/// A signed playlist from anywhere.
fn playlist(bytes: &[u8]) {
    const KEY: &[u8] = include_bytes!("key.der");
    let verifier = events::Verifier::new(KEY).expect("a key on P-256");
    assert!(verifier.open_document("playlist", bytes).is_err(), "nobody has signed this");
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(kiosk_ui::playlist::Playlist::parse(text));
    }
}

fn tlv(bytes: &[u8]) {
    fn walk(reader: &mut emrtd::hazmat::tlv::Reader<'_>, depth: usize) {
        while let Ok(Some(object)) = reader.next() {
            assert!(object.value.len() <= object.raw.len(), "a value lies inside its object");
            drop(object.octets());
            if object.is_constructed() && depth < 8 {
                walk(&mut object.children(), depth + 1);
            }
        }
    }
    walk(&mut emrtd::hazmat::tlv::Reader::new(bytes), 0);
    if let Ok((_, total)) = emrtd::hazmat::tlv::announced(bytes) {
        assert!(total >= 2, "an object has a tag and a length");
    }
}

fn sod(bytes: &[u8]) {
    let at = UnixTime(0);
    let (groups, facts) = (std::collections::BTreeMap::new(), emrtd::Facts::default());
    let result = emrtd::PassiveAuthentication::run(bytes, &groups, &facts, &TrustStore::new(), None, at);
    assert!(!result.trusted, "nothing is trusted without an anchor");
    assert!(result.checks.iter().all(may_stand), "only proofs accuse: {:?}", result.checks);
}

fn dg1(bytes: &[u8]) {
    if let Ok(mrz) = lds::dg1::parse(bytes) {
        drop(mrz.key());
    }
    drop(lds::Com::parse(bytes));
}

fn dg2(bytes: &[u8]) {
    match lds::dg2::parse(bytes) {
        Ok(faces) => {
            let inside = |image: &[u8]| bytes.as_ptr_range().contains(&image.as_ptr()) && image.len() <= bytes.len();
            assert!(!faces.is_empty() && faces.iter().all(|face| inside(face.image)), "an image lies inside its file");
            // Only indefinite lengths cannot be walked while they arrive.
            if let Some((start, _)) = lds::dg2::image_start(bytes) {
                assert!(bytes[start..].starts_with(faces[0].image), "the same image while it arrives");
            }
        }
        Err(why) => assert!(!why.code().is_empty(), "a reason has a code"),
    }
    for end in 0..bytes.len().min(200) {
        let start = lds::dg2::image_start(&bytes[..end]);
        assert!(start.is_none_or(|(start, _)| start < end), "an image starts inside its file");
    }
}

/// Fingers and irises, by either tag.
fn dg3(bytes: &[u8]) {
    for tag in [0x63, 0x76] {
        for record in lds::biometric::records(bytes, tag).unwrap_or_default() {
            assert!(record.length <= bytes.len(), "a record lies inside its file");
        }
    }
}

fn dg7(bytes: &[u8]) {
    if let Ok(dg7) = lds::Dg7::parse(bytes) {
        let length: usize = dg7.images.iter().map(|image| image.bytes.expose().len()).sum();
        assert!(length <= bytes.len(), "images lie inside their file");
    }
}

fn dg11(bytes: &[u8]) {
    if let Ok(dg11) = lds::Dg11::parse(bytes) {
        for text in dg11.full_name.iter().chain(&dg11.other_names).chain(&dg11.permanent_address) {
            assert!(text.parts().next().is_some() && !text.joined(", ").is_empty(), "an empty text is no text");
            assert!(!text.as_str().chars().any(char::is_control), "controls have no place on a page");
        }
        assert!(dg11.date_of_birth.is_none_or(|date| date.year() > 0), "a date has a year");
    }
}

fn dg12(bytes: &[u8]) {
    if let Ok(dg12) = lds::Dg12::parse(bytes) {
        assert!(dg12.issued().is_none_or(|_| dg12.date_of_issue.is_some()));
        drop(dg12.personalised.map(|moment| moment.to_string()));
    }
}

fn dg16(bytes: &[u8]) {
    if let Ok(dg16) = lds::Dg16::parse(bytes) {
        assert!(dg16.persons.len() * 2 <= bytes.len(), "a person takes two bytes at least");
    }
}

fn dg13(bytes: &[u8]) {
    if let Ok(dg13) = cccd::Dg13::parse(bytes) {
        for field in cccd::Field::ALL {
            assert!(dg13.all(field).iter().all(|value| !value.is_empty()), "an empty value is no value");
        }
    }
}

fn dg14(bytes: &[u8]) {
    if let Ok(infos) = lds::dg14(bytes) {
        drop(emrtd::hazmat::chip_authentication::ChipAuthenticationParameters::choose(&infos));
    }
    drop(emrtd::hazmat::security_info::SecurityInfos::parse(bytes));
    drop(lds::dg15::parse(bytes));
}

fn certificates(bytes: &[u8]) {
    let mut store = TrustStore::new();
    drop(store.add("fuzz", bytes));
    drop(emrtd::hazmat::crl::Crl::parse(bytes));
    for entry in store.entries() {
        drop(store.chain(&entry.certificate));
    }
}

/// The ICAO PKD's directory, as LDIF. Nothing that lies there vouches.
fn directory(bytes: &[u8]) {
    let mut store = TrustStore::new();
    let ldif = [b"version: 1\n\n", bytes].concat();
    drop(store.add("fuzz.ldif", &ldif));
    for entry in store.entries().iter().filter(|entry| entry.origin == Origin::Directory) {
        assert_eq!(entry.scope, Scope::NONE, "a directory vouches for nothing");
    }
}

fn qr(bytes: &[u8]) {
    if let Ok(cccd::Scan::Cccd(qr)) = cccd::qr::parse(&String::from_utf8_lossy(bytes)) {
        assert!(cccd::access::from_qr(&qr).len() <= 4, "at most the CAN and three expiry dates");
    }
}

/// Whatever a scanner reads: what is told opens, or has a code.
fn code(bytes: &[u8]) {
    let code = cccd::Code::of(&String::from_utf8_lossy(bytes));
    let kind = code.kind();
    let opened = reading::access::from_code(code, true);
    assert_eq!(opened.err().map(|failure| failure.code).as_deref(), kind.refusal(), "{kind:?}");
}

/// Machine readable lines as OCR reads them.
fn mrz(bytes: &[u8]) {
    use emrtd::mrz::{MAX_KEYS, MrzText};
    if let Ok(text) = MrzText::read(&String::from_utf8_lossy(bytes)) {
        assert!((1..=MAX_KEYS).contains(&text.keys.len()), "a few keys are worth a try");
        assert_eq!(text.document_number.is_some(), text.keys.len() == 1, "one key has one number");
    }
}

fn seal(bytes: &[u8]) {
    use emrtd::seal::{MAX_LENGTH, Seal};
    let Ok(seal) = Seal::parse(bytes) else { return };
    assert!(bytes.len() <= 2 * MAX_LENGTH, "no bar code is longer");
    let result = seal.verify(&TrustStore::new(), None, UnixTime(0));
    assert!(!result.trusted, "nothing is trusted without an anchor");
    assert!(result.checks.iter().all(may_stand), "only proofs accuse: {:?}", result.checks);
}

fn seal_vds(bytes: &[u8]) {
    seal(bytes);
    // A body behind a good header.
    let header = [0xDC, 3, 0x6A, 0xBC, 0x6D, 0x32, 0xC8, 0xA7, 0x2C, 0xB1, 0x0F, 0x71, 0x34, 0xB7, 0x98, 0x15, 0x5D, 1];
    seal(&[&header[..], bytes].concat());
}

fn seal_nc(bytes: &[u8]) {
    seal(bytes);
}

fn event(bytes: &[u8]) {
    if let Ok(event) = events::signed::read(bytes) {
        assert!(event.fits_its_version(), "no version has what another has");
    }
}

fn batch(bytes: &[u8]) {
    if let Some(batch) = events::sync::decode_batch(bytes) {
        assert!(batch.len() <= events::sync::MAX_BATCH);
    }
}

fn evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::from_cbor(bytes) {
        let verification = evidence.verify(&TrustStore::new(), &Circumstances::now(UnixTime(0)));
        let word = verification.answers().word();
        assert!(!word.is_green(), "nothing is genuine without an anchor");
        assert!(verification.checks.iter().all(may_stand), "only proofs accuse: {:?}", verification.checks);
    }
}

/// The bytes are the chip's answers, each with its length in front.
fn chip(mut bytes: &[u8]) {
    let mrz = MrzKey::new("099000017", "990115", "390115").expect("constant key data");
    let passwords = Password::can("000017").into_iter().chain([Password::Mrz(mrz)]).collect();
    let card_access_fallback = Some(cccd::access::CARD_ACCESS.to_vec());
    let plan = Plan::new(passwords, &[1, 2, 13, 14, 15]).with_card_access_fallback(card_access_fallback);
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    for _ in 0..100_000 {
        match session.next() {
            Ok(Action::Transmit(command)) => assert!(command.len() >= 4, "a command has a header"),
            Ok(Action::Reset) => {
                session.was_reset();
                continue;
            }
            Ok(Action::Sign(_)) => panic!("there are no terminal certificates"),
            Ok(Action::Done) | Err(_) => return,
        }
        // When the bytes run out, the chip repeats a plain success for ever.
        let answer = match bytes.split_first() {
            None => &[0x90, 0x00][..],
            Some((&length, rest)) => {
                let (answer, after) = rest.split_at(usize::from(length).min(rest.len()));
                bytes = after;
                answer
            }
        };
        if session.feed(answer).is_err() {
            let evidence = session.into_evidence();
            assert!(evidence.is_none(), "a chip without the password never opens");
            return;
        }
    }
    panic!("the session does not end");
}

/// Card verifiable certificates, and what leads from one to another.
fn cvc(bytes: &[u8]) {
    if let Ok(certificates) = TerminalCertificates::parse([bytes]) {
        drop(certificates.path(&[b"VNCVCA00001".to_vec()]));
    }
}

fn card_security(bytes: &[u8]) {
    if let Ok(security) = lds::CardSecurity::parse(bytes) {
        let data = emrtd::hazmat::pace::ChipAuthenticationData { data: vec![1], mapping_key: bytes.to_vec() };
        assert!(!security.proves(&data), "a key that is not one proves nothing");
    }
}

thread_local! {
    /// A copy of a card with all its files and none of its keys, behind anchors that trust the original.
    static COPY: std::cell::RefCell<(Chip, TrustStore, TerminalCertificates)> = std::cell::RefCell::new(copy());
}

fn copy() -> (Chip, TrustStore, TerminalCertificates) {
    let make = *Make::find("eac").expect("a known make");
    let chip = Chip::with_make(&PERSONAS[0], Fault::Cloned, make).expect("a card");
    let mut trust = TrustStore::new();
    for file in Issuer::new(IssuerFault::None).and_then(|issuer| issuer.trust_files()).expect("anchors") {
        trust.add(file.name, &file.der).expect("a certificate");
    }
    let files = virtual_card::eac::terminal_files(1).expect("certificates");
    let certificates = files.iter().filter(|f| f.name.ends_with(".cvcert")).map(|f| f.content.as_slice());
    (chip, trust, TerminalCertificates::parse(certificates).expect("certificates"))
}

thread_local! {
    /// An honest card, behind anchors that trust it.
    static HONEST: std::cell::RefCell<(Chip, TrustStore)> = std::cell::RefCell::new(honest());
}

fn honest() -> (Chip, TrustStore) {
    let make = *Make::find("ca-key-id").expect("a known make");
    (Chip::with_make(&PERSONAS[1], Fault::None, make).expect("a card"), copy().1)
}

/// An honest card whose manners the bytes choose: it is read, and not accused.
fn tolerable(bytes: &[u8]) {
    HONEST.with_borrow_mut(|(chip, trust)| {
        let mut rest = bytes.iter();
        let manners = Manners::draw(|limit| usize::from(*rest.next().unwrap_or(&1)) % limit);
        chip.set_manners(manners);
        let (document, birth, expiry) = PERSONAS[1].mrz_fields();
        let mrz = MrzKey::new(&document, &birth, &expiry).expect("constant key data");
        let plan = Plan::new(vec![Password::Mrz(mrz)], &[1, 2, 13, 14, 15]).with_access(AccessPolicy::Bac);
        let mut session = Session::new(plan, Box::new(SystemEntropy));
        loop {
            match session.next().unwrap_or_else(|error| panic!("{manners}: {error:?}")) {
                Action::Transmit(command) => {
                    let Answer::Response(answer) = chip.transmit(&command) else { panic!("nobody lifts the card") };
                    session.feed(&answer).unwrap_or_else(|error| panic!("{manners}: {error:?}"));
                }
                Action::Reset => {
                    chip.reset();
                    session.was_reset();
                }
                Action::Sign(_) => panic!("there are no terminal certificates"),
                Action::Done => break,
            }
        }
        let evidence = session.into_evidence().expect("opened");
        assert!(evidence.not_read.is_empty(), "{manners}: {:?}", evidence.not_read);
        let verification = evidence.verify(trust, &Circumstances::now(UnixTime(1_780_000_000)));
        let accused = verification.checks.iter().find(|check| check.outcome == Outcome::Failed);
        assert!(accused.is_none(), "{manners}: {accused:?}");
    });
}

/// A copy whose maker knows the password, and which answers as the bytes say once the session stands.
fn insider(bytes: &[u8]) {
    COPY.with_borrow_mut(|(chip, trust, certificates)| {
        let mut rest = Vec::from(bytes).into_iter();
        chip.reset();
        chip.set_liar(Box::new(move |_| {
            let mut take = |n: u8| rest.by_ref().take(usize::from(n)).collect::<Vec<_>>();
            match take(2)[..] {
                [1, length] => Lie::Protected(take(length), 0x9000),
                [2, length] => Lie::Protected(take(length), 0x6282),
                [3, high] => {
                    Lie::Protected(Vec::new(), u16::from(high) << 8 | u16::from(take(1).first().copied().unwrap_or(0)))
                }
                [4, length] => Lie::Raw(take(length)),
                _ => Lie::None,
            }
        }));
        let mrz = MrzKey::new("099000017", "990115", "390115").expect("constant key data");
        let plan = Plan::new(vec![Password::Mrz(mrz)], &[1, 2, 3, 13, 14, 15])
            .with_terminal(certificates.clone())
            .with_access(AccessPolicy::Bac);
        let mut session = Session::new(plan, Box::new(SystemEntropy));
        for _ in 0..100_000 {
            match session.next() {
                Ok(Action::Transmit(command)) => {
                    let Answer::Response(answer) = chip.transmit(&command) else { return };
                    if session.feed(&answer).is_err() {
                        break;
                    }
                }
                Ok(Action::Reset) => {
                    chip.reset();
                    session.was_reset();
                }
                Ok(Action::Sign(_)) => session.signed(&[0x55; 64]).expect("it was asked for"),
                Ok(Action::Done) | Err(_) => break,
            }
        }
        assert!(matches!(session.next(), Ok(Action::Done) | Err(_)), "the session ends");
        if let Some(evidence) = session.into_evidence() {
            let verification = evidence.verify(trust, &Circumstances::now(UnixTime(1_780_000_000)));
            assert!(!verification.answers().word().is_green(), "a copy is never genuine");
            assert!(verification.checks.iter().all(may_stand), "only proofs accuse: {:?}", verification.checks);
        }
    });
}

/// Runs one target by name.
///
/// # Panics
/// When there is no such target, or when it finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).expect("a known target");
    target.1(bytes);
}
