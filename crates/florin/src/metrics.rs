//! Gauges computed from the database. Every process reports the same values.

use crate::engines::Engines;
use metrics::gauge;
use std::sync::Arc;
use std::time::Duration;
use store::UnscopedTx;
use types::Height;

/// Interval between two refreshes of the gauges.
const REFRESH: Duration = Duration::from_secs(10);

/// Refresh the gauges until the process stops.
pub(crate) async fn refresh(engines: Arc<Engines>) {
    loop {
        if let Err(reason) = update(&engines).await {
            tracing::warn!(event = "metrics.refresh_failed", %reason, "gauges are not refreshed");
        }
        tokio::time::sleep(REFRESH).await;
    }
}

async fn update(engines: &Engines) -> anyhow::Result<()> {
    update_chains(engines).await?;
    update_submissions(&submit::metrics(&engines.submit).await?);
    let runs = workflow::metrics(&engines.workflow).await?;
    for state in ["queued", "running", "waiting", "failed", "parked"] {
        let count = runs
            .states
            .iter()
            .find(|(name, _)| name == state)
            .map_or(0, |(_, count)| *count);
        gauge!("florin_runs", "state" => state).set(as_f64(count));
    }
    gauge!("florin_runs_due").set(as_f64(runs.due));
    let streams = streams::metrics(&engines.streams).await?;
    gauge!("florin_deliveries_waiting").set(as_f64(streams.waiting));
    gauge!("florin_dead_letters").set(as_f64(streams.dead_letters));
    gauge!("florin_subscription_lag_facts").set(as_f64(streams.max_lag));
    Ok(())
}

fn update_submissions(metrics: &submit::Metrics) {
    for (chain, state, count) in &metrics.states {
        gauge!("florin_submissions", "chain" => chain.to_string(), "state" => state.as_str())
            .set(as_f64(*count));
    }
    for (chain, depth) in &metrics.depths {
        gauge!("florin_lane_depth", "chain" => chain.to_string()).set(as_f64(*depth));
    }
}

async fn update_chains(engines: &Engines) -> store::Result<()> {
    for (_, evm) in &engines.chains {
        let chain = evm.config().chain();
        let chain_id = chain;
        let read = move |tx: &mut UnscopedTx<'_, '_>| index::status(tx, &chain_id);
        let Some(status) = engines.db.read_unscoped(read).await? else {
            continue;
        };
        let height_value = |height: Height| i64::try_from(height.0).unwrap_or(i64::MAX);
        let head = status.head.map(|tip| height_value(tip.height));
        let finalized = status.finalized.map(|tip| height_value(tip.height));
        let chain = chain.to_string();
        if let Some(head) = head {
            gauge!("florin_chain_height", "chain" => chain.clone()).set(as_f64(head));
            gauge!("florin_chain_unfinal_blocks", "chain" => chain.clone())
                .set(as_f64(head - finalized.unwrap_or(0)));
        }
        if let Some(finalized) = finalized {
            gauge!("florin_chain_final_height", "chain" => chain.clone()).set(as_f64(finalized));
        }
        gauge!("florin_chain_halted", "chain" => chain).set(if status.halted.is_some() {
            1.0
        } else {
            0.0
        });
    }
    Ok(())
}

/// Prometheus values are floats; no amount of money is exported.
#[allow(clippy::cast_precision_loss)]
fn as_f64(count: i64) -> f64 {
    count as f64
}
