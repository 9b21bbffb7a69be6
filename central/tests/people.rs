//! What somebody of the staff sees and may change: nothing of a site that is not theirs, whichever way they ask.

mod fleet_of_one;

use axum::Router;
use cccd_central::people::{Role, Scope};
use cccd_central::registrar::registry::Device;
use cccd_central::signin::staff::{Member, Places};
use cccd_central::store::EventStore as _;
use cccd_central::store::conformance::tells;
use events::Chain;
use events::sync::Enrolment;
use fleet::request::{self, Way};
use fleet::words;
use fleet_of_one::asked::{Asked, ask, code, get, is, log_in, post_json, technicians_door};
use fleet_of_one::{Machine, Rig, key};
use serde_json::{Value, json};

const WORD: &str = "a long pass word";

fn of_site(site: &str) -> Places {
    Places { sites: [site.to_owned()].into(), ..Places::default() }
}

/// Two sites, each with a device of the registry, one of the log, one that is expected and asks already, a bundle, and a document
/// signer that nobody knows.
struct Two {
    rig: Rig,
    door: Router,
    asks: [Machine; 2],
}

const SITES: [&str; 2] = ["Site A", "Site B"];
/// Each word of what is known of a site.
const KNOWN: [[&str; 4]; 2] =
    [["Site A", "kiosk-a", "bench-a", "expected-a"], ["Site B", "kiosk-b", "bench-b", "expected-b"]];

impl Two {
    fn new() -> Self {
        let rig = Rig::new();
        let asks = [0, 1].map(|at| {
            let [site, kiosk, bench, expected] = KNOWN[at];
            let machine = Machine::new(kiosk);
            let token = rig.registrar.make_token(site, "identify", 72, "test").expect("token");
            rig.registrar.enrol(&machine.asks(Way::Token, Some(&token)), None).expect("let in");
            let (_, public) = key();
            let enrolment =
                Enrolment { device: bench.to_owned(), site: site.to_owned(), event_key: hex::encode(&public) };
            rig.store.add_device(&enrolment).expect("registered");
            let told = tells(kiosk, 1, 1, 100);
            rig.store.append(kiosk, Chain::EMPTY, &[told], 1).expect("appended");
            let version = 7 + at as u64;
            let bytes = format!("bundle of {site}").into_bytes();
            rig.registrar.registry().change(|change| change.add_bundle(version, Some(site), &bytes, 0)).expect("kept");
            let waits = Machine::new(expected);
            rig.registrar.expect(expected, None, site, "identify", "test").expect("expected");
            rig.registrar.enrol(&waits.asks(Way::Qr, None), None).expect("it waits");
            waits
        });
        let door = technicians_door(&rig);
        Self { rig, door, asks }
    }

    async fn signed_in(&self, name: &str, role: Role, places: Places) -> String {
        self.rig.staffed(name, role, places, WORD.as_bytes());
        log_in(&self.door, name, WORD).await.expect("logged in")
    }

    /// Somebody is something else from now on, and their session goes on.
    fn placed(&self, name: &str, role: Role, places: Places) {
        let member = Member { name: name.to_owned(), role, places };
        assert!(self.rig.staff().place(&member, (0, "test")).expect("placed"));
    }

    async fn ask(&self, token: &str, asked: Asked) -> (u16, Vec<u8>) {
        ask(self.door.clone(), None, asked.with("authorization", &format!("Bearer {token}"))).await
    }

    /// The words on the screen of the machine that asks at a site.
    fn words(&self, at: usize) -> Value {
        let request = request::open(&self.asks[at].asks(Way::Qr, None)).expect("request");
        let roots = self.rig.registrar.trust().expect("trust").roots().expect("roots").fingerprints();
        json!(words::of_request(&request.birth, request.nonce, &roots))
    }

    /// Every question and deed of the page, about a site and what stands there; `own` is where it would be taken.
    fn everything(&self, at: usize, own: &str) -> Vec<Asked> {
        let [site, kiosk, bench, _] = KNOWN[at];
        let (machine, words) = (&self.asks[at], self.words(at));
        let birth = machine.birth();
        let relayed = fleet::est::to_header(&machine.asks(Way::Qr, None));
        let confirm = |site: &str, relay: bool| {
            let roots = self.rig.registrar.trust().expect("trust").roots().expect("roots").fingerprints();
            let roots = if relay { json!(roots.join(",")) } else { Value::Null };
            let body = json!({
                "birth": birth, "site": site, "profile": "identify", "words": words, "roots": roots, "relay": relay,
            });
            post_json("/technician/api/confirm", &body)
        };
        let assign = |device: &str, site: &str| {
            post_json("/technician/api/assign", &json!({ "device": device, "site": site, "profile": "identify" }))
        };
        let site_of_url = site.replace(' ', "%20");
        vec![
            get("/technician/api/requests"),
            get("/technician/api/devices"),
            get("/technician/api/signers"),
            get(&format!("/technician/api/bundle?site={site_of_url}")),
            get(&format!("/technician/api/request/{}", &birth[..8])),
            get(&format!("/technician/api/request/{birth}")),
            post_json("/technician/api/relay", &json!({ "request": relayed })),
            confirm(own, false),
            confirm(site, false),
            confirm(own, true),
            confirm(site, true),
            post_json("/technician/api/dismiss", &json!({ "birth": birth })),
            assign(kiosk, own),
            assign(bench, own),
            assign(kiosk, site),
            post_json("/technician/api/replace", &json!({ "device": kiosk, "serial": "another", "birth": null })),
            post_json("/technician/api/replace", &json!({ "device": bench, "serial": "another", "birth": null })),
        ]
    }

    /// All that is kept of a site.
    fn kept(&self, at: usize) -> (Vec<Device>, usize, Option<Enrolment>, bool) {
        let (registry, scope) = (self.rig.registrar.registry(), Scope::of([SITES[at]]));
        let pending = registry.pending(&self.asks[at].birth()).expect("registry");
        (
            registry.devices(&scope).expect("devices"),
            registry.journal(&scope).expect("journal").len(),
            self.rig.store.device(KNOWN[at][2]).expect("store"),
            pending.is_some_and(|pending| pending.approved.is_none()),
        )
    }
}

#[tokio::test]
async fn whoever_belongs_to_one_site_learns_and_changes_nothing_of_another() {
    let two = Two::new();
    let all = Places { everywhere: true, ..Places::default() };
    let token = two.signed_in("an", Role::Operator, all).await;
    // The table looks where something is to be seen.
    for path in ["requests", "devices"] {
        let (_, body) = two.ask(&token, get(&format!("/technician/api/{path}"))).await;
        let body = String::from_utf8(body).expect("text");
        assert!(body.contains("-a\"") && body.contains("-b\""), "{path}: {body}");
    }
    let signers = async |token: &str| {
        let (_, body) = two.ask(token, get("/technician/api/signers")).await;
        let said: Value = serde_json::from_slice(&body).expect("JSON");
        said["signers"].as_array().expect("a list").iter().filter_map(|one| one["devices"].as_u64()).sum::<u64>()
    };
    assert_eq!(signers(&token).await, 2);
    let before = two.kept(1);
    assert_eq!((before.0.len(), before.3), (2, true), "the device and the one that is expected");
    for role in Role::ALL {
        for places in [of_site("Site A"), Places::default()] {
            let nowhere = places.sites.is_empty();
            let name = format!("{role} {nowhere}");
            two.placed("an", role, places);
            assert_eq!(signers(&token).await, u64::from(!nowhere), "{name}");
            for asked in two.everything(1, "Site A") {
                let path = asked.path.clone();
                let (status, body) = two.ask(&token, asked).await;
                let body = String::from_utf8(body).expect("text");
                let lists = ["requests", "devices", "signers"].iter().any(|list| path.ends_with(list));
                let allowed = if lists { status == 200 } else { (400..500).contains(&status) };
                assert!(allowed, "{name} {path}: {status} {body}");
                // What they named themselves may come back; what they did not, never.
                let named = ["assign", "replace", "confirm"].iter().any(|deed| path.ends_with(deed));
                for word in KNOWN[1].iter().filter(|word| !named || **word == "expected-b") {
                    assert!(!body.contains(word), "{name} {path}: {body}");
                }
                if nowhere {
                    assert!(!body.contains("kiosk-a") && !body.contains("expected-a"), "{name} {path}: {body}");
                }
            }
            assert_eq!(two.kept(1), before, "{name}");
        }
    }
}

#[tokio::test]
async fn at_their_own_site_each_may_do_what_their_role_says() {
    let two = Two::new();
    let token = two.signed_in("an", Role::Reader, of_site("Site A")).await;
    // Those who may do nothing first: what they tried is still to be done.
    for role in Role::ALL {
        two.placed("an", role, of_site("Site A"));
        let admits = matches!(role, Role::Technician | Role::Operator);
        let (_, list) = two.ask(&token, get("/technician/api/devices")).await;
        assert!(String::from_utf8(list).expect("text").contains("kiosk-a"), "{role}");
        let birth = two.asks[0].birth();
        let find = get(&format!("/technician/api/request/{}", &birth[..8]));
        let confirm = json!({
            "birth": birth, "site": "Site A", "profile": "identify", "words": two.words(0), "roots": null,
        });
        let assign = json!({ "device": "bench-a", "site": "Site A", "profile": "identify" });
        let replace = json!({ "device": "kiosk-a", "serial": "new", "birth": null });
        let mut deeds = vec![find, post_json("/technician/api/confirm", &confirm)];
        deeds.push(post_json("/technician/api/assign", &assign));
        // The technician has done it when the operator comes.
        if role != Role::Operator {
            let (_, list) = two.ask(&token, get("/technician/api/requests")).await;
            assert!(String::from_utf8(list).expect("text").contains("expected-a"), "{role}");
            deeds.push(post_json("/technician/api/replace", &replace));
        }
        for deed in deeds {
            let path = deed.path.clone();
            let answer = two.ask(&token, deed).await;
            let expected = if admits { is(200, "") } else { is(403, "right_missing") };
            assert_eq!(code(answer), expected, "{role} {path}");
        }
        let away = json!({ "device": "bench-a", "site": "Site B", "profile": "identify" });
        let expected = if admits { is(403, "site_foreign") } else { is(403, "right_missing") };
        assert_eq!(code(two.ask(&token, post_json("/technician/api/assign", &away)).await), expected, "{role}");
    }
}

#[tokio::test]
async fn a_machine_that_is_nobodys_is_found_by_its_code_and_taken_to_ones_own_site() {
    let two = Two::new();
    let token = two.signed_in("an", Role::Technician, of_site("Site A")).await;
    let machine = Machine::new("nobody's");
    two.rig.registrar.enrol(&machine.asks(Way::Qr, None), None).expect("it waits");
    let (_, list) = two.ask(&token, get("/technician/api/requests")).await;
    assert!(!String::from_utf8(list).expect("text").contains("nobody's"), "by scrolling it is not found");
    let (status, body) = two.ask(&token, get(&format!("/technician/api/request/{}", &machine.birth()[..8]))).await;
    let shown: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &shown["serial"]), (200, &json!("nobody's")));
    let confirm = |site: &str| {
        let body = json!({
            "birth": machine.birth(), "site": site, "profile": "identify", "words": shown["words"], "roots": null,
        });
        post_json("/technician/api/confirm", &body)
    };
    assert_eq!(code(two.ask(&token, confirm("Site B")).await), is(403, "site_foreign"));
    assert_eq!(two.ask(&token, confirm("Site A")).await.0, 200);
    // Whoever has the other site finds it no more, and cannot have its answer.
    let other = two.signed_in("binh", Role::Technician, of_site("Site B")).await;
    let find = get(&format!("/technician/api/request/{}", &machine.birth()[..8]));
    assert_eq!(code(two.ask(&other, find).await), is(403, "device_elsewhere"));
    assert_eq!(code(two.ask(&other, confirm("Site B")).await), is(403, "device_elsewhere"));
    two.rig.registrar.enrol(&machine.asks(Way::Qr, None), None).expect("let in");
    assert_eq!(two.rig.device("nobody-s").site, "Site A");
}

#[tokio::test]
async fn units_roles_and_ends_hold_from_the_next_request_on() {
    let two = Two::new();
    let unit = Places { units: ["Province".to_owned()].into(), ..Places::default() };
    let token = two.signed_in("an", Role::Reader, unit).await;
    let sees = async || {
        let (status, body) = two.ask(&token, get("/technician/api/devices")).await;
        let body = String::from_utf8(body).expect("text");
        (status, body.contains("kiosk-a"), body.contains("kiosk-b"))
    };
    let staff = two.rig.staff();
    let done = (1_800_000_000, "test");
    assert_eq!(sees().await, (200, false, false), "a unit that nobody set has no site");
    staff.unit("Province", &SITES.map(str::to_owned).into(), done).expect("set");
    assert_eq!(sees().await, (200, true, true));
    staff.unit("Province", &["Site B".to_owned()].into(), done).expect("set");
    assert_eq!(sees().await, (200, false, true));
    let member = Member { name: "an".to_owned(), role: Role::Auditor, places: of_site("Site A") };
    assert!(staff.place(&member, done).expect("placed"));
    assert_eq!(sees().await, (200, true, false));
    assert_eq!(staff.list().expect("list"), [member]);
    staff.end("an", done).expect("ended");
    assert_eq!(sees().await.0, 401);
    two.rig.clock.pass(1);
    log_in(&two.door, "an", WORD).await.expect("one that begins later");
    let deeds: Vec<String> = two
        .rig
        .registrar
        .registry()
        .journal(&Scope::everywhere())
        .expect("journal")
        .into_iter()
        .map(|deed| deed.what)
        .collect();
    for what in ["staff_put", "unit_set", "staff_placed", "sessions_ended"] {
        assert!(deeds.iter().any(|deed| deed == what), "{what}: {deeds:?}");
    }
    assert!(
        two.rig
            .registrar
            .registry()
            .journal(&Scope::of(["Site A"]))
            .expect("journal")
            .iter()
            .all(|deed| deed.device.ends_with("-a"))
    );
}

#[tokio::test]
async fn a_session_in_a_cookie_answers_our_own_pages_only() {
    let two = Two::new();
    two.rig.technician("an", WORD.as_bytes());
    let body = json!({ "name": "an", "pass_word": WORD, "cookie": true });
    let (status, body) = ask(two.door.clone(), None, post_json("/technician/api/login", &body)).await;
    assert_eq!(
        (status, String::from_utf8(body).expect("text").as_str()),
        (200, r#"{"begun":true}"#),
        "no script gets its token"
    );
    let token = log_in(&two.door, "an", WORD).await.expect("logged in");
    let with = |asked: Asked, site: &str| {
        asked.with("cookie", &format!("__Host-central={token}")).with("sec-fetch-site", site)
    };
    let assign = || {
        post_json("/technician/api/assign", &json!({ "device": "bench-a", "site": "Site A", "profile": "identify" }))
    };
    for site in ["same-site", "cross-site", "none"] {
        assert_eq!(code(ask(two.door.clone(), None, with(assign(), site)).await), is(403, "origin_foreign"), "{site}");
    }
    assert_eq!(ask(two.door.clone(), None, with(assign(), "same-origin")).await.0, 200);
    assert_eq!(
        ask(two.door.clone(), None, with(post_json("/technician/api/logout", &json!({})), "same-origin")).await.0,
        200
    );
    assert_eq!(code(ask(two.door.clone(), None, with(assign(), "same-origin")).await), is(401, "technician_unknown"));
}
