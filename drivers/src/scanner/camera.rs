//! Cameras: `camera:/dev/video0`. Frames are looked through for a QR code.
//!
//! Frames come from `v4l2-ctl` (package v4l-utils), which speaks to whatever V4L2 device there is and writes them to its
//! standard output. A code is told once, until it has been out of sight for a second.

use super::{Letters, Scan, Scanned, Scanner};
use crate::device::DeviceError;
use rustix::event::{PollFd, PollFlags, Timespec};
use rxing::BarcodeFormat;
use std::io::Read as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use zeroize::Zeroizing;

/// Width and height of the frames that are asked for: a card's code in them has three pixels a module and more.
pub const FRAME: (u32, u32) = (1280, 720);

/// How many frames without a code make the next sight of it a new one.
const OUT_OF_SIGHT: u32 = 15;

/// Grey frames, row by row, of the size [`FRAME`].
pub trait Frames: Send {
    /// What to call the camera.
    fn name(&self) -> String;

    /// The next frame; `None` when none came in time.
    ///
    /// # Errors
    /// As long as the device cannot be used.
    fn next(&mut self, timeout: Duration) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError>;
}

/// A camera as a scanner.
#[derive(Debug)]
pub struct CameraScanner<F> {
    frames: F,
    last: Zeroizing<String>,
    without: u32,
}

impl<F: Frames> CameraScanner<F> {
    /// Over a source of frames.
    pub fn new(frames: F) -> Self {
        Self { frames, last: Zeroizing::default(), without: 0 }
    }

    /// The text in a frame, unless it was told already.
    fn look(&mut self, frame: &[u8]) -> Option<Scanned> {
        let (width, height) = FRAME;
        let format = Some(BarcodeFormat::QR_CODE);
        let Ok(found) = rxing::helpers::detect_in_luma_slice(frame, width, height, format) else {
            self.without = self.without.saturating_add(1);
            if self.without == OUT_OF_SIGHT {
                self.last = Zeroizing::default();
            }
            return None;
        };
        self.without = 0;
        if *self.last == found.getText() {
            return None;
        }
        self.last = Zeroizing::new(found.getText().to_owned());
        Some(Scanned::Text(Scan { text: self.last.clone(), letters: Letters::All }))
    }
}

impl<F: Frames> Scanner for CameraScanner<F> {
    fn name(&self) -> String {
        self.frames.name()
    }

    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        // Frames come at the camera's pace: each is a slice of the time.
        let mut left = timeout;
        let slice = Duration::from_millis(33);
        while !left.is_zero() {
            if let Some(frame) = self.frames.next(left)?
                && let Some(scanned) = self.look(&frame)
            {
                return Ok(Some(scanned));
            }
            left = left.saturating_sub(slice);
        }
        Ok(None)
    }
}

/// Frames of a V4L2 device through `v4l2-ctl`.
#[derive(Debug)]
pub struct V4l2 {
    device: String,
    program: String,
    running: Option<(Child, ChildStdout)>,
}

impl V4l2 {
    /// Of a device file.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self { device: device.to_owned(), program: "v4l2-ctl".to_owned(), running: None }
    }

    fn start(&self) -> Result<(Child, ChildStdout), DeviceError> {
        // What the program hears is not told: absent and denied are found here.
        std::fs::File::open(&self.device).map_err(|e| DeviceError::from_io(&self.device, &e))?;
        let (width, height) = FRAME;
        let mut command = Command::new(&self.program);
        command.args(["-d", &self.device, "--stream-mmap", "--stream-to=-"]);
        command.arg(format!("--set-fmt-video=width={width},height={height},pixelformat=YUYV"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|e| DeviceError::of_program(&self.program, &e))?;
        let Some(output) = child.stdout.take() else {
            return Err(DeviceError::Failed { device: self.device.clone(), why: "no output".to_owned() });
        };
        Ok((child, output))
    }

    fn stop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            program::ignore(child.kill(), "it may have ended by itself");
            program::ignore(child.wait(), "it was told to end, and nothing more is asked of it");
        }
    }
}

impl Drop for V4l2 {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Frames for V4l2 {
    fn name(&self) -> String {
        self.device.clone()
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError> {
        let output = match &mut self.running {
            Some((_, output)) => output,
            stopped => {
                let started =
                    Self { device: self.device.clone(), program: self.program.clone(), running: None }.start()?;
                &mut stopped.insert(started).1
            }
        };
        let mut ready = [PollFd::new(&*output, PollFlags::IN)];
        if rustix::event::poll(&mut ready, Timespec::try_from(timeout).ok().as_ref()) == Ok(0) {
            return Ok(None);
        }
        let (width, height) = FRAME;
        // YUYV: every other byte is the grey of a pixel.
        let mut frame = Zeroizing::new(vec![0; (width * height * 2) as usize]);
        if let Err(error) = output.read_exact(&mut frame) {
            self.stop();
            return Err(DeviceError::Absent { device: self.device.clone(), why: error.to_string() });
        }
        Ok(Some(Zeroizing::new(frame.iter().step_by(2).copied().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    struct Film(VecDeque<Option<&'static str>>);

    impl Frames for Film {
        fn name(&self) -> String {
            "film".to_owned()
        }

        fn next(&mut self, _: Duration) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError> {
            Ok(self.0.pop_front().map(|code| frame(code)))
        }
    }

    /// A grey wall, with a code on it that is turned a little and unevenly lit.
    fn frame(code: Option<&str>) -> Zeroizing<Vec<u8>> {
        let (width, height) = (FRAME.0 as usize, FRAME.1 as usize);
        let mut frame: Vec<u8> = (0..width * height).map(|at| 120 + (at % width / 20) as u8).collect();
        if let Some(code) = code {
            let code = qrcodegen::QrCode::encode_text(code, qrcodegen::QrCodeEcc::Medium).expect("code");
            let (size, scale, turn) = (f64::from(code.size()), 6.0, 0.15f64);
            for (at, pixel) in frame.iter_mut().enumerate() {
                let (x, y) = ((at % width) as f64 - 640.0, (at / width) as f64 - 360.0);
                let module = |along: f64| (along / scale + size / 2.0).floor();
                let (u, v) = (module(x * turn.cos() + y * turn.sin()), module(y * turn.cos() - x * turn.sin()));
                let inside = |along: f64| (-4.0..size + 4.0).contains(&along);
                if inside(u) && inside(v) {
                    *pixel = if code.get_module(u as i32, v as i32) { *pixel / 3 } else { *pixel + 40 };
                }
            }
        }
        Zeroizing::new(frame)
    }

    #[test]
    fn a_code_before_the_camera_is_told_once() {
        let card = "079185000028|185000028|Trần Thị Bình|02091985|Nữ|12 Lê Lợi, Quận 1|01052021";
        let mut film = vec![None, Some(card), Some(card), None, Some(card)];
        film.extend([None; OUT_OF_SIGHT as usize]);
        film.push(Some(card));
        let frames = film.len() as u32;
        let mut scanner = CameraScanner::new(Film(film.into()));
        let all: Vec<_> =
            std::iter::from_fn(|| scanner.wait_for_scan(Duration::from_millis(33) * frames).ok().flatten()).collect();
        let texts: Vec<&str> = all
            .iter()
            .map(|scan| match scan {
                Scanned::Text(scan) => scan.text.as_str(),
                Scanned::Garbled(garbled) => garbled.code(),
            })
            .collect();
        assert_eq!(texts, [card, card]);
    }

    #[test]
    fn a_camera_that_is_not_there_is_absent() {
        let mut scanner = CameraScanner::new(V4l2::new("/dev/video-none"));
        assert!(matches!(scanner.wait_for_scan(Duration::from_millis(10)), Err(DeviceError::Absent { .. })));
    }

    #[test]
    fn frames_come_from_a_program_that_may_end() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("directory");
        let (program, raw) = (directory.path().join("v4l2-ctl"), directory.path().join("raw"));
        let card = "079185000028|185000028|Trần Thị Bình|02091985|Nữ|12 Lê Lợi, Quận 1|01052021";
        let yuyv: Vec<u8> = frame(Some(card)).iter().flat_map(|grey| [*grey, 128]).collect();
        std::fs::write(&raw, yuyv).expect("frame");
        std::fs::write(&program, format!("#!/bin/sh\nexec cat {}\n", raw.display())).expect("program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("mode");
        let source = V4l2 { device: raw.display().to_string(), program: program.display().to_string(), running: None };
        let mut scanner = CameraScanner::new(source);
        assert!(matches!(scanner.wait_for_scan(Duration::from_secs(5)), Ok(Some(Scanned::Text(_)))));
        assert!(matches!(scanner.wait_for_scan(Duration::from_secs(5)), Err(DeviceError::Absent { .. })), "it ended");
    }
}
