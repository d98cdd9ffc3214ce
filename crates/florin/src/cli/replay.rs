//! `florin policy replay`: re-evaluates past decisions page by page and reports progress.

use crate::cli::call::Call;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

/// Differences listed in the output; further ones are only counted.
const MAX_LISTED: usize = 1_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Policy version to evaluate against; default: the versions that the decisions used.
    #[arg(long)]
    version: Option<String>,
}

pub(crate) async fn run(session: &Session, options: Options) -> Result<()> {
    let mut summary = Summary::default();
    let mut progress = Progress::new("decisions", session.output.json);
    let mut after = Value::Null;
    loop {
        let body = json!({ "version": options.version, "after": after });
        let call = Call::post("/policies/replay", &body);
        let mut page = session.client.send(call).await?;
        after = page["next"].take();
        summary.add(page);
        progress.set_count(
            summary.evaluated + summary.skipped,
            &format!("{} different", summary.different),
        );
        if after.is_null() {
            break;
        }
    }
    progress.finish();
    session.output.response(&summary.into_json(), "")
}

/// The sum of all pages.
#[derive(Default)]
struct Summary {
    evaluated: u64,
    skipped: u64,
    different: u64,
    differences: Vec<Value>,
}

impl Summary {
    fn add(&mut self, mut page: Value) {
        let count = |name: &str| page[name].as_u64().unwrap_or_default();
        self.evaluated += count("evaluated");
        self.skipped += count("skipped");
        self.different += count("different");
        let more = page["differences"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        self.differences
            .extend(more.into_iter().take(MAX_LISTED - self.differences.len()));
    }

    fn into_json(self) -> Value {
        let Self {
            evaluated,
            skipped,
            different,
            differences,
        } = self;
        json!({ "evaluated": evaluated, "skipped": skipped, "different": different, "differences": differences })
    }
}
