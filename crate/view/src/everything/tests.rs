//! The parts that need a wallet, and what a text may hold.

use lull_protocol::connect::{WalletEvent, WalletNews, WalletState};
use lull_protocol::payout::{NextPayout, Payouts, Schedule, Weekday, When};
use lull_protocol::siws::Chain;
use lull_protocol::{Amount, Timestamp, Wallet};
use serde_json::{Value, json};

use super::parts::{self, Object};
use crate::{WalletPage, cbor};

fn wallet() -> Wallet {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    Wallet::new(lull_protocol::PublicKey::from_hex(key).expect("RFC 8032 §7.1, test 1")).expect("a point of the curve")
}

#[test]
fn the_wallet_is_told_without_its_ticket() {
    let amount = |n| Amount::new(n).expect("small");
    let at = Timestamp::new(86_400_000).expect("small");
    let what = WalletEvent::PaidTo { wallet: wallet(), before: None, held_until: None };
    let state = WalletState {
        wallet: Some(wallet()),
        held_until: Some(at),
        news: vec![WalletNews { number: 1, at, what }],
        ..WalletState::default()
    };
    let next = NextPayout {
        earnings: amount(1_000),
        arrives: amount(900),
        fee: amount(100),
        account: Amount::ZERO,
        when: When::On(Weekday::Friday),
        day: None,
    };
    let payouts = Payouts {
        chain: Chain::Devnet,
        in_payout: amount(1),
        paid: amount(2),
        schedule: Schedule::Weekly(Weekday::Friday),
        next: Some(next),
        standstill: None,
        newest: Vec::new(),
        has_older: false,
    };
    let page = WalletPage {
        state: Some(cbor::encode(&state).into()),
        payouts: Some(cbor::encode(&payouts).into()),
        address: Some("https://lull.example/connect#secret".to_owned()),
        ..WalletPage::default()
    };
    let text = parts::wallet(&page, 3_600_000, |_| "1970-01-02".to_owned());
    assert!(!text.contains("secret"), "a ticket is a secret");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let local = "1970-01-02T01:00:00.000Z";
    let expected = json!({
        "address": wallet().to_string(),
        "held_until": local,
        "news": [{"number": 1, "time": local, "what": "paid_to", "wallet": wallet().to_string()}],
        "payouts": {
            "chain": "devnet",
            "in_payout_base_units": 1,
            "paid_base_units": 2,
            "schedule": "every Friday",
            "next": {
                "earnings_base_units": 1_000,
                "arrives_base_units": 900,
                "fee_base_units": 100,
                "account_base_units": 0,
                "when": "on Friday",
            },
            "newest": [],
            "has_older": false,
        },
    });
    assert_eq!(told, expected);
    assert_eq!(parts::wallet(&WalletPage::default(), 0, |_| String::new()), "{}");
}

#[test]
fn any_text_is_json() {
    let text = "\"}\\ \u{0}\n\u{2028} \u{202e}שלום";
    let object = Object::default().text("a", text).text("b", "").text("\"c\"", "d").end();
    assert_eq!(serde_json::from_str::<Value>(&object).expect("JSON"), json!({"a": text, "\"c\"": "d"}));
}

#[test]
fn what_is_no_receipt_is_none() {
    for line in ["", "{}", "{\"offer\":\"", "{\"offer\":\"!\"}", "{\"format\":\"lull-receipts-1\"}"] {
        assert!(parts::Signed::read(line).is_none(), "{line}");
    }
    // A line with an offer and nothing else has no words.
    assert_eq!(parts::Signed::read("{\"offer\":\"AA==\"}").and_then(|signed| signed.in_words()), None);
}
