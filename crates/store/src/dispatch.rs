//! The write queues: one per partition, so that no two transactions of a partition run at the same
//! time, served in turn by a few threads.

use crate::group::Queued;
use crate::{Error, Result};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// How many closures commit together at most.
const MAX_GROUP: usize = 256;

/// Queues of closures. Up to `limit` closures of each partition may wait.
pub(crate) struct Dispatch {
    state: Mutex<State>,
    wake: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    queues: HashMap<Arc<str>, VecDeque<Queued>>,
    /// Keys with queued work that no thread serves now, oldest first.
    ready: VecDeque<Arc<str>>,
    served: HashSet<Arc<str>>,
    /// The number of waiting closures of each partition, whichever queue they are in.
    waiting: HashMap<Box<str>, usize>,
    closed: bool,
}

impl State {
    fn add_waiting(&mut self, queued: &Queued, limit: usize) -> Result<()> {
        let Some(partition) = &queued.partition else {
            return Ok(());
        };
        let count = self.waiting.entry(partition.name().into()).or_default();
        if *count >= limit {
            return Err(Error::Busy { limit });
        }
        *count += 1;
        Ok(())
    }

    fn remove_waiting(&mut self, queued: &Queued) {
        let Some(partition) = &queued.partition else {
            return;
        };
        if let Some(count) = self.waiting.get_mut(partition.name()) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(partition.name());
            }
        }
    }
}

impl Dispatch {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
            limit,
        }
    }

    /// Queue a closure under a key. Closures of one key run in order. A full partition rejects more
    /// closures without affecting other partitions. Lease maintenance is never rejected: otherwise
    /// a flood of writes would cost the owner its lease.
    pub(crate) fn push(&self, key: Arc<str>, queued: Queued) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        state.add_waiting(&queued, self.limit)?;
        let queue = state.queues.entry(key.clone()).or_default();
        let was_empty = queue.is_empty();
        queue.push_back(queued);
        if was_empty && !state.served.contains(&key) {
            state.ready.push_back(key);
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Wait for a group of closures of one key; none once closed and empty. The caller must call
    /// [`Dispatch::done`] afterwards.
    pub(crate) fn take(&self) -> Option<(Arc<str>, Vec<Queued>)> {
        let mut state = self.lock();
        loop {
            if let Some(key) = state.ready.pop_front() {
                let state = &mut *state;
                let queue = state.queues.get_mut(&key).expect("a ready key has a queue");
                let group: Vec<Queued> = queue.drain(..queue.len().min(MAX_GROUP)).collect();
                group.iter().for_each(|queued| state.remove_waiting(queued));
                state.served.insert(key.clone());
                return Some((key, group));
            }
            if state.closed {
                return None;
            }
            state = self
                .wake
                .wait(state)
                .expect("no thread panics while it holds the queues");
        }
    }

    /// Mark the group of this key as finished.
    pub(crate) fn done(&self, key: Arc<str>) {
        let mut state = self.lock();
        state.served.remove(&key);
        if state
            .queues
            .get(&key)
            .is_some_and(|queue| !queue.is_empty())
        {
            state.ready.push_back(key);
            self.wake.notify_one();
        } else {
            state.queues.remove(&key);
        }
    }

    /// Accept no more closures; the queued ones are still run.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds the queues")
    }
}
