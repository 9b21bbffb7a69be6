//! Handlers that may block.
//!
//! What a request asks for is work on disk and signatures, and two network threads serve everybody. So each request is worked at
//! where blocking is allowed, whatever its handler does: none has to think of it, and none can forget it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use tokio::task::block_in_place;

/// Works at a request, while other network threads take over what else this one served.
pub(crate) async fn apart(request: Request, next: Next) -> Response {
    let mut work = pin!(next.run(request));
    poll_fn(|context| block_in_place(|| work.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    #[derive(Clone)]
    struct Both {
        begun: UnboundedSender<()>,
        done: Sender<()>,
        wait: Arc<Mutex<Receiver<()>>>,
    }

    async fn slow(State(both): State<Both>) -> String {
        both.begun.send(()).expect("heard");
        both.wait.lock().expect("alone").recv().expect("the other was answered");
        "slow".to_owned()
    }

    async fn quick(State(both): State<Both>) -> String {
        both.done.send(()).expect("heard");
        "quick".to_owned()
    }

    async fn asked(at: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    /// One network thread, and a handler that waits until another request was answered: it would wait for ever.
    #[test]
    fn a_handler_that_blocks_keeps_nobody_waiting() {
        let ((begun, mut has_begun), (done, wait)) = (unbounded_channel(), channel());
        let both = Both { begun, done, wait: Arc::new(Mutex::new(wait)) };
        let router = Router::new().route("/slow", get(slow)).route("/quick", get(quick)).with_state(both);
        let router = router.layer(from_fn(super::apart));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            let at = listener.local_addr().expect("address");
            tokio::spawn(async move { axum::serve(listener, router).await });
            let slow = tokio::spawn(asked(at, "/slow"));
            has_begun.recv().await.expect("it works");
            assert!(asked(at, "/quick").await.ends_with("quick"));
            assert!(slow.await.expect("joined").ends_with("slow"));
        });
    }
}
