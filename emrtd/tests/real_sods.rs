//! Real SODs against a real CSCA master list; expected outcome check by check.

mod support;

use emrtd::crypto::curve::ParameterForm;
use emrtd::crypto::{Curve, PublicKey};
use emrtd::trust::TrustStore;
use emrtd::verdict::{Check, Decision, Outcome, Policy};
use emrtd::x509::{Certificate, UnixTime};
use std::collections::BTreeMap;
use support::shared;

fn trust() -> Option<TrustStore> {
    let mut store = TrustStore::new();
    let list = std::fs::read(shared("masterlists/DE_ML_2026-05-28.ml")?).expect("readable");
    let added = store.add("DE_ML_2026-05-28.ml", &list).expect("a master list with a valid signature");
    println!(
        "master list: {} certificates, {} unreadable, signer {:?}",
        added.certificates,
        added.unreadable,
        added.master_list.map(|list| list.signer)
    );
    assert_eq!((added.certificates, added.unreadable), (588, 0));
    Some(store)
}

fn check(store: &TrustStore, sod: &str) -> Option<(Vec<Check>, Vec<&'static str>)> {
    let bytes = std::fs::read(shared(&format!("sods/{sod}"))?).expect("readable");
    // A fixed time for SODs that state none, so that the test does not change with the calendar.
    let now = UnixTime::from_date(2026, 6, 1).expect("date");
    let result = emrtd::passive_authentication(&bytes, &BTreeMap::new(), store, None, now);
    for check in &result.checks {
        println!("{sod}: {check:?}");
    }
    Some((result.checks, result.deviations.iter().map(|d| d.code()).collect()))
}

#[test]
fn eight_real_sods_verify_or_say_why_not() {
    let Some(mut store) = trust() else { return };
    let expected: [(&str, Decision, &[&str]); 8] = [
        ("AT_2023_ecdsa.bin", Decision::Genuine, &[]),
        ("CN_2017_econtent-id-data.bin", Decision::Genuine, &["version", "econtent_type_id_data"]),
        ("FR_2017_rsa.bin", Decision::Genuine, &[]),
        ("GB_2021_ecdsa256.bin", Decision::Genuine, &[]),
        ("ID_2025_rsapss.bin", Decision::Genuine, &[]),
        (
            "NZ_2017_rsa_indefinite-len.bin",
            Decision::Genuine,
            &["ber_indefinite_length", "signature_algorithm_is_key_type"],
        ),
        ("RU_2019_sha1_ecdsa.bin", Decision::Genuine, &["sha1"]),
        ("US_2021_rsa.bin", Decision::Genuine, &["signature_algorithm_is_key_type"]),
    ];
    // Indonesia's CSCAs are not in the German list.
    for name in ["2010-12_CSCA", "2016-01_CSCA", "2016-01_CSCA_LINK", "2020-10_CSCA", "2020-10_CSCA_LINK"] {
        if let Some(path) = shared(&format!("masterlists/IDN_2010_SERIES_CSCA_CERT/{name}.cer")) {
            store.add(name, &std::fs::read(path).expect("readable")).expect("a certificate");
        }
    }
    for (sod, decision, deviations) in expected {
        let Some((checks, found)) = check(&store, sod) else { return };
        assert_eq!(Policy::Files.decide(&checks), decision, "{sod}: {checks:?}");
        assert_eq!(found, deviations, "{sod}");
    }
}

#[test]
fn without_its_csca_a_real_sod_is_undecided() {
    let empty = TrustStore::new();
    let Some((checks, _)) = check(&empty, "AT_2023_ecdsa.bin") else { return };
    assert_eq!(Policy::Files.decide(&checks), Decision::Undecided);
    let chain = checks.iter().find(|c| c.id == "dsc_chain").expect("dsc_chain");
    assert_eq!((chain.outcome, chain.reason.as_deref()), (Outcome::NotPerformed, Some("no_anchor")));
}

#[test]
fn the_vietnamese_passport_csca_with_explicit_parameters_loads() {
    let Some(path) = shared("certs/csca_vn_6b5fa6fe.cer") else { return };
    let certificate = Certificate::parse(&std::fs::read(path).expect("readable")).expect("a certificate");
    assert_eq!(certificate.country().as_deref(), Some("VN"));
    let PublicKey::Ec { curve, form, .. } = certificate.public_key().expect("usable key") else { panic!("EC key") };
    assert_eq!((*curve, *form), (Curve::BrainpoolP512r1, ParameterForm::Explicit));
    assert_eq!(certificate.is_signed_by(&certificate), Ok(true));
}
