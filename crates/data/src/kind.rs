//! The types of object, by the names they have on the wire.

/// A type of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A family of assets.
    Collection,
    /// A thing of value, independent of chain.
    Asset,
    /// An account or contract on a chain.
    Address,
    /// A named history.
    Activity,
    /// A fungible holding space of a contract.
    Pool,
    /// One non-fungible token of a contract.
    Nft,
    /// A named value held under an address.
    Fragment,
    /// A document or pointer attached to another object.
    Data,
    /// A movement in a pool or of an NFT.
    Transfer,
    /// One entry in an activity.
    Event,
    /// What an address has in a pool; computed.
    Balance,
    /// One effect of a transfer on a balance; computed.
    BalanceChange,
}

impl Type {
    /// The ten types that can be written, each behind those it may refer to.
    pub const WRITABLE: [Type; 10] = [
        Type::Collection,
        Type::Asset,
        Type::Address,
        Type::Activity,
        Type::Pool,
        Type::Nft,
        Type::Fragment,
        Type::Data,
        Type::Transfer,
        Type::Event,
    ];

    /// Its route and its key in bulk requests.
    pub const fn plural(self) -> &'static str {
        match self {
            Type::Collection => "collections",
            Type::Asset => "assets",
            Type::Address => "addresses",
            Type::Activity => "activities",
            Type::Pool => "pools",
            Type::Nft => "nfts",
            Type::Fragment => "fragments",
            Type::Data => "data",
            Type::Transfer => "transfers",
            Type::Event => "events",
            Type::Balance => "balances",
            Type::BalanceChange => "balanceChanges",
        }
    }

    /// Its name in `parent.type` and in messages.
    pub const fn singular(self) -> &'static str {
        match self {
            Type::Collection => "collection",
            Type::Asset => "asset",
            Type::Address => "address",
            Type::Activity => "activity",
            Type::Pool => "pool",
            Type::Nft => "nft",
            Type::Fragment => "fragment",
            Type::Data => "data",
            Type::Transfer => "transfer",
            Type::Event => "event",
            Type::Balance => "balance",
            Type::BalanceChange => "balanceChange",
        }
    }

    /// The type of a route or key.
    pub fn from_plural(name: &str) -> Option<Self> {
        let computed = [Type::Balance, Type::BalanceChange];
        Self::WRITABLE
            .into_iter()
            .chain(computed)
            .find(|kind| kind.plural() == name)
    }

    /// The type that `parent.type` names.
    pub fn from_singular(name: &str) -> Option<Self> {
        Self::WRITABLE
            .into_iter()
            .find(|kind| kind.singular() == name)
    }

    /// Whether it is part of a chain, so that its key begins with one.
    pub const fn is_on_chain(self) -> bool {
        matches!(
            self,
            Type::Address | Type::Pool | Type::Nft | Type::Fragment | Type::Transfer
        )
    }

    /// Whether it is known by address and name, and so has a `qualifiedName`.
    pub const fn is_qualified(self) -> bool {
        matches!(self, Type::Pool | Type::Nft | Type::Fragment)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.singular())
    }
}
