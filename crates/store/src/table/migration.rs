//! The applied migrations.

use super::query;
use crate::engine::{Connection, EngineResult, Mode};
use crate::{Record as _, sql};
use types::{Digest, Time};

/// An applied migration.
#[derive(store::Record)]
#[record(table = "schema_migration", global)]
pub(crate) struct Migration {
    pub(crate) name: String,
    /// The hash of its text.
    pub(crate) hash: Digest,
    pub(crate) applied_at: Time,
}

/// Begin the transaction of a migration; concurrent processes wait here.
pub(crate) fn begin(connection: &mut dyn Connection) -> EngineResult<()> {
    connection.begin(Mode::Migrate)?;
    let table = "CREATE TABLE IF NOT EXISTS schema_migration (\n  name TEXT NOT NULL,\n  hash BLOB NOT NULL,\n  \
                  applied_at BIGINT NOT NULL,\n  PRIMARY KEY (name)\n);";
    let table = sql::ddl(connection.dialect(), table);
    connection.script(&table)
}

/// List the applied migrations, in order.
pub(crate) fn all(connection: &mut dyn Connection) -> EngineResult<Vec<Migration>> {
    query(connection, &Migration::select("ORDER BY name"), ())
}

/// Record an applied migration.
pub(crate) fn insert(connection: &mut dyn Connection, applied: Migration) -> EngineResult<()> {
    super::insert(connection, &[applied])
}
