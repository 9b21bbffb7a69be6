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
const NEEDS: [Need; 14] = [
    need("gcc", "/usr/bin/gcc", "builds SQLite and the TLS library"),
    need("libc6-dev", "/usr/include/stdlib.h", "builds SQLite and the TLS library"),
    need("pkg-config", "/usr/bin/pkg-config", "finds libraries"),
    need("libssl-dev", "/usr/include/openssl/ssl.h", "chip cryptography"),
    need("libpcsclite-dev", "/usr/include/PCSC/winscard.h", "PC/SC client"),
    need("pcscd", "/usr/sbin/pcscd", "PC/SC service"),
    need("vsmartcard-vpcd", "/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "virtual reader"),
    need("iproute2", "/bin/ip", "private network of the demonstration"),
    test_need("libeac-dev", "/usr/include/eac/eac.h", "a PACE card that is not ours"),
    test_need("vsmartcard-vpicc", "/usr/bin/vicc", "a BAC card that is not ours"),
    test_need("python3-pycryptodome", "/usr/lib/python3/dist-packages/Cryptodome/__init__.py", "ciphers of that BAC card"),
    test_need("softhsm2", "/usr/lib/softhsm/libsofthsm2.so", "a PKCS#11 token"),
    test_need("chromium", "/usr/bin/chromium", "the browser that uses the kiosk"),
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

/// Installs what is missing, saying so.
pub(crate) fn install(purpose: Purpose) -> anyhow::Result<()> {
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

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?) == 0;
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
