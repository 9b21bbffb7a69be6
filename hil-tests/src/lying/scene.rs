//! A world as the product meets it: evidence, trust store, what was scanned, the time.

use super::stock::CHIPS;
use super::truth::{is_asked_for, is_of_document, shows};
use super::{CAN_TWIN, File, GROUPS, Listed, Mapping, NOW, NUMBER, OTHER_NUMBER, Scanned, Shown, Stock, World};
use cccd::judgement::{Judgement, Known, Today, Withdrawn, judge};
use cccd::{Number, Scan};
use emrtd::hazmat::active_authentication::ActiveAuthenticationTranscript;
use emrtd::hazmat::chip_authentication::ChipAuthenticationTranscript;
use emrtd::{Evidence, FileEvidence, FileId, Proof, TrustStore};
use fleet::revoked::RevokedCards;
use std::rc::Rc;

/// Under which the list of withdrawn cards names people.
const SITE: &[u8] = b"site";

/// What the product meets.
#[derive(Debug)]
pub struct Scene {
    /// What was read.
    pub evidence: Evidence,
    /// What the operator keeps.
    pub trust: Rc<TrustStore>,
    /// What was scanned.
    pub known: Known,
    /// The time.
    pub today: Today,
    listed: Listed,
}

impl Scene {
    /// Of a world, and what the product judges.
    #[must_use]
    pub fn judged(world: &World, stock: &mut Stock) -> (Self, Judgement) {
        let scene = Self::of(world, stock);
        let about =
            if world.prepared_another { &World { sod_of_another: !world.sod_of_another, ..*world } } else { world };
        let prepared = stock.prepared(about);
        let judgement = judge(&scene.evidence, Some(&prepared), &scene.known, &scene.trust, scene.today);
        (scene, judgement)
    }

    /// Of a world.
    #[must_use]
    pub fn of(world: &World, stock: &mut Stock) -> Self {
        let evidence = evidence(world, &stock.sod(world));
        let evidence =
            if world.redacted { Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence") } else { evidence };
        Self {
            evidence,
            trust: stock.store(world),
            known: known(world),
            today: Today { now: NOW, is_certain: !world.clock_unsure },
            listed: world.withdrawn,
        }
    }

    /// What the list of withdrawn cards says, asked as the agent asks it (`Site::is_withdrawn`).
    #[must_use]
    pub fn withdrawn(&self, judgement: &Judgement) -> Withdrawn {
        let day = match self.listed {
            Listed::Nothing => return Withdrawn::No,
            Listed::Number => None,
            Listed::ThisDay => Some("2022-01-16"),
            Listed::OtherDay => Some("2019-05-05"),
        };
        let list = RevokedCards::new(SITE, [(NUMBER, day)].into_iter());
        let Some(number) = judgement.number() else { return Withdrawn::No };
        let issued = judgement.issued().map(|day| day.to_string());
        match list.look_up(SITE, number.digits(), issued.as_deref()) {
            fleet::revoked::Listed::Yes => Withdrawn::Yes,
            fleet::revoked::Listed::Perhaps => Withdrawn::Unknown,
            fleet::revoked::Listed::No => Withdrawn::No,
        }
    }
}

fn content(bytes: &[u8]) -> FileEvidence {
    FileEvidence::Content(bytes.into())
}

/// One letter or octet is another; the file can still be read.
fn altered(group: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    let name = bytes.windows(6).position(|part| part == b"NGUYEN");
    let at = match (group, name) {
        (1, Some(name)) => name + 4,
        _ => bytes.len() - 2,
    };
    bytes[at] = if bytes[at] == b'A' { b'O' } else { b'A' };
    bytes
}

fn evidence(world: &World, sod: &[u8]) -> Evidence {
    let chips = &*CHIPS;
    let mapped = world.mapping != Mapping::NotOffered;
    let base = if mapped { &chips.mapped } else { &chips.own };
    let mut files: std::collections::BTreeMap<FileId, FileEvidence> = [(FileId::Sod, content(sod))].into();
    let mut not_read = std::collections::BTreeMap::new();
    for group in GROUPS.into_iter().filter(|group| is_of_document(world, *group) && is_asked_for(world, *group)) {
        let (own, other) = (Stock::group(world, group, false), || Stock::group(world, group, true));
        let bytes = match world.file(group) {
            File::Hidden | File::Denied => {
                let reason = if world.file(group) == File::Hidden { "absent" } else { "denied" };
                not_read.insert(FileId::Dg(group), reason.to_owned());
                continue;
            }
            File::Own => own,
            File::Altered => altered(group, own),
            File::Replaced => other(),
        };
        if shows(world, group) {
            files.insert(FileId::Dg(group), content(&bytes));
        }
    }
    let access = base.content(FileId::CardAccess).map(<[u8]>::to_vec);
    // PACE with AES-128 on another curve.
    let other = hex::decode("31143012060a04007f00070202040202020102020110").expect("hex");
    if let Some(access) = if world.other_access { Some(other) } else { access } {
        files.insert(FileId::CardAccess, content(&access));
    }
    let pace_cam = mapping(world, &mut files);
    let mut evidence = base.clone();
    (evidence.files, evidence.not_read) = (files, not_read);
    evidence.active_authentication = active(world.active);
    evidence.chip_authentication = agreement(world.agreement);
    evidence.pace_cam = pace_cam;
    (evidence.terminal_authentication, evidence.document) = (None, None);
    evidence
}

fn refused<T>() -> Proof<T> {
    Proof::Refused("chip_refused:6985".to_owned())
}

fn active(shown: Shown) -> Proof<ActiveAuthenticationTranscript> {
    let chips = &*CHIPS;
    let Proof::Answered(own) = &chips.own.active_authentication else { panic!("answered") };
    let Proof::Answered(earlier) = &chips.earlier.active_authentication else { panic!("answered") };
    match shown {
        Shown::Right => chips.own.active_authentication.clone(),
        Shown::Wrong => chips.copy.active_authentication.clone(),
        Shown::Replayed => {
            let (challenge, response) = (own.challenge.clone(), earlier.response.clone());
            Proof::Answered(ActiveAuthenticationTranscript { challenge, response })
        }
        Shown::Short => {
            let (challenge, response) = (own.challenge.clone(), own.response[..200].to_vec());
            Proof::Answered(ActiveAuthenticationTranscript { challenge, response })
        }
        Shown::Refused => refused(),
        Shown::NotAsked => Proof::NotAsked("left_out".to_owned()),
        Shown::OwnKey => chips.other.active_authentication.clone(),
    }
}

fn agreement(shown: Shown) -> Proof<ChipAuthenticationTranscript> {
    let chips = &*CHIPS;
    let Proof::Answered(own) = &chips.own.chip_authentication else { panic!("answered") };
    let Proof::Answered(earlier) = &chips.earlier.chip_authentication else { panic!("answered") };
    match shown {
        Shown::Right => chips.own.chip_authentication.clone(),
        Shown::Wrong => chips.copy.chip_authentication.clone(),
        Shown::Replayed => {
            let (terminal_private, response) = (own.terminal_private.clone(), earlier.response.clone());
            Proof::Answered(ChipAuthenticationTranscript { terminal_private, response })
        }
        Shown::Short => {
            let terminal_private = own.terminal_private.clone();
            Proof::Answered(ChipAuthenticationTranscript { terminal_private, response: vec![0x69, 0x88] })
        }
        Shown::Refused => refused(),
        Shown::NotAsked => Proof::NotAsked("left_out".to_owned()),
        Shown::OwnKey => chips.other.chip_authentication.clone(),
    }
}

fn mapping(
    world: &World,
    files: &mut std::collections::BTreeMap<FileId, FileEvidence>,
) -> Proof<emrtd::hazmat::pace::ChipAuthenticationData> {
    let chips = &*CHIPS;
    let chip = match world.mapping {
        Mapping::NotOffered => return Proof::NotAsked("not_offered".to_owned()),
        Mapping::OfAnother => &chips.other_mapped,
        Mapping::Right | Mapping::Wrong => &chips.mapped,
    };
    if let Some(file) = chip.content(FileId::CardSecurity) {
        files.insert(FileId::CardSecurity, content(file));
    }
    let mut proof = chip.pace_cam.clone();
    if let (Mapping::Wrong, Proof::Answered(data)) = (world.mapping, &mut proof) {
        data.data[7] ^= 1;
    }
    proof
}

fn known(world: &World) -> Known {
    let number = |digits| Known { number: Number::parse(digits).ok(), ..Known::default() };
    let qr = |digits: &str, name: &str| {
        let text = format!("{digits}||{name}|15011999|Nam|Số 1, Đường Ví Dụ|16012022");
        let Ok(Scan::Cccd(qr)) = cccd::qr::parse(&text) else { panic!("a QR code of a card") };
        Known { number: Some(qr.number.clone()), qr: Some(*qr), ..Known::default() }
    };
    let mrz = |document: &str| Known { document_number: Some(document.to_owned().into()), ..Known::default() };
    match world.scanned {
        Scanned::Nothing => Known::default(),
        Scanned::Number => number(NUMBER),
        Scanned::Qr => qr(NUMBER, "Nguyễn Văn An"),
        Scanned::QrOtherName => qr(NUMBER, "Trần Văn Khác"),
        Scanned::OtherNumber => number(OTHER_NUMBER),
        Scanned::OtherQr => qr(OTHER_NUMBER, "Trần Thị Bình"),
        Scanned::HomeMade => qr(CAN_TWIN, "Nguyễn Văn An"),
        Scanned::Mrz => mrz(world.paper.document_number()),
        Scanned::OtherMrz => mrz("C01X00T47"),
    }
}
