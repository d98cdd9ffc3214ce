//! Skipping of tests whose real component is not installed, so that they are counted.
//!
//! libtest cannot skip a running test, so a skipped test returns early and reports itself: on
//! standard output, and as a line `package/binary<TAB>test<TAB>reason` in the file named by
//! `FLORIN_SKIP_LOG`. `cargo xtask test` counts these tests as skipped instead of passed.

use std::fs::OpenOptions;
use std::io::Write;

/// Names the file that collects skipped tests.
const LOG: &str = "FLORIN_SKIP_LOG";
/// Set to 1 if a missing real component must fail the test.
const REQUIRE_REAL: &str = "FLORIN_REQUIRE_REAL";

/// Count the calling test as skipped. Must be called from the test's own thread, whose name is the
/// name of the test.
#[expect(
    clippy::print_stdout,
    reason = "visible to a developer who runs a single test"
)]
pub fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
    let Some(log) = std::env::var_os(LOG) else {
        return;
    };
    let line = format!(
        "{}\t{}\t{}\n",
        binary(),
        test(),
        reason.replace(['\n', '\t'], " ")
    );
    // A single short write, so that lines of concurrent tests do not mix.
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .and_then(|mut f| f.write_all(line.as_bytes()));
    written.expect("FLORIN_SKIP_LOG names a file that can be written");
}

/// Skip the calling test, because `component` is missing.
///
/// # Panics
/// If `FLORIN_REQUIRE_REAL=1`.
pub fn skip_missing(component: &str, why: &str) {
    let required = std::env::var(REQUIRE_REAL).is_ok_and(|value| value == "1");
    assert!(
        !required,
        "{REQUIRE_REAL}=1 and {component} is missing: {why}"
    );
    skip(&format!("{component}: {why}"));
}

/// The package and the test binary without cargo's hash, such as `store/it`.
fn binary() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name = stem
        .rsplit_once('-')
        .map_or(stem.as_str(), |(name, _)| name);
    format!(
        "{}/{name}",
        std::env::var("CARGO_PKG_NAME").unwrap_or_default()
    )
}

fn test() -> String {
    std::thread::current()
        .name()
        .unwrap_or("unnamed")
        .to_owned()
}
