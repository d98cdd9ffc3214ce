//! The evaluator process. It serves requests until its parent is gone, and exits when an expression
//! exceeds its limits.

use super::frame::{self, GREETING, OUT_OF_MEMORY, OUT_OF_TIME, Reply, RequestHead};
use crate::expression::{Expression, Limits, evaluate};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often the watchdog checks the limits.
const TICK: Duration = Duration::from_millis(2);
/// The evaluator normally stops itself at the time limit; after this extra time the process is
/// ended.
const GRACE: Duration = Duration::from_millis(500);
/// Parsed expressions kept in the cache.
const CACHE_SIZE: usize = 1_000;
/// Page size assumed for `/proc/self/statm`: the smallest on Linux.
const PAGE_BYTES: u64 = 4_096;

/// Runs this process as an evaluator for its parent, until the parent closes the pipe.
pub fn evaluate_expressions() -> std::io::Result<()> {
    let (requests, replies) = (std::io::stdin().lock(), std::io::stdout().lock());
    serve(requests, replies)
}

fn serve(mut requests: impl Read, mut replies: impl Write) -> std::io::Result<()> {
    let (watchdog, mut cache) = (Watchdog::start(), HashMap::new());
    writeln!(replies, "{GREETING}")?;
    replies.flush()?;
    while let Some(request) = frame::read(&mut requests)? {
        let context = frame::read(&mut requests)?.unwrap_or_default();
        let request: RequestHead = serde_json::from_slice(&request)?;
        answer(
            &request,
            &String::from_utf8_lossy(&context),
            &mut cache,
            &watchdog,
            &mut replies,
        )?;
    }
    Ok(())
}

/// Evaluates the expressions in order, with one reply each, and stops at the first failure.
fn answer(
    request: &RequestHead,
    context: &str,
    cache: &mut HashMap<String, Expression>,
    watchdog: &Watchdog,
    replies: &mut impl Write,
) -> std::io::Result<()> {
    let mut parsed_context = None;
    for source in &request.sources {
        watchdog.begin(&request.limits);
        let reply = catch_panic(|| {
            let context = get_or_try_init(&mut parsed_context, || evaluate::context(context))?;
            evaluate::evaluate(
                compile_cached(cache, source)?,
                context,
                request.now,
                &request.limits,
            )
        });
        let (failed, reply) = (reply.is_err(), serde_json::to_vec(&Reply::from(reply))?);
        watchdog.end();
        frame::write(replies, &reply)?;
        replies.flush()?;
        if failed {
            break;
        }
    }
    Ok(())
}

/// Converts a panic of the evaluator to a failure of the expression.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("the evaluation panicked".to_owned()))
}

fn get_or_try_init<T>(
    slot: &mut Option<T>,
    make: impl FnOnce() -> Result<T, String>,
) -> Result<&T, String> {
    if slot.is_none() {
        *slot = Some(make()?);
    }
    slot.as_ref().ok_or_else(String::new)
}

fn compile_cached<'k>(
    cache: &'k mut HashMap<String, Expression>,
    source: &str,
) -> Result<&'k Expression, String> {
    if cache.len() > CACHE_SIZE {
        cache.clear();
    }
    if !cache.contains_key(source) {
        cache.insert(source.to_owned(), Expression::compile(source)?);
    }
    cache.get(source).ok_or_else(String::new)
}

/// The remaining watchdog ticks and the memory limit of the current evaluation. Ticks are counted
/// instead of wall time, so that a suspended process does not use up its limit.
type Current = Option<(u128, u64)>;

/// Watches the limits of this process while it evaluates.
struct Watchdog(Arc<(Mutex<Current>, Condvar)>);

impl Watchdog {
    fn start() -> Self {
        let shared = Arc::new((Mutex::new(None), Condvar::new()));
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || watchdog(&watched));
        Self(shared)
    }

    fn begin(&self, limits: &Limits) {
        let time = Duration::from_millis(limits.time_ms) + GRACE;
        self.set(Some((
            time.as_millis() / TICK.as_millis(),
            limits.memory_mb << 20,
        )));
    }

    fn end(&self) {
        self.set(None);
    }

    fn set(&self, current: Current) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = current;
        self.0.1.notify_all();
    }
}

fn watchdog((current, changed): &(Mutex<Current>, Condvar)) {
    let mut state = current.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        state = match &mut *state {
            None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some((0, _)) => std::process::exit(OUT_OF_TIME),
            Some((_, bytes)) if resident_bytes() > *bytes => std::process::exit(OUT_OF_MEMORY),
            Some((ticks, _)) => {
                *ticks -= 1;
                changed
                    .wait_timeout(state, TICK)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
    }
}

/// Resident memory in bytes; 0 on systems other than Linux.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * PAGE_BYTES
}
