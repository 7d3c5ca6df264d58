//! Which answering addresses pass: only those that the IANA special-purpose address registries of
//! IPv4 and IPv6 (RFC 6890) leave to the public internet.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Refusal;

/// Judges the textual address that answered a hop: IPv4, or IPv6 with or without brackets.
pub fn judge_address(address: Option<&str>) -> Result<(), Refusal> {
    let text = address.ok_or(Refusal::NoAddress)?;
    let global = match parse(text).ok_or(Refusal::NoAddress)? {
        IpAddr::V4(v4) => is_global_v4(v4),
        // A zone names a link of this machine (RFC 4007 §11): never the public internet.
        IpAddr::V6(v6) => !text.contains('%') && is_global_v6(v6),
    };
    if global { Ok(()) } else { Err(Refusal::PrivateAddress) }
}

/// Judges all addresses that a name stands for: each must pass, and there must be one.
pub fn judge_addresses<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut addresses = addresses.into_iter();
    judge_address(addresses.next())?;
    addresses.try_for_each(|address| judge_address(Some(address)))
}

fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    let bare = match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => text,
    };
    let address = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// What is not the public internet, as network and prefix length.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),       // this network (RFC 791)
    ([10, 0, 0, 0], 8),      // private (RFC 1918)
    ([100, 64, 0, 0], 10),   // carriers' shared space (RFC 6598)
    ([127, 0, 0, 0], 8),     // loopback (RFC 1122)
    ([169, 254, 0, 0], 16),  // link-local, cloud metadata (RFC 3927)
    ([172, 16, 0, 0], 12),   // private (RFC 1918)
    ([192, 0, 0, 0], 24),    // IETF protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),    // TEST-NET-1 (RFC 5737)
    ([192, 88, 99, 0], 24),  // 6to4 relays, withdrawn (RFC 7526)
    ([192, 168, 0, 0], 16),  // private (RFC 1918)
    ([198, 18, 0, 0], 15),   // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24), // TEST-NET-2 (RFC 5737)
    ([203, 0, 113, 0], 24),  // TEST-NET-3 (RFC 5737)
    ([224, 0, 0, 0], 4),     // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),     // reserved, broadcast (RFC 1112, RFC 919)
];

fn is_global_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !SPECIAL_V4.iter().any(|&(net, len)| (bits ^ u32::from_be_bytes(net)).leading_zeros() >= len)
}

/// The one block from which global unicast is given out (RFC 4291 §2.4, IANA). `::`, `::1`,
/// 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7, fe80::/10 and ff00::/8 lie outside.
const GLOBAL_V6: (u128, u32) = (0x2000 << 112, 3);

/// What is special inside that block.
const SPECIAL_V6: [(u128, u32); 3] = [
    (0x2001 << 112, 23),     // IETF protocol assignments, Teredo, ORCHID (RFC 2928, 4380, 7343)
    (0x2001_0db8 << 96, 32), // documentation (RFC 3849)
    (0x3fff << 112, 20),     // documentation (RFC 9637)
];

fn is_global_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = carried_v4(address) {
        return is_global_v4(v4);
    }
    let bits = address.to_bits();
    let inside = |(net, len): (u128, u32)| (bits ^ net).leading_zeros() >= len;
    inside(GLOBAL_V6) && !SPECIAL_V6.iter().any(|&net| inside(net))
}

/// The IPv4 address that an IPv6 one stands for: v4-mapped (RFC 4291 §2.5.5.2), the well-known NAT64
/// prefix (RFC 6052 §2.1), 6to4 (RFC 3056 §2).
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => join(g, h),
        [0x2002, high, low, ..] => join(high, low),
        _ => None,
    }
}
