//! Which addresses are public, by the IANA special-purpose address registries (RFC 6890 and later
//! additions).

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network of the registries, and what it is for.
struct Special<N> {
    network: N,
    purpose: &'static str,
}

const fn v4(address: [u8; 4], bits: u8, purpose: &'static str) -> Special<Ipv4Net> {
    let [a, b, c, d] = address;
    Special {
        network: Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits),
        purpose,
    }
}

const fn v6(address: [u16; 8], bits: u8, purpose: &'static str) -> Special<Ipv6Net> {
    let [a, b, c, d, e, f, g, h] = address;
    Special {
        network: Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits),
        purpose,
    }
}

/// IPv4 networks that are not public.
const V4: &[Special<Ipv4Net>] = &[
    v4([0, 0, 0, 0], 8, "unspecified"),
    v4([10, 0, 0, 0], 8, "private"),
    v4([100, 64, 0, 0], 10, "shared by a carrier (CGNAT)"),
    v4([127, 0, 0, 0], 8, "loopback"),
    // Azure's host agent: serves credentials, like 169.254.169.254.
    v4([168, 63, 129, 16], 32, "metadata"),
    v4([169, 254, 0, 0], 16, "link-local or metadata"),
    v4([172, 16, 0, 0], 12, "private"),
    v4([192, 0, 0, 0], 24, "reserved for protocols"),
    v4([192, 0, 2, 0], 24, "for documentation"),
    v4([192, 88, 99, 0], 24, "a 6to4 relay"),
    v4([192, 168, 0, 0], 16, "private"),
    v4([198, 18, 0, 0], 15, "for benchmarks"),
    v4([198, 51, 100, 0], 24, "for documentation"),
    v4([203, 0, 113, 0], 24, "for documentation"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v4([240, 0, 0, 0], 4, "reserved or broadcast"),
];

/// The global unicast range of IPv6.
const GLOBAL_UNICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks that are not public within the global unicast range.
const V6: &[Special<Ipv6Net>] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "a Teredo tunnel"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "a 6to4 tunnel"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
];

/// Names of networks outside the global unicast range, none of which is public.
const V6_NAMED: &[Special<Ipv6Net>] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "metadata"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "private"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

/// Why an address is not public; `None` if it is.
///
/// An IPv4-mapped (RFC 4291, 2.5.5.2) or NAT64 (RFC 6052) address is classified as the IPv4 address
/// that it reaches. 6to4 and Teredo addresses are never public.
pub(crate) fn non_public_reason(address: IpAddr) -> Option<&'static str> {
    match embedded_ipv4(address) {
        IpAddr::V4(v4) => V4
            .iter()
            .find(|special| special.network.contains(&v4))
            .map(|special| special.purpose),
        IpAddr::V6(v6) => non_public_reason_v6(v6),
    }
}

/// The IPv4 address that an IPv4-mapped or NAT64 address reaches; any other address unchanged.
pub(crate) fn embedded_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let parts = v6.segments();
    let low = Ipv4Addr::from((u32::from(parts[6]) << 16) | u32::from(parts[7]));
    match parts[..6] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => IpAddr::V4(low),
        _ => address,
    }
}

fn non_public_reason_v6(address: Ipv6Addr) -> Option<&'static str> {
    let find = |table: &[Special<Ipv6Net>]| {
        table
            .iter()
            .find(|special| special.network.contains(&address))
            .map(|special| special.purpose)
    };
    if GLOBAL_UNICAST.contains(&address) {
        return find(V6);
    }
    find(V6_NAMED).or(Some("not public"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<&'static str> {
        non_public_reason(text.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_are_public() {
        for public in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.255",
        ] {
            assert_eq!(reason(public), None, "{public}");
        }
        for public in [
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(reason(public), None, "{public}");
        }
    }

    #[test]
    fn special_purpose_ipv4_is_not_public() {
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
        ];
        special
            .iter()
            .for_each(|address| assert!(reason(address).is_some(), "{address}"));
    }

    #[test]
    fn special_purpose_ipv6_is_not_public_in_any_notation() {
        let special = [
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2001::1",
            "2001:db8::1",
            "2001:2::1",
            "3fff::1",
            "100::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        special
            .iter()
            .for_each(|address| assert!(reason(address).is_some(), "{address}"));
    }
    proptest::proptest! {
        /// An IPv4 address is classified alike in every notation, and never more permissively than
        /// by the standard library.
        #[test]
        fn embedded_ipv4_is_classified_as_ipv4(bits in proptest::prelude::any::<u32>()) {
            let v4 = Ipv4Addr::from(bits);
            let expected = non_public_reason(v4.into());
            proptest::prop_assert_eq!(non_public_reason(v4.to_ipv6_mapped().into()), expected);
            let nat64 = Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(bits));
            proptest::prop_assert_eq!(non_public_reason(nat64.into()), expected);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || v4.is_unspecified() || v4.is_documentation();
            proptest::prop_assert!(!special || expected.is_some(), "{}", v4);
        }

        #[test]
        fn only_global_unicast_is_public(bits in proptest::prelude::any::<u128>()) {
            let v6 = Ipv6Addr::from(bits);
            let is_v4 = embedded_ipv4(v6.into()).is_ipv4();
            proptest::prop_assert!(is_v4 || (bits >> 125) == 1 || non_public_reason(v6.into()).is_some(), "{}", v6);
        }
    }
}
