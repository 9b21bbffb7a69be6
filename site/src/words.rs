//! Words of the device's own log, each a member of a closed set.

program::closed_set! {
    /// What happened to the device itself: `what` of [`events::DeviceEvent`].
    pub enum DeviceWord {
        /// A bundle became active.
        BundleActivated = "bundle_activated",
        /// A bundle was not taken.
        BundleRefused = "bundle_refused",
        /// There should be a newer bundle than the active one.
        BundleStale = "bundle_stale",
        /// A damaged bundle was withdrawn at the start.
        BundleWithdrawn = "bundle_withdrawn",
        /// The certificate was renewed.
        CertificateRenewed = "certificate_renewed",
        /// The clock jumped.
        ClockJumped = "clock_jumped",
        /// Central's log does not extend what it signed before; which one.
        LogInconsistent = "log_inconsistent",
        /// The configuration works, and is another than before.
        SettingsActivated = "settings_activated",
        /// The configuration is wrong; the last good one is used.
        SettingsRefused = "settings_refused",
        /// Somebody at a kiosk called for staff.
        StaffCalled = "staff_called",
        /// Staff said that they come: who, as the site calls its desk.
        StaffCame = "staff_came",
        /// Central's time was taken over.
        TimeSigned = "time_signed",
        /// An update was given up.
        UpdateFailed = "update_failed",
        /// An update is kept.
        UpdateKept = "update_kept",
    }
}

program::closed_set! {
    /// How a visit ended: `result` of [`events::Visit`].
    pub enum VisitResult {
        /// Everything was done.
        Done = "done",
        /// The holder was turned away.
        Refused = "refused",
        /// It was broken off.
        Cancelled = "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table above `DeviceEvent` is what an auditor reads.
    #[test]
    fn the_format_names_every_word_of_a_device() {
        let format = include_str!("../../events/src/event.rs");
        for word in DeviceWord::ALL {
            assert!(format.contains(&format!("`{word}`")), "events/src/event.rs does not name {word}");
        }
    }
}
