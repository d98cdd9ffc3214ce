//! The effects of an intent: asset movements, contract calls and grants.

use serde::{Deserialize, Serialize};
use types::{Amount, Digest, Json};

/// The effects of an intent, as policy and a remote signer compute them from the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// Movements of value caused by the signature, as far as the bytes show.
    pub moves: Vec<Move>,
    /// Rights over the signer's assets that the signature grants.
    pub grants: Vec<Grant>,
    pub calls: Vec<Call>,
    /// SHA-256 of the deployed code.
    pub deploys: Option<Digest>,
    /// Some of the bytes could not be interpreted: the lists above may be incomplete.
    pub opaque: bool,
}

/// One movement of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub asset: AssetRef,
    pub from: String,
    pub to: String,
    /// In base units.
    pub amount: Amount,
}

/// An asset, identified on its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AssetRef {
    /// The chain's native coin.
    Native,
    /// Units of a token contract. With `token_id`, one pool or one NFT of it.
    Token {
        contract: String,
        /// The pool or NFT, for contracts that have several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_id: Option<Amount>,
    },
}

/// A right over the signer's assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// `None` means the whole account (EIP-7702).
    pub asset: Option<AssetRef>,
    pub to: String,
    /// `None` means all of it.
    pub amount: Option<Amount>,
}

/// A call of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub contract: String,
    /// The first four bytes of the data, hexadecimal with 0x. Empty if the data is shorter.
    pub selector: String,
    /// Such as `transfer(address,uint256)`. `None` if the interface is unknown.
    pub signature: Option<String>,
    /// Arguments by name, integers as decimal strings. `None` if the interface is unknown.
    pub arguments: Option<Json>,
}

/// A contract's interface as supplied by the caller: for EVM, the JSON ABI. A decision records its
/// hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub json: String,
    pub hash: Digest,
}

impl Interface {
    /// Wraps the text without parsing it; it is parsed on use.
    pub fn new(json: String) -> Self {
        let hash = Digest::of(json.as_bytes());
        Self { json, hash }
    }
}
