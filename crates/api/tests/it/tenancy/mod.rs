//! Nothing is read or changed across namespaces: `a` has one of everything, and `b` walks every
//! route with what `a` has.

mod cases;
mod things;

use crate::client::{Answer, Call};
use crate::description::operations;
use crate::world::World;
use cases::{Case, Expect, cases};
use std::collections::BTreeSet;
use testkit::on_each_engine;
use things::Things;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_crosses_from_one_namespace_to_another() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let things = Things::made(&world).await;
        let all = cases();
        let before = own_view(&world, &things, &all).await;
        let facts = world.facts("a").await;
        let mut wrong = Vec::new();
        for case in &all {
            wrong.extend(walk(&world, &things, case).await);
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(
            world.facts("a").await,
            facts,
            "somebody else's request left a fact"
        );
        let after = own_view(&world, &things, &all).await;
        for (was, is) in before.iter().zip(&after) {
            assert_eq!(was, is);
        }
    })
    .await;
}

#[test]
fn every_route_has_a_case() {
    let walked: BTreeSet<String> = cases().iter().map(|case| case.operation.clone()).collect();
    let described: BTreeSet<String> = operations()
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let missing: Vec<_> = described.difference(&walked).collect();
    assert!(
        missing.is_empty(),
        "these routes have no case in tenancy/cases.rs: {missing:#?}"
    );
    let unknown: Vec<_> = walked.difference(&described).collect();
    assert!(
        unknown.is_empty(),
        "these cases have no route: {unknown:#?}"
    );
}

async fn ask(world: &World, things: &Things, case: &Case, key: &str) -> Answer {
    let (method, _) = case.operation.split_once(' ').unwrap();
    let call = Call::new(method, &format!("/api/v1{}", things.filled(&case.path))).key(key);
    let body = things.filled(&case.body);
    let kind = if body.starts_with("steps:") {
        "application/yaml"
    } else {
        "application/json"
    };
    world
        .send(if body.is_empty() {
            call
        } else {
            call.text(kind, &body)
        })
        .await
}

/// What is wrong with what `b` got, if anything is.
async fn walk(world: &World, things: &Things, case: &Case) -> Option<String> {
    let answer = ask(world, things, case, &world.b).await;
    let told = format!(
        "{} {}: {} {}",
        case.operation, case.path, answer.status, answer.text
    );
    let right = match case.expect {
        Expect::Hidden => answer.status == 404,
        Expect::Listed => answer.status == 200,
        Expect::Apart => answer.status < 500 || answer.text.contains("chain.unreachable"),
    };
    let sent = format!(
        "{} {}",
        things.filled(&case.path),
        things.filled(&case.body)
    );
    let shown = things
        .traces()
        .find(|text| !sent.contains(*text) && answer.text.contains(*text));
    match shown {
        Some(text) => Some(format!("{told} shows {text}")),
        None => (!right).then(|| format!("{told}, not {:?}", case.expect)),
    }
}

/// What `a` sees of its own; and that it does see it, or the walk would prove nothing.
async fn own_view(world: &World, things: &Things, all: &[Case]) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for case in all
        .iter()
        .filter(|case| case.operation.starts_with("GET ") && case.expect != Expect::Apart)
    {
        let answer = ask(world, things, case, &world.a).await;
        assert_eq!(
            answer.status, 200,
            "{} {}: {}",
            case.operation, case.path, answer.text
        );
        let shows = things.traces().any(|text| answer.text.contains(text));
        assert!(
            shows || case.expect == Expect::Hidden,
            "{} {} shows nothing of a: {}",
            case.operation,
            case.path,
            answer.text
        );
        seen.push((case.operation.clone(), settled(&answer)));
    }
    seen
}

/// An answer without what moves by itself: how many facts of whomever a subscription has still to
/// look at.
fn settled(answer: &Answer) -> String {
    let mut told = answer.good();
    if let Some(members) = told.as_object_mut() {
        members.remove("behind");
    }
    told.to_string()
}
