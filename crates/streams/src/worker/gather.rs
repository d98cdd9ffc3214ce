//! From facts to deliveries: expand, judge, write down. Outside any transaction.

use crate::error::Unexpanded;
use crate::event::{Event, Expand, Expansion};
use crate::subscription::Filter;
use crate::table::cursor::Position;
use crate::table::delivery::New;
use std::sync::Arc;
use store::StoredFact;
use types::{Namespace, SubscriptionId};

/// Deliveries that one transaction writes, give or take one part's share.
const ROWS: usize = 2_000;
/// Bytes of bodies that one transaction writes, give or take one part's share.
const BYTES: usize = 8 << 20;
/// Parts of facts that are read for one transaction, also if nobody wants anything of them.
const PARTS: usize = 256;

/// A subscription as the worker remembers it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) namespace: Namespace,
    pub(super) id: SubscriptionId,
    pub(super) version: i64,
    pub(super) filter: Arc<Filter>,
}

/// Subscriptions that stand at the same place of a partition.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) partition: String,
    pub(super) at: Position,
    pub(super) members: Vec<Member>,
}

/// What came of some facts for a group.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Deliveries, their sequences still to be given.
    pub(super) rows: Vec<New>,
    /// How far the group has read.
    pub(super) to: Option<Position>,
    /// Why it could not read on.
    pub(super) stuck: Option<String>,
    bytes: usize,
    parts: usize,
}

/// Read facts for a group, in order, until they are read or the share of one transaction is full.
pub(super) async fn gather(expand: &dyn Expand, group: &Group, facts: &[StoredFact]) -> Gathered {
    let mut gathered = Gathered::default();
    let mut rest = group.at.rest.clone();
    for fact in facts {
        loop {
            match part_of(expand, group, fact, rest.as_deref()).await {
                Ok(part) => {
                    part.events
                        .iter()
                        .for_each(|event| gathered.deliver(group, fact, event));
                    rest = part.rest;
                }
                Err(Unexpanded::Never(why)) => {
                    gathered.bury(expand, group, fact, &why);
                    rest = None;
                }
                Err(Unexpanded::Later(why)) => {
                    gathered.stuck = Some(why);
                    return gathered;
                }
            }
            gathered.reached(fact, rest.clone());
            if gathered.is_full() {
                return gathered;
            }
            if rest.is_none() {
                break;
            }
        }
    }
    gathered
}

/// The next part of what a fact stands for, as far as anybody in the group may want it.
async fn part_of(
    expand: &dyn Expand,
    group: &Group,
    fact: &StoredFact,
    rest: Option<&str>,
) -> Result<Expansion, Unexpanded> {
    match expand.becomes(&fact.kind) {
        None if group
            .members
            .iter()
            .any(|member| member.namespace == fact.namespace) =>
        {
            Ok(Expansion {
                events: vec![Event::of(fact)],
                rest: None,
            })
        }
        Some(types) if group.members.iter().any(|member| member.may_want(types)) => {
            let part = expand.expand(fact, rest).await?;
            if part.rest.is_some() && part.rest.as_deref() == rest {
                return Err(Unexpanded::Never(
                    "its parts do not come to an end".to_owned(),
                ));
            }
            Ok(part)
        }
        _ => Ok(Expansion::default()),
    }
}

impl Member {
    fn may_want(&self, types: &[&str]) -> bool {
        types.iter().any(|kind| self.filter.wants_type(kind))
    }

    fn wants(&self, event: &Event) -> bool {
        event
            .namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == self.namespace)
            && self.filter.wants(event)
    }
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS || self.bytes >= BYTES || self.parts >= PARTS
    }

    /// A part of a fact is read; if there is no rest, the fact is.
    fn reached(&mut self, fact: &StoredFact, rest: Option<String>) {
        let seq = if rest.is_some() {
            fact.cursor.seq - 1
        } else {
            fact.cursor.seq
        };
        self.to = Some(Position { seq, rest });
        self.parts += 1;
    }

    fn deliver(&mut self, group: &Group, fact: &StoredFact, event: &Event) {
        let cursor = format!("{}/{}", fact.cursor.partition, fact.cursor.seq);
        let mut written: Option<(&Namespace, Arc<str>)> = None;
        for member in group.members.iter().filter(|member| member.wants(event)) {
            let body = match &written {
                Some((namespace, body)) if *namespace == &member.namespace => Arc::clone(body),
                _ => event.body(&member.namespace, &cursor).into(),
            };
            written = Some((&member.namespace, Arc::clone(&body)));
            self.bytes += body.len();
            self.rows.push(row(member, fact, event, body, None));
        }
    }

    /// A fact that cannot be read stops nobody: it is set aside for each who may have wanted
    /// something of it.
    fn bury(&mut self, expand: &dyn Expand, group: &Group, fact: &StoredFact, why: &str) {
        let types = expand.becomes(&fact.kind).unwrap_or_default();
        let event = Event::of(fact);
        let cursor = format!("{}/{}", fact.cursor.partition, fact.cursor.seq);
        let installation = Namespace::installation();
        let concerns = |member: &&Member| {
            (fact.namespace == installation || fact.namespace == member.namespace)
                && member.may_want(types)
        };
        for member in group.members.iter().filter(concerns) {
            let body = event.body(&member.namespace, &cursor).into();
            let why = format!("the fact cannot be turned into events: {why}");
            self.rows.push(row(member, fact, &event, body, Some(why)));
        }
    }
}

fn row(
    member: &Member,
    fact: &StoredFact,
    event: &Event,
    body: Arc<str>,
    error: Option<String>,
) -> New {
    New {
        namespace: member.namespace.clone(),
        subscription: member.id,
        sequence: 0,
        event_id: event.id.clone(),
        kind: event.kind.clone(),
        partition: fact.cursor.partition.clone(),
        fact_seq: fact.cursor.seq,
        body,
        error,
    }
}
