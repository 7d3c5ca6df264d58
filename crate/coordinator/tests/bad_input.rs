//! What a worker may send wrongly: each gets a typed answer, the other side goes on, and nothing is credited
//! that should not be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::time::{Duration, Instant};

use common::{Server, Worker, dial, fetch_report, hello, hello_frame, key, now, page, soon};
use lull_coordinator::config::Settings;
use lull_coordinator::limits::{BODIES_MEMORY_KIB_MAX, HEAD_MS_MAX};
use lull_market::session::limits::{MESSAGES_BURST_MAX, UPLOADS_MAX};
use lull_protocol::cose::Signed;
use lull_protocol::handshake::{self, CoordinatorHello, HandshakeError};
use lull_protocol::limits::{BODY_BYTES_MAX, BODY_WINDOW_BYTES, CHUNK_BYTES_MAX, FRAME_BYTES_MAX};
use lull_protocol::message::{Message as _, RefusedCode};
use lull_protocol::statement::{Decision, Outcome, Report, VerdictReason, WorkResult};
use lull_protocol::{ByteCount, Hash, ToCoordinator, ToWorker};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as SocketError;

/// The connection still works: a ping is answered.
async fn goes_on(worker: &mut Worker) {
    worker.send(&ToCoordinator::Ping { day_start: now(), verdicts_seen: 0 }).await;
    worker.wait("a pong", |m| matches!(m, ToWorker::Pong { .. }).then_some(())).await;
}

/// One worker with one open fetch lease.
async fn with_lease(server: &Server) -> (Worker, common::Lease) {
    server.buyer.order(&["/3/page"]).await;
    let mut worker = server.worker(1).await;
    worker.want(1, 0).await;
    let lease = worker.lease().await;
    (worker, lease)
}

#[tokio::test]
async fn only_the_subprotocol_is_spoken() {
    let server = Server::start().await;
    for protocol in [None, Some("lull.v2"), Some("chat")] {
        let refused = dial(&server.address(), protocol).await;
        assert!(matches!(refused, Err(SocketError::Http(answer)) if answer.status() == 400));
    }
    server.stop().await;
}

#[tokio::test]
async fn frames_that_are_no_messages_end_the_connection_with_a_word() {
    let server = Server::start().await;
    let good = ToCoordinator::want(1, 1).to_frame();
    let (truncated, longer) = (good[..good.len() - 1].to_vec(), [good.clone(), vec![0]].concat());
    for frame in [vec![], vec![0xff; 40], truncated, longer] {
        let mut worker = server.worker(1).await;
        worker.send_frame(frame).await;
        assert_eq!(worker.bye().await, RefusedCode::Malformed);
    }
    let mut worker = server.worker(1).await;
    worker.send_text("hello").await;
    assert_eq!(worker.bye().await, RefusedCode::Malformed);
    server.stop().await;
}

#[tokio::test]
async fn oversized_frames_end_the_connection_with_a_word() {
    let server = Server::start().await;
    let mut worker = server.worker(1).await;
    worker.send_frame(vec![0; FRAME_BYTES_MAX + 1]).await;
    assert_eq!(worker.bye().await, RefusedCode::TooLarge);
    // Far larger ones are not even read: the connection is gone, the server is not.
    let mut worker = server.worker(1).await;
    let _ = worker.try_send_frame(vec![0; 64 * FRAME_BYTES_MAX]).await;
    while worker.next().await.is_some() {}
    goes_on(&mut server.worker(1).await).await;
    server.stop().await;
}

#[tokio::test]
async fn the_handshake_has_one_order_one_origin_and_fresh_proofs() {
    let server = Server::start().await;
    let address = server.address();
    let proof =
        |statement: Vec<u8>| ToCoordinator::Proof { statement: statement.into(), verdicts_seen: 0, day_start: now() };
    // Reordered.
    let mut worker = Worker::raw(&address, 1).await;
    worker.send(&proof(vec![])).await;
    assert_eq!(worker.bye().await, RefusedCode::Unexpected);
    let mut worker = Worker::raw(&address, 1).await;
    worker.want(1, 1).await;
    assert_eq!(worker.bye().await, RefusedCode::Unexpected);
    // Another address dialled than this server's.
    let mut worker = Worker::raw(&address, 1).await;
    let mut elsewhere = hello(&address, &key(1));
    elsewhere.origin = "wss://elsewhere.example".into();
    worker.send(&hello_frame(&elsewhere)).await;
    assert_eq!(worker.bye().await, RefusedCode::Proof);
    // No common version.
    let mut worker = Worker::raw(&address, 1).await;
    let mut later = hello(&address, &key(1));
    later.versions = (900, 901);
    worker.send(&hello_frame(&later)).await;
    assert_eq!(worker.bye().await, RefusedCode::Version);
    // A proof replayed from an earlier connection, and one by another key.
    let mut earlier = Worker::raw(&address, 1).await;
    let old = earlier.proof(&address).await;
    let mut worker = Worker::raw(&address, 1).await;
    worker.proof(&address).await;
    worker.send(&proof(old)).await;
    assert_eq!(worker.bye().await, RefusedCode::Proof);
    let mut thief = Worker::raw(&address, 1).await;
    let mine = thief.proof(&address).await;
    let stolen = lull_protocol::cose::peek::<lull_protocol::statement::WorkerProof>(&mine).unwrap();
    thief.send(&proof(Signed::sign(stolen, &key(2)).bytes().to_vec())).await;
    assert_eq!(thief.bye().await, RefusedCode::Proof);
    // A second handshake on a connection that has one.
    let mut worker = server.worker(1).await;
    worker.send(&hello_frame(&hello(&address, &key(1)))).await;
    assert_eq!(worker.refused().await, (None, RefusedCode::Unexpected));
    goes_on(&mut worker).await;
    server.stop().await;
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_found_by_the_worker() {
    let server = Server::start().await;
    let address = server.address();
    let mut worker = Worker::raw(&address, 1).await;
    let mine = hello(&address, &worker.key);
    worker.send(&hello_frame(&mine)).await;
    let ToWorker::Hello { version, coordinator, challenge, proof, card } = worker.receive().await else {
        panic!("no hello came back");
    };
    let theirs = CoordinatorHello { version, coordinator, challenge, proof: &proof, card: &card };
    let pinned = key(77).public().fingerprint();
    let found = handshake::confirm(mine, &theirs, &pinned, &worker.key).unwrap_err();
    assert_eq!(found, HandshakeError::OtherKey { pinned, found: server.coordinator() });
    drop(worker);
    goes_on(&mut server.worker(1).await).await;
    server.stop().await;
}

#[tokio::test]
async fn no_flipped_bit_of_a_result_is_ever_credited() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let result = worker.fetched(&lease, b"");
    let statement = result.bytes().to_vec();
    let good = ToCoordinator::Result { statement: statement.into() }.to_frame();
    for bit in (0..good.len() * 8).step_by(5) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        worker.send_frame(bad).await;
        let answer = worker.wait("an answer", |m| match m {
            ToWorker::Refused { code, .. } | ToWorker::Bye { code } => Some((*code, matches!(m, ToWorker::Bye { .. }))),
            ToWorker::Ack { .. } | ToWorker::Verdict { .. } => panic!("bit {bit} was taken for a result"),
            _ => None,
        });
        let (code, ended) = answer.await;
        assert!(
            matches!(code, RefusedCode::Malformed | RefusedCode::Signature | RefusedCode::Unexpected),
            "bit {bit}: {code:?}"
        );
        if ended {
            worker = server.worker(1).await;
        }
    }
    assert_eq!(worker.deliver(&result, &[]).await, result.hash(), "the good one still counts");
    worker.earned(500).await;
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_signature_names_its_offer() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let forged = Signed::sign(worker.fetched(&lease, b"").payload().clone(), &key(9));
    worker.send_result(&forged).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::Signature));
    goes_on(&mut worker).await;
    server.stop().await;
}

#[tokio::test]
async fn a_lease_belongs_to_one_worker() {
    let server = Server::start().await;
    let (_owner, lease) = with_lease(&server).await;
    let mut other = server.worker(2).await;
    let result = other.fetched(&lease, b"body");
    other.send_result(&result).await;
    assert_eq!(other.refused().await, (Some(lease.hash), RefusedCode::NotYours));
    let mut unknown = lease.clone();
    unknown.hash = Hash::of(b"no such offer");
    other.send_result(&other.fetched(&unknown, b"body")).await;
    assert_eq!(other.refused().await, (Some(unknown.hash), RefusedCode::UnknownOffer));
    server.stop().await;
}

#[tokio::test]
async fn a_lease_that_is_over_takes_no_result() {
    let server = Server::with(Settings { fetch_lease_ms: Some(1_000), ..Settings::default() }).await;
    let (mut worker, lease) = with_lease(&server).await;
    let withdrawn = worker.wait("the withdrawal", |m| match m {
        ToWorker::Withdraw { offer, reason } => Some((*offer, *reason)),
        _ => None,
    });
    assert_eq!(withdrawn.await, (lease.hash, RefusedCode::LeaseExpired));
    worker.send_result(&worker.fetched(&lease, b"late")).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::LeaseExpired));
    server.stop().await;
}

#[tokio::test]
async fn the_first_result_counts_and_an_equal_one_is_acknowledged_again() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let first = worker.fetched(&lease, b"first");
    let hash = worker.deliver(&first, b"first").await;
    assert_eq!(worker.deliver(&first, &[]).await, hash, "no body is asked for twice");
    worker.send_result(&worker.fetched(&lease, b"second")).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::ResultDiffers));
    worker.earned(500).await;
    assert_eq!(server.reader().verdicts_after(&worker.key.public(), 0, 9).unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_body_stays_inside_what_was_asked_for() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let body = page(1, BODY_WINDOW_BYTES as usize + 100);
    let result = worker.fetched(&lease, &body);
    // Nothing was asked for; another place than asked; nothing at all.
    worker.send_chunk(lease.hash, 0, &body[..10]).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::BodyRange));
    for (offset, bytes) in [(10, &body[10..20]), (0, &body[..0])] {
        worker.send_result(&result).await;
        assert_eq!(worker.wanted().await, (lease.hash, 0, BODY_WINDOW_BYTES));
        worker.send_chunk(lease.hash, offset, bytes).await;
        assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::BodyRange));
    }
    // More than a chunk may hold is no message of the protocol.
    worker.send_result(&result).await;
    worker.wanted().await;
    worker.send_chunk(lease.hash, 0, &body[..CHUNK_BYTES_MAX + 1]).await;
    assert_eq!(worker.bye().await, RefusedCode::Malformed);
    let mut worker = server.worker(1).await;
    // While a body is on its way, its result is not taken a second time.
    worker.send_result(&result).await;
    worker.wanted().await;
    worker.send_result(&result).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::Unexpected));
    // The right length with another byte in it.
    let mut other = body.clone();
    other[77] ^= 1;
    let mut sent = 0;
    for chunk in other.chunks(CHUNK_BYTES_MAX) {
        worker.send_chunk(lease.hash, sent as u64, chunk).await;
        sent += chunk.len();
    }
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::BodyHash));
    let _ = worker.wanted().await;
    assert_eq!(worker.deliver(&result, &body).await, result.hash());
    server.stop().await;
}

#[tokio::test]
async fn a_body_over_its_limit_is_not_even_asked_for() {
    let server = Server::start().await;
    let order = json!({"purpose": "small pages", "urls": [common::url("/3/a"), common::url("/3/b")],
        "bytes_max": 1_000, "price": {"per_item": 500}});
    let (status, _) = server.buyer.json(server.buyer.request("POST", "/v1/orders").json(&order)).await;
    assert_eq!(status, 201);
    let mut worker = server.worker(1).await;
    worker.want(2, 0).await;
    let (first, second) = (worker.lease().await, worker.lease().await);
    // Over the order's limit by the worker's own word: stored, and judged by it.
    worker.send_result(&worker.fetched(&first, &page(1, 1_001))).await;
    worker.ack(first.hash).await;
    let (_, verdict) = worker.verdict().await;
    assert_eq!((verdict.decision, verdict.reason), (Decision::Rejected, VerdictReason::BodyTooLarge));
    // Over the protocol's limit: no result at all.
    let mut report = fetch_report(&second, b"");
    report.body_bytes = ByteCount::new(BODY_BYTES_MAX + 1).unwrap();
    worker.send_result(&worker.sign(&second, Report::Fetch(report))).await;
    assert_eq!(worker.refused().await, (Some(second.hash), RefusedCode::TooLarge));
    server.stop().await;
}

#[tokio::test]
async fn a_result_that_loses_by_its_own_words_brings_no_body() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let body = page(1, 100_000);
    let mut report = fetch_report(&lease, &body);
    report.hops[0].address = "10.0.0.1".into();
    let lost = worker.sign(&lease, Report::Fetch(report));
    worker.send_result(&lost).await;
    worker.ack(lease.hash).await;
    let (_, verdict) = worker.verdict().await;
    assert_eq!((verdict.decision, verdict.reason), (Decision::Rejected, VerdictReason::HopRefused));
    assert_eq!(server.reader().body(&lease.hash).unwrap(), None);
    server.stop().await;
}

#[tokio::test]
async fn small_chunks_and_chunks_that_nobody_asked_for_count_as_messages() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let chunk =
        ToCoordinator::BodyChunk { offer: lease.hash, offset: ByteCount::ZERO, bytes: vec![7].into() }.to_frame();
    for _ in 0..2 * MESSAGES_BURST_MAX {
        // The server may have closed already.
        if worker.try_send_frame(chunk.clone()).await.is_err() {
            break;
        }
    }
    assert_eq!(worker.bye().await, RefusedCode::Busy);
    server.stop().await;
}

#[tokio::test]
async fn a_clock_an_hour_off_is_seen() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    let early = lease.offer.issued_at.minus(3_600_000);
    let result = WorkResult { started_at: early, finished_at: early, ..worker.fetched(&lease, b"").payload().clone() };
    let result = Signed::sign(result, &worker.key);
    worker.deliver(&result, &[]).await;
    let (_, verdict) = worker.verdict().await;
    assert_eq!((verdict.decision, verdict.reason), (Decision::Rejected, VerdictReason::TimesOutsideLease));
    server.stop().await;
}

#[tokio::test]
async fn a_result_of_another_kind_is_refused() {
    let server = Server::start().await;
    let (mut worker, lease) = with_lease(&server).await;
    worker.send_result(&worker.answered(&lease, 0)).await;
    assert_eq!(worker.refused().await, (Some(lease.hash), RefusedCode::WrongReport));
    server.buyer.judge(&["sun"]).await;
    worker.want(0, 1).await;
    let question = worker.lease().await;
    worker.send_result(&worker.answered(&question, 2)).await;
    assert_eq!(worker.refused().await, (Some(question.hash), RefusedCode::WrongReport));
    // An honest failure needs no body and pays nothing; the item goes to others.
    let mut blocked = fetch_report(&lease, b"");
    (blocked.outcome, blocked.status) = (Outcome::Blocked, 403);
    worker.deliver(&worker.sign(&lease, Report::Fetch(blocked)), &[]).await;
    let (_, verdict) = worker.verdict().await;
    assert_eq!((verdict.decision, verdict.reason), (Decision::Accepted, VerdictReason::UnpaidOutcome));
    server.stop().await;
}

#[tokio::test]
async fn only_so_many_bodies_and_messages_at_once() {
    let server = Server::start().await;
    server.buyer.order(&["/3/a", "/3/b", "/3/c"]).await;
    let mut worker = server.worker(1).await;
    worker.want(2, 0).await;
    let leases = [worker.lease().await, worker.lease().await];
    assert_eq!(leases.len(), UPLOADS_MAX);
    for lease in &leases {
        worker.send_result(&worker.fetched(lease, b"body")).await;
        worker.wanted().await;
    }
    // Both bodies can come piece by piece, in any mix.
    worker.send_chunk(leases[1].hash, 0, b"bo").await;
    worker.send_chunk(leases[0].hash, 0, b"body").await;
    worker.ack(leases[0].hash).await;
    worker.send_chunk(leases[1].hash, 2, b"dy").await;
    worker.ack(leases[1].hash).await;
    let ping = ToCoordinator::Ping { day_start: now(), verdicts_seen: 0 }.to_frame();
    for _ in 0..2 * MESSAGES_BURST_MAX {
        // The server may have closed already.
        if worker.try_send_frame(ping.clone()).await.is_err() {
            break;
        }
    }
    assert_eq!(worker.bye().await, RefusedCode::Busy);
    server.stop().await;
}

#[tokio::test]
async fn a_full_store_refuses_for_now_and_recovers() {
    // Room for the schema and a little work, but not for a large body.
    let server = Server::with(Settings { store_bytes_max: Some(600_000), ..Settings::default() }).await;
    server.buyer.order(&["/3/large", "/3/small"]).await;
    let mut worker = server.worker(1).await;
    worker.want(2, 0).await;
    let (first, second) = (worker.lease().await, worker.lease().await);
    let body = page(1, 2_000_000);
    let result = worker.fetched(&first, &body);
    worker.send_result(&result).await;
    let mut sent = 0;
    while sent < body.len() {
        let (_, _, bytes) = worker.wanted().await;
        for chunk in body[sent..sent + bytes as usize].chunks(CHUNK_BYTES_MAX) {
            worker.send_chunk(first.hash, sent as u64, chunk).await;
            sent += chunk.len();
        }
    }
    assert_eq!(worker.refused().await, (Some(first.hash), RefusedCode::Unavailable));
    assert!(!RefusedCode::Unavailable.is_final(), "the worker keeps its result");
    let (status, problem) = server.buyer.get("/v1/health").await;
    assert_eq!((status, &problem["status"]), (503, &json!("not writing")));
    // The server goes on: what fits is stored, and health comes back.
    worker.deliver(&worker.fetched(&second, b"small"), b"small").await;
    worker.earned(500).await;
    assert_eq!(server.buyer.get("/v1/health").await.0, 200);
    // A requester is told to come back.
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".to_vec();
    picture.extend(page(3, 500_000));
    let put = server.buyer.request("PUT", &format!("/v1/blobs/{}", Hash::of(&picture)));
    let answer = put.header("content-type", "image/png").body(picture).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    // With room again (a restart without the limit), the same bytes count.
    let Server { dir, running, config, .. } = server;
    running.unwrap().stop().await.unwrap();
    let config = lull_coordinator::config::Config { store_bytes_max: None, ..config };
    let running = lull_coordinator::start(config).await.unwrap();
    let mut worker = Worker::connect(&running.ready().listening.to_string(), 1, 0).await;
    assert_eq!(worker.deliver(&result, &body).await, result.hash());
    running.stop().await.unwrap();
    drop(dir);
}

#[tokio::test]
async fn half_a_request_head_is_not_held_for_ever() {
    let server = Server::start().await;
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    soon("the end", half.read_to_end(&mut rest)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(HEAD_MS_MAX));
    assert_eq!(server.buyer.get("/v1/health").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn large_bodies_that_never_come_leave_room_for_others() {
    let server = Server::start().await;
    let workers = u8::try_from(BODIES_MEMORY_KIB_MAX as u64 * 1_024 / BODY_BYTES_MAX / UPLOADS_MAX as u64).unwrap() + 1;
    let urls = vec![common::url("/3/large"); usize::from(workers) * UPLOADS_MAX];
    let order =
        json!({"purpose": "large pages", "urls": urls, "bytes_max": BODY_BYTES_MAX, "price": {"per_item": 500}});
    let (status, answer) = server.buyer.json(server.buyer.request("POST", "/v1/orders").json(&order)).await;
    assert_eq!(status, 201, "{answer}");
    let mut connected = Vec::new();
    for seed in 1..=workers {
        let mut worker = server.worker(seed).await;
        worker.want(2, 0).await;
        for _ in 0..UPLOADS_MAX {
            let lease = worker.lease().await;
            let mut report = fetch_report(&lease, b"");
            report.body_bytes = ByteCount::new(BODY_BYTES_MAX).unwrap();
            worker.send_result(&worker.sign(&lease, Report::Fetch(report))).await;
            assert_eq!(worker.wanted().await, (lease.hash, 0, BODY_WINDOW_BYTES));
        }
        connected.push(worker);
    }
    server.stop().await;
}
