//! Matching of events against the filter of a subscription.

use crate::event::Event;
use crate::glob;
use crate::subscription::Filter;

/// Prefix of events about deliveries. They match only patterns with this prefix; otherwise a
/// failing receiver would be sent events about its own failures without end.
pub(crate) const DELIVERY_EVENTS: &str = "delivery.";
const CHAIN_EVENT: &str = "event.";

impl Filter {
    /// Whether an event matches. The caller checks the namespace.
    pub(crate) fn matches_event(&self, event: &Event) -> bool {
        self.matches_type(&event.kind)
            && self
                .chain
                .as_ref()
                .is_none_or(|chain| event.chain.as_ref() == Some(chain))
            && any_equals(&self.sources, event.source.as_deref())
            && any_equals(&self.topics, event.topic.as_deref())
            && self.matches_subjects(event)
    }

    /// Whether events of a type can match.
    pub(crate) fn matches_type(&self, kind: &str) -> bool {
        self.matches_type_pattern(kind) && self.matches_finality(kind)
    }

    fn matches_type_pattern(&self, kind: &str) -> bool {
        if kind.starts_with(DELIVERY_EVENTS) {
            return self.types.iter().any(|pattern| {
                pattern.starts_with(DELIVERY_EVENTS) && glob::matches(pattern, kind)
            });
        }
        self.types.is_empty()
            || self
                .types
                .iter()
                .any(|pattern| glob::matches(pattern, kind))
    }

    fn matches_finality(&self, kind: &str) -> bool {
        let Some(state) = kind.strip_prefix(CHAIN_EVENT) else {
            return true;
        };
        self.finality.is_empty()
            || self
                .finality
                .iter()
                .any(|finality| state == <&str>::from(finality))
    }

    fn matches_subjects(&self, event: &Event) -> bool {
        let matches = |id: &str| {
            self.subjects
                .iter()
                .any(|pattern| glob::matches(pattern, id))
        };
        self.subjects.is_empty()
            || event.subject.as_deref().is_some_and(matches)
            || event.subjects.iter().any(|subject| matches(&subject.id))
    }
}

fn any_equals(allowed: &[String], value: Option<&str>) -> bool {
    allowed.is_empty()
        || value.is_some_and(|value| allowed.iter().any(|a| a.eq_ignore_ascii_case(value)))
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
            trace: None,
            data: None,
        }
    }

    fn filter(json: &str) -> Filter {
        serde_json::from_str(json).expect("a filter")
    }

    #[test]
    fn every_criterion_must_match() {
        let event_final = event("event.final");
        for matching in [
            "{}",
            r#"{"types":["event.*"]}"#,
            r#"{"types":["x","event.final"],"chain":"eip155:1","sources":["0x00","0xaB"],"topics":["0x01"]}"#,
            r#"{"finality":["final"],"subjects":["sub:*"]}"#,
        ] {
            assert!(filter(matching).matches_event(&event_final), "{matching}");
        }
        for no_match in [
            r#"{"types":["event.pending"]}"#,
            r#"{"types":["event.*"],"finality":["pending","reverted"]}"#,
            r#"{"chain":"eip155:2"}"#,
            r#"{"sources":["0x00"]}"#,
            r#"{"topics":["0x02"]}"#,
            r#"{"subjects":["run:*"]}"#,
        ] {
            assert!(!filter(no_match).matches_event(&event_final), "{no_match}");
        }
        assert!(filter(r#"{"finality":["final"]}"#).matches_event(&event("submission.received")));
    }

    #[test]
    fn delivery_events_match_only_explicit_patterns() {
        let dead = event("delivery.dead");
        assert!(!filter("{}").matches_event(&dead));
        assert!(!filter(r#"{"types":["*"]}"#).matches_event(&dead));
        assert!(filter(r#"{"types":["delivery.*"]}"#).matches_event(&dead));
    }
}
