//! Trust: anchors, links, pins and deviation lists, and those that are not there; states, facts and days.
//!
//! What each departure from the profile makes of the answer is in `wrong.rs`, scopes in `scope.rs`, revocation lists and
//! directories in `revocation.rs`.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::{Certificate, DocumentKind, Origin, Outcome, Pin, Role, Scope, TrustStore, UnixTime};
use std::collections::BTreeMap;
use support::issued::{SIGNED_AT, card, chain, facts, found, honest, judge, judge_with, sod_of, with};
use support::{check, now, trust};
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{CscaKey, DocumentSigner, IssuerFault, Oddity};

#[test]
fn missing_unknown_and_pinned_issuers_are_told_apart() {
    let sod = sod_of(&honest(), &card());
    let judge = |sod: &[u8], store: &TrustStore| judge(sod, &card(), store, now());
    assert_eq!(chain(&judge(&sod, &TrustStore::new())), (Answer::Unknown, Some("no_anchor")));
    // Somebody's own CSCA under the real one's name.
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let forged = sod_of(&forger, &card());
    assert_eq!(chain(&judge(&forged, &trust())), (Answer::Unknown, Some("issuer_key_unknown")));
    // The operator pins one document signer: it is trusted, its neighbour is not.
    let signer = judge(&sod, &trust()).document_signer.expect("document signer");
    let pinned = |scope| {
        let mut store = TrustStore::new();
        store.pin(Pin::new(signer.fingerprint(), scope, "pins.toml", "handed over in person"));
        store
    };
    let citizens = pinned(Scope::of(&[DocumentKind::IdentityCard]));
    assert_eq!(chain(&judge(&sod, &citizens)), (Answer::Pinned, None));
    let other = honest().sod(DocumentSigner::RsaPss, &card(), SIGNED_AT).expect("SOD");
    assert_eq!(chain(&judge(&other, &citizens)), (Answer::Unknown, Some("no_anchor")));
    assert_eq!(chain(&judge(&forged, &citizens)), (Answer::Unknown, Some("no_anchor")));
    // Pinned for another kind of document.
    let passports = judge(&sod, &pinned(Scope::of(&[DocumentKind::Passport])));
    assert_eq!(passports.issuer, Answer::Unknown);
    assert_eq!(found(&passports.checks, "anchor_scope"), (Outcome::NotPerformed, Some("out_of_scope")));
    // A pin says nothing about the country.
    let foreign = support::issued::groups(DocumentKind::IdentityCard, "LAO");
    let result = support::issued::judge(&sod_of(&honest(), &foreign), &foreign, &citizens, now());
    assert_eq!(result.issuer, Answer::Refuted);
}

/// A key identifier may be copied by anybody; with the name it names the one who ought to have signed.
#[test]
fn only_the_very_key_that_is_named_proves_a_forgery() {
    let honest = honest();
    let mut der = honest.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    let at = der.len() - 10;
    der[at] ^= 1;
    let changed = Certificate::parse(&der).expect("certificate");
    assert!(matches!(trust().chain(&changed), emrtd::Chain::Forged(_)));
    // Beside a key of the same name that nobody vouches for, it is merely unknown.
    let mut store = trust();
    let fingerprint = store.entries()[0].certificate.fingerprint();
    store.set_scope(&fingerprint, Scope::NONE);
    assert!(!matches!(store.chain(&changed), emrtd::Chain::Forged(_)));
}

/// A document signer that lies in the trust directory issues nothing: it is no certification authority.
#[test]
fn a_certificate_that_is_no_authority_is_no_link() {
    let mut store = trust();
    let signer = honest().document_signer(DocumentSigner::Brainpool256).expect("certificate");
    store.add("dsc.cer", &signer).expect("a certificate");
    let sod = sod_of(&honest(), &card());
    assert!(judge(&sod, &card(), &store, now()).trusted, "its own path is not disturbed");
    // What it issues leads nowhere, although its own certificate leads to the anchor.
    let below = honest().sod_below_signer(&card(), SIGNED_AT).expect("SOD");
    let result = judge(&below, &card(), &store, now());
    assert_eq!(chain(&result), (Answer::Unknown, Some("not_an_authority")));
    let alone = {
        let mut store = TrustStore::new();
        store.add("dsc.cer", &signer).expect("a certificate");
        store
    };
    let result = judge(&sod, &card(), &alone, now());
    assert_eq!(check(&result.checks, "dsc_chain").reason.as_deref(), Some("no_anchor"));
    assert_eq!(alone.role(&alone.entries()[0]), Role::NotAnAuthority);
}

/// An anchor is self-signed, checked; under its name another key is a link, and stands on a key that stands.
#[test]
fn a_link_of_the_same_name_stands_only_on_a_key_that_stands() {
    use CscaKey::{New, Old, Stranger};
    let issuer = honest();
    let root = &issuer.trust_files().expect("files")[0].der;
    let certificate = |key, by| issuer.same_name(key, by).expect("certificate");
    for (second, role, reason) in [
        (certificate(New, Old), Role::Link, None),
        (certificate(New, New), Role::Anchor, None),
        (certificate(New, Stranger), Role::LinkUnanchored, Some("link_unanchored")),
    ] {
        let store = with(&[root, &second]);
        assert_eq!(store.role(&store.entries()[0]), Role::Anchor);
        assert_eq!(store.role(&store.entries()[1]), role);
        let sod = issuer.sod_under(New, &card(), SIGNED_AT).expect("SOD");
        let result = judge(&sod, &card(), &store, now());
        let answer = if role.stands() { Answer::Vouched } else { Answer::Unknown };
        assert_eq!(chain(&result), (answer, reason), "{role:?}");
    }
    // A stranger's own key under the name, "linked" by nobody who stands here: two links in a circle.
    let circle = with(&[root, &certificate(New, Stranger), &certificate(Stranger, New)]);
    assert!(circle.entries()[1..].iter().all(|entry| circle.role(entry) == Role::LinkUnanchored));
    let sod = issuer.sod_under(Stranger, &card(), SIGNED_AT).expect("SOD");
    assert_eq!(chain(&judge(&sod, &card(), &circle, now())), (Answer::Unknown, Some("link_unanchored")));
    // A link alone, without what it stands on.
    let alone = with(&[&certificate(New, Old)]);
    assert_eq!(alone.role(&alone.entries()[0]), Role::LinkUnanchored);
}

/// However many links somebody lays out, a path has four at most.
#[test]
fn a_path_has_four_links_at_most() {
    let root = &honest().trust_files().expect("files")[0].der;
    for (count, expected) in [(4, (Answer::Vouched, None)), (5, (Answer::Unknown, Some("link_unanchored")))] {
        let (links, sod) = honest().over_links(count, &card(), SIGNED_AT).expect("SOD");
        let files: Vec<&[u8]> = std::iter::once(root).chain(&links).map(Vec::as_slice).collect();
        assert_eq!(chain(&judge(&sod, &card(), &with(&files), now())), expected, "{count} links");
    }
}

#[test]
fn what_a_signer_without_a_country_signs_for_is_not_known() {
    let issuer = Issuer::of("").expect("issuer");
    let store = with(&[&issuer.trust_files().expect("files")[0].der]);
    let result = judge(&sod_of(&issuer, &card()), &card(), &store, now());
    assert_eq!(result.issuer, Answer::Unknown);
    assert_eq!(found(&result.checks, "issuing_state"), (Outcome::NotPerformed, Some("state_missing")));
    // Nor what a state is that stands in no list.
    let utopia = support::issued::groups(DocumentKind::IdentityCard, "UTO");
    let result = judge(&sod_of(&honest(), &utopia), &utopia, &trust(), now());
    assert_eq!(result.issuer, Answer::Unknown);
    assert_eq!(found(&result.checks, "issuing_state"), (Outcome::NotPerformed, Some("state_unknown")));
}

/// What EF.DG1 says counts only if the SOD binds it.
#[test]
fn a_document_that_the_signature_does_not_bind_says_nothing() {
    let sod = sod_of(&honest(), &card());
    let mut other = card();
    other.remove(&1);
    let result = judge_with(&sod, &other, &facts(&card()), &trust(), now());
    assert_eq!(result.issuer, Answer::Unchecked);
    for id in ["issuing_state", "anchor_scope"] {
        assert_eq!(found(&result.checks, id), (Outcome::NotPerformed, Some("no_dg1")));
    }
    assert!(result.facts.document.is_none() && result.signed && !result.trusted);
    assert_eq!(result.listed, [1, 15]);
    // A group that the SOD does not list is nobody's, and accuses nobody.
    let mut more = card();
    more.insert(13, b"mine".to_vec());
    let result = judge(&sod, &more, &trust(), now());
    assert_eq!((result.issuer, found(&result.checks, "dg_hash.13").1), (Answer::Unchecked, Some("not_in_sod")));
}

/// Without a signing time: the date of issue, the latest certain moment, or nobody knows; never a forgery.
#[test]
fn validity_without_a_signing_time_is_judged_at_a_moment_that_is_certain() {
    let day = |year| UnixTime::from_date(year, 6, 1).expect("date");
    let honest = honest();
    let expired = Issuer::new(IssuerFault::ExpiredDsc).expect("issuer");
    let unknown = (Outcome::NotPerformed, Some("dsc_expired_signing_time_unknown"));
    let passed = (Outcome::Passed, None);
    // Valid 2020 as ExpiredDsc, 2021 to 2038 as honest.
    for (issuer, now, issued, expires, outcome) in [
        (&honest, 2026, None, None, passed),
        (&honest, 2039, None, None, unknown),
        (&honest, 2039, None, Some(2037), passed),
        (&honest, 2039, Some((1, 2023)), None, passed),
        (&honest, 2039, Some((1, 2019)), None, unknown),
        (&honest, 2039, Some((2, 2023)), None, unknown),
        (&honest, 2010, None, None, unknown),
        (&expired, 2026, None, None, unknown),
        (&expired, 2026, Some((1, 2020)), None, passed),
        (&expired, 2026, Some((1, 2030)), None, unknown),
    ] {
        for oddity in [Oddity::SigningTimeMissing, Oddity::SigningTimeUnreadable, Oddity::SigningTimeFuture] {
            let sod = issuer.odd_sod(DocumentSigner::Brainpool256, &card(), SIGNED_AT, oddity).expect("SOD");
            let issued_on = issued.map(|(group, year)| (group, day(year)));
            let facts = facts(&card()).with_issued(issued_on).with_expires(expires.map(day));
            let result = judge_with(&sod, &card(), &facts, &trust(), day(now));
            let case = format!("{issuer:?} in {now}, issued {issued:?}, expires {expires:?}, {oddity:?}");
            assert_eq!(found(&result.checks, "dsc_validity"), outcome, "{case}");
            let answer = if outcome == passed { Answer::Vouched } else { Answer::Unknown };
            assert_eq!(result.issuer, answer, "{case}");
        }
    }
    // A signing time that can be believed decides, and proves.
    let result = judge(&sod_of(&expired, &card()), &card(), &trust(), day(2026));
    assert_eq!(found(&result.checks, "dsc_validity"), (Outcome::Failed, Some("dsc_expired")));
    assert_eq!(result.issuer, Answer::Refuted);
    assert_eq!(judge(&sod_of(&honest, &card()), &card(), &trust(), day(2045)).issuer, Answer::Vouched);
    // A clock that stands before the signing time does not believe it, and accuses nobody.
    assert_eq!(judge(&sod_of(&honest, &card()), &card(), &trust(), day(1971)).issuer, Answer::Unknown);
}

#[test]
fn a_deviation_list_takes_doubt_away_and_makes_nothing_pass() {
    let issuer = honest();
    let sod = sod_of(&issuer, &card());
    let mut wrong = card();
    wrong.insert(15, b"another data group fifteen".to_vec());
    let with = |list: &[u8]| {
        let mut store = trust();
        assert_eq!(store.add("list", list).expect("deviation list").deviation_lists, 1);
        store
    };
    let list = |kind, group| issuer.deviation_list(DocumentSigner::Brainpool256, kind, group).expect("list");
    let decide = |store: &TrustStore, groups: &BTreeMap<u8, Vec<u8>>| {
        let result = judge(&sod, groups, store, now());
        (result.issuer, result)
    };
    assert_eq!(decide(&trust(), &wrong).0, Answer::Refuted);
    // Hashes of group 15 are declared wrong: unchecked, never vouched for.
    let store = with(&list([2, 2], Some(15)));
    let (decision, result) = decide(&store, &wrong);
    assert_eq!(check(&result.checks, "dg_hash.15").reason.as_deref(), Some("issuer_declared_deviation"));
    assert_eq!(
        (decision, &result.known_deviations[..]),
        (Answer::Unchecked, &["declared by the practice issuer".to_owned()][..])
    );
    assert!(!result.bound.contains(&15));
    assert_eq!(decide(&store, &card()).0, Answer::Vouched, "what is right stays right");
    // A declaration about another group explains nothing.
    assert_eq!(decide(&with(&list([2, 2], Some(2))), &wrong).0, Answer::Refuted);
    // Nor does one about another document signer.
    let other = issuer.deviation_list(DocumentSigner::RsaPss, [2, 2], Some(15)).expect("list");
    assert_eq!(decide(&with(&other), &wrong).0, Answer::Refuted);
    // Nor one that somebody else signed.
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let forged = forger.deviation_list(DocumentSigner::Brainpool256, [2, 2], Some(15)).expect("list");
    assert_eq!(decide(&with(&forged), &wrong).0, Answer::Refuted);
    // Nor one of another state, however well its own signer stands.
    let neighbour = Issuer::of("LA").expect("issuer");
    let anchor = &neighbour.trust_files().expect("files")[0].der;
    let foreign =
        neighbour.deviation_list_about(&issuer, DocumentSigner::Brainpool256, [2, 2], Some(15)).expect("list");
    let mut store = with(&foreign);
    store.add("la.cer", anchor).expect("certificate");
    assert_eq!(decide(&store, &wrong).0, Answer::Refuted);
    // Nor one that a signer made whose certificate had ended.
    let late = Issuer::new(IssuerFault::ExpiredDsc).expect("issuer");
    let late = late.deviation_list(DocumentSigner::Brainpool256, [2, 2], Some(15)).expect("list");
    assert_eq!(decide(&with(&late), &wrong).0, Answer::Refuted);
    // A key that the issuer calls compromised proves nothing any more.
    assert!(decide(&with(&list([1, 4], None)), &card()).1.active_key_compromised);
    // A signer that is for something else declares nothing.
    for oddity in [Oddity::BarcodeSigner, Oddity::NoDigitalSignature, Oddity::UnknownCritical] {
        let misused = Issuer::odd(oddity).expect("issuer");
        let list = misused.deviation_list(DocumentSigner::Brainpool256, [2, 2], Some(15)).expect("list");
        assert_eq!(decide(&with(&list), &wrong).0, Answer::Refuted, "{oddity:?}");
    }
    // A changed list is refused whole.
    let mut changed = list([2, 2], Some(15));
    let at = changed.len() - 3;
    changed[at] ^= 1;
    assert!(TrustStore::new().add("list", &changed).is_err());
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let issuer = honest();
    let files = issuer.trust_files().expect("files");
    let certificates: Vec<&[u8]> = files.iter().filter(|f| f.name.ends_with(".cer")).map(|f| &f.der[..]).collect();
    let list = issuer.master_list(&certificates, "260101000000Z").expect("master list");
    let mut store = TrustStore::new();
    let added = store.add("list.ml", &list).expect("master list");
    assert_eq!((added.certificates, added.known), (2, 0));
    assert!(matches!(&store.entries()[0].origin, Origin::MasterList { signed: Some(_), .. }));
    assert_eq!(store.add("again.ml", &list).expect("master list").known, 2);
    // A revocation list before a master list whose signature is wrong.
    let crl = &files.iter().find(|f| f.name.ends_with(".crl")).expect("list").der;
    let mut bad = list.clone();
    let at = bad.len() - 3;
    bad[at] ^= 1;
    let mut store = TrustStore::new();
    assert!(store.add("both", &[crl.as_slice(), &bad].concat()).is_err());
    assert_eq!((store.revocation_lists().count(), store.entries().len()), (0, 0));
}

#[test]
fn a_master_list_is_the_word_of_one_who_may_give_it() {
    let root_of = |issuer: &Issuer| issuer.trust_files().expect("files")[0].der.clone();
    for oddity in [
        Oddity::BarcodeSigner,
        Oddity::NoDigitalSignature,
        Oddity::KeyCertSign,
        Oddity::UnknownCritical,
        Oddity::WrongSignature,
        Oddity::TwoMessageDigests,
        Oddity::CscaSelfSignatureWrong,
        Oddity::CscaNotAuthority,
        Oddity::CscaNoCertSign,
        Oddity::CscaRsa512,
    ] {
        let issuer = Issuer::odd(oddity).expect("issuer");
        let list = issuer.master_list(&[&root_of(&issuer)], "260101000000Z").expect("list");
        assert!(TrustStore::new().add("list.ml", &list).is_err(), "{oddity:?}");
    }
    // The one that is named for it may.
    let issuer = Issuer::odd(Oddity::MasterListSigner).expect("issuer");
    let list = issuer.master_list(&[&root_of(&issuer)], "260101000000Z").expect("list");
    assert_eq!(with(&[&list]).entries().len(), 1);
}

/// Whoever signed the document signer must have been valid when the document was signed; what stands above a link, when
/// it signed that link.
#[test]
fn an_old_anchor_that_has_ended_since_still_carries_its_link() {
    use CscaKey::{New, Old};
    let issuer = honest();
    let root = |until| issuer.same_name_until(Old, Old, until).expect("root");
    let link = issuer.same_name(New, Old).expect("link");
    let validity = |key, until| {
        let store = with(&[&root(until), &link]);
        let sod = issuer.sod_under(key, &card(), SIGNED_AT).expect("SOD");
        let result = judge(&sod, &card(), &store, now());
        let (outcome, reason) = found(&result.checks, "dsc_validity");
        (result.issuer, outcome, reason.map(str::to_owned))
    };
    let ended = Some("csca_expired".to_owned());
    assert_eq!(validity(New, "20220601000000Z"), (Answer::Vouched, Outcome::Passed, None));
    assert_eq!(validity(New, "20200601000000Z"), (Answer::Unknown, Outcome::NotPerformed, ended.clone()));
    assert_eq!(validity(Old, "20220601000000Z"), (Answer::Refuted, Outcome::Failed, ended));
}

/// EF.CardSecurity is judged by the rules of EF.SOD, for the document that EF.SOD binds.
#[test]
fn other_signed_data_follow_the_same_rules_of_state_scope_and_purpose() {
    use emrtd::PassiveAuthentication;
    use emrtd::hazmat::cms::SignedData;
    use emrtd::hazmat::judge_signed;
    let infos = emrtd::hazmat::tlv::encode(0x31, &[]);
    let judged = |issuer: &Issuer, passive: &PassiveAuthentication, trust: &TrustStore| {
        let file = issuer.card_security(DocumentSigner::Brainpool256, &infos, SIGNED_AT).expect("file");
        let data = SignedData::parse(&file).expect("signed data");
        let check = judge_signed("card_security", &data, passive, trust, None, now());
        (check.outcome, check.reason)
    };
    let reason = |outcome, reason: &str| (outcome, Some(reason.to_owned()));
    let citizen = judge(&sod_of(&honest(), &card()), &card(), &trust(), now());
    assert_eq!(judged(&honest(), &citizen, &trust()), (Outcome::Passed, None));
    let nobody = PassiveAuthentication::default();
    assert_eq!(judged(&honest(), &nobody, &trust()), reason(Outcome::NotPerformed, "no_dg1"));
    let barcodes = Issuer::odd(Oddity::BarcodeSigner).expect("issuer");
    assert_eq!(judged(&barcodes, &citizen, &trust()), reason(Outcome::Failed, "for_barcodes"));
    // A neighbour's signer, known here, beside a citizen's card.
    let neighbour = Issuer::of("LA").expect("issuer");
    let mut both = trust();
    both.add("la.cer", &neighbour.trust_files().expect("files")[0].der).expect("certificate");
    assert_eq!(judged(&neighbour, &citizen, &both), reason(Outcome::Failed, "state_differs"));
    let mut narrow = trust();
    let fingerprint = narrow.entries()[0].certificate.fingerprint();
    narrow.set_scope(&fingerprint, Scope::of(&[DocumentKind::Passport]));
    assert_eq!(judged(&honest(), &citizen, &narrow), reason(Outcome::NotPerformed, "out_of_scope"));
}
