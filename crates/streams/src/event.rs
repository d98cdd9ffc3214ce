//! Events as subscribers receive them, derived from facts.

use crate::error::ExpandError;
use crate::subscription::cursor_text;
use serde::Serialize;
use store::{StoredFact, Subject};
use types::{ChainId, Json, Namespace, Time, TraceContext};

/// One event. `(id, type, cursor)` identifies it: every delivery of the same triple is a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Stable. For chain events [`types::ChainEvent::id`], which is the same for `event.pending`,
    /// `event.final` and `event.reverted`; for a fact its cursor, `<partition>/<seq>`.
    pub id: String,
    /// The event type, such as `event.final` or `submission.received`.
    #[serde(rename = "type")]
    pub kind: String,
    pub time: Time,
    /// `None` for events that every namespace of the installation may see, such as events of a
    /// public chain.
    #[serde(skip)]
    pub namespace: Option<Namespace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// The contract or script that emitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// For a log, its first topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The trace that it belongs to.
    #[serde(rename = "traceparent", skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// Null if the payload was erased.
    pub data: Option<Json>,
}

/// Expands facts that cover a batch into single events. `florin` implements it over the engines
/// that write such facts.
#[async_trait::async_trait]
pub trait Expand: Send + Sync {
    /// The event types that a fact type expands to; `None` if the fact is itself one event.
    fn event_types(&self, fact_type: &str) -> Option<&'static [&'static str]>;

    /// The next page of events of a fact: the first page, or the one that the `continuation` of
    /// the previous page points to. Must be deterministic, because a reader may crash between two
    /// pages and resume. Called only for fact types with [`Expand::event_types`].
    async fn expand(
        &self,
        fact: &StoredFact,
        continuation: Option<&str>,
    ) -> Result<Expansion, ExpandError>;
}

/// One page of the events of a fact. A fact may cover a whole chain, so a page should hold at most
/// about 500 events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expansion {
    pub events: Vec<Event>,
    /// Where the next page begins, if there is one: a short text, opaque to this crate.
    pub continuation: Option<String>,
}

/// An [`Expand`] for installations where each fact is one event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoExpansion;

#[async_trait::async_trait]
impl Expand for NoExpansion {
    fn event_types(&self, _: &str) -> Option<&'static [&'static str]> {
        None
    }

    async fn expand(&self, fact: &StoredFact, _: Option<&str>) -> Result<Expansion, ExpandError> {
        Ok(Expansion {
            events: vec![Event::from_fact(fact)],
            continuation: None,
        })
    }
}

impl Event {
    /// The event of a fact that is itself one event.
    pub fn from_fact(fact: &StoredFact) -> Self {
        Self {
            id: cursor_text(&fact.cursor),
            kind: fact.kind.clone(),
            time: fact.at,
            namespace: Some(fact.namespace),
            subject: fact.subjects.first().map(|subject| subject.id.clone()),
            subjects: fact.subjects.clone(),
            chain: None,
            source: None,
            topic: None,
            actor: Some(fact.actor.clone()).filter(|actor| !actor.is_empty()),
            causation: fact.causation.clone(),
            correlation: fact.correlation.clone(),
            trace: fact.trace,
            data: fact.payload.clone(),
        }
    }

    /// The JSON text delivered to a namespace, without the sequence, which [`with_sequence`] adds
    /// when the event is sent.
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

/// The trace of stored bodies, if all of them belong to one.
pub(crate) fn trace_of<'b>(bodies: impl Iterator<Item = &'b str>) -> Option<TraceContext> {
    #[derive(serde::Deserialize)]
    struct Traced {
        #[serde(rename = "traceparent")]
        trace: Option<TraceContext>,
    }
    let trace = |body| {
        serde_json::from_str(body)
            .ok()
            .and_then(|traced: Traced| traced.trace)
    };
    let mut traces = bodies.map(trace);
    let first = traces.next()??;
    traces
        .all(|trace| trace.is_some_and(|trace| trace.trace_id == first.trace_id))
        .then_some(first)
}

/// A stored body with its sequence appended.
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
            trace: None,
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
