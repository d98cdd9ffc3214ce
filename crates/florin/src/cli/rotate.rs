//! `florin key rotate`: starts a data key rotation and reports progress until every secret is
//! re-encrypted.

use crate::cli::call::Call;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;

/// Interval between two status requests.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Args)]
pub(crate) struct Options {
    /// Return once the rotation has started; the server completes it in the background.
    #[arg(long)]
    detach: bool,
}

pub(crate) async fn run(session: &Session, options: &Options) -> Result<()> {
    let Session { client, output } = session;
    let start = Call::post("/keyring/rotate", &json!({}));
    let mut rotation = client.send(start).await?;
    let mut progress = Progress::new("secrets", output.json);
    while !options.detach && rotation["state"] == "reencrypting" {
        let count = |name: &str| rotation[name].as_u64().unwrap_or_default();
        progress.set(
            count("reencrypted") + count("broken"),
            count("total"),
            rotation["target"].as_str().unwrap_or_default(),
        );
        crate::clock::sleep(POLL_INTERVAL).await;
        rotation = client.send(Call::get("/keyring")).await?["rotation"].take();
    }
    progress.finish();
    output.response(&rotation, "")?;
    check(&rotation)
}

fn check(rotation: &Value) -> Result<()> {
    if rotation["state"] == "broken" {
        bail!(
            "{} secrets cannot be decrypted and stay under the old data key, which is not retired; the log names them",
            rotation["broken"]
        );
    }
    Ok(())
}
