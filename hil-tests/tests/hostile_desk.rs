//! The desk's door: another port of this machine, pages that guess, peers that never end what they say, requests that were seen,
//! and programs at a door for plugins' software that are not who they say.
//!
//! Each of these let somebody in, or kept everybody out, at 26be0f9.

use hil_tests::browser::{Browser, free_port};
use hil_tests::office::{Office, Setup, UNLOCK, day};
use hil_tests::page_key::PageKey;
use hil_tests::{FIRST_READER, Line};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use virtual_card::Persona;

fn shots(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Sends bytes to the desk and gives what comes back until it ends, or nothing comes any more.
fn raw(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the desk listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    drop(stream.write_all(bytes.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn code_of(answer: &str) -> &str {
    answer.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

fn request(port: u16, method: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The port next door: a page of its own, which keeps what it is asked with.
struct NextDoor {
    origin: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn next_door() -> NextDoor {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().expect("address").port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 8192];
            let read = stream.read(&mut request).unwrap_or(0);
            heard.lock().expect("heard").push(String::from_utf8_lossy(&request[..read]).into_owned());
            let html = "<!doctype html><title>next door</title><img src=\"/picture\">";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{html}",
                html.len()
            );
            drop(stream.write_all(head.as_bytes()));
        }
    });
    NextDoor { origin, asked }
}

fn paired(line: &Line, office: &Office) -> Browser {
    let mut browser = Browser::open(&office.url("/"), &shots("hostile-desk"));
    browser.wait_until("document.getElementById('pair')?.hidden === false");
    browser.type_text(&office.code(line, false).expect("code"));
    browser.press_key("Tab");
    browser.type_text("Quầy lễ tân");
    browser.shoot("pairing");
    browser.press_key("Enter");
    browser.wait_until(
        "document.getElementById('lock').hidden === false && !!document.querySelector('#lock-who input:checked')",
    );
    browser.type_text(UNLOCK);
    browser.press_key("Enter");
    browser.wait_until("document.querySelector('main')?.hidden === false && !!document.querySelector('#pairings li')");
    browser
}

#[test]
fn the_port_next_door_cannot_use_the_pages_right() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let mut office = Office::open(&line, &Setup::of("register")).expect("desk");
    let mut browser = paired(&line, &office);
    browser.shoot("paired");
    // The key cannot be read out, not even by the page itself.
    let secret = "new Promise((done) => { const open = indexedDB.open('desk'); open.onsuccess = () => {
        const got = open.result.transaction('keys').objectStore('keys').get('page');
        got.onsuccess = () =>
        crypto.subtle.exportKey('pkcs8', got.result.privateKey).then(() => done('read'), () => done('refused')); }; })";
    assert_eq!(browser.run(secret), "refused");
    assert_eq!(browser.run("document.cookie"), "");

    let NextDoor { origin, asked } = next_door();
    browser.run(&format!("location.assign('{origin}/')"));
    browser.wait_until("document.title === 'next door' && document.readyState === 'complete'");
    let desk = office.url("");
    let tried = browser.run(&format!(
        "(async () => {{
           const tries = ['/v1', '/v1/records', '/v1/pairings', '/v1/status'].map((path) =>
             fetch('{desk}' + path, {{ credentials: 'include' }}).then((answer) => `${{answer.status}}`, () => 'refused'));
           const blind = await fetch('{desk}/v1/records', {{ credentials: 'include', mode: 'no-cors' }}).then((answer) => answer.type, () => 'refused');
           const databases = await indexedDB.databases();
           return [...await Promise.all(tries), blind === 'opaque' || blind === 'refused', databases.length];
         }})()"
    ));
    assert_eq!(tried, json!(["refused", "refused", "refused", "refused", true, 0]));
    let heard = asked.lock().expect("heard").clone();
    assert!(heard.len() >= 2, "{heard:?}");
    for request in heard {
        let request = request.to_lowercase();
        assert!(!request.contains("\r\ncookie:") && !request.contains("\r\nproof:"), "{request}");
    }
    // The page itself works as before.
    browser.run(&format!("location.assign('{desk}/')"));
    browser.wait_until("document.querySelector('main')?.hidden === false && !!document.querySelector('#pairings li')");

    // A file is kept by the browser, though no link could be signed.
    let saved = browser.run(
        "answered('GET', '/v1/records.csv').then(async (one) => [one.headers.get('content-disposition').includes('register-'), (await one.text()).includes('\"at\",\"number\"')])",
    );
    assert_eq!(saved, json!([true, true]));

    // Nobody knows how long an agent that was started anew was away: the page is locked, shows nothing, and opens by its code.
    office.restart(&line, None).expect("up again");
    assert_eq!(office.get("/v1/status").expect_err("locked").to_string().split(' ').next(), Some("desk_locked"));
    browser.wait_until("document.getElementById('lock').hidden === false");
    assert_eq!(
        browser.run("document.querySelector('main').hidden && document.getElementById('rows').children.length"),
        0
    );
    browser.shoot("locked");
    browser.type_text("000000");
    browser.press_key("Enter");
    browser.wait_until("document.getElementById('lock-error').hidden === false");
    browser.run("document.getElementById('pin').focus()");
    browser.type_text(UNLOCK);
    browser.press_key("Enter");
    browser.wait_until("document.querySelector('main')?.hidden === false && !!document.querySelector('#pairings li')");

    // One command ends one pairing, and the page asks to be paired.
    let config = line.path("device/desk.toml").to_string_lossy().into_owned();
    let listed = line.run("cccd-agent", &["pair", "--config", &config, "--list"]).expect("list");
    let of = |name: &str| {
        listed.lines().find(|one| one.contains(name)).and_then(|one| one.split(' ').next()).expect("listed")
    };
    line.run("cccd-agent", &["pair", "--config", &config, "--end", of("Quầy lễ tân")]).expect("ended");
    browser.run("loadToday().catch(() => null)");
    browser.wait_until("document.getElementById('pair').hidden === false");
    // A year later nobody is paired who was.
    office.restart(&line, Some("+366d")).expect("up again");
    assert_eq!(office.get("/v1/status").expect_err("over").to_string().split(' ').next(), Some("not_paired"));
}

#[test]
fn what_was_seen_on_the_way_is_of_no_use() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("identify")).expect("desk");
    let port = office.port;
    office.get("/v1/status").expect("the nonce is known");
    let signed = |method: &str, target: &str, body: &str| {
        format!("Proof: {}\r\n", office.key.proof(method, target, body.as_bytes()).expect("proof"))
    };
    let proof = signed("GET", "/v1/status?a=b", "");
    let seen = request(port, "GET", "/v1/status?a=b", &proof, "");
    assert!(raw(port, &seen).starts_with("HTTP/1.1 200"));
    assert_eq!(code_of(&raw(port, &seen)), "proof_refused", "replayed");
    for (method, path, body) in [
        ("GET", "/v1/status?a=c", ""),
        ("GET", "/v1/status", ""),
        ("GET", "/v1/records", ""),
        ("DELETE", "/v1/status?a=b", ""),
        ("GET", "/v1/status?a=b", "{}"),
    ] {
        let proof = signed("GET", "/v1/status?a=b", "");
        assert_eq!(code_of(&raw(port, &request(port, method, path, &proof, body))), "proof_refused", "{method} {path}");
    }
    // A body that was changed begins nothing.
    let proof = signed("POST", "/v1/sessions", "{}");
    let changed = "{\"party\":\"other\"}";
    assert_eq!(code_of(&raw(port, &request(port, "POST", "/v1/sessions", &proof, changed))), "proof_refused");
    assert!(office.get("/v1/status").expect("status")["session"].is_null());
    // Another page with the same proof, and another key.
    let proof = signed("GET", "/v1/status", "");
    let elsewhere = format!("{proof}Origin: http://127.0.0.1:1\r\n");
    assert_eq!(code_of(&raw(port, &request(port, "GET", "/v1/status", &elsewhere, ""))), "origin_refused");
    let elsewhere = format!("{proof}Sec-Fetch-Site: same-site\r\n");
    assert_eq!(code_of(&raw(port, &request(port, "GET", "/v1/status", &elsewhere, ""))), "origin_refused");
    let stranger = PageKey::new().expect("key").proof("GET", "/v1/status", b"").expect("proof");
    let stranger = request(port, "GET", "/v1/status", &format!("Proof: {stranger}\r\n"), "");
    assert_eq!(code_of(&raw(port, &stranger)), "not_paired");
    // Cookies are nothing here any more.
    let cookie = format!("Cookie: cccd_desk={}\r\n", "0".repeat(64));
    assert_eq!(code_of(&raw(port, &request(port, "GET", "/v1/records", &cookie, ""))), "not_paired");
    // No credential, and a body that never comes: refused without waiting for it.
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n"
    );
    assert_eq!(code_of(&raw(port, &head)), "not_paired");
}

#[test]
fn guesses_of_those_who_are_not_awaited_cost_no_try_and_learn_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("identify")).expect("desk");
    let port = office.port;
    let config = line.path("device/desk.toml").to_string_lossy().into_owned();
    let guess = |headers: &str| {
        let body = json!({ "code": "12345678", "name": "x" }).to_string();
        raw(port, &request(port, "POST", "/v1/pair", headers, &body))
    };
    let json = "Content-Type: application/json\r\n";
    let hostile = || {
        for origin in ["https://evil.example", "http://127.0.0.1:1", "null"] {
            for kind in ["Content-Type: text/plain\r\n", json] {
                let answer = guess(&format!("Origin: {origin}\r\n{kind}"));
                assert_eq!(code_of(&answer), "origin_refused", "{origin}");
                assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
            }
        }
    };
    // The desk's page is awaited: pages and programs may guess as often as they like.
    let code = office.code(&line, false).expect("code");
    hostile();
    for _ in 0..6 {
        assert_eq!(code_of(&guess(json)), "origin_refused", "a program");
        assert_eq!(code_of(&guess("Content-Type: text/plain\r\n")), "content_type_refused");
    }
    let page = json!({ "code": code, "name": "trang", "key": office.key.jwk() });
    assert_eq!(office.post("/v1/pair", &page).expect("the right code is right")["role"], "desk");

    // Other software's page is awaited by its origin, and its token is good there only.
    let named = ["pair", "--config", &config, "--origin", "https://his.example"];
    let code = line.run("cccd-agent", &named).expect("code").trim().to_owned();
    hostile();
    let body = json!({ "code": code, "name": "HIS" }).to_string();
    let his = "Origin: https://his.example\r\n";
    let answer = raw(port, &request(port, "POST", "/v1/pair", &format!("{his}{json}"), &body));
    assert!(answer.contains("access-control-allow-origin: https://his.example"), "{answer}");
    let token = answer.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("token");
    let with = |headers: &str| {
        raw(port, &request(port, "GET", "/v1/status", &format!("Authorization: Bearer {token}\r\n{headers}"), ""))
    };
    assert!(with(his).starts_with("HTTP/1.1 200"));
    let own = format!("Origin: {}\r\n", office.url(""));
    for elsewhere in ["", "Origin: https://evil.example\r\n", "Sec-Fetch-Site: same-origin\r\n", &own] {
        assert_eq!(code_of(&with(elsewhere)), "origin_refused", "{elsewhere}");
    }
}

#[test]
fn peers_that_never_end_what_they_say_keep_nobody_out() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("identify")).expect("desk");
    let mut crowd = line.stack.command("hil-probe");
    crowd.args(["bodies", &office.port.to_string(), "300"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut crowd = crowd.spawn().expect("hil-probe");
    let mut taken = String::new();
    BufReader::new(crowd.stdout.take().expect("output")).read_line(&mut taken).expect("a line");
    assert_eq!(taken.trim(), "300", "all are there, and all are stuck");
    // Now, and not when they have been cut off: nobody waits for anybody.
    assert!(raw(office.port, &request(office.port, "GET", "/", "", "")).contains("<title>"));
    office.get("/v1/status").expect("who has a right");
    drop(crowd.stdin.take());
    assert!(crowd.wait().expect("end").success());
}

#[test]
fn a_door_without_an_origin_is_for_programs_of_the_agents_own_user() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let door = free_port();
    let tables = format!("[desk.compat]\nlisten = \"127.0.0.1:{door}\"\norigins = [\"none\"]\n");
    let office = Office::open(&line, &Setup { tables, ..Setup::of("customer-check") }).expect("desk");
    let upgrade = |headers: &str| {
        format!(
            "GET / HTTP/1.1\\r\\nHost: 127.0.0.1:{door}\\r\\n{headers}Connection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n"
        )
    };
    // Inside the line, where the kernel knows whose connections those are.
    let ask = |headers: &str| {
        format!("exec 3<>/dev/tcp/127.0.0.1/{door}; printf '{}' >&3; timeout 20 head -n 1 <&3", upgrade(headers))
    };
    let said = |program: &str, arguments: &[&str], headers: &str| {
        let script = ask(headers);
        line.run(program, &[arguments, &["-c", &script]].concat()).unwrap_or_default()
    };
    assert!(said("bash", &[], "").contains(" 101 "), "a program of the same user");
    for browser in ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"] {
        assert!(said("bash", &[], &format!("{browser}\\r\\n")).contains(" 403 "), "{browser}");
    }
    assert!(said("bash", &[], "Origin: none\\r\\n").contains(" 403 "), "a name is no absence");
    if rustix::process::getuid().is_root() {
        let other = ["--reuid=65534", "--clear-groups", "bash"];
        assert!(said("setpriv", &other, "").contains(" 403 "), "a program of another user");
    } else {
        test_support::skipped("a program of another user at the door: this is not root");
    }

    // It hears of what staff do for it, and of nobody else's visits.
    let listen = format!("exec 3<>/dev/tcp/127.0.0.1/{door}; printf '{}' >&3; echo there; exec cat <&3", upgrade(""));
    let mut listener = line.stack.command("bash");
    let mut listener = listener.args(["-c", &listen]).stdout(Stdio::piped()).spawn().expect("bash");
    let mut heard = BufReader::new(listener.stdout.take().expect("output"));
    let mut first = String::new();
    heard.read_line(&mut first).expect("there");
    assert!(heard.read_line(&mut first).is_ok() && first.contains(" 101 "), "{first}");
    let an = Persona::find("an").expect("persona");
    assert_eq!(office.visit_of(&line, "binh", &json!({})).expect("visit")["outcome"], "done");
    office.ready().expect("reader");
    let card = line.stack.lay("an", "none", FIRST_READER).expect("card");
    let session = office.post("/v1/sessions", &json!({ "for_plugin": true })).expect("session");
    let ended: Value = office.go_on(&session, &json!({ "scan": an.qr() }), &json!({}), &mut |_| {}).expect("visit");
    assert_eq!(ended["outcome"], "done");
    drop(card);
    let mut all = Vec::new();
    let ends = b"\"NewState\"";
    let mut part = [0; 4096];
    while !all.windows(ends.len()).any(|window| window == ends) {
        let read = heard.read(&mut part).expect("heard");
        assert!(read > 0, "it ended: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&part[..read]);
    }
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains(an.number), "its own");
    assert!(!all.contains(Persona::find("binh").expect("persona").number), "and nobody else's");
    drop(listener.kill());
    drop(listener.wait());
}

/// Every route of the interface as its own description has it: method, path.
fn routes(office: &Office) -> Vec<(String, String)> {
    let description = office.get("/v1/openapi.json").expect("description");
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        routes.extend(methods.as_object().expect("methods").keys().map(|method| (method.clone(), path.clone())));
    }
    routes
}

#[test]
fn whoever_gets_somebodys_data_stands_in_the_log_before() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("lodging")).expect("desk");
    let date = |plus| day(plus).split('-').rev().collect::<Vec<_>>().join("/");
    let answers = json!({ "room": "101", "arrival": date(0), "departure": date(2), "reason": "1 - Du lịch" });
    let session = office.visit_of(&line, "an", &answers).expect("visit");
    let record = session["record"].as_str().expect("kept").to_owned();
    let batch = office.post("/v1/lodging/batches", &json!({ "kind": "xlsx" })).expect("made")["id"].to_string();
    // Who has not looked before: the log has nothing of them.
    office.post("/v1/staff", &json!({ "name": "Vũ Thị Mới", "duty": "manager" })).expect("added");
    let given = office.post("/v1/staff/nv-2/pin", &json!({})).expect("pin");
    office.enter("nv-2", given["pin"].as_str().expect("pin")).expect("on duty");
    let config = line.path("device/desk.toml").to_string_lossy().into_owned();
    let looks = || -> Vec<Value> {
        let said = line.run("cccd-agent", &["access", "list", "--config", &config, "--json"]).expect("list");
        let said: Value = serde_json::from_str(&said).expect("JSON");
        said["looks"].as_array().expect("looks").clone()
    };
    let persona = Persona::find("an").expect("persona");
    let markers = [persona.number.as_bytes().to_vec(), persona.name.as_bytes().to_vec()];
    let mut gave = Vec::new();
    for (method, path) in routes(&office) {
        // What streams, ends something, or is asked with a body of its own says nothing of anybody.
        if method != "get" || path.ends_with("/events") || path.ends_with("/ws") {
            continue;
        }
        let id = if path.starts_with("/v1/sessions") { session["id"].as_str().expect("id") } else { &record };
        let id = if path.starts_with("/v1/lodging") { &batch } else { id };
        let before = looks().len();
        let Ok(answer) = office.download(&path.replace("{id}", id)) else { continue };
        // A table of Excel is packed.
        let holds = path.ends_with("/file")
            || markers.iter().any(|marker| answer.windows(marker.len()).any(|part| part == marker));
        if holds {
            let after = looks();
            assert!(after.len() > before, "{path} gave somebody's data and left no trace");
            assert_eq!((&after[0]["by"], &after[0]["role"]), (&json!("nv-2"), &json!("manager")), "{path}");
            assert_eq!(after[0]["visits"], json!([record]), "{path}");
            assert!(!after[0].to_string().contains(persona.number), "{path}");
            gave.push(path);
        }
    }
    for path in ["/v1/records", "/v1/records/{id}", "/v1/records.csv", "/v1/sessions/{id}"] {
        assert!(gave.iter().any(|known| known == path), "{path} shows nobody: {gave:?}");
    }
    let words =
        |looks: &[Value]| looks.iter().map(|look| look["what"].as_str().expect("word").to_owned()).collect::<Vec<_>>();
    office.post(&format!("/v1/records/{record}/print"), &json!({})).map(drop).unwrap_or_default();
    office.get("/v1/records?q=nobody-of-this-name").expect("nobody");
    let before = looks().len();
    office.get("/v1/records?q=101").expect("found");
    let after = looks();
    assert_eq!((after.len(), words(&after)[0].as_str()), (before + 1, "search"), "who finds nobody looked at nobody");
    // The manager's page says the same, with the name.
    let shown = office.get("/v1/access").expect("shown");
    assert_eq!((&shown[0]["name"], &shown[0]["what"]), (&json!("Vũ Thị Mới"), &json!("search")));
}

#[test]
fn people_on_duty_are_persons_with_a_pin_and_a_role() {
    let directory = tempfile::tempdir().expect("directory");
    let line = Line::provision(directory.path()).expect("line");
    let office = Office::open(&line, &Setup::of("lodging")).expect("desk");
    let code_of = |refused: anyhow::Error| refused.to_string().split(' ').next().unwrap_or_default().to_owned();
    let config = line.path("device/desk.toml").to_string_lossy().into_owned();
    let staff = |arguments: &[&str]| {
        line.run("cccd-agent", &[&["staff", arguments[0], "--config", &config], &arguments[1..]].concat())
            .expect("staff")
    };
    let given = staff(&["add", "Đỗ Văn Đêm", "--role", "nurse"]);
    let (id, pin) = given.trim().split_once(' ').expect("identifier and PIN");
    assert_eq!(id, "nv-2");
    // Guesses at one person's PIN cost that person's tries, and nobody else's; and no pairing.
    let wrong = if pin == "975319" { "975318" } else { "975319" };
    let guesses: Vec<String> = (0..6).map(|_| code_of(office.enter(id, wrong).expect_err("wrong"))).collect();
    assert_eq!(guesses, ["pin_refused", "pin_refused", "pin_refused", "pin_wait", "pin_wait", "pin_wait"]);
    assert_eq!(code_of(office.enter(id, pin).expect_err("not looked at")), "pin_wait");
    office.get("/v1/records").expect("whoever was on duty still is");
    office.enter("nv-1", UNLOCK).expect("nobody else waits");
    // A new PIN from the device ends the wait; shift change at 22:50 without a technician.
    let given = staff(&["reset-pin", id]);
    let pin = given.trim().split_once(' ').expect("PIN").1;
    let on = office.enter(id, pin).expect("on duty");
    assert_eq!((&on["name"], &on["duty"]), (&json!("Đỗ Văn Đêm"), &json!("nurse")));
    // The table holds for every route: what `GET /v1` does not name is refused.
    let about = office.get("/v1").expect("about");
    let may: Vec<&str> = about["may"].as_array().expect("may").iter().filter_map(Value::as_str).collect();
    assert!(may.contains(&"GET /v1/records") && !may.contains(&"GET /v1/staff"), "{may:?}");
    for (method, path) in routes(&office) {
        let route = format!("{} {path}", method.to_uppercase());
        if may.contains(&route.as_str())
            || ["/v1/duty", "/v1/unlock", "/v1/lock", "/v1/pair", "/v1/openapi.json"].contains(&path.as_str())
        {
            continue;
        }
        let path = path.replace("{id}", "1");
        let refused = match method.as_str() {
            "get" => office.get(&path).map(drop),
            "post" => office.post(&path, &json!({})).map(drop),
            _ => office.delete(&path).map(drop),
        };
        assert_eq!(code_of(refused.expect_err(&route)), "role_refused", "{route}");
    }
    // Their own PIN is theirs, and nobody's who did not know it.
    let changed = |old: &str, new: &str| office.post("/v1/pin", &json!({ "pin": old, "new": new }));
    assert_eq!(code_of(changed(wrong, "864213").expect_err("wrong")), "pin_refused");
    assert_eq!(code_of(changed(pin, "123456").expect_err("weak")), "pin_weak");
    changed(pin, "864213").expect("changed");
    // Who leaves is on duty nowhere; whoever leaves the page locks it.
    staff(&["remove", id]);
    assert_eq!(code_of(office.get("/v1/records").expect_err("left")), "desk_locked");
    assert_eq!(code_of(office.enter(id, "864213").expect_err("left")), "pin_refused");
    office.enter("nv-1", UNLOCK).expect("the manager");
    assert_eq!(code_of(office.delete("/v1/staff/nv-1").expect_err("the last")), "staff_last_manager");
    office.post("/v1/lock", &json!({})).expect("locked");
    assert_eq!(code_of(office.get("/v1/records").expect_err("nobody is on duty")), "desk_locked");
    assert_eq!(office.get("/v1/duty").expect("names")["staff"].as_array().map(Vec::len), Some(1));
    assert!(staff(&["list"]).contains("Đỗ Văn Đêm"), "who left is still known by their identifier");
}
