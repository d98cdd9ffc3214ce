//! The effects of an intent: asset movements, grants, powers and contract calls.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use types::{Amount, Digest, Json};

/// The effects of an intent, as policy and a remote signer compute them from the bytes and from
/// what is [known](crate::Knowledge) of the contracts that they name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// Movements of value caused by the signature.
    pub moves: Vec<Move>,
    /// Rights over assets that the signature grants.
    pub grants: Vec<Grant>,
    /// Changes of what a contract does or of who controls it.
    pub powers: Vec<Power>,
    /// Every call, nested ones too, in the order of execution: a call comes before those nested in
    /// it.
    pub calls: Vec<Call>,
    /// SHA-256 of the deployed code.
    pub deploys: Option<Digest>,
    /// Whether the lists above are certainly all that the signature does.
    pub complete: bool,
    /// Every reason why they may not be. Empty if and only if `complete`.
    pub incomplete: Vec<Incomplete>,
    /// Every account whose [knowledge](crate::Knowledge) the effects depend on, known or not. A
    /// caller loads what it does not have yet and computes the effects again, until nothing is new.
    #[serde(skip)]
    pub touched: BTreeSet<String>,
}

/// One movement of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub asset: AssetRef,
    /// The zero address if it is created (mint); empty if the bytes do not show the account.
    pub from: String,
    /// The zero address if it is destroyed (burn); empty if the bytes do not show the account.
    pub to: String,
    /// In base units. `None` if the bytes do not show it.
    pub amount: Option<Amount>,
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

/// A right over an account's assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// `None` means the whole account (EIP-7702).
    pub asset: Option<AssetRef>,
    /// The account that the right is over: the signer, or an account that it acts for. Empty if
    /// the bytes do not show the account.
    pub owner: String,
    pub to: String,
    /// `None` means all of it.
    pub amount: Option<Amount>,
}

/// A change of what a contract does or of who controls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    pub kind: PowerKind,
    pub contract: String,
    /// The account that makes the change, as the contract sees it.
    pub from: Option<String>,
    /// The account that gains, loses or is subject to it.
    pub to: Option<String>,
    /// The role, module, function or setting that is meant, as the call has it.
    pub role: Option<String>,
    pub amount: Option<Amount>,
    /// The call that has this effect, by its `path`.
    pub path: String,
}

/// The kinds of [`Power`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerKind {
    RoleGrant,
    RoleRevocation,
    /// An account may no longer move another's assets.
    GrantRevocation,
    /// A new owner or administrator, or none any more.
    Ownership,
    /// Other code.
    Upgrade,
    Pause,
    Unpause,
    /// An account, or an amount of it, cannot be moved any more.
    Freeze,
    Unfreeze,
    /// Assets are moved without a right of their holder.
    ForcedTransfer,
    /// The assets of a lost account are moved to another.
    Recovery,
    /// An account runs another contract's code (EIP-7702). Also a grant over the whole account.
    Delegation,
    /// Who signs for an account, and what may act for it: owners, threshold, modules, guards,
    /// handlers.
    Module,
    /// A setting of a contract, such as its compliance rules, documents or limits.
    Configuration,
    /// A contract is created.
    Deployment,
    /// A call that can be executed later.
    Schedule,
}

/// A call of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Empty for the call that the signature makes. A nested call has the path of the call that
    /// makes it and its index there: `0`, then `0.2`.
    pub path: String,
    pub contract: String,
    /// The first four bytes of the data, hexadecimal with 0x. Empty if the data is shorter.
    pub selector: String,
    /// Such as `transfer(address,uint256)`. `None` if nothing names the function.
    pub signature: Option<String>,
    /// Arguments by name, integers as decimal strings. `None` if nothing names the function.
    pub arguments: Option<Json>,
    /// What named the function and its arguments.
    pub decoded_by: Option<DecodedBy>,
}

/// What named a function and its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodedBy {
    /// A standard.
    Standard,
    /// The registered interface of the contract.
    Registry,
}

/// A reason why effects may be more than what is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incomplete {
    pub code: IncompleteCode,
    /// The call with the reason, by its `path`.
    pub path: String,
    /// The contract that the reason is about.
    pub contract: Option<String>,
    pub text: String,
}

/// The kinds of reason why effects may be more than what is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncompleteCode {
    /// The contract is not registered.
    UnknownContract,
    /// The contract is not what was registered any more.
    Changed,
    /// The contract or the account is changed earlier in the same intent.
    ChangedInIntent,
    /// What is known of the contract could not be read.
    NoKnowledge,
    /// The function does not belong to a standard of the contract.
    UnknownSelector,
    /// Two standards of the contract, or its registered interface, give the function different
    /// meanings.
    Ambiguous,
    /// The receiver of a payment, or of tokens, may have code that reacts to it.
    ReceiverCode,
    /// The receiver of tokens gets data to act on.
    HookData,
    /// The data is shorter than a selector, or not an encoding of the function's arguments.
    InvalidData,
    /// The data is not exactly the encoding of the arguments.
    NotCanonical,
    /// The arguments contradict each other, or mean something that is not known.
    UnknownArgument,
    /// Another contract's code runs as if it were the account's own.
    DelegateCall,
    /// Something that the call depends on is not known, such as the asset of a vault.
    UnknownUnderlying,
    /// Calls are nested too deep.
    TooDeep,
    /// There are too many calls, or too many unknown accounts.
    TooMany,
    /// A message: what it allows is not known.
    Message,
    /// The type of the typed data is not known, or not to its contract.
    UnknownTypedData,
    /// The typed data is not bound to a chain and a contract, or not to the signer.
    UnboundTypedData,
}

impl Effects {
    /// No effects, and certainly none.
    pub fn none() -> Self {
        Self {
            moves: Vec::new(),
            grants: Vec::new(),
            powers: Vec::new(),
            calls: Vec::new(),
            deploys: None,
            complete: true,
            incomplete: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Adds a reason why the effects may be more than what is listed.
    pub(crate) fn add_incomplete(&mut self, reason: Incomplete) {
        self.complete = false;
        if !self.incomplete.contains(&reason) {
            self.incomplete.push(reason);
        }
    }

    /// The contracts that the signature acts on: called, changed, paid, or those of its assets.
    pub fn contracts(&self) -> BTreeSet<&str> {
        let moved = self.moves.iter().map(|item| Some(&item.asset));
        let granted = self.grants.iter().map(|item| item.asset.as_ref());
        let tokens = moved.chain(granted).filter_map(|asset| match asset? {
            AssetRef::Token { contract, .. } => Some(contract),
            AssetRef::Native => None,
        });
        let called = self.calls.iter().map(|call| &call.contract);
        let changed = self.powers.iter().map(|power| &power.contract);
        let unknown = self.incomplete.iter().filter_map(|i| i.contract.as_ref());
        let all = tokens.chain(called).chain(changed).chain(unknown);
        all.map(String::as_str).collect()
    }
}
