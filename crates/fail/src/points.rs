//! Fail points with the feature enabled.
#![allow(
    clippy::disallowed_methods,
    reason = "fail points are set by the environment and never in a release"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// The environment variable with the actions.
const VARIABLE: &str = "FLORIN_FAIL";
/// Interval between two checks of a held fail point for its `.go` file.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What happens at a fail point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Create `<file>.held` and wait for `<file>.go`.
    Hold(PathBuf),
    /// End the process without cleanup.
    Abort,
    /// Return an error, and create `<file>.failed` if a file is named.
    Error(Option<PathBuf>),
}

/// The error of an injected failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected;

/// A fail point: performs the configured action, if any.
pub async fn point(name: &'static str) -> Result<(), Injected> {
    match source().action(name) {
        None => Ok(()),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::Error(file)) => {
            if let Some(file) = file {
                create_marker(&with_suffix(&file, "failed"));
            }
            Err(Injected)
        }
        Some(Action::Hold(file)) => {
            hold(&file).await;
            Ok(())
        }
    }
}

/// Parse actions by fail point. Returns the part that is malformed as the error.
pub fn parse(text: &str) -> Result<BTreeMap<String, Action>, String> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| parse_action(part).ok_or_else(|| part.to_owned()))
        .collect()
}

fn parse_action(part: &str) -> Option<(String, Action)> {
    let (name, action) = part.split_once(':')?;
    let action = match action.split_once(':') {
        Some(("hold", file)) if !file.is_empty() => Action::Hold(file.into()),
        Some(("error", file)) if !file.is_empty() => Action::Error(Some(file.into())),
        None if action == "abort" => Action::Abort,
        None if action == "error" => Action::Error(None),
        _ => return None,
    };
    Some((name.to_owned(), action))
}

/// Source of the actions.
enum Source {
    Variable(BTreeMap<String, Action>),
    /// A file, read each time a fail point is passed, so that a test can change the actions of a
    /// running process.
    File(PathBuf),
}

fn source() -> &'static Source {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        match text.strip_prefix('@') {
            Some(file) => Source::File(file.into()),
            None => Source::Variable(must_parse(&text)),
        }
    })
}

impl Source {
    fn action(&self, name: &str) -> Option<Action> {
        match self {
            Self::Variable(actions) => actions.get(name).cloned(),
            // No file, no actions.
            Self::File(file) => {
                must_parse(&std::fs::read_to_string(file).unwrap_or_default()).remove(name)
            }
        }
    }
}

/// # Panics
/// If the text is malformed: a crash test must not pass because its fault was never injected.
fn must_parse(text: &str) -> BTreeMap<String, Action> {
    parse(text.trim()).unwrap_or_else(|part| {
        panic!("{VARIABLE}: {part:?} is not point:hold:<file>, point:abort or point:error[:<file>]")
    })
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}.{suffix}", file.display()))
}

fn create_marker(file: &Path) {
    std::fs::write(file, []).expect("the marker file can be created");
}

async fn hold(file: &Path) {
    let go = with_suffix(file, "go");
    if go.exists() {
        return;
    }
    create_marker(&with_suffix(file, "held"));
    while !go.exists() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
