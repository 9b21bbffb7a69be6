//! HTTPS to central with the device's certificate. The private key stays in the key store: TLS asks it to sign.

use super::machine::Answer;
use crate::failure::Failure;
use drivers::key_store::KeyStore;
use events::sync::{BATCH_MEDIA_TYPE, EVENTS_PATH, encode_batch};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SignatureAlgorithm, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Label of the TLS key.
pub const TLS_KEY: &str = "tls";

const TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to central.
#[derive(Debug, Clone)]
pub struct Https {
    client: reqwest::blocking::Client,
    url: String,
}

impl Https {
    /// Trusts `authority` for the server and shows `certificate`.
    ///
    /// # Errors
    /// When a file is missing or unusable.
    pub fn new(url: &str, certificate: &Path, authority: &Path, keys: Arc<dyn KeyStore>) -> Result<Self, Failure> {
        let remedy = "enrol the device again, or mend the paths in agent.toml";
        let broken = |what: String| Failure::device("uplink_configuration", what, remedy);
        let certificates = |path: &Path| {
            let pem = std::fs::read(path).map_err(|e| broken(format!("cannot read {}: {e}", path.display())))?;
            let found: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            found.map_err(|_| broken(format!("{} holds no certificate", path.display())))
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(authority)? {
            roots.add(root).map_err(|e| broken(e.to_string()))?;
        }
        let key = Arc::new(StoreKey(keys));
        let resolver = SingleCertAndKey::from(CertifiedKey::new(certificates(certificate)?, key));
        let resolver: Arc<dyn ResolvesClientCert> = Arc::new(resolver);
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| broken(e.to_string()))?
            .with_root_certificates(roots)
            .with_client_cert_resolver(resolver);
        let client = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|e| broken(emrtd::error::describe(&e)))?;
        Ok(Self { client, url: format!("{}{EVENTS_PATH}", url.trim_end_matches('/')) })
    }

    /// Sends a batch and says what became of it.
    #[must_use]
    pub fn send(&self, batch: &[Vec<u8>]) -> Answer {
        let body = encode_batch(batch.iter().map(Vec::as_slice));
        let request = self.client.post(&self.url).header("content-type", BATCH_MEDIA_TYPE).body(body);
        let response = match request.send() {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(code = "central_unreachable", error = emrtd::error::describe(&error), "uplink");
                return Answer::Unreachable { retry_after: None };
            }
        };
        let status = response.status();
        let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let parsed = if status.is_success() {
            response.json().map(Answer::Receipt)
        } else if status.is_client_error() {
            response.json().map(Answer::Refusal)
        } else {
            return Answer::Unreachable { retry_after };
        };
        parsed.unwrap_or(Answer::Unreachable { retry_after })
    }
}

struct StoreKey(Arc<dyn KeyStore>);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey")
    }
}

impl SigningKey for StoreKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let fits = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        fits.then(|| Box::new(Self(Arc::clone(&self.0))) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for StoreKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let failed = |e: &dyn std::fmt::Display| rustls::Error::General(format!("key store: {e}"));
        let plain = self.0.sign(TLS_KEY, message).map_err(|e| failed(&e))?;
        let number = |bytes| openssl::bn::BigNum::from_slice(bytes);
        let (r, s) = plain.split_at(32);
        let der = number(r)
            .and_then(|r| openssl::ecdsa::EcdsaSig::from_private_components(r, number(s)?))
            .and_then(|signature| signature.to_der());
        der.map_err(|e| failed(&e))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
