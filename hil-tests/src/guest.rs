//! A whole machine without hardware: QEMU with Debian's kernel, our agent, and devices that the kernel drives for real:
//! a panel on an adapter that sleeps and wakes (DRM), a pointer on virtio-input (evdev), serial ports on an emulated FTDI
//! adapter and a chip reader (USB), the latter below pcscd and its CCID driver. The machine can be sent to sleep.
//!
//! `cargo xtask doctor --install` lays the kernel into `target/guest/`.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Kernel modules that the devices need, besides those that they need themselves.
const MODULES: [&str; 8] =
    ["virtio_pci", "virtio_input", "evdev", "bochs", "xhci-pci", "usbserial", "ftdi_sio", "virtio_console"];

/// Names of the serial ports that stay: numbers are given anew when a machine wakes.
const RULES: &str = r#"SUBSYSTEM=="tty", ATTRS{devpath}=="1", SYMLINK+="scanner"
SUBSYSTEM=="tty", ATTRS{devpath}=="2", SYMLINK+="printer"
"#;

/// How it sleeps, in the words of `/sys/power/state`: to memory. From "freeze" QEMU's clock does not wake it.
const MANNER: &str = "mem";

/// A running machine.
#[derive(Debug)]
pub struct Guest {
    process: Child,
    directory: PathBuf,
    control: BufReader<UnixStream>,
    /// A shell in it. Kept open: what is on the way when a line closes is lost.
    shell: UnixStream,
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What a machine is made of.
#[derive(Debug, Clone)]
pub struct Recipe<'a> {
    /// Sockets, console and picture go here.
    pub directory: &'a Path,
    /// Files and directories that the machine has under the same names.
    pub files: &'a [PathBuf],
    /// Runs when the machine is up; its output is the console.
    pub command: String,
    /// Width and height of its panel.
    pub panel: (i32, i32),
}

fn kernel() -> anyhow::Result<(PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let guest =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir)).join("guest");
    let first = |directory: &Path, prefix: &str| {
        let entries = std::fs::read_dir(directory).ok()?;
        let mut names = entries.flatten().map(|entry| entry.path());
        names.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
    };
    let found = first(&guest.join("boot"), "vmlinuz").zip(first(&guest.join("lib/modules"), ""));
    found.with_context(|| format!("no kernel in {}: `cargo xtask doctor --install` gets it", guest.display()))
}

/// Module files in the order in which they are to be loaded.
fn modules(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let version = directory.file_name().context("a version")?.to_string_lossy().into_owned();
    let base = directory.ancestors().nth(3).context("lib/modules/VERSION")?;
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for module in MODULES {
        let output = Command::new("/sbin/modprobe")
            .args(["--show-depends", "-S", &version, "-d"])
            .arg(base)
            .arg(module)
            .output()
            .context("cannot start modprobe (package kmod)")?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            // "insmod PATH options", or "builtin NAME".
            if let Some(path) = line.strip_prefix("insmod ").and_then(|rest| rest.split_whitespace().next())
                && seen.insert(path.to_owned())
            {
                order.push(PathBuf::from(path));
            }
        }
    }
    Ok(order)
}

/// An archive as the kernel unpacks it (cpio, "newc").
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    known: BTreeSet<PathBuf>,
}

impl Archive {
    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        let inode = self.known.len() + 1;
        let fields = [inode as u32, mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn directories(&mut self, path: &Path) {
        let parents: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        for parent in parents.into_iter().rev().filter(|parent| parent.components().count() > 1) {
            if self.known.insert(parent.clone()) {
                let name = parent.to_string_lossy().trim_start_matches('/').to_owned();
                self.entry(&name, 0o040_755, &[]);
            }
        }
    }

    fn file(&mut self, path: &Path, mode: u32, content: &[u8]) {
        self.directories(path);
        if self.known.insert(path.to_owned()) {
            let name = path.to_string_lossy().trim_start_matches('/').to_owned();
            self.entry(&name, 0o100_000 | mode, content);
        }
    }

    /// A file of this machine, or everything in a directory, under the same name.
    fn take(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.is_dir() {
            self.directories(&path.join("."));
            for entry in std::fs::read_dir(path)? {
                self.take(&entry?.path())?;
            }
            return Ok(());
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path)?.permissions()) & 0o777;
        self.file(path, mode, &std::fs::read(path).with_context(|| path.display().to_string())?);
        Ok(())
    }

    /// A program of this machine with its shared libraries, under the same name.
    fn same_program(&mut self, path: &str) -> anyhow::Result<()> {
        self.program(Path::new(path), Path::new(path))
    }

    /// A program with its shared libraries.
    fn program(&mut self, path: &Path, to: &Path) -> anyhow::Result<()> {
        let output = Command::new("ldd").arg(path).output().context("ldd")?;
        for word in String::from_utf8_lossy(&output.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
            let library = Path::new(word);
            self.file(library, 0o755, &std::fs::read(library)?);
            // What version 2 of PC/SC's library opens by name.
            let opened = library.with_file_name("libpcsclite_real.so.1");
            if word.contains("/libpcsclite.so") && opened.exists() {
                self.file(&opened, 0o755, &std::fs::read(&opened)?);
            }
        }
        self.file(to, 0o755, &std::fs::read(path)?);
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

impl Guest {
    /// Starts a machine; its console goes to `console.txt`, its serial ports are `scan.socket` and `print.socket`.
    ///
    /// # Errors
    /// When something is missing or QEMU does not start.
    pub fn start(recipe: &Recipe<'_>) -> anyhow::Result<Self> {
        let Recipe { directory, files, command, panel: (width, height) } = recipe;
        let (vmlinuz, module_directory) = kernel()?;
        let mut archive = Archive::default();
        archive.same_program("/bin/busybox")?;
        // pcscd learns of readers from udev, which has to run for what is plugged in later.
        for program in ["/lib/systemd/systemd-udevd", "/bin/udevadm", "/usr/sbin/pcscd"] {
            archive.same_program(program)?;
        }
        let drivers = Path::new("/usr/lib/pcsc/drivers/ifd-ccid.bundle");
        archive.take(drivers)?;
        for library in std::fs::read_dir(drivers.join("Contents/Linux"))? {
            let library = library?.path();
            archive.program(&library, &library)?;
        }
        let agent = directory.join("cccd-agent");
        let stripped = Command::new("strip").arg("-o").arg(&agent).arg(crate::program("cccd-agent")).status()?;
        anyhow::ensure!(stripped.success(), "strip (package binutils)");
        archive.program(&agent, Path::new("/bin/cccd-agent"))?;
        std::fs::remove_file(&agent)?;
        for file in *files {
            archive.take(file)?;
        }
        let mut load = String::new();
        for module in modules(&module_directory)? {
            let name = module.file_name().context("a module")?.to_string_lossy().into_owned();
            archive.file(&Path::new("/modules").join(&name), 0o644, &std::fs::read(&module)?);
            load += &format!("busybox insmod /modules/{name}\n");
        }
        let init = format!(
            "#!/bin/busybox sh\nexport PATH=/bin\nbusybox mkdir -p /proc /sys /dev /tmp\n\
             busybox mount -t proc proc /proc\nbusybox mount -t sysfs sys /sys\nbusybox mount -t devtmpfs dev /dev\n\
             {load}busybox ip link set lo up\nbusybox mkdir -p /run/udev /run/pcscd\n\
             /lib/systemd/systemd-udevd --daemon\nudevadm trigger\nudevadm settle\n/usr/sbin/{pcscd} &\n\
             busybox sh < /dev/ttyS1 > /dev/ttyS1 2>&1 &\n\
             echo guest is up\n{command}\necho guest has ended\nbusybox sleep 1000\n",
            pcscd = crate::stack::pcscd(),
        );
        archive.file(Path::new("/init"), 0o755, init.as_bytes());
        archive.file(Path::new("/lib/udev/rules.d/60-rig.rules"), 0o644, RULES.as_bytes());
        let initrd = directory.join("initrd");
        std::fs::write(&initrd, archive.finish())?;
        let socket = |name: &str| directory.join(name).display().to_string();
        let console = socket("console.txt");
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-machine", "q35", "-cpu", "max", "-accel", "tcg", "-smp", "2", "-m", "1024"]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"]);
        qemu.arg("-kernel").arg(&vmlinuz).arg("-initrd").arg(&initrd);
        qemu.args(["-append", "console=ttyS0 quiet panic=-1", "-no-reboot", "-serial", &format!("file:{console}")]);
        qemu.args(["-serial", &format!("unix:{},server=on,wait=off", socket("shell.socket"))]);
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", socket("qmp.socket"))]);
        qemu.args(["-device", &format!("bochs-display,id=panel,edid=on,xres={width},yres={height},vgamem=64M")]);
        qemu.args(["-device", "virtio-tablet-pci", "-device", "qemu-xhci,id=usb"]);
        let card = socket("card.socket");
        qemu.args(["-chardev", &format!("socket,id=card,path={card},server=on,wait=off")]);
        qemu.args(["-device", "usb-ccid,id=reader,bus=usb.0,port=3"]);
        qemu.args(["-device", "ccid-card-passthru,bus=reader.0,chardev=card"]);
        for (name, port) in [("scan", 1), ("print", 2)] {
            let path = socket(&format!("{name}.socket"));
            qemu.args(["-chardev", &format!("socket,id={name},path={path},server=on,wait=off")]);
            qemu.args([
                "-device",
                &format!("usb-serial,id={name}-port,bus=usb.0,port={port},chardev={name},always-plugged=on"),
            ]);
        }
        let errors = std::fs::File::create(directory.join("qemu.txt"))?;
        let process = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
        let process = process.context("cannot start qemu-system-x86_64 (package qemu-system-x86)")?;
        let mut guest = GuestStart(Some(process));
        let control = guest.connect(&directory.join("qmp.socket"))?;
        let shell = guest.connect(&directory.join("shell.socket"))?;
        let process = guest.0.take().context("QEMU")?;
        let mut guest = Self { process, directory: (*directory).to_owned(), control: BufReader::new(control), shell };
        guest.line()?;
        guest.tell("qmp_capabilities", json!({}))?;
        Ok(guest)
    }

    fn line(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.control.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Tells QEMU to do something.
    ///
    /// # Errors
    /// When it does not.
    pub fn tell(&mut self, command: &str, arguments: Value) -> anyhow::Result<Value> {
        let order = json!({ "execute": command, "arguments": arguments });
        writeln!(self.control.get_mut(), "{order}")?;
        loop {
            let answer = self.line()?;
            if let Some(error) = answer.get("error") {
                bail!("{command}: {error}");
            }
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
        }
    }

    /// Sends the machine to sleep, to be woken by its own clock; gives back control at once.
    ///
    /// # Errors
    /// When it has no shell.
    pub fn sleep(&self, seconds: u32) -> anyhow::Result<()> {
        let script = format!("echo +{seconds} > /sys/class/rtc/rtc0/wakealarm; echo {MANNER} > /sys/power/state\n");
        Ok((&self.shell).write_all(script.as_bytes())?)
    }

    /// Connects to a serial port of the machine, or to its chip reader (`card`).
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn serial(&self, name: &str) -> anyhow::Result<UnixStream> {
        Ok(UnixStream::connect(self.directory.join(format!("{name}.socket")))?)
    }

    /// A finger comes down at a place of the panel, or is lifted.
    ///
    /// # Errors
    /// When QEMU does not take it.
    pub fn finger(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), down: bool) -> anyhow::Result<()> {
        let axis = |axis: &str, value: i32| json!({ "type": "abs", "data": { "axis": axis, "value": value } });
        let button = json!({ "type": "btn", "data": { "button": "left", "down": down } });
        let events = json!([axis("x", x * 32_767 / width), axis("y", y * 32_767 / height), button]);
        self.tell("input-send-event", json!({ "events": events })).map(drop)
    }

    /// What the panel shows: width and pixels.
    ///
    /// # Errors
    /// When there is no picture.
    pub fn picture(&mut self) -> anyhow::Result<(i32, Vec<u32>)> {
        let file = self.directory.join("panel.png");
        self.tell("screendump", json!({ "filename": file, "format": "png", "device": "panel" }))?;
        let mut reader = png::Decoder::new(BufReader::new(std::fs::File::open(&file)?)).read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size().context("a picture")?];
        let info = reader.next_frame(&mut bytes)?;
        let pixel = |bytes: &[u8]| u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
        let wide = info.color_type.samples();
        Ok((i32::try_from(info.width)?, bytes.chunks_exact(wide).map(pixel).collect()))
    }

    /// Keeps the picture of the panel for people to look at.
    ///
    /// # Errors
    /// When there is no picture.
    pub fn keep_picture(&mut self, to: &Path) -> anyhow::Result<()> {
        self.tell("screendump", json!({ "filename": to, "format": "png", "device": "panel" })).map(drop)
    }

    /// What the console has said so far.
    #[must_use]
    pub fn console(&self) -> String {
        std::fs::read(self.directory.join("console.txt"))
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A QEMU that is coming up, and is ended when it does not.
struct GuestStart(Option<Child>);

impl GuestStart {
    fn connect(&self, socket: &Path) -> anyhow::Result<UnixStream> {
        let start = crate::stack::now();
        loop {
            match UnixStream::connect(socket) {
                Ok(stream) => return Ok(stream),
                Err(error) if start.elapsed() > Duration::from_secs(20) => {
                    let said = socket.with_file_name("qemu.txt");
                    bail!("QEMU does not answer: {error}\n{}", std::fs::read_to_string(said).unwrap_or_default());
                }
                Err(_) => crate::stack::pause(20),
            }
        }
    }
}

impl Drop for GuestStart {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            drop(process.kill());
            drop(process.wait());
        }
    }
}
