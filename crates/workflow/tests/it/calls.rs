//! Outbound calls: what is sent, which answers are accepted, what is retried, and what needs an
//! operator.

use crate::world::{World, assert_succeeded, data_of, json};
use serde_json::json;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;
use workflow::state::{State, StepState};
use workflow::{Decision, decide, retry};

fn http_task(server: &Server, extra: &str) -> String {
    format!(
        "steps:\n- {{name: call, type: http_request, {extra}, options: {{url: '{}', method: POST, body: {{a: 1}}}}}}\n",
        server.url("/x")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_sends_its_key_and_returns_the_answer() {
    on_each_engine(|test| async move {
        let server = Server::with_handler(|_| {
            ServerReply::status(201).with_header("content-type", "application/json").with_body(br#"{"id": 123456789012345678901}"#)
        });
        let mut world = World::new(test).await;
        let document = format!(
            "steps:\n- name: call\n  type: http_request\n  options: {{url: '{}', headers: {{X-Desk: fx}}}}\n  dynamicOptions: {{body: input}}\n",
            server.url("/orders?a=1")
        );
        world.task("t", &document).await;
        let run = world.run_task("t", r#"{"amount": "1000000000000000000000000", "n": 7}"#).await;
        assert_succeeded(&run);
        let request = &server.requests()[0];
        assert_eq!((request.method.as_str(), request.target.as_str(), request.header("x-desk")), ("POST", "/orders?a=1", Some("fx")));
        assert_eq!(request.json(), json!({"amount": "1000000000000000000000000", "n": 7}));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("idempotency-key"), Some(format!("{}/call/0", run.id).as_str()));
        let data = data_of(&run, "call");
        assert_eq!((&data["status"], &data["body"]), (&json!(201), &json!({"id": "123456789012345678901"})), "no digit is lost");
        assert_eq!(run.steps[0].idempotency_key.as_deref(), request.header("idempotency-key"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn error_statuses_fail_and_temporary_ones_are_retried_if_declared() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        world
            .task("once", &http_task(&server, "timeout: 5000"))
            .await;
        world
            .task(
                "often",
                &http_task(&server, "retry: {attempts: 3, initial_ms: 1000, factor: 2}"),
            )
            .await;

        server.script([ServerReply::status(503)]);
        let run = world.run_task("once", "{}").await;
        assert_eq!(
            (run.state, run.error.unwrap().code.as_str(), server.count()),
            (State::Failed, "workflow.http_status", 1)
        );

        server.script([ServerReply::status(503), ServerReply::status(429)]);
        let run = world.run_task("often", "{}").await;
        assert_eq!((run.state, server.count()), (State::Waiting, 2));
        assert!(
            run.reason.as_ref().unwrap().contains("503"),
            "{:?}",
            run.reason
        );
        world.wait(999).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 2, "not before the pause is over");
        world.wait(1).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 3);
        world.wait(2_000).await;
        world.run_until_idle().await;
        let run = world.run(run.id).await;
        assert_succeeded(&run);
        assert_eq!((run.steps[0].attempts.len(), run.steps[0].attempt), (2, 3));
        let keys = server.count_by_header("idempotency-key");
        assert_eq!(
            keys.get(&format!("{}/call/0", run.id)),
            Some(&3),
            "attempts of one round share their key"
        );

        server.script([ServerReply::status(400)]);
        let run = world.run_task("often", "{}").await;
        assert_eq!(
            (run.state, run.steps[0].attempts.len()),
            (State::Failed, 1),
            "a permanent error is not retried"
        );
        retry(&world.workflow, &world.principal, run.id)
            .await
            .unwrap();
        world.run_until_idle().await;
        assert_succeeded(&world.run(run.id).await);
        assert_eq!(
            server
                .count_by_header("idempotency-key")
                .get(&format!("{}/call/1", run.id)),
            Some(&1),
            "an operator retry starts a new round"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_unknown_outcome_is_repeated_only_if_declared_or_idempotent() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        world
            .task("post", &http_task(&server, "retry: {attempts: 5}"))
            .await;
        world
            .task(
                "declared",
                &http_task(
                    &server,
                    "retry: {attempts: 5, initial_ms: 0}, ambiguity: retry",
                ),
            )
            .await;
        let put = format!(
            "steps: [{{name: call, type: http_request, options: {{url: '{}', method: PUT}}}}]",
            server.url("/p")
        );
        world.task("put", &put).await;

        server.script([ServerReply::Drop]);
        let parked = world.run_task("post", "{}").await;
        assert_eq!(
            (parked.state, parked.steps[0].state, server.count()),
            (State::Parked, StepState::Parked, 1)
        );
        assert!(
            parked.reason.as_ref().unwrap().contains("unknown whether"),
            "{:?}",
            parked.reason
        );
        world.wait(600_000).await;
        world.run_until_idle().await;
        assert_eq!(server.count(), 1, "a parked run waits for an operator");

        server.script([ServerReply::Drop]);
        let run = world.run_task("declared", "{}").await;
        assert_succeeded(&run);
        assert_eq!(
            server.count_by_header("idempotency-key")[&format!("{}/call/0", run.id)],
            2
        );

        server.script([ServerReply::Drop]);
        let run = world.run_task("put", "{}").await;
        assert_eq!(run.state, State::Waiting, "a PUT is idempotent");
        world.wait(1_000).await;
        world.run_until_idle().await;
        assert_succeeded(&world.run(run.id).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_decides_about_a_parked_step() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let document = http_task(&server, "timeout: 5000")
            + "- {name: then, type: jsonata_template, options: {template: steps.call.data}}\n";
        world.task("t", &document).await;
        let mut parked = Vec::new();
        for _ in 0..3 {
            server.script([ServerReply::Drop]);
            parked.push(world.run_task("t", "{}").await.id);
        }
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        decide(&engine, &principal, parked[0], Decision::Resend)
            .await
            .unwrap();
        decide(
            &engine,
            &principal,
            parked[1],
            Decision::Done {
                data: Some(json(r#"{"seen": true}"#)),
            },
        )
        .await
        .unwrap();
        decide(
            &engine,
            &principal,
            parked[2],
            Decision::Fail {
                reason: "rejected by the bank".into(),
            },
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        let resent = world.run(parked[0]).await;
        assert_succeeded(&resent);
        assert_eq!(
            server.count_by_header("idempotency-key")[&format!("{}/call/0", parked[0])],
            2,
            "under the same key"
        );
        let marked_done = world.run(parked[1]).await;
        assert_succeeded(&marked_done);
        assert_eq!(data_of(&marked_done, "then"), json!({"seen": true}));
        let failed = world.run(parked[2]).await;
        let error = failed.error.unwrap();
        assert_eq!(
            (failed.state, error.code.as_str(), error.message.as_str()),
            (
                State::Failed,
                "workflow.marked_failed",
                "rejected by the bank"
            )
        );
        assert!(
            decide(&engine, &principal, parked[2], Decision::Resend)
                .await
                .is_err(),
            "it is no longer parked"
        );
        assert_eq!(server.count(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clauses_are_evaluated_on_the_data_of_a_decision() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let document = http_task(
            &server,
            "fail: {when: 'steps.call.data.status != \"paid\"', code: unpaid}",
        ) + "- {name: ship, type: jsonata_template, options: {template: '\"shipped\"'}}\n";
        world.task("t", &document).await;
        let mut ended = Vec::new();
        for answer in [r#"{"status": "refused"}"#, r#"{"status": "paid"}"#] {
            server.script([ServerReply::Drop]);
            let parked = world.run_task("t", "{}").await;
            let decision = Decision::Done {
                data: Some(json(answer)),
            };
            decide(&world.workflow, &world.principal, parked.id, decision)
                .await
                .unwrap();
            world.run_until_idle().await;
            ended.push(world.run(parked.id).await);
        }
        assert_eq!(
            (
                ended[0].state,
                ended[0].error.as_ref().unwrap().code.as_str()
            ),
            (State::Failed, "unpaid")
        );
        assert_eq!(ended[0].steps.len(), 1, "nothing is shipped");
        assert_succeeded(&ended[1]);
        assert_eq!(data_of(&ended[1], "ship"), "shipped");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_is_queried_about_a_lost_call() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let document = format!(
            "steps:\n- name: call\n  type: http_request\n  ambiguity: query\n  retry: {{attempts: 4, initial_ms: 0}}\n  options: {{url: '{}', method: POST, query: {{url: '{}'}}}}\n",
            server.url("/pay"),
            server.url("/paid")
        );
        world.task("t", &document).await;
        // The call took effect and the answer was lost.
        server.script([ServerReply::Drop, ServerReply::json(&json!({"paid": "yes"}))]);
        let run = world.run_task("t", "{}").await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "call")["body"], json!({"paid": "yes"}));
        let targets = |from: usize| server.requests()[from..].iter().map(|request| format!("{} {}", request.method, request.target)).collect::<Vec<_>>();
        assert_eq!(targets(0), ["POST /pay", "GET /paid"]);
        // The call did not take effect.
        server.script([ServerReply::Drop, ServerReply::status(404), ServerReply::json(&json!({}))]);
        assert_succeeded(&world.run_task("t", "{}").await);
        assert_eq!(targets(2), ["POST /pay", "GET /paid", "POST /pay"]);
        // The outcome stays unknown: an operator must decide.
        server.script([ServerReply::Drop, ServerReply::status(500), ServerReply::status(500), ServerReply::status(500), ServerReply::status(500)]);
        let parked = world.run_task("t", "{}").await;
        assert_eq!(parked.state, State::Parked);
        assert_eq!(targets(5).iter().filter(|target| *target == "POST /pay").count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_addresses_are_not_called() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let refused = [
            ("http://169.254.169.254/latest/meta-data", "outbound.address_blocked"),
            ("http://[::1]:80/", "outbound.address_blocked"),
            ("http://10.0.0.1/", "outbound.address_blocked"),
            ("file:///etc/passwd", "outbound.invalid_url"),
            ("http://u:p@127.0.0.1/", "outbound.invalid_url"),
        ];
        world
            .task(
                "t",
                "steps: [{name: a, type: http_request, dynamicOptions: {url: input.url, headers: input.headers}}]",
            )
            .await;
        for (url, code) in refused {
            let run = world.run_task("t", &json!({"url": url}).to_string()).await;
            assert_eq!((run.state, run.error.unwrap().code.as_str()), (State::Failed, code), "{url}");
        }
        for name in ["idempotency-key", "Host", "Transfer-Encoding", "content-length"] {
            let input = json!({"url": server.url("/"), "headers": {name: "mine"}}).to_string();
            let error = world.run_task("t", &input).await.error.unwrap();
            assert_eq!(error.code, "workflow.invalid_field");
            assert!(error.message.contains(&format!("headers.{name}")), "{}", error.message);
        }
        server.script([ServerReply::redirect(302, "http://10.0.0.1/")]);
        let redirected = world.run_task("t", &json!({"url": server.url("/")}).to_string()).await;
        assert_eq!((redirected.state, redirected.error.unwrap().code.as_str()), (State::Failed, "outbound.address_blocked"));
        server.script([ServerReply::Endless]);
        let endless = world.run_task("t", &json!({"url": server.url("/")}).to_string()).await;
        assert_eq!((endless.state, endless.error.unwrap().code.as_str()), (State::Failed, "workflow.limit_exceeded"));
        assert_eq!(server.count(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_call_delays_no_other_run() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        world
            .task("slow", &http_task(&server, "timeout: 600"))
            .await;
        world
            .task(
                "quick",
                "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]",
            )
            .await;
        server.script([ServerReply::NoResponse]);
        let slow = world.start_run("slow", "{}").await;
        let quick = world.start_run("quick", "{}").await;
        while world.run(quick).await.state != State::Succeeded {
            let progress = world.worker.turn().await.unwrap();
            assert!(
                progress.advanced > 0,
                "the first run that completes ends the turn"
            );
        }
        assert!(world.run(slow).await.state.is_live());
        world.run_until_idle().await;
        assert_eq!(
            world.run(slow).await.state,
            State::Parked,
            "it timed out with an unknown outcome"
        );
    })
    .await;
}
