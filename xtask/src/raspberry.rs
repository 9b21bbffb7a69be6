//! What the firmware of a Raspberry Pi starts with, and what it does before Linux: the stand-in for it where a machine is emulated.
//!
//! Its documents (`config_txt/autoboot.adoc`, `raspberry-pi/bootflow-eeprom.adoc` of raspberrypi/documentation): the boot loader in the
//! board's EEPROM reads `autoboot.txt` of the first partition, and goes on with the partition that it names. With the flag `tryboot`
//! the settings under `[tryboot]` count as well; the flag is cleared before anything is started, and lost without power.

use crate::image_slots::{fat, fill};
use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Size of the partition that says which system starts, in MiB.
pub(crate) const START: u64 = 16;

/// What starts a new disk: the first system, and no other that could be tried.
pub(crate) const AUTOBOOT: &str = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=2\n";

/// What the firmware does in a slot. `upstream_kernel` is for the names of Debian's device trees.
const CONFIG: &str = "arm_64bit=1\nupstream_kernel=1\nkernel=vmlinuz\ninitramfs initrd.img followkernel\n";

/// The first partition.
pub(crate) fn start(image: &Path) -> anyhow::Result<()> {
    let files = image.with_extension("files");
    fs::create_dir_all(&files)?;
    let put = |name: &str, text: &str| -> anyhow::Result<(PathBuf, String)> {
        fs::write(files.join(name), text)?;
        Ok((files.join(name), format!("/{name}")))
    };
    // Newer firmware takes no partition for one to start from that has no config.txt.
    let list = [put("autoboot.txt", AUTOBOOT)?, put("config.txt", "# autoboot.txt says what starts.\n")?];
    fat(image, START, "16", "CCCD-START")?;
    fill(image, &list)?;
    Ok(fs::remove_dir_all(files)?)
}

/// The files of a slot, by their paths there: `from` has those of packages, `parts` gets what is written.
pub(crate) fn files(
    line: &str,
    kernel: PathBuf,
    initramfs: PathBuf,
    from: &Path,
    parts: &Path,
) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = vec![(kernel, "/vmlinuz".to_owned()), (initramfs, "/initrd.img".to_owned())];
    // `start4.elf` of Debian 12 is older than `tryboot_a_b`, and takes tryboot.txt instead of config.txt where a system is tried.
    for (name, text) in [("config.txt", CONFIG), ("tryboot.txt", CONFIG), ("cmdline.txt", line)] {
        fs::write(parts.join(name), text)?;
        files.push((parts.join(name), format!("/{name}")));
    }
    let mut packages: Vec<PathBuf> =
        fs::read_dir(from).with_context(|| from.display().to_string())?.flatten().map(|entry| entry.path()).collect();
    packages.sort();
    for file in packages {
        let name = file.file_name().context("a file")?.to_string_lossy().into_owned();
        files.push((file, format!("/{name}")));
    }
    anyhow::ensure!(files.iter().any(|(_, name)| name == "/start4.elf"), "no firmware in {}", from.display());
    Ok(files)
}

/// Which partition a text of `autoboot.txt` names: of what is longer than 512 bytes the rest is not read, and later lines go before
/// earlier ones.
pub(crate) fn boot_partition(autoboot: &str, tryboot: bool) -> Option<u32> {
    let mut counts = true;
    let mut partition = None;
    let end = autoboot.floor_char_boundary(512);
    for line in autoboot[..end].lines().map(str::trim) {
        match line {
            "[all]" => counts = true,
            "[none]" => counts = false,
            "[tryboot]" => counts = tryboot,
            _ if counts => partition = line.strip_prefix("boot_partition=").map_or(partition, |text| text.parse().ok()),
            _ => {}
        }
    }
    partition
}

/// What a disk is started with.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) partition: u32,
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) line: String,
}

/// Reads a disk as the firmware does; what it loads goes into a directory.
pub(crate) fn load(disk: &Path, tryboot: bool, into: &Path) -> anyhow::Result<Started> {
    let table = crate::deb::said(Command::new("/sbin/sfdisk").arg("--json").arg(disk))?;
    let table: serde_json::Value = serde_json::from_str(&table)?;
    let table = &table["partitiontable"];
    anyhow::ensure!(table["label"] == "dos", "the firmware takes boot_partition of an MBR only");
    let begin = |number: u32| {
        let parts = table["partitions"].as_array()?;
        // Logical ones have numbers from 5 on, wherever they stand in the list.
        let is_it = |part: &&serde_json::Value| {
            part["node"].as_str().is_some_and(|node| {
                node.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok()) == Some(number)
            })
        };
        Some(parts.iter().find(is_it)?["start"].as_u64()? * 512)
    };
    let read = |number: u32, name: &str| -> anyhow::Result<Vec<u8>> {
        let at = begin(number).with_context(|| format!("no partition {number}"))?;
        let mut copy = Command::new("mtype");
        let output = copy.arg("-i").arg(format!("{}@@{at}", disk.display())).arg(format!("::/{name}")).output()?;
        anyhow::ensure!(output.status.success(), "partition {number} has no {name}");
        Ok(output.stdout)
    };
    let text = |number, name| -> anyhow::Result<String> { Ok(String::from_utf8(read(number, name)?)?) };
    let partition = boot_partition(&text(1, "autoboot.txt")?, tryboot).context("autoboot.txt names no partition")?;
    // What the boot loader in the EEPROM starts, and what that reads: the older one takes the other file.
    read(partition, "start4.elf")?;
    read(partition, "fixup4.dat")?;
    read(partition, "bcm2711-rpi-4-b.dtb")?;
    let config = text(partition, if tryboot { "tryboot.txt" } else { "config.txt" })?;
    let word = |key: &str| {
        config.lines().find_map(|line| line.strip_prefix(key)).map(|rest| rest.split(' ').next().unwrap_or(rest))
    };
    anyhow::ensure!(word("arm_64bit=") == Some("1"), "a kernel of 64 bits is not started:\n{config}");
    let put = |name: &str, into: &Path| -> anyhow::Result<PathBuf> {
        let file = into.join(name);
        fs::write(&file, read(partition, name)?)?;
        Ok(file)
    };
    Ok(Started {
        partition,
        kernel: put(word("kernel=").context("no kernel is named")?, into)?,
        initramfs: put(word("initramfs ").context("no initramfs is named")?, into)?,
        line: text(partition, "cmdline.txt")?.lines().next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    /// The first partition and the machine's memory, as directories.
    struct Device(tempfile::TempDir);

    /// Programs by which the handler changes something.
    const CHANGES: [&str; 3] = ["sync", "mv", "rm"];

    impl Device {
        fn new(running: &str, autoboot: &str) -> Self {
            let device = Self(tempfile::tempdir().expect("directory"));
            fs::write(device.path("autoboot.txt"), autoboot).expect("file");
            fs::write(device.path("slot"), format!("SLOT=cccd-{running}\n")).expect("file");
            device
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// The handler; the power goes at its change of that number, and of what no `sync` has put onto the disk a part is there.
        fn call_until(&self, words: &str, cut: usize) -> (bool, String) {
            let (stubs, durable) = (self.path("stubs"), self.path("durable"));
            for directory in [&stubs, &durable] {
                fs::create_dir_all(directory).expect("directory");
            }
            fs::copy(self.path("autoboot.txt"), durable.join("0")).expect("file");
            drop(fs::remove_file(self.path("count")));
            for name in CHANGES {
                let stub = format!(
                    "#!/bin/sh\nPATH=/usr/bin:/bin\ncd {at}\necho >> count\nn=$(wc -l < count)\n\
                     files=$(ls autoboot.*)\nif [ $n -eq {cut} ]; then\nfor file in $files; do\n\
                     for kept in durable/*; do cmp -s $kept $file && continue 2; done\ntruncate -s 20 $file\ndone\n\
                     kill -9 $PPID\nexit 1\nfi\n{name} \"$@\" || exit\n[ {name} = sync ] || exit 0\n\
                     for file in $files; do cp $file durable/$n-$file; done\n",
                    at = self.0.path().display()
                );
                let file = stubs.join(name);
                fs::write(&file, stub).expect("stub");
                fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
            }
            let mut handler = Command::new("sh");
            handler.arg(root().join("deploy/image/raspberry/root/usr/lib/cccd-image/autoboot"));
            handler.args(words.split(' ')).env("PATH", format!("{}:/usr/bin:/bin", stubs.display()));
            handler.env("CCCD_START", self.0.path()).env("CCCD_RUN", self.0.path());
            let output = handler.output().expect("sh");
            (output.status.success(), String::from_utf8(output.stdout).expect("text").trim().to_owned())
        }

        fn call(&self, words: &str) -> (bool, String) {
            self.call_until(words, 0)
        }

        fn says(&self, words: &str) -> String {
            let (success, said) = self.call(words);
            assert!(success, "{words}");
            said
        }

        fn autoboot(&self) -> String {
            fs::read_to_string(self.path("autoboot.txt")).expect("file")
        }

        /// What a restart starts, and what a start after a power cut does.
        fn starts(&self) -> (Option<u32>, Option<u32>) {
            let text = self.autoboot();
            (boot_partition(&text, self.path("try").exists()), boot_partition(&text, false))
        }
    }

    const BOTH: &str = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n";

    #[test]
    fn the_firmware_reads_what_its_documents_say() {
        assert_eq!((boot_partition(BOTH, false), boot_partition(BOTH, true)), (Some(2), Some(3)));
        assert_eq!(boot_partition("boot_partition=4\n[none]\nboot_partition=5\n", true), Some(4));
        assert_eq!(boot_partition(&format!("{}\nboot_partition=2\n", "#".repeat(512)), false), None);
        assert!(AUTOBOOT.len() < 512);
        assert_eq!((boot_partition(AUTOBOOT, false), boot_partition(AUTOBOOT, true)), (Some(2), Some(2)));
    }

    #[test]
    fn an_update_is_tried_once_and_kept_when_it_is_good() {
        let device = Device::new("a", AUTOBOOT);
        assert_eq!(device.says("get-primary"), "cccd-a");
        assert_eq!(device.says("get-current"), "cccd-a");
        assert_eq!((device.says("get-state cccd-a"), device.says("get-state cccd-b")), ("good".into(), "bad".into()));
        // RAUC before it writes, and behind it.
        device.says("set-state cccd-b bad");
        assert_eq!(device.starts(), (Some(2), Some(2)));
        device.says("set-primary cccd-b");
        assert_eq!((device.says("get-primary"), device.says("get-state cccd-b")), ("cccd-b".into(), "good".into()));
        assert_eq!(device.starts(), (Some(3), Some(2)), "once, and not behind a cut of power");
        // Tried, and the memory of the machine is new.
        fs::remove_file(device.path("try")).expect("removed");
        fs::write(device.path("slot"), "SLOT=cccd-b\n").expect("file");
        assert_eq!(device.says("get-primary"), "cccd-a");
        device.says("set-state cccd-b good");
        assert_eq!(device.starts(), (Some(3), Some(3)));
        assert_eq!((device.says("get-primary"), device.says("get-state cccd-a")), ("cccd-b".into(), "good".into()));
    }

    #[test]
    fn an_update_that_is_not_well_goes_back_and_is_not_tried_again() {
        let device = Device::new("b", BOTH);
        device.says("set-primary cccd-a");
        device.says("set-state cccd-b bad");
        assert_eq!((device.starts(), boot_partition(&device.autoboot(), true)), ((Some(2), Some(2)), Some(2)));
        assert_eq!(device.says("get-state cccd-b"), "bad");
        assert!(!device.call("set-state cccd-a bad").0, "something must start");
        assert_eq!(device.starts(), (Some(2), Some(2)));
    }

    #[test]
    fn a_demand_is_taken_back_and_what_is_bad_goes_to_the_other() {
        let device = Device::new("a", BOTH);
        device.says("set-primary cccd-b");
        device.says("set-primary cccd-a");
        assert_eq!(device.starts(), (Some(2), Some(2)));
        device.says("set-state cccd-a bad");
        assert_eq!(device.starts(), (Some(3), Some(3)));
    }

    #[test]
    fn what_is_lost_is_written_anew_and_words_that_are_not_known_change_nothing() {
        for text in ["", "[all]\nboot_part", "[all]\nboot_partition=9\n"] {
            let device = Device::new("b", text);
            assert_eq!(device.says("get-primary"), "cccd-b");
            device.says("set-state cccd-b good");
            assert_eq!(device.starts(), (Some(3), Some(3)), "{text}");
        }
        let device = Device::new("a", BOTH);
        for words in
            ["get-state", "get-state cccd-c", "set-primary", "set-state cccd-a", "set-state cccd-a soso", "help"]
        {
            assert!(!device.call(words).0, "{words}");
            assert_eq!(device.autoboot(), BOTH, "{words}");
        }
    }

    #[test]
    fn power_cut_between_any_two_changes_leaves_one_or_the_other() {
        let mut cuts = 0;
        for (running, before, words) in [
            ("a", BOTH, "set-state cccd-b bad"),
            ("a", AUTOBOOT, "set-primary cccd-b"),
            ("b", BOTH, "set-state cccd-b good"),
            ("b", BOTH, "set-state cccd-b bad"),
            ("a", BOTH, "set-state cccd-a bad"),
            ("b", "", "set-state cccd-b good"),
        ] {
            let whole = Device::new(running, before);
            whole.says(words);
            let after = whole.autoboot();
            let changes = fs::read_to_string(whole.path("count")).expect("count").lines().count();
            assert!(changes > 1, "{words}: {changes} changes");
            let mut seen = Vec::new();
            for cut in 1..=changes {
                let device = Device::new(running, before);
                assert!(!device.call_until(words, cut).0, "{words} goes on after a cut");
                let text = device.autoboot();
                assert!(text == before || text == after, "{words}, cut {cut}: {text}");
                seen.push(text);
                cuts += 1;
                // And the handler goes on from there as if nothing had been.
                drop(fs::remove_file(device.path("try")));
                device.says(words);
                assert_eq!(device.autoboot(), after, "{words} again behind cut {cut}");
            }
            assert!(seen.contains(&before.to_owned()) && seen.contains(&after), "{words}: {seen:?}");
        }
        assert!(cuts > 15, "{cuts}");
    }

    #[test]
    fn a_slot_has_the_same_for_older_and_newer_firmware() {
        let place = tempfile::tempdir().expect("directory");
        let file = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("directory");
            fs::write(&path, name).expect("file");
            path
        };
        let (kernel, initramfs) = (file("k"), file("i"));
        let (from, parts) = (place.path().join("from"), place.path().join("parts"));
        fs::create_dir_all(&parts).expect("directory");
        fs::create_dir_all(&from).expect("directory");
        assert!(files("line", kernel.clone(), initramfs.clone(), &from, &parts).is_err(), "without a firmware");
        file("from/start4.elf");
        let files = files("root=x", kernel, initramfs, &from, &parts).expect("files");
        let read = |name: &str| {
            let (path, _) = files.iter().find(|(_, path)| path == name).expect(name);
            fs::read_to_string(path).expect(name)
        };
        assert_eq!(read("/config.txt"), read("/tryboot.txt"));
        assert_eq!(read("/cmdline.txt"), "root=x");
        assert_eq!(read("/start4.elf"), "from/start4.elf");
    }
}
