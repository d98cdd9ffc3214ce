//! Authentication, roles and namespaces.

use crate::client::ApiRequest;
use crate::world::World;
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::{Role, Time};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_valid_api_key_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let other_secret = format!("{}{}", &world.a[..world.a.len() - 64], "0".repeat(64));
        let basic =
            |text: &str| ApiRequest::new("GET", "/api/v1/wallets").with("authorization", text);
        let requests = [
            ApiRequest::new("GET", "/api/v1/wallets"),
            ApiRequest::new("GET", "/api/v1/wallets").key("nonsense"),
            ApiRequest::new("GET", "/api/v1/wallets").key(&other_secret),
            ApiRequest::new("GET", "/api/v1/wallets").key(&format!("{}_x", world.a)),
            basic("Basic bm9ib2R5OmE="),
            basic("Digest x"),
        ];
        for request in requests {
            let response = world.send(request).await;
            assert_eq!(
                (response.status, response.code_and_field().0.as_str()),
                (401, "api.unauthenticated")
            );
            assert_eq!(response.header("www-authenticate"), "Bearer");
        }
        world.get("/wallets").await.success();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_api_key_is_rejected_from_the_next_request_on() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let expires = Time::from_micros(testkit::START.micros()).plus_millis(60_000);
        let new = json!({ "name": "short", "roles": ["reader"], "expires": expires });
        let short = world.post("/api-keys", new).await.success();
        let long = world
            .post("/api-keys", json!({ "name": "long", "roles": ["reader"] }))
            .await
            .success();
        let secret = |issued: &Value| issued["secret"].as_str().unwrap().to_owned();
        let read =
            |secret: String| world.send(ApiRequest::new("GET", "/api/v1/wallets").key(&secret));
        assert_eq!(read(secret(&short)).await.status, 200);
        assert_eq!(read(secret(&long)).await.status, 200);

        world
            .request(
                "DELETE",
                &format!("/api-keys/{}", long["key"]["id"].as_str().unwrap()),
                Value::Null,
            )
            .await
            .success();
        assert_eq!(
            read(secret(&long)).await.code_and_field().0,
            "api.unauthenticated"
        );
        assert_eq!(read(secret(&short)).await.status, 200);
        world.test.clock.advance_millis(60_000);
        assert_eq!(
            read(secret(&short)).await.code_and_field().0,
            "api.unauthenticated"
        );

        let listed = world.get("/api-keys").await;
        assert_eq!(listed.success()["count"], 3);
        assert!(
            !listed.text.contains(&secret(&short)[30..]),
            "a list contains no secret"
        );
    })
    .await;
}

/// A row that was edited by hand must not turn an API key into Florin itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_key_of_the_kind_system_does_not_authenticate() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.get("/wallets").await.success();
        let edit = world.test.db.on(&world.lease).write_unscoped(|tx| {
            tx.execute("UPDATE api_key SET kind = 'system'", ())
                .map(drop)
        });
        edit.await.map_err(|e: store::Error| e).unwrap();
        let response = world.get("/wallets").await;
        assert_eq!(response.status, 500);
        let code = r#""code":"store.unexpected_value""#;
        assert!(response.text.contains(code), "{}", response.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_grants_exactly_its_permissions() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = json!({ "name": "w", "kind": "user" });
        // The role, and whether it can: list wallets, create a wallet, write a policy, submit
        // (which then fails because the signer is unknown), issue API keys.
        let table = [
            (Role::Reader, [true, false, false, false, false]),
            (Role::Operator, [true, false, false, true, false]),
            (Role::Controller, [true, false, true, false, false]),
            (Role::Admin, [true, true, true, true, true]),
            (Role::KeyExporter, [false, false, false, false, false]),
        ];
        for (role, expected) in table {
            let key = world.key("a", vec![role], None).await;
            let requests = [
                ApiRequest::new("GET", "/api/v1/wallets"),
                ApiRequest::new("POST", "/api/v1/wallets").json(&wallet),
                ApiRequest::new("PUT", "/api/v1/policies/p").json(&json!({})),
                ApiRequest::new("POST", "/api/v1/submissions")
                    .json(&json!({ "signer": crate::world::BOB, "to": crate::world::BOB })),
                ApiRequest::new("POST", "/api/v1/api-keys")
                    .json(&json!({ "name": "n", "roles": ["reader"] })),
            ];
            for (index, (request, allowed)) in requests.into_iter().zip(expected).enumerate() {
                let response = world.send(request.key(&key)).await;
                assert_eq!(
                    response.status == 403,
                    !allowed,
                    "{role:?} {index}: {}",
                    response.text
                );
            }
        }
        let exporter = json!({ "name": "x", "roles": ["keyexporter"] });
        assert_eq!(
            world.post("/api-keys", exporter).await.code_and_field().0,
            "api.forbidden",
            "an administrator cannot grant keyexporter"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_base_path_serves_the_same_and_a_namespace_in_the_path_must_match_the_key() {
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
                .send(ApiRequest::new("GET", &format!("{base}/wallets")).key(&world.a))
                .await
                .success();
            assert_eq!(wallets["items"][0]["name"], "treasury", "{base}");
            let key = world
                .send(
                    ApiRequest::new("GET", &format!("{base}/wallets/treasury/keys/main"))
                        .key(&world.a),
                )
                .await;
            assert_eq!(key.success()["name"], "main", "{base}");
        }
        let namespace = world.get("/namespaces/current").await.success();
        assert_eq!(
            (
                namespace["name"].as_str(),
                namespace["defaultChain"].as_str()
            ),
            (Some("a"), Some("eip155:31337"))
        );
        let other = ApiRequest::new("GET", "/api/v1/namespaces/b/wallets").key(&world.a);
        assert_eq!(
            world.send(other).await.code_and_field().0,
            "api.namespace_mismatch"
        );
        let encoded = ApiRequest::new("GET", "/api/v1/namespaces/%62/wallets").key(&world.a);
        assert_eq!(
            world.send(encoded).await.code_and_field().0,
            "api.namespace_mismatch"
        );
        assert_eq!(
            world.get("/nothing").await.code_and_field().0,
            "api.unknown_route"
        );
        assert_eq!(
            world
                .request("DELETE", "/wallets", Value::Null)
                .await
                .code_and_field()
                .0,
            "api.method_not_allowed"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_metrics_and_documentation_need_no_api_key() {
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
            let response = world.send(ApiRequest::new("GET", path)).await;
            assert_eq!(response.status, 200, "{path}");
            assert_eq!(
                response.header("x-content-type-options"),
                "nosniff",
                "{path}"
            );
            assert_eq!(response.header("access-control-allow-origin"), "", "{path}");
        }
        let page = world.send(ApiRequest::new("GET", "/docs")).await;
        assert!(
            page.header("content-security-policy")
                .contains("script-src 'self'")
        );
        assert!(
            !page.text.contains("https://") && !page.text.contains("//cdn"),
            "the page loads nothing from other hosts"
        );
        let pages = world
            .send(ApiRequest::new("GET", "/docs/errors/api.invalid_field"))
            .await;
        assert!(
            pages.text.starts_with("# api.invalid_field"),
            "{}",
            pages.text
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_resume_a_chain() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let body = json!({ "reason": "looked at it" });
        let refused = world.post("/chains/eip155:31337/resume", body).await;
        assert_eq!(refused.code_and_field().0, "api.operators_only");
        assert_eq!(
            world.get("/chains").await.success()["items"][0]["chain"],
            "eip155:31337"
        );
    })
    .await;
}
