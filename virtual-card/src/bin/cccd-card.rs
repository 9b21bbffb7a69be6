//! `cccd-card`: lays a virtual CCCD on a virtual reader, and writes what an operator must trust to accept it.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use virtual_card::personalise::Card;
use virtual_card::{Chip, Fault, Issuer, MAKES, Make, PERSONAS, Persona, eac, vpcd};

/// A virtual CCCD. Its keys are public; its cards are for tests and demonstrations only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put a card on vpcd's reader and answer until it is lifted or the reader goes away.
    Serve {
        /// Whose card; see `list`.
        #[arg(long)]
        persona: String,
        /// What is wrong with the card: none, lifted:BYTES, slow:MILLISECONDS, wrong-password, cloned, stripped,
        /// altered:GROUP, self-made-csca, expired-dsc, revoked-dsc, garbage, no-clone-check, no-pace, hidden-card-access, no-extended-length,
        /// tolerate-select-mf.
        #[arg(long, default_value = "none")]
        fault: Fault,
        /// Which make of chip; see `list`.
        #[arg(long, default_value = "cccd")]
        make: String,
        /// Address of vpcd: 127.0.0.1:35963 is the first reader, port 35964 the second.
        #[arg(long, default_value = "127.0.0.1:35963")]
        vpcd: String,
        /// After a lift, put the same card back after this many milliseconds.
        #[arg(long, value_name = "MILLISECONDS")]
        put_back: Option<u64>,
    },
    /// List the personas and the makes of chip.
    List,
    /// Write a card's files, FID.bin each, for card implementations that bring their own protocols.
    Files {
        /// Whose card.
        #[arg(long)]
        persona: String,
        /// What is wrong with the card; see `serve`.
        #[arg(long, default_value = "none")]
        fault: Fault,
        /// The directory; made if it is not there.
        #[arg(long)]
        out: PathBuf,
    },
    /// Write what the operator of an inspection system is given: certificates and key for terminal authentication.
    Terminal {
        /// Which inspection system: 1 reads fingerprints and irises, 2 fingerprints, 3 has an expired certificate.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
        number: u8,
        /// The directory; made if it is not there.
        #[arg(long)]
        out: PathBuf,
    },
    /// Write the trust anchors of the synthetic issuer into a directory.
    Trust {
        /// The directory; made if it is not there.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve { persona, fault, make, vpcd, put_back } => serve(&persona, fault, &make, &vpcd, put_back),
        Command::List => {
            for persona in &PERSONAS {
                println!("{:20} {}  {}", persona.id, persona.number, persona.about);
            }
            println!();
            for make in &MAKES {
                println!("{:20} {}", make.id, make.about);
            }
            Ok(())
        }
        Command::Files { persona, fault, out } => {
            std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
            for (id, bytes) in Card::new(find(&persona)?, fault)?.files() {
                let path = out.join(format!("{id:04X}.bin"));
                std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            }
            Ok(())
        }
        Command::Terminal { number, out } => {
            std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
            for file in eac::terminal_files(number)? {
                let path = out.join(file.name);
                std::fs::write(&path, file.content).with_context(|| format!("cannot write {}", path.display()))?;
                println!("{}", path.display());
            }
            Ok(())
        }
        Command::Trust { out } => {
            std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
            for (name, der) in Issuer::practice_files()? {
                let path = out.join(name);
                std::fs::write(&path, der).with_context(|| format!("cannot write {}", path.display()))?;
                println!("{}", path.display());
            }
            Ok(())
        }
    }
}

fn find(persona: &str) -> anyhow::Result<&'static Persona> {
    Persona::find(persona).with_context(|| format!("no persona {persona:?}; `cccd-card list` names them"))
}

#[allow(clippy::disallowed_methods, reason = "a hand takes real time")]
fn serve(persona: &str, fault: Fault, make: &str, address: &str, mut put_back: Option<u64>) -> anyhow::Result<()> {
    let persona = find(persona)?;
    let make = Make::find(make).with_context(|| format!("no make {make:?}; `cccd-card list` names them"))?;
    let mut chip = Chip::with_make(persona, fault, *make)?;
    loop {
        let stream = vpcd::connect(address, Duration::from_secs(10))
            .with_context(|| format!("no virtual reader at {address}; is pcscd running with vsmartcard-vpcd?"))?;
        eprintln!("card of {} is on the reader", persona.id);
        match (vpcd::serve(&mut chip, stream)?, put_back.take()) {
            (vpcd::Ended::Lifted, Some(milliseconds)) => {
                eprintln!("card lifted, to be put back");
                std::thread::sleep(Duration::from_millis(milliseconds));
                chip.put_back();
            }
            (vpcd::Ended::Lifted, None) => {
                eprintln!("card lifted");
                return Ok(());
            }
            (vpcd::Ended::ReaderGone, _) => {
                eprintln!("reader gone");
                return Ok(());
            }
        }
    }
}
