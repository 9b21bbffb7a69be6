//! What is wrong with a device, judged by what central knows of it: pure. What central does not know is no trouble and no good
//! news: it is said to be unknown.

use crate::registrar::registry::{Device, DeviceState};
use crate::store::Look;
use fleet::est::State;
use std::collections::{BTreeMap, BTreeSet};

program::closed_set! {
    /// What may be wrong, what stops a service first.
    pub enum Trouble {
        /// There is a copy of it, or its chain goes two ways: it is shut out until somebody decides.
        ShutOut = "shut_out",
        /// Its certificate is over.
        Ended = "certificate_ended",
        /// Nothing was heard of it for two hours.
        Silent = "silent",
        /// Signed events contradict its chain.
        Contradicts = "contradicts",
        /// Something that it sent cannot be read.
        Unreadable = "unreadable",
        /// Events wait on it and do not get away.
        Outbox = "outbox",
        /// Its disk is nearly full.
        Disk = "disk",
        /// Its clock is wrong.
        Clock = "clock",
        /// Its certificate ends within a month.
        Ends = "certificate_ends",
        /// There is a newer bundle for its site.
        Bundle = "bundle_old",
        /// Its software is older than that of others.
        Version = "version_old",
    }
}

impl Trouble {
    /// Whether it stops the service; all others are to be looked at today.
    #[must_use]
    pub const fn stops(self) -> bool {
        matches!(self, Self::ShutOut | Self::Ended | Self::Silent)
    }

    /// What to do about it, Vietnamese and English.
    #[must_use]
    pub const fn remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::ShutOut => (
                "Hỏi điểm đặt máy có bản sao hay không, rồi cấp lại hoặc thu hồi: cccd-central fleet",
                "ask the site whether there is a copy, then let it in anew or revoke it: cccd-central fleet",
            ),
            Self::Ended => {
                ("Ghi danh lại thiết bị trên trang kỹ thuật viên", "enrol it again on the technician's page")
            }
            Self::Silent => (
                "Gọi điểm: nguồn điện, dây mạng, đèn trạng thái của máy",
                "call the site: power, network cable, the lights of the machine",
            ),
            Self::Contradicts => (
                "Xem hai sự kiện đã ký: cccd-central strange --export THƯ-MỤC",
                "look at both signed events: cccd-central strange --export DIR",
            ),
            Self::Unreadable => (
                "Kiểm tra thẻ nhớ hoặc đĩa của máy: cccd-central strange",
                "look at the card or disk of the machine: cccd-central strange",
            ),
            Self::Outbox => (
                "Xem đường truyền của điểm; dữ liệu còn trên máy và sẽ được gửi",
                "look at the line of the site; nothing is lost, and it will be sent",
            ),
            Self::Disk => ("Dọn đĩa hoặc thay thẻ nhớ của máy", "make room on its disk, or change its card"),
            Self::Clock => (
                "Đồng bộ giờ của máy; số liệu của ngày này có thể lệch ngày",
                "set its clock; figures of this day may be of another",
            ),
            Self::Ends => (
                "Máy tự gia hạn khi có mạng; nếu không đổi sau một ngày, ghi danh lại",
                "it renews by itself when it has a network; enrol it again if nothing changes within a day",
            ),
            Self::Bundle => (
                "Máy tự nhận khi rảnh; quá một ngày thì xem mạng và dung lượng của máy",
                "it takes it when it is idle; after a day look at its network and disk",
            ),
            Self::Version => ("Đưa máy vào đợt cập nhật kế tiếp", "put it into the next rollout"),
        }
    }
}

/// Where a device stands, for the list: each is in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Something is wrong; this first.
    Wrong(Trouble),
    /// All is well.
    Fine,
    /// It is waited for.
    Expected,
    /// It is not used any more.
    Retired,
}

/// After so many seconds without a word a device is silent.
pub const SILENT: i64 = 2 * 3600;
/// A certificate that ends within so many seconds is to be looked at.
pub const ENDS: i64 = 30 * 86_400;
/// A bundle may be on its way for so long.
pub const ON_ITS_WAY: i64 = 86_400;
/// So many events may wait.
pub const WAITING: u64 = 500;
/// So many bytes are to be free.
pub const ROOM: u64 = 2_000_000_000;
/// What a device said of itself counts for so long; then it is what it was last.
pub const FRESH: i64 = 3 * 3600;
/// A clock may be off by so much.
pub const OFF: i64 = 300;

/// A device and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cared {
    /// As the registry knows it.
    pub device: Device,
    /// As the log knows it.
    pub look: Look,
    /// How it says that it is, and when it said so.
    pub state: Option<(i64, State)>,
    /// What is wrong, the worst first.
    pub troubles: BTreeSet<Trouble>,
    /// When anything was heard of it last, seconds since 1970.
    pub heard: Option<i64>,
}

impl Cared {
    /// Where it stands in the list.
    #[must_use]
    pub fn group(&self) -> Group {
        match self.device.state {
            DeviceState::Revoked | DeviceState::Replaced => Group::Retired,
            DeviceState::Expected => Group::Expected,
            DeviceState::Active | DeviceState::Quarantined => {
                self.troubles.first().copied().map_or(Group::Fine, Group::Wrong)
            }
        }
    }

    /// How it says that it is, where that is not of yesterday.
    #[must_use]
    pub fn said(&self, now: i64) -> Option<&State> {
        self.state.as_ref().filter(|(at, _)| now - at <= FRESH).map(|(_, state)| state)
    }

    /// By how many seconds its clock is off, as far as its events tell: ahead is positive. Late events may have waited, so a
    /// clock that is behind is only known by all events of a day being late.
    #[must_use]
    pub fn skew(&self) -> Option<i64> {
        let (_, ahead, least) = self.look.clock?;
        (ahead > 0 || least > OFF).then_some(-least)
    }
}

/// Major and minor of a version, where it has them.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What is wrong with each device at a time, in the order in which somebody should look at them.
#[must_use]
pub fn look_after(
    devices: Vec<Device>,
    mut looks: BTreeMap<String, Look>,
    mut states: BTreeMap<String, (i64, State)>,
    now: i64,
) -> Vec<Cared> {
    let newest = devices
        .iter()
        .filter(|device| device.state == DeviceState::Active)
        .filter_map(|device| version(device.software.as_deref()?))
        .max();
    let mut all: Vec<Cared> = devices
        .into_iter()
        .map(|device| {
            let look = looks.remove(&device.name).unwrap_or_default();
            let state = states.remove(&device.name);
            let heard = device.seen_at.max(look.received_at).max(state.as_ref().map(|(at, _)| *at));
            let mut cared = Cared { device, look, state, troubles: BTreeSet::new(), heard };
            cared.troubles = troubles(&cared, newest, now);
            cared
        })
        .collect();
    // Within a group whoever was heard of longest ago comes first.
    all.sort_by(|a, b| (a.group(), a.heard, &a.device.name).cmp(&(b.group(), b.heard, &b.device.name)));
    all
}

fn troubles(cared: &Cared, newest: Option<(u64, u64)>, now: i64) -> BTreeSet<Trouble> {
    let Cared { device, look, heard, .. } = cared;
    if !matches!(device.state, DeviceState::Active | DeviceState::Quarantined) {
        return BTreeSet::new();
    }
    // Let in, and never heard of: it counts from then.
    let heard = heard.unwrap_or(device.since);
    let until = device.not_after;
    let said = cared.said(now);
    let behind = look.newest.is_some_and(|(version, at)| device.bundle < version && now - at > ON_ITS_WAY);
    let old = device.software.as_deref().and_then(version).zip(newest).is_some_and(|(own, newest)| own < newest);
    let found = [
        (device.state == DeviceState::Quarantined, Trouble::ShutOut),
        (until.is_some_and(|until| until <= now), Trouble::Ended),
        (now - heard > SILENT, Trouble::Silent),
        (look.evidence > 0, Trouble::Contradicts),
        (look.passed > 0, Trouble::Unreadable),
        (said.is_some_and(|said| said.waiting.is_some_and(|many| many > WAITING)), Trouble::Outbox),
        (said.is_some_and(|said| said.disk_free.is_some_and(|room| room < ROOM)), Trouble::Disk),
        (cared.skew().is_some(), Trouble::Clock),
        (until.is_some_and(|until| until > now && until - now < ENDS), Trouble::Ends),
        (behind, Trouble::Bundle),
        (old, Trouble::Version),
    ];
    found.into_iter().filter(|(is, _)| *is).map(|(_, trouble)| trouble).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn device(name: &str) -> Device {
        Device {
            name: name.to_owned(),
            site: "A".to_owned(),
            state: DeviceState::Active,
            seen_at: Some(NOW - 60),
            not_after: Some(NOW + 90 * 86_400),
            software: Some("1.4.2".to_owned()),
            bundle: 7,
            since: NOW - 1_000_000,
            ..Device::default()
        }
    }

    fn judged(device: Device, look: Look) -> Vec<Trouble> {
        let name = device.name.clone();
        let all = look_after(vec![device], [(name, look)].into(), BTreeMap::new(), NOW);
        all[0].troubles.iter().copied().collect()
    }

    #[test]
    fn each_trouble_has_its_sign_and_a_device_without_one_is_fine() {
        let fine = || (device("a"), Look { newest: Some((7, NOW - 10 * ON_ITS_WAY)), ..Look::default() });
        let (own, look) = fine();
        assert!(judged(own, look).is_empty());
        type Make = fn(&mut Device, &mut Look);
        let cases: [(Make, Trouble); 9] = [
            (|device, _| device.state = DeviceState::Quarantined, Trouble::ShutOut),
            (|device, _| device.not_after = Some(NOW), Trouble::Ended),
            (|device, _| device.seen_at = Some(NOW - SILENT - 1), Trouble::Silent),
            (|_, look| look.evidence = 1, Trouble::Contradicts),
            (|_, look| look.passed = 1, Trouble::Unreadable),
            (|_, look| look.clock = Some((1, 1, -440)), Trouble::Clock),
            (|device, _| device.not_after = Some(NOW + ENDS - 1), Trouble::Ends),
            (|device, _| device.bundle = 6, Trouble::Bundle),
            (|_, look| look.clock = Some((1, 0, OFF + 1)), Trouble::Clock),
        ];
        for (make, expected) in cases {
            let (mut device, mut look) = fine();
            make(&mut device, &mut look);
            assert_eq!(judged(device, look), [expected]);
        }
    }

    #[test]
    fn what_a_device_says_of_itself_counts_while_it_is_fresh() {
        let judged = |at: i64, state: State| {
            let all = look_after(vec![device("a")], BTreeMap::new(), [("a".to_owned(), (at, state))].into(), NOW);
            all[0].troubles.iter().copied().collect::<Vec<_>>()
        };
        let full = State { waiting: Some(WAITING + 1), disk_free: Some(ROOM - 1), undelivered: None };
        assert_eq!(judged(NOW - FRESH, full.clone()), [Trouble::Outbox, Trouble::Disk]);
        assert!(judged(NOW - FRESH - 1, full).is_empty(), "what it was last is not what it is");
        assert!(judged(NOW, State::default()).is_empty(), "what it does not say is not known");
        let fine = State { waiting: Some(WAITING), disk_free: Some(ROOM), undelivered: Some(9) };
        assert!(judged(NOW, fine).is_empty());
    }

    #[test]
    fn what_has_waited_for_its_turn_is_no_trouble() {
        let mut young = Look { newest: Some((8, NOW - ON_ITS_WAY)), ..Look::default() };
        assert!(judged(device("a"), young.clone()).is_empty(), "the bundle is on its way");
        young.newest = Some((8, NOW - ON_ITS_WAY - 1));
        assert_eq!(judged(device("a"), young), [Trouble::Bundle]);
        let never = Device { seen_at: None, since: NOW - 10, ..device("a") };
        assert!(judged(never, Look::default()).is_empty(), "it was let in a moment ago");
        let by_events = Look { received_at: Some(NOW - 1), ..Look::default() };
        assert!(judged(Device { seen_at: Some(1), ..device("a") }, by_events).is_empty(), "its events are a word, too");
    }

    #[test]
    fn what_stops_a_service_comes_first_and_who_was_heard_of_longest_ago() {
        let at = |name: &str, seen| Device { seen_at: Some(seen), ..device(name) };
        let old = Device { software: Some("1.3.9".to_owned()), ..device("old") };
        let gone = Device { state: DeviceState::Revoked, seen_at: Some(1), ..device("gone") };
        let waited =
            Device { state: DeviceState::Expected, ..Device { name: "waited".to_owned(), ..Device::default() } };
        let all = vec![gone, waited, device("fine"), old, at("late", NOW - 3 * SILENT), at("later", NOW - 4 * SILENT)];
        let order: Vec<String> =
            look_after(all, BTreeMap::new(), BTreeMap::new(), NOW).into_iter().map(|c| c.device.name).collect();
        assert_eq!(order, ["later", "late", "old", "fine", "waited", "gone"]);
        assert!(Trouble::ALL.is_sorted(), "the order of the set is the order of the list");
        let first = Trouble::ALL.iter().position(|trouble| !trouble.stops()).expect("one");
        assert!(Trouble::ALL[first..].iter().all(|trouble| !trouble.stops()), "what stops a service stands first");
    }
}
