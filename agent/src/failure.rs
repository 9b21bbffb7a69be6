//! What the agent says when it cannot do its work; the other programs say it alike.

pub use program::{Failure, exit};
