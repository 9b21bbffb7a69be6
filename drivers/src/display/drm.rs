//! DRM/KMS with a dumb buffer (`drm:/dev/dri/card0`, or `drm:/dev/dri/card0:HDMI-A-1`): HDMI, DSI and DisplayPort panels
//! without a window system.
//!
//! After each picture the framebuffer is marked dirty: drivers that copy it out (virtual machines, USB and SPI panels)
//! show nothing new without it.

use super::{Display, Picture, Rectangle, Rotation, Size, check_size, turn, turned_size};
use crate::device::DeviceError;
use ::drm::Device as _;
use ::drm::buffer::{Buffer as _, DrmFourcc};
use ::drm::control::{ClipRect, Device as _, connector, crtc, dumbbuffer::DumbBuffer, framebuffer};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};

/// A panel on a DRM device.
#[derive(Debug)]
pub struct DrmDisplay {
    device: String,
    /// Name of the connector; without one the first that is connected.
    connector: Option<String>,
    rotation: Rotation,
    open: Option<Open>,
}

#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ::drm::Device for Card {}
impl ::drm::control::Device for Card {}

#[derive(Debug)]
struct Open {
    card: Card,
    connector: connector::Handle,
    crtc: crtc::Handle,
    buffer: DumbBuffer,
    framebuffer: framebuffer::Handle,
    panel: Size,
    /// Nothing was shown yet.
    fresh: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The kernel does the same when the file closes, but only then.
        drop(self.card.set_crtc(self.crtc, None, (0, 0), &[], None));
        drop(self.card.destroy_framebuffer(self.framebuffer));
        drop(self.card.destroy_dumb_buffer(self.buffer));
    }
}

impl DrmDisplay {
    /// From `PATH` or `PATH:CONNECTOR`. Nothing is opened yet.
    #[must_use]
    pub fn new(specification: &str, rotation: Rotation) -> Self {
        let (device, connector) = match specification.split_once(':') {
            None => (specification, None),
            Some((device, connector)) => (device, Some(connector.to_owned())),
        };
        Self { device: device.to_owned(), connector, rotation, open: None }
    }

    fn open(&mut self) -> Result<&mut Open, DeviceError> {
        Ok(match &mut self.open {
            Some(open) => open,
            closed => closed.insert(start(&self.device, self.connector.as_deref())?),
        })
    }
}

fn start(device: &str, wanted: Option<&str>) -> Result<Open, DeviceError> {
    let error = |e: std::io::Error| DeviceError::from_io(device, &e);
    let card = Card(OpenOptions::new().read(true).write(true).open(device).map_err(error)?);
    // A desktop or another kiosk that shows already would refuse every picture later.
    card.acquire_master_lock().map_err(|_| DeviceError::Busy { device: device.to_owned() })?;
    let resources = card.resource_handles().map_err(error)?;
    let mut connectors = resources.connectors().iter().filter_map(|handle| card.get_connector(*handle, true).ok());
    let connector = connectors.find(|info| {
        info.state() == connector::State::Connected && wanted.is_none_or(|wanted| info.to_string() == wanted)
    });
    let Some(connector) = connector else {
        let why = format!("no panel is connected to {}", wanted.unwrap_or("any of its connectors"));
        return Err(DeviceError::Absent { device: device.to_owned(), why });
    };
    // The first mode is the panel's own.
    let Some(mode) = connector.modes().first().copied() else {
        let why = "the panel names no mode".to_owned();
        return Err(DeviceError::Unsuitable { device: device.to_owned(), why });
    };
    let mut encoders = connector.encoders().iter().filter_map(|handle| card.get_encoder(*handle).ok());
    let crtc = encoders.find_map(|encoder| resources.filter_crtcs(encoder.possible_crtcs()).first().copied());
    let Some(crtc) = crtc else {
        let why = "no display controller is free for this connector".to_owned();
        return Err(DeviceError::Unsuitable { device: device.to_owned(), why });
    };
    let (width, height) = mode.size();
    let panel = Size::new(width.into(), height.into());
    let buffer = card.create_dumb_buffer((panel.width, panel.height), DrmFourcc::Xrgb8888, 32).map_err(error)?;
    let framebuffer = match card.add_framebuffer(&buffer, 24, 32) {
        Ok(framebuffer) => framebuffer,
        Err(why) => {
            drop(card.destroy_dumb_buffer(buffer));
            return Err(error(why));
        }
    };
    let open = Open { card, connector: connector.handle(), crtc, buffer, framebuffer, panel, fresh: true };
    open.card.set_crtc(crtc, Some(framebuffer), (0, 0), &[open.connector], Some(mode)).map_err(error)?;
    Ok(open)
}

impl Open {
    /// Whether the cable is in, as the kernel last saw it.
    fn is_connected(&self) -> bool {
        let info = self.card.get_connector(self.connector, false);
        info.is_ok_and(|info| info.state() == connector::State::Connected)
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle], rotation: Rotation) -> std::io::Result<()> {
        let whole = [picture.whole()];
        let changed = if self.fresh { &whole } else { changed };
        let pitch = self.buffer.pitch();
        let mut dirty = Vec::with_capacity(changed.len());
        {
            let mut map = self.card.map_dumb_buffer(&mut self.buffer)?;
            for part in changed {
                let place = turn(picture, *part, rotation, |x, y, run| {
                    let start = (y * pitch + x * 4) as usize;
                    for (bytes, pixel) in map[start..].chunks_exact_mut(4).zip(run) {
                        bytes.copy_from_slice(&pixel.to_le_bytes());
                    }
                });
                if !place.is_zero_sized() {
                    let edge = |at: i32| u16::try_from(at).unwrap_or(u16::MAX);
                    let end = place.top_left + place.size;
                    dirty.push(ClipRect::new(edge(place.top_left.x), edge(place.top_left.y), edge(end.x), edge(end.y)));
                }
            }
        }
        match self.card.dirty_framebuffer(self.framebuffer, &dirty) {
            // ENOSYS, EOPNOTSUPP: the panel is fed from the buffer itself.
            Err(error) if matches!(error.raw_os_error(), Some(38 | 95)) => {}
            other => other?,
        }
        self.fresh = false;
        Ok(())
    }
}

impl Display for DrmDisplay {
    fn name(&self) -> String {
        match &self.connector {
            None => self.device.clone(),
            Some(connector) => format!("{}:{connector}", self.device),
        }
    }

    fn size(&mut self) -> Result<Size, DeviceError> {
        let rotation = self.rotation;
        Ok(turned_size(self.open()?.panel, rotation))
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let (name, rotation) = (self.name(), self.rotation);
        if self.open.as_ref().is_some_and(|open| !open.is_connected()) {
            self.open = None;
        }
        let open = self.open()?;
        check_size(&name, turned_size(open.panel, rotation), picture.size())?;
        open.show(picture, changed, rotation).map_err(|error| {
            self.open = None;
            DeviceError::from_io(&name, &error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_card_says_so() {
        let mut display = DrmDisplay::new("/dev/dri/card99:HDMI-A-1", Rotation::None);
        assert_eq!(display.name(), "/dev/dri/card99:HDMI-A-1");
        assert!(matches!(display.size(), Err(DeviceError::Absent { .. })));
        // A file that is there and is no DRM device.
        assert!(DrmDisplay::new("/dev/null", Rotation::None).size().is_err());
    }
}
