//! DRM/KMS with a dumb buffer: HDMI, DSI and DisplayPort panels without a window system.
//!
//! | written | is |
//! |---|---|
//! | `drm:auto` | the first card that has a connected connector, as `/sys/class/drm` says each time it is opened |
//! | `drm:auto:HDMI-A-1` | the first card on which this connector is connected |
//! | `drm:PATH`, `drm:PATH:HDMI-A-1` | this card; its name may have colons (`/dev/dri/by-path/pci-0000:00:02.0-card`) |
//!
//! Numbers of cards change between boots where a machine has two (Raspberry Pi 4 and 5: one draws and has no connector).
//!
//! Of the panel's modes its own (the preferred one) is taken, unless it has more pixels than a picture may have: then the
//! largest of the same shape that has not, as 1920x1080 of a 4K television; where there is none, its own, with pictures drawn
//! larger. A mode that the card refuses is followed by the next.
//!
//! After each picture the framebuffer is marked dirty: drivers that copy it out (virtual machines, USB and SPI panels)
//! show nothing new without it.

use super::connector::{CLASS, connector_of, is_connector};
use super::{Display, Format, MOST_PIXELS, Picture, Rectangle, Rotation, Size};
use crate::device::DeviceError;
use ::drm::Device as _;
use ::drm::buffer::{Buffer as _, DrmFourcc};
use ::drm::control::{
    ClipRect, Device as _, Mode, ModeFlags, ModeTypeFlags, connector, crtc, dumbbuffer::DumbBuffer, framebuffer,
};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

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
    format: Format,
    /// Nothing was shown yet.
    fresh: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        program::ignore(
            self.card.set_crtc(self.crtc, None, (0, 0), &[], None),
            "the kernel does the same when the file closes, but only then",
        );
        program::ignore(
            self.card.destroy_framebuffer(self.framebuffer),
            "the kernel does the same when the file closes",
        );
        program::ignore(self.card.destroy_dumb_buffer(self.buffer), "the kernel does the same when the file closes");
    }
}

impl DrmDisplay {
    /// From `auto` or `PATH`, either with `:CONNECTOR` behind it. Nothing is opened yet.
    #[must_use]
    pub fn new(specification: &str, rotation: Rotation) -> Self {
        let (device, connector) = split(specification);
        Self { device: device.to_owned(), connector: connector.map(str::to_owned), rotation, open: None }
    }

    fn open(&mut self) -> Result<&mut Open, DeviceError> {
        Ok(match &mut self.open {
            Some(open) => open,
            closed => {
                let connector = self.connector.as_deref();
                let found = (self.device == AUTO).then(|| connected_card(Path::new(CLASS), connector)).transpose()?;
                closed.insert(start(found.as_deref().unwrap_or(&self.device), connector, self.rotation)?)
            }
        })
    }
}

/// The card that is looked for.
const AUTO: &str = "auto";
/// Card and connector. A connector is what the kernel calls it, a kind and a number (`HDMI-A-1`, `DSI-1`), so that whatever
/// else stands behind a colon belongs to the name of the card.
fn split(specification: &str) -> (&str, Option<&str>) {
    match specification.rsplit_once(':') {
        Some((device, connector)) if is_connector(connector) => (device, Some(connector)),
        _ => (specification, None),
    }
}

/// The node of the first card with a connector, or with this connector, that is connected. `class` has a directory
/// `cardN-CONNECTOR` with a file `status` for each.
fn connected_card(class: &Path, wanted: Option<&str>) -> Result<String, DeviceError> {
    let entries = std::fs::read_dir(class).into_iter().flatten().flatten();
    let card = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (number, connector) = connector_of(&name)?;
            let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
            let is_it = status.trim() == "connected" && wanted.is_none_or(|wanted| connector == wanted);
            is_it.then_some(number)
        })
        .min();
    card.map(|number| format!("/dev/dri/card{number}")).ok_or_else(|| {
        let why = match wanted {
            None => "no card has a panel connected".to_owned(),
            Some(wanted) => format!("no card has a panel connected to {wanted}"),
        };
        DeviceError::Absent { device: AUTO.to_owned(), why }
    })
}

fn start(device: &str, wanted: Option<&str>, rotation: Rotation) -> Result<Open, DeviceError> {
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
    let mut encoders = connector.encoders().iter().filter_map(|handle| card.get_encoder(*handle).ok());
    let crtc = encoders.find_map(|encoder| resources.filter_crtcs(encoder.possible_crtcs()).first().copied());
    let Some(crtc) = crtc else {
        let why = "no display controller is free for this connector".to_owned();
        return Err(DeviceError::Unsuitable { device: device.to_owned(), why });
    };
    let offers: Vec<Offer> = connector.modes().iter().map(Offer::from).collect();
    let millimetres = connector.size().filter(|(wide, high)| *wide > 0 && *high > 0);
    let millimetres = millimetres.map(|(wide, high)| Size::new(wide, high));
    let mut card = card;
    let mut refused = None;
    for at in order(&offers) {
        let format = Format { panel: offers[at].size, millimetres, rotation };
        match light(card, connector.handle(), crtc, connector.modes()[at], format) {
            Ok(open) => return Ok(open),
            Err((given_back, why)) => (card, refused) = (given_back, refused.or(Some(why))),
        }
    }
    Err(refused.map_or_else(
        || DeviceError::Unsuitable { device: device.to_owned(), why: "the panel names no mode".to_owned() },
        error,
    ))
}

/// What matters of a mode.
#[derive(Debug, Clone, Copy)]
struct Offer {
    size: Size,
    preferred: bool,
    /// Half of the lines at a time: it flickers.
    interlaced: bool,
}

impl From<&Mode> for Offer {
    fn from(mode: &Mode) -> Self {
        let (width, height) = mode.size();
        Self {
            size: Size::new(width.into(), height.into()),
            preferred: mode.mode_type().contains(ModeTypeFlags::PREFERRED),
            interlaced: mode.flags().contains(ModeFlags::INTERLACE),
        }
    }
}

/// In which order modes are tried. The kernel lists those of a size by their rate, the fastest first.
fn order(offers: &[Offer]) -> Vec<usize> {
    let Some(own) = offers.iter().position(|offer| offer.preferred).or_else(|| (!offers.is_empty()).then_some(0))
    else {
        return Vec::new();
    };
    let pixels = |at: usize| offers[at].size.width * offers[at].size.height;
    // What its own would be drawn with.
    let factor = Format { panel: offers[own].size, millimetres: None, rotation: Rotation::None }.factor();
    let least = pixels(own) / (factor * factor);
    let shape = |at: usize| offers[at].size.width * 100 / offers[at].size.height.max(1);
    let mut order: Vec<usize> = (0..offers.len()).filter(|at| pixels(*at) > 0).collect();
    order.sort_by_key(|&at| {
        let is_drawn = pixels(at) <= MOST_PIXELS;
        let is_as_good = shape(at).abs_diff(shape(own)) <= 2 && pixels(at) >= least;
        let rank = match (is_drawn, at == own, is_as_good) {
            (true, true, _) => 0,
            (true, false, true) => 1,
            (false, true, _) => 2,
            (true, false, false) => 3,
            (false, false, _) => 4,
        };
        (offers[at].interlaced, rank, std::cmp::Reverse(pixels(at)))
    });
    order
}

/// Sets a mode; gives the card back where that is refused.
fn light(
    card: Card,
    connector: connector::Handle,
    crtc: crtc::Handle,
    mode: Mode,
    format: Format,
) -> Result<Open, (Card, std::io::Error)> {
    let buffer = match card.create_dumb_buffer((format.panel.width, format.panel.height), DrmFourcc::Xrgb8888, 32) {
        Ok(buffer) => buffer,
        Err(why) => return Err((card, why)),
    };
    let framebuffer = match card.add_framebuffer(&buffer, 24, 32) {
        Ok(framebuffer) => framebuffer,
        Err(why) => {
            program::ignore(card.destroy_dumb_buffer(buffer), "the kernel does the same when the file closes");
            return Err((card, why));
        }
    };
    if let Err(why) = card.set_crtc(crtc, Some(framebuffer), (0, 0), &[connector], Some(mode)) {
        program::ignore(card.destroy_framebuffer(framebuffer), "the kernel does the same when the file closes");
        program::ignore(card.destroy_dumb_buffer(buffer), "the kernel does the same when the file closes");
        return Err((card, why));
    }
    Ok(Open { card, connector, crtc, buffer, framebuffer, format, fresh: true })
}

impl Open {
    /// Whether the cable is in, as the kernel last saw it.
    fn is_connected(&self) -> bool {
        let info = self.card.get_connector(self.connector, false);
        info.is_ok_and(|info| info.state() == connector::State::Connected)
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> std::io::Result<()> {
        let whole = [picture.whole()];
        let changed = if self.fresh { &whole } else { changed };
        let pitch = self.buffer.pitch();
        let mut dirty = Vec::with_capacity(changed.len());
        {
            let mut map = self.card.map_dumb_buffer(&mut self.buffer)?;
            for part in changed {
                let place = self.format.place(picture, *part, |x, y, run| {
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

    fn format(&mut self) -> Result<Format, DeviceError> {
        Ok(self.open()?.format)
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let name = self.name();
        if self.open.as_ref().is_some_and(|open| !open.is_connected()) {
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

    #[test]
    fn a_machine_without_a_card_says_so() {
        let mut display = DrmDisplay::new("/dev/dri/card99:HDMI-A-1", Rotation::None);
        assert_eq!(display.name(), "/dev/dri/card99:HDMI-A-1");
        assert!(matches!(display.format(), Err(DeviceError::Absent { .. })));
        // A file that is there and is no DRM device.
        assert!(DrmDisplay::new("/dev/null", Rotation::None).format().is_err());
    }

    #[test]
    fn a_name_may_have_colons_and_a_connector_behind_it() {
        for (text, device, connector) in [
            ("auto", "auto", None),
            ("auto:DSI-1", "auto", Some("DSI-1")),
            ("/dev/dri/card0", "/dev/dri/card0", None),
            ("/dev/dri/card0:HDMI-A-1", "/dev/dri/card0", Some("HDMI-A-1")),
            ("/dev/dri/card1:eDP-1", "/dev/dri/card1", Some("eDP-1")),
            ("/dev/dri/by-path/pci-0000:00:02.0-card", "/dev/dri/by-path/pci-0000:00:02.0-card", None),
            ("/dev/dri/by-path/pci-0000:00:02.0-card:DP-12", "/dev/dri/by-path/pci-0000:00:02.0-card", Some("DP-12")),
            ("/dev/dri/by-path/platform-axi:gpu-card", "/dev/dri/by-path/platform-axi:gpu-card", None),
            ("/dev/dri/by-path/platform-axi:gpu-card:DSI-2", "/dev/dri/by-path/platform-axi:gpu-card", Some("DSI-2")),
        ] {
            assert_eq!(split(text), (device, connector), "{text}");
        }
    }

    #[test]
    fn the_first_card_with_something_connected_is_found() {
        let class = tempfile::tempdir().expect("directory");
        let says = |name: &str, status: &str| {
            std::fs::create_dir_all(class.path().join(name)).expect("connector");
            std::fs::write(class.path().join(name).join("status"), status).expect("status");
        };
        let found = |wanted| connected_card(class.path(), wanted).ok();
        assert_eq!(found(None), None);
        // The card that draws has no connector, the other one has the panels.
        std::fs::create_dir(class.path().join("card0")).expect("card");
        std::fs::create_dir(class.path().join("renderD128")).expect("node");
        says("card1-HDMI-A-1", "disconnected\n");
        says("card1-Writeback-1", "unknown\n");
        assert_eq!(found(None), None);
        says("card10-DSI-1", "connected\n");
        assert_eq!(found(None).as_deref(), Some("/dev/dri/card10"));
        says("card2-HDMI-A-2", "connected\n");
        assert_eq!(found(None).as_deref(), Some("/dev/dri/card2"), "by number, not by letter");
        assert_eq!(found(Some("DSI-1")).as_deref(), Some("/dev/dri/card10"));
        assert_eq!(found(Some("HDMI-A-1")), None, "it is there, and nothing is in it");
    }

    #[test]
    fn the_mode_is_the_panels_own_unless_it_is_too_large_to_draw() {
        let modes = |list: &[(u32, u32)]| -> Vec<Offer> {
            let offer = |(width, height)| Offer { size: Size::new(width, height), preferred: false, interlaced: false };
            list.iter().copied().map(offer).collect()
        };
        let taken =
            |offers: &[Offer]| order(offers).first().map(|at| (offers[*at].size.width, offers[*at].size.height));
        assert_eq!(taken(&[]), None);
        assert_eq!(taken(&modes(&[(1280, 800)])), Some((1280, 800)));
        // A television: its own is too large, 4096 wide is no better, and 1280x720 is less than it can.
        let mut television =
            modes(&[(3840, 2160), (4096, 2160), (1920, 1080), (1600, 1200), (1280, 720), (1920, 1080), (640, 480)]);
        assert_eq!(taken(&television), Some((1920, 1080)));
        assert_eq!(order(&television)[..2], [2, 5], "the fastest of a size first");
        television[2].interlaced = true;
        assert_eq!(order(&television)[0], 5, "one that flickers last");
        assert_eq!(order(&television).len(), television.len(), "each is tried");
        // One that offers nothing smaller of its shape is drawn larger.
        assert_eq!(taken(&modes(&[(3840, 2160), (1280, 720), (640, 480)])), Some((3840, 2160)));
        // The preferred one is not always listed first.
        let mut listed = modes(&[(1920, 1080), (1366, 768)]);
        listed[1].preferred = true;
        assert_eq!(taken(&listed), Some((1366, 768)));
    }
}
