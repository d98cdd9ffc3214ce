//! HTTP/1.1 on the loopback interface, by threads: a server that records and counts what reaches it
//! and answers as it is told ([`Server`]), and a client for JSON ([`post_json`]). Judges of
//! webhooks and HTTP steps stand outside our own HTTP code, so this shares none with it.

mod answer;
mod client;
mod message;
mod server;

pub use answer::Answer;
pub use client::{post_json, send, send_within};
pub use message::{Request, Response};
pub use server::Server;
