//! Steps that need a signature, on a real chain, verified on the chain itself.

use crate::world::{CHAIN, World, assert_succeeded, data_of};
use serde_json::{Value, json};
use testkit::{artifact, on_each_engine};
use types::{Json, RunId};
use workflow::state::{State, StepState};
use workflow::{NewBinding, RunView, Settings, put_binding};

const ALICE: &str = "0x00000000000000000000000000000000000a11ce";

/// Deploys the token, mints to the recipient and reads the balance.
fn issue(until: &str) -> String {
    format!(
        r#"
description: Issue a token
policies: [issuing]
steps:
- name: deploy
  type: contract_deploy
  options: {{binding: token, until: {until}}}
  dynamicOptions:
    bytecode: input.bytecode
    params: '["Euro", "EUR", 6, input.issuer]'
- name: mint
  type: contract_invoke
  options: {{binding: token, method: mint, units: [{{name: EUR, decimals: 6}}]}}
  dynamicOptions:
    contract: steps.deploy.data.contractAddress
    params: '{{"to": input.to, "amount": {{"value": "1000000000000000000.5", "unit": "EUR"}}}}'
- name: ask
  type: contract_query
  options: {{binding: token, method: balanceOf}}
  dynamicOptions:
    contract: steps.deploy.data.contractAddress
    params: '[input.to]'
  return: {{result: '{{"contract": steps.deploy.data.contractAddress, "balance": steps.ask.data}}'}}
"#
    )
}

async fn world(test: testkit::TestDb) -> Option<World> {
    let world = World::on_chain(test, Settings::default()).await?;
    world.allow_everything().await;
    world.attach("issuing", "package issuing\ndefault allow := true\ndeny contains \"none to bob\" if { input.effects.calls[_].arguments.to == \"0x00000000000000000000000000000000000b0b00\" }\n", None).await;
    let new = NewBinding {
        signer: Some(world.signer.clone()),
        abi: Some(Json::of(&artifact("DemoToken").abi).unwrap()),
        ..NewBinding::default()
    };
    put_binding(&world.workflow, &world.principal, "token", new)
        .await
        .unwrap();
    world.task("issue", &issue("final")).await;
    Some(world)
}

fn input(world: &World, to: &str) -> String {
    json!({"bytecode": artifact("DemoToken").bytecode, "issuer": world.signer, "to": to})
        .to_string()
}

/// The balance on the chain.
fn balance(world: &World, contract: &str, of: &str) -> u128 {
    let data = world.node().calldata("balanceOf(address)", &[of]);
    u128::from_str_radix(
        world.node().call(contract, &data).trim_start_matches("0x"),
        16,
    )
    .unwrap()
}

async fn mine_until_done(world: &mut World, id: RunId) -> RunView {
    for _ in 0..20 {
        let run = world.run(id).await;
        if !run.state.is_live() {
            return run;
        }
        world.mine(1).await;
    }
    panic!("the run does not end: {:?}", world.run(id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_deployed_minted_and_queried() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else {
            return;
        };
        let id = world.start_run("issue", &input(&world, ALICE)).await;
        world.run_until_idle().await;
        let waiting = world.run(id).await;
        assert_eq!(
            (waiting.state, waiting.steps[0].state),
            (State::Waiting, StepState::Waiting)
        );
        assert_eq!(waiting.waits_for, waiting.steps[0].waits_for);
        assert!(
            waiting.reason.as_ref().unwrap().contains("sub:"),
            "the reason names the submission: {:?}",
            waiting.reason
        );
        let run = mine_until_done(&mut world, id).await;
        assert_succeeded(&run);
        let result = run.result.as_ref().map_or(Value::Null, Json::to_value);
        let contract = result["contract"].as_str().unwrap();
        assert_eq!(
            balance(&world, contract, ALICE),
            1_000_000_000_000_000_000_500_000
        );
        assert_eq!(
            result["balance"],
            json!({"output": "1000000000000000000500000"})
        );
        assert_eq!(world.node().nonce(&world.signer), 2);
        assert_eq!(data_of(&run, "mint")["state"], "final");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_survives_restarts() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else {
            return;
        };
        let id = world.start_run("issue", &input(&world, ALICE)).await;
        for _ in 0..14 {
            world.worker.turn().await.unwrap();
            world = world.crash_and_restart().await;
            world.index_blocks().await;
            world = world.crash_and_restart().await;
            world.node().mine(1);
            // No fact woke the run: it polls its submission.
            world.wait(30_000).await;
        }
        let run = mine_until_done(&mut world, id).await;
        assert_succeeded(&run);
        assert_eq!(
            world.node().nonce(&world.signer),
            2,
            "each transaction is sent once"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_enqueued_before_a_crash_is_not_enqueued_again() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else { return };
        let id = world.start_run("issue", &input(&world, ALICE)).await;
        world.run_until_idle().await;
        let first = world.run(id).await.waits_for.unwrap();
        // Simulates a crash between enqueuing the submission and recording the wait.
        let lease = world.test.lease("test/0").await;
        let undo = world.test.db.on(&lease).write(&world.principal.namespace, move |tx| {
            tx.execute("UPDATE run SET state = 'running', step_state = 'open', waits_for = NULL, next_at = 0 WHERE namespace = ?ns AND id = ?1", (id,))?;
            tx.execute("UPDATE run_step SET state = 'open', waits_for = NULL WHERE namespace = ?ns AND run = ?1", (id,))
        });
        undo.await.unwrap();
        world = world.crash_and_restart().await;
        world.run_until_idle().await;
        assert_eq!(world.run(id).await.waits_for.as_ref(), Some(&first), "the key finds the submission");
        assert_succeeded(&mine_until_done(&mut world, id).await);
        let all = submit::submissions(&world.submit, &world.principal, submit::Filter::default(), types::Page::default()).await.unwrap();
        assert_eq!(all.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_waits_for_its_declared_state() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else { return };
        let call = |until: &str| {
            format!("steps: [{{name: go, type: contract_deploy, options: {{binding: token, until: {until}}}, dynamicOptions: {{bytecode: input.bytecode, params: '[\"a\", \"b\", 1, input.issuer]'}}}}]")
        };
        for until in ["accepted", "mined", "final"] {
            world.task(until, &call(until)).await;
        }
        let bytes = input(&world, ALICE);
        let mut ids = Vec::new();
        for until in ["accepted", "mined", "final"] {
            ids.push(world.start_run(until, &bytes).await);
        }
        world.run_until_idle().await;
        let mut observed = Vec::new();
        for _ in 0..4 {
            let mut states = Vec::new();
            for id in &ids {
                states.push(world.run(*id).await.state == State::Succeeded);
            }
            observed.push(states);
            world.mine(1).await;
        }
        assert_eq!(observed[0], [true, false, false]);
        assert_eq!(observed[1], [true, true, false]);
        assert!(observed[3].iter().all(|done| *done), "{observed:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_and_a_revert_fail_the_step_with_their_reasons() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else { return };
        let id = world.start_run("issue", &input(&world, "0x00000000000000000000000000000000000b0b00")).await;
        let denied = mine_until_done(&mut world, id).await;
        let error = denied.error.clone().unwrap();
        assert_eq!((denied.state, error.code.as_str(), error.step.as_deref()), (State::Failed, "workflow.policy_denied", Some("mint")));
        assert!(error.message.contains("none to bob"), "the task's policy was evaluated: {}", error.message);
        assert_eq!(world.node().nonce(&world.signer), 1, "a denial uses no nonce");

        let contract = data_of(&denied, "deploy")["contractAddress"].as_str().unwrap().to_owned();
        let burn = format!("steps: [{{name: burn, type: contract_invoke, options: {{binding: token, contract: '{contract}', method: burn, params: ['{ALICE}', '5']}}}}]");
        world.task("burn", &burn).await;
        let id = world.start_run("burn", "{}").await;
        let failed = mine_until_done(&mut world, id).await;
        let error = failed.error.unwrap();
        assert_eq!((failed.state, error.code.as_str()), (State::Failed, "workflow.submission_failed"));
        assert!(error.message.contains("reverts"), "{}", error.message);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_policy_of_the_task_denies_everything() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else {
            return;
        };
        world
            .task(
                "unguarded",
                &issue("final").replace("[issuing]", "[issuing, nobody]"),
            )
            .await;
        let id = world.start_run("unguarded", &input(&world, ALICE)).await;
        let run = mine_until_done(&mut world, id).await;
        let error = run.error.unwrap();
        assert_eq!(
            (run.state, error.step.as_deref()),
            (State::Failed, Some("deploy")),
            "{error:?}"
        );
        assert!(
            error.code == "workflow.policy_denied" && error.message.contains("no policy"),
            "{error:?}"
        );
        assert_eq!(world.node().nonce(&world.signer), 0, "nothing was signed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timed_out_step_reports_the_state_of_its_submission() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else {
            return;
        };
        let document = issue("final").replace(
            "type: contract_deploy",
            "type: contract_deploy\n  timeout: 60000",
        );
        world.task("hurry", &document).await;
        let id = world.start_run("hurry", &input(&world, ALICE)).await;
        world.run_until_idle().await;
        world.wait(25_000).await;
        world.run_until_idle().await;
        assert_eq!(world.run(id).await.state, State::Waiting);
        world.wait(25_000).await;
        world.wait(10_000).await;
        world.run_until_idle().await;
        let run = world.run(id).await;
        let error = run.error.unwrap();
        assert_eq!(
            (run.state, error.code.as_str()),
            (State::Failed, "workflow.timeout")
        );
        assert!(error.message.contains("accepted"), "{}", error.message);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_obeys_the_timeout_of_its_step() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else { return };
        let read = format!("steps: [{{name: ask, type: contract_query, timeout: 50, retry: {{attempts: 2, initial_ms: 0}}, options: {{binding: token, contract: '{ALICE}', method: balanceOf, params: ['{ALICE}']}}}}]");
        world.task("read", &read).await;
        let id = world.start_run("read", "{}").await;
        world.node().signal("STOP").unwrap();
        for _ in 0..20 {
            world.worker.turn().await.unwrap();
        }
        world.node().signal("CONT").unwrap();
        let run = world.run(id).await;
        assert_eq!((run.state, run.error.unwrap().code.as_str()), (State::Failed, "workflow.timeout"));
        assert_eq!(run.steps[0].attempts.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_options_of_a_contract_step_are_named() {
    on_each_engine(|test| async move {
        let Some(mut world) = world(test).await else { return };
        let mistakes = [
            (r#"{"method": "nothing"}"#, "nothing"),
            (r#"{"method": "mint", "params": ["0x12", "5"]}"#, "params[0]"),
            (r#"{"method": "mint", "params": ["0x00000000000000000000000000000000000a11ce", "1.5"]}"#, "params[1]"),
            (r#"{"method": "mint", "params": ["0x00000000000000000000000000000000000a11ce", "-5"]}"#, "params[1]"),
            (r#"{"method": "mint", "params": ["0x00000000000000000000000000000000000a11ce"]}"#, "params"),
            (r#"{"method": "mint", "params": ["0x00000000000000000000000000000000000a11ce", {"value": "1", "unit": "EUR"}]}"#, "EUR"),
            (r#"{"method": "pause", "value": "1e18"}"#, "value"),
            (r#"{"method": "pause", "until": "tomorrow"}"#, "until"),
            (r#"{"method": "pause", "chain": "nowhere"}"#, "chain"),
            (r#"{"method": "pause", "chain": "eip155:4242"}"#, "the binding token is on"),
            (r#"{"method": "pause", "binding": "nobody"}"#, "nobody"),
            (r#"{"method": "pause", "contract": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"}"#, "contract"),
        ];
        let names = ["method", "params", "value", "until", "chain", "binding", "contract"];
        let dynamic: String = names.iter().map(|name| format!("{name}: input.{name}, ")).collect();
        let task = format!("steps: [{{name: go, type: contract_invoke, options: {{binding: token, contract: '{ALICE}'}}, dynamicOptions: {{{dynamic}}}}}]");
        world.task("go", &task).await;
        for (input, expected) in mistakes {
            let run = world.run_task("go", input).await;
            let error = run.error.clone().unwrap_or_else(|| panic!("{input}: {:?}", run.state));
            assert_eq!(run.state, State::Failed, "{input}");
            assert!(error.message.contains(expected), "{input}: {}", error.message);
        }
        assert_eq!(world.node().nonce(&world.signer), 0);
        assert!(submit::submissions(&world.submit, &world.principal, submit::Filter::default(), types::Page::default()).await.unwrap().is_empty());
        assert_eq!(*CHAIN, types::ChainId::evm(world.node().chain_id()));
    })
    .await;
}
