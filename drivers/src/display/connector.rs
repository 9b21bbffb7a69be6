//! What the kernel calls the connectors of its cards, whether a program can draw on them or not.

/// What the kernel says of cards and their connectors.
pub(crate) const CLASS: &str = "/sys/class/drm";

/// The kinds of connectors that the kernel knows (`drm_connector_enum_list`).
const CONNECTORS: [&str; 21] = [
    "Unknown",
    "VGA",
    "DVI-I",
    "DVI-D",
    "DVI-A",
    "Composite",
    "SVIDEO",
    "LVDS",
    "Component",
    "DIN",
    "DP",
    "HDMI-A",
    "HDMI-B",
    "TV",
    "eDP",
    "Virtual",
    "DSI",
    "DPI",
    "Writeback",
    "SPI",
    "USB",
];

pub(crate) fn is_connector(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(kind, number)| CONNECTORS.contains(&kind) && number.parse::<u32>().is_ok())
}

/// The number of the card and the connector that a directory of the class stands for: `card1-HDMI-A-1`.
pub(crate) fn connector_of(directory: &str) -> Option<(u32, &str)> {
    let (card, connector) = directory.strip_prefix("card")?.split_once('-')?;
    Some((card.parse().ok()?, connector))
}
