//! The process that evaluates: it answers until its parent is gone, and ends itself when an
//! expression takes too much.

use super::frame::{self, GREETING, Head, Reply};
use crate::expression::{Expression, Limits, evaluate};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How it ends when an expression took too long, or too much.
pub(super) const OUT_OF_TIME: i32 = 41;
pub(super) const OUT_OF_MEMORY: i32 = 42;
/// How often it looks at itself while it evaluates.
const LOOK: Duration = Duration::from_millis(2);
/// The evaluator stops itself in time where it can; this much later it is stopped where it cannot.
const GRACE: Duration = Duration::from_millis(500);
/// Parsed expressions that are kept.
const KEPT: usize = 1_000;
/// What a page of memory holds, where nothing says so: the least that Linux has.
const PAGE: u64 = 4_096;

/// Be the process that evaluates expressions for the one that started it, until that one is gone.
pub fn evaluate_expressions() -> std::io::Result<()> {
    let (requests, replies) = (std::io::stdin().lock(), std::io::stdout().lock());
    serve(requests, replies)
}

fn serve(mut requests: impl Read, mut replies: impl Write) -> std::io::Result<()> {
    let (watch, mut kept) = (Watch::start(), HashMap::new());
    writeln!(replies, "{GREETING}")?;
    replies.flush()?;
    while let Some(head) = frame::read(&mut requests)? {
        let context = frame::read(&mut requests)?.unwrap_or_default();
        let head: Head = serde_json::from_slice(&head)?;
        answer(
            &head,
            &String::from_utf8_lossy(&context),
            &mut kept,
            &watch,
            &mut replies,
        )?;
    }
    Ok(())
}

/// Evaluate one expression after the other, each answered by itself, until one fails.
fn answer(
    head: &Head,
    context: &str,
    kept: &mut HashMap<String, Expression>,
    watch: &Watch,
    replies: &mut impl Write,
) -> std::io::Result<()> {
    let mut seen = None;
    for source in &head.sources {
        watch.begin(&head.limits);
        let reply = guarded(|| {
            let context = known(&mut seen, || evaluate::context(context))?;
            evaluate::evaluate(compiled(kept, source)?, context, head.now, &head.limits)
        });
        let (failed, reply) = (reply.is_err(), serde_json::to_vec(&Reply::from(reply))?);
        watch.end();
        frame::write(replies, &reply)?;
        replies.flush()?;
        if failed {
            break;
        }
    }
    Ok(())
}

/// A mistake in the evaluator is one of the expression.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("its evaluation broke off".to_owned()))
}

fn known<T>(slot: &mut Option<T>, make: impl FnOnce() -> Result<T, String>) -> Result<&T, String> {
    if slot.is_none() {
        *slot = Some(make()?);
    }
    slot.as_ref().ok_or_else(String::new)
}

fn compiled<'k>(
    kept: &'k mut HashMap<String, Expression>,
    source: &str,
) -> Result<&'k Expression, String> {
    if kept.len() > KEPT {
        kept.clear();
    }
    if !kept.contains_key(source) {
        kept.insert(source.to_owned(), Expression::compile(source)?);
    }
    kept.get(source).ok_or_else(String::new)
}

/// What is under way: how many looks it may still last, and how much memory it may take. Looks, not
/// the time of a clock: a process that was made to stand still did nothing meanwhile.
type UnderWay = Option<(u128, u64)>;

/// Looks at this process while it evaluates.
struct Watch(Arc<(Mutex<UnderWay>, Condvar)>);

impl Watch {
    fn start() -> Self {
        let shared = Arc::new((Mutex::new(None), Condvar::new()));
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || watch(&watched));
        Self(shared)
    }

    fn begin(&self, limits: &Limits) {
        let time = Duration::from_millis(limits.time_ms) + GRACE;
        self.set(Some((
            time.as_millis() / LOOK.as_millis(),
            limits.memory_mb << 20,
        )));
    }

    fn end(&self) {
        self.set(None);
    }

    fn set(&self, under_way: UnderWay) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = under_way;
        self.0.1.notify_all();
    }
}

fn watch((under_way, changed): &(Mutex<UnderWay>, Condvar)) {
    let mut held = under_way.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        held = match &mut *held {
            None => changed.wait(held).unwrap_or_else(PoisonError::into_inner),
            Some((0, _)) => std::process::exit(OUT_OF_TIME),
            Some((_, bytes)) if resident() > *bytes => std::process::exit(OUT_OF_MEMORY),
            Some((looks, _)) => {
                *looks -= 1;
                changed
                    .wait_timeout(held, LOOK)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
    }
}

/// Bytes of memory that this process takes; nothing is known of it but on Linux.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * PAGE
}
