//! Displays.

use super::{Entry, Kind, System};
use crate::device::DeviceError;
use crate::display::Size;
use crate::display::connector::{CLASS, connector_of, is_connector};
use program::Failure;

/// A connector of a DRM card.
struct Connector {
    card: String,
    name: String,
    connected: bool,
    modes: Vec<Size>,
    /// What the panel calls itself.
    panel: Option<String>,
}

pub(super) fn displays(system: &System<'_>) -> Vec<Entry> {
    let connectors = connectors(*system);
    let connected = connectors.iter().filter(|connector| connector.connected).count();
    let drm = connectors.iter().map(|connector| {
        let Connector { card, name, panel, .. } = connector;
        let node = format!("/dev/dri/{card}");
        let is_only = |other: &&Connector| other.connected && other.name == *name;
        let written = if connector.connected && connected == 1 {
            "drm:auto".to_owned()
        } else if connectors.iter().filter(is_only).count() <= 1 {
            format!("drm:auto:{name}")
        } else {
            format!("drm:{}:{name}", system.lasting(&node, &["/dev/dri/by-path"]))
        };
        let absent = || {
            let why = format!("no panel is connected to {name}");
            Failure::from(DeviceError::Absent { device: node.clone(), why })
        };
        let failure = if connector.connected { system.closed(&node) } else { Some(absent()) };
        let called = panel.clone().map_or_else(|| name.clone(), |panel| format!("{panel}, {name}"));
        entry(written, called, true, connector.modes.clone(), failure)
    });
    let mut all: Vec<Entry> = drm.collect();
    all.extend(framebuffers(*system));
    all.extend(spi(*system));
    all
}

fn entry(name: String, called: String, likely: bool, modes: Vec<Size>, failure: Option<Failure>) -> Entry {
    Entry { kind: Kind::Display, name, called, likely, modes, failure }
}

fn connectors(system: System<'_>) -> Vec<Connector> {
    let mut found: Vec<(u32, Connector)> = Vec::new();
    for entry in system.names(CLASS) {
        let Some((number, name)) = connector_of(&entry) else { continue };
        // What is written back to memory shows nothing to anybody.
        if !is_connector(name) || name.starts_with("Writeback") {
            continue;
        }
        let place = format!("{}/{entry}", CLASS);
        let mut modes: Vec<Size> =
            system.text(&format!("{place}/modes")).lines().filter_map(|mode| size(mode, 'x')).collect();
        // The same size at several rates stands there several times.
        let mut seen = Vec::new();
        modes.retain(|mode| {
            !seen.contains(mode) && {
                seen.push(*mode);
                true
            }
        });
        let edid = std::fs::read(system.at(&format!("{place}/edid"))).unwrap_or_default();
        let connector = Connector {
            card: format!("card{number}"),
            name: name.to_owned(),
            connected: system.text(&format!("{place}/status")) == "connected",
            modes,
            panel: panel_name(&edid),
        };
        found.push((number, connector));
    }
    // By number, not by letter.
    found.sort_by(|(a, first), (b, second)| (a, &first.name).cmp(&(b, &second.name)));
    found.into_iter().map(|(_, connector)| connector).collect()
}

/// `1024x600`, `1024,600`; an interlaced mode is none.
fn size(text: &str, between: char) -> Option<Size> {
    let (width, height) = text.trim().split_once(between)?;
    Some(Size::new(width.parse().ok()?, height.parse().ok()?))
}

/// The monitor's name in its EDID: the descriptor with tag 0xFC.
fn panel_name(edid: &[u8]) -> Option<String> {
    let mut descriptors = edid.get(54..126)?.chunks(18);
    let name = descriptors.find(|descriptor| descriptor[..5] == [0, 0, 0, 0xFC, 0])?;
    let name: String = name[5..].iter().map(|byte| char::from(*byte)).take_while(|c| *c != '\n').collect();
    let name = name.trim();
    (!name.is_empty() && name.chars().all(|c| c == ' ' || c.is_ascii_graphic())).then(|| name.to_owned())
}

/// Old framebuffers, without those that a DRM card only imitates.
fn framebuffers(system: System<'_>) -> Vec<Entry> {
    let real = |(_, name): &(u32, String)| !system.has(&format!("/sys/class/graphics/{name}/device/drm"));
    let found = system.numbered("/sys/class/graphics", "fb").into_iter().filter(real);
    found
        .map(|(_, name)| {
            let text = |file: &str| system.text(&format!("/sys/class/graphics/{name}/{file}"));
            let node = format!("/dev/{name}");
            let modes = size(&text("virtual_size"), ',').into_iter().collect();
            let called = format!("framebuffer {}", text("name"));
            entry(format!("fbdev:{node}"), called.trim_end().to_owned(), true, modes, system.closed(&node))
        })
        .collect()
}

/// Nothing answers on SPI: the bus is there, model and lines are to be written as the panel is wired.
fn spi(system: System<'_>) -> Vec<Entry> {
    let buses = system.names("/dev").into_iter().filter(|name| name.starts_with("spidev"));
    buses
        .map(|name| {
            let node = format!("/dev/{name}");
            let called = format!("a small panel on {name}: write its model and the lines that it is wired to");
            entry(format!("spi:ili9341:{node}:/dev/gpiochip0:25:24"), called, false, Vec::new(), system.closed(&node))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::inventory;
    use crate::inventory::tests::{found, system};

    fn named(name: &str, likely: bool, code: Option<&'static str>) -> (String, bool, Option<String>) {
        (name.to_owned(), likely, code.map(str::to_owned))
    }

    #[test]
    fn the_only_panel_is_found_whatever_its_card_is_called() {
        // Raspberry Pi: one card draws and has no connector.
        let root = system(
            &[
                ("/dev/dri/card0", ""),
                ("/dev/dri/card1", ""),
                ("/sys/class/drm/card0/dev", "226:0"),
                ("/sys/class/drm/card1-HDMI-A-1/status", "disconnected\n"),
                ("/sys/class/drm/card1-DSI-2/status", "connected\n"),
                ("/sys/class/drm/card1-DSI-2/modes", "1024x600\n1024x600\n800x480\n720x480i\n"),
                ("/sys/class/drm/card1-Writeback-1/status", "unknown\n"),
            ],
            &[],
        );
        let all = found(root.path(), Kind::Display);
        assert_eq!(all, [named("drm:auto", true, None), named("drm:auto:HDMI-A-1", true, Some("device_absent"))]);
        let entry = &inventory(root.path(), Ok(Vec::new()))[0];
        assert_eq!(entry.modes, [Size::new(1024, 600), Size::new(800, 480)]);
        assert_eq!(entry.called, "DSI-2");
    }

    #[test]
    fn two_panels_are_told_apart_by_connector_or_by_card() {
        let status = |name: &str| format!("/sys/class/drm/{name}/status");
        let (a, b, c) = (status("card0-HDMI-A-1"), status("card0-HDMI-A-2"), status("card10-HDMI-A-1"));
        let nodes = [("/dev/dri/card0", ""), ("/dev/dri/card10", "")];
        let root = system(&[nodes[0], nodes[1], (&a, "connected"), (&b, "connected")], &[]);
        let all = found(root.path(), Kind::Display);
        assert_eq!(all, [named("drm:auto:HDMI-A-1", true, None), named("drm:auto:HDMI-A-2", true, None)]);
        let path = "/dev/dri/by-path/pci-0000:00:02.0-card";
        let root = system(&[nodes[0], nodes[1], (&a, "connected"), (&c, "connected")], &[(path, "/dev/dri/card0")]);
        let all = found(root.path(), Kind::Display);
        let by_path = format!("drm:{path}:HDMI-A-1");
        assert_eq!(all, [named(&by_path, true, None), named("drm:/dev/dri/card10:HDMI-A-1", true, None)]);
    }

    #[test]
    fn a_framebuffer_counts_where_no_card_stands_behind_it() {
        let root = system(
            &[
                ("/dev/fb0", ""),
                ("/sys/class/graphics/fb0/virtual_size", "800,480\n"),
                ("/sys/class/graphics/fb0/name", "simple"),
                ("/sys/class/graphics/fb1/device/drm/card0/dev", ""),
                ("/sys/class/graphics/fbcon/uevent", ""),
                ("/dev/spidev0.1", ""),
            ],
            &[],
        );
        let all = found(root.path(), Kind::Display);
        let spi = named("spi:ili9341:/dev/spidev0.1:/dev/gpiochip0:25:24", false, None);
        assert_eq!(all, [named("fbdev:/dev/fb0", true, None), spi]);
        let entry = &inventory(root.path(), Ok(Vec::new()))[0];
        assert_eq!((entry.called.as_str(), &entry.modes[..]), ("framebuffer simple", &[Size::new(800, 480)][..]));
    }

    #[test]
    fn a_panel_says_its_name() {
        let mut edid = [0_u8; 128];
        assert_eq!(panel_name(&edid), None);
        edid[72..77].copy_from_slice(&[0, 0, 0, 0xFC, 0]);
        edid[77..90].copy_from_slice(b"DELL U2415\n  ");
        assert_eq!(panel_name(&edid).as_deref(), Some("DELL U2415"));
        assert_eq!(panel_name(&edid[..100]), None, "cut off");
        edid[77] = 0x1B;
        assert_eq!(panel_name(&edid), None, "no control characters on a terminal");
    }
}
