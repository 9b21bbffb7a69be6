//! Document signers that nobody vouches for, as an operator compares them with what an authority publishes: for people, for
//! `provision trust pin`, and as files.
//!
//! The certificates come from cards that nobody vouched for: what cannot be read is shown by its hash, and names are fit to
//! be shown.

use crate::people::Scope;
use crate::store::{EventStore, SeenSigner, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use emrtd::{Certificate, UnixTime};
use serde::Serialize;
use std::path::Path;

/// What the list is; a change of meaning changes the number.
pub const SCHEMA: &str = "cccd-central/signers/1";
/// The list in a directory of exported certificates.
pub const FILE: &str = "signers.json";
/// How many signers are listed where nobody says how many.
pub const MOST: usize = 1000;

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signers {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The signers, those that the most devices saw first.
    pub signers: Vec<SignerView>,
}

/// A signer as people and programs see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerView {
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// What the certificate says, where it is one.
    pub content: Option<Content>,
    /// Kinds of document that it signed.
    pub documents: Vec<String>,
    /// How many devices saw it.
    pub devices: u64,
    /// How many documents of it were read.
    pub count: u64,
    /// Over how many numbers at most: a person who came to two devices counts twice.
    pub numbers_at_most: u64,
    /// When the first one was read, seconds since 1970.
    pub since: i64,
    /// When a device last told of it.
    pub last: i64,
    /// The certificate, base64.
    pub certificate: String,
}

/// What a certificate says of itself. Nothing of it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The subject's name.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// Country, upper case.
    pub country: String,
    /// First day of validity.
    pub not_before: String,
    /// Last day of validity.
    pub not_after: String,
    /// Whether it is a certification authority: such a one is not pinned.
    pub authority: bool,
}

impl From<SeenSigner> for SignerView {
    fn from(seen: SeenSigner) -> Self {
        let content = Certificate::parse(&seen.certificate).ok().map(|certificate| Content {
            subject: certificate.subject_name(),
            issuer: certificate.issuer_name(),
            country: certificate.country().or_else(|| certificate.issuer_country()).unwrap_or_default(),
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            authority: certificate.claims_authority(),
        });
        Self {
            sha256: seen.fingerprint.to_string(),
            content,
            documents: seen.documents,
            devices: seen.devices,
            count: seen.count,
            numbers_at_most: seen.numbers,
            since: seen.since,
            last: seen.last,
            certificate: BASE64_STANDARD.encode(&seen.certificate),
        }
    }
}

impl SignerView {
    fn text(&self) -> String {
        let Self { sha256, documents, devices, count, numbers_at_most, since, last, .. } = self;
        let groups: Vec<&str> = (0..sha256.len()).step_by(4).filter_map(|at| sha256.get(at..at + 4)).collect();
        let content = self.content.as_ref().map_or_else(
            || "  no certificate that can be read\n".to_owned(),
            |Content { subject, issuer, country, not_before, not_after, authority }| {
                let role = if *authority { " (an authority)" } else { "" };
                format!(
                    "  subject    {subject}{role}\n  issuer     {issuer}\n  country    {country}\n  \
                     valid      {not_before} to {not_after}\n"
                )
            },
        );
        format!(
            "SHA-256 {}\n{content}  documents  {count} of {}, over {numbers_at_most} numbers at most\n  \
             seen       at {devices} devices, from {} to {}\n\n",
            groups.join(" "),
            documents.join(", "),
            UnixTime(*since),
            UnixTime(*last)
        )
    }
}

impl Signers {
    /// Those that devices of some sites tell of.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of(store: &dyn EventStore, most: usize, scope: &Scope) -> Result<Self, StoreError> {
        Ok(Self { schema: SCHEMA, signers: store.signers(most, scope)?.into_iter().map(SignerView::from).collect() })
    }

    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        if self.signers.is_empty() {
            return "no document signer was seen that nobody vouches for\n".to_owned();
        }
        let each: String = self.signers.iter().map(SignerView::text).collect();
        each + "None of these is vouched for. Compare a fingerprint with what its authority publishes, then: provision trust pin\n"
    }

    /// Writes each certificate as `SHA256.cer` into a directory, and the list beside them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn export(&self, directory: &Path) -> std::io::Result<()> {
        program::private::directory(directory)?;
        for signer in &self.signers {
            let certificate = BASE64_STANDARD.decode(&signer.certificate).unwrap_or_default();
            std::fs::write(directory.join(format!("{}.cer", signer.sha256)), certificate)?;
        }
        std::fs::write(directory.join(FILE), serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStore;
    use crate::store::conformance::tells;
    use events::Chain;
    use events::sync::Enrolment;

    #[test]
    fn what_is_no_certificate_is_shown_by_its_hash_and_exported_as_it_came() {
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(&directory.path().join("central.db")).expect("store");
        let empty = Signers::of(&store, MOST, &Scope::everywhere()).expect("list");
        assert!(empty.text().contains("no document signer"));
        let [device, site, event_key] = ["a", "s", "k"].map(str::to_owned);
        store.add_device(&Enrolment { device, site, event_key }).expect("registered");
        store.append("a", Chain::EMPTY, &[tells("a", 1, 4, 86_400)], 1).expect("appended");
        let list = Signers::of(&store, MOST, &Scope::everywhere()).expect("list");
        let text = list.text();
        let begin = &list.signers[0].sha256[..4];
        for part in
            [begin, "no certificate that can be read", "4 of citizen_card", "4 numbers at most", "from 1970-01-02"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let out = directory.path().join("out");
        list.export(&out).expect("exported");
        let file = out.join(format!("{}.cer", events::hash(b"one")));
        assert_eq!(std::fs::read(file).expect("file"), b"one");
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(out.join(FILE)).expect("list")).expect("JSON");
        assert_eq!((&json["schema"], &json["signers"][0]["content"]), (&SCHEMA.into(), &serde_json::Value::Null));
        assert_eq!(json["signers"][0]["certificate"], "b25l");
    }
}
