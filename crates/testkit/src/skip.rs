//! A test that cannot run for want of a real part says so, in a way that can be counted.
//!
//! libtest has no word for "skipped while running", so a skipping test returns early and leaves a
//! line: on standard output for people, and in the file that `FLORIN_SKIP_LOG` names, one
//! `package/binary<TAB>test<TAB>reason` a line, for `cargo xtask test`, which counts the test as
//! skipped and not as passed.

use std::fs::OpenOptions;
use std::io::Write;

/// The file that collects skipped tests.
const LOG: &str = "FLORIN_SKIP_LOG";
/// Set to 1 where a missing real part must fail the run.
const REQUIRE_REAL: &str = "FLORIN_REQUIRE_REAL";

/// Count the calling test as skipped. Call it from the test's own thread, whose name is the test's.
#[expect(clippy::print_stdout, reason = "a person who runs one test looks here")]
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
    // One write of one short line: tests that append at the same time do not mix.
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .and_then(|mut f| f.write_all(line.as_bytes()));
    written.expect("FLORIN_SKIP_LOG names a file that can be written");
}

/// Skip for want of `part`, because of `why`.
///
/// # Panics
/// If `FLORIN_REQUIRE_REAL=1`: then a missing part is a failure.
pub fn skipped_for_want_of(part: &str, why: &str) {
    let required = std::env::var(REQUIRE_REAL).is_ok_and(|value| value == "1");
    assert!(!required, "{REQUIRE_REAL}=1 and there is no {part}: {why}");
    skip(&format!("{part}: {why}"));
}

/// `store/it`: the package, as cargo tells it, and the binary without cargo's hash.
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
