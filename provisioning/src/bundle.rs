//! The operator's side of bundles: a key, and signatures over what devices use.

use crate::operator;
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore as _, sealed};
use events::Clock;
use fleet::acceptance::{Acceptance, Trust};
use fleet::bundle::{Bundle, Envelope};
use fleet::{FleetError, sealed_list};
use program::{Failure, files};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Label of the operator's key.
pub const LABEL: &str = "bundle";

/// What a bundle says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// Its number.
    pub version: u64,
    /// The kind of fleet that it is for.
    pub environment: &'a str,
    /// Days for which it may be the newest.
    pub fresh_days: u32,
    /// A bundle that operators signed together: all that is not light is taken over from it.
    pub over: Option<&'a Path>,
}

/// Puts the files of a directory into a bundle and signs it; how many parts it has.
///
/// # Errors
/// When a file does not belong, or the key cannot be used.
pub fn build(
    keys: &Path,
    pass_phrase: &[u8],
    directory: &Path,
    heading: &Heading<'_>,
    clock: &dyn Clock,
    out: &Path,
) -> Result<usize, Failure> {
    let &Heading { version, environment, fresh_days, over } = heading;
    let bundle = Bundle::of_directory(directory, version, environment, clock.wall())?.fresh_for(fresh_days);
    let envelope = match over {
        None => return write(&bundle, keys, pass_phrase, out).map(|()| bundle.entries.len()),
        Some(over) => Envelope::take_over(bundle, &Envelope::parse(&files::read(over)?)?)?,
    };
    let environment_of = &envelope.bundle().environment;
    if environment_of != environment {
        let (offered, own) = (environment_of.clone(), environment.to_owned());
        return Err(FleetError::Environment { offered, own }.into());
    }
    countersigned(envelope, keys, pass_phrase, out).map(|bundle| bundle.entries.len())
}

/// Signs what is in a bundle with this key, whoever signed it before, as the first; its version.
///
/// # Errors
/// When it is no bundle, or the key cannot be used.
pub fn sign(keys: &Path, pass_phrase: &[u8], file: &Path, out: &Path) -> Result<u64, Failure> {
    let bundle = Bundle::inspect(&files::read(file)?)?;
    write(&bundle, keys, pass_phrase, out)?;
    Ok(bundle.version)
}

/// Signs a bundle with this key beside those who signed it before; its version.
///
/// # Errors
/// When it is no bundle, or of the format before this one, or the key cannot be used.
pub fn countersign(keys: &Path, pass_phrase: &[u8], file: &Path, out: &Path) -> Result<u64, Failure> {
    let envelope = Envelope::parse(&files::read(file)?)?;
    countersigned(envelope, keys, pass_phrase, out).map(|bundle| bundle.version)
}

fn countersigned(mut envelope: Envelope, keys: &Path, pass_phrase: &[u8], out: &Path) -> Result<Bundle, Failure> {
    let store = FileKeyStore::new(keys, pass_phrase);
    envelope.countersign(&store.public_key(LABEL)?, &|m| store.sign(LABEL, m).map_err(|e| e.to_string()))?;
    files::write(out, envelope.to_bytes())?;
    Ok(envelope.into_bundle())
}

fn write(bundle: &Bundle, keys: &Path, pass_phrase: &[u8], out: &Path) -> Result<(), Failure> {
    let store = FileKeyStore::new(keys, pass_phrase);
    let signed = bundle.sign(&store.public_key(LABEL)?, &|m| store.sign(LABEL, m).map_err(|e| e.to_string()))?;
    files::write(out, signed)
}

/// Seals a list that was sealed under a pass phrase for its way for the devices of a site, as bundles have it.
///
/// # Errors
/// When the pass phrase does not open it, it is no signed list, or the key is none of a site.
pub fn seal(list: &Path, list_phrase: &[u8], site: &Path, out: &Path) -> Result<(), Failure> {
    let point = sealed_list::point(&files::read(site)?)?;
    let opened = sealed::open(list_phrase, &files::read(list)?).ok_or_else(|| {
        let message = format!("the pass phrase does not open {}", list.display());
        Failure::usage("roster_locked", message, "name the file with the pass phrase that the list was sealed under")
    })?;
    events::signed::document_payload(&opened).map(Zeroizing::new).map_err(|error| {
        let message = format!("{} holds no signed list: {error}", list.display());
        Failure::usage("roster_not_signed", message, "make it with `provision roster-sign`")
    })?;
    files::write(out, sealed_list::seal(&point, &opened)?)
}

/// What is in a bundle, in words; with operators' keys, also who of them signed it, and whether devices that trust exactly them
/// would take it.
///
/// # Errors
/// When it is no bundle, or not enough of them signed it.
pub fn inspect(file: &Path, keys: &[PathBuf], clock: &dyn Clock) -> Result<String, Failure> {
    let bytes = files::read(file)?;
    let envelope = Envelope::parse(&bytes)?;
    let bundle = envelope.bundle();
    let mut text = format!("bundle {} for {:?}, {} parts\n", bundle.version, bundle.environment, bundle.entries.len());
    for entry in &bundle.entries {
        let (path, hash) = (&entry.path, events::hash(&entry.bytes));
        text += &format!("  {path:<40} {:>9} bytes  {hash}\n", entry.bytes.len());
    }
    text += &match bundle.fresh_until {
        None => "of the format before this one: stale on every device\n".to_owned(),
        Some(until) => match (until - clock.wall()).div_euclid(86_400) {
            over if over < 0 => format!("stale since {} days\n", -over),
            days => format!("the newest for {days} more days\n"),
        },
    };
    if let Some(over) = envelope.over()? {
        text += &format!("all but lists and notices is that of bundle {over}\n");
    }
    if keys.is_empty() {
        text += "signatures not looked at: name the operators' keys with --key\n";
        return Ok(text);
    }
    let operators = keys.iter().map(|key| operator::public_key(key)).collect::<Result<Vec<_>, _>>()?;
    let trust = Trust::of(&operators);
    let accepted = Acceptance { trust: &trust, environment: &bundle.environment, known: 0 }.open(&bytes)?;
    text += &accepted.signers.iter().map(|by| format!("signed by {by}\n")).collect::<String>();
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::make_key;
    use events::SystemClock;

    #[test]
    fn what_is_built_here_is_taken_there() {
        let directory = tempfile::tempdir().expect("directory");
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(path("parts/trust")).expect("directory");
        std::fs::write(path("parts/site.toml"), "profile = \"identify\"\n").expect("part");
        std::fs::write(path("parts/trust/csca.der"), "x").expect("part");
        let (keys, phrase) = (path("keys"), b"correct horse battery");
        make_key(&keys, LABEL, phrase, &path("public.pem")).expect("key");
        let heading = Heading { version: 3, environment: "practice", fresh_days: 30, over: None };
        let clock = SystemClock::new();
        let build = |from: &Path| build(&keys, phrase, from, &heading, &clock, &path("out"));
        let inspect = |file: &str, keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| path(key)).collect();
            inspect(&path(file), &keys, &clock)
        };
        assert_eq!(build(&path("parts")).expect("built"), 2);
        let shown = inspect("out", &["public.pem"]).expect("shown");
        assert!(
            shown.contains("bundle 3") && shown.contains("trust/csca.der") && shown.contains("signed by"),
            "{shown}"
        );
        assert!(shown.contains("29 more days") || shown.contains("30 more days"), "{shown}");
        make_key(&path("others"), LABEL, phrase, &path("other.pem")).expect("key");
        assert!(inspect("out", &["other.pem"]).is_err(), "another's");

        // Two operators: neither alone, and beside what both signed one of them.
        let both = ["public.pem", "other.pem"];
        assert_eq!(inspect("out", &both).expect_err("one alone").code, "bundle_signatures");
        assert_eq!(countersign(&path("others"), phrase, &path("out"), &path("both")).expect("signed"), 3);
        let shown = inspect("both", &both).expect("shown");
        assert_eq!(shown.matches("signed by").count(), 2, "{shown}");
        std::fs::create_dir_all(path("light/playlist")).expect("directory");
        std::fs::write(path("light/playlist/notices"), "x").expect("part");
        let over = path("both");
        let light = Heading { version: 4, over: Some(&over), ..heading };
        let of = |from: &str, heading: &Heading<'_>| {
            super::build(&path("others"), phrase, &path(from), heading, &clock, &path("one"))
        };
        assert_eq!(of("light", &light).expect("built"), 3);
        let shown = inspect("one", &both).expect("one is enough");
        assert!(shown.contains("that of bundle 3") && shown.matches("signed by").count() == 1, "{shown}");
        assert_eq!(of("parts", &light).expect_err("no settings of its own").code, "bundle_entry");
        let elsewhere = Heading { environment: "production", ..light };
        assert_eq!(of("light", &elsewhere).expect_err("of another fleet").code, "bundle_environment");
        std::fs::write(path("parts/notes.txt"), "x").expect("part");
        assert!(build(&path("parts")).expect_err("a stray file").to_string().contains("notes.txt"));
    }
}
