//! Second opinions, written without the code under test: deterministic CBOR, `COSE_Sign1`, which addresses are the
//! public internet's, and which names have a public suffix.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ed25519_dalek::{Signer, SigningKey};

/// How deep values may lie in each other before the walk gives up.
const DEPTH_MAX: usize = 16;

/// Whether the bytes are one value in the deterministic encoding of RFC 8949 §4.2.1: definite lengths,
/// shortest forms, keys in order and none twice. Floats are none of this protocol's.
pub(crate) fn is_deterministic(bytes: &[u8]) -> bool {
    walk(bytes, DEPTH_MAX).is_some_and(<[u8]>::is_empty)
}

/// What follows the first value.
fn walk(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let depth = depth.checked_sub(1)?;
    let (&first, rest) = bytes.split_first()?;
    let (kind, short) = (first >> 5, first & 0x1f);
    if kind == 7 {
        return (20..=22).contains(&short).then_some(rest);
    }
    let (argument, mut rest) = argument(short, rest)?;
    match kind {
        0 | 1 => Some(rest),
        2 => rest.get(usize::try_from(argument).ok()?..),
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            core::str::from_utf8(text).ok().map(|_| rest)
        }
        4 => {
            for _ in 0..argument {
                rest = walk(rest, depth)?;
            }
            Some(rest)
        }
        5 => {
            let mut last: &[u8] = &[];
            for _ in 0..argument {
                let after = walk(rest, depth)?;
                let key = rest.get(..rest.len() - after.len())?;
                if key <= last {
                    return None;
                }
                last = key;
                rest = walk(after, depth)?;
            }
            Some(rest)
        }
        _ => walk(rest, depth),
    }
}

/// The number in or behind a first byte, if it is written in its shortest form.
fn argument(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let (len, least) = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(len)?;
    let number = number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (number >= least).then_some((number, rest))
}

/// A `COSE_Sign1` over any payload, as a peer with a key of its own can make it (RFC 9052 §4.4).
pub(crate) fn sign(typ: &str, payload: &[u8], seed: u8) -> Vec<u8> {
    let mut header = vec![0xa2, 0x01, 0x27, 0x10];
    head(3, typ.len(), &mut header);
    header.extend_from_slice(typ.as_bytes());
    let mut signed = vec![0x84];
    string(3, b"Signature1", &mut signed);
    string(2, &header, &mut signed);
    string(2, &[], &mut signed);
    string(2, payload, &mut signed);
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&signed).to_bytes();
    let mut out = vec![0xd2, 0x84];
    string(2, &header, &mut out);
    out.push(0xa0);
    string(2, payload, &mut out);
    string(2, &signature, &mut out);
    out
}

fn string(kind: u8, content: &[u8], out: &mut Vec<u8>) {
    head(kind, content.len(), out);
    out.extend_from_slice(content);
}

fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
    let len = u32::try_from(len).expect("shorter than 2^32");
    let [a, b, c, d] = len.to_be_bytes();
    match len {
        0..=23 => out.push(kind << 5 | d),
        24..=0xff => out.extend([kind << 5 | 24, d]),
        0x100..=0xffff => out.extend([kind << 5 | 25, c, d]),
        _ => out.extend([kind << 5 | 26, a, b, c, d]),
    }
}

/// Both registries of special-purpose addresses as IANA writes them (2025-10-09), multicast (RFC 5771, RFC 4291), a
/// cloud's own address, and all of IPv6 that is not given out (RFC 4291 §2.4).
const SPECIAL: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
    192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 \
    198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 224.0.0.0/4 168.63.129.16/32 ::/3 2001::/23 2001:db8::/32 \
    2620:4f:8000::/48 3fff::/20 4000::/2 8000::/1";

/// Whether an address is the public internet's, by those networks and, where they know, Rust's own classes.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_special(address: IpAddr) -> bool {
    SPECIAL.split_whitespace().any(|net| net.parse::<ipnet::IpNet>().expect("a network").contains(&address))
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let by_std = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || v4.is_unspecified();
    let is_special = is_special(v4.into());
    assert!(is_special || !by_std, "{v4}: the networks miss a class of Rust's");
    !is_special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let octets = v6.octets();
    let v4 = |at: usize| octets.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).map(Ipv4Addr::from);
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if octets.starts_with(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) {
        return v4(12).is_some_and(is_public_v4);
    }
    let is_6to4 = octets.starts_with(&[0x20, 0x02]);
    let is_isatap = matches!(octets.get(8..12), Some([0 | 2, 0, 0x5e, 0xfe]));
    let by_std = v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        || v6.is_unique_local()
        || v6.is_unicast_link_local();
    (!is_6to4 || v4(2).is_some_and(is_public_v4))
        && (!is_isatap || v4(12).is_some_and(is_public_v4))
        && !by_std
        && !is_special(v6.into())
}

/// Suffixes that the other list has otherwise, being of another day; and domains under which that implementation
/// overlooks a wildcard where a longer rule has the same label.
const OTHER_SUFFIXES: [&str; 9] = [
    "helsinki",
    "pagelemon.dev",
    "int.apple",
    "futurecms.at",
    "run.app",
    "customer-oci.com",
    "replit.dev",
    "snowflake.app",
    "firenet.ch",
];

fn is_comparable(host: &str) -> bool {
    !OTHER_SUFFIXES
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The `psl` crate finds this public suffix, or none that is listed.
pub(crate) fn has_suffix(host: &str, suffix: Option<&str>) {
    let theirs = psl::suffix(host.as_bytes()).filter(psl::Suffix::is_known);
    if is_comparable(host) {
        assert_eq!(theirs.as_ref().map(|theirs| theirs.as_bytes()), suffix.map(str::as_bytes), "{host}");
    }
}

/// The `psl` crate finds a listed suffix, a label in front of it, and this domain.
pub(crate) fn is_registrable(host: &str, domain: &str) {
    let theirs = psl::domain(host.as_bytes()).filter(|theirs| theirs.suffix().is_known());
    if is_comparable(host) {
        assert_eq!(theirs.as_ref().map(|theirs| theirs.as_bytes()), Some(domain.as_bytes()), "{host}");
    }
}
