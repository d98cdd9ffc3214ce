//! Which addresses belong to the public internet, by the registries of special-purpose addresses
//! (RFC 6890 and what IANA added since).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not public, each with its name.
const V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "unspecified"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared by a carrier (CGNAT)"),
    ([127, 0, 0, 0], 8, "loopback"),
    // The machines that run Azure's guests answer here: credentials, as at 169.254.169.254.
    ([168, 63, 129, 16], 32, "metadata"),
    ([169, 254, 0, 0], 16, "link-local or metadata"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "reserved for protocols"),
    ([192, 0, 2, 0], 24, "for documentation"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "for benchmarks"),
    ([198, 51, 100, 0], 24, "for documentation"),
    ([203, 0, 113, 0], 24, "for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved or broadcast"),
];

/// Networks within 2000::/3, the only public part of IPv6, that are not public.
const V6: &[([u16; 8], u8, &str)] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "a Teredo tunnel"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "a 6to4 tunnel"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
];

/// Names for what lies outside 2000::/3.
const V6_NAMED: &[([u16; 8], u8, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "metadata"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "private"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

/// Why an address is not one of the public internet; nothing if it is.
///
/// An IPv4 address in IPv6 clothes (mapped, RFC 4291 2.5.5.2; NAT64, RFC 6052) is judged as the
/// IPv4 address it reaches. 6to4 and Teredo tunnels are refused whatever they carry.
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match unwrapped(address) {
        IpAddr::V4(v4) => V4
            .iter()
            .find(|(net, bits, _)| within_v4(v4, Ipv4Addr::from(*net), *bits))
            .map(|net| net.2),
        IpAddr::V6(v6) => forbidden_v6(v6),
    }
}

/// The IPv4 address that is reached through a mapped or NAT64 address; any other address as it is.
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
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

/// Whether an address lies in a network.
pub(super) fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => within_v4(address, network, bits),
        (IpAddr::V6(address), IpAddr::V6(network)) => within_v6(address, network, bits),
        _ => false,
    }
}

fn forbidden_v6(address: Ipv6Addr) -> Option<&'static str> {
    let find = |table: &[([u16; 8], u8, &'static str)]| {
        table
            .iter()
            .find(|(net, bits, _)| within_v6(address, Ipv6Addr::from(*net), *bits))
            .map(|net| net.2)
    };
    if within_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3) {
        return find(V6);
    }
    find(V6_NAMED).or(Some("not public"))
}

fn within_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let shift = 32 - u32::from(bits.min(32));
    u32::from(address).checked_shr(shift) == u32::from(network).checked_shr(shift)
}

fn within_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u8) -> bool {
    let shift = 128 - u32::from(bits.min(128));
    u128::from(address).checked_shr(shift) == u128::from(network).checked_shr(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Option<&'static str> {
        forbidden(text.parse().expect("an address"))
    }

    #[test]
    fn the_public_internet_is_open() {
        for public in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.255",
        ] {
            assert_eq!(judge(public), None, "{public}");
        }
        for public in [
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(judge(public), None, "{public}");
        }
    }

    #[test]
    fn neighbours_are_closed() {
        let closed = [
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
        closed
            .iter()
            .for_each(|address| assert!(judge(address).is_some(), "{address}"));
    }

    #[test]
    fn neighbours_in_ipv6_are_closed_in_every_form() {
        let closed = [
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
        closed
            .iter()
            .for_each(|address| assert!(judge(address).is_some(), "{address}"));
    }
    proptest::proptest! {
        /// Whatever clothes an IPv4 address wears, it is judged as what it is; and the standard library's opinions are shared.
        #[test]
        fn clothes_do_not_matter(bits in proptest::prelude::any::<u32>()) {
            let v4 = Ipv4Addr::from(bits);
            let judged = forbidden(v4.into());
            proptest::prop_assert_eq!(forbidden(v4.to_ipv6_mapped().into()), judged);
            let nat64 = Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(bits));
            proptest::prop_assert_eq!(forbidden(nat64.into()), judged);
            let closed = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || v4.is_unspecified() || v4.is_documentation();
            proptest::prop_assert!(!closed || judged.is_some(), "{}", v4);
        }

        #[test]
        fn only_global_unicast_is_open(bits in proptest::prelude::any::<u128>()) {
            let v6 = Ipv6Addr::from(bits);
            let is_v4 = unwrapped(v6.into()).is_ipv4();
            proptest::prop_assert!(is_v4 || (bits >> 125) == 1 || forbidden(v6.into()).is_some(), "{}", v6);
        }
    }
}
