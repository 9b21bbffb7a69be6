//! EF.DG2, DG3 and DG4 in every wrapping and format. The vectors of ISO/IEC 39794-5 were made by an ASN.1 compiler
//! (`vectors/dg2/make.py`); the builder here shares nothing with the parser and gives the same bytes.

mod support;

use emrtd::hazmat::tlv::TlvError;
use emrtd::lds::dg2::{self, FaceImage, image_start};
use emrtd::lds::{ImageType, NoFace, Record, RecordFormat, biometric};

const JPEG: [u8; 22] = [
    0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x10, 0x4A, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00,
    0x00, 0xFF, 0xD9,
];
const JP2: [u8; 24] = [
    0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20, 0x0D, 0x0A, 0x87, 0x0A, 0x00, 0x00, 0x00, 0x14, 0x66, 0x74, 0x79,
    0x70, 0x6A, 0x70, 0x32, 0x20,
];

macro_rules! vectors {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../vectors/dg2/", $name, ".hex")))),*] };
}

fn vector(name: &str) -> Vec<u8> {
    let all = vectors![
        "mandatory-7f2e-a1-65",
        "more-7f2e-a1-65",
        "more-7f2e-65",
        "mandatory-5f2e-65",
        "mandatory-5f2e-a1-65",
        "two-representations",
        "two-templates",
        "template-alone",
        "extension-block",
    ];
    let (_, text) = all.into_iter().find(|(known, _)| *known == name).expect("a vector");
    hex::decode(text.trim()).expect("hexadecimal")
}

/// A data object, written here for itself.
fn object(tag: &str, value: &[u8]) -> Vec<u8> {
    let mut out = hex::decode(tag).expect("a tag");
    match value.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x100 => out.extend([0x81, length as u8]),
        length => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(value);
    out
}

fn template(tag: &str, block: &[u8]) -> Vec<u8> {
    let header = ["80020101", "810102", "820100", "87020101", "8802002A"].concat();
    let header = object("A1", &hex::decode(header).expect("hexadecimal"));
    object("7F60", &[header, object(tag, block)].concat())
}

fn file(templates: &[Vec<u8>]) -> Vec<u8> {
    let count = object("02", &[templates.len() as u8]);
    object("75", &object("7F61", &[count, templates.concat()].concat()))
}

/// An ISO/IEC 39794-5 block with the mandatory fields.
fn mandatory(image: &[u8], format: u8) -> Vec<u8> {
    let version = object("A0", &[object("80", &[3]), object("81", &[0x07, 0xE3])].concat());
    let information = object("A1", &object("A0", &object("80", &[format])));
    let two_dimensional = object("A0", &[object("80", image), information].concat());
    let representation = [object("80", &[1]), object("A1", &object("A0", &two_dimensional))].concat();
    object("65", &[version, object("A1", &object("30", &representation))].concat())
}

/// A face of an ISO/IEC 19794-5 record with this many feature points.
fn face(points: u16, image: &[u8]) -> Vec<u8> {
    let length = 32 + 8 * u32::from(points) + image.len() as u32;
    let information = [&[1, 0][..], &413u16.to_be_bytes(), &531u16.to_be_bytes(), &[1, 0, 0, 0, 0, 0]].concat();
    let head = [&length.to_be_bytes()[..], &points.to_be_bytes(), &[0; 14]].concat();
    [head, vec![0x11; 8 * usize::from(points)], information, image.to_vec()].concat()
}

fn record(faces: &[Vec<u8>]) -> Vec<u8> {
    let length = 14 + faces.concat().len() as u32;
    [&b"FAC\x00010\x00"[..], &length.to_be_bytes(), &(faces.len() as u16).to_be_bytes(), &faces.concat()].concat()
}

fn images<'a>(faces: &[FaceImage<'a>]) -> Vec<&'a [u8]> {
    faces.iter().map(|face| face.image).collect()
}

#[test]
fn the_builder_and_the_asn_1_compiler_write_the_same_bytes() {
    let block = mandatory(&JPEG, 2);
    for (name, built) in [
        ("mandatory-7f2e-a1-65", file(&[template("7F2E", &object("A1", &block))])),
        ("mandatory-5f2e-65", file(&[template("5F2E", &block)])),
        ("mandatory-5f2e-a1-65", file(&[template("5F2E", &object("A1", &block))])),
        ("template-alone", object("75", &template("7F2E", &object("A1", &block)))),
    ] {
        assert_eq!(hex::encode_upper(built), hex::encode_upper(vector(name)), "{name}");
    }
}

/// A wrapping: name, file, format, the size that it states, its images.
type Wrapping = (String, Vec<u8>, RecordFormat, (u16, u16), Vec<&'static [u8]>);

fn wrappings() -> Vec<Wrapping> {
    const STATED: (u16, u16) = (413, 531);
    let known = |name: &str, size, images: &[&'static [u8]]| {
        (name.to_owned(), vector(name), RecordFormat::Face39794, size, images.to_vec())
    };
    let mut all = vec![
        known("mandatory-7f2e-a1-65", (0, 0), &[&JPEG]),
        known("more-7f2e-a1-65", STATED, &[&JP2]),
        known("more-7f2e-65", STATED, &[&JP2]),
        known("mandatory-5f2e-65", (0, 0), &[&JPEG]),
        known("mandatory-5f2e-a1-65", (0, 0), &[&JPEG]),
        known("two-representations", STATED, &[&JPEG, &JP2]),
        known("two-templates", (0, 0), &[&JPEG, &JP2]),
        known("template-alone", (0, 0), &[&JPEG]),
    ];
    // A block in a 5F2E in a 7F2E, and a writer that leaves out the SEQUENCE of the only representation.
    let block = mandatory(&JPEG, 2);
    all.push((
        "5F2E in 7F2E".to_owned(),
        file(&[template("7F2E", &object("5F2E", &block))]),
        RecordFormat::Face39794,
        (0, 0),
        vec![&JPEG],
    ));
    for (tag, wrap) in [("5F2E", false), ("7F2E", false), ("7F2E", true)] {
        for points in [0, 1, 60] {
            let block = record(&[face(points, &JPEG), face(0, &JP2)]);
            let block = if wrap { object("5F2E", &block) } else { block };
            let name = format!("19794-5 in {tag}, wrapped: {wrap}, {points} points");
            let file = file(&[template(tag, &block), template(tag, &block)]);
            all.push((name, file, RecordFormat::Face19794, STATED, vec![&JPEG, &JP2, &JPEG, &JP2]));
        }
    }
    all
}

#[test]
fn every_face_is_found_in_every_wrapping() {
    for (name, bytes, format, size, expected) in wrappings() {
        let faces = dg2::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(images(&faces), expected, "{name}");
        assert_eq!((faces[0].format, (faces[0].width, faces[0].height)), (format, size), "{name}");
        for face in &faces {
            let jpeg = face.image == JPEG;
            assert_eq!(face.image_type == ImageType::Jpeg, jpeg, "{name}: told by its first bytes");
        }
        // Zeros after the file are padding.
        assert_eq!(images(&dg2::parse(&[&bytes[..], &[0; 9]].concat()).expect("padded")), expected, "{name}");
    }
}

#[test]
fn an_image_is_found_while_it_arrives_in_every_wrapping() {
    for (name, bytes, _, _, expected) in wrappings() {
        let start = bytes.windows(expected[0].len()).position(|window| window == expected[0]).expect("the image");
        for end in 0..=bytes.len() {
            let found = image_start(&bytes[..end]).map(|(at, _)| at);
            // Six bytes tell JPEG 2000, three JPEG.
            let enough = end >= start + if expected[0] == JPEG { 3 } else { 6 };
            assert_eq!(found, enough.then_some(start), "{name}, {end} bytes of {}", bytes.len());
        }
    }
}

#[test]
fn what_is_cut_never_gives_a_shorter_image() {
    for (name, bytes, _, _, _) in wrappings() {
        for end in 0..bytes.len() {
            assert!(dg2::parse(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
    }
    // With outer lengths that fit, too. A record of ISO/IEC 19794-5 ends with its block: some issuers count wrongly.
    let block = mandatory(&JPEG, 2);
    for end in 0..block.len() {
        assert!(dg2::parse(&file(&[template("7F2E", &block[..end])])).is_err(), "cut at {end}");
    }
    let mut lying = face(0, &JPEG);
    for length in [0, 31, 1_000_000u32] {
        lying[..4].copy_from_slice(&length.to_be_bytes());
        let bytes = file(&[template("5F2E", &record(&[lying.clone()]))]);
        assert_eq!(images(&dg2::parse(&bytes).expect("a face")), [JPEG], "a length of {length}");
    }
}

#[test]
fn without_a_face_there_is_a_reason() {
    let of = |templates: &[Vec<u8>]| dg2::parse(&file(templates)).expect_err("no face");
    let unknown = record(&[face(0, b"BM bitmap")]);
    for (why, expected) in [
        (of(&[]), NoFace::NoBlock),
        (of(&[object("7F60", &object("A1", &[]))]), NoFace::NoBlock),
        (of(&[template("5F2E", b"something else")]), NoFace::Format),
        (of(&[template("5F2E", b"FIR\x00010\x00")]), NoFace::Format),
        (of(&[template("5F2E", &unknown)]), NoFace::Coding),
        (of(&[template("7F2E", &mandatory(b"GIF89a", 2))]), NoFace::Coding),
        (of(&[template("7F2E", &object("65", &object("A1", &[])))]), NoFace::NoImage),
        (of(&[template("7F2E", &object("65", &[]))]), NoFace::Malformed(TlvError::Missing(0xA1))),
        (of(&[template("5F2E", b"FAC\x00010\x00")]), NoFace::Malformed(TlvError::Truncated)),
        (dg2::parse(&vector("extension-block")).expect_err("no face"), NoFace::NoImage),
        (dg2::parse(&[]).expect_err("no face"), NoFace::Malformed(TlvError::Missing(0x75))),
    ] {
        assert_eq!(why, expected);
        assert!(!why.code().is_empty());
    }
    // One odd record hides no other.
    let both = file(&[template("5F2E", &unknown), template("7F2E", &mandatory(&JPEG, 2))]);
    assert_eq!(images(&dg2::parse(&both).expect("the second")), [JPEG]);
}

#[test]
fn records_of_fingers_and_irises_are_told_apart_and_not_decoded() {
    let finger = |count: u8| [&b"FIR\x00010\x00"[..], &[0; 6], &[0; 4], &[count], &[0; 13]].concat();
    let iris = |count: u8| [&b"IIR\x00010\x00"[..], &[0; 4], &[0; 2], &[count], &[0; 30]].concat();
    let tagged = |tag: &str, count: usize| {
        let representations = object("A1", &object("30", &object("80", &[1])).repeat(count));
        object("A1", &object(tag, &[object("A0", &[]), representations].concat()))
    };
    let group = |outer: &str, templates: &[Vec<u8>]| {
        object(outer, &object("7F61", &[object("02", &[templates.len() as u8]), templates.concat()].concat()))
    };
    let fingers =
        group("63", &[template("5F2E", &finger(1)), template("7F2E", &tagged("64", 2)), template("5F2E", b"??")]);
    let found = |file: &[u8], tag| -> Vec<(Option<&'static str>, Option<u32>)> {
        let records = biometric::records(file, tag).expect("records");
        records
            .iter()
            .map(|Record { format, representations, .. }| (format.map(RecordFormat::name), *representations))
            .collect()
    };
    assert_eq!(
        found(&fingers, 0x63),
        [(Some("ISO/IEC 19794-4"), Some(1)), (Some("ISO/IEC 39794-4"), Some(2)), (None, None)]
    );
    let irises = group("76", &[template("5F2E", &iris(2)), template("7F2E", &tagged("66", 1))]);
    assert_eq!(found(&irises, 0x76), [(Some("ISO/IEC 19794-6"), Some(2)), (Some("ISO/IEC 39794-6"), Some(1))]);
    // Who has no finger that can be taken: an empty group with a random number.
    let none = object("63", &object("7F61", &[object("02", &[0]), object("53", &[1, 2, 3])].concat()));
    assert_eq!(biometric::records(&none, 0x63), Ok(Vec::new()));
    assert!(biometric::records(&none, 0x76).is_err(), "another group");
}

#[test]
fn the_groups_of_a_test_document_of_the_bsi_are_named() {
    for (file, tag, format) in [
        ("Datagroup2", 0x75, "ISO/IEC 19794-5"),
        ("Datagroup3", 0x63, "ISO/IEC 19794-4"),
        ("Datagroup4", 0x76, "ISO/IEC 19794-6"),
    ] {
        let Some(path) = support::shared(&format!("lds/bsi-tr03105-new/{file}.bin")) else { return };
        let bytes = std::fs::read(path).expect("readable");
        let records = biometric::records(&bytes, tag).expect("records");
        assert!(
            !records.is_empty() && records.iter().all(|r| r.format.map(RecordFormat::name) == Some(format)),
            "{records:?}"
        );
        assert!(
            records.iter().all(|record| record.representations.is_some_and(|n| (1..=10).contains(&n))),
            "{records:?}"
        );
        if tag == 0x75 {
            let faces = dg2::parse(&bytes).expect("a face");
            let (start, _) = image_start(&bytes[..1024]).expect("it starts early");
            assert!(bytes[start..].starts_with(faces[0].image));
        }
    }
}

/// ICAO's reference files of the application profile, and any other of ISO/IEC 39794-5 that lies there.
#[test]
fn reference_files_of_39794_5_have_a_face() {
    let Some(root) = support::shared("lds") else { return };
    let (mut folders, mut files) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().to_uppercase();
            match path.is_dir() {
                true => folders.push(path),
                false if name.contains("39794") && name.contains("DG2") => files.push(path),
                false => {}
            }
        }
    }
    if files.is_empty() {
        test_support::skipped("no lds/**/*39794*DG2* is at hand (set SHARED_TESTDATA)");
    }
    for path in files {
        let bytes = std::fs::read(&path).expect("readable");
        let faces = dg2::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(faces[0].format, RecordFormat::Face39794, "{}", path.display());
        let (start, _) = image_start(&bytes[..bytes.len().min(512)]).expect("it starts early");
        assert!(bytes[start..].starts_with(faces[0].image), "{}", path.display());
    }
}
