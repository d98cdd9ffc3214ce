//! Quotes: the current gas and price of transactions.

use super::Evm;
use super::fees::{MarketPrice, fee_too_high};
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
    price: MarketPrice,
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
        let minimum = market.price.minimum;
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
        let quotes = self.with_l1_fees(intents, quotes).await.into_iter();
        quotes
            .map(|quote| quote.and_then(|quote| self.within_limits(quote, minimum)))
            .collect()
    }

    /// Lowers the price to what the limit on the total fee allows, unless the least price is above
    /// it.
    fn within_limits(&self, quote: Quote, minimum: Amount) -> Result<Quote> {
        let (mut terms, limits) = (quote.terms, &self.config.fees);
        let gas = Amount::from(terms.gas);
        let needed = gas
            .checked_mul(minimum)
            .and_then(|needed| needed.checked_add(terms.l1_fee))
            .unwrap_or(Amount::MAX);
        let limit = limits.max_total_fee;
        if needed > limit {
            return Err(fee_too_high("fees.max_total_fee", needed, limit));
        }
        let for_gas = limit.checked_sub(terms.l1_fee).unwrap_or_default();
        if let Some(affordable) = for_gas.checked_div_floor(gas) {
            terms.fee_per_gas = terms.fee_per_gas.min(affordable);
            terms.tip = terms.tip.min(terms.fee_per_gas);
            terms.total_fee = gas.checked_mul(terms.fee_per_gas).unwrap_or(Amount::MAX);
        }
        self.check_limits(&terms)?;
        Ok(Quote { terms })
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
        let price_replies = replies.by_ref().take(price_count).collect();
        let price = self.price(&head, price_replies).await?;
        Ok((Market { head, price }, replies.collect()))
    }

    fn quote_one(&self, market: &Market, estimate: Reply) -> Result<Quote> {
        let gas = self.gas(&market.head, estimate)?;
        let (fee_per_gas, tip) = match market.price.price {
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
                l1_fee: Amount::ZERO,
            },
        })
    }

    fn gas(&self, head: &Header, estimate: Reply) -> Result<u64> {
        let Hex(estimate) = match estimate {
            Err(Failure::RpcError(error)) => return Err(revert::error(&self.chain, None, &error)),
            reply => parse(reply).map_err(|failure| self.error(failure))?,
        };
        let limit = self.config.gas.max.min(*head.gas_limit);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::EvmConfig;
    use crate::evm::rpc::Failure;
    use proptest::prelude::*;
    use std::sync::Arc;
    use testkit::SeededEntropy;

    const PRESETS: [&str; 9] = [
        "ethereum",
        "polygon",
        "arbitrum",
        "base",
        "optimism",
        "avalanche",
        "besu-qbft",
        "quorum-qbft",
        "anvil",
    ];

    /// What a node may answer, true or not.
    #[derive(Debug, Clone)]
    struct Answers {
        preset: &'static str,
        legacy: bool,
        base_fee: Amount,
        next_base_fee: Amount,
        tips: Vec<(Amount, u8)>,
        suggestion: Option<Amount>,
        gas: u64,
        gas_limit: u64,
        l1_fee: Amount,
    }

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![
            (0u64..10).prop_map(Amount::from),
            any::<u64>().prop_map(Amount::from),
            any::<u128>().prop_map(Amount::from_u128),
            any::<[u8; 32]>().prop_map(Amount::from_be_bytes),
        ]
    }

    fn answers() -> impl Strategy<Value = Answers> {
        let tips = prop::collection::vec((amount(), any::<u8>()), 0..30);
        (
            (prop::sample::select(&PRESETS[..]), any::<bool>()),
            (amount(), amount(), tips, prop::option::of(amount())),
            (21_000u64..1_000_000_000, any::<u64>(), amount()),
        )
            .prop_map(|((preset, legacy), prices, gas)| Answers {
                preset,
                legacy,
                base_fee: prices.0,
                next_base_fee: prices.1,
                tips: prices.2,
                suggestion: prices.3,
                gas: gas.0,
                gas_limit: gas.1,
                l1_fee: gas.2,
            })
    }

    fn evm(answers: &Answers) -> Evm {
        let mut config =
            json!({"preset": answers.preset, "number": 7, "url": "http://127.0.0.1:1"});
        if answers.legacy {
            config["pricing"] = json!({"kind": "legacy", "scale_percent": 200});
        }
        let config: EvmConfig = serde_json::from_value(config).unwrap();
        Evm::new(config, Arc::new(SeededEntropy::new(1))).unwrap()
    }

    fn head(answers: &Answers) -> Header {
        let block: Value =
            serde_json::from_str(include_str!("../../../vectors/block.json")).unwrap();
        let mut block = block["block"].clone();
        block["baseFeePerGas"] = json!(show_amount(answers.base_fee));
        block["gasLimit"] = json!(format!("{:#x}", answers.gas_limit));
        serde_json::from_value(block).unwrap()
    }

    fn reply(result: &Value) -> Reply {
        Ok(serde_json::value::to_raw_value(result).unwrap())
    }

    fn price_replies(answers: &Answers) -> Vec<Reply> {
        let suggestion = match answers.suggestion {
            Some(tip) => reply(&json!(show_amount(tip))),
            None => Err(Failure::RpcError(
                serde_json::from_value(json!({"code": -32601, "message": "unknown"})).unwrap(),
            )),
        };
        if answers.legacy {
            return vec![reply(&json!(show_amount(answers.next_base_fee)))];
        }
        let tips = answers.tips.iter();
        let history = json!({
            "reward": tips.clone().map(|(tip, _)| [show_amount(*tip)]).collect::<Vec<_>>(),
            "gasUsedRatio": tips.map(|(_, used)| *used).collect::<Vec<_>>(),
            "baseFeePerGas": [show_amount(answers.next_base_fee)],
        });
        vec![reply(&history), suggestion]
    }

    async fn quoted(answers: &Answers) -> (Evm, Result<Quote>) {
        let (evm, head) = (evm(answers), head(answers));
        let price = match evm.price(&head, price_replies(answers)).await {
            Ok(price) => price,
            Err(error) => return (evm, Err(error)),
        };
        let market = Market { head, price };
        let quote = evm.quote_one(&market, reply(&json!(format!("{:#x}", answers.gas))));
        let quote = quote.and_then(|mut quote| {
            quote.terms.l1_fee = answers.l1_fee;
            evm.within_limits(quote, market.price.minimum)
        });
        (evm, quote)
    }

    proptest! {
        #[test]
        fn no_answer_of_a_node_moves_a_quote_above_the_limits(answers in answers()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (evm, quote) = runtime.block_on(quoted(&answers));
            if let Ok(Quote { terms }) = quote {
                prop_assert_eq!(evm.config.fees.allow(&terms), Ok(()));
                prop_assert!(terms.gas <= evm.config.gas.max);
                prop_assert!(terms.tip <= terms.fee_per_gas);
                let total = Amount::from(terms.gas).checked_mul(terms.fee_per_gas);
                prop_assert_eq!(total, Some(terms.total_fee));
            }
        }
    }
}
