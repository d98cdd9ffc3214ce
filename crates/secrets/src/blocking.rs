//! CPU-bound work, on threads of its own.

use crate::Result;

/// Run CPU-bound work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|error| {
        let what = error.to_string();
        Err(store::Error::AssertionFailed { what }.into())
    })
}
