//! The demonstration that `cargo xtask demo` starts: the whole line, with a virtual card behind a real pcscd.

use anyhow::{Context as _, bail};
use hil_tests::line::Device;
use hil_tests::{FIRST_READER, Laid, Line};
use std::io::{BufRead as _, Write as _};
use std::time::Duration;
use virtual_card::{Fault, PERSONAS, Persona};

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
    interact(&line, &mut device, Some(card))
}

fn step(text: &str) {
    eprintln!("\n── {text}");
}

/// One scan and one tap: says verdict and receipt, and returns the event as central stored it.
fn tap(line: &Line, device: &mut Device, persona: &Persona) -> anyhow::Result<serde_json::Value> {
    device.scan(&persona.qr())?;
    let event = device.expect("event")?;
    step(&format!("event {} is on the device's disk: {}", event["event"]["seq"], event["decision"]));
    let receipt = device.expect("receipt")?;
    step("receipt of central");
    println!("{:#}", receipt["receipt"]);
    step("the event as central stored it, decoded");
    let hash = &event["event"]["sha256"];
    line.events()?.into_iter().find(|stored| stored["sha256"] == *hash).context("central does not hold the event")
}

const HELP: &str = "\
What next?
  tap PERSONA [FAULT]   lay a card, scan its QR code, read it   (tap binh, tap an cloned)
  cards                 who there is
  faults                what can be wrong with a card
  log                   what central holds
  quit                  end";

fn interact(line: &Line, device: &mut Device, mut card: Option<Laid>) -> anyhow::Result<()> {
    eprintln!("\n{HELP}");
    loop {
        eprint!("> ");
        std::io::stderr().flush()?;
        let mut input = String::new();
        if std::io::stdin().lock().read_line(&mut input)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = input.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["quit" | "exit"] => return Ok(()),
            ["cards"] => PERSONAS.iter().for_each(|p| eprintln!("  {:20} {}", p.id, p.about)),
            ["faults"] => eprintln!("  {}", Fault::SYNTAX),
            ["log"] => {
                for event in line.events()? {
                    let (seq, at) = (&event["event"]["seq"], &event["event"]["at"]);
                    eprintln!("  event {seq} at {at}: {}", event["event"]["body"]["verification"]["decision"]);
                }
                eprintln!("  {}", line.verify_log()?.trim());
            }
            ["tap", id, ref fault @ ..] => {
                let Some(persona) = Persona::find(id) else {
                    eprintln!("  no persona {id:?}; try: cards");
                    continue;
                };
                let fault = fault.first().copied().unwrap_or("none");
                if let Err(error) = fault.parse::<Fault>() {
                    eprintln!("  {error}");
                    continue;
                }
                // Off with the old card first.
                drop(card.take());
                card = Some(line.stack.lay(persona.id, fault, FIRST_READER)?);
                device.scan(&persona.qr())?;
                show(device)?;
            }
            _ => eprintln!("{HELP}"),
        }
    }
}

/// Prints what the device says about one read, up to the receipt or the error.
fn show(device: &Device) -> anyhow::Result<()> {
    loop {
        let said = device.says(Duration::from_secs(70))?.context("the device has ended")?;
        if said.get("armed").is_none() {
            eprintln!("  {said}");
        }
        if said.get("error").is_some() || said.get("receipt").is_some() {
            return Ok(());
        }
    }
}
