//! A log in bytes, and as the body of a chain event: `{"topics":["0x…"],"data":"0x…"}`.

use serde::Deserialize;
use std::borrow::Cow;

/// A log has at most four topics.
const MAX_TOPICS: usize = 4;

/// What a contract logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// At most four words; the first is the event's signature, unless it is anonymous.
    pub topics: Vec<[u8; 32]>,
    /// The rest.
    pub data: Vec<u8>,
}

#[derive(Deserialize)]
struct Body<'a> {
    topics: Vec<String>,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl Log {
    /// From a chain event's body; none if it is not of this form.
    pub fn from_body(body: &str) -> Option<Self> {
        let body: Body<'_> = serde_json::from_str(body).ok()?;
        if body.topics.len() > MAX_TOPICS {
            return None;
        }
        let topics = body
            .topics
            .iter()
            .map(|topic| word(topic))
            .collect::<Option<_>>()?;
        Some(Self {
            topics,
            data: hex::decode(body.data.strip_prefix("0x")?).ok()?,
        })
    }

    /// As a chain event's body.
    pub fn to_body(&self) -> String {
        let topics: Vec<String> = self
            .topics
            .iter()
            .map(|topic| format!("\"0x{}\"", hex::encode(topic)))
            .collect();
        format!(
            "{{\"topics\":[{}],\"data\":\"0x{}\"}}",
            topics.join(","),
            hex::encode(&self.data)
        )
    }

    /// As a chain event's topic: the first of them, empty if there is none.
    pub fn topic(&self) -> String {
        self.topics
            .first()
            .map(|topic| format!("0x{}", hex::encode(topic)))
            .unwrap_or_default()
    }
}

fn word(text: &str) -> Option<[u8; 32]> {
    let mut word = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut word).ok()?;
    Some(word)
}
