//! What the rest is made of: protocols, structures and cryptography, one by one.
//!
//! Here are the parts for somebody who tests a chip, writes one, or looks into what a terminal never needs to see. They
//! ask for knowledge of the clauses that they name: a protocol that is run by hand can be run wrongly, and whatever is
//! not asked for here is not checked. Names in this module may change in a minor version, others in a major one only.
//!
//! | module | task | clause |
//! |---|---|---|
//! | [`pace`], [`bac`] | access | ICAO 9303-11 §4.3, §4.4 |
//! | [`secure_messaging`], [`apdu`] | commands and responses, and their protection | ICAO 9303-11 §9.8, ISO/IEC 7816-4 |
//! | [`exchange`], [`file`](mod@file) | a protocol as steps; the reading of one file | ICAO 9303-10 |
//! | [`active_authentication`], [`chip_authentication`] | proofs against copies | ICAO 9303-11 §6 |
//! | [`terminal_authentication`], [`cvc`] | access to fingerprints and irises | ICAO 9303-11 §7, TR-03110-3 |
//! | [`security_info`] | what a chip offers | ICAO 9303-11 §9.2 |
//! | [`cms`], [`x509`], [`crl`], [`deviation_list`], [`country`] | what issuers sign | ICAO 9303-12 |
//! | [`crypto`] | curves, keys, ciphers, hashes | TR-03111 |
//! | [`tlv`], [`oid`] | bytes | X.690 |

/// Makes the content of private modules public here.
macro_rules! show {
    ($($(#[$meta:meta])* $module:ident),* $(,)?) => {$(
        $(#[$meta])*
        pub mod $module {
            pub use crate::$module::*;
        }
    )*};
}

show! {
    /// Active authentication (ICAO 9303-11 §6.1).
    active_authentication,
    /// Commands and responses (ISO/IEC 7816-4).
    apdu,
    /// Basic access control (ICAO 9303-11 §4.3).
    bac,
    /// Chip authentication (ICAO 9303-11 §6.2).
    chip_authentication,
    /// CMS signed data, over the bytes as received (RFC 5652).
    cms,
    /// Which certificates' countries may sign for a state of the MRZ (ICAO 9303-3, 9303-12).
    country,
    /// Revocation lists (RFC 5280 §5).
    crl,
    /// Curves, keys, ciphers and hashes.
    crypto,
    /// Card-verifiable certificates (TR-03110-3).
    cvc,
    /// Deviation lists (ICAO 9303-3).
    deviation_list,
    /// A protocol as a sequence of commands and responses.
    exchange,
    /// Reading one elementary file.
    file,
    /// Object identifiers.
    oid,
    /// PACE (ICAO 9303-11 §4.4).
    pace,
    /// Secure messaging (ICAO 9303-11 §9.8).
    secure_messaging,
    /// What EF.CardAccess and EF.DG14 say that the chip can do (ICAO 9303-11 §9.2).
    security_info,
    /// Terminal authentication (ICAO 9303-11 §7.1).
    terminal_authentication,
    /// BER-TLV.
    tlv,
    /// Certificates, over the bytes as received (RFC 5280).
    x509,
}

pub use crate::passive_authentication::judge_signed;
pub use crate::session::select_application;
