//! The errors of wallets, keys and signatures. No message contains any part of a secret.

use types::{ChainId, Code, Coded, PermitId, ReplayKey, WalletId, codes};

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such wallet in this namespace.
    #[error("there is no wallet {wallet} in this namespace")]
    UnknownWallet { wallet: String },
    /// No such key in this namespace.
    #[error("there is no key {key} in this namespace")]
    UnknownKey { key: String },
    /// Another wallet of the namespace, or another key of the wallet, has this name.
    #[error("the name {name:?} is taken")]
    NameTaken { name: String },
    /// The name breaks the naming rules.
    #[error(
        "a name has 1 to 128 characters, none of them a control character, and does not look like an id"
    )]
    InvalidName,
    /// The metadata is not a JSON object, or too large.
    #[error("metadata is a JSON object of at most {limit} bytes")]
    InvalidMetadata { limit: usize },
    /// The object changed after the caller read it.
    #[error("the current version is {found}, not {expected}")]
    VersionConflict { expected: u64, found: u64 },
    /// The same secret is stored in another wallet of the namespace.
    #[error("wallet {wallet} already holds the same secret")]
    WalletExists { wallet: WalletId },
    /// The imported key belongs to another wallet of the namespace.
    #[error("the address {address} already belongs to a wallet of this namespace")]
    AddressTaken { address: String },
    /// The words are not an English BIP-39 mnemonic, or the passphrase is too long.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 English BIP-39 words and a valid checksum")]
    InvalidMnemonic,
    /// The bytes are not a secp256k1 private key.
    #[error("the bytes are not a secp256k1 private key")]
    InvalidPrivateKey,
    /// The text is not a derivation path, or not a template of one.
    #[error("{text:?} is not a derivation path; a template looks like m/44'/60'/{{account}}'/0")]
    InvalidPath { text: String },
    /// The request is empty, or asks for more items at once than the limit.
    #[error("a request takes 1 to {limit} {what}")]
    LimitExceeded { what: &'static str, limit: usize },
    /// All 2^31 addresses of the branch are issued.
    #[error("all addresses of the branch {path} are issued")]
    Exhausted { path: String },
    /// The wallet holds a single key, from which no others can be derived.
    #[error("the wallet holds a single imported key; no other keys can be derived from it")]
    NotHierarchical,
    /// Only wallets of the organization have named keys.
    #[error("a user wallet has addresses only; named keys belong to wallets of kind org")]
    NamedKeyNotAllowed,
    /// The configuration disables export.
    #[error("the configuration disables the export of keys")]
    ExportDisabled,
    /// The caller lacks a permission.
    #[error("this requires the permission {permission}")]
    Forbidden { permission: &'static str },
    /// A non-hardened child's private key is never exported: see [`export_key`](crate::export_key).
    #[error(
        "a key of a hierarchical wallet is not exported on its own: together with the account's public node it reveals all other keys"
    )]
    ChildExportNotAllowed,
    /// The secret is encrypted under a data key that this process has not unlocked.
    #[error("the keyring of this process is older than that of the database; reload it")]
    KeyringLocked,
    /// The permit was issued for another namespace.
    #[error("permit {permit} belongs to another namespace")]
    ForeignPermit { permit: PermitId },
    /// The bytes do something other than what the permit allows.
    #[error("the bytes do something other than what permit {permit} allows")]
    IntentMismatch { permit: PermitId },
    /// The bytes may cost more than the permit allows.
    #[error("beyond the envelope of permit {permit}: {breach}")]
    EnvelopeExceeded {
        permit: PermitId,
        breach: intent::EnvelopeExceeded,
    },
    /// The permit has expired for this kind of signature.
    #[error("permit {permit} has expired")]
    PermitExpired { permit: PermitId },
    /// The permit was revoked.
    #[error("permit {permit} was revoked")]
    PermitRevoked { permit: PermitId },
    /// The permit's limit of different transactions is reached.
    #[error("permit {permit} allows {limit} signatures, and all are used")]
    PermitSpent { permit: PermitId, limit: u32 },
    /// The permit was used with another replay key, which these bytes do not use.
    #[error("permit {permit} is bound to the replay key {anchor}")]
    ReplayKeyMismatch {
        /// The permit, or the one it supersedes.
        permit: PermitId,
        /// The replay key that all signatures of the permit chain share.
        anchor: ReplayKey,
    },
    /// A signature under another permit chain uses this replay key.
    #[error("the replay key {replay_key} on {chain} is used under another permit")]
    ReplayKeyUsed {
        chain: ChainId,
        replay_key: ReplayKey,
    },
    /// Another permit supersedes this one.
    #[error("permit {permit} was superseded by {by}")]
    Superseded { permit: PermitId, by: PermitId },
    /// The permit does not meet the conditions for superseding the other.
    #[error("permit {permit} cannot supersede {earlier}: {why}")]
    CannotSupersede {
        permit: PermitId,
        earlier: PermitId,
        why: &'static str,
    },
    /// Signing is frozen.
    #[error("signing is frozen for {scope}")]
    Frozen { scope: &'static str },
    /// No key of this namespace signs for the account.
    #[error("no key of this namespace signs for {signer} on {chain}")]
    UnknownSigner { chain: ChainId, signer: String },
    /// The back end of the key cannot sign here and now.
    #[error("the key of {signer} is held by the back end {backend:?}, which {why}")]
    BackendUnavailable {
        signer: String,
        backend: String,
        why: &'static str,
    },
    /// This installation has no such signing back end.
    #[error("there is no signing back end {backend:?}; there are {known}")]
    UnknownBackend { backend: String, known: String },
    /// The back end refused to sign, or a signature request for the same bytes was withdrawn.
    #[error("the back end {backend:?} does not sign for {signer}: {reason}")]
    SigningRefused {
        signer: String,
        backend: String,
        reason: String,
    },
    /// A signature request is not the one that was made.
    #[error("the signature request is not the one that was made: {what}")]
    RequestMismatch { what: &'static str },
    /// A database error.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A secret cannot be encrypted or decrypted.
    #[error(transparent)]
    Secrets(#[from] secrets::Error),
    /// An error while decoding intents and bytes.
    #[error(transparent)]
    Intent(#[from] intent::Error),
}

codes! { Error {
    Self::UnknownWallet { .. } => ("keys.unknown_wallet", 404, Never),
    Self::UnknownKey { .. } => ("keys.unknown_key", 404, Never),
    Self::NameTaken { .. } => ("keys.name_taken", 409, Never),
    Self::InvalidName => ("keys.invalid_name", 400, Never),
    Self::InvalidMetadata { .. } => ("keys.invalid_metadata", 400, Never),
    Self::VersionConflict { .. } => ("keys.version_conflict", 409, Never),
    Self::WalletExists { .. } => ("keys.wallet_exists", 409, Never),
    Self::AddressTaken { .. } => ("keys.address_taken", 409, Never),
    Self::InvalidMnemonic => ("keys.invalid_mnemonic", 400, Never),
    Self::InvalidPrivateKey => ("keys.invalid_private_key", 400, Never),
    Self::InvalidPath { .. } => ("keys.invalid_path", 400, Never),
    Self::LimitExceeded { .. } => ("keys.limit_exceeded", 400, Never),
    Self::Exhausted { .. } => ("keys.exhausted", 409, Never),
    Self::NotHierarchical => ("keys.not_hierarchical", 409, Never),
    Self::NamedKeyNotAllowed => ("keys.named_key_not_allowed", 409, Never),
    Self::ExportDisabled => ("keys.export_disabled", 403, Never),
    Self::Forbidden { .. } => ("keys.forbidden", 403, Never),
    Self::ChildExportNotAllowed => ("keys.child_export_not_allowed", 403, Never),
    Self::KeyringLocked => ("keys.keyring_locked", 503, Later),
    Self::ForeignPermit { .. } => ("keys.foreign_permit", 403, Never),
    Self::IntentMismatch { .. } => ("keys.intent_mismatch", 403, Never),
    Self::EnvelopeExceeded { .. } => ("keys.envelope_exceeded", 403, Never),
    Self::PermitExpired { .. } => ("keys.permit_expired", 403, Never),
    Self::PermitRevoked { .. } => ("keys.permit_revoked", 403, Never),
    Self::PermitSpent { .. } => ("keys.permit_spent", 403, Never),
    Self::ReplayKeyMismatch { .. } => ("keys.replay_key_mismatch", 403, Never),
    Self::ReplayKeyUsed { .. } => ("keys.replay_key_used", 409, Never),
    Self::Superseded { .. } => ("keys.superseded", 409, Never),
    Self::CannotSupersede { .. } => ("keys.cannot_supersede", 409, Never),
    Self::Frozen { .. } => ("keys.frozen", 423, Later),
    Self::UnknownSigner { .. } => ("keys.unknown_signer", 404, Never),
    Self::BackendUnavailable { .. } => ("keys.backend_unavailable", 409, Never),
    Self::UnknownBackend { .. } => ("keys.unknown_backend", 404, Never),
    Self::SigningRefused { .. } => ("keys.signing_refused", 403, Never),
    Self::RequestMismatch { .. } => ("keys.request_mismatch", 409, Never),
    ;
    Self::Store(inner) => inner,
    Self::Secrets(inner) => inner,
    Self::Intent(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        let field = match self {
            Self::InvalidName | Self::NameTaken { .. } => "name",
            Self::InvalidMetadata { .. } => "metadata",
            Self::InvalidMnemonic => "secret.words",
            Self::InvalidPrivateKey => "secret.key",
            Self::InvalidPath { .. } => "path",
            Self::UnknownBackend { .. } => "backend",
            Self::Intent(inner) => return inner.field(),
            _ => return None,
        };
        Some(field.to_owned())
    }
}

impl From<fail::Injected> for Error {
    fn from(injected: fail::Injected) -> Self {
        Self::Store(injected.into())
    }
}
