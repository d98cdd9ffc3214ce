use crate::world::{ABI, ADDRESS, World, chain, json, new, principal};
use contracts::{NewContract, Standard, canonical_address, contract, contracts, register};
use testkit::on_each_engine;
use types::{ChainId, Coded, ContractId, Page};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_row_however_it_is_written() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let with_checksum = new("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
        let (first, is_new) = register(&world.contracts, &principal("ns"), with_checksum)
            .await
            .unwrap();
        assert!(is_new && first.id.to_string().starts_with("ctr:"));
        assert_eq!((first.address.as_str(), first.version), (ADDRESS, 1));
        let (again, is_new) = register(&world.contracts, &principal("ns"), new(ADDRESS))
            .await
            .unwrap();
        assert_eq!((&again, is_new), (&first, false));
        assert_eq!(world.ensure("ns", ADDRESS).await.unwrap(), first);
        let read = contract(&world.contracts, &principal("ns"), first.id).await;
        assert_eq!(read, Ok(first));
        assert_eq!(world.facts().await, ["contract.registered"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_address_on_two_chains_is_two_contracts() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let other = NewContract {
            chain: ChainId::evm(1),
            ..new(ADDRESS)
        };
        for new in [new(ADDRESS), other] {
            let (_, is_new) = register(&world.contracts, &principal("ns"), new)
                .await
                .unwrap();
            assert!(is_new);
        }
        let chains: Vec<_> = world.list("ns").await.iter().map(|row| row.chain).collect();
        assert_eq!(chains, [ChainId::evm(1), chain()]);
        let page = Page::default();
        let of_chain = contracts(&world.contracts, &principal("ns"), Some(chain()), &page).await;
        assert_eq!(of_chain.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_mentions_of_an_address_find_the_same_row() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mentions = (0..8).map(|_| world.ensure("ns", ADDRESS));
        let mut ids = Vec::new();
        for mention in futures::future::join_all(mentions).await {
            ids.push(mention.unwrap().id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(world.facts().await, ["contract.registered"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_states_standard_and_interface_and_a_mention_does_not_change_them() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mentioned = world.ensure("ns", ADDRESS).await.unwrap();
        assert_eq!((mentioned.standard, mentioned.interface), (None, None));
        let known = NewContract {
            standard: Some(Standard::Erc20),
            interface: Some(json(ABI)),
            ..new(ADDRESS)
        };
        let (known, is_new) = register(&world.contracts, &principal("ns"), known)
            .await
            .unwrap();
        assert_eq!(
            (known.id, known.standard, known.version, is_new),
            (mentioned.id, Some(Standard::Erc20), 2, false)
        );
        let hash = known.interface.unwrap();
        assert_eq!(world.interface("ns", hash).await.as_deref(), Some(ABI));
        assert_eq!(world.ensure("ns", ADDRESS).await.unwrap(), known);
        let (unchanged, _) = register(&world.contracts, &principal("ns"), new(ADDRESS))
            .await
            .unwrap();
        assert_eq!(unchanged, known, "what is left out stays");
        let facts = [
            "contract.registered",
            "contract.interface_added",
            "contract.updated",
        ];
        assert_eq!(world.facts().await, facts);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_of_the_chain_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wrong_checksum = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1Beaed";
        for address in ["", "0x12", wrong_checksum] {
            let error = register(&world.contracts, &principal("ns"), new(address))
                .await
                .unwrap_err();
            assert_eq!(error.code().code, "intent.invalid_address", "{address:?}");
        }
        assert!(canonical_address(&"cosmos:hub".parse().unwrap(), ADDRESS).is_err());
        assert!(world.list("ns").await.is_empty());
        let missing = ContractId::from_ulid(types::Ulid::from_bits(7));
        let error = contract(&world.contracts, &principal("ns"), missing)
            .await
            .unwrap_err();
        assert_eq!(error.code().code, "contracts.unknown_contract");
    })
    .await;
}
