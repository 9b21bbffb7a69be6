use super::*;
use crate::bundle::Entry;
use crate::revoked::RevokedCards;
use openssl::ec::{EcGroup, EcKey};
use openssl::pkey::{PKey, Private};

struct Operator(PKey<Private>, Vec<u8>);

impl Operator {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
        let public = key.public_key_to_der().expect("public key");
        Self(key, public)
    }

    fn pem(&self) -> Vec<u8> {
        self.0.public_key_to_pem().expect("PEM")
    }
}

fn trust(operators: &[&Operator]) -> Trust {
    Trust::of(&operators.iter().map(|operator| operator.1.clone()).collect::<Vec<_>>())
}

fn countersigned(envelope: &Envelope, by: &[&Operator]) -> Vec<u8> {
    let mut envelope = envelope.clone();
    for Operator(key, public) in by {
        envelope.countersign(public, &|m| crate::authority::sign(key, m).map_err(|e| e.to_string())).expect("signed");
    }
    envelope.to_bytes()
}

fn signed(bundle: &Bundle, by: &[&Operator]) -> Vec<u8> {
    let (Operator(key, public), others) = by.split_first().expect("somebody");
    let first = bundle.sign(public, &|m| crate::authority::sign(key, m).map_err(|e| e.to_string())).expect("signed");
    countersigned(&Envelope::parse(&first).expect("a bundle"), others)
}

fn entry(path: &str, bytes: impl AsRef<[u8]>) -> Entry {
    Entry { path: path.to_owned(), bytes: bytes.as_ref().to_vec() }
}

fn bundle(version: u64, entries: Vec<Entry>) -> Bundle {
    Bundle::new(version, "practice", 1, entries).expect("a bundle")
}

/// One part of each kind that could do harm.
fn heavy(pem: &[u8]) -> Vec<Entry> {
    vec![
        entry("trust/a.der", "anchor"),
        entry("fleet/roots.pem", "roots"),
        entry("operators/a.pem", pem),
        entry("profiles/p.toml", "profile"),
        entry("update/rollout.toml", "rollout"),
        entry("site.toml", "settings"),
    ]
}

fn open(trust: &Trust, known: u64, bytes: &[u8]) -> Result<Accepted, FleetError> {
    Acceptance { trust, environment: "practice", known }.open(bytes)
}

fn code(opened: Result<Accepted, FleetError>) -> &'static str {
    opened.map_or_else(|error| error.code(), |_| "taken")
}

#[test]
fn only_the_operators_newer_bundle_of_this_fleet_is_taken() {
    let (operator, stranger) = (Operator::new(), Operator::new());
    let bundle = bundle(7, vec![entry("trust/a.der", "x"), entry("site.toml", "y")]);
    let bytes = signed(&bundle, &[&operator]);
    let trust = trust(&[&operator]);
    let opened = open(&trust, 6, &bytes).expect("taken");
    assert_eq!((opened.bundle, opened.signers), (bundle, vec![fingerprint(&operator.1)]));
    assert_eq!(code(open(&trust, 7, &bytes)), "bundle_older");
    let elsewhere = Acceptance { trust: &trust, environment: "production", known: 0 };
    assert_eq!(code(elsewhere.open(&bytes)), "bundle_environment");
    assert_eq!(code(open(&self::trust(&[&stranger]), 0, &bytes)), "fleet_signature");
    assert_eq!(code(open(&self::trust(&[]), 0, &bytes)), "fleet_signature", "nobody is trusted");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(open(&trust, 0, &changed).is_err(), "byte {at}");
        assert!(open(&trust, 0, &bytes[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn what_would_harm_is_signed_by_two_of_three_and_each_field_under_both_signatures() {
    let (a, b, c, stranger) = (Operator::new(), Operator::new(), Operator::new(), Operator::new());
    let trust = trust(&[&a, &b, &c]);
    assert_eq!(trust.threshold, 2);
    let one = bundle(3, vec![entry("site.toml", "settings"), entry("playlist/x", "notice")]);
    for pair in [[&a, &b], [&b, &c], [&c, &a]] {
        assert_eq!(code(open(&trust, 0, &signed(&one, &pair))), "taken");
    }
    for too_few in [&[&a][..], &[&b], &[&a, &a], &[&a, &stranger]] {
        assert_eq!(code(open(&trust, 0, &signed(&one, too_few))), "bundle_signatures");
    }
    assert_eq!(code(open(&trust, 0, &signed(&one, &[&stranger]))), "fleet_signature");
    // The same key under two names is one operator.
    assert_eq!(Trust::of(&[a.1.clone(), a.1.clone()]).threshold, 1);
    let bytes = signed(&one, &[&a, &b]);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(open(&trust, 0, &changed).is_err(), "byte {at}");
    }
    // Each field of what was signed, changed by one of them alone.
    let alone = |bundle: Bundle| code(open(&trust, 0, &signed(&bundle, &[&a])));
    assert_eq!(alone(Bundle { at: 2, ..one.clone() }), "bundle_signatures");
    assert_eq!(alone(Bundle { version: 4, ..one.clone() }), "bundle_signatures");
    assert_eq!(alone(Bundle { fresh_until: Some(i64::MAX), ..one.clone() }), "bundle_signatures");
    for part in heavy(&a.pem()) {
        let path = part.path.clone();
        assert_eq!(alone(bundle(3, vec![part])), "bundle_signatures", "{path}");
    }
}

#[test]
fn one_operator_alone_sends_what_is_light_beside_what_others_signed_and_nothing_else() {
    let (a, b) = (Operator::new(), Operator::new());
    let both = trust(&[&a, &b]);
    let parts = |notice: &str| {
        let mut parts = vec![entry("site.toml", "settings"), entry("trust/a.der", "anchor")];
        parts.push(entry("playlist/x", notice));
        parts.push(entry(RevokedCards::PATH, notice));
        parts
    };
    let base = Envelope::parse(&signed(&bundle(5, parts("one")), &[&a, &b])).expect("a bundle");
    let after = open(&both, 4, &base.to_bytes()).expect("taken").trust;
    assert_eq!((after.base, after.version), (5, 5));
    let light = |version, notice: &str| {
        let new = bundle(version, vec![entry("playlist/x", notice), entry(RevokedCards::PATH, notice)]);
        Envelope::take_over(new, &base).expect("light")
    };
    let seven = countersigned(&light(7, "two"), &[&b]);
    let opened = open(&after, 5, &seven).expect("one is enough");
    assert_eq!(opened.bundle.entries, bundle(7, parts("two")).entries);
    assert_eq!((opened.trust.base, opened.trust.version), (5, 7));
    // So it is for a device that never saw the one that both signed, and for one that takes over from the one that took over.
    assert_eq!(code(open(&both, 0, &seven)), "taken");
    let eight = Envelope::parse(&seven).expect("a bundle");
    assert_eq!(eight.over().expect("well-formed"), Some(5));
    let eight = Envelope::take_over(bundle(8, Vec::new()), &eight).expect("light");
    assert_eq!(code(open(&opened.trust, 7, &countersigned(&eight, &[&a]))), "taken");
    for at in 0..seven.len() {
        let mut changed = seven.clone();
        changed[at] ^= 1;
        assert!(open(&both, 0, &changed).is_err(), "byte {at}");
    }

    // Another's settings, none at all, and more beside them.
    assert!(Envelope::take_over(bundle(9, vec![entry("site.toml", "mine")]), &base).is_err());
    let forged = |entries: Vec<Entry>, fresh: i64| {
        let mut forged = light(9, "x");
        forged.set(Bundle { fresh_until: Some(fresh), ..bundle(9, entries) });
        code(open(&after, 8, &countersigned(&forged, &[&a])))
    };
    let until = base.bundle().fresh_until.expect("fresh");
    assert_eq!(forged(parts("x"), until), "taken");
    assert_eq!(forged(vec![entry("site.toml", "mine"), entry("trust/a.der", "anchor")], until), "bundle_entry");
    assert_eq!(forged(vec![entry("site.toml", "settings")], until), "bundle_entry", "an anchor less");
    let more = [parts("x"), vec![entry("trust/b.der", "mine")]].concat();
    assert_eq!(forged(more, until), "bundle_entry");
    assert_eq!(forged(parts("x"), until + 1), "bundle_signatures", "fresh for longer than both said");

    // Nor does one of them use up the numbers.
    assert_eq!(code(open(&after, 8, &countersigned(&light(5 + FARTHEST, "x"), &[&a]))), "taken");
    for far in [6 + FARTHEST, u64::MAX] {
        assert_eq!(code(open(&after, 8, &countersigned(&light(far, "x"), &[&a]))), "bundle_signatures", "{far}");
    }

    // What both replaced does not come back under a higher number.
    let ten = signed(&bundle(10, vec![entry("site.toml", "better")]), &[&a, &b]);
    let later = open(&after, 9, &ten).expect("taken").trust;
    assert_eq!(code(open(&later, 10, &countersigned(&light(11, "x"), &[&a]))), "bundle_older");
    // Nor does one operator's bundle vouch for another's.
    let alone = Envelope::parse(&signed(&bundle(12, vec![entry("site.toml", "mine")]), &[&a])).expect("a bundle");
    let over = Envelope::take_over(bundle(13, Vec::new()), &alone).expect("light");
    assert_eq!(code(open(&later, 12, &countersigned(&over, &[&a]))), "bundle_signatures");
}

#[test]
fn operators_and_their_number_are_changed_by_those_before_and_those_after() {
    let (a, b, c) = (Operator::new(), Operator::new(), Operator::new());
    let of = |operators: &[&Operator], threshold: Option<&str>| {
        let mut parts: Vec<_> =
            operators.iter().enumerate().map(|(at, key)| entry(&format!("operators/{at}.pem"), key.pem())).collect();
        parts.extend(threshold.map(|number| entry(Kind::THRESHOLD, number)));
        bundle(2, parts)
    };
    let both = trust(&[&a, &b]);
    // One alone changes nobody, nor how many sign; the two bring in the third, whose own signature is not needed then.
    assert_eq!(code(open(&both, 0, &signed(&of(&[&a], None), &[&a]))), "bundle_signatures");
    assert_eq!(code(open(&both, 0, &signed(&of(&[&a, &b], Some("1")), &[&a]))), "bundle_signatures");
    let three = open(&both, 0, &signed(&of(&[&a, &b, &c], None), &[&a, &b])).expect("taken").trust;
    assert_eq!((three.operators.len(), three.threshold, three.version), (3, 2, 2));
    // Whoever is to be trusted alone has to have the key.
    assert_eq!(code(open(&both, 0, &signed(&of(&[&a, &c], None), &[&a, &b]))), "bundle_signatures");
    let swapped = open(&both, 0, &signed(&of(&[&a, &c], None), &[&a, &b, &c])).expect("taken").trust;
    let settings = bundle(3, vec![entry("site.toml", "x")]);
    assert_eq!(code(open(&swapped, 2, &signed(&settings, &[&a, &b]))), "bundle_signatures", "who was removed");
    assert_eq!(code(open(&swapped, 2, &signed(&settings, &[&b]))), "fleet_signature", "who was removed");
    assert_eq!(code(open(&swapped, 2, &signed(&settings, &[&a, &c]))), "taken");
    // A bundle that names nobody leaves all as it is.
    assert_eq!(open(&swapped, 2, &signed(&settings, &[&a, &c])).expect("taken").trust.operators, swapped.operators);

    // The number is said, is one that can be reached, and never falls by itself.
    let all = [&a, &b, &c];
    let three_of_three = open(&three, 0, &signed(&of(&all, Some("3\n")), &all)).expect("taken").trust;
    assert_eq!(three_of_three.threshold, 3);
    assert_eq!(open(&three_of_three, 0, &signed(&of(&all, None), &all)).expect("taken").trust.threshold, 3);
    assert_eq!(code(open(&three_of_three, 0, &signed(&of(&all, Some("2")), &[&a, &b]))), "bundle_signatures");
    assert_eq!(code(open(&three_of_three, 0, &signed(&of(&[&a, &b], None), &all))), "bundle_entry", "three of two");
    for wrong in ["0", "4", "", "two", "-1"] {
        assert_eq!(code(open(&three, 0, &signed(&of(&all, Some(wrong)), &all))), "bundle_entry", "{wrong:?}");
    }
    assert_eq!(code(open(&three, 0, &signed(&of(&[], Some("1")), &all))), "bundle_entry", "of whom");
    let no_key = bundle(2, vec![entry("operators/x.pem", "no key")]);
    assert_eq!(code(open(&both, 0, &signed(&no_key, &[&a, &b]))), "bundle_entry");
    // One operator who takes a second in is two from then on.
    let two = open(&trust(&[&a]), 0, &signed(&of(&[&a, &b], None), &[&a, &b])).expect("taken").trust;
    assert_eq!(two.threshold, 2);
    assert_eq!(code(open(&trust(&[&a]), 0, &signed(&of(&[&a, &b], None), &[&a]))), "bundle_signatures");
}

#[test]
fn a_bundle_in_use_is_looked_at_again_under_the_trust_of_today() {
    let (a, b, c) = (Operator::new(), Operator::new(), Operator::new());
    let named = |operators: [&Operator; 2]| {
        let [one, two] = operators.map(Operator::pem);
        bundle(6, vec![entry("operators/1.pem", one), entry("operators/2.pem", two)])
    };
    let five = signed(&bundle(5, vec![entry("site.toml", "x")]), &[&a, &b]);
    let six = signed(&named([&a, &c]), &[&a, &b, &c]);
    let before = open(&trust(&[&a, &b]), 0, &five).expect("taken").trust;
    let after = before.taken(&six).expect("taken");
    assert_eq!(after, open(&before, 5, &six).expect("taken").trust);
    assert_eq!(before.vouches(&five).expect("as it was taken").version, 5);
    assert_eq!(after.vouches(&six).expect("as it was taken").version, 6);
    assert_eq!(after.vouches(&five).expect_err("b is no operator any more").code(), "bundle_signatures");
    let again: Trust = serde_json_like(&after);
    assert_eq!(again, after, "also after it was written down");
}

/// Through the encoding that there is here; the device writes JSON.
fn serde_json_like(trust: &Trust) -> Trust {
    serde_cbor::from_slice(&serde_cbor::to_vec(trust).expect("encodes")).expect("decodes")
}
