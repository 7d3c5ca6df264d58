//! The main job over real sockets: leases, bodies, answers, verdicts, money, resuming.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use common::{Buyer, Server, Worker, amount, now, page, soon};
use lull_protocol::limits::{BODY_WINDOW_BYTES, VERDICTS_IN_FLIGHT_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Decision, JobClass, VerdictReason};
use lull_protocol::task::{Finding, OptionSet, Preference};
use lull_protocol::{Answer, ByteCount, Hash, ToCoordinator, ToWorker};
use serde_json::{Value, json};

#[tokio::test]
async fn a_fetch_of_several_windows_is_stored_and_paid() {
    let server = Server::start().await;
    let order = server.buyer.order(&["/3/library/"]).await;
    let mut worker = server.worker(1).await;
    worker.want(1, 0).await;
    let lease = worker.lease().await;
    assert_eq!(lease.offer.class, JobClass::Fetch);
    let body = page(1, 3 * BODY_WINDOW_BYTES as usize + 12_345);
    let result = worker.fetched(&lease, &body);
    assert_eq!(worker.deliver(&result, &body).await, result.hash());
    let (number, verdict) = worker.verdict().await;
    assert_eq!((number, verdict.decision, verdict.result), (1, Decision::Accepted, result.hash()));
    let pays = 500 + 20_000 * body.len() as u64 / (1 << 20);
    assert_eq!(verdict.amount, amount(pays));
    worker.earned(pays).await;

    let lines = server.buyer.results(&order).await;
    assert_eq!(lines.len(), 2, "one result and the progress");
    assert_eq!(lines[0]["fetch"]["body_hash"], Hash::of(&body).to_string());
    assert_eq!((&lines[1]["progress"]["items"]["done"], &lines[1]["more"]), (&json!(1), &json!(false)));
    let path = format!("/v1/results/{}/body", lines[0]["offer"].as_str().unwrap());
    let answer = server.buyer.request("GET", &path).send().await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.bytes().await.unwrap(), body);
    server.stop().await;
}

#[tokio::test]
async fn two_who_agree_both_get_their_verdict_at_once() {
    let server = Server::start().await;
    server.buyer.judge(&["sunshine"]).await;
    let (mut one, mut two) = (server.worker(1).await, server.worker(2).await);
    one.want(0, 1).await;
    let lease = one.lease().await;
    let result = one.answered(&lease, 0);
    one.deliver(&result, &[]).await;
    two.want(0, 1).await;
    let lease = two.lease().await;
    let result = two.answered(&lease, 0);
    two.deliver(&result, &[]).await;
    for worker in [&mut one, &mut two] {
        let (number, verdict) = worker.verdict().await;
        assert_eq!((number, verdict.reason, verdict.amount), (1, VerdictReason::Agreed, amount(4_000)));
        worker.earned(4_000).await;
    }
    server.stop().await;
}

/// A project of each type: as its requester asks, what two people answer, and what comes out.
fn projects() -> Vec<(Value, [Answer; 2], Value)> {
    let set = |options: &[u8]| {
        let set = options.iter().try_fold(OptionSet::default(), |set, option| set.with(*option));
        Answer::Multi(set.unwrap())
    };
    let supported = |sentence| Answer::Verify(Finding::Supported { sentence });
    let source = ["The harbour froze in 1891.", "It was open again by March."];
    vec![
        (
            json!({"options": ["yes", "no"], "contents": [{"code": "1 + 1 == 2"}]}),
            [Answer::Choice(1), Answer::Choice(1)],
            json!({"type": "choice", "content": {"code": "1 + 1 == 2"}, "option": 1, "answer": "no", "decided": 1}),
        ),
        (
            json!({"type": "multi", "options": ["red", "small", "sings"], "contents": [{"text": "a robin"}]}),
            [set(&[0, 2]), set(&[2, 0])],
            json!({"type": "multi", "content": {"text": "a robin"}, "options": [0, 2], "answer": ["red", "sings"],
                "decided": [0, 2]}),
        ),
        (
            json!({"type": "compare", "contents": [{"left": {"text": "a"}, "right": {"text": "b"}}]}),
            [Answer::Compare(Preference::BothBad), Answer::Compare(Preference::BothBad)],
            json!({"type": "compare", "left": {"text": "a"}, "right": {"text": "b"}, "answer": "both_bad",
                "decided": "both_bad"}),
        ),
        (
            json!({"type": "rating", "steps": 5, "lowest": "dull", "highest": "bright", "contents": [{"text": "x"}]}),
            [Answer::Rating(5), Answer::Rating(4)],
            json!({"type": "rating", "content": {"text": "x"}, "answer": 5, "decided": null}),
        ),
        (
            json!({"type": "verify", "contents": [{"claim": "It froze.", "source": source.join(" ")}]}),
            [supported(0), supported(1)],
            json!({"type": "verify", "claim": "It froze.", "source": source, "answer": "supported", "sentence": 0,
                "decided": "supported"}),
        ),
    ]
}

#[tokio::test]
async fn a_project_of_each_type_goes_from_request_to_result() {
    let server = Server::start().await;
    let mut workers = [server.worker(1).await, server.worker(2).await];
    for (asked, answers, expected) in projects() {
        let order = server.buyer.project(asked).await;
        let (_, status) = server.buyer.get(&format!("/v1/orders/{order}")).await;
        assert_eq!((&status["class"], &status["type"]), (&json!("judgment"), &expected["type"]));
        for (worker, answer) in workers.iter_mut().zip(answers) {
            worker.want(0, 1).await;
            let lease = worker.lease().await;
            let result = worker.judged(&lease, answer);
            worker.deliver(&result, &[]).await;
        }
        let lines = server.buyer.results(&order).await;
        assert_eq!(lines.len(), 3, "two results and the progress");
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&lines[0][field], value, "{field} of {}", lines[0]);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn who_waits_for_work_gets_it_when_it_comes() {
    let server = Server::start().await;
    let mut worker = server.worker(1).await;
    worker.want(1, 1).await;
    server.buyer.order(&["/3/"]).await;
    assert_eq!(worker.lease().await.offer.class, JobClass::Fetch);
    server.buyer.judge(&["rain"]).await;
    let lease = worker.lease().await;
    assert_eq!(lease.offer.class, JobClass::Judgment);
    // Skipped: the place is free again, and the next item fills it without a word.
    server.buyer.judge(&["snow"]).await;
    worker.send(&ToCoordinator::Return { offer: lease.hash, reason: ReturnReason::Skipped, shown_ms: None }).await;
    assert_ne!(worker.lease().await.item, lease.item);
    server.stop().await;
}

#[tokio::test]
async fn after_a_lost_connection_leases_and_verdicts_come_again() {
    let server = Server::start().await;
    server.buyer.order(&["/3/a", "/3/b", "/3/c"]).await;
    let mut worker = server.worker(1).await;
    worker.want(2, 0).await;
    let (first, second) = (worker.lease().await, worker.lease().await);
    worker.deliver(&worker.fetched(&first, b"one"), b"one").await;
    worker.deliver(&worker.fetched(&second, b"two"), b"two").await;
    worker.want(1, 0).await;
    let third = worker.lease().await;
    drop(worker);

    let mut again = Worker::connect(&server.address(), 1, 1).await;
    assert_eq!(again.lease().await.hash, third.hash, "the open lease comes again");
    assert_eq!(again.verdict().await.0, 2, "verdict 1 was seen, 2 was not");
    again.earned(1_000).await;
    // Sent before the connection was lost, and again now: one result, one credit.
    let result = again.fetched(&second, b"two");
    assert_eq!(again.deliver(&result, &[]).await, result.hash());
    again.send(&ToCoordinator::Ping { day_start: now(), verdicts_seen: 2 }).await;
    let account = again.wait("an account of the new day", |m| match m {
        ToWorker::Account { earned, earned_today, .. } if earned_today.get() == 0 => Some(earned.get()),
        _ => None,
    });
    assert_eq!(account.await, 1_000, "one result is one credit");
    server.stop().await;
}

#[tokio::test]
async fn verdicts_wait_for_a_worker_that_does_not_confirm() {
    let server = Server::start().await;
    let count = VERDICTS_IN_FLIGHT_MAX as u64 + 3;
    let paths: Vec<String> = (0..count).map(|n| format!("/3/{n}")).collect();
    server.buyer.order(&paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut worker = server.worker(1).await;
    for _ in 0..count {
        worker.want(1, 0).await;
        let lease = worker.lease().await;
        worker.deliver(&worker.fetched(&lease, b"x"), b"x").await;
    }
    for expected in 1..=VERDICTS_IN_FLIGHT_MAX as u64 {
        assert_eq!(worker.verdict().await.0, expected);
    }
    let ping = ToCoordinator::Ping { day_start: now(), verdicts_seen: 2 };
    worker.send(&ping).await;
    assert_eq!(worker.verdict().await.0, VERDICTS_IN_FLIGHT_MAX as u64 + 1);
    assert_eq!(worker.verdict().await.0, VERDICTS_IN_FLIGHT_MAX as u64 + 2);
    worker.send(&ping).await;
    let pong = worker.wait("nothing but a pong", |m| match m {
        ToWorker::Verdict { .. } => Some(false),
        ToWorker::Pong { .. } => Some(true),
        _ => None,
    });
    assert!(pong.await, "two were confirmed, so two more came");
    server.stop().await;
}

#[tokio::test]
async fn the_same_key_again_replaces_the_older_connection() {
    let server = Server::start().await;
    let mut older = server.worker(1).await;
    let mut newer = server.worker(1).await;
    assert_eq!(older.bye().await, RefusedCode::Replaced);
    newer.send(&ToCoordinator::Ping { day_start: now(), verdicts_seen: 0 }).await;
    newer.wait("a pong", |m| matches!(m, ToWorker::Pong { .. }).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn pictures_travel_by_hash() {
    let server = Server::start().await;
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".to_vec();
    picture.extend(page(3, 150_000));
    let hash = Hash::of(&picture);
    let put = server.buyer.request("PUT", &format!("/v1/blobs/{hash}"));
    let (status, answer) = server.buyer.json(put.header("content-type", "image/png").body(picture.clone())).await;
    assert_eq!((status, &answer["hash"]), (201, &json!(hash.to_string())));
    let project = json!({"title": "Digits", "guideline": "Look.", "question": "Which?", "options": ["1", "2"],
        "contents": [{"hash": hash.to_string(), "alt": "a digit"}], "price": 4_000, "rule": {"agree": 1, "people": 1}});
    let (status, answer) = server.buyer.json(server.buyer.request("POST", "/v1/projects").json(&project)).await;
    assert_eq!(status, 201, "{answer}");

    let mut worker = server.worker(1).await;
    let mut got = Vec::new();
    worker.send(&ToCoordinator::GetBlob { hash, offset: ByteCount::ZERO }).await;
    while got.len() < picture.len() {
        let (total, offset, bytes) = worker
            .wait("a piece", |m| match m {
                ToWorker::BlobChunk { total, offset, bytes, .. } => Some((*total, *offset, bytes.to_vec())),
                _ => None,
            })
            .await;
        assert_eq!((total.get(), offset.get()), (picture.len() as u64, got.len() as u64));
        got.extend(bytes);
    }
    assert_eq!(got, picture);
    let unknown = Hash::of(b"unknown");
    worker.send(&ToCoordinator::GetBlob { hash: unknown, offset: ByteCount::ZERO }).await;
    assert_eq!(worker.refused().await, (Some(unknown), RefusedCode::UnknownBlob));
    server.stop().await;
}

#[tokio::test]
async fn a_stopping_server_says_goodbye() {
    let server = Server::start().await;
    let mut worker = server.worker(1).await;
    let (code, ()) = tokio::join!(worker.bye(), server.stop());
    assert_eq!(code, RefusedCode::Stopping);
}

#[tokio::test]
async fn a_cancelled_order_is_withdrawn_paid_for_and_gives_the_rest_back() {
    let server = Server::start().await;
    let (_, before) = server.buyer.get("/v1/balance").await;
    let order = server.buyer.judge(&["one", "two", "three"]).await;
    let (mut first, mut second) = (server.worker(1).await, server.worker(2).await);
    first.want(0, 1).await;
    let answered = first.lease().await;
    second.want(0, 1).await;
    let looked = second.lease().await;
    let cancel = format!("/v1/orders/{order}/cancel");
    let stranger = Buyer::new(&server.address(), "lull_nobody");
    assert_eq!(stranger.json(stranger.request("POST", &cancel)).await.0, 401);
    let (status, said) = server.buyer.json(server.buyer.request("POST", &cancel)).await;
    assert_eq!((status, &said["verdicts"], &said["withdrawn"]), (200, &json!(0), &json!(2)));
    assert!(said["progress"]["cancelled_at"].is_u64());
    for (worker, lease) in [(&mut first, &answered), (&mut second, &looked)] {
        let told = worker.wait("the withdrawal", |message| match message {
            ToWorker::Withdraw { offer, reason: RefusedCode::Withdrawn } => Some(*offer),
            _ => None,
        });
        assert_eq!(told.await, lease.hash);
    }
    // The answer was under way; the other had looked for less than five seconds.
    let answer = first.answered(&answered, 1);
    first.deliver(&answer, &[]).await;
    let (_, verdict) = first.verdict().await;
    assert_eq!((verdict.reason, verdict.amount.get() > 0), (VerdictReason::Stopped, true));
    let back = ToCoordinator::Return { offer: looked.hash, reason: ReturnReason::Withdrawn, shown_ms: None };
    second.send(&back).await;
    soon("the rest of the money", async {
        while server.buyer.get("/v1/balance").await.1["held"] != json!(0) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let (_, after) = server.buyer.get("/v1/balance").await;
    let (_, status) = server.buyer.get(&format!("/v1/orders/{order}")).await;
    let spent = before["available"].as_u64().unwrap() - after["available"].as_u64().unwrap();
    assert_eq!((Some(spent), &status["items"]["open"]), (status["spent"].as_u64(), &json!(0)));
    assert!(spent > 0);
    // Again changes nothing; what is finished can't be.
    let (status, said) = server.buyer.json(server.buyer.request("POST", &cancel)).await;
    assert_eq!((status, &said["withdrawn"]), (200, &json!(0)));
    let fetches = server.buyer.order(&["/a"]).await;
    first.want(1, 0).await;
    let lease = first.lease().await;
    let page = first.fetched(&lease, b"hello");
    first.deliver(&page, b"hello").await;
    let done = server.buyer.json(server.buyer.request("POST", &format!("/v1/orders/{fetches}/cancel"))).await;
    assert_eq!((done.0, &done.1["type"]), (409, &json!("urn:lull:problem:finished")));
    let unknown =
        server.buyer.json(server.buyer.request("POST", &format!("/v1/orders/{}/cancel", "ab".repeat(16)))).await;
    assert_eq!(unknown.0, 404);
    server.stop().await;
}
