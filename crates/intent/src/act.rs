//! The intent: what a signature does. Nonces, inputs and fees are not part of it; they belong to
//! the bytes.

use serde::{Deserialize, Serialize};
use types::{Amount, Canon, ChainId, Digest};

/// What one signature authorizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// A signature for one chain is not valid on another.
    pub chain: ChainId,
    /// In the chain's canonical form.
    pub signer: String,
    pub act: Act,
}

/// What is signed: a transaction or an off-chain statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    Transaction(Transaction),
    /// Structured data (EIP-712), as the canonical JSON text of `{types, primaryType, domain,
    /// message}`.
    TypedData {
        json: String,
    },
    /// Lets an account run another account's code (EIP-7702). Signed by the authority itself.
    Authorization(Authorization),
    /// A message (EIP-191 on EVM chains).
    Message {
        /// Without the prefix that the chain adds.
        #[serde(with = "hex::serde")]
        bytes: Vec<u8>,
    },
}

/// What a transaction does. It has exactly one output on an account chain, one or more on a UTXO
/// chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Payments in the chain's native coin. Change on a UTXO chain is not listed: it returns to the
    /// signer.
    pub outputs: Vec<Output>,
    /// The call data, the code to deploy, or the memo.
    #[serde(with = "hex::serde", default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<u8>,
    /// The access list (EIP-2930).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessEntry>,
    /// The authorization list (EIP-7702).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorizations: Vec<Authorization>,
}

/// A payment in the chain's native coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// In the chain's canonical form. `None` deploys a contract.
    pub to: Option<String>,
    /// In the chain's base unit.
    pub value: Amount,
}

/// An entry of an access list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntry {
    pub account: String,
    /// Storage slots: 32 bytes each, hexadecimal with 0x.
    pub slots: Vec<String>,
}

/// An EIP-7702 authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The account that delegates.
    pub authority: String,
    /// The account whose code it runs.
    pub delegate: String,
    /// The authority's nonce that the authorization consumes.
    pub nonce: u64,
    /// Valid on every chain (chain id 0). Otherwise only on the intent's chain.
    pub any_chain: bool,
}

impl Intent {
    /// An intent for a transaction with one output, without access list or authorizations.
    pub fn call(
        chain: ChainId,
        signer: String,
        to: Option<String>,
        value: Amount,
        data: Vec<u8>,
    ) -> Self {
        let transaction = Transaction {
            outputs: vec![Output { to, value }],
            data,
            ..Transaction::default()
        };
        Self {
            chain,
            signer,
            act: Act::Transaction(transaction),
        }
    }

    /// A payment of 0 to self without data. It consumes a replay key without any other effect,
    /// which also fills a nonce gap.
    pub fn cancel(chain: ChainId, signer: String) -> Self {
        Self::call(
            chain,
            signer.clone(),
            Some(signer),
            Amount::ZERO,
            Vec::new(),
        )
    }

    /// Whether this is exactly [`Intent::cancel`] for its chain and signer.
    pub fn is_cancel(&self) -> bool {
        *self == Self::cancel(self.chain, self.signer.clone())
    }

    /// The hash that a permit refers to: SHA-256 of the canonical form.
    pub fn hash(&self) -> Digest {
        self.canon().hash()
    }

    /// The canonical byte form, domain `intent`, version 1.
    pub fn canon(&self) -> Canon {
        let head = Canon::new("intent", 1)
            .display(&self.chain)
            .text(&self.signer);
        match &self.act {
            Act::Transaction(transaction) => transaction.canon(head.text("transaction")),
            Act::TypedData { json } => head.text("typed_data").text(json),
            Act::Authorization(authorization) => authorization.canon(head.text("authorization")),
            Act::Message { bytes } => head.text("message").bytes(bytes),
        }
    }
}

impl Transaction {
    fn canon(&self, canon: Canon) -> Canon {
        canon
            .list(&self.outputs, |canon, output| {
                canon
                    .option(output.to.as_ref(), |canon, to| canon.text(to))
                    .display(&output.value)
            })
            .bytes(&self.data)
            .list(&self.access, |canon, entry| {
                canon
                    .text(&entry.account)
                    .list(&entry.slots, |canon, slot| canon.text(slot))
            })
            .list(&self.authorizations, |canon, authorization| {
                authorization.canon(canon)
            })
    }
}

impl Authorization {
    fn canon(&self, canon: Canon) -> Canon {
        canon
            .text(&self.authority)
            .text(&self.delegate)
            .uint(self.nonce)
            .uint(u64::from(self.any_chain))
    }
}
