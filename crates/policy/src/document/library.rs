//! The Rego that comes with Florin: the library that every policy may import, and the rule for
//! cancels.

/// The library's packages, each with its text. All of it is part of every bundle.
pub(crate) const LIBRARY: [(&str, &str); 3] = [
    (
        "florin.amount",
        include_str!("../../../../policies/lib/amount.rego"),
    ),
    (
        "florin.approval",
        include_str!("../../../../policies/lib/approval.rego"),
    ),
    (
        "florin.units",
        include_str!("../../../../policies/lib/units.rego"),
    ),
];

/// The one document that is asked about cancels and fills.
pub(crate) const SHIPPED_CANCEL: &str = include_str!("../../../../policies/cancel.rego");

/// Whether rules in this package could change what the library says: it is one of the library's,
/// within one, or around one.
pub(crate) fn is_reserved(package: &str) -> bool {
    let begins = |long: &str, short: &str| {
        long == short || long.strip_prefix(short).is_some_and(|r| r.starts_with('.'))
    };
    LIBRARY
        .iter()
        .any(|(library, _)| begins(package, library) || begins(library, package))
}

#[cfg(test)]
mod tests {
    use super::is_reserved;

    #[test]
    fn nobody_adds_to_the_library() {
        for package in [
            "florin",
            "florin.amount",
            "florin.amount.more",
            "florin.units",
        ] {
            assert!(is_reserved(package), "{package}");
        }
        for package in [
            "florin.limit",
            "florin.amounts",
            "bank",
            "florin.policy.amount",
        ] {
            assert!(!is_reserved(package), "{package}");
        }
    }
}
