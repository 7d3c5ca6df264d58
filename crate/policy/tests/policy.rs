//! Policy against its tables, and against the `url` crate as an independent WHATWG implementation.
#![cfg(not(target_arch = "wasm32"))]

mod table;

use lull_policy::{Refusal, judge_address, judge_hops, judge_url};
use lull_protocol::limits::{HOPS_MAX, URL_BYTES_MAX};
use proptest::prelude::*;
use url::{Host, Url};

#[test]
fn tables_hold() {
    table::check_all();
}

#[test]
fn tables_are_as_the_standard_reads_them() {
    for url in table::ORDINARY {
        assert_same_destination(url);
    }
    // No spelling of an address passes for a name: whatever the standard reads as an address is refused as one.
    for (reason, url, _) in table::refused() {
        let parsed = Url::parse(url);
        if let Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))) = parsed.as_ref().map(Url::host) {
            assert_eq!(reason, Refusal::IpLiteral, "{url}");
        }
    }
}

#[test]
fn codes_are_one_to_one() {
    for (i, refusal) in Refusal::ALL.into_iter().enumerate() {
        assert_eq!(refusal as usize, i);
        assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        assert!(refusal.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    }
    assert_eq!(Refusal::from_code("no_such_code"), None);
}

#[test]
fn lengths_are_held() {
    let long = |bytes: usize| format!("https://a.org/{}", "a".repeat(bytes - "https://a.org/".len()));
    assert!(judge_url(&long(URL_BYTES_MAX), false).is_ok());
    assert_eq!(judge_url(&long(URL_BYTES_MAX + 1), false), Err(Refusal::Malformed));
    assert!(judge_url(&format!("https://{}.org/", "a".repeat(63)), false).is_ok());
    assert_eq!(judge_url(&format!("https://{}.org/", "a".repeat(64)), false), Err(Refusal::Malformed));
    let host = |bytes: usize| format!("https://{}org/", "a.".repeat(126) + &"b".repeat(bytes - 252 - 3 - 1) + ".");
    assert_eq!(judge_url(&host(257), false), Err(Refusal::Malformed));
    let widest = "a.".repeat(125) + "org";
    assert_eq!(widest.len(), 253);
    assert!(judge_url(&format!("https://{widest}/"), false).is_ok());
    assert_eq!(judge_url(&format!("https://b{widest}/"), false), Err(Refusal::Malformed));
}

#[test]
fn hops_are_judged_one_by_one() {
    const ITEM: &str = "https://harbour-library.org/";
    const NEXT: &str = "https://www.harbour-library.org/";
    let judge = |hops: &[(&'static str, &'static str)]| judge_hops(ITEM, false, hops.iter().copied());
    assert_eq!(judge(&[(ITEM, "1.1.1.1")]), Ok(()));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"), (NEXT, "2606:4700::1111")]), Ok(()));
    assert_eq!(judge(&[]), Err(Refusal::FirstHop));
    assert_eq!(judge(&[(NEXT, "1.1.1.1")]), Err(Refusal::FirstHop));
    assert_eq!(judge(&[(ITEM, "10.0.0.1")]), Err(Refusal::PrivateAddress));
    assert_eq!(judge(&[(ITEM, "")]), Err(Refusal::NoAddress));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"), (NEXT, "127.0.0.1")]), Err(Refusal::PrivateAddress));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"), ("https://localhost/", "1.1.1.1")]), Err(Refusal::SpecialName));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"), ("http://harbour-library.org/", "1.1.1.1")]), Err(Refusal::Scheme));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"); HOPS_MAX]), Ok(()));
    assert_eq!(judge(&[(ITEM, "1.1.1.1"); HOPS_MAX + 1]), Err(Refusal::TooManyHops));
}

/// An accepted URL is, to the independent parser, the very same string, with a name for a host and
/// nothing that a browser would add or drop. A label of Punycode may encode nothing: then it is no URL.
fn assert_same_destination(url: &str) {
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(e) => return assert!(url.contains("xn--"), "{url}: {e}"),
    };
    assert_eq!(parsed.as_str(), url);
    assert!(matches!(parsed.host(), Some(Host::Domain(_))), "{url}");
    assert_eq!((parsed.port(), parsed.username(), parsed.password()), (None, "", None), "{url}");
    assert_eq!(parsed.fragment(), None, "{url}");
    let host = judge_url(url, true).ok().map(|d| d.host.to_owned());
    assert_eq!(host.as_deref(), parsed.host_str(), "{url}");
}

/// Near-URLs: each part from what is right and what is close to right.
fn near_url() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![6 => Just("https://"), 1 => Just("http://"), 1 => Just("https:/"), 1 => Just("HTTPS://")];
    let before = prop_oneof![12 => Just(""), 1 => Just("user@"), 1 => Just("a:b@")];
    let label = prop_oneof![
        8 => "[a-z]([a-z0-9-]{0,6}[a-z0-9])?",
        2 => "[a-zA-Z0-9._%-]{0,5}",
        1 => "xn--[a-z0-9-]{1,8}",
        1 => "0x[0-9a-f]{0,4}|[0-9]{1,10}",
        1 => "\\PC{1,3}",
    ];
    let top = prop_oneof![8 => Just("org".to_owned()), 2 => "[a-z]{1,3}", 1 => "[0-9]{1,3}", 1 => "0x[0-9a-f]{0,2}"];
    let port = prop_oneof![12 => Just(""), 1 => Just(":443"), 1 => Just(":8080"), 1 => Just(":")];
    let segment = prop_oneof![
        6 => "[!-~]{0,6}",
        4 => "[a-z]{1,6}",
        2 => "(%[0-9a-fA-F]{2}|\\.|%2e|%2E){0,3}",
        1 => "\\PC{0,3}",
        1 => "[\\x00-\\x7f]{0,3}",
    ];
    let path = prop::collection::vec(segment, 0..4).prop_map(|s| s.iter().map(|s| format!("/{s}")).collect::<String>());
    let query = prop_oneof![3 => Just(String::new()), 2 => "\\?[!-~]{0,8}", 1 => "\\?\\PC{0,4}", 1 => "#[a-z]{0,3}"];
    (scheme, before, prop::collection::vec(label, 0..3), top, port, path, query).prop_map(
        |(scheme, before, labels, top, port, path, query)| {
            let host: String = labels.iter().map(|l| format!("{l}.")).collect();
            format!("{scheme}{before}{host}{top}{port}{path}{query}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepted_means_one_reading(url in near_url(), http_allowed: bool) {
        if judge_url(&url, http_allowed).is_ok() {
            assert_same_destination(&url);
        }
    }

    /// The other direction: what the standard serialises of an ordinary name passes.
    #[test]
    fn serialised_passes(name in "[a-z]{2,8}-library", path in "(/\\PC{0,8}){0,4}", query in "[^#]{0,12}") {
        // This version of the `url` crate still leaves a `^` that the standard has encoded since 2024.
        let path = path.replace(['^', '#', '?'], "");
        let parsed = Url::parse(&format!("https://{name}.org{path}?{query}")).expect("the host is valid");
        let judged = judge_url(parsed.as_str(), false);
        let has_star = parsed.as_str().contains('*');
        let is_right = match judged {
            Ok(_) | Err(Refusal::Sensitive | Refusal::Scanner | Refusal::Adult) => !has_star,
            Err(refusal) => has_star && refusal == Refusal::Wildcard,
        };
        prop_assert!(is_right, "{}: {:?}", parsed, judged);
    }

    #[test]
    fn anything_is_judged_without_panic(text in "\\PC{0,64}|[\\x00-\\x7f]{0,64}") {
        let _ = judge_url(&text, true);
        let _ = judge_address(Some(&text));
    }

    /// Rust's own classes, an independent list, never call an accepted address private.
    #[test]
    fn accepted_addresses_are_not_special(bits: u32, wide: u128) {
        let v4 = std::net::Ipv4Addr::from(bits);
        if judge_address(Some(&v4.to_string())).is_ok() {
            prop_assert!(!v4.is_private() && !v4.is_loopback() && !v4.is_link_local() && !v4.is_broadcast());
            prop_assert!(!v4.is_documentation() && !v4.is_multicast() && !v4.is_unspecified());
        }
        let v6 = std::net::Ipv6Addr::from(wide);
        if judge_address(Some(&v6.to_string())).is_ok() {
            prop_assert!(!v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unique_local());
            prop_assert!(!v6.is_multicast() && !v6.is_unspecified());
        }
    }
}

/// Every row of both registries as IANA writes them (2025-10-09), multicast, and what is not given out (RFC 4291
/// §2.4), read by an independent implementation of networks. No address in them passes, and every other one does.
#[test]
fn registries_are_held_whole() {
    const V4: &str = "0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
        192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 \
        192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 \
        203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/4 168.63.129.16/32";
    const V6: &str = "::1/128 ::/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 \
        2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 \
        2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8 ::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 \
        4000::/2 8000::/1";
    let networks =
        |rows: &str| -> Vec<ipnet::IpNet> { rows.split_whitespace().map(|row| row.parse().expect(row)).collect() };
    let (v4, v6) = (networks(V4), networks(V6));
    let check = |address: std::net::IpAddr| {
        let is_special = match address {
            std::net::IpAddr::V4(_) => v4.iter().any(|net| net.contains(&address)),
            std::net::IpAddr::V6(six) => match carried(six) {
                Some(four) => v4.iter().any(|net| net.contains(&std::net::IpAddr::V4(four))),
                None => v6.iter().any(|net| net.contains(&address)),
            },
        };
        let expected = if is_special { Err(Refusal::PrivateAddress) } else { Ok(()) };
        assert_eq!(judge_address(Some(&address.to_string())), expected, "{address}");
    };
    for net in v4.iter().chain(&v6) {
        let (first, last) = (net.network(), net.broadcast());
        check(first);
        check(last);
        match (first, last) {
            (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) => {
                check(std::net::Ipv4Addr::from(u32::from(first).wrapping_sub(1)).into());
                check(std::net::Ipv4Addr::from(u32::from(last).wrapping_add(1)).into());
                // The same by way of each form that carries an IPv4 address.
                for four in [first, last, std::net::Ipv4Addr::from(u32::from(last).wrapping_add(1))] {
                    let bits = u128::from(u32::from(four));
                    for carrier in [0xffff << 32 | bits, 0x64_ff9b << 96 | bits, 0x2002 << 112 | bits << 80] {
                        check(std::net::Ipv6Addr::from(carrier).into());
                    }
                }
            }
            (std::net::IpAddr::V6(first), std::net::IpAddr::V6(last)) => {
                check(std::net::Ipv6Addr::from(u128::from(first).wrapping_sub(1)).into());
                check(std::net::Ipv6Addr::from(u128::from(last).wrapping_add(1)).into());
            }
            _ => unreachable!("one family"),
        }
    }
}

/// The IPv4 address that a v4-mapped, NAT64 or 6to4 address stands for.
fn carried(address: std::net::Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let bits = u128::from(address);
    let low = |bits: u128| std::net::Ipv4Addr::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"));
    address
        .to_ipv4_mapped()
        .or((bits >> 32 == 0x64_ff9b << 64).then(|| low(bits)))
        .or((bits >> 112 == 0x2002).then(|| low(bits >> 80)))
}
