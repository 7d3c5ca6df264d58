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

/// A block of IPv4 addresses: network and prefix length.
pub type BlockV4 = ([u8; 4], u32);
/// A block of IPv6 addresses: network and prefix length.
pub type BlockV6 = (u128, u32);

/// Every block of IANA's IPv4 Special-Purpose Address Registry (as of 2025-10-09), also those that the registry
/// calls globally reachable, for no page is served there; multicast; and the one address at which a cloud answers
/// its own machines outside of these.
pub(crate) const SPECIAL_V4: [BlockV4; 19] = [
    ([0, 0, 0, 0], 8),        // this network (RFC 791)
    ([10, 0, 0, 0], 8),       // private (RFC 1918)
    ([100, 64, 0, 0], 10),    // carriers' shared space (RFC 6598)
    ([127, 0, 0, 0], 8),      // loopback (RFC 1122)
    ([168, 63, 129, 16], 32), // Azure's WireServer
    ([169, 254, 0, 0], 16),   // link-local, cloud metadata (RFC 3927)
    ([172, 16, 0, 0], 12),    // private (RFC 1918)
    ([192, 0, 0, 0], 24),     // IETF protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),     // TEST-NET-1 (RFC 5737)
    ([192, 31, 196, 0], 24),  // AS112 (RFC 7535)
    ([192, 52, 193, 0], 24),  // AMT (RFC 7450)
    ([192, 88, 99, 0], 24),   // 6to4 relays, withdrawn (RFC 7526)
    ([192, 168, 0, 0], 16),   // private (RFC 1918)
    ([192, 175, 48, 0], 24),  // AS112 (RFC 7534)
    ([198, 18, 0, 0], 15),    // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24),  // TEST-NET-2 (RFC 5737)
    ([203, 0, 113, 0], 24),   // TEST-NET-3 (RFC 5737)
    ([224, 0, 0, 0], 4),      // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),      // reserved, broadcast (RFC 1112, RFC 919)
];

fn is_global_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !SPECIAL_V4.iter().any(|&(net, len)| (bits ^ u32::from_be_bytes(net)).leading_zeros() >= len)
}

/// The one block from which global unicast is given out (RFC 4291 §2.4, IANA). `::`, `::1`, v4-compatible and
/// v4-translated addresses, 64:ff9b:1::/48 (RFC 8215), 100::/64, 100:0:0:1::/64, 5f00::/16, fc00::/7, fe80::/10 and
/// ff00::/8 lie outside.
pub(crate) const GLOBAL_V6: BlockV6 = (0x2000 << 112, 3);

/// What IANA's IPv6 Special-Purpose Address Registry (as of 2025-10-09) has inside that block. 6to4 is judged by the
/// address it carries.
pub(crate) const SPECIAL_V6: [BlockV6; 4] = [
    (0x2001 << 112, 23),     // IETF protocol assignments: Teredo, AMT, AS112, ORCHID, DRIP … (RFC 2928)
    (0x2001_0db8 << 96, 32), // documentation (RFC 3849)
    (0x2620_004f_8000 << 80, 48), // AS112 (RFC 7534)
    (0x3fff << 112, 20),     // documentation (RFC 9637)
];

fn is_global_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let is_global = |high: u16, low: u16| is_global_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        // v4-mapped (RFC 4291 §2.5.5.2), the well-known NAT64 prefix (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => return is_global(g, h),
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] if !is_global(high, low) => return false,
        // ISATAP, in whatever network (RFC 5214 §6.1).
        [.., 0 | 0x200, 0x5efe] if !is_global(g, h) => return false,
        _ => {}
    }
    let bits = address.to_bits();
    let inside = |(net, len): BlockV6| (bits ^ net).leading_zeros() >= len;
    inside(GLOBAL_V6) && !SPECIAL_V6.iter().any(|&net| inside(net))
}
