//! The demonstration that `cargo xtask demo` starts: the whole line, with a virtual card behind a real pcscd.

use anyhow::{Context as _, bail};
use hil_tests::line::Device;
use hil_tests::{FIRST_READER, Line};
use std::io::{BufRead as _, Write as _};
use virtual_card::{PERSONAS, Persona};

fn main() -> anyhow::Result<()> {
    let once = std::env::args().any(|argument| argument == "--once");
    let directory = tempfile::tempdir()?;
    step("provisioning: fleet CA, device kiosk-1 with its keys, central, trust anchors of the practice issuer");
    let mut line = Line::provision(directory.path())?;
    line.start_central()?;
    step("pcscd with virtual readers, and central behind mutual TLS, are running");

    let persona = &PERSONAS[0];
    let card = line.stack.lay(persona.id, "none", FIRST_READER)?;
    step(&format!("the card of {} ({}) is on the reader", persona.name, persona.id));

    step("cccd-agent read: the report for who asked");
    let trust = line.path("trust");
    let mut read = line.agent();
    read.args(["read", "--reader", "pcsc", "--qr", &persona.qr(), "--json", "--trust"]).arg(&trust);
    let status = read.status()?;
    if !status.success() {
        bail!("the card was not read as genuine ({status})");
    }

    step("cccd-agent run: the same card at the device, scanned and tapped");
    let mut device = line.start_device()?;
    device.expect("ready")?;
    let stored = tap(&line, &mut device, persona)?;
    println!("{stored:#}");
    step(line.verify_log()?.trim());
    if once {
        return Ok(());
    }
    // The kiosk takes over reader and outbox.
    device.finish()?;
    drop(card);
    interact(&line)
}

fn step(text: &str) {
    eprintln!("\n── {text}");
}

/// One scan and one tap: says verdict and receipt, and returns the event as central stored it.
fn tap(line: &Line, device: &mut Device, persona: &Persona) -> anyhow::Result<serde_json::Value> {
    device.scan(&persona.qr())?;
    let event = device.expect("event")?;
    step(&format!("event {} is on the device's disk: {}", event["event"]["seq"], event["word"]));
    let receipt = device.expect("receipt")?;
    step("receipt of central");
    println!("{:#}", receipt["receipt"]);
    step("the event as central stored it, decoded");
    let hash = &event["event"]["sha256"];
    line.events()?.into_iter().find(|stored| stored["sha256"] == *hash).context("central does not hold the event")
}

/// Where a newcomer's browser finds the kiosk.
const PORT: u16 = 8787;

const HELP: &str = "\
  log    what central holds
  quit   end";

/// The kiosk in a browser tab, until the terminal says quit.
fn interact(line: &Line) -> anyhow::Result<()> {
    let mut kiosk = line.start_kiosk(PORT, kiosk::flow::PATIENCE_S)?;
    step(&format!("the kiosk is at http://127.0.0.1:{PORT}/ : touch it, scan and lay a card beside it"));
    eprintln!("{HELP}");
    loop {
        eprint!("> ");
        std::io::stderr().flush()?;
        let mut input = String::new();
        if std::io::stdin().lock().read_line(&mut input)? == 0 {
            return kiosk.wait();
        }
        match input.trim() {
            "" => {}
            "quit" | "exit" => return Ok(()),
            "log" => {
                for event in line.events()? {
                    let (seq, at) = (&event["event"]["seq"], &event["event"]["at"]);
                    eprintln!("  event {seq} at {at}: {}", event["event"]["body"]["verification"]["word"]);
                }
                eprintln!("  {}", line.verify_log()?.trim());
            }
            _ => eprintln!("{HELP}"),
        }
    }
}
