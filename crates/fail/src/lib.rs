//! Places where a process can be stopped, ended or made to fail from outside, so that a test can
//! crash it between any two steps.
//!
//! Without the feature `fail-points`, which no crate enables by default, [`point`] is nothing:
//! [`Injected`] has no value, and neither the names of the places nor that of the variable are in
//! the binary (`tests/absent`). With it the variable `FLORIN_FAIL` is read once, as `place:action[,
//! place:action…]`, where the action is
//!
//! - `hold:<file>`: make `<file>.held`, wait until there is `<file>.go`, go on; every time the
//!   place is passed until then;
//! - `abort`: end the process at once, as a loss of power would;
//! - `error` or `error:<file>`: give [`Injected`], which callers turn into an error that proves
//!   nothing, and make `<file>.failed`.
//!
//! `FLORIN_FAIL=@<file>` says that the text is in a file, which is read each time a place is passed
//! and may come and go.
//!
//! The places are listed in `docs/fail-points.md`. What this never does: change what a step does,
//! or stand inside a transaction.

#[cfg(feature = "fail-points")]
mod points;

#[cfg(feature = "fail-points")]
pub use points::{Action, Injected, parse, point};

/// The error of a place that was told to fail. Without the feature there is none.
#[cfg(not(feature = "fail-points"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {}

/// A place where nothing happens. It is no `async fn`: a future would keep the name, and with it an
/// optimised binary.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub fn point(_place: &'static str) -> std::future::Ready<Result<(), Injected>> {
    std::future::ready(Ok(()))
}
