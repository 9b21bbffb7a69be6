//! Reads a chip over a transport that is async, under any executor: here one of thirty lines.
//!
//! The session knows nothing of `async`. Whoever drives it awaits where the bytes travel, and only there, so that one
//! thread can serve any number of readers. The chip is the virtual one of this repository, in a thread that stands for
//! a reader behind USB or a socket.
//!
//! ```sh
//! cargo run -p emrtd --example async_transport
//! ```

use emrtd::{
    Action, Chip as ChipAnswer, Circumstances, Evidence, FileId, Issuer, MrzKey, Password, Plan, Session,
    SystemEntropy, TrustStore, UnixTime, lds,
};
use std::collections::VecDeque;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use virtual_card::{Answer, Chip, Fault, VISITOR, practice_files};

/// What a reader must be able to do. Written down here and not in the crate: the session needs no trait.
trait Transport {
    /// Sends a command and gives what the chip answers.
    async fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Box<dyn Error>>;

    /// Takes the chip's power away for a moment.
    async fn reset(&mut self) -> Result<(), Box<dyn Error>>;
}

/// One whole read.
async fn read(plan: Plan, transport: &mut impl Transport) -> Result<Evidence, Box<dyn Error>> {
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    loop {
        match session.next()? {
            Action::Transmit(command) => session.feed(&transport.transmit(&command).await?)?,
            Action::Reset => {
                transport.reset().await?;
                session.was_reset();
            }
            // Only inspection systems have a key for this; without it fingerprints stay closed.
            Action::Sign(_) => session.not_signed(),
            Action::Done => return session.into_evidence().ok_or_else(|| "the chip was never opened".into()),
        }
    }
}

/// A chip in a thread of its own.
struct Remote {
    wishes: Sender<Wish>,
    answers: Arc<Answers>,
}

enum Wish {
    Transmit(Vec<u8>),
    Reset,
}

/// What came back, and who waits for it.
#[derive(Default)]
struct Answers(Mutex<(VecDeque<Vec<u8>>, Option<Waker>)>);

impl Answers {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Vec<u8>>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, answer: Vec<u8>) {
        let mut inner = self.lock();
        inner.0.push_back(answer);
        if let Some(waker) = inner.1.take() {
            waker.wake();
        }
    }

    async fn take(&self) -> Vec<u8> {
        poll_fn(|context| {
            let mut inner = self.lock();
            match inner.0.pop_front() {
                Some(answer) => Poll::Ready(answer),
                None => {
                    inner.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Remote {
    fn start(mut chip: Chip) -> Self {
        let (wishes, wanted): (_, Receiver<Wish>) = channel();
        let answers = Arc::new(Answers::default());
        let theirs = Arc::clone(&answers);
        std::thread::spawn(move || {
            for wish in wanted {
                theirs.put(match wish {
                    Wish::Transmit(command) => match chip.transmit(&command) {
                        Answer::Response(bytes) => bytes,
                        Answer::Lifted => Vec::new(),
                    },
                    Wish::Reset => {
                        chip.reset();
                        Vec::new()
                    }
                });
            }
        });
        Self { wishes, answers }
    }

    async fn ask(&self, wish: Wish) -> Result<Vec<u8>, Box<dyn Error>> {
        self.wishes.send(wish).map_err(|_| "the reader is gone")?;
        Ok(self.answers.take().await)
    }
}

impl Transport for Remote {
    async fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let answer = self.ask(Wish::Transmit(command.to_vec())).await?;
        if answer.is_empty() { Err("the card was lifted".into()) } else { Ok(answer) }
    }

    async fn reset(&mut self) -> Result<(), Box<dyn Error>> {
        self.ask(Wish::Reset).await.map(drop)
    }
}

/// The whole executor: polls, and sleeps until it is woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let (number, birth, expiry) = VISITOR.mrz_fields();
    let plan = Plan::new(vec![Password::Mrz(MrzKey::new(&number, &birth, &expiry)?)], &[1, 2]);
    let mut reader = Remote::start(Chip::new(&VISITOR, Fault::None)?);
    let evidence = block_on(read(plan, &mut reader))?;

    let mut trust = TrustStore::new();
    for (name, bytes) in practice_files()? {
        trust.add(&name, &bytes)?;
    }
    let now = UnixTime::from_date(2026, 6, 1).ok_or("no such day")?;
    let found = evidence.verify(&trust, &Circumstances::now(now));
    let mrz = lds::dg1::parse(evidence.content(FileId::Dg(1)).ok_or("no EF.DG1")?)?;
    println!("{}, issuer {}, chip {}", mrz.document_number, found.issuer.code(), found.chip.code());
    if (found.issuer, found.chip) == (Issuer::Vouched, ChipAnswer::Proved) { Ok(()) } else { Err("not genuine".into()) }
}
