//! The server: a thread that accepts, a thread per connection, and a shared list of requests.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::message::{Request, read_request};
use super::reply::ServerReply;

type Respond = dyn Fn(&Request) -> ServerReply + Send + Sync;

/// An HTTP server on 127.0.0.1 that records every request before it answers.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    respond: Box<Respond>,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    script: VecDeque<ServerReply>,
    connections: BTreeMap<u64, TcpStream>,
    next: u64,
    closed: bool,
}

impl Server {
    /// A server that answers every request with 200 and an empty JSON object.
    pub fn start() -> Self {
        Self::with_handler(|_| ServerReply::json(&serde_json::json!({})))
    }

    /// A server that computes its answers with a handler.
    ///
    /// # Panics
    /// If no port of 127.0.0.1 is free.
    pub fn with_handler(respond: impl Fn(&Request) -> ServerReply + Send + Sync + 'static) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
        let address = listener
            .local_addr()
            .expect("the address of a bound listener");
        let shared = Arc::new(Shared {
            respond: Box::new(respond),
            state: Mutex::default(),
            arrived: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The URL of a path (with its leading slash) on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answer the next requests with these answers, before the handler is used again.
    pub fn script(&self, answers: impl IntoIterator<Item = ServerReply>) {
        self.shared.lock().script.extend(answers);
    }

    /// All requests so far, in the order received.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.shared.lock().requests.len()
    }

    /// The number of requests by the value of a header (lower case), such as `idempotency-key`.
    pub fn count_by_header(&self, header: &str) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for request in &self.shared.lock().requests {
            if let Some(value) = request.header(header) {
                *calls.entry(value.to_owned()).or_default() += 1;
            }
        }
        calls
    }

    /// Wait until at least `count` requests are received, at most `limit_ms`; returns whether they
    /// were.
    pub fn wait_for(&self, count: usize, limit_ms: u64) -> bool {
        let limit = Duration::from_millis(limit_ms);
        let waiting = |state: &mut State| state.requests.len() < count;
        let result = self
            .shared
            .arrived
            .wait_timeout_while(self.shared.lock(), limit, waiting);
        !result.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        for connection in self.shared.lock().connections.values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wake the accepting thread, which then sees `closed`.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Register a connection; `None` if the server has ended.
    fn open(&self, stream: &TcpStream) -> Option<u64> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state
            .connections
            .extend(stream.try_clone().ok().map(|stream| (number, stream)));
        (!state.closed).then_some(number)
    }

    fn record(&self, request: &Request) -> Option<ServerReply> {
        let mut state = self.lock();
        state.requests.push(request.clone());
        self.arrived.notify_all();
        state.script.pop_front()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        let Some(number) = shared.open(&stream) else {
            return;
        };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A caller may close the connection at any time; complete requests are recorded.
            let _ = converse(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
            shared.lock().connections.remove(&number);
        });
    }
}

fn converse(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let answer = shared
            .record(&request)
            .unwrap_or_else(|| (shared.respond)(&request));
        if answer == ServerReply::NoResponse {
            continue;
        }
        if !answer.write(&mut &*stream)? || request.header("connection") == Some("close") {
            break;
        }
    }
    Ok(())
}
