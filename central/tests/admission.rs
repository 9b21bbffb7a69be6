//! Who may in, over the real database and in virtual time, without a network: each way in, and each way out.

mod fleet_of_one;

use cccd_central::people::{Acting, Admit, Person, Role, Scope};
use cccd_central::registrar::staffed::Desk;
use cccd_central::registrar::{Decision, RegistrarError};
use cccd_central::store::EventStore as _;
use cccd_central::tls::Presented;
use events::sync::Enrolment;
use fleet::request::Way;
use fleet_of_one::{DAY, Machine, Rig, code};
use std::sync::Arc;

fn name(decision: Result<Decision, RegistrarError>) -> String {
    match decision.expect("let in") {
        Decision::Issued { device, .. } => device,
        Decision::Pending { .. } => panic!("it waits"),
    }
}

fn waits(decision: Result<Decision, RegistrarError>) -> bool {
    matches!(decision.expect("no refusal"), Decision::Pending { .. })
}

/// What a device shows when it connects.
fn shows(name: &str, machine: &Machine) -> Presented {
    Presented { name: name.to_owned(), key: machine.tls() }
}

/// A device that was let in with a token.
fn enrolled(rig: &Rig, serial: &str) -> (Machine, String) {
    let machine = Machine::new(serial);
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    let name = name(rig.registrar.enrol(&machine.asks(Way::Token, Some(&token)), None));
    rig.registrar.admits(&shows(&name, &machine)).expect("it may");
    (machine, name)
}

#[test]
fn nobody_gets_in_whom_nobody_knows() {
    let rig = Rig::new();
    let machine = Machine::new("SN-1");
    for way in [Way::List, Way::Qr, Way::Usb] {
        assert!(waits(rig.registrar.enrol(&machine.asks(way, None), None)), "{way:?}");
    }
    for (way, token, expected) in [
        (Way::Token, None, "token_invalid"),
        (Way::Token, Some("0000-0000"), "token_invalid"),
        (Way::Renewal, None, "device_unknown"),
        (Way::Grace, None, "device_unknown"),
    ] {
        assert_eq!(code(rig.registrar.enrol(&machine.asks(way, token), None)), expected, "{way:?}");
    }
    assert!(rig.registrar.registry().devices(&Scope::everywhere()).expect("registry").is_empty());
    assert_eq!(code(rig.registrar.enrol(b"no request", None)), "fleet_malformed");
    assert_eq!(code(rig.registrar.enrol_at(b"no request", "S", "identify", "test")), "fleet_malformed");
}

#[test]
fn a_device_of_the_list_gets_in_by_its_key_and_by_its_serial_number_never() {
    let rig = Rig::new();
    let (machine, other, known) = (Machine::new("SN-1"), Machine::new("SN-2"), Machine::new("SN-3"));
    rig.registrar.expect("SN-1", None, "Site A", "identify", "test").expect("expected");
    rig.registrar.expect("SN-3", Some(known.birth().as_str()), "Site B", "identify", "test").expect("expected");
    assert!(waits(rig.registrar.enrol(&other.asks(Way::List, None), None)), "another serial number");
    assert!(waits(rig.registrar.enrol(&Machine::new("SN-3").asks(Way::List, None), None)), "another birth key");
    assert_eq!(name(rig.registrar.enrol(&known.asks(Way::List, None), None)), "sn-3");
    assert_eq!(rig.device("sn-3").site, "Site B");
    // The number stands on the machine's back. A stranger who says it comes first, and waits as everybody does.
    let stranger = Machine::new("SN-1");
    for way in [Way::List, Way::Qr, Way::Usb] {
        assert!(waits(rig.registrar.enrol(&stranger.asks(way, None), None)), "{way:?}");
    }
    let asks = machine.asks(Way::List, None);
    assert!(waits(rig.registrar.enrol(&asks, None)), "and so does the machine itself");
    let listed = rig.registrar.listed("SN-1", &machine.birth()).expect("registry").expect("an entry");
    assert_eq!(listed.site, "Site A", "the technician is shown where it is to stand");
    assert!(rig.registrar.approve(&machine.birth(), "Site A", "identify", "technician").expect("confirmed"));
    assert_eq!(name(rig.registrar.enrol(&asks, None)), "sn-1", "under the name that it was promised");
    assert!(rig.registrar.listed("SN-1", &stranger.birth()).expect("registry").is_none(), "the place is taken");
    assert!(waits(rig.registrar.enrol(&stranger.asks(Way::List, None), None)));
}

#[test]
fn a_token_is_good_once_and_for_its_hours() {
    let rig = Rig::new();
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    let machine = Machine::new("SN-1");
    let typed = token.to_uppercase().replace('-', " ");
    let device = name(rig.registrar.enrol(&machine.asks(Way::Token, Some(&typed)), None));
    assert_eq!(rig.device(&device).site, "Site A");
    assert_eq!(code(rig.registrar.enrol(&Machine::new("SN-2").asks(Way::Token, Some(&token)), None)), "token_invalid");
    // Who was cut off asks again.
    assert_eq!(name(rig.registrar.enrol(&machine.asks(Way::Token, Some(&token)), None)), device);
    let late = rig.registrar.make_token("Site A", "identify", 1, "test").expect("token");
    rig.clock.pass(3600);
    assert_eq!(code(rig.registrar.enrol(&Machine::new("SN-3").asks(Way::Token, Some(&late)), None)), "token_invalid");
}

#[test]
fn a_device_that_waits_gets_in_when_a_technician_confirmed_it() {
    let rig = Rig::new();
    let (machine, other) = (Machine::new("SN-1"), Machine::new("SN-2"));
    for machine in [&machine, &other] {
        assert!(waits(rig.registrar.enrol(&machine.asks(Way::Qr, None), None)));
    }
    assert!(rig.registrar.approve(&machine.birth(), "Site A", "identify", "technician").expect("confirmed"));
    assert!(!rig.registrar.approve(&machine.birth(), "Site B", "identify", "another").expect("once"));
    assert!(waits(rig.registrar.enrol(&other.asks(Way::Qr, None), None)), "the other one still waits");
    let device = name(rig.registrar.enrol(&machine.asks(Way::Qr, None), None));
    assert_eq!(rig.device(&device).site, "Site A", "the first word counts");
    rig.registrar.dismiss(&other.birth(), "technician").expect("dismissed");
    assert!(!rig.registrar.approve(&other.birth(), "Site A", "identify", "technician").expect("it waits no more"));
}

/// A request that waits, as the registry keeps it.
fn flood(rig: &Rig, from: u32, count: u32, address: &str) {
    let at = events::Clock::wall(&*rig.clock);
    let kept = rig.registrar.registry().change(|change| {
        (from..from + count).try_for_each(|n| {
            change.wait(&cccd_central::registrar::registry::Pending {
                birth: format!("{n:064}"),
                serial: "SN".to_owned(),
                model: "test".to_owned(),
                protection: cccd_central::registrar::said::Protection::said("file"),
                request: Vec::new(),
                at,
                address: address.to_owned(),
                approved: None,
            })
        })
    });
    kept.expect("kept");
}

#[test]
fn nobody_is_refused_because_others_wait_and_an_address_has_some_places() {
    let rig = Rig::new();
    let from =
        |address: &str, machine: &Machine| waits(rig.registrar.enrol_from(&machine.asks(Way::Qr, None), None, address));
    // Two thousand requests of one address.
    let first = Machine::new("SN-1");
    assert!(from("192.0.2.1", &first));
    for n in 0..40 {
        rig.clock.pass(1);
        assert!(from("192.0.2.1", &Machine::new(&format!("flood-{n}"))));
    }
    let waiting = rig.registrar.registry().waiting(&Scope::everywhere()).expect("registry");
    assert_eq!(waiting.len(), 16, "the newest of them");
    assert!(waiting.iter().all(|one| one.birth != first.birth()), "the oldest went");
    // And of very many addresses, each with a few: whoever comes waits all the same.
    for n in 0..200 {
        flood(&rig, n * 10, 10, &format!("198.51.100.{n}"));
    }
    let honest = Machine::new("SN-2");
    assert!(from("203.0.113.9", &honest));
    assert!(rig.registrar.registry().pending(&honest.birth()).expect("registry").is_some());
    // Whoever does not ask again is forgotten within minutes; a device that waits asks again.
    for _ in 0..4 {
        rig.clock.pass(300);
        assert!(from("203.0.113.9", &honest));
    }
    assert_eq!(rig.registrar.registry().waiting(&Scope::everywhere()).expect("registry").len(), 1);
}

#[test]
fn a_request_whose_code_a_technician_has_in_hand_stays_however_many_come() {
    let rig = Rig::new();
    let (desk, an) = desk_of(&rig);
    let machine = Machine::new("SN-1");
    let birth = machine.birth();
    let ask = |machine: &Machine| rig.registrar.enrol_from(&machine.asks(Way::Qr, None), None, "192.0.2.1");
    for code in ["", "0123456", "zzzzzzzz", &"0".repeat(65), "%%%%%%%%"] {
        assert_eq!(code_of(desk.of(&an).find(code)), "code_malformed", "{code}");
    }
    // The code is typed before the request is here: the device was crowded out, and asks again.
    let typed = format!("{} {}", &birth[..4].to_uppercase(), &birth[4..8]);
    assert!(desk.of(&an).find(&typed).expect("held").is_empty());
    assert!(waits(ask(&machine)));
    for n in 0..40 {
        assert!(waits(ask(&Machine::new(&format!("flood-{n}")))));
    }
    let found = desk.of(&an).find(&typed).expect("held");
    assert_eq!(found.iter().map(|one| one.birth.as_str()).collect::<Vec<_>>(), [birth.as_str()]);
    assert!(desk.of(&an).confirm(&found[0], "Site A", "identify").expect("confirmed"));
    assert_eq!(rig.device(&name(ask(&machine))).site, "Site A");
}

/// The registrar as a technician of all sites has it.
fn desk_of(rig: &Rig) -> (Desk, Acting<Admit>) {
    let an = Person::new("an", Role::Technician, Scope::everywhere());
    (Desk::new(Arc::clone(&rig.registrar)), an.acting().expect("a technician"))
}

fn code_of<T>(result: Result<T, RegistrarError>) -> &'static str {
    code(result)
}

#[test]
fn what_was_confirmed_is_the_request_that_was_seen() {
    let rig = Rig::new();
    let (desk, an) = desk_of(&rig);
    let mut machine = Machine::new("SN-1");
    let old = machine.asks(Way::Qr, None);
    machine.new_tls();
    let new = machine.asks(Way::Qr, None);
    assert!(waits(rig.registrar.enrol(&old, None)));
    let seen = rig.registrar.registry().pending(&machine.birth()).expect("registry").expect("it waits");
    assert!(waits(rig.registrar.enrol(&new, None)));
    assert!(!desk.of(&an).confirm(&seen, "Site A", "identify").expect("asked"), "another since");
    let seen = rig.registrar.registry().pending(&machine.birth()).expect("registry").expect("it waits");
    assert!(desk.of(&an).confirm(&seen, "Site A", "identify").expect("confirmed"));
    assert!(waits(rig.registrar.enrol(&old, None)), "the old one was not confirmed");
    let device = name(rig.registrar.enrol(&new, None));
    rig.registrar.admits(&shows(&device, &machine)).expect("it may");
}

#[test]
fn requests_that_are_sent_again_in_any_order_leave_the_newest_certificate_admitted() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let rig = Rig::new();
        let mut machine = Machine::new("SN-1");
        // One that was shown on the screen and never answered; then two that were.
        let mut seen = vec![machine.asks(Way::Qr, None)];
        for _ in 0..2 {
            machine.new_tls();
            let request = machine.asks(Way::Qr, None);
            assert!(waits(rig.registrar.enrol(&request, None)));
            assert!(rig.registrar.approve(&machine.birth(), "Site A", "identify", "an").expect("confirmed"));
            name(rig.registrar.enrol(&request, None));
            seen.push(request);
        }
        let before = rig.device("sn-1");
        for _ in 0..2 {
            for at in order {
                program::ignore(rig.registrar.enrol(&seen[at], None), "whatever it says");
                let after = rig.device("sn-1");
                assert_eq!((&after.tls_key, &after.certificate), (&before.tls_key, &before.certificate), "{order:?}");
                rig.registrar.admits(&shows("sn-1", &machine)).expect("the newest certificate");
            }
        }
        assert_eq!(code(rig.registrar.enrol(&seen[1], None)), "request_replayed");
        assert_eq!(name(rig.registrar.enrol(&seen[2], None)), "sn-1", "who was cut off is answered alike");
        assert!(waits(rig.registrar.enrol(&seen[0], None)), "a technician would see it");
    }
}

#[test]
fn a_device_that_was_reset_gets_in_again_while_somebody_expects_it() {
    let rig = Rig::new();
    let (mut machine, device) = enrolled(&rig, "SN-1");
    let birth = machine.birth();
    let mut again = |way: Way, token: Option<&str>| {
        machine.new_tls();
        (machine.clone(), machine.asks(way, token))
    };
    let (_, request) = again(Way::Token, Some("0000-0000"));
    assert_eq!(code(rig.registrar.enrol(&request, None)), "token_invalid");
    let (_, request) = again(Way::List, None);
    assert!(waits(rig.registrar.enrol(&request, None)), "nobody expects it");
    rig.registrar.expect("SN-1", None, "Site A", "identify", "test").expect("expected");
    let (_, request) = again(Way::List, None);
    assert!(waits(rig.registrar.enrol(&request, None)), "a number that everybody can read is no word of anybody");
    rig.registrar.expect("SN-1", Some(birth.as_str()), "Site A", "identify", "test").expect("expected");
    let (now, request) = again(Way::List, None);
    assert_eq!(name(rig.registrar.enrol(&request, None)), device);
    rig.registrar.admits(&shows(&device, &now)).expect("it may");
    assert!(rig.registrar.registry().device("sn-1-3").expect("registry").is_none(), "the entry has done its work");
    // A token or a list does not move it to another site; a technician does.
    let token = rig.registrar.make_token("Site B", "identify", 72, "test").expect("token");
    let (_, request) = again(Way::Token, Some(&token));
    assert_eq!(code(rig.registrar.enrol(&request, None)), "device_elsewhere");
    assert_eq!(rig.device(&device).site, "Site A");
    let (now, request) = again(Way::Qr, None);
    assert!(waits(rig.registrar.enrol(&request, None)));
    assert!(rig.registrar.approve(&now.birth(), "Site B", "identify", "an").expect("confirmed"));
    assert_eq!(name(rig.registrar.enrol(&request, None)), device);
    assert_eq!(rig.device(&device).site, "Site B");
}

#[test]
fn a_key_that_was_revoked_gets_nothing_by_any_way_and_with_no_other_key() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    rig.registrar.revoke(&device, "stolen", "test").expect("revoked");
    assert_eq!(code(rig.registrar.admits(&shows(&device, &machine))), "device_revoked");
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    let fresh = || Machine::new("SN-1");
    let newcomer = fresh();
    for birth in [machine.birth(), newcomer.birth()] {
        rig.registrar.expect("SN-1", Some(birth.as_str()), "Site A", "identify", "test").expect("expected");
    }
    // Each of its keys by itself, in a machine whose other keys are new.
    let parts = [
        machine.clone(),
        Machine { birth: machine.birth.clone(), ..fresh() },
        Machine { event: machine.event.clone(), ..fresh() },
        Machine { tls: machine.tls.clone(), ..fresh() },
    ];
    for (at, machine) in parts.iter().enumerate() {
        for way in [Way::List, Way::Qr, Way::Token, Way::Usb, Way::Renewal, Way::Grace] {
            let presented = shows(&device, machine);
            let asked = rig.registrar.enrol(&machine.asks(way, Some(&token)), Some(&presented));
            assert_eq!(code(asked), "device_revoked", "{at} {way:?}");
        }
        let vouched = rig.registrar.enrol_at(&machine.asks(Way::Usb, None), "Site A", "identify", "test");
        assert_eq!(code(vouched), "device_revoked", "{at}: not even when an operator vouches for it");
    }
    assert_eq!(name(rig.registrar.enrol(&newcomer.asks(Way::List, None), None)), "sn-1-3", "a new device may");
}

#[test]
fn a_device_that_was_replaced_is_shut_out_and_its_successor_has_its_place() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    let successor = Machine::new("SN-2");
    let named = rig.registrar.replace(&device, "SN-2", Some(successor.birth().as_str()), "test").expect("replaced");
    assert_eq!(code(rig.registrar.admits(&shows(&device, &machine))), "device_revoked");
    assert_eq!(code(rig.registrar.enrol(&machine.asks(Way::Qr, None), None)), "device_revoked");
    assert_eq!(name(rig.registrar.enrol(&successor.asks(Way::List, None), None)), named);
    assert_eq!(rig.device(&named).site, "Site A");
    assert_eq!(code(rig.registrar.replace("nobody", "SN-4", None, "test")), "device_unknown");
}

#[test]
fn a_certificate_renews_its_own_device_only() {
    let rig = Rig::new();
    let (mut machine, device) = enrolled(&rig, "SN-1");
    let (other, others) = enrolled(&rig, "SN-2");
    let old = shows(&device, &machine);
    machine.new_tls();
    let request = machine.asks(Way::Renewal, None);
    for presented in [
        None,
        Some(shows(&others, &other)),
        Some(Presented { name: others.clone(), ..old.clone() }),
        Some(Presented { key: "0".repeat(64), ..old.clone() }),
    ] {
        assert_eq!(code(rig.registrar.enrol(&request, presented.as_ref())), "certificate_superseded", "{presented:?}");
    }
    assert_eq!(name(rig.registrar.enrol(&request, Some(&old))), device);
    let certificate = rig.device(&device).certificate;
    // It was cut off, and asks once more under the old one: the same certificate.
    assert_eq!(name(rig.registrar.enrol(&request, Some(&old))), device);
    assert_eq!(rig.device(&device).certificate, certificate);
    rig.registrar.admits(&old).expect("it may still be on its way to the new one");
    rig.registrar.admits(&shows(&device, &machine)).expect("the new one");
    // A request that was on its way for long changes nothing.
    assert_eq!(name(rig.registrar.enrol(&request, Some(&old))), device);
    let (before, mut machine) = (shows(&device, &machine), machine);
    machine.new_tls();
    assert_eq!(name(rig.registrar.enrol(&machine.asks(Way::Renewal, None), Some(&before))), device);
    assert_eq!(code(rig.registrar.admits(&old)), "certificate_superseded", "two certificates ago");
}

#[test]
fn of_two_devices_with_the_same_keys_both_are_shut_out() {
    let rig = Rig::new();
    let (mut machine, device) = enrolled(&rig, "SN-1");
    let (mut copy, old) = (machine.clone(), shows(&device, &machine));
    machine.new_tls();
    assert_eq!(name(rig.registrar.enrol(&machine.asks(Way::Renewal, None), Some(&old))), device);
    rig.registrar.admits(&shows(&device, &machine)).expect("used");
    copy.new_tls();
    assert_eq!(code(rig.registrar.enrol(&copy.asks(Way::Renewal, None), Some(&old))), "device_quarantined");
    assert_eq!(rig.device(&device).state.as_str(), "quarantined");
    for presented in [shows(&device, &machine), old] {
        assert_eq!(code(rig.registrar.admits(&presented)), "device_quarantined");
    }
    for way in [Way::Qr, Way::Token, Way::Grace] {
        assert_eq!(code(rig.registrar.enrol(&machine.asks(way, None), None)), "device_quarantined", "{way:?}");
    }
    let vouched = rig.registrar.enrol_at(&machine.asks(Way::Usb, None), "Site A", "identify", "test");
    assert_eq!(code(vouched), "device_quarantined");
    // What is worse stays.
    rig.registrar.revoke(&device, "looked at", "test").expect("revoked");
    rig.registrar.quarantine(&device, "once more").expect("asked");
    assert_eq!(rig.device(&device).state.as_str(), "revoked");
}

#[test]
fn a_device_that_was_away_comes_back_with_its_own_key_and_not_too_late() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    rig.clock.pass(490 * DAY);
    let mut other = machine.clone();
    other.new_tls();
    assert_eq!(code(rig.registrar.enrol(&other.asks(Way::Grace, None), None)), "certificate_superseded");
    assert_eq!(name(rig.registrar.enrol(&machine.asks(Way::Grace, None), None)), device);
    rig.clock.pass(490 * DAY + 1);
    assert_eq!(code(rig.registrar.enrol(&machine.asks(Way::Grace, None), None)), "certificate_too_old");
}

#[test]
fn a_certificate_that_is_over_is_not_given_again() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    let first = rig.device(&device).certificate;
    rig.registrar.enrol(&machine.asks(Way::Qr, None), None).expect("let in");
    assert_eq!(rig.device(&device).certificate, first, "it was cut off, and asks again");
    rig.clock.pass(91 * DAY);
    rig.registrar.enrol(&machine.asks(Way::Qr, None), None).expect("let in");
    let device = rig.device(&device);
    assert_ne!(device.certificate, first);
    assert!(device.not_after > Some(events::Clock::wall(&*rig.clock)));
}

#[test]
fn who_connects_shows_the_certificate_that_the_device_has_now() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    let (other, _) = enrolled(&rig, "SN-2");
    assert_eq!(code(rig.registrar.admits(&shows(&device, &other))), "certificate_superseded");
    assert_eq!(code(rig.registrar.admits(&shows("from-before", &machine))), "device_unknown", "nobody knows it");
    let (name, site) = ("from-before".to_owned(), "Site Z".to_owned());
    let bench = Enrolment { device: name, site, event_key: hex::encode(machine.event()) };
    rig.store.add_device(&bench).expect("registered");
    rig.registrar.admits(&shows("from-before", &machine)).expect("a device of the bench");
    let expected = rig.registrar.expect("SN-9", None, "Site A", "identify", "test").expect("expected");
    assert_eq!(code(rig.registrar.admits(&shows(&expected, &machine))), "device_revoked", "it was never let in");
}

#[test]
fn every_device_has_a_name_of_its_own() {
    let rig = Rig::new();
    let (first, second, third) =
        (enrolled(&rig, "KIOSK 1").1, enrolled(&rig, "kiosk-1").1, enrolled(&rig, "\u{1ebf}").1);
    assert_eq!([first.as_str(), &second, &third], ["kiosk-1", "kiosk-1-2", "-"]);
    assert_eq!(rig.registrar.expect("", None, "Site A", "identify", "test").expect("expected"), "device");
    for serial in ["a".repeat(64), "../../etc".to_owned(), "x'; DROP TABLE fleet_device".to_owned()] {
        let (_, name) = enrolled(&rig, &serial);
        assert!(fleet::authority::is_device_name(&name), "{name}");
    }
}

#[test]
fn nobody_takes_the_name_of_a_device_from_before_there_was_a_registry() {
    let rig = Rig::new();
    let old = Machine::new("kiosk-1");
    let (device, site) = ("kiosk-1".to_owned(), "Site Z".to_owned());
    let enrolment = Enrolment { device, site, event_key: hex::encode(old.event()) };
    rig.store.add_device(&enrolment).expect("registered");
    assert_eq!(enrolled(&rig, "kiosk-1").1, "kiosk-1-2");
    assert_eq!(rig.store.device("kiosk-1").expect("store"), Some(enrolment.clone()), "its place is as it was");
    rig.registrar.admits(&shows("kiosk-1", &old)).expect("and it may what it might");
    // Not even a place on the list under its name makes another device of it: the list has another name for that one.
    let third = Machine::new("kiosk-1");
    let birth = third.birth();
    let expected =
        rig.registrar.expect("kiosk-1", Some(birth.as_str()), "Site A", "identify", "test").expect("expected");
    assert_eq!(expected, "kiosk-1-3");
    assert_eq!(name(rig.registrar.enrol(&third.asks(Way::List, None), None)), "kiosk-1-3");
    assert_eq!(rig.store.device("kiosk-1").expect("store"), Some(enrolment.clone()));
    // Another tenant's token or list does not take it along.
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    let own = old.asks(Way::Token, Some(&token));
    assert_eq!(code(rig.registrar.enrol(&own, None)), "device_elsewhere");
    assert_eq!(rig.store.device("kiosk-1").expect("store"), Some(enrolment));
    // It is moved by whoever says so, and comes into the registry with its own key, and its events go on.
    rig.registrar.assign("kiosk-1", "Site A", "identify", "test").expect("moved");
    assert_eq!(name(rig.registrar.enrol(&own, None)), "kiosk-1");
    assert_eq!(rig.device("kiosk-1").site, "Site A");
    assert_eq!(code(rig.registrar.assign("nobody", "Site A", "identify", "test")), "device_unknown");
}

#[test]
fn a_name_of_the_registry_is_not_taken_by_a_device_of_the_bench() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "gate-01");
    rig.registrar.expect("gate-02", None, "Site A", "identify", "test").expect("expected");
    let bench = |name: &str, key: &[u8]| {
        let (device, site) = (name.to_owned(), "Site B".to_owned());
        rig.store.add_device(&Enrolment { device, site, event_key: hex::encode(key) }).err().map(|error| error.code())
    };
    let other = Machine::new("x");
    assert_eq!(bench(&device, other.event()), Some("device_exists"));
    assert_eq!(bench("gate-02", other.event()), Some("device_exists"), "it is promised");
    assert_eq!(bench(&device, machine.event()), Some("device_elsewhere"), "the same device at another tenant's");
    assert_eq!(rig.store.device(&device).expect("store").expect("a device").site, "Site A");
}
