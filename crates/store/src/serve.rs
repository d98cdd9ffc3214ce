//! The threads that serve a database: each with a connection of its own, one group or one read
//! after the other.

use crate::chain::Heads;
use crate::dispatch::Dispatch;
use crate::engine::Connection;
use crate::group::{self, Queued, Turn};
use crate::reader::{self, Reads};
use crate::{Error, LeaseTime, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::watch;
use types::{Clock, Entropy};

/// Serves writes.
pub(crate) struct Writer {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) queue: Arc<Dispatch>,
    pub(crate) heads: Arc<Heads>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Told of every commit that left facts.
    pub(crate) notify: Arc<watch::Sender<u64>>,
    pub(crate) lease_time: LeaseTime,
}

impl Writer {
    /// Until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some((key, group)) = self.queue.take() {
            let mut facts = true; // should it panic, nobody knows: look again
            if !survived(|| facts = self.serve(group)) {
                self.connection.rollback();
            }
            self.queue.done(key);
            if facts {
                self.notify.send_modify(|count| *count += 1);
            }
        }
    }

    fn serve(&mut self, group: Vec<Queued>) -> bool {
        let mut turn = Turn {
            connection: self.connection.as_mut(),
            heads: &self.heads,
            clock: &self.clock,
            entropy: &self.entropy,
            lease_time: self.lease_time,
        };
        group::run(&mut turn, group)
    }
}

/// Serves reads.
pub(crate) struct Reader {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) queue: Arc<Reads>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Reader {
    /// Until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(job) = self.queue.take() {
            if !survived(|| reader::run(self.connection.as_mut(), &self.clock, &self.entropy, job))
            {
                self.connection.rollback();
            }
        }
    }
}

/// Whether it ended without a panic. Closures are guarded one by one; this guards what they drop,
/// so that no thread dies of it and leaves everybody waiting. Whoever had no answer yet hears
/// [`Error::Closed`].
fn survived(work: impl FnOnce()) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if let Err(panic) = &outcome {
        tracing::error!(
            what = group::words_of(&**panic),
            "a panic outside of a transaction"
        );
    }
    outcome.is_ok()
}

/// A thread of this name.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::Database {
            why: format!("no thread can be started: {error}"),
        })
}
