//! Anchors, links and what looks like them, under names that are known and new.

use super::*;
use emrtd::{Role, Scope};
use reading::trust::check::findings;
use reading::trust::vouches;
use virtual_card::issuer::{CscaKey, Oddity, SealSigner};

/// What a certificate is, as the table of `trust/plan.rs` has them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Made {
    SelfSigned,
    LinkByOld,
    LinkByStranger,
    Broken,
    NotAuthority,
    NoCertSign,
}

impl Made {
    const ALL: [Self; 6] =
        [Self::SelfSigned, Self::LinkByOld, Self::LinkByStranger, Self::Broken, Self::NotAuthority, Self::NoCertSign];

    /// The certificate, and what the directory has.
    fn case(self, known: bool) -> (Vec<u8>, Vec<Vec<u8>>) {
        let issuer = vietnam();
        let there = if known { vec![root(&issuer)] } else { Vec::new() };
        let odd = |oddity| root(&Issuer::odd(oddity).expect("issuer"));
        let same = |key, by| issuer.same_name(key, by).expect("certificate");
        match (self, known) {
            (Self::SelfSigned, true) => (same(CscaKey::New, CscaKey::New), there),
            (Self::SelfSigned, false) => (root(&issuer), there),
            (Self::LinkByOld, true) => (same(CscaKey::New, CscaKey::Old), there),
            // Another name, which nobody knows yet, under the key that is there.
            (Self::LinkByOld, false) => (files(&issuer)[1].clone(), vec![root(&issuer)]),
            (Self::LinkByStranger, _) => (same(CscaKey::New, CscaKey::Stranger), there),
            (Self::Broken, _) => (odd(Oddity::CscaSelfSignatureWrong), there),
            (Self::NotAuthority, _) => (odd(Oddity::CscaNotAuthority), there),
            (Self::NoCertSign, _) => (odd(Oddity::CscaNoCertSign), there),
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::SelfSigned => Role::Anchor,
            Self::LinkByOld => Role::Link,
            Self::LinkByStranger => Role::LinkUnanchored,
            Self::Broken => Role::SelfSignatureWrong,
            Self::NotAuthority | Self::NoCertSign => Role::NotAnAuthority,
        }
    }

    /// The code of the refusal: without any word, with one for everything, with the fingerprint.
    const fn refusals(self, known: bool) -> [Option<&'static str>; 3] {
        const UNCONFIRMED: Option<&str> = Some("trust_anchors_unconfirmed");
        const UNSIGNED: Option<&str> = Some("anchor_link_unsigned");
        match (self, known) {
            (Self::SelfSigned, false) | (Self::LinkByOld, _) => [UNCONFIRMED, None, None],
            (Self::SelfSigned | Self::LinkByStranger, true) => [UNSIGNED, UNSIGNED, None],
            (Self::LinkByStranger, false) => [None; 3],
            (Self::Broken, _) => [Some("anchor_self_signature_wrong"); 3],
            (Self::NotAuthority | Self::NoCertSign, _) => [Some("anchor_not_an_authority"); 3],
        }
    }
}

/// What the certificate is in a directory, and whether it vouches for anything.
fn found(bench: &Bench, der: &[u8]) -> (Role, bool) {
    let store = bench.load().store;
    let entry = store.entries().iter().find(|entry| entry.certificate.der() == der).expect("entry");
    (store.role(entry), vouches(&store, entry) != Scope::NONE)
}

#[test]
fn what_comes_in_is_what_its_signature_says_and_a_person_confirms() {
    for made in Made::ALL {
        for known in [false, true] {
            let (der, there) = made.case(known);
            let there: Vec<&[u8]> = there.iter().map(Vec::as_slice).collect();
            for (allowed, refusal) in [nothing(), all(), accept(&der)].iter().zip(made.refusals(known)) {
                let case = format!("{made:?}, known {known}, {allowed:?}");
                let bench = if there.is_empty() { Bench::new() } else { Bench::with(&there) };
                let before = bench.content();
                let result = bench.import(&der, allowed);
                assert_eq!(code(result.clone()).as_deref(), refusal, "{case}: {result:?}");
                if refusal.is_some() {
                    assert_eq!(bench.content(), before, "{case}: nothing was written");
                    assert_eq!(bench.trust().exists(), !there.is_empty(), "{case}");
                    continue;
                }
                assert_eq!(found(&bench, &der), (made.role(), made.role().stands()), "{case}");
                let said = result.expect("imported").difference.added;
                assert_eq!((said[0].role, said[0].documents.is_empty()), (made.role().code(), !made.role().stands()));
            }
            // The same laid there by hand.
            let bench = Bench::with(&[&there[..], &[&der]].concat());
            assert_eq!(found(&bench, &der), (made.role(), made.role().stands()), "{made:?}, known {known}");
            let findings = findings(&bench.load(), now());
            let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
            let expected = match (made, known) {
                (Made::SelfSigned, true) => Some("anchors_unlinked"),
                (Made::SelfSigned | Made::LinkByOld, _) => None,
                (made, _) => Some(made.role().code()),
            };
            for finding in ["anchors_unlinked", "self_signature_wrong", "link_unanchored", "not_an_authority"] {
                assert_eq!(codes.contains(&finding), expected == Some(finding), "{made:?}, known {known}: {codes:?}");
            }
            let missing = !known && made != Made::SelfSigned && made != Made::LinkByOld;
            assert_eq!(codes.contains(&"cccd_anchor_missing"), missing, "{made:?}, known {known}: {codes:?}");
        }
    }
}

/// Attack A7: a stranger's "link", and then a card under it.
#[test]
fn a_card_under_a_forged_link_is_never_proved() {
    let evidence = card("an:self-made-csca");
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let bench = Bench::with(&[&root(&vietnam())]);
    assert_eq!(code(bench.import(&root(&forger), &all())).as_deref(), Some("anchor_link_unsigned"));
    let before = judged(&evidence, &bench);
    assert!(!matches!(before.rung(), Some(verdict::Rung::Proved | verdict::Rung::Pinned)), "{:?}", before.answers);
}

/// A self-signed certificate and the link that leads to its key may come in one file.
#[test]
fn a_new_key_comes_in_with_its_link() {
    let issuer = vietnam();
    let same = |by| issuer.same_name(CscaKey::New, by).expect("certificate");
    let (anchor, link) = (same(CscaKey::New), same(CscaKey::Old));
    let bench = Bench::with(&[&root(&issuer)]);
    let both = [anchor.clone(), link].concat();
    assert_eq!(code(bench.import(&both, &nothing())).as_deref(), Some("trust_anchors_unconfirmed"));
    bench.import(&both, &all()).expect("imported");
    assert_eq!(found(&bench, &anchor), (Role::Anchor, true));
    assert!(!findings(&bench.load(), now()).iter().any(|finding| finding.code == "anchors_unlinked"));
}

/// Seals of the binary form do not carry their signer's certificate: it may lie there, and vouches for nothing. That of a
/// document signer may not.
#[test]
fn signers_of_seals_are_taken_in_and_vouch_for_nothing() {
    let issuer = vietnam();
    for (signer, taken) in [
        (SealSigner::BarCode, true),
        (SealSigner::NonConstrained, true),
        (SealSigner::Documents, false),
        (SealSigner::Unnamed, false),
    ] {
        let der = issuer.seal_signer(signer).expect("certificate");
        let refusal = code(Bench::with(&[&root(&issuer)]).import(&der, &all()));
        assert_eq!(refusal.as_deref(), (!taken).then_some("anchor_not_an_authority"), "{signer:?}");
        // The same laid there by hand.
        let bench = Bench::with(&[&root(&issuer), &der]);
        let finding = findings(&bench.load(), now()).iter().any(|finding| finding.code == "not_an_authority");
        assert_eq!((finding, found(&bench, &der)), (!taken, (Role::NotAnAuthority, false)), "{signer:?}");
    }
}

/// What a link waited for brings it up, and a person confirms both.
#[test]
fn a_link_that_waited_is_confirmed_when_it_begins_to_stand() {
    let issuer = vietnam();
    let link = files(&issuer)[1].clone();
    let bench = Bench::new();
    bench.import(&link, &nothing()).expect("it stands for nothing");
    let refused = bench.import(&root(&issuer), &accept(&root(&issuer))).expect_err("two gain");
    assert_eq!(refused.code, "trust_anchors_unconfirmed");
    assert!(refused.message.contains(&hex::encode(fingerprint(&link))), "{refused:?}");
    bench.import(&root(&issuer), &all()).expect("imported");
    assert_eq!(found(&bench, &link), (Role::Link, true));
}

#[test]
fn the_first_of_another_state_needs_no_word_and_what_follows_does() {
    let issuer = Issuer::of("UT").expect("issuer");
    let files = files(&issuer);
    let bench = Bench::new();
    bench.import(&files[0], &nothing()).expect("the first");
    assert_eq!(code(bench.import(&files[1], &nothing())).as_deref(), Some("trust_anchors_unconfirmed"));
    bench.import(&files[1], &accept(&files[1])).expect("the second");
    // What is there already gains nothing.
    bench.import(&files[1], &nothing()).expect("again");
    // Another state beside it.
    bench.import(&root(&Issuer::of("LA").expect("issuer")), &nothing()).expect("the first of LA");
}

#[test]
fn weak_keys_and_signatures_are_named() {
    for (oddity, expected) in [
        (Oddity::None, None),
        (Oddity::CscaRsa1024, Some("anchor_weak")),
        (Oddity::CscaP192, Some("anchor_weak")),
        (Oddity::Sha1Csca, Some("anchor_weak")),
        (Oddity::CscaRsa512, Some("key_unusable")),
    ] {
        let bench = Bench::with(&[&root(&Issuer::odd(oddity).expect("issuer"))]);
        let codes: Vec<_> = findings(&bench.load(), now()).iter().map(|finding| finding.code).collect();
        for code in ["anchor_weak", "key_unusable"] {
            assert_eq!(codes.contains(&code), expected == Some(code), "{oddity:?}: {codes:?}");
        }
    }
}
