//! The steps of a page that a machine types: its blocks marked `sh,run`, in their order.
//!
//! A page of such steps is followed by a person and by the boot test (`xtask/src/boot.rs`), so that the two cannot differ.

use crate::Page;

/// What root types into a shell, as one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `page.md:12, the heading`.
    pub name: String,
    /// The lines.
    pub script: String,
    /// The status with which they end: 0, or what the mark says (`sh,run,status=70`).
    pub status: u8,
}

/// The steps of a page.
///
/// # Panics
/// Where a mark names a status that is none.
#[must_use]
pub fn of(page: &Page) -> Vec<Step> {
    let step = |block: crate::Block| {
        let status = block.info.split(',').find_map(|mark| mark.strip_prefix("status="));
        let status = status.map_or(0, |word| word.parse().expect("a status from 0 to 255"));
        Step { name: format!("{}:{}, {}", page.path, block.line, block.heading), script: block.text, status }
    };
    page.blocks().into_iter().filter(|block| block.is("run")).map(step).collect()
}

/// Findings about a translation: it has the same steps as the page that is tested.
#[must_use]
pub fn differences(tested: &Page, translation: &Page) -> Vec<String> {
    let (ours, theirs) = (of(tested), of(translation));
    let mut findings: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(one, other)| (&one.script, one.status) != (&other.script, other.status))
        .map(|(one, other)| format!("{} is not what {} has", other.name, one.name))
        .collect();
    if ours.len() != theirs.len() {
        findings.push(format!("{} has {} steps, {} {}", tested.path, ours.len(), translation.path, theirs.len()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_steps_and_a_translation_has_the_same() {
        let page =
            Page::new("docs/a.md", "# One\n\n```sh,run\nid\n```\n\n```sh\nls\n```\n\n```sh,run,status=70\npwd\n```\n");
        let steps = of(&page);
        assert_eq!(steps[0], Step { name: "docs/a.md:4, One".to_owned(), script: "id\n".to_owned(), status: 0 });
        assert_eq!((steps.len(), steps[1].status), (2, 70));
        let same = Page::new("docs/vi/a.md", "# Một\n\n```sh,run\nid\n```\n\n```sh,run,status=70\npwd\n```\n");
        assert_eq!(differences(&page, &same), [""; 0]);
        let other = Page::new("docs/vi/a.md", "# Một\n\n```sh,run\nid -u\n```\n");
        let expected =
            ["docs/vi/a.md:4, Một is not what docs/a.md:4, One has", "docs/a.md has 2 steps, docs/vi/a.md 1"];
        assert_eq!(differences(&page, &other), expected);
    }
}
