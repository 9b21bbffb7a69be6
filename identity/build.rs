//! The time that this software cannot be older than: SOURCE_DATE_EPOCH where builds are reproducible, the last commit
//! otherwise, nothing outside a repository.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let commit = || {
        let output = Command::new("git").args(["log", "-1", "--format=%ct"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let time = given.or_else(commit).filter(|time| time.parse::<i64>().is_ok());
    println!("cargo::rustc-env=CCCD_BUILT_AFTER={}", time.unwrap_or_else(|| "0".to_owned()));
}
