//! Dry runs: the same outcome as a decision, and nothing is written.

use crate::world::{ALLOW_ALL, BOB, World, pay};
use policy::{DecisionFilter, DryRunTarget, Error, Outcome, ReasonCode, dry_run};
use testkit::on_each_engine;
use types::Page;

const EXAMPLE: &str = include_str!("../../../../policies/example.json");
const ALLOWLIST: &str = crate::world::LABELLED;

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_returns_the_outcome_and_the_requested_lookups() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let run = async |document: &str, input: &str| {
            dry_run(
                &world.policy,
                &world.principal,
                DryRunTarget::Document(document.into()),
                input,
            )
            .await
        };
        assert!(matches!(
            run(ALLOW_ALL, EXAMPLE).await.unwrap().outcome,
            Outcome::Permit { .. }
        ));
        let unanswered = run(ALLOWLIST, EXAMPLE).await.unwrap();
        let lookup = &unanswered.lookups[0];
        assert_eq!(
            (lookup.from.as_str(), lookup.answered),
            ("address.labels", false)
        );
        let Outcome::Denied { reasons } = unanswered.outcome else {
            panic!("permitted")
        };
        assert!(
            reasons
                .iter()
                .any(|reason| reason.code == ReasonCode::Lookup)
        );
        let answered = format!("{{\"lookups\": {{{:?}: [\"allowed\"]}},", lookup.name);
        let answered = run(ALLOWLIST, &EXAMPLE.replacen('{', &answered, 1))
            .await
            .unwrap();
        assert!(
            matches!(answered.outcome, Outcome::Permit { .. }),
            "{answered:?}"
        );

        assert!(matches!(
            run("words", EXAMPLE).await,
            Err(Error::InvalidDocument(_))
        ));
        assert!(matches!(
            run(ALLOW_ALL, "{}").await,
            Err(Error::InvalidInput { .. })
        ));
        assert!(matches!(
            run(ALLOW_ALL, "{").await,
            Err(Error::InvalidInput { .. })
        ));
        let log = policy::decisions(
            &world.policy,
            &world.principal,
            &DecisionFilter::default(),
            &Page::default(),
        )
        .await
        .unwrap();
        assert!(log.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_input_of_a_decision_can_be_used_in_a_dry_run() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.lookups.label(BOB, "allowed");
        world.attach("allowlist", ALLOWLIST).await;
        let decided = world.decide(&pay("1")).await;
        let logged = policy::decision(&world.policy, &world.principal, decided.decision())
            .await
            .unwrap();
        let mut input = logged.input.to_value();
        input["lookups"] = serde_json::json!({ BOB: ["allowed"] });
        let version = policy::version(&world.policy, &world.principal, "allowlist", None)
            .await
            .unwrap();
        let target = DryRunTarget::Version(version.id);
        let run = dry_run(
            &world.policy,
            &world.principal,
            target.clone(),
            &input.to_string(),
        )
        .await
        .unwrap();
        assert_eq!((run.outcome, run.hash), (logged.outcome, version.hash));
        let stranger = crate::world::controller("other");
        assert!(
            dry_run(&world.policy, &stranger, target, &input.to_string())
                .await
                .is_err()
        );
    })
    .await;
}

/// The examples in `docs/policies.md` work.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_in_the_documentation_work() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let page = std::fs::read_to_string(testkit::workspace_root().join("docs/policies.md")).unwrap();
        let blocks: Vec<&str> = page.split("```rego\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 3);
        let limit = testkit::workspace_root().join("policies/limit.rego");
        assert_eq!(blocks[0], std::fs::read_to_string(limit).unwrap());
        let full = blocks[0].to_owned();
        let separated = format!("package florin.separated\nallow := true\n{}", blocks[1]);
        let part = format!(
            "package florin.page\nallow if {{ every m in input.effects.moves {{ listed(m.to) }} }}\n{}",
            blocks[2]
        );
        for document in [full, separated, part] {
            let input = EXAMPLE.replacen('{', &format!("{{\"lookups\": {{{BOB:?}: true}},"), 1);
            let run = dry_run(&world.policy, &world.principal, DryRunTarget::Document(document.clone()), &input).await.unwrap();
            assert!(matches!(run.outcome, Outcome::Permit { .. }), "{document}: {run:?}");
        }
    })
    .await;
}
