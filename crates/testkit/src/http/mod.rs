//! HTTP/1.1 on the loopback interface, with threads: a server that records requests and sends
//! scripted replies ([`Server`]), and a JSON client ([`post_json`]). Shares no code with the HTTP
//! stack under test, so that it is an independent check.

mod client;
mod message;
mod reply;
mod server;

pub use client::{post_json, send, send_with_timeout};
pub(crate) use message::read_response;
pub use message::{Request, Response};
pub use reply::ServerReply;
pub use server::Server;
