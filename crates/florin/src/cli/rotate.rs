//! `florin key rotate`: starts a data key rotation and reports progress until every secret is
//! re-encrypted.

use crate::cli::call::{Call, Server, client, send};
use crate::cli::progress::Progress;
use crate::cli::show;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Interval between two status requests.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Args)]
pub(crate) struct Options {
    /// Return once the rotation has started; the server completes it in the background.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(options: Options) -> Result<(), String> {
    let (client, server) = (client()?, options.server);
    let mut rotation = send(
        &client,
        &server,
        Call::send(Method::POST, "/keyring/rotate", &json!({})),
    )
    .await?;
    let mut progress = Progress::new("secrets", server.json);
    while !options.detach && rotation["state"] == "reencrypting" {
        let count = |name: &str| rotation[name].as_u64().unwrap_or_default();
        progress.set(
            count("reencrypted") + count("broken"),
            count("total"),
            rotation["target"].as_str().unwrap_or_default(),
        );
        tokio::time::sleep(POLL_INTERVAL).await;
        rotation = send(&client, &server, Call::get("/keyring")).await?["rotation"].take();
    }
    progress.finish();
    show::response(&rotation, server.json)?;
    check(&rotation)
}

fn check(rotation: &Value) -> Result<(), String> {
    match rotation["state"].as_str() {
        Some("broken") => Err(format!(
            "{} secrets cannot be decrypted and stay under the old data key, which is not retired; the log names them",
            rotation["broken"]
        )),
        _ => Ok(()),
    }
}
