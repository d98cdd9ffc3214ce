//! The listener of the subscriptions, which knows every event: what the chain has arrived under one
//! id, pending and final, redeliveries are the same bytes, nothing is out of order, unknown or
//! missing.

use super::Slow;
use super::chain::set_up_by_first;
use crate::stage::judge::{logs, same};
use crate::torture::load::Kind;
use crate::torture::receiver::Arrival;
use crate::torture::world::{PATIENCE, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An event as it arrived for the first time.
#[derive(Debug, Clone)]
struct Event {
    id: String,
    kind: String,
    subject: String,
    sequence: u64,
    data: Value,
}

/// What a subscription was told, each event once, in the order in which it came. An error if what
/// it was told contradicts itself.
fn told(arrivals: &[Arrival]) -> Result<Vec<Event>, String> {
    let (mut bodies, mut seen, mut events) =
        (BTreeMap::new(), BTreeSet::new(), Vec::<Event>::new());
    for arrival in arrivals {
        if bodies
            .insert(&arrival.name, &arrival.body)
            .is_some_and(|before| before != &arrival.body)
        {
            return Err(format!(
                "the delivery {} came again with other bytes",
                arrival.name
            ));
        }
        let body: Value =
            serde_json::from_slice(&arrival.body).map_err(|error| error.to_string())?;
        for event in body["events"].as_array().into_iter().flatten() {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            if !seen.insert((text("id"), text("type"), text("cursor"))) {
                continue;
            }
            let sequence = event["sequence"]
                .as_u64()
                .ok_or_else(|| format!("{event} has no sequence"))?;
            if events.last().is_some_and(|last| last.sequence >= sequence) {
                return Err(format!(
                    "out of order: {event} came behind {:?}",
                    events.last()
                ));
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

/// Pending, then perhaps reverted and pending again, then final once and nothing more.
fn is_a_life(events: &[Event]) -> bool {
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
        .all(|(place, kind)| *kind == ["pending", "reverted"][place % 2]);
    alternate && (last.is_none() || before.len() % 2 == 1)
}

/// What was told so far makes sense.
pub(super) fn nothing_false(world: &mut World) -> Result<(), String> {
    let (chain, ends) = (
        world.listener.arrivals("/chain"),
        world.listener.arrivals("/ends"),
    );
    for (id, events) in by_id(told(&chain)?) {
        if !is_a_life(&events) {
            let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
            return Err(format!("the event {id} went through {kinds:?}"));
        }
    }
    let mut ended = BTreeSet::new();
    for event in told(&ends)? {
        if !ended.insert(event.subject.clone()) {
            return Err(format!(
                "TWICE: the end of {} was told as two events",
                event.subject
            ));
        }
    }
    let deliveries = |arrivals: &[Arrival]| {
        arrivals
            .iter()
            .map(|one| one.name.clone())
            .collect::<BTreeSet<_>>()
            .len()
    };
    let (all, apart) = (
        chain.len() + ends.len(),
        deliveries(&chain) + deliveries(&ends),
    );
    world.figures.redeliveries = (all - apart) as u64;
    Ok(())
}

/// Every log of the chain was told to its end, and nothing else; so was the end of every submission
/// and run.
pub(super) fn nothing_lost(world: &mut World) -> Result<(), String> {
    let limit_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let mut missing = Err("nothing was told".to_owned());
    let mut slow = Slow::begin();
    testkit::wait_until(limit_ms, || {
        missing = chain_was_told(world)
            .and_then(|events| ends_were_told(world).map(|ends| events + ends));
        if let Err(why) = &missing {
            slow.tell(|| why.clone());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        missing.is_ok()
    });
    world.figures.events = missing?;
    Ok(())
}

fn taken(world: &World, path: &str) -> Vec<Arrival> {
    world
        .listener
        .arrivals(path)
        .into_iter()
        .filter(|arrival| arrival.was_taken)
        .collect()
}

fn chain_was_told(world: &World) -> Result<u64, String> {
    let events = told(&taken(world, "/chain"))?;
    let count = events.len() as u64;
    let lives = by_id(events);
    let logs = world.miner.paused(|node| logs(node, &world.town.token));
    same(
        "ids of events against logs of the chain",
        lives.len(),
        logs.len(),
    )?;
    let mut by_transaction: BTreeMap<&str, Vec<&Vec<Event>>> = BTreeMap::new();
    for life in lives.values() {
        by_transaction
            .entry(life[0].data["transaction"].as_str().unwrap_or_default())
            .or_default()
            .push(life);
    }
    for (transaction, block) in logs {
        let found = by_transaction
            .get(transaction.as_str())
            .map_or(&[][..], Vec::as_slice);
        let [life] = found else {
            return Err(format!("{transaction} has {} ids of events", found.len()));
        };
        let last = life.last().filter(|event| event.kind == "event.final");
        let last =
            last.ok_or_else(|| format!("LOST: {transaction} was not told as final: {life:?}"))?;
        same(
            &format!("the block of {transaction}"),
            last.data["blockHash"].as_str(),
            Some(block.as_str()),
        )?;
    }
    Ok(count)
}

fn ends_were_told(world: &World) -> Result<u64, String> {
    let events = told(&taken(world, "/ends"))?;
    let ended: BTreeSet<&str> = events.iter().map(|event| event.subject.as_str()).collect();
    if let Some(order) = world
        .orders
        .iter()
        .find(|order| !ended.contains(order.id.as_str()))
    {
        return Err(format!(
            "LOST: the end of {} ({}) was not told",
            order.key, order.id
        ));
    }
    let runs = world
        .orders
        .iter()
        .filter(|order| order.kind == Kind::Run)
        .count();
    let submissions = world.orders.len() + usize::try_from(set_up_by_first(world)).unwrap_or(0);
    same("ends that were told", ended.len(), submissions + runs)?;
    Ok(events.len() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    fn delivery(name: &str, events: &[(&str, &str, u64)]) -> Arrival {
        let event = |(id, kind, sequence): &(&str, &str, u64)| json!({ "id": id, "type": kind, "cursor": format!("c/{sequence}"), "sequence": sequence, "subject": id });
        let body = json!({ "events": events.iter().map(event).collect::<Vec<_>>() })
            .to_string()
            .into_bytes();
        Arrival {
            at: Instant::now(),
            target: "/chain".to_owned(),
            name: name.to_owned(),
            body,
            was_taken: true,
        }
    }

    fn lives(kinds: &[&str]) -> bool {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("event.{kind}")).collect();
        let numbered: Vec<(&str, &str, u64)> = (1..)
            .zip(&kinds)
            .map(|(n, kind)| ("e", kind.as_str(), n))
            .collect();
        is_a_life(&told(&[delivery("d", &numbered)]).unwrap())
    }

    #[test]
    fn a_life_has_one_shape() {
        assert!(
            lives(&["pending"]) && lives(&["pending", "final"]) && lives(&["pending", "reverted"])
        );
        assert!(lives(&["pending", "reverted", "pending", "final"]));
        assert!(
            !lives(&["final"])
                && !lives(&["pending", "pending"])
                && !lives(&["pending", "final", "final"])
        );
        assert!(
            !lives(&["pending", "reverted", "final"]) && !lives(&["pending", "final", "reverted"])
        );
    }

    #[test]
    fn repeats_count_once_and_must_be_the_same() {
        let (one, two) = (
            delivery("d1", &[("a", "event.pending", 1)]),
            delivery("d2", &[("b", "event.pending", 2)]),
        );
        assert_eq!(
            told(&[one.clone(), two.clone(), one.clone()])
                .unwrap()
                .len(),
            2
        );
        assert!(
            told(&[two.clone(), one.clone()])
                .unwrap_err()
                .contains("out of order")
        );
        let other = Arrival {
            name: "d1".to_owned(),
            ..two
        };
        assert!(told(&[one, other]).unwrap_err().contains("other bytes"));
    }
}
