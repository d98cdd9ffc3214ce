//! Bounds of every number. A setting out of bounds is rejected by name before anything is opened.

use super::{Config, Error};
use policy::EnvelopeRules;
use std::fmt::Display;

/// Upper bound of every duration.
const DAY_MS: u64 = 86_400_000;
const MEBIBYTE: usize = 1 << 20;

pub(super) fn check(config: &Config) -> Result<(), Error> {
    installation(config)?;
    policy(&config.policy)?;
    submit(&config.submit)?;
    workflow(&config.workflow)?;
    streams(&config.streams)
}

/// Check that a setting lies between two inclusive bounds.
fn between<T: PartialOrd + Display>(setting: &str, value: T, min: T, max: T) -> Result<(), Error> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(Error::Setting {
        setting: setting.to_owned(),
        why: format!("expected {min} to {max}, got {value}"),
    })
}

/// Check that a setting is not greater than the setting that bounds it.
fn at_most<T: PartialOrd + Display>(
    setting: &str,
    value: T,
    bound: (&str, T),
) -> Result<(), Error> {
    if value <= bound.1 {
        return Ok(());
    }
    let why = format!("{value} is greater than {} ({})", bound.0, bound.1);
    Err(Error::Setting {
        setting: setting.to_owned(),
        why,
    })
}

fn installation(config: &Config) -> Result<(), Error> {
    let (server, store) = (&config.server, &config.store);
    between(
        "server.body_limit_bytes",
        server.body_limit_bytes,
        1_024,
        1_024 * MEBIBYTE,
    )?;
    between("server.concurrency", server.concurrency, 1, 100_000)?;
    between(
        "server.request_timeout_ms",
        server.request_timeout_ms,
        100,
        DAY_MS,
    )?;
    between(
        "server.shutdown_timeout_ms",
        server.shutdown_timeout_ms,
        0,
        DAY_MS,
    )?;
    between("store.writers", store.writers, 1, 1_000)?;
    between("store.readers", store.readers, 1, 1_000)?;
    between("store.lease_ms", store.lease_ms, 500, DAY_MS)?;
    between(
        "tree_head.interval_ms",
        config.tree_head.interval_ms,
        10,
        DAY_MS,
    )?;
    between(
        "keys.cached_branches",
        config.keys.cached_branches,
        1,
        1_000_000,
    )?;
    between(
        "outbound.connect_timeout_ms",
        config.outbound.connect_timeout_ms,
        1,
        DAY_MS,
    )
}

fn policy(policy: &policy::Config) -> Result<(), Error> {
    let limits = &policy.limits;
    between(
        "policy.limits.document_bytes",
        limits.document_bytes,
        1,
        64 * MEBIBYTE,
    )?;
    between(
        "policy.limits.policies_per_namespace",
        limits.policies_per_namespace,
        1,
        1_000_000,
    )?;
    between(
        "policy.limits.versions_per_policy",
        limits.versions_per_policy,
        1,
        1_000_000,
    )?;
    between(
        "policy.limits.attachments_per_namespace",
        limits.attachments_per_namespace,
        1,
        1_000_000,
    )?;
    between(
        "policy.limits.policies_per_decision",
        limits.policies_per_decision,
        1,
        1_000,
    )?;
    between(
        "policy.limits.lookups_per_policy",
        limits.lookups_per_policy,
        0,
        10_000,
    )?;
    between(
        "policy.limits.lookup_bytes",
        limits.lookup_bytes,
        1,
        64 * MEBIBYTE,
    )?;
    between("policy.limits.lookup_ms", limits.lookup_ms, 1, DAY_MS)?;
    between(
        "policy.limits.input_bytes",
        limits.input_bytes,
        1_024,
        64 * MEBIBYTE,
    )?;
    between(
        "policy.limits.instructions",
        limits.instructions,
        1,
        1_000_000_000,
    )?;
    between(
        "policy.limits.evaluation_ms",
        limits.evaluation_ms,
        1,
        60_000,
    )?;
    between("policy.limits.threads", limits.threads, 1, 256)?;
    envelope("policy.envelope", &policy.envelope)?;
    envelope("policy.cancel_envelope", &policy.cancel_envelope)
}

fn envelope(section: &str, rules: &EnvelopeRules) -> Result<(), Error> {
    // An envelope below the quote would reject every signature.
    between(
        &format!("{section}.gas_percent"),
        rules.gas_percent,
        100,
        100_000,
    )?;
    between(
        &format!("{section}.fee_percent"),
        rules.fee_percent,
        100,
        100_000,
    )?;
    between(&format!("{section}.signatures"), rules.signatures, 1, 1_000)?;
    between(
        &format!("{section}.validity_ms"),
        rules.validity_ms,
        1_000,
        7 * 86_400_000,
    )
}

fn submit(submit: &submit::Settings) -> Result<(), Error> {
    between("submit.shards", submit.shards, 1, 1_024)?;
    between(
        "submit.in_flight_per_lane",
        submit.in_flight_per_lane,
        1,
        10_000,
    )?;
    between(
        "submit.waiting_per_lane",
        submit.waiting_per_lane,
        1,
        10_000_000,
    )?;
    between(
        "submit.rebroadcast_ms",
        submit.rebroadcast_ms,
        100,
        DAY_MS.cast_signed(),
    )?;
    between(
        "submit.retry_backoff_ms",
        submit.retry_backoff_ms,
        1,
        60_000,
    )
}

fn workflow(workflow: &workflow::Settings) -> Result<(), Error> {
    between("workflow.shards", workflow.shards, 1, 1_024)?;
    between("workflow.in_flight", workflow.in_flight, 1, 100_000)?;
    between(
        "workflow.in_flight_per_namespace",
        workflow.in_flight_per_namespace,
        1,
        100_000,
    )?;
    at_most(
        "workflow.in_flight_per_namespace",
        workflow.in_flight_per_namespace,
        ("workflow.in_flight", workflow.in_flight),
    )?;
    between(
        "workflow.steps_per_turn",
        workflow.steps_per_turn,
        1,
        100_000,
    )?;
    between("workflow.expressions", workflow.expressions, 1, 256)?;
    between(
        "workflow.expressions_per_namespace",
        workflow.expressions_per_namespace,
        1,
        256,
    )?;
    at_most(
        "workflow.expressions_per_namespace",
        workflow.expressions_per_namespace,
        ("workflow.expressions", workflow.expressions),
    )?;
    between("workflow.expression_ms", workflow.expression_ms, 1, 600_000)?;
    between("workflow.expression_mb", workflow.expression_mb, 32, 65_536)?;
    workflow_sizes(workflow)
}

fn workflow_sizes(workflow: &workflow::Settings) -> Result<(), Error> {
    between(
        "workflow.value_bytes",
        workflow.value_bytes,
        1_024,
        64 * MEBIBYTE,
    )?;
    between(
        "workflow.context_bytes",
        workflow.context_bytes,
        1_024,
        1_024 * MEBIBYTE,
    )?;
    between(
        "workflow.http_timeout_ms",
        workflow.http_timeout_ms,
        1,
        DAY_MS,
    )?;
    between(
        "workflow.poll_submission_ms",
        workflow.poll_submission_ms,
        1,
        DAY_MS.cast_signed(),
    )?;
    between(
        "workflow.named_objects_per_namespace",
        workflow.named_objects_per_namespace,
        1,
        10_000_000,
    )?;
    between(
        "workflow.versions_per_task",
        workflow.versions_per_task,
        1,
        10_000_000,
    )?;
    between(
        "workflow.open_runs_per_namespace",
        workflow.open_runs_per_namespace,
        1,
        100_000_000,
    )?;
    between(
        "workflow.queued_runs_per_listener",
        workflow.queued_runs_per_listener,
        1,
        1_000_000,
    )
}

fn streams(streams: &streams::Limits) -> Result<(), Error> {
    between(
        "streams.subscriptions_per_namespace",
        streams.subscriptions_per_namespace,
        1,
        100_000,
    )?;
    between(
        "streams.backlog_per_subscription",
        streams.backlog_per_subscription,
        1,
        10_000_000,
    )?;
    between(
        "streams.dead_letters_per_subscription",
        streams.dead_letters_per_subscription,
        1,
        10_000_000,
    )?;
    between("streams.in_flight", streams.in_flight, 1, 10_000)?;
    between(
        "streams.in_flight_per_namespace",
        streams.in_flight_per_namespace,
        1,
        10_000,
    )?;
    at_most(
        "streams.in_flight_per_namespace",
        streams.in_flight_per_namespace,
        ("streams.in_flight", streams.in_flight),
    )
}
