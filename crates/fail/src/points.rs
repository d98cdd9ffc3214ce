//! The places as they are when the feature is on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Says what happens where.
const VARIABLE: &str = "FLORIN_FAIL";
/// How often a place that holds looks whether it may go on.
const LOOK: Duration = Duration::from_millis(5);

/// What happens at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make `<file>.held`, and wait for `<file>.go`.
    Hold(PathBuf),
    /// End the process.
    Abort,
    /// Fail, and make `<file>.failed` if a file is named.
    Error(Option<PathBuf>),
}

/// The error of a place that was told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected;

/// A place where something may happen.
pub async fn point(place: &'static str) -> Result<(), Injected> {
    match source().action(place) {
        None => Ok(()),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::Error(file)) => {
            if let Some(file) = file {
                mark(&beside(&file, "failed"));
            }
            Err(Injected)
        }
        Some(Action::Hold(file)) => {
            hold(&file).await;
            Ok(())
        }
    }
}

/// What a text says of places. A part that cannot be read is told as it stands.
pub fn parse(text: &str) -> Result<BTreeMap<String, Action>, String> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| one(part).ok_or_else(|| part.to_owned()))
        .collect()
}

fn one(part: &str) -> Option<(String, Action)> {
    let (place, action) = part.split_once(':')?;
    let action = match action.split_once(':') {
        Some(("hold", file)) if !file.is_empty() => Action::Hold(file.into()),
        Some(("error", file)) if !file.is_empty() => Action::Error(Some(file.into())),
        None if action == "abort" => Action::Abort,
        None if action == "error" => Action::Error(None),
        _ => return None,
    };
    Some((place.to_owned(), action))
}

/// Where it is said what happens.
enum Source {
    /// In the variable.
    Variable(BTreeMap<String, Action>),
    /// In a file, which is read anew each time a place is passed, so that a running process can be
    /// told.
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
    fn action(&self, place: &str) -> Option<Action> {
        match self {
            Self::Variable(actions) => actions.get(place).cloned(),
            // No file: nothing is to happen.
            Self::File(file) => {
                must_parse(&std::fs::read_to_string(file).unwrap_or_default()).remove(place)
            }
        }
    }
}

/// # Panics
/// If the text cannot be read: a test that believes it breaks something must not pass because it
/// does not.
fn must_parse(text: &str) -> BTreeMap<String, Action> {
    parse(text.trim()).unwrap_or_else(|part| {
        panic!("{VARIABLE}: {part:?} is not place:hold:<file>, place:abort or place:error[:<file>]")
    })
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", file.display()))
}

fn mark(file: &Path) {
    std::fs::write(file, [])
        .expect("the file by which a place tells that it was passed can be made");
}

async fn hold(file: &Path) {
    let go = beside(file, "go");
    if go.exists() {
        return;
    }
    mark(&beside(file, "held"));
    while !go.exists() {
        tokio::time::sleep(LOOK).await;
    }
}
