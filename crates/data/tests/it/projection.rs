use crate::world::{ALICE, BOB, TOKEN, ZERO, erc20, erc721, with_each_engine};
use data::Type;

const POOL: &str = "0x7777777777777777777777777777777777777777/main";

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_pending_then_reverted_then_pending_again_under_one_id_and_final() {
    with_each_engine(|world| async move {
        let mint = erc20("0xt0", "0", "000000000001/000000/000000", ZERO, ALICE, 100);
        world.apply(1, "0xb1", &[mint]).await;
        let pay = |at: &str| erc20("0xt1", "0", at, ALICE, BOB, 30);
        world
            .apply(2, "0xb2", &[pay("000000000002/000000/000000")])
            .await;
        world.finalize(1);
        let before = world
            .get(Type::Transfer, "000000000002/000000/000000")
            .await
            .unwrap();
        assert_eq!(before["status"], "pending");
        assert_eq!(
            (before["type"].as_str(), before["amount"].as_str()),
            (Some("transfer"), Some("30"))
        );
        assert_eq!(
            before["parent"],
            serde_json::json!({"type": "pool", "ref": POOL})
        );
        assert_eq!(world.balance(BOB, POOL).await, "30");

        world.undo(2, "0xb2").await;
        let id = before["id"].as_str().unwrap();
        assert_eq!(
            world.get(Type::Transfer, id).await.unwrap()["status"],
            "reverted"
        );
        assert!(
            world
                .get(Type::Transfer, "000000000002/000000/000000")
                .await
                .is_err()
        );
        assert_eq!(
            (
                world.balance(ALICE, POOL).await,
                world.balance(BOB, POOL).await
            ),
            ("100".into(), "0".into())
        );
        assert_eq!(
            world.get(Type::Address, BOB).await.unwrap()["status"],
            "reverted"
        );

        let other = erc20("0xt9", "0", "000000000002/000000/000000", ALICE, BOB, 1);
        world.apply(2, "0xc2", &[other]).await;
        world
            .apply(3, "0xc3", &[pay("000000000003/000000/000000")])
            .await;
        let again = world
            .get(Type::Transfer, "000000000003/000000/000000")
            .await
            .unwrap();
        assert_eq!(
            (again["id"].as_str(), again["status"].as_str()),
            (Some(id), Some("pending"))
        );
        assert_eq!(
            world.get(Type::Address, BOB).await.unwrap()["status"],
            "pending"
        );
        world.finalize(3);
        assert_eq!(
            world.get(Type::Transfer, id).await.unwrap()["status"],
            "final"
        );
        assert_eq!(
            (
                world.balance(ALICE, POOL).await,
                world.balance(BOB, POOL).await
            ),
            ("69".into(), "31".into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_applied_twice_counts_once_and_a_restored_block_counts_again() {
    with_each_engine(|world| async move {
        let mint = [erc20(
            "0xt0",
            "0",
            "000000000001/000000/000000",
            ZERO,
            ALICE,
            100,
        )];
        for _ in 0..2 {
            world.apply(1, "0xb1", &mint).await;
        }
        assert_eq!(world.balance(ALICE, POOL).await, "100");
        world.undo(1, "0xb1").await;
        world.undo(1, "0xb1").await;
        assert_eq!(world.balance(ALICE, POOL).await, "0");
        world.apply(1, "0xb1", &mint).await;
        assert_eq!(world.balance(ALICE, POOL).await, "100");
        let facts: Vec<String> = world
            .facts()
            .await
            .into_iter()
            .map(|fact| fact.kind)
            .collect();
        let expected = [
            "data.address.seen",
            "data.pool.created",
            "data.transfers.applied",
            "data.transfers.reverted",
            "data.transfers.restored",
        ];
        assert_eq!(facts, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nft_has_its_owner_until_it_is_burnt() {
    with_each_engine(|world| async move {
        world
            .apply(
                1,
                "0xb1",
                &[erc721("0xt1", "000000000001/000000/000000", 7, ZERO, ALICE)],
            )
            .await;
        world
            .apply(
                2,
                "0xb2",
                &[erc721("0xt2", "000000000002/000000/000000", 7, ALICE, BOB)],
            )
            .await;
        let reference = format!("{TOKEN}/id-7");
        let nft = world.get(Type::Nft, &reference).await.unwrap();
        assert_eq!(
            (nft["owner"].as_str(), nft["active"].as_bool()),
            (Some(BOB), Some(true))
        );
        assert_eq!(nft["tokenIndex"], "7");
        world
            .apply(
                3,
                "0xb3",
                &[erc721("0xt3", "000000000003/000000/000000", 7, BOB, ZERO)],
            )
            .await;
        let burnt = world.get(Type::Nft, &reference).await.unwrap();
        assert_eq!(
            (burnt.get("owner"), burnt["active"].as_bool()),
            (None, Some(false))
        );
        world.undo(3, "0xb3").await;
        world.undo(2, "0xb2").await;
        let back = world.get(Type::Nft, &reference).await.unwrap();
        assert_eq!(
            (back["owner"].as_str(), back["active"].as_bool()),
            (Some(ALICE), Some(true))
        );
        assert_eq!(world.balance(ALICE, &reference).await, "1");
    })
    .await;
}
