//! Default chains of namespaces: learnt at the start, and whenever any process has changed one.

use crate::wire::Homes;
use api::access::{Mark, namespaces_since};
use std::sync::Arc;
use std::time::Duration;
use store::Db;

/// How often a process looks whether another has changed one.
const REFRESH: Duration = Duration::from_secs(1);

/// Learn what has changed since a mark was given; the mark of now.
pub(crate) async fn learn(db: &Db, homes: &Homes, mark: Mark) -> api::Result<Mark> {
    let Some((mark, rows)) = namespaces_since(db, mark).await? else {
        return Ok(mark);
    };
    homes.learn(
        rows.into_iter()
            .filter_map(|row| row.default_chain.map(|chain| (row.name, chain)))
            .collect(),
    );
    Ok(mark)
}

/// Learn of changes, for as long as the process runs.
pub(crate) async fn refresh(db: Db, homes: Arc<Homes>) {
    let mut mark = Mark::default();
    loop {
        tokio::time::sleep(REFRESH).await;
        match learn(&db, &homes, mark).await {
            Ok(now) => mark = now,
            Err(error) => tracing::warn!(%error, "changes of default chains are not learnt now"),
        }
    }
}
