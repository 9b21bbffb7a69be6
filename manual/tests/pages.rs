//! What `cargo xtask docs` checks is checked by every run of the tests, too.

use manual::{Page, links, steps, words};

fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn every_link_picture_and_anchor_is_there() {
    let pages = manual::pages(manual::root()).expect("pages");
    none(&links::findings(manual::root(), &pages));
}

#[test]
fn every_page_stands_in_the_contents() {
    let pages = manual::pages(manual::root()).expect("pages");
    none(&links::contents(manual::root(), &pages).expect("files"));
}

#[test]
fn words_are_written_one_way() {
    let pages = manual::pages(manual::root()).expect("pages");
    none(&pages.iter().flat_map(words::findings).collect::<Vec<_>>());
}

fn page(path: &str) -> Page {
    let pages = manual::pages(manual::root()).expect("pages");
    pages.into_iter().find(|page| page.path == path).expect("the page")
}

/// Pages that a machine types in English are followed in Vietnamese, too.
#[test]
fn a_translation_has_the_same_steps() {
    for (tested, translation) in [
        ("docs/kiosk-from-the-box.md", "docs/vi/tu-hop-den-kiosk.md"),
        ("docs/desk-in-ten-minutes.md", "docs/vi/quay-trong-muoi-phut.md"),
    ] {
        let tested = page(tested);
        assert!(steps::of(&tested).len() > 4, "{}", tested.path);
        none(&steps::differences(&tested, &page(translation)));
    }
}

/// Codes stand in the guides of staff as the reference has them.
#[test]
fn codes_of_the_guides_are_codes_of_the_programs() {
    let pages = manual::pages(manual::root()).expect("pages");
    let (guides, reference): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.path.starts_with("docs/vi/"));
    let known: String = reference.iter().map(|page| page.text.as_str()).collect();
    none(&guides.into_iter().flat_map(|page| words::unknown_codes(page, &known)).collect::<Vec<_>>());
}

/// What a guide tells people to press is what the screens say.
#[test]
fn buttons_of_the_guides_are_on_the_screens() {
    let mut sources = String::new();
    let mut directories =
        ["kiosk-ui/src", "agent/src", "kiosk/src", "desk/src", "visit/profiles", "central/src", "provisioning/src"]
            .map(|d| manual::root().join(d))
            .to_vec();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("directory") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                // Pictures and fonts say nothing here.
                sources += &std::fs::read_to_string(&path).unwrap_or_default();
            }
        }
    }
    let pages = manual::pages(manual::root()).expect("pages");
    let guides = pages.iter().filter(|page| page.path.starts_with("docs/vi/"));
    none(&guides.flat_map(|page| words::unknown_names(page, &sources)).collect::<Vec<_>>());
}

/// The ranges of the last column of the table of prices, in million.
fn prices(text: &str, to: &str) -> Vec<(f64, f64)> {
    let number = |word: &str| word.trim().replace(',', ".").parse::<f64>().ok();
    let range = |line: &str| {
        let cell = line.trim_end_matches(['|', ' ']).rsplit('|').next()?.rsplit(", ").next()?;
        let (least, rest) = cell.split_once(to)?;
        let least = least.rsplit(' ').find_map(number)?;
        Some((least, number(rest.trim().split(' ').next()?)?))
    };
    let table = text.lines().skip_while(|line| !line.contains("VND |")).take_while(|line| line.starts_with('|'));
    table.filter_map(range).collect()
}

#[test]
fn the_sums_of_the_shopping_list_are_sums_and_both_languages_have_the_same() {
    let (english, vietnamese) = (page("docs/overview.md").text, page("docs/vi/tong-quan.md").text);
    let list = prices(&english, " to ");
    assert_eq!(list.len(), 13);
    assert_eq!(list, prices(&vietnamese, " đến "));
    // Rows of the table: a desk, a small kiosk, a large one.
    for rows in [&[0, 3, 6][..], &[2, 3, 5, 8], &[1, 3, 5, 7, 10, 11, 12]] {
        let (least, most) =
            rows.iter().fold((0.0, 0.0), |(least, most), row| (least + list[*row].0, most + list[*row].1));
        let (least, most) = (f64::round(least), f64::round(most));
        // A line may end inside.
        let has = |text: &str, words: String| text.replace('\n', " ").contains(&words);
        assert!(has(&english, format!("{least} to {most} million")), "{least} to {most}");
        assert!(has(&vietnamese, format!("{least} đến {most} triệu")), "{least} đến {most}");
    }
}
