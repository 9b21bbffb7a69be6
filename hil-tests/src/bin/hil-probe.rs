//! What must run inside a stack's namespaces and in one process: the reader conformance suite over PC/SC, and a
//! reader that is not ours.

use anyhow::bail;
use drivers::reader::Reader;
use drivers::reader::conformance::{self, EchoChip, Rig};
use drivers::reader::pcsc::PcscReader;
use drivers::reader::simulated::Chip as _;
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
        ["empty", port] => {
            let name = format!("Virtual PCD 00 {:02}", port.parse::<u16>()? - hil_tests::FIRST_READER);
            if !PcscReader::open(&name)?.wait_for_removal(std::time::Duration::from_secs(10))? {
                bail!("the card still lies there");
            }
            Ok(())
        }
        ["conformance"] => {
            conformance::run(&mut VpcdRig { connection: None });
            println!("PC/SC reader conforms");
            Ok(())
        }
        ["dmrtd", can] => foreign_reader(can),
        ["crowd", port, count] => crowd(port.parse()?, count.parse()?),
        _ => bail!("usage: hil-probe readers | empty PORT | conformance | dmrtd CAN | crowd PORT COUNT"),
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

/// Lays echo cards on the first virtual reader.
struct VpcdRig {
    connection: Option<std::net::TcpStream>,
}

struct Echo;

impl VpcdCard for Echo {
    fn atr(&self) -> Vec<u8> {
        EchoChip.atr()
    }

    fn reset(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        EchoChip.transmit(command)
    }
}

impl Rig for VpcdRig {
    fn reader(&mut self) -> Box<dyn Reader> {
        Box::new(PcscReader::open("Virtual PCD 00 00").expect("the first virtual reader"))
    }

    fn insert(&mut self) {
        let stream = vpcd::connect(("127.0.0.1", hil_tests::FIRST_READER), std::time::Duration::from_secs(10))
            .expect("vpcd listens");
        self.connection = Some(stream.try_clone().expect("socket"));
        std::thread::spawn(move || drop(vpcd::serve(&mut Echo, stream)));
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

    struct Pcsc(Box<dyn drivers::reader::Card>);
    impl Transceiver for Pcsc {
        fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, TransceiveError> {
            self.0.transmit(apdu).map_err(|e| TransceiveError::new(e.to_string()))
        }
    }

    let mut reader = PcscReader::open("")?;
    let card = reader.wait_for_card(std::time::Duration::from_secs(10))?;
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
