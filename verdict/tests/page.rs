//! The code says what `docs/verdict.md` says, for every combination; and nothing is green that must not be.

use proptest::prelude::*;
use verdict::{
    Admission, Answers, Because, Below, Chip, Consistency, Holder, Issuer, Rung, Strength, Terms, Validity, WhenOver,
    Word,
};

const PAGE: &str = include_str!("../../docs/verdict.md");

/// The rows of the table behind a mark of the page.
fn table(mark: &str) -> Vec<Vec<&'static str>> {
    let (_, from) = PAGE.split_once(&format!("<!-- table: {mark} -->\n")).expect("the table is on the page");
    let rows = from.lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Word and rung of a line, as the page has them.
fn of_page(rows: &[Vec<&'static str>], answers: Answers) -> (&'static str, &'static str) {
    let Answers { issuer, chip, validity, consistency, holder } = answers;
    let cells = [issuer.code(), chip.code(), validity.code(), consistency.code(), holder.code()];
    let mut lines = rows.iter().filter(|row| cells.iter().zip(*row).all(|(cell, said)| *said == "*" || said == cell));
    let first = lines.next().expect("a line fits");
    let rung = std::iter::once(first).chain(lines).map(|line| line[6]).find(|rung| *rung != "=").expect("a rung");
    (first[5], rung)
}

#[test]
fn every_combination_of_answers_has_the_word_and_rung_of_the_page() {
    let rows = table("word");
    assert_eq!(rows.len(), 11);
    let mut seen = 0;
    for answers in Answers::all() {
        let code = answers.rung().map_or("–", Rung::code);
        assert_eq!((answers.word().code(), code), of_page(&rows, answers), "{answers:?}");
        seen += 1;
    }
    let answers = Issuer::ALL.len() * Chip::ALL.len() * Validity::ALL.len() * Consistency::ALL.len();
    assert_eq!(seen, answers * Holder::ALL.len());
}

#[test]
fn what_validity_leads_to_stands_on_the_page() {
    for row in table("validity") {
        for (cell, expired) in row[1..].iter().zip([WhenOver::Refuse, WhenOver::Staff, WhenOver::Warn]) {
            let validity = Validity::find(row[0]).expect("an answer");
            let answers = Answers { validity, ..Answers::of_chip(Issuer::Vouched, Chip::Proved) };
            let found = match (Terms { expired, ..Terms::default() }).admit(answers, true, false) {
                Admission::GoesOn => "goes_on",
                Admission::Marked(_) => "marked",
                Admission::AskStaff(_) => "ask_staff",
                Admission::Refused(_) => "refused",
            };
            assert_eq!(found, *cell, "{row:?}, {expired:?}");
        }
    }
}

#[test]
fn green_is_for_the_two_upper_rungs_in_force_and_of_nobody_else() {
    for answers in Answers::all().filter(|answers| answers.word().is_green()) {
        let Answers { issuer, chip, validity, consistency, holder } = answers;
        assert!(matches!(issuer, Issuer::Vouched | Issuer::Pinned) && chip == Chip::Proved);
        assert!(matches!(validity, Validity::InDate | Validity::Unknown));
        assert!(consistency != Consistency::OtherCard && holder != Holder::Differs);
        assert!(answers.rung().is_some_and(Rung::is_green));
    }
    let green: Vec<Rung> = Rung::ALL.into_iter().filter(|rung| rung.is_green()).collect();
    assert_eq!(green, [Rung::Pinned, Rung::Proved]);
    assert!(Rung::ALL.windows(2).all(|pair| pair[0] < pair[1] && pair[0].level() + 1 == pair[1].level()));
}

#[test]
fn before_anything_is_looked_at_nothing_is_assured_and_nobody_accused() {
    let answers = Answers::of_chip(Issuer::default(), Chip::default());
    assert_eq!((answers.word(), answers.rung()), (Word::Unproved, Some(Rung::Claimed)));
    for chip in Chip::ALL.into_iter().filter(|chip| *chip != Chip::Copy) {
        assert_eq!(Answers::of_chip(Issuer::default(), chip).rung(), Some(Rung::Claimed), "{chip:?}");
    }
    for issuer in Issuer::ALL.into_iter().filter(|issuer| *issuer != Issuer::Refuted) {
        assert_eq!(Answers::of_chip(issuer, Chip::default()).rung(), Some(Rung::Claimed), "{issuer:?}");
    }
}

#[test]
fn only_proofs_accuse() {
    for answers in Answers::all() {
        let accused = answers.word() == Word::NotGenuine;
        assert_eq!(accused, answers.issuer == Issuer::Refuted || answers.chip == Chip::Copy, "{answers:?}");
    }
}

#[test]
fn a_profile_that_says_nothing_lets_only_the_best_pass() {
    let strict = Terms::default();
    for answers in Answers::all() {
        for (accepted, weak) in [(true, false), (true, true), (false, false), (false, true)] {
            let goes_on = strict.admit(answers, accepted, weak).goes_on();
            let best = answers.word() == Word::Proved && answers.validity == Validity::InDate && accepted && !weak;
            assert_eq!(goes_on, best, "{answers:?} {accepted} {weak}");
        }
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let below = || prop::sample::select(&Below::ALL[..]);
    let rest = (prop::sample::select(&WhenOver::ALL[..]), prop::sample::select(&Strength::ALL[..]));
    (prop::sample::select(&Rung::ALL[..]), below(), below(), below(), below(), rest).prop_map(
        |(at_least, pinned, signed, shown, claimed, (expired, strength))| Terms {
            at_least,
            pinned,
            signed,
            shown,
            claimed,
            expired,
            strength,
        },
    )
}

proptest! {
    #[test]
    fn no_terms_let_a_failed_proof_another_card_or_a_withdrawn_one_pass(terms in terms(), weak: bool) {
        for answers in Answers::all() {
            prop_assert!(matches!(terms.admit(answers, false, weak), Admission::Refused(_)), "{:?}", answers);
            let word = answers.word();
            if matches!(word, Word::NotGenuine | Word::OtherCard | Word::OtherHolder | Word::Withdrawn) {
                prop_assert!(matches!(terms.admit(answers, true, weak), Admission::Refused(_)), "{:?}", answers);
            }
        }
    }

    #[test]
    fn nothing_below_what_is_asked_goes_on_without_a_mark(terms in terms(), weak: bool) {
        for answers in Answers::all() {
            if terms.admit(answers, true, weak) == Admission::GoesOn {
                prop_assert!(answers.rung().is_some_and(|rung| terms.counted(rung, weak) >= terms.at_least));
                prop_assert_eq!(answers.validity, Validity::InDate);
            }
        }
    }

    #[test]
    fn a_better_proof_is_never_treated_worse_where_a_profile_does_not_want_it_so(terms in terms()) {
        let mut below = [terms.claimed, terms.shown, terms.signed, terms.pinned];
        below.sort();
        let [claimed, shown, signed, pinned] = below;
        let terms = Terms { claimed, shown, signed, pinned, ..terms };
        let rank = |one: Admission| match one {
            Admission::GoesOn => 0,
            Admission::Marked(_) => 1,
            Admission::AskStaff(_) => 2,
            Admission::Refused(_) => 3,
        };
        let all = Rung::ALL.map(|rung| rank(terms.assured(rung, false)));
        prop_assert!(all.is_sorted_by(|low, high| low >= high), "{:?} {:?}", all, terms);
    }
}

#[test]
fn the_reason_is_the_first_that_counts() {
    let terms = Terms { claimed: Below::Mark, expired: WhenOver::Warn, ..Terms::default() };
    let unproved = Answers { validity: Validity::Expired, ..Answers::of_chip(Issuer::Vouched, Chip::Unproved) };
    assert_eq!(terms.admit(unproved, true, false), Admission::Marked(Because::Assurance));
    let proved = Answers::of_chip(Issuer::Vouched, Chip::Proved);
    assert_eq!(terms.admit(proved, true, true), Admission::Refused(Because::Weak));
    let another = Answers { consistency: Consistency::OtherCard, ..proved };
    assert_eq!(terms.admit(another, true, false), Admission::Refused(Because::OtherCard), "and no copy");
}

#[test]
fn what_a_profile_leaves_to_staff_staff_decide_and_what_it_takes_counts() {
    let terms = Terms { signed: Below::Staff, ..Terms::default() };
    assert_eq!(terms.assured(Rung::Signed, false), Admission::AskStaff(Because::Assurance));
    assert_eq!(terms.assured(Rung::Proved, true), Admission::AskStaff(Because::Weak));
    let any = Terms { strength: Strength::Any, ..terms };
    assert_eq!(any.assured(Rung::Proved, true), Admission::GoesOn);
}

#[test]
fn codes_are_what_serde_reads_and_are_found_again() {
    for word in Word::ALL {
        assert_eq!(serde_json::to_value(word).expect("JSON"), word.code());
        assert_eq!(Word::find(word.code()), Some(word));
    }
    assert_eq!(Rung::find("genuine"), None);
}
