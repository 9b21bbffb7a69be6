//! The signed event format that device and central share
