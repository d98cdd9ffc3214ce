//! A command that talks to a server: its client and its output.

use crate::cli::call::{Call, Client};
use crate::cli::output::Output;
use anyhow::Result;
use serde_json::Value;

/// What the commands share: the server, its client, and the form of the output.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) output: Output,
}

impl Session {
    /// Send calls in order and print the last response, as a list of the last path.
    pub(crate) async fn send_all(&self, calls: Vec<Call>) -> Result<()> {
        let mut response = Value::Null;
        let mut path = String::new();
        for call in calls {
            path.clone_from(&call.path);
            response = self.client.send(call).await?;
        }
        self.output.response(&response, &path)
    }
}
