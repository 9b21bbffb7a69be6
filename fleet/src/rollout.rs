//! What devices shall run: the part `update/rollout.toml` of a bundle, and when its turn comes.
//!
//! It travels in the bundle because that is signed, versioned and never older than what a device had. To stop a rollout is to
//! send a bundle whose rollout says `stopped = true`; to send another is to send another.
//!
//! ```toml
//! id = "2026-12"
//! begins = "2026-12-01T20:00:00+07:00"
//! pace = "steady"
//! window = "01:00-04:30"
//!
//! [image]
//! compatible = "cccd-kiosk-amd64"
//! version = "0.2.0"
//! manifest_hash = "…"
//! file = "…"
//!
//! [[package]]
//! name = "cccd-agent"
//! version = "0.2.0"
//! architecture = "amd64"
//! file = "…"
//! ```
//! `file` is the SHA-256 of the file, under which central has it. Devices with two systems take the image, plain Debian the
//! packages of its architecture.

use openssl::sha::Sha256;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::Path;
use time::{OffsetDateTime, UtcOffset};

/// Where people sleep at the same time: Vietnam has one zone.
const LOCAL: (i8, i8, i8) = (7, 0, 0);
const HOUR: i64 = 3600;
/// The longest that a rollout may take: a year.
const MOST_HOURS: u32 = 365 * 24;
/// No file of a rollout has more bytes, or somebody fills the disk.
pub const LARGEST: u64 = 4 << 30;
/// Parts of a whole that a wave is counted in.
const WHOLE: u64 = 100;

/// A rollout is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RolloutError(String);

/// How fast a rollout goes through the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// 1 % after an hour, 5 % after four, 15 % after a day, 40, 60 and 90 % after two, four and five, all after six.
    Steady,
    /// All within three hours: what is mended is worse than what may break.
    Urgent,
    /// Pairs of per cent and hours, growing; the last is 100 %.
    #[serde(untagged)]
    Waves(Vec<(u8, u32)>),
}

impl Pace {
    const STEADY: [(u8, u32); 7] = [(1, 1), (5, 4), (15, 24), (40, 48), (60, 96), (90, 120), (100, 144)];
    const URGENT: [(u8, u32); 1] = [(100, 3)];

    fn waves(&self) -> &[(u8, u32)] {
        match self {
            Self::Steady => &Self::STEADY,
            Self::Urgent => &Self::URGENT,
            Self::Waves(waves) => waves,
        }
    }
}

/// Hours of the day, local, in which a device may restart; may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: i64,
    until: i64,
}

impl Window {
    /// Whether it is open at a time, seconds since 1970.
    #[must_use]
    pub fn is_open(self, at: i64) -> bool {
        let local =
            UtcOffset::from_hms(LOCAL.0, LOCAL.1, LOCAL.2).map_or(0, |offset| i64::from(offset.whole_seconds()));
        let minute = (at.saturating_add(local)).rem_euclid(24 * HOUR) / 60;
        if self.from <= self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

impl TryFrom<String> for Window {
    type Error = RolloutError;

    fn try_from(text: String) -> Result<Self, RolloutError> {
        let wrong = || RolloutError(format!("{text:?} is no window: write it as 01:00-04:30"));
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
            let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
            ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let (from, until) = (minute(from).ok_or_else(wrong)?, minute(until).ok_or_else(wrong)?);
        if from == until { Err(wrong()) } else { Ok(Self { from, until }) }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What a site says of updates: the table `[update]` of its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The hours in which its devices may restart, instead of the rollout's: `01:00-04:30`, local.
    #[schemars(with = "Option<String>")]
    pub window: Option<Window>,
    /// Nothing is installed for now: an exam, a holiday.
    #[serde(default)]
    pub hold: bool,
}

/// A system image for devices with two system slots.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The kind of machine, as RAUC compares it.
    pub compatible: String,
    /// For people.
    pub version: String,
    /// SHA-256 of RAUC's manifest: what a slot says that it holds.
    pub manifest_hash: String,
    /// SHA-256 of the bundle file.
    pub file: String,
}

/// A Debian package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Debian's name of the processor, or `all`.
    pub architecture: String,
    /// SHA-256 of the file.
    pub file: String,
}

/// What a device takes from a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// The image: it has two systems.
    Image,
    /// The packages for this processor, as Debian calls it.
    Packages(String),
}

impl Takes {
    /// What the device below this root takes: the image where RAUC is set up.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        if root.join("etc/rauc/system.conf").exists() {
            return Self::Image;
        }
        let debian = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "arm" => "armhf",
            other => other,
        };
        Self::Packages(debian.to_owned())
    }
}

/// What a rollout names for one kind of device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// For people.
    pub version: String,
    /// What will say that it runs: RAUC's manifest, or the set of packages.
    pub hash: String,
    /// Files by their SHA-256.
    pub files: Vec<String>,
}

/// The hash of a set of packages: of their names, versions and files.
#[must_use]
pub fn set_hash<'a>(packages: impl Iterator<Item = &'a Package>) -> String {
    let mut lines: Vec<String> =
        packages.map(|package| format!("{} {} {}\n", package.name, package.version, package.file)).collect();
    lines.sort();
    events::hash(format!("cccd-packages-v1\n{}", lines.concat()).as_bytes()).to_string()
}

/// Copies a file and says what was copied: its SHA-256 in hexadecimal, as rollouts name files. Into [`std::io::sink`] it only
/// looks.
///
/// # Errors
/// When one of both fails.
pub fn copy_hashed(mut from: impl Read, mut to: impl Write) -> std::io::Result<String> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(digest.finish()));
        }
        digest.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
    }
}

/// Whether a text is a SHA-256 as rollouts write it.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// What devices shall run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Its name. A device that failed with a rollout waits for another name.
    pub id: String,
    /// When it begins, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub begins: i64,
    /// How fast.
    pub pace: Pace,
    /// Nobody begins any more; what was installed and not started is left.
    #[serde(default)]
    pub stopped: bool,
    /// The hours in which devices may restart, where their site says nothing.
    pub window: Window,
    /// For devices with two systems.
    pub image: Option<Image>,
    /// For plain Debian.
    #[serde(default)]
    pub package: Vec<Package>,
}

fn moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at = OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339);
    at.map(OffsetDateTime::unix_timestamp).map_err(serde::de::Error::custom)
}

impl Rollout {
    /// Where it is in a bundle.
    pub const PATH: &'static str = "update/rollout.toml";

    /// Reads and checks it.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RolloutError> {
        let rollout: Self = toml::from_str(text).map_err(|e| RolloutError(e.to_string().trim().to_owned()))?;
        let wrong = |why: &str| Err(RolloutError(why.to_owned()));
        let name = |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(plain);
        if !name(&rollout.id) {
            return wrong("id: use letters, digits, '.', '-', '+', '~', '_'");
        }
        let waves = rollout.pace.waves();
        let grows = waves.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
        let ends = waves.last().is_some_and(|(per_cent, hours)| *per_cent == 100 && *hours <= MOST_HOURS);
        if !grows || !ends {
            return wrong("pace: pairs of per cent and hours grow, and end with 100 % within a year");
        }
        if rollout.image.is_none() && rollout.package.is_empty() {
            return wrong("it names neither an image nor packages");
        }
        let hashes = rollout.package.iter().map(|package| &package.file);
        let hashes = hashes.chain(rollout.image.iter().flat_map(|image| [&image.file, &image.manifest_hash]));
        if let Some(hash) = hashes.into_iter().find(|hash| !is_hash(hash)) {
            return Err(RolloutError(format!("{hash:?} is no SHA-256 in lower-case hexadecimal")));
        }
        for Package { name: called, version, architecture, .. } in &rollout.package {
            if let Some(odd) = [called, version, architecture].into_iter().find(|text| !name(text)) {
                return Err(RolloutError(format!("{odd:?} is no name or version of a package")));
            }
        }
        Ok(rollout)
    }

    /// When the turn of a device comes, seconds since 1970. Which share of the fleet it belongs to is a matter of its
    /// name and of the rollout's: nobody is always first.
    #[must_use]
    pub fn due(&self, device: &str) -> i64 {
        let hash = events::hash(format!("cccd-rollout-v1 {} {device}", self.id).as_bytes());
        let share = u64::from(u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]));
        // In 2^32ths of a whole, so that a wave is spread over the hours before its end.
        let (mut below, mut hour) = (0_u64, 0_i64);
        for (per_cent, hours) in self.pace.waves() {
            let (above, end) = (u64::from(*per_cent) * (1 << 32) / WHOLE, i64::from(*hours));
            if share < above {
                let into = (share - below) * u64::try_from((end - hour) * HOUR).unwrap_or(0) / (above - below).max(1);
                return self.begins.saturating_add(hour * HOUR).saturating_add(i64::try_from(into).unwrap_or(0));
            }
            (below, hour) = (above, end);
        }
        self.begins.saturating_add(hour * HOUR)
    }

    /// The files that it names, by their SHA-256.
    pub fn files(&self) -> impl Iterator<Item = &String> {
        self.package.iter().map(|package| &package.file).chain(self.image.iter().map(|image| &image.file))
    }

    /// What it names for a device; nothing where it has nothing for its kind.
    #[must_use]
    pub fn choice(&self, takes: &Takes) -> Option<Choice> {
        match takes {
            Takes::Image => {
                let Image { version, manifest_hash, file, .. } = self.image.clone()?;
                Some(Choice { version, hash: manifest_hash, files: vec![file] })
            }
            Takes::Packages(own) => {
                let is_own = |package: &&Package| package.architecture == *own || package.architecture == "all";
                let packages: Vec<&Package> = self.package.iter().filter(is_own).collect();
                let version = packages.first()?.version.clone();
                let files = packages.iter().map(|package| package.file.clone()).collect();
                Some(Choice { version, hash: set_hash(packages.into_iter()), files })
            }
        }
    }
}

const fn plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'~' | b'_' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn text(pace: &str) -> String {
        format!(
            "id = \"r1\"\nbegins = \"2026-12-01T20:00:00+07:00\"\npace = {pace}\nwindow = \"23:00-04:30\"\n\
             [[package]]\nname = \"cccd-agent\"\nversion = \"0.2.0\"\narchitecture = \"amd64\"\nfile = \"{HASH}\"\n"
        )
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        let good = text("\"steady\"");
        Rollout::parse(&good).expect("a rollout");
        for (from, to, why) in [
            (HASH, "ABC", "SHA-256"),
            (HASH, &HASH[1..], "SHA-256"),
            (HASH, &HASH.to_uppercase(), "SHA-256"),
            ("\"cccd-agent\"", "\"\"", "package"),
            ("\"0.2.0\"", "\"0.2 0\"", "package"),
            ("\"r1\"", "\"r 1\"", "id"),
            ("\"steady\"", "[[50, 1]]", "100"),
            ("\"steady\"", "[[50, 4], [100, 4]]", "grow"),
            ("\"steady\"", "[[100, 4000000000]]", "within a year"),
            ("\"steady\"", "[[50, 4], [50, 6], [100, 8]]", "grow"),
            ("\"23:00-04:30\"", "\"23:00-24:30\"", "window"),
            ("\"23:00-04:30\"", "\"23:00-04:60\"", "window"),
            ("\"23:00-04:30\"", "\"23:00-4:30\"", "window"),
            ("\"23:00-04:30\"", "\"23:00-04:5\"", "window"),
            ("\"23:00-04:30\"", "\"23:00-23:00\"", "window"),
            ("2026-12-01T20:00:00+07:00", "tomorrow", "begins"),
            ("\"amd64\"", "\"../amd64\"", "package"),
            ("pace", "paces", "unknown field"),
        ] {
            let error = Rollout::parse(&good.replace(from, to)).expect_err(why).to_string();
            assert!(error.contains(why), "{error} does not say {why}");
        }
        let empty = good.split("[[").next().unwrap_or_default();
        assert!(Rollout::parse(empty).is_err());
    }

    #[test]
    fn a_device_takes_the_packages_of_its_own_processor_and_of_all() {
        let package = |name: &str, architecture: &str| Package {
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: architecture.to_owned(),
            file: HASH.to_owned(),
        };
        let rollout = Rollout {
            package: vec![package("a", "amd64"), package("b", "arm64"), package("c", "all")],
            ..Rollout::parse(&text("\"steady\"")).expect("a rollout")
        };
        let hash = |architecture: &str| {
            rollout.choice(&Takes::Packages(architecture.to_owned())).map(|choice| (choice.hash, choice.files.len()))
        };
        let of = |packages: &[&Package]| set_hash(packages.iter().copied());
        let [a, b, c] = &rollout.package[..] else { panic!("three") };
        assert_eq!(hash("amd64"), Some((of(&[a, c]), 2)));
        assert_eq!(hash("arm64"), Some((of(&[b, c]), 2)));
        assert_eq!(hash("riscv64"), Some((of(&[c]), 1)));
        assert_eq!(rollout.choice(&Takes::Image), None, "it names none");
    }

    #[test]
    fn a_window_goes_over_midnight_and_is_local() {
        let window = Window::try_from("23:00-04:30".to_owned()).expect("a window");
        assert_eq!(window.to_string(), "23:00-04:30");
        // 2026-12-01T16:30Z is half past eleven in the evening in Vietnam.
        for (at, open) in [(1_796_142_600, true), (1_796_142_600 - HOUR, false), (1_796_142_600 + 5 * HOUR, false)] {
            assert_eq!(window.is_open(at), open, "{at}");
        }
    }

    #[test]
    fn waves_take_the_shares_that_they_name() {
        let rollout = Rollout::parse(&text("\"steady\"")).expect("a rollout");
        let due: Vec<i64> = (0..20_000).map(|n| rollout.due(&format!("kiosk-{n}")) - rollout.begins).collect();
        for (per_cent, hours) in Pace::STEADY {
            let by_then = due.iter().filter(|after| **after < i64::from(hours) * HOUR).count();
            let wanted = usize::from(per_cent) * 200;
            // Four standard deviations of a share of twenty thousand.
            assert!(by_then.abs_diff(wanted) < 290, "{by_then} of {wanted} after {hours} h");
        }
        let other = Rollout { id: "r2".to_owned(), ..rollout.clone() };
        let same = (0..100).filter(|n| rollout.due(&format!("kiosk-{n}")) == other.due(&format!("kiosk-{n}"))).count();
        assert!(same < 5, "nobody is always first");
    }

    proptest! {
        #[test]
        fn everybody_has_a_turn(device in "[a-z0-9-]{1,40}", middle in 2_u8..99, hours in 2_u32..200) {
            let rollout = Rollout::parse(&text(&format!("[[{middle}, 1], [100, {hours}]]"))).expect("a rollout");
            let after = rollout.due(&device) - rollout.begins;
            prop_assert!((0..=i64::from(hours) * HOUR).contains(&after));
        }
    }
}
