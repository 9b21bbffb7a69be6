//! `cargo xtask demo --fleet`: ten devices, a local central, and what becomes of them.

use anyhow::Context as _;
use hil_tests::fleet::{DAY, settle};
use hil_tests::fleet_line::{AtTheScreen, FleetLine};
use identity::State;
use identity::keeper::Progress;
use std::collections::BTreeMap;

fn step(text: &str) {
    println!("── {text}");
}

/// What became of each device, one line after the other.
#[derive(Default)]
struct Story(BTreeMap<String, Vec<String>>);

impl Story {
    fn tell(&mut self, device: &str, what: impl Into<String>) {
        let what = what.into();
        println!("   {device:<10} {what}");
        self.0.entry(device.to_owned()).or_default().push(what);
    }
}

fn main() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut story = Story::default();
    step("a fleet CA, an operator's key for bundles, central with its registrar behind TLS, a technician");
    let line = FleetLine::start(directory.path())?;
    let names: Vec<String> = (1..=10).map(|number| format!("demo-{number:02}")).collect();
    enrol(&line, &names, &mut story)?;
    renew(&line, &names, &mut story)?;
    rotate(&line, &names, &mut story)?;
    clone(&line, &names[2], &mut story)?;
    revoke(&line, &names[6], &mut story)?;
    table(&line, &story)
}

fn enrol(line: &FleetLine, names: &[String], story: &mut Story) -> anyhow::Result<()> {
    let run = |name: &str, by: &str, more: &[&str]| -> anyhow::Result<()> {
        let output = line.enrol(name, by, more).output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    };
    step("by the list: serial numbers and birth keys that the vendor delivered");
    line.expect(&names[..3], "Bệnh viện A", "hospital-kiosk")?;
    for name in &names[..3] {
        run(name, "list", &[])?;
        story.tell(name, "list");
    }
    step("by the code on the screen: a technician compares six words");
    let token = line.log_in()?;
    for name in &names[3..6] {
        let screen = AtTheScreen::start(line.enrol(name, "qr", &[]))?;
        line.confirm(&token, &screen.birth, &screen.words, "Cổng khu công nghiệp")?;
        let words = screen.words.join(" ");
        screen.finish()?;
        story.tell(name, format!("code ({words})"));
    }
    step("by a one-time token");
    for name in &names[6..8] {
        let token = line.fleet(&["token", "--site", "Trường thi B", "--profile", "exam"])?;
        program::private::replace(&line.path("token"), token.as_bytes())?;
        run(name, "token", &["--token-file", &line.text("token")])?;
        story.tell(name, "token");
    }
    step("by USB: requests out, signed answers back");
    let stick = line.text("stick");
    std::fs::create_dir_all(&stick)?;
    for name in &names[8..] {
        // Without an answer it ends by saying what to do.
        drop(line.enrol(name, "usb", &["--usb", &stick]).output()?);
    }
    line.fleet(&["sign", &stick, "--site", "Trạm đảo C", "--profile", "identify"])?;
    for name in &names[8..] {
        run(name, "usb", &["--usb", &stick])?;
        story.tell(name, "usb");
    }
    Ok(())
}

/// Makes a device believe that its certificate is 80 of 90 days old.
fn make_due(line: &FleetLine, name: &str) -> anyhow::Result<()> {
    let identity = line.path(name).join("identity");
    let mut state = State::load(&identity)?.context("identity")?;
    let now = FleetLine::now();
    if let Some(current) = &mut state.current {
        (current.not_before, current.not_after) = (now - 80 * DAY, now + 10 * DAY);
    }
    Ok(state.save(&identity)?)
}

fn renew(line: &FleetLine, names: &[String], story: &mut Story) -> anyhow::Result<()> {
    step("certificates are due: the next one is issued for a new key, tried, and used; the old key is forgotten");
    for name in names {
        make_due(line, name)?;
        let mut keeper = line.keeper(name, FleetLine::clock_at(FleetLine::now()))?;
        let end = settle(&mut keeper)?;
        anyhow::ensure!(matches!(end, Progress::Resting { .. }), "{name}: {end:?}");
        let key = keeper.state().current.as_ref().map(|current| current.key.clone()).unwrap_or_default();
        story.tell(name, format!("renewed ({key})"));
    }
    Ok(())
}

fn rotate(line: &FleetLine, names: &[String], story: &mut Story) -> anyhow::Result<()> {
    step("the root is changed: both roots in a bundle, then the new one issues, central's certificate is its");
    line.ca(&["ca-add-root"])?;
    std::fs::create_dir_all(line.path("parts/fleet"))?;
    std::fs::copy(line.path("ca/fleet-ca.cert.pem"), line.path("parts/fleet/roots.pem"))?;
    line.publish("parts", 1)?;
    line.reload_central()?;
    let take = |name: &str| -> anyhow::Result<()> {
        let mut keeper = line.keeper(name, FleetLine::clock_at(FleetLine::now()))?;
        let bundles = line.bundles(name);
        if let Some(bytes) = keeper.fetch_bundle(bundles.known())? {
            let settings = line.path(name).join("agent.toml");
            site::bundle::take(&bundles, keeper.state(), &settings, &bytes, cccd_agent::check::check)?;
            keeper.trust(&site::bundle::roots(&bundles).context("roots")?)?;
        }
        Ok(keeper.report(bundles.active())?)
    };
    // One was switched off while the others took the bundle.
    let (away, there) = names.split_last().context("devices")?;
    for name in there {
        take(name)?;
        story.tell(name, "both roots");
    }
    line.ca(&["ca-use-root", "2"])?;
    line.make_server()?;
    line.reload_central()?;
    take(away)?;
    story.tell(away, "away meanwhile: found home over the link");
    renew(line, names, story)
}

fn clone(line: &FleetLine, name: &str, story: &mut Story) -> anyhow::Result<()> {
    step("a disk is copied, and both machines renew");
    let copy = format!("{name}-copy");
    let status = std::process::Command::new("cp").arg("-a").args([line.path(name), line.path(&copy)]).status()?;
    anyhow::ensure!(status.success(), "cp");
    for machine in [name, copy.as_str()] {
        make_due(line, machine)?;
        let mut keeper = line.keeper(machine, FleetLine::clock_at(FleetLine::now()))?;
        match settle(&mut keeper)? {
            Progress::Failed { code, .. } => story.tell(name, format!("{machine}: {code}")),
            _ => story.tell(name, format!("{machine}: renewed")),
        }
    }
    let keeper = line.keeper(name, FleetLine::clock_at(FleetLine::now()))?;
    let refused = keeper.report(0).err().context("the original is shut out, too")?;
    story.tell(name, format!("{name}: {}", refused.code()));
    Ok(())
}

fn revoke(line: &FleetLine, name: &str, story: &mut Story) -> anyhow::Result<()> {
    step("one is stolen, and shut out for ever");
    line.fleet(&["revoke", name, "--why", "stolen"])?;
    let keeper = line.keeper(name, FleetLine::clock_at(FleetLine::now()))?;
    let refused = keeper.report(0).err().context("a revoked device is refused")?;
    story.tell(name, refused.code());
    Ok(())
}

fn table(line: &FleetLine, story: &Story) -> anyhow::Result<()> {
    step("what became of each");
    println!("{:<10} {:<12} {:<22} {:<5} {:>6} {:>5}  story", "device", "state", "site", "way", "bundle", "roots");
    let mut states: BTreeMap<String, u32> = BTreeMap::new();
    for device in line.devices()? {
        let text = |key: &str| device[key].as_str().unwrap_or("-").to_owned();
        let (name, state) = (text("name"), text("state"));
        *states.entry(state.clone()).or_default() += 1;
        let told = story.0.get(&name).map(|lines| lines.join(", ")).unwrap_or_default();
        let roots = device["roots"].as_array().map_or(0, Vec::len);
        println!(
            "{name:<10} {state:<12} {:<22} {:<5} {:>6} {roots:>5}  {told}",
            text("site"),
            text("way"),
            device["bundle"]
        );
    }
    let expected = BTreeMap::from([("active".to_owned(), 8), ("quarantined".to_owned(), 1), ("revoked".to_owned(), 1)]);
    anyhow::ensure!(states == expected, "expected {expected:?}, found {states:?}");
    println!("8 at work, 1 shut out with its copy, 1 revoked: as it should be");
    Ok(())
}
