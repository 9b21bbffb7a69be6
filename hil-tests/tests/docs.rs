//! The documents name tests, and those tests exist.

use std::collections::BTreeSet;
use std::path::Path;

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
