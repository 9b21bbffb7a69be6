//! Whose work is in a program, and under which licence: Debian's `copyright` (DEP-5), from what `cargo metadata` states, and the
//! licence files of the crates themselves, each text once.

use crate::cargo;
use anyhow::Context as _;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A crate that a program is linked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    name: String,
    version: String,
    /// As SPDX writes it; none where the crate only ships a text.
    licence: Option<String>,
    authors: Vec<String>,
    /// File name and content.
    texts: Vec<(String, String)>,
}

/// The crates of a program for a processor, its own workspace aside, by name and version.
pub(crate) fn crates(package: &str, triple: &str) -> anyhow::Result<Vec<Crate>> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", triple]).args(crate::ALL);
    let metadata: Value = serde_json::from_str(&crate::deb::said(&mut metadata)?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let first = packages.iter().find(|(_, about)| about["name"] == package).context("a package of the workspace")?.0;
    let (mut seen, mut open) = (BTreeSet::new(), vec![first.clone()]);
    while let Some(id) = open.pop() {
        if seen.insert(id.clone()) {
            // What only builds or tests is not in the program.
            let is_linked =
                |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let dependencies = list(nodes.get(&id).map_or(&Value::Null, |node| &node["deps"]));
            open.extend(dependencies.iter().filter(|dependency| is_linked(dependency)).map(|d| text(&d["pkg"])));
        }
    }
    let mut found = Vec::new();
    for about in seen.iter().filter_map(|id| packages.get(id)).filter(|about| !about["source"].is_null()) {
        let manifest = text(&about["manifest_path"]);
        found.push(Crate {
            name: text(&about["name"]),
            version: text(&about["version"]),
            licence: about["license"].as_str().map(str::to_owned),
            authors: list(&about["authors"]).iter().map(text).collect(),
            texts: texts(Path::new(&manifest).parent().context("a directory")?)?,
        });
    }
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    anyhow::ensure!(!found.is_empty(), "{package} has no dependency");
    Ok(found)
}

/// The licence files at the top of a crate.
fn texts(directory: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if path.is_file() && is_licence.iter().any(|word| upper.starts_with(word)) {
            found.push((name, String::from_utf8_lossy(&fs::read(&path)?).into_owned()));
        }
    }
    found.sort();
    Ok(found)
}

impl Crate {
    /// Who says that it is theirs, as the licence files and the manifest have it.
    fn holders(&self) -> Vec<String> {
        let lines = self.texts.iter().flat_map(|(_, text)| text.lines()).map(str::trim);
        // Not the licences' own sentences on copyright, nor the blank of a form.
        let is_notice = |line: &&str| {
            let lower = line.to_lowercase();
            let rest = lower.strip_prefix("copyright").unwrap_or_default();
            (rest.contains("(c)") || rest.contains('©') || rest.contains(char::is_numeric)) && !line.contains('[')
        };
        let mut found: Vec<String> = lines.filter(is_notice).map(str::to_owned).collect();
        found.sort();
        found.dedup();
        if found.is_empty() {
            found.clone_from(&self.authors);
        }
        if found.is_empty() {
            found.push(format!("the authors of {}", self.name));
        }
        found
    }

    fn licence(&self) -> String {
        let stated = self.licence.as_deref().unwrap_or("see-licences");
        stated.replace(" / ", " or ").replace('/', " or ").replace(" OR ", " or ").replace(" AND ", " and ")
    }
}

/// The identifiers of an expression.
fn identifiers(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(" or ").flat_map(|part| part.split(" and "));
    words.map(|word| word.trim_matches(['(', ')', ' ']))
}

/// Debian's `copyright` for a package: own work first, then each crate; every licence that is named has a paragraph.
pub(crate) fn dep5(package: &str, crates: &[Crate]) -> String {
    let own = "MIT or Apache-2.0";
    let mut text = format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: cccd-edge\n\
         Comment: The program is linked with the crates below; what their authors ship as licences and notices is in\n \
         /usr/share/doc/{package}/licences.gz.\n\nFiles: *\nCopyright: the authors of cccd-edge\nLicense: {own}\n"
    );
    let mut named: BTreeSet<String> = identifiers(own).map(str::to_owned).collect();
    for each in crates {
        let (holders, licence) = (each.holders().join("\n "), each.licence());
        named.extend(identifiers(&licence).map(str::to_owned));
        text +=
            &format!("\nFiles: crates/{}-{}/*\nCopyright: {holders}\nLicense: {licence}\n", each.name, each.version);
    }
    for licence in named {
        let place = match licence.as_str() {
            "Apache-2.0" => "/usr/share/common-licenses/Apache-2.0".to_owned(),
            "MPL-2.0" => "/usr/share/common-licenses/MPL-2.0".to_owned(),
            "GPL-3.0-only" => "/usr/share/common-licenses/GPL-3".to_owned(),
            _ => format!("/usr/share/doc/{package}/licences.gz"),
        };
        text += &format!("\nLicense: {licence}\n The text is in {place}.\n");
    }
    text
}

/// The licence files, each text once, with the crates that ship it. `own` are those of the repository.
pub(crate) fn licences(own: &[(String, String)], crates: &[Crate]) -> String {
    let mut by_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, text) in own {
        by_text.entry(text.trim()).or_default().push(format!("cccd-edge: {name}"));
    }
    for each in crates {
        for (file, text) in &each.texts {
            by_text.entry(text.trim()).or_default().push(format!("{} {}: {file}", each.name, each.version));
        }
    }
    let rule = "=".repeat(100);
    by_text.iter().map(|(text, of)| format!("{rule}\n{}\n{rule}\n\n{text}\n\n", of.join("\n"))).collect()
}

/// The licence files of the repository.
pub(crate) fn own() -> anyhow::Result<Vec<(String, String)>> {
    texts(crate::root())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, licence: Option<&str>, texts: &[(&str, &str)]) -> Crate {
        Crate {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            authors: vec!["An <an@example.vn>".to_owned()],
            texts: texts.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect(),
        }
    }

    #[test]
    fn every_licence_that_is_named_has_a_paragraph() {
        let mit = "Copyright (c) 2020 Binh\n\ncopyright notice and this permission notice shall be included";
        let form = "Copyright [yyyy] [name of copyright owner]";
        let crates = [
            of("both", Some("MIT/Apache-2.0"), &[("LICENSE-APACHE", form), ("LICENSE-MIT", mit)]),
            of("nested", Some("(MIT OR Apache-2.0) AND Unicode-3.0"), &[]),
            of("text", None, &[("LICENSE", "do as you like")]),
        ];
        let text = dep5("cccd-agent", &crates);
        assert!(
            text.contains(
                "Files: crates/both-1.0.0/*\nCopyright: Copyright (c) 2020 Binh\nLicense: MIT or Apache-2.0\n"
            ),
            "{text}"
        );
        assert!(text.contains("Files: crates/nested-1.0.0/*\nCopyright: An <an@example.vn>\n"), "{text}");
        let stated: BTreeSet<&str> = text
            .split("\n\n")
            .filter(|paragraph| paragraph.starts_with("License: "))
            .filter_map(|paragraph| paragraph.lines().next()?.strip_prefix("License: "))
            .collect();
        assert_eq!(stated, BTreeSet::from(["MIT", "Apache-2.0", "Unicode-3.0", "see-licences"]));
        // A field goes on with a blank, and a paragraph has no empty line.
        for line in text.lines() {
            assert!(line.is_empty() || line.starts_with(' ') || line.contains(": "), "{line:?}");
        }
    }

    #[test]
    fn a_text_that_two_ship_stands_once() {
        let crates =
            [of("one", Some("MIT"), &[("LICENSE", "the text\n")]), of("two", Some("MIT"), &[("COPYING", "the text")])];
        let text = licences(&[("LICENSE-MIT".to_owned(), "ours".to_owned())], &crates);
        assert_eq!(text.matches("the text").count(), 1);
        assert!(text.contains("one 1.0.0: LICENSE\ntwo 1.0.0: COPYING\n") && text.contains("ours"), "{text}");
    }
}
