//! Makes blocks at a steady pace, and none while somebody rearranges the chain.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::anvil::Anvil;

/// Between two blocks.
const PACE: Duration = Duration::from_millis(150);

/// A thread that mines until it is dropped.
pub(super) struct Miner {
    node: Arc<Anvil>,
    at_work: Arc<Mutex<()>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    pub(super) fn start(node: &Arc<Anvil>) -> Self {
        let (at_work, over) = (
            Arc::<Mutex<()>>::default(),
            Arc::new(AtomicBool::new(false)),
        );
        let (mine, pause, end) = (Arc::clone(node), Arc::clone(&at_work), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                {
                    let _nobody_else = pause.lock().unwrap_or_else(PoisonError::into_inner);
                    mine.mine(1);
                }
                std::thread::sleep(PACE);
            }
        });
        Self {
            node: Arc::clone(node),
            at_work,
            over,
            thread: Some(thread),
        }
    }

    /// Do something while no block is made.
    pub(super) fn paused<T>(&self, what: impl FnOnce(&Anvil) -> T) -> T {
        let _no_block = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        what(&self.node)
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
