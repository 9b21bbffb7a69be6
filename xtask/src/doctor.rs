//! What a Debian 12 machine needs, how to see whether it is there, and how to get it.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::Command;

/// What the machine is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build and demonstrate.
    Demo,
    /// Run all tests.
    Test,
}

/// A need: the Debian package, the file that shows it is there, what it is for.
struct Need {
    package: &'static str,
    file: &'static str,
    why: &'static str,
    test_only: bool,
}

const fn need(package: &'static str, file: &'static str, why: &'static str) -> Need {
    Need { package, file, why, test_only: false }
}

const fn test_need(package: &'static str, file: &'static str, why: &'static str) -> Need {
    Need { package, file, why, test_only: true }
}

#[rustfmt::skip]
const NEEDS: [Need; 33] = [
    need("gcc", "/usr/bin/gcc", "builds SQLite and the TLS library"),
    need("libc6-dev", "/usr/include/stdlib.h", "builds SQLite and the TLS library"),
    need("pkg-config", "/usr/bin/pkg-config", "finds libraries"),
    need("libssl-dev", "/usr/include/openssl/ssl.h", "chip cryptography"),
    need("libpcsclite-dev", "/usr/include/PCSC/winscard.h", "PC/SC client"),
    need("libnfc-dev", "/usr/include/nfc/nfc.h", "readers through libnfc"),
    need("libtss2-dev", "/usr/include/tss2/tss2_esys.h", "keys in a TPM"),
    need("libclang-dev", "/usr/lib/llvm-14/lib/libclang.so.1", "reads the headers of libnfc"),
    need("pcscd", "/usr/sbin/pcscd", "PC/SC service"),
    need("vsmartcard-vpcd", "/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "virtual reader"),
    need("iproute2", "/bin/ip", "private network of the demonstration"),
    test_need("libeac-dev", "/usr/include/eac/eac.h", "a PACE card that is not ours"),
    test_need("vsmartcard-vpicc", "/usr/bin/vicc", "a BAC card that is not ours"),
    test_need("python3-pycryptodome", "/usr/lib/python3/dist-packages/Cryptodome/__init__.py", "ciphers of that BAC card"),
    test_need("swtpm", "/usr/bin/swtpm", "a TPM"),
    test_need("libtss2-tcti-swtpm0", "/usr/lib/x86_64-linux-gnu/libtss2-tcti-swtpm.so.0", "reaches that TPM"),
    test_need("softhsm2", "/usr/lib/softhsm/libsofthsm2.so", "a PKCS#11 token"),
    test_need("chromium", "/usr/bin/chromium", "the browser that uses kiosk and desk"),
    test_need("gnumeric", "/usr/bin/ssconvert", "the spreadsheet program that reads what the portal gets"),
    test_need("libfaketime", "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "a device whose clock is days ahead"),
    test_need("curl", "/usr/bin/curl", "a client of the local interface that is not ours"),
    test_need("socat", "/usr/bin/socat", "reaches a desk in its private network"),
    test_need("espeak-ng", "/usr/bin/espeak-ng", "the voice of a kiosk"),
    test_need("qemu-system-x86", "/usr/bin/qemu-system-x86_64", "a machine with a panel and a pointer"),
    test_need("busybox-static", "/bin/busybox", "starts that machine"),
    test_need("e2fsprogs", "/sbin/mke2fs", "the disk of a machine that boots the packages"),
    test_need("cpio", "/usr/bin/cpio", "starts that machine"),
    test_need("kmod", "/sbin/modprobe", "finds the drivers of that machine"),
    test_need("binutils", "/usr/bin/strip", "makes programs small for that machine"),
    test_need("dbus-daemon", "/usr/bin/dbus-daemon", "a private bus for updates"),
    test_need("rauc", "/usr/bin/rauc", "the update service that devices with two systems have"),
    test_need("openssl", "/usr/bin/openssl", "an EST client, and a certificate for that service"),
    test_need("python3", "/usr/bin/python3", "runs that BAC card"),
];

fn missing(purpose: Purpose) -> Vec<&'static Need> {
    NEEDS.iter().filter(|n| (purpose == Purpose::Test || !n.test_only) && !Path::new(n.file).exists()).collect()
}

/// Says what is there and what is not.
pub(crate) fn report() -> anyhow::Result<()> {
    for need in &NEEDS {
        let mark = if Path::new(need.file).exists() { "ok     " } else { "MISSING" };
        println!("{mark} {:18} {}{}", need.package, need.why, if need.test_only { " (tests only)" } else { "" });
    }
    let lacking = missing(Purpose::Test);
    if lacking.is_empty() {
        println!("this machine has all it needs");
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
    std::fs::create_dir_all(directory)?;
    let run = |command: &mut Command| -> anyhow::Result<()> {
        let status = command.current_dir(directory).status()?;
        anyhow::ensure!(status.success(), "{command:?} ended with {status}");
        Ok(())
    };
    run(Command::new("apt-get").args(["-qq", "download", package]))?;
    let deb = std::fs::read_dir(directory)?.flatten().map(|entry| entry.path()).next().context("a package")?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg("."))?;
    std::fs::remove_file(&deb)?;
    let modules = std::fs::read_dir(directory.join("lib/modules"))?.flatten().next().context("modules")?;
    run(Command::new("/sbin/depmod").arg("--basedir").arg(directory).arg(modules.file_name()))?;
    Ok(std::fs::write(directory.join("ready"), package)?)
}

/// Installs what is missing, saying so.
pub(crate) fn install(purpose: Purpose) -> anyhow::Result<()> {
    install_packages(purpose)?;
    if purpose == Purpose::Demo {
        return Ok(());
    }
    fetch_packages(&crate::target().join("npm"))?;
    fetch_kernel(&crate::target().join("guest"))
}

/// What pages of the tests load, from the npm registry: package, version, SHA-512 of the archive.
const NPM: [(&str, &str, &str); 2] = [
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
        let url = format!("https://registry.npmjs.org/{name}/-/{name}-{version}.tgz");
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
        bail!("{} is still missing after installing {}", need.file, need.package);
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
    let status = command.status().context("cannot start apt-get; this needs Debian 12 or a relative")?;
    if !status.success() {
        bail!("apt-get {} ended with {status}", arguments[0]);
    }
    Ok(())
}
