//! `cccd-card`: lays a virtual CCCD on a virtual reader, and writes what an operator must trust to accept it.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;
use virtual_card::manners::SWITCHES;
use virtual_card::personalise::Card;
use virtual_card::vpcd::VpcdCard;
use virtual_card::{Chip, FOREIGN, Fault, Foreign, MAKES, Make, Manners, PERSONAS, Persona, eac, practice_files, vpcd};

/// A virtual CCCD. Its keys are public; its cards are for tests and demonstrations only.
#[derive(Parser)]
#[command(version, name = "cccd-card")]
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
        /// How the chip answers what others answer otherwise: NAME=VALUE, with commas between; see `list`.
        #[arg(long, default_value = "plain", value_name = "MANNERS")]
        manners: Manners,
        /// Address of vpcd: 127.0.0.1:35963 is the first reader, port 35964 the second.
        #[arg(long, default_value = "127.0.0.1:35963")]
        vpcd: String,
        /// After a lift, put the same card back after this many milliseconds.
        #[arg(long, value_name = "MILLISECONDS")]
        put_back: Option<u64>,
    },
    /// List the personas, the makes of chip and the manners.
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
        Command::Serve { persona, fault, make, manners, vpcd, put_back } => {
            let persona = find(&persona)?;
            match Foreign::find(&make) {
                Some(_) if fault != Fault::None || manners != Manners::default() => {
                    anyhow::bail!("the make {make:?} is of another hand: it has manners of its own and no faults")
                }
                Some(foreign) => serve_foreign(&mut *foreign.card(persona)?, persona, &vpcd),
                None => {
                    let known = Make::find(&make);
                    let make = known.with_context(|| format!("no make {make:?}; `cccd-card list` names them"))?;
                    serve(persona, Chip::with_manners(persona, fault, *make, manners)?, &vpcd, put_back)
                }
            }
        }
        Command::List => {
            for persona in &PERSONAS {
                println!("{:20} {}  {}", persona.id, persona.number, persona.about);
            }
            println!();
            let foreign = FOREIGN.iter().map(|foreign| (foreign.id, foreign.about));
            for (id, about) in MAKES.iter().map(|make| (make.id, make.about)).chain(foreign) {
                println!("{id:20} {about}");
            }
            println!();
            for switch in SWITCHES {
                println!("{:20} {}: {}", switch.name, switch.about, switch.values().join(" "));
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
                // The key is among them.
                let mut options = OpenOptions::new();
                let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
                opened
                    .and_then(|mut opened| opened.write_all(&file.content))
                    .with_context(|| format!("cannot write {}", path.display()))?;
                println!("{}", path.display());
            }
            Ok(())
        }
        Command::Trust { out } => {
            std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
            for (name, der) in practice_files()? {
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

fn lay_down(persona: &Persona, address: &str) -> anyhow::Result<TcpStream> {
    let stream = vpcd::connect(address, Duration::from_secs(10))
        .with_context(|| format!("no virtual reader at {address}; is pcscd running with vsmartcard-vpcd?"))?;
    eprintln!("card of {} is on the reader", persona.id);
    Ok(stream)
}

fn serve_foreign(card: &mut dyn VpcdCard, persona: &Persona, address: &str) -> anyhow::Result<()> {
    vpcd::serve(card, lay_down(persona, address)?)?;
    eprintln!("reader gone");
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "a hand takes real time")]
fn serve(persona: &Persona, mut chip: Chip, address: &str, mut put_back: Option<u64>) -> anyhow::Result<()> {
    loop {
        let stream = lay_down(persona, address)?;
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

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_manual_names_commands_that_there_are() {
        manual::commands::hold(Arguments::command(), 4);
    }
}
