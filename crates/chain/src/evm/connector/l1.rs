//! The fee that an OP-stack chain takes for the data of a transaction on L1. It is not in the
//! signed bytes: a quote has its upper bound.

use super::{Evm, revert};
use crate::evm::config::L1Fee;
use crate::evm::numerals::{Bytes, Hex, show_bytes};
use crate::evm::rpc::{Call, Failure, Reply};
use crate::{Quote, Result};
use intent::evm::{Price, Terms, build_unsigned};
use intent::{Act, FeeTerms, Intent};
use serde_json::json;
use types::Amount;

/// The predeployed `GasPriceOracle` of the OP stack.
const ORACLE: &str = "0x420000000000000000000000000000000000000f";
/// The selector of `getL1FeeUpperBound(uint256)`, since the Fjord upgrade.
const UPPER_BOUND: [u8; 4] = [0xf1, 0xc7, 0xa5, 0x8b];
/// The selector of `getL1Fee(bytes)`, for chains before it.
const FEE: [u8; 4] = [0x49, 0x94, 0x8e, 0x0e];
/// The highest nonce of an account (EIP-2681). The nonce is not known yet, and takes the most
/// bytes.
const MAX_NONCE: u64 = u64::MAX - 1;
/// The most bytes of an entry in an authorization list with its signature (EIP-7702), and of the
/// header of the list.
const AUTHORIZATION_BYTES: usize = 110;
const LIST_HEADER_BYTES: usize = 5;

impl Evm {
    /// Adds the L1 fee to each quote, on a chain that takes one.
    pub(super) async fn with_l1_fees(
        &self,
        intents: &[Intent],
        mut quotes: Vec<Result<Quote>>,
    ) -> Vec<Result<Quote>> {
        let Some(L1Fee::OpStack) = self.config.l1_fee else {
            return quotes;
        };
        let mut quoted = Vec::new();
        for (quote, intent) in quotes.iter_mut().zip(intents) {
            let Ok(terms) = quote.as_ref().map(|quote| quote.terms) else {
                continue;
            };
            match longest_payload(intent, &terms) {
                Ok(payload) => quoted.push((quote, payload)),
                Err(error) => *quote = Err(error),
            }
        }
        let payloads: Vec<Vec<u8>> = quoted.iter().map(|(_, payload)| payload.clone()).collect();
        let fees = self.l1_fees(&payloads).await;
        for ((quote, _), fee) in quoted.into_iter().zip(fees) {
            match (quote.as_mut(), fee) {
                (Ok(quote), Ok(fee)) => quote.terms.l1_fee = fee,
                (_, fee) => *quote = fee.and_then(|_| quote.clone()),
            }
        }
        quotes
    }

    /// The upper bound for each payload. A chain before Fjord computes the fee from the bytes.
    async fn l1_fees(&self, payloads: &[Vec<u8>]) -> Vec<Result<Amount>> {
        let bounds = payloads.iter().map(|payload| upper_bound(payload.len()));
        let bounds = self.call_oracle(bounds.collect()).await;
        let mut fees = Vec::with_capacity(payloads.len());
        for (payload, bound) in payloads.iter().zip(bounds) {
            fees.push(match bound {
                Err(crate::Error::ExecutionReverted { .. }) => {
                    let of_bytes = self.call_oracle(vec![fee_of(payload)]).await;
                    of_bytes.into_iter().next().unwrap_or(bound)
                }
                bound => bound,
            });
        }
        fees
    }

    async fn call_oracle(&self, calls: Vec<Vec<u8>>) -> Vec<Result<Amount>> {
        let count = calls.len();
        let call = |data: Vec<u8>| {
            let request = json!({"to": ORACLE, "data": show_bytes(&data)});
            Call::new("eth_call", json!([request, "latest"]))
        };
        match self
            .request_all(calls.into_iter().map(call).collect())
            .await
        {
            Ok(replies) => replies
                .into_iter()
                .map(|reply| self.oracle_answer(reply))
                .collect(),
            Err(error) => vec![Err(error); count],
        }
    }

    fn oracle_answer(&self, reply: Reply) -> Result<Amount> {
        if let Err(Failure::RpcError(error)) = &reply {
            return Err(revert::error(&self.chain, None, error));
        }
        let Hex(answer): Bytes = self.parse(reply)?;
        let word = <[u8; 32]>::try_from(answer.as_slice());
        word.map(Amount::from_be_bytes).map_err(|_| {
            self.invalid_response(format!(
                "the gas price oracle {ORACLE} did not return the L1 fee of a transaction: set \
                 l1_fee only for chains of the OP stack"
            ))
        })
    }
}

/// The bytes to be signed at the longest nonce. The oracle adds the signature itself.
fn longest_payload(intent: &Intent, terms: &FeeTerms) -> Result<Vec<u8>> {
    let mut unsigned = intent.clone();
    let mut authorizations = 0;
    if let Act::Transaction(transaction) = &mut unsigned.act {
        authorizations = transaction.authorizations.len();
        transaction.authorizations.clear();
    }
    let terms = Terms {
        nonce: MAX_NONCE,
        gas: terms.gas,
        price: Price::Eip1559 {
            cap: terms.fee_per_gas,
            tip: terms.tip,
        },
        authorizations: Vec::new(),
    };
    let mut bytes = build_unsigned(&unsigned, &terms)?.bytes;
    if authorizations > 0 {
        let more = authorizations * AUTHORIZATION_BYTES + LIST_HEADER_BYTES;
        bytes.resize(bytes.len() + more, u8::MAX);
    }
    Ok(bytes)
}

fn upper_bound(bytes: usize) -> Vec<u8> {
    [UPPER_BOUND.as_slice(), &word(bytes)].concat()
}

/// The ABI encoding of one `bytes` argument: offset, length, and the bytes in whole words.
fn fee_of(payload: &[u8]) -> Vec<u8> {
    let padding = vec![0; payload.len().next_multiple_of(32) - payload.len()];
    let head = [FEE.as_slice(), &word(32), &word(payload.len())].concat();
    [head.as_slice(), payload, &padding].concat()
}

fn word(value: usize) -> [u8; 32] {
    Amount::from(value as u64).to_be_bytes()
}
