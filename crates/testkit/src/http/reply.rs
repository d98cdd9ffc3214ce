//! Replies of the server.

use std::io::{self, Write};

/// A reply to a request, or its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerReply {
    /// A complete response.
    Full {
        status: u16,
        /// Without `content-length`.
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Record the request, and close the connection without a response.
    Drop,
    /// Record the request, and keep the connection open without a response: to test time limits.
    NoResponse,
    /// 200 with a body of up to a gigabyte, for as long as the caller reads: to test size limits.
    Endless,
}

impl ServerReply {
    /// A status with an empty body.
    pub fn status(status: u16) -> Self {
        Self::Full {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// 200 with a JSON body.
    pub fn json(body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::Full {
            status: 200,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).with_header("location", location)
    }

    /// Add a header; has no effect unless the answer is [`ServerReply::Full`].
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Full { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Replace the body; has no effect unless the answer is [`ServerReply::Full`].
    #[must_use]
    pub fn with_body(mut self, bytes: &[u8]) -> Self {
        if let Self::Full { body, .. } = &mut self {
            bytes.clone_into(body);
        }
        self
    }

    /// Write the answer; returns whether the connection stays open.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<bool> {
        match self {
            Self::Full {
                status,
                headers,
                body,
            } => {
                to.write_all(&[head(*status, headers, body.len()).as_bytes(), body].concat())?;
                Ok(true)
            }
            Self::Drop | Self::NoResponse => Ok(false),
            Self::Endless => endless(to),
        }
    }
}

fn head(status: u16, headers: &[(String, String)], length: usize) -> String {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + &format!("content-length: {length}\r\n\r\n")
}

fn endless(to: &mut impl Write) -> io::Result<bool> {
    const CHUNK: usize = 64 << 10;
    let chunk = [
        format!("{CHUNK:x}\r\n").as_bytes(),
        &vec![b' '; CHUNK],
        b"\r\n",
    ]
    .concat();
    to.write_all(b"HTTP/1.1 200 Scripted\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for _ in 0..(1 << 30) / CHUNK {
        to.write_all(&chunk)?;
    }
    Ok(false)
}
