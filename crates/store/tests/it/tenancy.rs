use store::Error;
use store::idempotency::{Claim, ClaimOutcome, claim};
use testkit::{namespace, on_each_engine};

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_its_namespace_does_not_run() {
    on_each_engine(|test| async move {
        let unscoped = test
            .db
            .read(&namespace("a"), |tx| {
                tx.rows::<(String,)>("SELECT key FROM idempotency", ())
            })
            .await;
        assert!(matches!(unscoped, Err(Error::MissingNamespace { .. })));
        let lease = test.lease("p/0").await;
        let deleted = test
            .db
            .on(&lease)
            .write(&namespace("a"), |tx| {
                tx.execute("DELETE FROM idempotency", ())
            })
            .await;
        assert!(matches!(deleted, Err(Error::MissingNamespace { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_in_two_namespaces_is_two_keys() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        for ns in ["a", "b"] {
            let claimed = test
                .db
                .on(&lease)
                .write(&namespace(ns), move |tx| {
                    claim(
                        tx,
                        "v",
                        &[Claim {
                            key: "k",
                            command_hash: None,
                            resource: format!("of {ns}"),
                        }],
                    )
                })
                .await
                .unwrap();
            assert_eq!(claimed, vec![ClaimOutcome::Fresh], "{ns}");
        }
        let seen = test
            .db
            .read(&namespace("b"), |tx| {
                tx.rows::<(String,)>("SELECT resource FROM idempotency WHERE namespace = ?ns", ())
            })
            .await
            .unwrap();
        assert_eq!(seen, vec![("of b".to_owned(),)]);
    })
    .await;
}
