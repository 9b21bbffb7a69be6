//! Printers over a network connection, and over a character device and a serial port that a pseudo-terminal plays.

use drivers::printer::conformance::{self, Rig};
use drivers::printer::escpos::EscPos;
use drivers::printer::simulated::Tray;
use drivers::printer::transport::{SerialTransport, TcpTransport, UsbTransport};
use drivers::printer::{Bitmap, Printer};
use serialport::{SerialPort as _, TTYPort};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(10);

/// Moves bytes between a connection that times out and a tray, until told to stop or the other side ends.
fn serve(mut connection: impl Read + Write, tray: &Tray, stop: &AtomicBool) {
    let mut bytes = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        match connection.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                let answer = tray.feed(&bytes[..count]);
                connection.write_all(&answer).expect("answered");
            }
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {}
            // EIO: the near end of the pseudo-terminal is closed for now.
            Err(_) => std::thread::park_timeout(MOMENT),
        }
    }
}

struct Network {
    tray: Tray,
    port: u16,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Network {
    fn listen(&mut self, listener: TcpListener) {
        let stop = Arc::new(AtomicBool::new(false));
        let (tray, stopped) = (self.tray.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            // One connection at a time, as such printers do.
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let connection = connection.expect("connection");
                connection.set_read_timeout(Some(MOMENT)).expect("timeout");
                serve(connection, &tray, &stopped);
            }
        });
        self.running = Some((stop, thread));
    }
}

impl Rig for Network {
    fn printer(&mut self) -> Box<dyn Printer> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        self.port = listener.local_addr().expect("address").port();
        self.listen(listener);
        Box::new(EscPos::new(TcpTransport::new(&format!("127.0.0.1:{}", self.port)), 576))
    }

    fn tray(&mut self) -> Tray {
        self.tray.clone()
    }

    fn unplug(&mut self) {
        let (stop, thread) = self.running.take().expect("plugged in");
        stop.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets one.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        thread.join().expect("no panic");
    }

    fn plug(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("port");
        self.listen(listener);
    }
}

/// A pseudo-terminal under the same path after every replugging.
struct Terminal {
    tray: Tray,
    directory: tempfile::TempDir,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    is_usb: bool,
    near: Option<TTYPort>,
}

impl Terminal {
    fn path(&self) -> PathBuf {
        self.directory.path().join("lp0")
    }
}

impl Rig for Terminal {
    fn printer(&mut self) -> Box<dyn Printer> {
        self.plug();
        let path = self.path().display().to_string();
        if self.is_usb {
            Box::new(EscPos::new(UsbTransport::new(&path), 384))
        } else {
            Box::new(EscPos::new(SerialTransport::new(&format!("{path}@115200")).expect("printer"), 576))
        }
    }

    fn tray(&mut self) -> Tray {
        self.tray.clone()
    }

    fn unplug(&mut self) {
        std::fs::remove_file(self.path()).expect("link");
        self.near = None;
        let (stop, thread) = self.running.take().expect("plugged in");
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("no panic");
    }

    fn plug(&mut self) {
        let (mut far, mut near) = TTYPort::pair().expect("pseudo-terminal");
        far.set_timeout(MOMENT).expect("timeout");
        near.set_exclusive(false).expect("shared");
        std::os::unix::fs::symlink(near.name().expect("name"), self.path()).expect("link");
        let stop = Arc::new(AtomicBool::new(false));
        let (tray, stopped) = (self.tray.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || serve(far, &tray, &stopped));
        // A printer is no terminal: raw mode lasts only while somebody has it open. A serial port sets its own.
        self.near = self.is_usb.then_some(near);
        self.running = Some((stop, thread));
    }
}

#[test]
fn a_printer_on_the_network_conforms() {
    conformance::run(&mut Network { tray: Tray::default(), port: 0, running: None });
}

#[test]
fn printers_on_a_serial_port_and_on_usb_conform() {
    for is_usb in [false, true] {
        let directory = tempfile::tempdir().expect("directory");
        conformance::run(&mut Terminal { tray: Tray::default(), directory, running: None, is_usb, near: None });
    }
}

#[test]
fn a_printer_without_a_way_back_prints_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address").to_string();
    let tray = Tray::default();
    let silent = tray.clone();
    let thread = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("connection");
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).expect("read");
        silent.feed(&bytes);
    });
    let mut printer = EscPos::new(TcpTransport::new(&address), 384);
    let picture = Bitmap::from_fn(384, 30, |x, y| x % 30 == y);
    assert_eq!(printer.print(&picture), Ok(()));
    thread.join().expect("no panic");
    assert_eq!(tray.receipts(), [picture]);
}
