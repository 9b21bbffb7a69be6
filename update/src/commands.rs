//! The device's own doctor, asked through its command line: as the agent's user, whose keys and devices it looks at, and as a
//! service of its own, because the updater's has neither its network nor the pass phrase of its keys.

use crate::gate::{Doctor, Health, SELF_TEST};
use program::foreign;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// No report has more bytes.
const MOST: u64 = 1 << 20;
/// None takes longer: a kiosk's doctor waits for central and for each of its devices.
const LONGEST: Duration = Duration::from_secs(300);
/// The check that says whether the service that ran before runs.
const SERVICE: &str = "service";

/// Asks programs.
#[derive(Debug, Clone)]
pub struct Commands {
    /// Prints the report `cccd-agent/doctor/2`.
    pub doctor: Vec<String>,
    /// Reads and verifies a card of its own.
    pub self_test: Vec<String>,
    /// Succeeds when the agent's service runs.
    pub service: Vec<String>,
}

impl Commands {
    /// Those of a device with this configuration.
    #[must_use]
    pub fn of(config: &str) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let agent = [
            "systemd-run",
            "--quiet",
            "--pipe",
            "--wait",
            "--collect",
            "--uid=cccd-agent",
            "--gid=cccd",
            // One that hangs is ended: whoever asked it has gone.
            "--property=RuntimeMaxSec=300",
            "--property=LoadCredentialEncrypted=cccd-pass-phrase",
            "cccd-agent",
        ];
        Self {
            doctor: words(&[&agent[..], &["doctor", "--config", config, "--json"]].concat()),
            self_test: words(&[&agent[..], &["demo"]].concat()),
            service: words(&[
                "sh",
                "-c",
                "systemctl is-active cccd-kiosk.service || systemctl is-active cccd-desk.service",
            ]),
        }
    }
}

fn run(words: &[String]) -> Result<(bool, Vec<u8>), String> {
    let (first, rest) = words.split_first().ok_or("no program")?;
    // It runs as the agent's user, who may have it say anything.
    let output = foreign::said(Command::new(first).args(rest), MOST, LONGEST);
    let output = output.map_err(|error| format!("{first}: {error}"))?;
    Ok((output.status.success(), output.stdout))
}

/// The checks of a report, parts of the kiosk among them.
fn checks(report: &Value) -> Option<BTreeMap<String, Option<String>>> {
    let fault = |entry: &Value| entry["fault"]["code"].as_str().map(str::to_owned);
    let parts = report["parts"].as_array()?.iter().map(|entry| (entry["part"].as_str(), fault(entry)));
    let checks = report["checks"].as_array()?.iter().map(|entry| (entry["id"].as_str(), fault(entry)));
    parts.chain(checks).map(|(id, fault)| Some((id?.to_owned(), fault))).collect()
}

impl Doctor for Commands {
    fn examine(&self) -> Result<Health, String> {
        // It ends with another status when something is wrong, and reports all the same.
        let (_, report) = run(&self.doctor)?;
        let report: Value = serde_json::from_slice(&report).map_err(|_| "doctor_silent".to_owned())?;
        let mut health = Health(checks(&report).ok_or("doctor_unknown")?);
        for (id, words, code) in
            [(SELF_TEST, &self.self_test, "self_test_failed"), (SERVICE, &self.service, "service_inactive")]
        {
            let well = run(words).is_ok_and(|(well, _)| well);
            health.0.insert(id.to_owned(), (!well).then(|| code.to_owned()));
        }
        Ok(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_checks_self_test_and_service_are_asked() {
        let words = |text: &str| vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()];
        let report = r#"echo '{"schema":"cccd-agent/doctor/2","parts":[{"part":"reader","since":0,"fault":{"code":"reader_absent"}}],
            "checks":[{"id":"disk","found":"x","fault":null}]}'; exit 70"#;
        let commands = Commands { doctor: words(report), self_test: words("true"), service: words("false") };
        let health = commands.examine().expect("a report");
        let expected = [
            ("disk", None),
            ("reader", Some("reader_absent")),
            ("self_test", None),
            ("service", Some("service_inactive")),
        ];
        let expected = expected.map(|(id, code)| (id.to_owned(), code.map(str::to_owned)));
        assert_eq!(health.0.into_iter().collect::<Vec<_>>(), expected);
        let silent = Commands { doctor: words("true"), ..commands.clone() };
        assert_eq!(silent.examine(), Err("doctor_silent".to_owned()));
        let absent = Commands { doctor: vec!["/no/such/program".to_owned()], ..commands };
        assert!(absent.examine().is_err());
    }
}
