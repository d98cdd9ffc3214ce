//! Redirects: the next URL, and which headers it gets.

use crate::Error;
use crate::message::{Method, Request, Response};
use reqwest::Url;

/// Redirects followed per call.
pub(crate) const MAX_REDIRECTS: u32 = 3;

/// Headers that are sent to another origin; `-` at the end marks a prefix. All others may be
/// credentials for the first origin.
const CROSS_ORIGIN_HEADERS: [&str; 5] = [
    "accept",
    "content-type",
    "idempotency-key",
    "user-agent",
    "florin-",
];

/// The request that follows a redirect; `None` if the response is final.
///
/// GET and HEAD follow every redirect; other methods follow only 307 and 308, which keep method and
/// body (RFC 9110, 15.4).
pub(crate) fn next(
    request: &Request,
    from: &Url,
    response: &Response,
) -> Result<Option<Request>, Error> {
    let is_read = matches!(request.method, Method::Get | Method::Head);
    let follows = match response.status {
        301..=303 => is_read,
        307 | 308 => true,
        _ => false,
    };
    let Some(location) = response.header("location").filter(|_| follows) else {
        return Ok(None);
    };
    let host = from.host_str().unwrap_or_default();
    let to = from
        .join(location)
        .map_err(|_| Error::redirect(host, "its Location header is not a URL"))?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(Error::redirect(host, "it leads from https to http"));
    }
    let mut next = Request {
        url: to.to_string(),
        ..request.clone()
    };
    if from.origin() != to.origin() {
        next.headers.retain(|(name, _)| crosses_origins(name));
    }
    Ok(Some(next))
}

fn crosses_origins(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CROSS_ORIGIN_HEADERS.iter().any(|allowed| {
        if allowed.ends_with('-') {
            name.starts_with(allowed)
        } else {
            name == *allowed
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, location: &str) -> Response {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Response {
            status,
            headers,
            body: Vec::new(),
            truncated: false,
            url: String::new(),
        }
    }

    fn follow(
        method: Method,
        from: &str,
        status: u16,
        location: &str,
    ) -> Result<Option<Request>, Error> {
        let request = Request::new(method, from)
            .with_header("Authorization", "x")
            .with_header("Florin-Signature", "y");
        next(
            &request,
            &Url::parse(from).expect("a URL"),
            &response(status, location),
        )
    }

    #[test]
    fn only_307_and_308_forward_a_body() {
        assert_eq!(
            follow(Method::Post, "http://a/x", 302, "/y").map(|next| next.is_some()),
            Ok(false)
        );
        assert_eq!(
            follow(Method::Post, "http://a/x", 308, "/y")
                .map(|next| next.map(|request| request.url)),
            Ok(Some("http://a/y".into()))
        );
        assert_eq!(
            follow(Method::Get, "http://a/x", 302, "y").map(|next| next.map(|request| request.url)),
            Ok(Some("http://a/y".into()))
        );
        assert_eq!(
            follow(Method::Get, "http://a/x", 304, "y").map(|next| next.is_some()),
            Ok(false)
        );
    }

    #[test]
    fn credentials_are_not_sent_to_another_origin() {
        let names = |to| {
            let next = follow(Method::Post, "https://a/x", 307, to)
                .expect("allowed")
                .expect("followed");
            next.headers
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("https://a/y"), ["Authorization", "Florin-Signature"]);
        assert_eq!(names("https://b/y"), ["Florin-Signature"]);
        assert_eq!(names("https://a:8443/y"), ["Florin-Signature"]);
    }

    #[test]
    fn https_is_not_downgraded() {
        assert!(matches!(
            follow(Method::Post, "https://a/x", 307, "http://a/x"),
            Err(Error::RedirectRefused { .. })
        ));
        assert!(matches!(
            follow(Method::Post, "https://a/x", 307, "http://[bad"),
            Err(Error::RedirectRefused { .. })
        ));
    }
}
