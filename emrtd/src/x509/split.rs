//! One file, many objects: concatenated DER, or the PEM blocks of a text (RFC 7468).

use crate::tlv::{Reader, TlvError};

/// Splits concatenated DER certificates, or the PEM blocks of a text.
///
/// # Errors
/// When a DER object is malformed or a PEM block is not base64.
pub fn split_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, TlvError> {
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN")) {
        return pem_blocks(text);
    }
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(object) = reader.next()? {
        all.push(object.raw.to_vec());
    }
    Ok(all)
}

fn pem_blocks(text: &str) -> Result<Vec<Vec<u8>>, TlvError> {
    let mut blocks = Vec::new();
    let mut body: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with("-----BEGIN") {
            body = Some(String::new());
        } else if line.starts_with("-----END") {
            let encoded = body.take().ok_or(TlvError::Value("PEM"))?;
            blocks.push(openssl::base64::decode_block(&encoded).map_err(|_| TlvError::Value("PEM base64"))?);
        } else if let Some(body) = &mut body {
            body.push_str(line);
        }
    }
    Ok(blocks)
}
