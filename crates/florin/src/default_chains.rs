//! Keeps the default chain of each namespace in memory: loaded at start and after every change by
//! any process.

use crate::adapters::DefaultChains;
use api::access::{NamespacesRevision, namespaces_changed_since};
use std::sync::Arc;
use std::time::Duration;
use store::Db;

/// Interval between two checks for changes by other processes.
const REFRESH: Duration = Duration::from_secs(1);

/// Reload if a namespace changed after `revision`. Returns the current revision.
pub(crate) async fn load(
    db: &Db,
    default_chains: &DefaultChains,
    revision: NamespacesRevision,
) -> api::Result<NamespacesRevision> {
    let Some((revision, rows)) = namespaces_changed_since(db, revision).await? else {
        return Ok(revision);
    };
    default_chains.replace(
        rows.into_iter()
            .filter_map(|row| row.default_chain.map(|chain| (row.name, chain)))
            .collect(),
    );
    Ok(revision)
}

/// Reload after changes until the process stops.
pub(crate) async fn refresh(db: Db, default_chains: Arc<DefaultChains>) {
    let mut revision = NamespacesRevision::default();
    loop {
        crate::clock::sleep(REFRESH).await;
        match load(&db, &default_chains, revision).await {
            Ok(current) => revision = current,
            Err(error) => {
                tracing::warn!(event = "default_chain.refresh_failed", %error, "default chains are not refreshed")
            }
        }
    }
}
