//! Merges written settings with a preset and the defaults, and deserializes the result.

use super::EvmConfig;
use crate::evm::presets;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

impl Serialize for EvmConfig {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        EvmConfig::serialize(self, s)
    }
}

impl<'de> Deserialize<'de> for EvmConfig {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut written = Map::deserialize(d)?;
        let base = match written.remove("preset") {
            Some(Value::String(name)) => {
                presets::find(&name).ok_or_else(|| D::Error::custom(unknown_preset(&name)))?
            }
            Some(_) => return Err(D::Error::custom("preset: expected a name")),
            None => Map::new(),
        };
        let settings = with_fees(merge(base, written)).map_err(D::Error::custom)?;
        let config = EvmConfig::deserialize(settings.clone())
            .map_err(D::Error::custom)?
            .validated()
            .map_err(D::Error::custom)?;
        reject_ignored_fields("finality", &settings, &config.finality).map_err(D::Error::custom)?;
        reject_ignored_fields("pricing", &settings, &config.pricing).map_err(D::Error::custom)?;
        Ok(config)
    }
}

/// serde ignores unknown fields next to the tag of a unit variant: every written field must appear
/// in the deserialized value.
fn reject_ignored_fields(
    section: &str,
    settings: &Value,
    read: &impl Serialize,
) -> Result<(), String> {
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

fn unknown_preset(name: &str) -> String {
    format!(
        "preset: unknown preset {name:?}; expected one of {}",
        presets::names().join(", ")
    )
}

/// A price at which a transaction is mined on most quiet networks: clients want 1 gwei by default.
const FLOOR: &str = "2000000000";

/// The settings with all limits on fees. Without a preset they have no default: nothing is known of
/// the value of the chain's coin.
fn with_fees(mut settings: Map<String, Value>) -> Result<Value, String> {
    let fees = settings
        .entry("fees")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(fees) = fees.as_object_mut() {
        let required = ["max_tip", "max_fee_per_gas", "max_total_fee"];
        if let Some(missing) = required.into_iter().find(|name| !fees.contains_key(*name)) {
            return Err(format!(
                "fees.{missing}: not set. A chain without a preset needs absolute limits on fees, \
                 in wei: fees = {{ max_tip = \"…\", max_fee_per_gas = \"…\", \
                 max_total_fee = \"…\" }}"
            ));
        }
        fees.entry("floor").or_insert_with(|| FLOOR.into());
    }
    Ok(Value::Object(settings))
}

/// Merges settings field by field, unless a section names another kind: its fields then have
/// another meaning.
fn merge(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in over {
        let value = match (base.remove(&name), value) {
            (Some(Value::Object(base)), Value::Object(over)) if same_kind(&base, &over) => {
                Value::Object(merge(base, over))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finality;
    use crate::evm::config::Pricing;
    use crate::evm::rpc::Limits;
    use types::Amount;

    fn read(json: &str) -> Result<EvmConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn written_settings_override_the_preset() {
        let config = read(
            r#"{"preset":"ethereum","number":11155111,"url":"https://n.example/k3y","limits":{"timeout_ms":7},
                "pricing":{"kind":"eip1559","min_tip":"9"},"fees":{"max_tip":"10"}}"#,
        )
        .unwrap();
        assert_eq!(
            (config.number, config.limits.timeout_ms, config.limits.batch),
            (11_155_111, 7, Limits::default().batch)
        );
        assert!(matches!(config.finality, Finality::Tag { .. }));
        let Pricing::Eip1559 {
            min_tip,
            base_fee_percent,
            ..
        } = config.pricing
        else {
            panic!("{config:?}")
        };
        assert_eq!(
            (min_tip, base_fee_percent, config.fees.max_tip),
            (Amount::from(9), 200, Amount::from(10))
        );
        assert_eq!(
            config.fees.max_fee_per_gas,
            "500000000000".parse().unwrap(),
            "the preset's"
        );
        assert!(
            !serde_json::to_string(
                &read(r#"{"preset":"anvil","number":1,"url":"https://n.example/k3y"}"#).unwrap()
            )
            .unwrap()
            .contains("k3y")
        );
    }

    #[test]
    fn a_chain_without_a_preset_needs_limits_on_fees() {
        let chain = |fees: &str| read(&format!(r#"{{"number":1,"url":"http://h"{fees}}}"#));
        for (fees, missing) in [
            ("", "fees.max_tip"),
            (r#","fees":{"max_tip":"1"}"#, "fees.max_fee_per_gas"),
            (
                r#","fees":{"max_tip":"1","max_fee_per_gas":"2","floor":"0"}"#,
                "fees.max_total_fee",
            ),
            (r#","fees":{"tip":"1"}"#, "fees.max_tip"),
            (r#","fees":5"#, "invalid type"),
        ] {
            let error = chain(fees).unwrap_err();
            assert!(error.contains(missing), "{missing}: {error}");
        }
        let fees = r#","fees":{"max_tip":"1","max_fee_per_gas":"2","max_total_fee":"3"}"#;
        let fees = chain(fees).unwrap().fees;
        assert_eq!(
            (fees.max_total_fee, fees.floor),
            (Amount::from(3), FLOOR.parse().unwrap())
        );
    }

    #[test]
    fn another_kind_replaces_the_whole_section() {
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
    fn invalid_settings_are_rejected_by_name() {
        for (field, json) in [
            (
                "color",
                r#"{"preset":"base","number":1,"url":"http://h","color":1}"#,
            ),
            (
                "unknown preset \"mars\"",
                r#"{"number":1,"url":"http://h","preset":"mars"}"#,
            ),
            ("preset", r#"{"number":1,"url":"http://h","preset":7}"#),
            ("missing field `url`", r#"{"preset":"base","number":1}"#),
            ("number", r#"{"preset":"base","number":0,"url":"http://h"}"#),
            (
                "URL of a node",
                r#"{"preset":"base","number":1,"url":"ftp://h"}"#,
            ),
            (
                "json_depth",
                r#"{"preset":"base","number":1,"url":"http://h","limits":{"json_depth":3}}"#,
            ),
            (
                "retries",
                r#"{"preset":"base","number":1,"url":"http://h","retry":{"retries":3}}"#,
            ),
            (
                "scale_percent",
                r#"{"preset":"base","number":1,"url":"http://h","gas":{"scale_percent":99}}"#,
            ),
            (
                "percentile",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"eip1559","percentile":101}}"#,
            ),
            (
                "pricing.tip",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"fixed","fee_per_gas":"1","tip":"2"}}"#,
            ),
            (
                "history_blocks",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"eip1559","history_blocks":4}}"#,
            ),
            (
                "fees.max_tip",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"eip1559","min_tip":"10000000001"}}"#,
            ),
            (
                "fees.max_fee_per_gas",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"fixed","fee_per_gas":"50000000001"}}"#,
            ),
            (
                "fees.max_tip",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"fixed","fee_per_gas":"10000000001"}}"#,
            ),
            (
                "tip",
                r#"{"preset":"base","number":1,"url":"http://h","fees":{"tip":"1"}}"#,
            ),
            (
                "gas.max",
                r#"{"preset":"base","number":1,"url":"http://h","gas":{"max":0}}"#,
            ),
            (
                "errors",
                r#"{"preset":"base","number":1,"url":"http://h","errors":[{"class":"known"}]}"#,
            ),
            (
                "percentile",
                r#"{"preset":"base","number":1,"url":"http://h","pricing":{"kind":"zero","percentile":5}}"#,
            ),
            (
                "blocks",
                r#"{"preset":"base","number":1,"url":"http://h","finality":{"rule":"instant","blocks":5}}"#,
            ),
            (
                "attempts",
                r#"{"preset":"base","number":1,"url":"http://h","retry":{"attempts":0}}"#,
            ),
            (
                "response_bytes",
                r#"{"preset":"base","number":1,"url":"http://h","limits":{"response_bytes":0}}"#,
            ),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(field), "{field}: {error}");
        }
    }
}
