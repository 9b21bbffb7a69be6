//! One trait per device class, with its real and simulated implementations
