//! Polling, for conditions in other processes.

use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Poll until `probe` returns true, at most `limit_ms`; returns whether it did. Only for other
/// processes: code under test is stepped instead.
pub fn wait_until(limit_ms: u64, mut probe: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        if probe() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
