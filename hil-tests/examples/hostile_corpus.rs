//! Writes lying cards as stored evidence of version 1, each with its trust directory, for judges of any age; and lets
//! one of them judge: `hostile_corpus DIRECTORY [AGENT [COMBINATIONS]]`.
//!
//! With an agent the search draws the same combinations as `tests/hostile.rs` and asks `AGENT evidence verify` about
//! each that must not be genuine; what it calls genuine is shrunk and told with seed and number.

use anyhow::{Context as _, Result, bail};
use hil_tests::lying::{FAULTS, Home, Move, Scene, Search, Stock, Truth, World};
use serde_cbor::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The seed of `tests/hostile.rs`.
const SEED: u64 = 20_261_129;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let directory = arguments.next().context("hostile_corpus DIRECTORY [AGENT [COMBINATIONS]]")?;
    let agent = arguments.next();
    let combinations = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(2_000);
    let mut stock = Stock::new();
    for (name, moves, _) in FAULTS {
        let place = directory.join(name);
        write(&World::after(moves).stored(), &mut stock, &place)?;
        let drawn = first(&World::after(moves).stored()).map_or_else(|| "never".to_owned(), |at| at.to_string());
        match &agent {
            Some(agent) => println!("{name}, drawn at {drawn}: {}", ask(agent, &place)?),
            None => println!("{name}, drawn at {drawn}: {}", place.display()),
        }
    }
    let Some(agent) = agent else { return Ok(()) };
    let mut search = Search::new(SEED);
    let mut seen = BTreeSet::new();
    let place = directory.join("searched");
    for number in 1..=combinations {
        let mut moves = search.draw();
        let mut lies = |moves: &[Move]| -> Result<bool> {
            let world = World::after(moves).stored();
            // What the operator said of certificates does not lie in such a directory.
            if matches!(world.home, Home::ForPassports | Home::ForCards | Home::Widened) {
                return Ok(false);
            }
            let truth = Truth::of(&world);
            // Which kinds of document are taken is the profile's affair.
            if truth.may_be_green() {
                return Ok(false);
            }
            write(&world, &mut stock, &place)?;
            Ok(ask(&agent, &place)? == 0)
        };
        if !lies(&moves)? {
            continue;
        }
        let mut at = 0;
        while at < moves.len() {
            let mut fewer = moves.clone();
            fewer.remove(at);
            if lies(&fewer)? {
                (moves, at) = (fewer, 0);
            } else {
                at += 1;
            }
        }
        moves.sort_by_key(|one| format!("{one:?}"));
        if seen.insert(format!("{moves:?}")) {
            println!("seed {SEED}, combination {number}: genuine after {moves:?}");
        }
    }
    println!("{combinations} combinations, {} ways to be called genuine", seen.len());
    Ok(())
}

/// The first combination of the seed that makes this very world.
fn first(world: &World) -> Option<usize> {
    let mut search = Search::new(SEED);
    (1..=400_000).find(|_| World::after(&search.draw()).stored() == *world)
}

/// Evidence of version 1, whole, and the trust directory.
fn write(world: &World, stock: &mut Stock, place: &Path) -> Result<()> {
    let trust = place.join("trust");
    if trust.exists() {
        std::fs::remove_dir_all(&trust)?;
    }
    std::fs::create_dir_all(&trust)?;
    for (name, bytes) in stock.trust_files(world) {
        std::fs::write(trust.join(name), bytes)?;
    }
    let evidence = Scene::of(world, stock).evidence.to_cbor_whole();
    let Value::Map(mut stored) = serde_cbor::from_slice(evidence.expose())? else { bail!("no map") };
    stored.insert(Value::Text("version".to_owned()), Value::Integer(1));
    stored.remove(&Value::Text("document".to_owned()));
    std::fs::write(place.join("card.evidence"), serde_cbor::to_vec(&Value::Map(stored))?)?;
    Ok(())
}

/// The exit status: 0 genuine, 10 not genuine, 11 undecided.
fn ask(agent: &Path, place: &Path) -> Result<i32> {
    let mut command = Command::new(agent);
    command.args(["evidence", "verify"]).arg(place.join("card.evidence")).arg("--trust").arg(place.join("trust"));
    let output = command.output().with_context(|| agent.display().to_string())?;
    output.status.code().context("the agent was killed")
}
