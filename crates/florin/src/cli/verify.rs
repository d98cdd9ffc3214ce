//! `florin verify`: checks a database against its facts and its exported tree heads. The verifier
//! shares no code with the writer.

use crate::cli::show;
use crate::config::{Config, Engine};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use verify::{Options as VerifyOptions, Source};

#[derive(Args)]
pub(crate) struct Options {
    /// File with the exported tree heads; default: the configured file if it exists.
    #[arg(long)]
    tree_heads: Option<PathBuf>,
    /// Public key of the tree head signer, 64 hexadecimal digits; repeatable. Without one the
    /// signatures do not prove who wrote the database.
    #[arg(long, value_parser = public_key)]
    key: Vec<[u8; 32]>,
    /// Skip re-reading the rows that batch facts summarize.
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
    let configured = Some(config.tree_head.export.clone()).filter(|path| path.exists());
    let verify_options = VerifyOptions {
        tree_heads: options.tree_heads.clone().or(configured),
        keys: options.key.clone(),
        batches: !options.no_batches,
        ..VerifyOptions::default()
    };
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} facts  {msg}") {
        bar.set_style(style);
    }
    let report = verify::run(&source, &verify_options, &mut |progress| {
        bar.set_length(progress.total_facts);
        bar.set_position(progress.facts);
        bar.set_message(progress.partition.unwrap_or("tree heads").to_owned());
    })
    .map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    print(&report, options.json)?;
    if report.is_valid() {
        Ok(())
    } else {
        Err(format!(
            "{} problems: the database does not match its facts and tree heads",
            report.problem_count
        ))
    }
}

fn print(report: &verify::Report, as_json: bool) -> Result<(), String> {
    let value = serde_json::to_value(report).map_err(|error| error.to_string())?;
    if as_json {
        return show::response(&value, true);
    }
    show::response(&serde_json::json!({ "items": value["partitions"] }), false)?;
    let tree_heads = &report.tree_heads;
    let pinned = if tree_heads.pinned {
        "with the given key"
    } else {
        "with the key that each names; pass --key to pin the signer"
    };
    show::text(&format!(
        "{} facts, {} tree heads checked {pinned}\n",
        report.facts(),
        tree_heads.count
    ))?;
    for problem in &report.problems {
        show::text(&format!("! {problem}\n"))?;
    }
    Ok(())
}
