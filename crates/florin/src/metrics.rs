//! The recorder of metrics, and gauges computed from the database: every process reports the same
//! values.

use crate::engines::Engines;
use anyhow::{Context as _, Result};
use chain::evm::Evm;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::Arc;
use std::time::Duration;
use store::UnscopedTx;
use telemetry::{
    CHAIN_FINAL_HEIGHT, CHAIN_HALTED, CHAIN_HEIGHT, CHAIN_UNFINAL_BLOCKS, DEAD_LETTERS,
    DELIVERIES_WAITING, Kind, LANE_DEPTH, RPC_CALLS, RPC_FAILURES, RPC_RECEIVED_BYTES,
    RPC_REQUESTS, RPC_RETRIES, RUNS, RUNS_DUE, STATEMENTS, SUBMISSIONS, SUBSCRIPTION_LAG,
};
use types::Height;

/// Interval between two refreshes of the gauges.
const REFRESH: Duration = Duration::from_secs(10);

/// Install the recorder, with the buckets and the help of every metric.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in telemetry::ALL {
        if let Kind::Histogram { buckets } = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, buckets)?;
        }
    }
    let recorder = builder.install_recorder();
    let handle = recorder.context("cannot install the metrics recorder")?;
    telemetry::describe();
    Ok(handle)
}

/// Refresh the gauges until the process stops.
pub(crate) async fn refresh(engines: Arc<Engines>) {
    loop {
        if let Err(reason) = update(&engines).await {
            tracing::warn!(event = "metric.refresh_failed", reason = %format!("{reason:#}"), "gauges are not refreshed");
        }
        crate::clock::sleep(REFRESH).await;
    }
}

async fn update(engines: &Engines) -> Result<()> {
    for (_, evm) in &engines.chains {
        update_requests(evm);
        update_chain(engines, evm).await?;
    }
    let submissions = submit::metrics(&engines.submit).await?;
    for (chain, state, count) in &submissions.states {
        SUBMISSIONS.set(*count, [chain.to_string().into(), state.as_str().into()]);
    }
    for (chain, state, count) in &submissions.statements {
        STATEMENTS.set(*count, [chain.to_string().into(), state.as_str().into()]);
    }
    for (chain, depth) in &submissions.depths {
        LANE_DEPTH.set(*depth, [chain.to_string().into()]);
    }
    let runs = workflow::metrics(&engines.workflow).await?;
    for (state, count) in &runs.states {
        RUNS.set(*count, [state.as_str().into()]);
    }
    RUNS_DUE.set(runs.due, []);
    let streams = streams::metrics(&engines.streams).await?;
    DELIVERIES_WAITING.set(streams.waiting, []);
    DEAD_LETTERS.set(streams.dead_letters, []);
    SUBSCRIPTION_LAG.set(streams.max_lag, []);
    Ok(())
}

/// The connector counts its requests itself.
fn update_requests(evm: &Evm) {
    let counters = evm.counters();
    let chain = || evm.config().chain().to_string().into();
    RPC_REQUESTS.absolute(counters.requests, [chain()]);
    RPC_CALLS.absolute(counters.calls, [chain()]);
    RPC_RETRIES.absolute(counters.retries, [chain()]);
    RPC_RECEIVED_BYTES.absolute(counters.bytes, [chain()]);
    for (reason, count) in [
        ("unanswered", counters.unanswered),
        ("throttled", counters.throttled),
        ("invalid", counters.invalid),
    ] {
        RPC_FAILURES.absolute(count, [chain(), reason.into()]);
    }
}

async fn update_chain(engines: &Engines, evm: &Evm) -> store::Result<()> {
    let chain = evm.config().chain();
    let read = move |tx: &mut UnscopedTx| index::status(tx, &chain);
    let Some(status) = engines.db.read_unscoped(read).await? else {
        return Ok(());
    };
    let label = || [chain.to_string().into()];
    let as_value = |height: Height| i64::try_from(height.0).unwrap_or(i64::MAX);
    let finalized = status.finalized.map(|tip| as_value(tip.height));
    if let Some(head) = status.head.map(|tip| as_value(tip.height)) {
        CHAIN_HEIGHT.set(head, label());
        CHAIN_UNFINAL_BLOCKS.set(head - finalized.unwrap_or(0), label());
    }
    if let Some(finalized) = finalized {
        CHAIN_FINAL_HEIGHT.set(finalized, label());
    }
    CHAIN_HALTED.set(i64::from(status.halted.is_some()), label());
    Ok(())
}

#[cfg(test)]
mod docs {
    //! `docs/metrics.md` lists the metrics as declared. `UPDATE_DOCS=1` rewrites the list.
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]

    use std::fmt::Write as _;
    use telemetry::{Kind, Metric};

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    const BEGIN: &str = "<!-- begin: metrics, generated -->\n";
    const END: &str = "<!-- end: metrics -->\n";

    #[test]
    fn the_page_lists_the_metrics_as_declared() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, expected).unwrap();
        } else {
            assert!(page == expected, "run this test with UPDATE_DOCS=1");
        }
    }

    fn table() -> String {
        let mut text = "Declared in `crates/telemetry/src/declared.rs`; `pub use` in `lib.rs` next to it exports them.\n\n\
                        | metric | type | meaning |\n|---|---|---|\n"
            .to_owned();
        for metric in telemetry::ALL {
            let (name, kind, help) = (name(metric), kind(metric.kind), metric.help());
            writeln!(text, "| `{name}` | {kind} | {help} |").unwrap();
        }
        text
    }

    fn name(metric: &Metric) -> String {
        match metric.labels {
            [] => metric.name.to_owned(),
            labels => format!("{}{{{}}}", metric.name, labels.join(",")),
        }
    }

    fn kind(kind: Kind) -> &'static str {
        match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram { .. } => "histogram",
        }
    }
}
