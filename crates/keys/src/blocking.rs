//! CPU-bound work, on threads of its own.

use crate::{Error, Result};

/// Run CPU-bound work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(join_error(&error)),
    }
}

/// Map items in parallel on as many threads as there are processors, keeping their order.
pub(crate) async fn map_parallel<T, R>(
    items: Vec<T>,
    each: impl Fn(T) -> R + Clone + Send + 'static,
) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    const MIN_CHUNK: usize = 16; // for fewer items a thread costs more than it saves
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let chunk = items.len().div_ceil(threads).max(MIN_CHUNK);
    let mut results = Vec::with_capacity(items.len());
    let mut running = Vec::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let chunk_items: Vec<T> = items.by_ref().take(chunk).collect();
        let each = each.clone();
        running.push(tokio::task::spawn_blocking(move || {
            chunk_items.into_iter().map(each).collect::<Vec<R>>()
        }));
    }
    for task in running {
        results.extend(task.await.map_err(|error| join_error(&error))?);
    }
    Ok(results)
}

fn join_error(error: &tokio::task::JoinError) -> Error {
    store::Error::AssertionFailed {
        what: error.to_string(),
    }
    .into()
}
