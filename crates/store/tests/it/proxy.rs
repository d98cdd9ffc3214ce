//! A TCP proxy between Florin and PostgreSQL that breaks connections around a COMMIT.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// When the connection breaks, relative to the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    /// Before it reaches the server.
    Before = 1,
    /// After it reaches the server: the reply is lost.
    After = 2,
    /// While it is in flight: the outcome is not awaited.
    During = 3,
}

pub(crate) struct Proxy {
    url: String,
    state: Arc<State>,
}

struct State {
    server: String,
    cut: AtomicU8,
    down: AtomicBool,
    /// Whether the next cut also rejects new connections.
    stays_down: AtomicBool,
    connections: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// Start a proxy to the server of this URL.
    pub(crate) fn to(url: &str) -> Self {
        let (head, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            server: server.to_owned(),
            cut: AtomicU8::new(0),
            down: AtomicBool::new(false),
            stays_down: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            listener
                .incoming()
                .flatten()
                .for_each(|client| shared.clone().serve(client))
        });
        Self {
            url: format!("{head}@127.0.0.1:{port}/{database}"),
            state,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Break the connections at the next COMMIT; with `stays_down` reject new ones until
    /// [`Proxy::up`].
    pub(crate) fn cut(&self, cut: Cut, stays_down: bool) {
        self.state.stays_down.store(stays_down, Ordering::SeqCst);
        self.state.cut.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether the cut has happened.
    pub(crate) fn is_cut(&self) -> bool {
        self.state.cut.load(Ordering::SeqCst) == 0
    }

    /// Accept connections again.
    pub(crate) fn up(&self) {
        self.state.down.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn serve(self: Arc<Self>, client: TcpStream) {
        if self.down.load(Ordering::SeqCst) {
            return;
        }
        let server = TcpStream::connect(&self.server).unwrap();
        self.connections
            .lock()
            .unwrap()
            .push((client.try_clone().unwrap(), server.try_clone().unwrap()));
        let drop_replies = Arc::new(AtomicBool::new(false));
        let (mut from_server, mut to_client) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let (state, dropping) = (self.clone(), drop_replies.clone());
        std::thread::spawn(move || {
            let mut buffer = [0u8; 65_536];
            while let Ok(count @ 1..) = from_server.read(&mut buffer) {
                if dropping.load(Ordering::SeqCst) {
                    state.break_all();
                    return;
                }
                if to_client.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || self.forward(client, server, &drop_replies));
    }

    fn forward(&self, mut client: TcpStream, mut server: TcpStream, drop_replies: &AtomicBool) {
        let mut buffer = [0u8; 65_536];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            let bytes = &buffer[..count];
            let commits = bytes.windows(7).any(|part| part == b"COMMIT\0");
            let cut = if commits {
                self.cut.swap(0, Ordering::SeqCst)
            } else {
                0
            };
            if cut == Cut::Before as u8 {
                return self.break_all();
            }
            drop_replies.fetch_or(cut == Cut::After as u8, Ordering::SeqCst);
            if server.write_all(bytes).is_err() {
                break;
            }
            if cut == Cut::During as u8 {
                return self.break_all();
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    }

    fn break_all(&self) {
        self.down
            .store(self.stays_down.load(Ordering::SeqCst), Ordering::SeqCst);
        for (client, server) in self.connections.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}
