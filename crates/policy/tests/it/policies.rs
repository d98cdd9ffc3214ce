//! Policies, their versions and attachments.

use crate::world::{World, YES, controller, new_version, pay};
use policy::{Error, NewVersion, Target};
use testkit::{namespace, on_each_engine};
use types::{Coded, Digest, Page};

const EXAMPLE: &str = include_str!("../../../../policies/example.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_has_versions_and_the_last_one_counts() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, who) = (&world.policy, &world.who);
        let made = policy::put(engine, who, "limit", "first words")
            .await
            .unwrap();
        assert_eq!((made.current.clone(), made.version), (None, 1));
        let again = policy::put(engine, who, "limit", "other words")
            .await
            .unwrap();
        assert_eq!(
            (again.id, again.description.as_str(), again.version),
            (made.id, "other words", 2)
        );

        let first = policy::add_version(engine, who, "limit", new_version(YES))
            .await
            .unwrap();
        assert_eq!(
            (first.label.as_str(), first.hash),
            ("2026.01.01", Digest::of(YES.as_bytes()))
        );
        let no = "package florin.no\nallow := false";
        let second = policy::add_version(engine, who, &made.id.to_string(), new_version(no))
            .await
            .unwrap();
        assert_eq!(second.label, "2026.01.01.2");
        test.clock.advance_millis(24 * 3_600_000);
        let third = policy::add_version(engine, who, "limit", new_version(YES))
            .await
            .unwrap();
        assert_eq!(third.label, "2026.01.02");

        let stored = policy::get(engine, who, "limit").await.unwrap();
        assert_eq!(stored.current.unwrap().id, third.id);
        let labels: Vec<_> = policy::versions(engine, who, "limit", &Page::default())
            .await
            .unwrap();
        assert_eq!(
            labels.iter().map(|v| v.label.as_str()).collect::<Vec<_>>(),
            ["2026.01.02", "2026.01.01.2", "2026.01.01"]
        );
        for (named, label, expected) in [
            ("limit", Some("2026.01.01.2"), &second),
            ("limit", None, &third),
            (first.id.to_string().as_str(), None, &first),
        ] {
            assert_eq!(
                &policy::version(engine, who, named, label).await.unwrap(),
                expected
            );
        }
        let missing = policy::version(engine, who, "limit", Some("2025.01.01")).await;
        assert!(matches!(missing, Err(Error::UnknownVersion { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_is_asked_at_once() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("p", YES).await;
        world.permit(&pay("1")).await;
        world.upload("p", "package florin.no\nallow := false").await;
        world.denial(&pay("1")).await;
        world.upload("p", YES).await;
        world.permit(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_the_namespaces_own() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, who, other) = (&world.policy, &world.who, controller("other"));
        let mine = world.upload("p", YES).await;
        let found = policy::get(engine, who, "p").await.unwrap();
        for named in ["p".to_owned(), found.id.to_string()] {
            let unknown = Err(Error::UnknownPolicy {
                name: named.clone(),
            });
            assert_eq!(policy::get(engine, &other, &named).await, unknown);
            assert!(
                policy::patch(engine, &other, &named, Some("q"), None)
                    .await
                    .is_err()
            );
            assert!(policy::delete(engine, &other, &named).await.is_err());
            assert!(
                policy::attach(engine, &other, &named, Target::Namespace)
                    .await
                    .is_err()
            );
            assert!(
                policy::add_version(engine, &other, &named, new_version(YES))
                    .await
                    .is_err()
            );
            assert!(
                policy::versions(engine, &other, &named, &Page::default())
                    .await
                    .is_err()
            );
        }
        assert!(
            policy::version(engine, &other, &mine.id.to_string(), None)
                .await
                .is_err()
        );
        assert!(
            policy::list(engine, &other, &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        policy::put(engine, &other, "p", "").await.unwrap();
        assert_eq!(policy::get(engine, who, "p").await.unwrap(), found);
        let mut elsewhere = pay("1");
        elsewhere.initiator.namespace = namespace("other");
        policy::attach(engine, who, "p", Target::Namespace)
            .await
            .unwrap();
        world.permit(&pay("1")).await;
        world.denial(&elsewhere).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renaming_deleting_and_listing() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, who) = (&world.policy, &world.who);
        for name in ["b", "a", "c"] {
            policy::put(engine, who, name, "").await.unwrap();
        }
        assert!(matches!(
            policy::patch(engine, who, "a", Some("b"), None).await,
            Err(Error::NameTaken { .. })
        ));
        let renamed = policy::patch(engine, who, "b", Some("z"), Some("last"))
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
        let names = |found: Vec<policy::StoredPolicy>| {
            found.into_iter().map(|p| p.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(policy::list(engine, who, &page(None)).await.unwrap()),
            ["a", "c"]
        );
        assert_eq!(
            names(policy::list(engine, who, &page(Some("c"))).await.unwrap()),
            ["z"]
        );

        world.attach("a", YES).await;
        let attached = policy::attachments(engine, who, Some("a"), &Page::default())
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
        let refused = policy::delete(engine, who, "a").await;
        assert_eq!(
            refused,
            Err(Error::Attached {
                name: "a".into(),
                count: 1
            })
        );
        assert!(
            policy::detach(engine, who, "a", Target::Namespace)
                .await
                .unwrap()
        );
        assert!(
            !policy::detach(engine, who, "a", Target::Namespace)
                .await
                .unwrap()
        );
        policy::delete(engine, who, "a").await.unwrap();
        assert!(matches!(
            policy::get(engine, who, "a").await,
            Err(Error::UnknownPolicy { .. })
        ));
        let anew = policy::put(engine, who, "a", "").await.unwrap();
        assert_eq!(anew.current, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_documents_are_refused_and_change_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, who) = (&world.policy, &world.who);
        policy::put(engine, who, "p", "").await.unwrap();
        let huge = format!("{YES}\n# {}", "x".repeat(300_000));
        for (document, code, said) in [
            ("plain words", "policy.document", ""),
            (
                "package florin.p\nx := 1",
                "policy.document",
                "no rule `allow`",
            ),
            (
                "package florin.p\nallow if input.value <= 1000000000000000000000000",
                "policy.document",
                "above 2^53",
            ),
            (
                "package florin.p\nallow if input.value <= \"100\"",
                "policy.document",
                "compared as a text",
            ),
            (
                "package florin.p\nallow if to_number(input.value) <= 100",
                "policy.document",
                "use florin.amount",
            ),
            (
                "package florin.p\nallow if time.now_ns() > 0",
                "policy.document",
                "",
            ),
            (
                "package florin.amount\nallow := true",
                "policy.document",
                "cannot be used",
            ),
            ("package florin.p\nallow := true\0", "policy.limit", "NUL"),
            (huge.as_str(), "policy.limit", "262144"),
        ] {
            let error = policy::add_version(engine, who, "p", new_version(document))
                .await
                .unwrap_err();
            assert_eq!(
                (error.code().code, error.field().as_deref()),
                (code, Some("document")),
                "{document}"
            );
            assert!(error.to_string().contains(said), "{error}");
        }
        for name in ["", "pol:x", "a\nb", "a\0b", "x".repeat(129).as_str()] {
            assert!(
                matches!(
                    policy::put(engine, who, name, "").await,
                    Err(Error::Name { .. })
                ),
                "{name:?}"
            );
        }
        assert!(
            policy::versions(engine, who, "p", &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(policy::get(engine, who, "p").await.unwrap().version, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_has_to_work() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let (engine, who) = (&world.policy, &world.who);
        policy::put(engine, who, "p", "").await.unwrap();
        let add = async |document: &str, example: &str| {
            let new = NewVersion {
                example_input: Some(example.to_owned()),
                ..new_version(document)
            };
            policy::add_version(engine, who, "p", new).await
        };
        assert_eq!(
            add(YES, EXAMPLE).await.unwrap().example_input.as_deref(),
            Some(EXAMPLE)
        );
        add("package florin.p\nallow := false", EXAMPLE)
            .await
            .unwrap();
        add(YES, " ").await.unwrap();
        let asking =
            "package florin.p\nallow := true\nlookups := {\"x\": {\"from\": \"address.labels\"}}";
        add(
            asking,
            &EXAMPLE.replacen('{', "{\"lookups\": {\"x\": []},", 1),
        )
        .await
        .unwrap();
        let unknown = asking.replace("address.labels", "adress.labels");
        for (document, example, said) in [
            (YES, "{".to_owned(), "EOF"),
            (YES, "{}".to_owned(), "at /"),
            (
                YES,
                EXAMPLE.replacen("\"signer\"", "\"singer\"", 1),
                "signer",
            ),
            (
                YES,
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
                "rule conflicts",
            ),
            (asking, EXAMPLE.to_owned(), "lookups[\"x\"]"),
            (
                unknown.as_str(),
                EXAMPLE.replacen('{', "{\"lookups\": {\"x\": []},", 1),
                "no lookup \"adress.labels\"",
            ),
        ] {
            let error = add(document, &example).await.unwrap_err();
            assert_eq!(
                (error.code().code, error.field().as_deref()),
                ("policy.example_input", Some("exampleInput"))
            );
            assert!(error.to_string().contains(said), "{error}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_an_account_in_its_one_form() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.upload("p", YES).await;
        let attach = async |account: &str| {
            let target = Target::Contract {
                chain: crate::world::chain(),
                account: account.into(),
            };
            policy::attach(&world.policy, &world.who, "p", target).await
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
                matches!(attach(bad).await, Err(Error::Target { .. })),
                "{bad}"
            );
        }
    })
    .await;
}
