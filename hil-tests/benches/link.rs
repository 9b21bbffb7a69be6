//! A full read on a simulated link, by size of the answers: `cargo bench -p hil-tests --bench link`.
//!
//! Virtual time by the model in `hil_tests::link`, written down there; nothing here is measured on a card.

#![allow(missing_docs, reason = "a program")]

use emrtd::lds::Sod;
use emrtd::{Expected, Manner, Password, Plan};
use hil_tests::link::{Link, VirtualField, drive, floor};
use virtual_card::{Chip, Fault, Persona};

fn main() {
    let persona = Persona::find("binh").expect("a persona whose signature fits short answers");
    let card = virtual_card::personalise::Card::new(persona, Fault::None).expect("card");
    let (_, sod) = card.files().find(|(id, _)| *id == 0x011D).expect("EF.SOD");
    let signer = Sod::parse(sod).expect("EF.SOD").signer_fingerprint().expect("signer");
    println!("{:>10} {:>10} {:>8} {:>10} {:>10} {:>7}", "kbit/s", "answers", "APDUs", "read ms", "floor ms", "ratio");
    for bit_rate in [106_000, 424_000, 848_000] {
        for (name, size) in [("112", Some(112)), ("160", Some(160)), ("223", Some(223)), ("extended", None)] {
            let manner = size.map(|n| Manner::sized(n, n));
            let expected = manner.map(|manner| Expected::new(manner, signer));
            let passwords = vec![Password::can(persona.can()).expect("CAN")];
            let plan = Plan::new(passwords, &[1, 2, 13, 14, 15]).with_expected(expected);
            let chip = Chip::new(persona, Fault::None).expect("card");
            let mut field = VirtualField::new(chip, Link { bit_rate });
            let evidence = drive(&mut field, &plan, |_| false).expect("read");
            let (read, floor) = (field.now().as_secs_f64() * 1e3, floor(&field, &evidence).as_secs_f64() * 1e3);
            let (rate, apdus) = (bit_rate / 1000, field.log().len());
            println!("{rate:>10} {name:>10} {apdus:>8} {read:>10.0} {floor:>10.0} {:>7.2}", read / floor);
        }
    }
    let bytes: usize = card.files().filter(|(id, _)| *id != 0x011E).map(|(_, bytes)| bytes.len()).sum();
    println!("{bytes} bytes of files");
}
