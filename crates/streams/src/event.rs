//! What subscribers are told: events, read from facts.

use crate::error::Unexpanded;
use serde::Serialize;
use store::{StoredFact, Subject};
use types::{ChainId, Json, Namespace, Time};

/// One event. `(id, type, cursor)` never means two different things, however often it is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Stable: what happened has one id through all that becomes of it. For chain events
    /// [`types::ChainEvent::id`], the same for `event.pending`, `event.final` and
    /// `event.reverted`; for a fact its place, `<partition>/<seq>`.
    pub id: String,
    /// What became of it, such as `event.final` or `submission.received`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub time: Time,
    /// Whom it concerns; none for what all namespaces of the installation may see, such as what
    /// happened on a public chain.
    #[serde(skip)]
    pub namespace: Option<Namespace>,
    /// The object it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// All objects it is about, with their versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// The chain it happened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// The contract or script it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What kind of chain event it is: for a log its first topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Who caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation: Option<String>,
    /// The affair it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// What happened; null once it was erased.
    pub data: Option<Json>,
}

/// Turns facts that stand for many things into single events. `florin` implements it over the
/// engines that write such facts.
#[async_trait::async_trait]
pub trait Expand: Send + Sync {
    /// Which types of events a type of fact becomes; none where the fact is itself one event.
    fn becomes(&self, fact_type: &str) -> Option<&'static [&'static str]>;

    /// The next events that a fact stands for: the first ones, or those that `rest` of the part
    /// before finds again. Always the same ones in the same order, since a reader may stop in
    /// the middle, crash and come back. Asked only for facts that [`Expand::becomes`] names.
    async fn expand(&self, fact: &StoredFact, rest: Option<&str>) -> Result<Expansion, Unexpanded>;
}

/// A part of what a fact stands for. A fact may stand for a whole chain, so no part should be
/// larger than some 500 events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The events.
    pub events: Vec<Event>,
    /// What finds the rest again, if there is more; a short text that means something to the
    /// expander alone.
    pub rest: Option<String>,
}

/// For installations where each fact is one event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingToExpand;

#[async_trait::async_trait]
impl Expand for NothingToExpand {
    fn becomes(&self, _: &str) -> Option<&'static [&'static str]> {
        None
    }

    async fn expand(&self, fact: &StoredFact, _: Option<&str>) -> Result<Expansion, Unexpanded> {
        Ok(Expansion {
            events: vec![Event::of(fact)],
            rest: None,
        })
    }
}

impl Event {
    /// The event that a fact is.
    pub fn of(fact: &StoredFact) -> Self {
        Self {
            id: format!("{}/{}", fact.cursor.partition, fact.cursor.seq),
            kind: fact.kind.clone(),
            time: fact.at,
            namespace: Some(fact.namespace.clone()),
            subject: fact.subjects.first().map(|subject| subject.id.clone()),
            subjects: fact.subjects.clone(),
            chain: None,
            source: None,
            topic: None,
            actor: Some(fact.actor.clone()).filter(|actor| !actor.is_empty()),
            causation: fact.causation.clone(),
            correlation: fact.correlation.clone(),
            data: fact.payload.clone(),
        }
    }

    /// The text that is delivered in a namespace, but for the sequence, which is put in when it is
    /// sent.
    pub(crate) fn body(&self, namespace: &Namespace, cursor: &str) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            event: &'a Event,
            namespace: &'a Namespace,
            cursor: &'a str,
        }
        let body = Body {
            event: self,
            namespace,
            cursor,
        };
        serde_json::to_string(&body).expect("an event is plain data and always serializes")
    }
}

/// A stored body with its sequence.
pub(crate) fn with_sequence(body: &str, sequence: i64) -> String {
    let open = body.strip_suffix('}').unwrap_or(body);
    format!("{open},\"sequence\":{sequence}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_with_the_exact_data() {
        let event = Event {
            id: "eip155:1/0xab/0".to_owned(),
            kind: "event.final".to_owned(),
            time: Time::EPOCH,
            namespace: None,
            subject: None,
            subjects: Vec::new(),
            chain: "eip155:1".parse().ok(),
            source: Some("0x01".to_owned()),
            topic: None,
            actor: None,
            causation: None,
            correlation: None,
            data: Json::parse(r#"{"value":123456789012345678901234567890}"#),
        };
        let body = with_sequence(
            &event.body(&"ns".parse().expect("legal"), "chain/eip155:1/7"),
            12,
        );
        assert_eq!(
            body,
            r#"{"id":"eip155:1/0xab/0","type":"event.final","time":"1970-01-01T00:00:00.000000Z","chain":"eip155:1","source":"0x01","data":{"value":123456789012345678901234567890},"namespace":"ns","cursor":"chain/eip155:1/7","sequence":12}"#
        );
    }
}
