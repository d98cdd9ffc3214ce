//! One object of every kind in namespace `a`.

use crate::client::ApiRequest;
use crate::world::{BOB, SIGNER, World, chain};
use policy::DecisionRequest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::namespace;
use types::{Principal, PrincipalKind, Role};

/// Contained in every free text of `a`.
const MARK: &str = "only-alpha-knows";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const HOLDER: &str = "0x00000000000000000000000000000000000a11ce";

/// Ids, names and texts of `a`'s objects, by the placeholder that cases use.
pub(super) struct Fixtures(BTreeMap<&'static str, String>);

/// Placeholders whose value occurs in namespace `a` only.
const TRACES: [&str; 28] = [
    "mark",
    "wallet",
    "users",
    "key",
    "submission",
    "statement",
    "decision",
    "policy",
    "version",
    "list",
    "entry",
    "task",
    "run",
    "set",
    "binding",
    "known",
    "listener",
    "model",
    "subscription",
    "hook",
    "secret",
    "apikey",
    "asset",
    "pool",
    "transfer",
    "address",
    "balance",
    "holder",
];

impl Fixtures {
    /// Creates the objects through the API.
    pub(super) async fn create(world: &World) -> Self {
        let mut fixtures = Self(BTreeMap::new());
        fixtures.insert("mark", MARK);
        for (name, text) in [
            ("chain", "eip155:31337"),
            ("signer", SIGNER),
            ("contract", CONTRACT),
            ("holder", HOLDER),
            ("bob", BOB),
        ] {
            fixtures.insert(name, text);
        }
        fixtures.keys(world).await;
        fixtures.policies(world).await;
        fixtures.lists(world).await;
        fixtures.data_model(world).await;
        fixtures.tasks(world).await;
        fixtures.subscriptions(world).await;
        fixtures.access(world).await;
        fixtures
    }

    fn insert(&mut self, name: &'static str, text: &str) {
        self.0.insert(name, text.to_owned());
    }

    fn insert_from(&mut self, name: &'static str, response: &Value, pointer: &str) {
        let text = response.pointer(pointer).and_then(Value::as_str);
        self.insert(
            name,
            text.unwrap_or_else(|| panic!("{name} at {pointer}: {response}")),
        );
    }

    /// Replaces every `$name` in a text.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Longer names first: `$pol` would match the beginning of `$policy`.
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in names {
            filled = filled.replace(&format!("${name}"), value);
        }
        assert!(!filled.contains('$'), "{filled}");
        filled
    }

    /// Values that must not be returned to another namespace.
    pub(super) fn traces(&self) -> impl Iterator<Item = &str> {
        TRACES.iter().map(|name| self.0[name].as_str())
    }

    async fn keys(&mut self, world: &World) {
        self.insert("wallet", &world.treasury().await);
        let key = world.get("/wallets/treasury/keys/main").await.success();
        self.insert_from("key", &key, "/id");
        let users = json!({ "name": "users", "kind": "user", "metadata": { "note": MARK } });
        self.insert_from(
            "users",
            &world.post("/wallets", users).await.success(),
            "/id",
        );
        let issued = world
            .post("/wallets/users/addresses", json!({ "count": 2 }))
            .await
            .success();
        self.insert_from("address", &issued, "/items/0/address");
        let payment =
            json!({ "signer": SIGNER, "to": BOB, "value": "5", "labels": { "note": MARK } });
        let request = ApiRequest::new("POST", "/api/v1/submissions")
            .key(&world.a)
            .with("idempotency-key", "pay")
            .json(&payment);
        self.insert_from("submission", &world.send(request).await.success(), "/id");
        let message = json!({ "signer": SIGNER, "message": MARK, "labels": { "note": MARK } });
        self.insert_from(
            "statement",
            &world.post("/signatures", message).await.success(),
            "/id",
        );
        world
            .post(
                "/freezes",
                json!({ "scope": self.0["users"], "reason": MARK }),
            )
            .await
            .success();
    }

    async fn policies(&mut self, world: &World) {
        let policy = world
            .request("PUT", "/policies/rule", json!({ "description": MARK }))
            .await
            .success();
        self.insert_from("policy", &policy, "/id");
        let document = format!("package florin.rule\n# {MARK}\ndefault allow := false\n");
        let version = world
            .post("/policies/rule/versions", json!({ "document": document }))
            .await
            .success();
        self.insert_from("version", &version, "/id");
        self.insert_from("label", &version, "/label");
        world
            .post(
                "/policies/rule/attachments",
                json!({ "target": { "kind": "namespace" } }),
            )
            .await
            .success();
        self.insert("decision", &decision(world).await);
        world
            .request(
                "PUT",
                &format!("/chains/{}/tracked/{CONTRACT}", chain()),
                json!({}),
            )
            .await
            .success();
    }

    async fn lists(&mut self, world: &World) {
        let new = json!({ "kind": "account", "description": MARK });
        let list = world
            .request("PUT", "/lists/suppliers", new)
            .await
            .success();
        self.insert_from("list", &list, "/id");
        let entries = json!({ "entries": [{ "address": HOLDER, "note": MARK }] });
        let added = world
            .post("/lists/suppliers/entries", entries)
            .await
            .success();
        self.insert_from("entry", &added, "/items/0/id");
    }

    async fn data_model(&mut self, world: &World) {
        let parent = json!({ "type": "pool", "ref": format!("{CONTRACT}/main") });
        let marked = |mut object: Value| {
            object["description"] = json!(MARK);
            json!([object])
        };
        let body = json!({
            "collections": marked(json!({ "name": "alphas" })),
            "assets": marked(json!({ "name": "alpha", "collection": "alphas" })),
            "addresses": [{ "address": CONTRACT, "contract": true, "description": MARK }, { "address": HOLDER, "description": MARK }],
            "activities": marked(json!({ "name": "alpha-history" })),
            "pools": marked(json!({ "name": "main", "address": CONTRACT, "asset": "alpha" })),
            "nfts": marked(json!({ "name": "one", "address": CONTRACT, "tokenIndex": "1" })),
            "fragments": marked(json!({ "name": "part", "address": HOLDER, "value": "v" })),
            "data": marked(json!({ "name": "prospectus" })),
            "events": marked(json!({ "name": "opened", "activity": "alpha-history", "parent": parent })),
            "transfers": marked(json!({ "protocolId": "000000000001/000000/000000", "parent": parent, "amount": "5",
                "from": "0x0000000000000000000000000000000000000000", "to": HOLDER, "transactionHash": "0xab" })),
        });
        world
            .request("PUT", "/bulk/datamodel", body)
            .await
            .success();
        for (name, path) in [
            ("asset", "/assets/alpha"),
            ("pool", "/pools?name=main"),
            ("transfer", "/transfers"),
            ("balance", "/balances"),
        ] {
            let page = world.get(path).await.success();
            self.insert_from(
                name,
                &page,
                if path.contains("alpha") {
                    "/id"
                } else {
                    "/items/0/id"
                },
            );
        }
        world
            .request(
                "PUT",
                "/metadata-fields/assets/info.onlyAlphaKnows",
                json!({ "form": "text" }),
            )
            .await
            .success();
    }

    async fn tasks(&mut self, world: &World) {
        let set = json!({ "description": MARK, "variables": { "v": MARK } });
        self.insert_from(
            "set",
            &world
                .request("PUT", "/variable-sets/values", set)
                .await
                .success(),
            "/id",
        );
        let task = world
            .request(
                "PUT",
                "/tasks/greet",
                json!({ "description": MARK, "variableSet": "values" }),
            )
            .await
            .success();
        self.insert_from("task", &task, "/id");
        let steps = format!(
            "description: {MARK}\nsteps:\n- name: say\n  type: jsonata_template\n  options: {{template: '1 + 1'}}\n"
        );
        let post = ApiRequest::new("POST", "/api/v1/tasks/greet/versions")
            .key(&world.a)
            .text("application/yaml", &steps);
        self.insert_from("tasklabel", &world.send(post).await.success(), "/version");
        let run = world
            .post("/tasks/greet/runs", json!({ "input": { "note": MARK } }))
            .await
            .success();
        self.insert_from("run", &run, "/id");
        let binding = json!({ "description": MARK, "contract": CONTRACT, "signer": SIGNER });
        self.insert_from(
            "binding",
            &world
                .request("PUT", "/bindings/token", binding)
                .await
                .success(),
            "/id",
        );
        let contracts = world.get("/contracts").await.success();
        self.insert_from("known", &contracts, "/items/0/id");
        let events = json!([{ "type": "event", "name": "Ping", "inputs": [] }]);
        let config = json!({ "taskName": "greet", "blockchainEvents": { "abiEvents": events, "locations": [{ "address": CONTRACT }] } });
        let listener = world
            .request(
                "PUT",
                "/listeners/firefly/pings",
                json!({ "config": config }),
            )
            .await
            .success();
        self.insert_from("listener", &listener, "/id");
        let data_model = json!({ "taskId": "greet", "topicFilter": MARK });
        self.insert_from(
            "model",
            &world
                .request("PUT", "/listeners/datamodel/entries", data_model)
                .await
                .success(),
            "/id",
        );
    }

    async fn subscriptions(&mut self, world: &World) {
        let socket = json!({ "name": "books", "filter": { "subjects": [MARK] }, "delivery": { "type": "websocket" } });
        self.insert_from(
            "subscription",
            &world.post("/subscriptions", socket).await.success(),
            "/subscription/id",
        );
        let hook = json!({ "name": "hook", "delivery": { "type": "webhook", "url": "https://93.184.216.34/only-alpha-knows" } });
        let hook = world.post("/subscriptions", hook).await.success();
        self.insert_from("hook", &hook, "/subscription/id");
        self.insert_from("secret", &hook, "/secret/id");
    }

    async fn access(&mut self, world: &World) {
        let issued = world
            .post("/api-keys", json!({ "name": MARK, "roles": ["reader"] }))
            .await
            .success();
        self.insert_from("apikey", &issued, "/key/id");
    }
}

/// Adds a decision to the decision log of `a`; returns its id.
async fn decision(world: &World) -> String {
    let initiator = Principal {
        id: "ann".into(),
        kind: PrincipalKind::Person,
        namespace: namespace("a"),
        roles: vec![Role::Operator],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    };
    let intent = intent::Intent::call(
        chain(),
        SIGNER.into(),
        Some(BOB.into()),
        types::Amount::from(5),
        Vec::new(),
    );
    let question = DecisionRequest {
        initiator,
        subject: "only-alpha-knows".into(),
        purpose: policy::Purpose::Act,
        intent,
        interface: None,
        quote: intent::FeeTerms::default(),
        limits: intent::FeeLimits::default(),
        wallet: None,
        key: None,
        task: None,
        assets: Vec::new(),
        policies: Vec::new(),
        labels: BTreeMap::new(),
        approvals: Vec::new(),
    };
    policy::decide(&world.app.policy, &[question])
        .await
        .unwrap()[0]
        .decision()
        .to_string()
}
