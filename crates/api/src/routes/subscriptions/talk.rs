//! What travels over the WebSocket of a subscription, both ways.

use crate::{Error, Problem, Result};
use serde::{Deserialize, Serialize};
use types::Json;

/// What Florin sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Said {
    /// Events that wait for an answer.
    Batch {
        /// Counts from 1 on each connection.
        number: u64,
        /// How often these events were refused before.
        refused: u32,
        events: Vec<Json>,
    },
    /// A message was wrong, or the connection ends.
    Error {
        code: &'static str,
        detail: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
}

impl From<streams::Batch> for Said {
    fn from(batch: streams::Batch) -> Self {
        let streams::Batch {
            number,
            refused,
            events,
        } = batch;
        Self::Batch {
            number,
            refused,
            events,
        }
    }
}

impl From<&Error> for Said {
    fn from(error: &Error) -> Self {
        let Problem {
            code,
            detail,
            field,
            ..
        } = Problem::from(error);
        Self::Error {
            code,
            detail,
            field,
        }
    }
}

impl Said {
    /// As text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("plain data always serializes")
    }
}

/// What the consumer sends.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Heard {
    /// It has a batch.
    Ack {
        /// Which.
        number: u64,
    },
    /// It does not take a batch.
    Nack {
        /// Which.
        number: u64,
        /// Why, for the record.
        #[serde(default)]
        why: String,
    },
}

impl Heard {
    /// Read a message. Error: `api.field`.
    pub(super) fn read(text: &str) -> Result<Self> {
        crate::extract::from_json(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use types::Coded as _;

    #[test]
    fn the_words_of_a_consumer() {
        assert_eq!(
            Heard::read(r#"{"type":"ack","number":7}"#).unwrap(),
            Heard::Ack { number: 7 }
        );
        let nack = Heard::Nack {
            number: 7,
            why: "full".to_owned(),
        };
        assert_eq!(
            Heard::read(r#"{"type":"nack","number":7,"why":"full"}"#).unwrap(),
            nack
        );
        for wrong in [
            "",
            "{}",
            "7",
            r#"{"type":"ack"}"#,
            r#"{"type":"ack","number":-1}"#,
            r#"{"type":"ack","number":1,"x":1}"#,
        ] {
            assert_eq!(
                Heard::read(wrong).unwrap_err().code().code,
                "api.field",
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_words_of_florin() {
        let batch = streams::Batch {
            number: 1,
            refused: 0,
            events: vec![Json::parse(r#"{"n":1.10}"#).unwrap()],
        };
        assert_eq!(
            Said::from(batch).text(),
            r#"{"type":"batch","number":1,"refused":0,"events":[{"n":1.10}]}"#
        );
        let error = Error::from(streams::Error::TakenOver);
        assert!(
            Said::from(&error)
                .text()
                .starts_with(r#"{"type":"error","code":"streams.taken_over","detail":""#)
        );
    }
}
