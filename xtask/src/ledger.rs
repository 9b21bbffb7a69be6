//! What `cargo xtask test` says at its end: what passed, what failed, what was skipped and why, and how long each part took.

use crate::target;
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Tests of one part.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    run: u32,
    failed: u32,
}

/// A part of the tests, and what became of it.
struct Row {
    part: &'static str,
    count: Count,
    took: Duration,
    /// Lines of the register: the test, a tabulator, why.
    skipped: BTreeSet<String>,
}

/// All parts so far.
pub(crate) struct Ledger {
    register: PathBuf,
    rows: Vec<Row>,
}

impl Ledger {
    /// An empty one.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let register = target().join("skipped.txt");
        fs::create_dir_all(target())?;
        fs::write(&register, "")?;
        Ok(Self { register, rows: Vec::new() })
    }

    /// Runs tests and counts them, whether they pass or not.
    pub(crate) fn part(
        &mut self,
        part: &'static str,
        tests: &mut Command,
        count: impl FnOnce(&mut Command) -> anyhow::Result<(Count, bool)>,
    ) -> anyhow::Result<()> {
        let begin = now();
        let (count, passed) = count(tests.env(test_support::REGISTER, &self.register))?;
        let skipped = fs::read_to_string(&self.register)?.lines().map(str::to_owned).collect();
        fs::write(&self.register, "")?;
        self.rows.push(Row { part, count, took: begin.elapsed(), skipped });
        anyhow::ensure!(passed, "{part}: {} of {} failed", count.failed, count.run);
        Ok(())
    }

    /// Does a part that is one test, and notes whether it passed.
    pub(crate) fn one(&mut self, part: &'static str, test: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.note(part, timed(test))
    }

    /// Two parts at once, the second of which is one test: one compiles, the other waits for a machine that boots.
    pub(crate) fn beside(
        &mut self,
        first: impl FnOnce(&mut Self) -> anyhow::Result<()>,
        part: &'static str,
        test: impl FnOnce() -> anyhow::Result<()> + Send,
    ) -> anyhow::Result<()> {
        std::thread::scope(|scope| {
            let second = scope.spawn(|| timed(test));
            let first = first(self);
            let second = second.join().map_err(|_panic| anyhow::anyhow!("{part} panicked"))?;
            let second = self.note(part, second);
            first.and(second)
        })
    }

    fn note(&mut self, part: &'static str, (outcome, took): (anyhow::Result<()>, Duration)) -> anyhow::Result<()> {
        let count = Count { run: 1, failed: u32::from(outcome.is_err()) };
        self.rows.push(Row { part, count, took, skipped: BTreeSet::new() });
        outcome
    }

    /// Notes that a whole part is skipped.
    pub(crate) fn skip(&mut self, part: &'static str, why: &anyhow::Error) -> anyhow::Result<()> {
        if test_support::is_forbidden() {
            bail!("skips are forbidden: {part}: {why:#}");
        }
        let skipped = BTreeSet::from([format!("all of it\t{why:#}")]);
        self.rows.push(Row { part, count: Count { run: 1, failed: 0 }, took: Duration::ZERO, skipped });
        Ok(())
    }

    /// One table, and a line for each skip.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:36}{:>8}{:>8}{:>8}{:>10}\n", "", "passed", "failed", "skipped", "min:s");
        for Row { part, count: Count { run, failed }, took, skipped } in &self.rows {
            // A test that skips two things is one test.
            let tests: BTreeSet<_> = skipped.iter().map(|line| line.split('\t').next()).collect();
            let passed = (*run as usize).saturating_sub(*failed as usize + tests.len());
            let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
            let took = format!("{minutes}:{seconds:02}");
            text += &format!("{part:36}{passed:>8}{failed:>8}{:>8}{took:>10}\n", tests.len());
        }
        for row in &self.rows {
            for line in &row.skipped {
                text += &format!("skipped, whole or in part: {}: {}\n", row.part, line.replacen('\t', ": ", 1));
            }
        }
        text
    }
}

fn timed(test: impl FnOnce() -> anyhow::Result<()>) -> (anyhow::Result<()>, Duration) {
    let begin = now();
    let outcome = test();
    (outcome, begin.elapsed())
}

#[allow(clippy::disallowed_methods, reason = "how long it took is shown, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

/// Runs `cargo test`, shows what it says, and adds up the ends of its programs.
pub(crate) fn by_cargo(tests: &mut Command) -> anyhow::Result<(Count, bool)> {
    let mut process = tests.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let said = BufReader::new(process.stdout.take().context("standard output")?);
    let mut count = Count::default();
    for line in said.lines() {
        let line = line?;
        println!("{line}");
        if let Some(one) = result(&line) {
            count = Count { run: count.run + one.run, failed: count.failed + one.failed };
        }
    }
    Ok((count, process.wait()?.success()))
}

/// `test result: ok. 12 passed; 0 failed; …`
fn result(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| numbers.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    let (passed, failed): (u32, u32) = (number("passed")?, number("failed")?);
    Some(Count { run: passed + failed, failed })
}

/// Runs nextest and reads its report.
pub(crate) fn by_nextest(tests: &mut Command) -> anyhow::Result<(Count, bool)> {
    // Nextest keeps its store there, wherever cargo builds.
    let report = crate::root().join("target/nextest/default/junit.xml");
    drop(fs::remove_file(&report));
    let passed = tests.status().context("cannot start cargo")?.success();
    let text = fs::read_to_string(&report).context("nextest left no report: nothing was run")?;
    Ok((report_of(&text).context("nextest's report has no numbers")?, passed))
}

/// `<testsuites … tests="3" failures="1" errors="0" …>`
fn report_of(junit: &str) -> Option<Count> {
    let (_, attributes) = junit.split_once("<testsuites ")?;
    let number = |name: &str| -> Option<u32> {
        let (_, rest) = attributes.split_once(&format!(" {name}=\""))?;
        rest.split('"').next()?.parse().ok()
    };
    Some(Count { run: number("tests")?, failed: number("failures")? + number("errors")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_programs_are_counted() {
        let line = "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out; finished in 0.00s";
        assert_eq!(result(line), Some(Count { run: 4, failed: 1 }));
        assert_eq!(result("test result of mine: ok"), None);
        let junit = "<?xml version=\"1.0\"?>\n<testsuites name=\"nextest-run\" tests=\"7\" failures=\"1\" errors=\"2\" uuid=\"x\">";
        assert_eq!(report_of(junit), Some(Count { run: 7, failed: 3 }));
        assert_eq!(report_of("<testsuites>"), None);
    }

    #[test]
    fn the_table_counts_a_skipped_test_once_and_says_why_each_time() {
        let skipped = ["a one\tno data", "a one\tno browser", "b two\tno data"].map(str::to_owned).into();
        let row = Row { part: "tests", count: Count { run: 10, failed: 1 }, took: Duration::from_secs(62), skipped };
        let mut ledger = Ledger { register: PathBuf::new(), rows: vec![row] };
        ledger.skip("packages", &anyhow::anyhow!("no tree")).expect("skipped");
        let text = ledger.table();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["tests", "7", "1", "2", "1:02"]);
        assert_eq!(words[2], ["packages", "0", "0", "1", "0:00"]);
        assert!(
            text.contains("tests: a one: no browser\n") && text.contains("packages: all of it: no tree\n"),
            "{text}"
        );
        assert_eq!(words.len(), 3 + 4);
    }
}
