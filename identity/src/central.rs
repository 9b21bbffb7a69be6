//! What central is asked, and how over HTTPS. The private key stays in the key store: TLS asks it to sign.

use crate::TrustedClock;
use crate::state::Credential;
use drivers::key_store::KeyStore;
use events::Clock as _;
use events::event::Bytes;
use events::sync::Refusal;
use fleet::authority::Roots;
use fleet::bundle::MAX_BUNDLE;
use fleet::est::{self, Report, State};
use fleet::residence::{self, Challenge, Claim, Opened};
use openssl::x509::X509;
use program::describe;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, RANGE, RETRY_AFTER};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureAlgorithm, SignatureScheme};
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Why central did not answer as it should.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CentralError {
    /// It refused.
    #[error("central refused: {}", .0.message)]
    Refused(Refusal),
    /// It cannot be reached, or answers what is no answer.
    #[error("central cannot be reached: {why}")]
    Unreachable {
        /// Why.
        why: String,
        /// When to try again, if the server said.
        retry_after: Option<Duration>,
        /// Whether a certificate was not valid at this clock's time.
        time: bool,
    },
    /// The connection cannot be set up: a certificate or key is unusable.
    #[error("the connection cannot be set up: {0}")]
    Local(String),
}

/// What becomes of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolled {
    /// The certificate was issued, DER.
    Issued(Vec<u8>),
    /// A technician has to confirm it; when to ask again.
    Pending(Option<Duration>),
}

/// What a device asks of central. `own` is the credential to connect with.
pub trait Central: Send + Sync {
    /// The fleet's roots and links, without looking who says so: a technician compares words.
    ///
    /// # Errors
    /// When central cannot be reached.
    fn unverified_roots(&self) -> Result<Roots, CentralError>;

    /// The time, for this nonce: a signed statement. The connection's certificates may be over or not yet valid.
    ///
    /// # Errors
    /// When central cannot be reached or leads to none of the roots.
    fn time(&self, roots: &Roots, nonce: Bytes<16>) -> Result<Vec<u8>, CentralError>;

    /// Sends a request (and the PKCS#10 request inside it).
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn enrol(
        &self,
        roots: &Roots,
        own: Option<&Credential>,
        request: &[u8],
        csr: &[u8],
    ) -> Result<Enrolled, CentralError>;

    /// The signed answer that belongs to a credential.
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn assignment(&self, roots: &Roots, own: &Credential) -> Result<Vec<u8>, CentralError>;

    /// Tells central about the device.
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn report(&self, roots: &Roots, own: &Credential, report: &Report) -> Result<(), CentralError>;

    /// Tells central how the device is. A central that does not know this is told nothing.
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn state(&self, _: &Roots, _: &Credential, _: &State) -> Result<(), CentralError> {
        Ok(())
    }

    /// Shows the device's TPM; what that has to open.
    ///
    /// # Errors
    /// When central refuses, cannot be reached, or is older than this question.
    fn claim(&self, roots: &Roots, own: &Credential, claim: &Claim) -> Result<Challenge, CentralError>;

    /// What the TPM gave out.
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn opened(&self, roots: &Roots, own: &Credential, opened: &Opened) -> Result<(), CentralError>;

    /// The newest bundle after a version, if there is one.
    ///
    /// # Errors
    /// When central refuses or cannot be reached.
    fn bundle(&self, roots: &Roots, own: &Credential, after: u64) -> Result<Option<Vec<u8>>, CentralError>;

    /// The next part of a file of an update, named by its SHA-256, from a byte on; empty after the last.
    ///
    /// # Errors
    /// When central refuses, does not have it, or cannot be reached.
    fn file(&self, roots: &Roots, own: &Credential, hash: &str, from: u64) -> Result<Vec<u8>, CentralError>;
}

const TIMEOUT: Duration = Duration::from_secs(20);
/// A bundle may be large and the line thin.
const LONG: Duration = Duration::from_secs(600);

/// The most bytes of roots, a time, an answer or a refusal: at the first contact nobody knows who sends them.
const MOST: usize = 256 * 1024;

/// The TLS provider. The one line that names it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Central over HTTPS.
pub struct Https {
    url: String,
    keys: Arc<dyn KeyStore>,
    clock: Arc<TrustedClock>,
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Https({})", self.url)
    }
}

/// How the server's certificate is looked at.
#[derive(Clone, Copy)]
enum Look<'a> {
    /// It leads to one of these roots, and is valid now.
    Strict(&'a Roots),
    /// It leads to one of these roots.
    Timeless(&'a Roots),
    /// Not at all.
    None,
}

impl Https {
    /// To `url`, with the keys of a device and its clock.
    #[must_use]
    pub fn new(url: &str, keys: Arc<dyn KeyStore>, clock: Arc<TrustedClock>) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), keys, clock }
    }

    /// A client that trusts `roots` and shows `own`.
    ///
    /// # Errors
    /// When a certificate or key is unusable.
    pub fn client(&self, roots: &Roots, own: Option<&Credential>) -> Result<Client, CentralError> {
        self.client_looking(Look::Strict(roots), own, TIMEOUT)
    }

    fn client_looking(
        &self,
        look: Look<'_>,
        own: Option<&Credential>,
        timeout: Duration,
    ) -> Result<Client, CentralError> {
        let local = |error: &dyn std::fmt::Display| CentralError::Local(error.to_string());
        let time = Arc::new(ClockTime(Arc::clone(&self.clock)));
        let builder = ClientConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| local(&e))?;
        let builder = match look {
            Look::Strict(roots) => builder.with_root_certificates(store(roots)?),
            Look::Timeless(roots) => {
                let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store(roots)?), provider());
                let inner = inner.build().map_err(|e| local(&e))?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Timeless(inner)))
            }
            Look::None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Blind(provider()))),
        };
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain: Result<Vec<CertificateDer<'static>>, _> =
                    CertificateDer::pem_slice_iter(own.certificate.as_bytes()).collect();
                let key = StoreKey { keys: Arc::clone(&self.keys), label: own.key.clone() };
                let own = CertifiedKey::new(chain.map_err(|e| local(&e))?, Arc::new(key));
                let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(own));
                builder.with_client_cert_resolver(resolver)
            }
        };
        let client = Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            // A line on which nothing moves is given up; one that is thin is not.
            .tcp_user_timeout(TIMEOUT)
            .timeout(timeout)
            .build();
        client.map_err(|e| local(&describe(&e)))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn store(roots: &Roots) -> Result<RootCertStore, CentralError> {
    let mut store = RootCertStore::empty();
    for root in roots.to_der().map_err(|e| CentralError::Local(e.to_string()))? {
        store.add(CertificateDer::from(root)).map_err(|e| CentralError::Local(e.to_string()))?;
    }
    Ok(store)
}

/// What the network says, as an error. A certificate that is not valid now looks like any other failure from outside;
/// which it was, stands in the text only.
fn unreachable(error: &reqwest::Error) -> CentralError {
    let why = describe(error);
    let time = ["NotValidYet", "Expired", "not valid yet", "expired"].iter().any(|word| why.contains(word));
    CentralError::Unreachable { why, retry_after: None, time }
}

/// The answer, if it is one.
fn answered(response: Response) -> Result<Response, CentralError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let unreachable = || CentralError::Unreachable { why: format!("HTTP {status}"), retry_after, time: false };
    if status.is_client_error() {
        let refusal = body(response, MOST).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Err(refusal.map_or_else(unreachable, CentralError::Refused));
    }
    Err(unreachable())
}

/// What an answer holds, unless it is longer than it can be.
fn body(response: Response, most: usize) -> Result<Vec<u8>, CentralError> {
    let unreachable = |why: String| CentralError::Unreachable { why, retry_after: None, time: false };
    let mut bytes = Vec::new();
    let read = response.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreachable(describe(&error)))?;
    if bytes.len() > most { Err(unreachable(format!("the answer has more than {most} bytes"))) } else { Ok(bytes) }
}

fn no_answer(error: &fleet::FleetError) -> CentralError {
    CentralError::Unreachable { why: error.to_string(), retry_after: None, time: false }
}

impl Central for Https {
    fn unverified_roots(&self) -> Result<Roots, CentralError> {
        let client = self.client_looking(Look::None, None, TIMEOUT)?;
        let response = client.get(self.at(&format!("{}/cacerts", est::PATH))).send().map_err(|e| unreachable(&e))?;
        let bytes = est::from_body(&body(answered(response)?, MOST)?).map_err(|e| no_answer(&e))?;
        let list = est::certificates(&bytes).map_err(|e| no_answer(&e))?;
        let own =
            |certificate: &&X509| certificate.public_key().is_ok_and(|key| certificate.verify(&key).unwrap_or(false));
        let pem: Result<Vec<Vec<u8>>, _> = list.iter().filter(own).map(|root| root.to_pem()).collect();
        let pem = pem.map_err(|e| CentralError::Local(e.to_string()))?.concat();
        Roots::from_pem(&pem).map_err(|e| no_answer(&e))
    }

    fn time(&self, roots: &Roots, nonce: Bytes<16>) -> Result<Vec<u8>, CentralError> {
        let client = self.client_looking(Look::Timeless(roots), None, TIMEOUT)?;
        let url = self.at(&format!("{}?nonce={nonce}", est::TIME_PATH));
        body(answered(client.get(url).send().map_err(|e| unreachable(&e))?)?, MOST)
    }

    fn enrol(
        &self,
        roots: &Roots,
        own: Option<&Credential>,
        request: &[u8],
        csr: &[u8],
    ) -> Result<Enrolled, CentralError> {
        let operation = if own.is_some() { "simplereenroll" } else { "simpleenroll" };
        let response = self
            .client(roots, own)?
            .post(self.at(&format!("{}/{operation}", est::PATH)))
            .header(CONTENT_TYPE, est::PKCS10)
            .header(ACCEPT, est::CERTIFICATES)
            .header(est::REQUEST_HEADER, est::to_header(request))
            .body(est::to_body(csr))
            .send()
            .map_err(|e| unreachable(&e))?;
        if response.status() == reqwest::StatusCode::ACCEPTED {
            let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Ok(Enrolled::Pending(asked.map(Duration::from_secs)));
        }
        let bytes = est::from_body(&body(answered(response)?, MOST)?).map_err(|e| no_answer(&e))?;
        let list = est::certificates(&bytes).map_err(|e| no_answer(&e))?;
        let first = list.first().and_then(|certificate| certificate.to_der().ok());
        first.map(Enrolled::Issued).ok_or_else(|| no_answer(&fleet::FleetError::Malformed("certificate")))
    }

    fn assignment(&self, roots: &Roots, own: &Credential) -> Result<Vec<u8>, CentralError> {
        let request = self.client(roots, Some(own))?.get(self.at(est::ASSIGNMENT_PATH));
        body(answered(request.send().map_err(|e| unreachable(&e))?)?, MOST)
    }

    fn report(&self, roots: &Roots, own: &Credential, report: &Report) -> Result<(), CentralError> {
        let request = self.client(roots, Some(own))?.post(self.at(est::REPORT_PATH)).json(report);
        answered(request.send().map_err(|e| unreachable(&e))?).map(drop)
    }

    fn state(&self, roots: &Roots, own: &Credential, state: &State) -> Result<(), CentralError> {
        let request = self.client(roots, Some(own))?.post(self.at(est::STATE_PATH)).json(state);
        let response = request.send().map_err(|e| unreachable(&e))?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(());
        }
        answered(response).map(drop)
    }

    fn claim(&self, roots: &Roots, own: &Credential, claim: &Claim) -> Result<Challenge, CentralError> {
        let request = self.client(roots, Some(own))?.post(self.at(residence::CLAIM_PATH)).json(claim);
        let bytes = body(answered(request.send().map_err(|e| unreachable(&e))?)?, MOST)?;
        serde_json::from_slice(&bytes).map_err(|_| no_answer(&fleet::FleetError::Malformed("question for a TPM")))
    }

    fn opened(&self, roots: &Roots, own: &Credential, opened: &Opened) -> Result<(), CentralError> {
        let request = self.client(roots, Some(own))?.post(self.at(residence::OPENED_PATH)).json(opened);
        answered(request.send().map_err(|e| unreachable(&e))?).map(drop)
    }

    fn bundle(&self, roots: &Roots, own: &Credential, after: u64) -> Result<Option<Vec<u8>>, CentralError> {
        let client = self.client_looking(Look::Strict(roots), Some(own), LONG)?;
        let url = self.at(&format!("{}?after={after}", est::BUNDLE_PATH));
        let response = answered(client.get(url).send().map_err(|e| unreachable(&e))?)?;
        if response.status() == reqwest::StatusCode::NO_CONTENT {
            return Ok(None);
        }
        body(response, MAX_BUNDLE).map(Some)
    }

    fn file(&self, roots: &Roots, own: &Credential, hash: &str, from: u64) -> Result<Vec<u8>, CentralError> {
        let client = self.client_looking(Look::Strict(roots), Some(own), LONG)?;
        let request = client
            .get(self.at(&format!("{}/{hash}", est::FILE_PATH)))
            .header(RANGE, format!("bytes={from}-{}", from + est::FILE_PART - 1));
        let response = request.send().map_err(|e| unreachable(&e))?;
        if response.status() == reqwest::StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Vec::new());
        }
        let response = answered(response)?;
        if response.status() != reqwest::StatusCode::PARTIAL_CONTENT {
            // The whole of it, perhaps from a cache in between: it would be put in the wrong place.
            let why = "the part of a file that was asked for did not come".to_owned();
            return Err(CentralError::Unreachable { why, retry_after: None, time: false });
        }
        body(response, usize::try_from(est::FILE_PART).unwrap_or(usize::MAX))
    }
}

/// The device's clock for TLS.
#[derive(Debug)]
struct ClockTime(Arc<TrustedClock>);

impl rustls::time_provider::TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.wall()))
    }
}

fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// Looks at everything but the time.
#[derive(Debug)]
struct Timeless(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Timeless {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let bad = || rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let certificate = X509::from_der(end_entity).map_err(|_| bad())?;
        let (from, _) = fleet::authority::validity(&certificate).map_err(|_| bad())?;
        // A moment at which it was valid; the links are older than what was issued below them.
        self.0.verify_server_cert(end_entity, intermediates, name, ocsp, unix_time(from + 1))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Looks at nothing: for the first contact only, whose roots people compare.
#[derive(Debug)]
struct Blind(Arc<CryptoProvider>);

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

struct StoreKey {
    keys: Arc<dyn KeyStore>,
    label: String,
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreKey({})", self.label)
    }
}

impl SigningKey for StoreKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let fits = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        let key = || Self { keys: Arc::clone(&self.keys), label: self.label.clone() };
        fits.then(|| Box::new(key()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for StoreKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let failed = |e: &dyn std::fmt::Display| rustls::Error::General(format!("key store: {e}"));
        let plain = self.keys.sign(&self.label, message).map_err(|e| failed(&e))?;
        fleet::request::signature_der(&plain).map_err(|e| failed(&e))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
