//! `cccd-agent seal verify`, and seals that others made or judge: an encoder in Python for the binary form, PathCheck's
//! vds-sdk for the JSON form.

use emrtd::seal::Seal;
use emrtd::{Certificate, TrustStore, UnixTime};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{IssuerFault, SealRequest, SealSigner, c40};

const PROOF: &str = r#"{"hdr":{"is":"VNM","t":"icao.vacc","v":1},"msg":{"pid":{"dob":"1999-01-15","i":"C1234567","n":"NGUYỄN VĂN A","sex":"M"},"uvci":"U32870","ve":[{"des":"XM68M6","dis":"RA01.0","nam":"Comirnaty","vd":[{"adm":"Bệnh viện","ctr":"VNM","dvc":"2021-03-03","lot":"VC35679","seq":1}]}]}}"#;

fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

fn now() -> UnixTime {
    UnixTime::from_date(2026, 11, 29).expect("a day")
}

fn issuer() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

/// A visa of the practice issuer, valid until the day that its zone states.
fn visa(until: &str) -> Vec<u8> {
    let digit = emrtd::mrz::check_digit(until).expect("digits");
    let mrz = format!("V<VNMNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<<C1234567<2VNM9901155M{until}{digit}").replace('<', " ");
    let features = [(2, c40(&mrz)), (4, vec![90, 0, 0]), (5, c40("C1234567 "))];
    let request = SealRequest { state: "VNM", date: 4_012_026, kind: [0x01, 0x5D], features: &features };
    issuer().seal(SealSigner::BarCode, &request).expect("a seal")
}

struct Files(tempfile::TempDir);

impl Files {
    /// A trust directory with anchors, and the signers that seals name.
    fn make() -> Self {
        let files = Self(tempfile::tempdir().expect("directory"));
        std::fs::create_dir(files.path("trust")).expect("directory");
        std::fs::create_dir(files.path("empty")).expect("directory");
        for file in issuer().trust_files().expect("files") {
            files.write(&format!("trust/{}", file.name), &file.der);
        }
        files.write("trust/signer.cer", &issuer().seal_signer(SealSigner::BarCode).expect("signer"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("file");
        path
    }

    fn verify(&self, trust: &str, seal: &[u8]) -> (Option<i32>, Value, String) {
        let file = self.write("seal", seal);
        let mut command = Command::new(hil_tests::program("cccd-agent"));
        command.args(["seal", "verify", "--json", "--trust"]).arg(self.path(trust)).arg(file);
        let output = command.output().expect("cccd-agent");
        let people = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}"));
        (output.status.code(), report, people)
    }
}

#[test]
fn the_exit_status_follows_the_answer() {
    let files = Files::make();
    let bytes = visa("401231");
    let (status, report, people) = files.verify("trust", &bytes);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(
        (&report["schema"], &report["form"], &report["kind"]),
        (&json!("cccd-agent/seal/1"), &json!("vds"), &json!("visa"))
    );
    assert_eq!(report["features"]["passport_number"], "C1234567");
    assert_eq!(report["features"]["duration_of_stay"], json!({ "for": { "days": 90, "months": 0, "years": 0 } }));
    assert_eq!(report["answers"], json!({ "issuer": "vouched", "validity": "in_date" }));
    assert!(people.contains("Đúng nơi cấp ký / ") && people.contains("passport_number"), "{people}");
    // The same as a scanner writes it.
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(files.verify("trust", hex.as_bytes()).0, Some(0));
    assert_eq!(files.verify("trust", &visa("200101")).0, Some(12), "past its last day");
    let (status, report, _) = files.verify("empty", &bytes);
    assert_eq!((status, &report["answers"]["issuer"]), (Some(11), &json!("unchecked")));
    assert_eq!(report["checks"]["seal_signature"]["reason"], "signer_unknown");
    let mut forged = bytes;
    forged[30] ^= 1;
    let (status, report, _) = files.verify("trust", &forged);
    assert_eq!((status, &report["checks"]["seal_signature"]["reason"]), (Some(10), &json!("wrong_signature")));
    let proof = issuer().seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    let (status, report, _) = files.verify("trust", proof.as_bytes());
    assert_eq!((status, &report["kind"]), (Some(0), &json!("proof_of_vaccination")), "{report:#}");
    let (status, report, _) = files.verify("trust", b"hello");
    assert_eq!((status, &report["error"]["code"]), (Some(64), &json!("seal_unknown")));
}

#[test]
fn seals_of_an_encoder_that_is_not_ours_are_read_and_vouched_for() {
    let output = Command::new("/usr/bin/python3").arg(peer("seal.py")).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let bytes = |value: &Value| hex::decode(value.as_str().expect("text")).expect("hexadecimal");
    let mut trust = TrustStore::new();
    trust.add("peer.cer", &bytes(&made["anchor"])).expect("an anchor");
    for signer in made["signers"].as_array().expect("signers") {
        trust.add_signer(&Certificate::parse(&bytes(signer)).expect("certificate"));
    }
    let mut read = 0;
    for one in made["seals"].as_array().expect("seals") {
        let raw = bytes(&one["seal"]);
        let seal = Seal::parse(&raw).expect("a seal");
        let result = seal.verify(&trust, None, now());
        assert_eq!(result.issuer, Answer::Vouched, "{one:#} {:#?}", result.checks);
        assert_eq!(json!(seal.content().kind.code()), one["kind"]);
        assert_eq!(json!(seal.content().features), one["features"]);
        for at in (2..raw.len()).step_by(7) {
            let mut changed = raw.clone();
            changed[at] ^= 0x10;
            let trusted = Seal::parse(&changed).is_ok_and(|seal| seal.verify(&trust, None, now()).trusted);
            assert!(!trusted, "byte {at} of {one:#}");
        }
        read += 1;
    }
    // Six curves, two versions, eight documents.
    assert_eq!(read, 6 * 2 * 8);
}

/// The vds-sdk runs in Node.js; what `cargo xtask doctor` could not fetch is skipped, by name.
#[test]
fn the_vds_sdk_judges_proofs_as_we_do() {
    let npm = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("npm");
    let sdk = npm.join("@pathcheck/vds-sdk/lib");
    if !sdk.join("vds.js").exists() || !Path::new("/usr/bin/node").exists() {
        return test_support::skipped("@pathcheck/vds-sdk or Node.js is not here");
    }
    let files = Files::make();
    let write = |name: &str, text: &str| files.write(name, text.as_bytes());
    // An import without an extension, and a cryptography that Node.js has built in.
    let code = std::fs::read_to_string(sdk.join("vds.js")).expect("vds.js");
    write("vds.js", &code.replace("'./key-parser'", "'./key-parser.js'"));
    write("key-parser.js", &std::fs::read_to_string(sdk.join("key-parser.js")).expect("key-parser.js"));
    write("package.json", r#"{"type":"module"}"#);
    write("vds_nc.mjs", &std::fs::read_to_string(peer("vds_nc.mjs")).expect("peer"));
    let modules = files.path("node_modules");
    std::fs::create_dir_all(modules.join("@fidm")).expect("directory");
    std::fs::create_dir_all(modules.join("isomorphic-webcrypto")).expect("directory");
    for package in ["@fidm/asn1", "json-canonicalize"] {
        std::os::unix::fs::symlink(npm.join(package), modules.join(package)).expect("link");
    }
    write("node_modules/isomorphic-webcrypto/index.js", "module.exports = require('node:crypto').webcrypto;");
    write("node_modules/isomorphic-webcrypto/package.json", r#"{"main":"index.js"}"#);

    let proof = issuer().seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    let pretty = |text: &str| {
        let json: Value = serde_json::from_str(text).expect("JSON");
        serde_json::to_string_pretty(&json).expect("JSON")
    };
    let texts = [
        proof.clone(),
        pretty(&proof),
        proof.replacen("NGUYỄN", "NGUY\\u1ec4N", 1),
        proof.replacen("\"seq\":1", "\"seq\":1.0", 1),
        proof.replacen("\"seq\":1", "\"seq\":2", 1),
        proof.replacen("VĂN A", "VĂN B", 1),
        proof.replacen("VNM", "LAO", 1),
        proof.replacen("\"sex\":\"M\"", "\"sex\":\"M\",\"x\":[]", 1),
        proof.replacen("U32870", "U32871", 1),
    ];
    let paths: Vec<_> = texts.iter().enumerate().map(|(at, text)| write(&format!("{at}.json"), text)).collect();
    let output = Command::new("/usr/bin/node").arg(files.path("vds_nc.mjs")).args(&paths).output().expect("node");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = texts.iter().map(|text| {
        let seal = Seal::parse(text.as_bytes()).expect("a seal");
        if seal.verify(&TrustStore::new(), None, now()).signed { "right" } else { "wrong" }
    });
    assert_eq!(said.lines().collect::<Vec<_>>(), ours.collect::<Vec<_>>());
    assert_eq!(said.lines().filter(|line| *line == "right").count(), 4, "{said}");
}
