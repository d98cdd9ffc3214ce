//! What Florin itself says, by its API: everything ended well, and its books are the chain's.

use super::Slow;
use super::chain::set_up_by_first;
use crate::stage::judge::same;
use crate::torture::load::Kind;
use crate::torture::world::{PATIENCE, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Wait until every submission is final and every run has succeeded; an error at once if one ended
/// otherwise.
pub(super) fn all_is_done(world: &World) -> Result<(), String> {
    let limit_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let mut stands = Ok(vec!["nothing was looked at".to_owned()]);
    let mut slow = Slow::begin();
    let done = testkit::wait_until(limit_ms, || {
        stands = under_way(world);
        let is_over = !stands.as_ref().is_ok_and(|open| !open.is_empty());
        slow.tell(|| {
            stands
                .as_ref()
                .map(|open| open.join("; "))
                .unwrap_or_default()
        });
        if !is_over {
            std::thread::sleep(LOOK_EVERY);
        }
        is_over
    });
    match stands? {
        open if done && open.is_empty() => entered_once(world),
        open => Err(format!(
            "LOST: after {PATIENCE:?} there is still under way: {}",
            open.join("; ")
        )),
    }
}

/// What has not ended.
fn under_way(world: &World) -> Result<Vec<String>, String> {
    let (submissions, runs) = (world.list("/submissions")?, world.list("/runs")?);
    let mut open = Vec::new();
    for one in submissions.iter().chain(&runs) {
        let (state, id) = (
            one["state"].as_str().unwrap_or_default(),
            one["id"].as_str().unwrap_or_default(),
        );
        let told = || {
            format!(
                "{id} is {state}: {} {} {}",
                one["reason"], one["error"], one["waitsFor"]
            )
        };
        match state {
            "final" if one["outcome"] == "succeeded" => {}
            "succeeded" => {}
            "final" | "denied" | "expired" | "failed" | "replaced" | "cancelled" | "parked" => {
                return Err(told());
            }
            _ => open.push(told()),
        }
    }
    let expected = world.orders.len() + usize::try_from(set_up_by_first(world)).unwrap_or(0);
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
        return Err(format!(
            "TWICE: {} submissions for {expected} orders, {} runs for {ordered}",
            submissions.len(),
            runs.len()
        ));
    }
    Ok(open)
}

/// Each run made its entry in the data model, once.
fn entered_once(world: &World) -> Result<(), String> {
    let mut entries: BTreeMap<String, usize> = BTreeMap::new();
    for asset in world.list("/assets")? {
        *entries
            .entry(asset["name"].as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    for order in world.orders.iter().filter(|order| order.kind == Kind::Run) {
        same(
            &format!("entries of {}", order.key),
            entries.get(&order.key).copied(),
            Some(1),
        )?;
    }
    Ok(())
}

/// The books have what the chain has.
pub(super) fn balances(world: &World) -> Result<(), String> {
    for order in &world.orders {
        let found: Value = world.get(&format!("/addresses/{}/balances", order.to))?;
        let amount = order.amount.to_string();
        same(
            &format!("the books of {}", order.to),
            found["items"][0]["balanceAfter"].as_str(),
            Some(amount.as_str()),
        )?;
    }
    Ok(())
}
