//! Who may in, over the real database and in virtual time, without a network: each way in, and each way out.

mod fleet_of_one;

use cccd_central::registrar::{Decision, RegistrarError};
use cccd_central::store::EventStore as _;
use cccd_central::tls::Presented;
use events::sync::Enrolment;
use fleet::request::Way;
use fleet_of_one::{DAY, Machine, Rig, code};

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
    assert!(rig.registrar.registry().devices().expect("registry").is_empty());
    assert_eq!(code(rig.registrar.enrol(b"no request", None)), "fleet_malformed");
    assert_eq!(code(rig.registrar.enrol_at(b"no request", "S", "identify", "test")), "fleet_malformed");
}

#[test]
fn a_device_of_the_list_gets_in_by_its_serial_number_and_by_its_key_where_that_is_known() {
    let rig = Rig::new();
    let (machine, other, known) = (Machine::new("SN-1"), Machine::new("SN-2"), Machine::new("SN-3"));
    rig.registrar.expect("SN-1", None, "Site A", "identify", "test").expect("expected");
    rig.registrar.expect("SN-3", Some(known.birth().as_str()), "Site B", "identify", "test").expect("expected");
    assert!(waits(rig.registrar.enrol(&other.asks(Way::List, None), None)), "another serial number");
    assert_eq!(name(rig.registrar.enrol(&machine.asks(Way::List, None), None)), "sn-1");
    // The place is taken: whoever has the same serial number is another device.
    assert!(waits(rig.registrar.enrol(&Machine::new("SN-1").asks(Way::List, None), None)));
    assert!(waits(rig.registrar.enrol(&Machine::new("SN-3").asks(Way::List, None), None)), "another birth key");
    assert_eq!(name(rig.registrar.enrol(&known.asks(Way::List, None), None)), "sn-3");
    assert_eq!(rig.device("sn-3").site, "Site B");
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

#[test]
fn so_many_may_wait_and_no_more_and_none_for_ever() {
    let rig = Rig::new();
    let waiting = |at: i64| cccd_central::registrar::registry::Pending {
        birth: String::new(),
        serial: "SN".to_owned(),
        model: "test".to_owned(),
        protection: "file".to_owned(),
        request: Vec::new(),
        at,
        approved: None,
    };
    let now = events::Clock::wall(&*rig.clock);
    let fill = |count: u32| {
        rig.registrar.registry().change(|change| {
            (0..count).try_for_each(|n| {
                let birth = format!("{n:064}");
                change.wait(&cccd_central::registrar::registry::Pending { birth, ..waiting(now) })
            })
        })
    };
    fill(1999).expect("kept");
    assert!(waits(rig.registrar.enrol(&Machine::new("SN-1").asks(Way::Qr, None), None)));
    let late = Machine::new("SN-2");
    assert_eq!(code(rig.registrar.enrol(&late.asks(Way::Qr, None), None)), "registrar_crowded");
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    name(rig.registrar.enrol(&Machine::new("SN-3").asks(Way::Token, Some(&token)), None));
    rig.clock.pass(7 * DAY + 1);
    assert!(waits(rig.registrar.enrol(&late.asks(Way::Qr, None), None)), "nobody came for the others");
}

#[test]
fn a_key_that_was_revoked_gets_nothing_by_any_way_and_with_no_other_key() {
    let rig = Rig::new();
    let (machine, device) = enrolled(&rig, "SN-1");
    rig.registrar.revoke(&device, "stolen", "test").expect("revoked");
    assert_eq!(code(rig.registrar.admits(&shows(&device, &machine))), "device_revoked");
    let token = rig.registrar.make_token("Site A", "identify", 72, "test").expect("token");
    rig.registrar.expect("SN-1", None, "Site A", "identify", "test").expect("expected");
    let fresh = || Machine::new("SN-1");
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
    assert_eq!(name(rig.registrar.enrol(&fresh().asks(Way::List, None), None)), "sn-1-2", "a new device may");
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
    rig.registrar.admits(&shows("from-before", &machine)).expect("no device of the registry");
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
    // Not even a place on the list under its name makes another device of it.
    rig.registrar.expect("kiosk-1", None, "Site A", "identify", "test").expect("expected");
    assert_eq!(code(rig.registrar.enrol(&Machine::new("kiosk-1").asks(Way::List, None), None)), "store_failed");
    assert_eq!(rig.store.device("kiosk-1").expect("store"), Some(enrolment));
    // It moves into the registry with its own key, and its events go on.
    assert_eq!(name(rig.registrar.enrol(&old.asks(Way::List, None), None)), "kiosk-1");
}
