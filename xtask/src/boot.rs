//! The packages on a machine that boots: Debian's kernel and systemd in QEMU, central and a device on one machine.
//!
//! A unit that is read by `systemd-analyze` may still not start: what a sandbox takes away is missed only by what runs in it.

use crate::{run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the machine needs to find its disk and its panel.
const MODULES: [&str; 4] = ["virtio_pci", "virtio_blk", "ext4", "virtio-gpu"];

/// What the machine says of itself, each with a command that succeeds when it is so.
const CHECKS: [(&str, &str); 10] = [
    ("central runs", "systemctl start cccd-central && waits 'exec 3<>/dev/tcp/127.0.0.1/8443'"),
    (
        "the device is expected",
        "echo 'serial,site,profile\nbox-1,A,identify' > /run/list.csv && runuser -u cccd-central -- cccd-central --db /var/lib/cccd-central/central.db \
         --registrar /etc/cccd-central/registrar.toml fleet expect /dev/stdin < /run/list.csv",
    ),
    (
        "root lets it in as the user of the agent",
        "provision enrol --dir /etc/cccd-agent --by list --central https://localhost:8443 --serial box-1 --roots /etc/cccd-agent/roots.pem \
         --pass-phrase-file /etc/cccd-agent/pass-phrase --within 120 && test $(stat -c %U /etc/cccd-agent/identity/identity.json) = cccd-agent",
    ),
    (
        "the desk answers",
        "printf '[desk]\\nsite = \"A\"\\n[kiosk]\\nsite = \"A\"\\npanel = \"landscape-7\"\\ndisplay = \"drm:/dev/dri/card0\"\\n' >> /etc/cccd-agent/agent.toml && \
         systemctl start pcscd.socket cccd-desk && waits 'exec 3<>/dev/tcp/127.0.0.1/8480' && \
         exec 3<>/dev/tcp/127.0.0.1/8480 && printf 'GET / HTTP/1.0\\r\\nHost: 127.0.0.1:8480\\r\\n\\r\\n' >&3 && head -1 <&3 | grep '200 OK'",
    ),
    ("pcscd lets the agent in", "waits 'journalctl -u cccd-desk --no-pager | grep no_reader'"),
    (
        "central hears of it",
        "waits 'cccd-central --db /var/lib/cccd-central/central.db --registrar /etc/cccd-central/registrar.toml fleet list --json | grep -q signed'",
    ),
    (
        "the kiosk draws on the panel",
        "systemctl stop cccd-desk && systemctl start cccd-kiosk && waits 'journalctl -u cccd-kiosk --no-pager | grep no_reader' && \
         cccd-agent doctor --config /etc/cccd-agent/agent.toml | grep '^ok    display' && systemctl is-active cccd-kiosk",
    ),
    (
        "the updater has nothing to do",
        "systemctl start cccd-update && waits 'journalctl -u cccd-update --no-pager | grep \"no rollout\"' && systemctl is-active cccd-update",
    ),
    (
        "the gate asks the doctor with the network and the keys of the agent",
        "provision update examine > /run/health && for check in central key_store self_test service display; do grep \"\\\"$check\\\": null\" /run/health || { cat /run/health; exit 1; }; done",
    ),
    ("nothing has failed", "test -z \"$(systemctl --failed --no-legend --no-pager)\""),
];

/// Boots a copy of an installed tree, and has it say how it is.
pub(crate) fn check(installed: &Path) -> anyhow::Result<()> {
    eprintln!("── boot (software emulation: about a minute)");
    let place = target().join("boot");
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&place)?;
    let tree = place.join("tree");
    run(Command::new("cp").arg("-a").arg(installed).arg(&tree))?;
    furnish(&place, &tree)?;
    let disk = place.join("disk");
    fs::File::create(&disk)?.set_len(1500 << 20)?;
    run(Command::new("/sbin/mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&tree).arg(&disk))?;
    fs::remove_dir_all(&tree)?;
    let kernel = initrd(&place)?;
    let said = place.join("said.txt");
    let serial = |name: &str| format!("file:{}", place.join(name).display());
    let mut qemu = Command::new("timeout");
    qemu.args([
        "900",
        "qemu-system-x86_64",
        "-machine",
        "q35",
        "-cpu",
        "max",
        "-accel",
        "tcg",
        "-smp",
        "2",
        "-m",
        "1024",
    ]);
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none", "-no-reboot"]);
    qemu.arg("-kernel").arg(kernel).arg("-initrd").arg(place.join("initrd"));
    qemu.args(["-append", "console=ttyS0 panic=-1 quiet rw systemd.show_status=0"]);
    qemu.args(["-serial", &serial("console.txt"), "-serial", &serial("said.txt")]);
    qemu.args(["-device", "virtio-gpu-pci,edid=on,xres=1024,yres=600"]);
    qemu.args(["-drive", &format!("file={},if=none,id=disk,format=raw", disk.display())]);
    qemu.args(["-device", "virtio-blk-pci,drive=disk"]);
    let ended = qemu.stdin(Stdio::null()).status().context("cannot start qemu-system-x86_64")?;
    let text = fs::read_to_string(&said).unwrap_or_default();
    let passed = |name: &str| text.lines().any(|line| line.trim_end().strip_prefix("PASS ") == Some(name));
    let missing: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).filter(|name| !passed(name)).collect();
    fs::remove_file(&disk)?;
    if !missing.is_empty() {
        bail!("QEMU ended with {ended}; the machine does not say that {}:\n{text}", missing.join(", that "));
    }
    println!("booted: {}", CHECKS.map(|(name, _)| name).join("; "));
    Ok(())
}

/// CA and certificates, and the script that runs when the machine is up.
fn furnish(place: &Path, tree: &Path) -> anyhow::Result<()> {
    let provision = target().join("debug/provision");
    let phrase = place.join("pass-phrase");
    fs::write(&phrase, "a pass phrase of the rig")?;
    // What the check of the upgrade has put there.
    for left in ["etc/cccd-agent/agent.toml", "var/lib/cccd-agent/outbox.db", "var/lib/cccd-central/central.db"] {
        fs::remove_file(tree.join(left))?;
    }
    let central = tree.join("etc/cccd-central");
    let of_ca = |command: &str| {
        let mut words = Command::new(&provision);
        words.arg(command).arg("--ca").arg(central.join("ca")).arg("--pass-phrase-file").arg(&phrase);
        words.stdout(Stdio::null());
        words
    };
    run(&mut of_ca("ca-init"))?;
    run(of_ca("server").arg("--out").arg(central.join("tls")).args(["--host", "localhost"]))?;
    fs::copy(&phrase, central.join("pass-phrase"))?;
    let settings = "ca = \"ca\"\npass_phrase_file = \"pass-phrase\"\nurl = \"https://localhost:8443\"\nenvironment = \"practice\"\n";
    fs::write(central.join("registrar.toml"), settings)?;
    let agent = tree.join("etc/cccd-agent");
    fs::copy(&phrase, agent.join("pass-phrase"))?;
    fs::copy(central.join("ca/fleet-ca.cert.pem"), agent.join("roots.pem"))?;
    run(Command::new(target().join("debug/cccd-card"))
        .args(["trust", "--out"])
        .arg(agent.join("trust"))
        .stdout(Stdio::null()))?;
    fs::write(tree.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    for (user, directory) in
        [("cccd-central:cccd-central", "/etc/cccd-central"), ("cccd-agent:cccd", "/etc/cccd-agent")]
    {
        run(Command::new("chroot").arg(tree).args(["chown", "-R", user, directory]))?;
    }
    let mut script = String::from(
        "exec 9>/dev/ttyS1\nwaits() { for n in $(seq 40); do (eval \"$1\") >/dev/null 2>&1 && return 0; sleep 1; done; return 1; }\n",
    );
    for (name, command) in CHECKS {
        script += &format!(
            "if ({command}) >/run/out 2>&1; then echo 'PASS {name}' >&9; else echo 'FAIL {name}' >&9; cat /run/out >&9; journalctl -b --no-pager | tail -30 >&9; fi\n"
        );
    }
    script += "systemctl poweroff\n";
    fs::write(tree.join("root/check.sh"), script)?;
    let unit = "[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/bin/bash /root/check.sh\n[Install]\nWantedBy=default.target\n";
    fs::write(tree.join("etc/systemd/system/check.service"), unit)?;
    run(Command::new("chroot").arg(tree).args(["systemctl", "--quiet", "enable", "check.service"]))
}

/// What finds the disk and hands over to systemd; the kernel.
fn initrd(place: &Path) -> anyhow::Result<PathBuf> {
    let guest = target().join("guest");
    let first = |directory: PathBuf, prefix: &str| {
        let mut names = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path());
        names.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
    };
    let modules = first(guest.join("lib/modules"), "").context("no kernel: cargo xtask doctor --install")?;
    let kernel = first(guest.join("boot"), "vmlinuz").context("no kernel: cargo xtask doctor --install")?;
    let version = modules.file_name().context("a version")?.to_string_lossy().into_owned();
    let tree = place.join("initrd.d");
    for directory in ["bin", "modules", "proc", "sys", "dev", "new"] {
        fs::create_dir_all(tree.join(directory))?;
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox"))?;
    let mut load = String::new();
    for module in MODULES {
        let show = Command::new("/sbin/modprobe")
            .args(["--show-depends", "-S", &version, "-d"])
            .arg(&guest)
            .arg(module)
            .output()?;
        for line in String::from_utf8_lossy(&show.stdout).lines() {
            let Some(path) = line.strip_prefix("insmod ").and_then(|rest| rest.split_whitespace().next()) else {
                continue;
            };
            let name = Path::new(path).file_name().context("a module")?.to_string_lossy().into_owned();
            if !tree.join("modules").join(&name).exists() {
                fs::copy(path, tree.join("modules").join(&name))?;
                load += &format!("busybox insmod /modules/{name}\n");
            }
        }
    }
    let init = format!(
        "#!/bin/busybox sh\nexport PATH=/bin\nbusybox mount -t proc proc /proc\nbusybox mount -t sysfs sys /sys\n\
         busybox mount -t devtmpfs dev /dev\n{load}busybox sleep 1\nbusybox mount -t ext4 /dev/vda /new\n\
         busybox mount --move /dev /new/dev\nbusybox umount /proc /sys\nexec busybox switch_root /new /sbin/init\n"
    );
    fs::write(tree.join("init"), init)?;
    fs::set_permissions(tree.join("init"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let pack =
        format!("cd {} && find . | cpio --quiet -o -H newc > {}", tree.display(), place.join("initrd").display());
    run(Command::new("sh").args(["-c", &pack]))?;
    Ok(kernel)
}
