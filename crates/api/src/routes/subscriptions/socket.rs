//! The WebSocket of a subscription: batches out, answers in.
//!
//! One consumer at a time; whoever opens the subscription takes it over. A consumer that says
//! nothing is pinged, one that does not take what is sent to it in time is cut off: what it had not
//! acknowledged comes first to the next one.

use super::SubscriptionConsume;
use super::talk::{Heard, Said};
use crate::access::May;
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

/// Connections of one process.
const MAX_SOCKETS: usize = 1_000;
/// An answer is a short text.
const MAX_MESSAGE: usize = 16 << 10;
/// Events may come by another process, which this one is not told: look after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often a consumer is pinged, and his key looked at again.
const PING: Duration = Duration::from_secs(20);
/// Pings without any word of the consumer before he counts as gone.
const MAX_SILENT: u32 = 3;
/// How long the consumer may take to read one message.
const SEND: Duration = Duration::from_secs(30);

static ROOM: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_SOCKETS)));

/// Fetch the events of a subscription over a WebSocket, and acknowledge them. It is taken over from
/// whoever had it.
#[utoipa::path(get, path = "/subscriptions/{id}/ws", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 101, description = "Batches as text, each to be answered by `{\"type\": \"ack\", \"number\": 1}` or nack."), Problem))]
pub(super) async fn open(
    State(app): State<App>,
    who: May<SubscriptionConsume>,
    Path(id): Path<SubscriptionId>,
    parts: Parts,
    upgrade: std::result::Result<
        WebSocketUpgrade,
        axum::extract::ws::rejection::WebSocketUpgradeRejection,
    >,
) -> Result<Response> {
    let upgrade = upgrade.map_err(|why| Error::field("Upgrade", why.body_text()))?;
    let room = Arc::clone(&ROOM)
        .try_acquire_owned()
        .map_err(|_| Error::Busy)?;
    let session = streams::open(&app.streams, &who, id).await?;
    let consumer = Consumer {
        app,
        parts,
        session,
        silent: 0,
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(|socket| consumer.serve(socket, room)))
}

/// Whoever is at the other end.
struct Consumer {
    app: App,
    /// The request, to look at its key again.
    parts: Parts,
    session: Session,
    /// Pings since he was last heard.
    silent: u32,
}

/// What happens next.
enum Next {
    Heard(Option<Message>),
    Look,
    Ping,
}

impl Consumer {
    async fn serve(mut self, mut socket: WebSocket, room: OwnedSemaphorePermit) {
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            match self.step(&mut socket, &mut pings).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = ended {
            say_goodbye(&mut socket, &error).await;
        }
        if let Err(error) = self.session.close().await {
            tracing::warn!(%error, "a consumer left without a trace");
        }
        drop(room);
    }

    /// Send what there is, then wait for one thing to happen.
    async fn step(
        &mut self,
        socket: &mut WebSocket,
        pings: &mut Interval,
    ) -> Result<ControlFlow<()>> {
        while let Some(batch) = self.session.next_batch().await? {
            if send(socket, Message::from(Said::from(batch).text()))
                .await
                .is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        let next = tokio::select! {
            message = socket.recv() => Next::Heard(message.and_then(std::result::Result::ok)),
            () = self.session.changed(LOOK_AGAIN) => Next::Look,
            _ = pings.tick() => Next::Ping,
        };
        match next {
            Next::Heard(Some(message)) => self.hear(socket, message).await,
            Next::Heard(None) => Ok(ControlFlow::Break(())),
            Next::Look => Ok(ControlFlow::Continue(())),
            Next::Ping => self.ping(socket).await,
        }
    }

    async fn hear(&mut self, socket: &mut WebSocket, message: Message) -> Result<ControlFlow<()>> {
        self.silent = 0;
        let heard = match message {
            Message::Text(text) => Heard::read(&text),
            Message::Binary(_) => Err(Error::field("body", "expected text")),
            Message::Close(_) => return Ok(ControlFlow::Break(())),
            Message::Ping(_) | Message::Pong(_) => return Ok(ControlFlow::Continue(())),
        };
        let done = match heard {
            Ok(Heard::Ack { number }) => self.session.ack(number).await.map_err(Error::from),
            Ok(Heard::Nack { number, why }) => {
                self.session.nack(number, &why).await.map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if is_only_this_message(&error) => {
                Ok(send(socket, Message::from(Said::from(&error).text())).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Whoever is silent is gone; whose key was revoked is shown out.
    async fn ping(&mut self, socket: &mut WebSocket) -> Result<ControlFlow<()>> {
        May::<SubscriptionConsume>::from_request_parts(&mut self.parts, &self.app).await?;
        self.silent += 1;
        if self.silent > MAX_SILENT {
            return Ok(ControlFlow::Break(()));
        }
        Ok(send(socket, Message::Ping(Default::default())).await)
    }
}

/// A message that makes no sense ends no connection: batches go on.
fn is_only_this_message(error: &Error) -> bool {
    let code = types::Coded::code(error).code;
    code == "api.field" || code == "streams.unknown_batch"
}

/// Send, or give up on a consumer that does not read.
async fn send(socket: &mut WebSocket, message: Message) -> ControlFlow<()> {
    match timeout(SEND, socket.send(message)).await {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
    }
}

async fn say_goodbye(socket: &mut WebSocket, error: &Error) {
    let code = types::Coded::code(error);
    if code.status >= 500 {
        tracing::error!(code = code.code, %error, "a consumer's connection failed");
    }
    let frame = CloseFrame {
        code: if code.status >= 500 {
            close_code::ERROR
        } else {
            close_code::POLICY
        },
        reason: code.code.into(),
    };
    if send(socket, Message::from(Said::from(error).text()))
        .await
        .is_continue()
    {
        let _gone_already_is_fine = send(socket, Message::Close(Some(frame))).await;
    }
}
