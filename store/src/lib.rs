//! What must survive a cut of power.
//!
//! | module | task |
//! |---|---|
//! | [`book`] | what a site keeps of visits, sealed row by row |
//! | [`outbox`] | signed events until central has them |
//! | [`receipts`] | what central's log says of them |
//! | [`uplink`] | their way to central |

pub mod book;
pub mod outbox;
pub mod receipts;
pub mod uplink;
