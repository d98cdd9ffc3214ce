//! One of everything in namespace `a`.

use crate::client::Call;
use crate::world::{BOB, SIGNER, World, chain};
use policy::Question;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::namespace;
use types::{Kind, Principal, Role};

/// Stands in every free text of `a`'s.
const MARK: &str = "only-alpha-knows";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const HOLDER: &str = "0x00000000000000000000000000000000000a11ce";

/// What `a` has, by the names that cases use.
pub(super) struct Things(BTreeMap<&'static str, String>);

/// Names whose text tells where it comes from: an id, or a text of `a`'s own.
const TRACES: [&str; 24] = [
    "mark",
    "wallet",
    "users",
    "key",
    "submission",
    "decision",
    "policy",
    "version",
    "task",
    "run",
    "set",
    "binding",
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

impl Things {
    /// Make them.
    pub(super) async fn made(world: &World) -> Self {
        let mut things = Self(BTreeMap::new());
        things.put("mark", MARK);
        for (name, text) in [
            ("chain", "eip155:31337"),
            ("signer", SIGNER),
            ("contract", CONTRACT),
            ("holder", HOLDER),
            ("bob", BOB),
        ] {
            things.put(name, text);
        }
        things.keys(world).await;
        things.rules(world).await;
        things.model(world).await;
        things.tasks(world).await;
        things.subscriptions(world).await;
        things.access(world).await;
        things
    }

    fn put(&mut self, name: &'static str, text: &str) {
        self.0.insert(name, text.to_owned());
    }

    fn keep(&mut self, name: &'static str, answer: &Value, pointer: &str) {
        let text = answer.pointer(pointer).and_then(Value::as_str);
        self.put(
            name,
            text.unwrap_or_else(|| panic!("{name} at {pointer}: {answer}")),
        );
    }

    /// A text with `$name` replaced.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Longer names first: `$policy` begins as `$pol` would.
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in names {
            filled = filled.replace(&format!("${name}"), value);
        }
        assert!(!filled.contains('$'), "{filled}");
        filled
    }

    /// Texts that must not reach another namespace.
    pub(super) fn traces(&self) -> impl Iterator<Item = &str> {
        TRACES.iter().map(|name| self.0[name].as_str())
    }

    async fn keys(&mut self, world: &World) {
        self.put("wallet", &world.treasury().await);
        let key = world.get("/wallets/treasury/keys/main").await.good();
        self.keep("key", &key, "/id");
        let users = json!({ "name": "users", "kind": "user", "metadata": { "note": MARK } });
        self.keep("users", &world.post("/wallets", users).await.good(), "/id");
        let handed = world
            .post("/wallets/users/addresses", json!({ "count": 2 }))
            .await
            .good();
        self.keep("address", &handed, "/items/0/address");
        let pay = json!({ "signer": SIGNER, "to": BOB, "value": "5", "labels": { "note": MARK } });
        let pay = Call::new("POST", "/api/v1/submissions")
            .key(&world.a)
            .with("idempotency-key", "pay")
            .json(&pay);
        self.keep("submission", &world.send(pay).await.good(), "/id");
        world
            .post(
                "/freezes",
                json!({ "scope": self.0["users"], "reason": MARK }),
            )
            .await
            .good();
    }

    async fn rules(&mut self, world: &World) {
        let policy = world
            .ask("PUT", "/policies/rule", json!({ "description": MARK }))
            .await
            .good();
        self.keep("policy", &policy, "/id");
        let document = format!("package florin.rule\n# {MARK}\ndefault allow := false\n");
        let version = world
            .post("/policies/rule/versions", json!({ "document": document }))
            .await
            .good();
        self.keep("version", &version, "/id");
        self.keep("label", &version, "/label");
        world
            .post(
                "/policies/rule/attachments",
                json!({ "target": { "kind": "namespace" } }),
            )
            .await
            .good();
        self.put("decision", &decision(world).await);
        world
            .ask(
                "PUT",
                &format!("/chains/{}/tracked/{CONTRACT}", chain()),
                json!({}),
            )
            .await
            .good();
    }

    async fn model(&mut self, world: &World) {
        let parent = json!({ "type": "pool", "ref": format!("{CONTRACT}/main") });
        let noted = |mut object: Value| {
            object["description"] = json!(MARK);
            json!([object])
        };
        let body = json!({
            "collections": noted(json!({ "name": "alphas" })),
            "assets": noted(json!({ "name": "alpha", "collection": "alphas" })),
            "addresses": [{ "address": CONTRACT, "contract": true, "description": MARK }, { "address": HOLDER, "description": MARK }],
            "activities": noted(json!({ "name": "alpha-history" })),
            "pools": noted(json!({ "name": "main", "address": CONTRACT, "asset": "alpha" })),
            "nfts": noted(json!({ "name": "one", "address": CONTRACT, "tokenIndex": "1" })),
            "fragments": noted(json!({ "name": "part", "address": HOLDER, "value": "v" })),
            "data": noted(json!({ "name": "prospectus" })),
            "events": noted(json!({ "name": "opened", "activity": "alpha-history", "parent": parent })),
            "transfers": noted(json!({ "protocolId": "000000000001/000000/000000", "parent": parent, "amount": "5",
                "from": "0x0000000000000000000000000000000000000000", "to": HOLDER, "transactionHash": "0xab" })),
        });
        world.ask("PUT", "/bulk/datamodel", body).await.good();
        for (name, path) in [
            ("asset", "/assets/alpha"),
            ("pool", "/pools?name=main"),
            ("transfer", "/transfers"),
            ("balance", "/balances"),
        ] {
            let found = world.get(path).await.good();
            self.keep(
                name,
                &found,
                if path.contains("alpha") {
                    "/id"
                } else {
                    "/items/0/id"
                },
            );
        }
        world
            .ask(
                "PUT",
                "/metadata-fields/assets/info.onlyAlphaKnows",
                json!({ "form": "text" }),
            )
            .await
            .good();
    }

    async fn tasks(&mut self, world: &World) {
        let set = json!({ "description": MARK, "variables": { "v": MARK } });
        self.keep(
            "set",
            &world.ask("PUT", "/variable-sets/values", set).await.good(),
            "/id",
        );
        let task = world
            .ask(
                "PUT",
                "/tasks/greet",
                json!({ "description": MARK, "variableSet": "values" }),
            )
            .await
            .good();
        self.keep("task", &task, "/id");
        let steps = format!(
            "description: {MARK}\nsteps:\n- name: say\n  type: jsonata_template\n  options: {{template: '1 + 1'}}\n"
        );
        let post = Call::new("POST", "/api/v1/tasks/greet/versions")
            .key(&world.a)
            .text("application/yaml", &steps);
        self.keep("tasklabel", &world.send(post).await.good(), "/version");
        let run = world
            .post("/tasks/greet/runs", json!({ "input": { "note": MARK } }))
            .await
            .good();
        self.keep("run", &run, "/id");
        let binding = json!({ "description": MARK, "contract": CONTRACT, "signer": SIGNER });
        self.keep(
            "binding",
            &world.ask("PUT", "/bindings/token", binding).await.good(),
            "/id",
        );
        let events = json!([{ "type": "event", "name": "Ping", "inputs": [] }]);
        let config = json!({ "taskName": "greet", "blockchainEvents": { "abiEvents": events, "locations": [{ "address": CONTRACT }] } });
        let listener = world
            .ask(
                "PUT",
                "/listeners/firefly/pings",
                json!({ "config": config }),
            )
            .await
            .good();
        self.keep("listener", &listener, "/id");
        let model = json!({ "taskId": "greet", "topicFilter": MARK });
        self.keep(
            "model",
            &world
                .ask("PUT", "/listeners/datamodel/entries", model)
                .await
                .good(),
            "/id",
        );
    }

    async fn subscriptions(&mut self, world: &World) {
        let socket = json!({ "name": "books", "filter": { "subjects": [MARK] }, "delivery": { "type": "websocket" } });
        self.keep(
            "subscription",
            &world.post("/subscriptions", socket).await.good(),
            "/subscription/id",
        );
        let hook = json!({ "name": "hook", "delivery": { "type": "webhook", "url": "https://93.184.216.34/only-alpha-knows" } });
        let hook = world.post("/subscriptions", hook).await.good();
        self.keep("hook", &hook, "/subscription/id");
        self.keep("secret", &hook, "/secret/id");
    }

    async fn access(&mut self, world: &World) {
        let issued = world
            .post("/api-keys", json!({ "name": MARK, "roles": ["reader"] }))
            .await
            .good();
        self.keep("apikey", &issued, "/key/id");
    }
}

/// A decision in the log of `a`.
async fn decision(world: &World) -> String {
    let initiator = Principal {
        id: "ann".into(),
        kind: Kind::Person,
        namespace: namespace("a"),
        roles: vec![Role::Operator],
    };
    let intent = intent::Intent::call(
        chain(),
        SIGNER.into(),
        Some(BOB.into()),
        types::Amount::from(5),
        Vec::new(),
    );
    let question = Question {
        initiator,
        subject: "only-alpha-knows".into(),
        intent,
        interface: None,
        quote: intent::FeeTerms::default(),
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
