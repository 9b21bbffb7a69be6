//! The one that writes. What comes from many devices while the disk is busy goes to it in one transaction: a disk that
//! answers two hundred times a second takes the events of thousands of devices a second, not of two hundred.

use crate::store::{Addition, EventStore, StoreError};
use events::Chain;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// The most events of one transaction. One addition more may come on top.
const GROUP: usize = 2000;

struct Job {
    addition: Addition,
    answer: oneshot::Sender<Result<Chain, StoreError>>,
}

/// A thread that writes. It ends when nobody has this any more.
#[derive(Debug)]
pub(crate) struct Writer(Sender<Job>);

impl Writer {
    pub(crate) fn start(store: Arc<dyn EventStore>) -> Self {
        // The queue of batches bounds what waits here.
        let (jobs, inbox) = channel();
        std::thread::spawn(move || work(&*store, &inbox));
        Self(jobs)
    }

    /// The end of the chain after the addition is on disk; nothing when the thread has ended.
    pub(crate) async fn commit(&self, addition: Addition) -> Option<Result<Chain, StoreError>> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Job { addition, answer }).ok()?;
        answered.await.ok()
    }
}

fn work(store: &dyn EventStore, inbox: &Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let mut events = first.addition.entries.len();
        let mut group = vec![first];
        while let Some(job) = (events < GROUP).then(|| inbox.try_recv().ok()).flatten() {
            events += job.addition.entries.len();
            group.push(job);
        }
        write(store, group);
    }
}

fn write(store: &dyn EventStore, group: Vec<Job>) {
    let (additions, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.addition, job.answer)).unzip();
    let ends = match store.commit(&additions) {
        Ok(ends) => ends,
        // Nobody fails because of another's addition.
        Err(_) if additions.len() > 1 => additions.iter().map(|addition| store.commit_one(addition)).collect(),
        Err(error) => vec![Err(error)],
    };
    for (answer, end) in answers.into_iter().zip(ends) {
        program::ignore(
            answer.send(end),
            "whoever sent it has gone; it is stored, and will be known when it comes again",
        );
    }
}
