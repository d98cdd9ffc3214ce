//! Listening: a task for each connection, and no patience for who connects and says nothing.

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

/// How long the head of a request may take, from the first look for it. A connection that waits
/// longer for its next one is closed, too.
const HEAD: Duration = Duration::from_secs(10);
/// Connections at a time, those of WebSockets not counted; more wait to be taken.
const CONNECTIONS: usize = 8_192;
/// After a connection that could not be taken, such as for want of file handles.
const PAUSE: Duration = Duration::from_millis(200);

/// Serve until told to stop; then what is under way is finished, and nothing new is taken.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: Stop) {
    let (mut open, room) = (JoinSet::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        while open.try_join_next().is_some() {}
        let taken = tokio::select! {
            () = stopped(&mut stop) => break,
            taken = take(&listener, &room) => taken,
        };
        match taken {
            Ok((stream, seat)) => {
                drop(open.spawn(talk(stream, seat, router.clone(), stop.clone())))
            }
            Err(error) => {
                tracing::warn!(%error, "a connection is not taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn take(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let seat = room
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, seat))
}

/// One connection, and all its requests.
async fn talk(stream: TcpStream, seat: OwnedSemaphorePermit, router: Router, mut stop: Stop) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(
        http.serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
    drop(seat);
}
