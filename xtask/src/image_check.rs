//! `cargo xtask image amd64 --check` (or arm64): the image in QEMU, from its first start to a cut of power in the middle of an update.
//!
//! The system under test differs from what is handed out in two things: it says what the kernel says on a serial port, and it starts a
//! script from a second disk, which says on another port what it found. Updates are taken by the product's own updater
//! (`update/examples/image.rs`). A cut of power is a copy: the machine is stopped, and disk and memory of the firmware are kept as
//! they are at that moment.

use crate::cross::Platform;
use crate::image::{Kind, Loader, Signer, Wanted, place, tree};
use crate::image_machine::{Machine, pause};
use crate::image_slots::System;
use crate::run;
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// What the system under test has more: the script of the second disk is started.
const MORE: [(&str, &str); 2] = [
    (
        "etc/systemd/system/cccd-check.service",
        "[Unit]\nAfter=basic.target cccd-boot-entries.service\n[Service]\nExecStart=/bin/sh -c 'mkdir -p /run/check /run/files && \
         until test -e /dev/disk/by-label/cccd-check && test -e /dev/disk/by-label/cccd-files; do sleep 1; done; \
         mount -o ro /dev/disk/by-label/cccd-check /run/check && mount -o ro /dev/disk/by-label/cccd-files /run/files && \
         exec /bin/bash /run/check/job'\n",
    ),
    ("etc/systemd/system/multi-user.target.d/check.conf", "[Unit]\nWants=cccd-check.service\n"),
];

/// What every script begins with.
const BEGIN: &str = r#"
# The port that is no console.
said=/dev/ttyS1
grep -q ttyAMA0 /proc/cmdline && said=/dev/ttyS0
exec 9>$said
say() { echo "$*" >&9; }
waits() { for n in $(seq 150); do (eval "$1") >/dev/null 2>&1 && return 0; sleep 2; done; (eval "$1"); }
check() { if out=$(eval "$2" 2>&1); then say "PASS $1"; else say "FAIL $1: $out"; fi; }
systemctl stop cccd-update
. /run/cccd/slot
check "the root is read-only, and every block of it verified" "! touch /etc/x && test $(findmnt -no SOURCE /) = /dev/mapper/cccd-root && dmsetup table cccd-root | grep -q ' verity '"
grep -q mask=cccd-kiosk /proc/cmdline || check "the kiosk runs" "waits 'systemctl is-active cccd-kiosk'"
say "SLOT $SLOT"
"#;

/// The first start.
const FIRST: &str = r#"
check "it waits to be enrolled" "waits 'test -s /etc/cccd-agent/identity/identity.json' && ! test -e /etc/cccd-agent/identity/current.pem"
check "the kiosk draws on the panel" "waits 'journalctl -u cccd-kiosk --no-pager | grep \"there part=.display\"'"
check "data are on a partition of their own" "findmnt -no SOURCE /etc/cccd-agent | grep -q '^/dev/[a-z0-9]*\[/agent-settings\]' && touch /etc/cccd-agent/kept && chown cccd-agent /etc/cccd-agent/kept"
check "the data partition has the rest of the disk" "test $(df --output=size -m /run/cccd/data | tail -1) -gt 500"
check "identifier, log and settings are kept" "for at in /etc/machine-id /var/log/journal /var/lib/cccd-agent /var/lib/rauc /var/lib/systemd; do findmnt -no SOURCE \$at | grep -q '^/dev/' || { echo \$at; exit 1; }; done"
check "the watchdog is armed" "systemctl show -p RuntimeWatchdogUSec --value | grep -qx '1min\|15s' && grep -qx active /sys/class/watchdog/watchdog0/state"
check "nobody can log in" "! pgrep -a 'getty|^login|sshd|sulogin' && ! cut -d: -f2 /etc/shadow | grep -q '^\\\$' && test -z \"\$(systemctl list-units --no-legend 'getty*' 'serial-getty*' 'ssh*' 'debug-shell*')\""
check "RAUC knows what runs" "waits 'rauc status --output-format=shell | grep -q RAUC_BOOT_PRIMARY=.root.0'"
check "nothing listens to the network" "test -z \"\$(ss -Hlntu | grep -v '127\\.\\|\\[::1\\]\\|%lo:53\\|:68 \\|:546 ')\""
check "nothing has failed" "test -z \"\$(systemctl --failed --no-legend --no-pager)\" || { systemctl --failed --no-legend --no-pager; exit 1; }"
say "ID $(cat /etc/machine-id)"
sleep 5
say PICTURE
sleep 15
sync
systemctl poweroff
"#;

/// What each firmware must know behind the first start.
const FIRMWARE: [(Loader, &str); 2] = [
    (
        Loader::Efi,
        r#"check "the firmware knows both systems" "efibootmgr | grep -q 'Boot[0-9A-F]*[* ] cccd-a' && efibootmgr | grep -q 'Boot[0-9A-F]*[* ] cccd-b'""#,
    ),
    (
        Loader::RaspberryPi,
        r#"check "the firmware has one system, and no other to try" "test $(/usr/lib/cccd-image/autoboot get-state cccd-a) = good && test $(/usr/lib/cccd-image/autoboot get-state cccd-b) = bad"
check "a word for the firmware reaches it" "grep -q ^cccd_tryboot /proc/modules""#,
    ),
];

/// The second start, which ends with the state of delivery.
const SECOND: &str = r#"
check "what was written is there after a restart" "test -e /etc/cccd-agent/kept"
say "ID $(cat /etc/machine-id)"
say "BOOT $(efibootmgr 2>/dev/null | tr '\n' ' ')"
runuser -u cccd-agent -- touch /var/lib/cccd-agent/factory-reset
sleep 120
check "a factory reset restarts the machine" "false"
systemctl poweroff
"#;

/// Behind the reset, and the first update.
const RESET: &str = r#"
check "nothing is left behind a factory reset" "! test -e /etc/cccd-agent/kept && ! test -e /var/lib/cccd-agent/factory-reset"
say "ID $(cat /etc/machine-id)"
"#;

fn update(bundle: &str, hash: &str) -> String {
    format!(
        "check 'RAUC runs' \"waits 'rauc status'\"\n/run/files/image /var/lib/cccd-update/check /run/files/{bundle} {hash} >&9 2>&1\n\
         say \"STATUS $(rauc status | tr '\\n' ' ')\"\nsync\nsystemctl poweroff\n"
    )
}

/// Points of the update at which power is cut: words of a line, seconds behind it, and what it is.
const CUTS: [(&str, u64, &str); 12] = [
    ("UPDATE began", 0, "begun"),
    ("Checking bundle", 0, "bundle being checked"),
    ("Copying image to root", 1, "root being written"),
    ("Copying image to root", 5, "root further written"),
    ("Copying image to root", 12, "root almost written"),
    ("Copying image to boot", 0, "root written, boot begun"),
    ("Copying image to boot", 2, "boot being written"),
    ("UPDATE installed", 0, "installed"),
    ("\"cccd-b\" from HD", 0, "restarted, the new system not begun"),
    ("\"cccd-b\" from HD", 10, "the new system coming up"),
    ("SLOT cccd-b", 0, "the new system up, not examined"),
    ("UPDATE ended: kept", 0, "kept"),
];

/// Fails where a check failed, or nothing was said.
fn sound(what: &str, lines: &[String]) -> anyhow::Result<()> {
    let failed: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("FAIL ")).collect();
    anyhow::ensure!(failed.is_empty(), "{what}: {}", failed.join("\n"));
    anyhow::ensure!(lines.iter().any(|line| line.starts_with("PASS ")), "{what}: the machine said nothing");
    Ok(())
}

fn value<'a>(lines: &'a [String], word: &str) -> Option<&'a str> {
    lines.iter().rev().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
}

/// How far the check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Until {
    /// The first start, with a picture.
    FirstStart,
    /// A restart and a factory reset.
    Reset,
    /// An update that is kept.
    Update,
    /// One that is not well, and one that never comes up.
    WayBack,
    /// Cuts of power in the middle of an update, and all before.
    All,
}

/// A machine as the last part left it, and the hash of each bundle.
struct Bench {
    loader: Loader,
    place: std::path::PathBuf,
    image: std::path::PathBuf,
    files: std::path::PathBuf,
    hashes: BTreeMap<&'static str, String>,
}

impl Bench {
    /// Makes the system, and the bundles where the check goes so far.
    fn new(architecture: &str, until: Until) -> anyhow::Result<Self> {
        let kind = Kind::of(architecture)?;
        crate::image_machine::tools(kind.loader)?;
        let wanted = Wanted {
            architecture: architecture.to_owned(),
            central: "https://central.example.vn:8443".to_owned(),
            site: "CCCD".to_owned(),
            device: None,
            certificate: None,
            key: None,
        };
        crate::image::tools(kind)?;
        let at = place(architecture);
        fs::create_dir_all(&at)?;
        let signer = Signer::of(&wanted, &at)?;
        let tree = tree(&wanted, &signer, &at)?;
        let place = at.join("check");
        drop(fs::remove_dir_all(&place));
        fs::create_dir_all(place.join("files"))?;
        let serial = match kind.loader {
            Loader::Efi => "console=ttyS0",
            Loader::RaspberryPi => "console=ttyAMA0",
        };
        let system = System::make(kind.loader, &tree, &MORE, serial, &place.join("system"))?;
        let image = place.join("image");
        system.disk(&image)?;
        let mut hashes = BTreeMap::new();
        if until >= Until::Update {
            let platform = Platform::of(architecture)?;
            run(platform.cargo().args(["build", "--locked", "--package", "update", "--example", "image"]))?;
            let program = place.join("files/image");
            fs::copy(platform.programs("debug").join("examples/image"), &program)?;
            run(platform.strip().arg(&program))?;
            for (name, words) in [
                ("newer", "cccd.check=newer"),
                // Its kiosk does not start: the gate must see it.
                ("unwell", "systemd.mask=cccd-kiosk.service"),
                // Its root is another than the one that was signed: it does not come up.
                ("dead", "cccd.hash=0000000000000000000000000000000000000000000000000000000000000000"),
            ] {
                let other = system.with(&tree, &format!("{serial} {words}"), &place.join(name))?;
                let bundle = place.join("files").join(format!("{name}.raucb"));
                hashes.insert(name, other.bundle(architecture, "check", &signer, &bundle)?);
                fs::remove_dir_all(place.join(name))?;
            }
        }
        let files = place.join("files.img");
        let mut format = Command::new("/sbin/mke2fs");
        format.args(["-q", "-t", "ext4", "-L", "cccd-files", "-d"]).arg(place.join("files")).arg(&files).arg("1200M");
        run(&mut format)?;
        fs::remove_dir_all(place.join("files"))?;
        Ok(Self { loader: kind.loader, place, image, files, hashes })
    }

    /// What the updater on the machine is to take.
    fn update(&self, name: &str) -> anyhow::Result<String> {
        Ok(update(&format!("{name}.raucb"), self.hashes.get(name).context("a hash")?))
    }

    /// Points of the update at which power is cut, where the firmware says such words.
    fn cuts(&self) -> Vec<&'static (&'static str, u64, &'static str)> {
        CUTS.iter().filter(|(words, ..)| self.loader == Loader::Efi || !words.contains("from HD")).collect()
    }
}

/// Starts it with a script, and what comes before every script.
fn start(machine: &Machine, script: &str) -> anyhow::Result<Vec<String>> {
    machine.start(&format!("{BEGIN}{script}"), &mut |_, _| Ok(()))
}

/// Goes through it.
pub(crate) fn check(architecture: &str, until: Until) -> anyhow::Result<()> {
    let bench = Bench::new(architecture, until)?;
    let machine = Machine::new(bench.loader, &bench.place.join("machine"), &bench.image, &bench.files)?;
    fs::remove_file(&bench.image)?;
    eprintln!("── the first start (software emulation: some minutes each)");
    let picture = bench.place.join("first-start.png");
    let more = FIRMWARE.iter().find(|(loader, _)| *loader == bench.loader).map_or("", |(_, script)| *script);
    let first = machine.start(&format!("{BEGIN}{more}{FIRST}"), &mut |line, running| {
        if line == "PICTURE" { running.picture(&picture) } else { Ok(()) }
    })?;
    sound("the first start", &first)?;
    anyhow::ensure!(picture.is_file(), "no picture of the first start");
    println!("{}\nfirst start: passed", picture.display());
    if until == Until::FirstStart {
        return Ok(());
    }
    eprintln!("── the second start, and a factory reset");
    let second = start(&machine, SECOND)?;
    sound("the second start", &second)?;
    anyhow::ensure!(value(&first, "ID") == value(&second, "ID"), "another identifier after a restart");
    println!("restart, factory reset ordered: passed");
    if until == Until::Reset {
        let reset = start(&machine, &format!("{RESET}systemctl poweroff\n"))?;
        sound("behind the reset", &reset)?;
        anyhow::ensure!(value(&reset, "ID") != value(&first, "ID"), "the same identifier after a factory reset");
        println!("factory reset: passed");
        return Ok(());
    }
    let cuts = updated(&bench, &machine, value(&first, "ID"), until)?;
    println!("factory reset, update: passed");
    if until == Until::Update {
        return Ok(());
    }
    for (name, wanted) in [("unwell", "update_not_well"), ("dead", "update_did_not_start")] {
        let ended = until_ended(&machine, &format!("an update that is {name}"), &bench.update(name)?)?;
        anyhow::ensure!(ended.1.starts_with(wanted), "{name}: {}", ended.1);
        anyhow::ensure!(ended.0 == "cccd-b", "{name}: {} runs", ended.0);
        if bench.loader == Loader::RaspberryPi {
            let starts = machine.starts();
            anyhow::ensure!(starts.iter().rev().take(2).eq(["3", "2 tryboot"]), "{name}: started were {starts:?}");
        }
        println!("an update that is {name}: {}, passed", ended.1);
    }
    fs::remove_dir_all(&machine.place)?;
    for (name, cut) in cuts {
        let (slot, ended) = until_ended(&cut, &format!("power cut: {name}"), &bench.update("newer")?)?;
        anyhow::ensure!(ended == "kept" || ended.starts_with("update_did_not_start"), "{name}: {ended}");
        println!("power cut, {name}: {slot} runs, {ended}");
        fs::remove_dir_all(&cut.place)?;
    }
    fs::remove_file(&bench.files)?;
    Ok(())
}

/// The start behind a factory reset, with an update that is kept; copies of the machine where power would be cut.
fn updated(
    bench: &Bench,
    machine: &Machine,
    before: Option<&str>,
    until: Until,
) -> anyhow::Result<Vec<(&'static str, Machine)>> {
    eprintln!("── behind the reset: an update, and copies of the disk where power would be cut");
    let points = if until == Until::All { bench.cuts() } else { Vec::new() };
    let mut cuts: Vec<(&str, Machine)> = Vec::new();
    let mut begin = format!("{RESET}{}", bench.update("newer")?);
    let mut reset = Vec::new();
    let mut all = Vec::new();
    // The restart of the update ends QEMU: the next start goes on.
    for _ in 0..3 {
        let lines = machine.start(&format!("{BEGIN}{begin}"), &mut |line, running| {
            for (number, (words, seconds, name)) in points.iter().enumerate() {
                if line.contains(words) && !cuts.iter().any(|(known, _)| known == name) {
                    pause(Duration::from_secs(*seconds));
                    // Where it has ended meanwhile the disk is as it is.
                    drop(running.command(&[serde_json::json!({"execute": "stop"})]));
                    cuts.push((*name, machine.copy(&bench.place.join(format!("cut-{number}")))?));
                    drop(running.command(&[serde_json::json!({"execute": "cont"})]));
                }
            }
            Ok(())
        })?;
        sound("the update", &lines)?;
        if reset.is_empty() {
            reset.clone_from(&lines);
            begin = bench.update("newer")?;
        }
        all = lines;
        if all.iter().any(|line| line == "UPDATE ended: kept") {
            break;
        }
    }
    anyhow::ensure!(cuts.len() == points.len(), "power was cut at {} points of {}", cuts.len(), points.len());
    anyhow::ensure!(value(&reset, "ID") != before, "the same identifier after a factory reset");
    anyhow::ensure!(all.iter().any(|line| line == "UPDATE ended: kept"), "the update is not kept");
    anyhow::ensure!(value(&all, "SLOT") == Some("cccd-b"), "the update does not run");
    if bench.loader == Loader::RaspberryPi {
        let starts = machine.starts();
        anyhow::ensure!(starts.last().is_some_and(|start| start == "3 tryboot"), "started were {starts:?}");
    }
    Ok(cuts)
}

/// Starts a machine until its update has ended, or has nothing more to do; the slot that runs then, and how it ended.
fn until_ended(machine: &Machine, what: &str, script: &str) -> anyhow::Result<(String, String)> {
    for _ in 0..6 {
        eprintln!("── {what}");
        let lines = start(machine, script)?;
        let ended = lines.iter().find_map(|line| line.strip_prefix("UPDATE ended: "));
        let runs = lines.iter().any(|line| line == "UPDATE rests: what is wanted runs");
        let failed = lines.iter().any(|line| line.starts_with("UPDATE rests: this rollout failed here"));
        let ended =
            ended.or_else(|| runs.then_some("kept")).or_else(|| failed.then_some("update_did_not_start before"));
        if let Some(ended) = ended {
            sound(what, &lines)?;
            let slot = value(&lines, "SLOT").context("no slot was said")?;
            return Ok((slot.to_owned(), ended.to_owned()));
        }
    }
    bail!("{what}: the update does not end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::Stdio;

    #[test]
    fn bash_reads_what_the_machine_does() {
        let more = FIRMWARE.map(|(_, script)| script);
        for script in [FIRST, SECOND, RESET, &update("a", "b"), more[0], more[1]] {
            let text = format!("{BEGIN}{script}");
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash");
            bash.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
            assert!(bash.wait().expect("bash").success(), "{text}");
        }
    }

    #[test]
    fn power_is_cut_at_ten_points_at_least() {
        let names: std::collections::BTreeSet<_> = CUTS.iter().map(|(.., name)| name).collect();
        assert!(names.len() == CUTS.len() && names.len() >= 10);
    }
}
