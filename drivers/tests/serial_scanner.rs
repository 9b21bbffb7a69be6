//! Serial scanners on a pseudo-terminal: a real file descriptor with real termios, without modem lines.

use drivers::device::DeviceError;
use drivers::scanner::conformance::{self, Rig};
use drivers::scanner::serial::SerialScanner;
use drivers::scanner::{Scanned, Scanner};
use serialport::{SerialPort as _, TTYPort};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(50);

/// A module at the far end of a pseudo-terminal, found under the same path after every replugging.
struct Module {
    path: PathBuf,
    far: Option<TTYPort>,
    /// Its bit rate; what is sent is heard as a port at another rate hears it.
    rate: u32,
    directory: tempfile::TempDir,
}

impl Module {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("ttyACM0");
        let mut module = Self { path, far: None, rate: 9600, directory };
        module.plug();
        module
    }

    fn plug(&mut self) {
        let (far, near) = TTYPort::pair().expect("pseudo-terminal");
        let link = self.directory.path().join("new");
        std::os::unix::fs::symlink(near.name().expect("name"), &link).expect("link");
        std::fs::rename(link, &self.path).expect("link");
        self.far = Some(far);
    }

    fn unplug(&mut self) {
        std::fs::remove_file(&self.path).expect("link");
        self.far = None;
    }

    fn send(&mut self, bytes: &[u8]) {
        let far = self.far.as_mut().expect("plugged in");
        let listening = far.baud_rate().expect("rate");
        let heard = if listening == self.rate { bytes.to_vec() } else { heard(bytes, self.rate, listening) };
        far.write_all(&heard).expect("written");
    }

    fn scanner(&self, suffix: &str) -> SerialScanner {
        SerialScanner::new(&format!("{}{suffix}", self.path.display())).expect("scanner")
    }
}

/// What a UART at one rate hears of bytes that are sent at another: start bit, eight data bits, stop bit, sampled in
/// the middle of where it expects them.
fn heard(bytes: &[u8], sent: u32, listening: u32) -> Vec<u8> {
    let line: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| {
            let data = (0..8).map(move |bit| byte >> bit & 1 == 1);
            [false].into_iter().chain(data).chain([true, true])
        })
        .collect();
    let level = |time: f64| line.get((time * f64::from(sent)) as usize).copied().unwrap_or(true);
    let bit = 1.0 / f64::from(listening);
    let end = line.len() as f64 / f64::from(sent);
    let (mut heard, mut time) = (Vec::new(), 0.0);
    while time < end {
        if level(time) {
            time += bit / 8.0;
            continue;
        }
        let byte = (0..8).map(|at| u8::from(level(time + bit * (1.5 + f64::from(at)))) << at).sum();
        heard.push(byte);
        time += bit * 9.5;
        while time < end && !level(time) {
            time += bit / 8.0;
        }
    }
    heard
}

impl Rig for Module {
    fn scanner(&mut self) -> Box<dyn Scanner> {
        Box::new(Self::scanner(self, ""))
    }

    fn hold(&mut self, text: &str) {
        self.send(format!("{text}\r\n").as_bytes());
    }

    fn unplug(&mut self) {
        Self::unplug(self);
    }

    fn plug(&mut self) {
        Self::plug(self);
    }
}

fn next(scanner: &mut SerialScanner) -> String {
    match scanner.wait_for_scan(SOON) {
        Ok(Some(Scanned::Text(scan))) => scan.text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_serial_scanner_conforms() {
    conformance::run(&mut Module::new());
}

#[test]
fn frames_come_split_glued_and_without_a_suffix() {
    let mut module = Module::new();
    let mut scanner = module.scanner("@9600");
    assert_eq!(scanner.wait_for_scan(MOMENT), Ok(None));
    module.send("Trần".as_bytes());
    assert_eq!(next(&mut scanner), "Trần", "silence ends a scan without a suffix");
    module.send(b"one\r\ntwo\r\nthr");
    assert_eq!([next(&mut scanner), next(&mut scanner)], ["one", "two"]);
    assert_eq!(scanner.wait_for_scan(MOMENT * 8), Ok(None), "a module with a suffix may pause");
    module.send(b"ee\r\n");
    assert_eq!(next(&mut scanner), "three");
}

#[test]
fn a_wrong_rate_is_noticed_and_the_right_one_found() {
    let text = "079185000028|185000028|Trần Thị Bình|02091985|Nữ|12 Lê Lợi, Quận 1|01052021\r\n";
    for rate in [115_200, 57_600, 38_400, 19_200, 4800] {
        let mut module = Module { rate, ..Module::new() };
        let mut scanner = module.scanner("");
        let mut scans = 0;
        let found = loop {
            assert_eq!(scanner.wait_for_scan(MOMENT), Ok(None));
            module.send(text.as_bytes());
            scans += 1;
            // Whatever is heard of one scan.
            let mut heard = Vec::new();
            while let Ok(Some(scanned)) = scanner.wait_for_scan(Duration::from_millis(200)) {
                heard.push(scanned);
            }
            if let [Scanned::Text(scan)] = &heard[..] {
                break scan.text.to_string();
            }
            assert!(scans < 10, "{rate}: {heard:?}");
        };
        assert_eq!((found.as_str(), scanner.rate()), (text.trim_end(), rate));
        assert!(scans <= 6, "{rate}: found at the {scans}th scan");
    }
    let mut module = Module { rate: 115_200, ..Module::new() };
    let mut scanner = module.scanner("@9600");
    assert_eq!(scanner.wait_for_scan(MOMENT), Ok(None));
    module.send(text.as_bytes());
    assert!(matches!(scanner.wait_for_scan(SOON), Ok(Some(Scanned::Garbled(_)))));
    assert_eq!(scanner.rate(), 9600, "a configured rate stays");
}

#[test]
fn a_port_that_somebody_holds_is_busy() {
    let module = Module::new();
    let mut first = module.scanner("");
    assert_eq!(first.wait_for_scan(MOMENT), Ok(None));
    let error = module.scanner("").wait_for_scan(MOMENT).expect_err("held");
    assert!(matches!(error, DeviceError::Busy { .. }), "{error:?}");
    assert!(SerialScanner::new("/dev/ttyACM0@fast").is_err());
}
