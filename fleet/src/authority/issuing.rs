//! The issuing key: what signs for devices while the root stays off line.
//!
//! The root certifies it for clients only and for no authority below it (`pathlen:0`, `clientAuth`). Whoever has it lets devices
//! in and signs answers and receipts. It can be no central, tell no time, and make no root known: a device looks for that in
//! [`Roots::reach`] and [`Roots::extended`].
//!
//! | file | is |
//! |---|---|
//! | `issuer-N.key.pem` | the N-th issuing key, from 1, sealed under the pass phrase |
//! | `issuer-N.csr.pem` | its request (PKCS#10) for the ceremony at the root |
//! | `issuer-N.cert.pem` | its certificate, by a root |
//! | `issuers.cert.pem` | the certificates of all issuing keys here, for central, which looks at devices' certificates |
//! | `issuer` | the number of the issuing key that signs now: where it is, no root's key is looked for |
//! | `root-N.cert.pem`, `link-N.cert.pem`, `fleet-ca.cert.pem`, `issuing`, `sites.sealed`, `chains` | as in the root's own directory |
//!
//! The sites' keys are in one place only. Where the root itself signed before, its directory `chains` is moved to the issuing
//! key's; [`install`] looks that they are there. From [`FleetCa::certify`] on the root's directory has the file `delegated`,
//! and lets no device in any more.

use super::roots::is_issuer;
use super::{FleetCa, ISSUING, ROOTS, Roots, SITES, builder, certificate_path, common_name, new_key, open_key, read};
use crate::error::{FleetError, io};
use crate::files::{replace, write_new};
use crate::request::{Octets, octets};
use crate::sites;
use crate::{decode, encode, payload, sealed_box};
use events::sealed::Lock;
use events::{Clock, Verifier, sign_document};
use openssl::hash::MessageDigest;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509Req};
use program::private;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const ISSUER: &str = "issuer";
/// The file with the issuing keys' certificates, for whoever is to know them.
pub const ISSUERS: &str = "issuers.cert.pem";
const KIND: &str = "issuing-certificate";
const WHAT: &str = "certificate of an issuing key";
/// Version of [`Certified`].
const VERSION: u32 = 1;
/// The most days that a root certifies an issuing key for.
pub const MOST_DAYS: u32 = 5 * 366;
/// The file that says which key waits for its certificate.
const PENDING: &str = "issuer.pending";
/// The file of a root that says that an issuing key signs for devices.
const DELEGATED: &str = "delegated";

/// What comes back from the root: a signed document (kind `issuing-certificate`) under the root's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    #[serde(rename = "v")]
    version: u32,
    /// The number of the root that certified it.
    root: u32,
    /// Roots that are trusted, DER.
    roots: Vec<Octets>,
    /// Links between them, DER, from that to the second root on.
    links: Vec<Octets>,
    /// The secret of the sites, in a [`sealed_box`] for the issuing key.
    #[serde(with = "octets")]
    sites: Vec<u8>,
    /// Sites whose chains began at the root, by the names of their files: these are moved to the issuing key.
    chains: Vec<String>,
    /// The certificate, DER.
    #[serde(with = "octets")]
    certificate: Vec<u8>,
}

/// The number of the issuing key that signs now; none where a root does.
pub(super) fn active(directory: &Path) -> Result<Option<u32>, FleetError> {
    number(&directory.join(ISSUER))
}

fn number(path: &Path) -> Result<Option<u32>, FleetError> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| FleetError::Malformed("number of an issuing key")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path)(error)),
    }
}

fn key_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("issuer-{number}.key.pem"))
}

/// Makes the next issuing key in a directory, and its request: PKCS#10 in PEM, and where it is. The key that signs now goes on.
///
/// # Errors
/// When another waits for its certificate already, or files cannot be written.
pub fn request(directory: &Path, pass_phrase: &[u8]) -> Result<PathBuf, FleetError> {
    private::directory(directory).map_err(io("make", directory))?;
    let next = active(directory)?.unwrap_or(0) + 1;
    let key = new_key()?;
    let mut builder = X509Req::builder()?;
    builder.set_subject_name(&*common_name(&format!("cccd-edge issuing key {next}"))?)?;
    builder.set_pubkey(&key)?;
    builder.sign(&key, MessageDigest::sha256())?;
    write_new(&key_path(directory, next), &Lock::new(pass_phrase).seal_key(&key)?)?;
    let request = directory.join(format!("issuer-{next}.csr.pem"));
    replace(&request, &builder.build().to_pem()?)?;
    replace(&directory.join(PENDING), next.to_string().as_bytes())?;
    Ok(request)
}

impl FleetCa {
    /// That the root's own key is here.
    pub(super) fn is_root(&self) -> Result<(), FleetError> {
        (!self.issues_below).then_some(()).ok_or(FleetError::Offline)
    }

    /// That devices are let in here, and the sites' keys are: not at a root that certified an issuing key.
    ///
    /// # Errors
    /// When they are not.
    pub fn lets_in(&self) -> Result<(), FleetError> {
        let away = !self.issues_below && self.directory.join(DELEGATED).exists();
        if away { Err(FleetError::Delegated) } else { Ok(()) }
    }

    /// Certifies an issuing key from its request (PKCS#10 in PEM): a document for [`install`].
    ///
    /// # Errors
    /// When this is no root, the request is none, or it cannot be noted that devices are let in elsewhere from now on.
    pub fn certify(&self, request: &[u8], days: u32, clock: &dyn Clock) -> Result<Vec<u8>, FleetError> {
        self.is_root()?;
        let request = X509Req::from_pem(request).map_err(|_| FleetError::Malformed("request of an issuing key"))?;
        let key = request.public_key()?;
        if !request.verify(&key).unwrap_or(false) {
            return Err(FleetError::Signature("request of an issuing key"));
        }
        let point = key.ec_key().map_err(|_| FleetError::Malformed("P-256 key"))?;
        let point = sealed_box::point(&point)?;
        // The name is ours: of the request nothing counts but the key.
        let name =
            common_name(&format!("cccd-edge issuing key {}", &crate::fingerprint(&key.public_key_to_der()?)[..16]))?;
        let mut builder = builder(&name, self.root.subject_name(), &key, clock, days.min(MOST_DAYS).into())?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        let list = |list: Vec<Vec<u8>>| list.into_iter().map(Octets).collect();
        let links: Result<Vec<Vec<u8>>, _> = self.links()?.iter().map(|link| link.to_der()).collect();
        let certified = Certified {
            version: VERSION,
            root: self.number,
            roots: list(self.roots()?.to_der()?),
            links: list(links?),
            sites: sealed_box::seal(&point, &self.sites)?,
            chains: sites::begun(&self.directory)?,
            certificate: builder.build().to_der()?,
        };
        let document = sign_document(KIND, &encode(&certified), &self.public_key()?, |message| self.sign(message))
            .map_err(|e| FleetError::Signing { what: WHAT, why: e.to_string() })?;
        replace(&self.directory.join(DELEGATED), b"an issuing key signs for devices, and has the sites' keys\n")?;
        Ok(document)
    }

    /// The certificates of issuing keys that are known in this directory: those that a root of now certified.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn issuers(&self) -> Result<Roots, FleetError> {
        let last = active(&self.directory)?.unwrap_or(0);
        let paths = (1..=last).map(|number| certificate_path(&self.directory, "issuer", number));
        let all: Result<Vec<X509>, _> =
            paths.filter(|path| path.exists()).map(|path| super::read_certificate(&path)).collect();
        Ok(self.roots()?.issuers(&all?))
    }

    /// The certificate of the issuing key that signs here; none where a root does.
    #[must_use]
    pub fn issuer(&self) -> Option<&X509> {
        self.issues_below.then_some(&self.root)
    }
}

/// Takes what [`FleetCa::certify`] made into the directory of the key that waits for it, which signs from then on. Roots
/// that this directory trusted before lead to the new ones, or nothing is taken. Returns the key's number.
///
/// # Errors
/// When it is for another key, or by another root, or chains of sites are still where the root signed before.
pub fn install(directory: &Path, document: &[u8], pass_phrase: &[u8]) -> Result<u32, FleetError> {
    let certified: Certified = decode(WHAT, &payload(WHAT, document)?)?;
    if certified.version != VERSION {
        return Err(FleetError::Version { what: WHAT, version: certified.version });
    }
    let next = number(&directory.join(PENDING))?.ok_or(FleetError::Nonce(WHAT))?;
    let certificate = X509::from_der(&certified.certificate).map_err(|_| FleetError::Malformed(WHAT))?;
    let all = |list: &[Octets]| -> Result<Vec<X509>, FleetError> {
        list.iter().map(|der| X509::from_der(&der.0).map_err(|_| FleetError::Malformed(WHAT))).collect()
    };
    let (links, offered) = (all(&certified.links)?, Roots(all(&certified.roots)?));
    let roots = directory.join(ROOTS);
    let trusted = match roots.exists() {
        true => Roots::from_pem(&read(&roots)?)?.extended(&[links.clone(), offered.0.clone()].concat()),
        // The first time: devices know the roots, and refuse whatever leads to others.
        false => offered.clone(),
    };
    let signed = |key: &[u8]| Verifier::new(key).is_ok_and(|key| key.open_document(KIND, document).is_ok());
    if !trusted.keys().iter().any(|key| signed(key)) {
        return Err(FleetError::Signature(WHAT));
    }
    if !offered.issued(&certificate) || !is_issuer(&certificate) {
        return Err(FleetError::Root(WHAT));
    }
    let lock = Lock::new(pass_phrase);
    let key = open_key(&lock, &key_path(directory, next))?;
    if certificate.public_key().and_then(|key| key.public_key_to_der())? != key.public_key_to_der()? {
        return Err(FleetError::Nonce(WHAT));
    }
    let sites = Zeroizing::new(sealed_box::open(&key.ec_key()?, &certified.sites)?);
    let here = sites::begun(directory)?;
    if !certified.chains.iter().all(|chain| here.contains(chain)) {
        return Err(FleetError::Chains(sites::directory(directory)));
    }
    replace(&directory.join(SITES), &lock.seal(&sites)?)?;
    replace(&certificate_path(directory, "issuer", next), &certificate.to_pem()?)?;
    for (number, link) in (2..).zip(&links) {
        replace(&certificate_path(directory, "link", number), &link.to_pem()?)?;
    }
    replace(&roots, &offered.to_pem()?)?;
    replace(&directory.join(ISSUING), certified.root.to_string().as_bytes())?;
    replace(&directory.join(ISSUER), next.to_string().as_bytes())?;
    let issuers = FleetCa::unlock(directory, lock)?.issuers()?;
    replace(&directory.join(ISSUERS), &issuers.to_pem()?)?;
    program::ignore(
        std::fs::remove_file(directory.join(PENDING)),
        "it names the key that signs now, which waits for nothing",
    );
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::super::{DAY, public, sign};
    use super::*;
    use crate::{receipt, time};
    use events::SystemClock;
    use events::event::Bytes;
    use events::sync::Receipt;

    const PHRASE: &[u8] = b"pass phrase";
    const OTHER: &[u8] = b"another pass phrase";

    struct Fleet {
        root: FleetCa,
        signer: FleetCa,
        places: [tempfile::TempDir; 2],
    }

    fn fleet() -> Fleet {
        let places = [(); 2].map(|()| tempfile::tempdir().expect("directory"));
        let root = FleetCa::create(places[0].path(), PHRASE, &SystemClock::new()).expect("CA");
        certified(&root, places[1].path());
        let signer = FleetCa::open(places[1].path(), OTHER).expect("the issuing key");
        Fleet { root, signer, places }
    }

    fn certified(root: &FleetCa, signer: &Path) -> u32 {
        let request = request(signer, OTHER).expect("request");
        let document = root.certify(&read(&request).expect("file"), 1000, &SystemClock::new()).expect("certified");
        install(signer, &document, OTHER).expect("installed")
    }

    fn files(directory: &Path) -> Vec<String> {
        let names = std::fs::read_dir(directory).expect("directory").map(|entry| entry.expect("entry").file_name());
        names.map(|name| name.into_string().expect("a name")).collect()
    }

    #[test]
    fn a_device_that_knows_only_the_root_takes_what_the_issuing_key_signs() {
        let Fleet { root, signer, places } = fleet();
        assert!(!files(places[1].path()).iter().any(|name| name.starts_with("root-")), "no key of a root is there");
        let (roots, clock) = (root.roots().expect("roots"), SystemClock::new());
        let device = new_key().expect("key");
        let key = device.public_key_to_der().expect("key");
        let certificate = signer.device_certificate("d", &key, &clock, 90).expect("certificate");
        let parsed = X509::from_der(&certificate).expect("DER");
        assert!(!roots.issued(&parsed), "not directly");
        assert!(roots.issuers(&[signer.issuer().expect("issuer").clone()]).issued(&parsed));
        let receipt = Receipt {
            device: "d".to_owned(),
            committed: 7,
            head: "00".to_owned(),
            at: 5,
            refused: Vec::new(),
            log: None,
        };
        let signed = receipt::sign(&receipt, &signer).expect("signed");
        assert_eq!(receipt::open(&signed, &roots, "d").expect("receipt"), receipt);
        let elsewhere = fleet();
        assert_eq!(
            receipt::open(&signed, &elsewhere.root.roots().expect("roots"), "d").expect_err("fleet").code(),
            "fleet_signature"
        );
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert!(receipt::open(&changed, &roots, "d").is_err(), "byte {at}");
        }
        // Another key in its place, and the old one still known.
        assert_eq!(certified(&root, places[1].path()), 2);
        let second = FleetCa::open(places[1].path(), OTHER).expect("the second");
        assert_ne!(second.public_key().expect("key"), signer.public_key().expect("key"));
        assert_eq!(second.issuers().expect("issuers").fingerprints().len(), 2);
        assert!(second.issuers().expect("issuers").issued(&parsed));
    }

    #[test]
    fn whoever_has_the_issuing_key_is_no_central_no_clock_and_no_root() {
        let Fleet { root, signer, places: _places } = fleet();
        let (roots, clock) = (root.roots().expect("roots"), SystemClock::new());
        let issuer = signer.issuer().expect("issuer").clone();
        let stolen = &signer.key;
        let own = new_key().expect("key");
        let name = common_name("central").expect("name");
        // A server below it.
        let mut server =
            builder(&name, issuer.subject_name(), &public(&own).expect("key"), &clock, 10).expect("builder");
        server.append_extension(ExtendedKeyUsage::new().server_auth().build().expect("extension")).expect("extension");
        server.sign(stolen, MessageDigest::sha256()).expect("signed");
        let chain = [server.build(), issuer.clone()];
        assert!(!roots.reach(&chain));
        let der: Vec<Vec<u8>> = chain.iter().map(|one| one.to_der().expect("DER")).collect();
        let told = time::sign(9, Bytes([1; 16]), &der, &|m| sign(&own, m).map_err(|e| e.to_string())).expect("signed");
        assert_eq!(time::open(&told, Bytes([1; 16]), &roots).expect_err("no clock").code(), "fleet_root");
        // A root of its own key, with its certificate as the link.
        let public_half = public(stolen).expect("key");
        let mut root_of_it = builder(&name, &name, &public_half, &clock, 10).expect("builder");
        root_of_it.append_extension(BasicConstraints::new().ca().build().expect("extension")).expect("extension");
        root_of_it.sign(stolen, MessageDigest::sha256()).expect("signed");
        let root_of_it = root_of_it.build();
        assert_eq!(roots.extended(&[issuer.clone(), root_of_it]).fingerprints(), roots.fingerprints());
        // An issuing key below it.
        let mut below =
            builder(&name, issuer.subject_name(), &public(&own).expect("key"), &clock, 10).expect("builder");
        below.append_extension(BasicConstraints::new().ca().pathlen(0).build().expect("extension")).expect("extension");
        below.sign(stolen, MessageDigest::sha256()).expect("signed");
        assert_eq!(roots.issuers(&[issuer, below.build()]).fingerprints().len(), 1);
    }

    #[test]
    fn the_keys_of_sites_are_moved_and_never_begin_in_two_places() {
        let [home, away] = [(); 2].map(|()| tempfile::tempdir().expect("directory"));
        let clock = SystemClock::new();
        let root = FleetCa::create(home.path(), PHRASE, &clock).expect("CA");
        let before = root.site_keys("A", clock.wall()).expect("the root itself signs");
        let asked = read(&request(away.path(), OTHER).expect("request")).expect("file");
        let document = root.certify(&asked, 10, &clock).expect("certified");
        assert_eq!(root.site_keys("A", clock.wall()).expect_err("not here any more").code(), "root_delegated");
        assert_eq!(root.site_keys("B", clock.wall()).expect_err("nor another").code(), "root_delegated");
        let refused = install(away.path(), &document, OTHER).expect_err("they are still at the root");
        assert_eq!(refused.code(), "site_chains");
        assert_eq!(active(away.path()).expect("number"), None, "nothing was taken");
        std::fs::rename(sites::directory(home.path()), sites::directory(away.path())).expect("moved");
        install(away.path(), &document, OTHER).expect("installed");
        let signer = FleetCa::open(away.path(), OTHER).expect("the issuing key");
        let after = signer.site_keys("A", clock.wall()).expect("keys");
        assert!(after == before, "it knows the same people again");
        // The next key of the same directory finds them there.
        assert_eq!(certified(&root, away.path()), 2);
    }

    #[test]
    fn an_issuing_key_does_nothing_that_is_the_roots() {
        let Fleet { root, signer, places } = fleet();
        let clock = SystemClock::new();
        let away = tempfile::tempdir().expect("directory");
        let host = ["127.0.0.1".to_owned()];
        let codes = [
            signer.add_root(&clock).map(drop),
            signer.use_root(1, OTHER).map(drop),
            signer.retire_root(1),
            signer.server(away.path(), &host, OTHER, &clock),
            signer.certify(b"", 10, &clock).map(drop),
        ];
        assert_eq!(codes.map(|result| result.expect_err("refused").code()), ["root_offline"; 5]);
        assert!(files(away.path()).is_empty());
        // A device's certificate, or a root, is no issuing key's.
        let key = new_key().and_then(|key| key.public_key_to_der()).expect("key");
        let device = X509::from_der(&root.device_certificate("d", &key, &clock, 9).expect("certificate")).expect("DER");
        let (roots, itself) = (root.roots().expect("roots"), root.root.clone());
        assert_eq!(roots.issuers(&[device, itself]).fingerprints().len(), 0);
        drop(places);
    }

    #[test]
    fn a_certificate_is_installed_for_the_key_that_waits_by_a_root_that_was_known() {
        let Fleet { root, places, .. } = fleet();
        let directory = places[1].path();
        let clock = SystemClock::new();
        let stranger = fleet();
        let code = |document: &[u8]| install(directory, document, OTHER).expect_err("refused").code();
        let asked = read(&request(directory, OTHER).expect("request")).expect("file");
        assert_eq!(request(directory, OTHER).expect_err("one waits").code(), "fleet_exists");
        let document = root.certify(&asked, 10, &clock).expect("certified");
        assert_eq!(code(&stranger.root.certify(&asked, 10, &clock).expect("certified")), "fleet_signature");
        let other_key = read(&request(stranger.places[1].path(), OTHER).expect("request")).expect("file");
        assert_eq!(code(&root.certify(&other_key, 10, &clock).expect("certified")), "fleet_nonce");
        assert_eq!(install(directory, &document, PHRASE).expect_err("phrase").code(), "fleet_locked");
        for at in 0..document.len() {
            let mut changed = document.clone();
            changed[at] ^= 1;
            assert!(install(directory, &changed, OTHER).is_err(), "byte {at}");
        }
        assert_eq!(install(directory, &document, OTHER).expect("installed"), 2);
        assert_eq!(code(&document), "fleet_nonce", "nothing waits any more");
        let until = super::super::validity(FleetCa::open(directory, OTHER).expect("CA").issuer().expect("issuer"))
            .expect("end")
            .1;
        assert!((until - clock.wall()) / DAY <= 10);
        assert_eq!(root.certify(b"nonsense", 10, &clock).expect_err("no request").code(), "fleet_malformed");
    }
}
