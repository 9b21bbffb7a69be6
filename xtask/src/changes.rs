//! `cargo xtask changes`: what users notice, from one file a change to the changelog.
//!
//! Two changes that are made at the same time never touch the same line. A file lies in `changes/`, its name says what it is
//! about, its first line is `# ` and a topic, and each paragraph after it is one entry, `- ` and a sentence.

use crate::root;
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LOG: &str = "CHANGELOG.md";
const DIRECTORY: &str = "changes";
/// What is said once and stays there.
const ABOUT: &str = "README.md";

/// Entries by topic, in the order of the files' names.
fn entries(files: &[(String, String)]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut topics: BTreeMap<String, String> = BTreeMap::new();
    for (name, text) in files {
        let wrong = || format!("{DIRECTORY}/{name}: a line `# topic`, then entries that begin with `- `");
        let (first, rest) = text.split_once('\n').with_context(wrong)?;
        let topic = first.strip_prefix("# ").with_context(wrong)?.trim();
        let is_entry = |line: &str| line.starts_with("- ") || line.starts_with("  ") || line.is_empty();
        if topic.is_empty() || !rest.trim_start().starts_with("- ") || !rest.lines().all(is_entry) {
            bail!(wrong());
        }
        let entries = topics.entry(topic.to_owned()).or_default();
        rest.lines().filter(|line| !line.is_empty()).for_each(|line| *entries += &format!("{line}\n"));
    }
    Ok(topics)
}

fn files() -> anyhow::Result<Vec<(PathBuf, String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(DIRECTORY))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name != ABOUT {
            files.push((path.clone(), name, fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// The changelog with these entries under its newest heading.
fn with(log: &str, topics: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let at = log.find("\n## ").context("the changelog has a heading")? + 1;
    let end = log[at..].find('\n').map(|end| at + end + 1).context("something stands below it")?;
    let next = log[end..].find("\n## ").map_or(log.len(), |next| end + next);
    let mut newest = log[end..next].to_owned();
    for (topic, entries) in topics.iter().rev() {
        let heading = format!("\n{topic}:\n\n");
        match newest.find(&heading) {
            Some(at) => newest.insert_str(at + heading.len(), entries),
            None => newest.insert_str(0, &format!("{heading}{entries}")),
        }
    }
    Ok(format!("{}{newest}{}", &log[..end], &log[next..]))
}

/// The changelog with what is not released yet.
pub(crate) fn whole() -> anyhow::Result<String> {
    let files: Vec<(String, String)> = files()?.into_iter().map(|(_, name, text)| (name, text)).collect();
    with(&fs::read_to_string(root().join(LOG))?, &entries(&files)?)
}

/// Shows what came since, or puts it into the changelog and takes the files away.
pub(crate) fn changes(write: bool) -> anyhow::Result<()> {
    let whole = whole()?;
    let files = files()?;
    if !write {
        let texts: Vec<(String, String)> = files.into_iter().map(|(_, name, text)| (name, text)).collect();
        entries(&texts)?.iter().for_each(|(topic, entries)| println!("{topic}:\n\n{entries}"));
        return Ok(());
    }
    fs::write(root().join(LOG), whole)?;
    files.iter().try_for_each(|(path, ..)| fs::remove_file(path).with_context(|| shown(path)))
}

fn shown(path: &Path) -> String {
    format!("cannot remove {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_under_their_topic_and_a_new_topic_before_the_others() {
        let log = "# Changelog\n\n## 0.1.0 (unreleased)\n\nChips:\n\n- Old.\n\n## 0.0.1\n\nDesk:\n\n- Oldest.\n";
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let files =
            [file("a.md", "# Chips\n\n- One,\n  on two lines.\n"), file("b.md", "# Desk\n\n- Two.\n- Three.\n")];
        let new = with(log, &entries(&files).expect("entries")).expect("a log");
        assert_eq!(
            new,
            "# Changelog\n\n## 0.1.0 (unreleased)\n\nDesk:\n\n- Two.\n- Three.\n\nChips:\n\n- One,\n  on two lines.\n- Old.\n\n\
             ## 0.0.1\n\nDesk:\n\n- Oldest.\n"
        );
        for wrong in ["- No topic.\n", "# Topic\n", "# Topic\n\nNo entry.\n", "#\n\n- None.\n", ""] {
            assert!(entries(&[file("c.md", wrong)]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_file_of_a_change_can_be_put_into_the_changelog() {
        let whole = whole().expect("entries");
        for (_, name, text) in files().expect("files") {
            let entry = text.lines().find(|line| line.starts_with("- ")).expect("an entry");
            assert!(whole.contains(entry), "{name}");
        }
    }
}
