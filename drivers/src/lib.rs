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
//!
//! # Example
//!
//! A reader without hardware, which every user of [`reader::Reader`] can be tried with:
//!
//! ```
//! use drivers::reader::simulated::{Chip, SimulatedReader, Slot};
//! use drivers::reader::{Card as _, Reader as _};
//! use std::time::Duration;
//!
//! /// A chip that knows no command.
//! struct Blank;
//!
//! impl Chip for Blank {
//!     fn atr(&self) -> Vec<u8> {
//!         vec![0x3B, 0x80, 0x80, 0x01, 0x01]
//!     }
//!     fn reset(&mut self) {}
//!     fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
//!         Some(vec![0x6D, 0x00])
//!     }
//! }
//!
//! let slot = Slot::default();
//! let mut reader = SimulatedReader::new(slot.clone());
//! slot.insert(Box::new(Blank));
//! let mut card = reader.wait_for_card(Duration::from_secs(1))?;
//! assert_eq!(card.transmit(&[0x00, 0xA4, 0x04, 0x0C])?, [0x6D, 0x00]);
//! slot.remove();
//! assert!(card.transmit(&[0x00, 0xA4, 0x04, 0x0C]).is_err());
//! # Ok::<(), drivers::reader::ReaderError>(())
//! ```

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
