//! Reads: each runs in one snapshot, on a thread and connection of its own.

use crate::engine::{Connection, Failure, Mode};
use crate::group::{Job, panic_message};
use crate::tx::Core;
use crate::{Error, Result};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};
use types::{Clock, Entropy};

/// Reads that wait for a free connection.
pub(crate) struct Reads {
    state: Mutex<(VecDeque<Box<dyn Job>>, bool)>,
    wake: Condvar,
    limit: usize,
}

impl Reads {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new((VecDeque::new(), false)),
            wake: Condvar::new(),
            limit,
        }
    }

    pub(crate) fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self
            .state
            .lock()
            .expect("no thread panics while it holds the reads");
        if state.1 {
            return Err(Error::Closed);
        }
        if state.0.len() >= self.limit {
            return Err(Error::Busy { limit: self.limit });
        }
        state.0.push_back(job);
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn take(&self) -> Option<Box<dyn Job>> {
        let mut state = self
            .state
            .lock()
            .expect("no thread panics while it holds the reads");
        loop {
            if let Some(job) = state.0.pop_front() {
                return Some(job);
            }
            if state.1 {
                return None;
            }
            state = self
                .wake
                .wait(state)
                .expect("no thread panics while it holds the reads");
        }
    }

    pub(crate) fn close(&self) {
        self.state
            .lock()
            .expect("no thread panics while it holds the reads")
            .1 = true;
        self.wake.notify_all();
    }
}

/// Run one read. It is retried once if the connection breaks or the snapshot conflicts.
pub(crate) fn run(
    connection: &mut dyn Connection,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    mut job: Box<dyn Job>,
) {
    let mut outcome = Ok(());
    for _ in 0..2 {
        let failure = read_once(connection, clock, entropy, job.as_mut());
        connection.rollback();
        outcome = match failure {
            Ok(()) => Ok(()),
            Err(Failure::Contended) => {
                outcome = Err(Error::Contended { attempts: 2 });
                continue;
            }
            Err(Failure::Disconnected(error)) => {
                outcome = Err(error);
                continue;
            }
            Err(Failure::Failed(error)) => Err(error),
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
        (Err(panic), _) => Err(Failure::Failed(Error::Assertion {
            what: panic_message(&*panic),
        })),
    }
}
