//! Speech through `speech-dispatcher`, which knows many voices: SSIP over its Unix socket.

use super::{Line, ProgramSpeaker, Programs, Speaker, Tone, Voice};
use crate::device::DeviceError;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// A client of speech-dispatcher. Tones and recordings are played as by [`ProgramSpeaker`].
#[derive(Debug)]
pub struct SpeechDispatcher {
    socket: PathBuf,
    connection: Option<BufReader<UnixStream>>,
    tones: ProgramSpeaker,
}

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

impl SpeechDispatcher {
    /// By the server's socket. Nothing is opened yet.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, connection: None, tones: ProgramSpeaker::new(Programs::usual(None)) }
    }

    fn with(&mut self, work: impl Fn(&mut BufReader<UnixStream>) -> std::io::Result<()>) -> Result<(), DeviceError> {
        let name = self.name();
        let connect = || {
            let stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let mut connection = BufReader::new(stream);
            command(&mut connection, "SET SELF CLIENT_NAME kiosk:cccd-agent:main")?;
            Ok(connection)
        };
        // A server that was started anew has closed the old connection.
        for is_last in [self.connection.is_none(), true] {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => connect().map_err(|e: std::io::Error| DeviceError::from_io(&name, &e))?,
            };
            match work(&mut connection) {
                Ok(()) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                Err(error) if is_last => return Err(DeviceError::from_io(&name, &error)),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// One command; its answer begins with 2 where it was taken.
fn command(connection: &mut BufReader<UnixStream>, text: &str) -> std::io::Result<()> {
    write!(connection.get_mut(), "{text}\r\n")?;
    loop {
        let mut answer = String::new();
        if connection.read_line(&mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        // A dash after the number: more lines follow.
        match answer.as_bytes() {
            [b'2', _, _, b'-', ..] => {}
            [b'2', _, _, b' ', ..] => return Ok(()),
            _ => return Err(std::io::Error::other(answer.trim().to_owned())),
        }
    }
}

impl Speaker for SpeechDispatcher {
    fn name(&self) -> String {
        self.socket.display().to_string()
    }

    fn say(&mut self, voice: Voice, lines: &[Line]) -> Result<(), DeviceError> {
        self.with(|connection| {
            command(connection, "CANCEL SELF")?;
            command(connection, &format!("SET SELF LANGUAGE {}", voice.code()))?;
            for line in lines {
                command(connection, "SPEAK")?;
                // A line that is a dot alone ends the text; ours has no line breaks and is never that.
                let text = line.text.replace(['\r', '\n'], " ");
                let dot = if text.starts_with('.') { "." } else { "" };
                command(connection, &format!("{dot}{text}\r\n."))?;
            }
            Ok(())
        })
    }

    fn play(&mut self, tones: &[Tone]) -> Result<(), DeviceError> {
        self.tones.play(tones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A server as SSIP describes it, which writes down what it was to say; every connection ends after one text.
    fn serve(listener: &UnixListener) -> Vec<String> {
        let mut said = Vec::new();
        for stream in listener.incoming().take(2) {
            let mut stream = BufReader::new(stream.expect("connection"));
            let mut language = String::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                let answer = match line.trim_end() {
                    "SPEAK" => "230 OK RECEIVING DATA\r\n".to_owned(),
                    "CANCEL SELF" => "210 OK CANCELED\r\n".to_owned(),
                    "." => "225-17\r\n225 OK MESSAGE QUEUED\r\n".to_owned(),
                    set if set.starts_with("SET SELF CLIENT_NAME") => "208 OK CLIENT NAME SET\r\n".to_owned(),
                    set if set.starts_with("SET SELF LANGUAGE") => {
                        language = set.rsplit(' ').next().unwrap_or_default().to_owned();
                        "201 OK LANGUAGE SET\r\n".to_owned()
                    }
                    text => {
                        said.push(format!("{language}: {text}"));
                        continue;
                    }
                };
                stream.get_mut().write_all(answer.as_bytes()).expect("answer");
                if answer.starts_with("225") {
                    break;
                }
            }
        }
        said
    }

    #[test]
    fn lines_go_to_the_server_and_a_new_server_is_found() {
        let directory = tempfile::tempdir().expect("directory");
        let socket = directory.path().join("speechd.sock");
        let mut speaker = SpeechDispatcher::new(socket.clone());
        let line = |text: &str| Line { text: text.to_owned().into(), clip: None };
        let error = speaker.say(Voice::Vietnamese, &[line("nobody hears")]).expect_err("no server");
        assert!(matches!(error, DeviceError::Absent { .. }), "{error:?}");
        let listener = UnixListener::bind(&socket).expect("socket");
        let server = std::thread::spawn(move || serve(&listener));
        speaker.say(Voice::Vietnamese, &[line("Đặt thẻ\nlên đầu đọc")]).expect("said");
        speaker.say(Voice::English, &[line(".dot")]).expect("said over a new connection");
        assert_eq!(server.join().expect("no panic"), ["vi: Đặt thẻ lên đầu đọc", "en: ..dot"]);
    }
}
