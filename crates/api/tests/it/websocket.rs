//! A WebSocket consumer of a subscription on a real connection.

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

/// Longer than any message takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Serves the routes on a loopback port.
pub(crate) async fn serve(router: &Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub(crate) struct Consumer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Consumer {
    /// Connects to a subscription; the HTTP status if the connection is rejected.
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

    /// The next text message.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits for the close frame; returns its reason.
    pub(crate) async fn close_reason(&mut self) -> String {
        match self.message().await {
            Message::Close(Some(frame)) => frame.reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn message(&mut self) -> Message {
        tokio::time::timeout(TIMEOUT, self.0.next())
            .await
            .expect("no message arrived in time")
            .expect("the connection ended")
            .unwrap()
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.0
            .send(Message::from(message.to_string()))
            .await
            .unwrap();
    }

    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
    }

    /// Polls the status until a field has the expected value: the server does not acknowledge a
    /// nack.
    pub(crate) async fn wait_for_status(&self, world: &World, id: &str, field: &str, count: i64) {
        let end = std::time::Instant::now() + TIMEOUT;
        while world
            .get(&format!("/subscriptions/{id}/status"))
            .await
            .success()[field]
            != count
        {
            assert!(
                std::time::Instant::now() < end,
                "{field} never becomes {count}"
            );
            tokio::task::yield_now().await;
        }
    }
}
