//! JSON-RPC 2.0 over HTTP to one node, as to a stranger: limits on time, size, depth, batch and
//! concurrency; ids matched; addresses with keys in them never shown.
//!
//! [`Rpc::read`] asks again, with growing waits, what changes nothing; [`Rpc::send`] never repeats
//! by itself, because a lost answer to a transaction proves nothing about the transaction.

mod backoff;
mod counters;
mod depth;
mod endpoint;
mod failure;
mod http;
mod limits;
mod wire;

pub use backoff::Retry;
pub use counters::Counters;
pub use endpoint::{NodeUrl, NodeUrlError};
pub use limits::Limits;

pub(crate) use failure::{ErrorObject, Failure, words};
pub(crate) use wire::Call;

use crate::Result;
use counters::Counting;
use futures::future::join_all;
use http::Http;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use types::Entropy;

/// What one call came to: the result's exact text, or why there is none.
pub(crate) type Reply = std::result::Result<Box<RawValue>, Failure>;

/// A node, spoken to in JSON-RPC.
pub(crate) struct Rpc {
    http: Http,
    limits: Limits,
    retry: Retry,
    entropy: Arc<dyn Entropy>,
    slots: Semaphore,
    next_id: AtomicU64,
    /// How many calls go into one request: as configured, less once the server has refused so
    /// many.
    batch: AtomicUsize,
    counting: Counting,
}

impl Rpc {
    /// A client; nothing is sent yet.
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
        let counting = Counting::default();
        Ok(Self {
            http,
            limits,
            retry,
            entropy,
            slots,
            next_id: AtomicU64::new(1),
            batch,
            counting,
        })
    }

    /// What was asked so far, and how it went.
    pub(crate) fn counters(&self) -> Counters {
        self.counting.read()
    }

    /// Ask one thing that changes nothing, and read the answer as `T`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> std::result::Result<T, Failure> {
        let mut replies = self.read(vec![Call::new(method, params)]).await;
        parse(replies.pop().unwrap_or_else(|| Err(unanswered())))
    }

    /// Ask several things that change nothing; each gets its own answer, in order. Asked again
    /// where the failure may pass.
    pub(crate) async fn read(&self, calls: Vec<Call>) -> Vec<Reply> {
        let chunks = calls
            .chunks(self.batch())
            .map(|chunk| self.read_chunk(chunk));
        join_all(chunks).await.into_iter().flatten().collect()
    }

    /// Tell several things that may change something, each once. Chunks go one after the other:
    /// their order means something.
    pub(crate) async fn send(&self, calls: Vec<Call>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.batch()) {
            replies.extend(self.exchange(chunk).await);
        }
        replies
    }

    async fn read_chunk(&self, calls: &[Call]) -> Vec<Reply> {
        let mut replies: Vec<Reply> = calls.iter().map(|_| Err(unanswered())).collect();
        let mut open: Vec<usize> = (0..calls.len()).collect();
        for attempt in 1.. {
            let asked: Vec<Call> = open.iter().map(|place| calls[*place].clone()).collect();
            for (place, reply) in open.iter().zip(self.exchange(&asked).await) {
                replies[*place] = reply.map_err(told_apart);
            }
            open.retain(|place| replies[*place].as_ref().is_err_and(Failure::is_passing));
            let Some(wait_ms) = self.wait_ms(attempt, &open, &replies) else {
                break;
            };
            self.counting.retried(open.len());
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        replies
    }

    /// Wait as before another attempt at a read; false if there shall be none.
    pub(crate) async fn pause(&self, attempt: u32) -> bool {
        let Some(wait_ms) = self.retry.wait_ms(attempt, None, &*self.entropy) else {
            return false;
        };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        true
    }

    /// How long to wait before asking the open ones again; none if nothing is open or patience is
    /// at an end.
    fn wait_ms(&self, attempt: u32, open: &[usize], replies: &[Reply]) -> Option<u64> {
        let asked = |place: &usize| match &replies[*place] {
            Err(Failure::Throttled { wait_ms, .. }) => *wait_ms,
            _ => None,
        };
        let patience = open.iter().filter_map(asked).max();
        if open.is_empty() {
            None
        } else {
            self.retry.wait_ms(attempt, patience, &*self.entropy)
        }
    }

    fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    /// One request and its answer. A failure of the whole is the failure of each.
    async fn exchange(&self, calls: &[Call]) -> Vec<Reply> {
        let outcome = self.exchange_whole(calls).await;
        self.counting.exchanged(calls, &outcome);
        match outcome {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| answer.map_err(Failure::Said))
                .collect(),
            Err(Failure::Said(error)) if calls.len() > 1 && error.is_about_the_batch() => {
                self.halved(calls).await
            }
            Err(failure) => calls.iter().map(|_| Err(failure.clone())).collect(),
        }
    }

    /// The server did nothing of a batch because of its size: two smaller ones repeat nothing, not
    /// even when they send.
    async fn halved(&self, calls: &[Call]) -> Vec<Reply> {
        let (first, second) = calls.split_at(calls.len() / 2);
        self.batch.fetch_min(second.len(), Ordering::Relaxed);
        tracing::info!(
            calls = calls.len(),
            batch = self.batch(),
            "a node takes smaller batches only"
        );
        let mut replies = Box::pin(self.exchange(first)).await;
        replies.extend(Box::pin(self.exchange(second)).await);
        replies
    }

    async fn exchange_whole(
        &self,
        calls: &[Call],
    ) -> std::result::Result<Vec<wire::Answer>, Failure> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.map_err(|_| unanswered())?;
        let count = u64::try_from(calls.len()).unwrap_or(u64::MAX);
        let first = self.next_id.fetch_add(count, Ordering::Relaxed);
        let body = self.http.post(wire::encode(calls, first)).await?;
        self.counting.received(body.len());
        wire::decode(&body, first, calls.len(), self.limits.json_depth)
    }
}

/// Read a reply as `T`; a result of another shape is nonsense.
pub(crate) fn parse<T: DeserializeOwned>(reply: Reply) -> std::result::Result<T, Failure> {
    shape(&reply?)
}

/// Read a result's text as `T`.
pub(crate) fn shape<T: DeserializeOwned>(text: &RawValue) -> std::result::Result<T, Failure> {
    let misshapen = |error: serde_json::Error| {
        format!(
            "a result has another shape than its method gives: {}",
            words(&error.to_string())
        )
    };
    serde_json::from_str(text.get()).map_err(|error| Failure::Nonsense {
        why: misshapen(error),
    })
}

/// A node's no, told apart from a provider's wish for patience.
fn told_apart(failure: Failure) -> Failure {
    match failure {
        Failure::Said(error) if super::errors::asks_for_patience(error.code, &error.message) => {
            Failure::Throttled {
                wait_ms: None,
                why: error.words(),
            }
        }
        other => other,
    }
}

fn unanswered() -> Failure {
    Failure::Silent {
        why: "it was not asked".to_owned(),
    }
}
