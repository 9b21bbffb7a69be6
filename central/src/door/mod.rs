//! The door: how many connections there are, from where, for how long, and how many bytes they may bring before and after it is
//! known who is there.
//!
//! Whoever connects takes a [`Place`]: that of its address, until a certificate says which device it is, and that of the device
//! then. Where the places of one address, of one device or of all strangers are taken, the one that has stood there longest goes:
//! nobody who comes is turned away because others stand around. Devices and strangers have places and bytes of their own, so
//! that no number of strangers takes anything from a device.

mod stream;

pub use stream::Guarded;

use program::lock;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where somebody comes from, as it is counted: an IPv4 address, or an IPv6 network of 64 bits, which is what one host gets
/// (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// Nobody knows from where: all of these are one.
    pub const UNKNOWN: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(long) => Self(Ipv6Addr::from_bits(long.to_bits() & (u128::MAX << 64)).into()),
            short @ IpAddr::V4(_) => Self(short),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one kind of peer may have at once.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Connections of one address or device.
    pub each: usize,
    /// Connections of all of them.
    pub whole: usize,
    /// Bytes of bodies of one address or device.
    pub bytes_each: usize,
    /// Bytes of bodies of all of them.
    pub bytes_whole: usize,
    /// How long a connection may stand without a request that is whole.
    pub idle: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long an answer may take, with its body.
    pub answer: Duration,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What may be had at the door.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// By those without a certificate.
    pub strangers: Share,
    /// By devices.
    pub devices: Share,
}

impl Default for Limits {
    fn default() -> Self {
        // A ward full of kiosks behind one address, each with a request every three seconds; and a browser has six.
        let strangers = Share {
            each: 32,
            whole: 512,
            bytes_each: MIB,
            bytes_whole: 8 * MIB,
            idle: Duration::from_secs(20),
            body: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        };
        // A device has one or two; its largest batch has 8 MiB, and its line may be thin.
        let devices = Share {
            each: 8,
            whole: 16_384,
            bytes_each: 16 * MIB,
            bytes_whole: 48 * MIB,
            idle: Duration::from_secs(120),
            body: Duration::from_secs(300),
            answer: Duration::from_secs(600),
        };
        Self { strangers, devices }
    }
}

impl Limits {
    const fn of(&self, who: &Who) -> &Share {
        match who {
            Who::Stranger(_) => &self.strangers,
            Who::Device(_) => &self.devices,
        }
    }
}

/// Who is at the other end, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Stranger(Address),
    Device(String),
}

impl Who {
    const fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger(_))
    }
}

/// A connection that stands somewhere; the sender ends it.
#[derive(Debug)]
struct Standing {
    number: u64,
    end: oneshot::Sender<()>,
}

/// The same for strangers and devices: connections by whose they are, the oldest first.
#[derive(Debug, Default)]
struct Kind {
    places: HashMap<Who, VecDeque<Standing>>,
    count: usize,
    bytes: HashMap<Who, usize>,
    bytes_whole: usize,
}

impl Kind {
    fn take(&mut self, who: &Who, standing: Standing, share: &Share) {
        if self.places.get(who).is_some_and(|own| own.len() >= share.each) {
            self.shed(&who.clone());
        } else if self.count >= share.whole {
            // Whoever has the most gives one up; of those who have as many, whoever stands there longest.
            let rank = |own: &VecDeque<Standing>| (own.len(), Reverse(own.front().map(|oldest| oldest.number)));
            let most = self.places.iter().max_by_key(|(_, own)| rank(own)).map(|(who, _)| who.clone());
            if let Some(most) = most {
                self.shed(&most);
            }
        }
        self.places.entry(who.clone()).or_default().push_back(standing);
        self.count += 1;
    }

    fn shed(&mut self, who: &Who) {
        let Some(own) = self.places.get_mut(who) else { return };
        if let Some(oldest) = own.pop_front() {
            self.count -= 1;
            program::ignore(oldest.end.send(()), "it has gone by itself");
        }
        if own.is_empty() {
            self.places.remove(who);
        }
    }

    fn leave(&mut self, who: &Who, number: u64) -> Option<Standing> {
        let own = self.places.get_mut(who)?;
        let at = own.iter().position(|standing| standing.number == number)?;
        let standing = own.remove(at);
        if own.is_empty() {
            self.places.remove(who);
        }
        self.count -= 1;
        standing
    }

    fn reserve(&mut self, who: &Who, bytes: usize, share: &Share) -> bool {
        let own = self.bytes.get(who).copied().unwrap_or_default() + bytes;
        if own > share.bytes_each || self.bytes_whole + bytes > share.bytes_whole {
            return false;
        }
        self.bytes.insert(who.clone(), own);
        self.bytes_whole += bytes;
        true
    }

    fn release(&mut self, who: &Who, bytes: usize) {
        self.bytes_whole -= bytes;
        if let Some(own) = self.bytes.get_mut(who) {
            *own -= bytes;
            if *own == 0 {
                self.bytes.remove(who);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Kinds {
    number: u64,
    strangers: Kind,
    devices: Kind,
}

impl Kinds {
    const fn of(&mut self, who: &Who) -> &mut Kind {
        match who {
            Who::Stranger(_) => &mut self.strangers,
            Who::Device(_) => &mut self.devices,
        }
    }
}

/// All that are connected.
#[derive(Debug, Default)]
pub struct Door {
    limits: Limits,
    kinds: Mutex<Kinds>,
}

impl Door {
    /// With these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, kinds: Mutex::default() })
    }

    /// Somebody connects. The receiver says when the place is taken away.
    #[must_use]
    pub fn enter(self: &Arc<Self>, from: IpAddr) -> (Arc<Place>, oneshot::Receiver<()>) {
        let (end, ended) = oneshot::channel();
        let place = self.place(from.into(), |kinds, who, number| {
            kinds.strangers.take(who, Standing { number, end }, &self.limits.strangers);
        });
        (place, ended)
    }

    /// Somebody whose connection another program keeps: only the bytes are counted.
    #[must_use]
    pub fn visit(self: &Arc<Self>, from: IpAddr) -> Arc<Place> {
        self.place(from.into(), |_, _, _| ())
    }

    fn place(self: &Arc<Self>, address: Address, take: impl FnOnce(&mut Kinds, &Who, u64)) -> Arc<Place> {
        let who = Who::Stranger(address);
        let mut kinds = lock(&self.kinds);
        kinds.number += 1;
        let number = kinds.number;
        take(&mut kinds, &who, number);
        drop(kinds);
        let standing = State { who, busy: 0, until: Instant::now() + self.limits.strangers.idle };
        Arc::new(Place { door: Arc::clone(self), address, number, state: Mutex::new(standing) })
    }

    /// Connections of strangers and of devices.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let kinds = lock(&self.kinds);
        (kinds.strangers.count, kinds.devices.count)
    }
}

#[derive(Debug)]
struct State {
    who: Who,
    busy: usize,
    until: Instant,
}

/// One connection's place. It is free again when nobody has it any more.
#[derive(Debug)]
pub struct Place {
    door: Arc<Door>,
    address: Address,
    number: u64,
    state: Mutex<State>,
}

impl Place {
    /// From where.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// A certificate has said which device it is: it stands among the strangers no more.
    pub fn is_device(&self, name: &str) {
        let mut state = lock(&self.state);
        let before = std::mem::replace(&mut state.who, Who::Device(name.to_owned()));
        state.until = Instant::now() + self.door.limits.devices.idle;
        let who = state.who.clone();
        drop(state);
        let mut kinds = lock(&self.door.kinds);
        if let Some(standing) = kinds.of(&before).leave(&before, self.number) {
            kinds.of(&who).take(&who, standing, self.door.limits.of(&who));
        }
    }

    fn who(&self) -> Who {
        lock(&self.state).who.clone()
    }

    fn is_stranger(&self) -> bool {
        lock(&self.state).who.is_stranger()
    }

    /// How long a body may take.
    #[must_use]
    pub fn body_time(&self) -> Duration {
        self.door.limits.of(&self.who()).body
    }

    /// A request is whole, and is answered now.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Busy {
        let mut state = lock(&self.state);
        state.busy += 1;
        state.until = Instant::now() + self.door.limits.of(&state.who).answer;
        drop(state);
        Busy(Arc::clone(self))
    }

    /// Bytes went to a device or came from it: its line is thin, and it is there. A stranger gets no more time by sending a byte.
    fn moved(&self) {
        let mut state = lock(&self.state);
        if !state.who.is_stranger() && state.busy == 0 {
            state.until = Instant::now() + self.door.limits.devices.idle;
        }
    }

    fn until(&self) -> Instant {
        lock(&self.state).until
    }

    /// Sets bytes aside for a body; none where there are too many already.
    #[must_use]
    pub fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reserved> {
        let who = self.who();
        let share = self.door.limits.of(&who);
        let reserved = lock(&self.door.kinds).of(&who).reserve(&who, bytes, share);
        reserved.then(|| Reserved { place: Arc::clone(self), who, bytes })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let who = self.who();
        lock(&self.door.kinds).of(&who).leave(&who, self.number);
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.busy -= 1;
        if state.busy == 0 {
            state.until = Instant::now() + self.0.door.limits.of(&state.who).idle;
        }
    }
}

/// Bytes that are set aside for a body as long as somebody has it.
#[derive(Debug)]
pub struct Reserved {
    place: Arc<Place>,
    who: Who,
    bytes: usize,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        lock(&self.place.door.kinds).of(&self.who).release(&self.who, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn from(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    fn door(each: usize, whole: usize) -> Arc<Door> {
        let limits = Limits::default();
        Door::new(Limits { strangers: Share { each, whole, ..limits.strangers }, ..limits })
    }

    fn ended(one: &mut (Arc<Place>, oneshot::Receiver<()>)) -> bool {
        one.1.try_recv().is_ok()
    }

    #[test]
    fn an_address_that_is_full_gives_up_its_own_oldest_connection() {
        let door = door(2, 100);
        let mut here: Vec<_> = (0..3).map(|_| door.enter(from(1))).collect();
        let mut there = door.enter(from(2));
        assert_eq!(here.iter_mut().map(ended).collect::<Vec<_>>(), [true, false, false]);
        assert!(!ended(&mut there));
        assert_eq!(door.count(), (3, 0));
        drop(here);
        assert_eq!(door.count(), (1, 0), "whoever was sent away is not counted twice");
    }

    #[test]
    fn when_all_places_are_taken_whoever_has_the_most_gives_one_up() {
        let door = door(10, 4);
        let mut many: Vec<_> = (0..3).map(|_| door.enter(from(1))).collect();
        let mut one = door.enter(from(2));
        let mut late = door.enter(from(3));
        assert_eq!(many.iter_mut().map(ended).collect::<Vec<_>>(), [true, false, false]);
        assert!(!ended(&mut one) && !ended(&mut late));
        drop(many);
        let mut single: Vec<_> = (10..12).map(|last| door.enter(from(last))).collect();
        let later = door.enter(from(4));
        assert!(ended(&mut one), "of those with one each, the oldest");
        assert!(!ended(&mut late) && !single.iter_mut().any(ended));
        drop(later);
    }

    #[test]
    fn strangers_take_no_place_and_no_byte_of_a_device() {
        let door = door(2, 2);
        let mut device = door.enter(from(1));
        device.0.is_device("kiosk-1");
        let strangers: Vec<_> = (0..5).map(|_| door.enter(from(1))).collect();
        assert!(!ended(&mut device), "it came from the same address");
        assert_eq!(door.count(), (2, 1));
        let last = strangers.last().expect("one");
        let most = Limits::default().strangers.bytes_each;
        let all = last.0.reserve(most).expect("reserved");
        assert!(last.0.reserve(1).is_none());
        assert!(device.0.reserve(8 * MIB).is_some(), "a batch");
        drop(all);
        assert!(last.0.reserve(1).is_some(), "bytes come back");
        assert!(device.0.reserve(17 * MIB).is_none());
    }

    #[test]
    fn all_together_have_no_more_bytes_than_the_whole() {
        let door = Door::new(Limits::default());
        let share = Limits::default().strangers;
        let all: Vec<_> = (0..=u8::MAX).filter_map(|last| door.enter(from(last)).0.reserve(share.bytes_each)).collect();
        assert_eq!(all.len(), share.bytes_whole / share.bytes_each);
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_address_and_mapped_ones_are_what_they_map() {
        let address = |text: &str| Address::from(text.parse::<IpAddr>().expect("address"));
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }
}
