//! Events: topics and data -> names and values.

use super::{
    Abi,
    entry::Entry,
    output::{self, Fault},
    ty::Param,
};
use crate::evm::Log;
use alloy_primitives::keccak256;
use serde_json::{Map, Value};

/// An event as an interface reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedEvent {
    /// The event's name.
    pub name: String,
    /// Canonical text such as `Transfer(address,address,uint256)`.
    pub signature: String,
    /// Its parameters by name, in their order (an unnamed one is `output`, or `output1` … by its
    /// place). An indexed parameter of a type that has no room in a topic (text, bytes, lists,
    /// tuples) is the topic: the hash of the value, in hexadecimal.
    pub output: Value,
}

/// The topic of an event's signature, `0x…`: what logs are searched for.
pub fn topic_of(signature: &str) -> String {
    output::show(&keccak256(signature.as_bytes()).0)
}

impl Abi {
    /// A log by the event that it is; none if it is none of this interface.
    ///
    /// Events that share a signature (ERC-20's and ERC-721's `Transfer`) are told apart by how many
    /// topics they have. A log that no event claims by its first topic is tried as each
    /// anonymous event.
    pub fn decode_event(&self, log: &Log) -> Option<DecodedEvent> {
        let (anonymous, named): (Vec<&Entry>, Vec<&Entry>) = self
            .entries
            .events
            .iter()
            .partition(|event| event.anonymous);
        let signed = log.topics.split_first().and_then(|(first, rest)| {
            named
                .iter()
                .filter(|event| event.hash == *first)
                .find_map(|event| read(event, rest, &log.data))
        });
        signed.or_else(|| {
            anonymous
                .iter()
                .find_map(|event| read(event, &log.topics, &log.data))
        })
    }

    /// The events: their signatures, and the first topics of those that have one.
    pub fn events(&self) -> Vec<(&str, Option<String>)> {
        let topic = |event: &Entry| (!event.anonymous).then(|| output::show(&event.hash));
        self.entries
            .events
            .iter()
            .map(|event| (event.signature.as_str(), topic(event)))
            .collect()
    }
}

fn read(event: &Entry, topics: &[[u8; 32]], data: &[u8]) -> Option<DecodedEvent> {
    let in_data = event.inputs.iter().filter(|param| !param.indexed);
    if topics.len() + in_data.clone().count() != event.inputs.len() {
        return None;
    }
    let mut values = output::values(in_data.map(|param| &param.ty), data)
        .ok()?
        .into_iter();
    let mut topics = topics.iter();
    let value = |param: &Param| {
        if param.indexed {
            topic(param, topics.next()?).ok()
        } else {
            values.next()
        }
    };
    let values: Vec<Value> = event.inputs.iter().map(value).collect::<Option<_>>()?;
    let output: Map<String, Value> = output::by_name(&event.inputs, values, output::OUTPUT);
    Some(DecodedEvent {
        name: event.name.clone(),
        signature: event.signature.clone(),
        output: Value::Object(output),
    })
}

fn topic(param: &Param, word: &[u8; 32]) -> Result<Value, Fault> {
    if param.ty.is_hashed_in_topics() {
        Ok(Value::String(output::show(word)))
    } else {
        output::word_value(&param.ty, word)
    }
}
