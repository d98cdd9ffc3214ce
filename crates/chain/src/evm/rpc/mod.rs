//! JSON-RPC 2.0 over HTTP to one untrusted node: limits on time, size, depth, batch and
//! concurrency; ids must match; URLs are never shown with credentials.
//!
//! [`Rpc::request_all`] retries read calls with backoff. [`Rpc::send`] never retries, because a
//! lost answer to a transaction proves nothing about it.

mod backoff;
mod codec;
mod counters;
mod depth;
mod failure;
mod http;
mod limits;
mod node_url;

pub use backoff::Retry;
pub use counters::Counters;
pub use limits::Limits;
pub use node_url::{NodeUrl, NodeUrlError};

pub(crate) use codec::Call;
pub(crate) use failure::{ErrorObject, Failure, RpcResult, sanitize};

use crate::Result;
use counters::AtomicCounters;
use futures::future::join_all;
use http::Http;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use telemetry::{RPC_SECONDS, Timer};
use tokio::sync::Semaphore;
use types::Entropy;

/// The reply to one call: the result's exact text, or the failure.
pub(crate) type Reply = RpcResult<Box<RawValue>>;

/// A JSON-RPC client for one node.
pub(crate) struct Rpc {
    http: Http,
    limits: Limits,
    retry: Retry,
    entropy: Arc<dyn Entropy>,
    slots: Semaphore,
    next_id: AtomicU64,
    /// The number of calls per request: as configured, less if the server has rejected that many.
    batch: AtomicUsize,
    counters: AtomicCounters,
}

impl Rpc {
    /// Builds a client without sending anything.
    pub(crate) fn new(
        url: &NodeUrl,
        proxy: Option<&NodeUrl>,
        limits: Limits,
        retry: Retry,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let http = Http::new(url, proxy, &limits)?;
        let slots = Semaphore::new(limits.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        let batch = AtomicUsize::new(limits.batch.max(1));
        let counters = AtomicCounters::default();
        Ok(Self {
            http,
            limits,
            retry,
            entropy,
            slots,
            next_id: AtomicU64::new(1),
            batch,
            counters,
        })
    }

    /// The counts of requests and failures so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counters.read()
    }

    /// Makes one read call and deserializes the result.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> RpcResult<T> {
        let mut replies = self.request_all(vec![Call::new(method, params)]).await;
        parse(replies.pop().unwrap_or_else(|| Err(not_sent())))
    }

    /// Makes several read calls; each gets its own reply, in order. Transient failures are retried.
    pub(crate) async fn request_all(&self, calls: Vec<Call>) -> Vec<Reply> {
        let chunks = calls
            .chunks(self.batch())
            .map(|chunk| self.request_chunk(chunk));
        join_all(chunks).await.into_iter().flatten().collect()
    }

    /// Makes several calls that may have effects, each once. Chunks are sent one after the other,
    /// because their order matters.
    pub(crate) async fn send(&self, calls: Vec<Call>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.batch()) {
            replies.extend(self.exchange(chunk).await);
        }
        replies
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the pause before a repeated read"
    )]
    async fn request_chunk(&self, calls: &[Call]) -> Vec<Reply> {
        let mut replies: Vec<Reply> = calls.iter().map(|_| Err(not_sent())).collect();
        let mut open: Vec<usize> = (0..calls.len()).collect();
        for attempt in 1.. {
            let pending: Vec<Call> = open.iter().map(|index| calls[*index].clone()).collect();
            for (index, reply) in open.iter().zip(self.exchange(&pending).await) {
                replies[*index] = reply.map_err(classify_rate_limit);
            }
            open.retain(|index| replies[*index].as_ref().is_err_and(Failure::is_transient));
            let Some(wait_ms) = self.wait_ms(attempt, &open, &replies) else {
                break;
            };
            self.counters.retried(open.len());
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        replies
    }

    /// Waits before another attempt at a read. Returns false if there are no attempts left.
    #[expect(
        clippy::disallowed_methods,
        reason = "the pause before a repeated read"
    )]
    pub(crate) async fn wait_before_retry(&self, attempt: u32) -> bool {
        let Some(wait_ms) = self.retry.wait_ms(attempt, None, &*self.entropy) else {
            return false;
        };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        true
    }

    /// How long to wait before retrying the open calls. `None` if nothing is open or no attempt is
    /// left.
    fn wait_ms(&self, attempt: u32, open: &[usize], replies: &[Reply]) -> Option<u64> {
        let requested_wait = |index: &usize| match &replies[*index] {
            Err(Failure::Throttled { wait_ms, .. }) => *wait_ms,
            _ => None,
        };
        let requested_ms = open.iter().filter_map(requested_wait).max();
        if open.is_empty() {
            None
        } else {
            self.retry.wait_ms(attempt, requested_ms, &*self.entropy)
        }
    }

    fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    /// Makes one request. If it fails as a whole, each call fails.
    async fn exchange(&self, calls: &[Call]) -> Vec<Reply> {
        let timer = Timer::start();
        let outcome = self.exchange_batch(calls).await;
        RPC_SECONDS.record(timer.seconds(), []);
        self.counters.exchanged(calls, &outcome);
        match outcome {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| answer.map_err(Failure::RpcError))
                .collect(),
            Err(Failure::RpcError(error)) if calls.len() > 1 && error.is_batch_limit() => {
                self.exchange_halves(calls).await
            }
            Err(failure) => calls.iter().map(|_| Err(failure.clone())).collect(),
        }
    }

    /// The server processed no call of a batch that it rejected for its size, so two smaller
    /// batches repeat nothing, even when sending transactions.
    async fn exchange_halves(&self, calls: &[Call]) -> Vec<Reply> {
        let (first, second) = calls.split_at(calls.len() / 2);
        self.batch.fetch_min(second.len(), Ordering::Relaxed);
        tracing::info!(
            event = "node.batch_reduced",
            calls = calls.len(),
            batch = self.batch(),
            "the node accepts only smaller batches"
        );
        let mut replies = Box::pin(self.exchange(first)).await;
        replies.extend(Box::pin(self.exchange(second)).await);
        replies
    }

    async fn exchange_batch(&self, calls: &[Call]) -> RpcResult<Vec<codec::Answer>> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.map_err(|_| not_sent())?;
        let count = u64::try_from(calls.len()).unwrap_or(u64::MAX);
        let first = self.next_id.fetch_add(count, Ordering::Relaxed);
        let body = self.http.post(codec::encode(calls, first)).await?;
        self.counters.received(body.len());
        codec::decode(&body, first, calls.len(), self.limits.json_depth)
    }
}

/// Deserializes a reply. A result of another type is an invalid response.
pub(crate) fn parse<T: DeserializeOwned>(reply: Reply) -> RpcResult<T> {
    deserialize(&reply?)
}

/// Deserializes a result's text.
pub(crate) fn deserialize<T: DeserializeOwned>(text: &RawValue) -> RpcResult<T> {
    let describe = |error: serde_json::Error| {
        format!(
            "a result does not have the type of its method: {}",
            sanitize(&error.to_string())
        )
    };
    serde_json::from_str(text.get()).map_err(|error| Failure::InvalidResponse {
        why: describe(error),
    })
}

/// Reclassifies a JSON-RPC error that is a rate limit.
fn classify_rate_limit(failure: Failure) -> Failure {
    match failure {
        Failure::RpcError(error) if super::errors::is_rate_limit(error.code, &error.message) => {
            Failure::Throttled {
                wait_ms: None,
                why: error.sanitized_message(),
            }
        }
        other => other,
    }
}

fn not_sent() -> Failure {
    Failure::NoResponse {
        why: "the call was not sent".to_owned(),
    }
}
