//! The interfaces that callers give with their calls.

use crate::world::World;
use contracts::NewContract;
use serde_json::{Value, json};
use store::Tx;
use submit::{Enqueue, State};
use testkit::{namespace, on_each_engine};
use types::{Amount, Coded, Json};

const CONTRACT: &str = "0x00000000000000000000000000000000000000c1";

impl World {
    /// Puts the code of `Overloads` at [`CONTRACT`].
    fn install(&self) {
        let code = testkit::artifact("Overloads").deployed_bytecode;
        self.node.rpc("anvil_setCode", json!([CONTRACT, code]));
    }

    /// A call of `Overloads`, with its interface if asked for.
    fn call(&self, method: &str, params: Value, with_interface: bool) -> Enqueue {
        let abi = testkit::artifact("Overloads").abi.to_string();
        let interface = intent::Interface::new(abi.clone());
        let data = intent::encode_call(&self.chain(), &interface, method, &params).unwrap();
        let intent = intent::Intent::call(
            self.chain(),
            self.signer.clone(),
            Some(CONTRACT.to_owned()),
            Amount::ZERO,
            data,
        );
        Enqueue {
            intent,
            interface: with_interface.then_some(abi),
            ..self.payment(0)
        }
    }

    /// The number of rows of a query in the namespace of the principal.
    async fn count(&self, sql: &'static str) -> u64 {
        let read = move |tx: &mut Tx| tx.count(sql, ());
        let count = self.test.db.read(&self.principal.namespace, read).await;
        count.unwrap()
    }

    async fn failure(&self, new: Enqueue) -> String {
        let id = self.enqueue(new).await;
        self.run_until_idle().await;
        let submission = self.get(id).await;
        assert_eq!(submission.state, State::Failed, "{submission:?}");
        submission.reason.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_is_stored_once_however_many_submissions_give_it() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.install();
        let stored = "SELECT COUNT(*) FROM contract_interface WHERE namespace = ?ns";
        for value in ["1", "2"] {
            let set = world.call("set(uint256)", json!([value]), true);
            let id = world.enqueue(set).await;
            let abi = testkit::artifact("Overloads").abi.to_string();
            let hash = types::Digest::of(abi.as_bytes());
            assert_eq!(world.get(id).await.interface, Some(hash));
        }
        let without = world.call("set(uint256)", json!(["3"]), false);
        let without = world.enqueue(without).await;
        assert_eq!(world.get(without).await.interface, None);
        assert_eq!(world.count(stored).await, 1);
        let texts =
            "SELECT COUNT(*) FROM submission WHERE namespace = ?ns AND interface IS NOT NULL";
        assert_eq!(world.count(texts).await, 0);
        let other = namespace("other");
        let other = world.test.db.read(&other, move |tx| tx.count(stored, ()));
        assert_eq!(other.await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_interface_is_rejected_with_its_submission() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        for interface in ["", "7", "{}", "[", "\"text\""] {
            let new = Enqueue {
                interface: Some(interface.to_owned()),
                ..world.payment(1)
            };
            let error = world.try_enqueue(new).await.unwrap_err();
            let status = error.code().status;
            assert_eq!(
                (status, error.field().as_deref()),
                (400, Some("abi")),
                "{interface}"
            );
        }
        let all = "SELECT COUNT(*) FROM submission WHERE namespace = ?ns";
        assert_eq!(world.count(all).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_is_explained_by_the_given_interface_or_else_by_the_registered_one() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.install();
        let expected = format!("Refused(who: {}, wanted: 7, why: not today)", world.signer);
        let call = |with_interface| world.call("failError", json!(["7"]), with_interface);
        let reason = world.failure(call(true)).await;
        assert!(reason.contains(&expected), "{reason}");
        let reason = world.failure(call(false)).await;
        assert!(!reason.contains("Refused"), "{reason}");
        world.mine(3).await;
        let registered = NewContract {
            name: "overloads".to_owned(),
            chain: world.chain(),
            address: CONTRACT.to_owned(),
            standards: None,
            interface: Json::parse(&testkit::artifact("Overloads").abi.to_string()),
        };
        contracts::register(&world.contracts, &world.principal, registered)
            .await
            .unwrap();
        let reason = world.failure(call(false)).await;
        assert!(reason.contains(&expected), "{reason}");
    })
    .await;
}
