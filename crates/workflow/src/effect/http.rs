//! `http_request`: a call to an address that the task names, under an idempotency key that stays
//! the same until a person says otherwise.

use super::options::{given, needed, read, text};
use super::{Fault, Options, Why, bounded, too_large, written};
use crate::definition::Ambiguity;
use crate::work::judge::exact;
use crate::work::load::Loaded;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use streams::outbound::{Failure, Method, Request, Response};
use types::Json;

/// Names of headers whose values are never shown.
const HIDDEN: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
];
/// Headers that HTTP itself writes: two opinions of where a request ends are one request too many
/// for whoever stands in between.
const OF_HTTP: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
];
/// Headers of one call.
const MAX_HEADERS: usize = 64;
const KEY: &str = "Idempotency-Key";

/// A call as it is written down before it is made.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    pub(crate) timeout_ms: u64,
    expect: Vec<u16>,
    query: Option<Ask>,
    pub(crate) key: String,
}

/// Where to ask whether a call happened.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
}

/// What the other side says of a call.
pub(crate) enum Found {
    /// It happened; this is told of it.
    Happened(Json),
    /// It did not.
    Not,
    /// No clear word.
    Unclear(Fault),
}

/// Work out the call.
pub(super) fn plan(run: &Loaded, options: &Options) -> Result<Call, Fault> {
    let method: Method = match text(options, "method")? {
        None => {
            if given(options, "body").is_some() {
                Method::Post
            } else {
                Method::Get
            }
        }
        Some(word) => {
            serde_json::from_value(Value::String(word.to_ascii_uppercase())).map_err(|_| {
                Fault::option("method", "expected GET, HEAD, POST, PUT, PATCH or DELETE")
            })?
        }
    };
    let (body, kind) = body(options)?;
    let mut headers = headers(read(options, "headers")?.unwrap_or_default(), "headers")?;
    if let Some(kind) = kind.filter(|_| {
        !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    }) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    let query: Option<Ask> = read(options, "query")?;
    if run.step().ambiguity == Some(Ambiguity::Query) && query.is_none() {
        return Err(Fault::option(
            "query",
            "is missing: ambiguity is query, so say where to ask",
        ));
    }
    let (position, timeout_ms) = (&run.run.position, run.step().timeout_ms);
    let call = Call {
        method,
        url: needed(options, "url")?,
        headers,
        body,
        timeout_ms: timeout_ms
            .unwrap_or(run.workflow.settings().http_timeout_ms)
            .max(1),
        expect: read(options, "expect")?.unwrap_or_default(),
        query,
        key: format!("{}/{}/{}", run.run.id, run.step().name, position.round),
    };
    // What would be refused anyway is refused before anything is written down.
    let guard = run.workflow.parts().outbound.guard();
    let asked = call.query.as_ref().map(|ask| ask.url.as_str());
    for url in std::iter::once(call.url.as_str()).chain(asked) {
        guard.check(url).map_err(|failure| Fault::of(&failure))?;
    }
    Ok(call)
}

fn body(options: &Options) -> Result<(String, Option<&'static str>), Fault> {
    match given(options, "body") {
        None => Ok((String::new(), None)),
        Some(Value::String(text)) => Ok((text.clone(), Some("text/plain; charset=utf-8"))),
        Some(value) => Ok((
            written(value)?.as_str().to_owned(),
            Some("application/json"),
        )),
    }
}

fn headers(given: Map<String, Value>, option: &str) -> Result<Vec<(String, String)>, Fault> {
    if given.len() > MAX_HEADERS {
        return Err(Fault::option(option, format!("at most {MAX_HEADERS}")));
    }
    let header = |(name, value): (String, Value)| match value {
        _ if name.eq_ignore_ascii_case(KEY) => Err(Fault::option(
            &format!("{option}.{name}"),
            "is set by Florin, the same for each attempt",
        )),
        _ if OF_HTTP
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&name)) =>
        {
            Err(Fault::option(
                &format!("{option}.{name}"),
                "is set by Florin",
            ))
        }
        Value::String(value) => Ok((name, value)),
        Value::Number(value) => Ok((name, value.to_string())),
        _ => Err(Fault::option(
            &format!("{option}.{name}"),
            "expected a text",
        )),
    };
    given.into_iter().map(header).collect()
}

impl Call {
    /// As it is shown. Whatever may be a credential is left out; the secrets of variable sets are
    /// masked by whoever shows it.
    pub(crate) fn shown(&self) -> Result<Json, Fault> {
        let hidden = |name: &str| HIDDEN.iter().any(|known| known.eq_ignore_ascii_case(name));
        let value = |name: &str, value: &str| {
            if hidden(name) {
                crate::secrets::MASK.to_owned()
            } else {
                value.to_owned()
            }
        };
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, text)| (name.clone(), Value::String(value(name, text))))
            .collect();
        let body =
            serde_json::from_str(&self.body).unwrap_or_else(|_| Value::String(self.body.clone()));
        written(&json!({"method": self.method, "url": self.url, "headers": headers, "body": body}))
    }

    /// Make the call.
    pub(crate) async fn send(&self, run: &Loaded) -> Result<Json, Fault> {
        let mut request = self.request(run, self.method, &self.url, &self.headers);
        request.body = self.body.clone().into_bytes();
        request.headers.push((KEY.to_owned(), self.key.clone()));
        let answer = run
            .workflow
            .parts()
            .outbound
            .send(request)
            .await
            .map_err(|failure| self.no_answer(&failure))?;
        self.judge(run, &answer)
    }

    /// Ask the other side whether the call happened. 2xx says yes, 404 and 410 say no, nothing else
    /// says anything.
    pub(crate) async fn ask(&self, run: &Loaded) -> Found {
        let Some(ask) = &self.query else {
            return Found::Unclear(Fault {
                unknown: true,
                ..Fault::option("query", "is missing")
            });
        };
        let headers = match headers(ask.headers.clone(), "query.headers") {
            Ok(headers) => headers,
            Err(fault) => {
                return Found::Unclear(Fault {
                    unknown: true,
                    ..fault
                });
            }
        };
        let request = self.request(run, Method::Get, &ask.url, &headers);
        match run.workflow.parts().outbound.send(request).await {
            Ok(answer) if answer.is_success() => match self.data(run, &answer) {
                Ok(data) => Found::Happened(data),
                Err(fault) => Found::Unclear(Fault {
                    unknown: true,
                    ..fault
                }),
            },
            Ok(answer) if matches!(answer.status, 404 | 410) => Found::Not,
            Ok(answer) => {
                let why = format!(
                    "asked whether it happened, the other side answered {}",
                    answer.status
                );
                Found::Unclear(Fault {
                    unknown: true,
                    passing: true,
                    ..Fault::of(&Why::HttpStatus(why))
                })
            }
            Err(failure) => Found::Unclear(Fault {
                unknown: true,
                passing: true,
                ..Fault::of(&failure)
            }),
        }
    }

    /// What is said when nobody knows: the process that made the call is gone.
    pub(crate) fn interrupted(&self) -> Fault {
        Fault {
            may_retry: true,
            passing: true,
            unknown: true,
            reads: self.reads(),
            ..Fault::of(&Why::Interrupted)
        }
    }

    fn reads(&self) -> bool {
        matches!(self.method, Method::Get | Method::Head)
    }

    fn request(
        &self,
        run: &Loaded,
        method: Method,
        url: &str,
        headers: &[(String, String)],
    ) -> Request {
        let max_body = run.workflow.settings().value_bytes;
        Request {
            headers: headers.to_vec(),
            timeout_ms: self.timeout_ms,
            max_body,
            ..Request::new(method, url)
        }
    }

    fn no_answer(&self, failure: &Failure) -> Fault {
        let unknown = matches!(
            failure,
            Failure::Unreachable { .. } | Failure::Timeout { .. }
        );
        let passing = unknown || matches!(failure, Failure::Unresolved { .. });
        Fault {
            may_retry: passing,
            passing,
            unknown,
            reads: self.reads(),
            ..Fault::of(failure)
        }
    }

    fn judge(&self, run: &Loaded, answer: &Response) -> Result<Json, Fault> {
        let expected = if self.expect.is_empty() {
            answer.status < 400
        } else {
            self.expect.contains(&answer.status)
        };
        if !expected {
            // Masked before it is cut: half a secret is one too.
            let start = run.secrets.mask_text(&types::hostile_text(&answer.body));
            let start: String = start.chars().take(300).collect();
            let why = format!(
                "{} answered {}: {start}",
                self.url.split('?').next().unwrap_or_default(),
                answer.status
            );
            // An answer is an answer: only those that say "later" are worth another attempt, and
            // only if the step declares some.
            let may_retry = matches!(answer.status, 408 | 425 | 429 | 500..=599);
            return Err(Fault {
                may_retry,
                ..Fault::of(&Why::HttpStatus(why))
            });
        }
        self.data(run, answer)
    }

    fn data(&self, run: &Loaded, answer: &Response) -> Result<Json, Fault> {
        if answer.truncated {
            // What the call did is done: another attempt would do it again.
            return Err(too_large(run.workflow.settings().value_bytes));
        }
        let text = String::from_utf8_lossy(&answer.body);
        let body = exact(&text).map_or_else(
            || Value::String(types::hostile_text(&answer.body)),
            |json| json.to_value(),
        );
        let headers: Map<String, Value> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        bounded(
            run,
            written(&json!({"status": answer.status, "headers": headers, "body": body}))?,
        )
    }
}
