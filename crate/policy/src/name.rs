//! Which host names are names of public sites: a public suffix and at least one label, none of it reserved.

use crate::Refusal;
use crate::suffix::domain;

/// Longest host name and label, bytes (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Judges a host; gives its registrable domain.
pub(crate) fn judge_name(host: &str) -> Result<&str, Refusal> {
    // WHATWG's "ends in a number" looks past one trailing dot.
    if host.strip_suffix('.').unwrap_or(host).rsplit('.').next().is_some_and(is_number) {
        return Err(Refusal::IpLiteral);
    }
    if host.len() > HOST_BYTES_MAX || !host.split('.').all(is_label) {
        return Err(Refusal::Malformed);
    }
    if SPECIAL_USE.iter().chain(&POINTS_INSIDE).any(|name| is_under(host, name)) {
        return Err(Refusal::SpecialName);
    }
    domain(host).ok_or(Refusal::SpecialName)
}

/// Whether a host is this name or lies under it.
pub(crate) fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// WHATWG "ends-in-a-number checker": decimal, octal and hexadecimal, `0x` alone included.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    let decimal = !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    decimal || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Letters, digits and inner hyphens in lower case (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Names set apart from the public DNS, with all that lies under them. Most are in no list of public suffixes
/// anyway; that they are never asked for doesn't hang on the list's edition.
pub const SPECIAL_USE: [&str; 22] = [
    "alt",         // RFC 9476
    "example",     // RFC 6761 §6.5
    "example.com", // RFC 6761 §6.5
    "example.net", // RFC 6761 §6.5
    "example.org", // RFC 6761 §6.5
    "invalid",     // RFC 6761 §6.4
    "local",       // RFC 6762 §3
    "localhost",   // RFC 6761 §6.3
    "onion",       // RFC 7686
    "test",        // RFC 6761 §6.2
    // The network's own: 6tisch (RFC 9031), eap and eap-noob (RFC 9140), home (RFC 8375), in-addr and ip6
    // (RFC 6761 §6.1, RFC 6303), ipv4only (RFC 8880), resolver (RFC 9462), service (RFC 9665) and whatever is
    // put there next (RFC 3172).
    "arpa",
    "internal",    // ICANN board, 29 July 2024; RFC 6762 appendix G
    "intranet",    // RFC 6762 appendix G
    "private",     // RFC 6762 appendix G
    "corp",        // RFC 6762 appendix G; ICANN board, 4 February 2018
    "home",        // RFC 6762 appendix G; ICANN board, 4 February 2018
    "lan",         // RFC 6762 appendix G
    "mail",        // ICANN board, 4 February 2018
    "localdomain", // customary in /etc/hosts
    "domain",      // customary on routers
    "workgroup",   // customary in Windows networks
    "router",      // customary on routers
];

/// Public names whose use is to lead into a network: what a cloud tells its own machines, what a home's router answers
/// with itself, and name servers that answer with whatever address the name spells. Where such a name leads is judged
/// by its address as well.
pub const POINTS_INSIDE: [&str; 28] = [
    "metadata.goog",                // Google Cloud
    "metadata.packet.net",          // Equinix Metal
    "metadata.platformequinix.com", // Equinix Metal
    "metadata.tencentyun.com",      // Tencent Cloud
    "1u.ms",                        // any address, rebinding
    "lacolhost.com",                // 127.0.0.1
    "localtest.me",                 // 127.0.0.1
    "lvh.me",                       // 127.0.0.1
    "nip.io",                       // any address
    "rbndr.us",                     // rebinding
    "sslip.io",                     // any address
    "vcap.me",                      // 127.0.0.1
    "xip.io",                       // any address
    "ddev.site",                    // 127.0.0.1
    "lndo.site",                    // 127.0.0.1
    "localdev.me",                  // 127.0.0.1
    "traefik.me",                   // any address
    "plex.direct",                  // any address
    "asusrouter.com",               // a router, from within
    "router.asus.com",              // a router, from within
    "fritz.box",                    // a router, from within
    "mywifiext.net",                // a router, from within
    "orbilogin.com",                // a router, from within
    "routerlogin.com",              // a router, from within
    "routerlogin.net",              // a router, from within
    "tplinklogin.net",              // a router, from within
    "tplinkrepeater.net",           // a router, from within
    "tplinkwifi.net",               // a router, from within
];
