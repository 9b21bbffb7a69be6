//! The Vietnamese citizen card (CCCD, since 2024 thẻ Căn cước) on top of [`emrtd`].
//!
//! | module | task |
//! |---|---|
//! | [`number`] | the 12-digit number; its structure is advice |
//! | [`qr`] | payloads of citizen cards and health insurance cards |
//! | [`dg13`] | the national data group |
//! | [`access`] | passwords worth trying, from a number or a QR code |
//! | [`cross_check`](mod@cross_check) | do chip, text and QR code belong together |

pub mod access;
pub mod cross_check;
pub mod date;
pub mod dg13;
pub mod name;
pub mod number;
pub mod qr;

pub use cross_check::cross_check;
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
