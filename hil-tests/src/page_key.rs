//! What the desk's page has instead of a token, without a browser: a key that signs each request (`docs/local-api.md`).

use anyhow::Context as _;
use openssl::base64::encode_block;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A page's key, and the nonce that the agent named last.
#[derive(Debug)]
pub struct PageKey {
    key: EcKey<Private>,
    nonce: Mutex<String>,
    proofs: AtomicU64,
}

fn base64url(bytes: &[u8]) -> String {
    encode_block(bytes).replace('\n', "").replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

impl PageKey {
    /// A new one.
    ///
    /// # Errors
    /// When the library fails.
    pub fn new() -> anyhow::Result<Self> {
        let key = EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?;
        Ok(Self { key, nonce: Mutex::default(), proofs: AtomicU64::new(0) })
    }

    fn coordinates(&self) -> anyhow::Result<[String; 2]> {
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        self.key.public_key().affine_coordinates(self.key.group(), &mut x, &mut y, &mut *BigNumContext::new()?)?;
        Ok([base64url(&x.to_vec_padded(32)?), base64url(&y.to_vec_padded(32)?)])
    }

    /// The public key (RFC 7517).
    ///
    /// # Panics
    /// When the library fails.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let [x, y] = self.coordinates().expect("a point");
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    /// The header `proof` of a request.
    ///
    /// # Errors
    /// When the library fails.
    pub fn proof(&self, method: &str, target: &str, body: &[u8]) -> anyhow::Result<String> {
        let [x, y] = self.coordinates()?;
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = base64url(&openssl::sha::sha256(thumbprint.as_bytes()));
        let jti = format!("{:032}", self.proofs.fetch_add(1, Ordering::Relaxed));
        let nonce = self.nonce.lock().ok().context("the nonce")?.clone();
        let body = base64url(&openssl::sha::sha256(body));
        let head = json!({ "typ": "cccd-proof+jwt", "alg": "ES256", "kid": kid });
        let claims = json!({ "jti": jti, "htm": method, "htu": target, "nonce": nonce, "body": body });
        let signed = format!("{}.{}", base64url(head.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
        let signature = EcdsaSig::sign(&openssl::sha::sha256(signed.as_bytes()), &self.key)?;
        let raw = [signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?].concat();
        Ok(format!("{signed}.{}", base64url(&raw)))
    }

    /// Takes the nonce of an answer; whether it is another one.
    pub fn heard(&self, response: &Response) -> bool {
        response
            .headers()
            .get("proof-nonce")
            .and_then(|nonce| nonce.to_str().ok())
            .is_some_and(|nonce| self.take(nonce))
    }

    /// The same of an answer that was read by hand.
    pub fn take(&self, nonce: &str) -> bool {
        let Ok(mut known) = self.nonce.lock() else { return false };
        let other = *known != nonce;
        nonce.clone_into(&mut known);
        other
    }
}
