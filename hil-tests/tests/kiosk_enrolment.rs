//! A kiosk is let in at its own screen: its picture is read as a phone's camera would, by a decoder that is not ours.

use config::Config;
use devices::lines::Signal;
use events::SystemClock;
use fleet::authority::Roots;
use hil_tests::fleet_line::FleetLine;
use kiosk::stage::{Entrance, Glass, Heard, Outside, entrance};
use kiosk_ui::Act;
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::Slip;
use program::Failure;
use program::Private;
use provisioning::device::{Setup, prepare};
use serde_json::json;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is on the glass: the words of the scene and the lightness of each pixel.
#[derive(Default, Clone)]
struct Shown {
    words: Vec<(&'static str, u16, String)>,
    buttons: Vec<(Act, Rect)>,
    luma: Vec<u8>,
    size: (u32, u32),
}

struct Camera(Arc<Mutex<Shown>>);

impl Glass for Camera {
    fn show(&mut self, canvas: &Canvas, scene: &Scene, _: &[Rect]) {
        let all = canvas.bounds();
        let luma = canvas.rgb(all).chunks_exact(3).map(|rgb| rgb[1]).collect();
        let say = |node: &kiosk_ui::scene::Node| Some((node.id.0, node.id.1, node.say.as_deref()?.clone()));
        let words = scene.nodes.iter().filter_map(say).collect();
        let buttons = scene.nodes.iter().filter_map(|node| Some((node.hit?, node.rect))).collect();
        *self.0.lock().expect("shown") =
            Shown { words, buttons, luma, size: (all.w.unsigned_abs(), all.h.unsigned_abs()) };
    }
    fn erase(&mut self) {}
    fn hear(&mut self, _: Heard<'_>) {}
    fn signal(&mut self, _: Signal) {}
    fn print(&mut self, _: Slip) {}
    fn open_door(&mut self) {}
}

/// A kiosk at work on a device that nobody has let in.
struct Kiosk {
    shown: Arc<Mutex<Shown>>,
    outside: Entrance,
    ended: Receiver<Result<(), Failure>>,
    thread: JoinHandle<()>,
}

impl Kiosk {
    fn start(line: &FleetLine, device: &str, central: &str, roots: Option<&Roots>) -> Self {
        let setup = Setup {
            serial: device,
            model: "kiosk",
            central,
            roots,
            trust: Path::new("trust"),
            key_store: "file",
            pass_phrase_file: &line.path("pass-phrase"),
        };
        let directory = line.path(device);
        prepare(&directory, &setup).expect("prepared");
        // A reader that needs no service; what else a kiosk has is not needed here.
        let file = directory.join("agent.toml");
        let text = std::fs::read_to_string(&file).expect("configuration");
        std::fs::write(&file, text.replace("\"pcsc\"", "\"sim:an\"")).expect("configuration");
        let mut trust = std::process::Command::new(hil_tests::program("cccd-card"));
        trust.args(["trust", "--out"]).arg(directory.join("trust"));
        assert!(trust.stdout(std::process::Stdio::null()).status().expect("cccd-card").success());
        let config = Config::load(&file).expect("configuration");
        let (outside, inbox) = entrance();
        let shown = Arc::new(Mutex::new(Shown::default()));
        let glass = Box::new(Camera(Arc::clone(&shown)));
        let place = hil_tests::mirror::place(45);
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            drop(end.send(kiosk::run(
                config,
                place,
                Arc::new(SystemClock::new()),
                cccd_agent::commands::around(),
                inbox,
                glass,
            )));
        });
        Self { shown, outside, ended, thread }
    }

    fn shown(&self) -> Shown {
        self.shown.lock().expect("shown").clone()
    }

    /// Waits until a node says what is wanted.
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Shown) -> Option<T>) -> T {
        let start = hil_tests::stack::now();
        loop {
            let shown = self.shown();
            if let Some(found) = look(&shown) {
                return found;
            }
            let ended = self.ended.try_recv().ok();
            assert!(ended.is_none(), "the kiosk ended before {what}: {ended:?}");
            assert!(start.elapsed() < Duration::from_secs(60), "{what} never came: {:?}", shown.words);
            hil_tests::stack::pause(50);
        }
    }

    /// The code and the six words as the glass has them.
    fn code_and_words(&self) -> (String, Vec<String>) {
        self.wait_for("a code with six words", |shown| {
            let words: Vec<String> = (0..6).map_while(|at| word(shown, at)).collect();
            Some((decode(shown)?, words)).filter(|(_, words)| words.len() == 6)
        })
    }

    /// Touches what does this, as soon as it is there.
    fn touch(&self, act: Act) {
        self.press(act, 0);
    }

    /// Holds what does this for longer than anybody does by chance.
    fn hold(&self, act: Act) {
        self.press(act, kiosk::flow::HOLD_MS + 500);
    }

    fn press(&self, act: Act, milliseconds: u64) {
        let at = self.wait_for(&format!("{act:?}"), |shown| {
            let found = shown.buttons.iter().find(|(each, _)| *each == act);
            found.map(|(_, rect)| (rect.x + rect.w / 2, rect.y + rect.h / 2))
        });
        self.outside.send(Outside::Down(at.0, at.1)).expect("it feels");
        hil_tests::stack::pause(milliseconds);
        self.outside.send(Outside::Up(at.0, at.1)).expect("it feels");
    }

    fn stop(self) {
        self.outside.send(Outside::Stop).expect("the kiosk hears");
        self.thread.join().expect("no panic");
        self.ended.recv().expect("an end").expect("a good end");
    }
}

fn word(shown: &Shown, at: u16) -> Option<String> {
    let (_, _, said) = shown.words.iter().find(|(id, number, _)| *id == "word" && *number == at)?;
    Some(said.split_once(". ")?.1.to_owned())
}

fn decode(shown: &Shown) -> Option<String> {
    let (width, height) = shown.size;
    let found = rxing::helpers::detect_in_luma(shown.luma.clone(), width, height, Some(rxing::BarcodeFormat::QR_CODE));
    Some(found.ok()?.getText().to_owned())
}

fn serves(shown: &Shown) -> Option<()> {
    shown.words.iter().any(|(id, _, _)| *id == "start").then_some(())
}

#[test]
fn a_kiosk_is_let_in_at_its_own_screen_and_begins_to_serve() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    // Somebody forgot the pass phrase: that is said on the glass, and goes on when it is there.
    let phrase = line.path("pass-phrase");
    let hidden = line.path("hidden");
    std::fs::rename(&phrase, &hidden).expect("hidden");
    let kiosk = Kiosk::start(&line, "kiosk-1", &line.url(), None);
    kiosk.wait_for("what is wrong", |shown| {
        shown.words.iter().any(|(_, _, said)| said.contains("pass_phrase_unreadable")).then_some(())
    });
    std::fs::rename(&hidden, &phrase).expect("there again");
    let (code, words) = kiosk.code_and_words();
    let (page, birth) = code.split_once("#id=").expect("a fingerprint");
    assert_eq!(page, format!("{}/technician", line.url()));
    let token = line.log_in().expect("session");
    line.confirm(&token, birth, &words, "Sảnh A").expect("the words are those of the page");
    kiosk.wait_for("the call to begin", serves);
    kiosk.stop();
    let state = identity::State::load(&line.path("kiosk-1/identity")).expect("readable").expect("an identity");
    assert_eq!(state.place.expect("a place").site, "Sảnh A");
}

#[test]
fn a_card_that_was_reported_lost_is_turned_away_though_it_is_genuine() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    let card = virtual_card::PERSONAS.iter().find(|persona| persona.id == "an").expect("a persona");
    let qr = card.qr();
    let fields: Vec<&str> = qr.split('|').collect();
    let (number, issued) = (fields[0], fields[6]);
    let issued = format!("{}-{}-{}", &issued[4..], &issued[2..4], &issued[..2]);
    std::fs::write(line.path("lost.csv"), format!("number,issued\n{number},{issued}\n")).expect("table");
    let (table, out) = (line.text("lost.csv"), line.text("parts/revoked/cards"));
    line.ca(&["revoked", &table, "--site", "Sảnh A", "--out", &out]).expect("made");
    assert!(!std::fs::read(&out).expect("list").windows(12).any(|part| part == number.as_bytes()), "it names nobody");
    line.publish("parts", 1).expect("published");
    let kiosk = Kiosk::start(&line, "kiosk-1", &line.url(), None);
    let (code, words) = kiosk.code_and_words();
    let birth = code.split_once("#id=").expect("a fingerprint").1;
    let token = line.log_in().expect("session");
    line.confirm(&token, birth, &words, "Sảnh A").expect("the words are those of the page");
    kiosk.wait_for("the call to begin", serves);
    kiosk.wait_for("the bundle", |_| (line.bundles("kiosk-1").active() == 1).then_some(()));
    kiosk.touch(Act::Start);
    kiosk.touch(Act::Agree);
    kiosk.wait_for("the request to scan", |shown| {
        shown.buttons.iter().any(|(act, _)| *act == Act::TypeNumber).then_some(())
    });
    kiosk.outside.send(Outside::Scan(Private(qr.to_string().into()))).expect("it hears");
    kiosk.wait_for("that the card was reported lost", |shown| {
        shown.words.iter().any(|(_, _, said)| said.contains("báo mất")).then_some(())
    });
    kiosk.stop();
}

#[test]
fn a_kiosk_without_a_network_is_let_in_through_phone_and_scanner() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    let roots = std::fs::read(line.path("ca/fleet-ca.cert.pem")).expect("roots");
    let roots = Roots::from_pem(&roots).expect("roots");
    let nowhere = format!("https://127.0.0.1:{}", hil_tests::browser::free_port());
    let kiosk = Kiosk::start(&line, "island-1", &nowhere, Some(&roots));
    let (code, words) = kiosk.code_and_words();
    let (request, roots) = code.split_once("#r=").and_then(|(_, rest)| rest.split_once("&roots=")).expect("a request");
    let token = line.log_in().expect("session");
    let carried = line.ask_page(&token, "relay", Some(&json!({ "request": request }))).expect("carried");
    let confirm = json!({ "birth": carried["birth"], "site": "Trạm đảo", "profile": "register", "words": words,
                          "roots": roots, "relay": true });
    let answer = line.ask_page(&token, "confirm", Some(&confirm)).expect("the words are those of the page");
    let parts = answer["parts"].as_array().expect("parts");
    let scan = |text: &str| kiosk.outside.send(Outside::Scan(Private(text.to_owned().into()))).expect("it hears");
    // Somebody holds a card to it first.
    scan("079085001234|012345678|NGUYỄN VĂN A");
    kiosk.wait_for("what is wrong with that", |shown| {
        shown.words.iter().any(|(id, _, said)| *id == "now" && said.contains("malformed")).then_some(())
    });
    parts.iter().rev().for_each(|part| scan(part.as_str().expect("a text")));
    kiosk.wait_for("the call to begin", serves);
    // Its bundles come the same way, on the technician's screen only.
    std::fs::create_dir_all(line.path("parts")).expect("directory");
    std::fs::write(line.path("parts/site.toml"), "direction = \"in\"\n").expect("settings");
    line.publish("parts", 3).expect("published");
    let bundle = line.ask_page(&token, "bundle?site=Tr%E1%BA%A1m%20%C4%91%E1%BA%A3o", None).expect("codes");
    let parts = bundle["parts"].as_array().expect("parts");
    scan(parts[0].as_str().expect("a text"));
    hil_tests::stack::pause(500);
    assert_eq!(line.bundles("island-1").active(), 0, "nobody takes it from a passer-by");
    kiosk.hold(Act::Technician);
    parts.iter().for_each(|part| scan(part.as_str().expect("a text")));
    kiosk.wait_for("the bundle", |_| (line.bundles("island-1").active() == 3).then_some(()));
    kiosk.wait_for("that it was taken", |shown| {
        shown.words.iter().any(|(id, _, said)| *id == "carried" && said.ends_with(": 3")).then_some(())
    });
    kiosk.touch(Act::Finish);
    kiosk.wait_for("the call to begin", serves);
    // It serves as the technician said.
    kiosk.touch(Act::Start);
    let profile = visit::profile::Profile::built_in("register").expect("a profile");
    kiosk.wait_for("the purpose of that profile", |shown| {
        shown.words.iter().any(|(_, _, said)| *said == profile.purpose_vi).then_some(())
    });
    kiosk.stop();
}
