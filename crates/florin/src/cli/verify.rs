//! `florin verify`: a database against its facts and its exported seals. The verifier shares no
//! code with the writer.

use crate::cli::show;
use crate::config::{Config, Engine};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use verify::{Options as How, Source};

#[derive(Args)]
pub(crate) struct Options {
    /// The exported seals; the configured file if nothing is said and it is there.
    #[arg(long)]
    seals: Option<PathBuf>,
    /// A public key of the sealer, 64 hexadecimal digits; may be given several times. Without one,
    /// whoever wrote the database may have signed it.
    #[arg(long, value_parser = public_key)]
    key: Vec<[u8; 32]>,
    /// Do not read again the rows that facts of batches stand for.
    #[arg(long)]
    no_batches: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let mut key = [0u8; 32];
    hex::decode_to_slice(text, &mut key)
        .map_err(|_| "expected 64 hexadecimal digits".to_owned())?;
    Ok(key)
}

pub(crate) fn run(config: &Config, options: &Options) -> Result<(), String> {
    let source = match config.store.engine {
        Engine::Sqlite => Source::Sqlite(config.store.path.clone()),
        Engine::Postgres => Source::Postgres(config.store.url.clone()),
    };
    let configured = Some(config.seal.export.clone()).filter(|path| path.exists());
    let how = How {
        seals: options.seals.clone().or(configured),
        keys: options.key.clone(),
        batches: !options.no_batches,
        ..How::default()
    };
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} facts  {msg}") {
        bar.set_style(style);
    }
    let report = verify::run(&source, &how, &mut |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.facts);
        bar.set_message(progress.partition.unwrap_or("seals").to_owned());
    })
    .map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    tell(&report, options.json)?;
    if report.is_sound() {
        Ok(())
    } else {
        Err(format!(
            "{} problems: this database is not what it was",
            report.problem_count
        ))
    }
}

fn tell(report: &verify::Report, as_json: bool) -> Result<(), String> {
    let value = serde_json::to_value(report).map_err(|error| error.to_string())?;
    if as_json {
        return show::answer(&value, true);
    }
    show::answer(&serde_json::json!({ "items": value["partitions"] }), false)?;
    let seals = &report.seals;
    let pinned = if seals.pinned {
        "under the key given"
    } else {
        "under whatever key they name: give --key to pin it"
    };
    show::text(&format!(
        "{} facts, {} seals checked {pinned}\n",
        report.facts(),
        seals.count
    ))?;
    for problem in &report.problems {
        show::text(&format!("! {problem}\n"))?;
    }
    Ok(())
}
