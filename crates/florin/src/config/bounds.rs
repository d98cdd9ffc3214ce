//! Bounds of every number. A setting out of bounds is rejected by name before anything is opened.

use super::Error;
use toml::{Table, Value};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const KIBIBYTE: i64 = 1 << 10;
const MEBIBYTE: i64 = 1 << 20;
const GIBIBYTE: i64 = 1 << 30;

/// The smallest and the largest value of each number of the configuration.
const BOUNDS: &[(&str, i64, i64)] = &[
    ("server.body_limit_bytes", KIBIBYTE, GIBIBYTE),
    ("server.concurrency", 1, 100_000),
    ("server.request_timeout_ms", 100, DAY_MS),
    ("server.shutdown_timeout_ms", 0, DAY_MS),
    ("store.writers", 1, 1_000),
    ("store.readers", 1, 1_000),
    ("store.lease_ms", 500, DAY_MS),
    ("tree_head.interval_ms", 10, DAY_MS),
    ("trace.sample_percent", 0, 100),
    ("policy.limits.document_bytes", 1, 64 * MEBIBYTE),
    ("policy.limits.policies_per_namespace", 1, 1_000_000),
    ("policy.limits.versions_per_policy", 1, 1_000_000),
    ("policy.limits.attachments_per_namespace", 1, 1_000_000),
    ("policy.limits.policies_per_decision", 1, 1_000),
    ("policy.limits.lists_per_namespace", 1, 100_000),
    ("policy.limits.entries_per_list", 1, 10_000_000),
    ("policy.limits.lookups_per_policy", 0, 10_000),
    ("policy.limits.lookup_bytes", 1, 64 * MEBIBYTE),
    ("policy.limits.lookup_ms", 1, DAY_MS),
    ("policy.limits.input_bytes", KIBIBYTE, 64 * MEBIBYTE),
    ("policy.limits.instructions", 1, 1_000_000_000),
    ("policy.limits.evaluation_ms", 1, MINUTE_MS),
    ("policy.limits.threads", 1, 256),
    ("policy.opa.timeout_ms", 1, MINUTE_MS),
    // An envelope below the quote would reject every signature.
    ("policy.envelope.gas_percent", 100, 100_000),
    ("policy.envelope.fee_percent", 100, 100_000),
    ("policy.envelope.signatures", 1, 1_000),
    ("policy.envelope.validity_ms", SECOND_MS, 7 * DAY_MS),
    ("policy.cancel_envelope.gas_percent", 100, 100_000),
    ("policy.cancel_envelope.fee_percent", 100, 100_000),
    ("policy.cancel_envelope.signatures", 1, 1_000),
    ("policy.cancel_envelope.validity_ms", SECOND_MS, 7 * DAY_MS),
    ("keys.cached_branches", 1, 1_000_000),
    ("keys.backend_deadline_ms", 1, DAY_MS),
    ("submit.shards", 1, 1_024),
    ("submit.in_flight_per_lane", 1, 10_000),
    ("submit.waiting_per_lane", 1, 10_000_000),
    ("submit.rebroadcast_ms", 100, DAY_MS),
    ("submit.retry_backoff_ms", 1, MINUTE_MS),
    ("contracts.contracts_per_namespace", 1, 10_000_000),
    ("contracts.interfaces_per_namespace", 1, 1_000_000),
    ("contracts.interface_bytes", KIBIBYTE, 64 * MEBIBYTE),
    ("contracts.verify_after_ms", 1_000, 600_000),
    ("contracts.verify_timeout_ms", 100, 60_000),
    ("workflow.shards", 1, 1_024),
    ("workflow.in_flight", 1, 100_000),
    ("workflow.in_flight_per_namespace", 1, 100_000),
    ("workflow.steps_per_turn", 1, 100_000),
    ("workflow.expressions", 1, 256),
    ("workflow.expressions_per_namespace", 1, 256),
    ("workflow.expression_ms", 1, 10 * MINUTE_MS),
    ("workflow.expression_mb", 32, 65_536),
    ("workflow.value_bytes", KIBIBYTE, 64 * MEBIBYTE),
    ("workflow.context_bytes", KIBIBYTE, GIBIBYTE),
    ("workflow.http_timeout_ms", 1, DAY_MS),
    ("workflow.poll_submission_ms", 1, DAY_MS),
    ("workflow.named_objects_per_namespace", 1, 10_000_000),
    ("workflow.versions_per_task", 1, 10_000_000),
    ("workflow.open_runs_per_namespace", 1, 100_000_000),
    ("workflow.queued_runs_per_listener", 1, 1_000_000),
    ("streams.subscriptions_per_namespace", 1, 100_000),
    ("streams.backlog_per_subscription", 1, 10_000_000),
    ("streams.dead_letters_per_subscription", 1, 10_000_000),
    ("streams.in_flight", 1, 10_000),
    ("streams.in_flight_per_namespace", 1, 10_000),
    ("outbound.connect_timeout_ms", 1, DAY_MS),
];

/// Settings that are at most as large as another one.
const AT_MOST: &[(&str, &str)] = &[
    ("workflow.in_flight_per_namespace", "workflow.in_flight"),
    ("workflow.expressions_per_namespace", "workflow.expressions"),
    ("streams.in_flight_per_namespace", "streams.in_flight"),
];

/// Check the numbers of a configuration that has every setting.
pub(super) fn check(config: &Table) -> Result<(), Error> {
    for (setting, min, max) in BOUNDS {
        let value = number(config, setting)?;
        if !(*min..=*max).contains(&value) {
            return Err(rejected(
                setting,
                format!("expected {min} to {max}, got {value}"),
            ));
        }
    }
    for (setting, bound) in AT_MOST {
        let (value, max) = (number(config, setting)?, number(config, bound)?);
        if value > max {
            return Err(rejected(
                setting,
                format!("{value} is greater than {bound} ({max})"),
            ));
        }
    }
    Ok(())
}

fn number(config: &Table, setting: &str) -> Result<i64, Error> {
    let mut names = setting.split('.');
    let first = names.next().and_then(|name| config.get(name));
    let value = names.fold(first, |value, name| value?.get(name));
    value
        .and_then(Value::as_integer)
        .ok_or_else(|| rejected(setting, "expected a whole number".to_owned()))
}

fn rejected(setting: &str, why: String) -> Error {
    Error::Setting {
        setting: setting.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::DEFAULT;

    fn collect_numbers(table: &Table, prefix: &str, names: &mut Vec<String>) {
        for (name, value) in table {
            match value {
                Value::Table(inner) => collect_numbers(inner, &format!("{prefix}{name}."), names),
                Value::Integer(_) => names.push(format!("{prefix}{name}")),
                _ => {}
            }
        }
    }

    #[test]
    fn each_number_of_the_reference_has_bounds() {
        let mut numbers = Vec::new();
        collect_numbers(&DEFAULT.parse().unwrap(), "", &mut numbers);
        let mut bounded: Vec<&str> = BOUNDS.iter().map(|(setting, ..)| *setting).collect();
        numbers.sort();
        bounded.sort_unstable();
        assert_eq!(numbers, bounded);
    }

    #[test]
    fn a_bound_itself_is_accepted_and_the_next_number_is_not() {
        let mut config: Table = DEFAULT.parse().unwrap();
        for (setting, min, max) in BOUNDS {
            let (section, name) = setting.rsplit_once('.').unwrap();
            let set = |value: i64| {
                let mut config = config.clone();
                let sections = section.split('.');
                let table = sections.fold(&mut config, |table, section| {
                    table[section].as_table_mut().unwrap()
                });
                table.insert(name.to_owned(), Value::Integer(value));
                check(&config)
            };
            let is_capped = AT_MOST
                .iter()
                .any(|(capped, bound)| capped == setting || bound == setting);
            assert!(
                is_capped || (set(*min).is_ok() && set(*max).is_ok()),
                "{setting}"
            );
            for outside in [min - 1, max + 1] {
                let error = set(outside).unwrap_err().to_string();
                assert!(error.starts_with(setting), "{error}");
            }
        }
        config.remove("outbound");
        assert!(check(&config).is_err());
    }
}
