//! Counting what `cargo test` says, over all test binaries.

use std::collections::BTreeMap;

/// What has been counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Binaries that began and have not told their result.
    open: u64,
    /// Tests that left a line in the log of skipped ones, each with its reason.
    skipped: BTreeMap<String, String>,
}

impl Tally {
    /// Take one line of output.
    pub(super) fn line(&mut self, line: &str) {
        if begins(line) {
            self.open += 1;
        } else if let Some(counts) = line.split_once("test result: ").map(|(_, counts)| counts) {
            self.open = self.open.saturating_sub(1);
            self.passed += number_before(counts, " passed");
            self.failed += number_before(counts, " failed");
            self.ignored += number_before(counts, " ignored");
        }
    }

    /// Cargo failed: a binary that began and told no result was killed or aborted, which counts as
    /// one failure; so does a failure that nothing else explains, such as one to compile.
    pub(super) fn ended_badly(&mut self) {
        self.failed += self.open;
        if self.failed == 0 {
            self.failed = 1;
        }
    }

    /// Take the log of skipped tests: `package/binary<TAB>test<TAB>reason` lines. A test may have
    /// left several.
    pub(super) fn skipping(mut self, log: &str) -> Self {
        for line in log.lines() {
            if let Some((test, reason)) = line.rsplit_once('\t') {
                self.skipped
                    .insert(test.replace('\t', " "), reason.to_owned());
            }
        }
        self
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed.saturating_sub(self.skipped.len() as u64)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    pub(super) fn skipped(&self) -> u64 {
        self.ignored + self.skipped.len() as u64
    }

    /// Each skipped test with its reason.
    pub(super) fn skipped_tests(&self) -> impl Iterator<Item = String> {
        self.skipped
            .iter()
            .map(|(test, reason)| format!("{test}: {reason}"))
    }
}

/// `running 12 tests`.
fn begins(line: &str) -> bool {
    let middle = line
        .strip_prefix("running ")
        .and_then(|rest| rest.split_once(" test"));
    middle.is_some_and(|(count, end)| count.parse::<u64>().is_ok() && matches!(end, "" | "s"))
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split_once(word).map(|(before, _)| before);
    before
        .and_then(|before| before.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_BINARIES: &str = "
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s

running 1 test
test it ... some output without an end of linetest result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured
";

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.line(line));
        tally
    }

    #[test]
    fn counts_over_all_binaries() {
        let tally = tally(TWO_BINARIES);
        assert_eq!(
            (tally.passed(), tally.failed(), tally.skipped()),
            (12, 2, 1)
        );
    }

    #[test]
    fn a_skipped_test_is_not_a_passed_one_however_often_it_says_so() {
        let tally = tally(TWO_BINARIES)
            .skipping("x/it\tstory\tpostgres: no\nx/it\tstory\tpostgres: no\nx/it\tb\tanvil: no\n");
        assert_eq!(
            (tally.passed(), tally.failed(), tally.skipped()),
            (10, 2, 3)
        );
        assert!(
            tally
                .skipped_tests()
                .any(|line| line == "x/it story: postgres: no")
        );
    }

    #[test]
    fn a_binary_that_dies_is_a_failure() {
        let mut died = tally("running 3 tests\ntest a ... ok\n");
        died.ended_badly();
        assert_eq!((died.passed(), died.failed()), (0, 1));
        let mut not_compiled = tally("");
        not_compiled.ended_badly();
        assert_eq!(not_compiled.failed(), 1);
        let mut told = tally(TWO_BINARIES);
        told.ended_badly();
        assert_eq!(told.failed(), 2);
    }
}
