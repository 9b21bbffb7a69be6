//! Synthetic card holders. Names, numbers and addresses are invented; numbers whose random part starts with 0000
//! do not look issued.

use crate::issuer::{DocumentSigner, Issuer, IssuerFault};
use openssl::error::ErrorStack;

/// How active authentication works on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveAuthenticationKey {
    /// RSA 2,048, ISO/IEC 9796-2 scheme 1 with SHA-256.
    Rsa,
    /// ECDSA on brainpoolP256r1, plain signature, SHA-256.
    EcdsaBrainpool256,
    /// ECDSA on secp256r1, plain signature, SHA-256.
    EcdsaSecp256,
}

/// What EF.DG11, DG12 and DG16 say.
#[derive(Debug, Clone, Copy)]
pub struct Details {
    /// Full name in national characters, `<<` after the primary identifier.
    pub full_name: &'static str,
    /// Other names.
    pub other_names: &'static [&'static str],
    /// Place of birth.
    pub place_of_birth: &'static str,
    /// Permanent address.
    pub address: &'static str,
    /// Telephone.
    pub telephone: &'static str,
    /// Profession.
    pub profession: &'static str,
    /// Issuing authority.
    pub authority: &'static str,
    /// Persons to notify: name and telephone.
    pub notify: &'static [(&'static str, &'static str)],
}

/// A card holder and the card's make.
#[derive(Debug, Clone, Copy)]
pub struct Persona {
    /// Identifier on the command line.
    pub id: &'static str,
    /// What the persona is good for, in a few words.
    pub about: &'static str,
    /// Personal identification number.
    pub number: &'static str,
    /// Full name.
    pub name: &'static str,
    /// Date of birth, dd/MM/yyyy.
    pub birth: &'static str,
    /// `Nam` or `Nữ`.
    pub sex: &'static str,
    /// Ethnicity.
    pub ethnicity: &'static str,
    /// Religion.
    pub religion: &'static str,
    /// Place of origin.
    pub origin: &'static str,
    /// Residence.
    pub residence: &'static str,
    /// Date of issue, dd/MM/yyyy.
    pub issued: &'static str,
    /// Date of expiry, dd/MM/yyyy, or text.
    pub expiry: &'static str,
    /// Father and mother.
    pub parents: &'static [&'static str],
    /// Spouse.
    pub spouse: Option<&'static str>,
    /// Old CMND number.
    pub old_number: Option<&'static str>,
    /// Whether the chip has EF.DG2.
    pub portrait: bool,
    /// A 2024 card, which leaves many fields of DG13 empty.
    pub card_2024: bool,
    /// A passport (TD3) of a foreigner: no EF.DG13, no card access number.
    pub passport: bool,
    /// What a passport of 2026 adds: EF.DG7, DG11, DG12 and DG16, and a face in ISO/IEC 39794-5.
    pub details: Option<&'static Details>,
    /// Who signs the SOD.
    pub signer: DocumentSigner,
    /// Key of active authentication.
    pub active_authentication: ActiveAuthenticationKey,
}

const BASE: Persona = Persona {
    id: "",
    about: "",
    number: "",
    name: "",
    birth: "",
    sex: "Nam",
    ethnicity: "Kinh",
    religion: "Không",
    origin: "Xã Ví Dụ, Huyện Mẫu, Hà Nội",
    residence: "Số 1, Đường Ví Dụ, Phường Mẫu, Hà Nội",
    issued: "15/04/2021",
    expiry: "",
    parents: &["Nguyễn Văn Mẫu", "Trần Thị Mẫu"],
    spouse: None,
    old_number: None,
    portrait: true,
    card_2024: false,
    passport: false,
    details: None,
    signer: DocumentSigner::Brainpool256,
    active_authentication: ActiveAuthenticationKey::Rsa,
};

/// All personas; the first one is the default of demonstrations.
pub const PERSONAS: [Persona; 14] = [
    Persona {
        id: "an",
        about: "a plain card of 2021, RSA active authentication",
        number: "001099000017",
        name: "Nguyễn Văn An",
        birth: "15/01/1999",
        expiry: "15/01/2039",
        issued: "16/01/2022",
        old_number: Some("012345678"),
        ..BASE
    },
    Persona {
        id: "binh",
        about: "married, ECDSA active authentication",
        number: "079185000028",
        name: "Trần Thị Bình",
        birth: "02/09/1985",
        sex: "Nữ",
        expiry: "02/09/2045",
        issued: "05/10/2023",
        residence: "Số 12, Đường Mẫu, Phường Thí Dụ, TP. Hồ Chí Minh",
        spouse: Some("Lê Văn Chồng Mẫu"),
        old_number: Some("023456789"),
        active_authentication: ActiveAuthenticationKey::EcdsaBrainpool256,
        ..BASE
    },
    Persona {
        id: "chau-long-address",
        about: "an address of more than 127 bytes",
        number: "046192000039",
        name: "Công Tằng Tôn Nữ Hoàng Bảo Châu",
        birth: "28/02/1992",
        sex: "Nữ",
        expiry: "28/02/2032",
        residence: "Căn hộ số 1204, Tòa nhà A2, Khu đô thị kiểu mẫu Ví Dụ, Số 123/45/6 Đường Một Tên Rất Dài Để Thử, Tổ dân phố 27, Phường Thí Dụ Thượng, Quận Mẫu, Thành phố Huế",
        signer: DocumentSigner::Brainpool384,
        ..BASE
    },
    Persona {
        id: "dung-no-spouse",
        about: "no spouse, no old number",
        number: "031201000040",
        name: "Đặng Quốc Dũng",
        birth: "11/11/2001",
        expiry: "11/11/2026",
        signer: DocumentSigner::RsaPss,
        ..BASE
    },
    Persona {
        id: "giang-2024",
        about: "a card of 2024 with empty fields",
        number: "036304000051",
        name: "Vũ Hương Giang",
        birth: "30/04/2004",
        sex: "Nữ",
        issued: "02/07/2024",
        expiry: "30/04/2029",
        card_2024: true,
        signer: DocumentSigner::Brainpool384,
        active_authentication: ActiveAuthenticationKey::EcdsaSecp256,
        ..BASE
    },
    Persona {
        id: "hoa-child",
        about: "a child under six: no portrait on the chip",
        number: "001321000062",
        name: "Phạm Khánh Hoà",
        birth: "20/11/2021",
        sex: "Nữ",
        issued: "01/08/2024",
        expiry: "20/11/2035",
        card_2024: true,
        portrait: false,
        ..BASE
    },
    Persona {
        id: "khoi-no-expiry",
        about: "over sixty: no expiry",
        number: "038055000073",
        name: "Hoàng Đình Khôi",
        birth: "05/05/1955",
        expiry: "Không thời hạn",
        old_number: Some("170123456"),
        spouse: Some("Bùi Thị Vợ Mẫu"),
        ..BASE
    },
    Persona {
        id: "linh-foreign-born",
        about: "born abroad: a country code in the number",
        number: "116195000084",
        name: "Ngô Thuỳ Linh",
        birth: "07/07/1995",
        sex: "Nữ",
        origin: "Cộng hoà Séc",
        expiry: "07/07/2035",
        active_authentication: ActiveAuthenticationKey::EcdsaBrainpool256,
        ..BASE
    },
    Persona {
        id: "minh-one-parent",
        about: "one parent on record",
        number: "048200000095",
        name: "Huỳnh Minh",
        birth: "29/02/2000",
        expiry: "28/02/2025",
        parents: &["Huỳnh Thị Mẹ Mẫu"],
        ..BASE
    },
    Persona {
        id: "nie-ethnic-name",
        about: "a name with an apostrophe, of an ethnic minority",
        number: "066188000106",
        name: "H'Hen Niê Mẫu",
        birth: "15/05/1988",
        sex: "Nữ",
        ethnicity: "Ê Đê",
        religion: "Tin lành",
        origin: "Buôn Ví Dụ, Đắk Lắk",
        expiry: "15/05/2028",
        signer: DocumentSigner::RsaPss,
        active_authentication: ActiveAuthenticationKey::EcdsaSecp256,
        ..BASE
    },
    Persona {
        id: "oanh-reissued",
        about: "an old number of 12 digits, from a re-issue",
        number: "075197000117",
        name: "Đỗ Kiều Oanh",
        birth: "01/01/1997",
        sex: "Nữ",
        expiry: "01/01/2037",
        issued: "03/03/2022",
        old_number: Some("075097000117"),
        ..BASE
    },
    Persona {
        id: "phuc-short-name",
        about: "a single name",
        number: "092198000128",
        name: "Phúc",
        birth: "19/08/1998",
        expiry: "19/08/2038",
        issued: "20/08/2021",
        ..BASE
    },
    Persona {
        id: "quyen-long-name",
        about: "a name longer than the MRZ line",
        number: "056190000139",
        name: "Nguyễn Phúc Vĩnh San Hoàng Thiên Quyên Quý",
        birth: "12/12/1990",
        sex: "Nữ",
        expiry: "12/12/2030",
        signer: DocumentSigner::Brainpool384,
        ..BASE
    },
    Persona {
        id: "son-elder",
        about: "born before 1930",
        number: "040028000140",
        name: "Phan Trường Sơn",
        birth: "03/02/1928",
        expiry: "Không thời hạn",
        ..BASE
    },
];

/// A visitor with a passport; the name is that of many specimens.
pub const VISITOR: Persona = Persona {
    id: "erika-passport",
    about: "a passport of a foreigner, opened by its MRZ",
    number: "C01X00T47",
    name: "MUSTERMANN ERIKA",
    birth: "12/08/1983",
    sex: "Nữ",
    expiry: "01/02/2031",
    issued: "02/02/2021",
    passport: true,
    ..BASE
};

/// A visitor with a passport of 2026, whose MRZ writes the name otherwise than EF.DG11. Invented.
pub const TRAVELLER: Persona = Persona {
    id: "joerg-passport",
    about: "a passport of 2026: face in ISO/IEC 39794-5, EF.DG7, DG11, DG12 and DG16",
    number: "C02Y11Z53",
    name: "MUESTERMANN JOERG UWE",
    birth: "05/06/1924",
    expiry: "14/03/2036",
    issued: "15/03/2026",
    details: Some(&Details {
        full_name: "MÜSTERMANN<<JÖRG<UWE",
        other_names: &["MÜLLER", "MUSTER<JÖRG"],
        place_of_birth: "MUSTERSTADT<UTOPIA",
        address: "MUSTERSTRASSE 1<12345 MUSTERSTADT",
        telephone: "49301234567",
        profession: "GÄRTNER",
        authority: "STADT MUSTERSTADT",
        notify: &[("MUSTERMANN<<ERIKA", "49307654321"), ("MUSTER<<MAX", "")],
    }),
    ..VISITOR
};

impl Persona {
    /// By identifier.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        PERSONAS.iter().chain([&VISITOR, &TRAVELLER]).find(|p| p.id == id)
    }

    /// The country of the issuer in certificates.
    #[must_use]
    pub const fn country(&self) -> &'static str {
        if self.passport { "DE" } else { "VN" }
    }

    /// Card access number.
    #[must_use]
    pub fn can(&self) -> &'static str {
        if self.passport { "" } else { &self.number[6..] }
    }

    /// The QR code on the card.
    #[must_use]
    pub fn qr(&self) -> String {
        let Self { number, name, sex, residence, .. } = self;
        let old = self.old_number.unwrap_or_default();
        let compact = |date: &str| date.replace('/', "");
        let parts = [number, old, name, &compact(self.birth), sex, residence, &compact(self.issued)];
        // In one piece: a text that grows leaves copies behind, which a search of memory would find.
        parts.join("|")
    }

    /// Document number, birth and expiry as the MRZ has them.
    #[must_use]
    pub fn mrz_fields(&self) -> (String, String, String) {
        let document = if self.passport { self.number } else { &self.number[3..] };
        (document.to_owned(), yymmdd(self.birth), yymmdd(self.expiry))
    }

    /// The two lines of a passport's MRZ, in one piece.
    fn passport_mrz(&self) -> String {
        let (document, birth, expiry) = self.mrz_fields();
        let d = check_digit;
        let sex = if self.sex == "Nam" { 'M' } else { 'F' };
        let number = format!("{document}{}", d(&document));
        let birth = format!("{birth}{}", d(&birth));
        let rest = format!("{expiry}{}{}0", d(&expiry), "<".repeat(14));
        let composite = d(&format!("{number}{birth}{rest}"));
        format!("P<D<<{:<<39}{number}D<<{birth}{sex}{rest}{composite}", mrz_name(self.name).trim_end_matches('<'))
    }

    /// What is hashed for access by MRZ: document number, birth and expiry, each with its check digit.
    #[must_use]
    pub fn mrz_information(&self) -> String {
        let (document, birth, expiry) = self.mrz_fields();
        [document, birth, expiry].map(|field| format!("{field}{}", check_digit(&field))).concat()
    }

    /// The 90 characters of the MRZ; 88 of a passport's.
    #[must_use]
    pub fn mrz(&self) -> String {
        if self.passport {
            return self.passport_mrz();
        }
        let (document, birth, expiry) = self.mrz_fields();
        let d = |text: &str| check_digit(text);
        let sex = if self.sex == "Nam" { 'M' } else { 'F' };
        let first = format!("{document}{}{}<<{}", d(&document), self.number, d(self.number));
        let second = format!("{birth}{}", d(&birth));
        let third = format!("{expiry}{}", d(&expiry));
        let composite = d(&format!("{first}{second}{third}{}", "<".repeat(11)));
        let name = mrz_name(self.name);
        format!("IDVNM{first}{second}{sex}{third}VNM{}{composite}{name}", "<".repeat(11))
    }
}

/// The form that "no expiry" has in the MRZ is not public; the last day of the century stands for it here.
fn yymmdd(date: &str) -> String {
    match date.split('/').collect::<Vec<_>>()[..] {
        [day, month, year] => format!("{}{month}{day}", &year[2..]),
        _ => "991231".to_owned(),
    }
}

fn check_digit(text: &str) -> char {
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    let sum: u32 = text.chars().zip([7, 3, 1].into_iter().cycle()).map(|(c, w)| value(c) * w).sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

/// Thirty characters: surname, `<<`, the rest.
fn mrz_name(name: &str) -> String {
    let mut words = name.split(' ').map(plain_letters);
    let surname = words.next().unwrap_or_default();
    let rest = words.collect::<Vec<_>>().join("<");
    let mut line = if rest.is_empty() { surname } else { format!("{surname}<<{rest}") };
    line.truncate(30);
    format!("{line:<<30}")
}

/// Letters without diacritics, by table: the card side does not use the terminal's code.
fn plain_letters(word: &str) -> String {
    const GROUPS: [(&str, char); 7] = [
        ("áàảãạăắằẳẵặâấầẩẫậ", 'A'),
        ("éèẻẽẹêếềểễệ", 'E'),
        ("íìỉĩị", 'I'),
        ("óòỏõọôốồổỗộơớờởỡợ", 'O'),
        ("úùủũụưứừửữự", 'U'),
        ("ýỳỷỹỵ", 'Y'),
        ("đ", 'D'),
    ];
    let letter = |c: char| {
        let lower = c.to_lowercase().next().unwrap_or(c);
        let base = GROUPS.iter().find(|(group, _)| group.contains(lower)).map(|(_, base)| *base);
        base.or_else(|| lower.is_ascii_lowercase().then(|| lower.to_ascii_uppercase()))
    };
    word.chars().filter_map(letter).collect()
}

/// The files of every issuer that signs a persona's document, each under a name of its own.
///
/// # Errors
/// When the cryptographic library fails.
pub fn practice_files() -> Result<Vec<(String, Vec<u8>)>, ErrorStack> {
    let (own, foreign) = (Issuer::new(IssuerFault::None)?, Issuer::of(VISITOR.country())?);
    let own = own.trust_files()?.into_iter().map(|file| (file.name.to_owned(), file.der));
    let foreign = foreign.trust_files()?;
    let prefix = VISITOR.country().to_lowercase();
    let foreign = foreign.into_iter().map(|file| (format!("{prefix}-{}", file.name), file.der));
    Ok(own.chain(foreign).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_persona_has_a_valid_mrz() {
        for persona in &PERSONAS {
            let text = persona.mrz();
            assert_eq!(text.len(), 90, "{}: {text}", persona.id);
            let mrz = emrtd::Mrz::parse(&text).expect("MRZ");
            assert!(mrz.check_digits_ok, "{}", persona.id);
        }
    }

    #[test]
    fn a_passport_has_a_valid_mrz_and_no_card_access_number() {
        let text = VISITOR.mrz();
        assert_eq!(text.len(), 88, "{text}");
        let mrz = emrtd::Mrz::parse(&text).expect("MRZ");
        assert!(mrz.check_digits_ok, "{text}");
        assert_eq!((mrz.surname.as_str(), mrz.given_names.as_str()), ("MUSTERMANN", "ERIKA"));
        assert_eq!(VISITOR.can(), "");
        let mrz = emrtd::Mrz::parse(&TRAVELLER.mrz()).expect("MRZ");
        assert!(mrz.check_digits_ok);
        assert_eq!((mrz.surname.as_str(), mrz.given_names.as_str()), ("MUESTERMANN", "JOERG<UWE"));
    }

    #[test]
    fn the_reference_mrz() {
        let mrz = Persona::find("an").expect("persona").mrz();
        assert_eq!(mrz, "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<");
    }
}
