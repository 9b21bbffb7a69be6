//! The page agrees with the code, and no circle or long file comes that is not on the list.

use house::{BIG, House, LONG, PAGE, PICTURE, TOOLS, picture, table, with_table};
use std::collections::BTreeSet;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn list(key: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("house/known.toml")).expect("the list");
    let known: toml::Table = text.parse().expect("a table");
    let list = known[key].as_array().expect("a list");
    list.iter().map(|one| one.as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_page_shows_the_house_as_it_is() {
    let house = House::read(root(), &TOOLS).expect("read");
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page");
    let wanted = with_table(&page, &table(&house, false)).expect("both marks");
    assert!(page == wanted, "{PAGE} is not as the code is: `cargo xtask house --write`, and look at what changed");
    let drawn = std::fs::read_to_string(root().join(PICTURE)).expect("the picture");
    assert!(drawn == picture(&house), "{PICTURE} is not as the code is: `cargo xtask house --write`");
}

#[test]
fn no_circle_no_big_room_and_no_long_file_but_the_known() {
    let house = House::read(root(), &TOOLS).expect("read");
    let circles: BTreeSet<String> = house.circles().into_iter().collect();
    let why = "left: in the code, right: house/known.toml; a new one is to be cut, one that is gone struck out";
    assert_eq!(circles, list("circles"), "{why}");
    let big: BTreeSet<String> = house.big_rooms().into_iter().map(str::to_owned).collect();
    assert_eq!(big, list("big"), "rooms with more than {BIG} % of all, as above");
    let long: BTreeSet<String> = house.long_files().into_iter().map(|(file, _)| file).collect();
    assert_eq!(long, list("long"), "files of more than {LONG} lines, as above");
}

/// A failure that nobody hears of says why: `program::ignore`.
#[test]
fn no_result_is_left_unread() {
    let house = House::read(root(), &TOOLS).expect("read");
    let unread =
        house.crates.values().flat_map(|each| each.unread.iter().map(|call| format!("{}/{call}", each.directory)));
    assert_eq!(
        unread.collect::<Vec<_>>(),
        [""; 0],
        "read it, or say why nobody needs to: program::ignore(result, \"why\")"
    );
}

/// What a program prints may hold names from certificates and files: it goes through `program::terminal`.
#[test]
fn what_programs_print_is_escaped() {
    let house = House::read(root(), &TOOLS).expect("read");
    let mut raw = Vec::new();
    // The virtual card is a bench of this workspace's own and names nobody.
    let files = house.crates.values().filter(|each| !["program", "virtual-card"].contains(&each.name.as_str()));
    for file in files.flat_map(|each| each.files.keys().map(|file| format!("{}/{file}", each.directory))) {
        let text = std::fs::read_to_string(root().join(&file)).expect("source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let imported = |word: &str| {
            let imports = code.join(" ");
            imports.split("use program::").skip(1).any(|import| {
                let import = import.split(';').next().unwrap_or_default();
                import.split(|c: char| !c.is_alphanumeric() && c != '_').any(|name| name == word)
            })
        };
        for word in ["print", "println", "eprint", "eprintln"] {
            let call = format!("{word}!(");
            let calls = |line: &&str| {
                let starts = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == ':');
                line.match_indices(&call).any(|(at, _)| starts(at))
            };
            if code.iter().any(calls) && !imported(word) {
                raw.push(format!("{file}: {word}!"));
            }
        }
    }
    assert_eq!(raw, [""; 0], "`use program::println;` and the like: the macros of `std` print what a terminal obeys");
}
