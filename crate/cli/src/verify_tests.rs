//! Good and bad exports, access logs and ledgers.

use super::*;
use lull_protocol::cose::Signed;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::reversal::{Ending, Reversal};
use lull_protocol::statement::{
    AcceptanceRule, Decision, Hop, Input, JobClass, JudgmentReport, Outcome, Price, Traffic, VerdictReason,
};
use lull_protocol::task::Choice;
use lull_protocol::units::Nonce;
use lull_protocol::{
    Amount, Answer, ByteCount, Content, FetchItem, JudgmentItem, OrderId, SigningKey, Task, Timestamp,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// One session: a fetch with a redirect, a fetch of a page that isn't there, a judgment, and one that waits.
struct Case {
    receipts: Vec<Value>,
    log: Vec<Value>,
    ledger: Vec<Value>,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn amount(n: u64) -> Amount {
    Amount::new(n).unwrap()
}

fn time(n: u64) -> Timestamp {
    Timestamp::new(n).unwrap()
}

fn receipt(n: u8, item: &Item, report: Work, pays: Option<u64>) -> (Value, Option<Hash>) {
    let (coordinator, worker) = (key(1), key(2));
    let (class, rule) = match item {
        Item::Fetch(f) => (JobClass::Fetch, AcceptanceRule::FetchChecks { bytes_max: f.bytes_max }),
        Item::Judgment(_) => (JobClass::Judgment, AcceptanceRule::Agreement { agree: 1, people: 1 }),
    };
    let offer = Offer {
        worker: worker.public(),
        item: item.hash(),
        class,
        nonce: Nonce([n; 16]),
        price: Price { per_item: amount(4_000), per_mib: Amount::ZERO },
        asset: "demo credits".into(),
        rule,
        issued_at: time(1),
        deadline: time(10),
        approved_at: time(20),
    };
    let offer = Signed::sign(offer, &coordinator);
    let result = WorkResult { offer: offer.hash(), report, started_at: time(2), finished_at: time(3) };
    let result = Signed::sign(result, &worker);
    let verdict = pays.map(|pays| {
        let (decision, reason) = (Decision::Accepted, VerdictReason::ChecksPassed);
        let verdict = Verdict {
            result: result.hash(),
            decision,
            reason,
            amount: amount(pays),
            decided_at: time(4),
            place: None,
            rejection: None,
        };
        Signed::sign(verdict, &coordinator)
    });
    let line = json!({
        "item": BASE64.encode(&item.to_bytes()),
        "offer": BASE64.encode(offer.bytes()),
        "result": BASE64.encode(result.bytes()),
        "verdict": verdict.as_ref().map(|v| BASE64.encode(v.bytes())),
    });
    (line, verdict.map(|v| v.hash()))
}

fn fetch(url: &str) -> Item {
    Item::Fetch(FetchItem {
        order: OrderId([3; 16]),
        requester: "Buyer".into(),
        purpose: "a test".into(),
        url: url.into(),
        method: Method::Get,
        bytes_max: ByteCount::new(1_000).unwrap(),
        http_allowed: false,
    })
}

fn fetched(outcome: Outcome, hops: &[(&str, u16)], body: &[u8]) -> Work {
    let hop = |(url, status): &(&str, u16)| Hop { url: (*url).into(), address: "203.0.113.5".into(), status: *status };
    Work::Fetch(FetchReport {
        outcome,
        status: hops.last().unwrap().1,
        headers: vec![],
        body_hash: Hash::of(body),
        body_bytes: ByteCount::new(body.len() as u64).unwrap(),
        hops: hops.iter().map(hop).collect(),
        traffic: Traffic::default(),
        head_ms: 1,
        reason: None,
    })
}

fn question(n: u8) -> Item {
    Item::Judgment(JudgmentItem {
        order: OrderId([4; 16]),
        requester: "Buyer".into(),
        title: "Words".into(),
        guideline_version: 1,
        warnings: lull_protocol::WarningSet::NONE,
        guideline: "Decide.".into(),
        question: "Good?".into(),
        task: Task::Choice(Choice {
            content: Content::Text(format!("word {n}")),
            options: vec!["yes".into(), "no".into()],
        }),
        practice: None,
    })
}

fn request(path: &str, status: u16, body: &[u8]) -> Value {
    json!({"method": "GET", "host": "site.example", "path": path, "status": status,
        "body_sha256": Hash::of(body).to_string(), "body_bytes": body.len(),
        "had_cookie": false, "had_origin": false, "had_referer": false, "user_agent": "a browser"})
}

fn credit(number: u64, cause: &str, about: &str, pays: i64) -> Value {
    let worker = key(2).public();
    json!({"number": number, "at": 5, "cause": cause, "about": about, "postings": [
        {"account": "held:03", "delta": -pays}, {"account": format!("pending:{worker}"), "delta": pays}]})
}

fn case() -> Case {
    let first = fetched(Outcome::Ok, &[("https://site.example/a?x=1", 302), ("https://site.example/b", 200)], b"hello");
    let (one, hash_one) = receipt(1, &fetch("https://site.example/a?x=1"), first, Some(4_000));
    let second = fetched(Outcome::NotFound, &[("https://site.example/gone", 404)], b"");
    let (two, hash_two) = receipt(2, &fetch("https://site.example/gone"), second, Some(4_000));
    let answer = || Work::Judgment(JudgmentReport { answer: Answer::Choice(0), input: Input::Keyboard });
    let (three, hash_three) = receipt(3, &question(3), answer(), Some(3_000));
    let (four, _) = receipt(4, &question(4), answer(), None);
    let head =
        json!({"format": FORMAT, "coordinator": key(1).public().to_string(), "worker": key(2).public().to_string()});
    let about = |hash: Option<Hash>| hash.unwrap().to_string();
    let settled = json!({"number": 5, "at": 9, "cause": "settled", "about": about(hash_one), "postings": [
        {"account": format!("pending:{}", key(2).public()), "delta": -4_000},
        {"account": format!("payable:{}", key(2).public()), "delta": 4_000}]});
    Case {
        receipts: vec![head, one, two, three, four],
        log: vec![request("/a?x=1", 302, b"moved"), request("/b", 200, b"hello"), request("/gone", 404, b"")],
        ledger: vec![
            json!({"number": 1, "at": 1, "cause": "deposit", "about": "x", "postings": [
                {"account": "deposits", "delta": -9}, {"account": "available:01", "delta": 9}]}),
            credit(2, "verdict", &about(hash_one), 4_000),
            credit(3, "verdict", &about(hash_two), 4_000),
            credit(4, "verdict", &about(hash_three), 3_000),
            settled,
        ],
    }
}

fn run(case: &Case) -> Report {
    let text = |lines: &[Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let (receipts, log, ledger) = (text(&case.receipts), text(&case.log), text(&case.ledger));
    let inputs =
        Inputs { receipts: &receipts, coordinator: Some(key(1).public()), ledger: Some(&ledger), site_log: Some(&log) };
    verify(&inputs).unwrap()
}

/// Exactly one kind of disagreement: each line holds the words.
fn disagrees(case: &Case, words: &str) {
    let report = run(case);
    assert!(report.disagreements.iter().any(|line| line.contains(words)), "{words}: {:?}", report.disagreements);
}

#[test]
fn what_agrees_agrees() {
    let report = run(&case());
    assert_eq!(report.disagreements, [""; 0]);
    assert_eq!((report.judgments, report.fetches, report.bytes), (2, 2, 5));
    assert_eq!((report.verified, report.waiting, report.requests), (3, 1, Some(3)));
    assert_eq!((report.earned, report.ledger_earned), (11_000, Some(11_000)));
}

#[test]
fn the_file_of_everything_is_read_like_an_export() {
    let whole = json!({"format": EVERYTHING_FORMAT, "log": [], "receipts": case().receipts}).to_string();
    let report = verify(&Inputs { receipts: &whole, ..Inputs::default() }).unwrap();
    assert_eq!((report.verified, report.waiting, report.disagreements), (3, 1, vec![]));
    let other = whole.replace(EVERYTHING_FORMAT, "another");
    assert!(verify(&Inputs { receipts: &other, ..Inputs::default() }).is_err(), "no format is guessed at");
}

#[test]
fn every_changed_byte_is_found() {
    for (line, part) in [(1, "item"), (1, "offer"), (1, "result"), (1, "verdict"), (4, "result")] {
        let good = case();
        let bytes = BASE64.decode(good.receipts[line][part].as_str().unwrap().as_bytes()).unwrap();
        for offset in 0..bytes.len() {
            let mut bad = case();
            let mut bytes = bytes.clone();
            bytes[offset] ^= 1;
            bad.receipts[line][part] = json!(BASE64.encode(&bytes));
            disagrees(&bad, &format!("receipts line {}: ", line + 1));
        }
    }
}

#[test]
fn another_coordinator_or_worker_is_found() {
    let mut bad = case();
    bad.receipts[0]["coordinator"] = json!(key(7).public().to_string());
    disagrees(&bad, "another coordinator");
    let mut bad = case();
    bad.receipts[0]["worker"] = json!(key(7).public().to_string());
    disagrees(&bad, "another worker");
}

#[test]
fn a_receipt_twice_is_found() {
    let mut bad = case();
    bad.receipts.push(bad.receipts[1].clone());
    disagrees(&bad, "twice");
}

#[test]
fn each_request_has_one_line_and_one_hop() {
    let mut bad = case();
    bad.log.remove(0);
    disagrees(&bad, "hop 1: the site's access log has no such request");
    let mut bad = case();
    bad.log.push(request("/b", 200, b"hello"));
    disagrees(&bad, "site log line 4: the request belongs to no receipt");
    let mut bad = case();
    bad.log[1]["body_sha256"] = json!(Hash::of(b"other").to_string());
    disagrees(&bad, "another body");
    let mut bad = case();
    bad.log[2]["status"] = json!(200);
    disagrees(&bad, "no such request");
}

#[test]
fn nobodys_session_travels() {
    for (field, name) in [("had_cookie", "Cookie"), ("had_origin", "Origin"), ("had_referer", "Referer")] {
        let mut bad = case();
        bad.log[1][field] = json!(true);
        disagrees(&bad, &format!("carried {name}"));
    }
}

#[test]
fn each_credit_has_one_receipt() {
    let mut bad = case();
    bad.ledger.push(credit(9, "verdict", &Hash::of(b"no receipt").to_string(), 50));
    disagrees(&bad, "without a receipt");
    let mut bad = case();
    bad.ledger.push(bad.ledger[1].clone());
    disagrees(&bad, "a second time");
    let mut bad = case();
    bad.ledger.push(credit(9, "gift", "", 50));
    disagrees(&bad, "without a receipt");
    let mut bad = case();
    bad.ledger.remove(2);
    disagrees(&bad, "never credited");
    let mut bad = case();
    bad.ledger[3]["postings"][0]["delta"] = json!(-4_000);
    bad.ledger[3]["postings"][1]["delta"] = json!(4_000);
    disagrees(&bad, "credits 4000, but");
    let mut bad = case();
    bad.ledger[0]["postings"][0]["delta"] = json!(-8);
    disagrees(&bad, "sum to zero");
}

#[test]
fn unreadable_inputs_are_errors() {
    let bad = |receipts: &str| verify(&Inputs { receipts, ..Inputs::default() }).unwrap_err();
    assert!(bad("").contains("empty"));
    assert!(bad("{}").contains("line 1"));
    assert!(bad("{\"format\":\"other\",\"coordinator\":\"\",\"worker\":\"\"}").contains("format"));
    let good = case();
    let head = good.receipts[0].to_string();
    assert!(bad(&format!("{head}\nnot json")).contains("line 2"));
    let receipts = format!("{head}\n");
    let inputs = Inputs { receipts: &receipts, ledger: Some("{"), ..Inputs::default() };
    assert!(verify(&inputs).unwrap_err().contains("ledger line 1"));
}

/// A rejected answer's receipt says what was held against it, and each word of that is signed.
#[test]
fn a_rejection_and_its_appeal_are_checked_too() {
    let (coordinator, worker) = (key(1), key(2));
    let item = question(7);
    let answered = Work::Judgment(JudgmentReport { answer: Answer::Choice(0), input: Input::Keyboard });
    let (line, _) = receipt(7, &item, answered, None);
    let part = |line: &Value, name: &str| BASE64.decode(line[name].as_str().unwrap().as_bytes()).unwrap();
    let result = Hash::of(&part(&line, "result"));
    let rejection = Rejection {
        result,
        worker: worker.public(),
        reason: VerdictReason::RejectedByBuyer,
        evidence: "No.".into(),
        decided_at: time(5),
        appeal_until: time(9),
    };
    let rejection = Signed::sign(rejection, &coordinator);
    let appeal = Signed::sign(Appeal { rejection: rejection.hash(), words: None, at: time(6) }, &worker);
    let verdict = Verdict {
        result,
        decision: Decision::Rejected,
        reason: VerdictReason::AppealDenied,
        amount: Amount::ZERO,
        decided_at: time(8),
        place: None,
        rejection: Some(rejection.hash()),
    };
    let verdict = Signed::sign(verdict, &coordinator);
    let mut whole = line;
    whole["verdict"] = json!(BASE64.encode(verdict.bytes()));
    whole["rejection"] = json!(BASE64.encode(rejection.bytes()));
    whole["appeal"] = json!(BASE64.encode(appeal.bytes()));
    let disagreements = |line: &Value| {
        let head = json!({"format": FORMAT, "coordinator": coordinator.public().to_string(),
            "worker": worker.public().to_string()});
        let receipts = format!("{head}\n{line}\n");
        let inputs = Inputs { receipts: &receipts, coordinator: None, ledger: None, site_log: None };
        verify(&inputs).unwrap().disagreements
    };
    assert_eq!(disagreements(&whole), [""; 0]);
    let mut open = whole.clone();
    (open["verdict"], open["appeal"]) = (Value::Null, Value::Null);
    assert_eq!(disagreements(&open), [""; 0], "it may still be open");
    let mut missing = whole.clone();
    missing["rejection"] = Value::Null;
    assert!(disagreements(&missing).iter().any(|line| line.contains("RejectionMatches")));
    let mut changed = whole.clone();
    let mut bytes = part(&whole, "appeal");
    *bytes.last_mut().unwrap() ^= 1;
    changed["appeal"] = json!(BASE64.encode(&bytes));
    assert!(disagreements(&changed).iter().any(|line| line.contains("AppealSigned")));
}

/// What was reversed is in the receipt and in the ledger, or both say so.
#[test]
fn what_was_reversed_is_in_both() {
    let mut good = case();
    let (worker, coordinator) = (key(2), key(1));
    let part =
        |line: &Value, name: &str| BASE64.decode(line[name].as_str().expect("a part").as_bytes()).expect("base64");
    let (result, verdict) = (part(&good.receipts[3], "result"), part(&good.receipts[3], "verdict"));
    let reversal = Reversal {
        result: Hash::of(&result),
        worker: worker.public(),
        verdict: Hash::of(&verdict),
        amount: amount(3_000),
        evidence: "No.".into(),
        decided_at: time(5),
        appeal_until: time(9),
    };
    let reversal = Signed::sign(reversal, &coordinator);
    let (hash, ending) = (reversal.hash(), Ending::Unopposed);
    let end = ReversalEnd { reversal: hash, worker: worker.public(), ending, decided_at: time(9) };
    good.receipts[3]["reversal"] = json!(BASE64.encode(reversal.bytes()));
    good.receipts[3]["reversal_end"] = json!(BASE64.encode(Signed::sign(end, &coordinator).bytes()));
    let entry = json!({"number": 6, "at": 9, "cause": "reversed", "about": Hash::of(&verdict).to_string(), "postings": [
        {"account": format!("pending:{}", worker.public()), "delta": -3_000},
        {"account": format!("reversed:{}", worker.public()), "delta": 3_000},
        {"account": "deposits", "delta": -3_000}, {"account": "available:01", "delta": 3_000}]});
    good.ledger.push(entry);
    let report = run(&good);
    assert_eq!((report.disagreements.len(), report.earned, report.reversed), (0, 11_000, 3_000));
    assert_eq!(report.ledger_earned, Some(11_000));
    let mut unsaid = good;
    let entry = unsaid.ledger.pop();
    disagrees(&unsaid, "never reversed what its verdict paid");
    let mut silent = case();
    silent.ledger.extend(entry);
    disagrees(&silent, "reverses 3000 of this worker's without a receipt");
}
