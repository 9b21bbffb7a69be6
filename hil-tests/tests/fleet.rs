//! Devices that are let in, renew, stay away, are copied and are shut out, with the real registrar and virtual time.

use cccd_central::people::Scope;
use cccd_central::tls::Presented;
use events::Clock as _;
use fleet::bundle::{Bundle, Entry};
use fleet::renewal;
use fleet::request::Way;
use hil_tests::fleet::{BEGIN, DAY, Machine, PHRASE, Rig, key, settle, until_cut};
use identity::keeper::{Keeper, Progress};
use identity::machine::{self, Outcome, Present, Step};
use identity::state::{Credential, Place, State};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

fn code(progress: Progress) -> String {
    match progress {
        Progress::Failed { code, .. } => code,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// Enrols with a token.
fn enrolled(rig: &Rig) -> (Machine, Keeper) {
    let machine = rig.device();
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    let mut keeper = machine.start(Way::Token, Some(&token)).expect("started");
    assert!(matches!(settle(&mut keeper).expect("settled"), Progress::Resting { .. }));
    (machine, keeper)
}

fn working(keeper: &Keeper) {
    keeper.report(0).expect("central takes its report");
}

/// Confirms what waits, as a technician does who compared the words.
fn confirm(rig: &Rig, site: &str) {
    for waiting in rig.registrar.registry().waiting(&Scope::everywhere()).expect("registry") {
        assert!(rig.registrar.approve(&waiting.birth, site, "identify", "technician").expect("confirmed"));
    }
}

#[test]
fn four_ways_in_and_the_site_comes_with_them() {
    let rig = Rig::new();
    // The list.
    let machine = rig.device();
    rig.registrar
        .expect(&machine.serial, Some(machine.birth().as_str()), "Listed", "identify", "test")
        .expect("expected");
    let mut keeper = machine.start(Way::List, None).expect("started");
    settle(&mut keeper).expect("settled");
    working(&keeper);
    assert_eq!(rig.known(&machine.name()).site, "Listed");
    // The code on the screen.
    let machine = rig.device();
    let mut keeper = machine.start(Way::Qr, None).expect("started");
    let Progress::Waiting { words, .. } = settle(&mut keeper).expect("settled") else { panic!("it waits") };
    assert_eq!(words, keeper.words().expect("words"), "they stay while it waits");
    confirm(&rig, "Confirmed");
    settle(&mut keeper).expect("settled");
    working(&keeper);
    assert_eq!(rig.known(&machine.name()).site, "Confirmed");
    // The token, which is good once.
    let machine = rig.device();
    let token = rig.registrar.make_token("Token", "identify", 72, "test").expect("token");
    let mut keeper = machine.start(Way::Token, Some(&token.to_uppercase())).expect("started");
    settle(&mut keeper).expect("settled");
    working(&keeper);
    let other = rig.device();
    let mut second = other.start(Way::Token, Some(&token)).expect("started");
    assert_eq!(code(settle(&mut second).expect("settled")), "token_invalid");
    let late = rig.registrar.make_token("Token", "identify", 1, "test").expect("token");
    rig.clock.pass(3601);
    let mut second = {
        drop(second);
        other.start(Way::Token, Some(&late)).expect("started")
    };
    assert_eq!(code(settle(&mut second).expect("settled")), "token_invalid");
    // The stick: no network at all.
    let machine = rig.device();
    machine.away.store(true, Ordering::SeqCst);
    let mut keeper = machine.start(Way::Usb, None).expect("started");
    keeper.prepare(&hil_tests::fleet::random).expect("prepared");
    let (request, _) = keeper.request().expect("request");
    let answer = |request: &[u8]| match rig.registrar.enrol_at(request, "Stick", "identify", "test").expect("answered")
    {
        cccd_central::registrar::Decision::Issued { answer, .. } => answer,
        other => panic!("{other:?}"),
    };
    let bytes = answer(&request);
    let other = rig.device();
    let mut wrong = other.start(Way::Usb, None).expect("started");
    wrong.prepare(&hil_tests::fleet::random).expect("prepared");
    assert_eq!(wrong.take_answer(&bytes).expect_err("another device's").code(), "fleet_nonce");
    keeper.take_answer(&bytes).expect("taken");
    machine.away.store(false, Ordering::SeqCst);
    working(&keeper);
    assert_eq!(rig.known(&machine.name()).site, "Stick");
    assert_eq!(keeper.site_keys().expect("keys"), rig.ca().site_keys("Stick", rig.clock.wall()).expect("keys"));
}

/// Cuts power at one moment after the other in a story, and lets it go on; returns how many moments there are.
fn cut_everywhere(what: &str, prepare: impl Fn(&Rig) -> Machine, story: impl Fn(&Rig, &Machine)) -> u64 {
    let mut moment = 0;
    loop {
        moment += 1;
        let rig = Rig::new();
        let machine = prepare(&rig);
        let had = machine.state().current.is_some();
        machine.power.cut_at(moment);
        let whole = until_cut(|| story(&rig, &machine)).is_some();
        machine.power.cut_at(0);
        if had {
            // At no moment is a device that had a credential without one that works.
            let keeper = machine.start(Way::Qr, None).expect("started");
            let current = machine.state().current.expect("a credential");
            if events::Clock::wall(&*rig.clock) < current.not_after {
                working(&keeper);
            }
        }
        story(&rig, &machine);
        let keeper = machine.start(Way::Qr, None).expect("started");
        working(&keeper);
        let devices = rig.registrar.registry().devices(&Scope::everywhere()).expect("registry");
        assert_eq!(devices.len(), 1, "{what}, moment {moment}: one device");
        assert_eq!(devices[0].state.as_str(), "active", "{what}, moment {moment}");
        if whole {
            return moment - 1;
        }
    }
}

#[test]
fn power_cut_at_any_moment_of_enrolment_leaves_a_device_that_goes_on() {
    let list = |rig: &Rig| {
        let machine = rig.device();
        rig.registrar
            .expect(&machine.serial, Some(machine.birth().as_str()), "S", "identify", "test")
            .expect("expected");
        machine
    };
    let by_list = cut_everywhere("list", list, |_, machine| {
        settle(&mut machine.start(Way::List, None).expect("started")).expect("settled");
    });
    let by_code = cut_everywhere("qr", Rig::device, |rig, machine| {
        let mut keeper = machine.start(Way::Qr, None).expect("started");
        if matches!(settle(&mut keeper).expect("settled"), Progress::Waiting { .. }) {
            confirm(rig, "S");
            settle(&mut keeper).expect("settled");
        }
    });
    let token = std::sync::Mutex::new(String::new());
    let with_token = |rig: &Rig| {
        *token.lock().expect("token") = rig.registrar.make_token("S", "identify", 72, "test").expect("token");
        rig.device()
    };
    let by_token = cut_everywhere("token", with_token, |_, machine| {
        let token = token.lock().expect("token").clone();
        settle(&mut machine.start(Way::Token, Some(&token)).expect("started")).expect("settled");
    });
    let by_stick = cut_everywhere("usb", Rig::device, |rig, machine| {
        let mut keeper = machine.start(Way::Usb, None).expect("started");
        if machine.state().current.is_some() {
            return;
        }
        keeper.prepare(&hil_tests::fleet::random).expect("prepared");
        let (request, _) = keeper.request().expect("request");
        if let Ok(cccd_central::registrar::Decision::Issued { answer, .. }) =
            rig.registrar.enrol_at(&request, "S", "identify", "test")
        {
            keeper.take_answer(&answer).expect("taken");
        }
    });
    println!("moments of enrolment: list {by_list}, code {by_code}, token {by_token}, stick {by_stick}");
    assert!([by_list, by_code, by_token, by_stick].iter().all(|moments| *moments > 15));
}

#[test]
fn power_cut_at_any_moment_of_renewal_leaves_a_credential_that_works() {
    let due = |rig: &Rig| {
        let (machine, keeper) = enrolled(rig);
        let current = keeper.state().current.clone().expect("a credential");
        rig.clock.pass(renewal::due(&machine.name(), current.not_before, current.not_after) - BEGIN + 1);
        drop(keeper);
        machine
    };
    let renewal = cut_everywhere("renewal", due, |_, machine| {
        let mut keeper = machine.start(Way::Qr, None).expect("started");
        assert!(matches!(settle(&mut keeper).expect("settled"), Progress::Resting { .. }));
    });
    let expired = |rig: &Rig| {
        let (machine, _) = enrolled(rig);
        rig.clock.pass(300 * DAY);
        machine
    };
    let grace = cut_everywhere("grace", expired, |_, machine| {
        let mut keeper = machine.start(Way::Qr, None).expect("started");
        assert!(matches!(settle(&mut keeper).expect("settled"), Progress::Resting { .. }));
    });
    println!("moments of renewal: {renewal}, of grace: {grace}");
    assert!(renewal > 12 && grace > 8);
}

#[test]
fn a_renewal_uses_the_other_slot_and_the_old_certificate_ends_with_it() {
    let rig = Rig::new();
    let (machine, mut keeper) = enrolled(&rig);
    let old = keeper.state().current.clone().expect("a credential");
    rig.clock.pass(70 * DAY);
    settle(&mut keeper).expect("settled");
    let new = keeper.state().current.clone().expect("a credential");
    assert_ne!((old.key.as_str(), &old.certificate), (new.key.as_str(), &new.certificate));
    assert_eq!((keeper.state().previous.as_ref(), keeper.state().underway.as_ref()), (None, None));
    working(&keeper);
    assert_eq!(rig.known(&machine.name()).state.as_str(), "active");
}

#[test]
fn after_400_days_without_a_network_it_comes_back_by_itself_and_later_with_a_technician() {
    let rig = Rig::new();
    let (machine, mut keeper) = enrolled(&rig);
    machine.away.store(true, Ordering::SeqCst);
    for _ in 0..400 {
        rig.clock.pass(DAY);
        // Whatever it tries, it tries for ever.
        settle(&mut keeper).expect("settled");
    }
    machine.away.store(false, Ordering::SeqCst);
    assert!(matches!(settle(&mut keeper).expect("settled"), Progress::Resting { .. }));
    working(&keeper);
    // 90 days of life and 400 of grace, and one more.
    drop(keeper);
    rig.clock.pass(491 * DAY);
    let mut keeper = machine.start(Way::Qr, None).expect("started");
    assert_eq!(code(settle(&mut keeper).expect("settled")), "certificate_too_old");
    assert!(machine.state().current.is_some(), "nothing is thrown away");
}

#[test]
fn a_root_that_was_changed_while_a_device_was_away_strands_nobody() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    let fresh = rig.device();
    drop(keeper);
    let number = rig.ca().add_root(&*rig.clock).expect("root");
    rig.registrar.set_ca(rig.ca().use_root(number, PHRASE).expect("root"));
    for days in [1, 70, 300] {
        rig.clock.pass(days * DAY);
        let mut keeper = machine.start(Way::Qr, None).expect("started");
        settle(&mut keeper).expect("settled");
        working(&keeper);
    }
    let state = machine.state();
    assert_eq!(state.roots().expect("roots").expect("roots").fingerprints().len(), 2, "it knows both now");
    // Its image knows the old root only.
    rig.registrar.expect(&fresh.serial, Some(fresh.birth().as_str()), "S", "identify", "test").expect("expected");
    let mut keeper = fresh.start(Way::List, None).expect("started");
    settle(&mut keeper).expect("settled");
    working(&keeper);
    rig.ca().retire_root(1).expect("retired");
    let mut keeper = machine.start(Way::Qr, None).expect("started");
    settle(&mut keeper).expect("settled");
    working(&keeper);
}

#[test]
fn of_a_device_and_its_copy_both_are_shut_out_and_somebody_is_told() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    drop(keeper);
    let copy = machine.copy();
    rig.clock.pass(70 * DAY);
    let mut first = machine.start(Way::Qr, None).expect("started");
    settle(&mut first).expect("settled");
    working(&first);
    let mut second = copy.start(Way::Qr, None).expect("started");
    assert_eq!(code(settle(&mut second).expect("settled")), "device_quarantined");
    assert_eq!(first.report(0).expect_err("shut out").code(), "device_quarantined");
    let known = rig.known(&machine.name());
    assert_eq!((known.state.as_str(), known.why.is_some()), ("quarantined", true));
    let journal = rig.registrar.registry().journal(&Scope::everywhere()).expect("journal");
    assert!(journal.iter().any(|deed| deed.device == known.name && deed.what == "quarantined"));
}

#[test]
fn a_key_that_was_revoked_gets_nothing_any_more_by_any_way() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    drop(keeper);
    rig.registrar.revoke(&machine.name(), "stolen", "test").expect("revoked");
    let keeper = machine.start(Way::Qr, None).expect("started");
    assert_eq!(keeper.report(0).expect_err("shut out").code(), "device_revoked");
    drop(keeper);
    rig.clock.pass(70 * DAY);
    let mut keeper = machine.start(Way::Qr, None).expect("started");
    assert_eq!(code(settle(&mut keeper).expect("settled")), "device_revoked", "by renewal");
    drop(keeper);
    rig.clock.pass(100 * DAY);
    let mut keeper = machine.start(Way::Qr, None).expect("started");
    assert_eq!(code(settle(&mut keeper).expect("settled")), "device_revoked", "by grace");
    drop(keeper);
    // Its certificate gone, its keys kept: every way in.
    for way in [Way::List, Way::Qr, Way::Token, Way::Usb] {
        let mut state = machine.state();
        (state.current, state.previous, state.next, state.underway) = (None, None, None, None);
        state.save(&machine.place).expect("state");
        rig.registrar
            .expect(&machine.serial, Some(machine.birth().as_str()), "S", "identify", "test")
            .expect("expected");
        let token = rig.registrar.make_token("S", "identify", 72, "test").expect("token");
        let mut keeper = machine.start(way, Some(&token)).expect("started");
        assert_eq!(code(settle(&mut keeper).expect("settled")), "device_revoked", "{way:?}");
        let (request, _) = keeper.request().expect("request");
        let vouched = rig.registrar.enrol_at(&request, "S", "identify", "test").expect_err("refused");
        assert_eq!(vouched.answer().1, "device_revoked", "not even when an operator vouches for it");
    }
}

#[test]
fn a_certificate_of_one_device_does_not_renew_another() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    let (other, others) = enrolled(&rig);
    let mut state = machine.state();
    state.ask(Way::Renewal, [3; 16]);
    state.save(&machine.place).expect("state");
    drop((keeper, others));
    let keeper = machine.start(Way::Qr, None).expect("started");
    let (request, _) = keeper.request().expect("request");
    let presented = Presented { name: other.name(), key: rig.known(&other.name()).tls_key.expect("key") };
    for presented in [Some(&presented), None] {
        let refused = rig.registrar.enrol(&request, presented).expect_err("refused");
        assert_eq!(refused.answer().1, "certificate_superseded");
    }
}

#[test]
fn a_replaced_device_is_cut_off_and_its_successor_inherits_the_site() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    let successor = rig.device();
    let name = rig.registrar.replace(&machine.name(), &successor.serial, None, "test").expect("replaced");
    assert_eq!(keeper.report(0).expect_err("cut off").code(), "device_revoked");
    let mut keeper = successor.start(Way::List, None).expect("started");
    let seen = settle(&mut keeper).expect("settled");
    assert!(matches!(seen, Progress::Waiting { .. }), "by its number alone it waits for a technician");
    confirm(&rig, "Site A");
    settle(&mut keeper).expect("settled");
    working(&keeper);
    let known = rig.known(&name);
    assert_eq!((known.site.as_str(), known.profile.as_str()), ("Site A", "identify"));
    let known = rig.ca().site_keys("Site A", rig.clock.wall()).expect("keys");
    assert_eq!(keeper.site_keys().expect("keys"), known, "people are known again");
}

fn bundle(rig: &Rig, version: u64, content: &str) -> Vec<u8> {
    let entries = vec![Entry { path: "trust/note.txt".to_owned(), bytes: content.as_bytes().to_vec() }];
    let bundle = Bundle::new(version, "practice", BEGIN, entries).expect("bundle");
    let sign = |m: &[u8]| fleet::authority::sign(&rig.operator.0, m).map_err(|e| e.to_string());
    bundle.sign(&rig.operator.1, &sign).expect("signed")
}

#[test]
fn a_bundle_that_is_not_right_is_refused_with_its_code_and_the_active_one_is_untouched() {
    let rig = Rig::new();
    let (machine, keeper) = enrolled(&rig);
    rig.registrar.publish(&bundle(&rig, 5, "five"), None, "test").expect("published");
    let fetched = keeper.fetch_bundle(0).expect("asked").expect("a bundle");
    let bundles = machine.bundles();
    let operators = [rig.operator.1.clone()];
    let well = |_: &Bundle, _: &std::path::Path| Ok(());
    assert_eq!(bundles.take(&fetched, &operators, "practice", &well).expect("taken"), (0, 5));
    let content = || std::fs::read_to_string(bundles.path().join("trust/note.txt")).expect("part");
    let stranger = key();
    let sign = |m: &[u8]| fleet::authority::sign(&stranger.0, m).map_err(|e| e.to_string());
    let entries = vec![Entry { path: "trust/note.txt".to_owned(), bytes: b"x".to_vec() }];
    let wrong_signer =
        Bundle::new(9, "practice", BEGIN, entries).expect("bundle").sign(&stranger.1, &sign).expect("signed");
    let mut tampered = bundle(&rig, 9, "nine");
    let inside = tampered.windows(4).position(|part| part == b"nine").expect("the content");
    tampered[inside] ^= 1;
    let whole = bundle(&rig, 9, "nine");
    let cases: [(&str, &[u8], &str); 5] = [
        ("wrong signer", &wrong_signer, "fleet_signature"),
        ("older version", &bundle(&rig, 4, "four"), "bundle_older"),
        ("the same version", &bundle(&rig, 5, "other"), "bundle_older"),
        ("truncated", &whole[..whole.len() - 40], "fleet_malformed"),
        ("tampered", &tampered, "fleet_signature"),
    ];
    for (what, bytes, code) in cases {
        let refused = bundles.take(bytes, &operators, "practice", &well).expect_err(what);
        assert_eq!(refused.code(), code, "{what}");
        assert_eq!((bundles.active(), content().as_str()), (5, "five"), "{what}");
        bundles.check().expect("the active one is whole");
    }
    let unusable = |_: &Bundle, _: &std::path::Path| {
        Err(fleet::FleetError::Entry { path: "trust/note.txt".to_owned(), why: "no anchor".to_owned() })
    };
    assert_eq!(bundles.take(&whole, &operators, "practice", &unusable).expect_err("a part").code(), "bundle_entry");
    assert_eq!((bundles.active(), content().as_str()), (5, "five"));
    assert_eq!(bundles.take(&whole, &operators, "production", &well).expect_err("fleet").code(), "bundle_environment");
    // Forward, back, and not forward again.
    assert_eq!(bundles.take(&whole, &operators, "practice", &well).expect("taken"), (5, 9));
    assert_eq!(bundles.withdraw().expect("withdrawn"), (9, 5));
    assert_eq!(content(), "five");
    assert_eq!(bundles.take(&whole, &operators, "practice", &well).expect_err("withdrawn").code(), "bundle_older");
    std::fs::write(bundles.path().join("trust/note.txt"), "changed").expect("file");
    assert_eq!(bundles.check().expect_err("a changed file").code(), "bundle_entry");
}

/// A device of the simulation: the machine that every device runs, and the certificates that it gets.
struct Simulated {
    state: State,
    wake: i64,
    away: (i64, i64),
}

#[test]
fn of_10000_devices_that_renew_none_is_stranded_and_they_do_not_come_together() {
    const DEVICES: usize = 10_000;
    const LIFE: i64 = 90 * DAY;
    let present = Present { birth: true, event: true };
    let credential = |key: &str, at: i64| Credential {
        key: key.to_owned(),
        certificate: String::new(),
        not_before: at,
        not_after: at + LIFE,
    };
    let place = |device: String| Place {
        device,
        site: String::new(),
        central: String::new(),
        profile: String::new(),
        environment: String::new(),
        operators: Vec::new(),
    };
    // All are enrolled within one working day, the worst case; one in a hundred is away for up to 400 days, and central
    // for a week.
    let mut fleet: Vec<Simulated> = (0..DEVICES)
        .map(|number| {
            let at = BEGIN + i64::try_from(number % (8 * 3600)).expect("time");
            let mut state = State { current: Some(credential("tls-a", at)), ..State::default() };
            state.place = Some(place(format!("kiosk-{number}")));
            let away = if number % 100 == 0 { (BEGIN + 40 * DAY, BEGIN + 440 * DAY) } else { (0, 0) };
            Simulated { state, wake: at, away }
        })
        .collect();
    let down = (BEGIN + 50 * DAY, BEGIN + 57 * DAY);
    let end = BEGIN + 730 * DAY;
    let mut queue: BTreeMap<(i64, usize), ()> = fleet.iter().enumerate().map(|(at, d)| ((d.wake, at), ())).collect();
    let mut per_hour: BTreeMap<i64, u32> = BTreeMap::new();
    let mut asked: u64 = 0;
    while let Some(((now, at), ())) = queue.pop_first() {
        if now >= end {
            continue;
        }
        let device = &mut fleet[at];
        let reachable = !(device.away.0..device.away.1).contains(&now) && !(down.0..down.1).contains(&now);
        let jitter = u8::try_from((asked * 31 + at as u64) % 256).expect("a byte");
        let wait = match machine::next(&device.state, present, Way::List, now) {
            Step::Rest { until } => until - now,
            Step::Ask(way) => {
                device.state.ask(way, [0; 16]);
                0
            }
            Step::Send => {
                asked += 1;
                let outcome = if reachable {
                    *per_hour.entry(now / 3600).or_default() += 1;
                    let underway = device.state.underway.clone().expect("a request");
                    let grace = underway.way == Way::Grace;
                    let current = device.state.current.as_ref().expect("a credential");
                    assert!(grace || now < current.not_after, "a renewal with a valid certificate");
                    assert!(now < current.not_after + i64::from(renewal::GRACE_DAYS) * DAY, "within the grace");
                    let place = device.state.place.clone().expect("a place");
                    Outcome::Issued { credential: credential(&underway.key, now), place, roots: "r".into(), at: now }
                } else {
                    Outcome::Unreachable(None)
                };
                i64::try_from(device.state.sent(outcome, jitter).as_secs()).expect("time")
            }
            Step::Try if reachable => {
                device.state.promote();
                0
            }
            Step::Confirm if reachable => {
                device.state.previous = None;
                0
            }
            Step::Try | Step::Confirm => 60,
            other => panic!("{other:?}"),
        };
        queue.insert((now + wait.max(1), at), ());
    }
    let stranded =
        fleet.iter().filter(|device| device.state.current.as_ref().is_none_or(|c| c.not_after <= end)).count();
    let (hour, peak) =
        per_hour.iter().max_by_key(|(_, count)| **count).map(|(hour, count)| (*hour, *count)).expect("renewals");
    let renewals: u32 = per_hour.values().sum();
    println!(
        "{DEVICES} devices, 730 days: {renewals} certificates, {stranded} stranded; peak {peak} an hour (day {}), {:.3} a second",
        hour * 3600 / DAY - BEGIN / DAY,
        f64::from(peak) / 3600.0
    );
    assert_eq!(stranded, 0);
    // After a week without central, those that were due come within the longest wait.
    assert!(peak < 1_000, "{peak} an hour");
}
