//! One trait per device class, with its real and its simulated implementation behind it.
//!
//! | module | devices |
//! |---|---|
//! | [`reader`] | chip card readers: PC/SC, simulated |
//! | [`key_store`] | where the device's private keys live: file (TPM and PKCS#11 are to come) |
//! | [`terminal_key`] | the inspection system's key for terminal authentication: file, PKCS#11 |

pub mod key_store;
pub mod reader;
pub mod terminal_key;
