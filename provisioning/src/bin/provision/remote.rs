//! What a technician tells central about devices: through the interface of the technician's page, with name and pass word.

use crate::read_secret;
use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
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
    pub(crate) fn log_in(&self) -> anyhow::Result<Session> {
        let plain = self.page.starts_with("http://127.0.0.1:") || self.page.starts_with("http://[::1]:");
        if !plain && !self.page.starts_with("https://") {
            bail!("{}: a pass word goes over https:// only, or http:// on this machine", self.page);
        }
        // Whoever was first has chosen the same.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let mut builder = Client::builder().timeout(Duration::from_secs(30)).https_only(!plain);
        if let Some(path) = &self.authority {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem)?]);
        }
        let url = format!("{}/technician/api", self.page.trim_end_matches('/').trim_end_matches("/technician"));
        let mut session = Session { client: builder.build()?, url, token: String::new() };
        let word = read_secret(&self.pass_word_file)?;
        let word = std::str::from_utf8(&word).context("the pass word is no text")?;
        let answer = session.post("login", &json!({ "name": self.name, "pass_word": word }))?;
        answer["token"].as_str().context("no session")?.clone_into(&mut session.token);
        Ok(session)
    }
}

impl Session {
    fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = request.bearer_auth(&self.token).send().context("central cannot be reached")?;
        let status = response.status();
        let answer: Value = response.json().with_context(|| format!("central answers with {status}"))?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        bail!("{} [{}] → {}", text("message"), text("code"), text("remedy"));
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(self.client.post(format!("{}/{path}", self.url)).json(body))
    }

    pub(crate) fn devices(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.ask(self.client.get(format!("{}/devices", self.url)))?;
        Ok(list.as_array().cloned().unwrap_or_default())
    }

    pub(crate) fn signers(&self) -> anyhow::Result<Value> {
        self.ask(self.client.get(format!("{}/signers", self.url)))
    }

    pub(crate) fn assign(&self, device: &str, site: &str, profile: &str) -> anyhow::Result<()> {
        self.post("assign", &json!({ "device": device, "site": site, "profile": profile })).map(drop)
    }

    pub(crate) fn replace(&self, device: &str, serial: &str, birth: Option<&str>) -> anyhow::Result<String> {
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

/// A program of the device, run in place of this one: each fact about a device has one owner.
pub(crate) fn hand_over(words: &[&str], config: &Path, more: &[&str]) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let directory = config.parent().unwrap_or_else(|| Path::new("."));
    let mut command = crate::owner::command(Path::new("cccd-agent"), directory)?;
    command.args(words).arg("--config").arg(config).args(more);
    Err(command.exec()).context("cannot start cccd-agent: this is done on the device (package cccd-agent)")
}
