//! The code of a payment, taken apart by a reader that is not its writer: fields as EMVCo has them, the CRC by polynomial division.

use program::Failure;
use std::collections::BTreeMap;
use visit::payment::{Order, Provider, Standing};

fn order() -> Order {
    Order {
        bank: "970436".to_owned(),
        account: "0011001234567".to_owned(),
        amount: 12_000,
        reference: "GX20261130A007".to_owned(),
        until: 1_796_000_600,
    }
}

/// Fields of a text, each once, up to its end.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    let (mut rest, mut found) = (text, BTreeMap::new());
    while !rest.is_empty() {
        let length: usize = rest[2..4].parse().expect("a length");
        assert!(found.insert(&rest[..2], &rest[4..4 + length]).is_none(), "twice");
        rest = &rest[4 + length..];
    }
    found
}

/// The remainder of a message, with sixteen ones before and sixteen zeros behind it, by 1 0001 0000 0010 0001.
fn remainder(bytes: &[u8]) -> u16 {
    let mut bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1 == 1)).collect();
    bits.iter_mut().take(16).for_each(|bit| *bit = !*bit);
    bits.extend([false; 16]);
    for at in 0..bits.len() - 16 {
        if bits[at] {
            for step in [0, 4, 11, 16] {
                bits[at + step] = !bits[at + step];
            }
        }
    }
    bits[bits.len() - 16..].iter().fold(0, |sum, bit| (sum << 1) | u16::from(*bit))
}

#[test]
fn the_code_says_account_amount_and_reference_and_its_sum_is_right() {
    assert_eq!(remainder(b"123456789"), 0x29B1, "the check value of this CRC");
    let code = order().code().expect("code");
    let all = fields(&code);
    assert_eq!((all["00"], all["01"], all["53"], all["54"], all["58"]), ("01", "12", "704", "12000", "VN"));
    let merchant = fields(all["38"]);
    assert_eq!((merchant["00"], merchant["02"]), ("A000000727", "QRIBFTTA"));
    let beneficiary = fields(merchant["01"]);
    assert_eq!((beneficiary["00"], beneficiary["01"]), ("970436", "0011001234567"));
    assert_eq!(fields(all["62"])["08"], "GX20261130A007");
    let (body, sum) = code.split_at(code.len() - 4);
    assert!(body.ends_with("6304"));
    assert_eq!(u16::from_str_radix(sum, 16).expect("hexadecimal"), remainder(body.as_bytes()));
}

#[test]
fn what_no_code_can_hold_is_no_order() {
    for wrong in [
        Order { bank: "97043".to_owned(), ..order() },
        Order { bank: "97043x".to_owned(), ..order() },
        Order { account: String::new(), ..order() },
        Order { account: "1".repeat(20), ..order() },
        Order { reference: "Nguyễn Văn An".to_owned(), ..order() },
        Order { amount: 0, ..order() },
        Order { amount: 10_000_000_000_000, ..order() },
    ] {
        assert_eq!(wrong.code().expect_err("none").code, "payment_invalid");
    }
}

#[test]
fn nothing_counts_as_paid_before_the_provider_says_so_and_never_another_amount() {
    struct Account(Result<Option<u64>, ()>);
    impl Provider for Account {
        fn received(&self, _: &str) -> Result<Option<u64>, Failure> {
            self.0.map_err(|()| Failure::device("payment_away", "the provider does not answer", "ask again"))
        }
    }
    let at = |received, now| order().standing(&Account(received), now);
    let until = order().until;
    assert_eq!(at(Ok(None), until).expect("asked"), Standing::Waiting);
    assert_eq!(at(Ok(None), until + 1).expect("asked"), Standing::Over);
    assert_eq!(at(Ok(Some(12_000)), until + 1).expect("asked"), Standing::Paid, "who paid in time has paid");
    assert_eq!(at(Ok(Some(11_999)), until).expect("asked"), Standing::Differs);
    assert_eq!(at(Err(()), until).expect_err("away").code, "payment_away");
}
