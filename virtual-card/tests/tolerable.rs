//! A hundred thousand cards that are as honest as they are odd: each has manners by chance, and each is read, is not
//! accused, and proves what it can. The makes of other hands, too.
//!
//! A failure names the seed. That card again, command by command:
//!
//! ```text
//! TOLERABLE_SEED=4711 cargo test -p virtual-card --test tolerable one_card -- --nocapture
//! ```
//!
//! `TOLERABLE_CARDS` says how many, `TOLERABLE_FROM` from which seed on.

mod support;

use emrtd::AccessPolicy;
use support::tolerable::{Small, drive, wrong};
use support::{AN, BINH, plan};
use virtual_card::{FOREIGN, Manners};

/// How many parts the cards are read in.
const PARTS: u64 = 4;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect(variable))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as usize % limit
    }
}

/// Chips are dear, manners are not.
struct Cards([Small; 5]);

impl Cards {
    fn new() -> Self {
        Self([
            Small::active_only(AN),
            Small::active_only(BINH),
            Small::new(BINH, "ca-key-id"),
            Small::new(AN, "ca-kat"),
            Small::new(BINH, "ca-3des-at"),
        ])
    }

    /// The card of a seed. What costs most, PACE and chip authentication, is dealt least.
    fn deal(&mut self, seed: u64) -> (&mut Small, Manners, AccessPolicy) {
        let mut random = Random(seed);
        let which = match random.below(16) {
            0..7 => 0,
            7..13 => 1,
            dear => dear - 11,
        };
        let card = &mut self.0[which];
        let access = if random.below(32) == 0 { AccessPolicy::Auto } else { AccessPolicy::Bac };
        (card, Manners::draw(|limit| random.below(limit)), access)
    }
}

fn tolerable(part: u64) {
    let (cards, from) = (number("TOLERABLE_CARDS", 100_000), number("TOLERABLE_FROM", 0));
    let mut deck = Cards::new();
    let mut failures = Vec::new();
    let mut failed = 0;
    for seed in (from..from + cards).filter(|seed| seed % PARTS == part) {
        let (card, manners, access) = deck.deal(seed);
        let read = card.read(manners, access);
        if let Some(wrong) = card.wrong(&read, &manners) {
            failed += 1;
            if failures.len() < 40 {
                failures.push(format!("TOLERABLE_SEED={seed} {access:?} {manners}\n    {wrong}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failed} of {} cards\n{}", cards / PARTS, failures.join("\n"));
}

#[test]
fn no_tolerable_card_is_a_brick_1() {
    tolerable(0);
}

#[test]
fn no_tolerable_card_is_a_brick_2() {
    tolerable(1);
}

#[test]
fn no_tolerable_card_is_a_brick_3() {
    tolerable(2);
}

#[test]
fn no_tolerable_card_is_a_brick_4() {
    tolerable(3);
}

/// The card of `TOLERABLE_SEED`.
#[test]
fn one_card() {
    let mut deck = Cards::new();
    let (card, manners, access) = deck.deal(number("TOLERABLE_SEED", 0));
    println!("{} {access:?} {manners}", card.persona.id);
    let read = card.tell(manners, access);
    assert_eq!(card.wrong(&read, &manners), None);
}

fn foreign(id: &str) {
    let foreign = FOREIGN.iter().find(|foreign| foreign.id == id).expect("a make");
    for access in [AccessPolicy::Auto, AccessPolicy::Bac] {
        if foreign.id == "simulator" && access == AccessPolicy::Bac {
            continue;
        }
        let mut card = foreign.card(BINH).expect("card");
        let read = drive(&mut *card, plan(BINH, access));
        println!("{id} {access:?}: {} commands, {} resets", read.commands, read.resets);
        assert_eq!(wrong(&read, [Some(true); 2]), None, "{id} {access:?}");
    }
}

#[test]
fn an_applet_whose_errors_end_the_session_is_read() {
    foreign("javacard");
}

#[test]
fn an_applet_is_read() {
    foreign("javacard-keep");
}

#[test]
fn a_card_in_python_is_read() {
    foreign("python");
}

#[test]
fn a_simulator_with_its_limit_is_read() {
    foreign("simulator");
}
