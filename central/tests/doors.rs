//! What is asked over HTTP, and of whom: the endpoints of devices and the technician's page.

mod fleet_of_one;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use cccd_central::door::{Door, Limits};
use cccd_central::people::Scope;
use cccd_central::registrar::est::{self, Identity, ServerKey};
use cccd_central::store::EventStore;
use cccd_central::store::conformance::tells;
use cccd_central::tls::{Peer, Presented};
use events::sync::encode_batch;
use events::{Chain, Clock, SignedEvent};
use fleet::request::{self, Way};
use fleet::words;
use fleet_of_one::asked::{Asked, ask, code, get, is, log_in, post, post_json, technicians_door};
use fleet_of_one::{Machine, Rig, key, sign};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::Service as _;

fn devices_door(rig: &Rig) -> Router {
    let (key, _) = key();
    let identity = Identity::new(Arc::clone(&rig.registrar), ServerKey { key, chain: Vec::new() });
    let (store, clock) = (Arc::clone(&rig.store) as Arc<dyn EventStore>, Arc::clone(&rig.clock) as Arc<dyn Clock>);
    cccd_central::http::router(store, clock, Some(Arc::clone(&rig.registrar))).merge(est::router(identity))
}

/// A device that was let in, and what it shows.
fn enrolled(rig: &Rig, serial: &str) -> (Machine, Presented) {
    let machine = Machine::new(serial);
    let asked = machine.asks(Way::Usb, None);
    rig.registrar.enrol_at(&asked, "Site A", "identify", "test").expect("let in");
    let shows = Presented { name: serial.to_owned(), key: machine.tls() };
    (machine, shows)
}

fn events_of(device: &str, machine: &Machine, since: i64) -> Vec<u8> {
    let mut event = events::signed::read(&tells(device, 1, 1, since)).expect("an event");
    event.previous = Chain::EMPTY.head;
    let signed = SignedEvent::sign(event, machine.event(), |message| sign(&machine.event, message)).expect("signed");
    encode_batch([signed.bytes.as_slice()])
}

/// Everything that wants a device.
fn everything(batch: &[u8]) -> [Asked; 5] {
    let report = json!({ "software": "0", "bundle": 1, "roots": [], "time_quality": "signed", "protection": "file" });
    [
        post("/v1/events", batch.to_vec()),
        get("/v1/assignment"),
        post_json("/v1/report", &report),
        get("/v1/bundle?after=0"),
        get(&format!("/v1/file/{}", "0".repeat(64))),
    ]
}

#[tokio::test]
async fn nothing_is_for_whoever_shows_no_certificate_or_one_that_is_not_admitted() {
    let rig = Rig::new();
    let (machine, shows) = enrolled(&rig, "kiosk-1");
    let batch = events_of("kiosk-1", &machine, 100);
    for asked in everything(&batch) {
        let path = asked.path.clone();
        assert_eq!(code(ask(devices_door(&rig), None, asked).await), is(401, "certificate_missing"), "{path}");
    }
    let old = Presented { key: "0".repeat(64), ..shows.clone() };
    for asked in everything(&batch) {
        let path = asked.path.clone();
        assert_eq!(code(ask(devices_door(&rig), Some(&old), asked).await), is(403, "certificate_superseded"), "{path}");
    }
    let answers: Vec<u16> = {
        let mut answers = Vec::new();
        for asked in everything(&batch) {
            answers.push(ask(devices_door(&rig), Some(&shows), asked).await.0);
        }
        answers
    };
    assert_eq!(answers, [200, 200, 204, 204, 404]);
    rig.registrar.revoke("kiosk-1", "stolen", "test").expect("revoked");
    for asked in everything(&batch) {
        let path = asked.path.clone();
        assert_eq!(code(ask(devices_door(&rig), Some(&shows), asked).await), is(403, "device_revoked"), "{path}");
    }
}

#[tokio::test]
async fn a_device_whose_log_goes_two_ways_is_shut_out() {
    let rig = Rig::new();
    let (machine, shows) = enrolled(&rig, "kiosk-1");
    let (first, other) = (events_of("kiosk-1", &machine, 100), events_of("kiosk-1", &machine, 200));
    let send = |batch: &[u8]| post("/v1/events", batch);
    assert_eq!(ask(devices_door(&rig), Some(&shows), send(&first)).await.0, 200);
    assert_eq!(ask(devices_door(&rig), Some(&shows), send(&first)).await.0, 200, "the same once more");
    assert_eq!(code(ask(devices_door(&rig), Some(&shows), send(&other)).await), is(409, "event_fork"));
    assert_eq!(code(ask(devices_door(&rig), Some(&shows), send(&first)).await), is(403, "device_quarantined"));
    assert_eq!(rig.device("kiosk-1").state.as_str(), "quarantined");
}

#[tokio::test]
async fn whoever_finds_no_room_is_told_when_there_will_be_before_its_body_is_read() {
    let rig = Rig::new();
    let (_, shows) = enrolled(&rig, "kiosk-1");
    let mut door = devices_door(&rig);
    // A batch that never comes to its end.
    let mut begun = || {
        let body = Body::from_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>());
        let request = Request::post("/v1/events").header(header::CONTENT_LENGTH, 8 * 1024 * 1024);
        let mut request = request.body(body).expect("a request");
        request.extensions_mut().insert(Peer(Some(shows.clone())));
        door.call(request)
    };
    let waiting: Vec<_> = (0..5).map(|_| tokio::spawn(begun())).collect();
    let refused = begun();
    let under_way = async || {
        let (_, body) = ask(door.clone(), None, get("/v1/health")).await;
        let said: Value = serde_json::from_slice(&body).expect("JSON");
        said["under_way"]["bytes"].as_u64().expect("a number")
    };
    while under_way().await < 5 * 8 * 1024 * 1024 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let refused = refused.await.expect("an answer");
    assert_eq!(refused.status(), 503);
    let again = refused.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    assert!(again.is_some_and(|seconds| (1..=340).contains(&seconds)), "{again:?}");
    for begun in waiting {
        begun.abort();
        assert!(begun.await.is_err(), "it is given up");
    }
    assert_eq!(under_way().await, 0, "room is free again");
    let asked = post("/v1/events", encode_batch([]));
    assert_eq!(ask(door, Some(&shows), asked).await.0, 200);
}

#[tokio::test]
async fn the_health_is_that_of_the_store_and_the_clock() {
    let rig = Rig::new();
    let (machine, shows) = enrolled(&rig, "kiosk-1");
    let batch = events_of("kiosk-1", &machine, 100);
    assert_eq!(ask(devices_door(&rig), Some(&shows), post("/v1/events", batch)).await.0, 200);
    let door = devices_door(&rig);
    let troubles = async || {
        let (status, body) = ask(door.clone(), None, get("/v1/health")).await;
        let said: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(status == 200, said["ok"] == json!(true));
        said["troubles"].to_string()
    };
    // A machine for tests may have little room; nothing else is wrong.
    assert!(!troubles().await.contains("store") && !troubles().await.contains("clock"));
    rig.clock.pass(-1000);
    assert!(troubles().await.contains("clock_behind"), "the newest event came in the future");
}

#[tokio::test]
async fn the_request_for_a_certificate_is_that_of_the_signed_request() {
    let rig = Rig::new();
    let (machine, other) = (Machine::new("kiosk-1"), Machine::new("kiosk-2"));
    let birth = machine.birth();
    rig.registrar.expect("kiosk-1", Some(birth.as_str()), "Site A", "identify", "test").expect("expected");
    let bytes = machine.asks(Way::List, None);
    let csr = |bytes: &[u8]| fleet::est::to_body(&request::open(bytes).expect("request").csr);
    let enrol = |body: String| {
        post("/.well-known/est/simpleenroll", body).with(fleet::est::REQUEST_HEADER, &fleet::est::to_header(&bytes))
    };
    let foreign = csr(&other.asks(Way::List, None));
    assert_eq!(code(ask(devices_door(&rig), None, enrol(foreign)).await), is(400, "fleet_nonce"));
    assert_eq!(code(ask(devices_door(&rig), None, enrol("*".to_owned())).await), is(400, "fleet_malformed"));
    let bare = post("/.well-known/est/simpleenroll", csr(&bytes));
    assert_eq!(ask(devices_door(&rig), None, bare).await.0, 400);
    assert_eq!(ask(devices_door(&rig), None, enrol(csr(&bytes))).await.0, 200);
    for nonce in ["", "00", "zz"] {
        let asked = get(&format!("/v1/time?nonce={nonce}"));
        assert_eq!(code(ask(devices_door(&rig), None, asked).await), is(400, "fleet_malformed"), "{nonce}");
    }
}

/// Everything that wants a technician.
fn page() -> Vec<Asked> {
    let nobody = "0".repeat(64);
    let words = json!(["a", "b", "c", "d", "e", "f"]);
    let confirm = json!({ "birth": nobody, "site": "A", "profile": "identify", "words": words, "roots": null });
    vec![
        get("/technician/api/sessions"),
        post_json("/technician/api/sessions/end", &json!({ "id": "0000000000000000" })),
        get("/technician/api/requests"),
        get(&format!("/technician/api/request/{nobody}")),
        post_json("/technician/api/relay", &json!({ "request": "" })),
        post_json("/technician/api/confirm", &confirm),
        post_json("/technician/api/dismiss", &json!({ "birth": nobody })),
        get("/technician/api/devices"),
        get("/technician/api/signers"),
        get("/technician/api/bundle?site=A"),
        post_json("/technician/api/assign", &json!({ "device": "d", "site": "A", "profile": "identify" })),
        post_json("/technician/api/replace", &json!({ "device": "d", "serial": "s", "birth": null })),
    ]
}

#[tokio::test]
async fn the_page_is_for_whoever_is_logged_in_and_for_some_hours() {
    let rig = Rig::new();
    rig.technician("an", b"a long pass word");
    let door = technicians_door(&rig);
    assert_eq!(log_in(&door, "an", "another").await, Err(is(401, "technician_unknown")));
    assert_eq!(log_in(&door, "nobody", "a long pass word").await, Err(is(401, "technician_unknown")));
    let token = log_in(&door, "an", "a long pass word").await.expect("logged in");
    let nobody = is(401, "technician_unknown");
    for bearer in [None, Some(String::new()), Some("0".repeat(64)), Some(token.to_uppercase())] {
        for asked in page() {
            let path = asked.path.clone();
            let asked = match &bearer {
                Some(token) => asked.with("authorization", &format!("Bearer {token}")),
                None => asked,
            };
            assert_eq!(code(ask(door.clone(), None, asked).await), nobody, "{path} {bearer:?}");
        }
    }
    let with = |asked: Asked| asked.with(header::AUTHORIZATION.as_str(), &format!("Bearer {token}"));
    for asked in page() {
        let path = asked.path.clone();
        assert_ne!(code(ask(door.clone(), None, with(asked)).await), nobody, "{path}");
    }
    rig.clock.pass(8 * 3600);
    assert_eq!(code(ask(door.clone(), None, with(get("/technician/api/devices"))).await), nobody);
}

#[tokio::test]
async fn whoever_guesses_pass_words_waits() {
    let rig = Rig::new();
    rig.technician("an", b"a long pass word");
    let door = technicians_door(&rig);
    for _ in 0..5 {
        assert_eq!(log_in(&door, "an", "a guess").await, Err(is(401, "technician_unknown")));
    }
    assert_eq!(log_in(&door, "an", "a long pass word").await, Err(is(429, "technician_locked")));
    rig.clock.pass(60);
    log_in(&door, "an", "a long pass word").await.expect("logged in");
}

/// A log-in from an address.
async fn log_in_from(door: Router, limits: Arc<Door>, last: u8, name: &str, pass_word: &str) -> (u16, Vec<u8>) {
    let asked = post_json("/technician/api/login", &json!({ "name": name, "pass_word": pass_word }));
    let door = cccd_central::proxied(door, limits);
    ask(door, None, asked.with("x-forwarded-for", &format!("192.0.2.{last}"))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_guesses_at_once_ten_at_most_cost_a_hash_and_nobody_else_waits() {
    let rig = Rig::new();
    for name in ["an", "binh"] {
        rig.technician(name, b"a long pass word");
    }
    let (door, places) = (technicians_door(&rig), Door::new(Limits::default()));
    let from = |last, name, word| log_in_from(door.clone(), Arc::clone(&places), last, name, word);
    assert_eq!(from(9, "an", "a long pass word").await.0, 200, "from home");
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..500_u16 {
        let last = 10 + (n % 4) as u8;
        guesses.spawn(log_in_from(door.clone(), Arc::clone(&places), last, "an", "a guess"));
    }
    // Meanwhile others log in: another name, and the same one from where it was before.
    assert_eq!(from(8, "binh", "a long pass word").await.0, 200);
    assert_eq!(from(9, "an", "a long pass word").await.0, 200);
    let mut hashed = 0;
    while let Some(answer) = guesses.join_next().await {
        match code(answer.expect("an answer")) {
            (401, _) => hashed += 1,
            (429 | 503, _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=10).contains(&hashed), "{hashed} hashes");
}

#[tokio::test]
async fn a_session_ends_by_its_technician_and_with_the_pass_word() {
    let rig = Rig::new();
    rig.technician("an", b"a long pass word");
    rig.technician("binh", b"a long pass word");
    let door = technicians_door(&rig);
    let begin = async |name: &str| log_in(&door, name, "a long pass word").await.expect("logged in");
    let with = |asked: Asked, token: &str| asked.with("authorization", &format!("Bearer {token}"));
    let may = async |token: &str| ask(door.clone(), None, with(get("/technician/api/devices"), token)).await.0 == 200;
    let (first, second, third, other) = (begin("an").await, begin("an").await, begin("an").await, begin("binh").await);
    let list = async |token: &str| -> Vec<Value> {
        let answer = ask(door.clone(), None, with(get("/technician/api/sessions"), token)).await;
        serde_json::from_slice(&answer.1).expect("a list")
    };
    let all = list(&first).await;
    assert_eq!((all.len(), all.iter().filter(|one| one["own"] == true).count()), (3, 1));
    assert!(all.iter().all(|one| !first.contains(one["id"].as_str().expect("an id"))), "it opens nothing");
    let seen = list(&second).await;
    let second_id = seen.iter().find(|one| one["own"] == true).expect("its own")["id"].clone();
    let end = |id: &Value, token: &str| with(post_json("/technician/api/sessions/end", &json!({ "id": id })), token);
    assert_eq!(code(ask(door.clone(), None, end(&second_id, &other)).await), is(404, "session_unknown"), "another's");
    assert_eq!(code(ask(door.clone(), None, end(&json!(""), &first)).await), is(404, "session_unknown"));
    assert_eq!(ask(door.clone(), None, end(&second_id, &first)).await.0, 200);
    assert_eq!((may(&first).await, may(&second).await, may(&third).await), (true, false, true));
    assert_eq!(ask(door.clone(), None, with(post("/technician/api/logout", ""), &first)).await.0, 200);
    assert_eq!((may(&first).await, may(&third).await, may(&other).await), (false, true, true));
    rig.technician("an", b"another long pass word");
    assert_eq!((may(&third).await, may(&other).await), (false, true));
    assert!(rig.staff().remove("binh", (0, "test")).expect("removed"));
    assert!(!may(&other).await);
    assert!(!rig.staff().remove("binh", (0, "test")).expect("asked"));
}

#[tokio::test]
async fn nothing_of_a_body_is_read_before_it_is_known_who_sends_it() {
    let rig = Rig::new();
    let (_, shows) = enrolled(&rig, "kiosk-1");
    // A body that never comes: whoever reads it waits for ever.
    let endless = |path: &str, length: usize| {
        let request = Request::builder().method(Method::POST).uri(path).header("content-length", length);
        let request = request.header("content-type", "application/json");
        request
            .body(Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>()))
            .expect("a request")
    };
    let answer = async |mut router: Router, peer: Option<&Presented>, mut request: Request<Body>| {
        request.extensions_mut().insert(Peer(peer.cloned()));
        let response = router.call(request).await.expect("an answer");
        let status = response.status().as_u16();
        code((status, to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec()))
    };
    let superseded = Presented { key: "0".repeat(64), ..shows.clone() };
    for path in ["/v1/events", "/v1/report"] {
        let asked = answer(devices_door(&rig), None, endless(path, 1000)).await;
        assert_eq!(asked, is(401, "certificate_missing"), "{path}");
        let asked = answer(devices_door(&rig), Some(&superseded), endless(path, 1000)).await;
        assert_eq!(asked, is(403, "certificate_superseded"), "{path}");
    }
    let enrol = answer(devices_door(&rig), None, endless("/.well-known/est/simpleenroll", 16 * 1024 + 1)).await;
    assert_eq!(enrol, is(413, "body_too_large"));
    let batch = answer(devices_door(&rig), Some(&shows), endless("/v1/events", 8 * 1024 * 1024 + 1)).await;
    assert_eq!(batch, is(413, "body_too_large"));
    for path in page().iter().filter(|asked| asked.method == Method::POST).map(|asked| asked.path.clone()) {
        let asked = answer(technicians_door(&rig), None, endless(&path, 1000)).await;
        assert_eq!(asked, is(401, "technician_unknown"), "{path}");
    }
}

#[tokio::test]
async fn after_a_flood_of_requests_the_device_at_the_screen_is_found_by_its_code() {
    let rig = Rig::new();
    rig.technician("an", b"a long pass word");
    let door = technicians_door(&rig);
    let token = log_in(&door, "an", "a long pass word").await.expect("logged in");
    let with = |asked: Asked| asked.with("authorization", &format!("Bearer {token}"));
    let enrol = async |machine: &Machine| {
        let bytes = machine.asks(Way::Qr, None);
        let body = fleet::est::to_body(&request::open(&bytes).expect("request").csr);
        let asked = post("/.well-known/est/simpleenroll", body);
        ask(devices_door(&rig), None, asked.with(fleet::est::REQUEST_HEADER, &fleet::est::to_header(&bytes))).await.0
    };
    let flood = async || {
        for n in 0..20 {
            assert_eq!(enrol(&Machine::new(&format!("flood-{n}"))).await, 202);
        }
    };
    let kiosk = Machine::new("kiosk-1");
    assert_eq!(enrol(&kiosk).await, 202);
    flood().await;
    // From the same address: it was crowded out. The technician types what is on its screen, and it asks again.
    let find = || with(get(&format!("/technician/api/request/{}", kiosk.birth()[..8].to_uppercase())));
    assert_eq!(code(ask(door.clone(), None, find()).await), is(404, "request_unknown"));
    assert_eq!(enrol(&kiosk).await, 202);
    flood().await;
    let (status, body) = ask(door.clone(), None, find()).await;
    let shown: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, shown["birth"].as_str()), (200, Some(kiosk.birth().as_str())));
    let confirm = json!({
        "birth": kiosk.birth(), "site": "Site A", "profile": "identify", "words": shown["words"], "roots": null,
    });
    assert_eq!(ask(door.clone(), None, with(post_json("/technician/api/confirm", &confirm))).await.0, 200);
    assert_eq!(enrol(&kiosk).await, 200);
    assert_eq!(rig.device("kiosk-1").site, "Site A");
    let all = with(get("/technician/api/request/0"));
    assert_eq!(code(ask(door, None, all).await), is(400, "code_malformed"));
}

#[tokio::test]
async fn a_request_is_confirmed_by_whoever_saw_its_words() {
    let rig = Rig::new();
    rig.technician("an", b"a long pass word");
    let door = technicians_door(&rig);
    let token = log_in(&door, "an", "a long pass word").await.expect("logged in");
    let with = |asked: Asked| asked.with("authorization", &format!("Bearer {token}"));
    let machine = Machine::new("kiosk-1");
    let bytes = machine.asks(Way::Qr, None);
    let relay = post_json("/technician/api/relay", &json!({ "request": fleet::est::to_header(&bytes) }));
    assert_eq!(ask(door.clone(), None, with(relay)).await.0, 200);
    let request = request::open(&bytes).expect("request");
    let own = rig.registrar.trust().expect("trust").roots().expect("roots").fingerprints();
    let words = |roots: &[String]| words::of_request(&request.birth, request.nonce, roots).to_vec();
    let strangers = "0".repeat(64);
    let confirm = |site: &str, profile: &str, words: Vec<String>, roots: Value| {
        let (birth, relay) = (machine.birth(), !roots.is_null());
        let body = json!({
            "birth": birth, "site": site, "profile": profile, "words": words, "roots": roots, "relay": relay,
        });
        with(post_json("/technician/api/confirm", &body))
    };
    let mut others = words(&own);
    others.swap(0, 1);
    for (asked, expected) in [
        (confirm("Site A", "identify", others, Value::Null), is(409, "words_differ")),
        (confirm("Site A", "identify", words(&own[..0]), Value::Null), is(409, "words_differ")),
        // Whoever stands between has other roots, or none.
        (
            confirm("Site A", "identify", words(std::slice::from_ref(&strangers)), json!(strangers)),
            is(409, "relay_roots"),
        ),
        (confirm("Site A", "identify", words(&own), json!(format!("{},{strangers}", own[0]))), is(409, "relay_roots")),
        (confirm("Site A", "identify", words(&own[..0]), json!("")), is(409, "relay_roots")),
        (confirm(" ", "identify", words(&own), Value::Null), is(400, "site_missing")),
        (confirm("Site A", "", words(&own), Value::Null), is(400, "site_missing")),
        (confirm("Site A", "no such", words(&own), Value::Null), is(400, "profile_unknown")),
    ] {
        assert_eq!(code(ask(door.clone(), None, asked).await), expected);
        assert_eq!(
            rig.registrar.registry().waiting(&Scope::everywhere()).expect("registry").len(),
            1,
            "{expected:?}: it waits still"
        );
    }
    let assign = json!({ "device": "kiosk-1", "site": " ", "profile": "identify" });
    let assign = with(post_json("/technician/api/assign", &assign));
    assert_eq!(code(ask(door.clone(), None, assign).await), is(400, "site_missing"));
    let asked = confirm("Site A", "identify", words(&own), json!(own.join(",")));
    assert_eq!(ask(door.clone(), None, asked).await.0, 200);
    assert_eq!(rig.device("kiosk-1").site, "Site A");
}
