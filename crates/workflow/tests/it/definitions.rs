//! Which versions are rejected, and the fields that their errors name.

use crate::world::{World, principal_in};
use testkit::on_each_engine;
use types::Coded;
use workflow::{Format, NewTask, post_version, put_task, task, version};

const GOOD: &str = "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]";

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_version_is_rejected_with_the_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        put_task(engine, principal, "t", NewTask::default()).await.unwrap();
        let rejected = [
            ("steps: [", "workflow.invalid_definition", None),
            ("{}", "workflow.invalid_field", Some("steps")),
            ("steps: []", "workflow.invalid_field", Some("steps")),
            ("[1, 2]", "workflow.invalid_definition", None),
            ("steps: [{name: a, type: jsonata_template, name: b}]", "workflow.invalid_definition", None),
            ("steps: [{name: a, type: magic}]", "workflow.unknown_step_type", Some("steps[0].type")),
            ("steps: [{type: policy}]", "workflow.invalid_field", Some("steps[0].name")),
            ("steps: [{name: 'a b', type: policy}]", "workflow.invalid_field", Some("steps[0].name")),
            ("steps: [{name: a, type: jsonata_template, options: {template: '1 +'}}]", "workflow.expression_error", Some("steps[0].options.template")),
            ("steps: [{name: a, type: jsonata_template}]", "workflow.invalid_field", Some("steps[0].options.template")),
            ("steps: [{name: a, type: jsonata_template, options: {template: '1'}, skip: '(('}]", "workflow.expression_error", Some("steps[0].skip")),
            (
                "steps: [{name: a, type: http_request, options: {url: 'http://x'}, dynamicOptions: {body: '$eval(\"1\")'}}]",
                "workflow.expression_error",
                Some("steps[0].dynamicOptions.body"),
            ),
            ("steps: [{name: a, type: http_request, options: {uri: 'http://x'}}]", "workflow.invalid_field", Some("steps[0].options.uri")),
            ("steps: [{name: a, type: data_model_update, options: {pool: []}}]", "workflow.invalid_field", Some("steps[0].options.pool")),
            ("steps: [{name: a, type: contract_invoke, options: {method: m, binding: b}, ambiguity: retry}]", "workflow.invalid_field", Some("steps[0].ambiguity")),
            ("steps: [{name: a, type: contract_invoke, options: {method: m}}]", "workflow.invalid_field", Some("steps[0].options.binding")),
            (
                "steps: [{name: a, type: jsonata_template, options: {template: '1'}, retry: {attempts: 0}}]",
                "workflow.invalid_field",
                Some("steps[0].retry.attempts"),
            ),
            (
                "steps: [{name: a, type: jsonata_template, options: {template: '1'}, fail: {code: x}}]",
                "workflow.invalid_field",
                Some("steps[0].fail.when"),
            ),
            (
                "steps: [{name: a, type: jsonata_template, options: {template: '1'}}, {name: a, type: jsonata_template, options: {template: '1'}}]",
                "workflow.invalid_field",
                Some("steps[1].name"),
            ),
            ("steps: [{name: a, type: http_request, options: {url: 'http://x'}, timeout: 600001}]", "workflow.invalid_field", Some("steps[0].timeout")),
            ("steps: [{name: a, type: contract_invoke, options: {method: m, binding: b}, timeout: -1}]", "workflow.invalid_field", Some("steps[0].timeout")),
            ("steps: [{name: a, type: jsonata_template, options: {template: '1'}}]\npolicies: [7]", "workflow.invalid_field", Some("policies[0]")),
        ];
        for (document, code, field) in rejected {
            let error = post_version(engine, principal, "t", document, Format::Yaml).await.unwrap_err();
            assert_eq!((error.code().code, error.field().as_deref()), (code, field), "{document}: {error}");
        }
        assert_eq!(task(engine, principal, "t").await.unwrap().current_version, None);
        assert!(post_version(engine, principal, "nowhere", GOOD, Format::Yaml).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_labels_are_derived_from_the_day() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        put_task(engine, principal, "t", NewTask::default())
            .await
            .unwrap();
        let labels = ["2026.01.01", "2026.01.01.2", "2026.01.01.3"];
        for label in labels {
            assert_eq!(
                post_version(engine, principal, "t", GOOD, Format::Yaml)
                    .await
                    .unwrap()
                    .version,
                label
            );
        }
        world.wait(86_400_000).await;
        assert_eq!(
            post_version(engine, principal, "t", GOOD, Format::Yaml)
                .await
                .unwrap()
                .version,
            "2026.01.02"
        );
        assert_eq!(
            task(engine, principal, "t")
                .await
                .unwrap()
                .current_version
                .as_deref(),
            Some("2026.01.02")
        );
        let (pinned, source) = version(engine, principal, "t", Some("2026.01.01.2"))
            .await
            .unwrap();
        assert_eq!(
            (pinned.version.as_str(), source.as_str()),
            ("2026.01.01.2", GOOD)
        );
        assert!(
            version(engine, principal, "t", Some("2025.01.01"))
                .await
                .is_err()
        );
        assert!(
            version(engine, &principal_in("other"), "t", None)
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_and_fixed_chains_are_stored_with_a_warning() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        put_task(engine, principal, "t", NewTask::default()).await.unwrap();
        let document = "steps:\n- {name: a, type: jsonata_template, color: red, options: {template: '1', more: 2}}\n\
                        - {name: b, type: contract_query, options: {chain: 'eip155:1', contract: '0x0', method: m}}\n";
        let posted = post_version(engine, principal, "t", document, Format::Yaml).await.unwrap();
        let fields: Vec<&str> = posted.warnings.iter().map(|warning| warning.field.as_str()).collect();
        assert_eq!(fields, ["steps[0].color", "steps[0].options.more", "steps[1].options.chain"]);
        assert_eq!(version(engine, principal, "t", None).await.unwrap().0.warnings, posted.warnings);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_as_exactly_as_yaml() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (engine, principal) = (&world.workflow.clone(), &world.principal.clone());
        put_task(engine, principal, "t", NewTask::default()).await.unwrap();
        let duplicate =
            r#"{"steps": [{"name": "a", "name": "b", "type": "jsonata_template", "options": {"template": "1"}}]}"#;
        assert!(post_version(engine, principal, "t", duplicate, Format::Json).await.is_err());
        assert!(post_version(engine, principal, "t", "{\"steps\": [", Format::Json).await.is_err());
        let document = r#"{"steps": [{"name": "a", "type": "jsonata_template", "options": {"template": "input.n"}}]}"#;
        post_version(engine, principal, "t", document, Format::Json).await.unwrap();
        let run = world.run_task("t", r#"{"n": 123456789012345678901234567890}"#).await;
        assert_eq!(crate::world::data_of(&run, "a"), "123456789012345678901234567890");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_expensive_to_check_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        put_task(engine, principal, "t", NewTask::default()).await.unwrap();
        let step = |n: usize| {
            let template = "$match(input, /x/)".to_owned() + &", $match(input, /x/)".repeat(19);
            format!("- {{name: s{n}, type: jsonata_template, options: {{template: '[{template}]'}}}}\n")
        };
        let steps = |count: usize| "steps:\n".to_owned() + &(0..count).map(step).collect::<String>();
        post_version(engine, principal, "t", &steps(10), Format::Yaml).await.unwrap();
        let error = post_version(engine, principal, "t", &steps(11), Format::Yaml).await.unwrap_err();
        assert_eq!((error.code().code, error.field().as_deref()), ("workflow.invalid_field", Some("steps")));
        let many: String = (0..101).map(|n| format!("o{n}: '1', ")).collect();
        let wide = format!(
            "steps: [{{name: a, type: jsonata_template, options: {{template: '1'}}, dynamicOptions: {{{many}}}}}]"
        );
        let error = post_version(engine, principal, "t", &wide, Format::Yaml).await.unwrap_err();
        assert_eq!(error.field().as_deref(), Some("steps[0].dynamicOptions"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_expands_without_bound_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        put_task(engine, principal, "t", NewTask::default())
            .await
            .unwrap();
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            laughs += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
        }
        let bombs = [
            laughs + GOOD,
            format!("steps: {}", "[".repeat(5_000)),
            format!("steps: {}1{}", "[".repeat(60), "]".repeat(60)),
            format!("{GOOD}\nmore: {}", "[1],".repeat(30_000)),
            format!("{GOOD}\nmore: '{}'", "x".repeat(2 << 20)),
            format!("{GOOD}\n---\n{GOOD}"),
            "steps: 12345678901234567890123e400".to_owned(),
            "a: &a [*a]".to_owned(),
            "steps: \0".to_owned(),
        ];
        for bomb in bombs {
            let start: String = bomb.chars().take(40).collect();
            for format in [Format::Yaml, Format::Json] {
                let error = post_version(engine, principal, "t", &bomb, format)
                    .await
                    .unwrap_err();
                assert_eq!(error.code().status, 400, "{start}: {error}");
            }
        }
    })
    .await;
}
