//! The tables of `agent.toml` below the top.

use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The page for staff and the interface for other software.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// The site's name, as on the page and on paper.
    pub site: String,
    /// Where it listens: an address of this machine only.
    #[serde(default = "Desk::listen")]
    pub listen: SocketAddr,
    /// A Unix socket beside it, for programs of the users named below.
    pub socket: Option<PathBuf>,
    /// User identifiers that may use the socket; the agent's own always may.
    #[serde(default)]
    pub socket_users: Vec<u32>,
    /// `serial:PATH` (bit rate found by itself), `serial:PATH@RATE`, `wedge:NAME`, `wedge:/dev/input/by-id/…` or `camera:/dev/video0`.
    pub scanner: Option<String>,
    /// For tickets and receipts.
    pub printer: Option<Printer>,
    /// Queue tickets.
    pub queue: Option<Queue>,
    /// The relay of a door, for profiles with the step `relay`: `chip`, `door`, `door_ms` as in `[kiosk.lines]`.
    pub lines: Option<Lines>,
    /// Doors to software that expects a reader vendor's plugin.
    #[serde(default)]
    pub compat: Compat,
    /// The door for this site's kiosks and for the board of numbers. Without it nobody at this desk hears calls.
    pub counter: Option<CounterDoor>,
}

impl Desk {
    fn listen() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8480))
    }
}

/// Doors to software that expects a reader vendor's plugin. That software cannot pair, so each door listens only to the
/// origins that are named; none is open by default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compat {
    /// Socket.IO with channel `/event`, and raw WebSocket with `CARD_RESULT`, on one address.
    pub listen: Option<SocketAddr>,
    /// Web pages that may connect, `http://his.example:8080`. `none` lets in programs that are no browser, of the agent's own user
    /// or of `socket_users`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// A scan begins a session for such software where nobody has one.
    #[serde(default)]
    pub begin_on_scan: bool,
    /// A device (`/dev/hidg0`) or FIFO that receives the QR text of each scan as a keyboard would type it.
    pub keyboard: Option<PathBuf>,
}

/// How a recipient is reached.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// In which format.
    pub format: Format,
    /// `https://…`; `http://` only to this machine, or with `plain = true`. For `hl7-v2` `mllps://HOST:PORT` and `mllp://HOST:PORT`.
    pub url: Option<String>,
    /// A directory, for `checkin-xml`, which is files.
    pub directory: Option<PathBuf>,
    /// The CA of the server's certificate, PEM; without it the well-known ones.
    pub authority: Option<PathBuf>,
    /// A file with the bearer token, or with the HMAC key of the kiosk interface.
    pub secret_file: Option<PathBuf>,
    /// The merchant's identifier in the kiosk interface.
    pub merchant: Option<String>,
    /// Facility code (mã cơ sở khám chữa bệnh), five digits.
    pub facility: Option<String>,
    /// What `hl7-v2` tells: `A04` (a patient is registered) or `A28` (a person is added).
    #[serde(default)]
    pub event: HospitalEvent,
    /// Identifier systems of `fhir` and `hl7-v2`; by default those of the guide VN Core.
    #[serde(default)]
    pub systems: FhirSystems,
    /// Send personal data through a network in the clear. For a cable of one's own.
    #[serde(default)]
    pub plain: bool,
    /// Days until an undelivered message is given up and erased.
    #[serde(default = "Connection::give_up_days")]
    pub give_up_days: u32,
}

impl Connection {
    const fn give_up_days() -> u32 {
        7
    }
}

/// By which names a hospital's system knows kinds of numbers. By default those of the community guide VN Core 0.6: none is law.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FhirSystems {
    /// Of personal numbers, twelve digits.
    pub personal_number: String,
    /// Of identity cards before them, nine digits.
    pub old_number: String,
    /// Of passports.
    pub passport: String,
    /// Of health insurance codes.
    pub insurance: String,
    /// The profile that a Patient claims to follow; empty for none.
    pub patient_profile: String,
}

impl Default for FhirSystems {
    fn default() -> Self {
        let of = |name: &str| format!("http://fhir.hl7.org.vn/core/{name}");
        Self {
            personal_number: of("sid/cccd"),
            old_number: of("sid/cmnd"),
            passport: of("sid/passport"),
            insurance: of("sid/bhyt"),
            patient_profile: of("StructureDefinition/vn-core-patient"),
        }
    }
}

/// What HL7 v2 calls what has happened (table 0003).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum HospitalEvent {
    /// A patient is registered.
    #[default]
    A04,
    /// A person is added, without a visit.
    A28,
}

/// In which format a recipient takes results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// JSON with the keys that reader vendors' webhooks use.
    Webhook,
    /// FHIR R4: a transaction with Patient and Encounter.
    Fhir,
    /// HL7 v2.5.1 over MLLP, for older hospital systems.
    #[serde(rename = "hl7-v2")]
    Hl7V2,
    /// XML0, the insurer's check-in, as a draft for the hospital's system: one file a visit.
    CheckinXml,
    /// The kiosk interface with HMAC headers; it answers with the number in the queue.
    KioskHis,
}

/// Lists of people.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// The operator's public key, PEM.
    pub key: PathBuf,
    /// Keys of the devices whose ledgers are merged here, PEM, named `DEVICE.pem`.
    pub devices: Option<PathBuf>,
}

/// What the police portal wants to know of a house.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lodging {
    /// The portal's own template; without it a file of the same layout is made.
    pub template: Option<PathBuf>,
    /// Columns and values, where the portal has changed them; without it those of `handoff/data/lodging.toml`.
    pub columns: Option<PathBuf>,
    /// The house lies in a remote area: foreigners are notified within 24 hours, not 12.
    #[serde(default)]
    pub remote: bool,
}

/// Screen and devices of a kiosk. What is not named is not there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kiosk {
    /// The site's name, as in the header.
    pub site: String,
    /// The layout, by the panel that it was made for: `portrait-21` (1080x1920), `portrait-7` (600x1024), `landscape-7` (1024x600), `small-7` (800x480) or `tft-2.8` (320x240). Without it, and where it could not be read, the one that suits the display.
    pub panel: Option<String>,
    /// `drm:auto` (the first card with a connected connector), `drm:PATH`, either with `:CONNECTOR` behind it (`drm:/dev/dri/by-path/pci-0000:00:02.0-card:HDMI-A-1`), `fbdev:/dev/fb0` or `spi:MODEL:SPIDEV:GPIOCHIP:DC:RESET`.
    #[serde(default = "Kiosk::display")]
    pub display: String,
    /// Degrees, clockwise, by which the picture is turned on the panel: 0, 90, 180 or 270. Touch turns with it.
    #[serde(default)]
    pub rotation: u16,
    /// Path or part of the name of the touch screen.
    pub touch: Option<String>,
    /// Six numbers that correct where a touch lands, before rotation, as libinput's calibration matrix: `1.02 0 -0.01 0 0.98 0.01`.
    pub calibration: Option<String>,
    /// `serial:PATH` (bit rate found by itself), `serial:PATH@RATE`, `wedge:NAME`, `wedge:/dev/input/by-id/…` or `camera:/dev/video0`.
    pub scanner: Option<String>,
    /// `espeak-ng` or `speech-dispatcher:SOCKET`.
    pub speech: Option<String>,
    /// Recordings of phrases: `vi/PHRASE.wav`, `en/PHRASE.wav`, named as in `kiosk-ui/src/text.rs`.
    pub clips: Option<PathBuf>,
    /// Signed notices for the time when nobody is served.
    pub playlist: Option<Playlist>,
    /// Where the reader is, seen from the glass: `above`, `below`, `left` or `right`. The screen points there.
    pub reader_at: Option<Side>,
    /// Where the scanner is, as `reader_at`.
    pub scanner_at: Option<Side>,
    /// What people call the place where staff is, as the screen says it: `Quầy 1`.
    pub staff_at: Option<String>,
    /// Seconds that a step waits for a person.
    #[serde(default = "Kiosk::patience_s")]
    pub patience_s: u16,
    /// Queue tickets.
    pub queue: Option<Queue>,
    /// The printer for them.
    pub printer: Option<Printer>,
    /// Lights, buzzer, door, tamper switch.
    pub lines: Option<Lines>,
    /// The desk that hears this kiosk.
    pub counter: Option<Counter>,
}

/// Seconds that a step waits for a person, unless the site says otherwise.
pub const PATIENCE_S: u16 = 45;

impl Kiosk {
    fn display() -> String {
        "drm:auto".to_owned()
    }

    const fn patience_s() -> u16 {
        PATIENCE_S
    }
}

/// Where something is, seen from the glass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Side {
    Above,
    Below,
    Left,
    Right,
}

/// The desk that hears a kiosk: calls for staff, and the numbers that it gives out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// Where `[desk.counter] listen` of that desk is, `http://192.168.1.20:8482`, or other software that answers as it does.
    pub url: String,
    /// A file with the secret that the site's kiosks and desk share, 16 characters at least.
    pub secret_file: PathBuf,
    /// The CA of the counter's certificate, PEM, for `https://`; without it the well-known ones.
    pub authority: Option<PathBuf>,
}

/// Where a desk hears the kiosks of its site, and shows the board of numbers. No personal data goes through it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CounterDoor {
    /// Where it listens; an address of the site's network where kiosks or the board's screen are other machines.
    #[serde(default = "CounterDoor::listen")]
    pub listen: SocketAddr,
    /// A file with the secret that the site's kiosks and desk share, 16 characters at least.
    pub secret_file: PathBuf,
    /// What people call this counter, as kiosks and the board say it: `Quầy 1`.
    pub name: String,
    /// Where people's telephones reach this door, `http://192.168.1.20:8482`: tickets then have a code that leads to their state.
    pub public: Option<String>,
}

impl CounterDoor {
    fn listen() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8482))
    }
}

/// Signed notices.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Playlist {
    /// The signed file.
    pub file: PathBuf,
    /// The operator's public key, PEM.
    pub key: PathBuf,
}

/// Queue tickets.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Before each number.
    pub letter: char,
    /// Where people with one go.
    pub place: String,
}

/// A printer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Printer {
    /// `usb:PATH`, `serial:PATH@RATE` or `tcp:HOST:PORT`.
    pub device: String,
    /// Width of its paper in dots: 576 on 80 mm, 384 on 58 mm.
    #[serde(default = "Printer::dots")]
    pub dots: u32,
}

impl Printer {
    const fn dots() -> u32 {
        576
    }
}

/// Lines of a GPIO chip, each as `drivers::gpio::Pin` has it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// `/dev/gpiochipN`, or `raspberry-pi`. The lines below are `17`, `17 active-low` or `22 active-low pull-up`.
    pub chip: String,
    /// Lit while nobody is there.
    pub ready: Option<String>,
    /// Lit while somebody is served.
    pub busy: Option<String>,
    /// Lit when somebody is wanted.
    pub problem: Option<String>,
    /// Sounds.
    pub buzzer: Option<String>,
    /// On while the cabinet is open.
    pub tamper: Option<String>,
    /// The relay of a door.
    pub door: Option<String>,
    /// How long it is on for a genuine card, in milliseconds; at most 30,000.
    #[serde(default = "Lines::door_ms")]
    pub door_ms: u16,
}

impl Lines {
    const fn door_ms() -> u16 {
        3000
    }
}
