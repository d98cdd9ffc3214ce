use std::sync::Arc;
use store::{Config, Db, Error, LeaseClock};
use testkit::{ManualClock, SeededEntropy};

async fn open(config: Config) -> store::Result<Db> {
    Db::open(
        config,
        Arc::new(ManualClock::default()),
        Arc::new(SeededEntropy::new(1)),
        LeaseClock::Injected,
    )
    .await
}

/// Several processes start on an empty database at once: on PostgreSQL they wait for each other, on
/// SQLite one of them gets the file.
#[tokio::test(flavor = "multi_thread")]
async fn many_start_on_an_empty_database() {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = || Config::Sqlite {
        path: dir.path().join("t.db"),
        readers: 1,
    };
    let opened: Vec<_> = futures::future::join_all((0..5).map(|_| open(sqlite()))).await;
    assert_eq!(opened.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        opened
            .iter()
            .flat_map(|result| result.as_ref().err())
            .all(|error| matches!(error, Error::Locked { .. }))
    );

    let Some(server) = testkit::postgres::fresh_database() else {
        return;
    };
    let postgres = || Config::Postgres {
        url: server.url().to_owned(),
        writers: 1,
        readers: 1,
    };
    let opened: Vec<_> = futures::future::join_all((0..5).map(|_| open(postgres()))).await;
    for result in &opened {
        assert!(result.is_ok(), "{:?}", result.as_ref().err());
    }
    let twice = server.psql("SELECT name FROM schema_migration GROUP BY name HAVING COUNT(*) > 1");
    assert_eq!(twice.trim(), "");
}

/// A database of another release, or one whose schema was changed under a migration's name, is left
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_release_is_rejected() {
    let Some(server) = testkit::postgres::fresh_database() else {
        return;
    };
    let config = || Config::Postgres {
        url: server.url().to_owned(),
        writers: 1,
        readers: 1,
    };
    drop(open(config()).await.unwrap());
    server.psql("INSERT INTO schema_migration VALUES ('9999_later', sha256('x'), 0)");
    assert!(matches!(
        open(config()).await.err(),
        Some(Error::UnknownMigration { .. })
    ));
    server.psql("DELETE FROM schema_migration WHERE name = '9999_later'");
    drop(open(config()).await.unwrap());
    server.psql("UPDATE schema_migration SET hash = sha256('x') WHERE name = '0001_store'");
    assert!(matches!(
        open(config()).await.err(),
        Some(Error::UnknownMigration { .. })
    ));
}
