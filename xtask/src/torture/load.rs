//! Applications: each sends one request with one idempotency key to any process, until it has a
//! response.

use crate::harness::api::Api;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Timeout of one attempt.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Timeout of a request over all attempts.
const TIMEOUT: Duration = Duration::from_secs(90);
/// Delay between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(40);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Submission,
    Run,
}

/// A transfer requested by one application only.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) kind: Kind,
    /// The idempotency key.
    pub(super) key: String,
    pub(super) signer: String,
    pub(super) to: String,
    pub(super) amount: u128,
    pub(super) body: Value,
    /// Id of the created resource.
    pub(super) id: String,
}

/// The API of every process, and the token to transfer.
pub(super) struct Target {
    pub(super) apis: Vec<Api>,
    pub(super) token: String,
    pub(super) abi: Value,
}

impl Order {
    /// Create order `number` with its own key, recipient and amount.
    pub(super) fn new(target: &Target, kind: Kind, number: u128, signer: &str) -> Self {
        const RECIPIENTS: u128 = 0xf107_0000_0000_0000_0000_0000_0000_0000;
        let (to, amount) = (
            format!("0x{:040x}", RECIPIENTS + number),
            1_000_000 + number,
        );
        let key = format!("order-{number}");
        let body = match kind {
            Kind::Submission => json!({
                "signer": signer, "to": target.token, "abi": target.abi, "method": "transfer", "params": [to, amount.to_string()],
            }),
            Kind::Run => json!({ "input": {
                "signer": signer, "token": target.token, "abi": target.abi, "to": to, "amount": amount.to_string(), "order": key,
            }}),
        };
        Self {
            kind,
            key,
            signer: signer.to_owned(),
            to,
            amount,
            body,
            id: String::new(),
        }
    }

    fn path(&self) -> &'static str {
        match self.kind {
            Kind::Submission => "/submissions",
            Kind::Run => "/tasks/pay/runs",
        }
    }

    /// Send the request until there is a response. Returns the order with its id, and the number of
    /// attempts.
    fn send(mut self, target: &Target, first: usize) -> Result<(Self, u64)> {
        let deadline = Instant::now() + TIMEOUT;
        let (mut last, mut attempts) = (String::new(), 0);
        while Instant::now() < deadline {
            let api =
                &target.apis[(first + usize::try_from(attempts).unwrap_or(0)) % target.apis.len()];
            attempts += 1;
            match api.post_once(self.path(), &self.body, &self.key) {
                Ok(reply) if (200..300).contains(&reply.status) => {
                    self.id = reply.body["id"].as_str().unwrap_or_default().to_owned();
                    return Ok((self, attempts));
                }
                Ok(reply) if (400..500).contains(&reply.status) && reply.status != 429 => {
                    bail!("{} was rejected: {} {}", self.key, reply.status, reply.body);
                }
                Ok(reply) => last = format!("{} {}", reply.status, reply.body),
                Err(reason) => last = format!("{reason:#}"),
            }
            std::thread::sleep(RETRY_DELAY);
        }
        bail!(
            "{} has no response after {attempts} attempts: {last}",
            self.key
        )
    }

    /// Repeat the request: the response must be a replay with the same id.
    pub(super) fn check_replay(&self, api: &Api) -> Result<()> {
        let reply = api.post_once(self.path(), &self.body, &self.key)?;
        match reply.body["id"].as_str() {
            Some(id) if id == self.id && reply.is_replay => Ok(()),
            _ => bail!(
                "{} has id {}, but its repetition returned {} {}",
                self.key,
                self.id,
                reply.status,
                reply.body
            ),
        }
    }
}

/// Orders in progress.
pub(super) struct Load(Vec<JoinHandle<Result<(Order, u64)>>>);

impl Load {
    /// Place each order from its own thread, spread over `within_ms`.
    pub(super) fn place(target: &Arc<Target>, orders: Vec<Order>, within_ms: u64) -> Self {
        let interval = Duration::from_millis(within_ms / (orders.len() as u64).max(1));
        let spawn = |(number, order): (usize, Order)| {
            let target = Arc::clone(target);
            let delay = interval * u32::try_from(number).unwrap_or(0);
            std::thread::spawn(move || {
                std::thread::sleep(delay);
                order.send(&target, number)
            })
        };
        Self(orders.into_iter().enumerate().map(spawn).collect())
    }

    /// Wait for all responses. Returns the orders and the number of repeated requests.
    pub(super) fn join(self) -> Result<(Vec<Order>, u64)> {
        let (mut orders, mut repeats) = (Vec::new(), 0);
        for thread in self.0 {
            let (order, attempts) = thread
                .join()
                .ok()
                .context("an application thread panicked")??;
            repeats += attempts - 1;
            orders.push(order);
        }
        Ok((orders, repeats))
    }
}
