//! What a machine with Debian 13 or 12 needs, how to see whether it is there, and how to get it.
//!
//! Releases lay files out differently: a sign names no release, no processor and no version of another package in its path.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::Command;

/// What the machine is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build what the demonstration needs, and demonstrate.
    Demo,
    /// Build all of it.
    Build,
    /// Run all tests.
    Test,
}

/// When a need is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// For what runs on devices, and so for packages and tests.
    Devices,
    Tests,
    /// For a part of the tests; where Debian does not have it, that part is skipped and says so.
    Parts,
    /// Only for the command that gets it itself.
    Asked,
}

/// A need: the Debian package, a pattern of the file that shows it is there, what it is for.
struct Need {
    package: &'static str,
    sign: &'static str,
    why: &'static str,
    when: When,
}

impl Need {
    fn is_there(&self) -> bool {
        glob::glob(self.sign).is_ok_and(|mut found| found.next().is_some())
    }
}

const fn need(package: &'static str, sign: &'static str, why: &'static str) -> Need {
    Need { package, sign, why, when: When::Always }
}

const fn device_need(package: &'static str, sign: &'static str, why: &'static str) -> Need {
    Need { package, sign, why, when: When::Devices }
}

const fn test_need(package: &'static str, sign: &'static str, why: &'static str) -> Need {
    Need { package, sign, why, when: When::Tests }
}

const fn part_need(package: &'static str, sign: &'static str, why: &'static str) -> Need {
    Need { package, sign, why, when: When::Parts }
}

const fn image_need(package: &'static str, sign: &'static str) -> Need {
    Need { package, sign, why: "`cargo xtask image`", when: When::Asked }
}

#[rustfmt::skip]
const NEEDS: [Need; 61] = [
    need("gcc", "/usr/bin/gcc", "builds SQLite and the TLS library"),
    need("libc6-dev", "/usr/include/stdlib.h", "builds SQLite and the TLS library"),
    need("pkg-config", "/usr/bin/pkg-config", "finds libraries"),
    need("libssl-dev", "/usr/include/openssl/ssl.h", "chip cryptography"),
    need("libpcsclite-dev", "/usr/include/PCSC/winscard.h", "PC/SC client"),
    device_need("libnfc-dev", "/usr/include/nfc/nfc.h", "readers through libnfc"),
    device_need("libtss2-dev", "/usr/include/tss2/tss2_esys.h", "keys in a TPM"),
    device_need("libclang-dev", "/usr/lib/llvm-*/lib/libclang.so", "reads the headers of libnfc"),
    need("pcscd", "/usr/sbin/pcscd", "PC/SC service"),
    need("vsmartcard-vpcd", "/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "virtual reader"),
    need("iproute2", "/bin/ip", "private network of the demonstration"),
    need("ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "fetches crates"),
    test_need("libeac-dev", "/usr/include/eac/eac.h", "a PACE card that is not ours"),
    test_need("vsmartcard-vpicc", "/usr/bin/vicc", "a BAC card that is not ours"),
    test_need("python3-pycryptodome", "/usr/lib/python3/dist-packages/Cryptodome/__init__.py", "ciphers of that BAC card"),
    test_need(
        "python3-cryptography",
        "/usr/lib/python3/dist-packages/cryptography/__init__.py",
        "an encoder of seals that is not ours",
    ),
    test_need("nodejs", "/usr/bin/node", "a judge of seals that is not ours"),
    test_need("swtpm", "/usr/bin/swtpm", "a TPM"),
    test_need("libtss2-tcti-swtpm0", "/usr/lib/*/libtss2-tcti-swtpm.so.0", "reaches that TPM"),
    test_need("softhsm2", "/usr/lib/softhsm/libsofthsm2.so", "a PKCS#11 token"),
    test_need("chromium", "/usr/bin/chromium", "the browser that uses kiosk and desk"),
    test_need("gnumeric", "/usr/bin/ssconvert", "the spreadsheet program that reads what the portal gets"),
    test_need("libfaketime", "/usr/lib/*/faketime/libfaketime.so.1", "a device whose clock is days ahead"),
    test_need("curl", "/usr/bin/curl", "a client of the local interface that is not ours"),
    test_need("socat", "/usr/bin/socat", "reaches a desk in its private network"),
    test_need("espeak-ng", "/usr/bin/espeak-ng", "the voice of a kiosk"),
    test_need("qemu-system-x86", "/usr/bin/qemu-system-x86_64", "a machine with a panel and a pointer"),
    test_need("busybox-static", "/bin/busybox", "starts that machine"),
    test_need("e2fsprogs", "/sbin/mke2fs", "the disk of a machine that boots the packages"),
    test_need("cpio", "/usr/bin/cpio", "starts that machine"),
    test_need("kmod", "/sbin/modprobe", "finds the drivers of that machine"),
    test_need("udev", "/lib/systemd/systemd-udevd", "that machine's readers and ports, when they are plugged in"),
    test_need("libccid", "/usr/lib/pcsc/drivers/ifd-ccid.bundle", "drives that machine's chip reader"),
    test_need("binutils", "/usr/bin/strip", "makes programs small for that machine"),
    test_need("dbus-daemon", "/usr/bin/dbus-daemon", "a private bus for updates"),
    test_need("rauc", "/usr/bin/rauc", "the update service that devices with two systems have"),
    test_need("squashfs-tools", "/usr/bin/mksquashfs", "a bundle for that service, and `cargo xtask image`"),
    test_need("openssl", "/usr/bin/openssl", "an EST client, and a certificate for that service"),
    test_need("python3", "/usr/bin/python3", "runs that BAC card"),
    test_need("libxkbcommon0", "/usr/lib/*/libxkbcommon.so.0", "layouts of keyboards that are not ours"),
    test_need("xkb-data", "/usr/share/X11/xkb/rules/evdev", "layouts of keyboards that are not ours"),
    test_need("xz-utils", "/usr/bin/xz", "unpacks the drivers of that machine"),
    part_need("python3-pip", "/usr/lib/python3/dist-packages/pip/__init__.py", "fetches a judge of messages that is not ours"),
    part_need("debootstrap", "/usr/sbin/debootstrap", "a tree of Debian for the packages"),
    part_need("dpkg-dev", "/usr/bin/dpkg-shlibdeps", "what packages depend on"),
    part_need("gcc-aarch64-linux-gnu", "/usr/bin/aarch64-linux-gnu-gcc", "a device's processor"),
    part_need("qemu-user-static", "/usr/bin/qemu-aarch64-static", "a device's processor"),
    part_need("rustc-web", "/var/lib/dpkg/info/rustc-web.list", "a device's processor"),
    Need {
        package: "gcc-arm-linux-gnueabihf",
        sign: "/usr/bin/arm-linux-gnueabihf-gcc",
        why: "`cargo xtask cross armv7`, packages for armhf",
        when: When::Asked,
    },
    Need {
        package: "openssh-client",
        sign: "/usr/bin/ssh-keygen",
        why: "signs what `cargo xtask release` makes",
        when: When::Asked,
    },
    image_need("mmdebstrap", "/usr/bin/mmdebstrap"),
    // Without it only root enters a tree.
    image_need("uidmap", "/usr/bin/newuidmap"),
    image_need("cryptsetup-bin", "/sbin/veritysetup"),
    image_need("fdisk", "/sbin/sfdisk"),
    image_need("dosfstools", "/sbin/mkfs.vfat"),
    image_need("mtools", "/usr/bin/mcopy"),
    image_need("systemd-boot-efi", "/usr/lib/systemd/boot/efi/linux*.efi.stub"),
    image_need("ovmf", "/usr/share/OVMF/OVMF_CODE_4M.fd"),
    image_need("make", "/usr/bin/make"),
    image_need("qemu-system-arm", "/usr/bin/qemu-system-aarch64"),
    image_need("device-tree-compiler", "/usr/bin/fdtput"),
];

fn missing(purpose: Purpose) -> Vec<&'static Need> {
    let wanted = |need: &&Need| match need.when {
        When::Always => true,
        When::Devices => purpose != Purpose::Demo,
        When::Tests => purpose == Purpose::Test,
        When::Parts | When::Asked => false,
    };
    NEEDS.iter().filter(wanted).filter(|need| !need.is_there()).collect()
}

/// What comes from elsewhere than Debian's packages into the target directory: what, the sign, what for.
fn fetched() -> Vec<(String, std::path::PathBuf, &'static str)> {
    let target = crate::target();
    let npm = NPM.map(|(name, version, _)| {
        (
            name.to_owned(),
            target.join("npm").join(name).join(format!("ready-{version}")),
            "tests, from the npm registry",
        )
    });
    let rest = [
        ("judge of FHIR", python().1, "tests, from PyPI"),
        ("kernel of Debian", target.join("guest/ready"), "tests, from Debian, not installed"),
        (crate::sbom::TOOL.0, crate::sbom::TOOL.place(), "packages, from crates.io"),
        (crate::NEXTEST.0, crate::NEXTEST.place(), "tests, from crates.io where it is not on the PATH"),
        (crate::docs::TOOL.0, crate::docs::TOOL.place(), "the manual (`cargo xtask docs`), from crates.io"),
        ("libraries for aarch64", target.join("cross/aarch64/ready"), "tests, from Debian, not installed"),
        ("libraries for armv7", target.join("cross/armv7/ready"), "packages for armhf, from Debian, not installed"),
        ("tree of Debian", crate::deb::base().join("ready"), "tests of the packages, from Debian"),
        ("tree for arm64", crate::deb::board("arm64").join("ready"), "`deb --check --arch arm64`, from Debian"),
        ("tree for armhf", crate::deb::board("armhf").join("ready"), "`deb --check --arch armhf`, from Debian"),
    ];
    npm.into_iter().chain(rest.map(|(what, sign, why)| (what.to_owned(), sign, why))).collect()
}

/// Says what is there and what is not.
pub(crate) fn report() -> anyhow::Result<()> {
    for need in &NEEDS {
        let mark = match (need.is_there(), need.when) {
            (true, _) => "ok     ",
            (false, When::Always | When::Devices | When::Tests) => "MISSING",
            (false, When::Parts | When::Asked) => "later  ",
        };
        let when = match need.when {
            When::Always => "",
            When::Devices => " (packages and tests only)",
            When::Tests => " (tests only)",
            When::Parts => " (part of the tests)",
            When::Asked => " (only then)",
        };
        println!("{mark} {:22} {}{when}", need.package, need.why);
    }
    for (what, sign, why) in fetched() {
        println!("{} {what:22} {why}", if sign.exists() { "ok     " } else { "later  " });
    }
    let lacking = missing(Purpose::Test);
    if lacking.is_empty() {
        println!("this machine has all it needs; what comes later is fetched by the command that wants it");
        return Ok(());
    }
    bail!("{} packages are missing; `cargo xtask doctor --install` gets them", lacking.len())
}

/// Debian's kernel for the machine of a test, unpacked into `directory`; it is not installed.
fn fetch_kernel(directory: &Path) -> anyhow::Result<()> {
    if directory.join("ready").exists() {
        return Ok(());
    }
    // Lists of packages that are missing or old name a kernel that the mirror no longer has.
    try_to_fetch_kernel(directory).or_else(|_| {
        apt(&["update"])?;
        try_to_fetch_kernel(directory)
    })
}

fn try_to_fetch_kernel(directory: &Path) -> anyhow::Result<()> {
    let depends = Command::new("apt-cache").args(["depends", "linux-image-amd64"]).output()?;
    let depends = String::from_utf8_lossy(&depends.stdout);
    let package =
        depends.lines().find_map(|line| line.trim().strip_prefix("Depends: ")).context("linux-image-amd64")?;
    eprintln!("── fetching {package} into {}", directory.display());
    // What an interrupted fetch left behind is of no use.
    drop(std::fs::remove_dir_all(directory));
    // Debian's merged layout, whether a release's package names /lib or /usr/lib.
    std::fs::create_dir_all(directory.join("usr/lib"))?;
    std::os::unix::fs::symlink("usr/lib", directory.join("lib"))?;
    let run = |command: &mut Command| -> anyhow::Result<()> {
        let status = command.current_dir(directory).status()?;
        anyhow::ensure!(status.success(), "{command:?} ended with {status}");
        Ok(())
    };
    run(Command::new("apt-get").args(["-qq", "download", package]))?;
    let mut files = std::fs::read_dir(directory)?.flatten().map(|entry| entry.path());
    let deb = files.find(|path| path.extension().is_some_and(|kind| kind == "deb")).context("a package")?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg("."))?;
    std::fs::remove_file(&deb)?;
    let modules = std::fs::read_dir(directory.join("lib/modules"))?.flatten().next().context("modules")?;
    // Debian 13 packs its modules; busybox takes them as they were built.
    let unpack = ["-name", "*.ko.xz", "-exec", "xz", "--decompress", "{}", "+"];
    run(Command::new("find").arg(modules.path()).args(unpack))?;
    run(Command::new("/sbin/depmod").arg("--basedir").arg(directory).arg(modules.file_name()))?;
    Ok(std::fs::write(directory.join("ready"), package)?)
}

/// Installs what is missing, saying so.
pub(crate) fn install(purpose: Purpose) -> anyhow::Result<()> {
    install_packages(purpose)?;
    if purpose != Purpose::Test {
        return Ok(());
    }
    for need in NEEDS.iter().filter(|need| need.when == When::Parts && !need.is_there()) {
        if let Err(error) = get_unless(false, need.package) {
            eprintln!(
                "── {} cannot be had ({error:#}): {}: what needs it is skipped, and says so",
                need.package, need.why
            );
        }
    }
    if !crate::has(crate::NEXTEST.0) {
        crate::NEXTEST.fetch()?;
    }
    fetch_packages(&crate::target().join("npm"))?;
    fetch_python()?;
    fetch_kernel(&crate::target().join("guest"))
}

/// What judges messages, from PyPI: versions and hashes.
const REQUIREMENTS: &str = "hil-tests/peers/requirements.txt";

/// Where it is put, and the sign that it is there.
fn python() -> (std::path::PathBuf, std::path::PathBuf) {
    let place = crate::target().join("python");
    let ready = place.join("ready");
    (place, ready)
}

/// Fetches it; where it cannot be had, that is said, and the tests that want it say that they skip it.
fn fetch_python() -> anyhow::Result<()> {
    let (place, ready) = python();
    let wanted = std::fs::read(crate::root().join(REQUIREMENTS))?;
    if std::fs::read(&ready).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    drop(std::fs::remove_dir_all(&place));
    eprintln!("── fetching what {REQUIREMENTS} names from PyPI");
    let mut pip = Command::new("/usr/bin/python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]);
    pip.args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target"]).arg(&place);
    let fetched = pip.arg("--requirement").arg(crate::root().join(REQUIREMENTS)).status();
    if !fetched.is_ok_and(|status| status.success()) {
        eprintln!("── that cannot be had: what needs it is skipped, by name");
        return Ok(());
    }
    Ok(std::fs::write(ready, wanted)?)
}

/// What pages of the tests load, and what judges seals, from the npm registry: package, version, SHA-512 of the archive.
const NPM: [(&str, &str, &str); 5] = [
    (
        "socket.io-client",
        "4.8.1",
        "8495577eedc4dbc366cc693ca35b0784dde89b9dad46fc187a275b8fbc4acb678822c7b9228297dd44a54ba4eab7704702d7e52c890240193356b1047d653261",
    ),
    (
        "axe-core",
        "4.10.3",
        "5e6edba515e70d25f6604d9815f064d859c5d1ea7ab661bbc4f87c88779ef0c21cae0abbeb636471ef39e9d62d2582e4b88a1866f19f4ecfcf6d986275e4dc12",
    ),
    (
        "@pathcheck/vds-sdk",
        "0.0.6",
        "0b20b0217bef23f5145f675a6999b246f6383045d0b43c09df9803373fea3b9168c1d9bd131e26cdb949267fcd55ed6c739fe216c0f278ebbd7809a02a61dbf4",
    ),
    (
        "@fidm/asn1",
        "1.0.4",
        "7ac7758f236f45bd8755a406ab61a0f19d246d03d7cd5f53ab9675e0a348a2fe8a7c50fa3d369120ef14a5cb188933733aa2699b2cd68154eb530155dd41784d",
    ),
    (
        "json-canonicalize",
        "1.0.6",
        "90fda2629392e5264762121a475b7da06f34778b936378cfa1a063fa78a6cb79e3b4993cfac46c55ab4df29c8944346d93d4aedfee97a80d94f24d1d07224151",
    ),
];

/// Fetches them; what cannot be had is said, and the tests that want it say that they skip it.
fn fetch_packages(directory: &Path) -> anyhow::Result<()> {
    for (name, version, hash) in NPM {
        let place = directory.join(name);
        let ready = place.join(format!("ready-{version}"));
        if ready.exists() {
            continue;
        }
        drop(std::fs::remove_dir_all(&place));
        std::fs::create_dir_all(&place)?;
        let archive = place.join("package.tgz");
        // The archive of a scoped package has the name without the scope.
        let file = name.rsplit('/').next().unwrap_or(name);
        let url = format!("https://registry.npmjs.org/{name}/-/{file}-{version}.tgz");
        eprintln!("── fetching {name} {version} from the npm registry");
        let fetched =
            Command::new("curl").args(["-sSf", "--max-time", "120", "-o"]).arg(&archive).arg(&url).status()?;
        if !fetched.success() {
            eprintln!("── {name} cannot be had: what needs it is skipped, by name");
            continue;
        }
        let sum = Command::new("sha512sum").arg(&archive).output()?;
        if !String::from_utf8_lossy(&sum.stdout).starts_with(hash) {
            bail!("{url} is not what it was when it was chosen");
        }
        let unpack =
            Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&place).arg("--strip-components=1").status()?;
        anyhow::ensure!(unpack.success(), "{name} cannot be unpacked");
        std::fs::write(ready, "")?;
    }
    Ok(())
}

fn install_packages(purpose: Purpose) -> anyhow::Result<()> {
    let lacking = missing(purpose);
    if lacking.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = lacking.iter().map(|n| n.package).collect();
    eprintln!("── installing through apt-get: {}", packages.join(" "));
    apt(&["update"])?;
    let install = ["install", "--yes", "--no-install-recommends"];
    let arguments = [&install[..], &packages].concat();
    // A busy mirror can fail half-way; what came already is kept.
    if apt(&arguments).is_err() {
        apt(&arguments)?;
    }
    let still = missing(purpose);
    if let Some(need) = still.first() {
        bail!("{} is still missing after installing {}", need.sign, need.package);
    }
    Ok(())
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Installs the package that a file comes from, where the file is not there.
pub(crate) fn need_file(file: &Path, package: &str) -> anyhow::Result<()> {
    get_unless(file.exists(), package)
}

/// The same for a program.
pub(crate) fn need_program(program: &str, package: &str) -> anyhow::Result<()> {
    get_unless(crate::has(program), package)
}

/// Gets what of these packages, which stand in the table, is not there.
pub(crate) fn need_packages(packages: &[&str]) -> anyhow::Result<()> {
    for package in packages {
        let need =
            NEEDS.iter().find(|need| need.package == *package).with_context(|| format!("{package} is no need"))?;
        get_unless(need.is_there(), package)?;
    }
    Ok(())
}

fn get_unless(is_there: bool, package: &str) -> anyhow::Result<()> {
    if is_there {
        return Ok(());
    }
    eprintln!("── installing through apt-get: {package}");
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", package])
}

pub(crate) fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let root = is_root();
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.arg("apt-get");
    }
    command.args(["-o", "DPkg::Lock::Timeout=300", "-qq"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.status().with_context(|| match root {
        true => "cannot start apt-get; this needs Debian 13 or 12, or a relative",
        false => "cannot start sudo; run this as root, or install sudo",
    })?;
    if !status.success() {
        bail!("apt-get {} ended with {status}", arguments[0]);
    }
    Ok(())
}

/// The name of the machine's release, as Debian's mirrors have it.
pub(crate) fn release() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name.context("/etc/os-release names no release")?.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_has_a_release_or_a_processor_in_its_path() {
        for need in &NEEDS {
            let (directory, _) = need.sign.rsplit_once('/').expect("a path");
            let dashed =
                directory.split('-').skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
            assert!(!dashed && !directory.contains("x86_64"), "{}", need.sign);
            assert!(glob::Pattern::new(need.sign).is_ok(), "{}", need.sign);
        }
    }
}
