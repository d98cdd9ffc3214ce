//! Lookups: collecting the requested ones, and answering each once for all documents that request
//! it.

use super::pending::PendingDecision;
use crate::evaluate::{self, LookupRequest};
use crate::lookup::has_inexact_number;
use crate::{Limits, Lookup, Policy, Result, own_lookups};
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use types::{Canon, Digest, Namespace, canonical_json};

/// Lookups that run concurrently.
const CONCURRENT_LOOKUPS: usize = 16;

/// The answer of a lookup, or the reason for its failure.
type Answer = std::result::Result<Value, String>;

/// The answers by namespace and the lookup's canonical text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Answers(HashMap<(Namespace, String), Answer>);

/// The lookups of one decision with their answers, as logged: by the lookup's canonical text.
#[derive(Debug, Default)]
pub(crate) struct LookupLog(BTreeMap<String, Value>);

/// Collect the lookups that each document of each pending decision requests.
pub(crate) async fn request(
    policy: &Policy,
    pending: Vec<PendingDecision>,
) -> Result<Vec<PendingDecision>> {
    let settings = policy.settings.clone();
    policy
        .pool
        .map(pending, move |mut decision| {
            let input = evaluate::input(&decision.input);
            for selected in &mut decision.documents {
                let Ok(document) = &selected.document.compiled else {
                    continue;
                };
                let requested = input.as_ref().map_err(Clone::clone);
                let namespace = &decision.request.initiator.namespace;
                selected.lookups = requested.and_then(|input| {
                    evaluate::lookup_requests(document, input, &settings.limits, namespace)
                });
            }
            decision
        })
        .await
}

/// Answer all requested lookups.
pub(crate) async fn gather(policy: &Policy, pending: &[PendingDecision]) -> Answers {
    let requested: HashMap<(Namespace, String), Lookup> = pending
        .iter()
        .flat_map(|decision| &decision.documents)
        .flat_map(|selected| selected.lookups.iter().flatten())
        .map(|request| (key(&request.lookup), request.lookup.clone()))
        .collect();
    let answers = futures::stream::iter(requested)
        .map(|(key, lookup)| async move { (key, answer(policy, &lookup).await) })
        .buffer_unordered(CONCURRENT_LOOKUPS);
    Answers(answers.collect().await)
}

async fn answer(policy: &Policy, lookup: &Lookup) -> Answer {
    let limits = &policy.settings.limits;
    let timeout = Duration::from_millis(limits.lookup_ms);
    let answer = tokio::time::timeout(timeout, own_lookups::answer(policy, lookup)).await;
    let answer = answer.map_err(|_| {
        format!(
            "{} did not answer within {} ms",
            lookup.name, limits.lookup_ms
        )
    })?;
    checked(lookup, answer.map_err(|error| error.to_string())?, limits)
}

fn checked(lookup: &Lookup, answer: Value, limits: &Limits) -> Answer {
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
    (lookup.namespace, lookup.canonical())
}

impl Answers {
    /// The answers of a past decision, from the log.
    pub(crate) fn from_log(namespace: &Namespace, log: &Value) -> Self {
        let entries = log.as_array().into_iter().flatten().filter_map(|entry| {
            let lookup = Lookup {
                namespace: *namespace,
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

    /// The value of `input.lookups` for a document. An error if a lookup has no answer.
    pub(crate) fn of(&self, lookup_requests: &[LookupRequest]) -> Answer {
        let mut lookups = serde_json::Map::new();
        for request in lookup_requests {
            let answer = self.0.get(&key(&request.lookup));
            let missing = || Err(format!("{} was not requested", request.lookup.canonical()));
            lookups.insert(
                request.key.clone(),
                answer.cloned().unwrap_or_else(missing)?,
            );
        }
        Ok(Value::Object(lookups))
    }

    /// The log of these documents' lookups.
    pub(crate) fn log<'a>(
        &self,
        lookup_requests: impl Iterator<Item = &'a LookupRequest>,
    ) -> LookupLog {
        let entry = |request: &LookupRequest| {
            let mut entry = json!({ "from": request.lookup.name, "args": request.lookup.args });
            match self.0.get(&key(&request.lookup)) {
                Some(Ok(answer)) => entry["answer"] = answer.clone(),
                Some(Err(why)) => entry["failed"] = json!(why),
                None => entry["failed"] = json!("it was not requested"),
            }
            entry
        };
        LookupLog(
            lookup_requests
                .map(|request| (request.lookup.canonical(), entry(request)))
                .collect(),
        )
    }
}

impl LookupLog {
    /// The log as canonical JSON, ordered by the lookups' canonical text.
    pub(crate) fn text(&self) -> String {
        canonical_json(&Value::Array(self.0.values().cloned().collect()))
    }

    /// The hash of the log's text: domain `policy-lookups`, version 1.
    pub(crate) fn hash_of(text: &str) -> Digest {
        Canon::new("policy-lookups", 1).text(text).hash()
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or("the lookup has no answer")
        .to_owned()
}
