//! `florin serve`: engines, workers and the API, and their orderly shutdown.

use crate::config::Config;
use crate::engines::{self, Engines};
use crate::workers::{Stop, renew_until_lost};
use crate::{default_chains, keyring, listen, logging, metrics, process_roles};
use anyhow::{Result, anyhow};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Serve until SIGTERM, SIGINT or the loss of the process lease.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let export = logging::init(&config).await?;
    let metrics = metrics::install()?;
    let engines = Arc::new(engines::build(&config).await?);
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let server = match listen(&config, &engines, metrics, &stopping).await {
        Ok(server) => server,
        Err(reason) => {
            // Lets the next start acquire it at once.
            let _ = engines.db.release(&engines.lease).await;
            return Err(reason);
        }
    };
    process_roles::spawn(&config, &engines, &stopping, &mut tasks)?;
    let _refresh = refresh(&engines);
    let outcome = tokio::select! {
        () = shutdown_signal() => Ok(()),
        () = renew_until_lost(&engines.db, &engines.lease) => Err(anyhow!("another process took over the lease of this process; restart it")),
    };
    tracing::info!(event = "process.stopping", "shutting down");
    let _ = stop.send(true);
    let finish = async {
        let _ = server.await;
        while tasks.join_next().await.is_some() {}
    };
    if tokio::time::timeout(
        Duration::from_millis(config.server.shutdown_timeout_ms),
        finish,
    )
    .await
    .is_err()
    {
        tracing::warn!(
            event = "process.shutdown_timeout",
            "shutdown timed out; unfinished work resumes after the next start"
        );
    }
    let _ = engines.db.release(&engines.lease).await;
    export.shutdown().await;
    outcome
}

/// Reload what other processes change and refresh the gauges, until the set is dropped.
fn refresh(engines: &Arc<Engines>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(metrics::refresh(engines.clone()));
    tasks.spawn(keyring::refresh(engines.secrets.clone()));
    tasks.spawn(default_chains::refresh(
        engines.db.clone(),
        engines.default_chains.clone(),
    ));
    tasks
}

/// Start the API server if this process has the role.
async fn listen(
    config: &Config,
    engines: &Engines,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    stop: &Stop,
) -> Result<tokio::task::JoinHandle<()>> {
    if !config.roles.api {
        tracing::info!(event = "process.ready", "ready, without the API");
        return Ok(tokio::spawn(async {}));
    }
    let failed = |error: std::io::Error| {
        let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
        let hint = if in_use {
            "; stop the process that listens there, or choose another server.listen"
        } else {
            ""
        };
        anyhow!("cannot listen on {}: {error}{hint}", config.server.listen)
    };
    let listener = tokio::net::TcpListener::bind(config.server.listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = api::router(build_app(config, engines, metrics));
    tracing::info!(event = "process.ready", %address, "ready");
    Ok(tokio::spawn(listen::serve(listener, router, stop.clone())))
}

async fn shutdown_signal() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("SIGTERM can be handled");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn build_app(
    config: &Config,
    engines: &Engines,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> api::App {
    let default_chains = engines.default_chains.clone();
    api::App::new(api::Engines {
        db: engines.db.clone(),
        lease: engines.lease.clone(),
        keys: engines.keys.clone(),
        secrets: engines.secrets.clone(),
        policy: engines.policy.clone(),
        submit: engines.submit.clone(),
        contracts: engines.contracts.clone(),
        index: engines.index.clone(),
        data: engines.data.clone(),
        streams: engines.streams.clone(),
        workflow: engines.workflow.clone(),
        operators_namespace: config.server.operators,
        on_default_chain_changed: Arc::new(move |namespace, chain| {
            default_chains.set(namespace, chain)
        }),
        metrics: Arc::new(move || metrics.render()),
        body_limit_bytes: config.server.body_limit_bytes,
        request_timeout_ms: config.server.request_timeout_ms,
        concurrency: config.server.concurrency,
    })
}
