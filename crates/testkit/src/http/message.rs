//! Requests and responses, and their parsing.

use std::io::{self, BufRead, Read};

/// Larger than any body that a test sends.
const MAX_BODY: u64 = 64 << 20;

/// A request as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A response as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header. `name` must be lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

impl Response {
    /// The first value of a header. `name` must be lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(header, _)| header == name)
        .map(|(_, value)| value.as_str())
}

/// Read one request; `None` at the end of the connection.
pub(super) fn read_request(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some((start, headers)) = read_head(from)? else {
        return Ok(None);
    };
    let mut parts = start.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else {
        return Err(invalid("request line"));
    };
    let body = if has_body(&headers) {
        read_body(from, &headers)?
    } else {
        Vec::new()
    };
    Ok(Some(Request {
        method,
        target,
        headers,
        body,
    }))
}

/// Read one response.
pub(crate) fn read_response(from: &mut impl BufRead) -> io::Result<Response> {
    let (start, headers) = read_head(from)?.ok_or_else(|| invalid("no response"))?;
    let status = start
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| invalid("status line"))?;
    let body = read_body(from, &headers)?;
    Ok(Response {
        status,
        headers,
        body,
    })
}

type Head = (String, Vec<(String, String)>);

fn read_head(from: &mut impl BufRead) -> io::Result<Option<Head>> {
    let Some(start) = read_line(from)? else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    while let Some(line) = read_line(from)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("header"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Some((start, headers)))
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn has_body(headers: &[(String, String)]) -> bool {
    find(headers, "content-length").is_some() || find(headers, "transfer-encoding").is_some()
}

fn read_body(from: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    if find(headers, "transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        return read_chunks(from);
    }
    let length = find(headers, "content-length");
    let length = length
        .map(|text| text.parse::<u64>().map_err(|_| invalid("content-length")))
        .transpose()?;
    let mut body = Vec::new();
    let read = from
        .take(length.unwrap_or(MAX_BODY).min(MAX_BODY))
        .read_to_end(&mut body)?;
    match length {
        Some(length) if length != read as u64 => Err(invalid("body cut short")),
        _ => Ok(body),
    }
}

fn read_chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?.ok_or_else(|| invalid("chunk"))?;
        let size = u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| invalid("chunk size"))?;
        if from.take(size.min(MAX_BODY)).read_to_end(&mut body)? as u64 != size {
            return Err(invalid("chunk cut short"));
        }
        read_line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP/1.1: {what}"))
}
