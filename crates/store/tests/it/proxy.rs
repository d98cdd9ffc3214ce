//! A wire between Florin and PostgreSQL that breaks at the worst moment: around a COMMIT.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// What happens at the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    /// It does not reach the server.
    Before = 1,
    /// It reaches the server, and the answer gets lost.
    After = 2,
    /// It is on its way when the line breaks: nobody waits for the answer.
    During = 3,
}

/// The wire.
pub(crate) struct Proxy {
    url: String,
    state: Arc<State>,
}

struct State {
    server: String,
    cut: AtomicU8,
    down: AtomicBool,
    /// Whether the next cut also takes the whole wire down.
    stays_down: AtomicBool,
    lines: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// A wire to the server of this address.
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
            lines: Mutex::default(),
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

    /// The address of this end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Break at the next COMMIT; with `stays_down` nothing gets through from then on until
    /// [`Proxy::up`].
    pub(crate) fn cut(&self, cut: Cut, stays_down: bool) {
        self.state.stays_down.store(stays_down, Ordering::SeqCst);
        self.state.cut.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether the cut happened.
    pub(crate) fn is_cut(&self) -> bool {
        self.state.cut.load(Ordering::SeqCst) == 0
    }

    /// Let connections through again.
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
        self.lines
            .lock()
            .unwrap()
            .push((client.try_clone().unwrap(), server.try_clone().unwrap()));
        let swallow = Arc::new(AtomicBool::new(false));
        let (mut from_server, mut to_client) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let (state, deaf) = (self.clone(), swallow.clone());
        std::thread::spawn(move || {
            let mut buffer = [0u8; 65_536];
            while let Ok(count @ 1..) = from_server.read(&mut buffer) {
                if deaf.load(Ordering::SeqCst) {
                    state.break_all();
                    return;
                }
                if to_client.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || self.forward(client, server, &swallow));
    }

    fn forward(&self, mut client: TcpStream, mut server: TcpStream, swallow: &AtomicBool) {
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
            swallow.fetch_or(cut == Cut::After as u8, Ordering::SeqCst);
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
        for (client, server) in self.lines.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}
