//! Every single flipped bit of a card's files is detected: the verdict is no longer genuine, or the report names a
//! deviation that an untouched card does not have.

mod support;

use emrtd::{Document, Facts, Group, PassiveAuthentication, TrustStore, UnixTime};
use std::collections::BTreeMap;
use verdict::Issuer;
use virtual_card::personalise::Card;
use virtual_card::{Fault, Persona};

/// Larger files are sampled, smaller ones done exhaustively.
const EXHAUSTIVE: usize = 4096;
/// A prime, so that samples fall on every bit position.
const STRIDE: usize = 1009;

struct Documents {
    sod: Vec<u8>,
    groups: BTreeMap<u8, Vec<u8>>,
    trust: TrustStore,
}

impl Documents {
    fn of(persona: &str) -> Self {
        let card = Card::new(Persona::find(persona).expect("persona"), Fault::None).expect("card");
        let files: BTreeMap<u16, Vec<u8>> = card.files().map(|(id, bytes)| (id, bytes.to_vec())).collect();
        let groups = [1u8, 2, 13, 14, 15].map(|n| (n, files[&(0x0100 | u16::from(n))].clone())).into();
        Self { sod: files[&0x011D].clone(), groups, trust: support::trust() }
    }

    fn judge(&self, sod: &[u8], changed: Option<(u8, &[u8])>) -> PassiveAuthentication {
        let mut groups: BTreeMap<u8, Group<'_>> = self.groups.iter().map(|(n, b)| (*n, Group::Bytes(b))).collect();
        if let Some((number, bytes)) = changed {
            groups.insert(number, Group::Bytes(bytes));
        }
        let mrz = emrtd::lds::dg1::parse(&self.groups[&1]).expect("MRZ");
        let facts = Facts::of(Document::of(&mrz));
        PassiveAuthentication::run(sod, &groups, &facts, &self.trust, None, UnixTime(1_780_000_000))
    }

    fn check(&self) {
        let honest = self.judge(&self.sod, None);
        assert_eq!(honest.issuer, Issuer::Vouched);
        let detected =
            |found: &PassiveAuthentication| found.issuer != Issuer::Vouched || found.deviations != honest.deviations;
        let mut undetected = Vec::new();
        for bit in 0..self.sod.len() * 8 {
            let mut sod = self.sod.clone();
            sod[bit / 8] ^= 0x80 >> (bit % 8);
            if !detected(&self.judge(&sod, None)) {
                undetected.push(bit);
            }
        }
        assert_eq!(undetected, Vec::<usize>::new(), "bits of EF.SOD");
        for (number, bytes) in &self.groups {
            let stride = if bytes.len() > EXHAUSTIVE { STRIDE } else { 1 };
            for bit in (0..bytes.len() * 8).step_by(stride) {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 0x80 >> (bit % 8);
                assert!(detected(&self.judge(&self.sod, Some((*number, &changed)))), "bit {bit} of EF.DG{number}");
            }
        }
    }
}

#[test]
fn a_card_signed_on_brainpool_256() {
    Documents::of("an").check();
}

#[test]
fn a_card_signed_over_a_link_certificate() {
    Documents::of("giang-2024").check();
}

#[test]
fn a_card_signed_with_rsa_pss() {
    Documents::of("nie-ethnic-name").check();
}
