//! What the tail of a path names. A qualified name travels unescaped, so the tail may hold slashes:
//! `/pools/0xab…/main` is one pool, and `/pools/0xab…/main/balances` is its balances.

use ::data::{BalancesOf, Type};

/// What is meant.
#[derive(Debug)]
pub(super) enum Tail<'a> {
    /// An object, by its name, qualified name or id.
    Object(&'a str),
    /// The balances of an address, a pool or an asset.
    Balances(BalancesOf<'a>),
}

impl<'a> Tail<'a> {
    /// A last segment `balances` is always the sub-resource, where there is one.
    pub(super) fn of(kind: Type, tail: &'a str) -> Self {
        match (kind, tail.strip_suffix("/balances")) {
            (Type::Address, Some(address)) => Self::Balances(BalancesOf::Address(address)),
            (Type::Asset, Some(asset)) => Self::Balances(BalancesOf::Asset(asset)),
            (Type::Pool, Some(pool)) => Self::Balances(BalancesOf::Pool(pool)),
            _ => Self::Object(tail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_decides() {
        let is_object =
            |kind, tail| matches!(Tail::of(kind, tail), Tail::Object(object) if object == tail);
        assert!(is_object(Type::Pool, "0xab/main"));
        assert!(is_object(Type::Pool, "balances"));
        assert!(is_object(Type::Nft, "0xab/balances"));
        assert!(is_object(Type::Asset, "balances"));
        let pool = Tail::of(Type::Pool, "0xab/main/balances");
        assert!(matches!(
            pool,
            Tail::Balances(BalancesOf::Pool("0xab/main"))
        ));
        let address = Tail::of(Type::Address, "eip155:1/0xab/balances");
        assert!(matches!(
            address,
            Tail::Balances(BalancesOf::Address("eip155:1/0xab"))
        ));
    }
}
