//! The kernel's old framebuffer (`fbdev:/dev/fb0`), for boards whose vendor has no DRM driver.
//!
//! Size, depth and stride come from sysfs, pixels go through write(2): no mapping, no ioctl.

use super::{Display, Format, Picture, Rectangle, Rotation, Size, rgb565};
use crate::device::DeviceError;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A framebuffer of the kernel.
#[derive(Debug)]
pub struct FramebufferDisplay {
    device: PathBuf,
    sysfs: PathBuf,
    rotation: Rotation,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    format: Format,
    /// 4 or 2.
    bytes_per_pixel: u32,
    /// Bytes from row to row.
    stride: u32,
    /// Nothing was shown yet.
    fresh: bool,
}

impl FramebufferDisplay {
    /// Of a device file. Nothing is opened yet.
    #[must_use]
    pub fn new(device: &str, rotation: Rotation) -> Self {
        let name = Path::new(device).file_name().unwrap_or_default();
        Self::with_sysfs(device.into(), Path::new("/sys/class/graphics").join(name), rotation)
    }

    /// With the directory that describes it, for tests.
    #[must_use]
    pub const fn with_sysfs(device: PathBuf, sysfs: PathBuf, rotation: Rotation) -> Self {
        Self { device, sysfs, rotation, open: None }
    }

    fn open(&mut self) -> Result<&mut Open, DeviceError> {
        Ok(match &mut self.open {
            Some(open) => open,
            closed => closed.insert(start(&self.device, &self.sysfs, self.rotation)?),
        })
    }
}

fn start(device: &Path, sysfs: &Path, rotation: Rotation) -> Result<Open, DeviceError> {
    let name = device.display().to_string();
    let file = OpenOptions::new().write(true).open(device).map_err(|e| DeviceError::from_io(&name, &e))?;
    let read = |what: &str| {
        let text = std::fs::read_to_string(sysfs.join(what)).unwrap_or_default();
        let numbers: Option<Vec<u32>> = text.trim().split(',').map(|number| number.parse().ok()).collect();
        numbers.filter(|numbers| numbers.iter().all(|n| (1..=65_536).contains(n))).ok_or_else(|| {
            let why = format!("{} does not say {what}", sysfs.display());
            DeviceError::Unsuitable { device: name.clone(), why }
        })
    };
    let ([width, height, ..], [depth, ..], [stride, ..]) =
        (&read("virtual_size")?[..], &read("bits_per_pixel")?[..], &read("stride")?[..])
    else {
        let why = "virtual_size is not two numbers".to_owned();
        return Err(DeviceError::Unsuitable { device: name, why });
    };
    let bytes_per_pixel = depth / 8;
    if !matches!(bytes_per_pixel, 2 | 4) || *stride < width * bytes_per_pixel {
        let why = format!("{depth} bits a pixel in rows of {stride} bytes are not known here");
        return Err(DeviceError::Unsuitable { device: name, why });
    }
    let format = Format { panel: Size::new(*width, *height), millimetres: None, rotation };
    Ok(Open { file, format, bytes_per_pixel, stride: *stride, fresh: true })
}

impl Open {
    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> std::io::Result<()> {
        let whole = [picture.whole()];
        let changed = if self.fresh { &whole } else { changed };
        let mut result = Ok(());
        let mut bytes = Vec::new();
        for part in changed {
            self.format.place(picture, *part, |x, y, run| {
                bytes.clear();
                for pixel in run {
                    if self.bytes_per_pixel == 2 {
                        bytes.extend_from_slice(&rgb565(pixel).to_ne_bytes());
                    } else {
                        bytes.extend_from_slice(&pixel.to_ne_bytes());
                    }
                }
                let at = u64::from(y * self.stride + x * self.bytes_per_pixel);
                if result.is_ok() {
                    result = self.file.write_all_at(&bytes, at);
                }
            });
        }
        self.fresh = result.is_err();
        result
    }
}

impl Display for FramebufferDisplay {
    fn name(&self) -> String {
        self.device.display().to_string()
    }

    fn format(&mut self) -> Result<Format, DeviceError> {
        Ok(self.open()?.format)
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let name = self.name();
        // A deleted file can still be written to: what was unplugged is looked for by name.
        if !self.device.exists() {
            self.open = None;
        }
        let open = self.open()?;
        open.format.check(&name, picture.size())?;
        open.show(picture, changed).map_err(|error| {
            self.open = None;
            DeviceError::from_io(&name, &error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::conformance::{self, Depth, Rig};

    /// A file for the device, a directory for sysfs; rows have a gap at their end, as on real hardware.
    struct FileRig {
        directory: tempfile::TempDir,
        depth: Depth,
    }

    const PANEL: Size = Size::new(64, 40);

    impl FileRig {
        fn new(depth: Depth) -> Self {
            let directory = tempfile::tempdir().expect("directory");
            let bits = if depth == Depth::Full { "32" } else { "16" };
            for (name, text) in [("virtual_size", "64,40\n"), ("bits_per_pixel", bits), ("stride", "272\n")] {
                std::fs::write(directory.path().join(name), text).expect("sysfs");
            }
            let mut rig = Self { directory, depth };
            rig.plug();
            rig
        }

        fn device(&self) -> PathBuf {
            self.directory.path().join("fb0")
        }
    }

    impl Rig for FileRig {
        fn display(&mut self, rotation: Rotation) -> Box<dyn Display> {
            Box::new(FramebufferDisplay::with_sysfs(self.device(), self.directory.path().into(), rotation))
        }

        fn panel(&mut self) -> (Size, Vec<u32>) {
            let bytes = std::fs::read(self.device()).expect("framebuffer");
            let row = |row: &[u8]| match self.depth {
                Depth::Full => row[..256].chunks(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect(),
                Depth::Rgb565 => row[..128]
                    .chunks(2)
                    .map(|b| {
                        let pixel = u32::from(u16::from_ne_bytes([b[0], b[1]]));
                        (pixel & 0xF800) << 8 | (pixel & 0x07E0) << 5 | (pixel & 0x001F) << 3
                    })
                    .collect::<Vec<u32>>(),
            };
            (PANEL, bytes.chunks(272).flat_map(row).collect())
        }

        fn unplug(&mut self) -> bool {
            std::fs::remove_file(self.device()).is_ok()
        }

        fn plug(&mut self) {
            std::fs::write(self.device(), vec![0; 272 * 40]).expect("framebuffer");
        }
    }

    #[test]
    fn framebuffers_of_both_depths_conform() {
        for depth in [Depth::Full, Depth::Rgb565] {
            conformance::run(&mut FileRig::new(depth), depth);
        }
    }

    #[test]
    fn what_is_no_framebuffer_is_told() {
        let rig = FileRig::new(Depth::Full);
        std::fs::write(rig.directory.path().join("bits_per_pixel"), "8").expect("sysfs");
        let mut display = FramebufferDisplay::with_sysfs(rig.device(), rig.directory.path().into(), Rotation::None);
        assert!(matches!(display.format(), Err(DeviceError::Unsuitable { .. })));
        assert!(matches!(
            FramebufferDisplay::new("/dev/fb99", Rotation::None).format(),
            Err(DeviceError::Absent { .. })
        ));
    }
}
