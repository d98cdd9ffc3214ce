//! The delivery of a subscription: a sink and its settings.

use super::{Limits, Mode, SINKS, Sink, SinkSettings};
use crate::error::{Error, Result};
use crate::secrets::SecretValues;
use outbound::AddressPolicy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The member that names the sink.
const TYPE: &str = "type";

/// How events are delivered: `{"type": "…", …}`, with the settings of the sink of that type. Stored
/// as it is written, with defaults, but without secret values.
#[derive(Clone)]
pub struct Delivery {
    pub(super) sink: &'static dyn Sink,
    settings: SinkSettings,
}

impl Delivery {
    fn parse(mut members: Map<String, Value>) -> std::result::Result<Self, String> {
        let name = match members.remove(TYPE) {
            Some(Value::String(name)) => name,
            Some(_) => return Err("type: expected a text".to_owned()),
            None => return Err("missing field `type`".to_owned()),
        };
        let Some(sink) = (SINKS.iter().copied()).find(|sink| sink.doc().name == name) else {
            let known = super::names(|_| true);
            return Err(format!("unknown type `{name}`, expected {known}"));
        };
        let settings = SinkSettings::parse(sink.doc().fields, members)?;
        Ok(Self { sink, settings })
    }

    /// The name of its sink: `webhook`.
    pub(crate) fn sink(&self) -> &'static str {
        self.sink.doc().name
    }

    pub(crate) fn settings(&self) -> &SinkSettings {
        &self.settings
    }

    pub(crate) fn is_pushed(&self) -> bool {
        self.sink.doc().mode == Mode::Push
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.sink.doc().signs
    }

    pub(crate) fn limits(&self) -> Limits {
        self.sink.limits(&self.settings)
    }

    /// Errors: [`Error::InvalidField`] with the field.
    pub(crate) fn check(&self, policy: &AddressPolicy) -> Result<()> {
        self.settings.check_ranges(self.sink.doc().fields)?;
        self.sink.check(&self.settings, policy)
    }

    /// Remove the secret values, and return them.
    pub(crate) fn split_secrets(&mut self) -> SecretValues {
        let mut values = SecretValues::new();
        for name in self.secret_fields() {
            if let Some(texts) = self.settings.texts(name) {
                let empty = texts.keys().map(|key| (key.clone(), String::new()));
                self.settings.set_texts(name, empty.collect());
                values.insert(name.to_owned(), texts);
            }
        }
        values
    }

    /// Fill in current secret values: a caller cannot read them, so it may omit them in a change.
    pub(crate) fn keep_secrets(&mut self, current: &SecretValues) {
        let none = BTreeMap::new();
        for name in self.secret_fields() {
            let current = current.get(name).unwrap_or(&none);
            let mut texts = self.settings.texts(name).unwrap_or_else(|| current.clone());
            for (key, text) in texts.iter_mut().filter(|(_, text)| text.is_empty()) {
                *text = current.get(key).cloned().unwrap_or_default();
            }
            self.settings.set_texts(name, texts);
        }
    }

    fn secret_fields(&self) -> impl Iterator<Item = &'static str> + use<> {
        let secret = (self.sink.doc().fields.iter()).filter(|field| field.is_secret());
        secret.map(|field| field.name)
    }

    /// Errors: [`Error::DeliveryTypeMismatch`] unless another delivery has the same type.
    pub(crate) fn check_same_type(&self, other: &Self) -> Result<()> {
        if self.sink() == other.sink() {
            return Ok(());
        }
        Err(Error::DeliveryTypeMismatch {
            expected: self.sink().to_owned(),
        })
    }
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        self.sink() == other.sink() && self.settings == other.settings
    }
}

impl Eq for Delivery {}

impl std::fmt::Debug for Delivery {
    /// Omits the settings: headers and the query of a URL may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.sink())
    }
}

impl Serialize for Delivery {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let kind = Value::from(self.sink());
        let members = self.settings.members().iter();
        let named = members.map(|(name, value)| (name.as_str(), value));
        s.collect_map(std::iter::once((TYPE, &kind)).chain(named))
    }
}

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Self::parse(Map::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}
