//! The desk's page before a stand-in for the device: on every screen that a desk has, with none, few and many people; and what
//! becomes of a scan, at every step of a visit.

use hil_tests::browser::Browser;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers `/v1` in the page itself: no card, no device.
const STAND_IN: &str = include_str!("../src/page/stand_in.js");
/// What of the page cannot be reached.
const MEASURE: &str = include_str!("../src/page/measure.js");
/// What the device sends with each part (`desk/src/guard.rs`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// Width and height in CSS pixels: 200 per cent of 1366x768 is half of it, and 320 is what WCAG 1.4.10 asks for.
const SIZES: [(u32, u32); 7] =
    [(1366, 768), (1920, 1080), (3840, 2160), (768, 1024), (390, 844), (683, 384), (320, 568)];

/// What the counter says to the board.
static BOARD: Mutex<String> = Mutex::new(String::new());

fn lock(board: &Mutex<String>) -> MutexGuard<'_, String> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
    let desk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../desk");
    let found = match path {
        "/key.js" => Ok(STAND_IN.as_bytes().to_vec()),
        "/" => fs::read(desk.join("src/page/index.html")),
        "/board" => fs::read(desk.join("src/board/index.html")),
        "/board.css" | "/board.js" => fs::read(desk.join("src/board").join(path.trim_start_matches('/'))),
        // As many numbers as the address of the page says is the test's: what it sets, the board sees.
        "/board.json" => Ok(lock(&BOARD).clone().into_bytes()),
        font if font.ends_with(".woff2") => fs::read(desk.join("fonts").join(font.trim_start_matches('/'))),
        part => fs::read(desk.join("src/page").join(part.trim_start_matches('/'))),
    };
    let kind = match path.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("woff2") => "font/woff2",
        _ => "text/html; charset=utf-8",
    };
    let (status, body) = found.map_or((404, Vec::new()), |body| (200, body));
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\ncontent-security-policy: {POLICY}\r\n\
         cache-control: max-age=600\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

/// Serves the page as it lies in the tree; its address.
fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(answer(stream)));
        }
    });
    format!("http://{address}/")
}

struct Page {
    browser: Browser,
    address: String,
    faults: Vec<String>,
    /// When the last key was typed, seconds since 1970.
    clock: f64,
}

impl Page {
    fn open(name: &str) -> Self {
        let address = page();
        let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let browser = Browser::open(&format!("{address}words.js"), &shots);
        Self { browser, address, faults: Vec::new(), clock: 0.0 }
    }

    fn size(&mut self, (width, height): (u32, u32)) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.browser.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    fn load(&mut self, query: &str) {
        self.size(SIZES[0]);
        self.browser.run(&format!("location.assign('{}?{query}')", self.address));
        self.browser.wait_until(&format!(
            "location.search === '?{query}' && document.readyState === 'complete' \
             && document.querySelector('main')?.hidden === false && document.fonts.status === 'loaded' \
             && (document.getElementById('rows').children.length > 0 || !document.getElementById('empty').hidden) \
             && document.querySelector('#shortcuts').children.length > 0"
        ));
    }

    /// What cannot be reached, on every screen; on narrow ones in the list, too.
    fn measure(&mut self, what: &str, sizes: &[(u32, u32)], list: bool) {
        for size in sizes {
            self.size(*size);
            self.note(what, *size);
            let desk = self.browser.evaluate("document.querySelector('main').dataset.view === 'desk'");
            if list && size.0 < 768 && desk == json!(true) {
                self.browser.run("show('guests')");
                self.note(&format!("{what}, list"), *size);
                self.browser.run("show('desk')");
            }
        }
    }

    fn note(&mut self, what: &str, (width, height): (u32, u32)) {
        let found = self.browser.run(MEASURE);
        let found = found.as_array().expect("a list").iter();
        self.faults.extend(found.take(5).map(|fault| format!("{what} at {width}x{height}: {fault}")));
    }

    fn accessible(&mut self, what: &str, axe: Option<&str>, dark: bool) {
        let Some(axe) = axe else { return };
        let theme = if dark { "dark" } else { "light" };
        self.size(SIZES[0]);
        self.browser.run(&format!("setLook('theme', '{theme}')"));
        if self.browser.evaluate("typeof axe") != json!("object") {
            self.browser.evaluate(axe);
        }
        let script = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
            .then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(' ')}`))";
        let found = self.browser.run(script);
        let found = found.as_array().expect("a list").iter();
        self.faults.extend(found.map(|fault| format!("{what}, {theme}: {fault}")));
    }
}

fn axe() -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    let axe = fs::read_to_string(target.join("npm/axe-core/axe.min.js")).ok();
    if axe.is_none() {
        test_support::skipped("accessibility of the desk's views: no axe-core; `cargo xtask test` fetches it");
    }
    axe
}

#[test]
fn everything_that_can_be_done_is_in_sight_on_every_screen_with_none_few_and_many_people() {
    let axe = axe();
    let mut page = Page::open("desk-layout");
    for (at, kind) in ["lodging", "exam", "hospital", "gate", "beneficiary", "onestop"].into_iter().enumerate() {
        page.load(&format!("kind={kind}&rows=30"));
        page.measure(&format!("{kind}, 30 people"), &SIZES, true);
        page.accessible(kind, axe.as_deref(), at % 2 == 0);
        page.size(SIZES[0]);
        page.browser.shoot(kind);
        // Views that share their lists need not be counted through again.
        let counts: &[u32] = if at < 3 { &[0, 1, 300] } else { &[0] };
        for rows in counts {
            page.browser.run(&format!("setRows({rows}); loadToday()"));
            // How many there are makes the list long, and a row no wider: a wide and a narrow screen say it.
            page.measure(&format!("{kind}, {rows} people"), &[SIZES[0], SIZES[4]], true);
        }
    }
    page.load("kind=hospital&rows=30&duty=manager");
    for view in ["figures", "shift", "people", "looks"] {
        page.browser.run(&format!("show('{view}')"));
        page.browser.wait_until("document.querySelector('section.on [id$=-body]')?.children.length > 0");
        page.measure(view, &SIZES, true);
        page.accessible(view, axe.as_deref(), view == "figures");
        page.browser.shoot(view);
    }
    assert_eq!(page.faults, Vec::<String>::new());
}

#[test]
fn a_call_rings_is_in_sight_on_every_screen_and_is_taken_and_the_next_number_is_called() {
    let axe = axe();
    let mut page = Page::open("desk-calls");
    page.load("kind=hospital&rows=30&calls=2");
    page.browser.wait_until("document.querySelectorAll('#calls button').length === 2 && window.rang > 0");
    page.measure("two calls", &SIZES, true);
    page.accessible("two calls", axe.as_deref(), false);
    page.browser.shoot("calls");
    let said = page.browser.evaluate("document.querySelector('#calls li').textContent");
    assert!(said.as_str().is_some_and(|said| said.contains("kiosk-sanh-1") && said.contains("đang quét mã")), "{said}");
    page.browser.run("document.querySelector('#calls button').click()");
    page.browser.wait_until("document.querySelectorAll('#calls li.taken').length === 1");
    page.measure("a call that somebody took", &[SIZES[0], SIZES[6]], false);
    page.browser.run("[...document.querySelectorAll('#queue button')][0].click()");
    page.browser.wait_until("document.querySelector('#queue').textContent.includes('A046')");
    // Nobody waits any more, and somebody else calls: the device says so.
    page.browser.run("setCalls([]); hear('calls', {})");
    page.browser.wait_until("document.getElementById('calls').hidden");
    // A locked page is silent.
    page.browser.run("showLock()");
    assert_eq!(page.browser.evaluate("document.getElementById('calls').hidden"), json!(true));
    let asked = page.browser.evaluate("window.asked.filter((one) => !one.includes('/sessions')).join()");
    assert_eq!(asked, json!("POST /v1/calls/ID/take,POST /v1/queue/next"));
    assert_eq!(page.faults, Vec::<String>::new());
}

#[test]
fn the_board_is_large_fits_its_screen_and_says_who_is_called() {
    let called = |list: &[(&str, &str, u32)]| {
        let of = |(at, (number, place, times)): (i64, &(&str, &str, u32))| {
            let at = 1_790_000_000 - at;
            json!({ "number": number, "place": place, "counter": "Quầy 1", "at": at, "times": times })
        };
        let called: Vec<Value> = (0..).zip(list).map(of).collect();
        *lock(&BOARD) = json!({ "site": "BỆNH VIỆN ĐA KHOA TÂN BÌNH", "waiting": 12, "called": called }).to_string();
    };
    let place = "Phòng khám Nội tổng hợp số 12, tầng 2, khu nhà B";
    let first = [
        ("A046", place, 1),
        ("B013", place, 1),
        ("A045", place, 1),
        ("KSK-2026-0001", "", 1),
        ("A044", place, 1),
        ("C1", place, 1),
    ];
    called(&first);
    let mut page = Page::open("board");
    page.browser.run(&format!("location.assign('{}board')", page.address));
    page.browser
        .wait_until("document.getElementById('number')?.textContent === 'A046' && document.fonts.status === 'loaded'");
    assert_eq!(page.browser.evaluate("window.spoken.length"), json!(0), "what was called before is old");
    for size in [(1920, 1080), (3840, 2160), (1280, 1024)] {
        page.size(size);
        page.browser.shoot(&format!("board-{}", size.0));
        let faults = page.browser.run(
            "(() => { const out = []; const root = document.documentElement;
              if (root.scrollWidth > innerWidth + 1 || root.scrollHeight > innerHeight + 1) out.push('scrolls');
              for (const id of ['site', 'time', 'number', 'place', 'waiting', 'called']) {
                const node = document.getElementById(id), box = node.getBoundingClientRect();
                if (box.left < 0 || box.top < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1) out.push(id);
                if (id === 'number' && node.scrollWidth > node.clientWidth + 1) out.push('the number is cut');
              }
              // A hall reads it from ten metres: a tenth of the picture's height.
              if (parseFloat(getComputedStyle(document.getElementById('number')).fontSize) < innerHeight / 10) out.push('small');
              return out; })()",
        );
        assert_eq!(faults, json!([]), "{size:?}");
    }
    let and_first = |call| std::iter::once(call).chain(first).collect::<Vec<_>>();
    called(&and_first(("A047", "Phòng 3", 1)));
    page.browser.wait_until("window.spoken.length === 1");
    assert_eq!(page.browser.evaluate("window.spoken[0]"), json!("Mời số A 0 4 7, đến Phòng 3"));
    called(&and_first(("A047", "Phòng 3", 2)));
    page.browser.wait_until("window.spoken.length === 2");
}

#[test]
fn every_step_of_a_visit_has_its_actions_in_sight_on_every_screen() {
    let axe = axe();
    let mut page = Page::open("desk-steps");
    let steps = [
        ("lodging", "consent"),
        ("lodging", "key"),
        ("lodging", "chip"),
        ("lodging", "staff"),
        ("lodging", "face"),
        ("lodging", "form"),
        ("lodging", "end"),
        ("exam", "face"),
        ("hospital", "form"),
    ];
    for (at, (kind, step)) in steps.into_iter().enumerate() {
        let word = if step == "staff" { "signed" } else { "proved" };
        page.load(&format!("kind={kind}&rows=3&step={step}&word={word}"));
        page.measure(&format!("{kind}, {step}"), &SIZES, false);
        if at % 2 == 1 || step == "form" {
            page.accessible(&format!("{kind}, {step}"), axe.as_deref(), at % 4 == 1);
        }
        page.size(SIZES[0]);
        page.browser.shoot(&format!("{kind}-{step}"));
    }
    // A proctor compares two portraits of 300 pixels under a seat of 84.
    page.load("kind=exam&rows=3&step=face&word=proved");
    let large = page.browser.run(
        "[parseFloat(getComputedStyle(document.querySelector('.seat b')).fontSize), ...[...document.querySelectorAll('#step img')].map((one) => Math.round(one.getBoundingClientRect().width))]",
    );
    assert_eq!(large, json!([84, 300, 300]));
    assert_eq!(page.faults, Vec::<String>::new());
}

/// Keys with times of their own: what a scanner types in a moment, however busy this machine is. Each begins a second after the
/// one before.
#[allow(clippy::disallowed_methods, reason = "the browser's keys have times; nothing is decided by them")]
fn typed(page: &mut Page, text: &str, gap_ms: f64, ends: &[&str]) {
    let now = page.browser.run("Date.now() / 1000").as_f64().expect("a time");
    page.clock = page.clock.max(now) + 1.0;
    keys(page, text, gap_ms, ends);
}

/// Keys that follow those before them.
fn keys(page: &mut Page, text: &str, gap_ms: f64, ends: &[&str]) {
    let letters = text.chars().map(|letter| letter.to_string());
    for key in letters.chain(ends.iter().map(|&end| end.to_owned())) {
        page.clock += gap_ms / 1000.0;
        let enter = key == "Enter";
        let typed = if enter { "\r" } else { &key };
        let code = if enter { 13 } else { 0 };
        let down = json!({ "type": "keyDown", "key": key, "text": typed, "timestamp": page.clock, "windowsVirtualKeyCode": code });
        page.browser.call("Input.dispatchKeyEvent", down);
        // A button hears a space when it is let go.
        if enter || key == " " {
            let up =
                json!({ "type": "keyUp", "key": key, "timestamp": page.clock + 0.001, "windowsVirtualKeyCode": code });
            page.browser.call("Input.dispatchKeyEvent", up);
        }
    }
}

const CODE: &str = "001099000017|Nguyen Van An|15011999|Nam y n";
const LINES: [&str; 2] =
    ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

/// What is written and chosen, and which step shows.
const STATE: &str = "JSON.stringify([document.querySelector('#step').dataset.step, session?.waits, session?.outcome, typing, \
    document.getElementById('q').value, [...document.querySelectorAll('#step input, #step select, #step textarea, dialog input, dialog select')].map((one) => one.type === 'radio' ? one.checked : one.value)])";

#[test]
fn a_scan_is_a_scan_wherever_it_falls_and_approves_ends_and_loses_nothing() {
    let mut page = Page::open("desk-scans");
    page.size(SIZES[0]);
    let mut wrong = Vec::new();
    let steps = ["", "consent", "chip", "staff", "face", "form", "end"];
    let kinds = [("lodging", &steps[..]), ("exam", &["consent", "face", "end"]), ("hospital", &["form"])];
    for (kind, steps) in kinds {
        for step in steps {
            let word = if *step == "staff" { "signed" } else { "proved" };
            let step_of = if step.is_empty() { String::new() } else { format!("&step={step}") };
            page.load(&format!("kind={kind}&rows=3{step_of}&word={word}"));
            // Where the focus is, in a search, on a judgement that was reached somehow, on a choice.
            for focus in ["", "#q", "#step [data-judges]", "#step select", "#step input"] {
                // A search and a choice are the same ones everywhere.
                if (focus == "#q" && !step.is_empty()) || (focus == "#step input" && *step != "form") {
                    continue;
                }
                if !focus.is_empty() {
                    let there = page.browser.run(&format!(
                        "Boolean(document.querySelector('{focus}')?.focus() ?? document.querySelector('{focus}'))"
                    ));
                    if there != json!(true) {
                        continue;
                    }
                }
                let before = page.browser.run(STATE);
                typed(&mut page, CODE, 8.0, &["Enter"]);
                if focus.is_empty() {
                    // Carriage return and line feed; a slower one, after which somebody is impatient; a passport.
                    typed(&mut page, CODE, 25.0, &["Enter", "Enter"]);
                    typed(&mut page, LINES[0], 12.0, &["Enter"]);
                    typed(&mut page, "", 300.0, &["Enter"]);
                }
                let asked = page.browser.run("asked");
                let after = page.browser.run(STATE);
                if asked != json!([]) || before != after {
                    wrong.push(format!("{kind} {step} {focus}: {asked} {before} {after}"));
                }
                let said = page.browser.run("document.querySelector('#toast').textContent.length > 10");
                assert_eq!(said, json!(true), "{kind} {step}: what became of the scan is said");
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());

    // The step that waits for one takes it, also where the focus is elsewhere, and lines of a passport as one.
    page.load("kind=lodging&rows=3&step=key");
    page.browser.run("document.getElementById('q').focus()");
    typed(&mut page, CODE, 10.0, &["Enter"]);
    page.browser.wait_until("session.waits === 'chip'");
    assert_eq!(page.browser.run("asked"), json!(["POST /v1/sessions/ID/key {\"scan\":\"001099000017\"}"]));
    assert_eq!(page.browser.run("document.getElementById('q').value"), json!(""));
    page.load("kind=lodging&rows=3&step=key&word=pinned");
    typed(&mut page, LINES[0], 10.0, &["Enter"]);
    keys(&mut page, LINES[1], 10.0, &["Enter"]);
    page.browser.wait_until("session.waits === 'chip'");
    let lines = LINES.join("\\n");
    assert_eq!(page.browser.run("asked"), json!([format!("POST /v1/sessions/ID/key {{\"scan\":\"{lines}\"}}")]));

    // A busy machine hears a scanner's keys late: what they are is said by when they were struck.
    let busy = "new Promise((go_on) => setTimeout(go_on, 600))";
    page.load("kind=lodging&rows=3&step=key&word=pinned");
    typed(&mut page, LINES[0], 10.0, &["Enter"]);
    let (begun, rest) = LINES[1].split_at(20);
    keys(&mut page, begun, 10.0, &[]);
    page.browser.run(busy);
    keys(&mut page, rest, 10.0, &["Enter"]);
    page.browser.wait_until("session.waits === 'chip'");
    assert_eq!(page.browser.run("asked"), json!([format!("POST /v1/sessions/ID/key {{\"scan\":\"{lines}\"}}")]));
    page.load("kind=hospital&rows=3&step=form&word=proved");
    let before = page.browser.run(STATE);
    typed(&mut page, "2", 10.0, &[]);
    page.browser.run(busy);
    assert_ne!(page.browser.run(STATE), before, "one digit is a choice");
    keys(&mut page, "01099000017", 10.0, &["Enter"]);
    assert_eq!(page.browser.run(STATE), before, "and none when it was the first of a scan");

    // One that came before consent is used after it, and not before; one of a visit that was broken off is forgotten.
    page.load("kind=lodging&rows=3&step=consent");
    typed(&mut page, CODE, 10.0, &["Enter"]);
    assert_eq!(page.browser.run("asked"), json!([]));
    press(&mut page.browser, "F8", 119);
    page.browser.wait_until("session.waits === 'chip'");
    let asked = page.browser.run("asked");
    assert_eq!(asked, json!(["POST /v1/sessions/ID/consent", "POST /v1/sessions/ID/key {\"scan\":\"001099000017\"}"]));
    page.load("kind=lodging&rows=3&step=consent&word=pinned");
    typed(&mut page, CODE, 10.0, &["Enter"]);
    press(&mut page.browser, "F9", 120);
    page.browser.wait_until("asked.length === 1");
    assert_eq!(page.browser.run("[asked[0], early]"), json!(["DELETE /v1/sessions/ID", null]));

    // Letters of somebody's fingers stay letters.
    page.load("kind=lodging&rows=3&step=form");
    page.browser.run("document.querySelector('[name=\"a.room\"]').focus()");
    typed(&mut page, "305", 140.0, &["Enter"]);
    let here =
        page.browser.run("[document.querySelector('[name=\"a.room\"]').value, document.activeElement.name, asked]");
    assert_eq!(here, json!(["305", "a.arrival", []]), "Enter goes on to the next field, and saves nothing");
}

fn press(browser: &mut Browser, key: &str, code: u32) {
    for kind in ["keyDown", "keyUp"] {
        browser.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code }));
    }
}

#[test]
fn a_judgement_hears_its_own_key_or_one_that_is_held_and_neither_space_nor_enter_nor_letters() {
    let mut page = Page::open("desk-judging");
    page.size(SIZES[0]);
    let steps = [("consent", 2), ("staff", 2), ("face", 3), ("end", 2)];
    for (step, judges) in steps {
        let word = if step == "staff" { "signed" } else { "proved" };
        page.load(&format!("kind=lodging&rows=3&step={step}&word={word}"));
        assert_eq!(
            page.browser.run("document.querySelectorAll('#step [data-judges]').length"),
            json!(judges),
            "{step}"
        );
        let focus = page.browser.run("document.activeElement.matches('button')");
        assert_eq!(focus, json!(false), "{step}: no button has the focus by itself");
        for at in 0..judges {
            page.browser.run(&format!("document.querySelectorAll('#step [data-judges]')[{at}].focus()"));
            for (key, code, text) in
                [("Enter", 13, "\r"), (" ", 32, " "), ("y", 89, "y"), ("n", 78, "n"), ("Y", 89, "Y")]
            {
                let down = json!({ "type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code });
                page.browser.call("Input.dispatchKeyEvent", down);
                let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
                page.browser.call("Input.dispatchKeyEvent", up);
            }
            let asked = page.browser.run("[asked, session?.waits ?? null]");
            assert_eq!(asked, json!([[], step]), "{step}: {at}");
        }
    }
    // Held for half a second it judges, once; F9 does at once.
    page.load("kind=lodging&rows=3&step=face&word=proved");
    let held = json!({ "type": "keyDown", "key": "y", "text": "y", "windowsVirtualKeyCode": 89 });
    page.browser.call("Input.dispatchKeyEvent", held);
    page.browser.wait_until("asked.length > 0");
    let up = json!({ "type": "keyUp", "key": "y", "windowsVirtualKeyCode": 89 });
    page.browser.call("Input.dispatchKeyEvent", up);
    assert_eq!(page.browser.run("asked"), json!(["POST /v1/sessions/ID/face"]));
    page.load("kind=lodging&rows=3&step=face&word=pinned");
    press(&mut page.browser, "F9", 120);
    page.browser.wait_until("asked.length > 0");
    assert_eq!(page.browser.run("asked"), Value::from(vec!["POST /v1/sessions/ID/face"]));
    // What is not in sight cannot be judged by a key.
    page.load("kind=lodging&rows=3&step=face&word=proved&view=portal");
    page.browser.run("show('portal')");
    press(&mut page.browser, "F8", 119);
    assert_eq!(page.browser.run("asked"), json!([]));
}
