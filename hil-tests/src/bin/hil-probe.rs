//! What must run inside a stack's namespaces and in one process: the reader conformance suite over PC/SC, a reader that
//! is not ours, a token that lies there always, and a program that holds on to a card.

use anyhow::bail;
use drivers::reader::conformance::{self, EchoChip, NamedChip, Rig, SlotsRig};
use drivers::reader::pcsc::PcscReader;
use drivers::reader::simulated::Chip as _;
use drivers::reader::{Card, Reader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use virtual_card::vpcd::{self, VpcdCard};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["readers"] => {
            for name in PcscReader::attached()? {
                println!("{name}");
            }
            Ok(())
        }
        ["empty", port] => empty(usize::from(port.parse::<u16>()? - hil_tests::FIRST_READER)),
        ["conformance"] => {
            conformance::run(&mut VpcdRig::default());
            empty(0)?;
            conformance::run_slots(&mut SlotsOfVpcd::default());
            println!("PC/SC reader conforms");
            Ok(())
        }
        ["token", port] => token(port.parse()?),
        ["wait", name] => PcscReader::open(name)?.wait_for_card(Duration::from_secs(10)).map(drop).map_err(Into::into),
        ["patient"] => patient(),
        ["hold", name, milliseconds] => hold(name, milliseconds.parse()?),
        ["dmrtd", can] => foreign_reader(can),
        ["crowd", port, count] => crowd(port.parse()?, count.parse()?),
        ["bodies", port, count] => bodies(port.parse()?, count.parse()?),
        _ => bail!(
            "usage: hil-probe readers | empty PORT | conformance | token PORT | wait NAME | hold NAME MS | patient | dmrtd CAN | crowd PORT COUNT | bodies PORT COUNT"
        ),
    }
}

/// Opens connections one after the other and keeps hundreds of them open, some with half a request; says how many were
/// taken, and holds on until its input ends.
fn crowd(port: u16, count: usize) -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let mut held = std::collections::VecDeque::new();
    let mut taken = 0;
    for at in 0..count {
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { continue };
        taken += 1;
        if at % 3 == 0 {
            drop(stream.write_all(b"GET / HTTP/1.1\r\nHost: "));
        }
        held.push_back(stream);
        if held.len() > 800 {
            held.pop_front();
        }
    }
    println!("{taken}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Opens connections that pair and send the first byte of the body only; says how many, and keeps them until its input ends.
fn bodies(port: u16, count: usize) -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let head = format!(
        "POST /v1/pair HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        drop(stream.write_all(head.as_bytes()));
        held.push(stream);
    }
    println!("{}", held.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A signing token: always there, and `6D00` to everything.
fn token(port: u16) -> anyhow::Result<()> {
    struct Token;
    impl VpcdCard for Token {
        fn atr(&self) -> Vec<u8> {
            vec![0x3B, 0xFF, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x45, 0x4A, 0x43, 0x4F, 0x50, 0x34, 0x31, 0x56, 0x32]
        }

        fn reset(&mut self) {}

        fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
            Some(vec![0x6D, 0x00])
        }
    }
    let stream = vpcd::connect(("127.0.0.1", port), Duration::from_secs(10))?;
    eprintln!("the token is in its slot");
    vpcd::serve(&mut Token, stream)?;
    Ok(())
}

/// One reader for a whole day: says when a card comes and when it goes, whatever becomes of the service.
fn patient() -> anyhow::Result<()> {
    let mut reader = PcscReader::open("Virtual PCD 00 00")?;
    let moment = Duration::from_millis(200);
    loop {
        while reader.wait_for_card(moment).is_err() {
            hil_tests::stack::pause(50);
        }
        println!("card");
        while reader.wait_for_removal(moment) != Ok(true) {
            hil_tests::stack::pause(50);
        }
        println!("gone");
    }
}

/// Holds on to the card on a reader, as a browser with a PKCS#11 module does.
fn hold(name: &str, milliseconds: u64) -> anyhow::Result<()> {
    let card = PcscReader::open(name)?.wait_for_card(Duration::from_secs(10))?;
    eprintln!("the card is held");
    hil_tests::stack::pause(milliseconds);
    drop(card);
    Ok(())
}

/// Lays echo cards on the first virtual reader.
#[derive(Default)]
struct VpcdRig {
    connection: Option<std::net::TcpStream>,
    held: Option<Box<dyn Card>>,
    hung: Arc<AtomicBool>,
}

struct Echo(Arc<AtomicBool>);

impl VpcdCard for Echo {
    fn atr(&self) -> Vec<u8> {
        EchoChip.atr()
    }

    fn reset(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        while self.0.load(Ordering::Relaxed) {
            hil_tests::stack::pause(10);
        }
        EchoChip.transmit(command)
    }
}

/// Until pcscd has seen a slot of vpcd empty: a card that comes sooner confuses it.
fn empty(at: usize) -> anyhow::Result<()> {
    if !PcscReader::open(&slot(at))?.wait_for_removal(Duration::from_secs(10))? {
        bail!("the card still lies there");
    }
    Ok(())
}

/// The name of a slot of vpcd.
fn slot(at: usize) -> String {
    format!("Virtual PCD 00 {at:02}")
}

/// Connects a card to a slot; it lies there until the connection is closed.
fn lay(at: u16, mut card: impl VpcdCard + Send + 'static) -> std::net::TcpStream {
    let address = ("127.0.0.1", hil_tests::FIRST_READER + at);
    let stream = vpcd::connect(address, Duration::from_secs(10)).expect("vpcd listens");
    let connection = stream.try_clone().expect("socket");
    std::thread::spawn(move || drop(vpcd::serve(&mut card, stream)));
    connection
}

/// Both slots of vpcd.
#[derive(Default)]
struct SlotsOfVpcd([Option<std::net::TcpStream>; 2]);

struct Named(NamedChip);

impl VpcdCard for Named {
    fn atr(&self) -> Vec<u8> {
        self.0.atr()
    }

    fn reset(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        self.0.transmit(command)
    }
}

impl SlotsRig for SlotsOfVpcd {
    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(PcscReader::open("Virtual PCD 00").expect("both virtual readers"))
    }

    fn insert(&mut self, slot: usize, chip: NamedChip) {
        self.0[slot] = Some(lay(u16::try_from(slot).expect("a slot"), Named(chip)));
    }

    fn remove(&mut self, at: usize) {
        if let Some(connection) = self.0[at].take() {
            connection.shutdown(std::net::Shutdown::Both).expect("shutdown");
            empty(at).expect("an empty slot");
        }
    }
}

impl Rig for VpcdRig {
    fn reader(&mut self) -> Box<dyn Reader> {
        let reader = PcscReader::open(&slot(0)).expect("the first virtual reader");
        Box::new(reader.with_answer_within(Duration::from_secs(2)))
    }

    fn insert(&mut self) {
        self.connection = Some(lay(0, Echo(Arc::clone(&self.hung))));
    }

    fn hold(&mut self, held: bool) -> bool {
        let card = || PcscReader::open(&slot(0)).and_then(|mut reader| reader.wait_for_card(Duration::from_secs(10)));
        self.held = held.then(|| card().expect("card"));
        true
    }

    fn hang(&mut self, hung: bool) -> bool {
        self.hung.store(hung, Ordering::Relaxed);
        true
    }

    fn remove(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.shutdown(std::net::Shutdown::Both).expect("shutdown");
        }
    }
}

/// The `dmrtd` crate as terminal. It insists on SELECT MF, so the card must tolerate that.
fn foreign_reader(can: &str) -> anyhow::Result<()> {
    use dmrtd::com::{TransceiveError, Transceiver};

    struct Pcsc(Box<dyn Card>);
    impl Transceiver for Pcsc {
        fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, TransceiveError> {
            self.0.transmit(apdu).map_err(|e| TransceiveError::new(e.to_string()))
        }
    }

    let mut reader = PcscReader::open("")?;
    let card = reader.wait_for_card(Duration::from_secs(10))?;
    let mut passport = dmrtd::passport::Passport::new(Pcsc(card));
    let fail = |what: &str, e: &dyn std::fmt::Debug| anyhow::anyhow!("{what}: {e:?}");
    let card_access = passport.read_ef_card_access().map_err(|e| fail("EF.CardAccess", &e))?;
    let key = dmrtd::proto::can_key::CanKey::new(can).map_err(|e| fail("CAN", &e))?;
    passport.start_session_pace(key, &card_access).map_err(|e| fail("PACE", &e))?;
    passport.read_ef_dg1().map_err(|e| fail("EF.DG1", &e))?;
    passport.read_ef_dg2().map_err(|e| fail("EF.DG2", &e))?;
    passport.read_ef_sod().map_err(|e| fail("EF.SOD", &e))?;
    passport.read_ef_dg15().map_err(|e| fail("EF.DG15", &e))?;
    passport.verify_active_authentication(&[1, 2, 3, 4, 5, 6, 7, 8]).map_err(|e| fail("active authentication", &e))?;
    println!("dmrtd read the card");
    Ok(())
}
