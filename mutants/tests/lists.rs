//! The lists are of this code: each check stands where its list says, can be taken out, and the page shows it.

use mutants::{Check, List, PAGE, named, rounds, switched, table, with_table};
use std::collections::BTreeSet;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

#[test]
fn every_check_stands_once_where_its_list_says_and_leaves_rust_behind() {
    let lists = List::all(root()).expect("lists");
    assert!(!lists.is_empty());
    for list in &lists {
        let source = |file: &str| Ok(std::fs::read_to_string(root().join(&list.directory).join(file))?);
        let checks: Vec<&Check> = list.checks.iter().collect();
        for round in rounds(&checks, source).unwrap_or_else(|error| panic!("{}: {error:#}", list.package)) {
            let files: BTreeSet<&str> = round.iter().map(|check| check.file.as_str()).collect();
            for file in files {
                let of: Vec<&Check> = round.iter().copied().filter(|check| check.file == file).collect();
                let text = switched(&source(file).expect("a source"), &of).expect("no overlap");
                assert!(syn::parse_file(&text).is_ok(), "{}: no Rust is left in {file}", list.package);
            }
        }
        for check in checks {
            assert!(check.code != check.without, "{}: nothing is taken out", check.id);
            assert!(!check.says.is_empty() && !check.says.ends_with('.'), "{}: a sentence without its stop", check.id);
        }
    }
}

#[test]
fn the_page_shows_the_lists_as_they_are() {
    let lists = List::all(root()).expect("lists");
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page");
    let wanted = with_table(&page, &table(&lists)).expect("both marks");
    assert!(page == wanted, "{PAGE} is not as the lists are: `cargo xtask mutants --write`");
}

#[test]
fn every_check_that_the_page_names_is_on_a_list() {
    let lists = List::all(root()).expect("lists");
    let known: BTreeSet<&str> = lists.iter().flat_map(|list| &list.checks).map(|check| check.id.as_str()).collect();
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page");
    let unknown: Vec<&str> = named(&page).filter(|id| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "no such checks: {unknown:?}");
}
