//! Two sides and a link in virtual time: what a read costs, and reads through loss after loss.

use emrtd::{Circumstances, Password, Plan, TrustStore, UnixTime};
use hil_tests::link::{Link, VirtualField, drive, floor};
use proptest::prelude::*;
use std::time::Duration;
use verdict::Word;
use virtual_card::issuer::IssuerFault;
use virtual_card::{Chip, Fault, Issuer, MAKES, Persona};

fn persona() -> &'static Persona {
    Persona::find("binh").expect("persona")
}

fn plan() -> Plan {
    let passwords = vec![Password::can(persona().can()).expect("CAN")];
    Plan::new(passwords, &[1, 2, 13, 14, 15])
}

fn word(evidence: &emrtd::Evidence) -> Word {
    let mut trust = TrustStore::new();
    for file in Issuer::new(IssuerFault::None).expect("issuer").trust_files().expect("files") {
        trust.add(file.name, &file.der).expect("certificate");
    }
    let now = UnixTime::from_date(2026, 6, 1).expect("date");
    evidence.verify(&trust, &Circumstances::now(now)).answers().word()
}

/// Not wall-clock time: the model's. A change of how files are read shows here.
#[test]
fn a_full_read_stays_near_the_floor_of_its_bytes() {
    for bit_rate in [106_000, 424_000, 848_000] {
        let chip = Chip::new(persona(), Fault::None).expect("card");
        let mut field = VirtualField::new(chip, Link { bit_rate });
        let evidence = drive(&mut field, &plan(), |_| false).expect("read");
        assert_eq!(word(&evidence), Word::Proved);
        let ratio = field.now().as_secs_f64() / floor(&field, &evidence).as_secs_f64();
        assert!(ratio <= 1.15, "{bit_rate} bit/s: {ratio:.3} of the floor");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Wherever answers are lost, the read ends: with the whole genuine card, or saying that it was lifted too often.
    #[test]
    fn answers_lost_anywhere_cost_time_and_nothing_else(
        lost in proptest::collection::vec(1usize..60, 0..12),
        make in 0..MAKES.len(),
    ) {
        let chip = Chip::with_make(persona(), Fault::None, MAKES[make]).expect("card");
        let mut field = VirtualField::new(chip, Link { bit_rate: 424_000 });
        // Losses count from the last one, so that they fall into every stage.
        let mut lost = lost.into_iter();
        let mut next = lost.next();
        let mut since = 0;
        let evidence = drive(&mut field, &plan(), |_| {
            since += 1;
            if next != Some(since) {
                return false;
            }
            (since, next) = (0, lost.next());
            true
        });
        let evidence = evidence.expect("read");
        prop_assert_eq!(word(&evidence), Word::Proved, "{}", MAKES[make].id);
        prop_assert!(field.now() < Duration::from_secs(60), "{:?}", field.now());
    }
}

#[test]
fn a_card_that_never_lies_still_ends_the_read() {
    let chip = Chip::new(persona(), Fault::None).expect("card");
    let mut field = VirtualField::new(chip, Link { bit_rate: 424_000 });
    let error = drive(&mut field, &plan(), |number| number % 3 == 0).expect_err("no read");
    assert_eq!(error.code(), "card_limit_exceeded");
}
