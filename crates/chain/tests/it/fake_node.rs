//! Fake nodes: with made-up answers, or proxies that modify a real node's answers.

use serde_json::{Value, json};
use std::sync::Mutex;
use testkit::anvil::Anvil;
use testkit::http::{Request, Server, ServerReply};

/// A node that serves chain 7 and answers every other method with a function.
pub(crate) fn node(
    answer: impl Fn(&str, &Value) -> Result<Value, Value> + Send + Sync + 'static,
) -> Server {
    Server::with_handler(move |request| {
        let reply = |call: &Value| {
            let method = call["method"].as_str().unwrap();
            let result = if method == "eth_chainId" {
                Ok(json!("0x7"))
            } else {
                answer(method, &call["params"])
            };
            reply(&call["id"], result)
        };
        ServerReply::json(&each(&request.json(), reply))
    })
}

/// A proxy to a real node that lets a function modify each reply, given the method.
pub(crate) fn modified(
    anvil: &Anvil,
    modify: impl FnMut(&str, &mut Value) + Send + 'static,
) -> Server {
    let (address, modify) = (
        anvil.url().trim_start_matches("http://").to_owned(),
        Mutex::new(modify),
    );
    Server::with_handler(move |request| {
        let request = request.json();
        let mut replies = testkit::http::post_json(&address, "/", &request)
            .unwrap()
            .json();
        let mut modify = modify.lock().unwrap();
        for call in calls(&request) {
            let reply = find(&mut replies, &call["id"]);
            modify(call["method"].as_str().unwrap(), reply);
        }
        ServerReply::json(&replies)
    })
}

/// The methods of a request, in order.
pub(crate) fn methods(request: &Request) -> Vec<String> {
    calls(&request.json())
        .iter()
        .map(|call| call["method"].as_str().unwrap().to_owned())
        .collect()
}

/// How often a method was called.
pub(crate) fn count_calls(server: &Server, method: &str) -> usize {
    server
        .requests()
        .iter()
        .flat_map(methods)
        .filter(|called| called == method)
        .count()
}

fn reply(id: &Value, result: Result<Value, Value>) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    }
}

fn each(request: &Value, reply: impl Fn(&Value) -> Value) -> Value {
    match request {
        Value::Array(calls) => calls.iter().map(reply).collect(),
        call => reply(call),
    }
}

fn calls(request: &Value) -> Vec<Value> {
    request
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![request.clone()])
}

fn find<'a>(replies: &'a mut Value, id: &Value) -> &'a mut Value {
    match replies {
        Value::Array(replies) => replies.iter_mut().find(|reply| reply["id"] == *id).unwrap(),
        reply => reply,
    }
}
