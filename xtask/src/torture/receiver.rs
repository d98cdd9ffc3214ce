//! Receivers outside: they write down what comes, whatever they answer.

use super::plan::Mood;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use testkit::http::{Answer, Request, Server};

/// What came.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    /// Path.
    pub(super) target: String,
    /// The value of the header by which repeats are known.
    pub(super) name: String,
    pub(super) body: Vec<u8>,
    /// Whether the caller was told that it is done.
    pub(super) was_taken: bool,
}

#[derive(Default)]
struct State {
    arrivals: Vec<Arrival>,
    left: u64,
    breaks_off: bool,
}

/// An HTTP server that knows what came by a header.
pub(super) struct Receiver {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Repeats are known by this header, named in lower case.
    pub(super) fn by(header: &'static str) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::answering(move |request| lock(&shared).take(request, header));
        Self { server, state }
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Behave so from now on.
    pub(super) fn be(&self, mood: Mood) {
        let mut state = lock(&self.state);
        (state.left, state.breaks_off) = match mood {
            Mood::Well => (0, false),
            Mood::BreaksOff(times) => (times, true),
            Mood::Refuses(times) => (times, false),
        };
    }

    /// What came below a path, in order.
    pub(super) fn arrivals(&self, path: &str) -> Vec<Arrival> {
        lock(&self.state)
            .arrivals
            .iter()
            .filter(|one| one.target.starts_with(path))
            .cloned()
            .collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn take(&mut self, request: &Request, header: &str) -> Answer {
        let was_taken = self.left == 0;
        self.left = self.left.saturating_sub(1);
        self.arrivals.push(Arrival {
            at: Instant::now(),
            target: request.target.clone(),
            name: request.header(header).unwrap_or_default().to_owned(),
            body: request.body.clone(),
            was_taken,
        });
        match (was_taken, self.breaks_off) {
            (true, _) => Answer::json(&serde_json::json!({ "taken": true })),
            (false, true) => Answer::Drop,
            (false, false) => Answer::status(503),
        }
    }
}
