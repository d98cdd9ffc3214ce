//! What an intent does to the world: who loses and gains which asset, what is called, what is
//! granted.

use serde::{Deserialize, Serialize};
use types::{Amount, Digest, Json};

/// The effects of an intent, as policy sees them and as the remote signer can see them from the
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// Movements of value that the signature causes, as far as the bytes tell.
    pub moves: Vec<Move>,
    /// Rights over value that the signature gives away.
    pub grants: Vec<Grant>,
    /// Contracts that are called.
    pub calls: Vec<Call>,
    /// SHA-256 of the code that is deployed, where one is.
    pub deploys: Option<Digest>,
    /// Whether some of the bytes could not be understood, so that the lists above may not be all.
    pub opaque: bool,
}

/// One movement of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// What moves.
    pub asset: AssetRef,
    /// Who loses it.
    pub from: String,
    /// Who gains it.
    pub to: String,
    /// How much, in base units.
    pub amount: Amount,
}

/// An asset as a chain knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AssetRef {
    /// The chain's own coin.
    Native,
    /// A token contract's units; with `token_id` one pool or thing of it.
    Token {
        /// The contract.
        contract: String,
        /// Which pool or thing, where the contract has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_id: Option<Amount>,
    },
}

/// A right over the signer's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Over what; none for the whole account (EIP-7702).
    pub asset: Option<AssetRef>,
    /// Who may use it.
    pub to: String,
    /// How much; none for all of it.
    pub amount: Option<Amount>,
}

/// A call of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The contract.
    pub contract: String,
    /// The first four bytes of the data, in hexadecimal with 0x; empty where there are fewer.
    pub selector: String,
    /// Canonical text such as `transfer(address,uint256)`, where the interface is known.
    pub signature: Option<String>,
    /// Named arguments, integers as decimal strings, where the interface is known.
    pub arguments: Option<Json>,
}

/// A contract's interface as given: for EVM the JSON ABI. Its hash is part of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The text.
    pub json: String,
    /// SHA-256 of the text.
    pub hash: Digest,
}

impl Interface {
    /// From its text; it is parsed where it is used.
    pub fn new(json: String) -> Self {
        let hash = Digest::of(json.as_bytes());
        Self { json, hash }
    }
}
