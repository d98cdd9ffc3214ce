//! Sending, each transaction exactly once, and what the answers prove.

use super::Evm;
use crate::evm::errors::classify;
use crate::evm::numerals::{Word, show_bytes};
use crate::evm::rpc::{Call, ErrorObject, Failure, Reply, parse};
use crate::{Class, Error, Submitted};
use intent::Signed;
use serde_json::json;

impl Evm {
    pub(super) async fn submit_all(&self, signed: &[Signed]) -> Vec<Submitted> {
        if let Err(error) = self.ready().await {
            return signed.iter().map(|_| not_sent(&error)).collect();
        }
        let (ours, foreign): (Vec<_>, Vec<_>) =
            signed.iter().partition(|one| one.chain == self.chain);
        if !foreign.is_empty() {
            tracing::error!(chain = %self.chain, count = foreign.len(), "transactions of another chain are not sent");
        }
        let calls = ours
            .iter()
            .map(|one| Call::new("eth_sendRawTransaction", json!([show_bytes(&one.raw)])))
            .collect();
        let mut replies = self.rpc.send(calls).await.into_iter();
        signed
            .iter()
            .map(|one| {
                if one.chain == self.chain {
                    self.told(one, replies.next())
                } else {
                    wrong_chain()
                }
            })
            .collect()
    }

    fn told(&self, signed: &Signed, reply: Option<Reply>) -> Submitted {
        match reply.map(parse::<Word>) {
            Some(Ok(hash)) if hash.to_string() == signed.id => Submitted::Accepted,
            Some(Ok(hash)) => self.another_hash(signed, &hash),
            Some(Err(Failure::Said(error))) => self.refused(&error),
            Some(Err(Failure::Throttled { why, .. })) => Submitted::Refused {
                class: Class::Throttled,
                message: why,
            },
            Some(Err(Failure::Silent { why } | Failure::Nonsense { why })) => {
                Submitted::Unknown { message: why }
            }
            Some(Err(Failure::Rejected { status })) => Submitted::Unknown {
                message: format!("HTTP status {status}"),
            },
            None => Submitted::Unknown {
                message: "no reply".to_owned(),
            },
        }
    }

    /// Besu under concurrency has answered with the hash of another transaction: nothing is known
    /// of this one.
    fn another_hash(&self, signed: &Signed, hash: &Word) -> Submitted {
        tracing::error!(chain = %self.chain, sent = signed.id, answered = %hash, "a node answered with another transaction's hash");
        Submitted::Unknown {
            message: format!("the node answered with another hash: {hash}"),
        }
    }

    fn refused(&self, error: &ErrorObject) -> Submitted {
        let message = error.words();
        match classify(
            self.config.client,
            &self.config.errors,
            error.code,
            &error.message,
        ) {
            Class::Known => Submitted::AlreadyKnown,
            Class::Lost => Submitted::Unknown { message },
            class => Submitted::Refused { class, message },
        }
    }
}

/// Nothing has left this time, but that is nothing to rely on: the bytes may be on their way by an
/// earlier attempt.
fn not_sent(error: &Error) -> Submitted {
    let message = error.to_string();
    match error {
        Error::WrongChain { .. } => Submitted::Refused {
            class: Class::WrongChain,
            message,
        },
        _ => Submitted::Unknown { message },
    }
}

fn wrong_chain() -> Submitted {
    Submitted::Refused {
        class: Class::WrongChain,
        message: "the transaction is meant for another chain".to_owned(),
    }
}
