//! Gauges of what stands in the database. Every process that serves the API tells the same.

use crate::engines::Engines;
use metrics::gauge;
use std::sync::Arc;
use std::time::Duration;
use store::Unbound;
use types::Height;

/// How old a gauge may be.
const REFRESH: Duration = Duration::from_secs(10);

/// Keep the gauges, for as long as the process runs.
pub(crate) async fn refresh(engines: Arc<Engines>) {
    loop {
        if let Err(why) = tell(&engines).await {
            tracing::warn!(why, "the gauges are not told now");
        }
        tokio::time::sleep(REFRESH).await;
    }
}

async fn tell(engines: &Engines) -> Result<(), String> {
    chains(engines).await.map_err(words)?;
    submissions(&submit::figures(&engines.submit).await.map_err(words)?);
    let runs = workflow::figures(&engines.workflow).await.map_err(words)?;
    for state in ["queued", "running", "waiting", "failed", "parked"] {
        let count = runs
            .states
            .iter()
            .find(|(name, _)| name == state)
            .map_or(0, |(_, count)| *count);
        gauge!("florin_runs", "state" => state).set(number(count));
    }
    gauge!("florin_runs_due").set(number(runs.due));
    let streams = streams::figures(&engines.streams).await.map_err(words)?;
    gauge!("florin_deliveries_waiting").set(number(streams.waiting));
    gauge!("florin_dead_letters").set(number(streams.dead));
    gauge!("florin_subscription_lag_facts").set(number(streams.behind));
    Ok(())
}

fn submissions(figures: &submit::Figures) {
    for (chain, state, count) in &figures.states {
        gauge!("florin_submissions", "chain" => chain.to_string(), "state" => state.as_str())
            .set(number(*count));
    }
    for (chain, depth) in &figures.depths {
        gauge!("florin_lane_depth", "chain" => chain.to_string()).set(number(*depth));
    }
}

async fn chains(engines: &Engines) -> store::Result<()> {
    for (_, evm) in &engines.chains {
        let chain = evm.config().chain();
        let named = chain.clone();
        let read = move |tx: &mut Unbound<'_, '_>| index::status(tx, &named);
        let Some(status) = engines.db.read_unbound(read).await? else {
            continue;
        };
        let signed = |height: Height| i64::try_from(height.0).unwrap_or(i64::MAX);
        let head = status.head.map(|tip| signed(tip.height));
        let finalized = status.finalized.map(|tip| signed(tip.height));
        let chain = chain.to_string();
        if let Some(head) = head {
            gauge!("florin_chain_height", "chain" => chain.clone()).set(number(head));
            gauge!("florin_chain_unfinal_blocks", "chain" => chain.clone())
                .set(number(head - finalized.unwrap_or(0)));
        }
        if let Some(finalized) = finalized {
            gauge!("florin_chain_final_height", "chain" => chain.clone()).set(number(finalized));
        }
        gauge!("florin_chain_halted", "chain" => chain).set(if status.halted.is_some() {
            1.0
        } else {
            0.0
        });
    }
    Ok(())
}

/// Prometheus counts in floats; no amount of money is ever among these.
#[allow(clippy::cast_precision_loss)]
fn number(count: i64) -> f64 {
    count as f64
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
