//! Tenant isolation: `a` has one object of every kind, and `b` calls every route with the ids and
//! names of `a`'s objects. Nothing may be read or changed across the namespaces.

mod cases;
mod fixtures;

use crate::client::{ApiRequest, ApiResponse};
use crate::openapi::operations;
use crate::world::World;
use cases::{Case, Expect, cases};
use fixtures::Fixtures;
use std::collections::BTreeSet;
use testkit::on_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn no_route_reads_or_changes_another_namespace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let fixtures = Fixtures::create(&world).await;
        let cases = cases();
        let before = view_of_a(&world, &fixtures, &cases).await;
        let facts = world.fact_count("a").await;
        let mut failures = Vec::new();
        for case in &cases {
            failures.extend(check_case(&world, &fixtures, case).await);
        }
        assert!(failures.is_empty(), "{failures:#?}");
        assert_eq!(
            world.fact_count("a").await,
            facts,
            "a request of another namespace appended a fact"
        );
        let after = view_of_a(&world, &fixtures, &cases).await;
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old, new);
        }
    })
    .await;
}

#[test]
fn every_route_has_a_case() {
    let covered: BTreeSet<String> = cases().iter().map(|case| case.operation.clone()).collect();
    let described: BTreeSet<String> = operations()
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let missing: Vec<_> = described.difference(&covered).collect();
    assert!(
        missing.is_empty(),
        "these routes have no case in tenancy/cases.rs: {missing:#?}"
    );
    let unknown: Vec<_> = covered.difference(&described).collect();
    assert!(
        unknown.is_empty(),
        "these cases have no route: {unknown:#?}"
    );
}

async fn send(world: &World, fixtures: &Fixtures, case: &Case, key: &str) -> ApiResponse {
    let (method, _) = case.operation.split_once(' ').unwrap();
    let request =
        ApiRequest::new(method, &format!("/api/v1{}", fixtures.fill(&case.path))).key(key);
    let body = fixtures.fill(&case.body);
    let kind = if body.starts_with("steps:") {
        "application/yaml"
    } else {
        "application/json"
    };
    world
        .send(if body.is_empty() {
            request
        } else {
            request.text(kind, &body)
        })
        .await
}

/// Sends a case as `b`; describes the failure, if there is one.
async fn check_case(world: &World, fixtures: &Fixtures, case: &Case) -> Option<String> {
    let response = send(world, fixtures, case, &world.b).await;
    let summary = format!(
        "{} {}: {} {}",
        case.operation, case.path, response.status, response.text
    );
    let is_expected = match case.expect {
        Expect::Hidden => response.status == 404,
        Expect::Listed => response.status == 200,
        Expect::Independent => response.status < 500 || response.text.contains("chain.unreachable"),
    };
    let request_text = format!(
        "{} {}",
        fixtures.fill(&case.path),
        fixtures.fill(&case.body)
    );
    let leaked = fixtures
        .traces()
        .find(|text| !request_text.contains(*text) && response.text.contains(*text));
    match leaked {
        Some(text) => Some(format!("{summary} leaks {text}")),
        None => (!is_expected).then(|| format!("{summary}, not {:?}", case.expect)),
    }
}

/// What `a` reads through every case. Asserts that it contains an object of `a`: otherwise the case
/// could not detect a leak.
async fn view_of_a(world: &World, fixtures: &Fixtures, cases: &[Case]) -> Vec<(String, String)> {
    let mut views = Vec::new();
    for case in cases
        .iter()
        .filter(|case| case.operation.starts_with("GET ") && case.expect != Expect::Independent)
    {
        let response = send(world, fixtures, case, &world.a).await;
        assert_eq!(
            response.status, 200,
            "{} {}: {}",
            case.operation, case.path, response.text
        );
        let contains_fixture = fixtures.traces().any(|text| response.text.contains(text));
        assert!(
            contains_fixture || case.expect == Expect::Hidden,
            "{} {} contains no object of a: {}",
            case.operation,
            case.path,
            response.text
        );
        views.push((case.operation.clone(), stable_body(&response)));
    }
    views
}

/// A response body without `unreadFacts`, which also counts facts of other namespaces.
fn stable_body(response: &ApiResponse) -> String {
    let mut body = response.success();
    if let Some(members) = body.as_object_mut() {
        members.remove("unreadFacts");
    }
    body.to_string()
}
