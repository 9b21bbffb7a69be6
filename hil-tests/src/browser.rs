//! A page in headless Chromium, over its DevTools protocol.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// A page in headless Chromium, over its DevTools protocol.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    calls: u64,
    shots: u32,
    directory: PathBuf,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Browser {
    /// Opens a page in a window of its own; pictures go into `directory`.
    ///
    /// # Panics
    /// When there is no Chromium, or it does not answer.
    #[must_use]
    pub fn open(url: &str, directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("directory");
        let profile = tempfile::tempdir().expect("directory");
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--remote-debugging-port=0", "--window-size=1500,1100"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("chromium; `cargo xtask doctor` says what is missing");
        let mut lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
        let said = crate::said::Said::default();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .inspect(|line| said.push(line))
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned))
            .unwrap_or_else(|| panic!("chromium did not come up:\n{said}"));
        std::thread::spawn(move || lines.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next().expect("host").to_owned();
        let stream = TcpStream::connect(host).expect("DevTools answers");
        let (socket, _) = tungstenite::client(address, stream).expect("a WebSocket");
        let mut browser = Self {
            process,
            socket,
            session: None,
            calls: 0,
            shots: 0,
            directory: directory.to_owned(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": url }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        browser.wait_until("location.href !== 'about:blank' && document.readyState === 'complete'");
        browser
    }

    /// One call of the protocol.
    ///
    /// # Panics
    /// When it fails.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.answer(method, parameters);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn answer(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).expect("DevTools listens");
        loop {
            let message = self.socket.read().expect("DevTools answers");
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["id"] == self.calls {
                return answer;
            }
        }
    }

    /// Null while the page is not there yet.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.answer("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }))["result"]["result"]
            ["value"]
            .clone()
    }

    /// Runs a script that may wait; its value.
    ///
    /// # Panics
    /// When it throws.
    pub fn run(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_until(&mut self, expression: &str) {
        let start = crate::stack::now();
        while self.evaluate(expression) != Value::Bool(true) {
            if start.elapsed() > Duration::from_secs(40) {
                self.shoot("stuck");
                let text = self.evaluate("document.body?.innerText ?? ''");
                let focus = self.evaluate("document.activeElement?.outerHTML.slice(0, 200)");
                panic!("not so: {expression}\nfocus: {focus}\n{text}");
            }
            crate::stack::pause(50);
        }
    }

    /// Types text with the keyboard, into whatever has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key: `Tab`, `Enter`, `F2`, ` `.
    pub fn press_key(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "F2" => 113,
            "F8" => 119,
            "F10" => 121,
            _ => 32,
        };
        let text = if key == "Enter" {
            "\r"
        } else if key == " " {
            " "
        } else {
            ""
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// A picture of the window, for people to look at.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn shoot(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let png = openssl::base64::decode_block(shot["data"].as_str().expect("a picture")).expect("base64");
        self.shots += 1;
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        std::fs::write(self.directory.join(format!("{:02}-{name}.png", self.shots)), png).expect("picture");
    }
}

/// A port that nobody has.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("address").port()
}
