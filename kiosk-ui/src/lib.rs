//! What a citizen and a receptionist see: Vietnamese first, English beside it.
//!
//! So far the words only ([`text`]): the screens follow. A phrase is a value of an enumeration, so the compiler
//! refuses one that lacks a language.

pub mod canvas;
pub mod font;
pub mod geometry;
pub mod icon;
pub mod portrait;
pub mod text;

pub use text::{Language, Phrase};
