//! What the server says to a request.

use std::io::{self, Write};

/// An answer, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A whole answer.
    Full {
        /// The status code.
        status: u16,
        /// Headers beside the length.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Read the request, count it, and close the connection: the caller cannot know what happened.
    Drop,
    /// Read the request, count it, and say nothing until the server ends: for the caller's time
    /// limits.
    Silence,
    /// A status of 200 and a body without end, for as long as the caller reads (at most a
    /// gigabyte): for its size limits.
    Endless,
}

impl Answer {
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

    /// The same with one more header; nothing changes on what is no full answer.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Full { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same with another body.
    #[must_use]
    pub fn with_body(mut self, bytes: &[u8]) -> Self {
        if let Self::Full { body, .. } = &mut self {
            bytes.clone_into(body);
        }
        self
    }

    /// Write it; whether the connection goes on.
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
            Self::Drop | Self::Silence => Ok(false),
            Self::Endless => endless(to),
        }
    }
}

fn head(status: u16, headers: &[(String, String)], length: usize) -> String {
    let mut head = format!("HTTP/1.1 {status} Told\r\n");
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
    to.write_all(b"HTTP/1.1 200 Told\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for _ in 0..(1 << 30) / CHUNK {
        to.write_all(&chunk)?;
    }
    Ok(false)
}
