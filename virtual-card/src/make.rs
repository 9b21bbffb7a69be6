//! Makes of chip: which protocols a card speaks, on which curves, with which ciphers. The CCCD is one of them; the
//! others are what terminals meet elsewhere.

use crate::card_sm::Family;
use openssl::nid::Nid;

/// A curve with its standardised domain parameter id (ICAO 9303-11 §9.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardCurve {
    /// Standardised domain parameter id, 8 to 18.
    pub id: u8,
    pub(crate) nid: Nid,
    /// Length of a coordinate in bytes.
    pub(crate) width: usize,
}

const fn curve(id: u8, nid: Nid, width: usize) -> CardCurve {
    CardCurve { id, nid, width }
}

/// Every curve of the standard.
pub const CURVES: [CardCurve; 11] = [
    curve(8, Nid::X9_62_PRIME192V1, 24),
    curve(9, Nid::BRAINPOOL_P192R1, 24),
    curve(10, Nid::SECP224R1, 28),
    curve(11, Nid::BRAINPOOL_P224R1, 28),
    curve(12, Nid::X9_62_PRIME256V1, 32),
    curve(13, Nid::BRAINPOOL_P256R1, 32),
    curve(14, Nid::BRAINPOOL_P320R1, 40),
    curve(15, Nid::SECP384R1, 48),
    curve(16, Nid::BRAINPOOL_P384R1, 48),
    curve(17, Nid::BRAINPOOL_P512R1, 64),
    curve(18, Nid::SECP521R1, 66),
];

/// brainpoolP256r1, the curve of the CCCD.
pub(crate) const BP256: CardCurve = CURVES[5];

/// The commands of chip authentication that a chip knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// MSE:Set AT and GENERAL AUTHENTICATE.
    GeneralAuthenticate,
    /// MSE:Set KAT.
    KeyAgreementTemplate,
}

/// How the key of chip authentication is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// On a curve, explicit parameters.
    Explicit(CardCurve),
    /// On a curve, by standardised domain parameter id.
    Standardised(CardCurve),
    /// On a curve, in one entry each way, the explicit one first.
    Both(CardCurve),
    /// The 2,048-bit MODP group with 256-bit subgroup, by standardised domain parameter id.
    Modp,
    /// The same group as PKCS #3 parameters.
    ModpStated,
}

/// Whether the key of chip authentication has an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyId {
    /// It has none.
    None,
    /// EF.DG14 states one.
    Stated,
    /// EF.DG14 has a second key, so that it is needed.
    Needed,
}

/// A make of chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Make {
    /// Identifier on the command line.
    pub id: &'static str,
    /// What is special about it.
    pub about: &'static str,
    pub(crate) pace_curve: CardCurve,
    pub(crate) pace_family: Family,
    /// Chip-authentication mapping instead of generic mapping.
    pub(crate) cam: bool,
    pub(crate) key_form: KeyForm,
    pub(crate) chip_family: Family,
    pub(crate) form: Form,
    /// Whether EF.DG14 says how to authenticate, besides the key.
    pub(crate) chip_info: bool,
    pub(crate) key_id: KeyId,
    /// Whether there are fingerprints and irises behind terminal authentication.
    pub(crate) biometrics: bool,
}

const CCCD: Make = Make {
    id: "cccd",
    about: "the citizen card",
    pace_curve: BP256,
    pace_family: Family::Aes128,
    cam: false,
    key_form: KeyForm::Explicit(BP256),
    chip_family: Family::Aes128,
    form: Form::GeneralAuthenticate,
    chip_info: true,
    key_id: KeyId::None,
    biometrics: false,
};

/// All makes; the first is the CCCD.
pub const MAKES: [Make; 13] = [
    CCCD,
    Make { id: "cam", about: "PACE with chip-authentication mapping, EF.CardSecurity", cam: true, ..CCCD },
    Make {
        id: "ca-kat",
        about: "chip authentication by MSE:Set KAT, 3DES after AES",
        chip_family: Family::TripleDes,
        form: Form::KeyAgreementTemplate,
        ..CCCD
    },
    Make {
        id: "ca-3des-at",
        about: "chip authentication with 3DES by MSE:Set AT only",
        chip_family: Family::TripleDes,
        ..CCCD
    },
    Make {
        id: "ca-key-only",
        about: "a chip authentication key without ChipAuthenticationInfo",
        chip_family: Family::TripleDes,
        form: Form::KeyAgreementTemplate,
        chip_info: false,
        ..CCCD
    },
    Make {
        id: "ca-two-keys",
        about: "two chip authentication keys, P-384 with AES-256",
        key_form: KeyForm::Standardised(CURVES[7]),
        chip_family: Family::Aes256,
        key_id: KeyId::Needed,
        ..CCCD
    },
    Make {
        id: "ca-two-keys-kat",
        about: "two chip authentication keys, MSE:Set KAT",
        chip_family: Family::TripleDes,
        form: Form::KeyAgreementTemplate,
        key_id: KeyId::Needed,
        ..CCCD
    },
    Make {
        id: "ca-key-id",
        about: "a single chip authentication key with an identifier",
        key_id: KeyId::Stated,
        ..CCCD
    },
    Make {
        id: "ca-both-forms",
        about: "the chip authentication key by explicit parameters and by standardised id",
        key_form: KeyForm::Both(BP256),
        key_id: KeyId::Stated,
        ..CCCD
    },
    Make {
        id: "ca-dh",
        about: "DH chip authentication, standardised group, AES-192",
        key_form: KeyForm::Modp,
        chip_family: Family::Aes192,
        ..CCCD
    },
    Make {
        id: "ca-dh-kat",
        about: "DH chip authentication, PKCS #3 parameters, 3DES",
        key_form: KeyForm::ModpStated,
        chip_family: Family::TripleDes,
        form: Form::KeyAgreementTemplate,
        ..CCCD
    },
    Make { id: "eac", about: "fingerprints and irises behind terminal authentication", biometrics: true, ..CCCD },
    Make {
        id: "eac-dh",
        about: "the same with DH chip authentication",
        key_form: KeyForm::Modp,
        biometrics: true,
        ..CCCD
    },
];

impl Default for Make {
    fn default() -> Self {
        CCCD
    }
}

impl Make {
    /// By identifier.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        MAKES.iter().find(|make| make.id == id)
    }

    /// A chip like the CCCD whose PACE runs on another curve with another cipher: 16 bytes of key for 3DES and
    /// AES-128, 24, 32.
    #[must_use]
    pub fn with_pace(curve: CardCurve, key_bytes: usize, cam: bool) -> Self {
        let pace_family = match key_bytes {
            24 => Family::Aes192,
            32 => Family::Aes256,
            _ => Family::Aes128,
        };
        Self { pace_curve: curve, pace_family, cam, key_form: KeyForm::Standardised(curve), ..CCCD }
    }

    /// id-PACE-ECDH-GM-… or id-PACE-ECDH-CAM-….
    pub(crate) fn pace_oid(&self) -> Vec<u8> {
        let mapping = if self.cam { 6 } else { 2 };
        vec![0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, mapping, self.pace_family as u8]
    }

    /// id-CA-ECDH-… or id-CA-DH-….
    pub(crate) fn chip_oid(&self) -> Vec<u8> {
        let agreement = if self.is_dh() { 1 } else { 2 };
        vec![0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, agreement, self.chip_family as u8]
    }

    pub(crate) const fn is_dh(&self) -> bool {
        matches!(self.key_form, KeyForm::Modp | KeyForm::ModpStated)
    }

    /// The curve of chip authentication; the MODP group has none.
    pub(crate) const fn chip_curve(&self) -> CardCurve {
        match self.key_form {
            KeyForm::Explicit(curve) | KeyForm::Standardised(curve) | KeyForm::Both(curve) => curve,
            KeyForm::Modp | KeyForm::ModpStated => BP256,
        }
    }
}
