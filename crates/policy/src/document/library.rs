//! The Rego that ships with Florin: the library that every policy may import, and the document for
//! cancels.

/// The packages of the library with their texts. All of it is part of every bundle hash.
pub(crate) const LIBRARY: [(&str, &str); 5] = [
    (
        "florin.amount",
        include_str!("../../../../policies/lib/amount.rego"),
    ),
    (
        "florin.effects",
        include_str!("../../../../policies/lib/effects.rego"),
    ),
    (
        "florin.limits",
        include_str!("../../../../policies/lib/limits.rego"),
    ),
    (
        "florin.listed",
        include_str!("../../../../policies/lib/listed.rego"),
    ),
    (
        "florin.units",
        include_str!("../../../../policies/lib/units.rego"),
    ),
];

/// The only document evaluated for cancels and fills.
pub(crate) const SHIPPED_CANCEL: &str = include_str!("../../../../policies/cancel.rego");

/// Whether rules in this package could change the library: the package is one of the library's,
/// within one, or contains one.
pub(crate) fn is_reserved(package: &str) -> bool {
    let is_within = |inner: &str, outer: &str| {
        inner == outer
            || inner
                .strip_prefix(outer)
                .is_some_and(|r| r.starts_with('.'))
    };
    LIBRARY
        .iter()
        .any(|(library, _)| is_within(package, library) || is_within(library, package))
}

#[cfg(test)]
mod tests {
    use super::is_reserved;

    #[test]
    fn library_packages_are_reserved() {
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
