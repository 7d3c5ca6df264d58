//! Sign In With Solana: the text is the specification's, and only the wallet's own signature over it counts.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is a failure")]

use ed25519_dalek::{Signer, SigningKey};
use lull_protocol::connect::Purpose;
use lull_protocol::siws::{Asked, Chain, Problem, Proof, SignIn, SignInError};
use lull_protocol::units::Nonce;
use lull_protocol::{Hash, PublicKey, Timestamp, Wallet, WalletError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const SIGNED: [Purpose; 4] = [Purpose::Link, Purpose::Change, Purpose::Rebind, Purpose::PutOut];

fn time(ms: u64) -> Timestamp {
    Timestamp::new(ms).expect("a test's time is in range")
}

fn asked() -> Asked {
    Asked {
        origin: "wss://lull.harbour-library.org".into(),
        chain: Chain::Devnet,
        purpose: Purpose::Link,
        worker: PublicKey([0x17; 32]),
        ticket: Hash::of(b"a ticket"),
        nonce: Nonce([0x0f; 16]),
        issued_at: time(1_790_604_801_500),
        expires_at: time(1_790_605_101_500),
    }
}

fn sign_in() -> SignIn {
    SignIn::new(asked()).expect("it can be")
}

fn holder(seed: u8) -> (SigningKey, Wallet) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let wallet = Wallet::new(PublicKey(key.verifying_key().to_bytes())).expect("a key's");
    (key, wallet)
}

fn proof(sign_in: &SignIn, seed: u8) -> Proof {
    let (key, wallet) = holder(seed);
    signed(&key, wallet, sign_in.text(&wallet))
}

fn signed(key: &SigningKey, wallet: Wallet, text: String) -> Proof {
    let signature = key.sign(text.as_bytes()).to_bytes();
    Proof { wallet, message: text.into_bytes(), signature }
}

#[test]
fn the_text_is_this() {
    let text = sign_in().text(&holder(9).1);
    let lines = [
        "lull.harbour-library.org wants you to sign in with your Solana account:",
        "J2xccRtuG43drESLYznHhLhQkLTdfepcKYbiQ9BsJVaf",
        "",
        "Pay what this browser earns to this wallet: 78b3 7abf 24ae cb9a. Sign only if Lull's own window shows these \
         digits too. It costs nothing and sends nothing.",
        "",
        "URI: https://lull.harbour-library.org/connect",
        "Version: 1",
        "Chain ID: devnet",
        "Nonce: 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "Issued At: 2026-09-28T14:13:21.500Z",
        "Expiration Time: 2026-09-28T14:18:21.500Z",
        "Request ID: TICKET",
        "Resources:",
        "- nih:sha-256;WORKER",
    ];
    let whole = lines.join("\n").replace("TICKET", &Hash::of(b"a ticket").to_string());
    assert_eq!(text, whole.replace("WORKER", &PublicKey([0x17; 32]).fingerprint().to_string()));
}

#[test]
fn a_wallet_that_signed_has_signed() {
    let sign_in = sign_in();
    assert_eq!(sign_in.verify(&proof(&sign_in, 9), asked().issued_at), Ok(()));
    assert_eq!(sign_in.verify(&proof(&sign_in, 9), asked().expires_at.minus(1)), Ok(()));
    assert_eq!(sign_in.verify(&proof(&sign_in, 9), asked().expires_at), Err(Problem::Expired));
}

/// Texts that were signed, and for something else.
#[test]
fn what_else_was_signed_is_named() {
    let sign_in = sign_in();
    let other = |change: fn(&mut Asked)| {
        let mut asked = asked();
        change(&mut asked);
        let other = SignIn::new(asked).expect("it can be");
        sign_in.verify(&proof(&other, 9), self::asked().issued_at)
    };
    assert_eq!(other(|a| a.origin = "wss://lull.harbour-1ibrary.org".into()), Err(Problem::OtherDomain));
    assert_eq!(other(|a| a.purpose = Purpose::Change), Err(Problem::OtherStatement));
    assert_eq!(other(|a| a.purpose = Purpose::Rebind), Err(Problem::OtherStatement));
    assert_eq!(other(|a| a.purpose = Purpose::PutOut), Err(Problem::OtherStatement));
    assert_eq!(other(|a| a.worker = PublicKey([0x18; 32])), Err(Problem::OtherStatement));
    assert_eq!(other(|a| a.chain = Chain::Mainnet), Err(Problem::OtherText));
    assert_eq!(other(|a| a.nonce = Nonce([0xf0; 16])), Err(Problem::Replayed));
    assert_eq!(other(|a| a.ticket = Hash::of(b"another")), Err(Problem::Replayed));
    assert_eq!(other(|a| a.issued_at = a.issued_at.plus(1)), Err(Problem::Replayed));
    assert_eq!(other(|a| a.expires_at = a.expires_at.plus(1)), Err(Problem::Replayed));

    let (key, wallet) = holder(9);
    let judge = |proof: &Proof| sign_in.verify(proof, asked().issued_at);
    let says = |text: &str| judge(&signed(&key, wallet, text.into()));
    let text = sign_in.text(&wallet);
    for changed in ["", "sign this", &text[..text.len() - 1], &format!("{text}\n"), &text.replace("\n\n", "\n")] {
        assert!(says(changed).is_err(), "{changed:?}");
    }
    assert_eq!(says(&format!("{text}\n- https://example.org")), Err(Problem::OtherText));
    let claimed = Proof { wallet: holder(8).1, ..proof(&sign_in, 9) };
    assert_eq!(judge(&claimed), Err(Problem::OtherAccount), "another account than it signed for");
    let (stranger, _) = holder(8);
    assert_eq!(judge(&signed(&stranger, wallet, text)), Err(Problem::Signature), "a key that isn't the account's");
}

#[test]
fn what_has_no_text_is_no_sign_in() {
    let with = |change: fn(&mut Asked)| {
        let mut asked = asked();
        change(&mut asked);
        SignIn::new(asked).err()
    };
    for origin in ["", "wss://", "https://a.example", "ws://a.example", "wss://a.example/x", "wss://a\n.example"] {
        assert_eq!(SignIn::new(Asked { origin: origin.into(), ..asked() }), Err(SignInError::Origin), "{origin:?}");
    }
    assert_eq!(with(|a| a.purpose = Purpose::Unlink), Some(SignInError::Purpose));
    assert_eq!(with(|a| a.expires_at = a.issued_at.minus(1)), Some(SignInError::Times));
    assert_eq!(with(|a| a.expires_at = time(253_402_300_800_000)), Some(SignInError::Times));
    assert_eq!(with(|a| a.expires_at = time(253_402_300_799_999)), None);
}

/// As `location.host` of the page says it.
#[test]
fn a_domain_is_the_browser_s() {
    let domain = |origin: &str| {
        let input = SignIn::new(Asked { origin: origin.into(), ..asked() }).expect("an origin").input();
        (input.domain, input.uri)
    };
    let check = |origin: &str, host: &str, page: &str| assert_eq!(domain(origin), (host.into(), page.into()));
    check("wss://a.example", "a.example", "https://a.example/connect");
    check("wss://a.example:443", "a.example", "https://a.example/connect");
    check("wss://a.example:80", "a.example:80", "https://a.example:80/connect");
    check("wss://a.example:8443", "a.example:8443", "https://a.example:8443/connect");
    check("ws://127.0.0.1:7070", "127.0.0.1:7070", "http://127.0.0.1:7070/connect");
    check("ws://[::1]:80", "[::1]", "http://[::1]/connect");
    check("ws://localhost:443", "localhost:443", "http://localhost:443/connect");
}

#[test]
fn addresses_are_wallets_if_a_key_is_behind_them() {
    let key = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
    assert_eq!(
        key.parse::<Wallet>().map(|wallet| (wallet.to_string(), wallet.short())),
        Ok((key.into(), "9xQe…VFin".into()))
    );
    for (text, why) in [
        ("", WalletError::NotAnAddress),
        ("0OIl", WalletError::NotAnAddress),
        (&key[4..], WalletError::NotAnAddress),
        (&format!("{key}1"), WalletError::NotAnAddress),
        (&format!("1{key}"), WalletError::NotAnAddress),
        (&format!(" {key}"), WalletError::NotAnAddress),
        ("11111111111111111111111111111111", WalletError::NoKey),
        ("8SBKzEQU4nLSzcwF4a74F2iaUDQyTfjGndn6qUWBnrpR", WalletError::NoKey),
    ] {
        assert_eq!(text.parse::<Wallet>(), Err(why), "{text}");
    }
}

/// The specification's ABNF, line by line, written apart from the code that builds the text.
fn is_by_the_specification(text: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    let [
        head,
        address,
        "",
        statement,
        "",
        uri,
        version,
        chain,
        nonce,
        issued,
        expires,
        request,
        "Resources:",
        resource,
    ] = lines[..]
    else {
        return false;
    };
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let sub_delim = |c: char| "!$&'()*+,;=".contains(c);
    let pchar = |c: char| unreserved(c) || sub_delim(c) || ":@".contains(c);
    let reserved = |c: char| sub_delim(c) || ":/?#[]@".contains(c);
    let is_uri = |uri: &str| {
        uri.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                && rest.chars().all(|c| pchar(c) || "/?#[]".contains(c))
        })
    };
    let is_time = |time: &str| {
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape == "0000-00-00T00:00:00.000Z"
    };
    let authority = head.strip_suffix(" wants you to sign in with your Solana account:");
    let base58 = |c: char| c.is_ascii_alphanumeric() && !"0OIl".contains(c);
    let field = |line: &str, name: &str| line.strip_prefix(name).map(str::to_owned);
    let is_field =
        |line: &str, name: &str, is: &dyn Fn(&str) -> bool| field(line, name).is_some_and(|value| is(&value));
    authority.is_some_and(|a| !a.is_empty() && a.chars().all(|c| unreserved(c) || sub_delim(c) || ":[]@".contains(c)))
        && (32..=44).contains(&address.len())
        && address.chars().all(base58)
        && !statement.is_empty()
        && statement.chars().all(|c| reserved(c) || unreserved(c) || c == ' ')
        && is_field(uri, "URI: ", &is_uri)
        && version == "Version: 1"
        && ["mainnet", "testnet", "devnet", "localnet"].contains(&chain.strip_prefix("Chain ID: ").unwrap_or_default())
        && is_field(nonce, "Nonce: ", &|n| n.len() >= 8 && n.chars().all(|c| c.is_ascii_alphanumeric()))
        && is_field(issued, "Issued At: ", &is_time)
        && is_field(expires, "Expiration Time: ", &is_time)
        && is_field(request, "Request ID: ", &|id| id.chars().all(pchar))
        && is_field(resource, "- ", &is_uri)
}

fn any_sign_in() -> impl Strategy<Value = SignIn> {
    let origin = select(&["wss://lull.example", "wss://a-b.example:8443", "ws://127.0.0.1:7070", "ws://[::1]:9"]);
    let chain = select(&[Chain::Mainnet, Chain::Testnet, Chain::Devnet, Chain::Localnet]);
    let bytes = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 16]>());
    let times = (0..253_402_300_000_000_u64, 0..800_000_u64);
    (origin, chain, select(&SIGNED), bytes, times).prop_map(|(origin, chain, purpose, bytes, (from, more))| {
        let (worker, ticket, nonce) = (PublicKey(bytes.0), Hash(bytes.1), Nonce(bytes.2));
        let (issued_at, expires_at) = (time(from), time(from + more));
        let origin = origin.to_string();
        let asked = Asked { origin, chain, purpose, worker, ticket, nonce, issued_at, expires_at };
        SignIn::new(asked).expect("it can be")
    })
}

proptest! {
    #[test]
    fn every_text_is_by_the_specification(sign_in in any_sign_in(), seed: u8) {
        let text = sign_in.text(&holder(seed).1);
        prop_assert!(is_by_the_specification(&text), "{}", text);
        prop_assert_eq!(SignIn::from_bytes(&sign_in.to_bytes()), Ok(sign_in));
    }

    /// One bit of the text, of the signature or of the account, and it is no proof; whoever signs what was changed.
    #[test]
    fn no_changed_bit_passes(sign_in in any_sign_in(), at: usize, bit in 0..8_u8, part in 0..3_u8) {
        let (key, _) = holder(9);
        let good = proof(&sign_in, 9);
        let mut bad = good.clone();
        match part {
            0 => {
                let at = at % bad.message.len();
                bad.message[at] ^= 1 << bit;
                bad.signature = key.sign(&bad.message).to_bytes();
            }
            1 => bad.signature[at % 64] ^= 1 << bit,
            _ => {
                let mut key = bad.wallet.key();
                key.0[at % 32] ^= 1 << bit;
                let Ok(wallet) = Wallet::new(key) else { return Ok(()) };
                bad.wallet = wallet;
            }
        }
        let now = sign_in.asked().expires_at.minus(1);
        prop_assume!(now < sign_in.asked().expires_at);
        prop_assert_eq!(sign_in.verify(&good, now), Ok(()));
        prop_assert!(sign_in.verify(&bad, now).is_err());
    }

    #[test]
    fn nothing_that_a_wallet_says_panics(message in vec(any::<u8>(), 0..600), signature in any::<[[u8; 32]; 2]>()) {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&signature[0]);
        bytes[32..].copy_from_slice(&signature[1]);
        let proof = Proof { wallet: holder(9).1, message: message.clone(), signature: bytes };
        prop_assert!(sign_in().verify(&proof, asked().issued_at).is_err());
        if let Ok(sign_in) = SignIn::from_bytes(&message) {
            prop_assert_eq!(sign_in.to_bytes(), message);
        }
    }

    #[test]
    fn an_address_reads_back(bytes: [u8; 32], text in ".{0,60}") {
        if let Ok(wallet) = Wallet::new(PublicKey(bytes)) {
            prop_assert_eq!(wallet.to_string().parse::<Wallet>(), Ok(wallet));
        }
        let wallet = text.parse::<Wallet>();
        prop_assert!(wallet.is_err() || wallet.is_ok_and(|wallet| wallet.to_string() == text));
    }
}
