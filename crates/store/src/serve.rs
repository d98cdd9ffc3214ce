//! The threads that serve a database. Each has its own connection and runs one group or one read at
//! a time.

use crate::dispatch::Dispatch;
use crate::engine::Connection;
use crate::group::{self, GroupContext, Queued};
use crate::hash_chain::HeadCache;
use crate::reader::{self, Reads};
use crate::{Error, LeaseClock, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::watch;
use types::{Clock, Entropy};

pub(crate) struct Writer {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) queue: Arc<Dispatch>,
    pub(crate) heads: Arc<HeadCache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Notified of every commit of facts.
    pub(crate) notify: Arc<watch::Sender<u64>>,
    pub(crate) lease_clock: LeaseClock,
}

impl Writer {
    /// Serve until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some((key, group)) = self.queue.take() {
            let mut facts = true; // after a panic the outcome is unknown, so notify anyway
            if !catch_panic(|| facts = self.serve(group)) {
                self.connection.rollback();
            }
            self.queue.done(key);
            if facts {
                self.notify.send_modify(|count| *count += 1);
            }
        }
    }

    fn serve(&mut self, group: Vec<Queued>) -> bool {
        let mut context = GroupContext {
            connection: self.connection.as_mut(),
            heads: &self.heads,
            clock: &self.clock,
            entropy: &self.entropy,
            lease_clock: self.lease_clock,
        };
        group::run(&mut context, group)
    }
}

pub(crate) struct Reader {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) queue: Arc<Reads>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Reader {
    /// Serve until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(job) = self.queue.take() {
            if !catch_panic(|| {
                reader::run(self.connection.as_mut(), &self.clock, &self.entropy, job)
            }) {
                self.connection.rollback();
            }
        }
    }
}

/// Run `work` and return whether it ended without a panic. Closures are guarded one by one; this
/// guards their destructors, so that no panic ends a thread and blocks its queue. A caller without
/// a result gets [`Error::Closed`].
fn catch_panic(work: impl FnOnce()) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if let Err(panic) = &outcome {
        tracing::error!(
            event = "store.thread_panicked",
            reason = group::panic_message(&**panic),
            "a panic outside of a transaction"
        );
    }
    outcome.is_ok()
}

/// Start a named thread.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::Database {
            why: format!("cannot start a thread: {error}"),
        })
}
