//! Which events a subscription wants.

use crate::event::Event;
use crate::glob;
use crate::subscription::{Filter, Finality};

/// Events about deliveries. Told only to who names them, or a receiver that fails would be told of
/// its failure without end.
pub(crate) const ABOUT_DELIVERIES: &str = "delivery.";
const CHAIN_EVENT: &str = "event.";

impl Filter {
    /// Whether an event is wanted; whose it is, is judged elsewhere.
    pub(crate) fn wants(&self, event: &Event) -> bool {
        self.wants_type(&event.kind)
            && self
                .chain
                .as_ref()
                .is_none_or(|chain| event.chain.as_ref() == Some(chain))
            && one_of(&self.sources, event.source.as_deref())
            && one_of(&self.topics, event.topic.as_deref())
            && self.wants_subjects(event)
    }

    /// Whether events of a type may be wanted.
    pub(crate) fn wants_type(&self, kind: &str) -> bool {
        self.names_type(kind) && self.wants_finality(kind)
    }

    fn names_type(&self, kind: &str) -> bool {
        if kind.starts_with(ABOUT_DELIVERIES) {
            return self.types.iter().any(|pattern| {
                pattern.starts_with(ABOUT_DELIVERIES) && glob::matches(pattern, kind)
            });
        }
        self.types.is_empty()
            || self
                .types
                .iter()
                .any(|pattern| glob::matches(pattern, kind))
    }

    fn wants_finality(&self, kind: &str) -> bool {
        let Some(state) = kind.strip_prefix(CHAIN_EVENT) else {
            return true;
        };
        self.finality.is_empty() || self.finality.iter().any(|wanted| wanted.as_str() == state)
    }

    fn wants_subjects(&self, event: &Event) -> bool {
        let fits = |id: &str| {
            self.subjects
                .iter()
                .any(|pattern| glob::matches(pattern, id))
        };
        self.subjects.is_empty()
            || event.subject.as_deref().is_some_and(fits)
            || event.subjects.iter().any(|subject| fits(&subject.id))
    }
}

fn one_of(wanted: &[String], found: Option<&str>) -> bool {
    wanted.is_empty()
        || found.is_some_and(|found| wanted.iter().any(|one| one.eq_ignore_ascii_case(found)))
}

impl Finality {
    fn as_str(self) -> &'static str {
        match self {
            Finality::Pending => "pending",
            Finality::Final => "final",
            Finality::Reverted => "reverted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Time;

    fn event(kind: &str) -> Event {
        Event {
            id: "e".into(),
            kind: kind.into(),
            time: Time::EPOCH,
            namespace: None,
            subject: Some("sub:1".into()),
            subjects: Vec::new(),
            chain: "eip155:1".parse().ok(),
            source: Some("0xAb".into()),
            topic: Some("0x01".into()),
            actor: None,
            causation: None,
            correlation: None,
            data: None,
        }
    }

    fn filter(json: &str) -> Filter {
        serde_json::from_str(json).expect("a filter")
    }

    #[test]
    fn every_part_must_fit() {
        let wanted = event("event.final");
        for fits in [
            "{}",
            r#"{"types":["event.*"]}"#,
            r#"{"types":["x","event.final"],"chain":"eip155:1","sources":["0x00","0xaB"],"topics":["0x01"]}"#,
            r#"{"finality":["final"],"subjects":["sub:*"]}"#,
        ] {
            assert!(filter(fits).wants(&wanted), "{fits}");
        }
        for unfit in [
            r#"{"types":["event.pending"]}"#,
            r#"{"types":["event.*"],"finality":["pending","reverted"]}"#,
            r#"{"chain":"eip155:2"}"#,
            r#"{"sources":["0x00"]}"#,
            r#"{"topics":["0x02"]}"#,
            r#"{"subjects":["run:*"]}"#,
        ] {
            assert!(!filter(unfit).wants(&wanted), "{unfit}");
        }
        assert!(filter(r#"{"finality":["final"]}"#).wants(&event("submission.received")));
    }

    #[test]
    fn events_about_deliveries_must_be_asked_for() {
        let dead = event("delivery.dead");
        assert!(!filter("{}").wants(&dead));
        assert!(!filter(r#"{"types":["*"]}"#).wants(&dead));
        assert!(filter(r#"{"types":["delivery.*"]}"#).wants(&dead));
    }
}
