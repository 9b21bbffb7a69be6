//! The thread that delivers.

use crate::insurer::{Cover, Insurer as _};
use crate::{Line, his, read_back};
use config::{Connection, Format};
use events::Clock;
use program::{Failure, lock};
use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use store::book::Book;
use store::book::deliveries::{Due, Tried};
use visit::content::{Content, Released};
use visit::profile::Profile;

/// How often the book is looked at for messages whose pause is over.
const ROUND: Duration = Duration::from_secs(1);

/// Delivers what lies in the book.
pub struct Courier {
    lines: BTreeMap<String, Line>,
    book: Arc<Mutex<Book>>,
    clock: Arc<dyn Clock>,
    wake: Mutex<Option<Sender<()>>>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Courier({:?})", self.lines.keys().collect::<Vec<_>>())
    }
}

impl Courier {
    /// For these recipients; what they get lies in `book`.
    ///
    /// # Errors
    /// When one is not as it must be.
    pub fn new(
        recipients: &BTreeMap<String, Connection>,
        book: Arc<Mutex<Book>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let line = |(id, connection): (&String, &Connection)| Ok((id.clone(), Line::new(id, connection)?));
        let lines = recipients.iter().map(line).collect::<Result<_, Failure>>()?;
        Ok(Self { lines, book, clock, wake: Mutex::default() })
    }

    /// Starts delivering, in a thread of its own, until [`Self::stop`], or until `each_round` says that nobody wants it any more.
    pub fn start(self: &Arc<Self>, mut each_round: impl FnMut() -> bool + Send + 'static) {
        let (wake, woken) = channel();
        *lock(&self.wake) = Some(wake);
        let courier = Arc::clone(self);
        std::thread::spawn(move || {
            while each_round() {
                courier.round();
                if woken.recv_timeout(ROUND) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Delivers what is due. Without recipients there is nothing to do: a command beside a running agent has none.
    fn round(&self) {
        if self.lines.is_empty() {
            return;
        }
        loop {
            let due = self.book().due(self.clock.wall());
            match due {
                Ok(Some(due)) => {
                    self.deliver(&due);
                }
                Ok(None) => return,
                Err(error) => return tracing::error!(code = error.code(), "{}", program::describe(&error)),
            }
        }
    }

    fn deliver(&self, due: &Due) -> Option<his::Registered> {
        let (how, registered) = match (self.lines.get(&due.recipient), serde_json::from_slice(&due.body)) {
            (Some(line), Ok(envelope)) => line.send(&envelope, self.clock.wall() * 1000),
            (None, _) => (Tried::Later("recipient_configuration".to_owned()), None),
            (_, Err(_)) => (Tried::Refused(read_back::MALFORMED.to_owned()), None),
        };
        match &how {
            Tried::Delivered => tracing::info!(recipient = due.recipient, visit = due.record, "delivered"),
            Tried::Later(code) | Tried::Refused(code) => {
                let refused = matches!(how, Tried::Refused(_));
                tracing::warn!(
                    code,
                    recipient = due.recipient,
                    visit = due.record,
                    tries = due.tries,
                    refused,
                    "not delivered"
                );
            }
        }
        if let Err(error) = self.book().tried(due, &how, self.clock.wall()) {
            tracing::error!(code = error.code(), "{}", program::describe(&error));
        }
        registered
    }

    /// Delivers a visit's message to the recipient that gives out numbers, now, and says which number it gave. Where
    /// there is none, or it does not answer, the site's own number stands and the message waits.
    #[must_use]
    pub fn registered(&self, visit: &str) -> Option<his::Registered> {
        let (id, _) = self.lines.iter().find(|(_, line)| line.connection.format == Format::KioskHis)?;
        let due = self.book().waiting_for(visit, id).ok().flatten()?;
        self.deliver(&due)
    }

    /// The departments that the hospital's system names; none where there is no such system, or it does not answer.
    #[must_use]
    pub fn departments(&self) -> Vec<(String, String)> {
        let line = self.lines.values().find(|line| line.connection.format == Format::KioskHis);
        let data = line.and_then(|line| line.ask(his::DEPARTMENTS, &[], self.clock.wall() * 1000));
        data.map(|data| his::departments(&data)).unwrap_or_default()
    }

    /// What the insurer says of somebody, by the hospital's system: nothing where there is no such system, or the profile grants it nothing.
    /// It may take its time.
    #[must_use]
    pub fn cover(&self, profile: &Profile, content: &Content) -> Option<Result<Option<Cover>, &'static str>> {
        let (id, line) = self.lines.iter().find(|(_, line)| line.connection.format == Format::KioskHis)?;
        let released = Released::new(profile, id, content)?;
        Some(line.cover(&released, self.clock.wall() * 1000))
    }

    /// Something new is due.
    pub fn wake(&self) {
        if let Some(wake) = &*lock(&self.wake) {
            // Without the thread nothing is delivered, and the book keeps it.
            wake.send(()).unwrap_or_default();
        }
    }

    /// Ends after the message at hand.
    pub fn stop(&self) {
        lock(&self.wake).take();
    }
}
