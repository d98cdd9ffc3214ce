//! Servers that answer as a test tells them: made up from nothing, or a real node's answers bent on
//! their way.

use serde_json::{Value, json};
use std::sync::Mutex;
use testkit::anvil::Anvil;
use testkit::http::{Answer, Request, Server};

/// A node that serves chain 7 and answers every other method by a function.
pub(crate) fn node(
    answer: impl Fn(&str, &Value) -> Result<Value, Value> + Send + Sync + 'static,
) -> Server {
    Server::answering(move |request| {
        let reply = |call: &Value| {
            let method = call["method"].as_str().unwrap();
            let answered = if method == "eth_chainId" {
                Ok(json!("0x7"))
            } else {
                answer(method, &call["params"])
            };
            reply(&call["id"], answered)
        };
        Answer::json(&each(&request.json(), reply))
    })
}

/// A real node, whose results a function may bend. It sees the method and what was answered.
pub(crate) fn bent(anvil: &Anvil, bend: impl FnMut(&str, &mut Value) + Send + 'static) -> Server {
    let (address, bend) = (
        anvil.url().trim_start_matches("http://").to_owned(),
        Mutex::new(bend),
    );
    Server::answering(move |request| {
        let asked = request.json();
        let mut answered = testkit::http::post_json(&address, "/", &asked)
            .unwrap()
            .json();
        let mut bend = bend.lock().unwrap();
        for call in calls(&asked) {
            let reply = find(&mut answered, &call["id"]);
            bend(call["method"].as_str().unwrap(), reply);
        }
        Answer::json(&answered)
    })
}

/// The methods of a request, in order.
pub(crate) fn methods(request: &Request) -> Vec<String> {
    calls(&request.json())
        .iter()
        .map(|call| call["method"].as_str().unwrap().to_owned())
        .collect()
}

/// How often a method was asked for.
pub(crate) fn asked(server: &Server, method: &str) -> usize {
    server
        .requests()
        .iter()
        .flat_map(methods)
        .filter(|asked| asked == method)
        .count()
}

fn reply(id: &Value, answered: Result<Value, Value>) -> Value {
    match answered {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    }
}

fn each(asked: &Value, reply: impl Fn(&Value) -> Value) -> Value {
    match asked {
        Value::Array(calls) => calls.iter().map(reply).collect(),
        call => reply(call),
    }
}

fn calls(asked: &Value) -> Vec<Value> {
    asked
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![asked.clone()])
}

fn find<'a>(answered: &'a mut Value, id: &Value) -> &'a mut Value {
    match answered {
        Value::Array(replies) => replies.iter_mut().find(|reply| reply["id"] == *id).unwrap(),
        reply => reply,
    }
}
