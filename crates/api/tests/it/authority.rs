//! The authority of an API key ends with the key, and follows what it has written.

use crate::client::{ApiRequest, ApiResponse};
use crate::world::{BOB, SIGNER, World, chain};
use api::access::StoredApiKeys;
use policy::{ApiKeys as _, Lock};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Lease, Tx};
use testkit::anvil::{self, Anvil, Mining, Options};
use testkit::{Fault, Proxy, TestDb, namespace, on_each_engine};
use types::ApiKeyId;

const ALLOW_ALL: &str = "package florin.all\nallow := true\n";

/// A world on a node, with the workers of its lanes and runs.
struct Running {
    world: World,
    node: Anvil,
    proxy: Proxy,
    lanes: submit::Worker,
    runs: tokio::sync::Mutex<workflow::Worker>,
    leases: Vec<Lease>,
}

/// An API key, and its id.
struct Key {
    id: String,
    secret: String,
}

impl Running {
    /// With the treasury of `a`, and a policy for its namespace. `None` if anvil is not installed.
    async fn new(test: TestDb, document: &str) -> Option<Self> {
        let options = Options {
            mining: Mining::OnDemand,
            ..Options::default()
        };
        let node = anvil::start(&options)?;
        let proxy = Proxy::in_front_of(&node.url());
        let world = World::with(test, &proxy.url()).await;
        world.treasury().await;
        let (lanes, runs) = (
            world.test.lease(&submit::shard_partition(0)).await,
            world.test.lease(&workflow::shard_partition(0)).await,
        );
        let leases = vec![world.lease.clone(), lanes.clone(), runs.clone()];
        let lanes = submit::Worker::new(world.app.submit.clone(), 0, lanes);
        let runs = workflow::Worker::new(world.app.workflow.clone(), 0, runs);
        let running = Self {
            world,
            node,
            proxy,
            lanes,
            runs: tokio::sync::Mutex::new(runs),
            leases,
        };
        running.attach("rules", document).await;
        Some(running)
    }

    async fn attach(&self, name: &str, document: &str) {
        let world = &self.world;
        let policy = format!("/policies/{name}");
        world.request("PUT", &policy, json!({})).await.success();
        let version = json!({ "document": document });
        let versions = format!("{policy}/versions");
        world.post(&versions, version).await.success();
        let target = json!({ "target": { "kind": "namespace" } });
        let attachments = format!("{policy}/attachments");
        world.post(&attachments, target).await.success();
    }

    async fn issue(&self, name: &str, roles: &[&str]) -> Key {
        let new = json!({ "name": name, "kind": "person", "roles": roles });
        let issued = self.world.post("/api-keys", new).await.success();
        Key {
            id: issued["key"]["id"].as_str().unwrap().to_owned(),
            secret: issued["secret"].as_str().unwrap().to_owned(),
        }
    }

    async fn as_key(&self, key: &Key, method: &str, path: &str, body: Value) -> ApiResponse {
        let request = ApiRequest::new(method, &format!("/api/v1{path}")).key(&key.secret);
        self.world.send(request.json(&body)).await
    }

    /// A payment under an idempotency key.
    async fn pay(&self, key: &Key, wei: u64) -> String {
        let payment = json!({ "signer": SIGNER, "to": BOB, "value": wei.to_string() });
        let request = ApiRequest::new("POST", "/api/v1/submissions")
            .key(&key.secret)
            .with("idempotency-key", &format!("pay-{wei}"));
        let accepted = self.world.send(request.json(&payment)).await;
        accepted.success()["id"].as_str().unwrap().to_owned()
    }

    async fn submission(&self, id: &str) -> Value {
        let path = format!("/submissions/{id}");
        self.world.get(&path).await.success()
    }

    async fn run_until_idle(&self) {
        let mut runs = self.runs.lock().await;
        for _ in 0..100 {
            let run = runs.turn().await.unwrap();
            let sent = self.lanes.turn().await.unwrap().changed;
            if run.advanced + run.delivered + run.in_flight + sent == 0 {
                return;
            }
        }
        panic!("the workers never become idle");
    }

    async fn wait(&self, millis: i64) {
        self.world.test.clock.advance_millis(millis);
        for lease in &self.leases {
            self.world.test.db.renew(lease).await.unwrap();
        }
    }

    /// Three payments of a key that are permitted, while the node gives no nonce.
    async fn permitted(&self, key: &Key) -> Vec<String> {
        self.proxy
            .fail_always("eth_getTransactionCount", Fault::Status(503));
        let mut ids = Vec::new();
        for wei in [1, 2, 4] {
            ids.push(self.pay(key, wei).await);
        }
        self.lanes.turn().await.unwrap();
        for id in &ids {
            assert_eq!(self.submission(id).await["state"], "permitted");
        }
        ids
    }

    /// The node works again. Returns what reached the chain: the nonce, and Bob's balance.
    async fn let_go(&self) -> (u64, u64) {
        self.proxy.clear_faults();
        self.wait(60_000).await;
        self.run_until_idle().await;
        self.node.mine(2);
        let balance = self.node.rpc("eth_getBalance", json!([BOB, "latest"]));
        let balance = balance.as_str().unwrap().trim_start_matches("0x");
        let balance = u64::from_str_radix(balance, 16).unwrap();
        (self.node.nonce(SIGNER), balance)
    }

    /// The only submission of the runs of a listener, and how it ended.
    async fn submissions(&self) -> Vec<Value> {
        let listed = self.world.get("/submissions").await.success();
        listed["items"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_takes_what_it_submitted_with_it_in_the_same_commit() {
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, ALLOW_ALL).await else {
            return;
        };
        let (ben, eve) = (
            running.issue("ben", &["operator"]).await,
            running.issue("eve", &["operator"]).await,
        );
        let ids = running.permitted(&ben).await;
        let other = running.pay(&eve, 8).await;
        running.lanes.turn().await.unwrap();
        let permits = running.world.get("/permits").await.success();
        assert_eq!(permits["count"], 4);
        assert_eq!(permits["items"][0]["revoked"], false);
        let of_first = |permit: &Value| permit["subject"] == json!(ids[0]);
        let items = permits["items"].as_array().unwrap();
        assert_eq!(items.iter().filter(|permit| of_first(permit)).count(), 1);

        let path = format!("/api-keys/{}", ben.id);
        let revoked = running.world.request("DELETE", &path, Value::Null).await;
        assert_eq!(revoked.status, 204);
        // No worker has had a turn.
        for id in &ids {
            let stopped = running.submission(id).await;
            assert_eq!(stopped["state"], "denied");
            assert_eq!(stopped["reason"], "its API key was revoked");
        }
        let permits = running.world.get("/permits").await.success();
        let permits = permits["items"].as_array().unwrap();
        let revoked = permits.iter().filter(|permit| permit["revoked"] == true);
        assert_eq!(revoked.count(), 3);
        assert_eq!(running.submission(&other).await["state"], "permitted");
        assert_eq!(running.let_go().await, (1, 8), "only the other's is paid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lowered_roles_have_what_is_permitted_decided_again() {
    let document = "package florin.roles
default allow := false
allow if \"controller\" in input.initiator.roles
";
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, document).await else {
            return;
        };
        let ben = running.issue("ben", &["operator", "controller"]).await;
        let ids = running.permitted(&ben).await;
        let path = format!("/api-keys/{}", ben.id);
        let lowered = json!({ "roles": ["operator"] });
        let changed = running.world.request("PATCH", &path, lowered).await;
        assert_eq!(changed.success()["roles"], json!(["operator"]));
        assert_eq!(running.let_go().await, (0, 0));
        for id in &ids {
            assert_eq!(running.submission(id).await["state"], "denied");
        }
        let export = json!({ "roles": ["keyexporter"] });
        let refused = running.world.request("PATCH", &path, export).await;
        assert_eq!(refused.code_and_field().0, "api.forbidden");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_does_not_exist_is_not_revoked() {
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, ALLOW_ALL).await else {
            return;
        };
        let ben = running.issue("ben", &["operator"]).await;
        running.permitted(&ben).await;
        let revoke = async |id: &str| {
            let path = format!("/permits/{id}/revoke");
            running
                .world
                .post(&path, json!({ "reason": "drill" }))
                .await
        };
        let unknown = revoke("pmt:01J00000000000000000000000").await;
        assert_eq!(
            (unknown.status, unknown.code_and_field().0.as_str()),
            (404, "policy.unknown_permit")
        );
        let permits = running.world.get("/permits").await.success();
        let id = permits["items"][0]["id"].as_str().unwrap();
        assert_eq!(revoke(id).await.success()["revoked"], true);
        assert_eq!(
            revoke(id).await.success()["revoked"],
            false,
            "it was already"
        );
        assert_eq!(running.let_go().await.0, 2, "the two others are sent");
    })
    .await;
}

const PAYS: &str = "steps:
- name: pay
  type: contract_invoke
  options:
    contract: '0x00000000000000000000000000000000000b0b00'
    signer: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
    method: ping
    value: '5'
    until: accepted
    abi: [{type: function, name: ping, stateMutability: payable, inputs: [], outputs: []}]
";

/// Writes the task that pays, and a listener that starts it for each entry.
async fn write_listener(running: &Running, author: &Key) {
    let task = json!({ "name": "pays" });
    let put = running.as_key(author, "PUT", "/tasks/pays", task).await;
    put.success();
    let version = ApiRequest::new("POST", "/api/v1/tasks/pays/versions").key(&author.secret);
    let version = version.text("application/x-yaml", PAYS);
    running.world.send(version).await.success();
    let listener = json!({ "name": "entries", "taskId": "pays", "topicFilter": "^history/" });
    let path = "/listeners/datamodel/entries";
    running
        .as_key(author, "PUT", path, listener)
        .await
        .success();
}

/// Another writes an entry, and the listener starts a run for it.
async fn write_entry(running: &Running, name: &str) {
    let entry = json!({ "name": name, "activity": "history" });
    running.world.post("/events", entry).await.success();
    running.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_whom_a_policy_denies_does_not_pay_through_a_listener_of_his_own() {
    let document = "package florin.people
default allow := false
allow if input.initiator.id != \"mal\"
";
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, document).await else {
            return;
        };
        let mal = running.issue("mal", &["operator"]).await;
        let direct = running.pay(&mal, 3).await;
        running.run_until_idle().await;
        assert_eq!(running.submission(&direct).await["state"], "denied");

        let activity = json!({ "name": "history" });
        running.world.post("/activities", activity).await.success();
        write_listener(&running, &mal).await;
        write_entry(&running, "one").await;
        let submissions = running.submissions().await;
        assert_eq!(submissions.len(), 2);
        assert_eq!(submissions[0]["initiator"], "mal");
        assert_eq!(submissions[0]["state"], "denied");
        assert_eq!(running.let_go().await, (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_and_a_task_act_in_the_name_of_their_authors() {
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, ALLOW_ALL).await else {
            return;
        };
        let (ann, ben) = (
            running.issue("ann", &["operator", "admin"]).await,
            running.issue("ben", &["operator"]).await,
        );
        let activity = json!({ "name": "history" });
        running.world.post("/activities", activity).await.success();
        write_listener(&running, &ann).await;
        write_entry(&running, "one").await;
        let paid = &running.submissions().await[0];
        assert_eq!(paid["state"], "accepted", "{paid}");
        let decision = format!("/policy-decisions/{}", paid["decision"].as_str().unwrap());
        let decision = running.world.get(&decision).await.success();
        let initiator = &decision["input"]["initiator"];
        let author = |via: &str| {
            json!({
                "id": "ann", "kind": "person", "key": ann.id, "roles": ["operator", "admin"],
                "via": via,
            })
        };
        assert_eq!(initiator["id"], "ann");
        assert_eq!(initiator["key"], json!(ann.id));
        assert_eq!(
            initiator["chain_of"],
            json!([author("listener"), author("task")])
        );

        // A task that another starts is in the chain, too; and the key of its author ends it.
        let run = running
            .as_key(&ben, "POST", "/tasks/pays/runs", json!({ "input": {} }))
            .await;
        run.success();
        running.run_until_idle().await;
        let by_ben = &running.submissions().await[0];
        assert_eq!(
            (&by_ben["initiator"], &by_ben["state"]),
            (&json!("ben"), &json!("accepted"))
        );
        let path = format!("/api-keys/{}", ann.id);
        running
            .world
            .request("DELETE", &path, Value::Null)
            .await
            .success();
        let run = running
            .as_key(
                &ben,
                "POST",
                "/tasks/pays/runs",
                json!({ "input": { "again": true } }),
            )
            .await;
        run.success();
        write_entry(&running, "two").await;
        let latest = running.submissions().await;
        for submission in &latest[..2] {
            assert_eq!(submission["state"], "denied", "{submission}");
            let reason = submission["reason"].as_str().unwrap();
            assert!(reason.contains("the API key of ann"), "{reason}");
        }
        assert_eq!(running.let_go().await, (2, 10));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_has_a_step_done_again_is_in_the_chain() {
    let document = "package florin.retry
default allow := false
allow if { some one in input.initiator.chain_of; one.via == \"retry\"; one.id == \"eve\" }
";
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, document).await else {
            return;
        };
        let (ben, eve) = (
            running.issue("ben", &["operator"]).await,
            running.issue("eve", &["operator"]).await,
        );
        write_listener(&running, &ben).await;
        let run = running
            .as_key(&ben, "POST", "/tasks/pays/runs", json!({ "input": {} }))
            .await
            .success();
        running.run_until_idle().await;
        assert_eq!(running.submissions().await[0]["state"], "denied");
        let retry = format!("/runs/{}/retry", run["id"].as_str().unwrap());
        running
            .as_key(&eve, "POST", &retry, json!({}))
            .await
            .success();
        running.run_until_idle().await;
        let again = &running.submissions().await[0];
        assert_eq!(
            (&again["initiator"], &again["state"]),
            (&json!("ben"), &json!("accepted"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_share_a_name_are_told_apart() {
    let document = "package florin.key
default allow := false
allow if input.initiator.key == input.labels.expected
";
    on_each_engine(|test| async move {
        let Some(running) = Running::new(test, document).await else {
            return;
        };
        let (one, two) = (
            running.issue("twin", &["operator"]).await,
            running.issue("twin", &["operator"]).await,
        );
        let mut states = Vec::new();
        for key in [&one, &two] {
            let payment = json!({
                "signer": SIGNER, "to": BOB, "value": "1", "labels": { "expected": one.id },
            });
            let sent = running.as_key(key, "POST", "/submissions", payment).await;
            let id = sent.success()["id"].as_str().unwrap().to_owned();
            running.run_until_idle().await;
            states.push(running.submission(&id).await["state"].clone());
        }
        assert_eq!(states, [json!("accepted"), json!("denied")]);
        assert_eq!(chain().to_string(), "eip155:31337");
    })
    .await;
}

/// A transaction relies on a key: its revocation waits until that transaction ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_waits_for_a_signature_that_is_being_recorded() {
    on_each_engine(|test| async move {
        let world = Arc::new(World::new(test).await);
        let Some(server) = world.test.server() else {
            return; // SQLite has one writer: no other transaction can interleave
        };
        let new = json!({ "name": "ben", "roles": ["operator"] });
        let key = world.post("/api-keys", new).await.success()["key"]["id"].clone();
        let key = key.as_str().unwrap().to_owned();
        let id: ApiKeyId = key.parse().unwrap();
        let lease = world.test.lease("lanes/0").await;
        let (reached, mut is_reached) = tokio::sync::mpsc::unbounded_channel();
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let opened = std::sync::Mutex::new(opened);
        let relying = world
            .test
            .db
            .on(&lease)
            .write(&namespace("a"), move |tx: &mut Tx| {
                let standing = StoredApiKeys.standing(tx, &[id], Lock::Shared)?;
                reached.send(()).unwrap();
                let _ = opened.lock().unwrap().recv();
                Ok::<_, store::Error>(standing)
            });
        let relying = tokio::spawn(relying);
        is_reached.recv().await.unwrap();
        let revoking = tokio::spawn({
            let world = world.clone();
            async move {
                world
                    .request("DELETE", &format!("/api-keys/{key}"), Value::Null)
                    .await
            }
        });
        // The server is the judge: some session waits for a lock.
        let waits = || server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
        assert!(tokio::task::block_in_place(|| testkit::wait_until(
            20_000, waits
        )));
        assert!(!revoking.is_finished());
        open.send(()).unwrap();
        assert!(relying.await.unwrap().unwrap()[0].is_live);
        assert_eq!(revoking.await.unwrap().status, 204);
    })
    .await;
}
