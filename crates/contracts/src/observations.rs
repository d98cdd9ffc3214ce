//! What the chain last said of contracts, kept in this process for all namespaces.

use crate::{Error, Result};
use chain::{BlockRef, Connector, ContractState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use types::{Cache, ChainId, Clock, Time};

/// Contracts of which an observation is kept.
const MAX_OBSERVATIONS: usize = 10_000;
/// How long a failure is repeated, and an address believed to have no code, before the chain is
/// asked again.
const SHORT_MS: i64 = 1_000;

/// What the chain says of one contract; none where it has no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The final block that it was read at.
    pub(crate) block: BlockRef,
    pub(crate) state: Option<ContractState>,
    /// At the newest block, which may still be reverted.
    pub(crate) newest: Option<ContractState>,
}

struct Kept {
    at: Time,
    observed: Result<Observation>,
}

/// One slot per contract; its lock is held while the chain is asked.
pub(crate) struct Observations {
    slots: Cache<(ChainId, String), Mutex<Option<Kept>>>,
}

impl Default for Observations {
    fn default() -> Self {
        Self {
            slots: Cache::new(MAX_OBSERVATIONS),
        }
    }
}

/// How long an observation is believed, and waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freshness {
    pub(crate) max_age_ms: i64,
    pub(crate) timeout_ms: u64,
}

impl Observations {
    /// What the chain says of a contract, or said recently. Concurrent callers wait for one reading.
    pub(crate) async fn recent(
        &self,
        connector: &dyn Connector,
        address: &str,
        clock: &dyn Clock,
        freshness: Freshness,
    ) -> Result<Observation> {
        let slot = self.slot(connector, address);
        let mut kept = slot.lock().await;
        let now = clock.now();
        let is_fresh = |kept: &&Kept| kept.is_fresh(now, freshness.max_age_ms);
        if let Some(kept) = kept.as_ref().filter(is_fresh) {
            return kept.observed.clone();
        }
        let limit = Duration::from_millis(freshness.timeout_ms);
        let observed = tokio::time::timeout(limit, observe(connector, address)).await;
        let observed = observed.unwrap_or_else(|_| Err(unanswered(connector, limit)));
        *kept = Some(Kept {
            at: now,
            observed: observed.clone(),
        });
        observed
    }

    /// What the chain says now, which is also kept.
    pub(crate) async fn now(
        &self,
        connector: &dyn Connector,
        address: &str,
        clock: &dyn Clock,
    ) -> Result<Observation> {
        let slot = self.slot(connector, address);
        let mut kept = slot.lock().await;
        let observed = observe(connector, address).await;
        *kept = Some(Kept {
            at: clock.now(),
            observed: observed.clone(),
        });
        observed
    }

    fn slot(&self, connector: &dyn Connector, address: &str) -> Arc<Mutex<Option<Kept>>> {
        let key = (*connector.chain(), address.to_owned());
        self.slots.get_or_default(key)
    }
}

impl Kept {
    /// A clock that went back makes everything stale.
    fn is_fresh(&self, now: Time, max_age_ms: i64) -> bool {
        let has_code = |observed: &Observation| observed.state.is_some();
        let limit_ms = if self.observed.as_ref().is_ok_and(has_code) {
            max_age_ms
        } else {
            SHORT_MS.min(max_age_ms)
        };
        let age_ms = now.millis() - self.at.millis();
        (0..limit_ms).contains(&age_ms)
    }
}

async fn observe(connector: &dyn Connector, address: &str) -> Result<Observation> {
    let block = chain::final_block(connector).await?;
    let chain = *connector.chain();
    let block = block.ok_or(Error::NoFinalBlock { chain })?;
    let head = connector.head().await?;
    let state = connector.contract(address, &block).await?;
    let newest = if head.hash == block.hash {
        state.clone()
    } else {
        connector.contract(address, &head).await?
    };
    Ok(Observation {
        block,
        state,
        newest,
    })
}

fn unanswered(connector: &dyn Connector, limit: Duration) -> Error {
    Error::Chain(chain::Error::Unreachable {
        chain: connector.chain().to_string(),
        why: format!("no answer within {} ms", limit.as_millis()),
    })
}
