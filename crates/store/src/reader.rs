//! Reads: each runs in one snapshot, on a thread and connection of its own.

use crate::engine::{Connection, Failure, Mode};
use crate::group::{Job, panic_message};
use crate::tx::Core;
use crate::{Error, Result};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard};
use types::{Clock, Entropy};

/// Reads that wait for a free connection.
pub(crate) struct Reads {
    state: Mutex<State>,
    wake: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Job>>,
    closed: bool,
}

impl Reads {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        state.expect("no thread panics while it holds the reads")
    }

    pub(crate) fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.waiting.len() >= self.limit {
            return Err(Error::Busy { limit: self.limit });
        }
        state.waiting.push_back(job);
        self.wake.notify_one();
        Ok(())
    }

    /// Wait for a read. None once the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<Box<dyn Job>> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.wake.wait_while(self.lock(), idle);
        let mut state = state.expect("no thread panics while it holds the reads");
        state.waiting.pop_front()
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }
}

/// How often a read is tried.
const ATTEMPTS: u32 = 2;

/// Run one read. It is retried once if the connection breaks or the snapshot conflicts.
pub(crate) fn run(
    connection: &mut dyn Connection,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    mut job: Box<dyn Job>,
) {
    let mut outcome = Ok(());
    for _ in 0..ATTEMPTS {
        let failure = read_once(connection, clock, entropy, job.as_mut());
        connection.rollback();
        outcome = match failure {
            Ok(()) => Ok(()),
            Err(Failure::Failed(error)) => Err(error),
            Err(Failure::Disconnected(error)) => {
                outcome = Err(error);
                continue;
            }
            Err(Failure::Contended) => {
                outcome = Err(Error::Contended { attempts: ATTEMPTS });
                continue;
            }
        };
        break;
    }
    job.finish(outcome);
}

fn read_once(
    connection: &mut dyn Connection,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    job: &mut dyn Job,
) -> std::result::Result<(), Failure> {
    connection.begin(Mode::Read)?;
    let now = clock.now();
    let mut core = Core::new(connection, now, entropy, false);
    let result = catch_unwind(AssertUnwindSafe(|| job.run(&mut core)));
    match (result, core.usage.failure.take()) {
        // The closure's result already reports a failed statement; only a broken connection or a
        // conflict is worth a retry.
        (_, Some(Failure::Disconnected(error))) => Err(Failure::Disconnected(error)),
        (_, Some(Failure::Contended)) => Err(Failure::Contended),
        (Ok(_), _) => Ok(()),
        (Err(panic), _) => Err(Failure::Failed(Error::AssertionFailed {
            what: panic_message(&*panic),
        })),
    }
}
