use crate::world::{ABI, ADDRESS, World};
use contracts::{Error, Settings};
use testkit::on_each_engine;

const OTHER: &str = "0x00000000000000000000000000000000000a11ce";

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_namespace_are_limited() {
    on_each_engine(|test| async move {
        let settings = Settings {
            contracts_per_namespace: 1,
            interfaces_per_namespace: 1,
            interface_bytes: 60,
            ..Settings::default()
        };
        let world = World::with(test, settings, None).await;
        world.ensure("ns", ADDRESS).await.unwrap();
        world.ensure("ns", ADDRESS).await.unwrap();
        let limit = |result| match result {
            Err(Error::LimitExceeded { field, limit, .. }) => (field, limit),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            limit(world.ensure("ns", OTHER).await.map(drop)),
            ("contracts", 1)
        );
        world.ensure("other", OTHER).await.unwrap();
        world.add_interface("ns", ABI).await.unwrap();
        world.add_interface("ns", ABI).await.unwrap();
        assert_eq!(
            limit(world.add_interface("ns", "[]").await.map(drop)),
            ("interfaces", 1)
        );
        let long = format!("[{}]", " ".repeat(59));
        assert_eq!(
            limit(world.add_interface("other", &long).await.map(drop)),
            ("abi", 60)
        );
    })
    .await;
}
