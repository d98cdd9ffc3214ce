//! The WebSocket of a subscription: the server sends batches, the consumer acknowledges them.
//!
//! A subscription has one consumer at a time; a new connection replaces the current one. The server
//! pings a silent consumer, and disconnects one that does not respond or does not read. Events that
//! were not acknowledged are delivered first on the next connection.

use super::SubscriptionConsume;
use super::messages::{ClientMessage, ServerMessage};
use crate::access::Authorized;
use crate::extract::Path;
use crate::{App, Error, Problem, Result};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts as _, State};
use axum::http::request::Parts;
use axum::response::Response;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use streams::Session;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use types::SubscriptionId;

/// The largest number of connections of one process.
const MAX_SOCKETS: usize = 1_000;
/// The largest message of a consumer, in bytes. Acknowledgments are short.
const MAX_MESSAGE: usize = 16 << 10;
/// How often to check for events of other processes, which do not notify this one.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a consumer is pinged and its API key is checked again.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Unanswered pings after which a consumer is disconnected.
const MAX_UNANSWERED_PINGS: u32 = 3;
/// The time limit for sending one message to a consumer.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

static CONNECTION_SLOTS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(MAX_SOCKETS)));

/// Consume a subscription over a WebSocket.
///
/// The server sends batches of events, and the consumer acknowledges each. A new connection
/// replaces the current one.
#[utoipa::path(get, path = "/subscriptions/{id}/ws", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 101, description = "The WebSocket is open. Each batch must be acknowledged with `{\"type\": \"ack\", \"number\": 1}`, or rejected with `nack`."), Problem))]
pub(super) async fn open(
    State(app): State<App>,
    principal: Authorized<SubscriptionConsume>,
    Path(id): Path<SubscriptionId>,
    parts: Parts,
    upgrade: std::result::Result<
        WebSocketUpgrade,
        axum::extract::ws::rejection::WebSocketUpgradeRejection,
    >,
) -> Result<Response> {
    let upgrade = upgrade.map_err(|rejection| Error::field("Upgrade", rejection.body_text()))?;
    let slot = Arc::clone(&CONNECTION_SLOTS)
        .try_acquire_owned()
        .map_err(|_| Error::TooManyConnections)?;
    let session = streams::open_session(&app.streams, &principal, id).await?;
    let consumer = Consumer {
        app,
        parts,
        session,
        unanswered_pings: 0,
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(|socket| consumer.serve(socket, slot)))
}

/// The consumer of a subscription on one connection.
struct Consumer {
    app: App,
    /// The request head, to check its API key again.
    parts: Parts,
    session: Session,
    /// Pings since the last message of the consumer.
    unanswered_pings: u32,
}

/// The next event of a connection.
enum Next {
    Message(Option<Message>),
    Poll,
    Ping,
}

impl Consumer {
    async fn serve(mut self, mut socket: WebSocket, slot: OwnedSemaphorePermit) {
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            match self.step(&mut socket, &mut pings).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = ended {
            close_with_error(&mut socket, &error).await;
        }
        if let Err(error) = self.session.close().await {
            tracing::warn!(
                event = "consumer.close_failed",
                %error,
                "the end of a consumer's session was not recorded"
            );
        }
        drop(slot);
    }

    /// Sends the available batches, then waits for one event.
    async fn step(
        &mut self,
        socket: &mut WebSocket,
        pings: &mut Interval,
    ) -> Result<ControlFlow<()>> {
        while let Some(batch) = self.session.next_batch().await? {
            if send(socket, Message::from(ServerMessage::from(batch).text()))
                .await
                .is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        let next = tokio::select! {
            message = socket.recv() => Next::Message(message.and_then(std::result::Result::ok)),
            () = self.session.wait_for_events(POLL_INTERVAL) => Next::Poll,
            _ = pings.tick() => Next::Ping,
        };
        match next {
            Next::Message(Some(message)) => self.handle_message(socket, message).await,
            Next::Message(None) => Ok(ControlFlow::Break(())),
            Next::Poll => Ok(ControlFlow::Continue(())),
            Next::Ping => self.ping(socket).await,
        }
    }

    async fn handle_message(
        &mut self,
        socket: &mut WebSocket,
        message: Message,
    ) -> Result<ControlFlow<()>> {
        self.unanswered_pings = 0;
        let parsed = match message {
            Message::Text(text) => ClientMessage::parse(&text),
            Message::Binary(_) => Err(Error::field("body", "expected a text message")),
            Message::Close(_) => return Ok(ControlFlow::Break(())),
            Message::Ping(_) | Message::Pong(_) => return Ok(ControlFlow::Continue(())),
        };
        let result = match parsed {
            Ok(ClientMessage::Ack { number }) => {
                self.session.ack(number).await.map_err(Error::from)
            }
            Ok(ClientMessage::Nack { number, reason }) => self
                .session
                .nack(number, &reason)
                .await
                .map_err(Error::from),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if is_recoverable(&error) => {
                Ok(send(socket, Message::from(ServerMessage::from(&error).text())).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Pings the consumer. Ends the connection if earlier pings are unanswered or the API key is no
    /// longer valid.
    async fn ping(&mut self, socket: &mut WebSocket) -> Result<ControlFlow<()>> {
        Authorized::<SubscriptionConsume>::from_request_parts(&mut self.parts, &self.app).await?;
        self.unanswered_pings += 1;
        if self.unanswered_pings > MAX_UNANSWERED_PINGS {
            return Ok(ControlFlow::Break(()));
        }
        Ok(send(socket, Message::Ping(Default::default())).await)
    }
}

/// Whether the error concerns only the consumer's last message, so that the connection stays open.
fn is_recoverable(error: &Error) -> bool {
    let code = types::Coded::code(error).code;
    code == "api.invalid_field" || code == "streams.unknown_batch"
}

/// Sends a message; breaks if the consumer does not read it in time.
async fn send(socket: &mut WebSocket, message: Message) -> ControlFlow<()> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
    }
}

async fn close_with_error(socket: &mut WebSocket, error: &Error) {
    let code = types::Coded::code(error);
    if code.status >= 500 {
        tracing::error!(event = "consumer.failed", code = code.code, %error, "a consumer's connection failed");
    }
    let frame = CloseFrame {
        code: if code.status >= 500 {
            close_code::ERROR
        } else {
            close_code::POLICY
        },
        reason: code.code.into(),
    };
    if send(socket, Message::from(ServerMessage::from(error).text()))
        .await
        .is_continue()
    {
        let _may_be_closed_already = send(socket, Message::Close(Some(frame))).await;
    }
}
