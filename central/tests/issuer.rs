//! The signer, and central that asks it: as whoever has taken over the network's process would.

mod fleet_of_one;

use cccd_central::issuer::{Issuer, IssuerError, Local, Rate, Remote, Rules, Trust, Wanted, remote};
use cccd_central::registrar::registry::Registry;
use cccd_central::registrar::{Decision, Policy, Registrar, Signing};
use events::Clock;
use events::sync::Receipt;
use fleet::answer::Octets;
use fleet::authority::{FleetCa, install, request};
use fleet::request::Way;
use fleet_of_one::{Machine, PHRASE, Rig, code, key};
use openssl::nid::Nid;
use openssl::x509::X509;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const OF_SIGNER: &[u8] = b"the signer's own pass phrase";

/// A root somewhere else, and a signer with an issuing key.
struct Signer {
    rig: Rig,
    root: FleetCa,
    place: PathBuf,
    local: Arc<Local>,
}

fn rules() -> Rules {
    Rules {
        url: "https://central.example".to_owned(),
        environment: "practice".to_owned(),
        operators: vec![key().1],
        days: 90,
        sites: Some(vec!["Site A".to_owned(), "Site B".to_owned()]),
        rate: Rate { of_a_device: 3, of_all: 5 },
    }
}

impl Signer {
    fn new() -> Self {
        let rig = Rig::new();
        let root = FleetCa::open(&rig.directory.path().join("ca"), PHRASE).expect("root");
        let place = rig.directory.path().join("signer");
        let asked = request(&place, OF_SIGNER).expect("request");
        let document = root.certify(&std::fs::read(asked).expect("file"), 900, &*rig.clock).expect("certified");
        install(&place, &document, OF_SIGNER).expect("installed");
        let ca = FleetCa::open(&place, OF_SIGNER).expect("issuing key");
        let own = Arc::clone(&rig.clock) as Arc<dyn Clock>;
        let local = Local::new(ca, rules(), own).logging(&rig.directory.path().join("signer.log")).expect("log");
        Self { rig, root, place, local: Arc::new(local) }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.rig.directory.path().join("signer.log")).expect("log")
    }

    /// It listens, and answers those of `peers`.
    fn listens(&self, peers: Vec<u32>) -> PathBuf {
        let socket = self.rig.directory.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("socket");
        let issuer = Arc::clone(&self.local) as Arc<dyn Issuer>;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                drop(remote::answer(&issuer, stream, 1000, &peers));
            }
        });
        socket
    }

    fn remote(&self, socket: &Path) -> Remote {
        Remote::new(socket, Arc::clone(&self.rig.clock) as Arc<dyn Clock>)
    }

    /// Central that asks an issuer.
    fn central(&self, issuer: Arc<dyn Issuer>) -> Registrar {
        let db = self.rig.directory.path().join("central.db");
        let policy = Policy {
            url: "https://elsewhere.example".to_owned(),
            environment: "practice".to_owned(),
            operators: Vec::new(),
            days: 90,
            grace_days: 400,
            files: None,
        };
        let own = Arc::clone(&self.rig.clock) as Arc<dyn Clock>;
        Registrar::asking(Registry::open(&db).expect("registry"), issuer, policy, own)
    }
}

fn wanted(machine: &Machine) -> Wanted {
    Wanted {
        device: "kiosk-1".to_owned(),
        site: "Site A".to_owned(),
        profile: "identify".to_owned(),
        request: Octets(machine.asks(Way::Qr, None)),
        certificate: None,
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, IssuerError>) -> &'static str {
    result.expect_err("refused").answer().1
}

#[test]
fn the_signer_signs_its_own_forms_and_no_other() {
    let signer = Signer::new();
    let machine = Machine::new("SN-1");
    let refused = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = wanted(&machine);
        change(&mut wanted);
        refusal(signer.local.issue(&wanted))
    };
    for name in ["", "central.example", "Kiosk", "a\0", &"a".repeat(64), "../x", "localhost "] {
        assert_eq!(refused(&|wanted| wanted.device = name.to_owned()), "signer_form", "{name:?}");
    }
    for name in ["", " Site A", "Site\nA", "Site C", &"s".repeat(200)] {
        assert_eq!(refused(&|wanted| wanted.site = name.to_owned()), "signer_form", "{name:?}");
    }
    for name in ["", "p\u{7}", &"p".repeat(200)] {
        assert_eq!(refused(&|wanted| wanted.profile = name.to_owned()), "signer_form", "{name:?}");
    }
    let whole = machine.asks(Way::Qr, None);
    for at in (0..whole.len()).step_by(7) {
        let code = refused(&|wanted| wanted.request.0[at] ^= 1);
        assert_eq!(code, "signer_form", "byte {at} of a request");
    }
    assert_eq!(refused(&|wanted| wanted.request.0.clear()), "signer_form");
    // None of that counted, and it was noted, up to an end.
    let issued = signer.local.issue(&wanted(&machine)).expect("issued");
    assert_eq!(signer.log().lines().filter(|line| line.contains("signer_form")).count(), rules().rate.of_all);
    assert_eq!(signer.log().lines().filter(|line| line.contains("\"signed\"")).count(), 1);
    assert!(!signer.log().contains("../x"), "nothing is kept of what is no name");

    let certificate = X509::from_der(&issued.certificate.0).expect("certificate");
    let names: Vec<_> = certificate.subject_name().entries().map(|entry| entry.object().nid()).collect();
    assert_eq!(names, [Nid::COMMONNAME]);
    let text = String::from_utf8(certificate.to_text().expect("text")).expect("UTF-8");
    assert!(text.contains("CA:FALSE") && text.contains("TLS Web Client Authentication"), "{text}");
    assert!(!text.contains("Server Authentication") && !text.contains("Alternative Name"), "{text}");
    let roots = signer.root.roots().expect("roots");
    let point = fleet::sealed_box::key(&[1; 32]).expect("box key");
    let nonce = fleet::request::open(&whole).expect("request").nonce;
    let opened =
        fleet::answer::open(&issued.answer.0, &roots, nonce, &machine.tls.1, &point).expect("the device takes it");
    assert_eq!(opened.assignment.site, "Site A");
    assert_eq!(opened.assignment.central, "https://central.example", "the signer's own, whoever asks");
    assert_eq!(opened.roots.fingerprints(), roots.fingerprints(), "an issuing key is no root");
}

#[test]
fn a_certificate_is_repeated_to_its_own_device_alone() {
    let signer = Signer::new();
    let (machine, other) = (Machine::new("SN-1"), Machine::new("SN-2"));
    let first = signer.local.issue(&wanted(&machine)).expect("issued").certificate;
    let again = |machine: &Machine, change: &dyn Fn(&mut Wanted)| {
        let mut wanted = Wanted { certificate: Some(first.clone()), ..wanted(machine) };
        change(&mut wanted);
        signer.local.issue(&wanted)
    };
    assert_eq!(again(&machine, &|_| ()).expect("repeated").certificate, first);
    signer.rig.clock.pass(3600);
    assert_eq!(refusal(again(&other, &|_| ())), "signer_form", "another key");
    assert_eq!(refusal(again(&machine, &|wanted| wanted.device = "kiosk-2".to_owned())), "signer_form", "another name");
    let issuer = FleetCa::open(&signer.place, OF_SIGNER).expect("CA").issuer().expect("issuer").to_der().expect("DER");
    assert_eq!(refusal(again(&machine, &|wanted| wanted.certificate = Some(Octets(issuer.clone())))), "signer_form");
    let strangers = Rig::new();
    let theirs = FleetCa::open(&strangers.directory.path().join("ca"), PHRASE).expect("CA");
    let theirs = theirs.device_certificate("kiosk-1", &machine.tls.1, &*signer.rig.clock, 90).expect("certificate");
    assert_eq!(refusal(again(&machine, &|wanted| wanted.certificate = Some(Octets(theirs.clone())))), "signer_form");
    signer.rig.clock.pass(91 * 86_400);
    assert_eq!(refusal(again(&machine, &|_| ())), "signer_form", "it is over");
}

#[test]
fn no_more_is_signed_in_an_hour_than_was_said() {
    let signer = Signer::new();
    let machine = Machine::new("SN-1");
    for _ in 0..3 {
        signer.local.issue(&wanted(&machine)).expect("issued");
    }
    assert_eq!(refusal(signer.local.issue(&wanted(&machine))), "signer_rate", "one device");
    let of = |device: &str| signer.local.issue(&Wanted { device: device.to_owned(), ..wanted(&machine) });
    of("kiosk-2").expect("issued");
    let receipt = Receipt {
        device: "kiosk-3".to_owned(),
        committed: 1,
        head: "0a".repeat(32),
        at: 0,
        refused: Vec::new(),
        log: None,
    };
    signer.local.receipt(&receipt).expect("signed");
    assert_eq!(refusal(of("kiosk-4")), "signer_rate", "all of them");
    assert_eq!(refusal(signer.local.receipt(&receipt)), "signer_rate");
    signer.rig.clock.pass(3600);
    of("kiosk-4").expect("an hour later");
    let wrong = Receipt { head: "x".repeat(64), ..receipt.clone() };
    assert_eq!(refusal(signer.local.receipt(&wrong)), "signer_form");
    let signed = signer.local.receipt(&receipt).expect("signed");
    let opened = fleet::receipt::open(&signed, &signer.root.roots().expect("roots"), "kiosk-3").expect("receipt");
    assert_eq!(opened.at, signer.rig.clock.wall(), "the signer's own time");
}

#[test]
fn a_signer_that_is_started_anew_has_signed_what_it_signed() {
    let signer = Signer::new();
    let counted = signer.rig.directory.path().join("signer.counted");
    let start = || {
        let ca = FleetCa::open(&signer.place, OF_SIGNER).expect("issuing key");
        Local::new(ca, rules(), Arc::clone(&signer.rig.clock) as Arc<dyn Clock>).counting(&counted)
    };
    let machine = Machine::new("SN-1");
    for _ in 0..3 {
        start().expect("started").issue(&wanted(&machine)).expect("issued");
    }
    assert_eq!(refusal(start().expect("started").issue(&wanted(&machine))), "signer_rate", "each was a new process");
    // What cannot be put down is not signed.
    let local = start().expect("started");
    let other = Wanted { device: "kiosk-2".to_owned(), ..wanted(&machine) };
    let aside = signer.rig.directory.path().join("aside");
    std::fs::rename(&counted, &aside).expect("moved");
    std::fs::create_dir_all(counted.join("in the way")).expect("directory");
    assert_eq!(refusal(local.issue(&other)), "signer_log");
    assert!(start().is_err(), "and what cannot be read is not nothing");
    std::fs::remove_dir_all(&counted).expect("removed");
    std::fs::rename(&aside, &counted).expect("moved back");
    start().expect("started").issue(&other).expect("issued");
    signer.rig.clock.pass(3600);
    start().expect("started").issue(&wanted(&machine)).expect("an hour later");
}

#[test]
fn a_device_gets_in_over_the_socket_and_hears_to_come_again_when_nobody_signs() {
    let signer = Signer::new();
    let socket = signer.listens(vec![1000]);
    let central = signer.central(Arc::new(signer.remote(&socket)));
    let machine = Machine::new("SN-1");
    let asks = machine.asks(Way::Token, Some(&central.make_token("Site A", "identify", 1, "test").expect("token")));
    let Decision::Issued { answer, certificate, .. } = central.enrol(&asks, None).expect("let in") else {
        panic!("it waits")
    };
    assert!(!answer.is_empty());
    let trust = central.trust().expect("trust");
    assert_eq!((trust.roots.len(), trust.links.len(), trust.issuers.len()), (1, 0, 1));
    let again = central.enrol(&asks, None).expect("again");
    assert!(matches!(again, Decision::Issued { certificate: same, .. } if same == certificate));

    // Nobody signs any more: nothing of the request is kept, its token is good later, and what is public is still known.
    let token = central.make_token("Site A", "identify", 1, "test").expect("token");
    let gone = signer.central(Arc::new(signer.remote(Path::new("/nonexistent/socket"))));
    let second = Machine::new("SN-2").asks(Way::Token, Some(&token));
    let error = gone.enrol(&second, None).expect_err("nobody signs");
    assert_eq!((error.answer().0, error.answer().1), (503, "signer_unavailable"));
    assert!(gone.registry().device("sn-2").expect("registry").is_none());
    gone.admits(&cccd_central::tls::Presented { name: "sn-1".to_owned(), key: machine.tls() }).expect("it goes on");
    central.enrol(&second, None).expect("with the same token");
    assert_eq!(code(gone.trust().map_err(Into::into)), "signer_unavailable");
}

#[test]
fn who_is_not_named_is_not_heard_and_nonsense_is_refused() {
    let signer = Signer::new();
    let socket = signer.listens(vec![1]);
    assert_eq!(refusal(signer.remote(&socket).issue(&wanted(&Machine::new("SN-1")))), "signer_peer");
    std::fs::remove_file(&socket).expect("removed");
    let socket = signer.listens(vec![1000]);
    for nonsense in [&[0, 0, 0, 3, 1, 2, 3][..], &[255; 64], &[0, 0, 0, 1, 0xF6]] {
        let mut stream = UnixStream::connect(&socket).expect("connected");
        stream.write_all(nonsense).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.contains("signer_form"), "{text:?}");
    }
    assert_eq!(signer.remote(&socket).trust().expect("it goes on"), signer.local.trust().expect("trust"));
    assert_ne!(Trust::default(), signer.local.trust().expect("trust"));
    assert!(signer.log().is_empty(), "nothing was signed");
}

#[test]
fn whoever_hangs_is_left_alone_for_a_while() {
    let signer = Signer::new();
    let socket = signer.rig.directory.path().join("socket");
    let listener = UnixListener::bind(&socket).expect("socket");
    let remote = signer.remote(&socket);
    assert_eq!(refusal(remote.trust()), "signer_unavailable");
    drop(listener);
    std::fs::remove_file(&socket).expect("removed");
    signer.listens(vec![1000]);
    assert_eq!(refusal(remote.trust()), "signer_unavailable", "nobody asks so soon");
    signer.rig.clock.pass(5);
    remote.trust().expect("it is asked again");
}

#[test]
fn the_networks_process_starts_with_no_key_of_the_fleet() {
    use cccd_central::registrar::settings::Settings;
    let signer = Signer::new();
    let place = signer.rig.directory.path().join("central");
    std::fs::create_dir_all(place.join("tls")).expect("directory");
    let path = place.join("registrar.toml");
    let load = |who: &str| {
        let text = format!("{who}\nurl = 'https://central.example'\nenvironment = 'practice'\n");
        std::fs::write(&path, text).expect("written");
        Settings::load(&path).map_err(|failure| failure.code)
    };
    let apart = "signer = '/run/cccd-central-signer/socket'";
    let settings = load(apart).expect("no key is there");
    assert!(matches!(settings.signing().expect("signing"), Signing::Apart(_)));
    for both in ["", "ca = 'ca'", "pass_phrase_file = 'p'", &format!("{apart}\nca = 'ca'\npass_phrase_file = 'p'")] {
        assert_eq!(load(both).expect_err("unclear"), "registrar_invalid", "{both}");
    }
    for (from, name) in [("ca", "root-1.key.pem"), ("signer", "issuer-1.key.pem"), ("signer", "sites.sealed")] {
        let there = place.join("tls").join(name);
        std::fs::copy(signer.rig.directory.path().join(from).join(name), &there).expect("copied");
        assert_eq!(load(apart).expect_err("a key"), "keys_exposed", "{name}");
        std::fs::remove_file(there).expect("removed");
    }
    load(apart).expect("none is there any more");
}
