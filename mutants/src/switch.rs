//! A source with a switch at each check: one build serves all, and the environment says which check is missing.

use crate::Check;
use anyhow::bail;
use std::collections::BTreeMap;
use std::ops::Range;

/// The variable that names the check that is missing.
pub(crate) const CHOSEN: &str = "MISSING_CHECK";

/// What is added to the root of a crate in the copy.
pub(crate) const MODULE: &str = r#"
pub(crate) mod missing_check {
    pub(crate) fn is(id: &str) -> bool {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        CHOSEN.get_or_init(|| std::env::var("MISSING_CHECK").ok()).as_deref() == Some(id)
    }
}
"#;

/// A file's checks at the same place.
type Places<'a> = BTreeMap<(usize, usize), Vec<&'a Check>>;

fn places<'a>(source: &str, checks: &[&'a Check]) -> anyhow::Result<Places<'a>> {
    let mut places = Places::new();
    for check in checks {
        let Range { start, end } = check.span(source)?;
        places.entry((start, end)).or_default().push(check);
    }
    Ok(places)
}

/// A source with a switch at each of these checks, none of which reaches into another.
///
/// # Errors
/// When one is not found, or two overlap.
pub fn switched(source: &str, checks: &[&Check]) -> anyhow::Result<String> {
    let places = places(source, checks)?;
    let (mut out, mut at) = (String::with_capacity(source.len() * 2), 0);
    for ((start, end), checks) in places {
        if start < at {
            bail!("{} reaches into another check", checks[0].id);
        }
        out.push_str(&source[at..start]);
        match &checks[..] {
            [check] if check.alone => out.push_str(&check.without),
            _ => {
                out.push('(');
                for check in &checks {
                    out.push_str(&format!("if crate::missing_check::is({:?}) {{ {} }} else ", check.id, check.without));
                }
                out.push_str(&format!("{{ {} }})", &source[start..end]));
            }
        }
        at = end;
    }
    out.push_str(&source[at..]);
    Ok(out)
}

/// The checks in as few builds as will do. `source` gives a file's text.
///
/// # Errors
/// When one is not found.
pub fn rounds<'a>(
    checks: &[&'a Check],
    mut source: impl FnMut(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Vec<Vec<&'a Check>>> {
    let mut rounds: Vec<Vec<(&Check, Range<usize>)>> = Vec::new();
    for check in checks {
        let span = check.span(&source(&check.file)?)?;
        let beside = |(other, taken): &(&Check, Range<usize>)| {
            let apart = taken.end <= span.start || span.end <= taken.start;
            !other.alone && (other.file != check.file || *taken == span || apart)
        };
        match rounds.iter_mut().find(|round| !check.alone && round.iter().all(beside)) {
            Some(round) => round.push((check, span)),
            None => rounds.push(vec![(check, span)]),
        }
    }
    Ok(rounds.into_iter().map(|round| round.into_iter().map(|(check, _)| check).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, code: &str, without: &str) -> Check {
        Check {
            id: id.to_owned(),
            says: String::new(),
            clause: None,
            file: "src/lib.rs".to_owned(),
            code: code.to_owned(),
            without: without.to_owned(),
            within: None,
            equivalent: None,
            alone: false,
        }
    }

    const SOURCE: &str = "fn f() -> bool { a() && b() }";

    #[test]
    fn a_switch_stands_at_each_check() {
        let (a, b) = (check("a", "a()", "true"), check("b", "b()", "true"));
        let switched = switched(SOURCE, &[&b, &a]).expect("both found");
        let switch = |id, code| format!("(if crate::missing_check::is({id:?}) {{ true }} else {{ {code} }})");
        assert_eq!(switched, format!("fn f() -> bool {{ {} && {} }}", switch("a", "a()"), switch("b", "b()")));
    }

    #[test]
    fn a_check_is_found_once_or_refused() {
        assert!(check("x", "c()", "true").span(SOURCE).is_err());
        assert!(check("x", "()", "true").span(SOURCE).is_err());
        let narrowed = Check { within: Some("&& b()".to_owned()), ..check("x", "()", "true") };
        let at = SOURCE.rfind("()").expect("the last");
        assert_eq!(narrowed.span(SOURCE).expect("once"), at..at + 2);
    }

    #[test]
    fn what_overlaps_is_built_apart_and_what_is_alone_by_itself() {
        let (whole, a, b) =
            (check("whole", "a() && b()", "true"), check("a", "a()", "true"), check("b", "b()", "true"));
        let alone = Check { alone: true, ..check("alone", "b()", "true") };
        let rounds = rounds(&[&whole, &a, &alone, &b], |_| Ok(SOURCE.to_owned())).expect("found");
        let ids: Vec<Vec<&str>> = rounds.iter().map(|r| r.iter().map(|c| c.id.as_str()).collect()).collect();
        assert_eq!(ids, [vec!["whole"], vec!["a", "b"], vec!["alone"]]);
    }
}
