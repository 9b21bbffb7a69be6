//! One trait per device class, with its real and its simulated implementation behind it.
//!
//! | module | devices |
//! |---|---|
//! | [`reader`] | chip card readers: PC/SC, libnfc, simulated |
//! | [`scanner`] | QR scanners: serial, keyboard wedge, camera, simulated |
//! | [`touch`] | touch screens: evdev, over a real or a simulated [`input`] device |
//! | [`display`] | panels: DRM/KMS, fbdev, SPI, simulated |
//! | [`gpio`] | lights, buzzer, door relay, tamper switch: character device, Raspberry Pi, simulated |
//! | [`printer`] | receipt printers: ESC/POS over serial, USB, network, simulated |
//! | [`speech`] | speech and tones: espeak-ng, speech-dispatcher, recordings, simulated |
//! | [`inventory`](mod@inventory) | which of all these are attached, and what `agent.toml` calls them |
//! | [`key_store`] | where the device's private keys live: file, TPM 2.0, PKCS#11 |
//! | [`terminal_key`] | the inspection system's key for terminal authentication: file, PKCS#11 |
//!
//! Devices vanish and come back. A driver opens its device when it is used, says [`device::DeviceError`] as long as it
//! cannot, and tries again at each call; who calls it needs no second way to find it again.

pub mod device;
pub mod display;
pub mod gpio;
pub mod input;
pub mod inventory;
pub mod key_store;
pub mod printer;
pub mod reader;
pub mod scanner;
mod serial;
pub mod speech;
pub mod terminal_key;
pub mod touch;

#[cfg(all(test, feature = "pkcs11"))]
mod soft_hsm;

/// Says that what somebody asked for was left out when the program was built.
#[must_use]
pub fn without(feature: &str) -> String {
    format!("this program was built without the feature {feature}; the packages have it")
}
