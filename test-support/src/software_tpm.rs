//! A TPM 2.0 in software (`swtpm`) of a test's own, and somebody who sits on the bus before it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

/// A software TPM in a directory of its own. It serves one connection at a time.
#[derive(Debug)]
pub struct SoftwareTpm {
    process: Child,
    port: u16,
    _state: tempfile::TempDir,
}

impl Drop for SoftwareTpm {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Two ports in a row: the library expects the control channel on the one after that of the commands.
fn two_ports() -> (TcpListener, TcpListener, u16) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = first.local_addr().expect("an address").port();
        // The next may be somebody else's.
        let Some(next) = port.checked_add(1) else { continue };
        if let Ok(second) = TcpListener::bind(("127.0.0.1", next)) {
            return (first, second, port);
        }
    }
}

impl SoftwareTpm {
    /// Starts one.
    ///
    /// # Panics
    /// When `swtpm` is not there.
    #[must_use]
    pub fn start() -> Self {
        let state = tempfile::tempdir().expect("directory");
        loop {
            let (commands, controls, port) = two_ports();
            drop((commands, controls));
            let control = port + 1;
            let mut process = Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                .args(["--tpmstate", &format!("dir={}", state.path().display())])
                .args(["--server", &format!("type=tcp,port={port}"), "--ctrl", &format!("type=tcp,port={control}")])
                .spawn()
                .expect("swtpm");
            let up = loop {
                match (process.try_wait().expect("status"), TcpStream::connect(("127.0.0.1", control))) {
                    (Some(_), _) => break false,
                    // Somebody else's port would answer, too, and swtpm end over it.
                    (None, Ok(_)) => {
                        std::thread::park_timeout(std::time::Duration::from_millis(50));
                        break process.try_wait().expect("status").is_none();
                    }
                    (None, Err(_)) => std::thread::yield_now(),
                }
            };
            if up {
                return Self { process, port, _state: state };
            }
        }
    }

    /// How its commands are reached: a TCTI.
    #[must_use]
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// The same as a key store is named in a configuration.
    #[must_use]
    pub fn key_store(&self) -> String {
        format!("tpm:{}", self.tcti())
    }

    /// Sits down on the bus before it.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn tapped(&self) -> Bus {
        let (commands, controls, port) = two_ports();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (ours, to) = (Arc::clone(&shared), self.port);
        // Both end with the process: nobody connects once the store is gone.
        std::thread::spawn(move || {
            for stream in commands.incoming().flatten() {
                drop(relay(stream, to, &ours));
            }
        });
        std::thread::spawn(move || {
            for mut near in controls.incoming().flatten() {
                let Ok(mut far) = TcpStream::connect(("127.0.0.1", to + 1)) else { continue };
                let (Ok(mut near_in), Ok(mut far_out)) = (near.try_clone(), far.try_clone()) else { continue };
                std::thread::spawn(move || {
                    drop(std::io::copy(&mut near_in, &mut far_out));
                    drop(far_out.shutdown(std::net::Shutdown::Both));
                });
                std::thread::spawn(move || drop(std::io::copy(&mut far, &mut near)));
            }
        });
        Bus { port, shared }
    }
}

fn tcti(port: u16) -> String {
    format!("swtpm:host=127.0.0.1,port={port}")
}

/// What becomes of an answer, with the code of its command.
type Change = Box<dyn FnMut(u32, &mut Vec<u8>) + Send>;

#[derive(Default)]
struct Shared {
    heard: Vec<(u32, Vec<u8>, Vec<u8>)>,
    change: Option<Change>,
}

/// What goes between a program and a TPM, as somebody with a probe has it.
pub struct Bus {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bus({})", self.port)
    }
}

impl Bus {
    /// How the TPM is reached over it.
    #[must_use]
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// What was heard: command code, command, answer.
    #[must_use]
    pub fn heard(&self) -> Vec<(u32, Vec<u8>, Vec<u8>)> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).heard.clone()
    }

    /// Whether these octets went over it in any direction.
    #[must_use]
    pub fn has(&self, octets: &[u8]) -> bool {
        let within = |whole: &Vec<u8>| whole.windows(octets.len()).any(|part| part == octets);
        self.heard().iter().any(|(_, command, answer)| within(command) || within(answer))
    }

    /// Has every answer go through `change`, with the code of its command.
    pub fn alter(&self, change: impl FnMut(u32, &mut Vec<u8>) + Send + 'static) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).change = Some(Box::new(change));
    }

    /// Lets everything through as it is.
    pub fn leave(&self) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).change = None;
    }
}

/// One message: tag, length of the whole, code, the rest (TPM 2.0 part 1).
fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 10];
    stream.read_exact(&mut bytes)?;
    let length = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]) as usize;
    bytes.resize(length.max(10), 0);
    stream.read_exact(&mut bytes[10..])?;
    Ok(bytes)
}

fn relay(mut near: TcpStream, port: u16, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut far = TcpStream::connect(("127.0.0.1", port))?;
    loop {
        let command = message(&mut near)?;
        far.write_all(&command)?;
        let mut answer = message(&mut far)?;
        let code = u32::from_be_bytes([command[6], command[7], command[8], command[9]]);
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.heard.push((code, command, answer.clone()));
        if let Some(change) = &mut shared.change {
            change(code, &mut answer);
        }
        drop(shared);
        near.write_all(&answer)?;
    }
}
