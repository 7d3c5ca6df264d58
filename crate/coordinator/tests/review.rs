//! A requester reviews answers over HTTP, the worker appeals over its socket, the operator decides beside the server.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use common::{Buyer, Server, Worker};
use lull_coordinator::{export, operator};
use lull_protocol::cose::{self, Signed};
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::reversal::Ending;
use lull_protocol::statement::{Decision, VerdictReason};
use lull_protocol::{Amount, Hash, OrderId, Timestamp, ToCoordinator, ToWorker};
use serde_json::{Value, json};

/// A project whose requester reviews the answers: one person each.
async fn reviewed(server: &Server, contents: usize) -> String {
    let contents: Vec<Value> = (0..contents).map(|i| json!({"text": format!("word {i}")})).collect();
    let rule = json!({"agree": 1, "people": 1});
    let asked = json!({"options": ["bad", "good"], "contents": contents, "review": true, "rule": rule});
    server.buyer.project(asked).await
}

/// Answers so many items; their offers.
async fn answers(worker: &mut Worker, count: usize) -> Vec<Hash> {
    let mut offers = vec![];
    for _ in 0..count {
        worker.want(0, 1).await;
        let lease = worker.lease().await;
        let result = worker.answered(&lease, 1);
        worker.deliver(&result, &[]).await;
        offers.push(lease.hash);
    }
    offers
}

async fn review(buyer: &Buyer, order: &str, body: Value) -> (u16, Value) {
    buyer.json(buyer.request("POST", &format!("/v1/orders/{order}/review")).json(&body)).await
}

async fn waiting(buyer: &Buyer, order: &str) -> Vec<Value> {
    let path = format!("/v1/orders/{order}/answers");
    let text = buyer.request("GET", &path).send().await.unwrap().text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn rejected(worker: &mut Worker) -> Vec<u8> {
    worker
        .wait("a rejection", |message| match message {
            ToWorker::Rejected { statement } => Some(statement.to_vec()),
            _ => None,
        })
        .await
}

fn counts(waiting: u64, rejected: u64, appealed: u64) -> Value {
    json!({"waiting": waiting, "rejected": rejected, "appealed": appealed})
}

fn appeals(server: &Server) -> Vec<Value> {
    shown(server, export::Waiting::Appeals { after: 0 })
}

fn shown(server: &Server, what: export::Waiting) -> Vec<Value> {
    let mut out = vec![];
    assert_eq!(export::waiting(&server.config.data.join("lull.sqlite"), what, &mut out).unwrap(), None);
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Appeals; returns once the coordinator has it.
async fn appeal(worker: &mut Worker, rejection: Hash, at: Timestamp) {
    let appeal = Signed::sign(Appeal { rejection, words: None, at }, &worker.key);
    worker.send(&ToCoordinator::Appeal { statement: appeal.bytes().to_vec().into() }).await;
    let told = worker.wait("the appeal", |m| match m {
        ToWorker::Appealed { rejection } => Some(*rejection),
        _ => None,
    });
    assert_eq!(told.await, rejection);
}

#[tokio::test]
async fn an_answer_is_rejected_appealed_and_paid_after_all() {
    let server = Server::start().await;
    let order = reviewed(&server, 2).await;
    let mut worker = server.worker(1).await;
    let offers = answers(&mut worker, 2).await;
    let lines = waiting(&server.buyer, &order).await;
    assert_eq!(lines.len(), 3);
    let expected =
        json!({"item": 0, "state": "waiting", "answer": "good", "content": {"text": "word 0"}, "rejection": null});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&lines[0][name], value, "{name}");
    }
    assert_eq!(
        lines[2]["progress"]["review"],
        json!({"state": "running", "paused_at": null, "reviewed": 0, "rejected": 0, "answers": counts(2, 0, 0)})
    );

    let reject = json!([{"offer": offers[0].to_string(), "evidence": "It is not good."}]);
    let body = json!({"accept": [offers[1].to_string()], "reject": reject});
    let (status, said) = review(&server.buyer, &order, body.clone()).await;
    assert_eq!((status, &said["verdicts"], &said["rejections"]), (200, &json!(1), &json!(1)));
    assert_eq!(review(&server.buyer, &order, body).await.0, 200, "again changes nothing");
    let statement = rejected(&mut worker).await;
    let rejection = Signed::<Rejection>::verify(&statement, &server.coordinator()).unwrap();
    assert_eq!(rejection.payload().evidence, "It is not good.");
    assert_eq!(worker.verdict().await.1.reason, VerdictReason::ApprovedByBuyer);

    let appeal =
        Appeal { rejection: rejection.hash(), words: Some("It is.".into()), at: rejection.payload().decided_at };
    let statement = Signed::sign(appeal, &worker.key).bytes().to_vec().into();
    worker.send(&ToCoordinator::Appeal { statement }).await;
    let told = worker.wait("the appeal", |m| match m {
        ToWorker::Appealed { rejection } => Some(*rejection),
        _ => None,
    });
    assert_eq!(told.await, rejection.hash());
    assert_eq!(waiting(&server.buyer, &order).await[0]["rejection"]["appeal"]["words"], json!("It is."));
    let shown = appeals(&server);
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["answer"], &shown[0]["rejection"]["evidence"]), (&json!("good"), &json!("It is not good.")));
    let record = json!({"reviewed": 2, "rejected": 1, "overturned": 0});
    assert_eq!((&shown[0]["requester"], &shown[0]["record"]), (&json!("Harbour Library"), &record));
    assert_eq!(shown[0]["choices"], json!(["bad", "good"]));
    assert!(shown[0]["appealed_at"].is_u64(), "by the coordinator's clock");
    assert_eq!((&shown[0]["order"], &shown[0]["rejection"]["appeal"]["words"]), (&json!(order), &json!("It is.")));
    assert_eq!(shown[0]["rejection"]["rejection"], json!(rejection.hash().to_string()));

    // The operator's word is written beside the server, and the worker hears of it all the same.
    let decided = operator::decide_appeal(&server.config, rejection.hash(), true).unwrap();
    let word = operator::Word { order: OrderId::from_hex(&order).unwrap(), is_new: true, is_reversal: false };
    assert_eq!(decided, word);
    let again = operator::decide_appeal(&server.config, rejection.hash(), true).unwrap();
    assert_eq!(again, operator::Word { is_new: false, ..word }, "again is no news");
    let (number, verdict) = worker.verdict().await;
    assert_eq!((number, verdict.reason, verdict.rejection), (2, VerdictReason::AppealUpheld, Some(rejection.hash())));
    worker.earned(8_000).await;
    assert!(operator::decide_appeal(&server.config, rejection.hash(), false).is_err(), "once");
    assert!(appeals(&server).is_empty());
    let results = server.buyer.results(&order).await;
    let about = &results[1]["rejection"];
    assert_eq!((&results[1]["reason"], &about["evidence"]), (&json!("appeal_upheld"), &json!("It is not good.")));
    assert_eq!(results[0]["rejection"], Value::Null);

    reviewed(&server, 1).await;
    worker.want(0, 1).await;
    let record = worker.wait("a lease", |m| match m {
        ToWorker::Assign { record, .. } => Some(*record),
        _ => None,
    });
    assert_eq!(record.await, Some(BuyerRecord { reviewed: 2, rejected: 1, overturned: 1 }));
    server.stop().await;
}

#[tokio::test]
async fn a_denied_appeal_pays_nothing_and_each_refusal_names_its_answer() {
    let server = Server::start().await;
    let order = reviewed(&server, 2).await;
    let mut worker = server.worker(1).await;
    let offers = answers(&mut worker, 2).await;
    let offer = |at: usize| offers[at].to_string();
    let reject = |at: usize, evidence: &str| json!({"reject": [{"offer": offer(at), "evidence": evidence}]});
    let kind = |(status, problem): (u16, Value)| {
        let field = problem["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        (status, problem["type"].as_str().unwrap().trim_start_matches("urn:lull:problem:").to_owned(), field)
    };
    let named = |status, kind: &str, field: &str| (status, kind.to_owned(), field.to_owned());
    let buyer = &server.buyer;
    assert_eq!(kind(review(buyer, &order, json!({})).await), named(422, "fields", "accept"));
    let unknown = json!({"accept": [offer(0), "ab".repeat(32)]});
    assert_eq!(kind(review(buyer, &order, unknown).await), named(404, "not-found", "accept[1]"));
    assert_eq!(kind(review(buyer, &order, reject(0, " ")).await), named(422, "fields", "reject[0].evidence"));
    assert_eq!(review(buyer, &order, reject(0, "No.")).await.0, 200);
    assert_eq!(kind(review(buyer, &order, reject(0, "Never.")).await), named(409, "rejected", "reject[0]"));
    assert_eq!(review(buyer, &order, json!({"accept": [offer(1)]})).await.0, 200);
    assert_eq!(kind(review(buyer, &order, reject(1, "No.")).await), named(409, "judged", "reject[0]"));
    let another = operator::add_requester(&server.config, "Another", None).unwrap();
    let another = Buyer { key: another.to_string(), ..buyer.clone() };
    assert_eq!(review(&another, &order, json!({"accept": [offer(0)]})).await.0, 404);
    assert_eq!(another.get(&format!("/v1/orders/{order}/answers")).await.0, 404);
    server.buyer.judge(&["plain"]).await;

    let statement = rejected(&mut worker).await;
    let rejection = Hash::of(&statement);
    assert!(operator::decide_appeal(&server.config, rejection, false).is_err(), "nobody has appealed");
    let at = cose::peek::<Rejection>(&statement).unwrap().decided_at;
    let appeal = Signed::sign(Appeal { rejection, words: None, at }, &worker.key);
    worker.send(&ToCoordinator::Appeal { statement: appeal.bytes().to_vec().into() }).await;
    while appeals(&server).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    operator::decide_appeal(&server.config, rejection, false).unwrap();
    let (_, first) = worker.verdict().await;
    let (_, verdict) = worker.verdict().await;
    assert_eq!(first.decision, Decision::Accepted);
    assert_eq!((verdict.decision, verdict.reason), (Decision::Rejected, VerdictReason::AppealDenied));
    assert_eq!(kind(review(buyer, &order, json!({"accept": [offer(0)]})).await), named(409, "judged", "accept[0]"));
    let (_, status) = buyer.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(status["items"], json!({"total": 2, "open": 1, "done": 1, "ambiguous": 0, "failed": 0}));
    server.stop().await;
}

#[tokio::test]
async fn a_paused_project_leases_nothing_until_the_operator_resumes_it() {
    let server = Server::start().await;
    let order = reviewed(&server, 8).await;
    let mut worker = server.worker(1).await;
    let offers = answers(&mut worker, 3).await;
    let reject: Vec<Value> =
        offers.iter().map(|offer| json!({"offer": offer.to_string(), "evidence": "No."})).collect();
    let (_, said) = review(&server.buyer, &order, json!({"reject": reject})).await;
    assert_eq!(said["progress"]["review"]["state"], json!("paused"));
    assert!(said["progress"]["review"]["paused_at"].is_u64());
    let mut out = vec![];
    export::waiting(&server.config.data.join("lull.sqlite"), export::Waiting::Paused, &mut out).unwrap();
    let paused: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&paused["order"], &paused["rejected"]), (&json!(order), &json!(3)));
    let mut other = server.worker(2).await;
    other.want(0, 4).await;
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(500), other.lease()).await;
    assert!(nothing.is_err(), "nothing more of it is leased");
    operator::resume(&server.config, OrderId::from_hex(&order).unwrap()).unwrap();
    let mut again = server.worker(3).await;
    again.want(0, 1).await;
    let lease = again.lease().await;
    assert!(!offers.contains(&lease.hash));
    server.stop().await;
}

#[tokio::test]
async fn the_operator_sees_what_is_rejected_and_page_by_page_what_is_appealed() {
    let server = Server::start().await;
    let (order, other) = (reviewed(&server, 4).await, reviewed(&server, 1).await);
    let mut worker = server.worker(1).await;
    let offers = answers(&mut worker, 4).await;
    let reject: Vec<Value> =
        offers[..3].iter().map(|offer| json!({"offer": offer.to_string(), "evidence": "No."})).collect();
    assert_eq!(review(&server.buyer, &order, json!({"reject": reject})).await.0, 200);
    for _ in 0..2 {
        let statement = rejected(&mut worker).await;
        let at = cose::peek::<Rejection>(&statement).unwrap().decided_at;
        appeal(&mut worker, Hash::of(&statement), at).await;
    }
    let (_, status) = server.buyer.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(status["review"]["answers"], counts(1, 1, 2));
    let of = |order: &str| shown(&server, export::Waiting::Rejected(OrderId::from_hex(order).unwrap()));
    assert_eq!((of(&order).len(), of(&other).len()), (3, 0));
    assert_eq!(of(&order)[0]["rejection"]["evidence"], json!("No."));
    let first = appeals(&server)[0]["number"].as_u64().unwrap();
    assert_eq!(shown(&server, export::Waiting::Appeals { after: first }).len(), 1);
    let reader = server.reader();
    assert_eq!([0, first].map(|after| reader.appeals_left(after).unwrap()), [2, 1]);
    server.stop().await;
}

/// Waits for what the worker is told of its contested money: the receipt as it stands.
async fn contested(worker: &mut Worker) -> Receipt {
    let told = worker.wait("a reversal", |m| match m {
        ToWorker::Reversal { receipt } => Receipt::from_bytes(receipt).ok(),
        _ => None,
    });
    told.await
}

#[tokio::test]
async fn the_operator_contests_what_was_paid_and_decides_about_the_appeal() {
    let server = Server::start().await;
    let order = reviewed(&server, 1).await;
    let mut worker = server.worker(1).await;
    let offers = answers(&mut worker, 1).await;
    assert!(operator::reverse(&server.config, offers[0], "Which?").is_err(), "it has no verdict yet");
    review(&server.buyer, &order, json!({"accept": [offers[0].to_string()]})).await;
    worker.verdict().await;
    worker.earned(4_000).await;
    let (reversal, is_new) = operator::reverse(&server.config, offers[0], "The key answered 900 in a second.").unwrap();
    assert!(is_new);
    let told = contested(&mut worker).await;
    let held = told.verify(&server.coordinator()).unwrap();
    assert_eq!(held.reversal.unwrap().payload().evidence, "The key answered 900 in a second.");
    assert_eq!(operator::reverse(&server.config, offers[0], "The key answered 900 in a second.").unwrap().0, reversal);
    appeal(&mut worker, reversal, Timestamp::ZERO).await;
    let shown = appeals(&server);
    assert_eq!((&shown[0]["reversal"], &shown[0]["appeal"]), (&json!(reversal.to_string()), &json!(null)));
    let word = operator::decide_appeal(&server.config, reversal, false).unwrap();
    assert_eq!((word.is_new, word.is_reversal), (true, true));
    let reversed = worker.wait("the account", |m| match m {
        ToWorker::Account { earned, pending, payable, reversed, .. } => {
            reversed.map(|reversed| [*earned, *pending, *payable, reversed].map(Amount::get))
        }
        _ => None,
    });
    assert_eq!(reversed.await, [4_000, 0, 0, 4_000]);
    let end = loop {
        if let Some(end) = contested(&mut worker).await.verify(&server.coordinator()).unwrap().reversal_end {
            break end;
        }
    };
    assert_eq!(end.payload().ending, Ending::Denied);
    assert_eq!(server.reader().check_ledger().unwrap().problems, [""; 0]);
    server.stop().await;
}
