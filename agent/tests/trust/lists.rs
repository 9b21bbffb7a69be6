//! Master lists and directories in the ICAO PKD's form.

use super::*;
use virtual_card::issuer::{CscaKey, DocumentSigner};

/// A directory with these values, as the ICAO PKD writes it.
fn ldif(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = "version: 1\n\n".to_owned();
    for (at, (attribute, value)) in entries.iter().enumerate() {
        let encoded = openssl::base64::encode_block(value).replace('\n', "");
        let folded: Vec<&str> = encoded.as_bytes().chunks(70).map(|l| std::str::from_utf8(l).expect("ASCII")).collect();
        text += &format!("dn: o=DSC,c=VN,cn={at}\n{attribute}:: {}\n\n", folded.join("\n "));
    }
    text.into_bytes()
}

fn list(issuer: &Issuer, signed: &str) -> Vec<u8> {
    issuer.master_list(&[&root(issuer)], signed).expect("list")
}

#[test]
fn a_directory_comes_in_as_one_file_and_takes_the_place_of_the_older_one() {
    let (ut, vn) = (Issuer::of("UT").expect("issuer"), vietnam());
    let files = files(&ut);
    let signer = ut.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    let mut broken = list(&ut, "260101000000Z");
    let at = broken.len() - 3;
    broken[at] ^= 1;
    let directory = |signed: &str| {
        ldif(&[
            ("pkdMasterListContent", &list(&ut, signed)),
            ("pkdMasterListContent", &broken),
            ("userCertificate;binary", &signer),
            ("userCertificate;binary", b"nothing of note"),
            ("certificateRevocationList;binary", &files[2]),
            ("cACertificate;binary", &root(&vn)),
        ])
    };
    let bench = Bench::new();
    // Its one loose CSCA is of the site's own state, and stands on nobody's word: there is nothing to confirm.
    let imported = bench.import(&directory("260201000000Z"), &nothing()).expect("imported");
    assert!(imported.file.starts_with("icao-") && imported.file.ends_with(".ldif"), "{}", imported.file);
    let counts = (imported.master_lists.len(), imported.document_signers, imported.revocation_lists);
    assert_eq!((counts, imported.refused_lists, imported.unreadable), ((1, 1, 1), 1, 1));
    assert_eq!(bench.load().store.signers(), 1);
    assert_eq!(imported.difference.added.iter().filter(|view| view.documents == ["passport"]).count(), 1);
    let newer = bench.import(&directory("260301000000Z"), &nothing()).expect("imported");
    assert_eq!(newer.replaced, [imported.file]);
    assert_eq!(code(bench.import(&directory("260201000000Z"), &nothing())).as_deref(), Some("directory_older"));
    let older = Permissions { older: true, ..nothing() };
    bench.import(&directory("260201000000Z"), &older).expect("imported");
    // One of another content stands beside it.
    let only_lists = ldif(&[("pkdMasterListContent", &list(&Issuer::of("LA").expect("issuer"), "260101000000Z"))]);
    assert_eq!(bench.import(&only_lists, &nothing()).expect("imported").replaced, Vec::<String>::new());
    assert_eq!(bench.load().files.iter().filter(|file| file.is_directory).count(), 2);
    // A master list by itself takes nobody else's out.
    let single = bench.import(&list(&ut, "260401000000Z"), &nothing()).expect("imported");
    assert_eq!(single.replaced, Vec::<String>::new());
    let record = std::fs::read_to_string(bench.trust().join("provenance.toml")).expect("record");
    assert!(record.contains("[[import.master_lists]]"), "{record}");
}

#[test]
fn a_list_in_a_directory_has_the_rules_of_one_by_itself() {
    let (ut, other) = (Issuer::of("UT").expect("issuer"), Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer"));
    let bench = Bench::new();
    bench.import(&list(&vietnam(), "260101000000Z"), &all()).expect("imported");
    let forged = ldif(&[
        ("pkdMasterListContent", &list(&ut, "260101000000Z")),
        ("pkdMasterListContent", &list(&other, "270101000000Z")),
    ]);
    assert_eq!(code(bench.import(&forged, &all())).as_deref(), Some("master_list_new_signer"));
    // And with it allowed: keys under the names of the site's own state are named one by one.
    let allowed = Permissions { new_signer: true, ..all() };
    assert_eq!(code(bench.import(&forged, &allowed)).as_deref(), Some("anchor_link_unsigned"));
    let documents = bench.import_for(&list(&ut, "260101000000Z"), Some(&["citizen_card"]), &all());
    assert_eq!(code(documents).as_deref(), Some("documents_not_for_lists"));
}

/// A record of before this version is read and kept.
#[test]
fn an_older_record_goes_on() {
    let bench = Bench::with(&[]);
    let old = "[[import]]\nfile = \"de.ml\"\nsha256 = \"00\"\noriginal = \"x\"\nimported = \"2026-01-01\"\nsigner = \"S\"\nauthority_sha256 = \"11\"\n";
    bench.put("provenance.toml", old.as_bytes());
    bench.import(&root(&Issuer::of("UT").expect("issuer")), &nothing()).expect("imported");
    let record = std::fs::read_to_string(bench.trust().join("provenance.toml")).expect("record");
    assert!(record.contains("signer = \"S\"") && record.matches("[[import]]").count() == 2, "{record}");
}

/// An entry of a list under the name of somebody whom the operator gave needs its fingerprint said.
#[test]
fn a_list_puts_no_key_beside_the_operators() {
    let ut = Issuer::of("UT").expect("issuer");
    let stranger = ut.same_name(CscaKey::New, CscaKey::New).expect("certificate");
    let bench = Bench::new();
    bench.import(&root(&ut), &nothing()).expect("imported");
    let both = ut.master_list(&[&root(&ut), &stranger], "260101000000Z").expect("list");
    assert_eq!(code(bench.import(&both, &all())).as_deref(), Some("anchor_link_unsigned"));
    bench.import(&both, &accept(&stranger)).expect("imported");
}
