//! Genuine cards of people: whatever may stand in EF.DG1 and EF.DG13, signed as it stands, on a chip that holds its keys.

use super::papers::{object, td1_of};
use emrtd::{Action, Evidence, FileEvidence, FileId, Password, Plan, Session, SystemEntropy};
use std::collections::BTreeMap;
use virtual_card::{Answer, Chip, Persona};

/// What stands on the chip of a citizen's card.
#[derive(Debug, Clone)]
pub struct Person {
    /// The personal identification number.
    pub number: String,
    /// The name as EF.DG13 has it.
    pub name: String,
    /// The name field of the MRZ, without the fillers at its end.
    pub mrz_name: String,
    /// Birth as EF.DG13 has it.
    pub birth: String,
    /// Birth as the MRZ has it.
    pub mrz_birth: String,
    /// `M`, `F` or `<`.
    pub sex: char,
    /// Issue, and expiry.
    pub dates: (String, String),
    /// Expiry as the MRZ has it.
    pub mrz_expiry: String,
    /// Added to the composite check digit.
    pub wrong_digit: u32,
    /// More fields of EF.DG13, by their index; one that is there is replaced.
    pub more: Vec<(u8, String)>,
    /// EF.DG13 as a whole, where it is something else.
    pub national: Option<Vec<u8>>,
}

impl Default for Person {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            number: text(super::NUMBER),
            name: text("Nguyễn Văn An"),
            mrz_name: text("NGUYEN<<VAN<AN"),
            birth: text("15/01/1999"),
            mrz_birth: text("990115"),
            sex: 'M',
            dates: (text("16/01/2022"), text("15/01/2039")),
            mrz_expiry: text("390115"),
            wrong_digit: 0,
            more: Vec::new(),
            national: None,
        }
    }
}

impl Person {
    /// EF.DG1, EF.DG2 and EF.DG13, beside the keys of this chip.
    #[must_use]
    pub fn groups(&self, chip: &Evidence) -> BTreeMap<u8, Vec<u8>> {
        let key = |group| chip.content(FileId::Dg(group)).map(|file| (group, file.to_vec()));
        let mrz = td1_of(self);
        let written = [
            (1, object(&[0x61], &object(&[0x5F, 0x1F], mrz.as_bytes()))),
            (2, object(&[0x75], b"a face")),
            (13, self.national.clone().unwrap_or_else(|| self.dg13())),
        ];
        written.into_iter().chain([14, 15].into_iter().filter_map(key)).collect()
    }

    fn dg13(&self) -> Vec<u8> {
        let sex = if self.sex == 'F' { "Nữ" } else { "Nam" };
        let (issued, expires) = &self.dates;
        let mut fields: BTreeMap<u8, &str> = BTreeMap::from([
            (1, &*self.number),
            (2, &*self.name),
            (3, &*self.birth),
            (4, sex),
            (5, "Việt Nam"),
            (9, "Số 1, Đường Ví Dụ"),
            (11, issued),
            (12, expires),
        ]);
        fields.extend(self.more.iter().map(|(index, text)| (*index, &**text)));
        let entry = |(index, text): (u8, &str)| {
            let value = if text.is_empty() { Vec::new() } else { object(&[0x0C], text.as_bytes()) };
            object(&[0x30], &[object(&[0x02], &[index]), value].concat())
        };
        let entries: Vec<u8> = fields.into_iter().flat_map(entry).collect();
        object(&[0x6D], &object(&[0x30], &entries))
    }
}

/// What is read of such a card: another chip's proofs under its own keys, and these groups under this EF.SOD.
#[must_use]
pub fn card_of(chip: &Evidence, groups: &BTreeMap<u8, Vec<u8>>, sod: &[u8]) -> Evidence {
    let mut evidence = chip.clone();
    let content = |bytes: &[u8]| FileEvidence::Content(bytes.into());
    evidence.files.retain(|file, _| matches!(file, FileId::CardAccess | FileId::CardSecurity));
    evidence.files.insert(FileId::Sod, content(sod));
    evidence.files.extend(groups.iter().map(|(group, bytes)| (FileId::Dg(*group), content(bytes))));
    evidence.not_read.clear();
    evidence
}

/// Reads a chip whole, opened by its CAN.
///
/// # Panics
/// When the read fails.
#[must_use]
pub fn read_chip(chip: &mut Chip, persona: &Persona) -> Evidence {
    let password = Password::can(persona.can()).expect("CAN");
    let mut session = Session::new(Plan::new(vec![password], &[1, 2, 13, 14, 15]), Box::new(SystemEntropy));
    while let Action::Transmit(command) = session.next().expect("command") {
        let Answer::Response(answer) = chip.transmit(&command) else { panic!("the card was lifted") };
        session.feed(&answer).expect("an answer");
    }
    session.into_evidence().expect("opened")
}
