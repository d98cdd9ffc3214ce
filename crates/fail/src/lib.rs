//! Fail points: named positions in the code at which a test can stop, end or fail the process, to
//! test a crash between any two steps.
//!
//! Without the feature `fail-points`, which no crate enables by default, [`point`] does nothing,
//! [`Injected`] has no value, and neither the names of the fail points nor the name of the variable
//! are in the binary (`tests/absent`). With the feature, the variable `FLORIN_FAIL` is read once,
//! as `point:action[,point:action…]`, where the action is one of
//!
//! - `hold:<file>`: create `<file>.held` and wait until `<file>.go` exists, each time the fail
//!   point is passed until then;
//! - `abort`: end the process at once, as a power loss would;
//! - `error` or `error:<file>`: return [`Injected`], which callers convert to an inconclusive
//!   error, and create `<file>.failed`.
//!
//! `FLORIN_FAIL=@<file>` reads the same text from a file each time a fail point is passed. The file
//! may appear and disappear while the process runs.
//!
//! The fail points are listed in `docs/fail-points.md`. A fail point never changes what a step does
//! and is never inside a transaction.

#[cfg(feature = "fail-points")]
mod points;

#[cfg(feature = "fail-points")]
pub use points::{Action, Injected, parse, point};

/// The error of an injected failure. Has no value without the feature.
#[cfg(not(feature = "fail-points"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {}

/// A fail point, which does nothing without the feature. Not an `async fn`: its future would keep
/// the name in optimized binaries.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub fn point(_name: &'static str) -> std::future::Ready<Result<(), Injected>> {
    std::future::ready(Ok(()))
}
