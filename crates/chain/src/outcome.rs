//! What a node's answer to a transaction proves.

use serde::{Deserialize, Serialize};

/// What became of a transaction that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// A node said yes. A hint, no proof: nodes return hashes of transactions they drop.
    Accepted,
    /// A node holds these bytes already.
    AlreadyKnown,
    /// A node said no.
    Refused {
        /// What kind of no.
        class: Class,
        /// Its words.
        message: String,
    },
    /// No answer that proves anything: the bytes may be on their way.
    Unknown {
        /// What was seen instead.
        message: String,
    },
}

/// The kinds of no, by what they prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The node holds these bytes.
    Known,
    /// Some transaction with this nonce is pooled, at a better price.
    ReplacementUnderpriced,
    /// Below the node's floor.
    Underpriced,
    /// The price cap is below the base fee now.
    BelowBaseFee,
    /// That nonce is mined.
    NonceUsed,
    /// Beyond the node's window, or a hole below.
    NonceAhead,
    /// An earlier transaction of the signer is bad.
    HoleBelow,
    /// The balance does not suffice.
    Funds,
    /// The gas limit can never do.
    GasLimit,
    /// The transaction is too big, or not well formed: these bytes can never enter.
    Size,
    /// The pool is full; try later.
    PoolFull,
    /// The account is reserved for another kind of transaction.
    Reserved,
    /// The chain does not let this account send.
    Permission,
    /// The node's own fee cap.
    FeeCap,
    /// The node cannot serve yet.
    NotReady,
    /// The bytes are meant for another chain.
    WrongChain,
    /// The provider asks for patience.
    Throttled,
    /// The type of transaction is not known there, or its form is refused.
    Unsupported,
    /// Nothing is proven.
    Lost,
}
