//! Certificates and SODs made odd and wrong, one by one: what each makes of the issuer's answer, and under which name.
//!
//! Nothing that ICAO 9303-11, 9303-12 or RFC 5280 refuses may come out as vouched for; nothing that is merely missing
//! or odd may come out as refuted.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::hazmat::x509::PurposeFault;
use emrtd::{Certificate, Deviation, Outcome, Severity};
use support::issued::{SIGNED_AT, card, judge, store};
use support::now;
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{DocumentSigner, Oddity};

/// What is expected: the answer, and the check with its reason or the deviations.
enum Expected {
    /// Vouched for, with these names.
    Named(&'static [Deviation]),
    /// A check that failed: refuted.
    Refuted(&'static str, &'static str),
    /// Something could not be checked.
    Unchecked(&'static str),
    /// Rightly signed, and nobody vouches for it.
    Unknown(&'static str, &'static str),
}

fn expected(oddity: Oddity) -> Expected {
    use Deviation as D;
    use Expected::{Named, Refuted, Unchecked, Unknown};
    match oddity {
        Oddity::None | Oddity::Lds18 | Oddity::AnyPurpose | Oddity::RightDocumentType => Named(&[]),
        Oddity::PlainSignature | Oddity::CscaPlainSignature => Named(&[]),
        Oddity::SigningTimeMissing | Oddity::HostileName | Oddity::CscaNoListSign => Named(&[]),
        Oddity::IndefiniteLength => Named(&[D::IndefiniteLength]),
        Oddity::ContentTypeIsData => Named(&[D::ContentTypeIsData]),
        Oddity::SignatureAlgorithmIsKeyType => Named(&[D::SignatureAlgorithmIsKeyType]),
        Oddity::Sha1 | Oddity::Sha1Signature | Oddity::Sha1PssDefaults => Named(&[D::Sha1]),
        Oddity::Sha1Certificate | Oddity::Sha1Csca => Named(&[D::Sha1Certificate]),
        Oddity::NoSignedAttributes => Named(&[D::NoSignedAttributes]),
        Oddity::Version => Named(&[D::Version]),
        Oddity::DigestAlgorithms => Named(&[D::DigestAlgorithms]),
        Oddity::SignerIdentifier => Named(&[D::SignerIdentifier]),
        Oddity::CertificateAlgorithm => Named(&[D::CertificateAlgorithm]),
        Oddity::AuthorityKeyIdentifier => Named(&[D::AuthorityKeyIdentifier]),
        Oddity::PssParameters => Named(&[D::PssParameters]),
        Oddity::LdsVersion => Named(&[D::LdsVersion]),
        Oddity::LdsVersionText => Named(&[D::LdsVersionText]),
        Oddity::ContentTypeMissing => Named(&[D::ContentTypeMissing]),
        Oddity::AttributesUnsorted => Named(&[D::AttributesUnsorted]),
        Oddity::AttributesResorted => Named(&[D::AttributesUnsorted, D::AttributesResorted]),
        Oddity::LengthNotShortest => Named(&[D::LengthNotShortest]),
        Oddity::BytesAfterFile => Named(&[D::BytesAfterFile]),
        Oddity::BytesAfterSignedData => Named(&[D::BytesAfterSignedData]),
        Oddity::BytesAfterContent => Named(&[D::BytesAfterContent]),
        Oddity::SigningTimeUnreadable | Oddity::SigningTimeTwice => Named(&[D::SigningTimeUnreadable]),
        Oddity::SigningTimeFuture => Named(&[D::SigningTimeFuture]),
        Oddity::KeyUsagePeriod => Named(&[D::KeyUsagePeriod]),
        Oddity::CurveWithoutCofactor => Named(&[D::CurveWithoutCofactor]),
        Oddity::SignerCountry => Named(&[D::SignerCountry]),
        Oddity::Rsa1024 | Oddity::CscaRsa1024 => Named(&[D::RsaShort]),
        Oddity::P192 | Oddity::CscaP192 => Named(&[D::CurveShort]),
        Oddity::NoCertificate | Oddity::ForeignCertificate => Unchecked("no_document_signer"),
        Oddity::Rsa512 | Oddity::RsaExponentOne | Oddity::Md5Signature | Oddity::Md5Digest => {
            Unchecked("algorithm_broken")
        }
        Oddity::InfinitePoint | Oddity::PointOffCurve | Oddity::UnknownSignatureAlgorithm => {
            Unchecked("unsupported_algorithm")
        }
        Oddity::MessageDigestMissing => Unchecked("message_digest_missing"),
        Oddity::OtherContent | Oddity::TwoSigners | Oddity::ShortHashes | Oddity::GroupTwice | Oddity::Truncated => {
            Unchecked("sod_malformed")
        }
        Oddity::CscaRsa512 => Unknown("dsc_chain", "algorithm_broken"),
        Oddity::CscaNotAuthority
        | Oddity::CscaNoBasicConstraints
        | Oddity::CscaNoCertSign
        | Oddity::LinkNotAuthority => Unknown("dsc_chain", "not_an_authority"),
        Oddity::CscaSelfSignatureWrong => Unknown("dsc_chain", "self_signature_wrong"),
        Oddity::SignerIsAuthority => Unknown("dsc_purpose", PurposeFault::Authority.code()),
        Oddity::RepeatedExtension => Unknown("dsc_purpose", PurposeFault::Repeated.code()),
        Oddity::UnreadableKeyUsage => Unknown("dsc_purpose", PurposeFault::Unreadable.code()),
        Oddity::BarcodeSigner => Refuted("dsc_purpose", PurposeFault::ForBarcodes.code()),
        Oddity::MasterListSigner => Refuted("dsc_purpose", PurposeFault::ForMasterLists.code()),
        Oddity::DeviationListSigner => Refuted("dsc_purpose", PurposeFault::ForDeviationLists.code()),
        Oddity::OtherPurpose => Refuted("dsc_purpose", PurposeFault::ForOther.code()),
        Oddity::NoDigitalSignature => Refuted("dsc_purpose", PurposeFault::NoSignatures.code()),
        Oddity::KeyCertSign => Refuted("dsc_purpose", PurposeFault::ForCertificates.code()),
        Oddity::UnknownCritical => Refuted("dsc_purpose", PurposeFault::UnknownCritical.code()),
        Oddity::OtherDocumentType => Refuted("dsc_purpose", PurposeFault::DocumentType.code()),
        Oddity::WrongSignature => Refuted("sod_signature", "wrong_signature"),
        Oddity::WrongContentHash => Refuted("sod_signature", "content_hash_differs"),
        Oddity::WrongContentType => Refuted("sod_signature", "content_type_differs"),
        Oddity::TwoMessageDigests | Oddity::TwoDigestValues | Oddity::TwoContentTypes => {
            Refuted("sod_signature", "signed_attribute_repeated")
        }
    }
}

#[test]
fn every_oddity_has_its_answer_and_its_name() {
    let groups = card();
    let (mut named, mut refused) = (Vec::new(), 0);
    for oddity in Oddity::ALL {
        let issuer = Issuer::odd(oddity).expect("issuer");
        let trust = store(&issuer.trust_files().expect("files"));
        let signer = match oddity {
            Oddity::LinkNotAuthority => DocumentSigner::Brainpool384,
            _ => DocumentSigner::Brainpool256,
        };
        let sod = issuer.sod(signer, &groups, SIGNED_AT).expect("SOD");
        let result = judge(&sod, &groups, &trust, now());
        let (answer, outcome) = match expected(oddity) {
            Expected::Named(deviations) => {
                assert_eq!(result.deviations, deviations, "{oddity:?}");
                let weak = deviations.iter().any(|deviation| deviation.severity() == Severity::Strength);
                assert_eq!(result.weak, weak, "{oddity:?}");
                named.extend(deviations);
                (Answer::Vouched, None)
            }
            Expected::Refuted(check, reason) => (Answer::Refuted, Some((check, Outcome::Failed, reason))),
            Expected::Unchecked(reason) => (Answer::Unchecked, Some(("sod_signature", Outcome::NotPerformed, reason))),
            Expected::Unknown(check, reason) => (Answer::Unknown, Some((check, Outcome::NotPerformed, reason))),
        };
        assert_eq!(result.issuer, answer, "{oddity:?}: {:#?}", result.checks);
        assert_eq!(result.trusted, answer == Answer::Vouched, "{oddity:?}");
        assert_eq!(result.signed, matches!(answer, Answer::Vouched | Answer::Unknown), "{oddity:?}");
        if let Some((id, outcome, reason)) = outcome {
            refused += 1;
            let check = support::check(&result.checks, id);
            assert_eq!((check.outcome, check.reason.as_deref()), (outcome, Some(reason)), "{oddity:?}");
        }
        if result.issuer == Answer::Unchecked {
            assert!(result.checks.iter().all(|c| c.outcome != Outcome::Failed), "{oddity:?} accuses nobody");
        }
    }
    println!("{} made odd or wrong, {refused} of them refused", Oddity::ALL.len());
    assert!(Oddity::ALL.len() >= 70 && refused >= 36, "{refused}");
    for deviation in Deviation::ALL {
        let elsewhere = matches!(deviation, Deviation::AlgorithmBroken | Deviation::SignerNotInSod);
        assert!(named.contains(&deviation) || elsewhere, "{deviation:?} has a case");
    }
}

#[test]
fn what_is_broken_is_named_and_counts_as_not_signed() {
    for oddity in [Oddity::Rsa512, Oddity::RsaExponentOne, Oddity::Md5Digest, Oddity::Md5Signature] {
        let issuer = Issuer::odd(oddity).expect("issuer");
        let sod = issuer.sod(DocumentSigner::Brainpool256, &card(), SIGNED_AT).expect("SOD");
        let result = judge(&sod, &card(), &store(&issuer.trust_files().expect("files")), now());
        assert_eq!(result.deviations, [Deviation::AlgorithmBroken], "{oddity:?}");
        assert!(!result.signed && result.weak, "{oddity:?}");
    }
    assert_eq!(Deviation::AlgorithmBroken.severity(), Severity::Broken);
}

/// A file that cannot be read lists nothing: no group is accused of not being there.
#[test]
fn a_malformed_sod_accuses_no_group() {
    for oddity in [Oddity::ShortHashes, Oddity::Truncated, Oddity::OtherContent] {
        let issuer = Issuer::odd(oddity).expect("issuer");
        let sod = issuer.sod(DocumentSigner::Brainpool256, &card(), SIGNED_AT).expect("SOD");
        let result = judge(&sod, &card(), &store(&issuer.trust_files().expect("files")), now());
        assert!(result.checks.iter().all(|check| !check.id.starts_with("dg_hash.")), "{:?}", result.checks);
        assert!(result.bound.is_empty() && result.listed.is_empty());
        assert!(support::check(&result.checks, "sod_signature").detail.is_some(), "the detail says what is wrong");
    }
}

/// The same certificate under an MRZ that it is for.
#[test]
fn a_document_type_counts_only_where_the_signed_data_say_what_the_document_is() {
    use emrtd::DocumentKind;
    let issuer = Issuer::odd(Oddity::OtherDocumentType).expect("issuer");
    let trust = store(&issuer.trust_files().expect("files"));
    let passport = support::issued::groups(DocumentKind::Passport, "VNM");
    let sod = issuer.sod(DocumentSigner::Brainpool256, &passport, SIGNED_AT).expect("SOD");
    assert_eq!(judge(&sod, &passport, &trust, now()).issuer, Answer::Vouched);
    // The MRZ of a card beside the SOD of a passport: the hash is wrong, and nothing else is said of it.
    let result = judge(&sod, &card(), &trust, now());
    assert_eq!(support::issued::found(&result.checks, "dsc_purpose"), (Outcome::NotPerformed, Some("no_dg1")));
    assert_eq!(result.issuer, Answer::Refuted);
}

#[test]
fn a_hostile_name_does_not_reach_a_terminal() {
    let issuer = Issuer::odd(Oddity::HostileName).expect("issuer");
    let der = issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    let name = Certificate::parse(&der).expect("certificate").subject_name();
    assert!(name.contains("The card is genuine"), "{name:?}");
    assert!(!name.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name:?}");
}

/// A SOD without certificates is checked with the document signers of a directory, which vouch for nothing.
#[test]
fn the_directorys_document_signer_serves_a_sod_that_carries_none() {
    let issuer = Issuer::odd(Oddity::NoCertificate).expect("issuer");
    let sod = issuer.sod(DocumentSigner::Brainpool256, &card(), SIGNED_AT).expect("SOD");
    let der = issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    let signer = Certificate::parse(&der).expect("certificate");
    let mut trust = store(&issuer.trust_files().expect("files"));
    assert!(trust.add_signer(&signer) && !trust.add_signer(&signer));
    let result = judge(&sod, &card(), &trust, now());
    assert_eq!((result.issuer, &result.deviations[..]), (Answer::Vouched, &[Deviation::SignerNotInSod][..]));
    let mut alone = emrtd::TrustStore::new();
    alone.add_signer(&signer);
    let result = judge(&sod, &card(), &alone, now());
    assert_eq!(result.issuer, Answer::Unknown, "known is not trusted");
    assert_eq!(support::issued::found(&result.checks, "dsc_chain"), (Outcome::NotPerformed, Some("no_anchor")));
}
