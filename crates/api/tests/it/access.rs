//! Who comes in, and what a key may do.

use crate::client::Call;
use crate::world::World;
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::{Role, Time};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_key_nobody_comes_in() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let other_secret = format!("{}{}", &world.a[..world.a.len() - 64], "0".repeat(64));
        let basic = |text: &str| Call::new("GET", "/api/v1/wallets").with("authorization", text);
        let calls = [
            Call::new("GET", "/api/v1/wallets"),
            Call::new("GET", "/api/v1/wallets").key("nonsense"),
            Call::new("GET", "/api/v1/wallets").key(&other_secret),
            Call::new("GET", "/api/v1/wallets").key(&format!("{}_x", world.a)),
            basic("Basic bm9ib2R5OmE="),
            basic("Digest x"),
        ];
        for call in calls {
            let answer = world.send(call).await;
            assert_eq!(
                (answer.status, answer.refusal().0.as_str()),
                (401, "api.unauthenticated")
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        world.get("/wallets").await.good();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_or_expired_is_refused_from_the_next_request_on() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let expires = Time::from_micros(testkit::START.micros()).plus_millis(60_000);
        let new = json!({ "name": "short", "roles": ["reader"], "expires": expires });
        let short = world.post("/api-keys", new).await.good();
        let long = world
            .post("/api-keys", json!({ "name": "long", "roles": ["reader"] }))
            .await
            .good();
        let secret = |issued: &Value| issued["secret"].as_str().unwrap().to_owned();
        let read = |secret: String| world.send(Call::new("GET", "/api/v1/wallets").key(&secret));
        assert_eq!(read(secret(&short)).await.status, 200);
        assert_eq!(read(secret(&long)).await.status, 200);

        world
            .ask(
                "DELETE",
                &format!("/api-keys/{}", long["key"]["id"].as_str().unwrap()),
                Value::Null,
            )
            .await
            .good();
        assert_eq!(read(secret(&long)).await.refusal().0, "api.unauthenticated");
        assert_eq!(read(secret(&short)).await.status, 200);
        world.test.clock.advance_millis(60_000);
        assert_eq!(
            read(secret(&short)).await.refusal().0,
            "api.unauthenticated"
        );

        let listed = world.get("/api-keys").await;
        assert_eq!(listed.good()["count"], 3);
        assert!(
            !listed.text.contains(&secret(&short)[30..]),
            "no listing shows a secret"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_grants_what_it_says_and_no_more() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = json!({ "name": "w", "kind": "user" });
        // Role, and whether it may: list wallets, make one, write a policy, submit (which then
        // fails for want of a signer), hand out keys.
        let table = [
            (Role::Reader, [true, false, false, false, false]),
            (Role::Operator, [true, false, false, true, false]),
            (Role::Controller, [true, false, true, false, false]),
            (Role::Admin, [true, true, true, true, true]),
            (Role::KeyExporter, [false, false, false, false, false]),
        ];
        for (role, expected) in table {
            let key = world.key("a", vec![role], None).await;
            let calls = [
                Call::new("GET", "/api/v1/wallets"),
                Call::new("POST", "/api/v1/wallets").json(&wallet),
                Call::new("PUT", "/api/v1/policies/p").json(&json!({})),
                Call::new("POST", "/api/v1/submissions")
                    .json(&json!({ "signer": crate::world::BOB, "to": crate::world::BOB })),
                Call::new("POST", "/api/v1/api-keys")
                    .json(&json!({ "name": "n", "roles": ["reader"] })),
            ];
            for (place, (call, may)) in calls.into_iter().zip(expected).enumerate() {
                let answer = world.send(call.key(&key)).await;
                assert_eq!(
                    answer.status == 403,
                    !may,
                    "{role:?} {place}: {}",
                    answer.text
                );
            }
        }
        let exporter = json!({ "name": "x", "roles": ["keyexporter"] });
        assert_eq!(
            world.post("/api-keys", exporter).await.refusal().0,
            "api.forbidden",
            "an admin makes no exporter"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_base_serves_the_same_and_the_namespace_of_a_path_must_be_the_keys() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let bases = [
            "/api/v1",
            "/rest/api/v1",
            "/endpoint/prod/books/rest/api/v1",
            "/api/v1/namespaces/a",
        ];
        for base in bases {
            let wallets = world
                .send(Call::new("GET", &format!("{base}/wallets")).key(&world.a))
                .await
                .good();
            assert_eq!(wallets["items"][0]["name"], "treasury", "{base}");
            let key = world
                .send(Call::new("GET", &format!("{base}/wallets/treasury/keys/main")).key(&world.a))
                .await;
            assert_eq!(key.good()["name"], "main", "{base}");
        }
        let own = world.get("/namespaces/current").await.good();
        assert_eq!(
            (own["name"].as_str(), own["defaultChain"].as_str()),
            (Some("a"), Some("eip155:31337"))
        );
        let other = Call::new("GET", "/api/v1/namespaces/b/wallets").key(&world.a);
        assert_eq!(world.send(other).await.refusal().0, "api.other_namespace");
        let encoded = Call::new("GET", "/api/v1/namespaces/%62/wallets").key(&world.a);
        assert_eq!(world.send(encoded).await.refusal().0, "api.other_namespace");
        assert_eq!(world.get("/nothing").await.refusal().0, "api.no_route");
        assert_eq!(
            world
                .ask("DELETE", "/wallets", Value::Null)
                .await
                .refusal()
                .0,
            "api.method"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_and_people_find_the_way_without_a_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for path in [
            "/livez",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/docs",
            "/docs/page.js",
            "/docs/page.css",
            "/api/v1/status",
        ] {
            let answer = world.send(Call::new("GET", path)).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
        let page = world.send(Call::new("GET", "/docs")).await;
        assert!(
            page.header("content-security-policy")
                .contains("script-src 'self'")
        );
        assert!(
            !page.text.contains("https://") && !page.text.contains("//cdn"),
            "nothing from elsewhere"
        );
        let pages = world.send(Call::new("GET", "/docs/errors/api.field")).await;
        assert!(pages.text.starts_with("# api.field"), "{}", pages.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_alone_let_a_chain_go_on() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let why = json!({ "reason": "looked at it" });
        let refused = world.post("/chains/eip155:31337/resume", why).await;
        assert_eq!(refused.refusal().0, "api.operators");
        assert_eq!(
            world.get("/chains").await.good()["items"][0]["chain"],
            "eip155:31337"
        );
    })
    .await;
}
