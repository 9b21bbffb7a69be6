//! Whatever a chip answers, it is read, it is not accused, and it proves what it can: every pair of manners.
//!
//! A failure lists the manners that fail alone, then the pairs of which neither fails alone. One card again:
//!
//! ```text
//! MANNERS='sfi=6A82-bare,moment=once' cargo test -p virtual-card --test manners one_card -- --nocapture
//! ```

mod support;

use emrtd::hazmat::tlv::encode;
use emrtd::lds::Sod;
use emrtd::{AccessPolicy, Expected, FileId, Manner, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use support::tolerable::{Small, answers_long, drive};
use support::{AN, BINH, chip, make, plan, read, reason};
use virtual_card::manners::{Largest, Manners, SWITCHES};
use virtual_card::{Chip, Make};

/// The card of the matrix: its signatures of 64 bytes fit any answer, and its key of chip authentication has an
/// identifier.
fn card() -> Small {
    Small::new(BINH, "ca-key-id")
}

/// Switches that only a terminal sees that opens the chip by PACE.
const OF_PACE: [&str; 6] = ["select-application", "master-file", "card-access", "pace-place", "pace", "info"];

/// A value of a switch, by numbers.
type Value = (usize, usize);

fn name((switch, value): Value) -> String {
    format!("{}={}", SWITCHES[switch].name, SWITCHES[switch].values()[value])
}

/// All values that are not plain.
static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let each = |switch: usize| (1..SWITCHES[switch].values().len()).map(move |value| (switch, value));
    (0..SWITCHES.len()).flat_map(each).collect()
});

fn manners(values: &[Value]) -> Manners {
    let mut manners = Manners::default();
    for (switch, value) in values {
        SWITCHES[*switch].set(&mut manners, *value);
    }
    manners
}

/// By PACE where that matters and now and then elsewhere; by BAC, which costs a fifth, otherwise.
fn access(values: &[Value], number: usize) -> AccessPolicy {
    let of_pace = values.iter().any(|(switch, _)| OF_PACE.contains(&SWITCHES[*switch].name));
    if of_pace || number.is_multiple_of(17) { AccessPolicy::Auto } else { AccessPolicy::Bac }
}

/// What each manner costs alone, by whether PACE opens the card.
struct Alone(BTreeMap<(Value, bool), usize>);

impl Alone {
    /// Reads every card of one manner. What is wrong with one goes into the report.
    fn new(card: &mut Small, report: &mut Report) -> Self {
        let mut alone = BTreeMap::new();
        for value in VALUES.iter() {
            let manners = manners(&[*value]);
            for access in [AccessPolicy::Bac, AccessPolicy::Auto] {
                let read = card.read(manners, access);
                alone.insert((*value, access == AccessPolicy::Auto), read.commands);
                if let Some(wrong) = card.wrong(&read, &manners) {
                    report.add(wrong, &[*value]);
                }
            }
        }
        Self(alone)
    }

    /// Two manners at once cost what both cost one after the other, and a quarter more at most: a chip that dislikes a
    /// length late has its files read anew in smaller pieces.
    fn limit(&self, pair: &[Value; 2], access: AccessPolicy) -> usize {
        let sum: usize = pair.iter().map(|value| self.0[&(*value, access == AccessPolicy::Auto)]).sum();
        sum * 5 / 4
    }
}

/// What is wrong, and with which cards: those of one manner first, then pairs of which neither is wrong alone.
#[derive(Default)]
struct Report {
    alone: BTreeSet<Value>,
    failed: usize,
    cards: BTreeMap<String, Vec<String>>,
}

impl Report {
    fn add(&mut self, wrong: String, values: &[Value]) {
        self.failed += 1;
        if values.iter().any(|value| self.alone.contains(value)) {
            return;
        }
        if let [value] = values {
            self.alone.insert(*value);
        }
        let name: Vec<String> = values.iter().map(|value| name(*value)).collect();
        self.cards.entry(wrong).or_default().push(name.join(","));
    }
}

/// How many parts the matrix is run in.
const PARTS: usize = 4;

fn matrix(part: usize) {
    let (mut card, mut report) = (card(), Report::default());
    let alone = Alone::new(&mut card, &mut report);
    let mut pairs = 0;
    for (number, first) in VALUES.iter().enumerate() {
        for second in VALUES.iter().skip(number + 1).filter(|second| second.0 != first.0) {
            let pair = [*first, *second];
            let manners = manners(&pair);
            pairs += 1;
            if pairs % PARTS != part || !manners.possible() {
                continue;
            }
            let access = access(&pair, pairs);
            let read = card.read(manners, access);
            let limit = alone.limit(&pair, access);
            let many = (read.commands > limit).then(|| format!("{} commands, limit {limit}", read.commands));
            if let Some(wrong) = card.wrong(&read, &manners).or(many) {
                report.add(wrong, &pair);
            }
        }
    }
    let lines: Vec<String> =
        report.cards.iter().map(|(wrong, cards)| format!("{wrong}\n    {}", cards.join("\n    "))).collect();
    let (failed, of) = (report.failed, VALUES.len() * 2 + pairs / PARTS);
    assert!(lines.is_empty(), "{failed} of {of} cards\n{}", lines.join("\n"));
}

#[test]
fn every_pair_of_manners_1() {
    matrix(0);
}

#[test]
fn every_pair_of_manners_2() {
    matrix(1);
}

#[test]
fn every_pair_of_manners_3() {
    matrix(2);
}

#[test]
fn every_pair_of_manners_4() {
    matrix(3);
}

/// The card that `MANNERS` names, told command by command; the plain one without it.
#[test]
fn one_card() {
    let named = std::env::var("MANNERS").unwrap_or_default();
    let manners: Manners = named.parse().unwrap_or_else(|error| panic!("{error}"));
    let mut card = card();
    for access in [AccessPolicy::Bac, AccessPolicy::Auto] {
        let read = card.tell(manners, access);
        assert_eq!(card.wrong(&read, &manners), None);
    }
}

/// The length of EF.SOD and the groups of a card whose signatures are as long as most are: those in EF.SOD are in DER,
/// so that two cards of one make differ by a byte or two, which is a command where a file ends.
const FILES: usize = 20_739;

/// A card of the make that the table is of, with so many bytes of files.
fn card_of(files: usize) -> Chip {
    let issue = || {
        let mut card = chip(AN, make("ca-key-id"), Manners::default(), false);
        let evidence = read(&mut card, plan(AN, AccessPolicy::Auto)).expect("read");
        (card, evidence.files.keys().filter_map(|file| evidence.content(*file)).map(<[u8]>::len).sum::<usize>())
    };
    let mut seen = BTreeSet::new();
    for (card, length) in std::iter::repeat_with(issue).take(100) {
        if length == files {
            return card;
        }
        seen.insert(length);
    }
    panic!("none of {seen:?} is {files} bytes");
}

/// The commands for a whole read of a card with so many bytes of files by PACE with the card access number, active and
/// chip authentication: what `docs/performance.md` has of every manner. A manner may cost two and a half times a plain
/// card of the same length of answers, four times where it gives 128 bytes or less.
#[test]
fn what_each_manner_costs() {
    let mut card = card_of(FILES);
    let mut commands = |manners: Manners, max_response: u32| {
        card.set_manners(manners);
        let mut plan = plan(AN, AccessPolicy::Auto);
        plan.max_response = max_response;
        let read = drive(&mut card, plan);
        assert!(read.evidence.is_ok(), "{manners}: {:?}", read.evidence);
        read.commands
    };
    let plain = [commands(Manners::default(), 256), commands(Manners::default(), 65_536)];
    let mut rows = vec![
        format!("| plain | {FILES} bytes of files | {} | 1.00 |", plain[1]),
        format!("| plain, short answers | | {} | 1.00 |", plain[0]),
    ];
    let mut over = Vec::new();
    // A moment is one of something.
    for (at, switch) in SWITCHES.iter().enumerate().filter(|(_, switch)| switch.name != "moment") {
        let mut costs = BTreeMap::<(usize, usize), Vec<String>>::new();
        for (value, name) in switch.values().into_iter().enumerate().skip(1) {
            let manners = manners(&[(at, value)]);
            let (long, slow) = (answers_long(&manners), matches!(manners.largest, Largest::Limited(..=128, _)));
            let (cost, plain) = (commands(manners, 65_536), plain[usize::from(long)]);
            let limit = if slow { plain * 4 } else { plain * 5 / 2 };
            if cost > limit {
                over.push(format!("{manners}: {cost} commands, limit {limit}"));
            }
            costs.entry((cost, plain)).or_default().push(format!("`{name}`"));
        }
        for ((cost, plain), names) in costs {
            let ratio = cost as f64 / plain as f64;
            rows.push(format!("| {} | {} | {cost} | {ratio:.2} |", switch.name, names.join(", ")));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let page = std::fs::read_to_string(&path).expect("docs/performance.md");
    let (before, rest) = page.split_once(BEGIN).expect("the begin mark");
    let (table, after) = rest.split_once(END).expect("the end mark");
    let expected = format!("| manner | how it answers | APDUs | of plain |\n|---|---|---|---|\n{}\n", rows.join("\n"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, [before, BEGIN, &expected, END, after].concat()).expect("docs/performance.md");
        return;
    }
    assert_eq!(table, expected, "UPDATE_DOCS=1 writes it anew");
}

const BEGIN: &str =
    "<!-- manners: `UPDATE_DOCS=1 cargo test -p virtual-card --test manners what_each_manner_costs` writes this -->\n";
const END: &str = "<!-- end of manners -->\n";

/// What was learnt of one signer's cards holds until the card shows another: then it is asked for everything again.
#[test]
fn what_was_learnt_of_another_signers_cards_is_given_back() {
    let mut card = chip(BINH, Make::default(), Manners::default(), false);
    let sod =
        read(&mut card, plan(BINH, AccessPolicy::Auto)).expect("read").content(FileId::Sod).expect("EF.SOD").to_vec();
    let own = Sod::parse(&sod).expect("EF.SOD").signer_fingerprint().expect("a signer");
    let mut commands = |signer: Option<[u8; 32]>| {
        let expected = signer.map(|signer| Expected::new(Manner::sized(96, 96), signer));
        let read = drive(&mut card, plan(BINH, AccessPolicy::Auto).with_expected(expected));
        assert!(read.evidence.is_ok());
        read.commands
    };
    let (plain, same, other) = (commands(None), commands(Some(own)), commands(Some([0; 32])));
    // EF.SOD alone is read in small parts.
    let small = sod.len().div_ceil(96) + 1;
    assert!(other <= plain + small && same > plain + 2 * small, "{plain}, {same}, {other}");
}

/// A key of 256 bytes in a reader that has no extended length: only a chain brings it to the chip.
#[test]
fn long_commands_are_chained() {
    for (id, wanted) in [("ca-dh", "chaining=wanted"), ("ca-dh-kat", "chaining=wanted"), ("ca-dh", "")] {
        let manners: Manners = wanted.parse().expect("manners");
        let mut card = chip(BINH, make(id), manners, false);
        let plan = plan(BINH, AccessPolicy::Auto).with_max_response(256);
        let evidence = drive(&mut card, plan).evidence.expect("read");
        assert_eq!(reason(&evidence, "chip_authentication"), (Outcome::Passed, None), "{id} {wanted}");
    }
}

/// Odd INS reaches what lies past 32,767 bytes. Without it the group is left out by its name, and the rest is read.
#[test]
fn what_only_odd_ins_would_reach_is_left_out() {
    for refused in ["odd=6D00", "odd=6D00-bare"] {
        let mut card = chip(BINH, Make::default(), refused.parse::<Manners>().expect("manners"), false);
        let file = encode(0x75, &vec![0x5A; 70_000]);
        card.set_file(0x0102, file);
        let evidence = drive(&mut card, plan(BINH, AccessPolicy::Auto)).evidence.expect("read");
        let why = &evidence.not_read[&FileId::Dg(2)];
        assert!(why.ends_with(":6D00"), "{refused}: {why}");
        assert_eq!(reason(&evidence, "chip_authentication"), (Outcome::Passed, None), "{refused}");
        assert!(evidence.content(FileId::Dg(13)).is_some());
    }
}
