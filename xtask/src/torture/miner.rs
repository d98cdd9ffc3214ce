//! Mines blocks at a steady rate, except while the chain is being changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::anvil::Anvil;

/// Interval between two blocks.
const BLOCK_INTERVAL: Duration = Duration::from_millis(150);

/// A thread that mines until it is dropped.
pub(super) struct Miner {
    node: Arc<Anvil>,
    lock: Arc<Mutex<()>>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    pub(super) fn start(node: &Arc<Anvil>) -> Self {
        let (lock, is_stopped) = (
            Arc::<Mutex<()>>::default(),
            Arc::new(AtomicBool::new(false)),
        );
        let (miner_node, miner_lock, stop) =
            (Arc::clone(node), Arc::clone(&lock), Arc::clone(&is_stopped));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                {
                    let _guard = miner_lock.lock().unwrap_or_else(PoisonError::into_inner);
                    miner_node.mine(1);
                }
                std::thread::sleep(BLOCK_INTERVAL);
            }
        });
        Self {
            node: Arc::clone(node),
            lock,
            is_stopped,
            thread: Some(thread),
        }
    }

    /// Run a function while mining is paused.
    pub(super) fn paused<T>(&self, operation: impl FnOnce(&Anvil) -> T) -> T {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        operation(&self.node)
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
