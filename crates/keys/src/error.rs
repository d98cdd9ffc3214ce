//! What can go wrong with wallets, keys and signatures. No message ever holds a part of a secret.

use types::{ChainId, Code, Coded, PermitId, WalletId, Witness, codes};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such wallet in this namespace.
    #[error("there is no wallet {wallet} in this namespace")]
    WalletUnknown {
        /// The wallet, as it was asked for.
        wallet: String,
    },
    /// No such key in this namespace.
    #[error("there is no key {key} in this namespace")]
    KeyUnknown {
        /// The key, as it was asked for.
        key: String,
    },
    /// Another wallet, or another key of the wallet, has this name.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A name that cannot be one.
    #[error(
        "a name has 1 to 128 characters, none of them a control character, and does not look like an id"
    )]
    Name,
    /// Metadata that is no JSON object, or too large.
    #[error("metadata is a JSON object of at most {limit} bytes")]
    Metadata {
        /// The limit in bytes.
        limit: usize,
    },
    /// The object has changed since the version that the caller saw.
    #[error("it has version {found} by now, not {expected}")]
    Stale {
        /// The version the caller named.
        expected: u64,
        /// The version it has.
        found: u64,
    },
    /// The secret is in the namespace already, as another wallet.
    #[error("wallet {wallet} holds the same secret already")]
    WalletExists {
        /// That wallet.
        wallet: WalletId,
    },
    /// The imported key belongs to a wallet of the namespace already.
    #[error("the address {address} belongs to a wallet of this namespace already")]
    AddressTaken {
        /// The address.
        address: String,
    },
    /// Words that are no BIP-39 mnemonic in English, or a passphrase that is too long.
    #[error("these are not 12, 15, 18, 21 or 24 words of BIP-39 in English with a right checksum")]
    Mnemonic,
    /// Bytes that are no private key of secp256k1.
    #[error("this is not a private key of secp256k1")]
    PrivateKey,
    /// A text that is no path, or no template of one.
    #[error("{text:?} is not a derivation path; a template is like m/44'/60'/{{account}}'/0")]
    Path {
        /// The text.
        text: String,
    },
    /// More was asked for at once than the limit, or nothing.
    #[error("{what} come 1 to {limit} at a time")]
    Limit {
        /// What was asked for.
        what: &'static str,
        /// The most at a time.
        limit: usize,
    },
    /// All 2^31 addresses of a branch are handed out.
    #[error("the wallet has no more addresses under {path}")]
    Exhausted {
        /// The branch.
        path: String,
    },
    /// The wallet holds a single key, from which no others follow.
    #[error("the wallet holds a single imported key; it has no others")]
    SingleKey,
    /// Named keys belong to wallets of the organisation.
    #[error("a user wallet hands out addresses; named keys belong to wallets of kind org")]
    UserWallet,
    /// The configuration does not allow any export.
    #[error("the configuration of this installation allows no export of keys")]
    ExportOff,
    /// The caller may not do this.
    #[error("this needs the permission {permission}")]
    Forbidden {
        /// The permission.
        permission: &'static str,
    },
    /// The private key of a child that is not hardened is never handed out.
    #[error(
        "a key of a hierarchical wallet is not exported alone: with the account's public node it gives away all others"
    )]
    ExportChild,
    /// The secret is sealed under a data key that this process does not know.
    #[error("the keyring of this process is not that of the database; reload it")]
    Keyring,
    /// The master key cannot be read again, which a rotation needs.
    #[error("the master key cannot be read: {why}")]
    Master {
        /// Why.
        why: String,
    },
    /// Others who keep secrets could not seal theirs anew now.
    #[error("secrets of {keeper} are not sealed anew now: {why}")]
    Keeper {
        /// Who.
        keeper: &'static str,
        /// Why.
        why: String,
    },
    /// The permit belongs to another namespace.
    #[error("permit {permit} belongs to another namespace")]
    ForeignPermit {
        /// The permit.
        permit: PermitId,
    },
    /// The bytes do something else than the permit allows.
    #[error("the bytes do something else than permit {permit} allows")]
    OtherIntent {
        /// The permit.
        permit: PermitId,
    },
    /// The bytes may cost more than the permit allows.
    #[error("beyond the envelope of permit {permit}: {breach}")]
    OverEnvelope {
        /// The permit.
        permit: PermitId,
        /// The cap, and what was asked.
        breach: intent::Breach,
    },
    /// Too late for what was asked under this permit.
    #[error("permit {permit} has expired")]
    PermitExpired {
        /// The permit.
        permit: PermitId,
    },
    /// The permit was revoked.
    #[error("permit {permit} was revoked")]
    PermitRevoked {
        /// The permit.
        permit: PermitId,
    },
    /// As many different transactions were signed as the permit allows.
    #[error("permit {permit} allows {limit} signatures, and they are made")]
    PermitSpent {
        /// The permit.
        permit: PermitId,
        /// How many it allows.
        limit: u32,
    },
    /// The permit was used with another witness, which these bytes do not use up.
    #[error("permit {permit} is bound to the witness {anchor}")]
    OtherWitness {
        /// The permit, or the one that is to be superseded.
        permit: PermitId,
        /// The witness that all its signatures share.
        anchor: Witness,
    },
    /// Another permit's signature uses up this witness.
    #[error("the witness {witness} on {chain} belongs to another permit")]
    WitnessUsed {
        /// The chain.
        chain: ChainId,
        /// The witness.
        witness: Witness,
    },
    /// Another permit has taken this one's place.
    #[error("permit {permit} was superseded by {by}")]
    Superseded {
        /// The permit.
        permit: PermitId,
        /// Its successor.
        by: PermitId,
    },
    /// What the permit is to supersede does not admit it.
    #[error("permit {permit} cannot supersede {earlier}: {why}")]
    CannotSupersede {
        /// The permit.
        permit: PermitId,
        /// The one it would supersede.
        earlier: PermitId,
        /// Why not.
        why: &'static str,
    },
    /// Signing is frozen.
    #[error("signing is frozen for {scope}")]
    Frozen {
        /// What is frozen: `wallet`, `namespace` or `installation`.
        scope: &'static str,
    },
    /// No key of this namespace signs for the account.
    #[error("no key of this namespace signs for {signer} on {chain}")]
    SignerUnknown {
        /// The chain.
        chain: ChainId,
        /// The account.
        signer: String,
    },
    /// The key is kept by a back-end that answers later, or by none that is here.
    #[error("the key of {signer} is kept by {backend}: {why}")]
    Backend {
        /// The account.
        signer: String,
        /// The back-end.
        backend: String,
        /// What to know.
        why: &'static str,
    },
    /// No such request for a signature.
    #[error("there is no request {request} for a signature in this namespace")]
    RequestUnknown {
        /// The request.
        request: String,
    },
    /// The request was answered, or refused, before.
    #[error("request {request} is not waiting any more")]
    RequestOver {
        /// The request.
        request: String,
    },
    /// From the database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// From the reading of intents and bytes.
    #[error(transparent)]
    Intent(#[from] intent::Error),
}

codes! { Error {
    Self::WalletUnknown { .. } => ("keys.wallet_unknown", 404, Never),
    Self::KeyUnknown { .. } => ("keys.key_unknown", 404, Never),
    Self::NameTaken { .. } => ("keys.name_taken", 409, Never),
    Self::Name => ("keys.name", 400, Never),
    Self::Metadata { .. } => ("keys.metadata", 400, Never),
    Self::Stale { .. } => ("keys.stale", 409, Never),
    Self::WalletExists { .. } => ("keys.wallet_exists", 409, Never),
    Self::AddressTaken { .. } => ("keys.address_taken", 409, Never),
    Self::Mnemonic => ("keys.mnemonic", 400, Never),
    Self::PrivateKey => ("keys.private_key", 400, Never),
    Self::Path { .. } => ("keys.path", 400, Never),
    Self::Limit { .. } => ("keys.limit", 400, Never),
    Self::Exhausted { .. } => ("keys.exhausted", 409, Never),
    Self::SingleKey => ("keys.single_key", 409, Never),
    Self::UserWallet => ("keys.user_wallet", 409, Never),
    Self::ExportOff => ("keys.export_off", 403, Never),
    Self::Forbidden { .. } => ("keys.forbidden", 403, Never),
    Self::ExportChild => ("keys.export_child", 403, Never),
    Self::Keyring => ("keys.keyring", 503, Later),
    Self::Master { .. } => ("keys.master", 503, Later),
    Self::Keeper { .. } => ("keys.keeper", 503, Later),
    Self::ForeignPermit { .. } => ("keys.foreign_permit", 403, Never),
    Self::OtherIntent { .. } => ("keys.other_intent", 403, Never),
    Self::OverEnvelope { .. } => ("keys.over_envelope", 403, Never),
    Self::PermitExpired { .. } => ("keys.permit_expired", 403, Never),
    Self::PermitRevoked { .. } => ("keys.permit_revoked", 403, Never),
    Self::PermitSpent { .. } => ("keys.permit_spent", 403, Never),
    Self::OtherWitness { .. } => ("keys.other_witness", 403, Never),
    Self::WitnessUsed { .. } => ("keys.witness_used", 409, Never),
    Self::Superseded { .. } => ("keys.superseded", 409, Never),
    Self::CannotSupersede { .. } => ("keys.cannot_supersede", 409, Never),
    Self::Frozen { .. } => ("keys.frozen", 423, Later),
    Self::SignerUnknown { .. } => ("keys.signer_unknown", 404, Never),
    Self::Backend { .. } => ("keys.backend", 409, Never),
    Self::RequestUnknown { .. } => ("keys.request_unknown", 404, Never),
    Self::RequestOver { .. } => ("keys.request_over", 409, Never),
    ;
    Self::Store(inner) => inner,
    Self::Intent(inner) => inner,
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        let field = match self {
            Self::Name | Self::NameTaken { .. } => "name",
            Self::Metadata { .. } => "metadata",
            Self::Mnemonic => "secret.words",
            Self::PrivateKey => "secret.key",
            Self::Path { .. } => "path",
            Self::Intent(inner) => return inner.field(),
            _ => return None,
        };
        Some(field.to_owned())
    }
}
