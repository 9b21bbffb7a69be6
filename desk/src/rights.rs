//! What a route asks of who asks: one table. The router's guard reads it, the page hides by it what is not for whoever is on
//! duty, `docs/local-api.md` shows it. A route that does not stand here is refused.

use crate::page::PARTS;
use axum::http::Method;
use events::Duty::{self, Manager, Nurse, Proctor, Program, Reception};
use std::fmt::Write as _;

/// Whom a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Anybody: it gives nothing away.
    Anybody,
    /// A page that is paired, also while nobody is on duty there.
    Page,
    /// Those, each as who they are.
    These(&'static [Duty]),
}

const EVERYBODY: Whom = Whom::These(&[Reception, Proctor, Nurse, Manager, Program]);
const STAFF: Whom = Whom::These(&[Reception, Proctor, Nurse, Manager]);
const COUNTER: Whom = Whom::These(&[Reception, Manager]);
const EXAM: Whom = Whom::These(&[Proctor, Manager]);
const MANAGER: Whom = Whom::These(&[Manager]);

/// Method, path, and whom it is for. The parts of the page stand in [`PARTS`] and are for anybody.
pub(crate) const TABLE: [(&str, &str, Whom); 63] = [
    ("GET", "/v1/openapi.json", Whom::Anybody),
    ("POST", "/v1/pair", Whom::Anybody),
    ("GET", "/v1/duty", Whom::Page),
    ("POST", "/v1/unlock", Whom::Page),
    ("POST", "/v1/lock", Whom::Page),
    ("GET", "/v1", EVERYBODY),
    ("GET", "/v1/status", EVERYBODY),
    ("GET", "/v1/events", EVERYBODY),
    ("POST", "/v1/sessions", EVERYBODY),
    ("GET", "/v1/sessions/current", EVERYBODY),
    ("GET", "/v1/sessions/{id}", EVERYBODY),
    ("DELETE", "/v1/sessions/{id}", EVERYBODY),
    ("POST", "/v1/sessions/{id}/consent", EVERYBODY),
    ("POST", "/v1/sessions/{id}/key", EVERYBODY),
    ("POST", "/v1/sessions/{id}/face", EVERYBODY),
    ("POST", "/v1/sessions/{id}/form", EVERYBODY),
    ("GET", "/v1/sessions/{id}/result", EVERYBODY),
    ("GET", "/v1/sessions/{id}/events", EVERYBODY),
    ("GET", "/v1/sessions/{id}/ws", EVERYBODY),
    ("POST", "/v1/sessions/{id}/staff", STAFF),
    ("POST", "/v1/pin", STAFF),
    ("GET", "/v1/records", STAFF),
    ("GET", "/v1/records/{id}", STAFF),
    ("PATCH", "/v1/records/{id}", STAFF),
    ("POST", "/v1/records/{id}/print", STAFF),
    ("GET", "/v1/records/{id}/attestation", STAFF),
    ("POST", "/v1/typed", STAFF),
    ("POST", "/v1/typed/scan", STAFF),
    ("GET", "/v1/shift", STAFF),
    ("POST", "/v1/shift/close", STAFF),
    ("POST", "/v1/deliveries/retry", STAFF),
    ("GET", "/v1/practice", STAFF),
    ("POST", "/v1/practice", STAFF),
    ("DELETE", "/v1/practice", STAFF),
    ("GET", "/v1/calls", STAFF),
    ("POST", "/v1/calls/{id}/take", STAFF),
    ("GET", "/v1/queue", STAFF),
    ("POST", "/v1/queue/next", STAFF),
    ("GET", "/v1/roster", STAFF),
    ("POST", "/v1/roster", EXAM),
    ("GET", "/v1/attendance", EXAM),
    ("POST", "/v1/attendance", EXAM),
    ("GET", "/v1/corrections.csv", EXAM),
    ("GET", "/v1/records.csv", COUNTER),
    ("POST", "/v1/records/{id}/check-out", COUNTER),
    ("DELETE", "/v1/records/{id}/check-out", COUNTER),
    ("POST", "/v1/records/{id}/withdraw", COUNTER),
    ("DELETE", "/v1/records/{id}/withdraw", COUNTER),
    ("POST", "/v1/records/{id}/corrected", COUNTER),
    ("GET", "/v1/lodging", COUNTER),
    ("GET", "/v1/lodging/rooms", COUNTER),
    ("POST", "/v1/lodging/batches", COUNTER),
    ("GET", "/v1/lodging/batches/{id}/file", COUNTER),
    ("POST", "/v1/lodging/batches/{id}/reconcile", COUNTER),
    ("GET", "/v1/pairings", MANAGER),
    ("DELETE", "/v1/pairings/{id}", MANAGER),
    ("GET", "/v1/staff", MANAGER),
    ("POST", "/v1/staff", MANAGER),
    ("DELETE", "/v1/staff/{id}", MANAGER),
    ("POST", "/v1/staff/{id}/pin", MANAGER),
    ("GET", "/v1/access", MANAGER),
    ("GET", "/v1/days", MANAGER),
    ("GET", "/v1/days.csv", MANAGER),
];

/// Whom a route is for; nothing where the table does not name it, and then it is for nobody.
pub(crate) fn whom(method: &Method, path: &str) -> Option<Whom> {
    // What gives an answer without its body gives no more.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    if method == "GET" && PARTS.iter().any(|part| part.path == path) {
        return Some(Whom::Anybody);
    }
    TABLE.iter().find(|(known, route, _)| *known == method && *route == path).map(|(.., whom)| *whom)
}

/// What somebody may ask: `GET /v1/records` and the like.
pub(crate) fn of(duty: Duty) -> Vec<String> {
    let may = |whom: &Whom| matches!(whom, Whom::These(duties) if duties.contains(&duty));
    TABLE.iter().filter(|(.., whom)| may(whom)).map(|(method, path, _)| format!("{method} {path}")).collect()
}

/// The table, as `docs/local-api.md` has it.
#[must_use]
pub fn page() -> String {
    let duties = [Reception, Proctor, Nurse, Manager, Program];
    let mut text =
        String::from("| route | reception | proctor | nurse | manager | program |\n|---|---|---|---|---|---|\n");
    for (method, path, whom) in TABLE.iter().filter(|(_, path, _)| path.starts_with("/v1")) {
        let cells: Vec<&str> = match whom {
            Whom::Anybody => vec!["anybody"; 5],
            Whom::Page => vec!["a paired page", "a paired page", "a paired page", "a paired page", ""],
            Whom::These(these) => duties.iter().map(|duty| if these.contains(duty) { "yes" } else { "" }).collect(),
        };
        let row = format!("| `{method} {path}` | {} |\n", cells.join(" | ")).replace("|  |", "| |");
        program::ignore(write!(text, "{}", row.replace("|  |", "| |")), "a text takes what is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_stands_in_the_table_and_the_table_names_no_other() {
        let description: serde_json::Value = serde_json::from_str(&crate::listen::openapi()).expect("JSON");
        let mut routes: Vec<(String, String)> = Vec::new();
        for (path, methods) in description["paths"].as_object().expect("paths") {
            routes.extend(
                methods.as_object().expect("methods").keys().map(|method| (method.to_uppercase(), path.clone())),
            );
        }
        for (method, path) in &routes {
            let method = method.parse::<Method>().expect("method");
            assert!(whom(&method, path).is_some(), "{method} {path} is for nobody");
        }
        for (method, path, whom) in TABLE {
            let described = routes.iter().any(|(known, route)| known == method && route == path);
            assert!(described || (whom == Whom::Anybody && method == "GET"), "{method} {path} is no route");
        }
        let mut rows: Vec<_> = TABLE.iter().map(|(method, path, _)| (method, path)).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), TABLE.len(), "a route has one row");
    }

    #[test]
    fn what_the_table_does_not_name_is_for_nobody() {
        for (method, path) in [("PUT", "/v1/records"), ("GET", "/v1/nothing"), ("GET", "/v1/records/"), ("DELETE", "/")]
        {
            assert_eq!(whom(&method.parse().expect("method"), path), None, "{method} {path}");
        }
        assert_eq!(whom(&Method::HEAD, "/v1/records"), Some(STAFF));
        assert!(of(Duty::Operator).is_empty(), "a command at the device has no page");
        assert!(
            of(Manager).iter().any(|route| route == "GET /v1/access")
                && !of(Nurse).contains(&"GET /v1/access".to_owned())
        );
        let program = of(Program);
        assert!(program.iter().all(|route| !route.contains("records") && !route.contains("staff")), "{program:?}");
    }

    #[test]
    fn the_page_of_the_interface_has_the_table() {
        let page = include_str!("../../docs/local-api.md");
        assert!(page.contains(&super::page()), "docs/local-api.md lacks this table:\n{}", super::page());
    }
}
