//! `cargo xtask image`: a disk with two systems of which one runs, and the bundle that replaces the other; no root needed.
//!
//! ```text
//! amd64         boot-a  root-a  boot-b  root-b  (data, made at the first start)
//! arm64  start  boot-a  boot-b  root-a  root-b  (data)
//! ```
//!
//! `boot-x` is a FAT file system with what the firmware starts, and the hash of the root beside it: the firmware itself is the boot
//! loader. On amd64 it is one EFI program; on a Raspberry Pi the files that its firmware looks for, and `start` says in
//! `autoboot.txt` which of the two it takes. `root-x` is a squashfs with its dm-verity tree behind it. All come from packages:
//! mmdebstrap makes the tree, directories of `deploy/image` lie over it. docs/decisions/0013-images.md says why.

use crate::cross::Platform;
use crate::deb::{self, said};
use crate::image_slots::System;
use crate::{root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What an image is made of and for.
pub(crate) struct Wanted {
    /// What Debian calls the processor.
    pub(crate) architecture: String,
    /// Where its devices ask to be let in.
    pub(crate) central: String,
    /// What stands on their screens.
    pub(crate) site: String,
    /// Files that the device begins with: `roots.pem`, `trust/`, `settings.toml`.
    pub(crate) device: Option<PathBuf>,
    /// Whose bundles it takes, PEM.
    pub(crate) certificate: Option<PathBuf>,
    /// What signs the bundle, PEM.
    pub(crate) key: Option<PathBuf>,
}

/// What is in every image besides our packages: what starts the machine, what it opens its disk with, and what the packages recommend.
const PACKAGES: [&str; 24] = [
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "polkitd",
    "pcscd",
    "libccid",
    "libnss-systemd",
    "initramfs-tools",
    "busybox",
    "zstd",
    "cryptsetup-bin",
    "dmsetup",
    "fdisk",
    "e2fsprogs",
    "kmod",
    "rauc",
    "rauc-service",
    "ca-certificates",
    "alsa-utils",
    "espeak-ng",
    "v4l-utils",
    "iproute2",
    "netbase",
];

/// Units that would let somebody type something.
const NO_LOGIN: [&str; 9] = [
    "getty@.service",
    "serial-getty@.service",
    "console-getty.service",
    "container-getty@.service",
    "getty.target",
    "getty-static.service",
    "debug-shell.service",
    "ctrl-alt-del.target",
    // What would be good at each start without anybody having looked.
    "rauc-mark-good.service",
];

/// Units that run from the first start on.
const ENABLED: [&str; 8] = [
    "cccd-first-boot.service",
    "cccd-kiosk.service",
    "cccd-update.service",
    "cccd-factory-reset.path",
    "rauc.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "pcscd.socket",
];

/// What starts the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loader {
    /// UEFI, with an order of its own and `BootNext`.
    Efi,
    /// The firmware of a Raspberry Pi, with `autoboot.txt` and `tryboot`.
    RaspberryPi,
}

/// A processor's part of it.
pub(crate) struct Kind {
    debian: &'static str,
    pub(crate) loader: Loader,
    packages: &'static [&'static str],
    enabled: &'static [&'static str],
    /// Directories of `deploy/image` that lie over the packages, one over the other.
    over: &'static [&'static str],
    /// Packages with the tools that it alone is made with.
    tools: &'static [&'static str],
}

const KINDS: [Kind; 2] = [
    Kind {
        debian: "amd64",
        loader: Loader::Efi,
        packages: &["linux-image-amd64", "efibootmgr"],
        enabled: &["cccd-boot-entries.service"],
        over: &["root"],
        tools: &["systemd-boot-efi", "binutils"],
    },
    Kind {
        debian: "arm64",
        loader: Loader::RaspberryPi,
        packages: &["linux-image-arm64"],
        enabled: &[],
        over: &["root", "raspberry/root"],
        tools: &["qemu-user-static", "gcc-aarch64-linux-gnu", "make"],
    },
];

impl Kind {
    pub(crate) fn of(debian: &str) -> anyhow::Result<&'static Self> {
        let known = || KINDS.iter().map(|kind| kind.debian).collect::<Vec<_>>().join(", ");
        KINDS
            .iter()
            .find(|kind| kind.debian == debian)
            .with_context(|| format!("{debian}: images are made for {}", known()))
    }

    /// What RAUC is told: bundles whose every block is checked, the slots by the names of their partitions.
    fn system_conf(&self) -> String {
        let (loader, handlers) = match self.loader {
            Loader::Efi => ("bootloader=efi\nefi-use-bootnext=true\n", ""),
            Loader::RaspberryPi => {
                ("bootloader=custom\n", "\n[handlers]\nbootloader-custom-backend=/usr/lib/cccd-image/autoboot\n")
            }
        };
        let mut text = format!(
            "[system]\ncompatible=cccd-kiosk-{}\n{loader}bundle-formats=verity\nstatusfile=/var/lib/rauc/status\n\
             mountprefix=/run/rauc\n\n[keyring]\npath=/etc/rauc/keyring.pem\nuse-bundle-signing-time=true\n{handlers}",
            self.debian
        );
        for (number, slot) in ["a", "b"].iter().enumerate() {
            text += &format!(
                "\n[slot.root.{number}]\ndevice=/run/cccd/slots/root-{slot}\ntype=raw\nbootname=cccd-{slot}\n\
                 \n[slot.boot.{number}]\ndevice=/run/cccd/slots/boot-{slot}\ntype=raw\nparent=root.{number}\n"
            );
        }
        text
    }
}

/// What `cargo xtask image` leaves behind.
pub(crate) fn place(architecture: &str) -> PathBuf {
    target().join("image").join(architecture)
}

/// Packages with the tools that every one is made with.
const TOOLS: [&str; 9] =
    ["mmdebstrap", "uidmap", "squashfs-tools", "cryptsetup-bin", "fdisk", "dosfstools", "mtools", "rauc", "openssl"];

/// Gets what is not there.
pub(crate) fn tools(kind: &Kind) -> anyhow::Result<()> {
    crate::doctor::need_packages(&TOOLS)?;
    crate::doctor::need_packages(kind.tools)
}

/// Makes the image, and the bundle where it is asked for.
pub(crate) fn make(wanted: &Wanted, bundled: bool) -> anyhow::Result<()> {
    let kind = Kind::of(&wanted.architecture)?;
    tools(kind)?;
    let place = place(&wanted.architecture);
    fs::create_dir_all(&place)?;
    let signer = Signer::of(wanted, &place)?;
    let tree = tree(wanted, &signer, &place)?;
    let system = System::make(kind.loader, &tree, &[], "", &place.join("system"))?;
    let disk = place.join("cccd-kiosk.img");
    system.disk(&disk)?;
    println!("{}", disk.display());
    let mut parts =
        format!("kernel and initramfs {} MB, root {} MB", megabytes(system.started()?), megabytes(system.size));
    if bundled {
        let bundle = place.join("cccd-kiosk.raucb");
        let hash = system.bundle(&wanted.architecture, env!("CARGO_PKG_VERSION"), &signer, &bundle)?;
        println!("{}\nhash of its manifest, for the rollout: {hash}", bundle.display());
        parts += &format!(", bundle {} MB", megabytes(fs::metadata(&bundle)?.len()));
    }
    let length = fs::metadata(&disk)?.len();
    let used = said(Command::new("du").args(["-k"]).arg(&disk))?;
    let used: u64 = used.split_whitespace().next().and_then(|number| number.parse().ok()).context("du says no size")?;
    println!("{parts}; the image {} MB, {} MB of them not zero", megabytes(length), megabytes(used * 1024));
    Ok(())
}

pub(crate) const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

/// Who signs bundles, and by which certificate a device knows it.
pub(crate) struct Signer {
    pub(crate) certificate: PathBuf,
    pub(crate) key: Option<PathBuf>,
}

impl Signer {
    /// The one that is named, else one for tests that is made here.
    pub(crate) fn of(wanted: &Wanted, place: &Path) -> anyhow::Result<Self> {
        if let Some(certificate) = &wanted.certificate {
            return Ok(Self { certificate: certificate.clone(), key: wanted.key.clone() });
        }
        anyhow::ensure!(wanted.key.is_none(), "--key needs --certificate: devices know whom they believe by it");
        let (key, certificate) = (place.join("test-key.pem"), place.join("test-certificate.pem"));
        if !certificate.exists() {
            let mut request = Command::new("openssl");
            request.args(["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "3650", "-subj"]);
            request.arg("/O=cccd-edge/CN=for tests only").arg("-keyout").arg(&key).arg("-out").arg(&certificate);
            run(request.stderr(Stdio::null()))?;
        }
        eprintln!("── no --certificate: the device believes a key that lies in {}, for tests only", place.display());
        Ok(Self { certificate, key: Some(key) })
    }
}

/// The packages of `cargo xtask deb` for a processor; they are made where they are not there.
fn packages(architecture: &str) -> anyhow::Result<Vec<PathBuf>> {
    let platform = Platform::of(architecture)?;
    let wanted = ["cccd-agent", "cccd-provisioning"];
    let there = wanted
        .map(|name| target().join("deb").join(format!("{name}_{}_{}.deb", env!("CARGO_PKG_VERSION"), platform.debian)));
    if there.iter().all(|deb| deb.is_file()) {
        return Ok(there.to_vec());
    }
    let made = deb::make("release", &platform)?;
    let is_wanted = |deb: &PathBuf| {
        let name = deb.file_name().unwrap_or_default().to_string_lossy().into_owned();
        wanted.iter().any(|wanted| name.starts_with(&format!("{wanted}_")))
    };
    Ok(made.into_iter().filter(is_wanted).collect())
}

/// Lays out what lies over the packages in a directory of its own; what of it must be in place before the packages come.
fn over(wanted: &Wanted, kind: &Kind, signer: &Signer, place: &Path) -> anyhow::Result<PathBuf> {
    let over = place.join("over");
    drop(fs::remove_dir_all(&over));
    fs::create_dir_all(&over)?;
    for directory in kind.over {
        run(Command::new("cp").arg("-r").arg(root().join("deploy/image").join(directory).join(".")).arg(&over))?;
    }
    let write = |path: &str, text: &str| -> anyhow::Result<()> {
        let path = over.join(path);
        fs::create_dir_all(path.parent().context("a directory")?)?;
        Ok(fs::write(path, text)?)
    };
    write("etc/rauc/system.conf", &kind.system_conf())?;
    write("etc/rauc/keyring.pem", &fs::read_to_string(&signer.certificate)?)?;
    write("usr/lib/cccd-image/central", &format!("{}\n", wanted.central))?;
    write("usr/lib/cccd-image/site", &format!("{}\n", wanted.site))?;
    write("etc/hostname", "cccd-kiosk\n")?;
    write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
    write("etc/fstab", "")?;
    write("etc/systemd/resolved.conf.d/50-cccd.conf", "[Resolve]\nLLMNR=no\nMulticastDNS=no\n")?;
    let network = "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n";
    write("usr/lib/systemd/network/80-cccd-wired.network", network)?;
    let given = over.join("usr/lib/cccd-image/device");
    fs::create_dir_all(&given)?;
    if let Some(device) = &wanted.device {
        run(Command::new("cp").arg("-r").arg(device.join(".")).arg(&given))?;
    }
    Ok(over)
}

/// The whole tree as an archive: packages, what lies over them, initramfs. The same parts make it only once.
pub(crate) fn tree(wanted: &Wanted, signer: &Signer, place: &Path) -> anyhow::Result<PathBuf> {
    let kind = Kind::of(&wanted.architecture)?;
    // Its scripts run here: where nobody has told the kernel of such programs, only root can.
    let platform = Platform::of(&wanted.architecture)?;
    let emulated = platform.emulated()?;
    let debs = packages(&wanted.architecture)?;
    let over = over(wanted, kind, signer, place)?;
    let release = crate::doctor::release()?;
    let include = PACKAGES.iter().chain(kind.packages).copied().collect::<Vec<_>>().join(",");
    let enabled = ENABLED.iter().chain(kind.enabled).copied().collect::<Vec<_>>().join(" ");
    let made = place.join("debs");
    drop(fs::remove_dir_all(&made));
    fs::create_dir_all(&made)?;
    for package in &debs {
        fs::copy(package, made.join(package.file_name().context("a file")?))?;
    }
    let inside = format!(
        "set -e; export DEBIAN_FRONTEND=noninteractive\n\
         apt-get install --yes --no-install-recommends /tmp/debs/*.deb systemd-resolved\nrm -r /tmp/debs\n\
         systemctl mask {}\nsystemctl enable {enabled}\n\
         cp /usr/share/systemd/tmp.mount /etc/systemd/system/ && systemctl enable tmp.mount\n\
         ln -sf ../proc/self/mounts /etc/mtab\nmkdir -p /etc/credstore.encrypted\nln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf\n\
         passwd --lock root\nusermod --shell /usr/sbin/nologin root\n\
         rm -f /etc/machine-id && touch /etc/machine-id\nrm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /var/lib/systemd/random-seed\n\
         update-initramfs -c -k all\n",
        NO_LOGIN.join(" ")
    );
    // Numbers of users are on the data partition: what another version's packages bring must not move them.
    let before = "echo cccd:x:980: >> \"$1/etc/group\"; echo 'cccd-agent:x:980:980:CCCD edge agent:/var/lib/cccd-agent:\
                  /usr/sbin/nologin' >> \"$1/etc/passwd\"";
    let sums =
        "find over debs \"$0/parts\" \"$0/module\" -type f -exec sha256sum {} + | sort; find over -perm -100 | sort";
    let raspberry = root().join("deploy/image/raspberry");
    let recipe = format!(
        "{release} {include}\n{inside}{before}\n{}",
        said(Command::new("sh").args(["-c", sums]).arg(&raspberry).current_dir(place))?
    );
    let (archive, ready) = (place.join("tree.tar"), place.join("tree.recipe"));
    if archive.exists() && fs::read_to_string(&ready).is_ok_and(|made| made == recipe) {
        return Ok(archive);
    }
    eprintln!("── the system from Debian's packages ({release}, {})", wanted.architecture);
    drop(fs::remove_file(&ready));
    fs::write(place.join("inside.sh"), inside)?;
    let path = |path: &Path| path.display().to_string();
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=minbase", "--aptopt=APT::Install-Recommends \"false\""]);
    if kind.loader == Loader::RaspberryPi {
        // In place before the kernel comes, which makes an initramfs at once.
        let conf = path(&raspberry.join("root/etc/initramfs-tools/conf.d"));
        command.arg(format!(
            "--essential-hook=mkdir -p \"$1/etc/initramfs-tools\" && cp -r '{conf}' \"$1/etc/initramfs-tools/\""
        ));
        // The firmware's files; and there is no way to ask whether programs of that processor run, but to run them.
        command.args(["--components=main,non-free-firmware", "--skip=check/qemu"]);
    }
    command.args(["--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"]);
    command.args(["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright"]);
    command.arg("--dpkgopt=path-include=/usr/share/doc/cccd-*");
    command.arg(format!("--architectures={}", wanted.architecture)).arg(format!("--include={include}"));
    command.arg(format!("--essential-hook={before}"));
    let customize = |hook: String| format!("--customize-hook={hook}");
    // An archive and not a copy: its owner is root whoever calls.
    command.arg(customize(format!(
        "tar -C '{}' --owner=0 --group=0 -c . | tar -C \"$1\" --no-overwrite-dir -x",
        path(&over)
    )));
    command.arg(customize(format!("mkdir -p \"$1/tmp/debs\" && cp '{}'/* \"$1/tmp/debs/\"", path(&made))));
    drop(fs::remove_dir_all(place.join("parts")));
    if kind.loader == Loader::RaspberryPi {
        let (hook, module) = (path(&raspberry.join("parts")), path(&raspberry.join("module")));
        command.arg(customize(format!("sh '{hook}' \"$1\" '{module}' && mv \"$1/tmp/parts/out\" \"$1/parts\"")));
        command.arg(customize(format!("copy-out /parts '{}'", path(place))));
        command.arg(customize("rm -r \"$1/parts\" \"$1/tmp/parts\"".to_owned()));
    }
    command.arg(customize(format!(
        "cp '{}' \"$1/tmp/inside.sh\" && chroot \"$1\" sh /tmp/inside.sh && rm \"$1/tmp/inside.sh\"",
        path(&place.join("inside.sh"))
    )));
    // The kernel goes where the firmware finds it, and not into the root.
    drop(fs::remove_dir_all(place.join("boot")));
    command.arg(customize(format!("copy-out /boot '{}'", path(place))));
    command.arg(customize("rm -r \"$1\"/boot/* \"$1\"/vmlinuz* \"$1\"/initrd.img*".to_owned()));
    command.env("SOURCE_DATE_EPOCH", epoch()?).arg(&release).arg(&archive);
    let log = place.join("tree.log");
    let ended = command
        .stdout(Stdio::from(fs::File::create(&log)?))
        .stderr(Stdio::from(fs::OpenOptions::new().append(true).open(&log)?))
        .status()?;
    if !ended.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(20).collect();
        bail!("mmdebstrap ended with {ended}:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    drop(emulated);
    fs::write(ready, recipe)?;
    Ok(archive)
}

/// When what is built was written: the same sources give the same dates.
pub(crate) fn epoch() -> anyhow::Result<String> {
    said(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rauc_is_told_two_systems_whose_parts_go_together() {
        for (kind, loader) in KINDS.iter().zip(["bootloader=efi\nefi-use-bootnext=true\n", "bootloader=custom\n"]) {
            let text = kind.system_conf();
            for wanted in [
                loader,
                "bundle-formats=verity\n",
                "[slot.boot.1]\ndevice=/run/cccd/slots/boot-b\ntype=raw\nparent=root.1\n",
            ] {
                assert!(text.contains(wanted), "{text}");
            }
            assert_eq!(text.matches("bootname=").count(), 2, "{text}");
            let handler = text.lines().find_map(|line| line.strip_prefix("bootloader-custom-backend="));
            assert_eq!(handler.is_some(), loader.contains("custom"), "{text}");
            let there =
                handler.map(|path| root().join("deploy/image/raspberry/root").join(path.trim_start_matches('/')));
            assert!(there.is_none_or(|path| path.is_file()), "{text}");
        }
    }

    #[test]
    fn every_script_of_the_image_is_read_by_a_shell() {
        let mut count = 0;
        for pattern in [
            "root/etc/initramfs-tools/hooks/*",
            "raspberry/root/etc/initramfs-tools/hooks/*",
            "root/etc/initramfs-tools/scripts/*/*",
            "*/usr/lib/cccd-image/*",
            "*/*/usr/lib/cccd-image/*",
            "*/*/usr/lib/systemd/system-shutdown/*",
            "raspberry/parts",
        ] {
            for script in glob::glob(&root().join("deploy/image").join(pattern).to_string_lossy()).expect("pattern") {
                let script = script.expect("a path");
                count += 1;
                assert!(
                    Command::new("sh").arg("-n").arg(&script).status().expect("sh").success(),
                    "{}",
                    script.display()
                );
                let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&script).expect("file").permissions());
                // What others read in is no program.
                let wanted = if fs::read_to_string(&script).expect("script").starts_with("#!") { 0o111 } else { 0 };
                assert_eq!(mode & 0o111, wanted, "{}", script.display());
            }
        }
        assert_eq!(count, 11);
    }
}
