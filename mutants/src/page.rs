//! The table of the checks in the page on conformance.

use crate::List;

/// The page that the table stands in, below the workspace.
pub const PAGE: &str = "docs/conformance.md";

/// Marks around the table.
const MARKS: [&str; 2] = ["<!-- checks: written by `cargo xtask mutants --write` -->\n", "<!-- end of checks -->\n"];

/// The checks of all lists, one row each.
#[must_use]
pub fn table(lists: &[List]) -> String {
    let mut out = String::new();
    for list in lists {
        out.push_str(&format!("\n`{}`\n\n| check | holds | clause | file |\n|---|---|---|---|\n", list.package));
        for check in &list.checks {
            let clause = check.clause.as_deref().unwrap_or("–");
            let holds = check
                .equivalent
                .as_ref()
                .map_or_else(|| check.says.clone(), |why| format!("{}. No test can tell: {why}", check.says));
            out.push_str(&format!("| `check:{}` | {holds} | {clause} | `{}` |\n", check.id, check.file));
        }
    }
    let count: usize = lists.iter().map(|list| list.checks.len()).sum();
    let equivalent = lists.iter().flat_map(|list| &list.checks).filter(|check| check.equivalent.is_some()).count();
    format!("\n{count} checks, {equivalent} of them such that no test can tell.\n{out}\n")
}

/// A page with this table between its marks; `None` without them.
#[must_use]
pub fn with_table(page: &str, table: &str) -> Option<String> {
    let (front, rest) = page.split_once(MARKS[0])?;
    let (_, back) = rest.split_once(MARKS[1])?;
    Some(format!("{front}{}{table}{}{back}", MARKS[0], MARKS[1]))
}

/// The checks that a page names.
pub fn named(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2).filter_map(|word| word.strip_prefix("check:"))
}
