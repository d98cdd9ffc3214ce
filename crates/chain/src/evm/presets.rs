//! Chains whose rules are known, as data: finality, pricing, pace. `presets.json` is the list.
//!
//! The depths are what the field waits for beside the chain's own word (Base 20, Polygon 50). On
//! QBFT a block is final as soon as it is one. Avalanche's blocks are final when they are accepted;
//! one block on top spares a look at a node that is just behind.

use serde_json::{Map, Value};
use std::sync::LazyLock;

static PRESETS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("presets.json")).unwrap_or_default());

/// The names of all presets.
pub fn names() -> Vec<&'static str> {
    PRESETS.keys().map(String::as_str).collect()
}

/// The settings of a preset, as they would be written.
pub(super) fn find(name: &str) -> Option<Map<String, Value>> {
    PRESETS.get(name)?.as_object().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finality;
    use crate::evm::{EvmConfig, Pricing};

    fn config(name: &str) -> EvmConfig {
        EvmConfig::preset(name, 7, "http://127.0.0.1".parse().unwrap()).unwrap()
    }

    #[test]
    fn every_preset_reads() {
        assert!(names().len() >= 7);
        for name in names() {
            assert_eq!(config(name).number, 7, "{name}");
        }
        assert!(EvmConfig::preset("mars", 7, "http://h".parse().unwrap()).is_err());
        assert!(EvmConfig::preset("anvil", 0, "http://h".parse().unwrap()).is_err());
    }

    #[test]
    fn permissioned_networks_are_free_and_final_at_once() {
        for name in ["besu-qbft", "quorum-qbft"] {
            assert_eq!(
                (config(name).finality, config(name).pricing),
                (Finality::Instant, Pricing::Zero)
            );
        }
    }
}
