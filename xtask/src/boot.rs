//! The packages on a machine that boots: Debian's kernel and systemd in QEMU, central and a device on one machine.
//!
//! A unit that is read by `systemd-analyze` may still not start: what a sandbox takes away is missed only by what runs in it.

use crate::{root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the machine needs to find its disk and its panel.
const MODULES: [&str; 4] = ["virtio_pci", "virtio_blk", "ext4", "virtio-gpu"];

/// Pages whose steps are typed, each on one machine that has nothing of ours but the packages and the files that the pages begin with; and
/// what must be so behind each, with a command that succeeds when it is.
const PAGES: [(&str, &[(&str, &str)]); 3] = [
    (
        "docs/central-on-a-server.md",
        &[
            ("central starts at each start of the machine", "systemctl is-enabled cccd-central"),
            (
                "what it has is its own",
                "test -z \"$(find /etc/cccd-central /var/lib/cccd-central ! -user cccd-central)\"",
            ),
            ("central answers", "waits 'exec 3<>/dev/tcp/127.0.0.1/8443'"),
            (
                "its root goes to whoever sets devices up",
                "cp /etc/cccd-central/tls/fleet-ca.cert.pem /media/usb/roots.pem",
            ),
        ],
    ),
    (
        "docs/desk-in-ten-minutes.md",
        &[
            (
                "the desk answers",
                "waits 'exec 3<>/dev/tcp/127.0.0.1/8480' && exec 3<>/dev/tcp/127.0.0.1/8480 && \
                 printf 'GET / HTTP/1.0\\r\\nHost: 127.0.0.1:8480\\r\\n\\r\\n' >&3 && head -1 <&3 | grep '200 OK'",
            ),
            ("no file of the device is root's", "test -z \"$(find /etc/cccd-agent /var/lib/cccd-agent -user root)\""),
            (
                "pcscd lets the agent in",
                "sed -i 's/^reader = .*/reader = \"pcsc\"/' /etc/cccd-agent/agent.toml && systemctl restart cccd-desk && \
                 waits 'journalctl -u cccd-desk --no-pager | grep no_reader'",
            ),
            (
                "nothing is left of it",
                "dpkg --purge cccd-agent cccd-provisioning && test ! -e /etc/cccd-agent && rm -r /root/ca",
            ),
        ],
    ),
    (
        "docs/kiosk-from-the-box.md",
        &[
            ("a panel that was there before the package is the agent's", "test $(stat -c %G /dev/dri/card0) = cccd"),
            ("the identity is the agent's", "test $(stat -c %U /etc/cccd-agent/identity/identity.json) = cccd-agent"),
            ("central hears of it", "waits 'cccd-central fleet list --json | grep -q signed'"),
            (
                "a technician sees it at central's page, over TLS",
                "(umask 077; echo 'a pass word of the rig' > /run/word) && cccd-central staff add binh.tech --role technician --everywhere --pass-word-file /run/word && \
                 provision devices --page https://central.example.vn:8443 --authority /etc/cccd-agent/roots.pem --name binh.tech --pass-word-file /run/word | grep kiosk-1",
            ),
            (
                "the kiosk draws on the panel",
                "waits 'journalctl -u cccd-kiosk --no-pager | grep no_reader' && \
                 cccd-agent doctor --config /etc/cccd-agent/agent.toml | grep '^ok    display' && systemctl is-active cccd-kiosk",
            ),
            (
                "set-up found the panel, and the file is the agent's",
                "grep -q '^display = \"drm:auto\"' /etc/cccd-agent/agent.toml && grep -q '^site = \"Bệnh viện A\"' /etc/cccd-agent/agent.toml && \
                 test $(stat -c %U /etc/cccd-agent/agent.toml) = cccd-agent",
            ),
            (
                "the updater has nothing to do",
                "waits 'journalctl -u cccd-update --no-pager | grep \"no rollout\"' && systemctl is-active cccd-update",
            ),
            (
                "the gate asks the doctor with the network and the keys of the agent",
                "provision update examine > /run/health && for check in central key_store self_test service display; do grep \"\\\"$check\\\": null\" /run/health || { cat /run/health; exit 1; }; done",
            ),
            (
                "the same from inside the updater's own unit, which may write nowhere else",
                "mkdir -p /run/systemd/system/cccd-update.service.d && \
                 printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/provision update examine\\nRestart=no\\nStandardOutput=truncate:/run/looked\\n' \
                   > /run/systemd/system/cccd-update.service.d/look.conf && systemctl daemon-reload && systemctl restart cccd-update && \
                 waits '! systemctl is-active cccd-update' && \
                 for check in central key_store self_test service display; do grep \"\\\"$check\\\": null\" /run/looked || { cat /run/looked; journalctl -u cccd-update --no-pager | tail; exit 1; }; done && \
                 rm -r /run/systemd/system/cccd-update.service.d && systemctl daemon-reload && systemctl restart cccd-update",
            ),
            (
                "the unit beside it installs what lies there, and leaves its last words where it cannot",
                "place=/var/lib/cccd-update/packages && mkdir -p /run/one/DEBIAN $place/installing && \
                 control() { printf 'Package: one\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@localhost>\\n%bDescription: x\\n' \"$1\" > /run/one/DEBIAN/control; }; \
                 control '' && dpkg-deb --build /run/one $place/installing/one_1.deb && systemctl start cccd-update-dpkg && dpkg -s one | grep '^Status: install ok installed' && \
                 dpkg --purge one && control 'Depends: nothing\\n' && dpkg-deb --build /run/one $place/installing/one_1.deb && \
                 ! systemctl start cccd-update-dpkg && grep 'depends on nothing' $place/dpkg.log && \
                 dpkg --purge one && systemctl reset-failed cccd-update-dpkg && rm -r $place/installing",
            ),
            (
                "a kiosk that nobody has enrolled, and one that nobody has set up, says so on its panel and is not started for ever",
                "systemctl stop cccd-update && said() { waits \"journalctl -u cccd-fault --no-pager | grep -e 'the panel says why.*$1'\"; }; \
                 mv /etc/cccd-agent/identity /root/identity && systemctl restart cccd-kiosk && said identity_missing && systemctl is-active cccd-fault && \
                 mv /etc/cccd-agent /root/kept && systemctl restart cccd-kiosk && said config_absent && systemctl is-active cccd-fault && \
                 test \"$(systemctl show -P NRestarts cccd-kiosk)\" = 0 && \
                 rm -rf /etc/cccd-agent && mv /root/kept /etc/cccd-agent && mv /root/identity /etc/cccd-agent/ && systemctl restart cccd-kiosk && \
                 waits 'systemctl is-active cccd-kiosk && ! systemctl is-active cccd-fault'",
            ),
            ("nothing has failed", "test -z \"$(systemctl --failed --no-legend --no-pager)\""),
        ],
    ),
];

/// What the machine does: a name, a script for bash, the status with which it must end.
fn checks() -> anyhow::Result<Vec<(String, String, u8)>> {
    let mut checks = Vec::new();
    for (path, behind) in PAGES {
        let text = fs::read_to_string(root().join(path)).with_context(|| path.to_owned())?;
        let steps = manual::steps::of(&manual::Page::new(path, &text));
        anyhow::ensure!(!steps.is_empty(), "{path} has no block marked sh,run");
        // As a person's shell: it stops at what fails, and begins each block where the last one began.
        checks.extend(
            steps.into_iter().map(|step| (step.name, format!("set -e\ncd /root\n{}", step.script), step.status)),
        );
        checks.extend(behind.iter().map(|(name, script)| ((*name).to_owned(), (*script).to_owned(), 0)));
    }
    Ok(checks)
}

/// Boots a copy of a tree that has what the packages depend on; has the pages' steps typed there, and the machine say how it is.
pub(crate) fn check(installed: &Path, packages: &[PathBuf]) -> anyhow::Result<()> {
    eprintln!("── boot, and the pages {} (software emulation: some minutes)", PAGES.map(|(path, _)| path).join(", "));
    let checks = checks()?;
    let place = target().join("boot");
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&place)?;
    let tree = place.join("tree");
    run(Command::new("cp").arg("-a").arg(installed).arg(&tree))?;
    furnish(&tree, packages, &checks)?;
    let disk = place.join("disk");
    fs::File::create(&disk)?.set_len(1500 << 20)?;
    run(Command::new("/sbin/mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&tree).arg(&disk))?;
    fs::remove_dir_all(&tree)?;
    let kernel = initrd(&place)?;
    let said = place.join("said.txt");
    let serial = |name: &str| format!("file:{}", place.join(name).display());
    let mut qemu = Command::new("timeout");
    qemu.args([
        "1800",
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
    qemu.args(["-append", "console=ttyS0 panic=-1 quiet rw no_timer_check systemd.show_status=0"]);
    qemu.args(["-serial", &serial("console.txt"), "-serial", &serial("said.txt")]);
    qemu.args(["-device", "virtio-gpu-pci,edid=on,xres=1024,yres=600"]);
    qemu.args(["-drive", &format!("file={},if=none,id=disk,format=raw", disk.display())]);
    qemu.args(["-device", "virtio-blk-pci,drive=disk"]);
    let ended = qemu.stdin(Stdio::null()).status().context("cannot start qemu-system-x86_64")?;
    let text = fs::read_to_string(&said).unwrap_or_default();
    let passed = |number: usize| text.lines().any(|line| line.trim_end() == format!("PASS {number}"));
    let names = |wanted: bool| -> Vec<&str> {
        let numbered = checks.iter().enumerate().filter(|(number, _)| passed(*number) == wanted);
        numbered.map(|(_, (name, ..))| name.as_str()).collect()
    };
    fs::remove_file(&disk)?;
    let missing = names(false);
    if !missing.is_empty() {
        bail!("QEMU ended with {ended}; on the machine this did not pass: {}\n{text}", missing.join("; "));
    }
    println!("booted: {}", names(true).join("; "));
    Ok(())
}

/// The files that the pages begin with, and the script that runs when the machine is up.
fn furnish(tree: &Path, packages: &[PathBuf], checks: &[(String, String, u8)]) -> anyhow::Result<()> {
    // What the check of the upgrade has put there.
    fs::remove_file(tree.join("var/lib/cccd-central/central.db"))?;
    // The stick with what the operator gives, and the packages where root begins.
    let stick = tree.join("media/usb");
    fs::create_dir_all(&stick)?;
    run(Command::new(target().join("debug/cccd-card"))
        .args(["trust", "--out"])
        .arg(stick.join("trust"))
        .stdout(Stdio::null()))?;
    for package in packages {
        fs::copy(package, tree.join("root").join(package.file_name().context("a file")?))?;
    }
    fs::write(tree.join("etc/hosts"), "127.0.0.1 localhost central.example.vn\n")?;
    // The machine has no network to fetch from what a package only recommends.
    fs::write(tree.join("etc/apt/apt.conf.d/90rig"), "APT::Install-Recommends \"false\";\n")?;
    let mut script = String::from(
        "exec 9>/dev/ttyS1\nwaits() { for n in $(seq 40); do (eval \"$1\") >/dev/null 2>&1 && return 0; sleep 1; done; return 1; }\n",
    );
    for (number, (_, text, status)) in checks.iter().enumerate() {
        let file = format!("root/.check-{number}");
        fs::write(tree.join(&file), text)?;
        script += &format!(
            "(. /{file}) >/run/out 2>&1 </dev/null; ended=$?; if test $ended = {status}; then echo PASS {number} >&9; \
             else echo FAIL {number}, status $ended >&9; cat /run/out >&9; journalctl -b --no-pager | tail -30 >&9; fi\n"
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_the_machine_types_is_what_the_pages_say_and_bash_reads_it() {
        let checks = checks().expect("pages");
        for (page, _) in PAGES {
            assert!(checks.iter().filter(|(name, ..)| name.starts_with(page)).count() > 3, "{page}");
        }
        assert!(checks.iter().any(|(_, script, _)| script.contains("\nprovision enrol --dir /etc/cccd-agent")));
        for (name, script, _) in checks {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash");
            bash.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("written");
            assert!(bash.wait().expect("bash").success(), "{name}:\n{script}");
        }
    }
}
