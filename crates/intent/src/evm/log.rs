//! An event log, and its JSON form as a chain event's body: `{"topics":["0x…"],"data":"0x…"}`.

use serde::Deserialize;
use std::borrow::Cow;

/// The EVM's limit on topics.
const MAX_TOPICS: usize = 4;

/// An event log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// At most four. The first is the hash of the event's signature, unless the event is anonymous.
    pub topics: Vec<[u8; 32]>,
    pub data: Vec<u8>,
}

#[derive(Deserialize)]
struct Body<'a> {
    topics: Vec<String>,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl Log {
    /// Parses a chain event's body. `None` if it does not have this form.
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

    /// Formats the log as a chain event's body.
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

    /// The first topic, as a chain event's topic. Empty if there is none.
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
