//! Places for logins, sign-ups, payments and government: a first, short list of words that whole host
//! labels or whole path segments consist of. A word inside a longer slug is an ordinary article's.

/// Whether a host (its labels, left to right) is such a place.
pub(crate) fn host(labels: &[&str]) -> bool {
    let Some((top, rest)) = labels.split_last() else { return false };
    is_government(rest, top)
        || *top == "bank"
        || rest.iter().any(|label| HOST_WORDS.contains(&plain(label).as_str()))
        || rest.last().is_some_and(|second| PAYMENT_SITES.contains(&(second, top)))
}

/// Whether a path is such a place.
pub(crate) fn path(path: &str) -> bool {
    let mut first = true;
    let mut about = false;
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        let word = plain(segment);
        let word = word.as_str();
        // `/wiki/Login` is an article about logins; `/wiki/Special:UserLogin` is MediaWiki's own.
        if (!about || word.contains(':')) && (PATH_WORDS.contains(&word) || (first && FIRST_WORDS.contains(&word))) {
            return true;
        }
        about = ABOUT.contains(&word);
        first = first && is_locale(segment);
    }
    false
}

/// Whether a query asks for such a page (`?action=login`).
pub(crate) fn query(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .any(|(key, value)| PAGE_KEYS.contains(&plain(key).as_str()) && PATH_WORDS.contains(&plain(value).as_str()))
}

const HOST_WORDS: [&str; 31] = [
    "account",
    "accounts",
    "appleid",
    "auth",
    "banking",
    "billing",
    "checkout",
    "ebanking",
    "idp",
    "login",
    "logon",
    "myaccount",
    "netbanking",
    "oauth",
    "onlinebanking",
    "pay",
    "payment",
    "payments",
    "paypal",
    "register",
    "secure",
    "signin",
    "signon",
    "signup",
    "sso",
    "venmo",
    "wallet",
    "webmail",
    "passport",
    "auth0",
    "okta",
];
const PAYMENT_SITES: [(&str, &str); 4] = [("paypal", "me"), ("cash", "app"), ("revolut", "com"), ("klarna", "com")];

/// Words that make any segment of a path such a place.
const PATH_WORDS: [&str; 26] = [
    "login",
    "logon",
    "logout",
    "signin",
    "signon",
    "signup",
    "signout",
    "sso",
    "oauth",
    "oauth2",
    "checkout",
    "checkouts",
    "myaccount",
    "createaccount",
    "wplogin",
    "wpadmin",
    "wpsignup",
    "userlogin",
    "special:userlogin",
    "special:createaccount",
    "forgotpassword",
    "resetpassword",
    "passwordreset",
    "onlinebanking",
    "ebanking",
    "registration",
];
/// Words that do so only as the first segment, or right after a language.
const FIRST_WORDS: [&str; 14] = [
    "account",
    "accounts",
    "auth",
    "banking",
    "basket",
    "billing",
    "cart",
    "donate",
    "pay",
    "payment",
    "payments",
    "register",
    "subscribe",
    "wallet",
];
/// Segments that a subject follows.
const ABOUT: [&str; 11] =
    ["define", "definition", "dictionary", "docs", "tag", "tags", "term", "topic", "topics", "wiki", "word"];
const PAGE_KEYS: [&str; 8] = ["action", "do", "mode", "option", "page", "route", "title", "view"];

/// `gov`, `mil`, and what countries put in their place; short, and plainly not whole.
fn is_government(rest: &[&str], top: &str) -> bool {
    const TOP: [&str; 2] = ["gov", "mil"];
    /// Second-level names under country codes.
    const SECOND: [&str; 9] = ["gov", "mil", "gob", "gouv", "govt", "gub", "guv", "gv", "government"];
    /// Countries whose government is `go.xx`.
    const GO: [&str; 9] = ["ci", "cr", "id", "jp", "ke", "kr", "th", "tz", "ug"];
    const DOMAINS: [(&str, &str); 16] = [
        ("admin", "ch"),
        ("belgium", "be"),
        ("bund", "de"),
        ("canada", "ca"),
        ("europa", "eu"),
        ("fed", "us"),
        ("gc", "ca"),
        ("gov", "scot"),
        ("gov", "wales"),
        ("mod", "uk"),
        ("nhs", "uk"),
        ("nic", "in"),
        ("overheid", "nl"),
        ("parliament", "uk"),
        ("police", "uk"),
        ("riksdagen", "se"),
    ];
    let Some(second) = rest.last() else { return false };
    TOP.contains(&top)
        || (top.len() == 2 && SECOND.contains(second))
        || (*second == "go" && GO.contains(&top))
        || DOMAINS.contains(&(second, top))
        // state.ca.us and the like (RFC 1480).
        || (top == "us" && matches!(rest, [.., "state", _]))
}

/// `en`, `de-CH`, `pt_br`: a language in front of everything else.
fn is_locale(segment: &str) -> bool {
    let mut parts = segment.split(['-', '_']);
    let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic());
    parts.next().is_some_and(two) && parts.next().is_none_or(two) && parts.next().is_none()
}

/// One spelling of many: percent-decoded, lower-case, without `-` and `_`, up to the first `.` or `;`
/// (`/Sign-In.aspx;id=7` is `signin`).
fn plain(text: &str) -> String {
    let decoded = percent_decoded(text);
    let word = decoded.split(['.', ';']).next().unwrap_or_default();
    word.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Percent-encoded ASCII decoded; the rest as it stands.
fn percent_decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii_graphic);
        match code {
            Some(byte) => {
                out.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
