//! What a device sends to be enrolled.
//!
//! A signed document (`events::sign_document`, kind `enrolment-request`) under the device's birth key. Payload, CBOR map
//! with text keys in this order, version 1:
//!
//! | key | is |
//! |---|---|
//! | `v` | 1 |
//! | `box` | the device's box key, an uncompressed point: the assignment is sealed for it |
//! | `csr` | PKCS#10 request of the TLS key in DER (RFC 2986), signed by that key |
//! | `way` | `list`, `qr`, `token`, `usb`, `renewal`, `grace` |
//! | `birth` | SubjectPublicKeyInfo of the birth key in DER |
//! | `event` | SubjectPublicKeyInfo of the event key in DER |
//! | `model` | what kind of machine it is |
//! | `nonce` | 16 random bytes; the same in every repetition of the request |
//! | `proof` | the event key's signature over `cccd-event-key-v1`, `nonce` and `birth` |
//! | `token` | the one-time token, if there is one |
//! | `serial` | the serial number on the machine |
//! | `software` | version of the agent |
//! | `protection` | where keys are: `tpm`, `token`, `file` |
//!
//! A repetition is answered alike, so that a device that was cut off may ask again.

use crate::{FleetError, Sign, decode, encode, fingerprint};
use events::event::Bytes;
use events::{Verifier, sign_document};
use openssl::ecdsa::EcdsaSig;
use openssl::x509::X509Req;
use rcgen::{CertificateParams, DnType, PublicKeyData, SignatureAlgorithm, SigningKey};
use serde::{Deserialize, Serialize};

/// Version of the payload.
pub const VERSION: u32 = 1;
/// The largest request.
pub const MAX_REQUEST: usize = 8 * 1024;
const KIND: &str = "enrolment-request";
const PROOF: &[u8] = b"cccd-event-key-v1";

/// How a device gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Its serial number and birth key are on a list.
    List,
    /// A technician confirms it.
    Qr,
    /// It has a one-time token.
    Token,
    /// On a USB stick.
    Usb,
    /// It has a valid certificate.
    Renewal,
    /// Its certificate has expired, and it still has its keys.
    Grace,
}

impl Way {
    /// Its name.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Qr => "qr",
            Self::Token => "token",
            Self::Usb => "usb",
            Self::Renewal => "renewal",
            Self::Grace => "grace",
        }
    }
}

pub(crate) mod octets {
    use serde::de::{Error, Visitor};

    pub(crate) fn serialize<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Whole)
    }
}

/// A byte string in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Octets(#[serde(with = "octets")] pub Vec<u8>);

/// A request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Version of the format.
    #[serde(rename = "v")]
    pub version: u32,
    /// The device's box key.
    #[serde(rename = "box", with = "octets")]
    pub box_key: Vec<u8>,
    /// PKCS#10 request in DER.
    #[serde(with = "octets")]
    pub csr: Vec<u8>,
    /// How it wants in.
    pub way: Way,
    /// Birth key.
    #[serde(with = "octets")]
    pub birth: Vec<u8>,
    /// Event key.
    #[serde(with = "octets")]
    pub event: Vec<u8>,
    /// Kind of machine.
    pub model: String,
    /// The same in every repetition.
    pub nonce: Bytes<16>,
    /// That the device has the event key.
    #[serde(with = "octets")]
    pub proof: Vec<u8>,
    /// One-time token.
    pub token: Option<String>,
    /// On the machine.
    pub serial: String,
    /// Version of the agent.
    pub software: String,
    /// Where keys are.
    pub protection: String,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({} by {}, birth {})", self.serial, self.way.id(), fingerprint(&self.birth))
    }
}

/// Signs with one key of a device.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// SubjectPublicKeyInfo in DER.
    pub public: &'a [u8],
    /// Signs with it.
    pub sign: Sign<'a>,
}

impl std::fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", fingerprint(self.public))
    }
}

struct CsrKey<'a> {
    point: Vec<u8>,
    sign: Sign<'a>,
}

impl PublicKeyData for CsrKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for CsrKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let plain = (self.sign)(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        signature_der(&plain).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// ECDSA-Sig-Value in DER (RFC 3279 clause 2.2.3) of `r ‖ s`.
///
/// # Errors
/// When the cryptographic library fails.
pub fn signature_der(plain: &[u8; 64]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let number = openssl::bn::BigNum::from_slice;
    EcdsaSig::from_private_components(number(&plain[..32])?, number(&plain[32..])?)?.to_der()
}

/// A PKCS#10 request for a key, with the device's name as common name.
///
/// # Errors
/// When the key cannot sign.
pub fn csr(name: &str, key: Key<'_>) -> Result<Vec<u8>, FleetError> {
    let info = openssl::pkey::PKey::public_key_from_der(key.public)?.ec_key()?;
    let mut context = openssl::bn::BigNumContext::new()?;
    let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
    let point = info.public_key().to_bytes(info.group(), form, &mut context)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let request = params.serialize_request(&CsrKey { point, sign: key.sign });
    let request = request.map_err(|e| FleetError::Signing { what: "certificate request", why: e.to_string() })?;
    Ok(request.der().to_vec())
}

/// The public key of a PKCS#10 request, if its signature shows that the asker has the private one. P-256 only.
///
/// # Errors
/// When it is none, or the signature is wrong.
pub fn csr_key(csr: &[u8]) -> Result<Vec<u8>, FleetError> {
    let malformed = |_| FleetError::Malformed("certificate request");
    let parsed = X509Req::from_der(csr).map_err(malformed)?;
    let key = parsed.public_key().map_err(malformed)?;
    let der = key.public_key_to_der()?;
    if Verifier::new(&der).is_err() {
        return Err(FleetError::Malformed("P-256 certificate request"));
    }
    if parsed.verify(&key).unwrap_or(false) { Ok(der) } else { Err(FleetError::Signature("certificate request")) }
}

fn proof_of(nonce: &Bytes<16>, birth: &[u8]) -> Vec<u8> {
    [PROOF, &nonce.0, birth].concat()
}

/// What a device says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The serial number on the machine.
    pub serial: &'a str,
    /// Kind of machine.
    pub model: &'a str,
    /// Version of the agent.
    pub software: &'a str,
    /// Where keys are.
    pub protection: &'a str,
}

/// The keys of a device.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The birth key.
    pub birth: Key<'a>,
    /// The event key.
    pub event: Key<'a>,
    /// The TLS key that is to be certified.
    pub tls: Key<'a>,
    /// The point of the box key.
    pub box_key: &'a [u8],
}

/// Makes and signs a request.
///
/// # Errors
/// When a key cannot sign.
pub fn sign(
    about: About<'_>,
    keys: Keys<'_>,
    way: Way,
    token: Option<&str>,
    nonce: Bytes<16>,
) -> Result<Vec<u8>, FleetError> {
    let signing = |what| move |why| FleetError::Signing { what, why };
    let birth = keys.birth.public.to_vec();
    let proof = (keys.event.sign)(&proof_of(&nonce, &birth)).map_err(signing("proof of the event key"))?;
    let request = Request {
        version: VERSION,
        box_key: keys.box_key.to_vec(),
        csr: csr(about.serial, keys.tls)?,
        way,
        birth,
        event: keys.event.public.to_vec(),
        model: about.model.to_owned(),
        nonce,
        proof: proof.to_vec(),
        token: token.map(str::to_owned),
        serial: about.serial.to_owned(),
        software: about.software.to_owned(),
        protection: about.protection.to_owned(),
    };
    sign_document(KIND, &encode(&request), keys.birth.public, keys.birth.sign)
        .map_err(|e| FleetError::Signing { what: "enrolment request", why: e.to_string() })
}

/// Reads a request and checks what it says of its keys: the birth key signed it, the event key signed the proof, the TLS
/// key signed the PKCS#10 request. Whether the device may in is another question.
///
/// # Errors
/// When it is malformed or one of the three signatures is wrong.
pub fn open(bytes: &[u8]) -> Result<Request, FleetError> {
    const WHAT: &str = "enrolment request";
    if bytes.len() > MAX_REQUEST {
        return Err(FleetError::Malformed(WHAT));
    }
    let payload = crate::payload(WHAT, bytes)?;
    let request: Request = decode(WHAT, &payload)?;
    if request.version != VERSION {
        return Err(FleetError::Version { what: WHAT, version: request.version });
    }
    let birth = Verifier::new(&request.birth).map_err(|_| FleetError::Malformed(WHAT))?;
    birth.open_document(KIND, bytes).map_err(|_| FleetError::Signature(WHAT))?;
    let event = Verifier::new(&request.event).map_err(|_| FleetError::Malformed(WHAT))?;
    event
        .check(&request.proof, &proof_of(&request.nonce, &request.birth))
        .map_err(|_| FleetError::Signature("proof of the event key"))?;
    csr_key(&request.csr)?;
    let printable = |text: &str, most| text.len() <= most && text.chars().all(|c| !c.is_control());
    let fields = [(&request.serial, 64), (&request.model, 64), (&request.software, 64), (&request.protection, 16)];
    if request.serial.is_empty() || !fields.iter().all(|(text, most)| printable(text, *most)) {
        return Err(FleetError::Malformed(WHAT));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{self, Answer, Assignment, Octets};
    use crate::authority::{FleetCa, sign as sign_with};
    use crate::{sealed_box, time};
    use events::SystemClock;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::{PKey, Private};

    struct Device {
        keys: [(PKey<Private>, Vec<u8>); 3],
        own_box: EcKey<Private>,
    }

    impl Device {
        fn new(seed: u8) -> Self {
            let key = || {
                let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
                let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
                let public = key.public_key_to_der().expect("public key");
                (key, public)
            };
            Self { keys: [key(), key(), key()], own_box: sealed_box::key(&[seed; 32]).expect("box") }
        }

        fn request(&self, token: Option<&str>) -> Vec<u8> {
            let by = |at: usize| move |m: &[u8]| sign_with(&self.keys[at].0, m).map_err(|e| e.to_string());
            let (birth, event, tls) = (by(0), by(1), by(2));
            let key = |at: usize, sign| Key { public: &self.keys[at].1, sign };
            let point = sealed_box::public_point(&self.own_box).expect("point");
            let keys = Keys { birth: key(0, &birth), event: key(1, &event), tls: key(2, &tls), box_key: &point };
            let about = About { serial: "SN-0001", model: "test", software: "0", protection: "file" };
            sign(about, keys, Way::Token, token, Bytes([7; 16])).expect("request")
        }

        /// What is made of a request that this device's birth key signed after a change.
        fn changed(&self, request: &Request, change: &dyn Fn(&mut Request)) -> Result<Request, FleetError> {
            let mut request = request.clone();
            change(&mut request);
            let sign = |m: &[u8]| sign_with(&self.keys[0].0, m).map_err(|e| e.to_string());
            open(&sign_document(KIND, &encode(&request), &self.keys[0].1, sign).expect("signed"))
        }
    }

    #[test]
    fn a_request_binds_its_keys_and_a_change_is_seen() {
        let device = Device::new(1);
        let bytes = device.request(Some("token"));
        let request = open(&bytes).expect("request");
        assert_eq!(
            (request.birth.as_slice(), request.event.as_slice()),
            (&device.keys[0].1[..], &device.keys[1].1[..])
        );
        assert_eq!(csr_key(&request.csr).expect("key"), device.keys[2].1);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_err(), "byte {at}");
            assert!(open(&bytes[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_request_is_signed_by_each_key_that_it_names() {
        let (device, other) = (Device::new(1), Device::new(2));
        let request = open(&device.request(None)).expect("request");
        let refused = |change: &dyn Fn(&mut Request)| device.changed(&request, change).expect_err("refused").code();
        assert_eq!(device.changed(&request, &|_| ()).expect("unchanged"), request);
        // Somebody else's keys, each without what shows that one has it.
        assert_eq!(refused(&|request| request.event.clone_from(&other.keys[1].1)), "fleet_signature");
        assert_eq!(refused(&|request| request.birth.clone_from(&other.keys[0].1)), "fleet_signature");
        let csr = |request: &mut Request| {
            let at = request.csr.len() - 1;
            request.csr[at] ^= 1;
        };
        assert_eq!(refused(&csr), "fleet_signature");
        // The proof is for this request and this device.
        assert_eq!(refused(&|request| request.nonce = Bytes([8; 16])), "fleet_signature");
        let foreign = open(&other.request(None)).expect("request");
        let stolen = |request: &mut Request| {
            request.event.clone_from(&foreign.event);
            request.proof.clone_from(&foreign.proof);
        };
        assert_eq!(refused(&stolen), "fleet_signature");
    }

    #[test]
    fn a_request_that_says_too_much_or_nothing_is_refused() {
        let device = Device::new(1);
        let request = open(&device.request(None)).expect("request");
        let refused = |change: &dyn Fn(&mut Request)| device.changed(&request, change).expect_err("refused").code();
        assert_eq!(refused(&|request| request.version = 2), "fleet_version");
        assert_eq!(refused(&|request| request.token = Some("t".repeat(MAX_REQUEST))), "fleet_malformed");
        assert_eq!(refused(&|request| request.serial.clear()), "fleet_malformed");
        for change in [
            |request: &mut Request, text: &str| text.clone_into(&mut request.serial),
            |request: &mut Request, text: &str| text.clone_into(&mut request.model),
            |request: &mut Request, text: &str| text.clone_into(&mut request.software),
            |request: &mut Request, text: &str| text.clone_into(&mut request.protection),
        ] {
            assert!(device.changed(&request, &|request| change(request, "SN-1")).is_ok());
            for text in ["a\nb", "\u{1b}[2J", &"a".repeat(65)] {
                assert_eq!(refused(&|request| change(request, text)), "fleet_malformed", "{text:?}");
            }
        }
    }

    #[test]
    fn a_request_is_written_in_one_way_only() {
        let device = Device::new(1);
        let payload = encode(&open(&device.request(None)).expect("request"));
        // The version 1 in two bytes instead of one: the same to every reader, and another signature.
        assert_eq!(payload[..4], [0xAD, 0x61, b'v', 1]);
        let longer = [&payload[..3], &[0x18, 1], &payload[4..]].concat();
        let sign = |m: &[u8]| sign_with(&device.keys[0].0, m).map_err(|e| e.to_string());
        for (payload, taken) in [(payload, true), (longer, false)] {
            let bytes = sign_document(KIND, &payload, &device.keys[0].1, sign).expect("signed");
            assert_eq!(open(&bytes).is_ok(), taken);
        }
    }

    #[test]
    fn only_a_key_on_p_256_is_certified() {
        for (curve, taken) in [(openssl::nid::Nid::X9_62_PRIME256V1, true), (openssl::nid::Nid::SECP384R1, false)] {
            let group = EcGroup::from_curve_name(curve).expect("group");
            let key = PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key");
            let mut builder = openssl::x509::X509ReqBuilder::new().expect("builder");
            builder.set_pubkey(&key).expect("key");
            builder.sign(&key, openssl::hash::MessageDigest::sha256()).expect("signed");
            let csr = builder.build().to_der().expect("DER");
            assert_eq!(csr_key(&csr).is_ok(), taken);
        }
    }

    #[test]
    fn an_answer_is_for_one_request_of_one_device_by_this_fleet() {
        let (directory, clock) = (tempfile::tempdir().expect("directory"), SystemClock::new());
        let ca = FleetCa::create(directory.path(), b"pass phrase", &clock).expect("CA");
        let elsewhere = tempfile::tempdir().expect("directory");
        let stranger = FleetCa::create(elsewhere.path(), b"pass phrase", &clock).expect("CA");
        let pinned = ca.roots().expect("roots");
        ca.add_root(&clock).expect("root");
        let ca = ca.use_root(2, b"pass phrase").expect("root");
        let device = Device::new(1);
        let request = open(&device.request(None)).expect("request");
        let key = csr_key(&request.csr).expect("key");
        let assignment = Assignment {
            version: answer::ASSIGNMENT_VERSION,
            site: "s".to_owned(),
            device: "d".to_owned(),
            central: "https://c".to_owned(),
            profile: "identify".to_owned(),
            chains: vec![9; 252],
            counting: vec![9; 32],
            operators: vec![],
            environment: "practice".to_owned(),
        };
        let made = |ca: &FleetCa| {
            let mut roots = ca.roots().expect("roots").to_der().expect("DER");
            roots.extend(ca.links().expect("links").iter().map(|link| link.to_der().expect("DER")));
            let answer = Answer {
                version: 1,
                at: 5,
                nonce: request.nonce,
                roots: roots.into_iter().map(Octets).collect(),
                assignment: answer::seal(&assignment, &request.box_key).expect("sealed"),
                certificate: ca.device_certificate("d", &key, &clock, 90).expect("certificate"),
            };
            answer::sign(&answer, &ca.public_key().expect("key"), &|m| ca.sign(m)).expect("answer")
        };
        let bytes = made(&ca);
        let opened = answer::open(&bytes, &pinned, request.nonce, &key, &device.own_box).expect("opened");
        assert_eq!(opened.assignment, assignment);
        assert_eq!(opened.roots.fingerprints().len(), 2, "the new root came over the link");
        let code = |pinned: &crate::authority::Roots, nonce, key: &[u8], own_box: &EcKey<Private>| {
            answer::open(&bytes, pinned, nonce, key, own_box).expect_err("refused").code()
        };
        assert_eq!(code(&pinned, Bytes([8; 16]), &key, &device.own_box), "fleet_nonce");
        assert_eq!(code(&pinned, request.nonce, &device.keys[1].1, &device.own_box), "fleet_nonce");
        let (other, strangers) = (Device::new(2), stranger.roots().expect("roots"));
        assert_eq!(code(&pinned, request.nonce, &key, &other.own_box), "fleet_sealed");
        assert_eq!(code(&strangers, request.nonce, &key, &device.own_box), "fleet_signature");
        let refused = |ca: &FleetCa, change: &dyn Fn(&mut Answer)| {
            let payload = crate::payload("answer", &bytes).expect("payload");
            let mut answer: Answer = decode("answer", &payload).expect("answer");
            change(&mut answer);
            let signed = answer::sign(&answer, &ca.public_key().expect("key"), &|m| ca.sign(m)).expect("answer");
            answer::open(&signed, &pinned, request.nonce, &key, &device.own_box).expect_err("refused").code()
        };
        assert_eq!(refused(&ca, &|answer| answer.version = 2), "fleet_version");
        assert_eq!(refused(&stranger, &|_| ()), "fleet_signature");
        let foreign = stranger.device_certificate("d", &key, &clock, 90).expect("certificate");
        assert_eq!(refused(&ca, &|answer| answer.certificate.clone_from(&foreign)), "fleet_root");
        let altered = |change: &dyn Fn(&mut Assignment)| {
            let mut assignment = assignment.clone();
            change(&mut assignment);
            answer::seal(&assignment, &request.box_key).expect("sealed")
        };
        let newer = altered(&|assignment| assignment.version = answer::ASSIGNMENT_VERSION + 1);
        assert_eq!(refused(&ca, &|answer| answer.assignment.clone_from(&newer)), "fleet_version");
        let long = altered(&|assignment| assignment.profile = "p".repeat(answer::MAX_ANSWER));
        assert_eq!(refused(&ca, &|answer| answer.assignment.clone_from(&long)), "fleet_malformed");
        // Nothing in it is shorter than three bytes.
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(answer::open(&changed, &pinned, request.nonce, &key, &device.own_box).is_err(), "byte {at}");
        }
    }

    #[test]
    fn time_is_the_servers_and_answers_one_nonce() {
        let (directory, clock) = (tempfile::tempdir().expect("directory"), SystemClock::new());
        let ca = FleetCa::create(directory.path(), b"pass phrase", &clock).expect("CA");
        let roots = ca.roots().expect("roots");
        let out = tempfile::tempdir().expect("directory");
        ca.server(out.path(), &["127.0.0.1".to_owned()], b"pass phrase", &clock).expect("server");
        let read = |name: &str| std::fs::read(out.path().join(name)).expect("file");
        let chain: Vec<Vec<u8>> = openssl::x509::X509::stack_from_pem(&read("server.cert.pem"))
            .expect("PEM")
            .iter()
            .map(|c| c.to_der().expect("DER"))
            .collect();
        let key = events::sealed::Lock::new(b"pass phrase").open_key(&read("server.key.pem")).expect("key");
        let by = |key: &PKey<Private>, chain: &[Vec<u8>]| {
            time::sign(99, Bytes([1; 16]), chain, &|m| sign_with(key, m).map_err(|e| e.to_string())).expect("signed")
        };
        let statement = by(&key, &chain);
        assert_eq!(time::open(&statement, Bytes([1; 16]), &roots).expect("time"), 99);
        assert_eq!(time::open(&statement, Bytes([2; 16]), &roots).expect_err("nonce").code(), "fleet_nonce");
        let device = Device::new(1);
        let certificate = ca.device_certificate("d", &device.keys[2].1, &clock, 90).expect("certificate");
        let by_device = by(&device.keys[2].0, &[certificate]);
        assert_eq!(time::open(&by_device, Bytes([1; 16]), &roots).expect_err("a device").code(), "fleet_root");
        // The server of another fleet.
        let away = tempfile::tempdir().expect("directory");
        let stranger = FleetCa::create(away.path(), b"pass phrase", &clock).expect("CA");
        let strangers = stranger.roots().expect("roots");
        assert_eq!(time::open(&statement, Bytes([1; 16]), &strangers).expect_err("a stranger").code(), "fleet_root");
        let by_stranger = by(&device.keys[2].0, &chain);
        assert_eq!(time::open(&by_stranger, Bytes([1; 16]), &roots).expect_err("key").code(), "fleet_signature");
    }
}
