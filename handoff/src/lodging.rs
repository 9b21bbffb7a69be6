//! Files for the police portal for lodging: XLSX for citizens, XML for foreigners, and when they are due.
//!
//! Columns, row and verbatim values are data (`handoff/data/lodging.toml`), because the portal changes its template. With
//! the portal's own template the rows above the first are left as they are; without it a file of the same layout is
//! made. Every cell but the running number is text, so that zeros at the front and days stay as they are.
//!
//! When a stay is to be notified is [`deadline`]'s; which values the portal has is [`lists`]'.

use crate::read_back;
use cccd::CardDate;
use cccd::calendar::in_vietnam;
use cccd::number::Sex;
use program::{Failure, Text};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use store::book::Record;
use time::{Date, Time};
use visit::content::{Paper, Released, Source};
use visit::group::{is_citizen, is_vietnam};
use visit::profile::{Item, Profile};
use zeroize::Zeroizing;

pub mod lists;
#[cfg(feature = "lodging-xlsx")]
mod workbook;
#[cfg(feature = "lodging-xlsx")]
pub use workbook::xlsx;

/// The recipient that a profile grants the portal's data to.
pub const PORTAL: &str = "portal";

const COLUMNS: &str = include_str!("../data/lodging.toml");

/// The layout of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    sheet: String,
    first_row: u32,
    column: Vec<Column>,
    code: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    header: String,
    value: Option<String>,
    constant: Option<String>,
    code: Option<String>,
    list: Option<String>,
    #[serde(default)]
    required: bool,
}

impl Layout {
    /// The layout in a file, or the one that comes with the agent.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let text = match path {
            Some(path) => String::from_utf8_lossy(&program::files::read(path)?).into_owned(),
            None => COLUMNS.to_owned(),
        };
        let invalid = |why: &str| {
            let message = format!("the columns are not valid: {why}");
            let remedy = "compare with /usr/share/doc/cccd-agent/examples/lodging.toml";
            Failure::usage("lodging_columns_invalid", message, remedy)
        };
        let layout: Self = toml::from_str(&text).map_err(|e| invalid(e.to_string().trim()))?;
        // What stands in every row must fit into every file.
        let constants = layout.column.iter().filter_map(|column| column.constant.as_ref());
        for value in constants.chain(layout.code.values().flat_map(BTreeMap::values)) {
            Text::typed(value).map_err(|error| invalid(&format!("a constant or value: {error}")))?;
        }
        Ok(layout)
    }
}

/// A guest: what the portal may have of a record.
#[derive(Debug)]
pub struct Guest {
    released: Released,
    gone: Option<i64>,
}

impl Guest {
    /// Of a record, by what its profile grants the portal.
    #[must_use]
    pub fn of(profile: &Profile, record: &Record) -> Option<Self> {
        Some(Self { released: Released::new(profile, PORTAL, &record.content)?, gone: record.gone_at })
    }

    /// Somebody who stays from now on.
    #[must_use]
    pub const fn new(released: Released) -> Self {
        Self { released, gone: None }
    }

    fn item(&self, item: Item) -> Option<&str> {
        self.released.item(item)
    }

    /// Whether the file for citizens takes them; the others go into the one for foreigners.
    #[must_use]
    pub fn is_citizen(&self) -> bool {
        is_citizen(self.released.source(), self.item(Item::Nationality))
    }

    /// By what the portal would take two rows for one; nobody's name stands in it.
    fn stay(&self) -> (String, String, String) {
        let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (own(self.number()), own(self.item(Item::FullName)), own(self.released.get("form.arrival")))
    }

    fn number(&self) -> Option<&str> {
        let passport = matches!(self.released.source(), Source::Passport | Source::OtherCard)
            || matches!(self.seen(), Some(Paper::Passport | Paper::ResidenceCard));
        let (first, second) =
            if passport { (Item::DocumentNumber, Item::IdNumber) } else { (Item::IdNumber, Item::DocumentNumber) };
        self.item(first).or_else(|| self.item(second))
    }

    /// What the paper is; nothing where nobody said what they saw. A kind that the portal does not have keeps somebody out of the
    /// file by name: it is never told another one.
    fn document(&self) -> &str {
        match self.released.source() {
            Source::Passport => "passport",
            Source::OtherCard => "residence_card",
            Source::CitizenCard => self.citizen_card(),
            Source::Vneid | Source::Seen | Source::Typed => match self.seen() {
                // VNeID shows the card, and counts as it (Luật Căn cước 26/2023, Art. 33).
                Some(Paper::CitizenCard | Paper::Vneid) => self.citizen_card(),
                Some(seen) => seen.code(),
                None if self.is_child() => Paper::BirthCertificate.code(),
                None => "",
            },
        }
    }

    /// What staff saw of somebody without a chip.
    fn seen(&self) -> Option<Paper> {
        let assurance = self.released.assurance().filter(|_| !self.released.source().is_chip())?;
        Paper::find(&assurance.document)
    }

    /// What a paper is called that the portal's list has under "another" only.
    fn paper_name(&self) -> Option<&str> {
        match self.seen()? {
            Paper::OtherPaper => self.released.get("form.paper_name"),
            paper @ (Paper::IdentityCertificate | Paper::ResidenceCard) => Some(paper.label().0),
            _ => None,
        }
    }

    /// The datum as the portal writes it: a name is not told apart by its capitals, a year is a year.
    fn plain(&self, name: &str) -> Option<String> {
        let said = self.released.get(name)?;
        let own = |text: &str| text.to_owned();
        Some(match name {
            "sex" => {
                Sex::from_text(said).map_or_else(|| own(said), |sex| own(if sex == Sex::Male { "Nam" } else { "Nữ" }))
            }
            "nationality" if is_vietnam(said) => own("Việt Nam"),
            "date_of_birth" => birth(said).map_or_else(|| own(said), |(text, _)| text),
            _ => own(said),
        })
    }

    /// The card of the new law is one that was issued since 1 July 2024.
    fn citizen_card(&self) -> &'static str {
        let issued = self.item(Item::IssueDate).and_then(CardDate::from_text).and_then(CardDate::day);
        let new = time::macros::date!(2024 - 07 - 01);
        if issued.is_some_and(|issued| issued >= new) { "can_cuoc" } else { "cccd" }
    }

    /// Whether somebody is under fourteen on the day on which they come: of such nobody asks for a card.
    fn is_child(&self) -> bool {
        let year = |text: &str| text.get(text.len().checked_sub(4)?..)?.parse::<i32>().ok();
        let born = self.item(Item::DateOfBirth);
        let came = self.released.get("form.arrival").and_then(year);
        match (born.and_then(year), came, born.and_then(cccd::date::parse_day_first)) {
            (Some(born), Some(came), day) if came - born == 14 => {
                let came = self.released.get("form.arrival").and_then(cccd::date::parse_day_first);
                came.zip(day).is_some_and(|(came, born)| {
                    (u8::from(came.month()), came.day()) < (u8::from(born.month()), born.day())
                })
            }
            (Some(born), Some(came), _) => came - born < 14,
            _ => false,
        }
    }

    fn value(&self, name: &str, index: usize) -> Option<String> {
        let own = |text: &str| text.to_owned();
        match name {
            "index" => Some(index.to_string()),
            "number" => self.number().map(own),
            "document_kind" => Some(own(self.document())),
            "paper_name" => self.paper_name().map(own),
            "room" => self.released.get("form.ward").or_else(|| self.released.get("form.room")).map(own),
            "other_reason" => {
                let other = self.released.get("form.reason").is_some_and(|reason| reason.starts_with("20 "));
                self.released.get("form.other_reason").filter(|_| other).map(own)
            }
            name => self.plain(name),
        }
    }

    /// What no column says: days in an order that can be, and what goes with a choice.
    fn refusal(&self) -> Option<&'static str> {
        let day = |name: &str| cccd::date::parse_day_first(self.released.get(name)?);
        let (came, leaves) = (day("form.arrival"), day("form.departure"));
        if came.zip(leaves).is_some_and(|(came, leaves)| leaves < came) {
            return Some("NGÀY ĐI DỰ KIẾN: they leave before they come");
        }
        if !self.is_citizen() {
            return self.refusal_of_a_foreigner(leaves);
        }
        let other = |text: Option<&str>| text.is_none_or(|text| text.trim().is_empty());
        if self.released.get("form.reason").is_some_and(|reason| reason.starts_with("20 "))
            && other(self.released.get("form.other_reason"))
        {
            return Some("NHẬP LÝ DO: another reason is named in words");
        }
        if self.seen() == Some(Paper::OtherPaper) && other(self.paper_name()) {
            return Some("TÊN GIẤY TỜ: another paper is named in words");
        }
        None
    }

    fn refusal_of_a_foreigner(&self, leaves: Option<Date>) -> Option<&'static str> {
        let permitted = self.released.get("form.permitted_until").and_then(cccd::date::parse_day_first);
        let Some(permitted) = permitted else {
            return Some("thoi_han_tam_tru: until when they may stay is missing; the visa or entry stamp says it");
        };
        if leaves.is_some_and(|leaves| permitted < leaves) {
            return Some("thoi_han_tam_tru: they may not stay until they leave");
        }
        let expires = self.item(Item::ExpiryDate).and_then(CardDate::from_text).and_then(CardDate::day);
        if expires == Some(permitted) {
            return Some("thoi_han_tam_tru: that is the end of the passport, not of the permitted stay");
        }
        None
    }
}

/// A date of birth as the portal has it, and how exact it is: `D`, `M` or `Y`. A part that is not known is written as the first, and the
/// letter says so.
fn birth(said: &str) -> Option<(String, &'static str)> {
    let born = CardDate::from_text(said)?;
    match born {
        CardDate::Unknown => None,
        CardDate::Year(year) => Some((format!("{year:04}"), "Y")),
        CardDate::Month { year, month } => Some((format!("{:02}/{year:04}", u8::from(month)), "M")),
        CardDate::Day(_) => Some((born.day_first()?, "D")),
    }
}

fn incomplete(message: String) -> Failure {
    Failure::usage("lodging_incomplete", message, "complete the guest at the desk, then make the file again")
}

/// What a column says of a guest.
fn cell(layout: &Layout, column: &Column, guest: &Guest, index: usize) -> Result<String, Failure> {
    let incomplete = |why: &str| incomplete(format!("guest {index}: {}: {why}", column.header));
    let value = column.constant.clone().or_else(|| guest.value(column.value.as_deref()?, index)).unwrap_or_default();
    if value.trim().is_empty() {
        return if column.required { Err(incomplete("is missing")) } else { Ok(String::new()) };
    }
    if has_workbook_escape(&value) {
        return Err(incomplete("holds an escape of workbooks, which they would read as another character"));
    }
    if column.list.as_ref().is_some_and(|list| !lists::has(list, value.trim())) {
        return Err(incomplete("the portal has no such value"));
    }
    match &column.code {
        None => Ok(value),
        Some(list) => {
            let found = layout.code.get(list).and_then(|list| list.get(value.trim()));
            // A value that the portal does not have is never guessed.
            found.cloned().ok_or_else(|| incomplete("the portal has no value for it"))
        }
    }
}

/// Whether a text holds what a workbook reads as a character: `_x000B_` (ECMA-376-1, ST_Xstring).
fn has_workbook_escape(text: &str) -> bool {
    text.match_indices("_x").any(|(at, _)| {
        let rest = &text.as_bytes()[at + 2..];
        rest.get(4) == Some(&b'_') && rest[..4].iter().all(u8::is_ascii_hexdigit)
    })
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotMade {
    /// Because of one guest, counted from zero.
    Guest(usize, Failure),
    /// Because of something else.
    File(Failure),
}

impl From<NotMade> for Failure {
    fn from(not_made: NotMade) -> Self {
        match not_made {
            NotMade::Guest(_, failure) | NotMade::File(failure) => failure,
        }
    }
}

impl From<Failure> for NotMade {
    fn from(failure: Failure) -> Self {
        Self::File(failure)
    }
}

/// A file for the portal, which a parser has read again, and who is not in it.
#[derive(Debug)]
pub struct Made {
    /// The file.
    pub bytes: Vec<u8>,
    /// Guests whom the portal would not take, counted from zero, and why.
    pub left_out: Vec<(usize, Failure)>,
}

/// Makes the file of these guests. One whom the portal would not take, or whose row does not come back from the file, is left out
/// and named, and keeps nobody else out of it.
///
/// # Errors
/// When nobody is left, and when the file cannot be made for another reason.
pub fn make(
    guests: &[Guest],
    mut check: impl FnMut(&Guest, usize) -> Result<(), Failure>,
    mut write: impl FnMut(&[&Guest]) -> Result<Vec<u8>, NotMade>,
) -> Result<Made, Failure> {
    let (mut good, mut left_out, mut named) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, guest) in guests.iter().enumerate() {
        match check(guest, at + 1) {
            // One paper comes once a day.
            Ok(()) if !named.insert(guest.stay()) => {
                let why = format!("guest {}: somebody with the same paper and arrival stands in the file", at + 1);
                left_out.push((at, Failure::usage("lodging_twice", why, "withdraw one of the two records")));
            }
            Ok(()) => good.push(at),
            Err(failure) => left_out.push((at, failure)),
        }
    }
    while !good.is_empty() {
        let of: Vec<&Guest> = good.iter().filter_map(|at| guests.get(*at)).collect();
        match write(&of) {
            Ok(bytes) => return Ok(Made { bytes, left_out }),
            Err(NotMade::Guest(at, failure)) if at < good.len() => left_out.push((good.remove(at), failure)),
            Err(other) => return Err(other.into()),
        }
    }
    let none = || incomplete("there is nobody whom the file could name".to_owned());
    Err(left_out.pop().map_or_else(none, |(_, failure)| failure))
}

/// A guest whose row reads back as something else.
fn comes_back_otherwise(index: usize) -> Failure {
    let message = format!("guest {index} does not come back from the file as they were written");
    Failure::usage("lodging_unreadable", message, "type the guest's name and papers anew, then make the file again")
}

/// The file for citizens.
///
/// # Errors
/// Always: the program was built without workbooks.
#[cfg(not(feature = "lodging-xlsx"))]
pub fn xlsx(_: &Layout, _: Option<&[u8]>, _: &[&Guest]) -> Result<Vec<u8>, NotMade> {
    Err(NotMade::File(Failure::usage(
        "lodging_template",
        program::without("lodging-xlsx"),
        "install the packages' agent",
    )))
}

/// What keeps a guest out of their file, if anything does.
///
/// # Errors
/// `lodging_incomplete` names the column or field.
pub fn check(layout: &Layout, guest: &Guest, index: usize) -> Result<(), Failure> {
    if let Some(why) = guest.refusal() {
        return Err(incomplete(format!("guest {index}: {why}")));
    }
    if guest.is_citizen() {
        return layout.column.iter().try_for_each(|column| cell(layout, column, guest, index).map(drop));
    }
    Ok(xml_of(&[guest], index).map(drop)?)
}

/// The file for foreigners.
///
/// # Errors
/// `lodging_incomplete` names guest and field.
pub fn xml(guests: &[&Guest]) -> Result<Vec<u8>, NotMade> {
    xml_of(guests, 1)
}

/// An element of the file for foreigners, and its text.
type Element = (&'static str, Zeroizing<String>);

/// What stands in the file of a guest, in order.
fn elements(guest: &Guest, index: usize) -> Result<Vec<Element>, Failure> {
    let form = |id: &str| guest.released.get(&format!("form.{id}"));
    let sex = crate::patient::sex(guest.item(Item::Sex), [Some("M"), Some("F"), None]);
    let number = index.to_string();
    let left = guest.gone.map(cccd::calendar::date_of);
    let born = guest.item(Item::DateOfBirth).and_then(birth);
    let exact = born.as_ref().map(|(_, exact)| *exact);
    let fields: [(&str, Option<&str>, bool); 12] = [
        ("so_thu_tu", Some(&number), true),
        ("ho_ten", guest.item(Item::FullName), true),
        ("ngay_sinh", born.as_ref().map(|(text, _)| text.as_str()), true),
        ("ngay_sinh_dung_den", exact, true),
        ("gioi_tinh", sex, true),
        ("ma_quoc_tich", guest.item(Item::Nationality).and_then(lists::nationality), true),
        ("so_ho_chieu", guest.number(), true),
        ("so_phong", form("room"), true),
        ("ngay_den", form("arrival"), true),
        ("ngay_di_du_kien", form("departure"), true),
        ("ngay_tra_phong", left.as_deref(), false),
        ("thoi_han_tam_tru", form("permitted_until"), true),
    ];
    let mut elements = Vec::new();
    for (name, value, required) in fields {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => elements.push((name, Zeroizing::new(value.to_owned()))),
            None if required => {
                let why = format!("guest {index}: {name} is missing or has no form that the portal takes");
                return Err(incomplete(why));
            }
            None => {}
        }
    }
    Ok(elements)
}

fn xml_of(guests: &[&Guest], first: usize) -> Result<Vec<u8>, NotMade> {
    let broken = |e: std::io::Error| Failure::device("lodging_xml", e.to_string(), "report this as a bug");
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).map_err(broken)?;
    writer.write_event(Event::Start(BytesStart::new("KHAI_BAO_TAM_TRU"))).map_err(broken)?;
    let mut written = Vec::new();
    for (at, guest) in guests.iter().enumerate() {
        let fields = elements(guest, at + first).map_err(|failure| NotMade::Guest(at, failure))?;
        writer.write_event(Event::Start(BytesStart::new("THONG_TIN_KHACH"))).map_err(broken)?;
        for (name, value) in &fields {
            writer.create_element(*name).write_text_content(BytesText::new(value)).map_err(broken)?;
        }
        writer.write_event(Event::End(BytesEnd::new("THONG_TIN_KHACH"))).map_err(broken)?;
        written.push(fields);
    }
    writer.write_event(Event::End(BytesEnd::new("KHAI_BAO_TAM_TRU"))).map_err(broken)?;
    let bytes = writer.into_inner();
    read_again(&bytes, guests, &written, first)?;
    Ok(bytes)
}

/// Whether a parser finds in the file what was to stand there; else because of whom not.
fn read_again(bytes: &[u8], guests: &[&Guest], written: &[Vec<Element>], first: usize) -> Result<(), NotMade> {
    let otherwise = |at: usize| NotMade::Guest(at, comes_back_otherwise(at + first));
    let Some(read) = read_back::xml(bytes) else {
        // Each by themselves, to learn whose it is.
        if let [_] = guests {
            return Err(otherwise(0));
        }
        for (at, guest) in guests.iter().enumerate() {
            if xml_of(&[guest], at + first).is_err() {
                return Err(otherwise(at));
            }
        }
        let message = "the file is no XML, and each of its guests alone is";
        return Err(Failure::device("lodging_xml", message, "report this as a bug").into());
    };
    let mut read = read.iter();
    for (at, fields) in written.iter().enumerate() {
        for (name, value) in fields {
            if read.next().is_none_or(|(element, text)| element != name || text != value) {
                return Err(otherwise(at));
            }
        }
    }
    Ok(())
}

/// When a stay that began then has to be notified, seconds since 1970. Citizens: before 23:00 of the day on which it begins, and one that
/// begins after 23:00 before 08:00 of the next day ([`visit::law::STAY_OF_CITIZENS`]). Foreigners: within twelve hours of their arrival, and
/// within twenty-four where the house lies in a remote area ([`visit::law::STAY_OF_FOREIGNERS`]).
#[must_use]
pub fn deadline(arrived: i64, citizen: bool, remote: bool) -> i64 {
    if !citizen {
        return arrived.saturating_add(if remote { 24 * 3600 } else { 12 * 3600 });
    }
    let at = in_vietnam(arrived);
    let limit = |day: Date, hour| {
        Time::from_hms(hour, 0, 0)
            .map_or(arrived, |time| day.with_time(time).assume_offset(at.offset()).unix_timestamp())
    };
    if at.hour() < 23 {
        return limit(at.date(), 23);
    }
    at.date().next_day().map_or(arrived, |day| limit(day, 8))
}

#[cfg(all(test, feature = "lodging-xlsx"))]
mod tests;
