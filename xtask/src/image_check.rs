//! `cargo xtask image amd64 --check`: the image in QEMU, from its first start to a cut of power in the middle of an update.
//!
//! The system under test differs from what is handed out in two things: it says what the kernel says on a serial port, and it starts a
//! script from a second disk, which says on another port what it found. Updates are taken by the product's own updater
//! (`update/examples/image.rs`). A cut of power is a copy: the machine is stopped, and disk and memory of the firmware are kept as
//! they are at that moment.

use crate::image::{Signer, System, Wanted, place, tree};
use crate::{cargo, run, target};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
exec 9>/dev/ttyS1
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
check "the watchdog is armed" "test $(systemctl show -p RuntimeWatchdogUSec --value) = 1min && grep -qx active /sys/class/watchdog/watchdog0/state"
check "nobody can log in" "! pgrep -a 'getty|^login|sshd|sulogin' && ! cut -d: -f2 /etc/shadow | grep -q '^\\\$' && test -z \"\$(systemctl list-units --no-legend 'getty*' 'serial-getty*' 'ssh*' 'debug-shell*')\""
check "the firmware knows both systems" "efibootmgr | grep -q 'Boot[0-9A-F]*[* ] cccd-a' && efibootmgr | grep -q 'Boot[0-9A-F]*[* ] cccd-b'"
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

/// The second start, which ends with the state of delivery.
const SECOND: &str = r#"
check "what was written is there after a restart" "test -e /etc/cccd-agent/kept"
say "ID $(cat /etc/machine-id)"
say "BOOT $(efibootmgr | tr '\n' ' ')"
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

/// A running machine.
struct Running {
    child: Child,
    control: PathBuf,
}

impl Running {
    /// Has QEMU do something.
    fn command(&self, commands: &[serde_json::Value]) -> anyhow::Result<()> {
        let mut stream = UnixStream::connect(&self.control).context("QEMU does not listen")?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let _greeting = lines.next().context("QEMU says nothing")??;
        let hello = serde_json::json!({"execute": "qmp_capabilities"});
        for command in std::iter::once(&hello).chain(commands) {
            writeln!(stream, "{command}")?;
            loop {
                let line = lines.next().context("QEMU ended")??;
                if line.contains("\"error\"") {
                    bail!("QEMU: {line}");
                }
                if line.starts_with("{\"return\"") {
                    break;
                }
            }
        }
        Ok(())
    }

    fn picture(&self, file: &Path) -> anyhow::Result<()> {
        self.command(&[serde_json::json!({"execute": "screendump", "arguments": {"filename": file, "format": "png"}})])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A machine: its disk and the memory of its firmware.
struct Machine {
    place: PathBuf,
    files: PathBuf,
}

/// The firmware, where the system has it: its program, and a memory that is empty.
fn firmware() -> anyhow::Result<(PathBuf, PathBuf)> {
    let first = |pattern: &str| glob::glob(pattern).ok()?.flatten().next();
    let program =
        first("/usr/share/OVMF/OVMF_CODE_4M.fd").context("no /usr/share/OVMF/OVMF_CODE_4M.fd (package ovmf)")?;
    let memory =
        first("/usr/share/OVMF/OVMF_VARS_4M.fd").context("no /usr/share/OVMF/OVMF_VARS_4M.fd (package ovmf)")?;
    Ok((program, memory))
}

#[allow(clippy::disallowed_methods, reason = "it waits for a machine that runs beside it")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

impl Machine {
    fn new(place: &Path, image: &Path, files: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(place));
        fs::create_dir_all(place)?;
        copy(image, &place.join("disk"))?;
        // As a disk on which the image was written, with room behind it.
        fs::OpenOptions::new().write(true).open(place.join("disk"))?.set_len(3 << 30)?;
        fs::copy(firmware()?.1, place.join("firmware"))?;
        Ok(Self { place: place.to_owned(), files: files.to_owned() })
    }

    /// Itself as it is now.
    fn copy(&self, to: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(to));
        fs::create_dir_all(to)?;
        copy(&self.place.join("disk"), &to.join("disk"))?;
        fs::copy(self.place.join("firmware"), to.join("firmware"))?;
        Ok(Self { place: to.to_owned(), files: self.files.clone() })
    }

    /// Starts it with a script, and follows what it says until it ends or restarts; each line goes to `each` first.
    fn start(
        &self,
        script: &str,
        each: &mut dyn FnMut(&str, &Running) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<String>> {
        let job = self.place.join("job.d");
        fs::create_dir_all(&job)?;
        fs::write(job.join("job"), format!("{BEGIN}{script}"))?;
        let disk = self.place.join("job");
        drop(fs::remove_file(&disk));
        let mut format = Command::new("/sbin/mke2fs");
        run(format.args(["-q", "-t", "ext4", "-L", "cccd-check", "-d"]).arg(&job).arg(&disk).arg("8M"))?;
        let said = self.place.join("said.txt");
        drop(fs::remove_file(&said));
        let control = self.place.join("control");
        drop(fs::remove_file(&control));
        let show = |name: &str| self.place.join(name).display().to_string();
        let mut qemu = Command::new("qemu-system-x86_64");
        // No processor with instructions that the emulation takes minutes to test.
        qemu.args(["-machine", "q35", "-cpu", "Nehalem", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none", "-no-reboot"]);
        let flash = |more: &str, file: &Path| format!("if=pflash,format=raw{more},file={}", file.display());
        qemu.args([
            "-drive",
            &flash(",readonly=on", &firmware()?.0),
            "-drive",
            &flash("", &self.place.join("firmware")),
        ]);
        for (name, file, more) in [
            ("disk", self.place.join("disk"), ""),
            ("job", disk, ",readonly=on"),
            ("files", self.files.clone(), ",readonly=on"),
        ] {
            qemu.args(["-drive", &format!("file={},if=none,id={name},format=raw{more}", file.display())]);
            qemu.args(["-device", &format!("virtio-blk-pci,drive={name}")]);
        }
        qemu.args(["-device", "virtio-gpu-pci,edid=on,xres=1024,yres=600", "-device", "i6300esb"]);
        qemu.args(["-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net"]);
        qemu.args(["-smbios", "type=1,serial=BOX-1"]);
        qemu.args([
            "-serial",
            &format!("file:{}", show("console.txt")),
            "-serial",
            &format!("file:{}", show("said.txt")),
        ]);
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", control.display())]);
        let child = qemu.stdin(Stdio::null()).spawn().context("cannot start qemu-system-x86_64")?;
        let mut machine = Running { child, control };
        let mut lines: Vec<String> = Vec::new();
        // Half an hour: a start takes a minute or two where nothing else runs.
        for _ in 0..9000 {
            let ended = machine.child.try_wait()?.is_some();
            let text = fs::read(&said).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines().skip(lines.len()).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>() {
                eprintln!("   {line}");
                each(&line, &machine)?;
                lines.push(line);
            }
            if ended {
                return Ok(lines);
            }
            pause(Duration::from_millis(200));
        }
        bail!("the machine does not end: {}", self.place.join("console.txt").display())
    }

    /// The same, and every check must have passed.
    fn passes(&self, what: &str, script: &str) -> anyhow::Result<Vec<String>> {
        eprintln!("── {what}");
        let lines = self.start(script, &mut |_, _| Ok(()))?;
        sound(what, &lines)?;
        Ok(lines)
    }
}

/// Fails where a check failed, or nothing was said.
fn sound(what: &str, lines: &[String]) -> anyhow::Result<()> {
    let failed: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("FAIL ")).collect();
    anyhow::ensure!(failed.is_empty(), "{what}: {}", failed.join("\n"));
    anyhow::ensure!(lines.iter().any(|line| line.starts_with("PASS ")), "{what}: the machine said nothing");
    Ok(())
}

/// A copy whose holes stay holes.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(from).arg(to))
}

fn value<'a>(lines: &'a [String], word: &str) -> Option<&'a str> {
    lines.iter().rev().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
}

/// Makes the systems and bundles of the check, and goes through it.
pub(crate) fn check(architecture: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        architecture == "amd64",
        "only images for amd64 are started here: QEMU has no Raspberry Pi firmware"
    );
    crate::doctor::need_packages(&["ovmf", "qemu-system-x86", "e2fsprogs"])?;
    let wanted = Wanted {
        architecture: architecture.to_owned(),
        central: "https://central.example.vn:8443".to_owned(),
        site: "CCCD".to_owned(),
        device: None,
        certificate: None,
        key: None,
    };
    crate::image::tools()?;
    run(cargo().args(["build", "--locked", "--package", "update", "--example", "image"]))?;
    let at = place(architecture);
    let signer = Signer::of(&wanted, &at)?;
    let tree = tree(&wanted, &signer, &at)?;
    let place = at.join("check");
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(place.join("files"))?;
    let serial = "console=ttyS0";
    let system = System::make(&tree, &MORE, serial, &place.join("system"))?;
    let image = place.join("image");
    system.disk(&image)?;
    let mut hashes = BTreeMap::new();
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
    let program = place.join("files/image");
    fs::copy(target().join("debug/examples/image"), &program)?;
    run(Command::new("strip").arg(&program))?;
    let files = place.join("files.img");
    let mut format = Command::new("/sbin/mke2fs");
    run(format.args(["-q", "-t", "ext4", "-L", "cccd-files", "-d"]).arg(place.join("files")).arg(&files).arg("1200M"))?;
    fs::remove_dir_all(place.join("files"))?;
    let hash = |name: &str| hashes.get(name).cloned().context("a hash");

    let machine = Machine::new(&place.join("machine"), &image, &files)?;
    fs::remove_file(&image)?;
    eprintln!("── the first start (software emulation: some minutes each)");
    let picture = place.join("first-start.png");
    let first = machine
        .start(FIRST, &mut |line, running| if line == "PICTURE" { running.picture(&picture) } else { Ok(()) })?;
    sound("the first start", &first)?;
    anyhow::ensure!(picture.is_file(), "no picture of the first start");
    println!("{}", picture.display());
    let second = machine.passes("the second start, and a factory reset", SECOND)?;
    anyhow::ensure!(value(&first, "ID") == value(&second, "ID"), "another identifier after a restart");

    eprintln!("── behind the reset: an update, and copies of the disk where power would be cut");
    let mut cuts: Vec<(&str, Machine)> = Vec::new();
    let mut begin = format!("{RESET}{}", update("newer.raucb", &hash("newer")?));
    let mut reset = Vec::new();
    let mut all = Vec::new();
    // The restart of the update ends QEMU: the next start goes on.
    for _ in 0..3 {
        let lines = machine.start(&begin, &mut |line, running| {
            for (number, (words, seconds, name)) in CUTS.iter().enumerate() {
                if line.contains(words) && !cuts.iter().any(|(known, _)| known == name) {
                    pause(Duration::from_secs(*seconds));
                    // Where it has ended meanwhile the disk is as it is.
                    drop(running.command(&[serde_json::json!({"execute": "stop"})]));
                    cuts.push((*name, machine.copy(&place.join(format!("cut-{number}")))?));
                    drop(running.command(&[serde_json::json!({"execute": "cont"})]));
                }
            }
            Ok(())
        })?;
        sound("the update", &lines)?;
        if reset.is_empty() {
            reset.clone_from(&lines);
            begin = update("newer.raucb", &hash("newer")?);
        }
        all = lines;
        if all.iter().any(|line| line == "UPDATE ended: kept") {
            break;
        }
    }
    anyhow::ensure!(cuts.len() == CUTS.len(), "power was cut at {} points of {}", cuts.len(), CUTS.len());
    anyhow::ensure!(value(&reset, "ID") != value(&first, "ID"), "the same identifier after a factory reset");
    anyhow::ensure!(all.iter().any(|line| line == "UPDATE ended: kept"), "the update is not kept");
    anyhow::ensure!(value(&all, "SLOT") == Some("cccd-b"), "the update does not run");

    for (name, wanted) in [("unwell", "update_not_well"), ("dead", "update_did_not_start")] {
        let script = update(&format!("{name}.raucb"), &hash(name)?);
        let ended = until_ended(&machine, &format!("an update that is {name}"), &script)?;
        anyhow::ensure!(ended.1.starts_with(wanted), "{name}: {}", ended.1);
        anyhow::ensure!(ended.0 == "cccd-b", "{name}: {} runs", ended.0);
    }
    fs::remove_dir_all(&machine.place)?;

    let mut table = String::new();
    for (name, cut) in cuts {
        let script = update("newer.raucb", &hash("newer")?);
        let (slot, ended) = until_ended(&cut, &format!("power cut: {name}"), &script)?;
        anyhow::ensure!(ended == "kept" || ended.starts_with("update_did_not_start"), "{name}: {ended}");
        table += &format!("power cut, {name}: {slot} runs, {ended}\n");
        fs::remove_dir_all(&cut.place)?;
    }
    fs::remove_file(&files)?;
    println!("{table}first start, restart, factory reset, update, gate and way back: passed");
    Ok(())
}

/// Starts a machine until its update has ended, or has nothing more to do; the slot that runs then, and how it ended.
fn until_ended(machine: &Machine, what: &str, script: &str) -> anyhow::Result<(String, String)> {
    for _ in 0..6 {
        eprintln!("── {what}");
        let lines = machine.start(script, &mut |_, _| Ok(()))?;
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

    #[test]
    fn bash_reads_what_the_machine_does() {
        for script in [FIRST, SECOND, RESET, &update("a", "b")] {
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
