//! `cccd-agent config`: whether a configuration is valid, and what it comes to with the site's settings below it.

use crate::check;
use crate::commands::{print_json, print_text};
use config::worst;
use config::{Adopted, Finding, Stage};
use identity::bundles::Bundles;
use program::{Failure, exit};
use serde_json::json;
use std::path::Path;

/// Prints what a configuration comes to, and everything that is wrong with it for a stage; 70 when the device does not work
/// with it.
///
/// # Errors
/// When it cannot be read and there is none to fall back to.
pub fn run(config: &Path, stage: Option<Stage>, as_json: bool) -> Result<u8, Failure> {
    let config = check::load_or_last(config, stage)?;
    let refused = match &config.adopted {
        Adopted::Refused(failure) => Some(failure),
        Adopted::AsBefore | Adopted::New { .. } => None,
    };
    let report = json!({
        "schema": "cccd-agent/config/1",
        "file": config.file,
        "refused": refused,
        "findings": config.findings,
        "bundle": Bundles::new(&config.bundles).active(),
        "device": config.device,
        "profile": config.profile,
        "reader": config.reader,
        "sync": config.sync,
        "paths": {
            "trust": config.anchors(),
            "state": config.state,
            "keys": config.keys,
            "identity": config.identity,
            "bundles": config.bundles,
            "update_files": config.update_files(),
        },
        "update": config.update,
    });
    if as_json {
        print_json(&report)?;
    } else {
        let mut text = String::new();
        let shown = |key: &str| !["schema", "refused", "findings"].contains(&key);
        for (key, value) in report.as_object().into_iter().flatten().filter(|(key, _)| shown(key)) {
            match value {
                serde_json::Value::Object(table) => {
                    text += &format!("{key}\n");
                    table.iter().for_each(|(key, value)| text += &format!("  {key:<13} {}\n", plain(value)));
                }
                value => text += &format!("{key:<15} {}\n", plain(value)),
            }
        }
        text += &config.findings.iter().map(line).collect::<String>();
        if refused.is_some() {
            text += "the last good configuration is used: the above is from it\n";
        }
        print_text(&text);
    }
    Ok(if worst(&config.findings).is_some() { exit::DEVICE } else { exit::GENUINE })
}

fn line(Finding { key, works, failure }: &Finding) -> String {
    let word = if *works { "note " } else { "WRONG" };
    let Failure { code, message, remedy, .. } = failure;
    format!("{word} {key:<15} {message} [{code}]\n      → {remedy}\n")
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
