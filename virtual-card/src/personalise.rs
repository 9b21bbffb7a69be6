//! Writes a persona's data groups and keys: what a card has in its memory.

use crate::card_ta::TerminalState;
use crate::fault::Fault;
use crate::issuer::{Issuer, IssuerFault, bit_string, explicit_parameters, integer};
use crate::keys;
use crate::make::{CardCurve, KeyForm, KeyId, Make};
use crate::persona::{ActiveAuthenticationKey, Details, Persona};
use crate::portrait;
use crate::tamper::{Tamper, flipped};
use emrtd::hazmat::tlv::encode;
use openssl::bn::{BigNum, BigNumContext};
use openssl::dh::Dh;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use std::collections::BTreeMap;
use thiserror::Error;

/// A card could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PersonaliseError {
    /// The cryptographic library failed.
    #[error("the cryptographic library failed while making the card")]
    Crypto(#[from] ErrorStack),
    /// The portrait could not be encoded.
    #[error("the portrait could not be encoded")]
    Portrait(#[from] jpeg_encoder::EncodingError),
}

/// EF.CardAccess of every CCCD seen so far.
pub(crate) const CARD_ACCESS: [u8; 54] = [
    0x31, 0x34, 0x30, 0x0D, 0x06, 0x08, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x01, 0x01, 0x30, 0x0F,
    0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, 0x02, 0x02, 0x01, 0x01, 0x30, 0x12, 0x06, 0x0A,
    0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02, 0x02, 0x01, 0x02, 0x02, 0x01, 0x0D,
];

/// Where EF.CardSecurity lies here: in the master file it shares its identifier with EF.SOD.
pub(crate) const CARD_SECURITY: u16 = 0x3F1D;

/// Where EF.CVCA lies here: in the application it shares its identifier with EF.CardAccess.
pub(crate) const CVCA: u16 = 0x3F1C;

/// The private key of active authentication.
pub(crate) enum ActiveKey {
    Rsa(PKey<Private>),
    Ec(EcKey<Private>),
}

impl ActiveKey {
    /// The signature of a challenge: ISO/IEC 9796-2 scheme 1 with SHA-256, or plain ECDSA with SHA-256.
    pub(crate) fn sign(&self, challenge: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        self.sign_lying(challenge, None)
    }

    /// The same but for one lie.
    pub(crate) fn sign_lying(&self, challenge: &[u8], lie: Option<Tamper>) -> Result<Vec<u8>, ErrorStack> {
        let other = flipped(challenge);
        let challenge = if lie == Some(Tamper::ActiveOtherChallenge) { &other } else { challenge };
        match self {
            Self::Rsa(key) => {
                let rsa = key.rsa()?;
                let size = rsa.size() as usize;
                // 6A ‖ M1 ‖ H(M1 ‖ challenge) ‖ 34 CC
                let mut block = vec![0; size];
                openssl::rand::rand_bytes(&mut block[1..size - 34])?;
                block[0] = 0x6A;
                let digest = hash(MessageDigest::sha256(), &[&block[1..size - 34], challenge].concat())?;
                block[size - 34..size - 2].copy_from_slice(&digest);
                block[size - 2..].copy_from_slice(&[0x34, 0xCC]);
                match lie {
                    Some(Tamper::ActiveHashWrong) => block[size - 3] ^= 1,
                    Some(Tamper::ActiveHeaderWrong) => block[0] = 0x4A,
                    Some(Tamper::ActiveTrailerWrong) => block[size - 2] = 0x3C,
                    _ => {}
                }
                let mut signature = vec![0; size];
                rsa.private_encrypt(&block, &mut signature, Padding::NONE)?;
                Ok(signature)
            }
            Self::Ec(key) => {
                let digest = hash(MessageDigest::sha256(), challenge)?;
                let signature = EcdsaSig::sign(&digest, key)?;
                Ok([signature.r().to_vec_padded(32)?, signature.s().to_vec_padded(32)?].concat())
            }
        }
    }

    /// What a copy answers, which does not have the key: noise of the right length.
    pub(crate) fn guess(&self) -> Result<Vec<u8>, ErrorStack> {
        let mut noise = match self {
            Self::Rsa(key) => vec![0; key.size()],
            Self::Ec(_) => vec![0; 64],
        };
        openssl::rand::rand_bytes(&mut noise)?;
        if let Self::Rsa(_) = self {
            // Less than the modulus.
            noise[0] = 0;
        }
        Ok(noise)
    }
}

/// The private key of chip authentication.
pub(crate) enum ChipKey {
    Ec(EcKey<Private>, CardCurve),
    /// In the 2,048-bit MODP group with 256-bit subgroup.
    Dh(BigNum),
}

impl ChipKey {
    fn new(label: &str, make: &Make) -> Result<Self, PersonaliseError> {
        if make.is_dh() {
            let group = Dh::get_2048_256()?;
            let q = group.prime_q().ok_or_else(ErrorStack::get)?;
            return Ok(Self::Dh(keys::number(label, q)?));
        }
        let curve = make.chip_curve();
        Ok(Self::Ec(keys::ec(label, curve.nid)?, curve))
    }

    /// SubjectPublicKeyInfo.
    fn spki(&self, form: KeyForm) -> Result<Vec<u8>, PersonaliseError> {
        let by_id = |id: u8| {
            let oid = encode(0x06, &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x02]);
            encode(0x30, &[oid, encode(0x02, &[id])].concat())
        };
        let (algorithm, public) = match (self, form) {
            (Self::Ec(key, _), KeyForm::Explicit(_)) => return ec_spki(key),
            (Self::Ec(key, curve), _) => (by_id(curve.id), keys::point(key)?),
            (Self::Dh(private), form) => {
                let group = Dh::get_2048_256()?;
                let mut public = BigNum::new()?;
                public.mod_exp(group.generator(), private, group.prime_p(), &mut *BigNumContext::new()?)?;
                let stated = [integer(&group.prime_p().to_vec()), integer(&group.generator().to_vec())].concat();
                let pkcs3 = encode(0x06, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x03, 0x01]);
                let algorithm = match form {
                    KeyForm::ModpStated => encode(0x30, &[pkcs3, encode(0x30, &stated)].concat()),
                    _ => by_id(2),
                };
                (algorithm, integer(&public.to_vec()))
            }
        };
        Ok(encode(0x30, &[algorithm, bit_string(&public)].concat()))
    }
}

/// What is in a card's memory.
pub struct Card {
    /// File identifier to content.
    pub(crate) files: BTreeMap<u16, Vec<u8>>,
    pub(crate) mrz_information: String,
    pub(crate) can: String,
    pub(crate) make: Make,
    pub(crate) chip_key: ChipKey,
    /// What a copy of the card has in the place of it.
    pub(crate) guessed_key: ChipKey,
    /// The static key of chip-authentication mapping.
    pub(crate) mapping_key: Option<EcKey<Private>>,
    pub(crate) active_key: ActiveKey,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Card({} files)", self.files.len())
    }
}

impl Card {
    /// Makes the card of a persona, faults of its data included.
    ///
    /// # Errors
    /// When the cryptographic library or the image encoder fails.
    pub fn new(persona: &Persona, fault: Fault) -> Result<Self, PersonaliseError> {
        Self::with_make(persona, fault, Make::default())
    }

    /// The same as another make of chip.
    ///
    /// # Errors
    /// When the cryptographic library or the image encoder fails.
    pub fn with_make(persona: &Persona, fault: Fault, make: Make) -> Result<Self, PersonaliseError> {
        // A passport is its own state's: nobody signs for a neighbour.
        let vietnam = || {
            Issuer::new(match fault {
                Fault::SelfMadeCsca => IssuerFault::SelfMadeCsca,
                Fault::ExpiredDsc => IssuerFault::ExpiredDsc,
                Fault::RevokedDsc => IssuerFault::RevokedDsc,
                _ => IssuerFault::None,
            })
        };
        let issuer = if persona.passport { Issuer::of(persona.country()) } else { vietnam() }?;
        let chip_key = ChipKey::new(&format!("chip/{}", persona.id), &make)?;
        let mapping_key =
            make.cam.then(|| keys::ec(&format!("mapping/{}", persona.id), make.pace_curve.nid)).transpose()?;
        let (active_key, active_spki, ecdsa) = active_authentication(persona)?;
        let mut groups = BTreeMap::from([
            (1, encode(0x61, &encode(0x5F1F, persona.mrz().as_bytes()))),
            (13, dg13(persona)),
            (14, dg14(&chip_key, mapping_key.as_ref(), &make, ecdsa)?),
            (15, encode(0x6F, &active_spki)),
        ]);
        if persona.portrait {
            let image = portrait::jpeg(persona.id)?;
            let block = if persona.details.is_some() { portrait::tagged(&image) } else { portrait::record(&image) };
            groups.insert(2, of_block(&block));
        }
        if let Some(details) = persona.details {
            groups.extend(of_passport(persona, details)?);
        }
        if make.biometrics {
            groups.insert(3, biometric(0x63, b"ridges that nobody has"));
            groups.insert(4, biometric(0x76, b"irises that nobody has"));
        }
        if persona.passport {
            groups.remove(&13);
        }
        if fault == Fault::NoCloneCheck {
            groups.retain(|number, _| !matches!(number, 14 | 15));
        }
        let sod = issuer.sod(persona.signer, &groups, &signed_at(persona.issued))?;
        if let Fault::Altered(number) = fault {
            alter(groups.get_mut(&number));
        }
        if fault == Fault::Stripped {
            groups.remove(&14);
            groups.remove(&15);
        }
        let mut files: BTreeMap<u16, Vec<u8>> = BTreeMap::from([(0x011E, com(&groups)), (0x011D, sod)]);
        files.insert(0x011C, card_access(&make));
        if let Some(key) = &mapping_key {
            let infos = encode(0x31, &[pace_info(&make), mapping_key_info(key, &make)?].concat());
            let signed = issuer.card_security(persona.signer, &infos, &signed_at(persona.issued))?;
            files.insert(CARD_SECURITY, signed);
        }
        if make.biometrics {
            files.insert(CVCA, TerminalState::file());
        }
        files.extend(groups.into_iter().map(|(number, bytes)| (0x0100 | u16::from(number), bytes)));
        Ok(Self {
            files,
            mrz_information: persona.mrz_information(),
            can: persona.can().to_owned(),
            make,
            chip_key,
            guessed_key: ChipKey::new("a copy knows only this", &make)?,
            mapping_key,
            active_key,
        })
    }
}

impl Card {
    /// File identifiers and contents of the application, and EF.CardAccess.
    pub fn files(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.files.iter().filter(|(id, _)| **id < CVCA).map(|(id, bytes)| (*id, bytes.as_slice()))
    }
}

/// Changes one byte in the middle of a group, which leaves its structure readable.
fn alter(group: Option<&mut Vec<u8>>) {
    if let Some(bytes) = group {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x01;
    }
}

/// Noon of the day of issue.
fn signed_at(issued: &str) -> String {
    let parts: Vec<&str> = issued.split('/').collect();
    format!("{}{}{}120000Z", &parts[2][2..], parts[1], parts[0])
}

fn com(groups: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
    let tags: Vec<u8> = groups.values().map(|bytes| bytes[0]).collect();
    let body = [encode(0x5F01, b"0107"), encode(0x5F36, b"040000"), encode(0x5C, &tags)].concat();
    encode(0x60, &body)
}

/// EF.DG2 with this image in an ISO/IEC 19794-5 record.
#[must_use]
pub fn dg2(image: &[u8]) -> Vec<u8> {
    of_block(&portrait::record(image))
}

fn of_block(portrait::Block { tag, format, data }: &portrait::Block) -> Vec<u8> {
    let header = [
        encode(0x80, &[0x01, 0x01]),
        encode(0x81, &[0x02]),
        encode(0x87, &[0x01, 0x01]),
        encode(0x88, &format.to_be_bytes()),
    ];
    let template = encode(0x7F60, &[encode(0xA1, &header.concat()), encode(*tag, data)].concat());
    encode(0x75, &encode(0x7F61, &[encode(0x02, &[1]), template].concat()))
}

/// EF.DG7, DG11, DG12 and DG16. The date of issue is packed, as some issuers write it.
fn of_passport(persona: &Persona, details: &Details) -> Result<[(u8, Vec<u8>); 4], PersonaliseError> {
    let date = |text: &str| text.split('/').rev().collect::<String>();
    let template = |group: u32, fields: &[(u32, Vec<u8>)]| {
        let tags: Vec<u8> = fields.iter().flat_map(|(tag, _)| [(tag >> 8) as u8, *tag as u8]).collect();
        // Names stand in an A0 with their number in front; the list has their own tag.
        let object =
            |(tag, value): &(u32, Vec<u8>)| if *tag == 0x5F0F { encode(0xA0, value) } else { encode(*tag, value) };
        encode(group, &[encode(0x5C, &tags), fields.iter().flat_map(object).collect()].concat())
    };
    let names = details.other_names.iter().flat_map(|name| encode(0x5F0F, name.as_bytes()));
    let names = [integer(&[details.other_names.len() as u8]), names.collect()].concat();
    let holder = [
        (0x5F0E, details.full_name.into()),
        (0x5F0F, names),
        (0x5F2B, date(persona.birth).into_bytes()),
        (0x5F11, details.place_of_birth.into()),
        (0x5F42, details.address.into()),
        (0x5F12, details.telephone.into()),
        (0x5F13, details.profession.into()),
    ];
    let issued = date(persona.issued).bytes().map(|digit| digit - b'0').collect::<Vec<_>>();
    let packed = issued.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let document = [(0x5F19, details.authority.into()), (0x5F26, packed), (0x5F56, b"PRACTICE".to_vec())];
    let person = |(at, (name, telephone)): (u32, &(&str, &str))| {
        let fields = [encode(0x5F50, date(persona.issued).as_bytes()), encode(0x5F51, name.as_bytes())];
        encode(at, &[fields.concat(), encode(0x5F52, telephone.as_bytes())].concat())
    };
    let persons = (0xA1..).zip(details.notify).flat_map(person).collect();
    let signature = [integer(&[1]), encode(0x5F43, &portrait::jpeg(persona.name)?)].concat();
    Ok([
        (7, encode(0x67, &signature)),
        (11, template(0x6B, &holder)),
        (12, template(0x6C, &document)),
        (16, encode(0x70, &[integer(&[details.notify.len() as u8]), persons].concat())),
    ])
}

fn dg13(persona: &Persona) -> Vec<u8> {
    let utf8 = |text: &str| encode(0x0C, text.as_bytes());
    let printable = |text: &str| encode(0x13, text.as_bytes());
    let nested = |text: &str| encode(0x30, &utf8(text));
    // On cards of 2024 many fields are there without a value.
    let or_empty = |value: Vec<u8>| if persona.card_2024 { Vec::new() } else { value };
    let fields: [Vec<u8>; 16] = [
        printable(persona.number),
        utf8(persona.name),
        printable(persona.birth),
        utf8(persona.sex),
        utf8("Việt Nam"),
        or_empty(utf8(persona.ethnicity)),
        or_empty(utf8(persona.religion)),
        or_empty(utf8(persona.origin)),
        utf8(persona.residence),
        or_empty(utf8("Nốt ruồi C: 1cm dưới mép phải")),
        printable(persona.issued),
        utf8(persona.expiry),
        or_empty(persona.parents.iter().flat_map(|name| nested(name)).collect()),
        persona.spouse.map(nested).unwrap_or_default(),
        persona.old_number.map(printable).unwrap_or_default(),
        or_empty(printable("0000000000000000")),
    ];
    let entries: Vec<u8> = (1u8..)
        .zip(fields)
        .flat_map(|(index, value)| encode(0x30, &[encode(0x02, &[index]), value].concat()))
        .collect();
    encode(0x6D, &encode(0x30, &entries))
}

fn ec_spki(key: &EcKey<Private>) -> Result<Vec<u8>, PersonaliseError> {
    let algorithm =
        [encode(0x06, &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]), explicit_parameters(key.group())?].concat();
    let bits = encode(0x03, &[&[0][..], &keys::point(key)?].concat());
    Ok(encode(0x30, &[encode(0x30, &algorithm), bits].concat()))
}

fn active_authentication(persona: &Persona) -> Result<(ActiveKey, Vec<u8>, bool), PersonaliseError> {
    let label = format!("active/{}", persona.id);
    let curve = match persona.active_authentication {
        ActiveAuthenticationKey::Rsa => {
            let key = keys::active_authentication_rsa()?;
            let spki = key.public_key_to_der()?;
            return Ok((ActiveKey::Rsa(key), spki, false));
        }
        ActiveAuthenticationKey::EcdsaBrainpool256 => Nid::BRAINPOOL_P256R1,
        ActiveAuthenticationKey::EcdsaSecp256 => Nid::X9_62_PRIME256V1,
    };
    let key = keys::ec(&label, curve)?;
    let spki = ec_spki(&key)?;
    Ok((ActiveKey::Ec(key), spki, true))
}

/// A biometric template without a meaning.
fn biometric(tag: u32, data: &[u8]) -> Vec<u8> {
    let block = encode(0x7F60, &[encode(0xA1, &encode(0x81, &[0x08])), encode(0x5F2E, &data.repeat(40))].concat());
    encode(tag, &encode(0x7F61, &[encode(0x02, &[1]), block].concat()))
}

fn pace_info(make: &Make) -> Vec<u8> {
    encode(0x30, &[encode(0x06, &make.pace_oid()), integer(&[2]), integer(&[make.pace_curve.id])].concat())
}

/// ChipAuthenticationPublicKeyInfo of chip-authentication mapping.
fn mapping_key_info(key: &EcKey<Private>, make: &Make) -> Result<Vec<u8>, PersonaliseError> {
    let key = ChipKey::Ec(key.clone(), make.pace_curve);
    Ok(encode(0x30, &[ID_PK_ECDH.to_vec(), key.spki(KeyForm::Standardised(make.pace_curve))?].concat()))
}

/// id-PK-ECDH as an object.
const ID_PK_ECDH: [u8; 11] = [0x06, 0x09, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x01, 0x02];
/// id-PK-DH.
const ID_PK_DH: [u8; 11] = [0x06, 0x09, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x01, 0x01];
/// TerminalAuthenticationInfo, version 1, without a reference to EF.CVCA.
const TERMINAL_INFO: [u8; 15] =
    [0x30, 0x0D, 0x06, 0x08, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x01, 0x01];

fn card_access(make: &Make) -> Vec<u8> {
    if *make == Make::default() {
        return CARD_ACCESS.to_vec();
    }
    encode(0x31, &[TERMINAL_INFO.to_vec(), pace_info(make)].concat())
}

/// The SecurityInfos of EF.CardAccess, the keys of chip authentication, and the hash of ECDSA active authentication.
fn dg14(
    chip_key: &ChipKey,
    mapping_key: Option<&EcKey<Private>>,
    make: &Make,
    ecdsa: bool,
) -> Result<Vec<u8>, PersonaliseError> {
    let mut infos = if *make == Make::default() {
        CARD_ACCESS[2..].to_vec()
    } else {
        [TERMINAL_INFO.to_vec(), pace_info(make)].concat()
    };
    let id_pk = if make.is_dh() { ID_PK_DH } else { ID_PK_ECDH };
    let id = |n: u8| if make.key_id == KeyId::None { Vec::new() } else { integer(&[n]) };
    if make.chip_info && *make != Make::default() {
        infos.extend(encode(0x30, &[encode(0x06, &make.chip_oid()), integer(&[1]), id(2)].concat()));
    }
    if make.key_id == KeyId::Needed {
        // The first key is for somebody else's protocol: its identifier must not be taken.
        let other = ChipKey::new("another key", make)?;
        infos.extend(encode(0x30, &[id_pk.to_vec(), other.spki(make.key_form)?, id(1)].concat()));
    }
    let forms = match make.key_form {
        KeyForm::Both(curve) => vec![KeyForm::Explicit(curve), KeyForm::Standardised(curve)],
        form => vec![form],
    };
    for form in forms {
        infos.extend(encode(0x30, &[id_pk.to_vec(), chip_key.spki(form)?, id(2)].concat()));
    }
    if let Some(key) = mapping_key {
        infos.extend(mapping_key_info(key, make)?);
    }
    if ecdsa {
        let id_aa = encode(0x06, &[0x67, 0x81, 0x08, 0x01, 0x01, 0x05]);
        let plain_sha256 = encode(0x06, &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01, 0x03]);
        infos.extend(encode(0x30, &[id_aa, encode(0x02, &[1]), plain_sha256].concat()));
    }
    Ok(encode(0x6E, &encode(0x31, &infos)))
}
