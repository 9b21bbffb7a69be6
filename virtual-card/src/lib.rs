//! A software CCCD: chip, issuer, personas and faults, as a library and as a card for vpcd
