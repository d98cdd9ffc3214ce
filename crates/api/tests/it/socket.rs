//! A consumer of a subscription on a real connection.

use crate::world::World;
use axum::Router;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serve the routes on a port of the loopback interface.
pub(crate) async fn listen(router: &Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub(crate) struct Consumer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Consumer {
    /// Open a subscription; the status of the answer where it is refused.
    pub(crate) async fn open(address: SocketAddr, id: &str, key: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/api/v1/subscriptions/{id}/ws")
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("authorization", format!("Bearer {key}").parse().unwrap());
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// The next message that says something.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The reason for which the connection was closed.
    pub(crate) async fn ended(&mut self) -> String {
        match self.message().await {
            Message::Close(Some(frame)) => frame.reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn message(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.0.next())
            .await
            .expect("nothing came")
            .expect("it ended")
            .unwrap()
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.0
            .send(Message::from(message.to_string()))
            .await
            .unwrap();
    }

    pub(crate) async fn leave(mut self) {
        self.0.close(None).await.unwrap();
    }

    /// What was said last has been written down once the status says so: it is asked for, since
    /// nothing else comes.
    pub(crate) async fn settled(&self, world: &World, id: &str, member: &str, count: i64) {
        let end = std::time::Instant::now() + PATIENCE;
        while world
            .get(&format!("/subscriptions/{id}/status"))
            .await
            .good()[member]
            != count
        {
            assert!(std::time::Instant::now() < end, "it is never written down");
            tokio::task::yield_now().await;
        }
    }
}
