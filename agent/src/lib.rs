//! The edge agent: reads the card, decides, records and syncs
