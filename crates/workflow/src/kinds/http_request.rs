//! `http_request`: a call to an address named by the task. Its idempotency key stays the same for
//! all attempts, until an operator retries the step.

use super::{EffectKind, External, StepKind};
use crate::definition::Ambiguity;
use crate::effect::{
    CallStatus, ExternalCall, Fault, Options, Plan, StepError, StepOption, bounded, get_option,
    parse_option, required_text, text, to_json, too_large,
};
use crate::worker::context::RunContext;
use crate::worker::expressions::parse_exact;
use async_trait::async_trait;
use futures::FutureExt;
use outbound::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use types::Json;

const URL: StepOption = StepOption::new("url", "where to send the call");
const METHOD: StepOption = StepOption::new(
    "method",
    "`GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`; by default `POST` with a body, else `GET`",
);
const HEADERS: StepOption = StepOption::new(
    "headers",
    "values by name; Florin sets `Idempotency-Key`, the headers of the connection, and `traceparent` unless the task sets it",
);
const BODY: StepOption =
    StepOption::new("body", "a string is sent as it is, anything else as JSON");
const EXPECT: StepOption = StepOption::new(
    "expect",
    "the statuses that mean success, as a list; by default all below 400",
);
const QUERY: StepOption = StepOption::new(
    "query",
    "`{url, headers?}`: where to ask whether the call happened, for `ambiguity: query`",
);

pub(super) static KIND: StepKind = StepKind {
    name: "http_request",
    doc: "Calls an HTTP server. The data has `status`, `headers` and `body`.",
    options: &[URL, METHOD, HEADERS, BODY, EXPECT, QUERY],
    required: &[&["url"]],
    lenient: false,
    template: None,
    effect: EffectKind::External(External {
        restore,
        is_repeatable: is_idempotent_method,
    }),
    plan: |run, options, _| {
        async move { Ok(Plan::Call(Box::new(build_call(run, options)?))) }.boxed()
    },
};

fn restore(stored: &Json) -> serde_json::Result<Box<dyn ExternalCall>> {
    let call: Call = serde_json::from_str(stored.as_str())?;
    Ok(Box::new(call))
}

/// GET, HEAD, PUT and DELETE are idempotent (RFC 9110, 9.2.2).
fn is_idempotent_method(shown: &Json) -> bool {
    let method = shown
        .to_value()
        .get("method")
        .and_then(|method| method.as_str().map(str::to_ascii_uppercase));
    matches!(
        method.as_deref(),
        None | Some("GET" | "HEAD" | "PUT" | "DELETE")
    )
}

/// Headers whose values are never shown.
const SENSITIVE: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
];
/// Headers that the HTTP client sets. A second value would let intermediaries disagree about where
/// a request ends (request smuggling).
const CLIENT_HEADERS: [&str; 9] = [
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
const MAX_HEADERS: usize = 64;
const KEY_HEADER: &str = "Idempotency-Key";
/// The trace of the run (W3C Trace Context), unless the task sets its own.
const TRACE_HEADER: &str = "traceparent";

/// A call, stored before it is sent.
#[derive(Serialize, Deserialize)]
struct Call {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    timeout_ms: u64,
    expect: Vec<u16>,
    query: Option<StatusQuery>,
    key: String,
}

/// Where to query whether a call happened.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusQuery {
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
}

/// Builds the call.
fn build_call(run: &RunContext, options: &Options) -> Result<Call, Fault> {
    let method: Method = match text(options, METHOD)? {
        None if get_option(options, BODY).is_some() => Method::Post,
        None => Method::Get,
        Some(method) => serde_json::from_value(Value::String(method.to_ascii_uppercase()))
            .map_err(|_| Fault::option(METHOD, "expected GET, HEAD, POST, PUT, PATCH or DELETE"))?,
    };
    let (body, content_type) = body(options)?;
    let mut headers = headers(
        parse_option(options, HEADERS)?.unwrap_or_default(),
        HEADERS.name,
    )?;
    let is_typed = (headers.iter()).any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(content_type) = content_type.filter(|_| !is_typed) {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    let query: Option<StatusQuery> = parse_option(options, QUERY)?;
    if run.step().ambiguity == Some(Ambiguity::Query) && query.is_none() {
        return Err(Fault::option(QUERY, "is required when ambiguity is query"));
    }
    let (position, timeout_ms) = (&run.run.position, run.step().timeout_ms);
    let call = Call {
        method,
        url: required_text(options, URL)?,
        headers,
        body,
        timeout_ms: timeout_ms
            .unwrap_or(run.workflow.settings().http_timeout_ms)
            .max(1),
        expect: parse_option(options, EXPECT)?.unwrap_or_default(),
        query,
        key: format!("{}/{}/{}", run.run.id, run.step().name, position.round),
    };
    // Reject forbidden addresses before anything is stored.
    let guard = run.workflow.parts().outbound.address_policy();
    let query_url = call.query.as_ref().map(|query| query.url.as_str());
    for url in std::iter::once(call.url.as_str()).chain(query_url) {
        guard.check(url)?;
    }
    Ok(call)
}

fn body(options: &Options) -> Result<(String, Option<&'static str>), Fault> {
    match get_option(options, BODY) {
        None => Ok((String::new(), None)),
        Some(Value::String(text)) => Ok((text.clone(), Some("text/plain; charset=utf-8"))),
        Some(value) => Ok((
            to_json(value)?.as_str().to_owned(),
            Some("application/json"),
        )),
    }
}

fn headers(headers: Map<String, Value>, path: &str) -> Result<Vec<(String, String)>, Fault> {
    if headers.len() > MAX_HEADERS {
        return Err(Fault::member(path, format!("at most {MAX_HEADERS}")));
    }
    let header = |(name, value): (String, Value)| {
        let is_reserved =
            name.eq_ignore_ascii_case(KEY_HEADER) || is_one_of(&CLIENT_HEADERS, &name);
        let reason = match value {
            _ if is_reserved => "is set by Florin",
            Value::String(value) => return Ok((name, value)),
            Value::Number(value) => return Ok((name, value.to_string())),
            _ => "expected a string",
        };
        Err(Fault::member(&format!("{path}.{name}"), reason))
    };
    headers.into_iter().map(header).collect()
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[async_trait]
impl ExternalCall for Call {
    fn key(&self) -> &str {
        &self.key
    }

    fn to_json(&self) -> Result<Json, Fault> {
        to_json(self)
    }

    fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    fn shown(&self) -> Result<Json, Fault> {
        let shown = |(name, text): &(String, String)| {
            let is_hidden = is_one_of(&SENSITIVE, name);
            let text = if is_hidden {
                crate::secrets::MASK
            } else {
                text
            };
            (name.clone(), text.into())
        };
        let headers: Map<String, Value> = self.headers.iter().map(shown).collect();
        let body =
            serde_json::from_str(&self.body).unwrap_or_else(|_| Value::String(self.body.clone()));
        to_json(&json!({"method": self.method, "url": self.url, "headers": headers, "body": body}))
    }

    async fn send(&self, run: &RunContext) -> Result<Json, Fault> {
        let mut request = self.request(run, self.method, &self.url, &self.headers);
        request.body = self.body.clone().into_bytes();
        request
            .headers
            .push((KEY_HEADER.to_owned(), self.key.clone()));
        let answer = run.workflow.parts().outbound.send(request).await;
        let answer = answer.map_err(|failure| self.request_fault(failure))?;
        self.check_status(run, &answer)
    }

    /// 2xx means yes, 404 and 410 mean no, everything else is unclear.
    async fn query_status(&self, run: &RunContext) -> CallStatus {
        self.ask(run).await.unwrap_or_else(|fault| {
            CallStatus::Unclear(Fault {
                outcome_unknown: true,
                ..fault
            })
        })
    }

    fn interrupted(&self) -> Fault {
        Fault {
            may_retry: true,
            transient: true,
            outcome_unknown: true,
            read_only: self.is_read_only(),
            ..StepError::Interrupted.into()
        }
    }
}

impl Call {
    async fn ask(&self, run: &RunContext) -> Result<CallStatus, Fault> {
        let query = (self.query.as_ref()).ok_or_else(|| Fault::option(QUERY, "is missing"))?;
        let headers = headers(query.headers.clone(), "query.headers")?;
        let request = self.request(run, Method::Get, &query.url, &headers);
        let transient = |fault| Fault {
            transient: true,
            ..fault
        };
        match run.workflow.parts().outbound.send(request).await {
            Ok(answer) if answer.is_success() => self.data(run, &answer).map(CallStatus::Happened),
            Ok(answer) if matches!(answer.status, 404 | 410) => Ok(CallStatus::DidNotHappen),
            Ok(answer) => {
                let reason = format!("the status query was answered with {}", answer.status);
                Err(transient(StepError::HttpStatus(reason).into()))
            }
            Err(failure) => Err(transient(failure.into())),
        }
    }

    fn is_read_only(&self) -> bool {
        matches!(self.method, Method::Get | Method::Head)
    }

    fn request(
        &self,
        run: &RunContext,
        method: Method,
        url: &str,
        headers: &[(String, String)],
    ) -> Request {
        let max_body = run.workflow.settings().value_bytes;
        let mut headers = headers.to_vec();
        let is_set = |(name, _): &(String, String)| name.eq_ignore_ascii_case(TRACE_HEADER);
        if let Some(trace) = run
            .run
            .initiator
            .trace
            .filter(|_| !headers.iter().any(is_set))
        {
            headers.push((TRACE_HEADER.to_owned(), trace.to_string()));
        }
        Request {
            headers,
            timeout_ms: self.timeout_ms,
            max_body,
            ..Request::new(method, url)
        }
    }

    fn request_fault(&self, failure: outbound::Error) -> Fault {
        let outcome_unknown = matches!(
            failure,
            outbound::Error::Unreachable { .. } | outbound::Error::Timeout { .. }
        );
        let transient = outcome_unknown || matches!(failure, outbound::Error::Unresolved { .. });
        Fault {
            may_retry: transient,
            transient,
            outcome_unknown,
            read_only: self.is_read_only(),
            ..failure.into()
        }
    }

    fn check_status(&self, run: &RunContext, answer: &Response) -> Result<Json, Fault> {
        let expected = if self.expect.is_empty() {
            answer.status < 400
        } else {
            self.expect.contains(&answer.status)
        };
        if !expected {
            // Mask before truncating: half a secret is still a secret.
            let start = run.secrets.mask_text(&types::sanitize_text(&answer.body));
            let start = types::clip(&start, 300);
            let reason = format!(
                "{} answered {}: {start}",
                self.url.split('?').next().unwrap_or_default(),
                answer.status
            );
            // An error status is an answer. Only statuses that mean "later" are retried, and only
            // if the step declares retries.
            let may_retry = matches!(answer.status, 408 | 425 | 429 | 500..=599);
            return Err(Fault {
                may_retry,
                ..StepError::HttpStatus(reason).into()
            });
        }
        self.data(run, answer)
    }

    fn data(&self, run: &RunContext, answer: &Response) -> Result<Json, Fault> {
        if answer.truncated {
            // The call took effect: another attempt would repeat it.
            return Err(too_large(run.workflow.settings().value_bytes));
        }
        let text = String::from_utf8_lossy(&answer.body);
        let body = parse_exact(&text).map_or_else(
            || Value::String(types::sanitize_text(&answer.body)),
            |json| json.to_value(),
        );
        let headers = answer.headers.iter();
        let headers: Map<String, Value> = headers
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let data = json!({"status": answer.status, "headers": headers, "body": body});
        bounded(&run.workflow, to_json(&data)?)
    }
}
