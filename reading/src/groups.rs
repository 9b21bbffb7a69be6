//! What the data groups beside EF.DG1 and EF.DG13 bring: the portrait or why there is none, what EF.DG11 and EF.DG12 say
//! of the holder of a passport, and the report of them all. Nothing here accuses: an odd field is named, and no more.

use emrtd::hazmat::tlv::TlvError;
use emrtd::lds::field::{Date, Image, Odd, Text};
use emrtd::lds::{Dg7, Dg11, Dg12, Dg16, FaceImage, NoFace, biometric, dg2};
use emrtd::{Evidence, FileId, Mrz};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// Why there is no portrait. It changes no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPortrait {
    /// EF.DG2 was not asked for.
    NotAsked,
    /// EF.DG2 was not read, for this reason: `absent`, `denied`, `not_in_sod`, `not_reached`.
    NotRead(String),
    /// EF.DG2 has no image that can be used.
    Odd(NoFace),
    /// The image is broken or of a kind that is not decoded here.
    NotDecoded,
}

impl NoPortrait {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NotAsked => "not_asked",
            Self::NotRead(reason) => reason,
            Self::Odd(why) => why.code(),
            Self::NotDecoded => "not_decoded",
        }
    }
}

/// The holder's portrait as it stands in EF.DG2: the first face that can be used.
///
/// # Errors
/// Why there is none.
pub fn portrait(evidence: &Evidence) -> Result<FaceImage<'_>, NoPortrait> {
    let file = FileId::Dg(2);
    let Some(bytes) = evidence.content(file) else {
        let not_read = evidence.not_read.get(&file).cloned();
        return Err(not_read.map_or(NoPortrait::NotAsked, NoPortrait::NotRead));
    };
    // It gives one at least, or says why not.
    let faces = dg2::parse(bytes).map_err(NoPortrait::Odd)?;
    faces.first().copied().ok_or(NoPortrait::Odd(NoFace::NoBlock))
}

/// What EF.DG11 and EF.DG12 say, as far as the SOD binds them.
#[derive(Debug, Default)]
pub struct Details {
    dg11: Option<Dg11>,
    dg12: Option<Dg12>,
}

impl Details {
    /// Of a read; `bound` are the groups whose hash is the signed one.
    #[must_use]
    pub fn of(evidence: &Evidence, bound: &[u8]) -> Self {
        let group = |number: u8| evidence.content(FileId::Dg(number)).filter(|_| bound.contains(&number));
        Self {
            dg11: group(11).and_then(|file| Dg11::parse(file).ok()),
            dg12: group(12).and_then(|file| Dg12::parse(file).ok()),
        }
    }

    fn of_holder(&self, field: impl Fn(&Dg11) -> Option<&Text>, between: &str) -> Option<Zeroizing<String>> {
        Some(field(self.dg11.as_ref()?)?.joined(between))
    }

    /// The full name, where it is written in Latin letters: forms, lists and the MRZ are. It is whole where the MRZ cuts,
    /// and has the marks that the MRZ lacks.
    #[must_use]
    pub fn full_name(&self) -> Option<Zeroizing<String>> {
        let name = self.dg11.as_ref()?.full_name.as_ref()?;
        name.is_latin().then(|| name.joined(" "))
    }

    /// Other names, with commas between them.
    #[must_use]
    pub fn other_names(&self) -> Option<Zeroizing<String>> {
        let names: Vec<_> = self.dg11.as_ref()?.other_names.iter().map(|name| name.joined(" ")).collect();
        let texts: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        (!texts.is_empty()).then(|| Zeroizing::new(texts.join(", ")))
    }

    /// The date of birth with its century, `dd/MM/yyyy`, where it is that of the MRZ.
    #[must_use]
    pub fn date_of_birth(&self, mrz: Option<&Mrz>) -> Option<String> {
        let day = day_first(self.dg11.as_ref()?.date_of_birth.as_ref()?)?;
        let digits: String = [&day[8..], &day[3..5], &day[..2]].concat();
        (digits == mrz?.birth).then_some(day)
    }

    /// Place of birth.
    #[must_use]
    pub fn place_of_birth(&self) -> Option<Zeroizing<String>> {
        self.of_holder(|dg11| dg11.place_of_birth.as_ref(), ", ")
    }

    /// Permanent address.
    #[must_use]
    pub fn address(&self) -> Option<Zeroizing<String>> {
        self.of_holder(|dg11| dg11.permanent_address.as_ref(), ", ")
    }

    /// Telephone.
    #[must_use]
    pub fn telephone(&self) -> Option<Zeroizing<String>> {
        self.of_holder(|dg11| dg11.telephone.as_ref(), " ")
    }

    /// Profession.
    #[must_use]
    pub fn profession(&self) -> Option<Zeroizing<String>> {
        self.of_holder(|dg11| dg11.profession.as_ref(), " ")
    }

    /// Date of issue, `dd/MM/yyyy`.
    #[must_use]
    pub fn issue_date(&self) -> Option<String> {
        day_first(self.dg12.as_ref()?.date_of_issue.as_ref()?)
    }

    /// Issuing authority.
    #[must_use]
    pub fn issuing_authority(&self) -> Option<Zeroizing<String>> {
        Some(self.dg12.as_ref()?.issuing_authority.as_ref()?.joined(" "))
    }
}

/// `dd/MM/yyyy`, where the day is known.
fn day_first(date: &Date) -> Option<String> {
    Some(format!("{:02}/{:02}/{:04}", date.day()?, date.month()?, date.year()))
}

/// The groups of the report: everything that was read of EF.DG2 to DG4, DG7, DG11, DG12 and DG16, by file.
#[must_use]
pub fn report(evidence: &Evidence) -> Value {
    let mut groups = Map::new();
    for number in [2, 3, 4, 7, 11, 12, 16] {
        let Some(file) = evidence.content(FileId::Dg(number)) else { continue };
        let read = match number {
            2 => records(file, 0x75),
            3 => records(file, 0x63),
            4 => records(file, 0x76),
            7 => Dg7::parse(file).map(|dg7| signatures(&dg7)),
            11 => Dg11::parse(file).map(|dg11| of_holder(&dg11)),
            12 => Dg12::parse(file).map(|dg12| of_document(&dg12)),
            _ => Dg16::parse(file).map(|dg16| persons(&dg16)),
        };
        let value = read.unwrap_or_else(|error| json!({ "malformed": error.to_string() }));
        groups.insert(FileId::Dg(number).to_string(), value);
    }
    Value::Object(groups)
}

fn records(file: &[u8], tag: u32) -> Result<Value, TlvError> {
    let records = biometric::records(file, tag)?.into_iter().map(|record| {
        let format = record.format.map(biometric::RecordFormat::name);
        json!({ "format": format, "representations": record.representations, "length": record.length })
    });
    Ok(json!({ "records": records.collect::<Vec<_>>() }))
}

fn signatures(dg7: &Dg7) -> Value {
    json!({ "images": dg7.images.iter().map(image).collect::<Vec<_>>(), "odd": odd(&dg7.odd) })
}

fn of_holder(dg11: &Dg11) -> Value {
    json!({
        "full_name": text(dg11.full_name.as_ref()),
        "other_names": dg11.other_names.iter().map(cleaned).collect::<Vec<_>>(),
        "personal_number": text(dg11.personal_number.as_ref()),
        "date_of_birth": date(dg11.date_of_birth.as_ref()),
        "place_of_birth": text(dg11.place_of_birth.as_ref()),
        "permanent_address": text(dg11.permanent_address.as_ref()),
        "telephone": text(dg11.telephone.as_ref()),
        "profession": text(dg11.profession.as_ref()),
        "title": text(dg11.title.as_ref()),
        "personal_summary": text(dg11.personal_summary.as_ref()),
        "proof_of_citizenship": dg11.proof_of_citizenship.as_ref().map(image),
        "other_document_numbers": text(dg11.other_document_numbers.as_ref()),
        "custody": text(dg11.custody.as_ref()),
        "odd": odd(&dg11.odd),
    })
}

fn of_document(dg12: &Dg12) -> Value {
    json!({
        "issuing_authority": text(dg12.issuing_authority.as_ref()),
        "date_of_issue": date(dg12.date_of_issue.as_ref()),
        "other_persons": dg12.other_persons.iter().map(cleaned).collect::<Vec<_>>(),
        "endorsements": text(dg12.endorsements.as_ref()),
        "tax_exit": text(dg12.tax_exit.as_ref()),
        "front": dg12.front.as_ref().map(image),
        "rear": dg12.rear.as_ref().map(image),
        "personalised": dg12.personalised.as_ref().map(ToString::to_string),
        "personalisation_system": text(dg12.personalisation_system.as_ref()),
        "odd": odd(&dg12.odd),
    })
}

fn persons(dg16: &Dg16) -> Value {
    let persons = dg16.persons.iter().map(|person| {
        json!({
            "recorded": date(person.recorded.as_ref()),
            "name": text(person.name.as_ref()),
            "telephone": text(person.telephone.as_ref()),
            "address": text(person.address.as_ref()),
        })
    });
    json!({ "persons": persons.collect::<Vec<_>>(), "odd": odd(&dg16.odd) })
}

fn text(text: Option<&Text>) -> Value {
    json!(text.map(cleaned))
}

fn cleaned(text: &Text) -> program::Text {
    program::Text::cleaned(text.as_str())
}

fn date(date: Option<&Date>) -> Value {
    date.map(ToString::to_string).into()
}

fn image(image: &Image) -> Value {
    json!({ "media_type": image.image_type.map(dg2::ImageType::media_type), "length": image.bytes.expose().len() })
}

fn odd(odd: &[Odd]) -> Vec<String> {
    odd.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Hooks, Reading, read};
    use crate::readers::plan;
    use crate::report::read_report;
    use crate::simulated;
    use crate::take::take;
    use crate::terminal::Terminal;
    use cccd::judgement::{Judgement, Known, Today, judge};
    use drivers::reader::Reader as _;
    use emrtd::hazmat::tlv::encode;
    use emrtd::{AccessPolicy, FileEvidence, MrzKey, Password, UnixTime};
    use events::SystemClock;
    use std::time::Duration;
    use verdict::Admission;
    use virtual_card::{Persona, TRAVELLER};
    use visit::content::{Content, Released};
    use visit::profile::{Item, Profile};

    /// A day on which the traveller's passport is in force.
    fn now() -> UnixTime {
        UnixTime::from_date(2027, 1, 1).expect("date")
    }

    fn terminal() -> Terminal {
        Terminal::new(simulated::anchors().expect("anchors"))
    }

    /// Reads a card; how many pictures were shown on the way.
    fn read_card(card: &str, groups: &[u8]) -> (Reading, usize) {
        let persona = Persona::find(card.split(':').next().expect("a name")).expect("persona");
        let (document, birth, expiry) = persona.mrz_fields();
        let password = Password::Mrz(MrzKey::new(&document, &birth, &expiry).expect("MRZ"));
        let mut reader = simulated::reader(card).expect("reader");
        let on_reader = reader.wait_for_card(Duration::ZERO).expect("card");
        let mut pictures = 0;
        let mut hooks = Hooks {
            patience: Duration::ZERO,
            observe: &mut |_, _| {},
            on_lifted: &mut || {},
            on_picture: &mut |_| pictures += 1,
        };
        let plan = plan(AccessPolicy::Auto, vec![password], groups);
        let reading = read(&mut reader, on_reader, plan, &mut terminal(), &SystemClock::new(), &mut hooks);
        (reading.expect("read"), pictures)
    }

    fn judged(reading: &Reading) -> Judgement {
        judge(&reading.evidence, None, &Known::default(), &terminal().trust, Today::certain(now()))
    }

    fn taken(reading: &Reading, profile: &str) -> (Profile, Content) {
        let profile = Profile::built_in(profile).expect("profile");
        let content = take(&profile, reading, &judged(reading), &Known::default(), Admission::GoesOn, now());
        (profile, content)
    }

    #[test]
    fn a_passport_of_2026_gives_what_its_mrz_cannot() {
        // Slow enough that the portrait is decoded while it arrives.
        let (reading, pictures) = read_card("joerg-passport:slow:5", &[1, 2, 7, 11, 12, 14, 15, 16]);
        assert!(pictures >= 2, "something was shown before the end: {pictures}");
        let judgement = judged(&reading);
        assert!(judgement.word().is_green(), "{:#?}", judgement.checks);
        let report = read_report(&reading, &judgement, &[]);
        let portrait = &report["holder"]["portrait"];
        assert_eq!((&portrait["format"], &portrait["decoded"]), (&json!("ISO/IEC 39794-5"), &json!(true)));
        assert_eq!((&portrait["width"], &report["holder"]["portrait_reason"]), (&json!(300), &Value::Null));
        let groups = &report["groups"];
        assert_eq!(groups["EF.DG2"]["records"][0]["format"], "ISO/IEC 39794-5");
        assert_eq!(groups["EF.DG7"]["images"][0]["media_type"], "image/jpeg");
        assert_eq!(groups["EF.DG11"]["full_name"], "MÜSTERMANN<<JÖRG<UWE");
        assert_eq!(groups["EF.DG11"]["other_names"], json!(["MÜLLER", "MUSTER<JÖRG"]));
        assert_eq!(groups["EF.DG12"]["date_of_issue"], "2026-03-15");
        assert_eq!(groups["EF.DG16"]["persons"][1]["name"], "MUSTER<<MAX");
        for file in ["EF.DG7", "EF.DG11", "EF.DG12", "EF.DG16"] {
            assert_eq!(groups[file]["odd"], json!([]), "{file}");
        }
        // What a profile takes of it: the name with its marks, the century, and what only these groups have.
        let (_, content) = taken(&reading, "lodging");
        for (item, value) in [
            (Item::FullName, "MÜSTERMANN JÖRG UWE"),
            (Item::DateOfBirth, "05/06/1924"),
            (Item::PlaceOfBirth, "MUSTERSTADT, UTOPIA"),
            (Item::Residence, "MUSTERSTRASSE 1, 12345 MUSTERSTADT"),
            (Item::IssueDate, "15/03/2026"),
            (Item::IssuingAuthority, "STADT MUSTERSTADT"),
        ] {
            assert_eq!(content.items.get(&item).map(|value| value.0.as_str()), Some(value), "{}", item.name());
        }
        assert!(content.portrait.is_some() && content.portrait_reason.is_none());
        assert!(!content.items.contains_key(&Item::Telephone), "nobody asked for it");
    }

    #[test]
    fn a_profile_that_does_not_read_them_has_the_mrz() {
        let (reading, _) = read_card(TRAVELLER.id, &[1, 2, 14, 15]);
        let (_, content) = taken(&reading, "lodging");
        let item = |item| content.items.get(&item).map(|value| value.0.as_str());
        assert_eq!((item(Item::FullName), item(Item::IssueDate)), (Some("MUESTERMANN JOERG UWE"), None));
    }

    #[test]
    fn what_is_not_bound_or_not_latin_is_not_used() {
        let (mut reading, _) = read_card(TRAVELLER.id, &[1, 2, 11, 12, 14, 15]);
        assert!(Details::of(&reading.evidence, &[11, 12]).full_name().is_some());
        let unbound = Details::of(&reading.evidence, &[1]);
        assert!(unbound.full_name().is_none() && unbound.issue_date().is_none());
        let fields = [encode(0x5F0E, "МЮСТЕРМАНН<<ЙОРГ".as_bytes()), encode(0x5F2B, b"19250605")].concat();
        let dg11 = FileEvidence::Content(encode(0x6B, &fields).as_slice().into());
        reading.evidence.files.insert(FileId::Dg(11), dg11);
        let details = Details::of(&reading.evidence, &[11, 12]);
        assert!(details.full_name().is_none(), "no use in a Latin form");
        assert_eq!(details.date_of_birth(judged(&reading).mrz.as_ref()), None, "another year than the MRZ's");
    }

    #[test]
    fn wherever_there_is_no_portrait_a_reason_stands() {
        let reported = |reading: &Reading| {
            let report = read_report(reading, &judged(reading), &[]);
            assert_eq!(report["holder"]["portrait"], Value::Null);
            report["holder"]["portrait_reason"].as_str().expect("a reason").to_owned()
        };
        let reasons = |reading: &Reading| {
            let (profile, content) = taken(reading, "lodging");
            let desk = Released::new(&profile, "desk", &content).expect("desk").to_json();
            assert_eq!((&desk["portrait"], &desk["portrait_reason"]), (&Value::Null, &json!(reported(reading))));
            let portal = Released::new(&profile, "portal", &content).expect("portal").to_json();
            assert!(
                portal.get("portrait_reason").is_none(),
                "who is granted no portrait is not told why there is none"
            );
            reported(reading)
        };
        let (child, _) = read_card("hoa-child", &[1, 2, 13, 14, 15]);
        assert_eq!(reasons(&child), "not_in_sod");
        let (mut reading, _) = read_card("an", &[1, 13, 14, 15]);
        assert_eq!(reasons(&reading), "not_asked");
        reading.evidence.not_read.insert(FileId::Dg(2), "denied".to_owned());
        assert_eq!(reasons(&reading), "denied");
        let group = |template: &[u8]| encode(0x75, &encode(0x7F61, &[&[0x02, 1, 1], template].concat()));
        let block = |block: &[u8]| group(&encode(0x7F60, &encode(0x5F2E, block)));
        for (file, reason) in [
            (vec![], "malformed"),
            (group(&[]), "no_data_block"),
            (block(b"another format"), "format_unknown"),
            (block(&encode(0x65, &encode(0xA1, &[]))), "no_image"),
            (block(&[&b"FAC\x00010\x00"[..], &[0, 0, 0, 60, 0, 1], &[0; 32], b"GIF89a"].concat()), "coding_unknown"),
        ] {
            reading.evidence.files.insert(FileId::Dg(2), FileEvidence::Content(file.as_slice().into()));
            // Nobody signed these, so of the card nothing is taken at all.
            assert_eq!(reported(&reading), reason);
        }
        // An image that nobody here can decode is handed on as it is, and the report says so.
        let broken = block(&[&b"FAC\x00010\x00"[..], &[0, 0, 0, 60, 0, 1], &[0; 32], &[0xFF, 0xD8, 0xFF]].concat());
        reading.evidence.files.insert(FileId::Dg(2), FileEvidence::Content(broken.as_slice().into()));
        let report = read_report(&reading, &judged(&reading), &[]);
        assert_eq!(report["holder"]["portrait_reason"], "not_decoded");
        assert_eq!(report["holder"]["portrait"]["decoded"], false);
    }
}
