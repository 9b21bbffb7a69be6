//! Central's pages for staff in a browser, over a store with a fleet in every state: from a phone to a wall, in both languages.

use axum::http::HeaderMap;
use cccd_central::doorkeeper::Doorkeeper;
use cccd_central::people::{Person, Role, Scope};
use cccd_central::registrar::registry::{Device, DeviceState, Registry};
use cccd_central::registrar::{Policy, Registrar};
use cccd_central::store::{EventStore as _, Evidence};
use cccd_central::views::index::Index;
use cccd_central::views::{self, Views};
use cccd_central::{SqliteStore, StoreError};
use events::event::{Bytes, VERSION};
use events::tally::Counted;
use events::{Body, Chain, Clock, DeviceEvent, Event, SignedEvent, Visit};
use fleet::authority::FleetCa;
use hil_tests::browser::Browser;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_796_000_000;
const DAY: i64 = 86_400;
/// Width and height in CSS pixels: a phone, the narrowest that WCAG 1.4.10 asks for, a tablet, screens, a wall.
const SIZES: [(u32, u32); 6] = [(390, 844), (320, 568), (768, 1024), (1366, 768), (1920, 1080), (3840, 2160)];
const MEASURE: &str = include_str!("../src/page/measure_scrolled.js");

struct Still;

impl Clock for Still {
    fn wall(&self) -> i64 {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Lets everybody in as an operator.
struct Open;

impl Doorkeeper for Open {
    fn who(&self, _: &HeaderMap) -> Option<Person> {
        Some(Person::new("vanhanh02", Role::Operator, Scope::everywhere()))
    }

    fn sign_in(&self, _: &str) -> String {
        "/signin".to_owned()
    }
}

struct Signing(PKey<Private>, Vec<u8>);

impl Signing {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public key");
        Self(key, public)
    }

    fn event(&self, device: &str, chain: Chain, body: Body) -> Vec<u8> {
        let event = Event {
            version: VERSION,
            at: NOW - 600 + i64::try_from(chain.sequence).expect("small"),
            id: Bytes([1; 16]),
            software: "1.4.2".to_owned(),
            time_quality: "signed".to_owned(),
            uptime_ms: 1,
            device: device.to_owned(),
            sequence: chain.sequence + 1,
            body,
            boot: Bytes([2; 16]),
            previous: chain.head,
        };
        let sign = |data: &[u8]| fleet::authority::sign(&self.0, data);
        SignedEvent::sign(event, &self.1, sign).expect("signed").bytes
    }
}

fn visit(at: usize) -> Body {
    let (result, why, rung) = [
        ("done", None, Some(verdict::Rung::Proved)),
        ("refused", Some("card_expired"), Some(verdict::Rung::Signed)),
        ("cancelled", None, None),
    ][at % 3];
    Body::Visit(Visit {
        why: why.map(str::to_owned),
        mark: None,
        rung,
        staff: None,
        visit: Bytes([3; 16]),
        holder: None,
        result: result.to_owned(),
        subject: None,
        profile: "lodging".to_owned(),
        recipients: Vec::new(),
        verification: None,
    })
}

/// What a device counted on a day of the month before: many, and of some classes few.
fn tally(at: usize) -> Body {
    let row = |n: usize, of: &str| events::Row { n: n as u64, of: vec![of.to_owned()] };
    let table = |by, rows: Vec<events::Row>| events::Table {
        by: vec![by],
        rows: rows.into_iter().filter(|row| row.n > 0).collect(),
    };
    let all = 40 + 17 * at;
    let day = format!("2026-10-{:02}", 1 + 2 * at);
    Body::Tally(events::Tally {
        to: day.clone(),
        from: day,
        tables: vec![
            table(Counted::Outcome, vec![row(3, "cancelled"), row(all - 5, "done"), row(2, "refused")]),
            table(Counted::Age, vec![row(4, "0-13"), row(all / 2, "30-44"), row(all - all / 2 - 4, "60+")]),
            table(Counted::Origin, vec![row(all - at % 3, "domestic"), row(at % 3, "foreign")]),
            table(Counted::Province, vec![row(all - 12, "82"), row(12, "92")]),
            table(Counted::Refusal, vec![row(2, "card_expired")]),
        ],
        profile: "lodging".to_owned(),
    })
}

/// A fleet in which everything is wrong somewhere.
fn fleet(store: &SqliteStore, registry: &Registry) {
    let signing = Signing::new();
    let sites = [
        "Bệnh viện Đa khoa Tân Bình · Xã Tháp Mười",
        "Nhà khách Hoa Sen · Xã Mỹ Quí",
        "Trung tâm Phục vụ hành chính công tỉnh Đồng Tháp, cơ sở hai · Phường Mỹ Tho",
    ];
    registry
        .change(|change| change.add_bundle(20, None, b"no bundle", NOW - 3 * DAY))
        .map_err(|error: StoreError| error)
        .expect("bundle");
    for at in 0..14_usize {
        let name = format!("k-{:04}", 400 + at);
        let device = Device {
            name: name.clone(),
            serial: format!("SN-2026-{at:05}"),
            site: sites[at % 3].to_owned(),
            profile: ["one-stop", "lodging", "hospital-kiosk"][at % 3].to_owned(),
            state: [DeviceState::Quarantined, DeviceState::Expected, DeviceState::Revoked, DeviceState::Active]
                [at.min(3)],
            event_key: Some(name.clone()),
            not_after: Some(
                NOW + if at == 4 {
                    6 * DAY
                } else if at == 5 {
                    -DAY
                } else {
                    100 * DAY
                },
            ),
            software: Some(if at == 6 { "1.3.9" } else { "1.4.2" }.to_owned()),
            bundle: if at == 7 { 8 } else { 20 },
            seen_at: Some(NOW - if at == 8 || at == 9 { 5 * 3600 } else { 40 }),
            time_quality: Some("signed".to_owned()),
            model: Some("kiosk-21".to_owned()),
            since: NOW - 40 * DAY,
            ..Device::default()
        };
        let put = |change: &cccd_central::registrar::registry::Change<'_>| -> Result<(), StoreError> {
            change.put(&device)?;
            change.journal(NOW - 2 * DAY, &device.name, "enrolled", "technician an", Some("ghi danh tại chỗ"))?;
            change.journal(NOW - DAY, &device.name, "assigned", "technician an", None)
        };
        registry.change(put).expect("a device");
        let mut chain = Chain::EMPTY;
        let mut events = Vec::new();
        for number in 0..5 + at {
            let told = DeviceEvent {
                to: Some("20".to_owned()),
                from: Some("8".to_owned()),
                what: "bundle_activated".to_owned(),
            };
            let body = match number {
                0 => Body::Device(told),
                1 if at > 1 => tally(at),
                _ => visit(number),
            };
            let bytes = signing.event(&name, chain, body);
            chain = Chain { sequence: chain.sequence + 1, head: events::hash(&bytes) };
            events.push(bytes);
        }
        let came = NOW - if at == 8 || at == 9 { 5 * 3600 } else { 40 };
        store.append(&name, Chain::EMPTY, &events, came).expect("stored");
        if at == 10 {
            let evidence = Evidence {
                device: name,
                sequence: 2,
                code: "event_fork".to_owned(),
                bytes: vec![1],
                received_at: NOW - 60,
            };
            store.keep(&evidence).expect("kept");
        }
    }
}

/// Serves the pages of such a fleet; their address.
fn pages(directory: &Path) -> String {
    let db = directory.join("central.db");
    let store = SqliteStore::open(&db).expect("store");
    let registry = Registry::open(&db).expect("registry");
    fleet(&store, &registry);
    let clock: Arc<dyn Clock> = Arc::new(Still);
    let ca = FleetCa::create(&directory.join("ca"), b"a pass phrase", &*clock).expect("CA");
    let policy = Policy {
        url: "https://central.example".to_owned(),
        environment: "practice".to_owned(),
        operators: Vec::new(),
        days: 90,
        grace_days: 400,
        files: None,
    };
    let registrar = Arc::new(Registrar::new(registry, ca, policy, Arc::clone(&clock)));
    let log = SqliteStore::read(&db).expect("log");
    let index = Index::open(&views::index::beside(&db)).expect("index");
    let router = views::router(Views::new(registrar, log, index, clock, Arc::new(Open), directory.join("units.csv")));
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            told.send(listener.local_addr().expect("address")).expect("somebody waits");
            axum::serve(listener, router).await.expect("served");
        });
    });
    format!("http://{}", address.recv().expect("it listens"))
}

fn axe() -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    let axe = std::fs::read_to_string(target.join("npm/axe-core/axe.min.js")).ok();
    if axe.is_none() {
        test_support::skipped("accessibility of central's pages: no axe-core; `cargo xtask test` fetches it");
    }
    axe
}

#[test]
fn every_page_of_central_is_in_sight_and_accessible_from_a_phone_to_a_wall() {
    let axe = axe();
    let directory = tempfile::tempdir().expect("directory");
    let address = pages(directory.path());
    let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("central-layout");
    let mut browser = Browser::open(&format!("{address}/staff"), &shots);
    let mut faults: Vec<String> = Vec::new();
    let size = |browser: &mut Browser, (width, height): (u32, u32)| {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", metrics);
    };
    let all = [
        ("devices", "/staff?"),
        ("all devices", "/staff?group=all&"),
        ("nothing", "/staff?group=all&q=nobody&"),
        ("one device", "/staff/device/k-0410?"),
        ("events", "/staff/events?"),
        ("alerts", "/staff/alerts?"),
        ("figures", "/staff/figures?"),
    ];
    for (at, (what, path)) in all.into_iter().enumerate() {
        for language in ["vi", "en"] {
            browser.run(&format!("location.assign('{path}lang={language}&shown={at}')"));
            browser.wait_until(&format!(
                "location.search.includes('lang={language}&shown={at}') && document.readyState === 'complete' \
                 && document.fonts.status === 'loaded' && document.documentElement.lang === '{language}'"
            ));
            // English words are as long: the narrowest and a usual screen say it.
            let sizes = if language == "vi" { &SIZES[..] } else { &[SIZES[1], SIZES[3]] };
            for &one in sizes {
                size(&mut browser, one);
                let found = browser.run(MEASURE);
                let found = found.as_array().expect("a list").iter().take(4);
                faults.extend(found.map(|fault| format!("{what}, {language}, {}x{}: {fault}", one.0, one.1)));
                if language == "vi" && [390, 1366, 3840].contains(&one.0) {
                    browser.shoot(&format!("{what} {}", one.0));
                }
            }
            size(&mut browser, SIZES[3]);
            if let Some(axe) = axe.as_deref().filter(|_| language == "vi" || what == "devices") {
                browser.evaluate(axe);
                let script = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
                    .then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(' ')}`))";
                let found = browser.run(script);
                let found = found.as_array().expect("a list").iter();
                faults.extend(found.map(|fault| format!("{what}, {language}: {fault}")));
            }
        }
    }
    // A button is pressed as a person does, and the page says who took it.
    browser.run("location.assign('/staff/alerts?lang=vi')");
    browser.wait_until("location.search === '?lang=vi' && document.querySelector('form button') !== null");
    let before = browser.evaluate("document.querySelectorAll('form button').length").as_u64().expect("a count");
    browser.run("document.querySelector('form button').click()");
    browser.wait_until(&format!(
        "location.search === '' && document.querySelectorAll('form button').length === {}",
        before - 1
    ));
    assert_eq!(faults, Vec::<String>::new());
}
