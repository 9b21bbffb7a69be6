//! Names of profiles: those that come with the agent, which central may assign without a bundle.

/// The one list: calls a macro of the caller's with every name, so that the agent has a text for each, and nobody another list.
#[macro_export]
macro_rules! built_in_profiles {
    ($with:ident) => {
        $with![
            "identify",
            "register",
            "hospital-desk",
            "hospital-kiosk",
            "lodging",
            "lodging-hospital",
            "exam",
            "gate",
            "customer-check",
            "transit",
            "parking",
            "beneficiary",
            "school",
            "one-stop",
            "attest",
            "roster-check",
            "practice",
        ]
    };
}

macro_rules! names {
    ($($id:literal),* $(,)?) => { &[$($id),*] };
}

/// The profiles that come with the agent.
pub const BUILT_IN: &[&str] = built_in_profiles!(names);

/// Whether a device will have a profile of this name: it comes with the agent, or with the bundle that the device gets.
#[must_use]
pub fn is_known(name: &str, bundle: Option<&crate::bundle::Bundle>) -> bool {
    let path = format!("profiles/{name}.toml");
    BUILT_IN.contains(&name) || bundle.is_some_and(|bundle| bundle.entries.iter().any(|entry| entry.path == path))
}
