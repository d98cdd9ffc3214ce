//! Lookups: which are wanted, and their answers, each asked once for all that want it.

use super::case::Case;
use crate::evaluate::{self, Ask};
use crate::lookup::has_inexact_number;
use crate::{Limits, Lookup, Policy, Result};
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use types::{Canon, Digest, Namespace, canonical_json};

/// Lookups that are under way at a time.
const AT_A_TIME: usize = 16;

/// An answer, or why there is none.
type Answer = std::result::Result<Value, String>;

/// Answers by namespace and the lookup's canonical text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Answers(HashMap<(Namespace, String), Answer>);

/// What one decision asked and was told, as the log keeps it: by the lookup's canonical text.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<String, Value>);

/// What each document of each case wants to know.
pub(crate) async fn asks(policy: &Policy, cases: Vec<Case>) -> Result<Vec<Case>> {
    let config = policy.config.clone();
    policy
        .threads
        .each(cases, move |mut case| {
            let input = evaluate::input(&case.input);
            for asked in &mut case.documents {
                let Ok(document) = &asked.document.compiled else {
                    continue;
                };
                let wanted = input.as_ref().map_err(Clone::clone);
                let namespace = &case.question.initiator.namespace;
                asked.asks = wanted
                    .and_then(|input| evaluate::asks(document, input, &config.limits, namespace));
            }
            case
        })
        .await
}

/// The answers to all that is wanted.
pub(crate) async fn gather(policy: &Policy, cases: &[Case]) -> Answers {
    let wanted: HashMap<(Namespace, String), Lookup> = cases
        .iter()
        .flat_map(|case| &case.documents)
        .flat_map(|asked| asked.asks.iter().flatten())
        .map(|ask| (key(&ask.lookup), ask.lookup.clone()))
        .collect();
    let answers = futures::stream::iter(wanted)
        .map(|(key, lookup)| async move { (key, answer(policy, &lookup).await) })
        .buffer_unordered(AT_A_TIME);
    Answers(answers.collect().await)
}

async fn answer(policy: &Policy, lookup: &Lookup) -> Answer {
    let limits = &policy.config.limits;
    let patience = Duration::from_millis(limits.lookup_ms);
    let answer = tokio::time::timeout(patience, policy.lookups.answer(lookup)).await;
    let answer = answer.map_err(|_| {
        format!(
            "{} did not answer within {} ms",
            lookup.name, limits.lookup_ms
        )
    })?;
    sound(lookup, answer.map_err(|error| error.to_string())?, limits)
}

fn sound(lookup: &Lookup, answer: Value, limits: &Limits) -> Answer {
    if has_inexact_number(&answer) {
        return Err(format!("{} answered with a number above 2^53", lookup.name));
    }
    if answer.to_string().len() > limits.lookup_bytes {
        return Err(format!(
            "{} answered with more than {} bytes",
            lookup.name, limits.lookup_bytes
        ));
    }
    Ok(answer)
}

fn key(lookup: &Lookup) -> (Namespace, String) {
    (lookup.namespace.clone(), lookup.canonical())
}

impl Answers {
    /// The answers of a decision, from the log.
    pub(crate) fn from_log(namespace: &Namespace, log: &Value) -> Self {
        let entries = log.as_array().into_iter().flatten().filter_map(|entry| {
            let lookup = Lookup {
                namespace: namespace.clone(),
                name: entry["from"].as_str()?.to_owned(),
                args: entry["args"].clone(),
            };
            let answer = entry
                .get("answer")
                .cloned()
                .ok_or_else(|| text(&entry["failed"]));
            Some((key(&lookup), answer))
        });
        Self(entries.collect())
    }

    /// What a document gets as `input.lookups`. The first lookup without an answer is an error.
    pub(crate) fn of(&self, asks: &[Ask]) -> Answer {
        let mut lookups = serde_json::Map::new();
        for ask in asks {
            let answer = self.0.get(&key(&ask.lookup));
            let missing = || Err(format!("{} was not asked", ask.lookup.canonical()));
            lookups.insert(ask.key.clone(), answer.cloned().unwrap_or_else(missing)?);
        }
        Ok(Value::Object(lookups))
    }

    /// What these documents asked and were told.
    pub(crate) fn told<'a>(&self, asks: impl Iterator<Item = &'a Ask>) -> Told {
        let entry = |ask: &Ask| {
            let mut entry = json!({ "from": ask.lookup.name, "args": ask.lookup.args });
            match self.0.get(&key(&ask.lookup)) {
                Some(Ok(answer)) => entry["answer"] = answer.clone(),
                Some(Err(why)) => entry["failed"] = json!(why),
                None => entry["failed"] = json!("it was not asked"),
            }
            entry
        };
        Told(
            asks.map(|ask| (ask.lookup.canonical(), entry(ask)))
                .collect(),
        )
    }
}

impl Told {
    /// As canonical JSON, in the order of the lookups' canonical text.
    pub(crate) fn text(&self) -> String {
        canonical_json(&Value::Array(self.0.values().cloned().collect()))
    }

    /// The hash of that text: domain `policy-lookups`, version 1.
    pub(crate) fn hash_of(text: &str) -> Digest {
        Canon::new("policy-lookups", 1).text(text).hash()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("it has no answer").to_owned()
}
