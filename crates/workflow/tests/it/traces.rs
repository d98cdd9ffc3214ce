//! The trace of a run: its external calls and submissions continue it.

use crate::world::{World, assert_succeeded};
use testkit::http::Server;
use testkit::on_each_engine;
use types::SubmissionId;
use workflow::Settings;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_the_trace_of_its_run_unless_the_task_sets_the_header() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let call = |headers: &str| {
            let url = server.url("/x");
            format!(
                "steps: [{{name: call, type: http_request, options: {{url: '{url}', headers: {{{headers}}}}}}}]"
            )
        };
        world.task("plain", &call("")).await;
        world.task("own", &call(&format!("TraceParent: {OTHER}"))).await;
        let sent = |trace| move |request: &testkit::http::Request| {
            let headers = request.headers.iter();
            let of_trace = headers.filter(|(name, _)| name == "traceparent");
            let values: Vec<_> = of_trace.map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, trace);
        };

        assert_succeeded(&world.run_task("plain", "{}").await);
        server.requests().last().map(sent(vec![])).unwrap();
        world.principal.trace = Some(TRACEPARENT.parse().unwrap());
        assert_succeeded(&world.run_task("plain", "{}").await);
        server.requests().last().map(sent(vec![TRACEPARENT])).unwrap();
        assert_succeeded(&world.run_task("own", "{}").await);
        server.requests().last().map(sent(vec![OTHER])).unwrap();
        assert_eq!(server.count(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_of_a_step_has_the_trace_of_its_run() {
    on_each_engine(|test| async move {
        let Some(mut world) = World::on_chain(test, Settings::default()).await else {
            return;
        };
        world.allow_everything().await;
        let document = format!(
            "steps: [{{name: deploy, type: contract_deploy, options: {{signer: '{}', bytecode: '0x00', abi: []}}}}]",
            world.signer
        );
        world.task("deploy", &document).await;
        world.principal.trace = Some(TRACEPARENT.parse().unwrap());
        let run = world.run_task("deploy", "{}").await;
        let id = run.waits_for.expect("the run waits for its submission");
        let id: SubmissionId = id.parse().unwrap();
        let submission = submit::submission(&world.submit, &world.principal, id).await.unwrap();
        assert_eq!(submission.initiator.trace, world.principal.trace);
    })
    .await;
}
