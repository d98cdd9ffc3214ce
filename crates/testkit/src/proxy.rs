//! A JSON-RPC node that fails and lies on request: a proxy before a real one. What it does not
//! alter is the real node's word.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::http::{self, Answer, Request, Server};

/// What happens to a call.
#[derive(Clone)]
pub enum Fault {
    /// The node never sees it; the caller's connection is closed.
    LoseCall,
    /// The node does it; the caller's connection is closed: it cannot know.
    LoseReply,
    /// The node never sees it; nothing is said for as long as the caller waits.
    Silence,
    /// The node never sees it; the caller gets this HTTP status.
    Status(u16),
    /// The node never sees it; the caller gets this `result`.
    Result(Value),
    /// The node never sees it; the caller gets this `error`.
    Error(Value),
    /// The node does it; the whole answer (`id`, `result`, …) is altered on its way back.
    Alter(Arc<dyn Fn(&mut Value) + Send + Sync>),
}

impl Fault {
    /// The node does it, and its result is altered on its way back.
    pub fn alter_result(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Alter(Arc::new(move |answer| change(&mut answer["result"])))
    }
}

/// The proxy. Faults that hit the connection take the whole batch along; the others only their own
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
    /// Stand before the node at `url` (`http://127.0.0.1:PORT`).
    pub fn before(url: &str) -> Self {
        let node = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let planned = Arc::clone(&plan);
        let server = Server::answering(move |request| respond(&node, &planned, request));
        Self { server, plan }
    }

    /// Where to call instead of the node.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Do so to the next call of a method that has no fault planned yet. Call it twice for the next
    /// two.
    pub fn next(&self, method: &str, fault: Fault) {
        self.with(|plan| {
            plan.next
                .entry(method.to_owned())
                .or_default()
                .push_back(fault)
        });
    }

    /// Do so to every call of a method, after those planned by [`Proxy::next`].
    pub fn always(&self, method: &str, fault: Fault) {
        self.with(|plan| plan.always.insert(method.to_owned(), fault));
    }

    /// Be honest again.
    pub fn heal(&self) {
        self.with(|plan| {
            plan.next.clear();
            plan.always.clear();
        });
    }

    /// How many calls of a method came, alone or in batches.
    pub fn calls(&self, method: &str) -> usize {
        self.with(|plan| plan.calls.get(method).copied().unwrap_or_default())
    }

    /// How many HTTP requests came.
    pub fn requests(&self) -> usize {
        self.server.count()
    }

    /// Wait until so many HTTP requests came, for at most `limit_ms`; whether they did.
    pub fn wait_for(&self, requests: usize, limit_ms: u64) -> bool {
        self.server.wait_for(requests, limit_ms)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plan {
    /// Count a call; what is to happen to it.
    fn take(&mut self, method: &str) -> Option<Fault> {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        let next = self.next.get_mut(method).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(method).cloned())
    }
}

/// A call and what is to happen to it.
type Planned = (Value, Option<Fault>);

fn respond(node: &str, plan: &Mutex<Plan>, request: &Request) -> Answer {
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
    unforwarded(&planned).unwrap_or_else(|| forwarded(node, &planned, body.is_array()))
}

/// The answer to a request of which the node is to see nothing.
fn unforwarded(planned: &[Planned]) -> Option<Answer> {
    planned.iter().find_map(|(_, fault)| match fault {
        Some(Fault::LoseCall) => Some(Answer::Drop),
        Some(Fault::Silence) => Some(Answer::Silence),
        Some(Fault::Status(status)) => Some(Answer::status(*status)),
        _ => None,
    })
}

fn forwarded(node: &str, planned: &[Planned], batch: bool) -> Answer {
    let mut answers: Vec<Value> = planned.iter().filter_map(invented).collect();
    let real: Vec<&Value> = planned
        .iter()
        .filter(|planned| invented(planned).is_none())
        .map(|(call, _)| call)
        .collect();
    if !real.is_empty() {
        let body = if batch { json!(real) } else { json!(real[0]) };
        let Ok(answer) = http::post_json(node, "/", &body) else {
            return Answer::Drop;
        };
        let answer = answer.json();
        answers.extend(answer.as_array().cloned().unwrap_or_else(|| vec![answer]));
    }
    if planned
        .iter()
        .any(|(_, fault)| matches!(fault, Some(Fault::LoseReply)))
    {
        return Answer::Drop;
    }
    answers.iter_mut().for_each(|answer| alter(planned, answer));
    Answer::json(&if batch {
        json!(answers)
    } else {
        answers.remove(0)
    })
}

/// The answer to a call that the node is not to see, if it gets one.
fn invented((call, fault): &Planned) -> Option<Value> {
    let (member, value) = match fault {
        Some(Fault::Result(value)) => ("result", value),
        Some(Fault::Error(value)) => ("error", value),
        _ => return None,
    };
    Some(json!({"jsonrpc": "2.0", "id": call["id"], member: value}))
}

fn alter(planned: &[Planned], answer: &mut Value) {
    let of_this = planned.iter().find(|(call, _)| call["id"] == answer["id"]);
    if let Some((_, Some(Fault::Alter(change)))) = of_this {
        change(answer);
    }
}
