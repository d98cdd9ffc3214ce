//! A proxy in front of a JSON-RPC node that injects faults. Everything else is passed through
//! unchanged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::http::{self, Request, Server, ServerReply};

/// A fault for one call.
#[derive(Clone)]
pub enum Fault {
    /// The node does not get the call; the caller's connection is closed.
    LoseCall,
    /// The node executes the call; the caller's connection is closed without a response.
    LoseReply,
    /// The node does not get the call; the connection stays open without a response.
    NoResponse,
    /// The node does not get the call; the caller gets this HTTP status.
    Status(u16),
    /// The node does not get the call; the caller gets this `result`.
    Result(Value),
    /// The node does not get the call; the caller gets this `error`.
    Error(Value),
    /// The node executes the call; the whole response object (`id`, `result`, …) is modified.
    Modify(Arc<dyn Fn(&mut Value) + Send + Sync>),
}

impl Fault {
    /// The node executes the call; its `result` is modified.
    pub fn modify_result(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Modify(Arc::new(move |answer| change(&mut answer["result"])))
    }
}

/// The proxy. Faults of the connection affect the whole JSON-RPC batch, other faults only their own
/// call.
pub struct Proxy {
    server: Server,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    next: BTreeMap<String, VecDeque<Fault>>,
    always: BTreeMap<String, Fault>,
    calls: BTreeMap<String, usize>,
}

impl Proxy {
    /// Start a proxy in front of the node at `url` (`http://127.0.0.1:PORT`).
    pub fn in_front_of(url: &str) -> Self {
        let node = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let planned = Arc::clone(&plan);
        let server = Server::with_handler(move |request| respond(&node, &planned, request));
        Self { server, plan }
    }

    /// The URL of the proxy.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Inject a fault into the next call of a method; repeated calls queue faults for later calls.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.with(|plan| {
            plan.next
                .entry(method.to_owned())
                .or_default()
                .push_back(fault)
        });
    }

    /// Inject a fault into every call of a method, after those queued by [`Proxy::fail_next`].
    pub fn fail_always(&self, method: &str, fault: Fault) {
        self.with(|plan| plan.always.insert(method.to_owned(), fault));
    }

    /// Remove all faults.
    pub fn clear_faults(&self) {
        self.with(|plan| {
            plan.next.clear();
            plan.always.clear();
        });
    }

    /// The number of calls of a method, alone or in batches.
    pub fn calls(&self, method: &str) -> usize {
        self.with(|plan| plan.calls.get(method).copied().unwrap_or_default())
    }

    /// The number of HTTP requests.
    pub fn requests(&self) -> usize {
        self.server.count()
    }

    /// Wait until at least this many HTTP requests are received, at most `limit_ms`; returns
    /// whether they were.
    pub fn wait_for(&self, requests: usize, limit_ms: u64) -> bool {
        self.server.wait_for(requests, limit_ms)
    }

    fn with<T>(&self, action: impl FnOnce(&mut Plan) -> T) -> T {
        action(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plan {
    /// Count a call; returns its fault.
    fn take(&mut self, method: &str) -> Option<Fault> {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        let next = self.next.get_mut(method).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(method).cloned())
    }
}

/// A call and its fault.
type Planned = (Value, Option<Fault>);

fn respond(node: &str, plan: &Mutex<Plan>, request: &Request) -> ServerReply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let calls: Vec<Value> = body
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![body.clone()]);
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = |call: &Value| plan.take(call["method"].as_str().unwrap_or_default());
    let faults: Vec<Option<Fault>> = calls.iter().map(fault).collect();
    drop(plan);
    let planned: Vec<Planned> = calls.into_iter().zip(faults).collect();
    local_answer(&planned).unwrap_or_else(|| forward(node, &planned, body.is_array()))
}

/// The answer to a request that is not forwarded.
fn local_answer(planned: &[Planned]) -> Option<ServerReply> {
    planned.iter().find_map(|(_, fault)| match fault {
        Some(Fault::LoseCall) => Some(ServerReply::Drop),
        Some(Fault::NoResponse) => Some(ServerReply::NoResponse),
        Some(Fault::Status(status)) => Some(ServerReply::status(*status)),
        _ => None,
    })
}

fn forward(node: &str, planned: &[Planned], batch: bool) -> ServerReply {
    let mut answers: Vec<Value> = planned.iter().filter_map(local_response).collect();
    let real: Vec<&Value> = planned
        .iter()
        .filter(|planned| local_response(planned).is_none())
        .map(|(call, _)| call)
        .collect();
    if !real.is_empty() {
        let body = if batch { json!(real) } else { json!(real[0]) };
        let Ok(answer) = http::post_json(node, "/", &body) else {
            return ServerReply::Drop;
        };
        let answer = answer.json();
        answers.extend(answer.as_array().cloned().unwrap_or_else(|| vec![answer]));
    }
    if planned
        .iter()
        .any(|(_, fault)| matches!(fault, Some(Fault::LoseReply)))
    {
        return ServerReply::Drop;
    }
    answers.iter_mut().for_each(|answer| alter(planned, answer));
    ServerReply::json(&if batch {
        json!(answers)
    } else {
        answers.remove(0)
    })
}

/// The response object of a call that is not forwarded.
fn local_response((call, fault): &Planned) -> Option<Value> {
    let (member, value) = match fault {
        Some(Fault::Result(value)) => ("result", value),
        Some(Fault::Error(value)) => ("error", value),
        _ => return None,
    };
    Some(json!({"jsonrpc": "2.0", "id": call["id"], member: value}))
}

fn alter(planned: &[Planned], answer: &mut Value) {
    let call = planned.iter().find(|(call, _)| call["id"] == answer["id"]);
    if let Some((_, Some(Fault::Modify(change)))) = call {
        change(answer);
    }
}
