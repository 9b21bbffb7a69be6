//! What a profile takes of a chip, and nothing else.

use crate::groups::{self, Details};
use crate::read::Reading;
use cccd::calendar::in_vietnam;
use cccd::date::{CardDate, Century};
use cccd::dg13::Field;
use cccd::judgement::{Judgement, Known};
use cccd::number::old_numbers;
use emrtd::{Mrz, UnixTime};
use program::{Private, Text};
use std::collections::BTreeMap;
use verdict::Admission;
use visit::content::{Assurance, Content, Image, KnownAs};
use visit::profile::{Item, Profile};
use zeroize::Zeroizing;

/// What a chip says under one name. `today` is for the two digits of an MRZ.
fn datum(item: Item, judgement: &Judgement, details: &Details, today: time::Date) -> Option<String> {
    let dg13 = judgement.dg13.as_ref();
    let field = |field| dg13.and_then(|dg13| dg13.get(field)).map(str::to_owned);
    let own = |mut text: Zeroizing<String>| std::mem::take(&mut *text);
    let mrz = judgement.mrz.as_ref();
    // The MRZ has names and dates in a poorer form: it serves where the national data do not say.
    let words = |text: &str| text.replace('<', " ");
    match item {
        Item::IdNumber => judgement.number().map(|number| number.digits().to_owned()),
        Item::DocumentNumber => mrz.map(|mrz: &Mrz| mrz.document_number.clone()),
        Item::FullName => field(Field::FullName).or_else(|| details.full_name().map(own)).or_else(|| {
            mrz.map(|mrz| format!("{} {}", words(&mrz.surname), words(&mrz.given_names)).trim().to_owned())
        }),
        Item::DateOfBirth => field(Field::DateOfBirth)
            .or_else(|| details.date_of_birth(mrz))
            .or_else(|| CardDate::from_mrz(&mrz?.birth, Century::Birth { not_after: today.year() })?.day_first()),
        Item::Sex => field(Field::Sex).or_else(|| mrz.map(|mrz| mrz.sex.to_string())),
        Item::Nationality => field(Field::Nationality).or_else(|| mrz.map(|mrz| mrz.nationality.clone())),
        Item::ExpiryDate => {
            field(Field::ExpiryDate).or_else(|| CardDate::from_mrz(&mrz?.expiry, Century::Expiry)?.day_first())
        }
        Item::Ethnicity => field(Field::Ethnicity),
        Item::Religion => field(Field::Religion),
        Item::PlaceOfOrigin => field(Field::PlaceOfOrigin),
        Item::Residence => field(Field::Residence).or_else(|| details.address().map(own)),
        Item::Features => field(Field::Features),
        Item::IssueDate => field(Field::IssueDate).or_else(|| details.issue_date()),
        Item::Father => dg13.and_then(|dg13| dg13.all(Field::Parents).first().cloned()),
        Item::Mother => dg13.and_then(|dg13| dg13.all(Field::Parents).get(1).cloned()),
        Item::Spouse => field(Field::Spouse),
        Item::OldIdNumber => dg13.map(|dg13| dg13.all(Field::OldIdNumber).join("; ")).filter(|all| !all.is_empty()),
        Item::OtherNames => details.other_names().map(own),
        Item::PlaceOfBirth => details.place_of_birth().map(own),
        Item::Telephone => details.telephone().map(own),
        Item::Profession => details.profession().map(own),
        Item::IssuingAuthority => details.issuing_authority().map(own),
        Item::Portrait => None,
    }
}

/// The numbers that somebody had before: those that are signed, and those that only the printed code has.
fn known_as(judgement: &Judgement, known: &Known) -> KnownAs {
    let own = judgement.number().map(|number| number.digits().to_owned());
    let old = |text: &String| old_numbers(text).unwrap_or_default();
    let signed = judgement.dg13.iter().flat_map(|dg13| dg13.all(Field::OldIdNumber)).flat_map(old);
    let mut signed: Vec<Private> = signed.map(Private::from).collect();
    signed.retain(|number| own.as_deref() != Some(number.0.as_str()));
    let printed = known.qr.iter().flat_map(|qr| &qr.old_numbers).map(|number| Private::from(number.clone()));
    let printed = printed.filter(|number| own.as_deref() != Some(number.0.as_str()) && !signed.contains(number));
    let printed = printed.collect();
    KnownAs { signed, printed, listed: None }
}

/// Takes of a chip what the profile takes; nothing where nobody may go on with it. `known` is what was known of the card before. Where
/// people are on a list or counted, the numbers that they had before are looked at as well, for the visit alone.
#[must_use]
pub fn take(
    profile: &Profile,
    reading: &Reading,
    judgement: &Judgement,
    known: &Known,
    admission: Admission,
    now: UnixTime,
) -> Content {
    let Some(assurance) = Assurance::of(judgement, admission) else { return Content::default() };
    let today = in_vietnam(now.0).date();
    let details = Details::of(&reading.evidence, &judgement.verification.passive.bound);
    let datum = |item| datum(item, judgement, &details, today);
    // A card that was signed with odd characters is the issuer's affair: whoever has it is not turned away for them.
    let items = profile.take().iter().filter_map(|item| Some((*item, Text::from(datum(*item)?))));
    let items: BTreeMap<Item, Text> = items.collect();
    let mended = items.iter().filter(|(_, text)| text.is_mended()).map(|(item, _)| *item).collect();
    let looked_up = profile.roster().is_some() || profile.ledger().is_some();
    let known_as = if looked_up { known_as(judgement, known) } else { KnownAs::default() };
    let portrait = profile.takes(Item::Portrait).then(|| groups::portrait(&reading.evidence)).transpose();
    let portrait_reason = portrait.as_ref().err().map(|why| why.code().to_owned());
    let image = portrait.ok().flatten().map(|face| Image::new(face.image_type.media_type(), face.image));
    Content {
        source: judgement.kind.into(),
        issuer: judgement.issuer().to_owned(),
        items,
        mended,
        portrait: image,
        portrait_reason,
        assurance: Some(assurance),
        known_as,
        ..Content::default()
    }
}
