//! What the device signs for others to check: RFC 7515 and RFC 7517.

use super::Site;
use crate::recorder::EVENT_KEY;
use program::Failure;
use serde_json::json;

impl Site {
    /// Signs a claim as a JWS in its compact form (RFC 7515) with the key that signs events (ES256).
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign_jws(&self, kind: &str, claim: &serde_json::Value) -> Result<String, Failure> {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
        let header = json!({ "alg": "ES256", "typ": kind, "kid": self.key_id() });
        let claim = zeroize::Zeroizing::new(claim.to_string());
        let mut jws = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claim.as_bytes()));
        let signature = self.recorder.keys.sign(EVENT_KEY, jws.as_bytes());
        let signature = signature.map_err(|e| Failure::from(e).with_remedy("check the key store"))?;
        jws.push('.');
        jws.push_str(&BASE64.encode(signature));
        Ok(jws)
    }

    /// The identifier of the key that signs: the first eight bytes of the SHA-256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn key_id(&self) -> String {
        events::hash(&self.recorder.event_key).to_string()[..16].to_owned()
    }

    /// The key that signs, as a JWK (RFC 7517).
    ///
    /// # Errors
    /// When it is no key on P-256.
    pub fn jwk(&self) -> Result<serde_json::Value, Failure> {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
        // SubjectPublicKeyInfo of P-256 ends in the uncompressed point.
        let key = &self.recorder.event_key;
        let point = key.len().checked_sub(65).and_then(|from| key.get(from..)).filter(|point| point[0] == 4);
        let point = point.ok_or_else(|| {
            Failure::device("key_store_crypto", "the event key is not on P-256", "enrol the device again")
        })?;
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        Ok(json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.key_id(), "use": "sig", "alg": "ES256" }))
    }
}
