//! Checks Florin's own API: all work succeeded, and the data model has the balances of the chain.

use super::SlowWait;
use super::chain::setup_transactions;
use crate::harness::judge::expect_eq;
use crate::torture::load::Kind;
use crate::torture::world::{TIMEOUT_MS, World};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Interval between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Wait until every submission is final and every run has succeeded. Fails at once if one ended in
/// another state.
pub(super) fn wait_until_done(world: &World) -> Result<()> {
    let mut open_work = Ok(vec!["nothing was checked".to_owned()]);
    let mut slow = SlowWait::start();
    let done = testkit::wait_until(TIMEOUT_MS, || {
        open_work = unfinished(world);
        let is_over = !open_work.as_ref().is_ok_and(|open| !open.is_empty());
        slow.print_once(|| {
            open_work
                .as_ref()
                .map(|open| open.join("; "))
                .unwrap_or_default()
        });
        if !is_over {
            std::thread::sleep(CHECK_INTERVAL);
        }
        is_over
    });
    match open_work? {
        open if done && open.is_empty() => assets_created_once(world),
        open => bail!(
            "LOST: after {TIMEOUT_MS} ms still unfinished: {}",
            open.join("; ")
        ),
    }
}

/// Submissions and runs that are unfinished.
fn unfinished(world: &World) -> Result<Vec<String>> {
    let (submissions, runs) = (world.list("/submissions")?, world.list("/runs")?);
    let mut open = Vec::new();
    for item in submissions.iter().chain(&runs) {
        let (state, id) = (
            item["state"].as_str().unwrap_or_default(),
            item["id"].as_str().unwrap_or_default(),
        );
        let description = || {
            format!(
                "{id} is {state}: {} {} {}",
                item["reason"], item["error"], item["waitsFor"]
            )
        };
        match state {
            "final" if item["outcome"] == "succeeded" => {}
            "succeeded" => {}
            "final" | "denied" | "expired" | "failed" | "replaced" | "cancelled" | "parked" => {
                bail!(description());
            }
            _ => open.push(description()),
        }
    }
    let expected = world.orders.len() + usize::try_from(setup_transactions(world)).unwrap_or(0);
    let ordered = world
        .orders
        .iter()
        .filter(|order| order.kind == Kind::Run)
        .count();
    if runs.len() < ordered || (open.is_empty() && submissions.len() < expected) {
        open.push(format!(
            "{} of {expected} submissions and {} of {ordered} runs",
            submissions.len(),
            runs.len()
        ));
    }
    if submissions.len() > expected || runs.len() > ordered {
        bail!(
            "TWICE: {} submissions for {expected} orders, {} runs for {ordered}",
            submissions.len(),
            runs.len()
        );
    }
    Ok(open)
}

/// Each run created its asset in the data model once.
fn assets_created_once(world: &World) -> Result<()> {
    let mut assets: BTreeMap<String, usize> = BTreeMap::new();
    for asset in world.list("/assets")? {
        *assets
            .entry(asset["name"].as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    for order in world.orders.iter().filter(|order| order.kind == Kind::Run) {
        expect_eq(
            &format!("assets of {}", order.key),
            assets.get(&order.key).copied(),
            Some(1),
        )?;
    }
    Ok(())
}

/// The balances in the data model match the amounts ordered.
pub(super) fn balances(world: &World) -> Result<()> {
    for order in &world.orders {
        let response: Value = world.get(&format!("/addresses/{}/balances", order.to))?;
        let amount = order.amount.to_string();
        expect_eq(
            &format!("balance of {}", order.to),
            response["items"][0]["balanceAfter"].as_str(),
            Some(amount.as_str()),
        )?;
    }
    Ok(())
}
