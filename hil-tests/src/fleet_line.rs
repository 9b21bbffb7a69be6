//! A fleet with everything real: central with its registrar behind TLS on this machine's loopback, devices that are enrolled by
//! the technician's tool, a technician at the page.

use crate::browser::free_port;
use crate::fleet::HandClock;
use crate::program;
use anyhow::{Context as _, bail};
use drivers::key_store::KeyStore;
use drivers::key_store::file::FileKeyStore;
use events::Clock;
use identity::bundles::Bundles;
use identity::keeper::BIRTH_KEY;
use identity::{Https, Keeper, TrustedClock};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The technician of the line.
pub const TECHNICIAN: &str = "an.tech";
const PASS_WORD: &str = "a pass word of the rig";

/// Files and processes.
#[derive(Debug)]
pub struct FleetLine {
    directory: PathBuf,
    port: u16,
    page: u16,
    central: Option<Child>,
}

impl Drop for FleetLine {
    fn drop(&mut self) {
        if let Some(mut central) = self.central.take() {
            drop(central.kill());
            drop(central.wait());
        }
    }
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| shown.clone())?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    bail!("{shown} ended with {}:\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr))
}

impl FleetLine {
    /// CA, operator, technician and central in `directory`; central runs.
    ///
    /// # Errors
    /// When a step fails.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let (port, page) = (free_port(), free_port());
        let mut line = Self { directory: directory.to_owned(), port, page, central: None };
        program::private::replace(&line.path("pass-phrase"), b"a pass phrase of the rig")?;
        program::private::replace(&line.path("pass-word"), PASS_WORD.as_bytes())?;
        line.ca(&["ca-init"])?;
        line.make_server()?;
        let (keys, phrase, operator) = (line.text("operator"), line.text("pass-phrase"), line.text("operator.pem"));
        line.provision(&["bundle", "key", "--keys", &keys, "--pass-phrase-file", &phrase, "--out", &operator])?;
        let settings = format!(
            "ca = \"ca\"\npass_phrase_file = \"pass-phrase\"\nurl = \"{}\"\nenvironment = \"practice\"\n\
             operators = [\"operator.pem\"]\ncertificate_days = 90\nfiles = \"files\"\ntechnician = \"127.0.0.1:{page}\"\n",
            line.url()
        );
        std::fs::write(line.path("registrar.toml"), settings)?;
        let word = line.text("pass-word");
        line.staff(&["add", TECHNICIAN, "--role", "technician", "--everywhere", "--pass-word-file", &word])?;
        line.start_central()?;
        Ok(line)
    }

    /// A path inside the line's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Where devices find central.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The technician's page, as a reverse proxy sees it.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://127.0.0.1:{}/technician", self.page)
    }

    /// Runs the technician's tool.
    ///
    /// # Errors
    /// When it fails.
    pub fn provision(&self, arguments: &[&str]) -> anyhow::Result<String> {
        output(Command::new(program("provision")).args(arguments))
    }

    /// Runs a command on the CA.
    ///
    /// # Errors
    /// When it fails.
    pub fn ca(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (ca, phrase) = (self.text("ca"), self.text("pass-phrase"));
        let at = ["--ca", &ca, "--pass-phrase-file", &phrase];
        self.provision(&[&arguments[..1], &at, &arguments[1..]].concat())
    }

    /// Makes central's certificate, by the root that issues now.
    ///
    /// # Errors
    /// When it fails.
    pub fn make_server(&self) -> anyhow::Result<()> {
        self.ca(&["server", "--out", &self.text("tls"), "--host", "127.0.0.1"]).map(drop)
    }

    /// Runs a command on the registry.
    ///
    /// # Errors
    /// When it fails.
    pub fn fleet(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (db, registrar) = (self.text("central.db"), self.text("registrar.toml"));
        let at = ["--db", &db, "--registrar", &registrar, "fleet"];
        output(Command::new(program("cccd-central")).args(at).args(arguments))
    }

    /// Runs a command on the staff.
    ///
    /// # Errors
    /// When it fails.
    pub fn staff(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let db = self.text("central.db");
        output(Command::new(program("cccd-central")).args(["--db", &db, "staff"]).args(arguments))
    }

    /// The devices as central knows them.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub fn devices(&self) -> anyhow::Result<Vec<Value>> {
        self.fleet(&["list", "--json"])?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Ends central, and starts it with its settings as they are now.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart_central(&mut self) -> anyhow::Result<()> {
        if let Some(mut central) = self.central.take() {
            central.kill()?;
            central.wait()?;
        }
        self.start_central()
    }

    fn start_central(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(program("cccd-central"));
        command.args(["--db", &self.text("central.db"), "--registrar", &self.text("registrar.toml"), "serve"]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port), "--tls", &self.text("tls")]);
        command.args(["--pass-phrase-file", &self.text("pass-phrase")]);
        let log = std::fs::File::create(self.path("central.log"))?;
        let mut central = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = central.stdout.take().context("standard output")?;
        self.central = Some(central);
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first)?;
        let said = std::fs::read_to_string(self.path("central.log"))?;
        anyhow::ensure!(first.starts_with("listening"), "central did not come up:\n{said}");
        Ok(())
    }

    /// Lets central read certificates and roots anew, and waits until it has.
    ///
    /// # Errors
    /// When it cannot be told, or does not.
    pub fn reload_central(&self) -> anyhow::Result<()> {
        let central = self.central.as_ref().context("central")?;
        crate::signal(central.id(), crate::Signal::HUP)?;
        let start = crate::stack::now();
        while !std::fs::read_to_string(self.path("central.log"))?.contains("read anew") {
            anyhow::ensure!(start.elapsed().as_secs() < 20, "central did not read its files anew");
            crate::stack::pause(20);
        }
        // The next rotation waits for its own line.
        Ok(std::fs::write(self.path("central.log"), "")?)
    }

    /// `provision enrol` for a device; it has not started yet.
    #[must_use]
    pub fn enrol(&self, device: &str, by: &str, more: &[&str]) -> Command {
        let mut command = Command::new(program("provision"));
        let (dir, phrase, roots) = (self.text(device), self.text("pass-phrase"), self.text("ca/fleet-ca.cert.pem"));
        command.args(["enrol", "--dir", &dir, "--by", by, "--central", &self.url(), "--serial", device]);
        command.args(["--pass-phrase-file", &phrase]).args(more);
        if !more.contains(&"--within") {
            command.args(["--within", "60"]);
        }
        if by != "qr" {
            command.args(["--roots", &roots]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Builds a bundle of a directory's parts and publishes it.
    ///
    /// # Errors
    /// When a step fails.
    pub fn publish(&self, parts: &str, version: u32) -> anyhow::Result<PathBuf> {
        let (keys, phrase, parts) = (self.text("operator"), self.text("pass-phrase"), self.text(parts));
        let (version, out) = (version.to_string(), self.path(&format!("bundle-{version}")));
        let to = out.to_string_lossy();
        let build = ["bundle", "build", &parts, "--version", &version, "--environment", "practice", "--out", &to];
        self.provision(&[&build[..], &["--keys", &keys, "--pass-phrase-file", &phrase]].concat())?;
        self.fleet(&["publish", &to])?;
        Ok(out)
    }

    /// Expects devices by the list, each by its birth key, which is made here where it is not yet: their maker noted them.
    ///
    /// # Errors
    /// When a key cannot be made, or the list is not taken.
    pub fn expect(&self, devices: &[impl AsRef<str>], site: &str, profile: &str) -> anyhow::Result<()> {
        let mut list = "serial,site,profile,birth\n".to_owned();
        for device in devices {
            let device = device.as_ref();
            let keys = FileKeyStore::new(&self.path(device).join("keys"), b"a pass phrase of the rig");
            let key = keys.public_key(BIRTH_KEY).or_else(|_| keys.generate(BIRTH_KEY))?;
            list += &format!("{device},{site},{profile},{}\n", fleet::fingerprint(&key));
        }
        std::fs::write(self.path("list.csv"), list)?;
        self.fleet(&["expect", &self.text("list.csv")]).map(drop)
    }

    /// Enrols a device over the list.
    ///
    /// # Errors
    /// When it is not let in.
    pub fn listed(&self, device: &str) -> anyhow::Result<()> {
        self.expect(&[device], "Site A", "identify")?;
        output(&mut self.enrol(device, "list", &[])).map(drop)
    }

    /// The keeper of a device, at a time of its own clock.
    ///
    /// # Errors
    /// When its identity cannot be opened.
    pub fn keeper(&self, device: &str, clock: Arc<TrustedClock>) -> anyhow::Result<Keeper> {
        let dir = self.path(device);
        let keys: Arc<dyn KeyStore> = Arc::new(FileKeyStore::new(&dir.join("keys"), b"a pass phrase of the rig"));
        let central = Arc::new(Https::new(&self.url(), Arc::clone(&keys), Arc::clone(&clock)));
        Ok(Keeper::open(&dir.join("identity"), keys, central, clock, env!("CARGO_PKG_VERSION"))?)
    }

    /// A clock whose system's clock stands at a time, and knows nothing else.
    #[must_use]
    pub fn clock_at(at: i64) -> Arc<TrustedClock> {
        Arc::new(TrustedClock::without_build_time(HandClock::at(at), 0))
    }

    /// The right time.
    #[must_use]
    pub fn now() -> i64 {
        events::SystemClock::new().wall()
    }

    /// The bundles of a device.
    #[must_use]
    pub fn bundles(&self, device: &str) -> Bundles {
        Bundles::new(&self.path(device).join("bundles"))
    }

    /// Asks the technician's page something.
    ///
    /// # Errors
    /// When it refuses.
    pub fn ask_page(&self, token: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        // Whoever was first has chosen the same.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = reqwest::blocking::Client::new();
        let url = format!("{}/api/{path}", self.page());
        let request = match body {
            Some(body) => client.post(url).json(body),
            None => client.get(url),
        };
        let response = request.bearer_auth(token).send()?;
        let status = response.status();
        let answer: Value = response.json()?;
        anyhow::ensure!(status.is_success(), "{status}: {answer}");
        Ok(answer)
    }

    /// Logs the technician in.
    ///
    /// # Errors
    /// When name or pass word are wrong.
    pub fn log_in(&self) -> anyhow::Result<String> {
        let answer = self.ask_page("", "login", Some(&json!({ "name": TECHNICIAN, "pass_word": PASS_WORD })))?;
        Ok(answer["token"].as_str().context("token")?.to_owned())
    }

    /// Compares the words that a device's screen shows with those of the page, and confirms it.
    ///
    /// # Errors
    /// When they differ.
    pub fn confirm(&self, token: &str, birth: &str, words: &[String], site: &str) -> anyhow::Result<()> {
        let shown = self.ask_page(token, &format!("request/{birth}"), None)?;
        anyhow::ensure!(shown["words"] == json!(words), "{} is not what the screen shows: {words:?}", shown["words"]);
        let confirm = json!({ "birth": birth, "site": site, "profile": "identify", "words": words, "roots": null });
        self.ask_page(token, "confirm", Some(&confirm)).map(drop)
    }
}

/// A device whose screen shows a code: what it says until it waits, and the process that goes on.
#[derive(Debug)]
pub struct AtTheScreen {
    /// The process.
    pub process: Child,
    /// The fingerprint in the code.
    pub birth: String,
    /// The words.
    pub words: Vec<String>,
    /// What it says afterwards.
    pub lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl AtTheScreen {
    /// Starts a device and reads its screen.
    ///
    /// # Errors
    /// When it shows no code.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("standard output")?).lines();
        let mut birth = None;
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, id)) = line.split_once("/technician#id=") {
                birth = Some(id.trim().to_owned());
            }
            if let Some((_, words)) = line.split_once("waiting to be confirmed: ") {
                let words = words.split(" · ").map(|word| word.trim().to_owned()).collect();
                return Ok(Self { process, birth: birth.context("a code")?, words, lines });
            }
        }
        bail!("the device shows no code")
    }

    /// Waits for its end; what it said.
    ///
    /// # Errors
    /// When it failed.
    pub fn finish(mut self) -> anyhow::Result<String> {
        let said: Vec<String> = self.lines.by_ref().collect::<Result<_, _>>()?;
        anyhow::ensure!(self.process.wait()?.success(), "{}", said.join("\n"));
        Ok(said.join("\n"))
    }
}
