//! The intent: what a signature does. Never nonce, inputs or fees: those belong to the bytes.

use serde::{Deserialize, Serialize};
use types::{Amount, Canon, ChainId, Digest};

/// What a signature is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The chain it is meant for; a signature for one chain is worth nothing on another.
    pub chain: ChainId,
    /// The account that signs, in the chain's canonical form.
    pub signer: String,
    /// What is done.
    pub act: Act,
}

/// The kinds of thing that are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// A transaction.
    Transaction(Transaction),
    /// Structured data (EIP-712): the canonical JSON text of `{types, primaryType, domain,
    /// message}`.
    TypedData {
        /// The text.
        json: String,
    },
    /// Permission for an account to act as another's code (EIP-7702), signed by the authority
    /// itself.
    Authorisation(Authorisation),
    /// A message for people or programs (EIP-191 where the chain has it).
    Message {
        /// The message, without the prefix that the chain adds.
        #[serde(with = "hex::serde")]
        bytes: Vec<u8>,
    },
}

/// What a transaction does. A chain with accounts has one output; a chain of coins has one or more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Who gets what of the chain's own coin. The change of a chain of coins is not listed: it
    /// returns to the signer.
    pub outputs: Vec<Output>,
    /// The call, the code to deploy, or the memo.
    #[serde(with = "hex::serde", default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<u8>,
    /// State named in advance (EIP-2930).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessEntry>,
    /// Authorisations carried along (EIP-7702).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorisations: Vec<Authorisation>,
}

/// One payment of the chain's own coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The receiver, in the chain's canonical form; none deploys a contract.
    pub to: Option<String>,
    /// How much, in the chain's base unit.
    pub value: Amount,
}

/// An account and the slots of it that a transaction names in advance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntry {
    /// The account.
    pub account: String,
    /// Storage slots, 32 bytes each in hexadecimal with 0x.
    pub slots: Vec<String>,
}

/// An EIP-7702 authorisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorisation {
    /// Whose account.
    pub authority: String,
    /// Whose code it shall run.
    pub delegate: String,
    /// The authority's nonce that it uses up.
    pub nonce: u64,
    /// Whether it holds on every chain (chain id 0); otherwise on the intent's.
    pub any_chain: bool,
}

impl Intent {
    /// A plain transaction with one output.
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

    /// The intent that makes a witness harmless: to self, value 0, no data. It also fills a gap.
    pub fn cancel(chain: ChainId, signer: String) -> Self {
        Self::call(
            chain,
            signer.clone(),
            Some(signer),
            Amount::ZERO,
            Vec::new(),
        )
    }

    /// Whether it is exactly a cancel of its signer's.
    pub fn is_cancel(&self) -> bool {
        *self == Self::cancel(self.chain.clone(), self.signer.clone())
    }

    /// The hash that a permit names: SHA-256 of the canonical form.
    pub fn hash(&self) -> Digest {
        self.canon().hash()
    }

    /// The canonical form, domain `intent`, version 1.
    pub fn canon(&self) -> Canon {
        let head = Canon::new("intent", 1).show(&self.chain).text(&self.signer);
        match &self.act {
            Act::Transaction(transaction) => transaction.canon(head.text("transaction")),
            Act::TypedData { json } => head.text("typed_data").text(json),
            Act::Authorisation(authorisation) => authorisation.canon(head.text("authorisation")),
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
                    .show(&output.value)
            })
            .bytes(&self.data)
            .list(&self.access, |canon, entry| {
                canon
                    .text(&entry.account)
                    .list(&entry.slots, |canon, slot| canon.text(slot))
            })
            .list(&self.authorisations, |canon, authorisation| {
                authorisation.canon(canon)
            })
    }
}

impl Authorisation {
    fn canon(&self, canon: Canon) -> Canon {
        canon
            .text(&self.authority)
            .text(&self.delegate)
            .uint(self.nonce)
            .uint(u64::from(self.any_chain))
    }
}
