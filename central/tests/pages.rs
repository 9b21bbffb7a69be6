//! The pages for staff, asked as a browser asks: who sees what, and what can be done from where.

mod fleet_of_one;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, header};
use cccd_central::SqliteStore;
use cccd_central::doorkeeper::Doorkeeper;
use cccd_central::people::{Person, Role, Scope};
use cccd_central::store::EventStore as _;
use cccd_central::store::conformance::tells;
use cccd_central::views::index::Index;
use cccd_central::views::{self, Views};
use fleet::request::Way;
use fleet_of_one::{Machine, Rig};
use std::sync::Arc;
use tower::Service as _;

/// Believes whoever says who they are: `role name site,site`.
struct Gullible;

impl Doorkeeper for Gullible {
    fn who(&self, head: &HeaderMap) -> Option<Person> {
        let said = head.get("who")?.to_str().ok()?;
        let mut parts = said.split(' ');
        let role: Role = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let scope = match parts.next()? {
            "*" => Scope::everywhere(),
            sites => Scope::of(sites.split(',')),
        };
        Some(Person::new(name, role, scope))
    }

    fn sign_in(&self, to: &str) -> String {
        format!("/signin?to={to}")
    }
}

fn pages(rig: &Rig) -> Router {
    let log = SqliteStore::read(&rig.directory.path().join("central.db")).expect("log");
    let index = Index::open(&rig.directory.path().join("central.pages.db")).expect("index");
    let clock = Arc::clone(&rig.clock) as Arc<dyn events::Clock>;
    views::router(Views::new(
        Arc::clone(&rig.registrar),
        log,
        index,
        clock,
        Arc::new(Gullible),
        rig.directory.path().join("units.csv"),
    ))
}

/// Two devices at two sites, each with an event.
fn two(rig: &Rig) {
    for (name, site) in [("kiosk-a", "Khách sạn <b>A</b>"), ("kiosk-b", "B")] {
        let asks = Machine::new(name).asks(Way::Usb, None);
        rig.registrar.enrol_at(&asks, site, "identify", "technician").expect("let in");
        rig.store.append(name, events::Chain::EMPTY, &[tells(name, 1, 1, 10)], 1_800_000_000).expect("stored");
    }
}

const A: &str = "technician an kh-a";
const ALL: &str = "operator lan *";

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

async fn ask(
    router: &Router,
    who: Option<&str>,
    method: Method,
    path: &str,
    more: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(who) = who {
        request = request.header("who", who.as_bytes());
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let response = router.clone().call(request.body(Body::from(body.to_owned())).expect("a request")).await;
    let response = response.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

async fn get(router: &Router, who: &str, path: &str) -> Answer {
    ask(router, Some(who), Method::GET, path, &[], "").await
}

const PAGES: [&str; 6] =
    ["/staff", "/staff?group=all", "/staff/device/kiosk-b", "/staff/events", "/staff/events.csv", "/staff/alerts"];

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in_and_comes_back_to_it_then() {
    let rig = Rig::new();
    two(&rig);
    let pages = pages(&rig);
    for path in PAGES {
        let answer = ask(&pages, None, Method::GET, path, &[], "").await;
        let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        assert_eq!((answer.status, to), (303, format!("/signin?to={path}").as_str()));
        assert!(!answer.text.contains("kiosk"));
    }
}

#[tokio::test]
async fn a_hostile_reader_learns_nothing_of_another_unit() {
    let rig = Rig::new();
    two(&rig);
    rig.clock.pass(3 * 3600);
    let pages = pages(&rig);
    let _ = get(&pages, ALL, "/staff").await;
    let stranger = "operator eve C";
    let searches =
        ["/staff/events?site=B", "/staff/events?device=kiosk-b", "/staff?site=B&group=all", "/staff?q=kiosk&group=all"];
    for path in PAGES.iter().chain(&searches) {
        let seen = get(&pages, stranger, path).await;
        let own = get(&pages, "operator lan B", path).await;
        assert!(
            !seen.text.contains("kiosk-a")
                && !seen.text.replace(path.trim_start_matches("/staff"), "").contains("Khách sạn"),
            "{path}"
        );
        let found = seen.text.matches("href=\"/staff/device/").count() + seen.text.matches(",kiosk-b,").count();
        assert_eq!(found, 0, "{path}");
        assert!(!own.text.contains("kiosk-a"), "{path}");
    }
    let (there, nowhere) =
        (get(&pages, stranger, "/staff/device/kiosk-b").await, get(&pages, stranger, "/staff/device/x").await);
    assert_eq!((there.status, there.text), (404, nowhere.text), "whether it is there is not told either");
    let same = [("sec-fetch-site", "same-origin")];
    for id in 0..6 {
        let taken = ask(&pages, Some(stranger), Method::POST, "/staff/alerts/take", &same, &format!("id={id}")).await;
        assert_eq!(taken.status, 404, "an alert of another unit");
    }
}

#[tokio::test]
async fn pages_have_no_script_are_not_kept_and_show_what_devices_say_as_text() {
    let rig = Rig::new();
    two(&rig);
    let pages = pages(&rig);
    for path in PAGES.iter().filter(|path| !path.ends_with("csv")) {
        let answer = get(&pages, ALL, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            !answer.text.contains("<script") && !answer.text.contains(" style=") && !answer.text.contains("<b>A</b>"),
            "{path}"
        );
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("script-src") && !policy.contains("unsafe")
        );
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(answer.text.starts_with("<!DOCTYPE html><html lang=\"vi\">"), "{path}");
    }
    let all = get(&pages, ALL, "/staff?group=all").await.text;
    assert!(all.contains("Khách sạn &lt;b&gt;A&lt;/b&gt;"));
    let style = get(&pages, ALL, "/staff/style.css").await;
    let fonts: Vec<&str> = style.text.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(fonts.len(), 8);
    for font in fonts {
        assert_eq!(get(&pages, ALL, font).await.status, 200, "{font}");
    }
    assert_eq!(get(&pages, ALL, "/staff/other.woff2").await.status, 404);
}

#[tokio::test]
async fn an_alert_is_taken_by_whoever_may_and_only_from_a_page_of_ours() {
    let rig = Rig::new();
    two(&rig);
    rig.clock.pass(3 * 3600);
    let pages = pages(&rig);
    let shown = get(&pages, "technician an B", "/staff/alerts").await.text;
    let id = shown
        .split("name=\"id\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("an alert")
        .to_owned();
    let body = format!("id={id}");
    let take = async |who: &str, headers: &[(&str, &str)]| {
        ask(&pages, Some(who), Method::POST, "/staff/alerts/take", headers, &body).await
    };
    let same = [("sec-fetch-site", "same-origin")];
    assert_eq!(take("technician an B", &[]).await.status, 403, "nothing says from where");
    assert_eq!(take("technician an B", &[("sec-fetch-site", "cross-site")]).await.status, 403);
    assert_eq!(take("technician an B", &[("host", "x"), ("origin", "https://evil")]).await.status, 403);
    assert_eq!(take("reader minh B", &same).await.status, 403);
    assert!(!get(&pages, "reader minh B", "/staff/alerts").await.text.contains("Tôi nhận"), "nor is it offered");
    assert_eq!(take("technician an B", &same).await.status, 303);
    assert_eq!(take("technician binh B", &same).await.status, 409);
    let after = get(&pages, ALL, "/staff?q=kiosk-b").await.text;
    assert!(after.contains("Đã nhận: an"), "the list says who");
    // Its next word ends it.
    rig.store
        .append("kiosk-b", rig.store.chain("kiosk-b").expect("chain"), &[tells("kiosk-b", 2, 2, 10)], 1_800_010_800)
        .expect("stored");
    let over = get(&pages, "technician an B", "/staff/alerts").await.text;
    assert!(over.contains("Đã hết") && over.contains("Không có cảnh báo nào."), "{over}");
}

#[tokio::test]
async fn a_page_is_read_in_english_where_somebody_chose_it() {
    let rig = Rig::new();
    two(&rig);
    let pages = pages(&rig);
    let chosen = get(&pages, ALL, "/staff?lang=en&group=all").await;
    assert!(
        chosen.text.contains("Devices to look after") && chosen.text.contains("href=\"/staff?group=all&amp;lang=vi\"")
    );
    let cookie = chosen.headers[header::SET_COOKIE].to_str().expect("text").to_owned();
    assert!(cookie.starts_with("lang=en;"));
    let next = ask(&pages, Some(ALL), Method::GET, "/staff/events", &[("cookie", "a=b; lang=en")], "").await;
    assert!(next.text.contains("<html lang=\"en\">"));
    let hostile = get(&pages, ALL, "/staff?lang=%0d%0aset-cookie:x").await;
    assert_eq!((hostile.status, hostile.headers.get(header::SET_COOKIE)), (200, None));
}

#[tokio::test]
async fn what_is_exported_is_what_is_shown() {
    let rig = Rig::new();
    two(&rig);
    let pages = pages(&rig);
    let table = get(&pages, "auditor an B", "/staff/events.csv?kind=signer").await;
    assert_eq!(table.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let mut lines = table.text.trim_start_matches('\u{feff}').lines();
    assert_eq!(lines.next(), Some("at,received_at,kind,outcome,why,rung,profile,device,site,sequence"));
    assert!(lines.next().is_some_and(|line| line.ends_with("signer,seen,,,,kiosk-b,B,1")), "{}", table.text);
    assert_eq!(lines.next(), None);
    assert_eq!(get(&pages, A, "/staff/events.csv").await.text.lines().count(), 1, "nothing of another's");
}

/// A day's tally of a device, as it would sign it.
fn tally(device: &str, chain: events::Chain, day: &str, (domestic, foreign): (u64, u64)) -> Vec<u8> {
    use events::tally::Counted;
    let row = |n, of: &str| events::Row { n, of: vec![of.to_owned()] };
    let table = |by, rows: Vec<events::Row>| events::Table {
        by: vec![by],
        rows: rows.into_iter().filter(|row| row.n > 0).collect(),
    };
    let mut event = events::signed::read(&tells(device, chain.sequence + 1, 1, 10)).expect("an event");
    event.previous = chain.head;
    event.body = events::Body::Tally(events::Tally {
        to: day.to_owned(),
        from: day.to_owned(),
        tables: vec![
            table(Counted::Outcome, vec![row(domestic + foreign, "done")]),
            table(Counted::Origin, vec![row(domestic, "domestic"), row(foreign, "foreign")]),
        ],
        profile: "lodging".to_owned(),
    });
    let key = fleet_of_one::key();
    events::SignedEvent::sign(event, &key.1, |message| fleet_of_one::sign(&key, message)).expect("signed").bytes
}

#[tokio::test]
async fn a_month_is_published_once_and_what_is_small_is_nowhere_in_it() {
    let rig = Rig::new();
    two(&rig);
    // 1_800_000_000 is a day of January 2027.
    for (device, counts) in [("kiosk-a", (437, 7)), ("kiosk-b", (521, 0))] {
        let end = rig.store.chain(device).expect("chain");
        rig.store.append(device, end, &[tally(device, end, "2027-01-16", counts)], 1_800_000_000).expect("stored");
    }
    let pages = pages(&rig);
    let before = get(&pages, ALL, "/staff/figures").await.text;
    assert!(before.contains("Chưa có tháng nào được chốt") && !before.contains("965"), "the month goes on");
    assert_eq!(ask(&pages, None, Method::GET, "/open/figures.csv", &[], "").await.text.lines().count(), 1);
    rig.clock.pass(25 * fleet_of_one::DAY);
    let inside = get(&pages, "reader an C", "/staff/figures").await;
    assert_eq!(inside.status, 200, "they are of no unit");
    assert!(inside.text.contains("<b>965</b>"), "{}", inside.text);
    assert!(inside.text.contains("<b>7</b>"), "seven are enough for staff");
    let open = ask(&pages, None, Method::GET, "/open/figures.csv", &[], "").await.text;
    assert!(open.contains("2027-01,lodging,day,total,outcome,total,965"), "{open}");
    for small in [",7\n", ",437\n", ",958\n", ",444\n"] {
        assert!(!open.contains(small), "{small} in {open}");
    }
    let document = ask(&pages, None, Method::GET, "/open/figures.json", &[], "").await.text;
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["publications"][0]["least"], 10);
    // What comes late changes nothing: there is nothing to subtract.
    let end = rig.store.chain("kiosk-a").expect("chain");
    rig.store.append("kiosk-a", end, &[tally("kiosk-a", end, "2027-01-17", (50, 0))], 1_802_000_000).expect("stored");
    assert_eq!(ask(&pages, None, Method::GET, "/open/figures.csv", &[], "").await.text, open);
}

#[tokio::test]
async fn a_table_of_units_that_contradicts_itself_publishes_nothing() {
    let rig = Rig::new();
    two(&rig);
    std::fs::write(rig.directory.path().join("units.csv"), "site,unit,province,from,until\nA,X,99,2025-07-01,\n")
        .expect("written");
    let pages = pages(&rig);
    let answer = get(&pages, ALL, "/staff/figures").await;
    assert!(
        answer.status == 503 && answer.text.contains("units_malformed") && answer.text.contains("line 2"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_taken_from_itself_alone_and_shown() {
    let rig = Rig::new();
    two(&rig);
    let log = SqliteStore::read(&rig.directory.path().join("central.db")).expect("log");
    let index = Index::open(&rig.directory.path().join("central.pages.db")).expect("index");
    let clock = Arc::clone(&rig.clock) as Arc<dyn events::Clock>;
    let units = rig.directory.path().join("units.csv");
    let views = Views::new(Arc::clone(&rig.registrar), log, index, clock, Arc::new(Gullible), units);
    let (door, pages) = (views.said_by_devices(), views::router(views));
    let say = async |peer: Option<cccd_central::tls::Presented>, body: &str| {
        let request =
            Request::builder().method(Method::POST).uri("/v1/state").header("content-type", "application/json");
        let mut request = request.body(Body::from(body.to_owned())).expect("a request");
        request.extensions_mut().insert(cccd_central::tls::Peer(peer));
        door.clone().call(request).await.expect("an answer").status().as_u16()
    };
    assert_eq!(say(None, "{}").await, 401);
    let device = rig.device("kiosk-b");
    let shows = |key: &str| Some(cccd_central::tls::Presented { name: "kiosk-b".to_owned(), key: key.to_owned() });
    assert_eq!(say(shows("another key"), "{}").await, 403);
    let own = device.tls_key.expect("a key");
    // A later version says more than is known here.
    assert_eq!(say(shows(&own), "{\"waiting\": 612, \"disk_free\": 1500000000, \"mood\": \"good\"}").await, 204);
    let list = get(&pages, ALL, "/staff?q=kiosk-b").await.text;
    assert!(list.contains("612 sự kiện") && list.contains("Gửi chậm"), "{list}");
    let one = get(&pages, ALL, "/staff/device/kiosk-b").await.text;
    assert!(one.contains("1,5 GB") && one.contains("Đĩa gần đầy"));
    rig.clock.pass(4 * 3600);
    let later = get(&pages, ALL, "/staff?q=kiosk-b").await.text;
    assert!(later.contains("lần cuối: 612") && !later.contains("Gửi chậm"), "what it was is not what it is");
}
