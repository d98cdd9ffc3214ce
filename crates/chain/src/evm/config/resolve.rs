//! Joins what a person wrote with a preset and the defaults, and reads the result as settings.

use super::{Check, EvmConfig, Gas, Pricing, Receipts};
use crate::evm::errors::{Client, ErrorRule};
use crate::evm::presets;
use crate::evm::rpc::{Limits, NodeUrl, Retry};
use crate::{Error, Finality, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The settings as they are written, after the preset has been filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    number: u64,
    url: NodeUrl,
    #[serde(default)]
    proxy: Option<NodeUrl>,
    #[serde(default)]
    client: Client,
    #[serde(default = "finality")]
    finality: Finality,
    #[serde(default)]
    pricing: Pricing,
    #[serde(default)]
    gas: Gas,
    #[serde(default = "poll_interval_ms")]
    poll_interval_ms: u64,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    retry: Retry,
    #[serde(default)]
    check: Check,
    #[serde(default)]
    receipts: Receipts,
    #[serde(default)]
    errors: Vec<ErrorRule>,
}

/// Where nothing is known of a chain: what the field waits for on public ones.
fn finality() -> Finality {
    Finality::Depth { blocks: 20 }
}

fn poll_interval_ms() -> u64 {
    1_000
}

impl<'de> Deserialize<'de> for EvmConfig {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let mut written = Map::deserialize(d)?;
        let base = match written.remove("preset") {
            Some(Value::String(name)) => {
                presets::find(&name).ok_or_else(|| D::Error::custom(no_preset(&name)))?
            }
            Some(_) => return Err(D::Error::custom("preset: expected a name")),
            None => Map::new(),
        };
        let settings = Value::Object(joined(base, written));
        let whole: Written = serde_json::from_value(settings.clone()).map_err(D::Error::custom)?;
        let config = EvmConfig::from(whole).checked().map_err(D::Error::custom)?;
        nothing_ignored("finality", &settings, &config.finality).map_err(D::Error::custom)?;
        nothing_ignored("pricing", &settings, &config.pricing).map_err(D::Error::custom)?;
        Ok(config)
    }
}

/// serde takes any fields beside the tag of a variant that has none: whatever was written must show
/// in what was read.
fn nothing_ignored(
    section: &str,
    settings: &Value,
    read: &impl Serialize,
) -> std::result::Result<(), String> {
    let read = serde_json::to_value(read).map_err(|error| error.to_string())?;
    let mut written = settings[section]
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    written
        .find(|name| read.get(name.as_str()).is_none())
        .map_or(Ok(()), |name| {
            Err(format!("{section}: unknown field `{name}`"))
        })
}

/// A preset's settings, for a chain and a node that are yet to be named.
pub(super) fn preset(name: &str) -> Result<EvmConfig> {
    let wrong = |why| Error::Config {
        field: "preset",
        why,
    };
    let mut settings = presets::find(name).ok_or_else(|| wrong(no_preset(name)))?;
    settings.insert("number".to_owned(), 0.into());
    settings.insert("url".to_owned(), "http://127.0.0.1".into());
    let written: Written = serde_json::from_value(Value::Object(settings))
        .map_err(|error| wrong(error.to_string()))?;
    Ok(written.into())
}

fn no_preset(name: &str) -> String {
    format!(
        "preset: there is no {name:?}, only {}",
        presets::names().join(", ")
    )
}

/// Settings over settings. Sections are joined field by field, unless one names another kind: then
/// its fields mean something else.
fn joined(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in over {
        let value = match (base.remove(&name), value) {
            (Some(Value::Object(base)), Value::Object(over)) if same_kind(&base, &over) => {
                Value::Object(joined(base, over))
            }
            (_, value) => value,
        };
        base.insert(name, value);
    }
    base
}

fn same_kind(base: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    ["kind", "rule"].iter().all(|tag| {
        over.get(*tag)
            .is_none_or(|kind| base.get(*tag) == Some(kind))
    })
}

impl From<Written> for EvmConfig {
    fn from(written: Written) -> Self {
        let Written {
            number,
            url,
            proxy,
            client,
            finality,
            pricing,
            gas,
            poll_interval_ms,
            ..
        } = written;
        let Written {
            limits,
            retry,
            check,
            receipts,
            errors,
            ..
        } = written;
        Self {
            number,
            url,
            proxy,
            client,
            finality,
            pricing,
            gas,
            poll_interval_ms,
            limits,
            retry,
            check,
            receipts,
            errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Amount;

    fn read(json: &str) -> std::result::Result<EvmConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_preset_and_what_is_written_over_it() {
        let config = read(
            r#"{"preset":"ethereum","number":11155111,"url":"https://n.example/k3y","limits":{"timeout_ms":7},
                "pricing":{"kind":"eip1559","max_fee_per_gas":"9"}}"#,
        )
        .unwrap();
        assert_eq!(
            (config.number, config.limits.timeout_ms, config.limits.batch),
            (11_155_111, 7, Limits::default().batch)
        );
        assert!(matches!(config.finality, Finality::Tag { .. }));
        let Pricing::Eip1559 {
            max_fee_per_gas,
            base_fee_percent,
            ..
        } = config.pricing
        else {
            panic!("{config:?}")
        };
        assert_eq!(
            (max_fee_per_gas, base_fee_percent),
            (Some(Amount::from(9)), 200)
        );
        assert!(
            !serde_json::to_string(&read(r#"{"number":1,"url":"https://n.example/k3y"}"#).unwrap())
                .unwrap()
                .contains("k3y")
        );
    }

    #[test]
    fn another_kind_replaces_the_presets_whole() {
        let config = read(
            r#"{"preset":"ethereum","number":1,"url":"http://h","pricing":{"kind":"zero"},
                "finality":{"rule":"depth","blocks":3}}"#,
        )
        .unwrap();
        assert_eq!(
            (config.pricing, config.finality),
            (Pricing::Zero, Finality::Depth { blocks: 3 })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        for (field, json) in [
            ("colour", r#"{"number":1,"url":"http://h","colour":1}"#),
            (
                "no \"mars\"",
                r#"{"number":1,"url":"http://h","preset":"mars"}"#,
            ),
            ("preset", r#"{"number":1,"url":"http://h","preset":7}"#),
            ("missing field `url`", r#"{"number":1}"#),
            ("number", r#"{"number":0,"url":"http://h"}"#),
            ("address of a node", r#"{"number":1,"url":"ftp://h"}"#),
            (
                "json_depth",
                r#"{"number":1,"url":"http://h","limits":{"json_depth":3}}"#,
            ),
            (
                "retries",
                r#"{"number":1,"url":"http://h","retry":{"retries":3}}"#,
            ),
            (
                "scale_percent",
                r#"{"number":1,"url":"http://h","gas":{"scale_percent":99}}"#,
            ),
            (
                "percentile",
                r#"{"number":1,"url":"http://h","pricing":{"kind":"eip1559","percentile":101}}"#,
            ),
            (
                "pricing.tip",
                r#"{"number":1,"url":"http://h","pricing":{"kind":"fixed","fee_per_gas":"1","tip":"2"}}"#,
            ),
            (
                "errors",
                r#"{"number":1,"url":"http://h","errors":[{"class":"known"}]}"#,
            ),
            (
                "percentile",
                r#"{"number":1,"url":"http://h","pricing":{"kind":"zero","percentile":5}}"#,
            ),
            (
                "blocks",
                r#"{"number":1,"url":"http://h","finality":{"rule":"instant","blocks":5}}"#,
            ),
            (
                "attempts",
                r#"{"number":1,"url":"http://h","retry":{"attempts":0}}"#,
            ),
            (
                "response_bytes",
                r#"{"number":1,"url":"http://h","limits":{"response_bytes":0}}"#,
            ),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(field), "{field}: {error}");
        }
    }
}
