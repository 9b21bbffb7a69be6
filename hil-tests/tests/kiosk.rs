//! A citizen at the kiosk, in a real browser before a real pcscd: the wrong card, a card lifted, too little time, another
//! language and contrast midway, the ticket; and nothing of the person in the process's memory afterwards.

use hil_tests::Line;
use hil_tests::browser::{Browser, free_port};
use kiosk::flow::PATIENCE_S;
use kiosk_ui::font::Fonts;
use kiosk_ui::judged::{Details, Judged, Then};
use kiosk_ui::state::{Choice, Consent, Field, Layer, Preferences, Problem, Review, Screen, State};
use kiosk_ui::typing::Typing;
use kiosk_ui::{Act, Language, Phrase, view, words};
use serde_json::json;
use std::cell::RefCell;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;
use verdict::{Admission, Word};
use virtual_card::{PERSONAS, Persona};
use visit::profile::Profile;

/// The kiosk's mirror in a browser.
struct Page(Browser);

impl Page {
    fn open(url: &str) -> Self {
        Self(Browser::open(url, &shots()))
    }

    /// Waits until the screen says this, and keeps a picture of it. A machine with much to do can be slower than the
    /// kiosk's patience: asked whether they need more time, people say yes.
    fn wait_for(&mut self, kiosk: &Kiosk, words: &str) {
        let start = hil_tests::stack::now();
        let more_time = kiosk.says(Phrase::MoreTimeTitle);
        loop {
            let said = self.said();
            if said.contains(words) {
                return self.shoot(words);
            }
            if said.contains(more_time) {
                self.ask_for_more_time(kiosk);
            }
            if start.elapsed() > Duration::from_secs(40) {
                let heard = self.0.evaluate("[document.getElementById('state').textContent, heard]");
                panic!("{words:?} is not said, but {said}; {heard}; see {}", shots().display());
            }
            hil_tests::stack::pause(50);
        }
    }

    /// What the screen says.
    fn said(&mut self) -> String {
        let said = self.0.evaluate("document.getElementById('words')?.textContent ?? ''");
        said.as_str().unwrap_or_default().to_owned()
    }

    /// Takes the time that the kiosk offers. A second touch would land on what comes back behind the offer.
    fn ask_for_more_time(&mut self, kiosk: &Kiosk) {
        self.touch(kiosk, &Screen::MoreTime, Act::MoreTime);
        let start = hil_tests::stack::now();
        while self.said().contains(kiosk.says(Phrase::MoreTimeTitle)) {
            assert!(start.elapsed() < Duration::from_secs(40), "the offer of more time stays");
            hil_tests::stack::pause(50);
        }
    }

    /// A picture of the page, for people to look at.
    fn shoot(&mut self, name: &str) {
        // What is said comes before what is drawn, part by part; some screens move without an end.
        self.0.run(
            "(async () => { for (let parts, more = 4; more-- && parts !== window.parts; await drawn) {
               parts = window.parts;
               await new Promise((go_on) => setTimeout(go_on, 150));
             } })()",
        );
        self.0.shoot(name);
    }

    /// Puts a finger on what does this on a screen.
    fn touch(&mut self, kiosk: &Kiosk, screen: &Screen, act: Act) {
        let mut state = State::new(kiosk.place.panel, &kiosk.place.site);
        (state.preferences, state.screen) = (kiosk.preferences, screen.clone());
        state.seconds_left = (*screen != Screen::Attract).then_some(9);
        let scene = view(&state, &mut kiosk.fonts.borrow_mut());
        let target = scene.nodes.iter().find(|node| node.hit == Some(act)).expect("a target").rect;
        let (x, y) = (target.x + target.w / 2, target.y + target.h / 2);
        let place = self.0.evaluate(&format!(
            "(() => {{ const c = document.querySelector('canvas'), b = c.getBoundingClientRect();
               return [b.left + {x} * b.width / c.width, b.top + {y} * b.height / c.height]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.0.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Starts a visit and agrees to what the consent screen says, up to the scan.
    fn agree(&mut self, kiosk: &Kiosk, says: &str) {
        self.touch(kiosk, &Screen::Attract, Act::Start);
        self.wait_for(kiosk, says);
        let consent = Screen::Consent(Consent::default());
        self.touch(kiosk, &consent, Act::Agree);
        self.wait_for(kiosk, kiosk.says(Phrase::ScanTitle));
    }

    /// Says that what was filled in is right.
    fn confirm(&mut self, kiosk: &Kiosk, then: Then) {
        self.wait_for(kiosk, kiosk.says(Phrase::ReviewTitle));
        self.touch(kiosk, &Screen::Review(Review { rows: Vec::new(), then }), Act::Confirm);
    }

    /// Scans the code of one person's card, and lays a card.
    fn scan_and_lay(&mut self, kiosk: &Kiosk, scanned: &Persona, laid: &Persona, fault: &str) {
        self.press("scan", scanned, "none");
        self.wait_for(kiosk, kiosk.says(Phrase::PlaceCard));
        self.press("lay", laid, fault);
    }

    /// Whether the door has opened.
    fn heard_door(&mut self) -> serde_json::Value {
        self.0.evaluate("document.getElementById('heard').textContent.includes('door open')")
    }

    /// Chooses another profile in the panel.
    fn profile(&mut self, id: &str) {
        let script =
            format!("{{ const p = document.getElementById('profile'); p.value = {}; p.onchange(); }}", json!(id));
        self.0.evaluate(&script);
    }

    /// Presses a button of the panel beside the glass, with a persona chosen.
    fn press(&mut self, button: &str, persona: &Persona, fault: &str) {
        let (id, fault) = (json!(persona.id), json!(fault));
        self.0.evaluate(&format!(
            "document.getElementById('persona').value = {id}; document.getElementById('fault').value = {fault};
             document.getElementById('{button}').click()"
        ));
    }
}

struct Kiosk {
    place: kiosk::flow::Place,
    preferences: Preferences,
    fonts: RefCell<Fonts>,
}

impl Kiosk {
    fn says_word(&self, word: Word) -> &'static str {
        words::of(word).title.text(self.preferences.language)
    }

    fn says(&self, phrase: Phrase) -> &'static str {
        phrase.text(self.preferences.language)
    }
}

fn shots() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kiosk-scenario");
    std::fs::create_dir_all(&directory).expect("directory");
    directory
}

#[test]
fn from_attract_to_ticket_through_every_mishap() {
    let directory = tempfile::tempdir().expect("directory");
    let mut line = Line::provision(directory.path()).expect("line");
    line.start_central().expect("central");
    let port = free_port();
    // A machine with much to do takes its time between a look and a touch.
    let patience = 20;
    assert!(patience < PATIENCE_S);
    let process = line.start_kiosk(port, patience).expect("kiosk");
    let mut browser = Page::open(&format!("http://127.0.0.1:{port}/"));
    let place = hil_tests::mirror::place(patience);
    let mut kiosk = Kiosk { place, preferences: Preferences::default(), fonts: RefCell::new(Fonts::new()) };
    let (an, binh) = (&PERSONAS[0], &PERSONAS[1]);

    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));
    browser.profile("hospital-kiosk");
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));
    browser.agree(&kiosk, kiosk.says(Phrase::ConsentTitle));

    // Language and contrast midway.
    browser.touch(&kiosk, &Screen::Scan { insurance: false }, Act::Language);
    kiosk.preferences.language = Language::English;
    browser.wait_for(&kiosk, kiosk.says(Phrase::ScanTitle));
    browser.touch(&kiosk, &Screen::Scan { insurance: false }, Act::Contrast);
    kiosk.preferences.high_contrast = true;

    // Too little time, and more of it.
    browser.wait_for(&kiosk, kiosk.says(Phrase::MoreTimeTitle));
    browser.ask_for_more_time(&kiosk);
    browser.wait_for(&kiosk, kiosk.says(Phrase::ScanTitle));

    // Somebody else's card.
    browser.scan_and_lay(&kiosk, an, binh, "none");
    browser.wait_for(&kiosk, kiosk.says(Phrase::WrongCard));
    browser.press("lift", binh, "none");
    let problem = Problem { what: Phrase::WrongCard, next: Phrase::CheckNumber, tries_left: 2, refused: false };
    browser.touch(&kiosk, &Screen::Problem(problem), Act::Retry);
    browser.wait_for(&kiosk, kiosk.says(Phrase::ScanTitle));

    // The right one, lifted in the middle and put back.
    browser.scan_and_lay(&kiosk, an, an, "slow:300");
    browser.wait_for(&kiosk, kiosk.says(Phrase::StepText));
    browser.press("lift", an, "none");
    browser.wait_for(&kiosk, kiosk.says(Phrase::CardLifted));
    browser.press("lay", an, "none");
    browser.wait_for(&kiosk, kiosk.says_word(Word::Proved));
    let judged = Judged::new(Word::Proved, Admission::GoesOn, Details::default());
    let result = Screen::Result(judged.then(Then::Ticket));
    browser.touch(&kiosk, &result, Act::Finish);
    browser.wait_for(&kiosk, "Outpatients");
    let hospital = Profile::built_in("hospital-kiosk").expect("profile");
    let departments = &hospital.form().next().expect("a question").choice;
    let options = departments.iter().map(|one| (one.label_vi.clone(), one.label_en.clone())).collect();
    let choice = Choice { label: ("Khoa khám".to_owned(), "Department".to_owned()), options, from: 0 };
    browser.touch(&kiosk, &Screen::Choice(choice), Act::Choose(1));
    browser.confirm(&kiosk, Then::Ticket);
    browser.wait_for(&kiosk, kiosk.says(Phrase::TicketTitle));
    let ticket = Screen::Ticket { number: "A001".to_owned(), place: String::new(), queue: None };
    browser.touch(&kiosk, &ticket, Act::Finish);
    browser.wait_for(&kiosk, kiosk.says(Phrase::TakeCardTitle));
    browser.press("lift", an, "none");

    // The next person finds the usual settings, and nothing of this one.
    kiosk.preferences = Preferences::default();
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));

    // Another profile asks for more: two fields, one in Vietnamese.
    browser.profile("register");
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));
    browser.agree(&kiosk, "cách liên hệ");
    browser.scan_and_lay(&kiosk, binh, binh, "none");
    browser.wait_for(&kiosk, kiosk.says_word(Word::Proved));
    browser.touch(&kiosk, &result, Act::Finish);
    browser.wait_for(&kiosk, "Số điện thoại");
    let mut field = Field {
        label: (String::new(), String::new()),
        text: Typing::default(),
        at: 0,
        of: 2,
        layer: Layer::Digits,
        wrong: false,
    };
    for key in "0912345".chars() {
        browser.touch(&kiosk, &Screen::Form(field.clone()), Act::Key(key));
    }
    browser.touch(&kiosk, &Screen::Form(field.clone()), Act::Confirm);
    browser.wait_for(&kiosk, "Nơi ở hiện nay");
    (field.at, field.layer) = (1, Layer::Upper);
    for key in "Nguyeexn Hueej".chars() {
        if key.is_uppercase() && field.layer == Layer::Lower {
            browser.touch(&kiosk, &Screen::Form(field.clone()), Act::Shift);
            field.layer = Layer::Upper;
        }
        browser.touch(&kiosk, &Screen::Form(field.clone()), Act::Key(key));
        field.layer = Layer::Lower;
    }
    browser.shoot("Nguyễn Huệ");
    browser.touch(&kiosk, &Screen::Form(field), Act::Confirm);
    browser.confirm(&kiosk, Then::Finish);
    browser.wait_for(&kiosk, kiosk.says(Phrase::TakeCardTitle));
    browser.press("lift", binh, "none");
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));

    // A copy, and a card that cannot show that it is none.
    for (fault, word) in [("cloned", Word::NotGenuine), ("no-clone-check", Word::Unproved)] {
        browser.agree(&kiosk, "cách liên hệ");
        browser.scan_and_lay(&kiosk, an, an, fault);
        browser.wait_for(&kiosk, kiosk.says_word(word));
        browser.press("lift", an, "none");
        browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));
    }

    // A car park: the relay of its barrier.
    browser.profile("parking");
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));
    browser.agree(&kiosk, "lượt vào");
    browser.scan_and_lay(&kiosk, an, an, "none");
    browser.wait_for(&kiosk, kiosk.says_word(Word::Proved));
    assert_eq!(browser.heard_door(), json!(false), "not before the disk has it");
    browser.touch(&kiosk, &result, Act::Finish);
    browser.wait_for(&kiosk, "Biển số xe");
    let mut field = Field {
        label: (String::new(), String::new()),
        text: Typing::default(),
        at: 0,
        of: 1,
        layer: Layer::Upper,
        wrong: false,
    };
    browser.touch(&kiosk, &Screen::Form(field.clone()), Act::Key('X'));
    field.layer = Layer::Lower;
    browser.shoot("plate");
    browser.touch(&kiosk, &Screen::Form(field), Act::Confirm);
    browser.confirm(&kiosk, Then::Finish);
    browser.wait_for(&kiosk, kiosk.says(Phrase::TakeCardTitle));
    assert_eq!(browser.heard_door(), json!(true));
    browser.press("lift", an, "none");
    browser.wait_for(&kiosk, kiosk.says(Phrase::TouchToStart));

    let events = line.events().expect("events");
    let of = |kind: &str| -> Vec<&str> {
        let bodies = events.iter().filter_map(|event| event["event"]["body"].get(kind));
        bodies.filter_map(|body| body["profile"].as_str()).collect()
    };
    let (hospital, register, parking) = ("hospital-kiosk", "register", "parking");
    assert_eq!(of("verification"), [hospital, register, register, register, parking], "one verdict, one event");
    // Whoever agreed and met the wrong card has agreed once, too.
    assert_eq!(of("consent"), [hospital, register, register, register, parking]);
    assert_eq!(of("visit"), [hospital, register, register, register, parking], "each visit ended once");
    let ended = events.iter().filter_map(|event| event["event"]["body"].get("visit")).map(|visit| &visit["result"]);
    let served = ended.filter(|result| *result == "done").count();
    assert_eq!(served, 3, "a copy and a card that proved nothing were not");
    let words = [an.name, an.number, binh.name, binh.number, "Nguyễn Huệ", "0912345"];
    for needle in words.map(str::as_bytes) {
        let what = String::from_utf8_lossy(needle);
        let found = in_memory(process.id(), needle);
        assert!(found.is_empty(), "{what} is still in memory: {found:?}");
    }
}

/// Where bytes stand in the memory that a process writes to: its heap, stacks and anonymous mappings. What is mapped from
/// the program file are constants, the personas themselves among them.
fn in_memory(process: u32, needle: &[u8]) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("maps");
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem")).expect("memory");
    let mut found = Vec::new();
    let mut looked_at = 0;
    for map in maps.lines().filter(|map| map.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (from, to) = map.split_once(' ').and_then(|(range, _)| range.split_once('-')).expect("a range");
        let edge = |text| u64::from_str_radix(text, 16).expect("an address");
        let mut bytes = vec![0; usize::try_from(edge(to) - edge(from)).expect("length")];
        let read = memory.seek(SeekFrom::Start(edge(from))).and_then(|_| memory.read_exact(&mut bytes));
        if read.is_ok() {
            looked_at += bytes.len();
            for at in memchr::memmem::find_iter(&bytes, needle).take(3) {
                let around = &bytes[at.saturating_sub(48)..(at + needle.len() + 48).min(bytes.len())];
                found.push(format!("{map} +{at:x}: {}", String::from_utf8_lossy(around)));
            }
        }
    }
    assert!(looked_at > 1 << 20, "there is memory to look at");
    found
}
