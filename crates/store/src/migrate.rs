//! Migrations: one directory for both engines, append-only. Each is applied once and recorded with
//! its hash.

use crate::engine::{Connection, EngineResult, Failure};
use crate::table::migration::{self as table, Migration};
use crate::{Error, sql};
use types::{Digest, Time};

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../migrations/", $name, ".sql")))),*]
    };
}

/// All migrations, in order. A file never changes after its release.
const MIGRATIONS: &[(&str, &str)] = migrations![
    "0001_store",
    "0002_secrets",
    "0003_keys",
    "0004_policy",
    "0005_data",
    "0006_index",
    "0007_submit",
    "0008_workflow",
    "0009_streams",
    "0010_api",
    "0011_contracts",
    "0012_contracts",
    "0013_policy",
    "0014_submit",
    "0015_workflow",
    "0016_data",
    "0017_policy",
    "0018_submit",
    "0019_submit",
];

/// Apply the migrations that are missing. Concurrent processes wait for each other.
pub(crate) fn migrate(connection: &mut dyn Connection, now: Time) -> Result<(), Error> {
    let outcome = apply_all(connection, now);
    if outcome.is_err() {
        connection.rollback();
    }
    outcome.map_err(|failure| match failure {
        Failure::Contended => Error::Contended { attempts: 1 },
        Failure::Disconnected(error) | Failure::Failed(error) => error,
    })
}

fn apply_all(connection: &mut dyn Connection, now: Time) -> EngineResult<()> {
    table::begin(connection)?;
    let applied = table::all(connection)?;
    check(&applied)?;
    for (name, text) in &MIGRATIONS[applied.len()..] {
        let ddl = sql::ddl(connection.dialect(), text);
        connection.script(&ddl)?;
        let applied = Migration {
            name: (*name).to_owned(),
            hash: hash_of(text),
            applied_at: now,
        };
        table::insert(connection, applied)?;
    }
    connection.commit()
}

/// Check that the applied migrations are the first ones of this release, in the same order.
fn check(applied: &[Migration]) -> Result<(), Error> {
    for (index, Migration { name, hash, .. }) in applied.iter().enumerate() {
        let known = MIGRATIONS.get(index);
        match known {
            Some((known_name, text)) if known_name == name && hash_of(text) == *hash => {}
            Some((known_name, _)) if known_name == name => {
                return Err(Error::UnknownMigration {
                    why: format!("migration {name} was applied with another content"),
                });
            }
            _ => {
                return Err(Error::UnknownMigration {
                    why: format!(
                        "migration {name} is not known to this release: run the newer release that created it, or restore a backup from before"
                    ),
                });
            }
        }
    }
    Ok(())
}

fn hash_of(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}
