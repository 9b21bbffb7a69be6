//! A connection that ends when its place is taken away or its time is over, whatever it is waiting for.
//!
//! Whoever is refused in the midst of a body must hear why: a connection that is closed while bytes are on their way is reset, and
//! the answer is lost with them (RFC 9112 clause 9.6). So what still comes is thrown away for a moment after the farewell.

use super::Place;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// How often a connection looks whether its time became shorter.
const LOOK: Duration = Duration::from_secs(2);

/// How long nothing may come after the farewell until the connection is closed.
const LINGER: Duration = Duration::from_secs(2);
/// How much of a stranger's and of a device's is thrown away at most.
const THROWN: [usize; 2] = [256 * 1024, 8 * 1024 * 1024];

/// A stream with its place.
#[derive(Debug)]
pub struct Guarded<S> {
    inner: S,
    place: Arc<Place>,
    ended: Option<oneshot::Receiver<()>>,
    timer: Pin<Box<Sleep>>,
    /// After the farewell: bytes that are still thrown away.
    linger: Option<usize>,
}

impl<S> Guarded<S> {
    /// Over a stream; `ended` is what [`super::Door::enter`] gave.
    pub fn new(inner: S, place: Arc<Place>, ended: oneshot::Receiver<()>) -> Self {
        let timer = Box::pin(sleep_until(place.until().min(Instant::now() + LOOK)));
        Self { inner, place, ended: Some(ended), timer, linger: None }
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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
        if this.linger.is_none() {
            if let Some(error) = this.over(context) {
                return Poll::Ready(Err(error));
            }
            ready!(Pin::new(&mut this.inner).poll_shutdown(context))?;
            this.linger = Some(THROWN[usize::from(!this.place.is_stranger())]);
            this.timer.as_mut().reset(Instant::now() + LINGER);
        }
        let mut bytes = [0; 4096];
        while let Some(left) = this.linger.filter(|left| *left > 0) {
            let shed = this.ended.as_mut().is_none_or(|ended| Pin::new(ended).poll(context).is_ready());
            if shed || this.timer.as_mut().poll(context).is_ready() {
                break;
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.inner).poll_read(context, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 {
                break;
            }
            this.linger = Some(left.saturating_sub(count));
            // A device's line may be thin.
            if !this.place.is_stranger() {
                this.timer.as_mut().reset(Instant::now() + LINGER);
            }
        }
        this.ended = None;
        this.linger = Some(0);
        Poll::Ready(Ok(()))
    }
}
