//! The fleet's own certification authority: P-256, one level, for devices and for central; and what the others need to
//! check what it issued.
//!
//! A CA is a directory:
//!
//! | file | is |
//! |---|---|
//! | `root-N.cert.pem`, `root-N.key.pem` | the N-th root, from 1; the key is sealed under the pass phrase ([`events::sealed`]) |
//! | `issuing` | the number of the root that issues now |
//! | `link-N.cert.pem` | root N's key, certified by root N-1: who trusts only the old root follows it to the new one |
//! | `fleet-ca.cert.pem` | the roots that are trusted now |
//! | `sites.sealed` | the secret that the sites' counting keys are derived from, sealed under the pass phrase |
//! | `chains` | the sites' keys that end: [`crate::sites`] |
//! | `delegated` | says that an issuing key signs for devices, and has the sites' keys; none where the root itself does |
//!
//! A root that stays off line certifies an *issuing key*: a directory with the file `issuer` has no root's key, and
//! signs with that one.
//!
//! A root is changed in three steps, days or months apart: [`FleetCa::add_root`], after which bundles carry both;
//! [`FleetCa::use_root`], when the devices say that they have it; [`FleetCa::retire_root`].

mod issuing;
mod roots;

pub use issuing::{Certified, ISSUERS, MOST_DAYS, install, request};
pub use roots::Roots;

use crate::error::{FleetError, io};
use crate::files::{replace, secret, write_new};
use crate::sites::{Kept, SiteKeys};
use events::Clock;
use events::sealed::{self, Lock};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};
use program::private;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The fleet CA, with the root that issues now.
pub struct FleetCa {
    directory: PathBuf,
    number: u32,
    /// The certificate of `key`: a root, or an issuing key's.
    root: X509,
    issues_below: bool,
    key: PKey<Private>,
    sites: Zeroizing<Vec<u8>>,
    /// All that lies in the directory is under it.
    lock: Lock,
}

impl std::fmt::Debug for FleetCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FleetCa(root {}{})", self.number, if self.issues_below { ", issuing key" } else { "" })
    }
}

/// The file with the roots that are trusted.
pub const ROOTS: &str = "fleet-ca.cert.pem";
const ISSUING: &str = "issuing";
const SITES: &str = "sites.sealed";
const DAY: i64 = 86_400;
/// Days that a device's certificate lasts, unless the operator wants otherwise.
pub const DEVICE_DAYS: u32 = 397;

fn certificate_path(directory: &Path, kind: &str, number: u32) -> PathBuf {
    directory.join(format!("{kind}-{number}.cert.pem"))
}

fn read(path: &Path) -> Result<Vec<u8>, FleetError> {
    std::fs::read(path).map_err(io("read", path))
}

fn read_certificate(path: &Path) -> Result<X509, FleetError> {
    X509::from_pem(&read(path)?).map_err(|_| FleetError::Malformed("certificate"))
}

/// Makes the files of a root.
fn make_root(directory: &Path, number: u32, lock: &Lock, clock: &dyn Clock) -> Result<X509, FleetError> {
    let key = new_key()?;
    let name = common_name(&format!("cccd-edge fleet root {number}"))?;
    let root = authority(&name, &name, &public(&key)?, &key, clock)?;
    write_new(&directory.join(format!("root-{number}.key.pem")), &lock.seal_key(&key)?)?;
    write_new(&certificate_path(directory, "root", number), &root.to_pem()?)?;
    Ok(root)
}

/// A CA certificate for a key.
fn authority(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Public>,
    issuer_key: &PKey<Private>,
    clock: &dyn Clock,
) -> Result<X509, FleetError> {
    let mut builder = builder(subject, issuer, key, clock, 20 * 365)?;
    // One link between two roots, no other authority below.
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(1).build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    builder.sign(issuer_key, MessageDigest::sha256())?;
    Ok(builder.build())
}

impl FleetCa {
    /// Makes a CA in a directory, its keys encrypted under the pass phrase.
    ///
    /// # Errors
    /// When there is one already, or files cannot be written.
    pub fn create(directory: &Path, pass_phrase: &[u8], clock: &dyn Clock) -> Result<Self, FleetError> {
        private::directory(directory).map_err(io("make", directory))?;
        let lock = Lock::new(pass_phrase);
        let root = make_root(directory, 1, &lock, clock)?;
        write_new(&directory.join(ROOTS), &root.to_pem()?)?;
        write_new(&directory.join(ISSUING), b"1")?;
        let mut sites = Zeroizing::new([0; 32]);
        openssl::rand::rand_priv_bytes(&mut *sites)?;
        write_new(&directory.join(SITES), &lock.seal(&*sites)?)?;
        Self::unlock(directory, lock)
    }

    /// Opens the CA of a directory.
    ///
    /// # Errors
    /// When it is not there or the pass phrase is wrong.
    pub fn open(directory: &Path, pass_phrase: &[u8]) -> Result<Self, FleetError> {
        Self::unlock(directory, Lock::new(pass_phrase))
    }

    fn unlock(directory: &Path, lock: Lock) -> Result<Self, FleetError> {
        let issuing = read(&directory.join(ISSUING))?;
        let number = std::str::from_utf8(&issuing).ok().and_then(|text| text.trim().parse().ok());
        let number: u32 = number.ok_or(FleetError::Malformed("number of a root"))?;
        let issuer = issuing::active(directory)?;
        let (kind, at) = issuer.map_or(("root", number), |issuer| ("issuer", issuer));
        let root = read_certificate(&certificate_path(directory, kind, at))?;
        let key = open_key(&lock, &directory.join(format!("{kind}-{at}.key.pem")))?;
        let path = directory.join(SITES);
        let sites = lock.open(&secret(&path)?).ok_or(FleetError::Locked(path))?;
        let issues_below = issuer.is_some();
        Ok(Self { directory: directory.to_owned(), number, root, issues_below, key, sites, lock })
    }

    /// The keys of a site, stepped to now; one set for all its devices. Its chains begin when it is asked for first.
    ///
    /// # Errors
    /// When its file cannot be read or written, or is of another CA; when this is a root that certified an issuing key, which has
    /// them: chains that began in two places would know nobody again.
    pub fn site_keys(&self, site: &str, now: i64) -> Result<SiteKeys, FleetError> {
        self.lets_in()?;
        Kept::new(&self.directory, &self.sites).of(site, now)
    }

    /// Steps the chains of every site to now, and wipes what was.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn step_sites(&self, now: i64) -> Result<(), FleetError> {
        Kept::new(&self.directory, &self.sites).step(now)
    }

    /// The roots that are trusted now.
    ///
    /// # Errors
    /// When the file is not there.
    pub fn roots(&self) -> Result<Roots, FleetError> {
        Roots::from_pem(&read(&self.directory.join(ROOTS))?)
    }

    /// The links between them, DER.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn links(&self) -> Result<Vec<X509>, FleetError> {
        let paths = (2..=self.number).map(|number| certificate_path(&self.directory, "link", number));
        paths.filter(|path| path.exists()).map(|path| read_certificate(&path)).collect()
    }

    /// Makes the next root and its link from the one that issues now. Both are trusted from now on; the old one goes on
    /// issuing. Returns the new root's number.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn add_root(&self, clock: &dyn Clock) -> Result<u32, FleetError> {
        self.is_root()?;
        let next = self.number + 1;
        let root = make_root(&self.directory, next, &self.lock, clock)?;
        let link = authority(root.subject_name(), self.root.subject_name(), &public_of(&root)?, &self.key, clock)?;
        write_new(&certificate_path(&self.directory, "link", next), &link.to_pem()?)?;
        let roots = [self.roots()?.to_pem()?, root.to_pem()?].concat();
        replace(&self.directory.join(ROOTS), &roots)?;
        Ok(next)
    }

    /// Lets another root issue from now on.
    ///
    /// # Errors
    /// When there is no such root, or it is trusted no longer.
    pub fn use_root(&self, number: u32, pass_phrase: &[u8]) -> Result<Self, FleetError> {
        self.is_root()?;
        let key = public_of(&read_certificate(&certificate_path(&self.directory, "root", number))?)?;
        let key = key.public_key_to_der()?;
        // Whatever a retired root issued, every device would refuse.
        if !self.roots()?.keys().contains(&key) {
            return Err(FleetError::Root("retired root"));
        }
        replace(&self.directory.join(ISSUING), number.to_string().as_bytes())?;
        Self::open(&self.directory, pass_phrase)
    }

    /// Trusts a root no longer. The one that issues cannot be retired.
    ///
    /// # Errors
    /// When there is no such root, or it issues.
    pub fn retire_root(&self, number: u32) -> Result<(), FleetError> {
        self.is_root()?;
        let path = certificate_path(&self.directory, "root", number);
        let retired = public_of(&read_certificate(&path)?)?.public_key_to_der()?;
        let mut roots = self.roots()?;
        roots.0.retain(|root| public_of(root).and_then(|key| key.public_key_to_der()).ok().as_ref() != Some(&retired));
        if number == self.number || roots.0.is_empty() {
            return Err(FleetError::Root("remaining fleet"));
        }
        replace(&self.directory.join(ROOTS), &roots.to_pem()?)
    }

    /// SubjectPublicKeyInfo of the key that issues.
    ///
    /// # Errors
    /// When the library fails.
    pub fn public_key(&self) -> Result<Vec<u8>, FleetError> {
        Ok(self.key.public_key_to_der()?)
    }

    /// Signs with the key that issues: `r ‖ s`.
    ///
    /// # Errors
    /// With what the library says.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        sign(&self.key, message).map_err(|error| error.to_string())
    }

    /// A certificate for a device's TLS key, in DER. The device's name is its common name.
    ///
    /// # Errors
    /// When name or key are malformed.
    pub fn device_certificate(
        &self,
        device: &str,
        public_key: &[u8],
        clock: &dyn Clock,
        days: u32,
    ) -> Result<Vec<u8>, FleetError> {
        if !is_device_name(device) {
            return Err(FleetError::Name(device.to_owned()));
        }
        let key = PKey::public_key_from_der(public_key)?;
        let name = common_name(device)?;
        let mut builder = builder(&name, self.root.subject_name(), &key, clock, days.into())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build().to_der()?)
    }

    /// Key (sealed under the pass phrase) and certificate of a central endpoint, written to a directory as
    /// `server.key.pem`, `server.cert.pem` (with links to older roots) and `fleet-ca.cert.pem`. What is there of an
    /// earlier root is replaced.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn server(
        &self,
        directory: &Path,
        hosts: &[String],
        pass_phrase: &[u8],
        clock: &dyn Clock,
    ) -> Result<(), FleetError> {
        self.is_root()?;
        private::directory(directory).map_err(io("make", directory))?;
        let key = new_key()?;
        let name = common_name(hosts.first().map_or("central", String::as_str))?;
        let mut builder = builder(&name, self.root.subject_name(), &public(&key)?, clock, 825)?;
        let mut alternative = SubjectAlternativeName::new();
        for host in hosts {
            match host.parse::<std::net::IpAddr>() {
                Ok(_) => alternative.ip(host),
                Err(_) => alternative.dns(host),
            };
        }
        let alternative = alternative.build(&builder.x509v3_context(Some(&self.root), None))?;
        builder.append_extension(alternative)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        let mut chain = builder.build().to_pem()?;
        for link in self.links()? {
            chain.extend(link.to_pem()?);
        }
        replace(&directory.join("server.key.pem"), &Lock::new(pass_phrase).seal_key(&key)?)?;
        replace(&directory.join("server.cert.pem"), &chain)?;
        replace(&directory.join(ROOTS), &self.roots()?.to_pem()?)
    }
}

/// Whether a name can be a device's: a-z, 0-9 and `-`, at most 63.
#[must_use]
pub fn is_device_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(plain)
}

/// ECDSA P-256 with SHA-256 over a message: `r ‖ s`.
///
/// # Errors
/// When the key is no P-256 key.
pub fn sign(key: &PKey<Private>, message: &[u8]) -> Result<[u8; 64], ErrorStack> {
    let signature = EcdsaSig::sign(&openssl::sha::sha256(message), &*key.ec_key()?)?;
    let mut plain = [0; 64];
    plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
    plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
    Ok(plain)
}

/// Seconds since 1970 between which a certificate is valid.
///
/// # Errors
/// When its times cannot be read.
pub fn validity(certificate: &X509) -> Result<(i64, i64), FleetError> {
    let epoch = Asn1Time::from_unix(0)?;
    let seconds = |time| -> Result<i64, ErrorStack> {
        let since = epoch.diff(time)?;
        Ok(i64::from(since.days) * DAY + i64::from(since.secs))
    };
    Ok((seconds(certificate.not_before())?, seconds(certificate.not_after())?))
}

fn public_of(certificate: &X509) -> Result<PKey<Public>, ErrorStack> {
    certificate.public_key()
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn public(key: &PKey<Private>) -> Result<PKey<Public>, ErrorStack> {
    PKey::public_key_from_der(&key.public_key_to_der()?)
}

/// Opens the file of a private key.
///
/// # Errors
/// When it cannot be read, others can, it is in another format, or the pass phrase does not open it.
pub fn open_key(lock: &Lock, path: &Path) -> Result<PKey<Private>, FleetError> {
    let file = secret(path)?;
    if sealed::cost(&file).is_none() {
        return Err(FleetError::Malformed("sealed private key"));
    }
    lock.open_key(&file).ok_or_else(|| FleetError::Locked(path.to_owned()))
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
    builder.set_not_before(&*asn1_time(clock.wall() - DAY)?)?;
    builder.set_not_after(&*asn1_time(clock.wall() + days * DAY)?)?;
    Ok(builder)
}

/// As RFC 5280 writes it. Through text: `time_t` of 32-bit boards ends in 2038.
fn asn1_time(at: i64) -> Result<Asn1Time, ErrorStack> {
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]Z");
    let at = time::OffsetDateTime::from_unix_timestamp(at).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    Asn1Time::from_str_x509(&at.format(format).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::SystemClock;

    const PHRASE: &[u8] = b"pass phrase";

    fn device_key() -> Vec<u8> {
        new_key().and_then(|key| key.public_key_to_der()).expect("key")
    }

    #[test]
    fn who_trusts_the_old_root_follows_the_link_to_the_new_one() {
        let (directory, clock) = (tempfile::tempdir().expect("directory"), SystemClock::new());
        let ca = FleetCa::create(directory.path(), PHRASE, &clock).expect("CA");
        let old = ca.roots().expect("roots");
        assert_eq!(ca.add_root(&clock).expect("root"), 2);
        let both = ca.roots().expect("roots");
        assert_eq!(both.fingerprints().len(), 2);
        let ca = ca.use_root(2, PHRASE).expect("root 2");
        let server = tempfile::tempdir().expect("directory");
        ca.server(server.path(), &["127.0.0.1".to_owned()], PHRASE, &clock).expect("server");
        let chain =
            X509::stack_from_pem(&std::fs::read(server.path().join("server.cert.pem")).expect("file")).expect("PEM");
        assert!(old.reach(&chain) && both.reach(&chain), "over the link, and directly");
        assert!(!old.reach(&chain[..1]), "not without it");
        let device =
            X509::from_der(&ca.device_certificate("d", &device_key(), &clock, 90).expect("certificate")).expect("DER");
        assert!(!old.issued(&device));
        let mut offered = ca.links().expect("links");
        offered.extend(both.0.clone());
        let extended = old.extended(&offered);
        assert!(extended.issued(&device), "old and link make the new root known");
        assert_eq!(old.extended(&both.0).fingerprints(), old.fingerprints(), "a root without a link is a stranger");
        let (from, until) = validity(&device).expect("validity");
        assert_eq!(until - from, 91 * DAY, "it began a day ago");
        assert_eq!(ca.retire_root(2).expect_err("it issues").code(), "fleet_root");
        ca.retire_root(1).expect("retired");
        assert_eq!(ca.use_root(1, PHRASE).expect_err("it is retired").code(), "fleet_root");
        assert_eq!(ca.roots().expect("roots").fingerprints(), [crate::fingerprint(&ca.public_key().expect("key"))]);
    }

    #[test]
    fn a_link_makes_its_root_known_and_is_none_itself() {
        let (directory, clock) = (tempfile::tempdir().expect("directory"), SystemClock::new());
        let ca = FleetCa::create(directory.path(), PHRASE, &clock).expect("CA");
        let old = ca.roots().expect("roots");
        ca.add_root(&clock).expect("root");
        let (both, ca) = (ca.roots().expect("roots"), ca.use_root(2, PHRASE).expect("root 2"));
        let links = ca.links().expect("links");
        assert_eq!(old.extended(&links).fingerprints(), old.fingerprints(), "the root itself is missing");
        let offered = [links, both.0.clone()].concat();
        assert_eq!(old.extended(&offered).to_der().expect("DER"), both.to_der().expect("DER"));
        assert_eq!(Roots::from_pem(b"").expect_err("none").code(), "fleet_malformed");
    }

    #[test]
    fn a_chain_of_a_stranger_leads_nowhere() {
        let clock = SystemClock::new();
        let (home, away) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
        let ca = FleetCa::create(home.path(), PHRASE, &clock).expect("CA");
        let stranger = FleetCa::create(away.path(), PHRASE, &clock).expect("CA");
        stranger.add_root(&clock).expect("root");
        let stranger = stranger.use_root(2, PHRASE).expect("root 2");
        ca.add_root(&clock).expect("root");
        let server = tempfile::tempdir().expect("directory");
        stranger.server(server.path(), &["127.0.0.1".to_owned()], PHRASE, &clock).expect("server");
        let chain = std::fs::read(server.path().join("server.cert.pem")).expect("file");
        let chain = X509::stack_from_pem(&chain).expect("PEM");
        let roots = ca.roots().expect("roots");
        assert!(!roots.reach(&chain), "over the stranger's own link");
        assert!(stranger.roots().expect("roots").reach(&chain));
        // A link of this fleet beside it changes nothing: it did not issue what stands before it.
        let link = X509::from_pem(&std::fs::read(home.path().join("link-2.cert.pem")).expect("file")).expect("PEM");
        assert!(!roots.reach(&[chain[0].clone(), link]));
        assert!(!roots.reach(&[]));
    }

    #[test]
    fn a_device_has_a_plain_name() {
        for good in ["d", "kiosk-1", &"a".repeat(63)] {
            assert!(is_device_name(good), "{good}");
        }
        for bad in ["", "Kiosk", "a b", "a.b", "a_b", "a/b", "kiosk-\u{1ebf}", "a\0", &"a".repeat(64)] {
            assert!(!is_device_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_devices_certificate_is_no_authority() {
        let (directory, clock) = (tempfile::tempdir().expect("directory"), SystemClock::new());
        let ca = FleetCa::create(directory.path(), PHRASE, &clock).expect("CA");
        let roots = ca.roots().expect("roots");
        let rogue_key = new_key().expect("key");
        let rogue =
            ca.device_certificate("d", &rogue_key.public_key_to_der().expect("key"), &clock, 90).expect("certificate");
        let rogue = X509::from_der(&rogue).expect("DER");
        let name = common_name("central").expect("name");
        let mut forged =
            builder(&name, rogue.subject_name(), &public(&rogue_key).expect("key"), &clock, 1).expect("builder");
        forged.sign(&rogue_key, MessageDigest::sha256()).expect("signed");
        let forged = forged.build();
        assert!(!roots.reach(&[forged.clone(), rogue.clone()]), "nothing hangs below a device");
        assert_eq!(roots.extended(&[rogue, forged]).fingerprints(), roots.fingerprints());
        assert_eq!(
            ca.device_certificate("Kiosk 1", &device_key(), &clock, 90).expect_err("name").code(),
            "device_name"
        );
        assert_eq!(FleetCa::open(directory.path(), b"other").expect_err("phrase").code(), "fleet_locked");
    }
}
