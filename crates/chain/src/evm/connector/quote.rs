//! Quotes: the current gas and price of transactions.

use super::Evm;
use super::revert;
use crate::evm::header::Header;
use crate::evm::numerals::{Hex, show_amount, show_bytes};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::{Error, Quote, Result};
use intent::evm::Price;
use intent::{Act, FeeTerms, Intent, Transaction};
use serde_json::{Value, json};
use types::Amount;

/// The exact gas of a payment to an account without code.
const PLAIN_PAYMENT: u64 = 21_000;

/// The data shared by all quotes of a batch.
struct Market {
    head: Header,
    price: Price,
}

impl Evm {
    pub(super) async fn quote_all(&self, intents: &[Intent]) -> Vec<Result<Quote>> {
        if intents.is_empty() {
            return Vec::new();
        }
        let requests: Vec<Result<Value>> = intents
            .iter()
            .map(|intent| self.estimate_request(intent))
            .collect();
        let (market, mut estimates) = match self.request_market(&requests).await {
            Ok((market, estimates)) => (market, estimates.into_iter()),
            Err(error) => {
                return requests
                    .into_iter()
                    .map(|request| request.and(Err(error.clone())))
                    .collect();
            }
        };
        let mut quotes = Vec::with_capacity(requests.len());
        for request in requests {
            quotes.push(match request {
                Ok(request) => {
                    let estimate = estimates.next().unwrap_or_else(|| {
                        Err(Failure::NoResponse {
                            why: "no reply".to_owned(),
                        })
                    });
                    self.with_reason(request, self.quote_one(&market, estimate))
                        .await
                }
                Err(error) => Err(error),
            });
        }
        quotes
    }

    /// Some nodes reject an estimate of a failing call without the revert data: `eth_call` returns
    /// it.
    async fn with_reason(&self, request: Value, quote: Result<Quote>) -> Result<Quote> {
        match &quote {
            Err(Error::ExecutionReverted { data, .. }) if data == "0x" => {}
            _ => return quote,
        }
        match self.execute(request, json!("latest"), None).await {
            Err(Error::ExecutionReverted { reason, data }) if data != "0x" => {
                Err(Error::ExecutionReverted { reason, data })
            }
            _ => quote,
        }
    }

    /// Requests the newest block, the price and the estimates in one round trip.
    async fn request_market(&self, requests: &[Result<Value>]) -> Result<(Market, Vec<Reply>)> {
        let mut calls = vec![Call::new("eth_getBlockByNumber", json!(["latest", false]))];
        let prices = self.price_calls();
        let price_count = prices.len();
        calls.extend(prices);
        calls.extend(
            requests
                .iter()
                .flatten()
                .map(|request| Call::new("eth_estimateGas", json!([request]))),
        );
        let mut replies = self.request_all(calls).await?.into_iter();
        let head: Option<Header> = replies.next().map_or(Ok(None), |reply| self.parse(reply))?;
        let head = self
            .check_header(head)?
            .ok_or_else(|| self.invalid_response("it returned no newest block"))?;
        let price_reply = if price_count > 0 {
            replies.next()
        } else {
            None
        };
        let price = self.price(&head, price_reply).await?;
        Ok((Market { head, price }, replies.collect()))
    }

    fn quote_one(&self, market: &Market, estimate: Reply) -> Result<Quote> {
        let gas = self.gas(&market.head, estimate)?;
        let (fee_per_gas, tip) = match market.price {
            Price::Legacy { gas_price } => (gas_price, gas_price),
            Price::Eip1559 { cap, tip } => (cap, tip),
        };
        let total_fee = Amount::from(gas).checked_mul(fee_per_gas);
        let total_fee = total_fee.ok_or_else(|| self.invalid_response("a price exceeds 2^256"))?;
        Ok(Quote {
            terms: FeeTerms {
                gas,
                fee_per_gas,
                tip,
                total_fee,
            },
        })
    }

    fn gas(&self, head: &Header, estimate: Reply) -> Result<u64> {
        let Hex(estimate) = match estimate {
            Err(Failure::RpcError(error)) => return Err(revert::error(&self.chain, None, &error)),
            reply => parse(reply).map_err(|failure| self.error(failure))?,
        };
        let limit = self.config.gas.max.unwrap_or(u64::MAX).min(*head.gas_limit);
        if estimate > limit {
            return Err(self.gas_limit_exceeded(estimate, limit));
        }
        Ok(if estimate == PLAIN_PAYMENT {
            estimate
        } else {
            self.scaled(estimate).min(limit)
        })
    }

    fn scaled(&self, estimate: u64) -> u64 {
        let scaled = u128::from(estimate) * u128::from(self.config.gas.scale_percent) / 100;
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    fn gas_limit_exceeded(&self, estimate: u64, limit: u64) -> Error {
        Error::invalid_intent(format!(
            "it needs {estimate} gas, above the limit of {limit} for one transaction"
        ))
    }

    /// The parameter of `eth_estimateGas`. Without a price, so that the signer's balance is checked
    /// only when the transaction is sent.
    fn estimate_request(&self, intent: &Intent) -> Result<Value> {
        let Act::Transaction(transaction) = &intent.act else {
            return Err(Error::invalid_intent("only a transaction can be quoted"));
        };
        if intent.chain != self.chain {
            return Err(Error::invalid_intent("the intent is for another chain"));
        }
        let [output] = transaction.outputs.as_slice() else {
            return Err(Error::invalid_intent(
                "a transaction of this chain has exactly one output",
            ));
        };
        let mut request = json!({"from": intent.signer, "value": show_amount(output.value), "data": show_bytes(&transaction.data)});
        if let Some(to) = &output.to {
            request["to"] = json!(to);
        }
        self.add_access_list(&mut request, transaction);
        Ok(request)
    }

    fn add_access_list(&self, request: &mut Value, transaction: &Transaction) {
        if !transaction.access.is_empty() {
            let entry = |entry: &intent::AccessEntry| json!({"address": entry.account, "storageKeys": entry.slots});
            request["accessList"] = transaction.access.iter().map(entry).collect();
        }
    }
}
