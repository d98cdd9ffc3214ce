//! The outcome of submitting a transaction.

use serde::{Deserialize, Serialize};

/// The outcome of submitting a transaction, by what the node's answer proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The node accepted it. Not proof that it is pooled: nodes also return hashes of transactions
    /// that they drop.
    Accepted,
    /// The node already has these bytes.
    AlreadyKnown,
    /// The node refused it.
    Refused {
        class: RefusalClass,
        message: String,
    },
    /// The answer is inconclusive: the transaction may have been sent.
    Unknown { message: String },
}

/// Refusals, classified by what they prove. The JSON words are used in the configuration
/// (`errors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    /// The node already has these bytes.
    Known,
    /// Another transaction with this nonce is pooled at a better price.
    ReplacementUnderpriced,
    /// Below the node's minimum price.
    Underpriced,
    /// The fee cap is below the current base fee.
    BelowBaseFee,
    /// The nonce is already mined.
    NonceUsed,
    /// The nonce is too far ahead, or there is a gap below it.
    NonceAhead,
    /// The node considers an earlier transaction of the signer invalid.
    #[serde(rename = "hole_below")]
    LowerNonceInvalid,
    /// The balance is insufficient.
    Funds,
    /// The gas limit is too low for any execution, or above the block's limit.
    GasLimit,
    /// The transaction is too large or malformed: these bytes can never be accepted.
    Size,
    /// The pool is full. Retry later.
    PoolFull,
    /// The account is reserved for another type of transaction.
    Reserved,
    /// The chain does not permit this account to send transactions.
    Permission,
    /// The fee is above the node's own cap.
    FeeCap,
    /// The node is not ready yet.
    NotReady,
    /// The transaction is for another chain.
    WrongChain,
    /// The provider's rate limit is reached.
    Throttled,
    /// The node does not support this type of transaction.
    Unsupported,
    /// The answer proves nothing.
    #[serde(rename = "lost")]
    Unclassified,
}
