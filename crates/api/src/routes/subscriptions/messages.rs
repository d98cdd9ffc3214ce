//! The WebSocket messages of a subscription, in both directions.

use crate::{Error, Problem, Result};
use serde::{Deserialize, Serialize};
use types::Json;

/// A message that the server sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ServerMessage {
    /// Events to acknowledge.
    Batch {
        /// The batch number, counted from 1 on each connection.
        number: u64,
        /// How many times these events were rejected before.
        rejections: u32,
        events: Vec<Json>,
    },
    /// The client's last message was invalid, or the server closes the connection.
    Error {
        code: &'static str,
        detail: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
}

impl From<streams::Batch> for ServerMessage {
    fn from(batch: streams::Batch) -> Self {
        Self::Batch {
            number: batch.number,
            rejections: batch.rejections,
            events: batch.events,
        }
    }
}

impl From<&Error> for ServerMessage {
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

impl ServerMessage {
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("plain data always serializes")
    }
}

/// A message that the client sends.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum ClientMessage {
    /// The client has processed a batch.
    Ack { number: u64 },
    /// The client rejects a batch.
    Nack {
        number: u64,
        /// Recorded as the error of the attempt.
        #[serde(default)]
        reason: String,
    },
}

impl ClientMessage {
    /// Parses a message. Error: `api.invalid_field`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        crate::extract::from_json(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use types::Coded as _;

    #[test]
    fn client_messages_are_parsed_strictly() {
        assert_eq!(
            ClientMessage::parse(r#"{"type":"ack","number":7}"#).unwrap(),
            ClientMessage::Ack { number: 7 }
        );
        let nack = ClientMessage::Nack {
            number: 7,
            reason: "full".to_owned(),
        };
        assert_eq!(
            ClientMessage::parse(r#"{"type":"nack","number":7,"reason":"full"}"#).unwrap(),
            nack
        );
        for invalid in [
            "",
            "{}",
            "7",
            r#"{"type":"ack"}"#,
            r#"{"type":"ack","number":-1}"#,
            r#"{"type":"ack","number":1,"x":1}"#,
        ] {
            assert_eq!(
                ClientMessage::parse(invalid).unwrap_err().code().code,
                "api.invalid_field",
                "{invalid}"
            );
        }
    }

    #[test]
    fn server_messages_keep_their_format() {
        let batch = streams::Batch {
            number: 1,
            rejections: 0,
            events: vec![Json::parse(r#"{"n":1.10}"#).unwrap()],
        };
        assert_eq!(
            ServerMessage::from(batch).text(),
            r#"{"type":"batch","number":1,"rejections":0,"events":[{"n":1.10}]}"#
        );
        let error = Error::from(streams::Error::TakenOver);
        assert!(
            ServerMessage::from(&error)
                .text()
                .starts_with(r#"{"type":"error","code":"streams.taken_over","detail":""#)
        );
    }
}
