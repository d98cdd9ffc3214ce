//! Cost of the store: facts, balances and transfers written through it, compared with the bare
//! driver writing the same rows with the same durability.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod baseline;
mod layer;
mod shape;

use baseline::Baseline;
use benches::{Options, Report, Sample, median};
use clap::Parser as _;
use layer::Layer;
use shape::Movement;
use std::time::{Duration, Instant};
use store::{Config, EngineKind};
use testkit::postgres::Cluster;

/// Concurrent commands of one row each.
const CONCURRENT: usize = 64;

struct Plan {
    rounds: usize,
    round: Duration,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let options = Options::parse();
    let plan = if options.quick {
        Plan {
            rounds: 3,
            round: Duration::from_millis(400),
        }
    } else {
        Plan {
            rounds: 9,
            round: Duration::from_secs(2),
        }
    };
    let mut report = Report::default();
    for kind in [EngineKind::Sqlite, EngineKind::Postgres] {
        let dir = tempfile::tempdir().unwrap();
        let cluster = (kind == EngineKind::Postgres).then(|| {
            Cluster::start(&testkit::postgres::Options::durable()).expect("PostgreSQL is installed")
        });
        let config = |name: &str| match &cluster {
            None => Config::sqlite(dir.path().join(format!("{name}.db"))),
            Some(cluster) => Config::Postgres {
                url: cluster.create_database(name),
                writers: 8,
                readers: 2,
            },
        };
        measure(
            kind,
            &plan,
            config("layer"),
            config("baseline"),
            &mut report,
        )
        .await;
    }
    report.finish();
}

async fn measure(
    kind: EngineKind,
    plan: &Plan,
    store_sample: Config,
    bare_sample: Config,
    report: &mut Report,
) {
    let name = if kind == EngineKind::Sqlite {
        "sqlite"
    } else {
        "postgres"
    };
    let layer = Layer::open(store_sample).await;
    let mut baseline = Baseline::open(&bare_sample);
    report.table(
        &format!("{name}: fact + balance + transfer, store against the bare driver (multi-row statements, no hashing)"),
        &["batch", "rows/s", "p50 ms", "p99 ms", "bare rows/s", "bare p50 ms", "ratio"],
    );
    let mut movements = shape::movements();
    for batch in [1usize, 100, 1_000] {
        let (mut store_sample, mut bare_sample, mut ratios) =
            (Sample::default(), Sample::default(), Vec::new());
        for _ in 0..plan.rounds {
            let store_rate =
                round_layer(&layer, &mut movements, batch, plan.round, &mut store_sample).await;
            let bare_rate = round_bare(
                &mut baseline,
                &mut movements,
                batch,
                plan.round,
                &mut bare_sample,
            );
            ratios.push(bare_rate / store_rate);
        }
        row(
            report,
            &batch.to_string(),
            &store_sample,
            &bare_sample,
            median(&ratios),
        );
        report.grouped_value(name, &format!("ratio_{batch}"), median(&ratios));
        report.grouped_value(
            name,
            &format!("rows_per_s_{batch}"),
            store_sample.rows_per_s(),
        );
        report.grouped_value(
            name,
            &format!("p50_ms_{batch}"),
            store_sample.percentile_ms(50),
        );
        report.grouped_value(
            name,
            &format!("p99_ms_{batch}"),
            store_sample.percentile_ms(99),
        );
    }
    concurrent(name, plan, &layer, &mut baseline, &mut movements, report).await;
    partitions(name, plan, &layer, report).await;
}

fn row(report: &Report, label: &str, store_sample: &Sample, bare_sample: &Sample, ratio: f64) {
    report.row(&[
        label.to_owned(),
        format!("{:.0}", store_sample.rows_per_s()),
        format!("{:.3}", store_sample.percentile_ms(50)),
        format!("{:.3}", store_sample.percentile_ms(99)),
        format!("{:.0}", bare_sample.rows_per_s()),
        format!("{:.3}", bare_sample.percentile_ms(50)),
        format!("{ratio:.2}"),
    ]);
}

/// Rows per second through the store in one round.
async fn round_layer(
    layer: &Layer,
    movements: &mut impl Iterator<Item = Movement>,
    batch: usize,
    time: Duration,
    sample: &mut Sample,
) -> f64 {
    let (started, mut rows) = (Instant::now(), 0u64);
    while started.elapsed() < time {
        let slice: Vec<Movement> = movements.take(batch).collect();
        let call_started = Instant::now();
        layer.record(slice).await;
        sample.add(call_started.elapsed(), batch as u64);
        rows += batch as u64;
    }
    rows as f64 / started.elapsed().as_secs_f64()
}

/// Rows per second through the bare driver in one round.
fn round_bare(
    baseline: &mut Baseline,
    movements: &mut impl Iterator<Item = Movement>,
    batch: usize,
    time: Duration,
    sample: &mut Sample,
) -> f64 {
    let (started, mut rows) = (Instant::now(), 0u64);
    while started.elapsed() < time {
        let slice: Vec<Movement> = movements.take(batch).collect();
        let call_started = Instant::now();
        baseline.record(&slice);
        sample.add(call_started.elapsed(), batch as u64);
        rows += batch as u64;
    }
    rows as f64 / started.elapsed().as_secs_f64()
}

/// Commands of one row from many concurrent callers, compared with one transaction of as many rows.
async fn concurrent(
    name: &str,
    plan: &Plan,
    layer: &Layer,
    baseline: &mut Baseline,
    movements: &mut impl Iterator<Item = Movement>,
    report: &mut Report,
) {
    let (mut store_sample, mut bare_sample, mut ratios) =
        (Sample::default(), Sample::default(), Vec::new());
    for _ in 0..plan.rounds {
        let commands: Vec<Movement> = movements.take(CONCURRENT * 400).collect();
        let (times, wall) = layer
            .run_concurrently(commands, CONCURRENT, plan.round)
            .await;
        let store_rate = times.len() as f64 / wall.as_secs_f64();
        let rows = times.len() as u64;
        store_sample.add_concurrent(times, rows, wall);
        let bare_rate = round_bare(
            baseline,
            movements,
            CONCURRENT,
            plan.round,
            &mut bare_sample,
        );
        ratios.push(bare_rate / store_rate);
    }
    row(
        report,
        "64 x 1",
        &store_sample,
        &bare_sample,
        median(&ratios),
    );
    report.grouped_value(name, "ratio_c64", median(&ratios));
    report.grouped_value(name, "rows_per_s_c64", store_sample.rows_per_s());
    report.grouped_value(name, "p50_ms_c64", store_sample.percentile_ms(50));
    report.grouped_value(name, "p99_ms_c64", store_sample.percentile_ms(99));
}

/// Several partitions written concurrently, in batches of 100.
async fn partitions(name: &str, plan: &Plan, layer: &Layer, report: &mut Report) {
    report.table(
        &format!("{name}: concurrent partitions, batches of 100"),
        &["partitions", "rows/s"],
    );
    for count in [1usize, 4, 16] {
        let rate = layer.partitions(count, plan.round * 2).await;
        report.row(&[count.to_string(), format!("{rate:.0}")]);
        report.grouped_value(name, &format!("rows_per_s_partitions_{count}"), rate);
    }
}
