//! Messages over real connections, and what becomes of them where a hospital's system refuses, falls silent or goes away.

use super::{BEGIN, END, Tried};
use crate::Line;
use crate::tests::envelope;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// What the hospital's system does with a message.
#[derive(Clone, Copy)]
enum Does {
    /// Acknowledges it so.
    Says(&'static str),
    /// Sends half an acknowledgement and goes away.
    Halves,
    /// Goes away.
    Leaves,
    /// Sends half an acknowledgement, and nothing more as long as anybody listens.
    Stops,
    /// Says nothing as long as anybody listens.
    Keeps,
}

/// Until the other side has had enough.
fn wait(line: &mut TcpStream) {
    program::ignore(line.read(&mut [0]), "there is nothing to read, and the connection ends in one way or another");
}

/// Takes one message, and does that; the message's own identifier.
fn hospital(mut line: TcpStream, does: Does) -> String {
    let mut got = Vec::new();
    while !got.ends_with(&END) {
        let mut byte = [0];
        line.read_exact(&mut byte).expect("a byte");
        got.extend(byte);
    }
    let got = String::from_utf8(got).expect("UTF-8");
    let id = got.split('|').nth(9).expect("MSH-10").to_owned();
    let whole = |code: &str| {
        let text = format!("MSH|^~\\&|HIS|||||ACK|1|P|2.5.1\rMSA|{code}|{id}\r");
        [&[BEGIN][..], text.as_bytes(), &END].concat()
    };
    match does {
        Does::Keeps => wait(&mut line),
        Does::Leaves => {}
        Does::Says(code) => line.write_all(&whole(code)).expect("sent"),
        Does::Halves | Does::Stops => {
            let answer = whole("AA");
            line.write_all(&answer[..answer.len() / 2]).expect("sent");
            if matches!(does, Does::Stops) {
                wait(&mut line);
            }
        }
    }
    id
}

#[test]
fn a_message_counts_as_delivered_by_its_own_acknowledgement_alone_and_the_next_try_is_the_same_message() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let text = format!("format = \"hl7-v2\"\nurl = \"mllp://127.0.0.1:{port}\"");
    let mut line = Line::new("his", &toml::from_str(&text).expect("connection")).expect("a line");
    let later = |code: &str| Tried::Later(code.to_owned());
    let tries = [
        (Does::Says("AE"), later("recipient_hl7_AE")),
        (Does::Says("AR"), Tried::Refused("recipient_hl7_AR".to_owned())),
        (Does::Says("XX"), later("recipient_answer_malformed")),
        (Does::Halves, later("recipient_answer_malformed")),
        (Does::Leaves, later("recipient_answer_malformed")),
        (Does::Stops, later("recipient_timeout")),
        (Does::Keeps, later("recipient_timeout")),
        (Does::Says("AA"), Tried::Delivered),
    ];
    let envelope = envelope("hospital-desk", "his");
    let mut ids = Vec::new();
    for (at, (does, expected)) in tries.into_iter().enumerate() {
        // Only where nothing ever comes is there no reason to wait for long.
        let silent = matches!(does, Does::Stops | Does::Keeps);
        line.patience = if silent { Duration::from_millis(50) } else { Duration::from_secs(60) };
        std::thread::scope(|scope| {
            let server = scope.spawn(|| hospital(listener.accept().expect("a peer").0, does));
            assert_eq!(line.send(&envelope, 0).0, expected, "{at}");
            ids.push(server.join().expect("a hospital"));
        });
    }
    assert!(ids.iter().all(|id| *id == ids[0]) && ids[0].len() == 20, "{ids:?}");
}
