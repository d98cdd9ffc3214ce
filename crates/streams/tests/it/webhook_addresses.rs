use crate::world::World;
use serde_json::json;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;

/// The address of a webhook is checked when the subscription is written and at each call; malicious
/// responses do no harm.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_policy_applies_to_webhooks() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let inner = Server::start();
        let to = inner.url("/").replace("127.0.0.1", "127.0.0.2");
        let server = Server::with_handler(move |_| ServerReply::redirect(307, &to));
        let id = world.hook("redirected", &server).await;
        let endless = Server::with_handler(|_| ServerReply::Endless);
        let endless_id = world.hook("endless", &endless).await;
        world.emit(0..1).await;
        world.run_until_idle().await;
        let status = world.status(id).await;
        assert!(status.last_error.unwrap().contains("not allowed"));
        assert_eq!((inner.count(), status.delivered, status.waiting), (0, 0, 1));
        assert_eq!(
            world.status(endless_id).await.delivered,
            1,
            "an endless body does not invalidate the status"
        );

        let private = json!({ "type": "webhook", "url": "http://192.168.0.1/" });
        let new = serde_json::from_value(json!({ "name": "x", "delivery": private })).unwrap();
        let error = streams::subscribe(&world.streams, &crate::world::principal("ns"), new, None)
            .await
            .unwrap_err();
        assert!(
            matches!(error, streams::Error::InvalidField { field, .. } if field == "delivery.url")
        );
    })
    .await;
}
