use super::*;
use crate::acceptance::{Acceptance, Trust};
use openssl::ec::{EcGroup, EcKey};
use openssl::pkey::{PKey, Private};

fn key() -> (PKey<Private>, Vec<u8>) {
    let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
    let public = key.public_key_to_der().expect("public key");
    (key, public)
}

fn signed(bundle: &Bundle, (key, public): &(PKey<Private>, Vec<u8>)) -> Vec<u8> {
    bundle.sign(public, &|m| crate::authority::sign(key, m).map_err(|e| e.to_string())).expect("signed")
}

fn entry(path: &str) -> Entry {
    Entry { path: path.to_owned(), bytes: path.as_bytes().to_vec() }
}

/// As it was signed before there were manifests.
fn before(bundle: &Bundle, format: u32, (key, public): &(PKey<Private>, Vec<u8>)) -> Vec<u8> {
    let Bundle { at, entries, version, environment, .. } = bundle.clone();
    let payload = encode(&Before { format, at, entries, version, environment });
    sign_document(KIND_BEFORE, &payload, public, |m| crate::authority::sign(key, m)).expect("signed")
}

#[test]
fn a_bundle_of_another_format_order_or_size_is_refused_whoever_signed_it() {
    let operator = key();
    let trust = Trust::of(std::slice::from_ref(&operator.1));
    let accept = Acceptance { trust: &trust, environment: "p", known: 0 };
    let code_of = |bytes: &[u8]| accept.open(bytes).map_or_else(|error| error.code(), |_| "taken");
    let code = |bundle: &Bundle| code_of(&signed(bundle, &operator));
    let bundle = Bundle::new(1, "p", 0, vec![entry("site.toml"), entry("trust/a.der")]).expect("bundle");
    assert_eq!(code(&bundle), "taken");
    let entries = |paths: [&str; 2]| paths.map(entry).to_vec();
    let with = |entries| code(&Bundle { entries, ..bundle.clone() });
    assert_eq!(with(entries(["trust/a.der", "site.toml"])), "bundle_entry");
    assert_eq!(with(entries(["site.toml", "site.toml"])), "bundle_entry");
    assert_eq!(with(entries(["site.toml", "trust/../../a"])), "bundle_entry");
    let large = Entry { path: "trust/a.der".to_owned(), bytes: vec![0; MAX_BUNDLE] };
    assert_eq!(with(vec![large]), "fleet_malformed");

    // The manifest of a later format.
    let sign = |payload: &[u8]| {
        let document = sign_document(KIND, payload, &operator.1, |m| crate::authority::sign(&operator.0, m));
        Octets(document.expect("signed"))
    };
    let file = |signed: Vec<Octets>, parts: &[Entry]| {
        let parts = parts.iter().map(|entry| Octets(entry.bytes.clone())).collect();
        encode(&File { base: Vec::new(), parts, signed })
    };
    let manifest = bundle.manifest();
    assert_eq!(code_of(&file(vec![sign(&encode(&manifest))], &bundle.entries)), "taken");
    let later = Manifest { format: VERSION + 1, ..manifest.clone() };
    assert_eq!(code_of(&file(vec![sign(&encode(&later))], &bundle.entries)), "fleet_version");
    // Parts that are not those of the manifest, one too few, and none who signed.
    assert_eq!(
        code_of(&file(vec![sign(&encode(&manifest))], &entries(["site.toml", "trust/b.der"]))),
        "fleet_signature"
    );
    assert_eq!(code_of(&file(vec![sign(&encode(&manifest))], &bundle.entries[..1])), "fleet_malformed");
    assert_eq!(code_of(&file(Vec::new(), &bundle.entries)), "fleet_malformed");
    // Signatures of one and the same thing, and not without end.
    let other = Manifest { version: 2, ..manifest.clone() };
    let two = vec![sign(&encode(&manifest)), sign(&encode(&other))];
    assert_eq!(code_of(&file(two, &bundle.entries)), "fleet_malformed");
    let many = |number| file(vec![sign(&encode(&manifest)); number], &bundle.entries);
    assert_eq!(code_of(&many(MOST_SIGNATURES)), "taken");
    assert_eq!(code_of(&many(MOST_SIGNATURES + 1)), "fleet_malformed");

    // One of before is read; it says nothing of its freshness, so it has none.
    let old = accept.open(&before(&bundle, VERSION_BEFORE, &operator)).expect("taken").bundle;
    assert_eq!((&old.entries, old.fresh_until), (&bundle.entries, None));
    assert!(old.is_stale(0) && !bundle.is_stale(90 * DAY) && bundle.is_stale(90 * DAY + 1));
    assert_eq!(code_of(&before(&bundle, VERSION, &operator)), "fleet_version");
}

#[test]
fn a_list_of_people_that_is_not_sealed_for_a_site_is_in_no_bundle() {
    let operator = key();
    let trust = Trust::of(std::slice::from_ref(&operator.1));
    let site = crate::sites::SiteKeys::new(&[7; events::chain::Chains::SIZE], &[7; 32]).expect("keys");
    let site = site.box_key().and_then(|key| sealed_list::public_pem(&key)).expect("PEM");
    let list = |bytes: Vec<u8>| Entry { path: "rosters/exam".to_owned(), bytes };
    let sealed = sealed_list::seal(&sealed_list::point(&site).expect("a point"), b"somebody").expect("sealed");
    let bundle = Bundle::new(1, "p", 0, vec![list(sealed)]).expect("sealed for its site");
    let accept = Acceptance { trust: &trust, environment: "p", known: 0 };
    accept.open(&signed(&bundle, &operator)).expect("taken");
    accept.open(&before(&bundle, VERSION_BEFORE, &operator)).expect("taken");
    let phrase = events::sealed::seal(b"on the way", b"somebody").expect("sealed");
    for clear in [b"somebody".to_vec(), Vec::new(), phrase] {
        let refused = Bundle::new(1, "p", 0, vec![list(clear.clone())]).expect_err("not made");
        assert_eq!(refused.code(), "bundle_list_unsealed");
        let clear = Bundle { entries: vec![list(clear)], ..bundle.clone() };
        for bytes in [signed(&clear, &operator), before(&clear, VERSION_BEFORE, &operator)] {
            assert_eq!(accept.open(&bytes).expect_err("not taken").code(), "bundle_list_unsealed");
            assert_eq!(Bundle::inspect(&bytes).expect_err("none").code(), "bundle_list_unsealed");
        }
    }
}

#[test]
fn a_path_leads_nowhere_else() {
    assert!(Kind::of(&format!("trust/{}", "a".repeat(100))).is_some());
    for good in [
        "trust/vn/csca.der",
        "fleet/roots.pem",
        "operators/a.pem",
        Kind::THRESHOLD,
        "profiles/x.toml",
        "rosters/r.list",
    ] {
        assert!(Kind::of(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "x",
        "/trust/a",
        "trust",
        "trust/",
        "trust/../a",
        "trust/.a",
        "trust/a b",
        "fleet/other.pem",
        "profiles/x.sh",
        "trust/a/b/c/d",
        "trust//a",
        "site.toml/x",
        "trust/\u{1eaf}",
        "operators/a.der",
        &format!("trust/{}", "a".repeat(101)),
    ] {
        assert!(Kind::of(bad).is_none(), "{bad}");
        assert_eq!(Bundle::new(1, "p", 0, vec![entry(bad)]).expect_err(bad).code(), "bundle_entry");
    }
    let twice = Bundle::new(1, "p", 0, vec![entry("site.toml"), entry("site.toml")]);
    assert_eq!(twice.expect_err("twice").code(), "bundle_entry");
}
