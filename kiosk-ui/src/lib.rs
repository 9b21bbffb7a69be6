//! What a citizen and a receptionist see: Vietnamese first, English beside it.
//!
//! | module | task |
//! |---|---|
//! | [`state`] | what the kiosk knows that shows |
//! | [`holder`] | the person whose card lies there |
//! | [`judged`] | what a card came to, as a screen shows it |
//! | [`words`] | the one set of words over a card, for every surface |
//! | [`view`](mod@view) | state to scene: a pure function |
//! | [`scene`] | nodes, touch, speech, what must be redrawn; drawing |
//! | [`lint`] | what is wrong with a scene, before a person meets it |
//! | [`canvas`], [`font`], [`icon`], [`geometry`], [`theme`] | pixels, letters, signs, rectangles, sizes and colours |
//! | [`panel`] | which layout a picture of any size gets, and where it lies |
//! | [`code`] | QR codes |
//! | [`gallery`] | every screen with a made-up person |
//! | [`playlist`] | what is told while nobody is served |
//! | [`portrait`] | the holder's face as it arrives |
//! | [`slip`] | the queue ticket on paper |
//! | [`typing`] | Vietnamese from Latin keys (Telex) |
//! | [`text`] | every phrase in both languages: the compiler refuses one that lacks a language |
//!
//! # Example
//!
//! ```
//! use kiosk_ui::canvas::Canvas;
//! use kiosk_ui::lint::lint;
//! use kiosk_ui::panel::PANELS;
//! use kiosk_ui::scene::Renderer;
//! use kiosk_ui::{State, view};
//!
//! let panel = PANELS[0];
//! let state = State::new(panel, "BỆNH VIỆN ĐA KHOA TÂN BÌNH");
//! let mut renderer = Renderer::default();
//! let scene = view(&state, &mut renderer.fonts);
//! let mut canvas = Canvas::new(panel.width, panel.height);
//! renderer.draw(&mut canvas, scene.clone());
//! assert_eq!(lint(&state, &scene, &canvas, &mut renderer.fonts), []);
//! ```

pub mod canvas;
pub mod code;
pub mod font;
pub mod gallery;
pub mod geometry;
pub mod holder;
pub mod icon;
pub mod judged;
pub mod lint;
pub mod panel;
pub mod playlist;
pub mod portrait;
pub mod scene;
pub mod slip;
pub mod state;
pub mod text;
pub mod theme;
pub mod typing;
pub mod view;
pub mod words;

pub use state::{Act, Screen, State};
pub use text::{Language, Phrase};
pub use view::view;
