//! The fleet's own certification authority: P-256, one level, for devices and for central.

use events::Clock;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Provisioning failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// A file could not be read or written.
    #[error("cannot {operation} {path}")]
    Io {
        /// `read`, `write`, …
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is there already; nothing is overwritten.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The pass phrase does not open the CA key.
    #[error("the pass phrase does not open {0}")]
    Locked(PathBuf),
    /// The device's key store.
    #[error("the device's key store")]
    KeyStore(#[from] drivers::key_store::KeyStoreError),
    /// The cryptographic library.
    #[error("the cryptographic library failed")]
    Crypto(#[from] ErrorStack),
    /// A name that cannot be used.
    #[error("{0:?} is no device name: use a-z, 0-9 and '-', at most 63 characters")]
    Name(String),
}

pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ProvisionError {
    move |source| ProvisionError::Io { operation, path: path.to_owned(), source }
}

/// Writes a new file, readable by the owner only.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), ProvisionError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(ProvisionError::Exists(path.to_owned()));
        }
        file => file.map_err(io("write", path))?,
    };
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write", path))
}

/// The fleet CA: certificate and private key.
pub struct FleetCa {
    certificate: X509,
    key: PKey<Private>,
}

impl std::fmt::Debug for FleetCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FleetCa")
    }
}

const CERTIFICATE: &str = "fleet-ca.cert.pem";
const KEY: &str = "fleet-ca.key.pem";
const DAY: i64 = 86_400;

impl FleetCa {
    /// Makes a CA in a directory, its key encrypted under the pass phrase.
    ///
    /// # Errors
    /// When there is one already, or files cannot be written.
    pub fn create(directory: &Path, pass_phrase: &[u8], clock: &dyn Clock) -> Result<Self, ProvisionError> {
        std::fs::create_dir_all(directory).map_err(io("make", directory))?;
        let key = new_key()?;
        let name = common_name("cccd-edge fleet CA")?;
        let mut builder = builder(&name, &name, &public(&key)?, clock, 20 * 365)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        write_new(&directory.join(KEY), &encrypted(&key, pass_phrase)?)?;
        write_new(&directory.join(CERTIFICATE), &certificate.to_pem()?)?;
        Ok(Self { certificate, key })
    }

    /// Opens the CA of a directory.
    ///
    /// # Errors
    /// When it is not there or the pass phrase is wrong.
    pub fn open(directory: &Path, pass_phrase: &[u8]) -> Result<Self, ProvisionError> {
        let read = |name| {
            let path = directory.join(name);
            std::fs::read(&path).map_err(io("read", &path))
        };
        let certificate = X509::from_pem(&read(CERTIFICATE)?)?;
        let key = PKey::private_key_from_pem_passphrase(&read(KEY)?, pass_phrase)
            .map_err(|_| ProvisionError::Locked(directory.join(KEY)))?;
        Ok(Self { certificate, key })
    }

    /// The CA certificate in PEM.
    ///
    /// # Errors
    /// When the library fails.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ProvisionError> {
        Ok(self.certificate.to_pem()?)
    }

    /// A certificate for a device's TLS key, in PEM. The device's name is its common name.
    ///
    /// # Errors
    /// When the key is malformed.
    pub fn device_certificate(
        &self,
        device: &str,
        public_key: &[u8],
        clock: &dyn Clock,
    ) -> Result<Vec<u8>, ProvisionError> {
        let key = PKey::public_key_from_der(public_key)?;
        let name = common_name(device)?;
        let mut builder = builder(&name, self.certificate.subject_name(), &key, clock, 825)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build().to_pem()?)
    }

    /// Key (encrypted under the pass phrase) and certificate of a central endpoint, written to a directory as
    /// `server.key.pem`, `server.cert.pem` and `fleet-ca.cert.pem`.
    ///
    /// # Errors
    /// When the files are there already or cannot be written.
    pub fn server(
        &self,
        directory: &Path,
        hosts: &[String],
        pass_phrase: &[u8],
        clock: &dyn Clock,
    ) -> Result<(), ProvisionError> {
        std::fs::create_dir_all(directory).map_err(io("make", directory))?;
        let key = new_key()?;
        let name = common_name(hosts.first().map_or("central", String::as_str))?;
        let mut builder = builder(&name, self.certificate.subject_name(), &public(&key)?, clock, 825)?;
        let mut alternative = SubjectAlternativeName::new();
        for host in hosts {
            match host.parse::<std::net::IpAddr>() {
                Ok(_) => alternative.ip(host),
                Err(_) => alternative.dns(host),
            };
        }
        let alternative = alternative.build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(alternative)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        write_new(&directory.join("server.key.pem"), &encrypted(&key, pass_phrase)?)?;
        write_new(&directory.join("server.cert.pem"), &builder.build().to_pem()?)?;
        write_new(&directory.join(CERTIFICATE), &self.certificate.to_pem()?)
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn public(key: &PKey<Private>) -> Result<PKey<Public>, ErrorStack> {
    PKey::public_key_from_der(&key.public_key_to_der()?)
}

fn encrypted(key: &PKey<Private>, pass_phrase: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), pass_phrase)
}

fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(builder.build())
}

/// A certificate that began a day ago: the first clock that checks it may be slow.
fn builder(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Public>,
    clock: &dyn Clock,
    days: i64,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(clock.wall() - DAY)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(clock.wall() + days * DAY)?)?;
    Ok(builder)
}
