//! `cargo xtask image`: a disk with two systems of which one runs, and the bundle that replaces the other; no root needed.
//!
//! ```text
//! boot-a  root-a  boot-b  root-b  (data, made at the first start)
//! ```
//!
//! `boot-x` is a FAT file system with kernel, initramfs and the hash of the root beside it: one EFI program, so that the
//! firmware itself is the boot loader. `root-x` is a squashfs with its dm-verity tree behind it. Both come from packages:
//! mmdebstrap makes the tree, `deploy/image/root` lies over it. docs/decisions/0013-images.md says why.

use crate::cross::Platform;
use crate::deb::{self, said};
use crate::{root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
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

/// Sizes of the slots, in MiB; a slot cannot grow later.
const BOOT: u64 = 96;
const ROOT: u64 = 512;
const MIB: u64 = 1 << 20;

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

/// A processor's part of it.
struct Kind {
    debian: &'static str,
    packages: &'static [&'static str],
    enabled: &'static [&'static str],
}

const KINDS: [Kind; 1] =
    [Kind { debian: "amd64", packages: &["linux-image-amd64", "efibootmgr"], enabled: &["cccd-boot-entries.service"] }];

impl Kind {
    fn of(debian: &str) -> anyhow::Result<&'static Self> {
        let known = || KINDS.iter().map(|kind| kind.debian).collect::<Vec<_>>().join(", ");
        KINDS
            .iter()
            .find(|kind| kind.debian == debian)
            .with_context(|| format!("{debian}: images are made for {}", known()))
    }

    /// What RAUC is told: bundles whose every block is checked, the slots by the names of their partitions.
    fn system_conf(&self) -> String {
        let loader = "bootloader=efi\nefi-use-bootnext=true\n";
        let mut text = format!(
            "[system]\ncompatible=cccd-kiosk-{}\n{loader}bundle-formats=verity\nstatusfile=/var/lib/rauc/status\n\
             mountprefix=/run/rauc\n\n[keyring]\npath=/etc/rauc/keyring.pem\nuse-bundle-signing-time=true\n",
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

/// Packages with the tools that it is made with.
const TOOLS: [&str; 11] = [
    "mmdebstrap",
    "uidmap",
    "squashfs-tools",
    "cryptsetup-bin",
    "fdisk",
    "dosfstools",
    "mtools",
    "systemd-boot-efi",
    "binutils",
    "rauc",
    "openssl",
];

/// Gets what is not there.
pub(crate) fn tools() -> anyhow::Result<()> {
    crate::doctor::need_packages(&TOOLS)
}

/// Makes the image, and the bundle where it is asked for.
pub(crate) fn make(wanted: &Wanted, bundled: bool) -> anyhow::Result<()> {
    tools()?;
    let place = place(&wanted.architecture);
    fs::create_dir_all(&place)?;
    let signer = Signer::of(wanted, &place)?;
    let tree = tree(wanted, &signer, &place)?;
    let system = System::make(&tree, &[], "", &place.join("system"))?;
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

const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

/// Who signs bundles, and by which certificate a device knows it.
pub(crate) struct Signer {
    certificate: PathBuf,
    key: Option<PathBuf>,
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
    run(Command::new("cp").arg("-r").arg(root().join("deploy/image/root")).arg(&over))?;
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
    let recipe = format!(
        "{release} {include}\n{inside}{before}\n{}",
        said(
            Command::new("sh")
                .args(["-c", "find over debs -type f -exec sha256sum {} + | sort; find over -perm -100 | sort"])
                .current_dir(place)
        )?
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
    fs::write(ready, recipe)?;
    Ok(archive)
}

/// When what is built was written: the same sources give the same dates.
fn epoch() -> anyhow::Result<String> {
    said(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))
}

/// A system as slots have it.
pub(crate) struct System {
    /// FAT with what the firmware starts.
    boot: PathBuf,
    /// squashfs and its hashes.
    root: PathBuf,
    /// Bytes of both.
    size: u64,
    /// Of the hashes' own root.
    hash: String,
    /// Bytes of the squashfs: behind them the hashes begin.
    data: u64,
}

impl System {
    /// From a tree, with some files more, and words more for the kernel.
    pub(crate) fn make(tree: &Path, more: &[(&str, &str)], words: &str, place: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(place));
        fs::create_dir_all(place.join("more"))?;
        let mut names = Vec::new();
        for (path, text) in more {
            let file = place.join("more").join(path);
            fs::create_dir_all(file.parent().context("a directory")?)?;
            fs::write(&file, text)?;
            names.push(format!("./{path}"));
        }
        let root = place.join("root.img");
        let whole = place.join("whole.tar");
        run(Command::new("cp").arg(tree).arg(&whole))?;
        if !names.is_empty() {
            let mut append = Command::new("tar");
            append.arg("-C").arg(place.join("more")).args(["--owner=0", "--group=0", "-rf"]).arg(&whole);
            run(append.args(&names))?;
        }
        let mut squash = Command::new("mksquashfs");
        squash.arg("-").arg(&root).args([
            "-tar",
            "-comp",
            "zstd",
            "-Xcompression-level",
            "12",
            "-b",
            "256K",
            "-noappend",
            "-quiet",
            "-no-progress",
            "-no-xattrs",
        ]);
        run(squash.env("SOURCE_DATE_EPOCH", epoch()?).stdin(Stdio::from(fs::File::open(&whole)?)))?;
        fs::remove_file(&whole)?;
        let data = fs::metadata(&root)?.len();
        anyhow::ensure!(data % 4096 == 0, "a squashfs of {data} bytes does not end with a block");
        let said = said(
            Command::new("/sbin/veritysetup")
                .arg("format")
                .arg(format!("--hash-offset={data}"))
                .args(["--salt=-", "--uuid=00000000-0000-4000-8000-000000000000"])
                .arg(&root)
                .arg(&root),
        )?;
        let hash = said
            .lines()
            .find_map(|line| line.strip_prefix("Root hash:"))
            .context("veritysetup names no hash")?
            .trim()
            .to_owned();
        let size = fs::metadata(&root)?.len();
        anyhow::ensure!(size <= ROOT * MIB, "the root has {} MB, its slot {ROOT} MiB", megabytes(size));
        let system = Self { boot: place.join("boot.img"), root, size, hash, data };
        system.start_by_firmware(tree, words, place)?;
        Ok(system)
    }

    /// The same root, started with other words.
    pub(crate) fn with(&self, tree: &Path, words: &str, place: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(place));
        fs::create_dir_all(place)?;
        let (root, hash) = (self.root.clone(), self.hash.clone());
        let system = Self { boot: place.join("boot.img"), root, hash, ..*self };
        system.start_by_firmware(tree, words, place)?;
        Ok(system)
    }

    /// One EFI program of kernel, initramfs and command line, where firmware looks for one.
    fn start_by_firmware(&self, tree: &Path, words: &str, place: &Path) -> anyhow::Result<()> {
        let Self { hash, data, .. } = self;
        let line = format!(
            "root=/dev/mapper/cccd-root rootfstype=squashfs ro quiet panic=10 fsck.mode=skip systemd.gpt_auto=no \
             systemd.show_status=0 cccd.hash={hash} cccd.size={data} {words}"
        );
        let parts = place.join("parts");
        fs::create_dir_all(&parts)?;
        let made = tree.parent().context("a directory")?.join("boot");
        let one = |pattern: &str| -> anyhow::Result<PathBuf> {
            glob::glob(&made.join(pattern).to_string_lossy())?.flatten().next().with_context(|| format!("no {pattern}"))
        };
        fs::write(parts.join("line"), line.trim())?;
        fs::write(parts.join("release"), "ID=cccd\nPRETTY_NAME=\"CCCD kiosk\"\n")?;
        let sections = [
            (".osrel", parts.join("release")),
            (".cmdline", parts.join("line")),
            (".linux", one("vmlinuz-*")?),
            (".initrd", one("initrd.img-*")?),
        ];
        let program = parts.join("BOOTX64.EFI");
        unify(Path::new("/usr/lib/systemd/boot/efi/linuxx64.efi.stub"), &sections, &program)?;
        // No larger than it must be: an update writes all of it.
        let size = (fs::metadata(&program)?.len() / MIB + 4).max(40);
        anyhow::ensure!(size <= BOOT, "what the firmware starts has {size} MiB, its slot {BOOT}");
        fat(&self.boot, size, "CCCD-BOOT")?;
        run(Command::new("mmd").arg("-i").arg(&self.boot).args(["::/EFI", "::/EFI/BOOT"]))?;
        run(Command::new("mcopy").arg("-m").arg("-i").arg(&self.boot).arg(&program).arg("::/EFI/BOOT/BOOTX64.EFI"))?;
        fs::write(place.join("started"), fs::metadata(&program)?.len().to_string())?;
        Ok(fs::remove_dir_all(parts)?)
    }

    /// Bytes of what the firmware starts.
    fn started(&self) -> anyhow::Result<u64> {
        Ok(fs::read_to_string(self.boot.with_file_name("started"))?.parse()?)
    }

    /// A disk whose first slot has this system; the second one is empty, and the data partition is made by the device.
    pub(crate) fn disk(&self, disk: &Path) -> anyhow::Result<()> {
        drop(fs::remove_file(disk));
        let mut parts = Vec::new();
        let mut table = "label: gpt\nlabel-id: 6d6f7264-6363-4363-8000-000000000000\n".to_owned();
        let mut start = MIB;
        for (number, (name, size, kind, content)) in [
            ("boot-a", BOOT, "uefi", Some(&self.boot)),
            ("root-a", ROOT, "linux", Some(&self.root)),
            ("boot-b", BOOT, "uefi", None),
            ("root-b", ROOT, "linux", None),
        ]
        .into_iter()
        .enumerate()
        {
            // The same on every device, so that the firmware's entries fit whatever is written here later.
            table += &format!(
                "start={}, size={}, type={kind}, name={name}, uuid=6d6f7264-6363-4363-8000-00000000000{}\n",
                start / 512,
                size * MIB / 512,
                number + 1
            );
            parts.push((start, content));
            start += size * MIB;
        }
        let mut file = fs::File::create(disk)?;
        // Room for the table's copy.
        file.set_len(start + MIB)?;
        let mut sfdisk =
            Command::new("/sbin/sfdisk").arg("--quiet").arg(disk).stdin(Stdio::piped()).spawn().context("sfdisk")?;
        sfdisk.stdin.take().context("a pipe")?.write_all(table.as_bytes())?;
        anyhow::ensure!(sfdisk.wait()?.success(), "sfdisk does not take\n{table}");
        for (start, content) in parts {
            if let Some(content) = content {
                copy_into(&mut file, start, content)?;
            }
        }
        Ok(())
    }

    /// The same as a signed bundle; the hash by which a rollout names it.
    pub(crate) fn bundle(
        &self,
        architecture: &str,
        version: &str,
        signer: &Signer,
        bundle: &Path,
    ) -> anyhow::Result<String> {
        let key = signer.key.as_ref().context("a bundle is signed: --key")?;
        let content = bundle.with_extension("content");
        drop(fs::remove_dir_all(&content));
        fs::create_dir_all(&content)?;
        // What the firmware starts comes last: until then it starts nothing new.
        let manifest = format!(
            "[update]\ncompatible=cccd-kiosk-{architecture}\nversion={version}\n\n[bundle]\nformat=verity\n\n\
             [image.root]\nfilename=root.img\n\n[image.boot]\nfilename=boot.img\n"
        );
        fs::write(content.join("manifest.raucm"), manifest)?;
        for image in [&self.root, &self.boot] {
            fs::hard_link(image, content.join(image.file_name().context("a file")?))?;
        }
        drop(fs::remove_file(bundle));
        let mut rauc = Command::new("rauc");
        // What is in it is packed already.
        rauc.args(["bundle", "--mksquashfs-args=-comp zstd -Xcompression-level 3"]);
        rauc.arg("--cert").arg(&signer.certificate).arg("--key").arg(key).arg(&content).arg(bundle);
        said(&mut rauc)?;
        fs::remove_dir_all(&content)?;
        manifest_hash(bundle)
    }
}

/// The SHA-256 of the manifest as it was signed, which `rauc info` of Debian 12 does not say: the signature with the manifest in it
/// stands at a bundle's end, and its length behind it.
fn manifest_hash(bundle: &Path) -> anyhow::Result<String> {
    let mut file = fs::File::open(bundle)?;
    let end = file.seek(SeekFrom::End(-8))?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let start = end.checked_sub(u64::from_be_bytes(length)).context("no bundle")?;
    file.seek(SeekFrom::Start(start))?;
    let mut signature = Vec::new();
    file.take(end - start).read_to_end(&mut signature)?;
    let place = bundle.with_extension("signature");
    fs::write(&place, signature)?;
    let manifest = bundle.with_extension("manifest");
    let mut cms = Command::new("openssl");
    cms.args(["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in"]).arg(&place);
    said(cms.arg("-out").arg(&manifest))?;
    let sum = said(Command::new("sha256sum").arg(&manifest))?;
    fs::remove_file(place)?;
    fs::remove_file(manifest)?;
    Ok(sum.split(' ').next().unwrap_or_default().to_owned())
}

/// An empty FAT file system of some MiB, the same each time.
fn fat(file: &Path, size: u64, label: &str) -> anyhow::Result<()> {
    drop(fs::remove_file(file));
    let blocks = (size * 1024).to_string();
    let mut format = Command::new("/sbin/mkfs.vfat");
    format.args(["--invariant", "-F", "32", "-n", label, "-C"]).arg(file).arg(blocks).stdout(Stdio::null());
    run(&mut format)
}

/// Puts a file into another at a place; what is zero there stays a hole.
fn copy_into(disk: &mut fs::File, start: u64, file: &Path) -> anyhow::Result<()> {
    let mut from = fs::File::open(file)?;
    let mut block = vec![0; 1 << 20];
    let mut at = start;
    loop {
        let length = from.read(&mut block)?;
        if length == 0 {
            return Ok(());
        }
        if block[..length].iter().any(|byte| *byte != 0) {
            disk.seek(SeekFrom::Start(at))?;
            disk.write_all(&block[..length])?;
        }
        at += u64::try_from(length)?;
    }
}

/// Puts sections behind those of systemd's stub, as `ukify` does where Debian has it.
fn unify(stub: &Path, sections: &[(&str, PathBuf)], program: &Path) -> anyhow::Result<()> {
    let about = said(Command::new("objdump").arg("-h").arg("-p").arg(stub))?;
    let (mut next, align) = ends(&about)?;
    let mut objcopy = Command::new("objcopy");
    for (name, file) in sections {
        objcopy.arg("--add-section").arg(format!("{name}={}", file.display()));
        objcopy.arg("--change-section-vma").arg(format!("{name}={next:#x}"));
        next = (next + fs::metadata(file)?.len()).next_multiple_of(align);
    }
    run(objcopy.arg(stub).arg(program))
}

/// Where the last section of an EFI program ends, and how sections are aligned, of what objdump says.
fn ends(objdump: &str) -> anyhow::Result<(u64, u64)> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let align = objdump.lines().find_map(|line| number(line.strip_prefix("SectionAlignment")?.trim()));
    let align = align.context("objdump names no alignment")?;
    let end = objdump.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_section = words.len() == 7 && words[0].parse::<u32>().is_ok();
        is_section.then(|| Some(number(words[2])? + number(words[3])?))?
    });
    Ok((end.max().context("objdump names no section")?.next_multiple_of(align), align))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rauc_is_told_two_systems_whose_parts_go_together() {
        let text = KINDS[0].system_conf();
        for wanted in [
            "bootloader=efi\n",
            "bundle-formats=verity\n",
            "[slot.boot.1]\ndevice=/run/cccd/slots/boot-b\ntype=raw\nparent=root.1\n",
        ] {
            assert!(text.contains(wanted), "{text}");
        }
        assert_eq!(text.matches("bootname=").count(), 2, "{text}");
    }

    #[test]
    fn sections_come_behind_those_of_the_stub() {
        let text = "SectionAlignment\t00001000\n  0 .text  0000be60  0000000000004000  0000000000004000  00000400  2**4\n   CONTENTS\n  \
                    9 .sbat 000000e6  000000000001c000  000000000001c000  00014e00  2**2\n";
        assert_eq!(ends(text).expect("ends"), (0x1d000, 0x1000));
        assert!(ends("nothing").is_err());
    }

    #[test]
    fn every_script_of_the_image_is_read_by_a_shell() {
        let mut count = 0;
        for pattern in ["etc/initramfs-tools/hooks/*", "etc/initramfs-tools/scripts/*/*", "usr/lib/cccd-image/*"] {
            for script in
                glob::glob(&root().join("deploy/image/root").join(pattern).to_string_lossy()).expect("pattern")
            {
                let script = script.expect("a path");
                count += 1;
                assert!(
                    Command::new("sh").arg("-n").arg(&script).status().expect("sh").success(),
                    "{}",
                    script.display()
                );
                let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&script).expect("file").permissions());
                assert_eq!(mode & 0o111, 0o111, "{}", script.display());
            }
        }
        assert_eq!(count, 6);
    }
}
