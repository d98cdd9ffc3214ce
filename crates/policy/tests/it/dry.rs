//! Dry runs: the same answer as a decision's, and nothing written.

use crate::world::{BOB, World, YES, pay};
use policy::{Error, Filter, Outcome, Trial, Why, dry_run};
use testkit::on_each_engine;
use types::Page;

const EXAMPLE: &str = include_str!("../../../../policies/example.json");
const ALLOWLIST: &str = include_str!("../../../../policies/allowlist.rego");

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_and_which_lookups_it_wants() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let run = async |document: &str, input: &str| {
            dry_run(
                &world.policy,
                &world.who,
                Trial::Document(document.into()),
                input,
            )
            .await
        };
        assert!(matches!(
            run(YES, EXAMPLE).await.unwrap().outcome,
            Outcome::Permit { .. }
        ));
        let unanswered = run(ALLOWLIST, EXAMPLE).await.unwrap();
        let wanted = &unanswered.lookups[0];
        assert_eq!(
            (wanted.from.as_str(), wanted.answered),
            ("address.labels", false)
        );
        let Outcome::Denied { reasons } = unanswered.outcome else {
            panic!("permitted")
        };
        assert!(reasons.iter().any(|reason| reason.code == Why::Lookup));
        let answered = format!("{{\"lookups\": {{{:?}: [\"allowed\"]}},", wanted.name);
        let answered = run(ALLOWLIST, &EXAMPLE.replacen('{', &answered, 1))
            .await
            .unwrap();
        assert!(
            matches!(answered.outcome, Outcome::Permit { .. }),
            "{answered:?}"
        );

        assert!(matches!(
            run("words", EXAMPLE).await,
            Err(Error::Document(_))
        ));
        assert!(matches!(run(YES, "{}").await, Err(Error::Input { .. })));
        assert!(matches!(run(YES, "{").await, Err(Error::Input { .. })));
        let log = policy::decisions(
            &world.policy,
            &world.who,
            &Filter::default(),
            &Page::default(),
        )
        .await
        .unwrap();
        assert!(log.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_input_of_a_decision_can_be_tried_on_a_version() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.book.label(BOB, "allowed");
        world.attach("allowlist", ALLOWLIST).await;
        let decided = world.decide(&pay("1")).await;
        let logged = policy::decision(&world.policy, &world.who, decided.decision())
            .await
            .unwrap();
        let mut input = logged.input.to_value();
        input["lookups"] = serde_json::json!({ BOB: ["allowed"] });
        let version = policy::version(&world.policy, &world.who, "allowlist", None)
            .await
            .unwrap();
        let trial = Trial::Version(version.id);
        let run = dry_run(&world.policy, &world.who, trial.clone(), &input.to_string())
            .await
            .unwrap();
        assert_eq!((run.outcome, run.hash), (logged.outcome, version.hash));
        let stranger = crate::world::controller("other");
        assert!(
            dry_run(&world.policy, &stranger, trial, &input.to_string())
                .await
                .is_err()
        );
    })
    .await;
}

/// What the page about policies shows works as it stands.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_works() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let page = std::fs::read_to_string(testkit::workspace_root().join("docs/policies.md")).unwrap();
        let blocks: Vec<&str> = page.split("```rego\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 2);
        let whole = blocks[0].to_owned();
        let part = format!(
            "package florin.page\nallow if {{ every m in input.effects.moves {{ listed(m.to) }} }}\n{}",
            blocks[1]
        );
        for document in [whole, part] {
            let input = EXAMPLE.replacen('{', &format!("{{\"lookups\": {{{BOB:?}: [\"allowed\"]}},"), 1);
            let run = dry_run(&world.policy, &world.who, Trial::Document(document.clone()), &input).await.unwrap();
            assert!(matches!(run.outcome, Outcome::Permit { .. }), "{document}: {run:?}");
        }
    })
    .await;
}
