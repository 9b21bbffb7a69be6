//! Figures in a page that a command writes: between two lines of it.

use crate::root;
use anyhow::Context as _;
use std::fs;

/// Where they stand.
pub(crate) struct Figures {
    /// The page, below the repository.
    pub(crate) page: &'static str,
    /// The line before them.
    pub(crate) begin: &'static str,
    /// The line behind them.
    pub(crate) end: &'static str,
}

impl Figures {
    /// A page with others between the two lines; none without both.
    pub(crate) fn replaced(&self, page: &str, table: &str) -> Option<String> {
        let Self { begin, end, .. } = self;
        let (before, rest) = page.split_once(begin)?;
        let (_, after) = rest.split_once(end)?;
        Some(format!("{before}{begin}\n{table}\n{end}{after}"))
    }

    /// Puts others into the page.
    pub(crate) fn write(&self, table: &str) -> anyhow::Result<()> {
        let path = root().join(self.page);
        let text = self.replaced(&fs::read_to_string(&path)?, table);
        Ok(fs::write(path, text.with_context(|| format!("{} has no place for it", self.page))?)?)
    }
}
