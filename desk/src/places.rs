//! Places for connections: strangers have some, those with a right have the others, and nobody keeps them from each other.
//!
//! There is always room for one more: where all places of strangers are taken, the oldest goes of the user who has most of them.
//! So a program that opens connections and says nothing pushes out its own first, and a page that is slow to speak loses at
//! most its turn. The kernel says which user is at the other end of a connection of this machine.

use program::lock;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Connections at a time.
const MOST: usize = 200;
/// Those of them that strangers may have.
const STRANGERS: usize = 120;
/// How long somebody may be a stranger.
const PATIENCE: Duration = Duration::from_secs(20);
/// Milliseconds after which the kernel is asked anew whose connections those are. Its table is long where there is a crowd.
const FRESH_MS: u64 = 1000;

/// Both ends of a connection of this machine, seen from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) ours: SocketAddr,
}

fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints each word of an address as a number of this machine.
    let word = |at: usize| Some(u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The users of open connections to a port, from `/proc/net/tcp`. What nobody holds any more says nothing: the kernel shows
/// root there.
fn users_in(table: &str, port: u16) -> HashMap<Ends, u32> {
    let row = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (peer, ours, state) = (address(words.next()?)?, address(words.next()?)?, words.next()?);
        let (uid, inode) = (words.nth(3)?, words.nth(1)?);
        let held = state == "01" && inode != "0" && ours.port() == port;
        held.then_some((Ends { peer, ours }, uid.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

fn users(port: u16) -> HashMap<Ends, u32> {
    // Of this process: the units hide what is not.
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let mut all = users_in(&read("tcp"), port);
    all.extend(users_in(&read("tcp6"), port));
    all
}

#[derive(Debug)]
struct Held {
    ends: Option<Ends>,
    uid: Option<u32>,
    /// Who showed a right on it.
    by: Option<String>,
    gone: Arc<Gone>,
}

#[derive(Debug, Default)]
struct Gone {
    said: AtomicBool,
    tell: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    held: BTreeMap<u64, Held>,
    /// When the kernel was asked last.
    looked: Option<u64>,
}

impl Inner {
    fn strangers(&self) -> usize {
        self.held.values().filter(|held| held.by.is_none()).count()
    }

    fn take_away(&mut self, id: Option<u64>) {
        if let Some(held) = id.and_then(|id| self.held.remove(&id)) {
            held.gone.said.store(true, Ordering::Relaxed);
            held.gone.tell.notify_one();
        }
    }

    /// Whether the kernel is to be asked whose connections those are of which it is not known.
    fn is_due(&mut self, now: u64) -> bool {
        let due = self.looked.is_none_or(|looked| now >= looked.saturating_add(FRESH_MS));
        let unknown = self.held.values().any(|held| held.ends.is_some() && held.uid.is_none());
        if due && unknown {
            self.looked = Some(now);
        }
        due && unknown
    }
}

/// The oldest place of whoever has most; those of whom nothing is known are one.
fn oldest_of_most<K: std::hash::Hash + Eq>(places: impl Iterator<Item = (u64, K)>) -> Option<u64> {
    let mut of: HashMap<K, (usize, u64)> = HashMap::new();
    for (id, who) in places {
        let (count, first) = of.entry(who).or_insert((0, id));
        (*count, *first) = (*count + 1, id.min(*first));
    }
    of.into_values().max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first))).map(|(_, first)| first)
}

/// The places of one address.
#[derive(Debug)]
pub(crate) struct Places {
    port: u16,
    inner: Mutex<Inner>,
}

impl Places {
    pub(crate) fn new(port: u16) -> Arc<Self> {
        Arc::new(Self { port, inner: Mutex::default() })
    }

    /// Asks the kernel whose connections those are of which it is not known.
    fn look(&self) {
        let users = users(self.port);
        for held in lock(&self.inner).held.values_mut().filter(|held| held.uid.is_none()) {
            held.uid = held.ends.and_then(|ends| users.get(&ends).copied());
        }
    }

    /// A place for somebody new, and whether somebody else had to go for them; `now` is milliseconds of a clock that only goes
    /// forward.
    pub(crate) fn enter(self: &Arc<Self>, ends: Option<Ends>, uid: Option<u32>, now: u64) -> (Arc<Place>, bool) {
        let mut inner = lock(&self.inner);
        let full = inner.strangers() >= STRANGERS;
        if full {
            if inner.is_due(now) {
                // Nobody waits for it: who comes meanwhile is one of those of whom nothing is known.
                let places = Arc::clone(self);
                std::thread::spawn(move || places.look());
            }
            let strangers = inner.held.iter().filter(|(_, held)| held.by.is_none()).map(|(id, held)| (*id, held.uid));
            let who = oldest_of_most(strangers);
            inner.take_away(who);
        }
        let id = inner.next;
        inner.next += 1;
        let gone = Arc::new(Gone::default());
        inner.held.insert(id, Held { ends, uid, by: None, gone: Arc::clone(&gone) });
        drop(inner);
        (Arc::new(Place { places: Arc::clone(self), id, ends, gone }), full)
    }
}

/// A place; it is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    ends: Option<Ends>,
    gone: Arc<Gone>,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.inner).held.remove(&self.id);
    }
}

impl Place {
    /// They showed a right: from now on they have a place of those that are kept for such.
    pub(crate) fn known(&self, caller: &str) {
        let mut inner = lock(&self.places.inner);
        let Some(held) = inner.held.get_mut(&self.id).filter(|held| held.by.is_none()) else { return };
        held.by = Some(caller.to_owned());
        let with_right = || inner.held.iter().filter_map(|(id, held)| Some((*id, held.by.clone()?)));
        if with_right().count() > MOST - STRANGERS {
            let who = oldest_of_most(with_right());
            inner.take_away(who);
        }
    }

    /// The user at the other end, as the kernel says now.
    #[cfg_attr(not(feature = "compat"), allow(dead_code, reason = "only doors for plugins' software ask"))]
    pub(crate) fn user(&self) -> Option<u32> {
        users(self.places.port).get(&self.ends?).copied()
    }

    /// Until the place is taken away, or somebody has been a stranger for too long.
    pub(crate) async fn over(&self) {
        tokio::select! {
            () = self.gone.tell.notified() => return,
            () = tokio::time::sleep(PATIENCE) => {}
        }
        let stranger = lock(&self.places.inner).held.get(&self.id).is_none_or(|held| held.by.is_none());
        if !stranger {
            self.gone.tell.notified().await;
        }
    }
}

/// A connection that has its place for as long as it is open, whatever becomes of it.
#[derive(Debug)]
pub(crate) struct Seated<S> {
    pub(crate) stream: S,
    pub(crate) place: Arc<Place>,
}

impl<S: Unpin> Seated<S> {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut S>> {
        if self.place.gone.said.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.get_mut().stream))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Ok(stream) => stream.poll_read(context, buffer),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.stream() {
            Ok(stream) => stream.poll_write(context, bytes),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(places: &Places) -> Vec<u64> {
        lock(&places.inner).held.keys().copied().collect()
    }

    #[test]
    fn whoever_crowds_pushes_out_their_own() {
        let places = Places::new(1);
        let (_honest, full) = places.enter(None, Some(1000), 0);
        assert!(!full);
        let crowd: Vec<_> = (0..500).map(|_| places.enter(None, Some(2000), 0).0).collect();
        let now = held(&places);
        assert_eq!(now.len(), STRANGERS);
        assert!(now.contains(&0), "the one who was there first is another user's");
        assert!(now.contains(&500), "the newest is there");
        assert!(crowd[0].gone.said.load(Ordering::Relaxed) && !crowd[499].gone.said.load(Ordering::Relaxed));
        drop(crowd);
        assert_eq!(held(&places), [0]);
    }

    #[test]
    fn places_of_those_with_a_right_are_out_of_strangers_reach() {
        let places = Places::new(1);
        let page: Vec<_> = (0..6).map(|_| places.enter(None, Some(1000), 0).0).collect();
        page.iter().for_each(|place| place.known("page"));
        let crowd: Vec<_> = (0..500).map(|_| places.enter(None, Some(1000), 0).0).collect();
        assert_eq!(held(&places).len(), STRANGERS + 6);
        assert!((0..6).all(|id| held(&places).contains(&id)));
        drop(crowd);
        // And one of them that has too many loses its own.
        let greedy: Vec<_> = (0..100).map(|_| places.enter(None, Some(1000), 0).0).collect();
        greedy.iter().for_each(|place| place.known("greedy"));
        assert_eq!(held(&places).len(), MOST - STRANGERS);
        assert!((0..6).all(|id| held(&places).contains(&id)));
    }

    #[test]
    fn the_kernels_table_is_read_right() {
        let port: u16 = 0x2120;
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2120 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 40591 1\n\
             1: 0100007F:C001 0100007F:2120 01 00000000:00000000 00:00000000 00000000  1000        0 40600 1\n\
             2: 0100007F:C002 0100007F:2120 06 00000000:00000000 00:00000000 00000000     0        0 0 3\n\
             3: 0100007F:C003 0100007F:2121 01 00000000:00000000 00:00000000 00000000  1001        0 40601 1\n\
             4: 0000000000000000FFFF00000100007F:C004 0000000000000000FFFF00000100007F:2120 01 0:0 00:0 0  1002 0 40602 1\n\
             broken\n";
        if cfg!(target_endian = "big") {
            return;
        }
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let ends = |peer: u16| Ends { peer: at(peer), ours: at(port) };
        let users = users_in(table, port);
        assert_eq!(users, HashMap::from([(ends(0xC001), 1000), (ends(0xC004), 1002)]));
    }

    #[test]
    fn the_kernel_knows_this_test_as_its_own_user() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let ours = listener.local_addr().expect("address");
        let stream = std::net::TcpStream::connect(ours).expect("connected");
        let (_accepted, peer) = listener.accept().expect("accepted");
        let places = Places::new(ours.port());
        let (place, _) = places.enter(Some(Ends { peer, ours }), None, 0);
        assert_eq!(place.user(), Some(rustix::process::getuid().as_raw()));
        drop(stream);
        assert_eq!(place.user(), None, "nobody is there any more");
    }
}
