//! State and kind: a certificate vouches for the documents of its own state, and of the kinds that it was given for.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::{Certificate, DocumentKind, Pin, Scope, TrustStore};
use std::collections::BTreeMap;
use support::issued::{SIGNED_AT, card, found, honest, judge, ldif, sod_of};
use support::{now, trust};
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{CscaKey, DocumentSigner, IssuerFault};

/// How a certificate came into the store, and what was said about it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
    OperatorFile,
    NarrowedFile,
    MasterList,
    WidenedMasterList,
    WidenedBeforeItCame,
    Pin,
    NarrowPin,
    OperatorLink,
    NarrowedLink,
    MasterListLink,
    Nothing,
}

impl Given {
    const ALL: [Self; 11] = [
        Self::OperatorFile,
        Self::NarrowedFile,
        Self::MasterList,
        Self::WidenedMasterList,
        Self::WidenedBeforeItCame,
        Self::Pin,
        Self::NarrowPin,
        Self::OperatorLink,
        Self::NarrowedLink,
        Self::MasterListLink,
        Self::Nothing,
    ];

    /// Whether documents of this kind are vouched for, if it is the state's.
    fn allows(self, kind: DocumentKind) -> bool {
        match self {
            Self::OperatorFile | Self::WidenedMasterList | Self::WidenedBeforeItCame | Self::Pin => true,
            Self::OperatorLink => true,
            Self::NarrowedFile | Self::NarrowPin | Self::NarrowedLink => kind == DocumentKind::IdentityCard,
            Self::MasterList | Self::MasterListLink => kind == DocumentKind::Passport,
            Self::Nothing => false,
        }
    }

    fn store(self, issuer: &Issuer, sod: &[u8]) -> TrustStore {
        let root = issuer.trust_files().expect("files")[0].der.clone();
        let link = issuer.same_name(CscaKey::New, CscaKey::Old).expect("link");
        let list = |certificates: &[&[u8]]| issuer.master_list(certificates, "260101000000Z").expect("list");
        let print = |der: &[u8]| Certificate::parse(der).expect("certificate").fingerprint();
        let cards = Scope::of(&[DocumentKind::IdentityCard]);
        let mut store = TrustStore::new();
        let add = |store: &mut TrustStore, der: &[u8]| drop(store.add("file", der).expect("a trust file"));
        let pin = |scope| {
            let signer = judge(sod, &card(), &TrustStore::new(), now()).document_signer.expect("signer");
            Pin::new(signer.fingerprint(), scope, "pins.toml", "test")
        };
        match self {
            Self::OperatorFile => add(&mut store, &root),
            Self::NarrowedFile => {
                add(&mut store, &root);
                store.set_scope(&print(&root), cards);
            }
            Self::MasterList => add(&mut store, &list(&[&root])),
            Self::WidenedMasterList => {
                add(&mut store, &list(&[&root]));
                store.set_scope(&print(&root), Scope::ALL);
            }
            Self::WidenedBeforeItCame => {
                store.set_scope(&print(&root), Scope::ALL);
                add(&mut store, &list(&[&root]));
            }
            Self::Pin => store.pin(pin(Scope::ALL)),
            Self::NarrowPin => store.pin(pin(cards)),
            Self::OperatorLink => [&root, &link].into_iter().for_each(|der| add(&mut store, der)),
            Self::NarrowedLink => {
                [&root, &link].into_iter().for_each(|der| add(&mut store, der));
                store.set_scope(&print(&link), cards);
            }
            Self::MasterListLink => {
                add(&mut store, &root);
                add(&mut store, &list(&[&root, &link]));
            }
            Self::Nothing => {}
        }
        store
    }

    /// Links lead from the newer key.
    fn sod(self, issuer: &Issuer, groups: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
        match self {
            Self::OperatorLink | Self::NarrowedLink | Self::MasterListLink => {
                issuer.sod_under(CscaKey::New, groups, SIGNED_AT).expect("SOD")
            }
            _ => sod_of(issuer, groups),
        }
    }
}

/// State × kind × origin: vouched for in exactly the cells that are allowed, and refuted in those where a neighbour
/// signs.
#[test]
fn documents_are_vouched_for_in_exactly_the_states_and_kinds_that_the_anchor_is_for() {
    let mut cells = [0; 3];
    for (country, code) in [("VN", "VNM"), ("DE", "D"), ("GB", "GBD")] {
        let issuer = Issuer::of(country).expect("issuer");
        for given in Given::ALL {
            // The practice issuer makes a new certificate of its document signer every time.
            let (mut stores, pinned) = (None, matches!(given, Given::Pin | Given::NarrowPin));
            for document in ["VNM", "D", "GBD"] {
                // No zone says that it is a seal.
                for kind in DocumentKind::ALL.into_iter().filter(|kind| *kind != DocumentKind::Seal) {
                    let groups = support::issued::groups(kind, document);
                    let sod = given.sod(&issuer, &groups);
                    let store = stores.get_or_insert_with(|| given.store(&issuer, &sod));
                    let store = if pinned { &given.store(&issuer, &sod) } else { store };
                    let result = judge(&sod, &groups, store, now());
                    let expected = match (document == code, given.allows(kind), given) {
                        (false, ..) => Answer::Refuted,
                        (true, true, Given::Pin | Given::NarrowPin) => Answer::Pinned,
                        (true, true, _) => Answer::Vouched,
                        (true, false, _) => Answer::Unknown,
                    };
                    let case = format!("{country} signs {document} {kind:?}, {given:?}");
                    assert_eq!(result.issuer, expected, "{case}: {:#?}", result.checks);
                    match expected {
                        Answer::Refuted => {
                            assert_eq!(found(&result.checks, "issuing_state").1, Some("state_differs"), "{case}");
                            cells[2] += 1;
                        }
                        Answer::Unknown if given != Given::Nothing => {
                            assert_eq!(found(&result.checks, "anchor_scope").1, Some("out_of_scope"), "{case}");
                            cells[1] += 1;
                        }
                        Answer::Unknown => cells[1] += 1,
                        _ => cells[0] += 1,
                    }
                }
            }
        }
    }
    println!("cells vouched, unknown, refuted: {cells:?}");
    assert_eq!(cells.iter().sum::<usize>(), 3 * 11 * 3 * 4);
}

mod neighbours {
    use super::*;
    use proptest::prelude::*;
    use std::sync::OnceLock;

    /// Certificates of another state, right and wrong, as files, lists and directories.
    fn foreign() -> &'static Vec<Vec<u8>> {
        static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
        FILES.get_or_init(|| {
            let mut files = Vec::new();
            for country in ["LA", "UT", "DE", "CN"] {
                let issuer = Issuer::of(country).expect("issuer");
                let given = issuer.trust_files().expect("files");
                let certificates: Vec<&[u8]> = given[..2].iter().map(|f| &f.der[..]).collect();
                files.push(issuer.master_list(&certificates, "260101000000Z").expect("list"));
                files.push(ldif(&[("cACertificate;binary", certificates[0])]).into_bytes());
                files.push(issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate"));
                files.push(issuer.same_name(CscaKey::New, CscaKey::Stranger).expect("certificate"));
                files.extend(given.into_iter().map(|file| file.der));
            }
            files
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever of another state comes into the store: no card of Vietnam becomes trusted by it, no honest one
        /// refuted.
        #[test]
        fn a_certificate_of_another_state_changes_no_answer(
            chosen in proptest::collection::vec(any::<proptest::sample::Index>(), 1..6),
            known in any::<bool>(),
            signer in 0usize..3,
        ) {
            let mut store = if known { trust() } else { TrustStore::new() };
            let issuer = match signer {
                0 => honest(),
                1 => Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer"),
                _ => Issuer::of("LA").expect("issuer"),
            };
            let sod = sod_of(&issuer, &card());
            let before = judge(&sod, &card(), &store, now()).issuer;
            for index in chosen {
                let file: &Vec<u8> = index.get(foreign());
                store.add("foreign", file).expect("a trust file");
            }
            let after = judge(&sod, &card(), &store, now()).issuer;
            prop_assert_eq!(before, after);
            prop_assert!(known && signer == 0 || !matches!(after, Answer::Vouched | Answer::Pinned));
        }
    }
}
