//! Links, pictures and anchors: everything that a page points to inside the repository is there.
//!
//! The site holds `docs/` and nothing else, so a page of it points to nothing outside.

use crate::{Page, files, shown};
use pulldown_cmark::{Event, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Findings about all links of some pages; the files are looked for below the root.
#[must_use]
pub fn findings(root: &Path, pages: &[Page]) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (page.path.as_str(), anchors(page))).collect();
    let mut findings = Vec::new();
    for page in pages {
        for (at, link) in links(page) {
            if let Some(why) = wrong(root, page, &anchors, &link) {
                findings.push(format!("{}: {link}: {why}", page.place(at)));
            }
        }
    }
    findings
}

fn wrong(root: &Path, page: &Page, anchors: &BTreeMap<&str, BTreeSet<String>>, link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { Some(page.path.clone()) } else { resolve(&page.path, file) };
    let Some(target) = target else { return Some("points out of the repository".to_owned()) };
    if page.path.starts_with("docs/") && !target.starts_with("docs/") {
        return Some("points out of docs/, which is all that the manual holds".to_owned());
    }
    if !root.join(&target).exists() && !anchors.contains_key(target.as_str()) {
        return Some("is not there".to_owned());
    }
    let anchor = anchor?;
    let known = anchors.get(target.as_str()).is_some_and(|known| known.contains(anchor));
    (!known).then(|| format!("{target} has no heading #{anchor}"))
}

/// A link from a page, as a path from the root; `None` above it.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Every link and picture with where it stands, those in HTML included.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (event, range) in page.events() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                found.push((range.start, dest_url.into_string()));
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                for attribute in ["src=\"", "href=\""] {
                    let values = text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
                    found.extend(values.map(|value| (range.start, value.to_owned())));
                }
            }
            _ => {}
        }
    }
    found
}

/// The anchors of its headings, as mdBook and GitHub make them.
fn anchors(page: &Page) -> BTreeSet<String> {
    let (mut found, mut heading) = (BTreeSet::new(), None::<String>);
    for (event, _) in page.events() {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let plain = anchor(&heading.take().unwrap_or_default());
                let numbered = (1..).map(|number| format!("{plain}-{number}"));
                let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !found.contains(name));
                found.extend(free);
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    *heading += &text;
                }
            }
            _ => {}
        }
    }
    found
}

fn anchor(heading: &str) -> String {
    let keep = |c: char| match c {
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => Some(c),
        _ if c.is_whitespace() => Some('-'),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(keep).collect()
}

/// Findings about `docs/SUMMARY.md`: each page below `docs/` stands in it, once; each other file is pointed to by a page.
///
/// # Errors
/// When a directory cannot be read.
pub fn contents(root: &Path, pages: &[Page]) -> io::Result<Vec<String>> {
    let summary = "docs/SUMMARY.md";
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut pointed = BTreeSet::new();
    for page in pages {
        for (_, link) in links(page) {
            let file = link.split('#').next().unwrap_or_default();
            let Some(target) = resolve(&page.path, file).filter(|_| !link.contains("://")) else { continue };
            if page.path == summary {
                *named.entry(target).or_default() += 1;
            } else {
                pointed.insert(target);
            }
        }
    }
    let mut findings = Vec::new();
    for path in files(root, Path::new("docs"))?.iter().map(|path| shown(path)) {
        let finding = match named.get(&path) {
            _ if path == summary => continue,
            None if path.ends_with(".md") => format!("{path} does not stand in {summary}"),
            Some(2..) => format!("{path} stands in {summary} more than once"),
            None if !pointed.contains(&path) => format!("no page points to {path}"),
            _ => continue,
        };
        findings.push(finding);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_found_with_its_line() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::create_dir_all(root.path().join("docs/images")).expect("directory");
        std::fs::write(root.path().join("docs/images/a.png"), "").expect("file");
        let text = "# Ghép nối (1)\n\n# Same\n\n# Same\n\n[a](b.md) [b](b.md#two) ![c](images/a.png) [d](#ghép-nối-1) [e](#same-1)\n\
                    <img src=\"images/b.png\"> [f](#same-2)\n[g](../README.md)\n[k](../../x) [h](b.md#three) [i](https://example.com/x) [j](c.md)\n";
        let pages = [Page::new("docs/a.md", text), Page::new("docs/b.md", "## Two\n"), Page::new("README.md", "")];
        let expected = [
            "docs/a.md:8: images/b.png: is not there",
            "docs/a.md:8: #same-2: docs/a.md has no heading #same-2",
            "docs/a.md:9: ../README.md: points out of docs/, which is all that the manual holds",
            "docs/a.md:10: ../../x: points out of the repository",
            "docs/a.md:10: b.md#three: docs/b.md has no heading #three",
            "docs/a.md:10: c.md: is not there",
        ];
        assert_eq!(findings(root.path(), &pages), expected);
    }

    #[test]
    fn pages_outside_the_contents_and_pictures_that_nobody_shows_are_found() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::create_dir(root.path().join("docs")).expect("directory");
        let mut pages = Vec::new();
        for (name, text) in
            [("SUMMARY.md", "[a](a.md) [b](b.md) [b](b.md)"), ("a.md", "![](p.png)"), ("b.md", ""), ("c.md", "")]
        {
            std::fs::write(root.path().join("docs").join(name), text).expect("file");
            pages.push(Page::new(&format!("docs/{name}"), text));
        }
        for name in ["p.png", "q.png"] {
            std::fs::write(root.path().join("docs").join(name), "").expect("file");
        }
        let expected = [
            "docs/b.md stands in docs/SUMMARY.md more than once",
            "docs/c.md does not stand in docs/SUMMARY.md",
            "no page points to docs/q.png",
        ];
        assert_eq!(contents(root.path(), &pages).expect("files"), expected);
    }
}
