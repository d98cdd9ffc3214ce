use store::idempotency::{Claim, ClaimOutcome, claim, release};
use testkit::{namespace, on_each_engine};
use types::Digest;

fn new_claim(key: &'static str, command: &[u8], resource: &str) -> Claim<'static> {
    Claim {
        key,
        command_hash: Some(Digest::of(command)),
        resource: resource.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_finds_its_resource_and_another_command_conflicts() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let ns = namespace("ns");
        let claim_all = |claims: Vec<Claim<'static>>| {
            test.db
                .on(&lease)
                .write(&ns, move |tx| claim(tx, "submit", &claims))
        };
        let replayed = |resource: &str| ClaimOutcome::Replayed {
            resource: resource.to_owned(),
        };
        let conflict = |resource: &str| ClaimOutcome::Conflict {
            resource: resource.to_owned(),
        };
        // Within one slice the first claim wins.
        let first = claim_all(vec![
            new_claim("k", b"pay 5", "sub:1"),
            new_claim("k", b"pay 5", "sub:2"),
            new_claim("k", b"pay 6", "sub:3"),
            new_claim("l", b"", "sub:4"),
        ])
        .await
        .unwrap();
        assert_eq!(
            first,
            vec![
                ClaimOutcome::Fresh,
                replayed("sub:1"),
                conflict("sub:1"),
                ClaimOutcome::Fresh
            ]
        );
        let later = claim_all(vec![
            new_claim("k", b"pay 5", "sub:5"),
            new_claim("k", b"pay 7", "sub:6"),
            Claim {
                key: "k",
                command_hash: None,
                resource: "sub:7".into(),
            },
        ])
        .await
        .unwrap();
        assert_eq!(
            later,
            vec![replayed("sub:1"), conflict("sub:1"), replayed("sub:1")]
        );
        test.db
            .on(&lease)
            .write(&ns, |tx| release(tx, "submit", "k"))
            .await
            .unwrap();
        assert_eq!(
            claim_all(vec![new_claim("k", b"pay 7", "sub:8")])
                .await
                .unwrap(),
            vec![ClaimOutcome::Fresh]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_concurrent_claims_one_is_fresh() {
    on_each_engine(|test| async move {
        let leases = [test.lease("p/0").await, test.lease("p/1").await];
        let ns = namespace("ns");
        let all = (0..40).map(|n| {
            test.db.on(&leases[n % 2]).write(&ns, move |tx| {
                claim(
                    tx,
                    "submit",
                    &[new_claim("k", b"pay 5", &format!("sub:{n}"))],
                )
            })
        });
        let results: Vec<ClaimOutcome> = futures::future::join_all(all)
            .await
            .into_iter()
            .flat_map(|a| a.unwrap())
            .collect();
        assert_eq!(
            results
                .iter()
                .filter(|a| **a == ClaimOutcome::Fresh)
                .count(),
            1
        );
        let resources: std::collections::BTreeSet<_> = results
            .iter()
            .filter_map(|a| match a {
                ClaimOutcome::Replayed { resource } => Some(resource.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(resources.len(), 1);
    })
    .await;
}

/// A slice of repeats is one query, however long, and stays within the limits of a closure.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_slice_of_repeats() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let claim_all = || {
            test.db.on(&lease).write(&namespace("ns"), |tx| {
                let keys: Vec<String> = (0..6_000).map(|n| format!("k{n}")).collect();
                let claims: Vec<Claim<'_>> = keys
                    .iter()
                    .map(|key| Claim {
                        key,
                        command_hash: None,
                        resource: format!("of {key}"),
                    })
                    .collect();
                claim(tx, "submit", &claims)
            })
        };
        assert!(
            claim_all()
                .await
                .unwrap()
                .iter()
                .all(|claimed| *claimed == ClaimOutcome::Fresh)
        );
        let again = claim_all().await.unwrap();
        assert_eq!(
            again[5_999],
            ClaimOutcome::Replayed {
                resource: "of k5999".into()
            }
        );
        assert!(
            again
                .iter()
                .all(|claimed| matches!(claimed, ClaimOutcome::Replayed { .. }))
        );
    })
    .await;
}

/// Two partitions on two connections race for one key, repeatedly: in every round one claim is
/// fresh and the other one is replayed.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_race_for_a_key() {
    on_each_engine(|test| async move {
        let leases = [test.lease("p/0").await, test.lease("p/1").await];
        for round in 0..150 {
            let claim_all = |n: usize| {
                test.db.on(&leases[n]).write(&namespace("ns"), move |tx| {
                    let key = format!("k{round}");
                    let _: Option<(String,)> = tx.row(
                        "SELECT resource FROM idempotency WHERE namespace = ?ns AND key = ?1",
                        (&key,),
                    )?;
                    claim(
                        tx,
                        "submit",
                        &[Claim {
                            key: &key,
                            command_hash: None,
                            resource: format!("by {n}"),
                        }],
                    )
                })
            };
            let (first, second) = tokio::join!(claim_all(0), claim_all(1));
            let (first, second) = (first.unwrap().remove(0), second.unwrap().remove(0));
            let fresh = [&first, &second]
                .into_iter()
                .filter(|claimed| **claimed == ClaimOutcome::Fresh)
                .count();
            assert_eq!(fresh, 1, "round {round}: {first:?} {second:?}");
        }
    })
    .await;
}
