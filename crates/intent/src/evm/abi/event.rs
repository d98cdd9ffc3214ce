//! Decodes events: topics and data -> names and values.

use super::{
    Abi,
    entry::Entry,
    output::{self, DecodeError},
    ty::Param,
};
use crate::evm::Log;
use serde_json::{Map, Value};

/// An event decoded by its interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedEvent {
    pub name: String,
    /// Such as `Transfer(address,address,uint256)`.
    pub signature: String,
    /// The parameters by name, in order (an unnamed one is `output`, or `output1` … by index). An
    /// indexed parameter of a type that does not fit a topic (text, bytes, lists, tuples) is given
    /// as its topic: the hash of the value, in hexadecimal.
    pub output: Value,
}

impl Abi {
    /// Decodes a log. `None` if it is no event of this interface.
    ///
    /// Events that share a signature (ERC-20's and ERC-721's `Transfer`) are distinguished by their
    /// number of topics. A log whose first topic matches no event is tried against each anonymous
    /// event.
    pub fn decode_event(&self, log: &Log) -> Option<DecodedEvent> {
        let (anonymous, named): (Vec<&Entry>, Vec<&Entry>) = self
            .entries
            .events
            .iter()
            .partition(|event| event.anonymous);
        let matched = log.topics.split_first().and_then(|(first, rest)| {
            named
                .iter()
                .filter(|event| event.hash == *first)
                .find_map(|event| read(event, rest, &log.data))
        });
        matched.or_else(|| {
            anonymous
                .iter()
                .find_map(|event| read(event, &log.topics, &log.data))
        })
    }

    /// The signatures of all functions, such as `transfer(address,uint256)`.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        let functions = self.entries.functions.iter();
        functions.map(|function| function.signature.as_str())
    }

    /// The signatures of all events, with the first topic of those that are not anonymous.
    pub fn events(&self) -> Vec<(&str, Option<String>)> {
        let topic = |event: &Entry| (!event.anonymous).then(|| output::to_hex(&event.hash));
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

fn topic(param: &Param, word: &[u8; 32]) -> Result<Value, DecodeError> {
    if param.ty.is_hashed_in_topics() {
        Ok(Value::String(output::to_hex(word)))
    } else {
        output::word_value(&param.ty, word)
    }
}
