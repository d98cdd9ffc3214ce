//! Presets for known networks: finality, pricing, poll interval. The list is `presets.json`.
//!
//! The depths are those commonly used in addition to the chain's own tag (Base 20, Polygon 50). On
//! QBFT a block is final at once. Avalanche's blocks are final when accepted; one block on top
//! covers a node that lags slightly.

use serde_json::{Map, Value};
use std::sync::LazyLock;

static PRESETS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("presets.json")).unwrap_or_default());

/// The names of all presets.
pub(super) fn names() -> Vec<&'static str> {
    PRESETS.keys().map(String::as_str).collect()
}

/// The settings of a preset, in their written form.
pub(super) fn find(name: &str) -> Option<Map<String, Value>> {
    PRESETS.get(name)?.as_object().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finality;
    use crate::evm::{EvmConfig, Pricing};
    use serde_json::json;

    fn read(name: &str, number: u64) -> serde_json::Result<EvmConfig> {
        let written = json!({ "preset": name, "number": number, "url": "http://127.0.0.1" });
        serde_json::from_value(written)
    }

    fn config(name: &str) -> EvmConfig {
        read(name, 7).unwrap()
    }

    #[test]
    fn every_preset_is_valid() {
        assert!(names().len() >= 7);
        for name in names() {
            assert_eq!(config(name).number, 7, "{name}");
        }
        assert!(read("mars", 7).is_err());
        assert!(read("anvil", 0).is_err());
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]
    fn the_reference_lists_the_presets() {
        const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/chains.md");
        const BEGIN: &str = "<!-- begin: presets, generated -->\n";
        const END: &str = "<!-- end: presets -->\n";
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let rows: String = names().into_iter().map(row).collect();
        let head = "| preset | finality | pricing | poll interval |\n|---|---|---|---|\n";
        let expected = format!("{before}{BEGIN}\n{head}{rows}\n{END}{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, expected).unwrap();
        } else {
            assert!(page == expected, "run this test with UPDATE_DOCS=1");
        }
    }

    fn row(name: &str) -> String {
        let preset = find(name).unwrap();
        let (finality, pricing) = (toml(&preset["finality"]), toml(&preset["pricing"]));
        let poll = &preset["poll_interval_ms"];
        format!("| `{name}` | `{finality}` | `{pricing}` | {poll} ms |\n")
    }

    fn toml(settings: &Value) -> String {
        let settings = settings.as_object().unwrap();
        let settings: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        format!("{{ {} }}", settings.join(", "))
    }

    #[test]
    fn permissioned_networks_have_free_gas_and_instant_finality() {
        for name in ["besu-qbft", "quorum-qbft"] {
            assert_eq!(
                (config(name).finality, config(name).pricing),
                (Finality::Instant, Pricing::Zero)
            );
        }
    }
}
