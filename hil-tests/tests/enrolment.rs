//! Enrolment with everything real: TLS, the technician's tool at the device, the technician's page in a browser, and clients
//! that are not ours.

use events::{Clock as _, Quality};
use hil_tests::browser::Browser;
use hil_tests::fleet::{DAY, HandClock, settle};
use hil_tests::fleet_line::{AtTheScreen, FleetLine, TECHNICIAN};
use identity::TrustedClock;
use identity::keeper::Progress;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 2099-01-01.
const FAR: i64 = 4_070_908_800;

#[test]
fn tls_and_time_work_at_1970_and_at_2099() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    for (name, system) in [("at-1970", 0), ("at-2099", FAR)] {
        line.listed(name).expect("listed");
        // What the device knew of the past is gone with its clock: only the network is left.
        let identity = line.path(name).join("identity");
        let mut state = identity::State::load(&identity).expect("state").expect("state");
        state.floor = 0;
        if let Some(current) = &mut state.current {
            current.not_before = 0;
        }
        state.save(&identity).expect("state");
        let clock = Arc::new(TrustedClock::without_build_time(HandClock::at(system), 0));
        let keeper = line.keeper(name, Arc::clone(&clock)).expect("keeper");
        assert_eq!((clock.wall(), clock.quality()), (system, Quality::System));
        keeper.report(0).expect("central is asked for the time, and then takes the report");
        assert_eq!(clock.quality(), Quality::Signed, "{name}");
        assert!(clock.wall().abs_diff(FleetLine::now()) < 10, "{name}");
        let seen = line.devices().expect("devices");
        let seen = seen.iter().find(|device| device["name"] == *name).expect("the device");
        assert_eq!(seen["time_quality"], "signed");
    }
    // A device that is enrolled for the first time at 1970, and one at 2099.
    for (name, system) in [("new-1970", 0), ("new-2099", FAR)] {
        line.expect(&[name], "Site A", "identify").expect("expected");
        let roots = std::fs::read(line.path("ca/fleet-ca.cert.pem")).expect("roots");
        let roots = fleet::authority::Roots::from_pem(&roots).expect("roots");
        let state = identity::State::new(name, "rig", &line.url(), Some(&roots));
        state.save(&line.path(name).join("identity")).expect("state");
        let clock = Arc::new(TrustedClock::without_build_time(HandClock::at(system), 0));
        let mut keeper = line.keeper(name, clock).expect("keeper");
        let end = settle(&mut keeper).expect("settled");
        let Progress::Resting { until } = end else { panic!("{name}: {end:?}") };
        assert!((30 * DAY..90 * DAY).contains(&(until - FleetLine::now())), "{name}");
    }
}

#[test]
fn a_signed_time_from_another_fleet_is_not_believed() {
    let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let (line, other) = (FleetLine::start(one.path()).expect("line"), FleetLine::start(two.path()).expect("line"));
    line.listed("device").expect("listed");
    // The name leads to somebody else.
    let identity = line.path("device/identity");
    let mut state = identity::State::load(&identity).expect("state").expect("state");
    if let Some(place) = &mut state.place {
        place.central = other.url();
    }
    state.save(&identity).expect("state");
    let clock = FleetLine::clock_at(0);
    let keys = drivers::key_store::file::FileKeyStore::new(&line.path("device/keys"), b"a pass phrase of the rig");
    let keys: Arc<dyn drivers::key_store::KeyStore> = Arc::new(keys);
    let central = Arc::new(identity::Https::new(&other.url(), Arc::clone(&keys), Arc::clone(&clock)));
    let mut keeper = identity::Keeper::open(&identity, keys, central, Arc::clone(&clock), "rig").expect("keeper");
    assert_eq!(keeper.synchronise().expect_err("not believed").code(), "central_unreachable");
    assert!(clock.quality() < Quality::Signed);
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().expect("a program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn est_is_spoken_to_clients_that_are_not_ours() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    let est = |path: &str| format!("{}/.well-known/est/{path}", line.url());
    let curl = |arguments: &[&str]| {
        run(Command::new("curl").args(["-s", "--cacert", &line.text("ca/fleet-ca.cert.pem")]).args(arguments))
    };
    let body = line.text("body");
    let decode = |what: &[&str]| {
        let script = format!("base64 -d -i '{body}' | openssl {}", what.join(" "));
        run(Command::new("sh").args(["-c", &script]))
    };
    let (well, headers) = curl(&["-D", "-", "-o", &body, &est("cacerts")]);
    assert!(well && headers.contains("200") && headers.contains("application/pkcs7-mime"), "{headers}");
    let (well, said) = decode(&["pkcs7", "-inform", "DER", "-print_certs", "-noout"]);
    assert!(well && said.contains("cccd-edge fleet root 1"), "{said}");
    assert!(curl(&["-o", &body, &est("csrattrs")]).0);
    let (well, said) = decode(&["asn1parse", "-inform", "DER"]);
    assert!(
        well && said.contains("id-ecPublicKey") && said.contains("prime256v1") && said.contains("ecdsa-with-SHA256"),
        "{said}"
    );
    // Requests that are none, and doors that want a certificate.
    let code = |arguments: &[&str]| curl(&[&["-w", "%{http_code}"], arguments].concat()).1;
    let enrol = est("simpleenroll");
    for refused in [
        code(&["-d", "nonsense", &enrol]),
        code(&["-d", "nonsense", "-H", "cccd-enrolment: !!", &enrol]),
        code(&["-d", "nonsense", "-H", "cccd-enrolment: AAAA", &enrol]),
    ] {
        assert!(refused.ends_with("400") && refused.contains("fleet_malformed"), "{refused}");
    }
    let large = code(&["--data-binary", &"x".repeat(40_000), &enrol]);
    assert!(large.ends_with("413"), "{large}");
    for path in ["v1/assignment", "v1/bundle"] {
        let refused = code(&[&format!("{}/{path}", line.url())]);
        assert!(refused.ends_with("401") && refused.contains("certificate_missing"), "{refused}");
    }
    let refused = code(&["-d", "x", &format!("{}/v1/events", line.url())]);
    assert!(refused.ends_with("401") && refused.contains("certificate_missing"), "{refused}");
    // The page's address knows nobody without a session.
    let (relay, dismiss) = (json!({ "request": "AAAA" }), json!({ "birth": "00" }));
    let words = json!({ "birth": "00", "site": "s", "profile": "p", "words": [], "roots": null });
    let asked = [
        ("requests", None),
        ("request/00", None),
        ("relay", Some(&relay)),
        ("dismiss", Some(&dismiss)),
        ("confirm", Some(&words)),
    ];
    for (path, body) in asked {
        let refused = line.ask_page("", path, body).expect_err("refused").to_string();
        assert!(refused.contains("technician_unknown"), "{path}: {refused}");
    }
}

fn shots() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("technician");
    std::fs::create_dir_all(&directory).expect("directory");
    directory
}

/// Waits until the page says something.
fn wait_for(browser: &mut Browser, words: &str) {
    let start = hil_tests::stack::now();
    loop {
        let said = browser.evaluate("document.getElementById('main').innerText");
        if said.as_str().is_some_and(|said| said.contains(words)) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(40), "{words:?} is not said, but {said}");
        hil_tests::stack::pause(50);
    }
}

fn log_in(browser: &mut Browser) {
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    wait_for(browser, "Đăng nhập");
    browser.shoot("login");
    browser.evaluate(&format!(
        "document.getElementById('name').value = {}; document.getElementById('word').value = 'a pass word of the rig';
         document.querySelector('form').requestSubmit()",
        json!(TECHNICIAN)
    ));
}

/// The words on the page.
fn words(browser: &mut Browser) -> Vec<String> {
    let shown = browser.evaluate("[...document.querySelectorAll('#words li')].map(li => li.textContent)");
    shown.as_array().expect("words").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn choose(browser: &mut Browser, site: &str, button: &str) {
    browser.evaluate(&format!(
        "document.getElementById('site').value = {}; document.getElementById('profile').value = 'identify';
         document.getElementById({}).click()",
        json!(site),
        json!(button)
    ));
}

/// How long each step took, to be printed; a person's eyes and fingers come on top.
struct Watch(Instant, Vec<(&'static str, Duration)>);

impl Watch {
    fn lap(&mut self, what: &'static str) {
        let now = hil_tests::stack::now();
        self.1.push((what, now.duration_since(self.0)));
        self.0 = now;
    }
}

#[test]
fn from_box_to_trusted_with_a_phone_step_by_step() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    let mut watch = Watch(hil_tests::stack::now(), Vec::new());
    let screen = AtTheScreen::start(line.enrol("box-1", "qr", &[])).expect("a screen with a code");
    watch.lap("keys made, request at central, code and words on the screen");
    let mut browser = Browser::open(&format!("{}#id={}", line.page(), screen.birth), &shots());
    log_in(&mut browser);
    wait_for(&mut browser, "So sáu từ");
    watch.lap("page opened from the code, technician logged in, words on the phone");
    browser.shoot("words");
    assert_eq!(words(&mut browser), screen.words, "nobody stands between");
    assert_eq!(browser.evaluate("location.hash"), json!(""), "the phone's history keeps no request");
    choose(&mut browser, "Bệnh viện A", "confirm");
    wait_for(&mut browser, "Đã xác nhận");
    watch.lap("words compared, site chosen, confirmed");
    browser.shoot("confirmed");
    let said = screen.finish().expect("let in");
    watch.lap("certificate issued, tried and used");
    assert!(said.contains("box-1 is let in, at Bệnh viện A"), "{said}");
    for (what, took) in &watch.1 {
        println!("{:>6} ms  {what}", took.as_millis());
    }
    let total: Duration = watch.1.iter().map(|(_, took)| *took).sum();
    println!("{:>6} ms  without a person's eyes and fingers, who have the rest of ninety seconds", total.as_millis());

    // Somebody else's device is refused, and says so.
    let mut second = AtTheScreen::start(line.enrol("box-2", "qr", &[])).expect("a screen with a code");
    let token = line.log_in().expect("session");
    let mut wrong = second.words.clone();
    wrong.swap(0, 5);
    let body = json!({ "birth": second.birth, "site": "S", "profile": "identify", "words": wrong, "roots": null });
    let refused = line.ask_page(&token, "confirm", Some(&body)).expect_err("refused").to_string();
    assert!(refused.contains("words_differ"), "{refused}");
    drop(second.process.kill());
    drop(second.process.wait());
    // A few guesses, fewer than ten, and then none costs a hash any more.
    let guess = |_| {
        let wrong = line.ask_page("", "login", Some(&json!({ "name": TECHNICIAN, "pass_word": "guess" })));
        wrong.expect_err("refused").to_string()
    };
    let refusals: Vec<String> = (0..10).map(guess).collect();
    assert!(refusals[0].contains("technician_unknown") && refusals[9].contains("technician_locked"), "{refusals:?}");
}

#[test]
fn a_phone_carries_request_and_answer_for_a_device_without_a_network() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    let mut device = line.enrol("island-1", "phone", &[]);
    let mut device = device.stdin(Stdio::piped()).spawn().expect("device");
    let mut lines = BufReader::new(device.stdout.take().expect("output")).lines();
    let mut hash = String::new();
    let mut shown = Vec::new();
    for said in lines.by_ref() {
        let said = said.expect("a line");
        if let Some((_, rest)) = said.split_once("/technician#") {
            rest.trim().clone_into(&mut hash);
        }
        if let Some((_, words)) = said.split_once("[3/5] ").filter(|(_, words)| words.contains(" · ")) {
            shown = words.split(" · ").map(|word| word.trim().to_owned()).collect();
            break;
        }
    }
    let mut browser = Browser::open(&format!("{}#{hash}", line.page()), &shots());
    log_in(&mut browser);
    wait_for(&mut browser, "So sáu từ");
    assert_eq!(words(&mut browser), shown);
    // What the page gets is what it shows as codes.
    browser.evaluate("window.parts = null; { const f = window.fetch; window.fetch = async (...a) => { const r = await f(...a); if (a[0].endsWith('/confirm')) { window.parts = (await r.clone().json()).parts; } return r; }; }");
    choose(&mut browser, "Trạm đảo C", "confirm");
    wait_for(&mut browser, "Đã xác nhận");
    browser.shoot("relay");
    let parts = browser.evaluate("window.parts");
    let parts: Vec<&str> = parts.as_array().expect("parts").iter().filter_map(|part| part.as_str()).collect();
    assert!(parts.len() > 1);
    let mut scanner = device.stdin.take().expect("input");
    // The screen turns: the scanner sees them in any order, and some of them twice.
    for part in parts.iter().rev().chain(&parts) {
        if writeln!(scanner, "{part}").is_err() {
            break;
        }
    }
    drop(scanner);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(device.wait().expect("ended").success(), "{rest:?}");
    assert!(rest.last().is_some_and(|last| last.contains("island-1 is let in, at Trạm đảo C")), "{rest:?}");
}

#[test]
fn a_running_agent_renews_takes_bundles_and_says_what_time_it_is() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    line.listed("agent-1").expect("listed");
    // The anchors come with the bundle only, and the profile's settings with it.
    let trust = line.text("parts/trust");
    let made = Command::new(hil_tests::program("cccd-card")).args(["trust", "--out", &trust]).status();
    assert!(made.expect("cccd-card").success());
    std::fs::create_dir_all(line.path("parts/fleet")).expect("directory");
    std::fs::copy(line.path("ca/fleet-ca.cert.pem"), line.path("parts/fleet/roots.pem")).expect("roots");
    std::fs::write(line.path("parts/site.toml"), "direction = \"in\"\n").expect("settings");
    line.publish("parts", 1).expect("published");
    // Its certificate is due at the start.
    let identity = line.path("agent-1/identity");
    let mut state = identity::State::load(&identity).expect("state").expect("state");
    let now = FleetLine::now();
    if let Some(current) = &mut state.current {
        (current.not_before, current.not_after) = (now - 80 * DAY, now + 10 * DAY);
    }
    state.save(&identity).expect("state");
    let config = line.path("agent-1/agent.toml");
    let text = std::fs::read_to_string(&config).expect("configuration").replace("\"pcsc\"", "\"sim:an\"");
    std::fs::write(&config, text.replace("trust = \"trust\"", "trust = \"identity\"")).expect("configuration");
    let log = std::fs::File::create(line.path("agent.log")).expect("log");
    let mut agent = Command::new(hil_tests::program("cccd-agent"))
        .args(["run", "--config"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("agent");
    let known = |ready: &dyn Fn(&serde_json::Value) -> bool| {
        let devices = line.devices().expect("devices");
        devices.into_iter().find(|device| device["name"] == "agent-1" && ready(device))
    };
    let device = hil_tests::stack::until("it reports the bundle", || known(&|device| device["bundle"] == 1));
    assert_eq!(device["time_quality"], "signed");
    assert_eq!(device["state"], "active");
    // It reads with the anchors of the bundle, and its events come with the new certificate.
    let mut input = agent.stdin.take().expect("input");
    writeln!(input, "001099000017||Nguyễn Văn An|15011999|Nam|Hà Nội|16012022").expect("scan");
    let db = line.text("central.db");
    let events = || -> Vec<serde_json::Value> {
        let output = Command::new(hil_tests::program("cccd-central")).args(["--db", &db, "events"]).output();
        let text = String::from_utf8(output.expect("events").stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let verdict = hil_tests::stack::until("a verdict", || {
        let found = events().into_iter().find(|event| event["event"]["body"].get("verification").is_some());
        found.filter(|event| event["event"]["tq"] == "signed")
    });
    assert_eq!(verdict["event"]["body"]["verification"]["word"], "proved", "the anchors are the bundle's");
    for what in ["bundle_activated", "certificate_renewed"] {
        hil_tests::stack::until(what, || {
            events().into_iter().find(|event| event["event"]["body"]["device"]["what"] == what)
        });
    }
    // The key goes before the word that it is gone: a cut between the two is mended at the next start.
    let state = hil_tests::stack::until("the old key is forgotten", || {
        identity::State::load(&identity).expect("state").filter(|state| state.previous.is_none())
    });
    assert!(!line.path("agent-1/keys/tls-a.key.pem").exists());
    drop(input);
    assert!(agent.wait().expect("ended").success());
    assert_eq!(state.current.expect("a credential").key, "tls-b");

    // From a stick: an older one is refused, a newer one taken.
    let take = |bundle: &str| {
        let output = Command::new(hil_tests::program("cccd-agent"))
            .args(["bundle", "--config"])
            .arg(&config)
            .arg(line.path(bundle))
            .output()
            .expect("agent");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = take("bundle-1");
    assert!(status == Some(64) && said.contains("bundle_older"), "{said}");
    std::fs::write(line.path("parts/site.toml"), "direction = \"sideways\"\n").expect("settings");
    line.publish("parts", 2).expect("published");
    let (status, said) = take("bundle-2");
    assert!(status == Some(64) && said.contains("bundle_entry") && said.contains("site.toml"), "{said}");
    std::fs::write(line.path("parts/site.toml"), "direction = \"out\"\n").expect("settings");
    line.publish("parts", 3).expect("published");
    assert_eq!(take("bundle-3").0, Some(0));
    assert_eq!(line.bundles("agent-1").active(), 3);

    // Without a network, and shut out since: what it recorded before goes by stick, and a receipt comes back.
    let mut text = std::fs::read_to_string(&config).expect("configuration");
    text.push_str("sync = false\n");
    std::fs::write(&config, text).expect("configuration");
    let agent = |arguments: &[&str]| {
        let mut command = Command::new(hil_tests::program("cccd-agent"));
        command.args(arguments).args(["--config"]).arg(&config);
        run(&mut command)
    };
    std::fs::write(line.path("agent-1/bundles/active/site.toml"), "direction = \"both\"\n").expect("a damaged file");
    scan_once(&line, "agent-1");
    assert_eq!(line.bundles("agent-1").active(), 1, "the bundle before is used");
    line.fleet(&["revoke", "agent-1", "--why", "broken"]).expect("revoked");
    let stick = line.text("stick");
    std::fs::create_dir_all(&stick).expect("stick");
    let before = events().len();
    let (well, said) = agent(&["outbox", "export", &stick]);
    assert!(well && !said.starts_with("0 events"), "{said}");
    assert!(line.fleet(&["import", &stick]).expect("imported").contains("agent-1"));
    let new = events().split_off(before);
    let told = |what: &str| new.iter().find(|event| event["event"]["body"]["device"]["what"] == what);
    let withdrawn = &told("bundle_withdrawn").expect("it is told")["event"]["body"]["device"];
    assert_eq!((&withdrawn["from"], &withdrawn["to"]), (&json!("3"), &json!("1")));
    line.fleet(&["import", &stick]).expect("again is no error");
    let receipt = format!("{stick}/agent-1.receipt");
    let (well, said) = agent(&["outbox", "receipt", &receipt]);
    assert!(well, "{said}");
    assert!(agent(&["outbox", "export", &stick]).1.starts_with("0 events"), "nothing is left to send");
    std::fs::write(&receipt, "forged").expect("file");
    let (well, said) = agent(&["outbox", "receipt", &receipt]);
    assert!(!well && said.contains("fleet_signature"), "{said}");

    // Softly reset it is the same device, which was shut out; hard, it is a new one.
    scan_once(&line, "agent-1");
    let (well, said) = agent(&["reset", "--soft"]);
    assert!(!well && said.contains("outbox_not_empty"), "{said}");
    assert!(agent(&["reset", "--soft", "--lose-events"]).0);
    let again = |token: &str| {
        program::private::replace(&line.path("token"), token.as_bytes()).expect("token");
        let mut command = line.enrol("agent-1", "token", &["--token-file", &line.text("token"), "--within", "1"]);
        run(&mut command)
    };
    let token = line.fleet(&["token", "--site", "Site B", "--profile", "identify"]).expect("token");
    again(&token);
    let state = identity::State::load(&identity).expect("state").expect("state");
    assert_eq!(state.underway.expect("a request").refused.as_deref(), Some("device_revoked"));
    let (well, said) = agent(&["reset", "--hard", "--lose-events"]);
    assert!(well, "{said}");
    let (well, said) = again(&token);
    assert!(well && said.contains("agent-1-2 is let in, at Site B"), "{said}");
    scan_once(&line, "agent-1");
}

#[test]
fn the_demonstration_of_a_fleet_ends_as_it_says() {
    let output = Command::new(hil_tests::program("hil-fleet")).output().expect("hil-fleet");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("8 at work, 1 shut out with its copy, 1 revoked"), "{said}");
}

/// An agent of a device with one scan on the simulated reader, until it has ended.
fn scan_once(line: &FleetLine, device: &str) {
    let mut agent = Command::new(hil_tests::program("cccd-agent"))
        .args(["run", "--config", &line.text(&format!("{device}/agent.toml"))])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("agent");
    let scan = "001099000017||Nguyễn Văn An|15011999|Nam|Hà Nội|16012022\n";
    agent.stdin.take().expect("input").write_all(scan.as_bytes()).expect("scan");
    assert!(agent.wait().expect("ended").success());
}

/// A device with a simulated reader and anchors.
fn reads(line: &FleetLine, device: &str) {
    let trust = line.text(&format!("{device}/trust"));
    let made = Command::new(hil_tests::program("cccd-card")).args(["trust", "--out", &trust]).output();
    assert!(made.expect("cccd-card").status.success());
    let config = line.path(&format!("{device}/agent.toml"));
    let text = std::fs::read_to_string(&config).expect("configuration").replace("\"pcsc\"", "\"sim:an\"");
    std::fs::write(&config, text).expect("configuration");
}

/// Central signs its log, and a device has its table of keys.
fn receipts(line: &mut FleetLine, device: &str) {
    let begin = ["log", "begin", "--origin", "log.example/events", "--dir", &line.text("log")];
    let begun = Command::new(hil_tests::program("cccd-central")).args(begin).output().expect("cccd-central");
    assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
    let settings = std::fs::read_to_string(line.path("registrar.toml")).expect("settings");
    std::fs::write(line.path("registrar.toml"), settings + "log = \"log\"\n").expect("settings");
    line.restart_central().expect("central");
    let config = line.path(&format!("{device}/agent.toml"));
    let text = std::fs::read_to_string(&config).expect("configuration");
    std::fs::write(&config, format!("log_keys = {:?}\n{text}", line.text("log/keys"))).expect("configuration");
}

/// Types what the auditor's page says, line for line, about the first event of a device.
fn audited_as_the_page_says(line: &FleetLine, device: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit.md");
    let page = std::fs::read_to_string(page).expect("page");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let here = |word: &str| match word {
        "/etc/cccd-agent/agent.toml" => line.text(&format!("{device}/agent.toml")),
        "/etc/cccd-central/log-2" => line.text("log-2"),
        "/media/auditor/log" => line.text("auditor"),
        "4711" => "1".to_owned(),
        word => word.to_owned(),
    };
    let mut ran = Vec::new();
    for typed in blocks.flat_map(str::lines).filter(|typed| !typed.starts_with("systemctl ")) {
        let words: Vec<String> = typed.split_whitespace().map(here).collect();
        let (program, arguments) = words.split_first().expect("a command");
        let mut command = Command::new(hil_tests::program(program));
        command.current_dir(line.path(""));
        if program == "cccd-central" {
            command.args(["--db", &line.text("central.db"), "--registrar", &line.text("registrar.toml")]);
        }
        let output = command.args(arguments).output().expect("run");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{typed}: {said}{}", String::from_utf8_lossy(&output.stderr));
        match (arguments[0].as_str(), arguments[1].as_str()) {
            ("log", "keys") => std::fs::write(line.path("log.keys"), said).expect("written"),
            ("log", "copy") => {
                std::fs::copy(line.path("auditor/checkpoint"), line.path("checkpoint-of-january")).expect("kept");
            }
            ("receipt", "verify") => {
                let proved: serde_json::Value = serde_json::from_str(&said).expect("JSON");
                assert_eq!((&proved["device"], &proved["sequence"]), (&device.into(), &1.into()));
                assert_eq!(proved["origin"], "log.example/events");
            }
            ("audit", _) => assert!(said.contains("that was signed") && said.contains("audited: "), "{said}"),
            _ => {}
        }
        ran.push(typed.to_owned());
    }
    assert_eq!(ran.len(), 8, "{ran:#?}");
}

#[test]
fn a_copied_disk_is_found_by_its_log_and_both_machines_are_shut_out() {
    let directory = tempfile::tempdir().expect("directory");
    let mut line = FleetLine::start(directory.path()).expect("line");
    line.listed("agent-1").expect("listed");
    reads(&line, "agent-1");
    receipts(&mut line, "agent-1");
    let line = line;
    let state = || line.devices().expect("devices")[0]["state"].clone();
    let sent = || {
        let db = line.text("central.db");
        let output = Command::new(hil_tests::program("cccd-central")).args(["--db", &db, "events"]).output();
        String::from_utf8(output.expect("events").stdout).expect("text").lines().count()
    };
    scan_once(&line, "agent-1");
    hil_tests::stack::until("the first events", || (sent() > 0).then_some(()));
    audited_as_the_page_says(&line, "agent-1");
    let copied = Command::new("cp").arg("-a").args([line.path("agent-1"), line.path("copy")]).status();
    assert!(copied.expect("cp").success());
    let before = sent();
    scan_once(&line, "agent-1");
    hil_tests::stack::until("what it did since", || (sent() > before).then_some(()));
    assert_eq!(state(), "active", "central has seen one machine only");
    let before = sent();
    scan_once(&line, "copy");
    hil_tests::stack::until("both are shut out", || (state() == "quarantined").then_some(()));
    assert_eq!(sent(), before, "nothing of the copy is in the log");
    // The original is shut out, too: central cannot tell which is which.
    scan_once(&line, "agent-1");
    assert_eq!(sent(), before);
    let doctor = Command::new(hil_tests::program("cccd-agent"))
        .args(["outbox", "export", "--config", &line.text("agent-1/agent.toml"), &line.text("stick")])
        .output();
    let said = String::from_utf8_lossy(&doctor.expect("agent").stdout).into_owned();
    assert!(!said.starts_with("0 events"), "what it recorded since waits, and can be brought: {said}");
}

#[test]
fn an_operator_hands_over_to_another_key_inside_a_bundle() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    line.listed("agent-1").expect("listed");
    reads(&line, "agent-1");
    let phrase = line.text("pass-phrase");
    let key = |keys: &str, out: &str| {
        line.provision(&["bundle", "key", "--keys", &line.text(keys), "--pass-phrase-file", &phrase, "--out", out])
    };
    std::fs::create_dir_all(line.path("parts/operators")).expect("directory");
    key("next", &line.text("parts/operators/next.pem")).expect("made");
    let take = |keys: &str, version: &str| {
        let out = line.text(&format!("{keys}-{version}"));
        let parts = line.text("parts");
        let build = ["bundle", "build", &parts, "--version", version, "--environment", "practice", "--out", &out];
        line.provision(&[&build[..], &["--keys", &line.text(keys), "--pass-phrase-file", &phrase]].concat())
            .expect("built");
        let mut agent = Command::new(hil_tests::program("cccd-agent"));
        run(agent.args(["bundle", "--config", &line.text("agent-1/agent.toml"), &out]))
    };
    let (well, said) = take("next", "1");
    assert!(!well && said.contains("fleet_signature"), "nobody has named it yet: {said}");
    let (well, said) = take("operator", "2");
    assert!(!well && said.contains("bundle_signatures"), "nobody has shown that it has that key: {said}");
    let bundle = |verb: &str, keys: &str, file: &str, out: &str| {
        let (keys, file, out) = (line.text(keys), line.text(file), line.text(out));
        line.provision(&["bundle", verb, &file, "--keys", &keys, "--pass-phrase-file", &phrase, "--out", &out])
            .expect("signed");
        let mut agent = Command::new(hil_tests::program("cccd-agent"));
        run(agent.args(["bundle", "--config", &line.text("agent-1/agent.toml"), &out]))
    };
    let (well, said) = bundle("countersign", "next", "operator-2", "both-2");
    assert!(well, "{said}");
    let (well, said) = take("next", "3");
    assert!(well, "{said}");
    let (well, said) = take("operator", "4");
    assert!(!well && said.contains("fleet_signature"), "its time is over: {said}");
    // What it built is signed by its successor.
    let (well, said) = bundle("sign", "next", "operator-4", "signed-4");
    assert!(well, "{said}");
    assert_eq!(line.bundles("agent-1").active(), 4);
}
