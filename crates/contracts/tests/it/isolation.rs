use crate::world::{ABI, ADDRESS, World, json, new, principal};
use contracts::{NewContract, addresses, contract, register};
use store::Tx;
use testkit::{namespace, on_each_engine};
use types::{Coded, ContractId};

#[tokio::test(flavor = "multi_thread")]
async fn no_namespace_sees_a_contract_or_an_interface_of_another() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let with_interface = NewContract {
            interface: Some(json(ABI)),
            ..new(ADDRESS)
        };
        let (known, _) = register(&world.contracts, &principal("ns"), with_interface)
            .await
            .unwrap();
        let hash = known.interface.unwrap();
        assert!(world.list("other").await.is_empty());
        assert_eq!(world.interface("other", hash).await, None);
        let error = contract(&world.contracts, &principal("other"), known.id)
            .await
            .unwrap_err();
        assert_eq!(error.code().code, "contracts.unknown_contract");
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
