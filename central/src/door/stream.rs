//! A connection that ends when its place is taken away or its time is over, whatever it is waiting for.

use super::Place;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// How often a connection looks whether its time became shorter.
const LOOK: Duration = Duration::from_secs(2);

/// A stream with its place.
#[derive(Debug)]
pub struct Guarded<S> {
    inner: S,
    place: Arc<Place>,
    ended: Option<oneshot::Receiver<()>>,
    timer: Pin<Box<Sleep>>,
}

impl<S> Guarded<S> {
    /// Over a stream; `ended` is what [`super::Door::enter`] gave.
    pub fn new(inner: S, place: Arc<Place>, ended: oneshot::Receiver<()>) -> Self {
        let timer = Box::pin(sleep_until(place.until().min(Instant::now() + LOOK)));
        Self { inner, place, ended: Some(ended), timer }
    }

    /// Whether it must end now.
    fn over(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        let shed = || io::Error::new(io::ErrorKind::ConnectionAborted, "another connection has taken the place");
        match &mut self.ended {
            None => return Some(shed()),
            Some(ended) => {
                // The sender is with the place, which is here: it is not dropped before it has sent.
                if Pin::new(ended).poll(context).is_ready() {
                    self.ended = None;
                    return Some(shed());
                }
            }
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let (now, until) = (Instant::now(), self.place.until());
            if until <= now {
                return Some(io::Error::new(io::ErrorKind::TimedOut, "the connection's time is over"));
            }
            self.timer.as_mut().reset(until.min(now + LOOK));
        }
        None
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(error) = this.over(context) {
            return Poll::Ready(Err(error));
        }
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        if read.is_ready() {
            this.place.moved();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(error) = this.over(context) {
            return Poll::Ready(Err(error));
        }
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        if written.is_ready() {
            this.place.moved();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.over(context) {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut this.inner).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.over(context) {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut this.inner).poll_shutdown(context),
        }
    }
}
