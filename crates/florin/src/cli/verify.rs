//! `florin verify`: checks a database against its facts and its exported tree heads. The verifier
//! shares no code with the writer.

use crate::cli::output::{self, Output};
use crate::config::{Config, Engine};
use anyhow::{Result, bail};
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
}

fn public_key(text: &str) -> Result<[u8; 32], &'static str> {
    let mut key = [0u8; 32];
    hex::decode_to_slice(text, &mut key).map_err(|_| "expected 64 hexadecimal digits")?;
    Ok(key)
}

pub(crate) fn run(config: &Config, options: &Options, output: &Output) -> Result<()> {
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
    })?;
    bar.finish_and_clear();
    print(&report, output)?;
    if !report.is_valid() {
        bail!(
            "{} problems: the database does not match its facts and tree heads",
            report.problem_count
        );
    }
    Ok(())
}

fn print(report: &verify::Report, output: &Output) -> Result<()> {
    let value = serde_json::to_value(report)?;
    if output.json {
        return output.response(&value, "");
    }
    output.response(&serde_json::json!({ "items": value["partitions"] }), "")?;
    let tree_heads = &report.tree_heads;
    let pinned = if tree_heads.pinned {
        "with the given key"
    } else {
        "with the key that each names; pass --key to pin the signer"
    };
    output::text(&format!(
        "{} facts, {} tree heads checked {pinned}\n",
        report.facts(),
        tree_heads.count
    ));
    for problem in &report.problems {
        output::text(&format!("! {problem}\n"));
    }
    Ok(())
}
