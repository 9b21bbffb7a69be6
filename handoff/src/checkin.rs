//! XML0, the health insurer's check-in (QĐ 130/QĐ-BYT as amended by 4750 and 3176): a draft for the hospital's system, one file a visit,
//! into a directory that it watches.
//!
//! ```text
//! CHI_TIEU_TRANG_THAI_KCB
//! ├─ DSACH_TRANG_THAI_KCB
//! │  └─ TRANG_THAI_KCB       26 elements in the order of the table, all present
//! └─ CHUKYDONVI              the facility's signature: empty in a draft
//! ```
//!
//! XML0 is owed after the *first cost* of a visit, under the hospital's own codes and signature. So what only the hospital knows (`MA_LK`, `MA_BN`,
//! `MA_DOITUONG_KCB`, `MA_LOAI_KCB`, the first service, medicine or supply, `NGAY_YL`) is present and empty, and the hospital's system sends the file when
//! it has filled and signed it. The table has no field for how much is assured of the patient: a comment at the top says it.
//!
//! A file is written whole under another name, then renamed: whoever watches sees all of it or none.

use crate::{Envelope, patient, read_back};
use cccd::calendar::in_vietnam;
use cccd::date::CardDate;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io::Write as _;
use std::path::Path;
use store::book::deliveries::Tried;
use visit::profile::Item;
use zeroize::Zeroizing;

/// What stands around the fields of one patient.
const AROUND: [&str; 3] = ["CHI_TIEU_TRANG_THAI_KCB", "DSACH_TRANG_THAI_KCB", "TRANG_THAI_KCB"];
/// Where the facility signs.
const SIGNATURE: &str = "CHUKYDONVI";

/// `yyyymmddHHMM`; day and month that a card leaves out are zeros.
fn moment(date: &str) -> String {
    CardDate::from_text(date).and_then(CardDate::compact).unwrap_or_default()
}

/// The fields in the order of the table.
fn fields(envelope: &Envelope, facility: &str) -> Vec<(&'static str, Zeroizing<String>)> {
    let released = &envelope.released;
    let own = |text: Option<&str>| Zeroizing::new(text.unwrap_or_default().to_owned());
    let arrived = in_vietnam(envelope.at);
    let arrived = format!(
        "{:04}{:02}{:02}{:02}{:02}",
        arrived.year(),
        u8::from(arrived.month()),
        arrived.day(),
        arrived.hour(),
        arrived.minute()
    );
    let sex = patient::sex(released.item(Item::Sex), ["1", "2", "3"]);
    let empty = || Zeroizing::default();
    vec![
        ("MA_LK", empty()),
        ("STT", own(Some("1"))),
        ("MA_BN", empty()),
        ("HO_TEN", own(released.item(Item::FullName))),
        ("SO_CCCD", own(released.item(Item::IdNumber))),
        ("NGAY_SINH", Zeroizing::new(released.item(Item::DateOfBirth).map(moment).unwrap_or_default())),
        ("GIOI_TINH", own(Some(sex))),
        ("MA_THE_BHYT", own(released.get("form.insurance"))),
        ("MA_DKBD", empty()),
        ("GT_THE_TU", empty()),
        ("GT_THE_DEN", empty()),
        ("MA_DOITUONG_KCB", empty()),
        ("NGAY_VAO", own(Some(&arrived))),
        ("NGAY_VAO_NOI_TRU", empty()),
        ("LY_DO_VNT", empty()),
        ("MA_LY_DO_VNT", empty()),
        ("MA_LOAI_KCB", empty()),
        ("MA_CSKCB", own(Some(facility))),
        ("MA_DICH_VU", empty()),
        ("TEN_DICH_VU", empty()),
        ("MA_THUOC", empty()),
        ("TEN_THUOC", empty()),
        ("MA_VAT_TU", empty()),
        ("TEN_VAT_TU", empty()),
        ("NGAY_YL", empty()),
        ("DU_PHONG", empty()),
    ]
}

/// The file.
///
/// # Errors
/// When the writer fails, which a buffer in memory does not.
pub fn xml(envelope: &Envelope, facility: &str) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let rung = format!(" assurance: {} ", envelope.released.rung());
    writer.write_event(Event::Comment(BytesText::new(&rung)))?;
    for name in AROUND {
        writer.write_event(Event::Start(BytesStart::new(name)))?;
    }
    for (name, value) in fields(envelope, facility) {
        writer.create_element(name).write_text_content(BytesText::new(&value))?;
    }
    let [root, list, one] = AROUND;
    writer.write_event(Event::End(BytesEnd::new(one)))?;
    writer.write_event(Event::End(BytesEnd::new(list)))?;
    writer.create_element(SIGNATURE).write_text_content(BytesText::new(""))?;
    writer.write_event(Event::End(BytesEnd::new(root)))?;
    Ok(Zeroizing::new(writer.into_inner()))
}

/// Whether a parser finds in a file what was to stand there.
fn comes_back(bytes: &[u8], fields: &[(&'static str, Zeroizing<String>)]) -> bool {
    let Some(read) = read_back::xml(bytes) else { return false };
    let wanted = fields.iter().map(|(name, value)| (*name, value.as_str())).chain([(SIGNATURE, "")]);
    read.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(wanted)
}

/// Writes the file of a visit into a directory.
pub(super) fn write(directory: &Path, envelope: &Envelope, facility: &str) -> Tried {
    let name = format!("checkin-{}.xml", envelope.visit);
    let (fresh, whole) = (directory.join(format!(".{name}.part")), directory.join(name));
    let bytes = match xml(envelope, facility) {
        Ok(bytes) if comes_back(&bytes, &fields(envelope, facility)) => bytes,
        Ok(_) | Err(_) => return Tried::Refused(read_back::MALFORMED.to_owned()),
    };
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(true).truncate(true);
        let mut file = std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o660).open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &whole)
    };
    match write() {
        Ok(()) => Tried::Delivered,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Tried::Later("directory_absent".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Tried::Later("directory_full".to_owned()),
        Err(_) => Tried::Later("directory_unwritable".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::envelope;

    #[test]
    fn the_table_has_its_26_fields_in_order() {
        let envelope = envelope("hospital-desk", "checkin-xml");
        let names: Vec<_> = fields(&envelope, "79001").iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), 26);
        let text = String::from_utf8(xml(&envelope, "79001").expect("XML").to_vec()).expect("UTF-8");
        for part in [
            "<HO_TEN>Nguyễn Văn An</HO_TEN>",
            "<SO_CCCD>001099000017</SO_CCCD>",
            "<NGAY_SINH>199901150000</NGAY_SINH>",
            "<GIOI_TINH>1</GIOI_TINH>",
            "<NGAY_VAO>202611230841</NGAY_VAO>",
            "<MA_CSKCB>79001</MA_CSKCB>",
            // Only the hospital knows these.
            "<MA_LK></MA_LK>",
            "<MA_BN></MA_BN>",
            "<NGAY_YL></NGAY_YL>",
            "<!-- assurance: signed -->",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_birth_of_which_only_the_year_is_known() {
        assert_eq!(moment("1950"), "195000000000");
        assert_eq!(moment("02/1950"), "195002000000");
    }

    #[test]
    fn signs_of_xml_stay_text() {
        let envelope = envelope("hospital-desk", "checkin-xml");
        let text = String::from_utf8(xml(&envelope, "<&>").expect("XML").to_vec()).expect("UTF-8");
        assert!(text.contains("<MA_CSKCB>&lt;&amp;&gt;</MA_CSKCB>"), "{text}");
    }

    #[test]
    fn a_directory_that_is_away_is_tried_again() {
        let directory = tempfile::tempdir().expect("directory");
        let envelope = envelope("hospital-desk", "checkin-xml");
        assert_eq!(write(&directory.path().join("away"), &envelope, ""), Tried::Later("directory_absent".to_owned()));
        assert_eq!(write(directory.path(), &envelope, ""), Tried::Delivered);
        assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 1, "nothing half is left");
    }
}
