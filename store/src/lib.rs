//! What must survive a cut of power.
//!
//! | module | task |
//! |---|---|
//! | [`book`] | what a site keeps of visits, sealed row by row |
//! | [`outbox`] | signed events until central has them |
//! | [`uplink`] | their way to central |

pub mod book;
pub mod outbox;
pub mod uplink;
