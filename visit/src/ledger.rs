//! Who did something already, and whether that lets them do it again.

use crate::profile::{Rule, Scope};
use crate::steps::Refusal;
use cccd::calendar::day_of;

/// Where one person stands in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How often.
    pub count: u64,
    /// Came in and has not gone out.
    pub inside: bool,
    /// The last time, seconds since 1970.
    pub last: Option<i64>,
}

/// Which way a device lets people go, where a ledger counts in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In and out by turns.
    #[default]
    Both,
    /// In only.
    In,
    /// Out only.
    Out,
}

/// What a rule says of somebody who stands there, at a device for this direction.
///
/// # Errors
/// Why they are turned away.
pub fn allow(rule: Rule, direction: Direction, standing: Standing) -> Result<(), Refusal> {
    match (rule, direction) {
        (Rule::Once, _) if standing.count > 0 => Err(Refusal::AlreadyDone),
        (Rule::InOut, Direction::In) if standing.inside => Err(Refusal::AlreadyInside),
        (Rule::InOut, Direction::Out) if !standing.inside => Err(Refusal::NotInside),
        _ => Ok(()),
    }
}

/// The name of the period in which a scope counts at a time; `list` is the identifier of the list that is here.
#[must_use]
pub fn period(scope: Scope, now: i64, list: Option<&str>) -> String {
    match scope {
        Scope::Day => format!("day/{}", day_of(now)),
        Scope::Roster => format!("roster/{}", list.unwrap_or_default()),
        Scope::Always => "always".to_owned(),
    }
}
