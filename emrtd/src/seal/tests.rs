//! The worked examples of the standards: BSI TR-03137 annexes C to H, and ICAO 9303-8 appendix B.

use super::*;
use crate::trust::TrustStore;
use crate::verdict::Outcome;
use crate::x509::UnixTime;
use proptest::prelude::*;

/// TR-03137 annex C, version 3.
const ARRIVAL: &str = "dc026abc6d32c8a519fc0f71341145f4fd020230a5621353d9a275735bd4134bc549133c133c133c133c133ca32519a519a4344a5e681ae7204b20d532cf4b7c133c133f030820d5201019a51aeaff404a1f218ca4392647ecff6c8abf9e796a78eebe0b1ac8cc25c4ee17eed961d1189091358d7d616f1a517abc747f6c4490ff159d4dcf50248b00b1e32e9e7805e7";
/// Annex D, version 3.
const INSURANCE: &str = "dc026abc6d32c8a519fc0f7134116d04fc0401083fee456d2de019a8020b506572736368776569c39f03054f7363617204134ac3a2636f62c3a96e69646963747572697573ff40582ed05cb05049b4fe49744d5e70a1982f8b7afb1e90259ce47ba9907efcf59483f0a0b421ec760d6fd2284bbac37e136f1e3be6e14a6f6bc012110cff919d0f";
/// Annex E, version 4.
const RESIDENCE: &str = "dc036abc6d32c8a727390f71341145f4fb0602305cba135875976ec066d417b59e8c6abc133c133c133c133c3fef3a2938ee43f1593d1ae52dbb26751fe64b7c133c136b0306d79519a65306ff40158cf5b0bb7fbda099e8e7c94abefc9677b2e71e9885f5cd9057a8bfcf930a6046bcf897650af8f9b0343c034d2f64ce081f95fbf3d01292d1f8165ece27d327";
/// Annex F.
const VISA: &str = "dc036abc6d32c8a72cb10f7134b798155d01022cdd52134a74da1347c6fed95cb89f9fce133c133c133c133c203833734aaf47f0c32f1a1e20eb2625393afe310403a00000050633be1fed20c6ff38d5573247608c9b64cae022c1c5249660e51ae316d600f974aac2129c3f093c35955314026304705cd24c1b8100711bd4411f068e8d93e8b7";
/// Annex G.
const ADDRESS: &str = "dc036abc6d32c8a72cb10f7135b79815f9080106cf3519af974c02061a70208519a10310395e26b3d9a275735bd4cd485ca17176ff389101f305c9aa04d2ab00212c7cf65fefcaaf565a54538b2498d681a18839c92656526c40594b0b1da12a27f687a3501278dc4145b6e64afc";
/// Annex H.
const STICKER: &str = "dc036abc6d32c8a72cb10f7135b79815f80a0106b77a38e596ce02061a203a4d1fe1030426532081ff381462bcfef51ad1b8d09de328b15c5435e64829ce548647dd579787169624a046738dc5023708319a4294811131eaac58d518cfe98b431437";
/// ICAO 9303-8 appendix B.
const EMERGENCY: &str = "dc03d9c5d9cac8a73a995d913a7d9c575e030230bab3d2b3c549cd1da93c5bd458135c6f57fc133c133c133c6b38208a4d0d4a32b0c11ae6268427153f7c453c133c1345ff4039034e85da183c1cc0d3ac16732d7ee2c20d7aef7b381c0ae509f10a97890d511c3c47b94807a4d0f67ce9083a7f206f04fb35afdb8ab9658a93327a4e0ee6ed";

const ALL: [&str; 7] = [ARRIVAL, INSURANCE, RESIDENCE, VISA, ADDRESS, STICKER, EMERGENCY];

fn vds(hex: &str) -> Vds {
    match Seal::parse(&hex::decode(hex).expect("hexadecimal")) {
        Ok(Seal::Vds(vds)) => vds,
        other => panic!("{other:?}"),
    }
}

fn lines(vds: &Vds) -> Vec<&str> {
    match &vds.content.features["mrz"] {
        Value::Mrz(lines) => lines.iter().map(|line| &**line).collect(),
        _ => panic!("no zone"),
    }
}

#[test]
fn headers_of_both_versions() {
    for (hex, version, country, signer, reference, issued, signed) in [
        (ARRIVAL, 3, "D", "DETS", "00027", "2020-01-01", "2020-01-13"),
        (INSURANCE, 3, "D", "DETS", "00027", "2020-01-01", "2020-01-14"),
        (RESIDENCE, 4, "D", "DETS", "27", "2020-01-01", "2020-01-13"),
        (VISA, 4, "D", "DETS", "32", "2020-01-01", "2021-12-03"),
        (ADDRESS, 4, "D", "DETS", "32", "2021-01-01", "2021-12-03"),
        (EMERGENCY, 4, "UTO", "UTTS", "5B", "2026-06-13", "2023-08-23"),
    ] {
        let header = vds(hex).header;
        let dates = (header.issued.to_string(), header.signed.to_string());
        assert_eq!((header.version, header.country.as_str()), (version, country));
        assert_eq!((header.signer.as_str(), header.reference.as_str()), (signer, reference));
        assert_eq!((dates.0.as_str(), dates.1.as_str()), (issued, signed));
    }
}

#[test]
fn features_of_every_kind() {
    let arrival = vds(ARRIVAL);
    assert_eq!(lines(&arrival), ["MED<<MUSTERMANN<<ERIK<<<<<<<<<<<<<<<", "M0000000<4ALB0308212M1604128<<<<<<<2"]);
    assert_eq!(
        (arrival.content.kind, arrival.content.text("azr_number")),
        (SealKind::ArrivalAttestation, Some("160113000085"))
    );
    let insurance = vds(INSURANCE).content;
    assert_eq!(insurance.text("social_insurance_number"), Some("65170839J003"));
    assert_eq!((insurance.text("surname"), insurance.text("given_names")), (Some("Perschweiß"), Some("Oscar")));
    assert_eq!(insurance.text("name_at_birth"), Some("Jâcobénidicturius"));
    let residence = vds(RESIDENCE);
    // The annex prints ARD; its bytes say ATD.
    assert_eq!(lines(&residence), ["ATD<<RESIDORCE<<ROLAND<<<<<<<<<<<<<<", "6525845096USA7008038M2201018<<<<<<06"]);
    assert_eq!(residence.content.text("passport_number"), Some("UFO001979"));
    let visa = vds(VISA);
    assert_eq!(lines(&visa), ["VCD<<DENT<<ARTHUR<PHILIP<<<<<<<<<<<<", "1234567XY7GBR5203116M2005250<<<<<<<<"]);
    assert!(matches!(
        visa.content.features["duration_of_stay"],
        Value::Stay(Stay::For { days: 160, months: 0, years: 0 })
    ));
    assert_eq!((visa.content.text("passport_number"), visa.content.expiry()), (Some("47110815P"), Some("200525")));
    assert_eq!(visa.content.document_code(), "VC");
    let address = vds(ADDRESS).content;
    assert_eq!(address.text("document_number"), Some("T2000AK47"), "the annex prints AKA7");
    assert_eq!(
        (address.text("municipality"), address.text("address")),
        (Some("05314000"), Some("53123MUSTERMANNSTRASSE21"))
    );
    let sticker = vds(STICKER).content;
    assert_eq!((sticker.text("document_number"), sticker.text("postal_code")), (Some("PA5500K11"), Some("21614")));
    let emergency = vds(EMERGENCY);
    assert_eq!(lines(&emergency), ["PUUTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F2606277<<<<<<<8"]);
    for hex in ALL {
        let content = vds(hex).content;
        assert!(content.missing.is_empty() && content.unknown == 0 && content.kind != SealKind::Other, "{content:?}");
    }
}

#[test]
fn a_text_that_stands_for_the_bytes_is_the_same_seal() {
    use ::base64::Engine as _;
    use ::base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    for hex in ALL {
        let bytes = hex::decode(hex).expect("hexadecimal");
        let seal = Seal::parse(&bytes);
        let latin1: String = bytes.iter().map(|b| char::from(*b)).collect();
        for text in [
            hex.to_owned(),
            hex.to_uppercase(),
            format!("\u{feff}{hex}\r\n"),
            BASE64_STANDARD.encode(&bytes),
            BASE64_URL_SAFE_NO_PAD.encode(&bytes),
            latin1,
        ] {
            assert_eq!(Seal::parse(text.as_bytes()), seal, "{text}");
            assert!(SealForm::of_text(text.trim_start_matches('\u{feff}')).is_some(), "{text}");
        }
    }
}

/// Every byte of header and features is covered: what it changes is either refused or read otherwise.
#[test]
fn no_byte_is_without_meaning() {
    for hex in ALL {
        let bytes = hex::decode(hex).expect("hexadecimal");
        let seal = vds(hex);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_ne!(Seal::parse(&changed), Ok(Seal::Vds(seal.clone())), "byte {at}");
            assert!(Seal::parse(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(Seal::parse(&[&bytes[..], b"\r\n"].concat()), Ok(Seal::Vds(seal)));
    }
}

#[test]
fn what_must_be_there_and_is_not_is_named() {
    let visa = hex::decode(VISA).expect("hexadecimal");
    let at = 18;
    assert_eq!(visa[at], 0x02, "the first feature");
    let without = |from: usize, to: usize| [&visa[..from], &visa[to..]].concat();
    for (bytes, missing) in [
        (without(at, at + 46), &["mrz"][..]),
        (without(at + 46, at + 51), &["duration_of_stay"]),
        (without(at + 51, at + 59), &["passport_number"]),
    ] {
        let Ok(Seal::Vds(vds)) = Seal::parse(&bytes) else { panic!("a seal") };
        assert_eq!(vds.content.missing, missing);
    }
    // A feature twice, and one that the table does not have.
    let twice = [&visa[..at + 46], &visa[at..]].concat();
    assert_eq!(Seal::parse(&twice), Err(SealError::Malformed("a feature stands twice")));
    let unknown = [&visa[..at], &[0x33, 1, 7], &visa[at..]].concat();
    assert!(
        matches!(Seal::parse(&unknown), Ok(Seal::Vds(vds)) if vds.content.unknown == 1 && vds.content.missing.is_empty())
    );
}

#[test]
fn entries_and_stays() {
    let stay = |bytes: [u8; 3]| Content::of_features(1, 0x5D, &[(4, &bytes)]).features["duration_of_stay"].clone();
    for (bytes, expected) in [
        ([0, 0, 0], Stay::UntilExpiry),
        ([255, 255, 255], Stay::DecidedAtTheBorder),
        ([254, 254, 254], Stay::Transit),
        ([90, 1, 0], Stay::For { days: 90, months: 1, years: 0 }),
    ] {
        assert!(stay(bytes) == Value::Stay(expected));
    }
    let entries = |count: u8| Content::of_features(1, 0x5D, &[(3, &[count])]).features["number_of_entries"].clone();
    assert!(entries(0) == Value::Entries(None) && entries(2) == Value::Entries(Some(2)));
}

#[test]
fn a_seal_of_a_signer_that_is_not_known_is_not_verified() {
    let now = UnixTime::from_date(2026, 11, 29).expect("a day");
    for hex in ALL {
        let result = Seal::Vds(vds(hex)).verify(&TrustStore::new(), None, now);
        assert_eq!(result.issuer, verdict::Issuer::Unchecked);
        let signature = &result.checks[0];
        assert_eq!((signature.id.as_str(), signature.outcome), ("seal_signature", Outcome::NotPerformed));
        assert_eq!(signature.code(), Some("signer_unknown"));
    }
}

#[test]
fn what_is_no_seal_is_refused_with_a_code() {
    for (bytes, code) in [
        (&b""[..], "seal_unknown"),
        (b"hello", "seal_unknown"),
        (b"\xdc\x01\x6a\xbc", "seal_unsupported"),
        (b"\xdc\x03\x6a\xbc", "seal_malformed"),
        (b"{}", "seal_unknown"),
        (b"\xff\xff", "seal_unknown"),
        (&[b'0'; 2 * MAX_LENGTH + 1], "seal_too_long"),
    ] {
        assert_eq!(Seal::parse(bytes).map_err(SealError::code), Err(code), "{bytes:?}");
    }
    let idb = format!("RDB1{}", "A".repeat(60));
    assert_eq!(Seal::parse(idb.as_bytes()).map_err(SealError::code), Err("seal_unsupported"));
}

#[test]
fn a_seal_shows_nothing_of_its_holder() {
    let shown = format!("{:?}", vds(VISA));
    assert!(!shown.contains("DENT") && !shown.contains("47110815"), "{shown}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..60, text in "\\PC{0,200}") {
        drop(Seal::parse(&bytes));
        drop(Seal::parse(text.as_bytes()));
        let mut visa = hex::decode(VISA).expect("hexadecimal");
        visa.splice(at..at, bytes);
        drop(Seal::parse(&visa));
    }

    #[test]
    fn no_json_panics(text in "\\{[\\{\\}\\[\\]\":,a-z0-9.]{0,120}") {
        drop(Seal::parse(text.as_bytes()));
    }
}
