//! Policies, their versions and attachments.

use crate::world::{ALLOW_ALL, World, controller, new_version, pay};
use policy::{Error, NewPolicy, NewVersion, Target};
use testkit::{namespace, on_each_engine};
use types::{Coded, Digest, Page};

const EXAMPLE: &str = include_str!("../../../../policies/example.json");

fn named(name: &str) -> NewPolicy {
    NewPolicy {
        name: Some(name.to_owned()),
        ..NewPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_has_versions_and_the_latest_is_active() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, principal) = (&world.policy, &world.principal);
        let created = policy::put_policy(engine, principal, "limit", NewPolicy::default())
            .await
            .unwrap();
        assert_eq!((created.current.clone(), created.version), (None, 1));
        let described = NewPolicy {
            description: Some("another description".to_owned()),
            ..NewPolicy::default()
        };
        let updated = policy::put_policy(engine, principal, "limit", described)
            .await
            .unwrap();
        assert_eq!(
            (updated.id, updated.description.as_str(), updated.version),
            (created.id, "another description", 2)
        );

        let first = policy::add_version(engine, principal, "limit", new_version(ALLOW_ALL))
            .await
            .unwrap();
        assert_eq!(
            (first.label.as_str(), first.hash),
            ("2026.01.01", Digest::of(ALLOW_ALL.as_bytes()))
        );
        let deny_all = "package florin.no\nallow := false";
        let second = policy::add_version(
            engine,
            principal,
            &created.id.to_string(),
            new_version(deny_all),
        )
        .await
        .unwrap();
        assert_eq!(second.label, "2026.01.01.2");
        test.clock.advance_millis(24 * 3_600_000);
        let third = policy::add_version(engine, principal, "limit", new_version(ALLOW_ALL))
            .await
            .unwrap();
        assert_eq!(third.label, "2026.01.02");

        let stored = policy::policy(engine, principal, "limit").await.unwrap();
        assert_eq!(stored.current.unwrap().id, third.id);
        let labels: Vec<_> = policy::versions(engine, principal, "limit", &Page::default())
            .await
            .unwrap();
        assert_eq!(
            labels.iter().map(|v| v.label.as_str()).collect::<Vec<_>>(),
            ["2026.01.02", "2026.01.01.2", "2026.01.01"]
        );
        for (name_or_id, label, expected) in [
            ("limit", Some("2026.01.01.2"), &second),
            ("limit", None, &third),
            (first.id.to_string().as_str(), None, &first),
        ] {
            assert_eq!(
                &policy::version(engine, principal, name_or_id, label)
                    .await
                    .unwrap(),
                expected
            );
        }
        let missing = policy::version(engine, principal, "limit", Some("2025.01.01")).await;
        assert!(matches!(missing, Err(Error::UnknownVersion { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_active_at_once() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("p", ALLOW_ALL).await;
        world.permit(&pay("1")).await;
        world.upload("p", "package florin.no\nallow := false").await;
        world.denial(&pay("1")).await;
        world.upload("p", ALLOW_ALL).await;
        world.permit(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_isolated_between_namespaces() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, principal, other) = (&world.policy, &world.principal, controller("other"));
        let own = world.upload("p", ALLOW_ALL).await;
        let existing = policy::policy(engine, principal, "p").await.unwrap();
        for name_or_id in ["p".to_owned(), existing.id.to_string()] {
            let unknown = Err(Error::UnknownPolicy {
                name: name_or_id.clone(),
            });
            assert_eq!(policy::policy(engine, &other, &name_or_id).await, unknown);
            assert!(
                policy::patch_policy(engine, &other, &name_or_id, named("q"))
                    .await
                    .is_err()
            );
            assert!(
                policy::delete_policy(engine, &other, &name_or_id)
                    .await
                    .is_err()
            );
            assert!(
                policy::attach(engine, &other, &name_or_id, Target::Namespace)
                    .await
                    .is_err()
            );
            assert!(
                policy::add_version(engine, &other, &name_or_id, new_version(ALLOW_ALL))
                    .await
                    .is_err()
            );
            assert!(
                policy::versions(engine, &other, &name_or_id, &Page::default())
                    .await
                    .is_err()
            );
        }
        assert!(
            policy::version(engine, &other, &own.id.to_string(), None)
                .await
                .is_err()
        );
        assert!(
            policy::policies(engine, &other, &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        policy::put_policy(engine, &other, "p", NewPolicy::default())
            .await
            .unwrap();
        assert_eq!(
            policy::policy(engine, principal, "p").await.unwrap(),
            existing
        );
        let mut elsewhere = pay("1");
        elsewhere.initiator.namespace = namespace("other");
        policy::attach(engine, principal, "p", Target::Namespace)
            .await
            .unwrap();
        world.permit(&pay("1")).await;
        world.denial(&elsewhere).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_renamed_deleted_and_listed() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, principal) = (&world.policy, &world.principal);
        for name in ["b", "a", "c"] {
            policy::put_policy(engine, principal, name, NewPolicy::default())
                .await
                .unwrap();
        }
        assert!(matches!(
            policy::patch_policy(engine, principal, "a", named("b")).await,
            Err(Error::NameTaken { .. })
        ));
        let changes = NewPolicy {
            description: Some("last".to_owned()),
            ..named("z")
        };
        let renamed = policy::patch_policy(engine, principal, "b", changes)
            .await
            .unwrap();
        assert_eq!(
            (
                renamed.name.as_str(),
                renamed.description.as_str(),
                renamed.version
            ),
            ("z", "last", 2)
        );
        let page = |after: Option<&str>| Page {
            limit: 2,
            skip: 0,
            after: after.map(str::to_owned),
        };
        let names = |existing: Vec<policy::StoredPolicy>| {
            existing.into_iter().map(|p| p.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(
                policy::policies(engine, principal, &page(None))
                    .await
                    .unwrap()
            ),
            ["a", "c"]
        );
        assert_eq!(
            names(
                policy::policies(engine, principal, &page(Some("c")))
                    .await
                    .unwrap()
            ),
            ["z"]
        );

        world.attach("a", ALLOW_ALL).await;
        let attached = policy::attachments(engine, principal, Some("a"), &Page::default())
            .await
            .unwrap();
        assert_eq!(
            (
                attached.len(),
                &attached[0].target,
                attached[0].name.as_str()
            ),
            (1, &Target::Namespace, "a")
        );
        let rejected = policy::delete_policy(engine, principal, "a").await;
        assert_eq!(
            rejected,
            Err(Error::Referenced {
                name: "a".into(),
                count: 1
            })
        );
        assert!(
            policy::detach(engine, principal, "a", Target::Namespace)
                .await
                .unwrap()
        );
        assert!(
            !policy::detach(engine, principal, "a", Target::Namespace)
                .await
                .unwrap()
        );
        policy::delete_policy(engine, principal, "a").await.unwrap();
        assert!(matches!(
            policy::policy(engine, principal, "a").await,
            Err(Error::UnknownPolicy { .. })
        ));
        let recreated = policy::put_policy(engine, principal, "a", NewPolicy::default())
            .await
            .unwrap();
        assert_eq!(recreated.current, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_documents_are_rejected_and_change_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, principal) = (&world.policy, &world.principal);
        policy::put_policy(engine, principal, "p", NewPolicy::default())
            .await
            .unwrap();
        let huge = format!("{ALLOW_ALL}\n# {}", "x".repeat(300_000));
        for (document, code, message) in [
            ("plain words", "policy.invalid_document", ""),
            (
                "package florin.p\nx := 1",
                "policy.invalid_document",
                "no rule `allow`",
            ),
            (
                "package florin.p\nallow if input.value <= 1000000000000000000000000",
                "policy.invalid_document",
                "above 2^53",
            ),
            (
                "package florin.p\nallow if input.value <= \"100\"",
                "policy.invalid_document",
                "compared as text",
            ),
            (
                "package florin.p\nallow if to_number(input.value) <= 100",
                "policy.invalid_document",
                "use florin.amount",
            ),
            (
                "package florin.p\nallow if time.now_ns() > 0",
                "policy.invalid_document",
                "",
            ),
            (
                "package florin.amount\nallow := true",
                "policy.invalid_document",
                "cannot be used",
            ),
            (
                "package florin.p\nallow := true\0",
                "policy.limit_exceeded",
                "NUL",
            ),
            (huge.as_str(), "policy.limit_exceeded", "262144"),
        ] {
            let error = policy::add_version(engine, principal, "p", new_version(document))
                .await
                .unwrap_err();
            assert_eq!(
                (error.code().code, error.field().as_deref()),
                (code, Some("document")),
                "{document}"
            );
            assert!(error.to_string().contains(message), "{error}");
        }
        for name in ["", "pol:x", "a\nb", "a\0b", "x".repeat(129).as_str()] {
            assert!(
                matches!(
                    policy::put_policy(engine, principal, name, NewPolicy::default()).await,
                    Err(Error::InvalidName { .. })
                ),
                "{name:?}"
            );
        }
        assert!(
            policy::versions(engine, principal, "p", &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            policy::policy(engine, principal, "p")
                .await
                .unwrap()
                .version,
            1
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_input_must_work() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, principal) = (&world.policy, &world.principal);
        policy::put_policy(engine, principal, "p", NewPolicy::default())
            .await
            .unwrap();
        let add = async |document: &str, example: &str| {
            let new = NewVersion {
                example_input: Some(example.to_owned()),
                ..new_version(document)
            };
            policy::add_version(engine, principal, "p", new).await
        };
        assert_eq!(
            add(ALLOW_ALL, EXAMPLE)
                .await
                .unwrap()
                .example_input
                .as_deref(),
            Some(EXAMPLE)
        );
        add("package florin.p\nallow := false", EXAMPLE)
            .await
            .unwrap();
        add(ALLOW_ALL, " ").await.unwrap();
        let with_lookup =
            "package florin.p\nallow := true\nlookups := {\"x\": {\"from\": \"address.labels\"}}";
        add(
            with_lookup,
            &EXAMPLE.replacen('{', "{\"lookups\": {\"x\": []},", 1),
        )
        .await
        .unwrap();
        let unknown = with_lookup.replace("address.labels", "adress.labels");
        for (document, example, message) in [
            (ALLOW_ALL, "{".to_owned(), "EOF"),
            (ALLOW_ALL, "{}".to_owned(), "at /"),
            (
                ALLOW_ALL,
                EXAMPLE.replacen("\"signer\"", "\"singer\"", 1),
                "signer",
            ),
            (
                ALLOW_ALL,
                EXAMPLE.replacen("\"value\": \"0\"", "\"value\": \"007\"", 1),
                "007",
            ),
            (
                "package florin.p\nallow := true\nlookups := 1",
                EXAMPLE.to_owned(),
                "`lookups` is a number",
            ),
            (
                "package florin.p\nallow := true\nallow := false",
                EXAMPLE.to_owned(),
                "has two values",
            ),
            (with_lookup, EXAMPLE.to_owned(), "lookups[\"x\"]"),
            (
                unknown.as_str(),
                EXAMPLE.replacen('{', "{\"lookups\": {\"x\": []},", 1),
                "no lookup \"adress.labels\"",
            ),
        ] {
            let error = add(document, &example).await.unwrap_err();
            assert_eq!(
                (error.code().code, error.field().as_deref()),
                ("policy.invalid_example_input", Some("exampleInput"))
            );
            assert!(error.to_string().contains(message), "{error}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn target_accounts_are_stored_in_canonical_form() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.upload("p", ALLOW_ALL).await;
        let attach = async |account: &str| {
            let target = Target::Contract {
                chain: crate::world::chain(),
                account: account.into(),
            };
            policy::attach(&world.policy, &world.principal, "p", target).await
        };
        let checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let lower = Target::Contract {
            chain: crate::world::chain(),
            account: checksummed.to_lowercase(),
        };
        assert_eq!(attach(checksummed).await.unwrap().target, lower);
        for bad in [
            "",
            "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "bob",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        ] {
            assert!(
                matches!(attach(bad).await, Err(Error::InvalidTarget { .. })),
                "{bad}"
            );
        }
    })
    .await;
}
