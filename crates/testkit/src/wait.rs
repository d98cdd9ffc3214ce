//! Waiting for another process, where nothing but looking again is possible.

use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Look until `probe` holds, for at most `limit_ms`; whether it held. Only for what another process
/// does: what our own code does is waited for by stepping it.
pub fn wait_until(limit_ms: u64, mut probe: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        if probe() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
