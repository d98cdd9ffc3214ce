//! Counts the results in the output of `cargo test`, over all test binaries.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Binaries that started and have not reported a result.
    open: u64,
    /// Skipped tests, each with its reason.
    skipped: BTreeMap<String, String>,
    /// The crate of each test binary, by its file name.
    crates: BTreeMap<String, String>,
    /// The file name of the binary that runs.
    current: String,
    /// How long the tests of each crate ran.
    durations: BTreeMap<String, Duration>,
}

impl Tally {
    /// Note the crate of a test binary from a message of the build.
    pub(super) fn built(&mut self, message: &str) {
        let message: Value = serde_json::from_str(message).unwrap_or_default();
        let path = |name: &str| message[name].as_str().map(Path::new);
        let executable = path("executable").and_then(Path::file_name);
        let folder = path("manifest_path").and_then(|path| path.parent()?.file_name());
        if let Some((executable, folder)) = executable.zip(folder) {
            let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
            self.crates.insert(text(executable), text(folder));
        }
    }

    /// Count one line of output.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(binary) = named_binary(line) {
            binary.clone_into(&mut self.current);
        } else if starts_binary(line) {
            self.open += 1;
        } else if let Some(counts) = line.split_once("test result: ").map(|(_, counts)| counts) {
            self.open = self.open.saturating_sub(1);
            self.passed += number_before(counts, " passed");
            self.failed += number_before(counts, " failed");
            self.ignored += number_before(counts, " ignored");
            self.add_duration(counts);
        }
    }

    fn add_duration(&mut self, counts: &str) {
        let text = counts.split_once("finished in ").map(|(_, text)| text);
        let seconds = text.and_then(|text| text.trim_end().trim_end_matches('s').parse().ok());
        let Some(duration) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        else {
            return;
        };
        if let Some(name) = self.crates.get(&self.current) {
            *self.durations.entry(name.clone()).or_default() += duration;
        }
    }

    /// How long the tests of each crate ran, longest first.
    pub(super) fn durations(&self) -> Vec<(&str, Duration)> {
        let durations = self.durations.iter();
        let mut durations: Vec<_> = durations
            .map(|(name, time)| (name.as_str(), *time))
            .collect();
        durations.sort_by_key(|(_, duration)| std::cmp::Reverse(*duration));
        durations
    }

    /// Account for a failure of cargo: each binary that started and reported no result was killed
    /// or aborted and counts as one failure; so does a failure without a failed test, such as a
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

/// `Running tests/it/main.rs (target/debug/deps/it-1f2e)`: the name of the file.
fn named_binary(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("Running ")?;
    let path = rest.rsplit_once('(')?.1.strip_suffix(')')?;
    path.rsplit('/').next()
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
    fn durations_are_added_by_crate() {
        let mut tally = Tally::default();
        for (folder, binary) in [("keys", "keys-1"), ("store", "store-2"), ("store", "it-3")] {
            tally.built(&format!(
                r#"{{"manifest_path":"/w/crates/{folder}/Cargo.toml","executable":"/t/deps/{binary}"}}"#
            ));
        }
        tally.built(r#"{"reason":"build-finished"}"#);
        let output = "     Running unittests src/lib.rs (target/debug/deps/keys-1)
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s
     Running unittests src/lib.rs (target/debug/deps/store-2)
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s
     Running tests/it/main.rs (target/debug/deps/it-3)
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.75s";
        output.lines().for_each(|line| tally.line(line));
        let of = |name, millis| (name, Duration::from_millis(millis));
        assert_eq!(tally.durations(), [of("store", 2_000), of("keys", 1_500)]);
        assert_eq!((tally.passed(), tally.failed()), (2, 1));
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
