//! A table of the tests: `note`.

use testkit::TestDb;

/// Create the table.
pub(crate) async fn create(test: &TestDb) {
    let lease = test.lease("note/0").await;
    let create = test.db.on(&lease).write_unscoped(|tx| {
        tx.execute(
            "CREATE TABLE note (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))",
            (),
        )
    });
    create.await.map_err(|e: store::Error| e).unwrap();
}
