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
    use types::Amount;

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

    /// The page with the rows of a generated table replaced.
    fn with_table(page: &str, name: &str, head: &str, row: impl Fn(&str) -> String) -> String {
        let begin = format!("<!-- begin: {name}, generated -->\n");
        let end = format!("<!-- end: {name} -->\n");
        let (before, rest) = page.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        let rows: String = names().into_iter().map(row).collect();
        let rule = format!("|{}", "---|".repeat(head.matches('|').count() - 1));
        format!("{before}{begin}\n{head}\n{rule}\n{rows}\n{end}{after}")
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]
    fn the_reference_lists_the_presets() {
        const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/chains.md");
        let page = std::fs::read_to_string(PAGE).unwrap();
        let presets = "| preset | finality | pricing | poll interval |";
        let fees = "| preset | `max_tip`, gwei | `max_fee_per_gas`, gwei | `max_total_fee`, coins | `floor`, gwei | `gas.max` | `l1_fee` |";
        let expected = with_table(&page, "presets", presets, row);
        let expected = with_table(&expected, "fees", fees, fees_row);
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

    /// The limits on fees of a preset: prices in gwei, the total in whole coins.
    fn fees_row(name: &str) -> String {
        let fees = config(name).fees;
        let in_units = |wei: Amount, digits: usize| {
            let padded = format!("{:0>1$}", wei.to_string(), digits + 1);
            let (whole, part) = padded.split_at(padded.len() - digits);
            let number = format!("{whole}.{part}");
            number
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        };
        let gwei = |wei: Amount| in_units(wei, 9);
        let gas = config(name).gas.max;
        let l1 = config(name).l1_fee.map_or("–", |_| "`op_stack`");
        format!(
            "| `{name}` | {} | {} | {} | {} | {gas} | {l1} |\n",
            gwei(fees.max_tip),
            gwei(fees.max_fee_per_gas),
            in_units(fees.max_total_fee, 18),
            gwei(fees.floor),
        )
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
    fn every_preset_limits_fees() {
        for name in names() {
            let fees = config(name).fees;
            let limits = [
                fees.floor,
                fees.max_tip,
                fees.max_fee_per_gas,
                fees.max_total_fee,
            ];
            assert!(limits.is_sorted(), "{name}: {fees:?}");
            let ether = Amount::from_u128(10u128.pow(18));
            let dear = name != "polygon" && name != "avalanche";
            assert!(!dear || fees.max_total_fee <= ether, "{name}");
        }
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
