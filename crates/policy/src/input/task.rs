//! The input of a policy that a task asks, with nothing to sign.

use super::{Chain, Fee, Initiator, Input, InputAct, InputIntent, InputTime, contracts, family};
use crate::TaskRef;
use intent::Effects;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, Digest, Principal, Time};

/// The members that a task cannot set: it must not forge identity or time.
const RESERVED: [&str; 4] = ["namespace", "initiator", "task", "time"];

/// A task set a member of the input that only Florin sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input.{name} is set by Florin")]
pub struct ReservedMember {
    pub name: String,
}

/// The input of a policy that a step of a task asks: the standard input with an empty message to
/// sign, no effects and no fees, in which the task sets the members of `overrides`.
pub fn task_input(
    initiator: &Principal,
    chain: &ChainId,
    task: &TaskRef,
    at: Time,
    overrides: &Map<String, Value>,
) -> Result<Value, ReservedMember> {
    if let Some(name) = overrides
        .keys()
        .find(|name| RESERVED.contains(&name.as_str()))
    {
        return Err(ReservedMember { name: name.clone() });
    }
    let input = Input {
        purpose: "act",
        supersedes: None,
        namespace: &initiator.namespace,
        initiator: Initiator::of(initiator),
        wallet: None,
        key: None,
        signer: "",
        chain: Chain {
            id: chain,
            family: family(chain),
        },
        intent: InputIntent {
            hash: Digest::of(b""),
            act: InputAct::Message {
                message: "0x".to_owned(),
                text: Some(""),
            },
        },
        effects: contracts::effects(&Effects::none(), chain, &BTreeMap::new()),
        contracts: BTreeMap::new(),
        interface: None,
        fee: Fee::default(),
        time: InputTime::of(at),
        task: Some(task),
        assets: BTreeSet::new(),
        labels: &BTreeMap::new(),
        approvals: &[],
    };
    let mut input = serde_json::to_value(input).expect("plain data with text keys is JSON");
    for (name, value) in overrides {
        input[name.as_str()] = value.clone();
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use types::{Namespace, RunId};

    fn task() -> TaskRef {
        TaskRef {
            name: "pay".to_owned(),
            version: "2026.01.31".to_owned(),
            run: RunId::new(Time::EPOCH, &testkit::SeededEntropy::new(1)),
            step: "check".to_owned(),
        }
    }

    /// Every member, as tasks have seen it from the beginning: documents depend on it.
    #[test]
    fn the_input_of_a_task_has_the_members_of_a_decision_with_nothing_to_sign() {
        let namespace: Namespace = "ns-a".parse().expect("a namespace");
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = trace.parse().expect("a traceparent");
        let initiator = Principal::system("clerk", namespace).traced(Some(trace));
        let task = task();
        let at: Time = "2026-01-04T23:59:59.5Z".parse().expect("a time");
        let overrides = json!({ "labels": { "a": "b" }, "amount": "5" });
        let overrides = overrides.as_object().expect("an object");
        let input = task_input(&initiator, &ChainId::evm(1337), &task, at, overrides);
        let zero_fees = json!({"gas": "0", "fee_per_gas": "0", "tip": "0", "total_fee": "0"});
        let mut envelope = zero_fees.clone();
        envelope["signatures"] = 0.into();
        envelope["validity_ms"] = 0.into();
        let expected = json!({
            "purpose": "act", "supersedes": null, "namespace": "ns-a",
            "initiator": {
                "id": initiator.id, "kind": initiator.kind, "key": null, "roles": initiator.roles,
                "chain_of": [],
            },
            "wallet": null, "key": null, "signer": "",
            "chain": {"id": "eip155:1337", "family": "evm"},
            "intent": {"kind": "message", "hash": Digest::of(b""), "message": "0x", "text": ""},
            "effects": {
                "moves": [], "grants": [], "powers": [], "calls": [], "deploys": null,
                "complete": true, "incomplete": [],
            },
            "contracts": {},
            "interface": null, "fee": {"quote": zero_fees, "envelope": envelope},
            "time": {
                "at": at, "unix_ms": at.millis().to_string(), "weekday": 7, "hour": 23, "minute": 59,
            },
            "task": {"name": "pay", "version": "2026.01.31", "run": task.run, "step": "check"},
            "assets": [], "labels": {"a": "b"}, "approvals": [], "amount": "5",
        });
        assert_eq!(input, Ok(expected));
    }

    #[test]
    fn a_task_cannot_set_identity_or_time() {
        let initiator = Principal::system("clerk", "ns-a".parse().expect("a namespace"));
        let task = task();
        for name in RESERVED {
            let overrides = Map::from_iter([(name.to_owned(), json!("forged"))]);
            let chain = ChainId::evm(1);
            let input = task_input(&initiator, &chain, &task, Time::EPOCH, &overrides);
            let name = name.to_owned();
            assert_eq!(input, Err(ReservedMember { name }));
        }
    }
}
