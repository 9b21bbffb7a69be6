//! A machine in QEMU: a PC with OVMF, or a board whose firmware is read for it. Its disk, the memory of its firmware, and what it says.

use crate::deb::said;
use crate::image::Loader;
use crate::{raspberry, run};
use anyhow::{Context as _, bail};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running machine.
pub(crate) struct Running {
    child: Child,
    control: PathBuf,
}

impl Running {
    /// Has QEMU do something.
    pub(crate) fn command(&self, commands: &[serde_json::Value]) -> anyhow::Result<()> {
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

    pub(crate) fn picture(&self, file: &Path) -> anyhow::Result<()> {
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
pub(crate) struct Machine {
    loader: Loader,
    pub(crate) place: PathBuf,
    files: PathBuf,
}

/// OVMF, where the system has it: its program, and a memory that is empty.
fn ovmf() -> anyhow::Result<(PathBuf, PathBuf)> {
    let first = |pattern: &str| glob::glob(pattern).ok()?.flatten().next();
    let program =
        first("/usr/share/OVMF/OVMF_CODE_4M.fd").context("no /usr/share/OVMF/OVMF_CODE_4M.fd (package ovmf)")?;
    let memory =
        first("/usr/share/OVMF/OVMF_VARS_4M.fd").context("no /usr/share/OVMF/OVMF_VARS_4M.fd (package ovmf)")?;
    Ok((program, memory))
}

/// Packages that it runs with.
pub(crate) fn tools(loader: Loader) -> anyhow::Result<()> {
    let more: &[&str] = match loader {
        Loader::Efi => &["ovmf", "qemu-system-x86"],
        Loader::RaspberryPi => &["qemu-system-arm", "device-tree-compiler"],
    };
    crate::doctor::need_packages(more)?;
    crate::doctor::need_packages(&["e2fsprogs"])
}

#[allow(clippy::disallowed_methods, reason = "it waits for a machine that runs beside it")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

impl Machine {
    pub(crate) fn new(loader: Loader, place: &Path, image: &Path, files: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(place));
        fs::create_dir_all(place)?;
        copy(image, &place.join("disk"))?;
        // As a disk on which the image was written, with room behind it.
        fs::OpenOptions::new().write(true).open(place.join("disk"))?.set_len(3 << 30)?;
        let machine = Self { loader, place: place.to_owned(), files: files.to_owned() };
        match loader {
            Loader::Efi => fs::copy(ovmf()?.1, machine.memory()).map(drop)?,
            Loader::RaspberryPi => fs::write(machine.memory(), "")?,
        }
        Ok(machine)
    }

    /// What the firmware knows: variables of UEFI; of a Raspberry Pi's the one flag, which it keeps over a restart and not without power.
    fn memory(&self) -> PathBuf {
        self.place.join("firmware")
    }

    /// Itself as it is now, without power.
    pub(crate) fn copy(&self, to: &Path) -> anyhow::Result<Self> {
        drop(fs::remove_dir_all(to));
        fs::create_dir_all(to)?;
        copy(&self.place.join("disk"), &to.join("disk"))?;
        let copy = Self { loader: self.loader, place: to.to_owned(), files: self.files.clone() };
        match self.loader {
            Loader::Efi => fs::copy(self.memory(), copy.memory()).map(drop)?,
            Loader::RaspberryPi => fs::write(copy.memory(), "")?,
        }
        Ok(copy)
    }

    /// QEMU as a PC.
    fn pc(&self) -> anyhow::Result<Command> {
        let mut qemu = Command::new("qemu-system-x86_64");
        // No processor with instructions that the emulation takes minutes to test.
        qemu.args(["-machine", "q35", "-cpu", "Nehalem", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"]);
        let flash = |more: &str, file: &Path| format!("if=pflash,format=raw{more},file={}", file.display());
        qemu.args(["-drive", &flash(",readonly=on", &ovmf()?.0), "-drive", &flash("", &self.memory())]);
        qemu.args(["-smbios", "type=1,serial=BOX-1"]);
        Ok(qemu)
    }

    /// QEMU as a board without firmware, after the stand-in for it has read the disk: kernel, initramfs, command line and a
    /// device tree with what the firmware says of itself.
    fn board(&self) -> anyhow::Result<Command> {
        let tryboot = fs::read_to_string(self.memory())? == "tryboot";
        // Cleared before anything is started.
        fs::write(self.memory(), "")?;
        let loaded = self.place.join("loaded");
        fs::create_dir_all(&loaded)?;
        let started = raspberry::load(&self.place.join("disk"), tryboot, &loaded)?;
        eprintln!("   the firmware starts partition {}{}", started.partition, if tryboot { ", tryboot" } else { "" });
        let mut starts = fs::OpenOptions::new().create(true).append(true).open(self.place.join("starts"))?;
        writeln!(starts, "{}{}", started.partition, if tryboot { " tryboot" } else { "" })?;
        let machine = ["-cpu", "cortex-a72", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"];
        let tree = loaded.join("tree.dtb");
        let dump = format!("virt,dumpdtb={}", tree.display());
        let program = "qemu-system-aarch64";
        said(Command::new(program).args(["-machine", &dump, "-nodefaults", "-display", "none"]).args(machine))?;
        let own = "/chosen/bootloader";
        run(Command::new("fdtput").args(["-p", "-c"]).arg(&tree).arg(own))?;
        let number = started.partition.to_string();
        for (name, value) in [("partition", number.as_str()), ("tryboot", if tryboot { "1" } else { "0" })] {
            run(Command::new("fdtput").args(["-t", "u"]).arg(&tree).args([own, name, value]))?;
        }
        run(Command::new("fdtput").args(["-t", "s"]).arg(&tree).args(["/", "serial-number", "BOX-1"]))?;
        let mut qemu = Command::new(program);
        qemu.args(["-machine", "virt"]).args(machine).arg("-dtb").arg(tree);
        qemu.arg("-kernel").arg(started.kernel).arg("-initrd").arg(started.initramfs).args(["-append", &started.line]);
        Ok(qemu)
    }

    /// How the firmware started it, first to last: the partition, and whether it was tried.
    pub(crate) fn starts(&self) -> Vec<String> {
        let text = fs::read_to_string(self.place.join("starts")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Starts it with a script, and follows what it says until it ends or restarts; each line goes to `each` first.
    pub(crate) fn start(
        &self,
        script: &str,
        each: &mut dyn FnMut(&str, &Running) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<String>> {
        let job = self.place.join("job.d");
        fs::create_dir_all(&job)?;
        fs::write(job.join("job"), script)?;
        let disk = self.place.join("job");
        drop(fs::remove_file(&disk));
        let mut format = Command::new("/sbin/mke2fs");
        run(format.args(["-q", "-t", "ext4", "-L", "cccd-check", "-d"]).arg(&job).arg(&disk).arg("8M"))?;
        let said = self.place.join("said.txt");
        let console = self.place.join("console.txt");
        let control = self.place.join("control");
        for file in [&said, &console, &control] {
            drop(fs::remove_file(file));
        }
        let to = |file: &Path| format!("file:{}", file.display());
        let mut qemu = match self.loader {
            Loader::Efi => self.pc()?,
            Loader::RaspberryPi => self.board()?,
        };
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none", "-no-reboot"]);
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
        qemu.args(["-serial", &to(&console)]);
        if self.loader == Loader::Efi {
            qemu.args(["-serial", &to(&said)]);
        } else {
            // The board has one port, which is not of the kind of a PC's.
            qemu.args(["-chardev", &format!("file,id=said,path={}", said.display())]);
            qemu.args(["-device", "pci-serial,chardev=said"]);
        }
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", control.display())]);
        let child = qemu.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {qemu:?}"))?;
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
                self.restarted(&console)?;
                return Ok(lines);
            }
            pause(Duration::from_millis(200));
        }
        bail!("the machine does not end: {}", console.display())
    }

    /// The word with which the kernel restarted is for the firmware.
    fn restarted(&self, console: &Path) -> anyhow::Result<()> {
        let text = fs::read(console).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if self.loader == Loader::RaspberryPi && text.contains("Restarting system with command '0 tryboot'") {
            // The board that is emulated has no such firmware: what our module says is that it would have told it.
            anyhow::ensure!(text.contains("cccd_tryboot: "), "the module for the firmware is not there");
            fs::write(self.memory(), "tryboot")?;
        }
        Ok(())
    }
}

/// A copy whose holes stay holes.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(from).arg(to))
}
