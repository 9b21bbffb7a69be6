//! The endpoint that devices sync to: verify, append, receipts
