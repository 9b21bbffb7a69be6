//! The desk page in a real browser before a real pcscd, with the keyboard only; its accessibility by axe-core; the
//! vendor-plugin doors with socket.io-client and a browser's WebSocket; and those who should not get in.

use hil_tests::browser::Browser;
use hil_tests::office::{LIST_PHRASE, Office, Setup, UNLOCK, list, photograph};
use hil_tests::{FIRST_READER, Line};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use virtual_card::Persona;

fn shots(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A package of the npm registry, unpacked into the target directory by `cargo xtask`.
fn npm(name: &str, file: &str) -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    std::fs::read_to_string(target.join("npm").join(name).join(file)).ok()
}

fn paired(line: &Line, office: &Office, shots: &Path) -> Browser {
    let mut browser = Browser::open(&office.url("/"), shots);
    browser.wait_until("document.getElementById('pair')?.hidden === false");
    browser.shoot("pairing");
    browser.type_text(&office.code(line, false).expect("code"));
    browser.press_key("Tab");
    browser.type_text("Quầy lễ tân");
    browser.press_key("Enter");
    browser.wait_until(
        "document.getElementById('lock').hidden === false && !!document.querySelector('#lock-who input:checked')",
    );
    browser.shoot("on-duty");
    browser.type_text(UNLOCK);
    browser.press_key("Enter");
    browser.wait_until("document.querySelector('main')?.hidden === false && !!document.querySelector('#step button')");
    browser
}

fn accessible(browser: &mut Browser, what: &str) {
    let Some(axe) = npm("axe-core", "axe.min.js") else {
        return test_support::skipped(format_args!(
            "accessibility of {what}: no axe-core; `cargo xtask test` fetches it"
        ));
    };
    browser.evaluate(&axe);
    let script = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
        .then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(' ')}`))";
    assert_eq!(browser.run(script), json!([]), "{what}");
}

/// Presses Tab until the focus is where it is wanted.
fn tab_to(browser: &mut Browser, there: &str) {
    for _ in 0..12 {
        if browser.evaluate(there) == json!(true) {
            return;
        }
        browser.press_key("Tab");
    }
    panic!("Tab does not lead there: {there}");
}

#[test]
fn a_receptionist_registers_a_guest_with_the_keyboard_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let mut line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("lodging")).expect("desk");
    let shots = shots("desk-scenario");
    let mut browser = paired(&line, &office, &shots);
    browser.wait_until("document.querySelector('#status li')?.className === 'works'");
    browser.shoot("ready");
    accessible(&mut browser, "ready");
    browser.press_key("F2");
    browser.wait_until("document.getElementById('visit-title').textContent === 'Nói với khách'");
    browser.shoot("consent");
    accessible(&mut browser, "consent");
    browser.press_key("F8");
    browser.wait_until("!!document.querySelector('#step input')");
    browser.shoot("key");
    accessible(&mut browser, "key");
    browser.type_text(&Persona::find("an").expect("persona").qr());
    browser.press_key("Enter");
    browser.wait_until("!!document.querySelector('#step progress')");
    browser.shoot("chip");
    let card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    browser.wait_until("document.getElementById('visit-title').textContent === 'Đúng người này không?'");
    browser.shoot("face");
    accessible(&mut browser, "face");
    browser.press_key("F8");
    browser.wait_until("document.activeElement?.name === 'a.room'");
    browser.type_text("0101");
    tab_to(&mut browser, "document.activeElement?.name === 'a.reason'");
    // A select takes the first letter of what is meant.
    browser.call("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": "D", "text": "D" }));
    browser.call("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": "D" }));
    browser.wait_until("document.querySelector('select[name=\"a.reason\"]').value === '1 - Du lịch'");
    browser.shoot("form");
    accessible(&mut browser, "form");
    tab_to(&mut browser, "document.activeElement?.type === 'submit'");
    browser.press_key("Enter");
    browser.wait_until("document.querySelector('.verdict[data-word=proved]') && !document.querySelector('#step form')");
    drop(card);
    browser.wait_until("document.querySelector('#rows')?.textContent.includes('Nguyễn Văn An')");
    browser.shoot("done");
    accessible(&mut browser, "done");

    // Searched as people type, and shown once more with its portrait.
    browser.run("document.getElementById('q').focus()");
    browser.type_text("van an 0202");
    browser.wait_until("document.querySelector('#count').textContent.includes('Chưa có ai')");
    browser.run("document.getElementById('q').value = ''");
    browser.type_text("0101");
    browser.wait_until("document.querySelectorAll('#rows tr').length === 1");
    browser.run("document.querySelector('#rows button').click()");
    browser.wait_until("document.getElementById('detail').open && !!document.querySelector('#detail img')");
    browser.shoot("detail");
    accessible(&mut browser, "detail");
    browser.run("document.querySelector('#detail button.primary').click()");

    // A child, typed in.
    browser.run(
        "[...document.querySelectorAll('#step button')].find((one) => one.textContent.startsWith('Đóng')).click()",
    );
    browser.wait_until("document.querySelectorAll('#step button').length === 2");
    browser.run("document.querySelectorAll('#step button')[1].click()");
    browser.wait_until("!!document.querySelector('[name=\"i.full_name\"]')");
    browser.run("document.querySelector('[name=\"i.full_name\"]').value = 'Nguyễn Bé Mẫu'; document.querySelector('[name=\"i.date_of_birth\"]').value = '02/03/2020'; document.querySelector('[name=\"i.id_number\"]').value = '001320000017'; document.querySelector('[name=seen]').value = 'birth_certificate'");
    browser.shoot("typed");
    accessible(&mut browser, "typed");
    browser.run("document.querySelector('#step form').requestSubmit()");
    browser.wait_until("document.querySelector('#rows')?.textContent.includes('Nguyễn Bé Mẫu')");

    // The portal: a file, a number that differs, the right one.
    browser.wait_until("document.querySelector('#portal-body')?.textContent.includes('Chưa được Công an xác nhận: 2')");
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("file");
    assert_eq!(batch["made"], 2);
    browser.run("loadPortal()");
    browser.wait_until("!!document.querySelector('#portal-body input[name=taken]')");
    browser.run("document.querySelector('#portal-body input[name=taken]').value = '0'; document.querySelector('#portal-body form').requestSubmit()");
    browser.wait_until("document.getElementById('error').textContent.includes('batch_differs')");
    browser.wait_until("document.querySelector('#portal-body')?.textContent.includes('0 ≠ 2')");
    browser.run("show('portal')");
    browser.shoot("portal");
    accessible(&mut browser, "portal");
    browser.run("document.querySelector('#portal-body input[name=taken]').value = '2'; document.querySelector('#portal-body form').requestSubmit()");
    browser.wait_until("document.querySelector('#portal-body')?.textContent.includes('✓ Đã khớp')");

    browser.run("show('desk')");
    // English, and back.
    browser.run("document.getElementById('language').click()");
    browser.wait_until("document.documentElement.lang === 'en' && document.body.textContent.includes('Next person')");
    browser.shoot("english");
    browser.run("document.getElementById('language').click()");

    // Central comes, and what waited goes.
    browser.wait_until("document.getElementById('offline').hidden === false");
    browser.run("document.querySelector('header').scrollIntoView()");
    browser.shoot("offline");
    line.start_central().expect("central");
    browser.wait_until("document.getElementById('offline').hidden === true");
}

#[test]
fn a_nurse_learns_with_virtual_cards_what_a_ticket_and_a_copy_look_like() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("practice")).expect("desk");
    let shots = shots("desk-practice");
    let mut browser = paired(&line, &office, &shots);
    browser.wait_until(
        "document.getElementById('practice').hidden === false && !!document.querySelector('#cards-body button')",
    );
    browser.shoot("practice");
    accessible(&mut browser, "practice");
    browser.press_key("F2");
    browser.wait_until("document.getElementById('visit-title').textContent === 'Nói với khách'");
    browser.press_key("F8");
    browser.wait_until("!!document.querySelector('#step input')");
    browser.run(
        "[...document.querySelectorAll('#cards-body button')].find((one) => one.textContent.includes('Bình')).click()",
    );
    browser.wait_until("document.getElementById('visit-title').textContent === 'Đúng người này không?'");
    browser.press_key("F8");
    browser.wait_until("document.activeElement?.name === 'a.note'");
    browser.press_key("F10");
    browser.wait_until("document.querySelector('.number')?.textContent === 'A001'");
    browser.shoot("ticket");
    accessible(&mut browser, "ticket");
    // A copy is shown for what it is.
    browser.press_key("F2");
    browser.wait_until("document.getElementById('visit-title').textContent === 'Nói với khách'");
    browser.press_key("F8");
    browser.wait_until("!!document.querySelector('#step input')");
    browser.run("document.getElementById('fault').value = 'cloned'; [...document.querySelectorAll('#cards-body button')].find((one) => one.textContent.includes('Văn An')).click()");
    browser.wait_until(
        "document.querySelector('.verdict[data-word=not_genuine]')?.textContent.includes('Thẻ không đạt xác thực')",
    );
    browser.shoot("copy");
    accessible(&mut browser, "copy");
}

#[test]
fn a_proctor_sees_the_photograph_of_the_list_beside_that_of_the_chip() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    std::fs::write(line.path("an.jpg"), photograph("an")).expect("photo");
    let table = "photo,number,full_name,room,seat,subject\nan.jpg,001099000017,Nguyễn Văn An,P201,A12,Toán\n";
    let signed = list(&line, "exam", table, 1, false);
    let tables = "[roster]\nkey = \"operator.pem\"\n".to_owned();
    let office = Office::open(&line, &Setup { tables, ..Setup::of("exam") }).expect("desk");
    let mut browser = paired(&line, &office, &shots("desk-exam"));
    browser.wait_until("document.getElementById('list-body').textContent.includes('Chưa có danh sách')");
    office.upload("/v1/roster", signed, LIST_PHRASE).expect("list");
    browser.run("loadList()");
    browser.wait_until("document.getElementById('list-body').textContent.includes('Danh sách thử')");
    let visit = |browser: &mut Browser| {
        browser.press_key("F2");
        browser.wait_until("document.getElementById('visit-title').textContent === 'Nói với thí sinh'");
        browser.press_key("F8");
        browser.wait_until("!!document.querySelector('#step input')");
        browser.type_text("001099000017");
        browser.press_key("Enter");
    };
    visit(&mut browser);
    browser.wait_until("!!document.querySelector('#step progress')");
    let _card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    browser.wait_until("document.querySelectorAll('#step img').length === 2");
    browser.wait_until("document.querySelector('#step .seat')?.textContent.includes('A12')");
    browser.shoot("face");
    accessible(&mut browser, "face of a candidate");
    browser.press_key("F8");
    browser.wait_until("document.querySelector('#rows')?.textContent.includes('A12')");
    browser.shoot("done");
    visit(&mut browser);
    browser.wait_until("document.querySelector('.verdict')?.textContent.includes('đã được kiểm tra')");
    browser.shoot("again");
    accessible(&mut browser, "turned away");
}

/// A page of another origin, served by the test.
fn page(html: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().expect("address").port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            drop(stream.read(&mut request));
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                html.len()
            );
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(html.as_bytes())));
        }
    });
    origin
}

/// Carries a port of the line's network to the same one here.
struct Carried(std::process::Child);

impl Drop for Carried {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn software_that_expects_a_vendors_plugin_gets_its_own_formats_unchanged() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let port = hil_tests::browser::free_port();
    let client = npm("socket.io-client", "dist/socket.io.min.js");
    let script = client.clone().unwrap_or_default();
    let html = format!(
        "<!doctype html><title>HIS</title><script>{script}</script><script>
         window.seen = [];
         const raw = new WebSocket('ws://127.0.0.1:{port}/');
         raw.onopen = () => window.open1 = true;
         raw.onmessage = (message) => window.seen.push(['raw', JSON.parse(message.data)]);
         if (window.io) {{
           const root = io('http://127.0.0.1:{port}'), space = io('http://127.0.0.1:{port}/event');
           root.on('connect', () => window.open2 = true);
           root.on('/event', (data) => window.seen.push(['io', data]));
           space.on('connect', () => window.open3 = true);
           space.on('message', (data) => window.seen.push(['ns', data]));
         }}
         </script>"
    );
    let origin = page(html);
    // A keyboard device that is a pipe: what is typed into it is read here.
    let keyboard = line.path("device/keyboard");
    assert!(Command::new("mkfifo").arg(&keyboard).status().expect("mkfifo").success());
    // A scanner whose far end is a socket here.
    let (gun, scanner) = (line.path("device/gun"), line.path("device/scanner"));
    let mut wires = line.stack.command("socat");
    wires.arg(format!("UNIX-LISTEN:{}", gun.display())).arg(format!("PTY,link={},raw,echo=0", scanner.display()));
    let _wires = Carried(wires.spawn().expect("socat"));
    while !gun.exists() {
        hil_tests::stack::pause(10);
    }
    let mut gun = UnixStream::connect(&gun).expect("scanner");
    let tables = format!(
        "scanner = \"serial:{}@9600\"\n[desk.compat]\nbegin_on_scan = true\nlisten = \"127.0.0.1:{port}\"\n\
         origins = [{origin:?}]\nkeyboard = \"keyboard\"\n",
        scanner.display()
    );
    let office = Office::open(&line, &Setup { tables, ..Setup::of("customer-check") }).expect("desk");
    let socket = line.path("device/plugin");
    let mut carrier = line.stack.command("socat");
    carrier.arg(format!("UNIX-LISTEN:{},fork", socket.display())).arg(format!("TCP:127.0.0.1:{port}"));
    let _carried = Carried(carrier.spawn().expect("socat"));
    while !socket.exists() {
        hil_tests::stack::pause(10);
    }
    hil_tests::line::carry(port, socket).expect("carried");
    let mut browser = Browser::open(&origin, &shots("desk-plugin"));
    browser.wait_until("window.open1 === true");
    if client.is_some() {
        browser.wait_until("window.open2 === true && window.open3 === true");
    } else {
        test_support::skipped("Socket.IO: no socket.io-client; `cargo xtask test` fetches it");
    }
    let an = Persona::find("an").expect("persona");
    // What staff do for others is none of this software's business.
    assert_eq!(office.visit_of(&line, "an", &json!({})).expect("visit")["outcome"], "done");
    office.ready().expect("reader");
    assert_eq!(browser.run("window.seen"), json!([]));
    let for_plugin = json!({ "for_plugin": true });
    let card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &for_plugin).expect("session");
    let ended = office.go_on(&session, &json!({ "scan": an.qr() }), &json!({}), &mut |_| {}).expect("visit");
    assert_eq!(ended["outcome"], "done");
    drop(card);
    browser.wait_until("window.seen.some(([way, data]) => way === 'raw' && data.NewState === 'EMPTY')");
    let seen = browser.run("window.seen");
    let of = |way: &str| -> Vec<&Value> {
        seen.as_array().expect("list").iter().filter(|one| one[0] == way).map(|one| &one[1]).collect()
    };
    let raw = of("raw");
    assert_eq!((&raw[0]["EventName"], &raw[1]["EventName"]), (&json!("READ"), &json!("CARD_RESULT")));
    assert_eq!(
        (&raw[1]["PersonalInfo"]["idCode"], &raw[1]["PersonalInfo"]["religion"]),
        (&json!(an.number), &json!(""))
    );
    assert!(raw[1]["ChipFace"].as_str().is_some_and(|face| face.len() > 1000));
    if client.is_some() {
        for way in ["io", "ns"] {
            let ids: Vec<_> = of(way).iter().map(|one| one["id"].as_u64()).collect();
            assert_eq!(ids, [Some(1), Some(2), Some(4)], "{way}");
            assert_eq!(of(way)[1]["data"]["personName"], an.name);
        }
    }
    // A copy fails with id 3, or without a result.
    let before = seen.as_array().map_or(0, Vec::len);
    let card = line.stack.lay("an", "wrong-password", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &for_plugin).expect("session");
    let failed = office.go_on(&session, &json!({ "number": an.number }), &json!({}), &mut |_| {});
    assert!(failed.is_err(), "the card does not open");
    drop(card);
    browser.wait_until(&format!(
        "window.seen.length > {before} && window.seen.some(([way, data]) => way === 'raw' && data.Status === 'FAILURE')"
    ));
    if client.is_some() {
        browser.wait_until("window.seen.some(([way, data]) => way === 'io' && data.id === 3)");
    }
    office.cancel(session["id"].as_str().expect("id")).expect("broken off");

    // A scan is typed into the keyboard, letter by letter without its marks, and begins a session that staff can see.
    let typed = std::thread::spawn(move || {
        let mut bytes = vec![0; (an.qr().chars().count() + 1) * 16];
        std::fs::File::open(keyboard).expect("keyboard").read_exact(&mut bytes).expect("typed");
        bytes
    });
    // The scanner is found a moment after the desk is open.
    let start = hil_tests::stack::now();
    let session = loop {
        gun.write_all(format!("{}\r\n", an.qr()).as_bytes()).expect("scan");
        hil_tests::stack::pause(500);
        let session = office.get("/v1/status").expect("status")["session"].clone();
        if session.is_string() {
            break session;
        }
        assert!(start.elapsed().as_secs() < 20, "the scan begins no session");
    };
    let typed = typed.join().expect("typed");
    let keys: Vec<u8> = typed.chunks(16).map(|report| report[2]).collect();
    // 0 0 1 0 9 9 0 0 0 0 1 7 on a keyboard: 0 is 39, 1 is 30, 7 is 36, 9 is 38; Enter is 40.
    assert_eq!(keys[..12], [39, 39, 30, 39, 38, 38, 39, 39, 39, 39, 30, 36]);
    assert_eq!(keys.last(), Some(&40));
    let id = session.as_str().expect("id");
    let seen = office.get(&format!("/v1/sessions/{id}")).expect("staff see the plugin's session");
    assert_eq!(seen["waits"], "consent", "nobody is read without having agreed");
    office.cancel(id).expect("staff break it off");
    // Another page does not get in.
    let stranger = page("<!doctype html><title>elsewhere</title>".to_owned());
    let mut other = Browser::open(&stranger, &shots("desk-plugin"));
    let refused = other.run(&format!(
        "new Promise((done) => {{ const s = new WebSocket('ws://127.0.0.1:{port}/'); s.onopen = () => done('open'); s.onerror = () => done('refused'); }})"
    ));
    assert_eq!(refused, "refused");
}

/// Sends bytes to the desk and gives what comes back within two seconds.
fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the desk listens");
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("timeout");
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..read]);
        if answer.len() > 100_000 {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn code_of(answer: &str) -> &str {
    let after = answer.split("\"code\":\"").nth(1).unwrap_or_default();
    after.split('"').next().unwrap_or_default()
}

#[test]
fn whoever_should_not_get_in_does_not_and_harms_nobody() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("identify")).expect("desk");
    let port = office.port;
    let host = format!("127.0.0.1:{port}");
    let get = |path: &str, headers: &str| {
        raw(port, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    };

    // No pairing, a foreign origin, a name that was bound to this machine (DNS rebinding), a token from elsewhere.
    assert_eq!(code_of(&get("/v1/status", &format!("Host: {host}\r\n"))), "not_paired");
    assert_eq!(code_of(&get("/v1", &format!("Host: {host}\r\n"))), "not_paired");
    assert_eq!(
        code_of(&get("/v1/status", &format!("Host: {host}\r\nOrigin: https://evil.example\r\n"))),
        "origin_refused"
    );
    assert_eq!(code_of(&get("/v1/status", &format!("Host: {host}\r\nOrigin: null\r\n"))), "origin_refused");
    assert_eq!(code_of(&get("/v1/status", &format!("Host: evil.example:{port}\r\n"))), "host_refused");
    assert_eq!(code_of(&get("/", "Host: localhost\r\n")), "host_refused");
    let guess = format!("Host: {host}\r\nAuthorization: Bearer {}\r\n", "0".repeat(64));
    assert_eq!(code_of(&get("/v1/records", &guess)), "not_paired");

    // A browser page from elsewhere: preflight, simple request, event stream, WebSocket.
    let stranger = page("<!doctype html><title>elsewhere</title>".to_owned());
    let mut browser = Browser::open(&stranger, &shots("desk-abuse"));
    let tried = browser.run(&format!(
        "Promise.all([
           fetch('http://{host}/v1/status', {{ credentials: 'include' }}).then(() => 'read', () => 'refused'),
           fetch('http://{host}/v1/sessions', {{ method: 'POST', body: '{{}}' }}).then(() => 'read', () => 'refused'),
           new Promise((done) => {{ const e = new EventSource('http://{host}/v1/events'); e.onopen = () => done('read'); e.onerror = () => done('refused'); }}),
           new Promise((done) => {{ const s = new WebSocket('ws://{host}/v1/sessions/x/ws'); s.onopen = () => done('read'); s.onerror = () => done('refused'); }}),
         ])"
    ));
    assert_eq!(tried, json!(["refused", "refused", "refused", "refused"]));

    // A code is guessed at, and used twice.
    let code = office.code(&line, true).expect("code");
    let pair = |code: &str| {
        let body = json!({ "code": code, "name": "x" }).to_string();
        let head = format!(
            "POST /v1/pair HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        raw(port, format!("{head}{body}").as_bytes())
    };
    assert_eq!(code_of(&pair("12345678")), "pairing_refused");
    let token = pair(&code);
    let token = token.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("token").to_owned();
    assert_eq!(code_of(&pair(&code)), "pairing_refused", "once");
    let app = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\n");
    assert_eq!(code_of(&get("/v1/records", &app)), "role_refused", "software sees no list");
    // Its token is of no use to a page that stole it.
    assert_eq!(code_of(&get("/v1/status", &format!("{app}Origin: https://evil.example\r\n"))), "origin_refused");

    // Replayed: the same request twice is one session; what belongs to a session that has ended does nothing.
    let post = |path: &str, headers: &str, body: &str| {
        let head =
            format!("POST {path} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        raw(port, format!("{head}{body}").as_bytes())
    };
    let keyed = format!("{app}Idempotency-Key: visit-1\r\n");
    let id = |answer: &str| {
        answer.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let first = post("/v1/sessions", &keyed, "{}");
    assert_eq!(id(&first), id(&post("/v1/sessions", &keyed, "{}")), "{first}");
    assert_eq!(code_of(&post("/v1/sessions", &app, "{}")), "busy");
    let session = id(&first);
    let cancel = format!("DELETE /v1/sessions/{session} HTTP/1.1\r\nConnection: close\r\n{app}\r\n");
    assert!(raw(port, cancel.as_bytes()).contains("cancelled"));
    assert_eq!(code_of(&post(&format!("/v1/sessions/{session}/consent"), &app, "{\"language\":\"vi\"}")), "wrong_step");
    assert_eq!(code_of(&raw(port, cancel.as_bytes())), "wrong_step");

    // Malformed and oversize: bodies, heads, frames.
    assert_eq!(code_of(&post("/v1/sessions", &app, "{\"x\":")), "body_malformed");
    assert_eq!(code_of(&post("/v1/sessions", &app, "{\"unknown\":1}")), "body_malformed");
    assert_eq!(code_of(&post("/v1/sessions", &app, &"x".repeat(100_000))), "body_refused");
    let hello = raw(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n");
    assert!(hello.is_empty() || hello.contains(" 400 "), "TLS on a port that has none: {hello}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(200_000));
    let answer = raw(port, long.as_bytes());
    assert!(answer.is_empty() || answer.contains("414") || answer.contains("431"), "{answer:.80}");
    let session = id(&post("/v1/sessions", &app, "{}"));
    let upgrade = format!(
        "GET /v1/sessions/{session}/ws HTTP/1.1\r\n{app}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("connects");
    socket.write_all(upgrade.as_bytes()).expect("sent");
    // An unmasked frame that claims four gigabytes.
    drop(socket.write_all(&[0x82, 0x7F, 0, 0, 0, 1, 0, 0, 0, 0]));
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    let mut rest = Vec::new();
    drop(socket.read_to_end(&mut rest));
    assert!(rest.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&rest));
    raw(port, format!("DELETE /v1/sessions/{session} HTTP/1.1\r\nConnection: close\r\n{app}\r\n").as_bytes());

    // Ten thousand connections, of which many say nothing and stay.
    let mut crowd = line.stack.command("hil-probe");
    crowd.args(["crowd", &port.to_string(), "10000"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut crowd = crowd.spawn().expect("hil-probe");
    let mut taken = String::new();
    BufReader::new(crowd.stdout.take().expect("output")).read_line(&mut taken).expect("a line");
    assert!(taken.trim().parse::<u32>().is_ok_and(|taken| taken > 9_000), "{taken}");
    // The desk has room again when those who say nothing have been cut off.
    let start = hil_tests::stack::now();
    while office.get("/v1/status").is_err() {
        assert!(start.elapsed().as_secs() < 30, "the desk does not answer any more");
        hil_tests::stack::pause(200);
    }
    drop(crowd.stdin.take());
    assert!(crowd.wait().expect("end").success());
    assert_eq!(office.visit_of(&line, "an", &json!({})).expect("visit")["outcome"], "done", "unharmed");

    // The Unix socket knows its own; and the log names codes only.
    let mut own = UnixStream::connect(line.path("device/desk.socket")).expect("socket");
    own.write_all(b"GET /v1/status HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    own.read_to_string(&mut answer).expect("answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let log = std::fs::read_to_string(line.path("agent.log")).expect("log");
    for code in ["not_paired", "origin_refused", "host_refused", "pairing_refused", "connections_full"] {
        assert!(log.contains(code), "{code} is logged");
    }
    for secret in [token.as_str(), "evil.example", "Nguyễn Văn An", "001099000017"] {
        assert!(!log.contains(secret), "{secret} is not");
    }
}
