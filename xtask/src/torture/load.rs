//! Applications: each asks for one thing under one key, of whichever process answers, until it has
//! an answer.

use crate::stage::api::Api;
use serde_json::{Value, json};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An application gives an attempt up after this.
pub(super) const ATTEMPT: Duration = Duration::from_millis(1_500);
/// An application without an answer after this has lost its request.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(40);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A submission.
    Submission,
    /// A run of the task.
    Run,
}

/// One thing that an application wants: a transfer that no other asks for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) kind: Kind,
    /// The idempotency key.
    pub(super) key: String,
    pub(super) signer: String,
    pub(super) to: String,
    pub(super) amount: u128,
    pub(super) body: Value,
    /// What it was answered with.
    pub(super) id: String,
}

/// Where every process is, and the token that is moved.
pub(super) struct Town {
    pub(super) apis: Vec<Api>,
    pub(super) token: String,
    pub(super) abi: Value,
}

impl Order {
    /// The order with a number: its own key, recipient and amount.
    pub(super) fn new(town: &Town, kind: Kind, number: u128, signer: &str) -> Self {
        const RECIPIENTS: u128 = 0xf107_0000_0000_0000_0000_0000_0000_0000;
        let (to, amount) = (
            format!("0x{:040x}", RECIPIENTS + number),
            1_000_000 + number,
        );
        let key = format!("order-{number}");
        let body = match kind {
            Kind::Submission => json!({
                "signer": signer, "to": town.token, "abi": town.abi, "method": "transfer", "params": [to, amount.to_string()],
            }),
            Kind::Run => json!({ "input": {
                "signer": signer, "token": town.token, "abi": town.abi, "to": to, "amount": amount.to_string(), "order": key,
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

    /// Ask until there is an answer; the order with what it was answered, and how often it was
    /// asked for.
    fn place(mut self, town: &Town, first: usize) -> Result<(Self, u64), String> {
        let until = Instant::now() + PATIENCE;
        let (mut last, mut asked) = (String::new(), 0);
        while Instant::now() < until {
            let api = &town.apis[(first + usize::try_from(asked).unwrap_or(0)) % town.apis.len()];
            asked += 1;
            match api.post_once(self.path(), &self.body, &self.key) {
                Ok(heard) if (200..300).contains(&heard.status) => {
                    self.id = heard.body["id"].as_str().unwrap_or_default().to_owned();
                    return Ok((self, asked));
                }
                Ok(heard) if (400..500).contains(&heard.status) && heard.status != 429 => {
                    return Err(format!(
                        "{} was refused: {} {}",
                        self.key, heard.status, heard.body
                    ));
                }
                Ok(heard) => last = format!("{} {}", heard.status, heard.body),
                Err(why) => last = why,
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!(
            "{} has no answer after {asked} attempts: {last}",
            self.key
        ))
    }

    /// Ask once more for what was answered: it must be the same.
    pub(super) fn ask_again(&self, api: &Api) -> Result<(), String> {
        let heard = api.post_once(self.path(), &self.body, &self.key)?;
        match heard.body["id"].as_str() {
            Some(id) if id == self.id && heard.is_replay => Ok(()),
            _ => Err(format!(
                "{} was {}, and is answered anew by {} {}",
                self.key, self.id, heard.status, heard.body
            )),
        }
    }
}

/// Orders under way.
pub(super) struct Load(Vec<JoinHandle<Result<(Order, u64), String>>>);

impl Load {
    /// Every order by an application of its own, one after the other within so long.
    pub(super) fn place(town: &Arc<Town>, orders: Vec<Order>, within_ms: u64) -> Self {
        let between = Duration::from_millis(within_ms / (orders.len() as u64).max(1));
        let place = |(number, order): (usize, Order)| {
            let town = Arc::clone(town);
            let turn = between * u32::try_from(number).unwrap_or(0);
            std::thread::spawn(move || {
                std::thread::sleep(turn);
                order.place(&town, number)
            })
        };
        Self(orders.into_iter().enumerate().map(place).collect())
    }

    /// Wait until all have their answer; the orders, and how often somebody had to ask again.
    pub(super) fn answered(self) -> Result<(Vec<Order>, u64), String> {
        let (mut orders, mut again) = (Vec::new(), 0);
        for thread in self.0 {
            let (order, asked) = thread
                .join()
                .map_err(|_| "an application broke off".to_owned())??;
            again += asked - 1;
            orders.push(order);
        }
        Ok((orders, again))
    }
}
