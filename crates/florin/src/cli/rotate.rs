//! `florin key rotate`: begin a new data key, and watch while everything is sealed anew under it.

use crate::cli::call::{Call, Server, client, perform};
use crate::cli::progress::Progress;
use crate::cli::show;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Args)]
pub(crate) struct Options {
    /// Begin, and do not wait for the end: the server goes on by itself.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(options: Options) -> Result<(), String> {
    let (client, server) = (client()?, options.server);
    let mut now = perform(
        &client,
        &server,
        Call::send(Method::POST, "/keyring/rotate", &json!({})),
    )
    .await?;
    let mut progress = Progress::of("secrets", server.json);
    while !options.detach && now["state"] == "sealing" {
        let count = |name: &str| now[name].as_u64().unwrap_or_default();
        progress.at(
            count("resealed") + count("broken"),
            count("total"),
            now["keeper"].as_str().unwrap_or_default(),
        );
        tokio::time::sleep(LOOK).await;
        now = perform(&client, &server, Call::get("/keyring")).await?["rotation"].take();
    }
    progress.end();
    show::answer(&now, server.json)?;
    judge(&now)
}

fn judge(over: &Value) -> Result<(), String> {
    match over["state"].as_str() {
        Some("broken") => Err(format!(
            "{} secrets do not open and stay under the older data key, which is not retired; the log names them",
            over["broken"]
        )),
        _ => Ok(()),
    }
}
