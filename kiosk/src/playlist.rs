//! Playlists as devices get them: signed by the operator.
//!
//! The file is a document of the kind `playlist` ([`events::sign_document`]) whose payload is a
//! [`Playlist`]. What is not signed with the operator's key is not shown: a screen that says
//! "scan this" to strangers must not be anybody's.

use events::Verifier;
use kiosk_ui::playlist::Playlist;
use openssl::pkey::PKey;
use program::Failure;
use std::path::Path;

/// Opens a signed playlist with the operator's public key (PEM).
///
/// # Errors
/// When a file cannot be read, the signature is not the operator's, or the content is not a playlist.
pub fn load(file: &Path, key: &Path) -> Result<Playlist, Failure> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|e| {
            let message = format!("cannot read {}: {e}", path.display());
            Failure::usage("playlist_unreadable", message, "mend file and key of [kiosk.playlist] in agent.toml")
        })
    };
    let (bytes, pem) = (read(file)?, read(key)?);
    let der = PKey::public_key_from_pem(&pem).and_then(|key| key.public_key_to_der());
    let verifier = der.ok().and_then(|der| Verifier::new(&der).ok()).ok_or_else(|| {
        let message = format!("{} is no public key on P-256", key.display());
        Failure::usage("playlist_key", message, "make one with `provision playlist-key`")
    })?;
    let payload = verifier.open_document("playlist", &bytes).map_err(|e| {
        let message = format!("{}: {e}", file.display());
        Failure::usage("playlist_signature", message, "sign it with `provision playlist-sign` and the right key")
    })?;
    Playlist::parse(&String::from_utf8_lossy(&payload)).map_err(|e| {
        Failure::usage("playlist_invalid", e.to_string(), "compare with /usr/share/doc/cccd-agent/configuration.md")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version = 7\n[[notice]]\ntitle_vi='A'\ntitle_en='B'\ntext_vi=''\ntext_en=''\n";

    #[test]
    fn only_the_operators_playlist_is_shown() {
        use drivers::key_store::{KeyStore as _, file::FileKeyStore};
        let directory = tempfile::tempdir().expect("directory");
        let keys = FileKeyStore::new(directory.path(), b"correct horse battery");
        let mut files = Vec::new();
        for (label, kind) in [("operator", "playlist"), ("stranger", "playlist"), ("operator", "roster")] {
            let public = keys.generate(label).or_else(|_| keys.public_key(label)).expect("key");
            let signed = events::sign_document(kind, TEXT.as_bytes(), &public, |data| keys.sign(label, data));
            let file = directory.path().join(format!("{label}.{kind}"));
            std::fs::write(&file, signed.expect("signed")).expect("file");
            files.push(file);
            let pem = PKey::public_key_from_der(&public).and_then(|key| key.public_key_to_pem()).expect("PEM");
            std::fs::write(directory.path().join(format!("{label}.pub")), pem).expect("file");
        }
        let key = directory.path().join("operator.pub");
        assert_eq!(load(&files[0], &key).expect("the operator's").version, 7);
        for other in &files[1..] {
            assert_eq!(load(other, &key).expect_err("not it").code, "playlist_signature");
        }
        let mut changed = std::fs::read(&files[0]).expect("file");
        let at = changed.len() / 2;
        changed[at] ^= 1;
        std::fs::write(&files[0], changed).expect("file");
        assert_eq!(load(&files[0], &key).expect_err("changed").code, "playlist_signature");
        assert_eq!(load(&files[0], &files[1]).expect_err("no key").code, "playlist_key");
    }
}
