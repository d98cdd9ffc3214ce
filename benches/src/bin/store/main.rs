//! What the store costs: facts, balances and transfers through it, against the bare driver with the
//! same rows and the same durability.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation
)]

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

/// Commands at the same time, each of one row.
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

async fn measure(kind: EngineKind, plan: &Plan, ours: Config, bare: Config, report: &mut Report) {
    let name = if kind == EngineKind::Sqlite {
        "sqlite"
    } else {
        "postgres"
    };
    let layer = Layer::open(ours).await;
    let mut baseline = Baseline::open(&bare);
    report.table(
        &format!("{name}: fact + balance + transfer, layer against the bare driver (multi-row statements, no hashing)"),
        &["batch", "rows/s", "p50 ms", "p99 ms", "bare rows/s", "bare p50 ms", "ratio"],
    );
    let mut movements = shape::movements();
    for batch in [1usize, 100, 1_000] {
        let (mut ours, mut bare, mut ratios) = (Sample::default(), Sample::default(), Vec::new());
        for _ in 0..plan.rounds {
            let a = round_layer(&layer, &mut movements, batch, plan.round, &mut ours).await;
            let b = round_bare(&mut baseline, &mut movements, batch, plan.round, &mut bare);
            ratios.push(b / a);
        }
        row(report, &batch.to_string(), &ours, &bare, median(&ratios));
        report.figure(name, &format!("ratio_{batch}"), median(&ratios));
        report.figure(name, &format!("rows_per_s_{batch}"), ours.rows_per_s());
        report.figure(name, &format!("p50_ms_{batch}"), ours.percentile_ms(50));
        report.figure(name, &format!("p99_ms_{batch}"), ours.percentile_ms(99));
    }
    concurrent(name, plan, &layer, &mut baseline, &mut movements, report).await;
    partitions(name, plan, &layer, report).await;
}

fn row(report: &Report, label: &str, ours: &Sample, bare: &Sample, ratio: f64) {
    report.line(&[
        label.to_owned(),
        format!("{:.0}", ours.rows_per_s()),
        format!("{:.3}", ours.percentile_ms(50)),
        format!("{:.3}", ours.percentile_ms(99)),
        format!("{:.0}", bare.rows_per_s()),
        format!("{:.3}", bare.percentile_ms(50)),
        format!("{ratio:.2}"),
    ]);
}

/// Rows a second of the layer in this round.
async fn round_layer(
    layer: &Layer,
    movements: &mut impl Iterator<Item = Movement>,
    batch: usize,
    time: Duration,
    sample: &mut Sample,
) -> f64 {
    let (begun, mut rows) = (Instant::now(), 0u64);
    while begun.elapsed() < time {
        let slice: Vec<Movement> = movements.take(batch).collect();
        let call = Instant::now();
        layer.record(slice).await;
        sample.add(call.elapsed(), batch as u64);
        rows += batch as u64;
    }
    rows as f64 / begun.elapsed().as_secs_f64()
}

/// Rows a second of the bare driver in this round.
fn round_bare(
    baseline: &mut Baseline,
    movements: &mut impl Iterator<Item = Movement>,
    batch: usize,
    time: Duration,
    sample: &mut Sample,
) -> f64 {
    let (begun, mut rows) = (Instant::now(), 0u64);
    while begun.elapsed() < time {
        let slice: Vec<Movement> = movements.take(batch).collect();
        let call = Instant::now();
        baseline.record(&slice);
        sample.add(call.elapsed(), batch as u64);
        rows += batch as u64;
    }
    rows as f64 / begun.elapsed().as_secs_f64()
}

/// Commands of one row from many callers at once, against one grouped transaction of as many rows.
async fn concurrent(
    name: &str,
    plan: &Plan,
    layer: &Layer,
    baseline: &mut Baseline,
    movements: &mut impl Iterator<Item = Movement>,
    report: &mut Report,
) {
    let (mut ours, mut bare, mut ratios) = (Sample::default(), Sample::default(), Vec::new());
    for _ in 0..plan.rounds {
        let commands: Vec<Movement> = movements.take(CONCURRENT * 400).collect();
        let (times, wall) = layer.race(commands, CONCURRENT, plan.round).await;
        let a = times.len() as f64 / wall.as_secs_f64();
        let rows = times.len() as u64;
        ours.add_concurrent(times, rows, wall);
        let b = round_bare(baseline, movements, CONCURRENT, plan.round, &mut bare);
        ratios.push(b / a);
    }
    row(report, "64 x 1", &ours, &bare, median(&ratios));
    report.figure(name, "ratio_c64", median(&ratios));
    report.figure(name, "rows_per_s_c64", ours.rows_per_s());
    report.figure(name, "p50_ms_c64", ours.percentile_ms(50));
    report.figure(name, "p99_ms_c64", ours.percentile_ms(99));
}

/// Several partitions at once, batches of 100 each.
async fn partitions(name: &str, plan: &Plan, layer: &Layer, report: &mut Report) {
    report.table(
        &format!("{name}: partitions at once, batches of 100"),
        &["partitions", "rows/s"],
    );
    for count in [1usize, 4, 16] {
        let rate = layer.partitions(count, plan.round * 2).await;
        report.line(&[count.to_string(), format!("{rate:.0}")]);
        report.figure(name, &format!("rows_per_s_partitions_{count}"), rate);
    }
}
