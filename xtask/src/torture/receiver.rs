//! HTTP receivers outside Florin, which record every request whatever they respond.

use super::plan::ReceiverMode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use testkit::http::{Request, Server, ServerReply};

/// A received request.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) target: String,
    /// Value of the header that identifies repetitions.
    pub(super) key: String,
    pub(super) body: Vec<u8>,
    /// Whether the response was a success.
    pub(super) was_accepted: bool,
}

#[derive(Default)]
struct State {
    arrivals: Vec<Arrival>,
    remaining: u64,
    drops_connections: bool,
}

/// An HTTP server that records requests by the value of a header.
pub(super) struct Receiver {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Start a server that identifies repetitions by this header, named in lower case.
    pub(super) fn start(header: &'static str) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::with_handler(move |request| lock(&shared).respond(request, header));
        Self { server, state }
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Change how the next requests are answered.
    pub(super) fn set_mode(&self, receiver_mode: ReceiverMode) {
        let mut state = lock(&self.state);
        (state.remaining, state.drops_connections) = match receiver_mode {
            ReceiverMode::Normal => (0, false),
            ReceiverMode::DropsConnections(times) => (times, true),
            ReceiverMode::Unavailable(times) => (times, false),
        };
    }

    /// The requests below a path, in order of arrival.
    pub(super) fn arrivals(&self, path: &str) -> Vec<Arrival> {
        lock(&self.state)
            .arrivals
            .iter()
            .filter(|arrival| arrival.target.starts_with(path))
            .cloned()
            .collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn respond(&mut self, request: &Request, header: &str) -> ServerReply {
        let was_accepted = self.remaining == 0;
        self.remaining = self.remaining.saturating_sub(1);
        self.arrivals.push(Arrival {
            at: Instant::now(),
            target: request.target.clone(),
            key: request.header(header).unwrap_or_default().to_owned(),
            body: request.body.clone(),
            was_accepted,
        });
        match (was_accepted, self.drops_connections) {
            (true, _) => ServerReply::json(&serde_json::json!({ "taken": true })),
            (false, true) => ServerReply::Drop,
            (false, false) => ServerReply::status(503),
        }
    }
}
