//! Helpers of the vector tests.
#![allow(dead_code, reason = "each test file uses its part")]

use emrtd::Entropy;
use emrtd::hazmat::apdu::Response;
use emrtd::hazmat::exchange::{Exchange, Step};
use serde_json::Value;

/// Our own copy of the standard's worked examples.
pub(crate) fn standard() -> Value {
    serde_json::from_str(include_str!("../../vectors/icao9303-11.json")).expect("vectors/icao9303-11.json")
}

pub(crate) use test_support::shared;

pub(crate) fn shared_json(path: &str) -> Option<Value> {
    let text = std::fs::read_to_string(shared(path)?).expect("readable test data");
    Some(serde_json::from_str(&text).expect("test data is JSON"))
}

/// The bytes of a hexadecimal field.
pub(crate) fn bytes(value: &Value, field: &str) -> Vec<u8> {
    let text = value[field].as_str().unwrap_or_else(|| panic!("field {field}"));
    hex::decode(text).unwrap_or_else(|_| panic!("field {field} is hexadecimal"))
}

pub(crate) fn hex_upper(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

/// Feeds recorded answers to an exchange and compares each command with the recorded one.
pub(crate) fn replay<E: Exchange>(
    exchange: &mut E,
    entropy: &mut dyn Entropy,
    pairs: &[(Vec<u8>, Vec<u8>)],
) -> E::Output {
    let mut command = exchange.begin(entropy).expect("first command");
    for (index, (sent, received)) in pairs.iter().enumerate() {
        assert_eq!(hex_upper(&command.encode()), hex_upper(sent), "command {index}");
        let response = Response::decode(received).expect("status bytes");
        match exchange.feed(&response, entropy).expect("accepted") {
            Step::Send(next) => command = next,
            Step::Done(output) => {
                assert_eq!(index + 1, pairs.len(), "the exchange ended early");
                return output;
            }
        }
    }
    panic!("the exchange wants more than the recording holds");
}
