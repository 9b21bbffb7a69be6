//! Proofs: what a page sends instead of a token, so that nothing that can be copied is its right.
//!
//! The model is DPoP (RFC 9449). The page's browser holds a key that no script can read out, in the storage of the page's
//! origin, which includes the port; each request carries a compact JWS (RFC 7515, ES256) over what is asked. Instead of a time
//! it names a nonce of this agent's, so that nothing can be signed in advance and no clock has to be right.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Public;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::ToSchema;

/// The header of a request that holds its proof.
pub const PROOF: &str = "proof";
/// The header of an answer that holds the nonce for proofs to come.
pub const NONCE: &str = "proof-nonce";
/// What a proof calls itself.
const KIND: &str = "cccd-proof+jwt";
/// The longest proof, in bytes.
const LONGEST: usize = 8 * 1024;
/// Milliseconds for which a nonce is given out; it is taken for as long again.
const PERIOD_MS: u64 = 120_000;
/// Proofs of one nonce that are remembered; then there is another nonce.
const MOST_SEEN: usize = 50_000;

/// SHA-256 in base64url, as proofs have it of bodies and keys.
pub(crate) fn digest(bytes: &[u8]) -> String {
    BASE64.encode(openssl::sha::sha256(bytes))
}

/// A page's public key on P-256 (RFC 7518, section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageKey {
    /// `EC`.
    kty: String,
    /// `P-256`.
    crv: String,
    /// Base64url.
    x: String,
    /// Base64url.
    y: String,
}

impl PageKey {
    /// Its name: the thumbprint of RFC 7638.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let Self { kty, crv, x, y } = self;
        digest(format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#).as_bytes())
    }

    /// The point, if it is one of the curve.
    fn point(&self) -> Option<EcKey<Public>> {
        if (self.kty.as_str(), self.crv.as_str()) != ("EC", "P-256") {
            return None;
        }
        let coordinate = |text: &str| BigNum::from_slice(&BASE64.decode(text).ok().filter(|b| b.len() == 32)?).ok();
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
        EcKey::from_public_key_affine_coordinates(&group, &*coordinate(&self.x)?, &*coordinate(&self.y)?).ok()
    }

    /// Whether it is a key at all.
    pub(crate) fn is_one(&self) -> bool {
        self.point().is_some()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    typ: String,
    alg: String,
    kid: String,
}

/// What a page says of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    /// New for each request.
    jti: String,
    /// The method.
    htm: String,
    /// Path and query, as they stand in the request.
    htu: String,
    /// The agent's nonce.
    nonce: String,
    /// SHA-256 of the body, base64url.
    pub(crate) body: String,
    /// Nobody did anything: the page asks by itself.
    #[serde(default)]
    pub(crate) auto: bool,
}

/// A proof that is well formed and not looked at yet.
#[derive(Debug)]
pub(crate) struct Proof<'a> {
    /// Whose it says that it is: a key's thumbprint.
    pub(crate) kid: String,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Proof<'a> {
    /// Takes a header apart.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST)?;
        let (head, claims) = signed.split_once('.')?;
        let head: Head = serde_json::from_slice(&BASE64.decode(head).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        let signature = BASE64.decode(signature).ok().filter(|bytes| bytes.len() == 64)?;
        let ours = head.typ == KIND && head.alg == "ES256" && (16..=64).contains(&claims.jti.len());
        ours.then_some(Self { kid: head.kid, claims, signed, signature })
    }

    /// What it says, if this key signed it for this request.
    pub(crate) fn open(self, key: &PageKey, method: &str, target: &str) -> Option<Claims> {
        let (r, s) = self.signature.split_at_checked(32)?;
        let signature = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
        let hash = openssl::sha::sha256(self.signed.as_bytes());
        let genuine = self.kid == key.thumbprint() && signature.ok()?.verify(&hash, &*key.point()?).unwrap_or(false);
        (genuine && self.claims.htm == method && self.claims.htu == target).then_some(self.claims)
    }
}

/// What becomes of a proof at its nonce.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// It is the first of its kind.
    Fresh,
    /// Its nonce is none that is valid now.
    Stale,
    /// It was here before.
    Replayed,
}

#[derive(Debug)]
struct Period {
    nonce: String,
    since: u64,
    seen: HashSet<[u8; 32]>,
}

impl Period {
    fn begin(now: u64) -> Option<Self> {
        let nonce = visit::finished::random_id().ok()?.to_string();
        Some(Self { nonce, since: now, seen: HashSet::new() })
    }
}

/// The nonces of an agent, and what was proved with them. They are new after each start.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    /// The newest last; without a random source there is none, and nothing is proved.
    periods: Vec<Period>,
}

impl Nonces {
    /// The nonce for proofs to come, at a time in milliseconds of a clock that only goes forward.
    pub(crate) fn current(&mut self, now: u64) -> Option<&str> {
        self.periods.retain(|period| now < period.since.saturating_add(2 * PERIOD_MS));
        let over = |period: &Period| now >= period.since.saturating_add(PERIOD_MS) || period.seen.len() >= MOST_SEEN;
        if self.periods.last().is_none_or(over) {
            self.periods.extend(Period::begin(now));
            // One before it is taken, and none before that.
            let old = self.periods.len().saturating_sub(2);
            self.periods.drain(..old);
        }
        self.periods.last().map(|period| period.nonce.as_str())
    }

    /// Takes what was proved; once.
    pub(crate) fn spend(&mut self, kid: &str, claims: &Claims, now: u64) -> Spent {
        self.current(now);
        let Some(period) = self.periods.iter_mut().find(|period| period.nonce == claims.nonce) else {
            return Spent::Stale;
        };
        if period.seen.len() >= 2 * MOST_SEEN {
            return Spent::Stale;
        }
        let one = openssl::sha::sha256(format!("{kid} {}", claims.jti).as_bytes());
        if period.seen.insert(one) { Spent::Fresh } else { Spent::Replayed }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use openssl::pkey::Private;
    use serde_json::{Value, json};

    pub(crate) struct Page(EcKey<Private>);

    impl Page {
        pub(crate) fn new() -> Self {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("group");
            Self(EcKey::generate(&group).expect("key"))
        }

        pub(crate) fn key(&self) -> PageKey {
            let (mut x, mut y) = (BigNum::new().expect("number"), BigNum::new().expect("number"));
            let mut context = openssl::bn::BigNumContext::new().expect("context");
            self.0.public_key().affine_coordinates(self.0.group(), &mut x, &mut y, &mut context).expect("point");
            let text = |n: &BigNum| BASE64.encode(n.to_vec_padded(32).expect("32 bytes"));
            PageKey { kty: "EC".to_owned(), crv: "P-256".to_owned(), x: text(&x), y: text(&y) }
        }

        pub(crate) fn sign(&self, head: &Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64.encode(value.to_string());
            let signed = format!("{}.{}", part(head), part(claims));
            let signature = EcdsaSig::sign(&openssl::sha::sha256(signed.as_bytes()), &self.0).expect("signed");
            let mut bytes = signature.r().to_vec_padded(32).expect("r");
            bytes.extend(signature.s().to_vec_padded(32).expect("s"));
            format!("{signed}.{}", BASE64.encode(bytes))
        }
    }

    fn claims(nonce: &str, jti: &str) -> Value {
        json!({ "jti": jti, "htm": "GET", "htu": "/v1?a=b", "nonce": nonce, "body": digest(b"") })
    }

    #[test]
    fn a_proof_is_good_for_its_key_method_and_target_only() {
        let (page, other) = (Page::new(), Page::new());
        let key = page.key();
        let head = json!({ "typ": KIND, "alg": "ES256", "kid": key.thumbprint() });
        let said = claims("n", "0123456789abcdef");
        let text = page.sign(&head, &said);
        let open = |text: &str, key: &PageKey, method: &str, target: &str| {
            Proof::parse(text).and_then(|proof| proof.open(key, method, target)).is_some()
        };
        assert!(open(&text, &key, "GET", "/v1?a=b"));
        for (method, target) in [("POST", "/v1?a=b"), ("GET", "/v1"), ("GET", "/v1?a=c"), ("GET", "/v1/?a=b")] {
            assert!(!open(&text, &key, method, target), "{method} {target}");
        }
        assert!(!open(&text, &other.key(), "GET", "/v1?a=b"), "another key");
        assert!(!open(&other.sign(&head, &said), &key, "GET", "/v1?a=b"), "signed by another");
        for (name, value) in [("alg", "none"), ("alg", "HS256"), ("typ", "JWT"), ("jwk", "x")] {
            let mut head = head.clone();
            head[name] = value.into();
            assert!(!open(&page.sign(&head, &said), &key, "GET", "/v1?a=b"), "{name} {value}");
        }
        let mut short = said.clone();
        short["jti"] = "1".into();
        assert!(!open(&page.sign(&head, &short), &key, "GET", "/v1?a=b"));
        for broken in ["", ".", "..", "a.b.c", &text[..text.len() - 2], &text.replace('.', "")] {
            assert!(Proof::parse(broken).is_none(), "{broken}");
        }
        // What lies on no curve, or is no key, is none.
        assert!(key.is_one());
        for wrong in [
            PageKey { x: key.y.clone(), ..key.clone() },
            PageKey { crv: "P-384".to_owned(), ..key.clone() },
            PageKey { kty: "RSA".to_owned(), ..key.clone() },
            PageKey { y: String::new(), ..key.clone() },
        ] {
            assert!(!wrong.is_one(), "{wrong:?}");
        }
    }

    #[test]
    fn a_proof_is_taken_once_and_only_while_its_nonce_is() {
        let mut nonces = Nonces::default();
        let said = |nonce: &str, jti: &str| serde_json::from_value::<Claims>(claims(nonce, jti)).expect("claims");
        assert_eq!(nonces.spend("k", &said("made up", "1"), 0), Spent::Stale);
        let first = nonces.current(0).expect("a nonce").to_owned();
        assert_eq!(nonces.spend("k", &said(&first, "1"), 1), Spent::Fresh);
        assert_eq!(nonces.spend("k", &said(&first, "1"), 2), Spent::Replayed);
        assert_eq!(nonces.spend("k", &said(&first, "2"), 2), Spent::Fresh);
        let second = nonces.current(PERIOD_MS).expect("a nonce").to_owned();
        assert_ne!(first, second);
        assert_eq!(nonces.spend("k", &said(&first, "2"), PERIOD_MS), Spent::Replayed, "while it is taken it is known");
        assert_eq!(nonces.spend("k", &said(&first, "3"), PERIOD_MS), Spent::Fresh, "a request that was under way");
        assert_eq!(nonces.spend("k", &said(&first, "4"), 2 * PERIOD_MS), Spent::Stale);
        assert_eq!(nonces.spend("k", &said(&second, "4"), 2 * PERIOD_MS), Spent::Fresh);
        // An agent that was started anew knows none of them.
        assert_eq!(Nonces::default().spend("k", &said(&second, "5"), 0), Spent::Stale);
    }
}
