//! A lying card: a search over random combinations of moves finds nothing that is accepted where an honest reading of
//! ICAO 9303 refuses, and does find it in judges that forget one thing.

use hil_tests::lying::{Cripple, Search};

/// Combinations in the default run, over all threads.
const COMBINATIONS: usize = 100_000;

/// The seed; `HOSTILE_SEED` names another, `HOSTILE_COMBINATIONS` another number.
const SEED: u64 = 20_261_129;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_combination_of_moves_is_accepted_where_9303_refuses() {
    let wanted = usize::try_from(setting("HOSTILE_COMBINATIONS", COMBINATIONS as u64)).expect("a number");
    let seed = setting("HOSTILE_SEED", SEED);
    let threads = 2;
    let runs: Vec<_> = std::thread::scope(|scope| {
        let work = |thread: u64| {
            move || {
                let own = seed + thread;
                let mut search = Search::new(own);
                let mut found = Vec::new();
                while search.tried < wanted.div_ceil(threads) && found.len() < 12 {
                    found.extend(search.step().map(|found| (own, found)));
                }
                (search.tried, search.strict, found)
            }
        };
        let handles: Vec<_> = (0..threads as u64).map(|thread| scope.spawn(work(thread))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a thread")).collect()
    });
    let tried: usize = runs.iter().map(|(tried, ..)| tried).sum();
    let strict = runs.iter().fold([0; 2], |sum, (_, one, _)| [sum[0] + one[0], sum[1] + one[1]]);
    for (seed, found) in runs.iter().flat_map(|(.., found)| found) {
        println!("seed {seed}, combination {}: {:?}\n    {}", found.after, found.moves, found.what);
    }
    println!("{tried} combinations; verdicts as strict as the truth, and stricter: {strict:?}");
    assert!(runs.iter().all(|(.., found)| found.is_empty()), "see above");
    assert!(tried >= wanted, "{tried}");
}

/// A search that finds nothing must be able to.
#[test]
fn the_search_notices_each_fault() {
    const WITHIN: usize = 20_000;
    let seed = setting("HOSTILE_SEED", SEED);
    let mut search = Search::new(seed);
    let mut open = Cripple::ALL.to_vec();
    while !open.is_empty() && search.tried < WITHIN {
        for (cripple, found) in search.step_crippled(&open) {
            println!("seed {seed}, combination {}: without {cripple:?} {:?}", found.after, found.moves);
            open.retain(|one| *one != cripple);
        }
    }
    assert!(open.is_empty(), "not noticed within {WITHIN} combinations of seed {seed}: {open:?}");
}
