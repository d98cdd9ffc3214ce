//! Checks the calls of task steps by their Idempotency-Key. The guarantee: a call is repeated only
//! if its outcome is unknown, and always with the same key, so a receiver that honors the key
//! applies its effect once.

use crate::harness::judge::expect_eq;
use crate::torture::load::Kind;
use crate::torture::receiver::Arrival;
use crate::torture::world::{Interruption, World};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Tolerance for calls interrupted at the edge of a fault.
const EDGE: Duration = Duration::from_millis(500);

fn by_key(world: &World) -> BTreeMap<String, Vec<Arrival>> {
    let mut calls: BTreeMap<String, Vec<Arrival>> = BTreeMap::new();
    for call in world.http_receiver.arrivals("/pay") {
        calls.entry(call.key.clone()).or_default().push(call);
    }
    calls
}

/// The key of the call of a run.
fn call_key(run: &str) -> String {
    format!("{run}/call/0")
}

/// Each key belongs to an ordered run; repetitions have the same bytes, and each is justified.
pub(super) fn nothing_twice(world: &mut World) -> Result<()> {
    let runs: BTreeMap<String, _> = world
        .orders
        .iter()
        .filter(|order| order.kind == Kind::Run)
        .map(|order| (call_key(&order.id), order))
        .collect();
    let calls = by_key(world);
    for (call_key, calls) in &calls {
        let order = runs
            .get(call_key)
            .with_context(|| format!("the call {call_key} was not ordered"))?;
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap_or_default();
        expect_eq(
            &format!("the order of the call {call_key}"),
            body["order"].as_str(),
            Some(order.key.as_str()),
        )?;
        for pair in calls.windows(2) {
            expect_eq(
                &format!("bytes of the call {call_key}"),
                &pair[1].body,
                &pair[0].body,
            )?;
            if !may_repeat(&world.interruptions, &pair[0], &pair[1]) {
                bail!(
                    "TWICE: the call {call_key} was answered and not interrupted, but was repeated"
                );
            }
        }
    }
    world.counts.calls = calls.len() as u64;
    world.counts.repeated_calls = calls.values().map(|calls| calls.len() as u64 - 1).sum();
    Ok(())
}

/// Whether the caller may have missed the response: there was none, or a process was interrupted
/// between the two calls.
fn may_repeat(interruptions: &[Interruption], first: &Arrival, second: &Arrival) -> bool {
    let between = |&(from, to): &Interruption| first.at <= to + EDGE && second.at + EDGE >= from;
    !first.was_accepted || interruptions.iter().any(between)
}

/// Every run made its call and got a success.
pub(super) fn nothing_lost(world: &World) -> Result<()> {
    let calls = by_key(world);
    for order in world.orders.iter().filter(|order| order.kind == Kind::Run) {
        let is_accepted = calls
            .get(&call_key(&order.id))
            .is_some_and(|calls| calls.iter().any(|call| call.was_accepted));
        expect_eq(&format!("whether {} called", order.key), is_accepted, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_repetition_must_be_justified() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let call = |seconds, was_accepted| Arrival {
            at: at(seconds),
            target: "/pay".to_owned(),
            key: "run/call/0".to_owned(),
            body: Vec::new(),
            was_accepted,
        };
        assert!(
            may_repeat(&[], &call(1, false), &call(2, true)),
            "no response"
        );
        assert!(!may_repeat(&[], &call(1, true), &call(2, true)));
        assert!(
            may_repeat(&[(at(2), at(3))], &call(1, true), &call(9, true)),
            "interrupted in between"
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
