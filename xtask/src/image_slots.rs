//! Slots and disks of an image: file systems, the hashes behind them, partition tables, bundles.

use crate::deb::said;
use crate::image::{Loader, Signer, epoch, megabytes};
use crate::{raspberry, run};
use anyhow::Context as _;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Sizes of the slots, in MiB; a slot cannot grow later.
pub(crate) const BOOT: u64 = 96;
pub(crate) const ROOT: u64 = 512;
pub(crate) const MIB: u64 = 1 << 20;

/// A system as slots have it.
pub(crate) struct System {
    loader: Loader,
    /// FAT with what the firmware starts.
    boot: PathBuf,
    /// squashfs and its hashes.
    root: PathBuf,
    /// Bytes of both.
    pub(crate) size: u64,
    /// Of the hashes' own root.
    hash: String,
    /// Bytes of the squashfs: behind them the hashes begin.
    data: u64,
}

/// A partition of a new disk: its size in MiB, its type as sfdisk has it; in a GPT its name.
struct Part<'a> {
    name: &'static str,
    size: u64,
    kind: &'static str,
    content: Option<&'a Path>,
}

impl System {
    /// From a tree, with some files more, and words more for the kernel.
    pub(crate) fn make(
        loader: Loader,
        tree: &Path,
        more: &[(&str, &str)],
        words: &str,
        place: &Path,
    ) -> anyhow::Result<Self> {
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
        let system = Self { loader, boot: place.join("boot.img"), root, size, hash, data };
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

    /// The file system with what the firmware looks for.
    fn start_by_firmware(&self, tree: &Path, words: &str, place: &Path) -> anyhow::Result<()> {
        let Self { hash, data, .. } = self;
        let line = format!(
            "root=/dev/mapper/cccd-root rootfstype=squashfs ro quiet panic=10 fsck.mode=skip systemd.gpt_auto=no \
             systemd.show_status=0 cccd.hash={hash} cccd.size={data} {words}"
        );
        let parts = place.join("parts");
        fs::create_dir_all(&parts)?;
        let made = tree.parent().context("a directory")?;
        let one = |pattern: &str| -> anyhow::Result<PathBuf> {
            let pattern = made.join("boot").join(pattern);
            glob::glob(&pattern.to_string_lossy())?
                .flatten()
                .next()
                .with_context(|| format!("no {}", pattern.display()))
        };
        let (kernel, initramfs) = (one("vmlinuz-*")?, one("initrd.img-*")?);
        let files = match self.loader {
            Loader::Efi => efi(line.trim(), kernel, initramfs, &parts)?,
            Loader::RaspberryPi => raspberry::files(line.trim(), kernel, initramfs, &made.join("parts"), &parts)?,
        };
        let mut bytes = 0;
        for (file, _) in &files {
            bytes += fs::metadata(file)?.len();
        }
        // No larger than it must be: an update writes all of it.
        let size = (bytes / MIB + 4).max(40);
        anyhow::ensure!(size <= BOOT, "what the firmware starts has {size} MiB, its slot {BOOT}");
        fat(&self.boot, size, "32", "CCCD-BOOT")?;
        fill(&self.boot, &files)?;
        fs::write(place.join("started"), bytes.to_string())?;
        Ok(fs::remove_dir_all(parts)?)
    }

    /// Bytes of what the firmware starts.
    pub(crate) fn started(&self) -> anyhow::Result<u64> {
        Ok(fs::read_to_string(self.boot.with_file_name("started"))?.parse()?)
    }

    /// A disk whose first slot has this system; the second one is empty, and the data partition is made by the device.
    pub(crate) fn disk(&self, disk: &Path) -> anyhow::Result<()> {
        drop(fs::remove_file(disk));
        let start = disk.with_extension("start");
        let (header, parts) = match self.loader {
            Loader::Efi => (
                "label: gpt\nlabel-id: 6d6f7264-6363-4363-8000-000000000000\n",
                vec![
                    Part { name: "boot-a", size: BOOT, kind: "uefi", content: Some(self.boot.as_path()) },
                    Part { name: "root-a", size: ROOT, kind: "linux", content: Some(self.root.as_path()) },
                    Part { name: "boot-b", size: BOOT, kind: "uefi", content: None },
                    Part { name: "root-b", size: ROOT, kind: "linux", content: None },
                ],
            ),
            Loader::RaspberryPi => {
                raspberry::start(&start)?;
                (
                    // Its number is the first half of the identifiers by which partitions are found.
                    "label: dos\nlabel-id: 0x63636364\n",
                    vec![
                        Part { name: "", size: raspberry::START, kind: "c", content: Some(start.as_path()) },
                        Part { name: "", size: BOOT, kind: "c", content: Some(self.boot.as_path()) },
                        Part { name: "", size: BOOT, kind: "c", content: None },
                        Part { name: "", size: 2 * (ROOT + 1), kind: "5", content: None },
                        Part { name: "", size: ROOT, kind: "83", content: Some(self.root.as_path()) },
                        Part { name: "", size: ROOT, kind: "83", content: None },
                    ],
                )
            }
        };
        let mut table = header.to_owned();
        let mut at = MIB;
        let mut places = Vec::new();
        let mut logical = false;
        for (number, part) in parts.iter().enumerate() {
            // A logical partition has its own table before it.
            at += if logical { MIB } else { 0 };
            table += &format!("start={}, size={}, type={}", at / 512, part.size * MIB / 512, part.kind);
            if !part.name.is_empty() {
                // The same on every device, so that the firmware's entries fit whatever is written here later.
                let uuid = format!("6d6f7264-6363-4363-8000-00000000000{}", number + 1);
                table += &format!(", name={}, uuid={uuid}", part.name);
            }
            table += "\n";
            places.push((at, part.content));
            if part.kind == "5" {
                logical = true;
            } else {
                at += part.size * MIB;
            }
        }
        let mut file = fs::File::create(disk)?;
        // Room for the copy that a GPT has.
        file.set_len(at + MIB)?;
        let mut sfdisk =
            Command::new("/sbin/sfdisk").arg("--quiet").arg(disk).stdin(Stdio::piped()).spawn().context("sfdisk")?;
        sfdisk.stdin.take().context("a pipe")?.write_all(table.as_bytes())?;
        anyhow::ensure!(sfdisk.wait()?.success(), "sfdisk does not take\n{table}");
        for (at, content) in places {
            if let Some(content) = content {
                copy_into(&mut file, at, content)?;
            }
        }
        drop(fs::remove_file(start));
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

/// An empty FAT file system of some MiB, the same each time; `bits` are those of its table.
pub(crate) fn fat(file: &Path, size: u64, bits: &str, label: &str) -> anyhow::Result<()> {
    drop(fs::remove_file(file));
    let blocks = (size * 1024).to_string();
    let mut format = Command::new("/sbin/mkfs.vfat");
    format.args(["--invariant", "-F", bits, "-n", label, "-C"]).arg(file).arg(blocks).stdout(Stdio::null());
    run(&mut format)
}

/// Puts files into a FAT file system, by their paths there.
pub(crate) fn fill(image: &Path, files: &[(PathBuf, String)]) -> anyhow::Result<()> {
    let mut made = Vec::new();
    for (file, path) in files {
        for (end, _) in path.match_indices('/').skip(1) {
            if !made.contains(&&path[..end]) {
                run(Command::new("mmd").arg("-i").arg(image).arg(format!("::{}", &path[..end])))?;
                made.push(&path[..end]);
            }
        }
        run(Command::new("mcopy").arg("-m").arg("-i").arg(image).arg(file).arg(format!("::{path}")))?;
    }
    Ok(())
}

/// One EFI program of kernel, initramfs and command line, where firmware looks for one.
fn efi(line: &str, kernel: PathBuf, initramfs: PathBuf, parts: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    fs::write(parts.join("line"), line)?;
    fs::write(parts.join("release"), "ID=cccd\nPRETTY_NAME=\"CCCD kiosk\"\n")?;
    let sections = [
        (".osrel", parts.join("release")),
        (".cmdline", parts.join("line")),
        (".linux", kernel),
        (".initrd", initramfs),
    ];
    let program = parts.join("BOOTX64.EFI");
    unify(Path::new("/usr/lib/systemd/boot/efi/linuxx64.efi.stub"), &sections, &program)?;
    Ok(vec![(program, "/EFI/BOOT/BOOTX64.EFI".to_owned())])
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
    fn sections_come_behind_those_of_the_stub() {
        let text = "SectionAlignment\t00001000\n  0 .text  0000be60  0000000000004000  0000000000004000  00000400  2**4\n   CONTENTS\n  \
                    9 .sbat 000000e6  000000000001c000  000000000001c000  00014e00  2**2\n";
        assert_eq!(ends(text).expect("ends"), (0x1d000, 0x1000));
        assert!(ends("nothing").is_err());
    }
}
