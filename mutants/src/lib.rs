//! Checks that must not be missing, and what tells when one is: each is taken out of a copy of the code, and a test of the
//! same crate has to fail.
//!
//! | file | content |
//! |---|---|
//! | `CRATE/mutants.toml` | the crate's checks: where each stands, and what the code is without it |
//! | `list.rs` | those files read, and each check found in the source |
//! | `switch.rs` | a source with a switch at each check, so that one build serves all |
//! | `suite.rs` | the copy, its build, a run of the tests for each check |
//! | `page.rs` | the table in `docs/conformance.md` |
//!
//! The original is never changed. A check that is no longer where its list says it is, once, is an error: a list cannot rot.

mod list;
mod page;
mod suite;
mod switch;

pub use list::{Check, List};
pub use page::{PAGE, named, table, with_table};
pub use suite::{Found, Suite};
pub use switch::{rounds, switched};
