//! Real SODs against a real CSCA master list; expected outcome check by check.

mod support;

use emrtd::crypto::curve::ParameterForm;
use emrtd::crypto::{Curve, PublicKey};
use emrtd::passive_authentication::{Facts, PassiveAuthentication};
use emrtd::trust::TrustStore;
use emrtd::verdict::Outcome;
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

fn check(store: &TrustStore, sod: &str) -> Option<(PassiveAuthentication, Vec<&'static str>)> {
    let bytes = std::fs::read(shared(&format!("sods/{sod}"))?).expect("readable");
    // A fixed time for SODs that state none, so that the test does not change with the calendar.
    let now = UnixTime::from_date(2026, 6, 1).expect("date");
    let result = emrtd::passive_authentication(&bytes, &BTreeMap::new(), &Facts::default(), store, None, now);
    for check in &result.checks {
        println!("{sod}: {check:?}");
    }
    let deviations = result.deviations.iter().map(|d| d.code()).collect();
    Some((result, deviations))
}

#[test]
fn eight_real_sods_verify_or_say_why_not() {
    let Some(mut store) = trust() else { return };
    let expected: [(&str, &[&str]); 8] = [
        ("AT_2023_ecdsa.bin", &[]),
        ("CN_2017_econtent-id-data.bin", &["version", "econtent_type_id_data"]),
        ("FR_2017_rsa.bin", &[]),
        ("GB_2021_ecdsa256.bin", &[]),
        ("ID_2025_rsapss.bin", &[]),
        ("NZ_2017_rsa_indefinite-len.bin", &["ber_indefinite_length", "signature_algorithm_is_key_type"]),
        ("RU_2019_sha1_ecdsa.bin", &["sha1"]),
        ("US_2021_rsa.bin", &["signature_algorithm_is_key_type"]),
    ];
    // Indonesia's CSCAs are not in the German list.
    for name in ["2010-12_CSCA", "2016-01_CSCA", "2016-01_CSCA_LINK", "2020-10_CSCA", "2020-10_CSCA_LINK"] {
        if let Some(path) = shared(&format!("masterlists/IDN_2010_SERIES_CSCA_CERT/{name}.cer")) {
            store.add(name, &std::fs::read(path).expect("readable")).expect("a certificate");
        }
    }
    for (sod, deviations) in expected {
        let Some((result, found)) = check(&store, sod) else { return };
        assert!(result.trusted && result.signed, "{sod}: {:?}", result.checks);
        assert!(result.checks.iter().all(|check| check.outcome != Outcome::Failed), "{sod}: {:?}", result.checks);
        assert_eq!(found, deviations, "{sod}");
    }
}

#[test]
fn without_its_csca_a_real_sod_is_signed_by_nobody_known() {
    let empty = TrustStore::new();
    let Some((result, _)) = check(&empty, "AT_2023_ecdsa.bin") else { return };
    assert!(result.signed && !result.trusted);
    let chain = result.checks.iter().find(|c| c.id == "dsc_chain").expect("dsc_chain");
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
