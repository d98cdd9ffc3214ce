//! The running process: engines, workers, the API; and its orderly end.

use crate::config::{Config, LogFormat};
use crate::engines::{self, Engines};
use crate::export::SealFile;
use crate::wire::TokenProjection;
use crate::workers::{Stop, hold, keep, wait_for_work};
use crate::{config, figures, homes, keyring, listen, secrets};
use chain::Connector as _;
use chain::evm::Evm;
use index::{Follower, Progress};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Lease, Sealer};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest sleep of a worker: what other processes did is seen after this.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// After an error, before the next try.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Serve until told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), String> {
    logs(&config)?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| format!("no metrics: {error}"))?;
    let engines = Arc::new(engines::build(&config).await?);
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let server = match listen(&config, &engines, metrics, &stopping).await {
        Ok(server) => server,
        Err(why) => {
            let _ = engines.db.release(&engines.lease).await; // for whoever tries next
            return Err(why);
        }
    };
    workers(&config, &engines, &stopping, &mut tasks)?;
    let _refresh = refresh(&engines);
    let outcome = tokio::select! {
        () = signalled() => Ok(()),
        () = keep(&engines.db, &engines.lease) => Err("another process took this one's lease; it must start anew".to_owned()),
    };
    tracing::info!("stopping");
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
        tracing::warn!("did not finish in time; what was under way goes on after the next start");
    }
    let _ = engines.db.release(&engines.lease).await;
    outcome
}

/// Learn what other processes change, and keep the gauges, until this is dropped.
fn refresh(engines: &Arc<Engines>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(figures::refresh(engines.clone()));
    tasks.spawn(keyring::refresh(engines.keys.clone()));
    tasks.spawn(homes::refresh(engines.db.clone(), engines.homes.clone()));
    tasks
}

/// Serve the API, if that is a role of this process.
async fn listen(
    config: &Config,
    engines: &Engines,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    stop: &Stop,
) -> Result<tokio::task::JoinHandle<()>, String> {
    if !config.roles.api {
        tracing::info!("ready, without the API");
        return Ok(tokio::spawn(async {}));
    }
    let failed = |error: std::io::Error| {
        let taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let hint = if taken {
            "; stop what listens there, or choose another server.listen"
        } else {
            ""
        };
        format!("cannot listen on {}: {error}{hint}", config.server.listen)
    };
    let listener = tokio::net::TcpListener::bind(config.server.listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = api::router(app(config, engines, metrics));
    tracing::info!(%address, "ready");
    Ok(tokio::spawn(listen::serve(listener, router, stop.clone())))
}

async fn signalled() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("a process can be told to end");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn logs(config: &Config) -> Result<(), String> {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_new(&config.log.filter).map_err(|error| format!("log.filter: {error}"))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    match config.log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn app(
    config: &Config,
    engines: &Engines,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> api::App {
    let homes = engines.homes.clone();
    api::App::new(api::Engines {
        db: engines.db.clone(),
        lease: engines.lease.clone(),
        keys: engines.keys.clone(),
        policy: engines.policy.clone(),
        submit: engines.submit.clone(),
        index: engines.index.clone(),
        data: engines.data.clone(),
        streams: engines.streams.clone(),
        workflow: engines.workflow.clone(),
        operators: config.server.operators.clone(),
        moved: Arc::new(move |namespace, chain| homes.moved(namespace, chain)),
        metrics: Arc::new(move || metrics.render()),
        body_limit_bytes: config.server.body_limit_bytes,
        request_timeout_ms: config.server.request_timeout_ms,
        concurrency: config.server.concurrency,
    })
}

fn workers(
    config: &Config,
    engines: &Arc<Engines>,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<(), String> {
    let ttl = config.store.lease_ms;
    let mut spawn = |name: String, work: Box<dyn Fn(Lease) -> Running + Send + Sync>| {
        tasks.spawn(hold(engines.db.clone(), name, ttl, stop.clone(), work));
    };
    if config.roles.index {
        for (chain, evm) in &engines.chains {
            let (engines, chain, evm) = (engines.clone(), chain.clone(), evm.clone());
            spawn(
                format!("chain/{}", evm.chain()),
                Box::new(move |lease| follow(&engines, &chain, &evm, lease)),
            );
        }
    }
    if config.roles.submit {
        for shard in 0..config.submit.shards {
            let engines = engines.clone();
            spawn(
                format!("lanes/{shard}"),
                Box::new(move |lease| lanes(&engines, shard, lease)),
            );
        }
    }
    if config.roles.workflow {
        for shard in 0..config.workflow.shards {
            let engines = engines.clone();
            spawn(
                format!("runs/{shard}"),
                Box::new(move |lease| runs(&engines, shard, lease)),
            );
        }
    }
    if config.roles.streams {
        for shard in 0..streams::SHARDS {
            let engines = engines.clone();
            spawn(
                streams::shard_partition(shard),
                Box::new(move |lease| deliver(&engines, shard, lease)),
            );
        }
    }
    let (all, engine) = (engines.clone(), config.store.engine);
    spawn(
        "keyring".to_owned(),
        Box::new(move |lease| {
            let all = all.clone();
            Box::pin(async move { keyring::rotate(&all, engine, lease).await })
        }),
    );
    if config.seal.enabled {
        let key = secrets::key(&config.seal.key_file)?;
        let (engines, settings) = (engines.clone(), config.seal.clone());
        spawn(
            "seal".to_owned(),
            Box::new(move |lease| seal(&engines, &settings, *key, lease)),
        );
    }
    Ok(())
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Follow one chain, and catch up for who joined late.
fn follow(engines: &Engines, chain: &config::Chain, evm: &Arc<Evm>, lease: Lease) -> Running {
    let settings = index::Settings {
        start: chain.start,
        keep_all: chain.keep_all,
        blocks_per_turn: chain.blocks_per_turn,
    };
    let follower = Follower::new(
        engines.db.clone(),
        lease,
        evm.clone(),
        vec![Arc::new(TokenProjection)],
        settings,
    );
    let poll = Duration::from_millis(evm.config().poll_interval_ms);
    Box::pin(async move {
        let behind = follower.clone();
        tokio::join!(forward(follower, poll), catch_up(behind));
    })
}

async fn forward(follower: Follower, poll: Duration) {
    loop {
        let pause = match follower.turn().await {
            Ok(Progress::Extended { .. } | Progress::Rewound { .. }) => continue,
            Ok(Progress::Again) => Duration::from_millis(50),
            Ok(Progress::Idle) => poll,
            Ok(Progress::Halted) => AFTER_ERROR,
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be followed now");
                AFTER_ERROR
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn catch_up(follower: Follower) {
    loop {
        let pause = match follower.backfill().await {
            Ok(0) => AFTER_ERROR / 2,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "a scope does not catch up");
                AFTER_ERROR
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Move submissions on.
fn lanes(engines: &Engines, shard: u32, lease: Lease) -> Running {
    let worker = submit::Worker::new(engines.submit.clone(), shard, lease);
    let mut committed = engines.db.committed();
    Box::pin(async move {
        loop {
            match worker.turn().await {
                Ok(progress) if progress.changed > 0 => {}
                Ok(_) => wait_for_work(&mut committed, LOOK_AGAIN).await,
                Err(error) => {
                    tracing::warn!(%error, "submissions wait");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    })
}

/// Move runs of tasks on, and feed listeners.
fn runs(engines: &Engines, shard: u32, lease: Lease) -> Running {
    let mut worker = workflow::Worker::new(engines.workflow.clone(), shard, lease);
    let mut committed = engines.db.committed();
    Box::pin(async move {
        loop {
            match worker.turn().await {
                Ok(progress) if progress.moved + progress.heard > 0 => {}
                Ok(_) => wait_for_work(&mut committed, LOOK_AGAIN).await,
                Err(error) => {
                    tracing::warn!(%error, "runs wait");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    })
}

/// Deliver events.
fn deliver(engines: &Engines, number: u32, lease: Lease) -> Running {
    let mut shard = streams::Shard::new(engines.streams.clone(), number, lease);
    Box::pin(async move {
        loop {
            match shard.turn().await {
                Ok(progress) if progress.more => {}
                Ok(_) => shard.idle(LOOK_AGAIN).await,
                Err(error) => {
                    tracing::warn!(%error, "deliveries wait");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    })
}

/// Seal what happened, and export the seals.
fn seal(engines: &Engines, settings: &config::Seal, key: [u8; 32], lease: Lease) -> Running {
    let (db, path) = (engines.db.clone(), settings.export.clone());
    let pause = Duration::from_millis(settings.interval_ms.max(10));
    Box::pin(async move {
        let file = match SealFile::open(path) {
            Ok(file) => file,
            Err(error) => return tracing::error!(%error, "seals cannot be exported"),
        };
        let mut sealer = match Sealer::new(db, lease, key, Box::new(file)).await {
            Ok(sealer) => sealer,
            Err(error) => return tracing::error!(%error, "no sealer"),
        };
        loop {
            if let Err(error) = sealer.turn().await {
                tracing::warn!(%error, "not sealed");
            }
            tokio::time::sleep(pause).await;
        }
    })
}
