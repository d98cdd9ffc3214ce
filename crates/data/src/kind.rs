//! The object types and their wire names.

/// An object type.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "camelCase")]
pub enum Type {
    /// A family of assets.
    Collection,
    /// Something of value, independent of any chain.
    Asset,
    /// An account or contract on a chain.
    Address,
    /// A named history of events.
    Activity,
    /// The fungible units of a contract.
    Pool,
    /// A single non-fungible token of a contract.
    Nft,
    /// A named value held under an address.
    Fragment,
    /// A document or a pointer, attached to another object.
    Data,
    /// A movement of units of a pool or of an NFT.
    Transfer,
    /// An entry of an activity.
    Event,
    /// The total of an address in a pool. Computed.
    Balance,
    /// One effect of a transfer on a balance. Computed.
    BalanceChange,
}

impl Type {
    /// The ten writable types, each after the types that it can refer to.
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

    /// The types that a bulk query can name: all of them.
    pub const QUERYABLE: [Type; 12] = Self::ALL;

    /// All types, the computed ones last.
    pub const ALL: [Type; 12] = {
        let [a, b, c, d, e, f, g, h, i, j] = Self::WRITABLE;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            j,
            Type::Balance,
            Type::BalanceChange,
        ]
    };

    /// The name in routes and bulk requests.
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

    /// The name in `parent.type` and in messages.
    pub fn singular(self) -> &'static str {
        self.into()
    }

    /// Parse a name of routes and bulk requests.
    pub fn from_plural(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == name)
    }

    /// Parse a `parent.type`.
    pub(crate) fn from_singular(name: &str) -> Option<Self> {
        let kind = name.parse().ok();
        kind.filter(|kind| Self::WRITABLE.contains(kind))
    }

    /// Whether the type's key contains a chain.
    pub(crate) const fn is_on_chain(self) -> bool {
        matches!(
            self,
            Type::Address | Type::Pool | Type::Nft | Type::Fragment | Type::Transfer
        )
    }

    /// Whether the type is identified by address and name, and so has a `qualifiedName`.
    pub const fn is_qualified(self) -> bool {
        matches!(self, Type::Pool | Type::Nft | Type::Fragment)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.singular())
    }
}
