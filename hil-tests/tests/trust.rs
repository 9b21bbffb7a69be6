//! `cccd-agent trust`, and what the operator's choices change for a card: from the command line, on the simulated
//! reader.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use virtual_card::Issuer;
use virtual_card::issuer::IssuerFault;

fn run(program: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(hil_tests::program(program)).args(arguments).output().expect(program);
    let people = String::from_utf8_lossy(&output.stderr);
    let json = if output.stdout.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}"))
    };
    (output.status.code(), json)
}

fn agent(arguments: &[&str]) -> (Option<i32>, Value) {
    run("cccd-agent", arguments)
}

struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        program::private::replace(&self.path(name), bytes).expect("file");
        self.text(name)
    }

    fn import(&self, file: &str, more: &[&str]) -> (Option<i32>, Value) {
        let into = self.text("trust");
        agent(&[&["trust", "import", file, "--into", &into, "--json"], more].concat())
    }

    fn read(&self, card: &str, more: &[&str]) -> (Option<i32>, Value) {
        let trust = self.text("trust");
        std::fs::create_dir_all(&trust).expect("directory");
        let number = ["read", "--reader", card, "--number", "001099000017", "--json", "--trust", &trust];
        agent(&[&number[..], more].concat())
    }
}

fn certificates(issuer: &Issuer) -> Vec<Vec<u8>> {
    let files = issuer.trust_files().expect("files");
    files.into_iter().filter(|file| file.name.ends_with(".cer")).map(|file| file.der).collect()
}

fn code(json: &Value) -> Option<&str> {
    json["error"]["code"].as_str()
}

#[test]
fn master_lists_come_in_checked_compared_and_recorded() {
    let bench = Bench::new();
    let issuer = Issuer::new(IssuerFault::None).expect("issuer");
    let certificates = certificates(&issuer);
    let all: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let list = |certificates: &[&[u8]], signed_at| issuer.master_list(certificates, signed_at).expect("list");
    let first = bench.write("first.ml", &list(&all[..1], "250101000000Z"));
    // It has an entry of the site's own state: nobody is there to be asked, and nothing is written.
    let (status, json) = bench.import(&first, &[]);
    assert_eq!((status, code(&json)), (Some(64), Some("trust_anchors_unconfirmed")), "{json:#}");
    let fingerprint = |der: &[u8]| emrtd::Certificate::parse(der).map(|c| hex::encode(c.fingerprint())).expect("DER");
    assert!(json["error"]["message"].as_str().is_some_and(|message| message.contains(&fingerprint(all[0]))));
    assert!(!bench.path("trust").exists());
    let (status, json) = bench.import(&first, &["--accept-all-anchors"]);
    let taken = &json["imported"][0]["master_lists"][0];
    assert_eq!((status, &taken["authority_known"]), (Some(0), &Value::Bool(false)), "{json:#}");
    // The next version brings the link certificate; it replaces the first, and is recorded.
    let second = bench.write("second.ml", &list(&all, "260101000000Z"));
    let (status, json) = bench.import(&second, &["--accept-anchor", &fingerprint(all[1])]);
    let imported = &json["imported"][0];
    assert_eq!((status, &imported["master_lists"][0]["authority_known"]), (Some(0), &Value::Bool(true)), "{json:#}");
    let added = &imported["difference"]["added"][0];
    assert_eq!((&added["role"], &added["documents"]), (&"link".into(), &json!(["passport"])));
    assert_eq!(
        (imported["replaced"].as_array().map(Vec::len), &imported["difference"]["common"]),
        (Some(1), &1.into())
    );
    let record = std::fs::read_to_string(bench.path("trust/provenance.toml")).expect("record");
    assert!(record.contains("first.ml") && record.contains("second.ml"), "{record}");
    // Going back is refused unless it is meant.
    let (status, json) = bench.import(&first, &[]);
    assert_eq!((status, code(&json)), (Some(64), Some("master_list_older")));
    let (status, json) = agent(&["trust", "diff", &first, &second, "--json"]);
    assert_eq!((status, json["difference"]["added"].as_array().map(Vec::len)), (Some(0), Some(1)));
    // Somebody else's list for the same country.
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let own = self::certificates(&forger);
    let own: Vec<&[u8]> = own.iter().map(Vec::as_slice).collect();
    let forged = bench.write("forged.ml", &forger.master_list(&own, "270101000000Z").expect("list"));
    let (status, json) = bench.import(&forged, &["--accept-all-anchors"]);
    assert_eq!((status, code(&json)), (Some(64), Some("master_list_new_signer")));
    // A list that was changed, and a file that is nothing.
    let mut changed = std::fs::read(&second).expect("list");
    let at = changed.len() - 3;
    changed[at] ^= 1;
    for bytes in [&changed[..], b"nothing of note"] {
        let (status, json) = bench.import(&bench.write("bad", bytes), &[]);
        assert_eq!((status, code(&json)), (Some(64), Some("trust_unreadable")));
    }
    let (_, json) = agent(&["trust", "list", &bench.text("trust"), "--country", "vn", "--json"]);
    assert_eq!(json["certificates"].as_array().map(Vec::len), Some(2), "what was refused left nothing behind");
    // Only a master list vouches for Vietnam: that is the CSCA of passports, not of citizen cards.
    let (status, json) = agent(&["trust", "check", &bench.text("trust"), "--json"]);
    assert_eq!((status, &json["findings"][0]["code"]), (Some(11), &"cccd_anchor_missing".into()), "{json:#}");
    // The operator may say more of a certificate of the list.
    let directory = bench.text("trust");
    let scope = |words: &str, more: &[&str]| {
        let given = ["trust", "scope", &directory, &fingerprint(all[0])[..8], "--documents", words, "--json"];
        agent(&[&given[..], more].concat())
    };
    let (status, json) = scope("citizen_card,visa", &["--reason", "letter 12/A"]);
    assert_eq!((status, code(&json)), (Some(64), Some("documents_unknown")));
    let (status, json) = scope("citizen_card", &["--reason", "letter 12/A"]);
    assert_eq!((status, &json["scope"]["changed"][0]["documents"]), (Some(0), &json!(["citizen_card"])), "{json:#}");
    let (status, json) = agent(&["trust", "check", &directory, "--json"]);
    assert_eq!((status, json["findings"].as_array().map(Vec::len)), (Some(0), Some(0)), "{json:#}");
    // The same certificate from the operator's hand says more.
    std::fs::remove_dir_all(bench.path("trust")).expect("removed");
    let anchor = bench.write("anchor.cer", all[0]);
    assert_eq!(code(&bench.import(&anchor, &[]).1), Some("trust_anchors_unconfirmed"));
    let (_, json) = bench.import(&anchor, &["--accept-anchor", &fingerprint(all[0])[..60]]);
    assert_eq!(code(&json), Some("fingerprint_malformed"));
    assert_eq!(bench.import(&anchor, &["--accept-anchor", &fingerprint(all[0])]).0, Some(0));
    let (status, json) = agent(&["trust", "check", &bench.text("trust"), "--json"]);
    assert_eq!((status, json["findings"].as_array().map(Vec::len)), (Some(0), Some(0)), "{json:#}");
    let (_, json) = agent(&["trust", "list", &bench.text("trust"), "--json"]);
    let sha256 = json["certificates"][0]["sha256"].as_str().expect("fingerprint").to_owned();
    let (status, json) = agent(&["trust", "show", &bench.text("trust"), &sha256[..8], "--json"]);
    assert_eq!((status, &json["certificates"][0]["origin"]), (Some(0), &"operator".into()));
    let (status, json) = agent(&["trust", "show", &bench.text("trust"), "00ff", "--json"]);
    assert_eq!((status, code(&json)), (Some(64), Some("certificate_unknown")));
}

#[test]
fn a_check_names_what_is_not_used() {
    let bench = Bench::new();
    let issuer = Issuer::new(IssuerFault::None).expect("issuer");
    let files = issuer.trust_files().expect("files");
    std::fs::create_dir(bench.path("trust")).expect("directory");
    for file in files.iter().filter(|file| !file.name.contains("csca-practice-1")) {
        bench.write(&format!("trust/{}", file.name), &file.der);
    }
    bench.write("trust/readme.txt", b"not a trust file");
    bench.write("trust/pins.toml", b"[[pin]]\nsha256 = \"00\"\nreason = \"x\"\nadded = \"2026-01-01\"\n");
    let signer = issuer.document_signer(virtual_card::issuer::DocumentSigner::RsaPss).expect("certificate");
    bench.write("trust/signer.cer", &signer);
    let (status, json) = agent(&["trust", "check", &bench.text("trust"), "--json"]);
    let codes: Vec<_> =
        json["findings"].as_array().expect("findings").iter().filter_map(|f| f["code"].as_str()).collect();
    assert_eq!(status, Some(10), "{json:#}");
    for code in ["trust_left_out", "cccd_anchor_missing", "link_unanchored", "not_an_authority", "crl_unsigned"] {
        assert!(codes.contains(&code), "{code} among {codes:?}");
    }
    assert_eq!(codes.iter().filter(|code| **code == "trust_left_out").count(), 2, "{codes:?}");
}

#[test]
fn a_pinned_document_signer_makes_its_cards_genuine() {
    let bench = Bench::new();
    let (status, json) = bench.read("sim:an", &[]);
    assert_eq!((status, &json["checks"]["dsc_chain"]["reason"]), (Some(11), &"no_anchor".into()));
    // The pin is taken from a card that the operator knows: its evidence holds EF.SOD. The practice issuer makes a new
    // certificate for every card, so the same card is laid there again as files.
    let made = run("cccd-card", &["files", "--persona", "an", "--out", &bench.text("card")]);
    assert_eq!(made.0, Some(0));
    let sod = bench.text("card/011D.bin");
    let into = bench.text("trust");
    let (status, json) =
        agent(&["trust", "import", &sod, "--into", &into, "--pin", "card of the test bench", "--json"]);
    assert_eq!(status, Some(0), "{json:#}");
    let dg1 = format!("1={}", bench.text("card/0101.bin"));
    let (status, json) = agent(&["verify", "--sod", &sod, "--dg", &dg1, "--trust", &into, "--json"]);
    assert_eq!((status, &json["checks"]["dsc_chain"]["outcome"]), (Some(0), &"passed".into()), "{json:#}");
    assert!(json["checks"]["dsc_chain"]["detail"].as_str().expect("detail").contains("card of the test bench"));
    // An authority is not pinned, and what is neither is refused.
    let anchor = bench.write("anchor.cer", &certificates(&Issuer::new(IssuerFault::None).expect("issuer"))[0]);
    for (file, expected) in [(anchor, "pin_is_authority"), (bench.text("card/0101.bin"), "pin_unreadable")] {
        let (status, json) = agent(&["trust", "import", &file, "--into", &into, "--pin", "x", "--json"]);
        assert_eq!((status, code(&json)), (Some(64), Some(expected)));
    }
}

/// What a hostile name or file name could do to a terminal.
#[test]
fn no_name_reaches_the_terminal_with_control_characters() {
    let bench = Bench::new();
    let groups = std::collections::BTreeMap::from([(1, b"group".to_vec())]);
    let issuer = Issuer::odd(virtual_card::issuer::Oddity::HostileName).expect("issuer");
    let signer = virtual_card::issuer::DocumentSigner::Brainpool256;
    let sod = issuer.sod(signer, &groups, "230401120000Z").expect("SOD");
    let certificate = emrtd::lds::Sod::parse(&sod).expect("SOD").signed_data.certificates[0].der().to_vec();
    assert!(certificate.contains(&0x1B), "the name is hostile");
    std::fs::create_dir(bench.path("trust")).expect("directory");
    bench.write("trust/a\u{1b}[2Jb.cer", &certificate);
    bench.write("trust/c\u{1b}[31m.txt", b"nothing of note");
    let (trust, file) = (bench.text("trust"), bench.text("trust/a\u{1b}[2Jb.cer"));
    let pinned = bench.text("pinned");
    let sha256 = hex::encode(events::hash(&certificate).0);
    for arguments in [
        &["trust", "list", &trust][..],
        &["trust", "show", &trust, &sha256[..8]],
        &["trust", "check", &trust],
        &["trust", "diff", &pinned, &trust],
        &["trust", "import", &file, "--into", &pinned, "--pin", "a\u{1b}[2J reason"],
        &["trust", "list", &pinned],
        &["trust", "scope", &pinned, &sha256, "--documents", "passport", "--reason", "x"],
    ] {
        std::fs::create_dir_all(&pinned).expect("directory");
        let output = Command::new(hil_tests::program("cccd-agent")).args(arguments).output().expect("cccd-agent");
        let shown = [&output.stdout[..], &output.stderr].concat();
        assert!(!shown.is_empty() && output.status.code() != Some(64), "{arguments:?}");
        assert!(!shown.contains(&0x1B), "{arguments:?}: {:?}", String::from_utf8_lossy(&shown));
    }
}

/// A device that reads cards of a signer that nobody vouches for keeps the signer; who compared it pins it.
#[test]
fn signers_that_were_seen_are_listed_exported_and_pinned() {
    use store::book::{Book, seal::Seal};
    let bench = Bench::new();
    std::fs::create_dir(bench.path("trust")).expect("directory");
    bench.write("phrase", b"pass phrase of the test bench\n");
    let settings = format!(
        "profile='identify'\nreader='sim:an'\ntrust='{}'\nstate='{}'\nkeys='{}'\npass_phrase_file='{}'\n",
        bench.text("trust"),
        bench.text("state"),
        bench.text("keys"),
        bench.text("phrase")
    );
    let config = bench.write("agent.toml", settings.as_bytes());
    let loaded = config::Config::load(Path::new(&config)).expect("configuration");
    let keys = loaded.key_store().expect("keys");
    std::fs::create_dir_all(bench.path("state")).expect("directory");
    let mut book = Book::open(&bench.path("state/book.db"), Seal::open(keys)).expect("book");
    let of = |country: &str, signer| Issuer::of(country).expect("issuer").document_signer(signer).expect("certificate");
    let ours = of("VN", virtual_card::issuer::DocumentSigner::Brainpool256);
    let passport = of("UT", virtual_card::issuer::DocumentSigner::RsaPss);
    for which in 0..3u8 {
        book.saw_signer(&ours, "citizen_card", Some(&events::hash(&[which % 2])), 1_790_000_000).expect("kept");
    }
    book.saw_signer(&passport, "passport", None, 1_790_000_000).expect("kept");
    let out = bench.text("out");
    // The book stays open, as an agent at work has it.
    let seen = |more: &[&str]| agent(&[&["trust", "seen", "--config", &config, "--json"], more].concat());
    let (status, json) = seen(&["--export", &out]);
    let first = &json["signers"][0];
    assert_eq!((status, json["signers"].as_array().map(Vec::len)), (Some(0), Some(2)), "{json:#}");
    let counts = (&first["documents"], &first["numbers"], &first["document"], &first["country"]);
    assert_eq!(counts, (&3.into(), &2.into(), &"citizen_card".into(), &"VN".into()));
    let file = format!("{out}/{}.cer", first["sha256"].as_str().expect("fingerprint"));
    assert_eq!(std::fs::read(&file).expect("exported"), ours);
    // Once it is pinned nobody needs to look at it; a pin for another kind changes nothing.
    let (status, json) = bench.import(&file, &["--pin", "compared with letter 12/A", "--documents", "passport"]);
    assert_eq!((status, &json["imported"][0]["pin"]["documents"]), (Some(0), &json!(["passport"])), "{json:#}");
    assert_eq!(seen(&[]).1["signers"].as_array().map(Vec::len), Some(2));
    assert_eq!(bench.import(&file, &["--pin", "compared with letter 12/A"]).0, Some(0));
    let (_, json) = seen(&[]);
    assert_eq!((json["signers"].as_array().map(Vec::len), &json["vouched_for_by_now"]), (Some(1), &1.into()));
    drop(book);
}

fn practice_trust(bench: &Bench) {
    assert_eq!(
        Command::new(hil_tests::program("cccd-card"))
            .args(["trust", "--out"])
            .arg(bench.path("trust"))
            .output()
            .expect("cccd-card")
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn whole_evidence_is_encrypted_and_opens_for_its_pass_phrase() {
    let bench = Bench::new();
    practice_trust(&bench);
    let phrase = bench.write("phrase", b"evidence pass phrase\n");
    let (whole, bare) = (bench.text("whole"), bench.text("bare"));
    let arguments = ["--evidence", &bare, "--evidence-whole", &whole, "--pass-phrase-file", &phrase];
    let (status, read) = bench.read("sim:an", &arguments);
    assert_eq!(status, Some(0), "{read:#}");
    let trust = bench.text("trust");
    let verify =
        |file: &str, more: &[&str]| agent(&[&["evidence", "verify", file, "--trust", &trust, "--json"], more].concat());
    // Both forms are the same read: one hash, the one that an event names.
    let (status, json) = verify(&bare, &[]);
    assert_eq!((status, &json["evidence_sha256"]), (Some(0), &read["evidence_sha256"]));
    let (status, json) = verify(&whole, &["--pass-phrase-file", &phrase]);
    assert_eq!((status, &json["evidence_sha256"]), (Some(0), &read["evidence_sha256"]), "{json:#}");
    assert_eq!(json["checks"]["dg1_dg13_number"]["outcome"], "passed", "with the data at hand more can be compared");
    let (status, json) = verify(&whole, &[]);
    assert_eq!((status, code(&json)), (Some(64), Some("evidence_locked")));
    let wrong = bench.write("wrong", b"another");
    let (status, json) = verify(&whole, &["--pass-phrase-file", &wrong]);
    assert_eq!((status, code(&json)), (Some(64), Some("evidence_locked")));
    for file in [&whole, &bare] {
        let bytes = std::fs::read(file).expect("evidence");
        for personal in ["001099000017", "099000017", "NGUYEN", "Nguyễn", "JFIF"] {
            assert!(!bytes.windows(personal.len()).any(|w| w == personal.as_bytes()), "{personal} in {file}");
        }
    }
}

#[test]
fn fingerprints_are_read_with_a_key_in_a_file_or_on_a_token() {
    let bench = Bench::new();
    practice_trust(&bench);
    let terminal = bench.text("terminal");
    assert_eq!(
        Command::new(hil_tests::program("cccd-card"))
            .args(["terminal", "--out", &terminal])
            .output()
            .expect("cccd-card")
            .status
            .code(),
        Some(0)
    );
    let read = |environment: Option<&Path>| {
        let mut command = Command::new(hil_tests::program("cccd-agent"));
        command.args(["read", "--reader", "sim:an@eac", "--number", "001099000017", "--json", "--trust"]);
        command.arg(bench.path("trust")).args(["--terminal", &terminal]);
        if let Some(configuration) = environment {
            command.env("SOFTHSM2_CONF", configuration);
        }
        let output = command.output().expect("cccd-agent");
        let people = String::from_utf8_lossy(&output.stderr).into_owned();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}"));
        (output.status.code(), json)
    };
    let assert_granted = |(status, json): (Option<i32>, Value)| {
        assert_eq!(status, Some(0), "{json:#}");
        assert_eq!(json["terminal_authentication"]["result"], "granted");
        assert!(json["files"]["EF.DG3"]["length"].as_u64() > Some(100), "{json:#}");
        assert_eq!(json["checks"]["dg_hash.4"]["outcome"], "passed");
    };
    assert_granted(read(None));
    // The same key on a token, and none in the directory.
    let tokens = bench.path("tokens");
    std::fs::create_dir(&tokens).expect("directory");
    let configuration = bench.path("softhsm2.conf");
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).expect("configuration");
    let key = bench.text("terminal/terminal.key.pem");
    for arguments in [
        &["--init-token", "--free", "--label", "inspection", "--pin", "1234", "--so-pin", "5678"][..],
        &["--import", &key, "--token", "inspection", "--label", "is", "--id", "01", "--pin", "1234"],
    ] {
        let mut command = Command::new("softhsm2-util");
        let output = command.args(arguments).env("SOFTHSM2_CONF", &configuration).output().expect("softhsm2-util");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::remove_file(&key).expect("removed");
    bench.write("terminal/pin", b"1234\n");
    let settings = "pass_phrase_file = \"pin\"\n[pkcs11]\nmodule = \"/usr/lib/softhsm/libsofthsm2.so\"\ntoken = \"inspection\"\nkey = \"is\"\n";
    bench.write("terminal/terminal.toml", settings.as_bytes());
    assert_granted(read(Some(&configuration)));
    // Without certificates nobody asks for fingerprints, and what is missing is named.
    let (_, json) = bench.read("sim:an@eac", &[]);
    assert!(json["files"].get("EF.DG3").is_none() && json["terminal_authentication"].is_null());
    bench.write("terminal/terminal.toml", settings.replace("\"is\"", "\"other\"").as_bytes());
    let (status, json) = read(Some(&configuration));
    assert_eq!((status, code(&json)), (Some(64), Some("terminal_key_missing")));
}
