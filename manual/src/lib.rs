//! The pages of `docs/` as data, and what can be wrong with them.
//!
//! | module | looks at |
//! |---|---|
//! | [`links`] | links, pictures and anchors; whether every file stands in `docs/SUMMARY.md` |
//! | [`commands`] | command lines, by a program's own definition of its arguments |
//! | [`words`] | spelling, codes, names of buttons |
//! | [`steps`] | blocks marked `sh,run`, which the boot test types |
//!
//! Each check gives its findings as sentences that begin with the place, `docs/page.md:12`. None is good.

pub mod commands;
pub mod links;
pub mod steps;
pub mod words;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it is, from the repository's root, `/` between the parts.
    pub path: String,
    /// Its Markdown.
    pub text: String,
}

/// A fenced block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence: `sh,run`, or nothing.
    pub info: String,
    /// The heading above it; empty above the first one.
    pub heading: String,
    /// The line of its text's beginning, from 1.
    pub line: usize,
    /// What is inside.
    pub text: String,
}

impl Block {
    /// Whether a word stands behind the fence.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.info.split(',').any(|one| one.trim() == word)
    }
}

/// The repository's root, as it was when this was compiled.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// `README.md`, `CONTRIBUTING.md` and every page below `docs/`, in the order of their paths.
///
/// # Errors
/// When a file or directory cannot be read.
pub fn pages(root: &Path) -> io::Result<Vec<Page>> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    paths
        .extend(files(root, Path::new("docs"))?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "md")));
    paths.iter().map(|path| Ok(Page { path: shown(path), text: std::fs::read_to_string(root.join(path))? })).collect()
}

/// Every file below a directory, from the root, sorted.
fn files(root: &Path, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_dir() { found.extend(files(root, &path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Page {
    /// A page that is not in a file.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        Parser::new_ext(&self.text, options).into_offset_iter()
    }

    /// The line of a place in the text, from 1.
    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// `docs/page.md:12`.
    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.line(at))
    }

    /// Its fenced blocks.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut heading, mut in_heading) = (Vec::new(), String::new(), false);
        let mut open: Option<Block> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => (heading, in_heading) = (String::new(), true),
                Event::End(TagEnd::Heading(_)) => in_heading = false,
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let (heading, line) = (heading.clone(), self.line(range.start) + 1);
                    open = Some(Block { info: info.into_string(), heading, line, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                Event::Text(text) | Event::Code(text) if in_heading => heading += &text,
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text += &text;
                    }
                }
                _ => {}
            }
        }
        blocks
    }

    /// Its `quoted` words, each with where it begins.
    fn quoted(&self) -> Vec<(usize, String)> {
        let code = |(event, range): (Event<'_>, Range<usize>)| match event {
            Event::Code(text) => Some((range.start, text.into_string())),
            _ => None,
        };
        self.events().filter_map(code).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_knows_its_heading_line_and_marks() {
        let page = Page::new(
            "docs/a.md",
            "# One `x`\n\ntext\n\n```sh,run\nls\nid\n```\n\n1. item\n\n   ```\n   plain\n   ```\n",
        );
        let blocks = page.blocks();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].heading.as_str(), blocks[0].line, blocks[0].text.as_str()), ("One x", 6, "ls\nid\n"));
        assert!(blocks[0].is("run") && blocks[0].is("sh") && !blocks[0].is("r"));
        assert_eq!((blocks[1].info.as_str(), blocks[1].text.as_str()), ("", "plain\n"));
    }
}
