//! The places as they are when the feature is on.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
    /// Fail.
    Error,
}

/// The error of a place that was told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected;

/// A place where something may happen.
pub async fn point(place: &'static str) -> Result<(), Injected> {
    match actions().get(place) {
        None => Ok(()),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::Error) => Err(Injected),
        Some(Action::Hold(file)) => {
            hold(file).await;
            Ok(())
        }
    }
}

/// What a text says of places. A part that cannot be read is told as it stands.
pub fn parse(text: &str) -> Result<BTreeMap<String, Action>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| one(part).ok_or_else(|| part.to_owned())).collect()
}

fn one(part: &str) -> Option<(String, Action)> {
    let (place, action) = part.split_once(':')?;
    let action = match action.split_once(':') {
        Some(("hold", file)) if !file.is_empty() => Action::Hold(file.into()),
        None if action == "abort" => Action::Abort,
        None if action == "error" => Action::Error,
        _ => return None,
    };
    Some((place.to_owned(), action))
}

/// # Panics
/// If the variable cannot be read: a test that believes it breaks something must not pass because it does not.
fn actions() -> &'static BTreeMap<String, Action> {
    static ACTIONS: OnceLock<BTreeMap<String, Action>> = OnceLock::new();
    ACTIONS.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        parse(&text)
            .unwrap_or_else(|part| panic!("{VARIABLE}: {part:?} is not place:hold:<file>, place:abort or place:error"))
    })
}

async fn hold(file: &std::path::Path) {
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", file.display()));
    let go = beside("go");
    if go.exists() {
        return;
    }
    std::fs::write(beside("held"), []).expect("the file of a place that holds can be made");
    while !go.exists() {
        tokio::time::sleep(LOOK).await;
    }
}
