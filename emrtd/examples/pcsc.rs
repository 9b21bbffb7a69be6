//! Reads the passport or identity card in a PC/SC reader and says what its chip proves.
//!
//! ```sh
//! cargo run -p emrtd --example pcsc -- L898902C3 740812 120415 --trust /path/to/csca
//! cargo run -p emrtd --example pcsc -- 123456
//! ```
//!
//! Three words are document number, birth and expiry (YYMMDD) as the machine readable zone has them; one word of six
//! digits is the card access number. The directory of `--trust` holds CSCA certificates, master lists and revocation
//! lists; without one, nobody vouches for any issuer.

use emrtd::{
    Action, Circumstances, Evidence, FileId, MrzKey, Password, Plan, Session, SystemEntropy, TrustStore, UnixTime, lds,
};
use std::error::Error;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut trust = TrustStore::new();
    if let Some(at) = words.iter().position(|word| word == "--trust") {
        let directory = words.drain(at..).nth(1).ok_or("--trust wants a directory")?;
        fill(&mut trust, Path::new(&directory))?;
    }
    let password = match &words[..] {
        [can] => Password::can(can)?,
        [number, birth, expiry] => Password::Mrz(MrzKey::new(number, birth, expiry)?),
        _ => return Err("a card access number, or document number, birth and expiry".into()),
    };

    let evidence = read(Plan::new(vec![password], &[1, 2]))?;
    let found = evidence.verify(&trust, &Circumstances::now(now()?));
    println!("opened by {} with the {}", evidence.access.protocol, evidence.access.password);
    if let Some(mrz) = evidence.content(FileId::Dg(1)).map(lds::dg1::parse).transpose()? {
        println!("document {} of {}, expires {}", mrz.document_number, mrz.issuer, mrz.expiry);
    }
    for check in &found.checks {
        let reason = check.reason.as_deref().unwrap_or_default();
        println!("{:<24} {:?} {reason}", check.id, check.outcome);
    }
    println!("issuer {}, chip {}", found.issuer.code(), found.chip.code());
    Ok(())
}

/// One whole read of the first card that is found.
fn read(plan: Plan) -> Result<Evidence, Box<dyn Error>> {
    let context = pcsc::Context::establish(pcsc::Scope::User)?;
    let readers = context.list_readers_owned()?;
    let connect =
        |reader: &std::ffi::CString| context.connect(reader, pcsc::ShareMode::Exclusive, pcsc::Protocols::ANY).ok();
    let mut card = readers.iter().find_map(connect).ok_or("no reader has a card")?;
    let mut session = Session::new(plan, Box::new(SystemEntropy));
    let mut buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
    loop {
        match session.next()? {
            Action::Transmit(command) => session.feed(card.transmit(&command, &mut buffer)?)?,
            Action::Reset => {
                card.reconnect(pcsc::ShareMode::Exclusive, pcsc::Protocols::ANY, pcsc::Disposition::UnpowerCard)?;
                session.was_reset();
            }
            // Only inspection systems have a key for this; without it fingerprints stay closed.
            Action::Sign(_) => session.not_signed(),
            Action::Done => return session.into_evidence().ok_or_else(|| "the chip was never opened".into()),
        }
    }
}

/// Adds every file of a directory that the store takes.
fn fill(trust: &mut TrustStore, directory: &Path) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        match trust.add(&path.display().to_string(), &std::fs::read(&path)?) {
            Ok(added) => println!("{}: {} certificates", path.display(), added.certificates),
            Err(error) => println!("{}: left out, {error}", path.display()),
        }
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "a program of one read has no other clock")]
fn now() -> Result<UnixTime, Box<dyn Error>> {
    Ok(UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?))
}
