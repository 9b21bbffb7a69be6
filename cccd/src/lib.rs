//! The Vietnamese citizen card (CCCD, since 2024 thẻ Căn cước) on top of [`emrtd`].
//!
//! | module | task |
//! |---|---|
//! | [`number`] | the 12-digit number; its structure is advice |
//! | [`name`] | the one folding of names: what is one name in two spellings |
//! | [`date`] | the one type of dates, each with its precision |
//! | [`code`] | what a scan is, told by its form |
//! | [`qr`] | payloads of citizen cards and health insurance cards |
//! | [`insurance`] | the code of a health insurance card |
//! | [`dg13`] | the national data group |
//! | [`access`] | passwords worth trying, from a number or a QR code |
//! | [`cross_check`](mod@cross_check) | do chip, text and QR code belong together |
//! | [`judgement`] | five answers over one read, and the word |
//! | [`document`] | which kind of document it is, and which are taken |
//!
//! # Example
//!
//! ```
//! use cccd::{Number, access};
//!
//! let number = Number::parse("001099000017")?;
//! assert_eq!(number.province(), Some("Hà Nội"));
//! assert_eq!(number.can(), "000017");
//! // What opens the chip, best first; `Debug` shows no digit of it.
//! let passwords = access::from_number(&number);
//! assert_eq!(format!("{:?}", passwords[0]), "Password(CAN)");
//! # Ok::<(), cccd::number::NumberError>(())
//! ```

pub mod access;
pub mod calendar;
pub mod code;
pub mod cross_check;
pub mod date;
pub mod dg13;
pub mod document;
pub mod insurance;
pub mod judgement;
pub mod name;
pub mod number;
pub mod qr;

pub use code::Code;
pub use cross_check::{CrossCheck, cross_check};
pub use date::CardDate;
pub use dg13::{Dg13, Field};
pub use number::Number;
pub use qr::{Qr, Scan};

/// The inputs in `vectors/field-cases`: real reports, reduced; made up, nobody's data.
#[cfg(test)]
mod field_cases {
    use std::path::Path;

    pub(crate) fn text(file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/field-cases").join(file);
        std::fs::read_to_string(path).expect("field case")
    }

    pub(crate) fn json(file: &str) -> serde_json::Value {
        serde_json::from_str(&text(file)).expect("JSON")
    }
}
