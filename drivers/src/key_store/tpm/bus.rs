//! The TPM's side of the store, in its thread.
//!
//! Between the processor and a TPM lies a bus that others can read and write. Whatever carries a secret or wants a signature
//! therefore goes through a session that is salted to the TPM's storage key: its key is agreed by ECDH with that key, both directions
//! carry an HMAC, and the first parameter of each is AES-CFB under it. The pass phrase's hash is never sent; it goes into the HMAC.
//! Which storage key that is, the store remembers: whoever stands on the bus from the second day on cannot offer one of their own.
//!
//! A session lives for one order. One that were kept would be saved and loaded with everything else that uses the TPM, and be in its way.

use super::super::{Endorsement, KeyStoreError};
use super::{Wrapped, templates};
use tss_esapi::abstraction::{AsymmetricAlgorithmSelection, ek};
use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::SessionType;
use tss_esapi::constants::response_code::{Tss2ResponseCode, Tss2ResponseCodeKind as Kind};
use tss_esapi::handles::{AuthHandle, KeyHandle, ObjectHandle, SessionHandle};
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::{AuthSession, PolicySession};
use tss_esapi::structures::{
    Auth, Digest, EncryptedSecret, HashScheme, HashcheckTicket, IdObject, Nonce, Public, SensitiveData, Signature,
    SignatureScheme, SymmetricDefinition,
};
use tss_esapi::traits::Marshall as _;
use tss_esapi::{Context, Error, TctiNameConf};
use zeroize::Zeroizing;

/// What the TPM's library says, as ours. What came back under a wrong HMAC, or torn, is no answer of the TPM.
pub(super) fn device(operation: &'static str) -> impl FnOnce(Error) -> KeyStoreError {
    move |source| match source {
        Error::Tss2Error(code) if is_altered(code) => KeyStoreError::Altered { operation },
        source => KeyStoreError::Device { device: "TPM", operation, source: Box::new(source) },
    }
}

/// TSS2_BASE_RC_MALFORMED_RESPONSE and TSS2_BASE_RC_RSP_AUTH_FAILED, whichever layer of the library says them.
fn is_altered(code: Tss2ResponseCode) -> bool {
    // The wrapper keeps the number to itself and shows it in hexadecimal, with the layer in its upper half.
    let Tss2ResponseCode::FormatZero(code) = code else { return false };
    let text = code.to_string();
    let number = text.rsplit("0x").next().and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default();
    number >> 16 != 0 && matches!(number & 0xFFFF, 17 | 27)
}

/// Whether an authorisation failed.
fn is_refused(error: Error) -> bool {
    matches!(error, Error::Tss2Error(code) if matches!(code.kind(), Some(Kind::BadAuth | Kind::AuthFail)))
}

pub(super) struct Tpm {
    context: Context,
    primary: KeyHandle,
    auth: Auth,
    /// Whether the library takes nothing more over this connection.
    spent: bool,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // The resource manager would do it, too.
        self.context.flush_context(self.primary.into()).unwrap_or_default();
    }
}

impl Tpm {
    /// Connects, and makes the storage key: its public area, for the store to remember.
    pub(super) fn open(name: &TctiNameConf, auth: &[u8; 32]) -> Result<(Self, Vec<u8>), KeyStoreError> {
        let operation = "make its storage key";
        let mut context = Context::new(name.clone()).map_err(device("be reached"))?;
        let template = templates::storage().map_err(device(operation))?;
        let primary = context
            .execute_with_nullauth_session(|context| {
                context.create_primary(Hierarchy::Owner, template, None, None, None, None)
            })
            .map_err(device(operation))?;
        let auth = Auth::try_from(auth.to_vec()).map_err(device("take the pass phrase"))?;
        let public = primary.out_public.marshall().map_err(device(operation))?;
        Ok((Self { context, primary: primary.key_handle, auth, spent: false }, public))
    }

    /// Whether another connection is to be made.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Looks whether the library still takes something over this connection: after an answer that it did not take, it does not.
    fn watched<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, KeyStoreError>) -> Result<T, KeyStoreError> {
        let done = work(self);
        // What the TPM still holds, its resource manager takes away with the connection.
        self.spent |= matches!(done, Err(KeyStoreError::Altered { .. } | KeyStoreError::Device { .. }));
        done
    }

    /// A session that is salted to the storage key, for as long as `work` lasts.
    fn apart<T>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&mut Self, AuthSession) -> Result<T, KeyStoreError>,
    ) -> Result<T, KeyStoreError> {
        self.watched(|tpm| {
            let salt = Some(tpm.primary);
            let (kind, cipher, hash) = (SessionType::Hmac, SymmetricDefinition::AES_128_CFB, HashingAlgorithm::Sha256);
            let begun = tpm.context.execute_without_session(|context| {
                let session = context.start_auth_session(salt, None, None, kind, cipher, hash)?;
                let session = session.ok_or(Error::WrapperError(tss_esapi::WrapperErrorKind::WrongValueFromTpm))?;
                let (attributes, mask) = SessionAttributesBuilder::new().with_decrypt(true).with_encrypt(true).build();
                context.tr_sess_set_attributes(session, attributes, mask)?;
                Ok(session)
            });
            let session = begun.map_err(device(operation))?;
            let done = work(tpm, session);
            let over = tpm.context.flush_context(SessionHandle::from(session).into());
            let done = done?;
            over.map_err(device("end a session"))?;
            Ok(done)
        })
    }

    fn create(
        &mut self,
        operation: &'static str,
        template: Result<Public, Error>,
        content: Option<SensitiveData>,
    ) -> Result<Wrapped, KeyStoreError> {
        let template = template.map_err(device(operation))?;
        self.apart(operation, |tpm, session| {
            let (primary, auth) = (tpm.primary, tpm.auth.clone());
            let made = tpm.context.execute_with_session(Some(session), |context| {
                context.create(primary, template, Some(auth), content, None, None)
            });
            let made = made.map_err(|error| tampered(operation, error))?;
            Ok(Wrapped { public: made.out_public, private: made.out_private })
        })
    }

    pub(super) fn create_key(&mut self) -> Result<Wrapped, KeyStoreError> {
        self.create("make a key", templates::signing(), None)
    }

    pub(super) fn seal(&mut self, secret: &[u8; 32]) -> Result<Wrapped, KeyStoreError> {
        let content = SensitiveData::try_from(secret.to_vec()).map_err(device("seal a secret"))?;
        self.create("seal a secret", templates::sealing(), Some(content))
    }

    /// Loads an object, uses it, and flushes it.
    fn with<T>(
        &mut self,
        label: &str,
        wrapped: Wrapped,
        operation: &'static str,
        work: impl FnOnce(&mut Context, KeyHandle, AuthSession) -> Result<T, Error>,
    ) -> Result<T, KeyStoreError> {
        self.apart(operation, |tpm, session| {
            let (primary, auth) = (tpm.primary, tpm.auth.clone());
            let loaded = tpm
                .context
                .execute_with_session(Some(session), |context| context.load(primary, wrapped.private, wrapped.public));
            let loaded = loaded.map_err(|error| match tampered(operation, error) {
                // Another TPM made it, or somebody changed it.
                KeyStoreError::Device { .. } => KeyStoreError::Locked(label.to_owned()),
                altered => altered,
            })?;
            let done = tpm.context.tr_set_auth(loaded.into(), auth);
            let done = done.and_then(|()| {
                tpm.context.execute_with_session(Some(session), |context| work(context, loaded, session))
            });
            let over = tpm.context.flush_context(loaded.into());
            let done = done.map_err(|error| match error {
                error if is_refused(error) => KeyStoreError::Locked(label.to_owned()),
                error => device(operation)(error),
            })?;
            over.map_err(device("forget a key"))?;
            Ok(done)
        })
    }

    pub(super) fn sign(&mut self, label: &str, wrapped: Wrapped, digest: [u8; 32]) -> Result<[u8; 64], KeyStoreError> {
        let signature = self.with(label, wrapped, "sign", |context, key, _| {
            let digest = Digest::try_from(&digest[..])?;
            let scheme = SignatureScheme::EcDsa { hash_scheme: HashScheme::new(HashingAlgorithm::Sha256) };
            // The key is not restricted: it signs digests that were made elsewhere.
            let ticket = HashcheckTicket::try_from(tss_esapi::tss2_esys::TPMT_TK_HASHCHECK {
                tag: tss_esapi::constants::tss::TPM2_ST_HASHCHECK,
                hierarchy: tss_esapi::constants::tss::TPM2_RH_NULL,
                digest: Default::default(),
            })?;
            context.sign(key, digest, scheme, ticket)
        })?;
        let Signature::EcDsa(signature) = signature else {
            return Err(KeyStoreError::Device { device: "TPM", operation: "sign", source: "not ECDSA".into() });
        };
        let mut plain = [0; 64];
        for (part, number) in [signature.signature_r().value(), signature.signature_s().value()].iter().enumerate() {
            let end = (part + 1) * 32;
            plain[end - number.len().min(32)..end].copy_from_slice(&number[number.len().saturating_sub(32)..]);
        }
        Ok(plain)
    }

    pub(super) fn unseal(&mut self, label: &str, wrapped: Wrapped) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let data =
            self.with(label, wrapped, "unseal a secret", |context, item, _| context.unseal(ObjectHandle::from(item)))?;
        let mut secret = Zeroizing::new([0; 32]);
        if data.value().len() != secret.len() {
            return Err(KeyStoreError::Locked(label.to_owned()));
        }
        secret.copy_from_slice(data.value());
        Ok(secret)
    }
}

/// The endorsement key that every TPM of today makes.
const ENDORSEMENT: AsymmetricAlgorithmSelection = AsymmetricAlgorithmSelection::Ecc(EccCurve::NistP256);

impl Tpm {
    pub(super) fn endorsement(&mut self) -> Result<Endorsement, KeyStoreError> {
        let operation = "show its endorsement key";
        self.watched(|tpm| {
            let key = ek::create_ek_object_2(&mut tpm.context, ENDORSEMENT, None).map_err(device(operation))?;
            let read = tpm.context.execute_without_session(|context| context.read_public(key));
            let read = read.and_then(|(public, ..)| public.marshall());
            tpm.context.flush_context(key.into()).map_err(device("forget a key"))?;
            // A TPM in software, and some on boards, have none; it is no fault.
            let certificate = ek::retrieve_ek_pubcert(&mut tpm.context, ENDORSEMENT).ok();
            Ok(Endorsement { public: read.map_err(device(operation))?, certificate })
        })
    }

    /// TPM2_ActivateCredential. The endorsement key asks for the authorisation of its hierarchy (policy A), which is empty; our key
    /// for its own.
    pub(super) fn activate(
        &mut self,
        label: &str,
        wrapped: Wrapped,
        blob: &[u8],
        secret: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        let operation = "open what was encrypted for a key";
        let not_for_us = || KeyStoreError::NotForUs(label.to_owned());
        let blob = IdObject::try_from(blob.to_vec()).map_err(|_| not_for_us())?;
        let secret = EncryptedSecret::try_from(secret.to_vec()).map_err(|_| not_for_us())?;
        let endorsement =
            self.watched(|tpm| ek::create_ek_object_2(&mut tpm.context, ENDORSEMENT, None).map_err(device(operation)))?;
        let done = self.with(label, wrapped, operation, |context, key, session| {
            let (kind, cipher, hash) =
                (SessionType::Policy, SymmetricDefinition::AES_128_CFB, HashingAlgorithm::Sha256);
            let policy = context.execute_without_session(|context| {
                let policy = context.start_auth_session(None, None, None, kind, cipher, hash)?;
                policy.ok_or(Error::WrapperError(tss_esapi::WrapperErrorKind::WrongValueFromTpm))
            })?;
            let satisfied = PolicySession::try_from(policy).and_then(|policy| {
                let (nonce, command) = (Nonce::default(), Digest::default());
                context.policy_secret(policy, AuthHandle::Endorsement, nonce.clone(), command, nonce, None)
            });
            let opened = satisfied.and_then(|_| {
                context.execute_with_sessions((Some(session), Some(policy), None), |context| {
                    context.activate_credential(key, endorsement, blob, secret)
                })
            });
            let over = context.flush_context(SessionHandle::from(policy).into());
            let opened = opened?;
            over.map(|()| Zeroizing::new(opened.value().to_vec()))
        });
        let over = self.context.flush_context(endorsement.into());
        let done = done.map_err(|error| if is_foreign(&error) { not_for_us() } else { error })?;
        over.map_err(device("forget a key"))?;
        Ok(done)
    }
}

/// Whether something was encrypted for another key: its HMAC is wrong then, or the sender's point is none.
fn is_foreign(error: &KeyStoreError) -> bool {
    let KeyStoreError::Device { source, .. } = error else { return false };
    let Some(Error::Tss2Error(code)) = source.downcast_ref() else { return false };
    let foreign = [Kind::Integrity, Kind::Value, Kind::EccPoint, Kind::Size, Kind::Insufficient];
    code.kind().is_some_and(|kind| foreign.contains(&kind))
}

/// The storage key has no authorisation value that could be wrong: one that fails under it was altered on its way.
fn tampered(operation: &'static str, error: Error) -> KeyStoreError {
    if is_refused(error) { KeyStoreError::Altered { operation } } else { device(operation)(error) }
}

#[cfg(test)]
impl Tpm {
    /// Puts a certificate where makers do, with something behind it.
    pub(super) fn certify(&mut self, certificate: &[u8]) {
        use tss_esapi::attributes::NvIndexAttributesBuilder;
        use tss_esapi::handles::NvIndexTpmHandle;
        use tss_esapi::interface_types::resource_handles::{NvAuth, Provision};
        use tss_esapi::structures::{MaxNvBuffer, NvPublicBuilder};
        let attributes = NvIndexAttributesBuilder::new()
            .with_owner_write(true)
            .with_owner_read(true)
            .with_auth_read(true)
            .with_no_da(true)
            .build()
            .expect("attributes");
        let public = NvPublicBuilder::new()
            .with_nv_index(NvIndexTpmHandle::new(0x01C0_000A).expect("index"))
            .with_index_name_algorithm(HashingAlgorithm::Sha256)
            .with_index_attributes(attributes)
            .with_data_area_size(certificate.len())
            .build()
            .expect("public area");
        self.context
            .execute_with_nullauth_session(|context| {
                let index = context.nv_define_space(Provision::Owner, None, public)?;
                context.nv_write(NvAuth::Owner, index, MaxNvBuffer::try_from(certificate)?, 0)
            })
            .expect("written");
    }
}
