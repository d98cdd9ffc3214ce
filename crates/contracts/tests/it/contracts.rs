use crate::world::{ADDRESS, World, chain, principal};
use contracts::{Filter, canonical_address, contract};
use testkit::on_each_engine;
use types::{ChainId, Coded, ContractId, Page};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_row_however_often_it_is_mentioned() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let first = world.ensure("ns", ADDRESS).await.unwrap();
        assert!(first.id.to_string().starts_with("ctr:"));
        assert_eq!((first.name.as_ref(), first.registered), (None, None));
        assert_eq!(world.ensure("ns", ADDRESS).await.unwrap(), first);
        let id = first.id.to_string();
        let read = contract(&world.contracts, &principal("ns"), &id).await;
        assert_eq!(read, Ok(first));
        assert_eq!(world.facts().await, ["contract.mentioned"]);
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
        assert_eq!(world.facts().await, ["contract.mentioned"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_page_by_page() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mut all = Vec::new();
        for number in 1..=5 {
            let address = format!("0x{number:040x}");
            all.push(world.ensure("ns", &address).await.unwrap().id);
        }
        all.sort_by_key(ToString::to_string);
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = Page::new(Some(2), None, after).unwrap();
            let items = world.list_by("ns", Filter::default(), &page).await;
            let Some(last) = items.last() else { break };
            after = Some(last.id.to_string());
            read.extend(items.iter().map(|item| item.id));
        }
        assert_eq!(read, all);
        for (filter, count) in [
            (
                Filter {
                    chain: Some(chain()),
                    ..Filter::default()
                },
                5,
            ),
            (
                Filter {
                    chain: Some(ChainId::evm(1)),
                    ..Filter::default()
                },
                0,
            ),
            (
                Filter {
                    registered: true,
                    ..Filter::default()
                },
                0,
            ),
            (
                Filter {
                    name: Some("token".to_owned()),
                    ..Filter::default()
                },
                0,
            ),
        ] {
            let items = world.list_by("ns", filter.clone(), &Page::default()).await;
            assert_eq!(items.len(), count, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_contract_of_the_namespace_is_unknown() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        assert!(canonical_address(&"cosmos:hub".parse().unwrap(), ADDRESS).is_err());
        let missing = ContractId::from_ulid(types::Ulid::from_bits(7));
        for path in [missing.to_string(), "token".to_owned(), String::new()] {
            let read = contract(&world.contracts, &principal("ns"), &path).await;
            let error = read.unwrap_err();
            assert_eq!(error.code().code, "contracts.unknown_contract", "{path}");
        }
    })
    .await;
}
