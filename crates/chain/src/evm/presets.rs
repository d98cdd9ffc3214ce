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
    fn permissioned_networks_have_free_gas_and_instant_finality() {
        for name in ["besu-qbft", "quorum-qbft"] {
            assert_eq!(
                (config(name).finality, config(name).pricing),
                (Finality::Instant, Pricing::Zero)
            );
        }
    }
}
