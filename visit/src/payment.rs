//! A payment that goes with a visit: the order as a code that a banking app scans, and the port of whoever says that it was paid.
//!
//! Nothing is ever on the card: the card says who, the payment says paid. The code is VietQR (NAPAS), a merchant-presented QR of EMVCo:
//! fields of two digits, a length of two digits and the value, and over all of them a CRC. It says to which account how much goes, with a
//! reference by which the provider finds it again. That somebody scanned it proves nothing: the provider is asked ([`Provider`]), until it
//! says paid or the order is over.

use program::Failure;
use zeroize::Zeroizing;

/// What is to be paid, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The bank's number at NAPAS: six digits.
    pub bank: String,
    /// The account: letters and digits, 19 at most.
    pub account: String,
    /// Đồng.
    pub amount: u64,
    /// By what the provider finds it again: capital letters and digits, 25 at most. It names nobody.
    pub reference: String,
    /// When it is over, seconds since 1970.
    pub until: i64,
}

program::closed_set! {
    /// How a payment stands.
    pub enum Standing {
        /// Nobody paid yet.
        Waiting = "waiting",
        /// Exactly this amount came under this reference.
        Paid = "paid",
        /// Another amount came: somebody of staff decides.
        Differs = "differs",
        /// The order is over.
        Over = "over",
    }
}

/// Whoever sees what comes to the account.
pub trait Provider {
    /// How much came under a reference by now; nothing where nothing did.
    ///
    /// # Errors
    /// `payment_away` where it does not answer. Then nothing counts as paid.
    fn received(&self, reference: &str) -> Result<Option<u64>, Failure>;
}

impl Order {
    /// The text of the code.
    ///
    /// # Errors
    /// `payment_invalid` when a part has not the form that the code can hold.
    pub fn code(&self) -> Result<Zeroizing<String>, Failure> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        };
        if self.bank.len() != 6 || !digits(&self.bank) {
            return Err(invalid("the bank's number has six digits"));
        }
        if !plain(&self.account, 19) || !plain(&self.reference, 25) {
            return Err(invalid("account and reference are capital letters and digits, 19 and 25 at most"));
        }
        if !(1..=MOST).contains(&self.amount) {
            return Err(invalid("the amount is none that can be paid so"));
        }
        let beneficiary = [field("00", &self.bank), field("01", &self.account)].concat();
        let merchant = [field("00", NAPAS), field("01", &beneficiary), field("02", TO_ACCOUNT)].concat();
        let mut code = [
            field("00", "01"),
            // Good once: it has an amount.
            field("01", "12"),
            field("38", &merchant),
            field("53", DONG),
            field("54", &self.amount.to_string()),
            field("58", "VN"),
            field("62", &field("08", &self.reference)),
        ]
        .concat();
        code.push_str("6304");
        let sum = crc(code.as_bytes());
        Ok(Zeroizing::new(format!("{code}{sum:04X}")))
    }

    /// How it stands; `now` is in seconds since 1970. What came before it was over counts, whenever it is asked.
    ///
    /// # Errors
    /// Of the provider.
    pub fn standing(&self, provider: &dyn Provider, now: i64) -> Result<Standing, Failure> {
        Ok(match provider.received(&self.reference)? {
            Some(amount) if amount == self.amount => Standing::Paid,
            Some(_) => Standing::Differs,
            None if now > self.until => Standing::Over,
            None => Standing::Waiting,
        })
    }
}

/// NAPAS, as an application identifier.
const NAPAS: &str = "A000000727";
/// A transfer to an account.
const TO_ACCOUNT: &str = "QRIBFTTA";
/// ISO 4217: đồng.
const DONG: &str = "704";
/// The amount has 13 characters at most.
const MOST: u64 = 9_999_999_999_999;

fn invalid(why: &str) -> Failure {
    Failure::usage(
        "payment_invalid",
        format!("this is no order for a payment: {why}"),
        "correct the account in the configuration",
    )
}

/// A field: its number, the length of its value, the value. What is written here has 99 characters at most.
fn field(id: &str, value: &str) -> String {
    format!("{id}{:02}{value}", value.len())
}

/// CRC-16 of ISO/IEC 13239 as EMVCo has it: polynomial 1021, begun with FFFF.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF_u16, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 },
        )
    })
}
