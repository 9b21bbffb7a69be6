//! Three-letter codes of machine readable zones and the two-letter countries of certificates (ICAO 9303-3 §5,
//! ISO 3166-1).
//!
//! The document signer's country must be the issuing state's (ICAO 9303-12 §7.1). The two are written in different
//! alphabets of codes, and not one to one:
//!
//! | MRZ | certificates | why |
//! |---|---|---|
//! | `D` | DE | the one state with a single letter |
//! | `GBD` `GBN` `GBO` `GBP` `GBS` | GB | kinds of British nationals; those of Bermuda: BM |
//! | `CHN` `HKG` `MAC` | CN | Hong Kong and Macao sign as CN |
//! | `EUE` | EU | laissez-passer of the European Union |
//! | `UNO` `UNA` `UNK` | UN | United Nations, agencies, mission in Kosovo |
//! | `RKS` | KS, XK | Kosovo |
//! | `XOM` `XPO` … | not settled anywhere: another country is open, not wrong | organisations |

/// The countries that certificates for documents of this issuing state may bear, the usual one first; empty for a code
/// that is not known.
#[must_use]
pub fn countries(mrz_code: &str) -> &'static [&'static str] {
    let code = mrz_code.trim_end_matches('<');
    let special = SPECIAL.iter().chain(&ORGANISATIONS).find(|(three, _)| *three == code).map(|(_, two)| *two);
    special.or_else(|| iso(code)).unwrap_or_default()
}

/// Whether a certificate of `country` may sign for the issuing state `mrz_code`; `None` when that is not known.
#[must_use]
pub fn signs_for(mrz_code: &str, country: &str) -> Option<bool> {
    let allowed = countries(mrz_code);
    let fits = allowed.iter().any(|two| two.eq_ignore_ascii_case(country.trim()));
    let settled = !allowed.is_empty() && ORGANISATIONS.iter().all(|(_, two)| *two != allowed);
    (fits || settled).then_some(fits)
}

fn iso(code: &str) -> Option<&'static [&'static str]> {
    let found = ISO.binary_search_by_key(&code, |(three, _)| three).ok()?;
    Some(std::slice::from_ref(&ISO[found].1))
}

/// Where it is not ISO 3166-1, or not that alone.
const SPECIAL: [(&str, &[&str]); 17] = [
    ("D", &["DE"]),
    ("BMU", &["BM", "GB"]),
    ("CHN", &["CN", "HK", "MO"]),
    ("EUE", &["EU"]),
    ("GBD", &["GB", "BM"]),
    ("GBN", &["GB"]),
    ("GBO", &["GB", "BM"]),
    ("GBP", &["GB"]),
    ("GBS", &["GB"]),
    ("HKG", &["HK", "CN"]),
    ("MAC", &["MO", "CN"]),
    ("RKS", &["KS", "XK"]),
    ("ROM", &["RO"]),
    ("UNA", &["UN"]),
    ("UNK", &["UN", "KS", "XK"]),
    ("UNO", &["UN"]),
    ("ZAR", &["CD"]),
];

/// Organisations that issue documents of their own. No list at hand has a certificate of theirs, so that nobody can say
/// which country is the wrong one.
const ORGANISATIONS: [(&str, &[&str]); 9] = [
    ("IAO", &["IA"]),
    ("XBA", &["XB"]),
    ("XCC", &["XC"]),
    ("XCE", &["XE"]),
    ("XCO", &["XC"]),
    ("XEC", &["XE"]),
    ("XIM", &["XI"]),
    ("XOM", &["XO"]),
    ("XPO", &["XP"]),
];

/// ISO 3166-1, by the three letters.
#[rustfmt::skip]
const ISO: [(&str, &str); 249] = [
    ("ABW", "AW"), ("AFG", "AF"), ("AGO", "AO"), ("AIA", "AI"), ("ALA", "AX"), ("ALB", "AL"), ("AND", "AD"),
    ("ARE", "AE"), ("ARG", "AR"), ("ARM", "AM"), ("ASM", "AS"), ("ATA", "AQ"), ("ATF", "TF"), ("ATG", "AG"),
    ("AUS", "AU"), ("AUT", "AT"), ("AZE", "AZ"), ("BDI", "BI"), ("BEL", "BE"), ("BEN", "BJ"), ("BES", "BQ"),
    ("BFA", "BF"), ("BGD", "BD"), ("BGR", "BG"), ("BHR", "BH"), ("BHS", "BS"), ("BIH", "BA"), ("BLM", "BL"),
    ("BLR", "BY"), ("BLZ", "BZ"), ("BMU", "BM"), ("BOL", "BO"), ("BRA", "BR"), ("BRB", "BB"), ("BRN", "BN"),
    ("BTN", "BT"), ("BVT", "BV"), ("BWA", "BW"), ("CAF", "CF"), ("CAN", "CA"), ("CCK", "CC"), ("CHE", "CH"),
    ("CHL", "CL"), ("CHN", "CN"), ("CIV", "CI"), ("CMR", "CM"), ("COD", "CD"), ("COG", "CG"), ("COK", "CK"),
    ("COL", "CO"), ("COM", "KM"), ("CPV", "CV"), ("CRI", "CR"), ("CUB", "CU"), ("CUW", "CW"), ("CXR", "CX"),
    ("CYM", "KY"), ("CYP", "CY"), ("CZE", "CZ"), ("DEU", "DE"), ("DJI", "DJ"), ("DMA", "DM"), ("DNK", "DK"),
    ("DOM", "DO"), ("DZA", "DZ"), ("ECU", "EC"), ("EGY", "EG"), ("ERI", "ER"), ("ESH", "EH"), ("ESP", "ES"),
    ("EST", "EE"), ("ETH", "ET"), ("FIN", "FI"), ("FJI", "FJ"), ("FLK", "FK"), ("FRA", "FR"), ("FRO", "FO"),
    ("FSM", "FM"), ("GAB", "GA"), ("GBR", "GB"), ("GEO", "GE"), ("GGY", "GG"), ("GHA", "GH"), ("GIB", "GI"),
    ("GIN", "GN"), ("GLP", "GP"), ("GMB", "GM"), ("GNB", "GW"), ("GNQ", "GQ"), ("GRC", "GR"), ("GRD", "GD"),
    ("GRL", "GL"), ("GTM", "GT"), ("GUF", "GF"), ("GUM", "GU"), ("GUY", "GY"), ("HKG", "HK"), ("HMD", "HM"),
    ("HND", "HN"), ("HRV", "HR"), ("HTI", "HT"), ("HUN", "HU"), ("IDN", "ID"), ("IMN", "IM"), ("IND", "IN"),
    ("IOT", "IO"), ("IRL", "IE"), ("IRN", "IR"), ("IRQ", "IQ"), ("ISL", "IS"), ("ISR", "IL"), ("ITA", "IT"),
    ("JAM", "JM"), ("JEY", "JE"), ("JOR", "JO"), ("JPN", "JP"), ("KAZ", "KZ"), ("KEN", "KE"), ("KGZ", "KG"),
    ("KHM", "KH"), ("KIR", "KI"), ("KNA", "KN"), ("KOR", "KR"), ("KWT", "KW"), ("LAO", "LA"), ("LBN", "LB"),
    ("LBR", "LR"), ("LBY", "LY"), ("LCA", "LC"), ("LIE", "LI"), ("LKA", "LK"), ("LSO", "LS"), ("LTU", "LT"),
    ("LUX", "LU"), ("LVA", "LV"), ("MAC", "MO"), ("MAF", "MF"), ("MAR", "MA"), ("MCO", "MC"), ("MDA", "MD"),
    ("MDG", "MG"), ("MDV", "MV"), ("MEX", "MX"), ("MHL", "MH"), ("MKD", "MK"), ("MLI", "ML"), ("MLT", "MT"),
    ("MMR", "MM"), ("MNE", "ME"), ("MNG", "MN"), ("MNP", "MP"), ("MOZ", "MZ"), ("MRT", "MR"), ("MSR", "MS"),
    ("MTQ", "MQ"), ("MUS", "MU"), ("MWI", "MW"), ("MYS", "MY"), ("MYT", "YT"), ("NAM", "NA"), ("NCL", "NC"),
    ("NER", "NE"), ("NFK", "NF"), ("NGA", "NG"), ("NIC", "NI"), ("NIU", "NU"), ("NLD", "NL"), ("NOR", "NO"),
    ("NPL", "NP"), ("NRU", "NR"), ("NZL", "NZ"), ("OMN", "OM"), ("PAK", "PK"), ("PAN", "PA"), ("PCN", "PN"),
    ("PER", "PE"), ("PHL", "PH"), ("PLW", "PW"), ("PNG", "PG"), ("POL", "PL"), ("PRI", "PR"), ("PRK", "KP"),
    ("PRT", "PT"), ("PRY", "PY"), ("PSE", "PS"), ("PYF", "PF"), ("QAT", "QA"), ("REU", "RE"), ("ROU", "RO"),
    ("RUS", "RU"), ("RWA", "RW"), ("SAU", "SA"), ("SDN", "SD"), ("SEN", "SN"), ("SGP", "SG"), ("SGS", "GS"),
    ("SHN", "SH"), ("SJM", "SJ"), ("SLB", "SB"), ("SLE", "SL"), ("SLV", "SV"), ("SMR", "SM"), ("SOM", "SO"),
    ("SPM", "PM"), ("SRB", "RS"), ("SSD", "SS"), ("STP", "ST"), ("SUR", "SR"), ("SVK", "SK"), ("SVN", "SI"),
    ("SWE", "SE"), ("SWZ", "SZ"), ("SXM", "SX"), ("SYC", "SC"), ("SYR", "SY"), ("TCA", "TC"), ("TCD", "TD"),
    ("TGO", "TG"), ("THA", "TH"), ("TJK", "TJ"), ("TKL", "TK"), ("TKM", "TM"), ("TLS", "TL"), ("TON", "TO"),
    ("TTO", "TT"), ("TUN", "TN"), ("TUR", "TR"), ("TUV", "TV"), ("TWN", "TW"), ("TZA", "TZ"), ("UGA", "UG"),
    ("UKR", "UA"), ("UMI", "UM"), ("URY", "UY"), ("USA", "US"), ("UZB", "UZ"), ("VAT", "VA"), ("VCT", "VC"),
    ("VEN", "VE"), ("VGB", "VG"), ("VIR", "VI"), ("VNM", "VN"), ("VUT", "VU"), ("WLF", "WF"), ("WSM", "WS"),
    ("YEM", "YE"), ("ZAF", "ZA"), ("ZMB", "ZM"), ("ZWE", "ZW"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_sorted_and_has_a_country() {
        assert!(ISO.is_sorted_by_key(|(three, _)| three) && SPECIAL.iter().all(|(_, two)| !two.is_empty()));
        for (three, two) in ISO {
            assert_eq!(signs_for(three, two), Some(true), "{three}");
            assert_eq!(signs_for(three, &two.to_lowercase()), Some(true), "{three}");
        }
        for (three, two) in SPECIAL {
            assert_eq!(countries(three), two);
        }
    }

    #[test]
    fn a_neighbour_does_not_sign() {
        assert_eq!(signs_for("VNM", "VN"), Some(true));
        assert_eq!(signs_for("VNM", "UT"), Some(false));
        assert_eq!(signs_for("VNM", ""), Some(false));
        assert_eq!(signs_for("D<<", "de"), Some(true));
        assert_eq!(signs_for("D", "D"), Some(false));
        assert_eq!(signs_for("GBR", "BM"), Some(false));
        assert_eq!(signs_for("UTO", "UT"), None, "Utopia is in no list");
        assert_eq!((signs_for("XPO", "XP"), signs_for("XPO", "FR")), (Some(true), None));
        assert_eq!(signs_for("", "VN"), None);
    }
}
