//! Turn facts into delivery rows: expand, filter, serialize. Runs outside any transaction.

use crate::error::ExpandError;
use crate::event::{Event, Expand, Expansion};
use crate::subscription::{Filter, cursor_text};
use crate::table::cursor::Position;
use std::sync::Arc;
use store::StoredFact;
use types::{Namespace, SubscriptionId};

/// Rows per transaction; the last page may exceed it.
const MAX_ROWS: usize = 2_000;
/// Bytes of bodies per transaction; the last page may exceed it.
const MAX_BYTES: usize = 8 << 20;
/// Pages per transaction, including those without a matching event.
const MAX_PAGES: usize = 256;

/// A subscription in the worker's cache.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) namespace: Namespace,
    pub(super) id: SubscriptionId,
    pub(super) version: i64,
    pub(super) filter: Arc<Filter>,
}

/// Subscriptions at the same position of a partition.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) partition: String,
    pub(super) position: Position,
    pub(super) members: Vec<Member>,
}

/// An event for a subscription, whose sequence is assigned in the transaction.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) namespace: Namespace,
    pub(super) subscription: SubscriptionId,
    pub(super) event_id: String,
    pub(super) kind: String,
    pub(super) fact_seq: i64,
    pub(super) body: Arc<str>,
    /// Set for a dead letter: why its fact could not be expanded.
    pub(super) error: Option<String>,
}

/// The deliveries of a group for a range of facts.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) events: Vec<PendingEvent>,
    /// The new position of the group.
    pub(super) to: Option<Position>,
    /// Why reading stopped early.
    pub(super) stuck: Option<String>,
    bytes: usize,
    pages: usize,
}

/// Process facts for a group, in order, until all are read or a transaction limit is reached.
pub(super) async fn gather(expand: &dyn Expand, group: &Group, facts: &[StoredFact]) -> Gathered {
    let mut gathered = Gathered::default();
    let mut continuation = group.position.continuation.clone();
    for fact in facts {
        loop {
            match next_page(expand, group, fact, continuation.as_deref()).await {
                Ok(page) => {
                    page.events
                        .iter()
                        .for_each(|event| gathered.deliver(group, fact, event));
                    continuation = page.continuation;
                }
                Err(ExpandError::Permanent(why)) => {
                    gathered.dead_letter(expand, group, fact, &why);
                    continuation = None;
                }
                Err(ExpandError::Temporary(why)) => {
                    gathered.stuck = Some(why);
                    return gathered;
                }
            }
            gathered.advance(fact, continuation.clone());
            if gathered.is_full() {
                return gathered;
            }
            if continuation.is_none() {
                break;
            }
        }
    }
    gathered
}

/// The next page of events of a fact; empty if no member of the group can match any.
async fn next_page(
    expand: &dyn Expand,
    group: &Group,
    fact: &StoredFact,
    continuation: Option<&str>,
) -> Result<Expansion, ExpandError> {
    match expand.event_types(&fact.kind) {
        None if group
            .members
            .iter()
            .any(|member| member.namespace == fact.namespace) =>
        {
            Ok(Expansion {
                events: vec![Event::from_fact(fact)],
                continuation: None,
            })
        }
        Some(types) if group.members.iter().any(|member| member.may_match(types)) => {
            let page = expand.expand(fact, continuation).await?;
            if page.continuation.is_some() && page.continuation.as_deref() == continuation {
                return Err(ExpandError::Permanent(
                    "its expansion does not advance".to_owned(),
                ));
            }
            Ok(page)
        }
        _ => Ok(Expansion::default()),
    }
}

impl Member {
    fn may_match(&self, types: &[&str]) -> bool {
        types.iter().any(|kind| self.filter.matches_type(kind))
    }

    fn matches(&self, event: &Event) -> bool {
        event
            .namespace
            .is_none_or(|namespace| namespace == self.namespace)
            && self.filter.matches_event(event)
    }
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.events.len() >= MAX_ROWS || self.bytes >= MAX_BYTES || self.pages >= MAX_PAGES
    }

    /// Record that a page of a fact is processed; without a continuation, the whole fact is.
    fn advance(&mut self, fact: &StoredFact, continuation: Option<String>) {
        let seq = if continuation.is_some() {
            fact.cursor.seq - 1
        } else {
            fact.cursor.seq
        };
        self.to = Some(Position { seq, continuation });
        self.pages += 1;
    }

    fn deliver(&mut self, group: &Group, fact: &StoredFact, event: &Event) {
        let cursor = cursor_text(&fact.cursor);
        let mut last_body: Option<(&Namespace, Arc<str>)> = None;
        for member in group.members.iter().filter(|member| member.matches(event)) {
            let body = match &last_body {
                Some((namespace, body)) if *namespace == &member.namespace => Arc::clone(body),
                _ => event.body(&member.namespace, &cursor).into(),
            };
            last_body = Some((&member.namespace, Arc::clone(&body)));
            self.bytes += body.len();
            self.events.push(row(member, fact, event, body, None));
        }
    }

    /// Turn a fact that cannot be expanded into a dead letter of each member that could have
    /// matched it, so that it does not block the partition.
    fn dead_letter(&mut self, expand: &dyn Expand, group: &Group, fact: &StoredFact, why: &str) {
        let types = expand.event_types(&fact.kind).unwrap_or_default();
        let event = Event::from_fact(fact);
        let cursor = cursor_text(&fact.cursor);
        let installation = Namespace::installation();
        let could_match = |member: &&Member| {
            (fact.namespace == installation || fact.namespace == member.namespace)
                && member.may_match(types)
        };
        for member in group.members.iter().filter(could_match) {
            let body = event.body(&member.namespace, &cursor).into();
            let why = format!("the fact cannot be expanded into events: {why}");
            self.events.push(row(member, fact, &event, body, Some(why)));
        }
    }
}

fn row(
    member: &Member,
    fact: &StoredFact,
    event: &Event,
    body: Arc<str>,
    error: Option<String>,
) -> PendingEvent {
    PendingEvent {
        namespace: member.namespace,
        subscription: member.id,
        event_id: event.id.clone(),
        kind: event.kind.clone(),
        fact_seq: fact.cursor.seq,
        body,
        error,
    }
}
