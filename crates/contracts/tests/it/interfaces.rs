use crate::world::{ABI, ADDRESS, World, json, new};
use contracts::{NewContract, decode_interface};
use testkit::on_each_engine;
use types::{Coded, Digest};

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_is_stored_once_with_exactly_its_text() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let hash = world.add_interface("ns", ABI).await.unwrap();
        assert_eq!(hash, Digest::of(ABI.as_bytes()));
        assert_eq!(world.add_interface("ns", ABI).await.unwrap(), hash);
        assert_eq!(world.interface("ns", hash).await.as_deref(), Some(ABI));
        let compact = ABI.replace(' ', "");
        let other = world.add_interface("ns", &compact).await.unwrap();
        assert_eq!(world.interface("ns", other).await, Some(compact));
        assert_eq!(world.facts().await, ["contract.interface_added"; 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_cannot_be_parsed_is_rejected_with_its_contract() {
    on_each_engine(|test| async move {
        // Nothing is read from the node.
        let world = World::on(test, "http://127.0.0.1:9").await;
        for text in ["7", "{}", r#""not JSON""#] {
            let new = NewContract {
                interface: Some(json(text)),
                ..new("token", ADDRESS)
            };
            let error = world.register("ns", new).await.unwrap_err();
            assert_eq!(error.code().status, 400, "{text}: {error}");
        }
        assert!(world.list("ns").await.is_empty());
    })
    .await;
}

#[test]
fn an_interface_may_be_a_json_string_that_contains_it() {
    let plain = decode_interface(&json(ABI));
    let quoted = serde_json::to_string(ABI).unwrap();
    assert_eq!(decode_interface(&json(&quoted)), plain);
    assert_eq!(plain.json, ABI);
}
