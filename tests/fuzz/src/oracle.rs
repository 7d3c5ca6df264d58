//! Second opinions, written without the code under test: deterministic CBOR, `COSE_Sign1`, and which
//! addresses are the public internet's.

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

/// Whether an address is the public internet's, by Rust's own classes and, where those are not stable or
/// silent, the rows of IANA's registries.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let by_std = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || v4.is_unspecified();
    let by_registry = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !by_std && !by_registry
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return v4(g, h);
    }
    if a == 0x2002 {
        return v4(b, c);
    }
    let by_std = v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        || v6.is_unique_local()
        || v6.is_unicast_link_local();
    let is_documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let is_assignment = a == 0x2001 && b < 0x0200;
    !by_std && !is_documentation && !is_assignment && (0x2000..0x4000).contains(&a)
}
