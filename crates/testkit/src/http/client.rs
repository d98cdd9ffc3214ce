//! A client for one request a connection.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::message::{Response, read_response};

/// A part that does not answer within this has failed its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Send one request to `address` (`127.0.0.1:PORT`) and read the answer.
///
/// # Errors
/// If nobody listens, or what comes back is not HTTP/1.1.
pub fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    send_within(PATIENCE, address, method, target, headers, body)
}

/// [`send`], for one who gives up after so long without a byte: nobody knows then what became of
/// the request.
///
/// # Errors
/// As [`send`]; and if it takes too long.
pub fn send_within(
    patience: Duration,
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(&[head.as_bytes(), body].concat())?;
    read_response(&mut BufReader::new(stream))
}

/// POST a JSON value.
///
/// # Errors
/// As [`send`].
pub fn post_json(address: &str, target: &str, body: &serde_json::Value) -> io::Result<Response> {
    send(
        address,
        "POST",
        target,
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    )
}
