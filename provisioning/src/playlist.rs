//! The operator's side of playlists: a key, and signatures over what devices show while nobody is served.

use crate::operator::not_signed;
use drivers::key_store::KeyStore as _;
use drivers::key_store::file::FileKeyStore;
use kiosk_ui::playlist::Playlist;
use program::{Failure, files};
use std::path::Path;

/// Label of the operator's key.
pub const LABEL: &str = "playlist";

/// Checks a playlist as a device would, and signs it.
///
/// # Errors
/// When it is not a playlist, or the key cannot be used.
pub fn sign(keys: &Path, pass_phrase: &[u8], playlist: &Path, out: &Path) -> Result<Playlist, Failure> {
    let invalid = |why: &dyn std::error::Error| {
        let message = format!("{}: {}", playlist.display(), program::describe(why));
        Failure::usage("playlist_invalid", message, "write it as /usr/share/doc/cccd-provisioning/kiosk.md shows")
    };
    let text = String::from_utf8(files::read(playlist)?).map_err(|error| invalid(&error))?;
    let checked = Playlist::parse(&text).map_err(|error| invalid(&error))?;
    let store = FileKeyStore::new(keys, pass_phrase);
    let public = store.public_key(LABEL)?;
    let signed = events::sign_document("playlist", text.as_bytes(), &public, |data| store.sign(LABEL, data));
    let signed = signed.map_err(|error| not_signed(&error))?;
    files::write(out, signed)?;
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::make_key;
    use openssl::pkey::PKey;

    #[test]
    fn what_is_signed_here_is_shown_there() {
        let directory = tempfile::tempdir().expect("directory");
        let path = |name: &str| directory.path().join(name);
        let phrase = b"correct horse battery";
        make_key(&path("keys"), LABEL, phrase, &path("public.pem")).expect("key");
        let text = "version = 3\n[[notice]]\ntitle_vi='A'\ntitle_en='B'\ntext_vi=''\ntext_en=''\n";
        std::fs::write(path("playlist.toml"), text).expect("file");
        sign(&path("keys"), phrase, &path("playlist.toml"), &path("signed")).expect("signed");
        let public = PKey::public_key_from_pem(&std::fs::read(path("public.pem")).expect("file")).expect("PEM");
        let verifier = events::Verifier::new(&public.public_key_to_der().expect("DER")).expect("P-256");
        let opened = verifier.open_document("playlist", &std::fs::read(path("signed")).expect("file"));
        assert_eq!(opened.expect("a device opens it"), text.as_bytes());
        std::fs::write(path("playlist.toml"), "version = 3\n[[notice]]\n").expect("file");
        assert!(sign(&path("keys"), phrase, &path("playlist.toml"), &path("signed")).is_err(), "checked before");
    }
}
