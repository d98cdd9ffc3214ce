//! Checks the events that subscriptions delivered: every log of the chain arrives as pending and
//! final with one id, redeliveries have the same bytes, and no event is out of order, unknown or
//! missing.

use super::SlowWait;
use super::chain::setup_transactions;
use crate::harness::judge::{expect_eq, logs};
use crate::torture::load::Kind;
use crate::torture::receiver::Arrival;
use crate::torture::world::{TIMEOUT_MS, World};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An event as first received.
#[derive(Debug, Clone)]
struct Event {
    id: String,
    kind: String,
    subject: String,
    sequence: u64,
    data: Value,
}

/// The distinct events of a subscription in the order received. Fails if the deliveries contradict
/// each other.
fn distinct_events(arrivals: &[Arrival]) -> Result<Vec<Event>> {
    let (mut bodies, mut seen, mut events) =
        (BTreeMap::new(), BTreeSet::new(), Vec::<Event>::new());
    for arrival in arrivals {
        if bodies
            .insert(&arrival.key, &arrival.body)
            .is_some_and(|before| before != &arrival.body)
        {
            bail!(
                "the delivery {} was repeated with different bytes",
                arrival.key
            );
        }
        let body: Value = serde_json::from_slice(&arrival.body)?;
        for event in body["events"].as_array().into_iter().flatten() {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            if !seen.insert((text("id"), text("type"), text("cursor"))) {
                continue;
            }
            let sequence = event["sequence"]
                .as_u64()
                .with_context(|| format!("{event} has no sequence"))?;
            if events.last().is_some_and(|last| last.sequence >= sequence) {
                bail!("out of order: {event} arrived after {:?}", events.last());
            }
            let (id, kind, subject) = (text("id"), text("type"), text("subject"));
            events.push(Event {
                id,
                kind,
                subject,
                sequence,
                data: event["data"].clone(),
            });
        }
    }
    Ok(events)
}

/// The events of each id, in order.
fn by_id(events: Vec<Event>) -> BTreeMap<String, Vec<Event>> {
    let mut by_id: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events {
        by_id.entry(event.id.clone()).or_default().push(event);
    }
    by_id
}

/// Whether the states are pending, then any number of reverted and pending, then at most one final.
fn is_valid_sequence(events: &[Event]) -> bool {
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event.kind.trim_start_matches("event."))
        .collect();
    let (last, before) = match kinds.split_last() {
        Some((&"final", before)) => (Some("final"), before),
        _ => (None, kinds.as_slice()),
    };
    let alternate = before
        .iter()
        .enumerate()
        .all(|(index, kind)| *kind == ["pending", "reverted"][index % 2]);
    alternate && (last.is_none() || before.len() % 2 == 1)
}

/// The events received so far are consistent.
pub(super) fn nothing_false(world: &mut World) -> Result<()> {
    let (chain, completions) = (
        world.webhook_receiver.arrivals("/chain"),
        world.webhook_receiver.arrivals("/ends"),
    );
    for (id, events) in by_id(distinct_events(&chain)?) {
        if !is_valid_sequence(&events) {
            let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
            bail!("the event {id} has the invalid sequence {kinds:?}");
        }
    }
    let mut ended = BTreeSet::new();
    for event in distinct_events(&completions)? {
        ensure!(
            ended.insert(event.subject.clone()),
            "TWICE: the completion of {} arrived as two events",
            event.subject
        );
    }
    let deliveries = |arrivals: &[Arrival]| {
        arrivals
            .iter()
            .map(|arrival| arrival.key.clone())
            .collect::<BTreeSet<_>>()
            .len()
    };
    let (total, distinct) = (
        chain.len() + completions.len(),
        deliveries(&chain) + deliveries(&completions),
    );
    world.counts.redeliveries = (total - distinct) as u64;
    Ok(())
}

/// Every log of the chain arrived up to its final state, as did the completion of every submission
/// and run, and nothing else.
pub(super) fn nothing_lost(world: &mut World) -> Result<()> {
    let mut missing = Err(anyhow!("no event was received"));
    let mut slow = SlowWait::start();
    testkit::wait_until(TIMEOUT_MS, || {
        missing = check_chain_events(world)
            .and_then(|events| check_completions(world).map(|completions| events + completions));
        if let Err(reason) = &missing {
            slow.print_once(|| format!("{reason:#}"));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        missing.is_ok()
    });
    world.counts.events = missing?;
    Ok(())
}

fn accepted(world: &World, path: &str) -> Vec<Arrival> {
    world
        .webhook_receiver
        .arrivals(path)
        .into_iter()
        .filter(|arrival| arrival.was_accepted)
        .collect()
}

fn check_chain_events(world: &World) -> Result<u64> {
    let events = distinct_events(&accepted(world, "/chain"))?;
    let count = events.len() as u64;
    let sequences = by_id(events);
    let logs = world.miner.paused(|node| logs(node, &world.target.token));
    expect_eq(
        "ids of events against logs of the chain",
        sequences.len(),
        logs.len(),
    )?;
    let mut by_transaction: BTreeMap<&str, Vec<&Vec<Event>>> = BTreeMap::new();
    for sequence in sequences.values() {
        by_transaction
            .entry(sequence[0].data["transaction"].as_str().unwrap_or_default())
            .or_default()
            .push(sequence);
    }
    for (transaction, block) in logs {
        let matching = by_transaction
            .get(transaction.as_str())
            .map_or(&[][..], Vec::as_slice);
        let [sequence] = matching else {
            bail!("{transaction} has {} ids of events", matching.len());
        };
        let last = sequence.last().filter(|event| event.kind == "event.final");
        let last =
            last.with_context(|| format!("LOST: no final event of {transaction}: {sequence:?}"))?;
        expect_eq(
            &format!("the block of {transaction}"),
            last.data["blockHash"].as_str(),
            Some(block.as_str()),
        )?;
    }
    Ok(count)
}

fn check_completions(world: &World) -> Result<u64> {
    let events = distinct_events(&accepted(world, "/ends"))?;
    let ended: BTreeSet<&str> = events.iter().map(|event| event.subject.as_str()).collect();
    if let Some(order) = world
        .orders
        .iter()
        .find(|order| !ended.contains(order.id.as_str()))
    {
        bail!(
            "LOST: the completion of {} ({}) was not received",
            order.key,
            order.id
        );
    }
    let runs = world
        .orders
        .iter()
        .filter(|order| order.kind == Kind::Run)
        .count();
    let submissions = world.orders.len() + usize::try_from(setup_transactions(world)).unwrap_or(0);
    expect_eq("completions received", ended.len(), submissions + runs)?;
    Ok(events.len() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    fn delivery(key: &str, events: &[(&str, &str, u64)]) -> Arrival {
        let event = |(id, kind, sequence): &(&str, &str, u64)| json!({ "id": id, "type": kind, "cursor": format!("c/{sequence}"), "sequence": sequence, "subject": id });
        let body = json!({ "events": events.iter().map(event).collect::<Vec<_>>() })
            .to_string()
            .into_bytes();
        Arrival {
            at: Instant::now(),
            target: "/chain".to_owned(),
            key: key.to_owned(),
            body,
            was_accepted: true,
        }
    }

    fn sequences(kinds: &[&str]) -> bool {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("event.{kind}")).collect();
        let numbered: Vec<(&str, &str, u64)> = (1..)
            .zip(&kinds)
            .map(|(n, kind)| ("e", kind.as_str(), n))
            .collect();
        is_valid_sequence(&distinct_events(&[delivery("d", &numbered)]).unwrap())
    }

    #[test]
    fn event_sequences_are_validated() {
        assert!(
            sequences(&["pending"])
                && sequences(&["pending", "final"])
                && sequences(&["pending", "reverted"])
        );
        assert!(sequences(&["pending", "reverted", "pending", "final"]));
        assert!(
            !sequences(&["final"])
                && !sequences(&["pending", "pending"])
                && !sequences(&["pending", "final", "final"])
        );
        assert!(
            !sequences(&["pending", "reverted", "final"])
                && !sequences(&["pending", "final", "reverted"])
        );
    }

    #[test]
    fn repetitions_count_once_and_must_be_identical() {
        let (first, second) = (
            delivery("d1", &[("a", "event.pending", 1)]),
            delivery("d2", &[("b", "event.pending", 2)]),
        );
        assert_eq!(
            distinct_events(&[first.clone(), second.clone(), first.clone()])
                .unwrap()
                .len(),
            2
        );
        assert!(
            distinct_events(&[second.clone(), first.clone()])
                .unwrap_err()
                .to_string()
                .contains("out of order")
        );
        let other = Arrival {
            key: "d1".to_owned(),
            ..second
        };
        assert!(
            distinct_events(&[first, other])
                .unwrap_err()
                .to_string()
                .contains("different bytes")
        );
    }
}
