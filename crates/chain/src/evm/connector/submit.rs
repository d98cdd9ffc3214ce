//! Submits transactions, each exactly once, and interprets the answers.

use super::Evm;
use crate::evm::errors::classify;
use crate::evm::numerals::{Word, show_bytes};
use crate::evm::rpc::{Call, ErrorObject, Failure, Reply, parse};
use crate::{Error, RefusalClass, SubmitOutcome};
use intent::Signed;
use serde_json::json;

impl Evm {
    pub(super) async fn submit_all(&self, signed: &[Signed]) -> Vec<SubmitOutcome> {
        if let Err(error) = self.ready().await {
            return signed.iter().map(|_| not_sent(&error)).collect();
        }
        let (own, foreign): (Vec<_>, Vec<_>) = signed
            .iter()
            .partition(|transaction| transaction.chain == self.chain);
        if !foreign.is_empty() {
            tracing::error!(
                event = "transaction.wrong_chain",
                chain = %self.chain,
                count = foreign.len(),
                "transactions of another chain are not sent"
            );
        }
        let calls = own
            .iter()
            .map(|transaction| {
                Call::new(
                    "eth_sendRawTransaction",
                    json!([show_bytes(&transaction.raw)]),
                )
            })
            .collect();
        let mut replies = self.rpc.send(calls).await.into_iter();
        signed
            .iter()
            .map(|transaction| {
                if transaction.chain == self.chain {
                    self.outcome(transaction, replies.next())
                } else {
                    wrong_chain()
                }
            })
            .collect()
    }

    fn outcome(&self, signed: &Signed, reply: Option<Reply>) -> SubmitOutcome {
        match reply.map(parse::<Word>) {
            Some(Ok(hash)) if hash.to_string() == signed.id => SubmitOutcome::Accepted,
            Some(Ok(hash)) => self.hash_mismatch(signed, &hash),
            Some(Err(Failure::RpcError(error))) => self.refused(&error),
            Some(Err(Failure::Throttled { why, .. })) => SubmitOutcome::Refused {
                class: RefusalClass::Throttled,
                message: why,
            },
            Some(Err(Failure::NoResponse { why } | Failure::InvalidResponse { why })) => {
                SubmitOutcome::Unknown { message: why }
            }
            Some(Err(Failure::HttpStatus { status })) => SubmitOutcome::Unknown {
                message: format!("HTTP status {status}"),
            },
            None => SubmitOutcome::Unknown {
                message: "no reply".to_owned(),
            },
        }
    }

    /// Under concurrency, Besu has returned the hash of another transaction: nothing is known about
    /// this one.
    fn hash_mismatch(&self, signed: &Signed, hash: &Word) -> SubmitOutcome {
        tracing::error!(
            event = "transaction.hash_mismatch",
            chain = %self.chain,
            sent = signed.id,
            returned = %hash,
            "the node returned the hash of another transaction"
        );
        SubmitOutcome::Unknown {
            message: format!("the node returned another hash: {hash}"),
        }
    }

    fn refused(&self, error: &ErrorObject) -> SubmitOutcome {
        let message = error.sanitized_message();
        match classify(
            self.config.client,
            &self.config.errors,
            error.code,
            &error.message,
        ) {
            RefusalClass::Known => SubmitOutcome::AlreadyKnown,
            RefusalClass::Unclassified => SubmitOutcome::Unknown { message },
            class => SubmitOutcome::Refused { class, message },
        }
    }
}

/// Nothing was sent now, but an earlier attempt may have sent the same bytes.
fn not_sent(error: &Error) -> SubmitOutcome {
    let message = error.to_string();
    match error {
        Error::WrongChain { .. } => SubmitOutcome::Refused {
            class: RefusalClass::WrongChain,
            message,
        },
        _ => SubmitOutcome::Unknown { message },
    }
}

fn wrong_chain() -> SubmitOutcome {
    SubmitOutcome::Refused {
        class: RefusalClass::WrongChain,
        message: "the transaction is for another chain".to_owned(),
    }
}
