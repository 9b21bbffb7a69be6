//! What a technician tells central about devices: through the interface of the technician's page, with name and pass word.

use crate::not_started;
use clap::Args;
use program::describe;
use program::{Failure, exit, files};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How central is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct Central {
    /// Where the technician's page is: https://host, or http:// on this machine.
    #[arg(long)]
    page: String,
    /// The technician's name.
    #[arg(long)]
    name: String,
    /// File with the technician's pass word.
    #[arg(long)]
    pass_word_file: PathBuf,
    /// The authority of the page's certificate, PEM; without it those of the system.
    #[arg(long)]
    authority: Option<PathBuf>,
}

pub(crate) struct Session {
    client: Client,
    url: String,
    token: String,
}

impl Central {
    pub(crate) fn log_in(&self) -> Result<Session, Failure> {
        let plain = self.page.starts_with("http://127.0.0.1:") || self.page.starts_with("http://[::1]:");
        if !plain && !self.page.starts_with("https://") {
            let message = format!("{}: a pass word goes over https:// only, or http:// on this machine", self.page);
            return Err(Failure::usage("page_unsafe", message, "name the page as https://host"));
        }
        let chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        program::ignore(chosen, "whoever was first has chosen the same");
        let mut builder = Client::builder().timeout(Duration::from_secs(30)).https_only(!plain);
        if let Some(path) = &self.authority {
            let certificate = reqwest::Certificate::from_pem(&files::read(path)?).map_err(|_| {
                let message = format!("{} holds no certificate", path.display());
                Failure::usage("authority_malformed", message, "name the authority of the page's certificate, PEM")
            })?;
            builder = builder.tls_certs_only([certificate]);
        }
        let url = format!("{}/technician/api", self.page.trim_end_matches('/').trim_end_matches("/technician"));
        let client = builder.build().map_err(|error| unreachable(&self.page, &error))?;
        let mut session = Session { client, url, token: String::new() };
        let word = files::pass_phrase(&self.pass_word_file)?;
        let word = std::str::from_utf8(&word).map_err(|_| {
            Failure::usage("pass_word_malformed", "the pass word is not in UTF-8", "write it into the file anew")
        })?;
        let answer = session.post("login", &json!({ "name": self.name, "pass_word": word }))?;
        let token = answer["token"].as_str().ok_or_else(|| malformed("names no session"))?;
        token.clone_into(&mut session.token);
        Ok(session)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.token.is_empty() {
            program::ignore(self.post("logout", &json!({})), "the session ends by itself within hours");
        }
    }
}

fn unreachable(page: &str, error: &reqwest::Error) -> Failure {
    let message = format!("{page} is not reached: {}", describe(error));
    Failure::device("central_unreachable", message, "look at the network and at the address in --page")
}

fn malformed(what: &str) -> Failure {
    Failure::device("central_malformed", format!("central {what}"), "name the technician's page with --page")
}

impl Session {
    fn ask(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = request.bearer_auth(&self.token).send().map_err(|error| unreachable(&self.url, &error))?;
        let status = response.status();
        let answer: Value = response.json().map_err(|_| malformed(&format!("answers with {status} and no JSON")))?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Err(Failure { code: text("code"), message: text("message"), remedy: text("remedy"), exit: exit::USAGE })
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(self.client.post(format!("{}/{path}", self.url)).json(body))
    }

    pub(crate) fn devices(&self) -> Result<Vec<Value>, Failure> {
        let list = self.ask(self.client.get(format!("{}/devices", self.url)))?;
        Ok(list.as_array().cloned().unwrap_or_default())
    }

    pub(crate) fn signers(&self) -> Result<Value, Failure> {
        self.ask(self.client.get(format!("{}/signers", self.url)))
    }

    pub(crate) fn assign(&self, device: &str, site: &str, profile: &str) -> Result<(), Failure> {
        self.post("assign", &json!({ "device": device, "site": site, "profile": profile })).map(drop)
    }

    pub(crate) fn replace(&self, device: &str, serial: &str, birth: Option<&str>) -> Result<String, Failure> {
        let answer = self.post("replace", &json!({ "device": device, "serial": serial, "birth": birth }))?;
        Ok(answer["successor"].as_str().unwrap_or_default().to_owned())
    }
}

/// The devices as a table.
pub(crate) fn table(devices: &[Value]) -> String {
    let text = |device: &Value, key: &str| device[key].as_str().unwrap_or("–").to_owned();
    let row = |cells: [String; 5]| {
        let [name, serial, state, profile, site] = cells;
        format!("{name:<24} {serial:<20} {state:<12} {profile:<18} {site}\n")
    };
    let head = row(["device", "serial number", "state", "profile", "site"].map(str::to_owned));
    let rows =
        devices.iter().map(|device| row(["name", "serial", "state", "profile", "site"].map(|key| text(device, key))));
    head + &rows.collect::<String>()
}

/// A command of the device's own program, run in place of this one: each fact about a device has one owner, and root goes on
/// as the device's there.
pub(crate) fn hand_over(words: &[&str], config: &Path, more: &[&str]) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let error = Command::new("cccd-agent").args(words).arg("--config").arg(config).args(more).exec();
    Err(not_started("cccd-agent", &error))
}
