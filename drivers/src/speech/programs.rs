//! Speech through other programs: `espeak-ng` for words, `aplay` for recordings and tones.
//!
//! Recordings are WAV files `LANGUAGE/CLIP.wav` in a directory; a line without one is spoken by the machine's voice.

use super::{Line, Speaker, Tone, Voice, wave};
use crate::device::DeviceError;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which programs speak and play.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Program and arguments that say standard input; `{voice}` becomes the language.
    pub speak: Vec<String>,
    /// Program and arguments that play the WAV file on standard input.
    pub play: Vec<String>,
    /// Recordings.
    pub clips: Option<PathBuf>,
}

impl Programs {
    /// `espeak-ng` and `aplay`, a little slower than usual, with recordings from a directory.
    #[must_use]
    pub fn usual(clips: Option<PathBuf>) -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self { speak: words("espeak-ng -v {voice} -s 150 --stdin"), play: words("aplay -q -"), clips }
    }
}

/// How often it is looked whether a line is over.
const ROUND: Duration = Duration::from_millis(20);

/// A speaker made of programs.
#[derive(Debug)]
pub struct ProgramSpeaker {
    programs: Programs,
    lines: Sender<(Voice, Vec<Line>)>,
    failure: Arc<Mutex<Option<DeviceError>>>,
}

impl ProgramSpeaker {
    /// With these programs.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        let (lines, to_say) = channel();
        let failure = Arc::new(Mutex::new(None));
        let worker = Worker { programs: programs.clone(), failure: Arc::clone(&failure) };
        std::thread::spawn(move || worker.run(&to_say));
        Self { programs, lines, failure }
    }

    fn failure(&self) -> Result<(), DeviceError> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

struct Worker {
    programs: Programs,
    failure: Arc<Mutex<Option<DeviceError>>>,
}

impl Worker {
    fn run(&self, to_say: &Receiver<(Voice, Vec<Line>)>) {
        let mut next = to_say.recv().ok();
        while let Some((voice, lines)) = next.take() {
            next = self.say(voice, &lines, to_say);
            if next.is_none() {
                next = to_say.recv().ok();
            }
        }
    }

    /// Says lines until something else is to be said, which it gives back.
    fn say(&self, voice: Voice, lines: &[Line], to_say: &Receiver<(Voice, Vec<Line>)>) -> Option<(Voice, Vec<Line>)> {
        for line in lines {
            let mut child = match self.start(voice, line) {
                Ok(child) => child,
                Err(failure) => {
                    self.tell(failure);
                    return None;
                }
            };
            loop {
                match to_say.recv_timeout(ROUND) {
                    Ok(next) => {
                        program::ignore(child.kill(), "it may have ended by itself");
                        program::ignore(child.wait(), "it was told to end, and nothing more is asked of it");
                        return Some(next);
                    }
                    Err(RecvTimeoutError::Disconnected) => {
                        program::ignore(child.kill(), "it may have ended by itself");
                        program::ignore(child.wait(), "it was told to end, and nothing more is asked of it");
                        return None;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
                match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) if status.success() => break,
                    Ok(Some(status)) => {
                        let device = self.programs.speak.first().cloned().unwrap_or_default();
                        self.tell(DeviceError::Failed { device, why: format!("it ended with {status}") });
                        return None;
                    }
                    Err(_) => break,
                }
            }
        }
        None
    }

    fn tell(&self, failure: DeviceError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    fn start(&self, voice: Voice, line: &Line) -> Result<Child, DeviceError> {
        let clip =
            self.programs.clips.as_ref().zip(line.clip.as_ref()).and_then(|(directory, clip)| {
                std::fs::read(directory.join(voice.code()).join(format!("{clip}.wav"))).ok()
            });
        match clip {
            Some(wave) => start(&self.programs.play, voice, wave),
            None => start(&self.programs.speak, voice, line.text.as_bytes().to_vec()),
        }
    }
}

/// Starts a program and gives it something to read.
fn start(command: &[String], voice: Voice, input: Vec<u8>) -> Result<Child, DeviceError> {
    let input = zeroize::Zeroizing::new(input);
    let mut words = command.iter().map(|word| word.replace("{voice}", voice.code()));
    let program = words.next().unwrap_or_default();
    let error = |e: std::io::Error| DeviceError::of_program(&program, &e);
    let mut child = Command::new(&program);
    child.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().map_err(error)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A long recording does not fit the pipe.
        std::thread::spawn(move || program::ignore(stdin.write_all(&input), "who is killed reads no more"));
    }
    Ok(child)
}

impl Speaker for ProgramSpeaker {
    fn name(&self) -> String {
        self.programs.speak.first().cloned().unwrap_or_default()
    }

    fn say(&mut self, voice: Voice, lines: &[Line]) -> Result<(), DeviceError> {
        self.failure()?;
        program::ignore(self.lines.send((voice, lines.to_vec())), "the worker ends only with the speaker");
        Ok(())
    }

    fn play(&mut self, tones: &[Tone]) -> Result<(), DeviceError> {
        self.failure()?;
        let mut child = start(&self.programs.play, Voice::English, wave(tones))?;
        std::thread::spawn(move || {
            program::ignore(child.wait(), "it was told to end, and nothing more is asked of it")
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn line(text: &str, clip: Option<&str>) -> Line {
        Line { text: text.to_owned().into(), clip: clip.map(str::to_owned) }
    }

    fn until(path: &Path, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..1000 {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if wanted(&text) {
                return text;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("heard: {}", std::fs::read_to_string(path).unwrap_or_default())
    }

    /// Programs that write down what they are given.
    fn recorder(directory: &Path, speak: &str) -> (Programs, PathBuf) {
        let heard = directory.join("heard");
        let shell = |script: String| ["sh".to_owned(), "-c".to_owned(), script].to_vec();
        let speak = shell(format!("echo [{{voice}}] >> {0}; cat >> {0}; echo >> {0}; {speak}", heard.display()));
        let play = shell(format!("echo played $(wc -c) >> {}", heard.display()));
        (Programs { speak, play, clips: Some(directory.into()) }, heard)
    }

    #[test]
    fn lines_are_said_in_order_and_recordings_played() {
        let directory = tempfile::tempdir().expect("directory");
        std::fs::create_dir(directory.path().join("vi")).expect("directory");
        std::fs::write(directory.path().join("vi/Welcome.wav"), [0; 77]).expect("clip");
        let (programs, heard) = recorder(directory.path(), "true");
        let mut speaker = ProgramSpeaker::new(programs);
        let lines = [line("Xin chào!", Some("Welcome")), line("Đặt thẻ", Some("PlaceCard")), line("B", None)];
        speaker.say(Voice::Vietnamese, &lines).expect("said");
        let text = until(&heard, |text| text.ends_with("B\n"));
        assert_eq!(text, "played 77\n[vi]\nĐặt thẻ\n[vi]\nB\n");
        speaker.play(&[(1000, 10)]).expect("played");
        until(&heard, |text| text.ends_with(&format!("played {}\n", wave(&[(1000, 10)]).len())));
    }

    #[test]
    fn something_new_ends_what_is_being_said() {
        let directory = tempfile::tempdir().expect("directory");
        let (programs, heard) = recorder(directory.path(), "exec sleep 600");
        let mut speaker = ProgramSpeaker::new(programs);
        speaker.say(Voice::Vietnamese, &[line("one", None), line("never", None)]).expect("said");
        until(&heard, |text| text.contains("one"));
        speaker.say(Voice::English, &[line("two", None)]).expect("said");
        let text = until(&heard, |text| text.contains("[en]\ntwo\n"));
        assert!(!text.contains("never"));
        speaker.say(Voice::English, &[]).expect("hushed");
    }

    #[test]
    fn what_cannot_speak_says_so_next_time() {
        let programs = Programs { speak: vec!["/nowhere/espeak-ng".to_owned()], ..Programs::usual(None) };
        let mut speaker = ProgramSpeaker::new(programs);
        speaker.say(Voice::English, &[line("one", None)]).expect("tried");
        let error = (0..1000).find_map(|_| {
            std::thread::park_timeout(Duration::from_millis(5));
            speaker.say(Voice::English, &[]).err()
        });
        assert!(matches!(error, Some(DeviceError::Program { .. })), "{error:?}");
    }

    #[test]
    fn espeak_ng_has_a_vietnamese_voice() {
        let programs = Programs::usual(None);
        let mut command = Command::new(&programs.speak[0]);
        command.args(programs.speak[1..].iter().map(|word| word.replace("{voice}", "vi"))).arg("--stdout");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.as_mut().expect("espeak-ng; `cargo xtask doctor` says what is missing");
        child.stdin.take().expect("pipe").write_all("Đặt thẻ lên đầu đọc".as_bytes()).expect("text");
        let mut wave = Vec::new();
        std::io::Read::read_to_end(&mut child.stdout.take().expect("pipe"), &mut wave).expect("sound");
        assert!(wave.starts_with(b"RIFF") && wave.len() > 22_050, "more than half a second: {} bytes", wave.len());
    }
}
