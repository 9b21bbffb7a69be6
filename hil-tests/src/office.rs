//! A desk with its staff: the agent's desk inside a line, paired, with a client that does what a receptionist does.

use crate::browser::free_port;
use crate::line::carry;
use crate::page_key::PageKey;
use crate::said::{Said, service};
use crate::{FIRST_READER, Laid, Line};
use anyhow::{Context as _, bail, ensure};
use cccd::calendar::day_of;
use events::{Clock as _, SystemClock};
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use virtual_card::Persona;

/// A running desk, and its paired client.
#[derive(Debug)]
pub struct Office {
    agent: Child,
    carrier: Child,
    /// The port that it is reached on, inside the line and outside.
    pub port: u16,
    client: Client,
    /// What it signs its requests with.
    pub key: PageKey,
}

/// The PIN of the desk's first manager, who is on duty at the client's page.
pub const UNLOCK: &str = "246813";
/// Their name.
pub const MANAGER: &str = "Lê Thị Tiếp Tân";

impl Drop for Office {
    fn drop(&mut self) {
        for process in [&mut self.agent, &mut self.carrier] {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// What a desk is configured with.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The profile: a name or a file.
    pub profile: String,
    /// Lines that go before the first table of the configuration.
    pub top: String,
    /// Tables that are added to the configuration.
    pub tables: String,
    /// Without central.
    pub alone: bool,
    /// How far the agent's clock is off, as libfaketime has it: `+2d`.
    pub clock: Option<&'static str>,
}

impl Setup {
    /// A profile, and nothing else.
    #[must_use]
    pub fn of(profile: &str) -> Self {
        Self { profile: profile.to_owned(), ..Self::default() }
    }
}

/// Writes the configuration of a desk beside that of the device.
fn configure(line: &Line, device: &str, setup: &Setup, port: u16) -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(line.path(&format!("{device}/agent.toml")))?;
    let mut text = format!("profile = {:?}\n{text}", setup.profile);
    if setup.alone {
        text.push_str("sync = false\n");
    }
    let desk = format!(
        "{}{}\n[desk]\nsite = \"CƠ SỞ THỬ NGHIỆM\"\nlisten = \"127.0.0.1:{port}\"\nsocket = \"desk.socket\"\n{}",
        setup.top, text, setup.tables
    );
    let path = line.path(&format!("{device}/desk.toml"));
    std::fs::write(&path, desk)?;
    Ok(path)
}

/// What makes a program's clock that far off.
fn clock_of(clock: Option<&str>) -> Vec<(&'static str, String)> {
    let Some(clock) = clock else { return Vec::new() };
    // The library without its wrapper, which would stand between a kill and the agent.
    let library = "/usr/$LIB/faketime/libfaketime.so.1";
    [("LD_PRELOAD", library), ("FAKETIME", clock), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
}

/// Starts the agent's desk, and waits until it listens.
fn agent(line: &Line, config: &Path, clock: Option<&str>) -> anyhow::Result<Child> {
    let mut command = line.agent();
    if let Some(clock) = clock {
        command.envs(clock_of(Some(clock)));
    }
    command.arg("desk").arg("--config").arg(config);
    let log = std::fs::OpenOptions::new().create(true).append(true).open(line.path("agent.log"))?;
    let mut agent = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let mut said = BufReader::new(agent.stdout.take().context("standard output")?).lines();
    let first = said.next().transpose()?.unwrap_or_default();
    if !first.contains("listening") {
        // It says why when it has sent what was pending.
        drop(agent.wait());
        bail!("the desk did not open: {first}\n{}", std::fs::read_to_string(line.path("agent.log"))?);
    }
    // The pipe must stay open and drained.
    std::thread::spawn(move || said.for_each(drop));
    Ok(agent)
}

impl Office {
    /// Starts the desk of the line's device and pairs with it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open(line: &Line, setup: &Setup) -> anyhow::Result<Self> {
        Self::open_at(line, "device", setup)
    }

    /// The same at another device.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open_at(line: &Line, device: &str, setup: &Setup) -> anyhow::Result<Self> {
        let port = free_port();
        let config = configure(line, device, setup, port)?;
        let (agent, carrier) = Self::start(line, device, &config, port, setup.clock)?;
        // The desk speaks plain HTTP on loopback; the client wants a provider all the same. A second time is no harm.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
        let office = Self { agent, carrier, port, client, key: PageKey::new()? };
        office.pair(line, &config, clock_of(setup.clock), Some(json!({ "name": MANAGER, "pin": UNLOCK })))?;
        Ok(office)
    }

    fn start(
        line: &Line,
        device: &str,
        config: &Path,
        port: u16,
        clock: Option<&str>,
    ) -> anyhow::Result<(Child, Child)> {
        let agent = agent(line, config, clock)?;
        let socket = line.path(&format!("{device}/carried"));
        drop(std::fs::remove_file(&socket));
        let mut carrier = line.stack.command("socat");
        carrier.arg(format!("UNIX-LISTEN:{},fork", socket.display())).arg(format!("TCP:127.0.0.1:{port}"));
        let mut carrier = carrier.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = Said::default();
        said.keep(carrier.stderr.take().context("standard error")?);
        let start = crate::stack::now();
        while !socket.exists() {
            ensure!(start.elapsed() < Duration::from_secs(10), "socat does not listen:\n{said}");
            crate::stack::pause(10);
        }
        carry(port, socket)?;
        Ok((agent, carrier))
    }

    fn pair(&self, line: &Line, config: &Path, clock: Vec<(&str, String)>, first: Option<Value>) -> anyhow::Result<()> {
        let mut pair = line.agent();
        pair.envs(clock).args(["pair", "--config", &config.to_string_lossy()]);
        let said = pair.output()?;
        ensure!(said.status.success(), "no code: {}", String::from_utf8_lossy(&said.stderr));
        let code = String::from_utf8(said.stdout)?;
        let mut body = json!({ "code": code.trim(), "name": "quầy thử", "key": self.key.jwk() });
        if let Some(first) = first {
            body["manager"] = first;
        }
        self.post("/v1/pair", &body)?;
        // Whose first manager is there already takes no other.
        self.unlock()
    }

    /// Asks as the desk's page does: signed, and once more where the agent names another nonce.
    fn ask(&self, method: &Method, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> anyhow::Result<Response> {
        let mut again = true;
        loop {
            let proof = self.key.proof(method.as_str(), path, &body)?;
            let mut request = self.client.request(method.clone(), self.url(path)).header("Origin", self.url(""));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = request.header("proof", proof).body(body.clone()).send()?;
            let other = self.key.heard(&response);
            if response.status() == 401 && other && again {
                again = false;
                continue;
            }
            return checked(response);
        }
    }

    fn unlock(&self) -> anyhow::Result<()> {
        self.enter("nv-1", UNLOCK).map(drop)
    }

    /// Somebody of staff begins to work at the client's page, in place of whoever did.
    ///
    /// # Errors
    /// With the problem's code when it is not their PIN.
    pub fn enter(&self, staff: &str, pin: &str) -> anyhow::Result<Value> {
        self.post("/v1/unlock", &json!({ "staff": staff, "pin": pin }))
    }

    /// Kills the agent with SIGKILL, as a cut of power would, and starts it again. The pairing is kept, and unlocked.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn cut_power(&mut self, line: &Line) -> anyhow::Result<()> {
        self.cut_power_until(line, None)
    }

    /// The same, and it comes back with its clock that far off: after two days, say. Then the shift is over, and it is paired
    /// anew.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn cut_power_until(&mut self, line: &Line, clock: Option<&str>) -> anyhow::Result<()> {
        drop(self.agent.kill());
        drop(self.agent.wait());
        let config = line.path("device/desk.toml");
        self.agent = agent(line, &config, clock)?;
        if clock.is_some() { self.pair(line, &config, clock_of(clock), None) } else { self.unlock() }
    }

    /// The same, and nobody is there yet who would unlock it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self, line: &Line, clock: Option<&str>) -> anyhow::Result<()> {
        drop(self.agent.kill());
        drop(self.agent.wait());
        self.agent = agent(line, &line.path("device/desk.toml"), clock)?;
        Ok(())
    }

    /// The records of a list: the first part of it, which is all in a test.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn records(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.get(path)?["records"].take())
    }

    /// An address of the desk.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The agent's process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.agent.id()
    }

    /// Asks for something.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.ask(&Method::GET, path, Vec::new(), &[])?.json()?)
    }

    /// Downloads a file.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn download(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        Ok(self.ask(&Method::GET, path, Vec::new(), &[])?.bytes()?.to_vec())
    }

    /// Does something.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let json = [("content-type", "application/json")];
        Ok(self.ask(&Method::POST, path, body.to_string().into_bytes(), &json)?.json()?)
    }

    /// Changes something.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let json = [("content-type", "application/json")];
        Ok(self.ask(&Method::PATCH, path, body.to_string().into_bytes(), &json)?.json()?)
    }

    /// Breaks a session off.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn cancel(&self, session: &str) -> anyhow::Result<Value> {
        Ok(self.ask(&Method::DELETE, &format!("/v1/sessions/{session}"), Vec::new(), &[])?.json()?)
    }

    /// Ends something.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.ask(&Method::DELETE, path, Vec::new(), &[])?.json()?)
    }

    /// Gives a file.
    ///
    /// # Errors
    /// With the problem's code when it is refused.
    pub fn upload(&self, path: &str, bytes: Vec<u8>, pass_phrase: &str) -> anyhow::Result<Value> {
        Ok(self.ask(&Method::POST, path, bytes, &[("x-pass-phrase", pass_phrase)])?.json()?)
    }

    /// Waits until the reader works.
    ///
    /// # Errors
    /// When it does not.
    pub fn ready(&self) -> anyhow::Result<()> {
        let start = crate::stack::now();
        while self.get("/v1/status")?["reader"]["works"] != true {
            ensure!(start.elapsed() < Duration::from_secs(20), "the reader does not come up");
            crate::stack::pause(50);
        }
        Ok(())
    }

    /// A code that lets one more browser or program in.
    ///
    /// # Errors
    /// When no code can be made.
    pub fn code(&self, line: &Line, app: bool) -> anyhow::Result<String> {
        let config = line.path("device/desk.toml").to_string_lossy().into_owned();
        let mut arguments = vec!["pair", "--config", &config];
        if app {
            arguments.push("--app");
        }
        Ok(line.run("cccd-agent", &arguments)?.trim().to_owned())
    }

    /// A whole visit: what a receptionist does with a card, up to the end of the session, which is returned. Nobody is
    /// stopped: staff go on where they are asked, faces are those of the portraits, and the form is filled in with these
    /// answers.
    ///
    /// # Errors
    /// With the problem's code when a step is refused.
    pub fn visit(&self, key: &Value, answers: &Value) -> anyhow::Result<Value> {
        self.ready()?;
        let session = self.post("/v1/sessions", &json!({}))?;
        self.go_on(&session, key, answers, &mut |_| {})
    }

    /// The same from a session on; `seen` is shown each state.
    ///
    /// # Errors
    /// With the problem's code when a step is refused.
    pub fn go_on(
        &self,
        session: &Value,
        key: &Value,
        answers: &Value,
        seen: &mut dyn FnMut(&Value),
    ) -> anyhow::Result<Value> {
        let id = session["id"].as_str().context("a session")?.to_owned();
        let path = |step: &str| format!("/v1/sessions/{id}{step}");
        let start = crate::stack::now();
        let mut tries = 0;
        loop {
            let session = self.get(&path(""))?;
            seen(&session);
            match session["waits"].as_str().unwrap_or_default() {
                "consent" => drop(self.post(&path("/consent"), &json!({ "language": "vi" }))?),
                "key" => {
                    tries += 1;
                    ensure!(tries <= 3, "the card is not read: {session}");
                    drop(self.post(&path("/key"), key)?);
                }
                "staff" => {
                    let staff = json!({ "reason": "card_examined" });
                    drop(self.post(&path("/staff"), &staff)?);
                }
                "face" => drop(self.post(&path("/face"), &json!({ "same": true }))?),
                "form" => drop(self.post(&path("/form"), &json!({ "answers": answers }))?),
                "end" => return Ok(session),
                _ => crate::stack::pause(20),
            }
            ensure!(start.elapsed() < Duration::from_secs(60), "the visit does not end: {session}");
        }
    }

    /// Lays a persona's card and makes the whole visit with it.
    ///
    /// # Errors
    /// With the problem's code when a step is refused.
    pub fn visit_of(&self, line: &Line, persona: &str, answers: &Value) -> anyhow::Result<Value> {
        let _card: Laid = line.stack.lay(persona, "none", FIRST_READER)?;
        let persona = Persona::find(persona).context("persona")?;
        self.visit(&json!({ "scan": persona.qr() }), answers)
    }
}

/// The answer, or the code of its problem.
fn checked(response: Response) -> anyhow::Result<Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Value = response.json().unwrap_or_default();
    bail!("{} ({status}): {}", problem["code"].as_str().unwrap_or("?"), problem["title"].as_str().unwrap_or_default())
}

/// A hospital inside the line, see `hil-his`.
#[derive(Debug)]
pub struct Hospital {
    process: Child,
    directory: PathBuf,
}

impl Drop for Hospital {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Where a hospital listens, inside the line.
pub const HOSPITAL: &str = "127.0.0.1:8050";

impl Hospital {
    /// Opens it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open(line: &Line) -> anyhow::Result<Self> {
        let directory = line.path("hospital");
        std::fs::create_dir_all(&directory)?;
        program::private::replace(&line.path("device/his-secret"), b"his-secret-of-this-test")?;
        let mut command = line.stack.command("hil-his");
        command.arg(HOSPITAL).arg(&directory).args(["his-secret-of-this-test", "merchant-7"]);
        let process = service("the hospital", &mut command, "listening")?;
        Ok(Self { process, directory })
    }

    /// Makes it `down`, `busy` or `unknown`, or well again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, state: &str, on: bool) -> anyhow::Result<()> {
        let path = self.directory.join(state);
        if on {
            return Ok(std::fs::write(path, "")?);
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What came, by path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn came(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.directory.join("came.jsonl")).unwrap_or_default();
        // The last line may be on its way.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let all: Result<Vec<Value>, _> = whole.map(serde_json::from_str).collect();
        Ok(all?.into_iter().filter(|one| one["path"] == path).collect())
    }

    /// Waits until as many came.
    ///
    /// # Errors
    /// When they do not.
    pub fn wait_for(&self, path: &str, count: usize) -> anyhow::Result<Vec<Value>> {
        let start = crate::stack::now();
        loop {
            let came = self.came(path)?;
            if came.len() >= count {
                return Ok(came);
            }
            ensure!(start.elapsed() < Duration::from_secs(30), "{} of {count} came to {path}", came.len());
            crate::stack::pause(50);
        }
    }
}

/// A day in Vietnam, so many days from now, `YYYY-MM-DD`.
#[must_use]
pub fn day(plus: i64) -> String {
    day_of(SystemClock::new().wall() + plus * 86_400)
}

/// The photograph of a persona, as in a list: JPEG.
///
/// # Panics
/// When the virtual card has none.
#[must_use]
pub fn photograph(persona: &str) -> Vec<u8> {
    let persona = Persona::find(persona).expect("persona");
    let card = virtual_card::personalise::Card::new(persona, virtual_card::Fault::None).expect("card");
    let (_, group) = card.files().find(|(id, _)| *id == 0x0102).expect("EF.DG2");
    let start = group.windows(3).position(|part| part == [0xFF, 0xD8, 0xFF]).expect("JPEG");
    group[start..].to_vec()
}

/// The pass phrase of [`list`]s.
pub const LIST_PHRASE: &str = "on the way to the device";

/// Has the operator sign a list that is valid today, and the device trust the operator.
///
/// # Panics
/// When a program fails.
#[must_use]
pub fn list(line: &Line, profile: &str, table: &str, version: u32, hashed: bool) -> Vec<u8> {
    let path = |name: &str| line.path(name).to_string_lossy().into_owned();
    let (keys, phrase, key) = (path("operator"), path("pass-phrase"), path("device/operator.pem"));
    if !Path::new(&key).exists() {
        let operator = ["--keys", &keys, "--pass-phrase-file", &phrase, "--out", &key];
        line.run("provision", &[&["roster-key"], &operator[..]].concat()).expect("key");
    }
    let (csv, out, list_phrase) = (path("list.csv"), path("list.roster"), path("list-phrase"));
    std::fs::write(&csv, table).expect("table");
    program::private::replace(Path::new(&list_phrase), LIST_PHRASE.as_bytes()).expect("phrase");
    let (from, until, version) = (day(-1), day(1), version.to_string());
    let ca = path("ca");
    let mut arguments = vec!["roster-sign", "--keys", &keys, "--pass-phrase-file", &phrase, &csv, "--id", "list-1"];
    arguments.extend(["--version", &version, "--title", "Danh sách thử", "--profile", profile, "--from", &from]);
    arguments.extend(["--until", &until, "--list-pass-phrase-file", &list_phrase, "--out", &out]);
    if hashed {
        arguments.extend(["--ca", &ca, "--site", "practice"]);
    }
    line.run("provision", &arguments).expect("signed");
    std::fs::read(out).expect("list")
}
