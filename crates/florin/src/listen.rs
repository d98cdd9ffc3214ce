//! The HTTP listener: one task per connection, with a timeout for clients that send no request.

use crate::workers::{Stop, stopped};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Timeout for receiving a request head; also closes idle keep-alive connections.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Concurrent connections, not counting WebSockets. Further ones wait in the accept queue.
const MAX_CONNECTIONS: usize = 8_192;
/// Pause after a failed accept, such as when file descriptors run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Serve until the stop signal, then finish open requests and accept no new connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: Stop) {
    let (mut connections, slots) = (JoinSet::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => drop(connections.spawn(serve_connection(
                stream,
                slot,
                router.clone(),
                stop.clone(),
            ))),
            Err(error) => {
                tracing::warn!(event = "connection.accept_failed", %error, "a connection cannot be accepted");
                crate::clock::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

/// Serve one connection.
async fn serve_connection(
    stream: TcpStream,
    slot: OwnedSemaphorePermit,
    router: Router,
    mut stop: Stop,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(
        http.serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(event = "connection.failed", %error, "a connection ended with an error");
    }
    drop(slot);
}
