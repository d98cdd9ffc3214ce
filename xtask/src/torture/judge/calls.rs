//! The receiver of the task's calls, which counts them by their Idempotency-Key. What is promised
//! is that a call is made, again only where nobody knows whether it was, and always under the same
//! key: so its effect happens once with a receiver that honours the key.

use crate::stage::judge::same;
use crate::torture::load::Kind;
use crate::torture::receiver::Arrival;
use crate::torture::world::{Break, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A call that was broken off at the very edge of a fault.
const EDGE: Duration = Duration::from_millis(500);

fn by_key(world: &World) -> BTreeMap<String, Vec<Arrival>> {
    let mut calls: BTreeMap<String, Vec<Arrival>> = BTreeMap::new();
    for call in world.counter.arrivals("/pay") {
        calls.entry(call.name.clone()).or_default().push(call);
    }
    calls
}

/// The key of the call that a run makes.
fn key(run: &str) -> String {
    format!("{run}/call/0")
}

/// Each key belongs to a run that was ordered; repeats have the same bytes, and each has a reason.
pub(super) fn nothing_twice(world: &mut World) -> Result<(), String> {
    let runs: BTreeMap<String, _> = world
        .orders
        .iter()
        .filter(|order| order.kind == Kind::Run)
        .map(|order| (key(&order.id), order))
        .collect();
    let calls = by_key(world);
    for (key, calls) in &calls {
        let order = runs
            .get(key)
            .ok_or_else(|| format!("nobody ordered the call {key}"))?;
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap_or_default();
        same(
            &format!("the order of the call {key}"),
            body["order"].as_str(),
            Some(order.key.as_str()),
        )?;
        for pair in calls.windows(2) {
            same(
                &format!("bytes of the call {key}"),
                &pair[1].body,
                &pair[0].body,
            )?;
            if !may_repeat(&world.breaks, &pair[0], &pair[1]) {
                return Err(format!(
                    "TWICE: the call {key} was answered and not interrupted, and came again"
                ));
            }
        }
    }
    world.figures.calls = calls.len() as u64;
    world.figures.repeated_calls = calls.values().map(|calls| calls.len() as u64 - 1).sum();
    Ok(())
}

/// Whether the caller may not have heard the answer: there was none, or some process broke off
/// between the two calls.
fn may_repeat(breaks: &[Break], first: &Arrival, second: &Arrival) -> bool {
    let between = |&(from, to): &Break| first.at <= to + EDGE && second.at + EDGE >= from;
    !first.was_taken || breaks.iter().any(between)
}

/// Every run called, and was told that it is done.
pub(super) fn nothing_lost(world: &World) -> Result<(), String> {
    let calls = by_key(world);
    for order in world.orders.iter().filter(|order| order.kind == Kind::Run) {
        let taken = calls
            .get(&key(&order.id))
            .is_some_and(|calls| calls.iter().any(|call| call.was_taken));
        same(&format!("whether {} called", order.key), taken, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_repeat_needs_a_reason() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let call = |seconds, was_taken| Arrival {
            at: at(seconds),
            target: "/pay".to_owned(),
            name: "run/call/0".to_owned(),
            body: Vec::new(),
            was_taken,
        };
        assert!(
            may_repeat(&[], &call(1, false), &call(2, true)),
            "it had no answer"
        );
        assert!(!may_repeat(&[], &call(1, true), &call(2, true)));
        assert!(
            may_repeat(&[(at(2), at(3))], &call(1, true), &call(9, true)),
            "somebody broke off in between"
        );
        assert!(!may_repeat(
            &[(at(2), at(3))],
            &call(4, true),
            &call(9, true)
        ));
        assert!(!may_repeat(
            &[(at(7), at(8))],
            &call(4, true),
            &call(6, true)
        ));
    }
}
