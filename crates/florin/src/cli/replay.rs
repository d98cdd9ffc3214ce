//! `florin policy replay`: past decisions judged again, a page at a time, with how far it is.

use crate::cli::call::{Call, Server, client, perform};
use crate::cli::progress::Progress;
use crate::cli::show;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// Differences that are kept and shown; beyond, they are counted.
const MOST_LISTED: usize = 1_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Against this version of a policy instead of the versions that the decisions had.
    #[arg(long)]
    version: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(options: Options) -> Result<(), String> {
    let (client, server) = (client()?, options.server);
    let mut whole = Whole::default();
    let mut progress = Progress::of("decisions", server.json);
    let mut after = Value::Null;
    loop {
        let body = json!({ "version": options.version, "after": after });
        let mut page = perform(
            &client,
            &server,
            Call::send(Method::POST, "/policies/replay", &body),
        )
        .await?;
        after = page["next"].take();
        whole.add(page);
        progress.so_far(
            whole.judged + whole.skipped,
            &format!("{} different", whole.different),
        );
        if after.is_null() {
            break;
        }
    }
    progress.end();
    show::answer(&whole.shown(), server.json)
}

/// All pages together.
#[derive(Default)]
struct Whole {
    judged: u64,
    skipped: u64,
    different: u64,
    differences: Vec<Value>,
}

impl Whole {
    fn add(&mut self, mut page: Value) {
        let count = |name: &str| page[name].as_u64().unwrap_or_default();
        self.judged += count("judged");
        self.skipped += count("skipped");
        self.different += count("different");
        let more = page["differences"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        self.differences
            .extend(more.into_iter().take(MOST_LISTED - self.differences.len()));
    }

    fn shown(self) -> Value {
        let Self {
            judged,
            skipped,
            different,
            differences,
        } = self;
        json!({ "judged": judged, "skipped": skipped, "different": different, "differences": differences })
    }
}
