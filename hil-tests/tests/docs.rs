//! The documents name tests, and those tests exist.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use visit::law::{Standing, standing};

/// Every `fn` in the Rust files of the workspace, build output aside.
fn functions(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            functions(&path, found);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("source");
            found.extend(text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        }
    }
}

#[test]
fn docs_name_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known = BTreeSet::new();
    functions(&root, &mut known);
    let pages = ["docs/conformance.md", "docs/security.md"];
    let text: String = pages.map(|page| std::fs::read_to_string(root.join(page)).expect("document")).concat();
    // Names of tests are sentences; shorter words in code quotes are targets, makes and the like.
    let quoted = text.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() >= 3);
    let names: Vec<&str> = quoted.collect();
    assert!(names.len() > 80, "{} names found", names.len());
    let missing: Vec<_> = names.iter().filter(|name| !known.contains(**name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

/// A unit's exposure as `systemd-analyze` reckons it from its file, in tenths.
fn exposure(unit: &Path) -> u32 {
    let analyze = Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit).output();
    let said = analyze.expect("systemd-analyze");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let figure = said.rsplit_once("exposure level for ").and_then(|(_, end)| end.split_whitespace().nth(1));
    let figure = figure.unwrap_or_else(|| panic!("no figure for {}: {said}", unit.display()));
    figure.replace('.', "").parse().expect("tenths")
}

#[test]
fn each_unit_is_as_closed_as_the_page_says() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        return test_support::skipped("systemd-analyze is missing");
    };
    let version = String::from_utf8_lossy(&version.stdout).split_whitespace().nth(1).unwrap_or_default().to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/hardening.md")).expect("page");
    let written: BTreeSet<(String, u32)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let unit = cells.next()?.strip_prefix('`')?.strip_suffix(".service`")?;
            Some((format!("{unit}.service"), cells.next()?.replace('.', "").parse().ok()?))
        })
        .collect();
    let units =
        std::fs::read_dir(root.join("deploy/systemd")).expect("units").map(|entry| entry.expect("entry").path());
    let found: BTreeSet<(String, u32)> = units
        .filter(|path| path.extension().is_some_and(|ending| ending == "service"))
        .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), exposure(&path)))
        .collect();
    for (unit, figure) in &found {
        // dpkg has to write anywhere, and its scripts to start anything.
        let most = if unit == "cccd-update-dpkg.service" { 60 } else { 30 };
        assert!(*figure <= most, "{unit}: {figure} tenths");
    }
    let names = |figures: &BTreeSet<(String, u32)>| figures.iter().map(|(unit, _)| unit.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&written));
    // Each version of systemd weighs a little differently; the page says by which one its figures are.
    if page.contains(&format!("systemd {version})")) {
        assert_eq!(found, written);
    } else {
        test_support::skipped(format_args!("the figures are by another systemd than {version}"));
    }
}

/// Texts below a directory with one of these endings, build output and pictures aside.
fn texts(directory: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            texts(&path, endings, found);
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "whether a law is in force is asked on the day of the build")]
fn every_law_that_pages_and_docs_name_is_in_force_or_stands_beside_what_came_instead() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = vec![("README.md".to_owned(), std::fs::read_to_string(root.join("README.md")).expect("README"))];
    for directory in ["docs", "desk/src", "kiosk-ui/src", "handoff/src", "central/src"] {
        texts(&root.join(directory), &[".md", ".rs", ".js", ".html"], &mut all);
    }
    let today = time::OffsetDateTime::now_utc().date();
    let (mut named, mut wrong) = (0, Vec::new());
    for (file, text) in &all {
        for paragraph in text.split("\n\n") {
            for standing in standing(paragraph, today) {
                named += 1;
                match standing {
                    Standing::InForce(_) => {}
                    Standing::Lapsed(law) if law.instead.iter().any(|number| paragraph.contains(number)) => {}
                    standing => wrong.push(format!("{file}: {standing:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(named >= 4, "{named}");
}
