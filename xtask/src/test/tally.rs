//! Counts the results in the output of `cargo test`, over all test binaries.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Binaries that started and have not reported a result.
    open: u64,
    /// Skipped tests, each with its reason.
    skipped: BTreeMap<String, String>,
}

impl Tally {
    /// Count one line of output.
    pub(super) fn line(&mut self, line: &str) {
        if starts_binary(line) {
            self.open += 1;
        } else if let Some(counts) = line.split_once("test result: ").map(|(_, counts)| counts) {
            self.open = self.open.saturating_sub(1);
            self.passed += number_before(counts, " passed");
            self.failed += number_before(counts, " failed");
            self.ignored += number_before(counts, " ignored");
        }
    }

    /// Account for a failure of cargo: each binary that started and reported no result was killed or
    /// aborted and counts as one failure; so does a failure without a failed test, such as a
    /// compile error.
    pub(super) fn add_cargo_failure(&mut self) {
        self.failed += self.open;
        if self.failed == 0 {
            self.failed = 1;
        }
    }

    /// Add the log of skipped tests: `package/binary<TAB>test<TAB>reason` lines. A test may have
    /// several.
    pub(super) fn with_skipped(mut self, log: &str) -> Self {
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
fn starts_binary(line: &str) -> bool {
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
    fn a_skipped_test_counts_once_and_not_as_passed() {
        let tally = tally(TWO_BINARIES).with_skipped(
            "x/it\tstory\tpostgres: no\nx/it\tstory\tpostgres: no\nx/it\tb\tanvil: no\n",
        );
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
    fn a_binary_without_result_is_a_failure() {
        let mut aborted = tally("running 3 tests\ntest a ... ok\n");
        aborted.add_cargo_failure();
        assert_eq!((aborted.passed(), aborted.failed()), (0, 1));
        let mut not_compiled = tally("");
        not_compiled.add_cargo_failure();
        assert_eq!(not_compiled.failed(), 1);
        let mut reported = tally(TWO_BINARIES);
        reported.add_cargo_failure();
        assert_eq!(reported.failed(), 2);
    }
}
