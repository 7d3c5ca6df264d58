//! The comparison on books of a few signed statements: what agrees, and each way not to.

use lull_protocol::cose::{Signed, SigningKey};
use lull_protocol::statement::{
    AcceptanceRule, Decision, Input, JobClass, JudgmentReport, Offer, Price, Report, Verdict, VerdictReason, WorkResult,
};
use lull_protocol::task::Choice;
use lull_protocol::units::Nonce;
use lull_protocol::{Amount, Answer, Content, Item, JudgmentItem, OrderId, Task, Timestamp};

use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
}

fn receipt(n: u8) -> Receipt {
    let time = |ms| Timestamp::new(ms).unwrap();
    let item = Item::Judgment(JudgmentItem {
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
    });
    let offer = Offer {
        worker: key(2).public(),
        item: item.hash(),
        class: JobClass::Judgment,
        nonce: Nonce([n; 16]),
        price: Price { per_item: Amount::new(4_000).unwrap(), per_mib: Amount::ZERO },
        asset: "demo credits".into(),
        rule: AcceptanceRule::Agreement { agree: 1, people: 1 },
        issued_at: time(1),
        deadline: time(10),
        approved_at: time(20),
    };
    let offer = Signed::sign(offer, &key(1));
    let report = Report::Judgment(JudgmentReport { answer: Answer::Choice(0), input: Input::Replay });
    let result = WorkResult { offer: offer.hash(), report, started_at: time(2), finished_at: time(3) };
    let result = Signed::sign(result, &key(2));
    let (decision, reason) = (Decision::Accepted, VerdictReason::Agreed);
    let amount = Amount::new(4_000).unwrap();
    let (result_hash, decided_at) = (result.hash(), time(4));
    let verdict = Verdict { result: result_hash, decision, reason, amount, decided_at, place: None, rejection: None };
    let verdict = Signed::sign(verdict, &key(1));
    let bytes = |bytes: &[u8]| bytes.to_vec();
    Receipt {
        item: item.to_bytes(),
        offer: bytes(offer.bytes()),
        result: bytes(result.bytes()),
        verdict: bytes(verdict.bytes()),
        rejection: None,
        appeal: None,
        reversal: None,
        reversal_end: None,
    }
}

fn case() -> (Books, Vec<WorkerBooks>) {
    let worker = key(2).public().to_string();
    let receipts: Vec<Receipt> = (1..=3).map(receipt).collect();
    let hash = |bytes: &[u8]| Hash::of(bytes).to_string();
    let (mut journal, mut entries) = (Vec::new(), Vec::new());
    for (number, receipt) in (1..).zip(&receipts) {
        let (offer, result) = (hash(&receipt.offer), hash(&receipt.result));
        journal.push(Line::Sent { offer: offer.clone(), result: result.clone() });
        journal.push(Line::Acked { offer, result });
        journal.push(Line::Verdict { number, statement: BASE64.encode(&receipt.verdict) });
        let held = Posting { account: "deposits".into(), delta: -4_000 };
        let pending = Posting { account: format!("pending:{worker}"), delta: 4_000 };
        let about = hash(&receipt.verdict);
        entries.push(Entry { number, cause: "verdict".into(), about, postings: vec![held, pending] });
    }
    journal.push(Line::Account { earned: 12_000, pending: 12_000, payable: 0 });
    let held = receipts.iter().map(|r| (Hash::of(&r.offer), (r.result.clone(), Some(r.verdict.clone())))).collect();
    let rows = (1..).zip(receipts).map(|(number, receipt)| Row { worker: worker.clone(), number, receipt });
    let books = Books { coordinator: key(1).public(), receipts: rows.collect(), entries };
    (books, vec![WorkerBooks { name: "worker-1".into(), journal, key: worker, receipts: held }])
}

#[test]
fn books_that_agree_have_no_findings() {
    let (books, workers) = case();
    let findings = compare(&books, &workers);
    assert_eq!(findings, Findings { acknowledged: 3, ..Findings::default() });
}

#[test]
fn every_tampering_is_named() {
    let (books, workers) = case();
    crate::tamper::would_be_found(&books, &workers).unwrap();
}

#[test]
fn what_a_worker_holds_counts_too() {
    let (books, workers) = case();
    let finds = |words: &str, change: &dyn Fn(&mut WorkerBooks)| {
        let mut workers = workers.clone();
        change(&mut workers[0]);
        let findings = compare(&books, &workers);
        assert!(findings.all().any(|line| line.contains(words)), "{words}: {findings:?}");
    };
    finds("never sent it", &|w| w.journal.retain(|line| !matches!(line, Line::Sent { .. })));
    finds("does not hold the receipt", &|w| drop(w.receipts.pop_first()));
    finds("is not the coordinator's", &|w| w.receipts.first_entry().unwrap().get_mut().0[9] ^= 1);
    finds("it was told", &|w| w.journal.push(Line::Account { earned: 12_000, pending: 11_999, payable: 1 }));
    finds("two different results were signed", &|w| {
        let Line::Sent { offer, .. } = w.journal[0].clone() else { panic!("it begins with a result") };
        w.journal.push(Line::Sent { offer, result: "5a".repeat(32) });
    });
    finds("is not in the books", &|w| {
        w.journal.push(Line::Acked { offer: "5a".repeat(32), result: "5b".repeat(32) });
    });
    finds("verdict 9", &|w| w.journal.push(Line::Verdict { number: 9, statement: String::new() }));
}

#[test]
fn what_the_programs_print_is_read() {
    let (books, workers) = case();
    let row = |row: &Row| {
        let base64 = |bytes: &[u8]| BASE64.encode(bytes);
        let r = &row.receipt;
        serde_json::json!({"worker": row.worker, "worker_number": row.number, "item": base64(&r.item),
            "offer": base64(&r.offer), "result": base64(&r.result), "verdict": base64(&r.verdict)})
        .to_string()
    };
    let receipts: Vec<String> = books.receipts.iter().map(row).collect();
    let ledger = r#"{"number":1,"at":5,"cause":"deposit","about":"x","postings":[{"account":"fee","delta":1}]}"#;
    let read = Books::read(books.coordinator, &receipts.join("\n"), ledger).unwrap();
    assert_eq!((read.receipts.len(), read.entries.len()), (3, 1));
    let journal: Vec<String> = workers[0].journal.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    // A kill cut the last line short.
    let journal = journal.join("\n") + "\n{\"line\":\"acked\",\"off\n";
    let export = format!("{{\"format\":\"lull-receipts-1\",\"coordinator\":\"\",\"worker\":\"{}\"}}\n", workers[0].key);
    let read = WorkerBooks::read("worker-1", &journal, &export).unwrap();
    assert_eq!((&read.journal, &read.key), (&workers[0].journal, &workers[0].key));
}
