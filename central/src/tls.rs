//! Mutual TLS: who is connected is what the client certificate says, and nothing else.

use crate::door::{Door, Guarded, Place};
use axum::Extension;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use events::sealed::Lock;
use program::private::SecretError;
use program::{Coded, exit};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::Layer as _;

/// The TLS files cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no usable {what}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// Others can read the key.
    #[error(transparent)]
    Secret(SecretError),
    /// rustls does not take the combination.
    #[error("TLS configuration")]
    Rustls(#[from] rustls::Error),
    /// The client verifier cannot be built.
    #[error("client certificate authority")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

impl TlsError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "tls_unreadable",
            Self::Content { .. } => "tls_content",
            Self::Secret(error) => error.code(),
            Self::Rustls(_) | Self::Verifier(_) => "tls_unusable",
        }
    }
}

impl Coded for TlsError {
    fn code(&self) -> &str {
        Self::code(self)
    }

    fn remedy(&self) -> &str {
        match self {
            Self::Read { .. } => "make them with `provision server`, and let central's user read them",
            Self::Content { .. } => "give the pass phrase under which `provision server` made it, or make it anew",
            Self::Secret(error) => error.remedy(),
            Self::Rustls(_) | Self::Verifier(_) => "make certificate and key anew: provision server",
        }
    }

    fn exit(&self) -> u8 {
        exit::USAGE
    }
}

/// The device at the other end of a connection, from its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Common name.
    pub name: String,
    /// Fingerprint of its key.
    pub key: String,
}

/// Files of the endpoint.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Server certificate, PEM.
    pub certificate: PathBuf,
    /// Server key, sealed.
    pub key: PathBuf,
    /// The CA of the devices, PEM.
    pub authority: PathBuf,
    /// The issuing keys that it certified, PEM; where there is no such file, it issues itself.
    pub issuers: PathBuf,
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found
        .ok()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| TlsError::Content { path: path.to_owned(), what: "certificate" })
}

/// The TLS provider. The one line that names it.
#[must_use]
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl TlsFiles {
    /// Those that `provision server` and `cccd-central init` write into a directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self {
            certificate: directory.join("server.cert.pem"),
            key: directory.join("server.key.pem"),
            authority: directory.join(fleet::authority::ROOTS),
            issuers: directory.join(fleet::authority::ISSUERS),
        }
    }

    fn no_key(&self) -> TlsError {
        TlsError::Content { path: self.key.clone(), what: "key for this pass phrase" }
    }

    /// The server's private key.
    ///
    /// # Errors
    /// When it cannot be read or the pass phrase is wrong.
    pub fn key(&self, pass_phrase: &[u8]) -> Result<openssl::pkey::PKey<openssl::pkey::Private>, TlsError> {
        let file = program::private::secret(&self.key).map_err(|error| match error {
            SecretError::Io { path, source } => TlsError::Read { path, source },
            error => TlsError::Secret(error),
        })?;
        Lock::new(pass_phrase).open_key(&file).ok_or_else(|| self.no_key())
    }

    /// The server's certificate and its links to older roots, DER.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn chain(&self) -> Result<Vec<Vec<u8>>, TlsError> {
        Ok(certificates(&self.certificate)?.into_iter().map(|certificate| certificate.to_vec()).collect())
    }

    /// The issuing keys whose devices are let in: a device shows its own certificate only. Each is one that a root of now certified.
    fn issuers(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        if !self.issuers.exists() {
            return Ok(Vec::new());
        }
        let listed = certificates(&self.issuers)?;
        let wrong = || TlsError::Content { path: self.issuers.clone(), what: "certificate of an issuing key" };
        let parsed: Result<Vec<_>, _> = listed.iter().map(|der| openssl::x509::X509::from_der(der)).collect();
        let roots = fleet::authority::Roots::from_pem(&read(&self.authority)?).map_err(|_| wrong())?;
        let known = roots.issuers(&parsed.map_err(|_| wrong())?).keys().len();
        if known == listed.len() { Ok(listed) } else { Err(wrong()) }
    }

    /// Builds the configuration: TLS 1.3, a client certificate of the fleet CA, or none: a device that has none yet may
    /// ask for one, and the routes that want one say so.
    ///
    /// # Errors
    /// When a file is missing or unusable.
    pub fn load(&self, pass_phrase: &[u8]) -> Result<RustlsConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority)? {
            roots.add(certificate)?;
        }
        for certificate in self.issuers()? {
            roots.add(certificate)?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = verifier.allow_unauthenticated().build()?;
        let key = self.key(pass_phrase)?.private_key_to_pkcs8().map_err(|_| self.no_key())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&self.certificate)?, key)?;
        // No HTTP/2: a device has one request at a time, and streams, windows and resets are nothing but more to hold for strangers.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(RustlsConfig::from_config(Arc::new(config)))
    }
}

/// The device at the other end, from its certificate; none without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub Option<Presented>);

/// Accepts TLS, gives each connection its place at the door, and tells the service who is there.
#[derive(Clone, Debug)]
pub struct PeerAcceptor {
    tls: RustlsAcceptor,
    door: Arc<Door>,
}

impl PeerAcceptor {
    /// Over a TLS configuration.
    #[must_use]
    pub fn new(config: RustlsConfig, door: Arc<Door>) -> Self {
        Self { tls: RustlsAcceptor::new(config), door }
    }
}

fn presented(certificate: &CertificateDer<'_>) -> Option<Presented> {
    let certificate = openssl::x509::X509::from_der(certificate).ok()?;
    let name = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME).next()?;
    // Not `as_utf8`, which ends at a NUL that the issuer may have signed.
    let name = String::from_utf8(name.data().as_slice().to_vec()).ok()?;
    let key = certificate.public_key().and_then(|key| key.public_key_to_der()).ok()?;
    Some(Presented { name, key: fleet::fingerprint(&key) })
}

/// The service as the TLS acceptor hands it on.
type Secured<S> = <RustlsAcceptor as Accept<TcpStream, S>>::Service;
/// What a request of a connection brings along.
type Known<S> = <Extension<Arc<Place>> as tower::Layer<<Extension<Peer> as tower::Layer<S>>::Service>>::Service;

impl<S: Send + 'static> Accept<TcpStream, S> for PeerAcceptor {
    type Stream = Guarded<TlsStream<TcpStream>>;
    type Service = Known<Secured<S>>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let entered = stream.peer_addr().map(|from| self.door.enter(from.ip()));
        let handshake = self.tls.accept(stream, service);
        Box::pin(async move {
            let (place, mut ended) = entered?;
            let shaken = tokio::select! {
                biased;
                _ = &mut ended => return Err(io::Error::other("another connection has taken the place")),
                shaken = handshake => shaken,
            };
            let (stream, service) = shaken?;
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let peer = match certificate {
                None => None,
                Some(certificate) => {
                    let named = presented(certificate);
                    Some(named.ok_or_else(|| io::Error::other("the client certificate names no device"))?)
                }
            };
            if let Some(device) = &peer {
                place.is_device(&device.name);
            }
            let service = Extension(Arc::clone(&place)).layer(Extension(Peer(peer)).layer(service));
            Ok((Guarded::new(stream, place, ended), service))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::{X509, X509Name};

    #[test]
    fn a_name_is_that_of_the_whole_certificate_or_none() {
        let key = openssl::ec::EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)
            .and_then(|group| openssl::ec::EcKey::generate(&group))
            .and_then(PKey::from_ec_key)
            .expect("key");
        let shown = |names: &[&str]| {
            let mut name = X509Name::builder().expect("name");
            for text in names {
                name.append_entry_by_nid(Nid::COMMONNAME, text).expect("name");
            }
            let mut builder = X509::builder().expect("builder");
            builder.set_subject_name(&name.build()).expect("name");
            let day = |days| openssl::asn1::Asn1Time::days_from_now(days).expect("time");
            builder.set_not_before(&day(0)).expect("time");
            builder.set_not_after(&day(1)).expect("time");
            builder.set_pubkey(&key).expect("key");
            builder.sign(&key, openssl::hash::MessageDigest::sha256()).expect("signed");
            let der = builder.build().to_der().expect("DER");
            presented(&CertificateDer::from(der)).map(|presented| presented.name)
        };
        assert_eq!(shown(&["kiosk-1"]).as_deref(), Some("kiosk-1"));
        assert_eq!(shown(&["kiosk-1\0of somebody else"]).as_deref(), Some("kiosk-1\0of somebody else"));
        assert_eq!(shown(&[]), None);
    }
}
