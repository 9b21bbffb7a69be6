//! `cccd-agent verify` on files: made ones, and real ones where they are at hand.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn program(name: &str) -> Command {
    Command::new(hil_tests::program(name))
}

fn verify(sod: &Path, trust: &Path, arguments: &[String]) -> (Option<i32>, Value) {
    let mut command = program("cccd-agent");
    command.args(["verify", "--json", "--sod"]).arg(sod).arg("--trust").arg(trust).args(arguments);
    let output = command.output().expect("cccd-agent");
    let people = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{people}")))
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn make() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let run = |arguments: &[&str], out: &str| {
            let out = directory.path().join(out);
            assert!(
                program("cccd-card").args(arguments).arg("--out").arg(out).output().expect("card").status.success()
            );
        };
        run(&["files", "--persona", "chau-long-address"], "card");
        run(&["trust"], "trust");
        std::fs::create_dir(directory.path().join("empty")).expect("directory");
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn group(&self, number: u8) -> String {
        format!("{number}={}", self.path(&format!("card/01{number:02X}.bin")).display())
    }
}

#[test]
fn the_exit_status_follows_the_checks() {
    let files = Files::make();
    let (sod, trust) = (files.path("card/011D.bin"), files.path("trust"));
    let groups = ["--dg".to_owned(), files.group(1), "--dg".to_owned(), files.group(13)];
    let (status, report) = verify(&sod, &trust, &groups);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["schema"], "cccd-agent/verify/2");
    assert_eq!(report["checks"]["dg_hash.13"]["outcome"], "passed");
    // This card's signer leads to the anchor over the link certificate.
    let chain = report["checks"]["dsc_chain"]["detail"].as_str().expect("detail");
    assert!(chain.contains("Practice 2") && chain.contains("→ CSCA Practice 1"), "{chain}");

    let (status, report) = verify(&sod, &files.path("empty"), &groups);
    assert_eq!((status, report["checks"]["dsc_chain"]["reason"].as_str()), (Some(11), Some("no_anchor")));

    let swapped = ["--dg".to_owned(), format!("1={}", files.path("card/010D.bin").display())];
    let (status, report) = verify(&sod, &trust, &swapped);
    assert_eq!((status, report["checks"]["dg_hash.1"]["reason"].as_str()), (Some(10), Some("hash_differs")));

    let late = ["--at".to_owned(), "2050-01-01".to_owned()];
    let (status, report) = verify(&sod, &trust, &late);
    assert_eq!((status, report["checks"]["dsc_validity"]["reason"].as_str()), (Some(10), Some("dsc_expired")));

    let (status, report) = verify(&files.path("card/0101.bin"), &trust, &[]);
    assert_eq!((status, report["checks"]["sod_signature"]["reason"].as_str()), (Some(11), Some("sod_malformed")));

    for (arguments, code) in [
        (["--dg", "1"], "dg_malformed"),
        (["--dg", "17=x"], "dg_malformed"),
        (["--dg", "1=/nowhere"], "file_unreadable"),
        (["--at", "yesterday"], "date_malformed"),
        (["--at", "2026-02-30"], "date_malformed"),
    ] {
        let (status, report) = verify(&sod, &trust, &arguments.map(str::to_owned));
        assert_eq!((status, report["error"]["code"].as_str()), (Some(64), Some(code)), "{arguments:?}");
    }
    let (status, report) = verify(&sod, &files.path("nowhere"), &[]);
    assert_eq!((status, report["error"]["code"].as_str()), (Some(64), Some("trust_unreadable")));
}

#[test]
fn real_sods_verify_from_the_command_line_with_shared_vectors() {
    let Some(root) = test_support::shared("") else { return };
    let list = root.join("masterlists/DE_ML_2026-05-28.ml");
    for name in ["AT_2023_ecdsa", "CN_2017_econtent-id-data", "FR_2017_rsa", "NZ_2017_rsa_indefinite-len"] {
        let (status, report) = verify(&root.join(format!("sods/{name}.bin")), &list, &[]);
        is_signed(status, &report, name);
    }
    // A whole directory, in which not everything is a trust file.
    let (status, report) = verify(&root.join("sods/US_2021_rsa.bin"), &root.join("masterlists"), &[]);
    is_signed(status, &report, "US");
}

/// Signature and chain are right. Whose document it is, EF.DG1 would say: without it nobody is vouched for.
fn is_signed(status: Option<i32>, report: &Value, name: &str) {
    for check in ["sod_signature", "dsc_chain", "dsc_validity"] {
        assert_eq!(report["checks"][check]["outcome"], "passed", "{name}: {report:#}");
    }
    assert_eq!((status, report["answers"]["issuer"].as_str()), (Some(11), Some("unchecked")), "{name}: {report:#}");
}
