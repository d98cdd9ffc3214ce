//! An HTTP client with one request per connection.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::message::{Response, read_response};

/// A component that does not respond within this time fails the test.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Send a request to `address` (`127.0.0.1:PORT`) and read the response.
///
/// # Errors
/// If the connection fails, or the response is not HTTP/1.1.
pub fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    send_with_timeout(DEFAULT_TIMEOUT, address, method, target, headers, body)
}

/// [`send`] with a time limit for each read and write. After a time-out, the outcome of the request
/// is unknown.
///
/// # Errors
/// As [`send`], and on a time-out.
pub fn send_with_timeout(
    timeout: Duration,
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
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
