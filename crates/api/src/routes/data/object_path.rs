//! Parses the path of an object after its type. The slash in a qualified name is not escaped, so
//! the path may contain several segments: `/pools/0xab…/main` is a pool, and
//! `/pools/0xab…/main/balances` are its balances.

use ::data::{BalanceFilter, Type};

/// The resource that a path names.
#[derive(Debug)]
pub(super) enum ObjectPath<'a> {
    /// An object, by its name, qualified name or id.
    Object(&'a str),
    /// The balances of an address, a pool or an asset.
    Balances(BalanceFilter<'a>),
}

impl<'a> ObjectPath<'a> {
    /// Parses a path. A last segment `balances` is the sub-resource, for types that have it.
    pub(super) fn of(kind: Type, path: &'a str) -> Self {
        match (kind, path.strip_suffix("/balances")) {
            (Type::Address, Some(address)) => Self::Balances(BalanceFilter::Address(address)),
            (Type::Asset, Some(asset)) => Self::Balances(BalanceFilter::Asset(asset)),
            (Type::Pool, Some(pool)) => Self::Balances(BalanceFilter::Pool(pool)),
            _ => Self::Object(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_segment_balances_is_the_sub_resource() {
        let is_object = |kind, path| matches!(ObjectPath::of(kind, path), ObjectPath::Object(object) if object == path);
        assert!(is_object(Type::Pool, "0xab/main"));
        assert!(is_object(Type::Pool, "balances"));
        assert!(is_object(Type::Nft, "0xab/balances"));
        assert!(is_object(Type::Asset, "balances"));
        let pool = ObjectPath::of(Type::Pool, "0xab/main/balances");
        assert!(matches!(
            pool,
            ObjectPath::Balances(BalanceFilter::Pool("0xab/main"))
        ));
        let address = ObjectPath::of(Type::Address, "eip155:1/0xab/balances");
        assert!(matches!(
            address,
            ObjectPath::Balances(BalanceFilter::Address("eip155:1/0xab"))
        ));
    }
}
