//! Issuers, trust stores and chips. What takes time is made once: a signature, a store, what a store makes of a
//! signature, and the reads of real (virtual) chips from which the answers of proofs are taken.

use super::papers::object;
use super::truth::is_listed;
use super::{
    Dates, Foreign, Forged, Form, Home, Lists, Mapping, Paper, Revoked, Rollover, Signer, World, paper_dg1, paper_dg13,
    read_chip,
};
use emrtd::lds::Sod;
use emrtd::{Certificate, DocumentKind, Evidence, FileId, Pin, Scope, SodVerification, TrustStore, UnixTime};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::LazyLock;
use virtual_card::issuer::{CscaKey, DocumentSigner, IssuerFault, ListOddity, ListRequest, Oddity};
use virtual_card::make::CURVES;
use virtual_card::{Chip, Fault, Issuer, Make, PERSONAS, Persona};

/// 2026-06-01: the time of every judgement.
pub const NOW: UnixTime = UnixTime(1_780_272_000);

const SIGNED_AT: &str = "220116120000Z";

/// How many things of a sort are remembered.
const MOST: usize = 20_000;

/// Reads of chips.
pub(super) struct Chips {
    /// The card.
    pub(super) own: Evidence,
    /// The same card, read another time.
    pub(super) earlier: Evidence,
    /// A copy of it.
    pub(super) copy: Evidence,
    /// The card of somebody else.
    pub(super) other: Evidence,
    /// The card as one that has chip-authentication mapping.
    pub(super) mapped: Evidence,
    /// The other one likewise.
    pub(super) other_mapped: Evidence,
}

/// A chip on P-256, on which a hundred thousand answers are checked ten times faster than on the curve of the CCCD.
fn read(persona: &Persona, fault: Fault, mapped: bool) -> Evidence {
    let make = Make::with_pace(CURVES[4], 16, mapped);
    let mut chip = Chip::with_make(persona, fault, make).expect("card");
    read_chip(&mut chip, persona)
}

pub(super) static CHIPS: LazyLock<Chips> = LazyLock::new(|| Chips {
    own: read(&PERSONAS[0], Fault::None, false),
    earlier: read(&PERSONAS[0], Fault::None, false),
    copy: read(&PERSONAS[0], Fault::Cloned, false),
    other: read(&PERSONAS[1], Fault::None, false),
    mapped: read(&PERSONAS[0], Fault::None, true),
    other_mapped: read(&PERSONAS[1], Fault::None, true),
});

/// On what a signature depends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct SodKey(Paper, Dates, Lists, Signer, Form, bool, bool);

impl SodKey {
    fn of(world: &World) -> Self {
        let mapped = world.mapping != Mapping::NotOffered;
        Self(world.paper, world.dates, world.lists, world.signer, world.form, world.sod_of_another, mapped)
    }
}

/// On what a store depends, pins aside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StoreKey(Home, Foreign, Forged, Rollover, Revoked);

impl StoreKey {
    const fn of(world: &World) -> Self {
        Self(world.home, world.foreign, world.forged, world.rollover, world.revoked)
    }
}

/// What was made so far. One for each thread.
pub struct Stock {
    home: Issuer,
    foreign: Issuer,
    /// CSCA and link of both: every signature is another, so they are made once.
    vietnam: Vec<Vec<u8>>,
    korea: Vec<Vec<u8>>,
    sods: HashMap<SodKey, Rc<Vec<u8>>>,
    stores: HashMap<StoreKey, Rc<TrustStore>>,
    prepared: HashMap<(SodKey, StoreKey), Rc<SodVerification>>,
}

impl Default for Stock {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Stock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Stock({} signatures, {} stores, {} of both)",
            self.sods.len(),
            self.stores.len(),
            self.prepared.len()
        )
    }
}

impl Stock {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let (home, foreign) = (Issuer::new(IssuerFault::None).expect("issuer"), Issuer::of("KR").expect("issuer"));
        Self {
            vietnam: authorities(&home, 2),
            korea: authorities(&foreign, 2),
            home,
            foreign,
            sods: HashMap::new(),
            stores: HashMap::new(),
            prepared: HashMap::new(),
        }
    }

    /// A group as it was signed, or that of another card.
    pub(super) fn group(world: &World, group: u8, other: bool) -> Vec<u8> {
        let mapped = world.mapping != Mapping::NotOffered;
        let chips = &*CHIPS;
        let chip = match (other, mapped) {
            (false, false) => &chips.own,
            (false, true) => &chips.mapped,
            (true, false) => &chips.other,
            (true, true) => &chips.other_mapped,
        };
        match group {
            1 => paper_dg1(world.paper, world.dates, other),
            2 => object(&[0x75], if other { b"another face" } else { b"a face, of which only the hash matters" }),
            13 => paper_dg13(world.paper, world.dates, other),
            key => chip.content(FileId::Dg(key)).expect("a key").to_vec(),
        }
    }

    /// EF.SOD.
    pub(super) fn sod(&mut self, world: &World) -> Rc<Vec<u8>> {
        let key = SodKey::of(world);
        if let Some(sod) = self.sods.get(&key) {
            return Rc::clone(sod);
        }
        if self.sods.len() > MOST {
            self.sods.clear();
            self.prepared.clear();
        }
        let sod = Rc::new(self.sign(world));
        self.sods.insert(key, Rc::clone(&sod));
        sod
    }

    fn sign(&self, world: &World) -> Vec<u8> {
        let listed = super::GROUPS.into_iter().filter(|group| is_listed(world, *group));
        let groups: BTreeMap<u8, Vec<u8>> =
            listed.map(|group| (group, Self::group(world, group, world.sod_of_another))).collect();
        let oddity = oddity(world.form);
        let by = |issuer: &Issuer, signer| issuer.odd_sod(signer, &groups, SIGNED_AT, oddity).expect("SOD");
        let faulty = |fault| by(&Issuer::new(fault).expect("issuer"), DocumentSigner::Brainpool256);
        let usual = DocumentSigner::Brainpool256;
        match world.signer {
            Signer::State if world.paper.is_vietnamese() => by(&self.home, usual),
            Signer::State => by(&self.foreign, usual),
            Signer::Neighbour if world.paper.is_vietnamese() => by(&self.foreign, usual),
            Signer::Neighbour => by(&self.home, usual),
            Signer::Rsa => by(&self.home, DocumentSigner::RsaPss),
            Signer::Linked => by(&self.home, DocumentSigner::Brainpool384),
            Signer::NewKey => self.home.sod_under(CscaKey::New, &groups, SIGNED_AT).expect("SOD"),
            Signer::Stranger => self.home.sod_under(CscaKey::Stranger, &groups, SIGNED_AT).expect("SOD"),
            Signer::SelfMade => faulty(IssuerFault::SelfMadeCsca),
            Signer::Expired => faulty(IssuerFault::ExpiredDsc),
            Signer::Revoked => faulty(IssuerFault::RevokedDsc),
        }
    }

    /// The trust store in front of this card.
    pub(super) fn store(&mut self, world: &World) -> Rc<TrustStore> {
        let key = StoreKey::of(world);
        if !self.stores.contains_key(&key) {
            let store = self.fill(key);
            self.stores.insert(key, Rc::new(store));
        }
        let store = Rc::clone(&self.stores[&key]);
        let scope = match world.home {
            Home::PinForCards | Home::PinWhoever => Scope::of(&[DocumentKind::IdentityCard]),
            Home::PinForPassports => Scope::of(&[DocumentKind::Passport]),
            _ => return store,
        };
        let real = !matches!(world.signer, Signer::SelfMade | Signer::Stranger);
        let sod = Sod::parse(&self.sod(world)).ok();
        let certificate = sod.and_then(|sod| sod.signed_data.certificates.first().cloned());
        let Some(certificate) = certificate.filter(|_| real || world.home == Home::PinWhoever) else { return store };
        let mut store = (*store).clone();
        store.pin(Pin::new(certificate.fingerprint(), scope, "pins.toml", "handed over in person"));
        Rc::new(store)
    }

    fn fill(&self, key: StoreKey) -> TrustStore {
        let mut store = TrustStore::new();
        for (name, file) in self.files(key) {
            drop(store.add(name, &file).expect("a trust file"));
        }
        let print = |at: usize| Certificate::parse(&self.vietnam[at]).expect("certificate").fingerprint();
        let [root, link] = [0, 1].map(print);
        match key.0 {
            Home::ForPassports => store.set_scope(&root, Scope::of(&[DocumentKind::Passport])),
            Home::ForCards => store.set_scope(&root, Scope::of(&[DocumentKind::IdentityCard])),
            Home::Widened => [&root, &link].into_iter().for_each(|print| store.set_scope(print, Scope::ALL)),
            _ => {}
        }
        store
    }

    /// The operator's files; what is said of them, and pins, is not among them.
    #[must_use]
    pub fn trust_files(&self, world: &World) -> Vec<(&'static str, Vec<u8>)> {
        self.files(StoreKey::of(world))
    }

    fn files(&self, key: StoreKey) -> Vec<(&'static str, Vec<u8>)> {
        let StoreKey(home, foreign, forged, rollover, revoked) = key;
        let (vietnam, korea) = (self.vietnam.clone(), self.korea.clone());
        let made = authorities(&Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer"), 1);
        let list = |issuer: &Issuer, certificates: &[Vec<u8>]| {
            let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
            issuer.master_list(&certificates, "260101000000Z").expect("master list")
        };
        let named = |key, by| self.home.same_name(key, by).expect("certificate");
        // Another signature than that of the key that is named.
        let broken = |mut der: Vec<u8>| {
            if let Some(last) = der.last_mut() {
                *last ^= 1;
            }
            der
        };
        let request = ListRequest { number: 7, ..ListRequest::default() };
        let revocation = |by, request| self.home.revocation_list(by, &request).expect("list");
        let mut files = Vec::new();
        match home {
            Home::Nothing | Home::PinForCards | Home::PinForPassports | Home::PinWhoever => {}
            Home::Operator | Home::ForPassports | Home::ForCards => {
                files.extend(["vn-1.cer", "vn-2.cer"].into_iter().zip(vietnam));
            }
            Home::MasterList | Home::Widened => files.push(("vn.ml", list(&self.home, &vietnam))),
            Home::Loose => files.push(("pkd.ldif", directory(&vietnam[0]).into_bytes())),
        }
        match foreign {
            Foreign::Nothing => {}
            Foreign::Operator => files.extend(["kr-1.cer", "kr-2.cer"].into_iter().zip(korea)),
            Foreign::MasterList => files.push(("kr.ml", list(&self.foreign, &korea))),
            Foreign::ListWithSelfMade => {
                let all: Vec<_> = korea.into_iter().chain(made).collect();
                files.push(("kr.ml", list(&self.foreign, &all)));
            }
        }
        match forged {
            Forged::Nothing => {}
            Forged::Link => files.push(("forged.cer", broken(named(CscaKey::Stranger, CscaKey::Old)))),
            Forged::Anchor => files.push(("forged.cer", broken(named(CscaKey::Stranger, CscaKey::Stranger)))),
        }
        match rollover {
            Rollover::Nothing => {}
            Rollover::Link => files.push(("vn-new.cer", named(CscaKey::New, CscaKey::Old))),
            Rollover::Anchor => files.push(("vn-new.cer", named(CscaKey::New, CscaKey::New))),
        }
        let delta = ListRequest { oddity: ListOddity::Delta, ..request };
        match revoked {
            Revoked::Nothing => {}
            Revoked::ByOld => files.push(("vn.crl", revocation(CscaKey::Old, request))),
            Revoked::ByNew => files.push(("vn.crl", revocation(CscaKey::New, request))),
            Revoked::ByStranger => files.push(("vn.crl", revocation(CscaKey::Stranger, request))),
            Revoked::Delta => files.push(("vn.crl", revocation(CscaKey::Old, delta))),
        }
        files
    }

    /// What this store makes of this EF.SOD by itself.
    pub(super) fn prepared(&mut self, world: &World) -> Rc<SodVerification> {
        let key = (SodKey::of(world), StoreKey::of(world));
        if let Some(prepared) = self.prepared.get(&key) {
            return Rc::clone(prepared);
        }
        if self.prepared.len() > MOST {
            self.prepared.clear();
        }
        let (sod, store) = (self.sod(world), self.store(world));
        let prepared = Rc::new(SodVerification::new(&sod, &store, None, NOW));
        self.prepared.insert(key, Rc::clone(&prepared));
        prepared
    }
}

/// The first certificates that an operator would be given.
fn authorities(issuer: &Issuer, many: usize) -> Vec<Vec<u8>> {
    issuer.trust_files().expect("files").into_iter().take(many).map(|file| file.der).collect()
}

/// A directory as the ICAO PKD writes it, with one CSCA lying loose in it.
fn directory(certificate: &[u8]) -> String {
    let encoded = openssl::base64::encode_block(certificate).replace('\n', "");
    format!("version: 1\n\ndn: o=CSCA,c=VN\nobjectClass: top\ncACertificate;binary:: {encoded}\n\n")
}

const fn oddity(form: Form) -> Oddity {
    match form {
        Form::Plain => Oddity::None,
        Form::BytesAfterFile => Oddity::BytesAfterFile,
        Form::SignerCountry => Oddity::SignerCountry,
        Form::SigningTimeMissing => Oddity::SigningTimeMissing,
        Form::SigningTimeFuture => Oddity::SigningTimeFuture,
        Form::Rsa1024 => Oddity::Rsa1024,
        Form::P192 => Oddity::P192,
        Form::Sha1 => Oddity::Sha1,
        Form::Sha1Signature => Oddity::Sha1Signature,
        Form::Sha1Certificate => Oddity::Sha1Certificate,
        Form::BarcodeSigner => Oddity::BarcodeSigner,
        Form::MasterListSigner => Oddity::MasterListSigner,
        Form::DeviationListSigner => Oddity::DeviationListSigner,
        Form::OtherPurpose => Oddity::OtherPurpose,
        Form::NoDigitalSignature => Oddity::NoDigitalSignature,
        Form::KeyCertSign => Oddity::KeyCertSign,
        Form::UnknownCritical => Oddity::UnknownCritical,
        Form::OtherDocumentType => Oddity::OtherDocumentType,
        Form::SignerIsAuthority => Oddity::SignerIsAuthority,
        Form::WrongSignature => Oddity::WrongSignature,
        Form::WrongContentHash => Oddity::WrongContentHash,
        Form::NoCertificate => Oddity::NoCertificate,
        Form::Rsa512 => Oddity::Rsa512,
        Form::RsaExponentOne => Oddity::RsaExponentOne,
        Form::Md5Digest => Oddity::Md5Digest,
        Form::Truncated => Oddity::Truncated,
        Form::OtherContent => Oddity::OtherContent,
        Form::TwoSigners => Oddity::TwoSigners,
    }
}
