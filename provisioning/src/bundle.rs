//! The operator's side of bundles: a key, and signatures over what devices use.

use crate::operator;
use drivers::key_store::KeyStore as _;
use drivers::key_store::file::FileKeyStore;
use events::Clock;
use fleet::bundle::{Acceptance, Bundle};
use program::{Failure, files};
use std::path::Path;

/// Label of the operator's key.
pub const LABEL: &str = "bundle";

/// Puts the files of a directory into a bundle and signs it; how many parts it has.
///
/// # Errors
/// When a file does not belong, or the key cannot be used.
pub fn build(
    keys: &Path,
    pass_phrase: &[u8],
    directory: &Path,
    version: u64,
    environment: &str,
    clock: &dyn Clock,
    out: &Path,
) -> Result<usize, Failure> {
    let bundle = Bundle::of_directory(directory, version, environment, clock.wall())?;
    write(&bundle, keys, pass_phrase, out)?;
    Ok(bundle.entries.len())
}

/// Signs what is in a bundle with this key, whoever signed it before; its version.
///
/// # Errors
/// When it is no bundle, or the key cannot be used.
pub fn sign(keys: &Path, pass_phrase: &[u8], file: &Path, out: &Path) -> Result<u64, Failure> {
    let bundle = Bundle::inspect(&files::read(file)?)?;
    write(&bundle, keys, pass_phrase, out)?;
    Ok(bundle.version)
}

fn write(bundle: &Bundle, keys: &Path, pass_phrase: &[u8], out: &Path) -> Result<(), Failure> {
    let store = FileKeyStore::new(keys, pass_phrase);
    let signed = bundle.sign(&store.public_key(LABEL)?, &|m| store.sign(LABEL, m).map_err(|e| e.to_string()))?;
    files::write(out, signed)
}

/// What is in a bundle, in words; with a key, also whether that key signed it.
///
/// # Errors
/// When it is no bundle, or the key did not sign it.
pub fn inspect(file: &Path, key: Option<&Path>) -> Result<String, Failure> {
    let bytes = files::read(file)?;
    let bundle = Bundle::inspect(&bytes)?;
    let mut text = format!("bundle {} for {:?}, {} parts\n", bundle.version, bundle.environment, bundle.entries.len());
    for entry in &bundle.entries {
        let (path, hash) = (&entry.path, events::hash(&entry.bytes));
        text += &format!("  {path:<40} {:>9} bytes  {hash}\n", entry.bytes.len());
    }
    match key {
        None => text += "signature not looked at: name the operator's key with --key\n",
        Some(key) => {
            let operator = operator::public_key(key)?;
            let acceptance = Acceptance { operators: &[operator], environment: &bundle.environment, known: 0 };
            let (_, by) = acceptance.open(&bytes)?;
            text += &format!("signed by {by}\n");
        }
    }
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
        let build = |from: &Path| build(&keys, phrase, from, 3, "practice", &SystemClock::new(), &path("out"));
        assert_eq!(build(&path("parts")).expect("built"), 2);
        let shown = inspect(&path("out"), Some(&path("public.pem"))).expect("shown");
        assert!(
            shown.contains("bundle 3") && shown.contains("trust/csca.der") && shown.contains("signed by"),
            "{shown}"
        );
        make_key(&path("others"), LABEL, phrase, &path("other.pem")).expect("key");
        assert!(inspect(&path("out"), Some(&path("other.pem"))).is_err(), "another's");
        std::fs::write(path("parts/notes.txt"), "x").expect("part");
        assert!(build(&path("parts")).expect_err("a stray file").to_string().contains("notes.txt"));
    }
}
