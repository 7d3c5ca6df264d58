//! An alibi that holds, and every way in which one doesn't.

use super::*;
use lull_protocol::cose::Signed;
use lull_protocol::statement::{
    AcceptanceRule, FetchReport, Hop, JobClass, Offer, OperatorCard, Outcome, Price, Report, Traffic, WorkResult,
};
use lull_protocol::units::Nonce;
use lull_protocol::{Amount, ByteCount, FetchItem, Hash, Item, Method, OrderId, SigningKey, Timestamp};
use serde_json::Value;
use zeroize::Zeroizing;

const URL: &str = "https://www.rust-lang.org/learn?q=1";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn time(ms: u64) -> Timestamp {
    Timestamp::new(1_791_194_400_000 + ms).unwrap()
}

fn item() -> FetchItem {
    FetchItem {
        order: OrderId([3; 16]),
        requester: "Open Index \"e.V.\"".into(),
        purpose: "A search index".into(),
        url: URL.into(),
        method: Method::Get,
        bytes_max: ByteCount::new(1_000).unwrap(),
        http_allowed: false,
    }
}

/// What is signed; a case changes it before it is.
struct Case {
    card: OperatorCard,
    item: Item,
    offer: Offer,
    result: WorkResult,
    /// Who signs card, offer and result.
    signers: [u8; 3],
    /// The offer names the item, and the result the offer, unless a case says otherwise.
    names_item: bool,
    names_offer: bool,
}

fn case() -> Case {
    let price = Price { per_item: Amount::new(500).unwrap(), per_mib: Amount::ZERO };
    let hop = Hop { url: URL.into(), address: "203.0.113.5".into(), status: 200 };
    Case {
        card: OperatorCard {
            name: "Quiet Labs".into(),
            country: "DE".into(),
            contact: "abuse@quiet.example".into(),
            fee_bp: 100,
            asset: "demo credits".into(),
            demo: false,
            signed_at: time(0),
        },
        item: Item::Fetch(item()),
        offer: Offer {
            worker: key(2).public(),
            item: Hash::of(b""),
            class: JobClass::Fetch,
            nonce: Nonce([1; 16]),
            price,
            asset: "demo credits".into(),
            rule: AcceptanceRule::FetchChecks { bytes_max: ByteCount::new(1_000).unwrap() },
            issued_at: time(1_000),
            deadline: time(600_000),
            approved_at: time(900_000),
        },
        result: WorkResult {
            offer: Hash::of(b""),
            report: Report::Fetch(FetchReport {
                outcome: Outcome::Ok,
                status: 200,
                headers: vec![],
                body_hash: Hash::of(b"hello"),
                body_bytes: ByteCount::new(5).unwrap(),
                hops: vec![hop],
                traffic: Traffic { received: ByteCount::new(80).unwrap(), sent: ByteCount::new(60).unwrap() },
                head_ms: 20,
                reason: None,
            }),
            started_at: time(2_000),
            finished_at: time(3_000),
        },
        signers: [1, 1, 2],
        names_item: true,
        names_offer: true,
    }
}

fn file_of(mut case: Case) -> Value {
    let item = case.item.to_bytes();
    if case.names_item {
        case.offer.item = Hash::of(&item);
    }
    let [card_key, offer_key, result_key] = case.signers.map(key);
    let card = Signed::sign(case.card, &card_key);
    let offer = Signed::sign(case.offer, &offer_key);
    if case.names_offer {
        case.result.offer = offer.hash();
    }
    let result = Signed::sign(case.result, &result_key);
    let parts = [card.bytes(), &item, offer.bytes(), result.bytes()].map(|bytes| BASE64.encode(bytes));
    let [c, i, o, r] = parts.clone();
    let bytes = AlibiParts { card: card.bytes(), item: &item, offer: offer.bytes(), result: result.bytes() };
    let read = AlibiFacts::read(&key(1).public(), &bytes, AlibiParts { card: c, item: i, offer: o, result: r });
    match read {
        Ok(facts) => serde_json::from_str(&facts.file()).unwrap(),
        // Someone who forges parts writes the rest by hand.
        Err(_) => {
            let [card, item, offer, result] = parts;
            serde_json::json!({"format": ALIBI_FORMAT, "coordinator": key(1).public().to_string(), "words": [],
                "card": card, "item": item, "offer": offer, "result": result})
        }
    }
}

fn check(case: Case) -> Result<AlibiFacts, Unproven> {
    verify_alibi(&file_of(case).to_string(), &key(1).public())
}

#[test]
fn an_alibi_holds_and_says_who_what_and_when() {
    let facts = check(case()).unwrap();
    let text = facts.lines().join("\n");
    let said = [
        URL,
        "Open Index \"e.V.\"",
        "A search index",
        "Quiet Labs",
        "DE",
        "abuse@quiet.example",
        "203.0.113.5",
        "2026-10-05T10:00:01.000Z",
        "2026-10-05T10:00:02.000Z",
        &facts.coordinator,
        &facts.worker,
        "03030303030303030303030303030303",
        "does not prove",
    ];
    for part in said {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!((facts.received, facts.sent), (80, 60));
}

#[test]
fn an_alibi_of_a_refused_request_says_that_nothing_was_sent() {
    let mut refused = case();
    if let Report::Fetch(report) = &mut refused.result.report {
        (report.outcome, report.reason) = (Outcome::Policy, Some("sensitive".into()));
        report.hops.clear();
    }
    assert!(check(refused).unwrap().lines().iter().any(|line| line.contains("no request was sent")));
}

#[test]
fn what_does_not_belong_together_is_refused_with_the_part_s_name() {
    let refused = |change: fn(&mut Case), says: &str| {
        let mut changed = case();
        change(&mut changed);
        let error = check(changed).expect_err(says).to_string();
        assert!(error.contains(says), "{error} instead of {says}");
    };
    refused(|c| c.signers[0] = 9, "card: not signed by this coordinator's key");
    refused(|c| c.signers[1] = 9, "offer: not signed by this coordinator's key");
    refused(|c| c.signers[2] = 9, "result: not signed by the worker's key");
    refused(|c| c.names_item = false, "item: the offer names another one");
    refused(|c| c.names_offer = false, "result: it names another offer");
    refused(|c| c.result.started_at = Timestamp::ZERO, "result: its times");
    refused(|c| c.result.finished_at = time(600_000 + 121_000), "result: its times");
    let elsewhere = |c: &mut Case| {
        if let Report::Fetch(report) = &mut c.result.report {
            report.hops[0].url = "https://elsewhere.org/".into();
        }
    };
    refused(elsewhere, "another first request");
    let led_nowhere = |c: &mut Case| {
        if let Report::Fetch(report) = &mut c.result.report {
            report.hops.push(Hop { url: "https://elsewhere.org/".into(), address: "203.0.113.6".into(), status: 200 });
        }
    };
    refused(led_nowhere, "its requests don't lead from one to the next");
}

#[test]
fn every_changed_byte_of_a_part_is_refused() {
    let whole = file_of(case());
    for part in ["card", "item", "offer", "result"] {
        let bytes = BASE64.decode(whole[part].as_str().unwrap().as_bytes()).unwrap();
        for index in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[index] ^= 1;
            let mut file = whole.clone();
            file[part] = BASE64.encode(&bent).into();
            let error = verify_alibi(&file.to_string(), &key(1).public()).expect_err(part);
            assert!(matches!(error, Unproven::Parts(_)), "{part} byte {index}: {error}");
        }
    }
}

#[test]
fn every_changed_field_of_the_file_is_refused() {
    let (whole, right) = (file_of(case()), key(1).public());
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut file = whole.clone();
        change(&mut file);
        verify_alibi(&file.to_string(), &right).expect_err("a changed file").to_string()
    };
    assert!(changed(&|f| f["format"] = "lull-alibi-2".into()).contains("lull-alibi-2"));
    assert!(changed(&|f| f["coordinator"] = key(9).public().to_string().into()).contains("another key"));
    assert!(changed(&|f| f["more"] = 1.into()).contains("more"));
    for part in ["card", "item", "offer", "result"] {
        assert_eq!(changed(&|f| f[part] = "!".into()), format!("{part}: not base64"));
        assert!(changed(&|f| drop(f.as_object_mut().unwrap().remove(part))).contains(part));
    }
    let lines = whole["words"].as_array().unwrap().len();
    for index in 0..lines {
        let says = format!("words: line {}", index + 1);
        assert!(changed(&|f| f["words"][index] = "I was at home.".into()).starts_with(&says), "{says}");
    }
    assert!(changed(&|f| f["words"].as_array_mut().unwrap().push("And more.".into())).starts_with("words"));
    assert!(changed(&|f| drop(f["words"].as_array_mut().unwrap().pop())).starts_with("words"));
    let other = verify_alibi(&whole.to_string(), &key(9).public());
    assert_eq!(other, Err(Unproven::Coordinator), "another coordinator's key");
    assert!(matches!(verify_alibi("no json", &right), Err(Unproven::Json(_))));
    assert_eq!(verify_alibi(&" ".repeat(ALIBI_BYTES_MAX + 1), &right), Err(Unproven::TooLarge));
}
