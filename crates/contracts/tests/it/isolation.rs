use crate::world::{ABI, ADDRESS, World, abi, new, node, principal};
use contracts::{
    ContractChanges, Known, NewContract, Verification, addresses, contract, delete, update, verify,
};
use store::Tx;
use testkit::{namespace, on_each_engine};
use types::{Coded, ContractId};

#[tokio::test(flavor = "multi_thread")]
async fn no_namespace_sees_a_contract_or_an_interface_of_another() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let with_interface = NewContract {
            interface: abi("DemoToken"),
            ..new("token", &node.token)
        };
        let known = world.register("ns", with_interface).await.unwrap();
        let hash = known.interface.unwrap();
        assert!(world.list("other").await.is_empty());
        assert_eq!(world.interface("other", hash).await, None);
        assert_eq!(world.known("other", &node.token).await, Known::Unregistered);
        let (engine, other) = (&world.contracts, principal("other"));
        for path in [known.id.to_string(), "token".to_owned()] {
            let verification = Verification {
                accept: true,
                ..Verification::default()
            };
            let changes = ContractChanges::default();
            let errors = [
                contract(engine, &other, &path).await.map(drop),
                update(engine, &other, &path, changes).await.map(drop),
                verify(engine, &other, &path, verification).await.map(drop),
                delete(engine, &other, &path).await,
            ];
            for error in errors {
                assert_eq!(error.unwrap_err().code().code, "contracts.unknown_contract");
            }
        }
        let own = world.register("other", new("token", &node.token)).await;
        assert_ne!(own.unwrap().id, known.id, "names and addresses are its own");
        let read = |tx: &mut Tx, id: &ContractId| addresses(tx, &[*id]);
        let read = (world.test.db).read_with(&namespace("other"), known.id, read);
        assert!(read.await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_namespace_has_does_not_show_when_another_adds_the_same() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for ns in ["ns", "other"] {
            let hash = world.add_interface(ns, ABI).await.unwrap();
            let contract = world.ensure(ns, ADDRESS).await.unwrap();
            assert_eq!((contract.version, contract.interface), (1, None));
            assert_eq!(world.interface(ns, hash).await.as_deref(), Some(ABI));
        }
        let facts = world.facts().await;
        assert_eq!(facts[..2], facts[2..], "the same facts in each namespace");
        let [first, second] = [world.list("ns").await, world.list("other").await];
        assert_ne!(first[0].id, second[0].id);
    })
    .await;
}
