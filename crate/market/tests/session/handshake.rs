//! The handshake: one order, fresh proofs, its limit of time; and what ends a connection in any state.

use lull_market::session::{Answer, End, Found, Input, Output, Push, Query, Question, Stage};
use lull_protocol::connect::Purpose;
use lull_protocol::limits::{FRAME_BYTES_MAX, HANDSHAKE_MS_MAX};
use lull_protocol::message::{Message as _, RefusedCode, ReturnReason};
use lull_protocol::payout::Schedule;
use lull_protocol::rejection::Appeal;
use lull_protocol::{Amount, ByteCount, Hash, Signed, ToCoordinator, ToWorker};

use crate::peer::{ORIGIN, Peer, account, asked, at, chosen, ended, hello_message, key, lease, refused, sent, verdict};

/// A connection in each state that a message can meet.
fn in_each_stage() -> Vec<Peer> {
    let mut proof = Peer::raw();
    proof.greet();
    let mut over = Peer::serving();
    over.feed(Input::Closed);
    let peers = vec![Peer::raw(), proof, Peer::serving(), over];
    let stages: Vec<Stage> = peers.iter().map(|peer| peer.session.stage()).collect();
    assert_eq!(stages, [Stage::Hello, Stage::Proof, Stage::Serving, Stage::Ended]);
    peers
}

/// One of each message that there is.
fn each_message() -> Vec<ToCoordinator> {
    let offer = Hash([3; 32]);
    let result = Peer::raw().result(offer, chosen()).bytes().to_vec();
    let appeal = Appeal { rejection: offer, words: None, at: at(0) };
    let all = vec![
        hello_message(Peer::raw().hello()),
        ToCoordinator::Proof { statement: vec![1].into(), verdicts_seen: 0, day_start: at(0) },
        ToCoordinator::want(1, 1),
        ToCoordinator::Result { statement: result.into() },
        ToCoordinator::BodyChunk { offer, offset: ByteCount::ZERO, bytes: vec![1].into() },
        ToCoordinator::Return { offer, reason: ReturnReason::Skipped, shown_ms: None },
        ToCoordinator::GetBlob { hash: offer, offset: ByteCount::ZERO },
        ToCoordinator::Ping { day_start: at(0), verdicts_seen: 0 },
        ToCoordinator::Extend { offer },
        ToCoordinator::Appeal { statement: Signed::sign(appeal, &Peer::raw().key).bytes().to_vec().into() },
        ToCoordinator::OpenTicket { purpose: Purpose::Link },
        ToCoordinator::WalletYes { statement: vec![1].into() },
        ToCoordinator::WalletNo { ticket: offer },
        ToCoordinator::WalletVeto { statement: vec![1].into() },
        ToCoordinator::WalletNewsKnown { number: 1 },
        ToCoordinator::PayWhen { schedule: Schedule::Now, account_agreed: Amount::ZERO },
        ToCoordinator::PayNow,
        ToCoordinator::PayoutsBefore { number: 1 },
        ToCoordinator::WalletBrowsers,
    ];
    let place = |message: &ToCoordinator| match message {
        ToCoordinator::Hello { .. } => 0,
        ToCoordinator::Proof { .. } => 1,
        ToCoordinator::Want { .. } => 2,
        ToCoordinator::Result { .. } => 3,
        ToCoordinator::BodyChunk { .. } => 4,
        ToCoordinator::Return { .. } => 5,
        ToCoordinator::GetBlob { .. } => 6,
        ToCoordinator::Ping { .. } => 7,
        ToCoordinator::Extend { .. } => 8,
        ToCoordinator::Appeal { .. } => 9,
        ToCoordinator::OpenTicket { .. } => 10,
        ToCoordinator::WalletYes { .. } => 11,
        ToCoordinator::WalletNo { .. } => 12,
        ToCoordinator::WalletVeto { .. } => 13,
        ToCoordinator::WalletNewsKnown { .. } => 14,
        ToCoordinator::PayWhen { .. } => 15,
        ToCoordinator::PayNow => 16,
        ToCoordinator::PayoutsBefore { .. } => 17,
        ToCoordinator::WalletBrowsers => 18,
    };
    assert!(all.iter().map(place).eq(0..all.len()), "none is left out");
    all
}

#[test]
fn each_message_in_each_state_has_its_answer() {
    for message in each_message() {
        for mut peer in in_each_stage() {
            let stage = peer.session.stage();
            let outputs = peer.says(&message);
            match (stage, &message) {
                (Stage::Hello, ToCoordinator::Hello { .. }) => assert_eq!(peer.session.stage(), Stage::Proof),
                (Stage::Proof, ToCoordinator::Proof { .. }) => {
                    assert_eq!(ended(&outputs), Some(End::Bye(RefusedCode::Proof)), "this one proves nothing");
                }
                (Stage::Hello | Stage::Proof, _) => {
                    assert_eq!(outputs, [Output::End(End::Bye(RefusedCode::Unexpected))], "{message:?}");
                }
                (Stage::Ended, _) => assert_eq!(outputs, []),
                (_, ToCoordinator::Hello { .. } | ToCoordinator::Proof { .. }) => {
                    assert_eq!(refused(&outputs), [(None, RefusedCode::Unexpected)]);
                    peer.goes_on();
                }
                (
                    _,
                    ToCoordinator::OpenTicket { .. }
                    | ToCoordinator::WalletYes { .. }
                    | ToCoordinator::WalletNo { .. }
                    | ToCoordinator::WalletVeto { .. }
                    | ToCoordinator::WalletNewsKnown { .. }
                    | ToCoordinator::PayWhen { .. }
                    | ToCoordinator::PayNow
                    | ToCoordinator::PayoutsBefore { .. }
                    | ToCoordinator::WalletBrowsers,
                ) => assert_eq!(refused(&outputs), [(None, RefusedCode::Unexpected)], "it pays nobody"),
                (_, ToCoordinator::BodyChunk { offer, .. }) => {
                    assert_eq!(refused(&outputs), [(Some(*offer), RefusedCode::BodyRange)]);
                }
                (_, ToCoordinator::Want { .. }) => assert!(matches!(asked(&outputs), Some(Question::Claim(_)))),
                (
                    _,
                    ToCoordinator::Result { .. }
                    | ToCoordinator::Return { .. }
                    | ToCoordinator::Extend { .. }
                    | ToCoordinator::Appeal { .. },
                ) => {
                    assert!(matches!(asked(&outputs), Some(Question::Command(_))), "{outputs:?}");
                }
                (_, ToCoordinator::GetBlob { .. }) => {
                    assert!(matches!(asked(&outputs), Some(Question::Read(Query::Blob { .. }))));
                }
                (_, ToCoordinator::Ping { .. }) => assert!(matches!(sent(&outputs)[..], [ToWorker::Pong { .. }])),
            }
        }
    }
}

#[test]
fn what_is_no_message_ends_a_connection_in_each_state() {
    let too_large = vec![0; FRAME_BYTES_MAX + 1];
    let inputs = || {
        let good = ToCoordinator::want(1, 1).to_frame();
        [
            (good[..good.len() - 1].to_vec(), RefusedCode::Malformed),
            ([&good[..], &[0]].concat(), RefusedCode::Malformed),
            (vec![], RefusedCode::Malformed),
            (too_large.clone(), RefusedCode::TooLarge),
        ]
    };
    for (frame, code) in inputs() {
        for mut peer in in_each_stage() {
            let expected = (peer.session.stage() != Stage::Ended).then_some(End::Bye(code));
            assert_eq!(ended(&peer.feed(Input::Frame(&frame))), expected);
        }
    }
    for mut peer in in_each_stage() {
        let expected = (peer.session.stage() != Stage::Ended).then_some(End::Bye(RefusedCode::Malformed));
        assert_eq!(ended(&peer.feed(Input::Text)), expected);
    }
}

#[test]
fn each_way_to_end_is_said_once_and_nothing_follows() {
    type Ends = (fn() -> Input<'static>, End, Option<RefusedCode>);
    let ends: [Ends; 4] = [
        (|| Input::Closed, End::Lost, None),
        (|| Input::Broken, End::Broken, Some(RefusedCode::Malformed)),
        (|| Input::End(RefusedCode::Replaced), End::Bye(RefusedCode::Replaced), Some(RefusedCode::Replaced)),
        (|| Input::End(RefusedCode::Stopping), End::Bye(RefusedCode::Stopping), Some(RefusedCode::Stopping)),
    ];
    for (input, end, last_word) in ends {
        for mut peer in in_each_stage().into_iter().take(3) {
            assert_eq!(peer.feed(input()), [Output::End(end)]);
            assert_eq!((end.last_word(), peer.session.wakes_at()), (last_word, None));
            assert_eq!(peer.feed(Input::Tick), []);
            assert_eq!(peer.feed(input()), []);
        }
    }
}

#[test]
fn the_handshake_has_its_time_and_pings_of_the_transport_give_it_no_more() {
    for greets in [false, true] {
        let mut peer = Peer::raw();
        if greets {
            peer.greet();
        }
        assert_eq!(peer.passes(HANDSHAKE_MS_MAX - 1), []);
        assert_eq!(peer.feed(Input::Sign), []);
        assert_eq!(peer.feed(Input::Tick), [], "a tick before its time");
        assert_eq!(peer.passes(1), [Output::End(End::Lost)]);
    }
}

#[test]
fn who_waits_for_the_seat_is_not_timed() {
    let mut peer = Peer::raw();
    peer.prove(0);
    assert_eq!(peer.session.wakes_at(), None);
    peer.now_ms += 10 * HANDSHAKE_MS_MAX;
    assert_eq!(peer.feed(Input::Tick), []);
    assert!(matches!(peer.open(vec![], vec![])[..], [ToWorker::Welcome { .. }, ToWorker::Account { .. }]));
}

#[test]
fn without_a_seat_there_is_a_last_word() {
    for (answer, code) in [
        (Answer::No, RefusedCode::Stopping),
        (Answer::Unavailable, RefusedCode::Unavailable),
        (Answer::Found(account(0)), RefusedCode::Unavailable),
    ] {
        let mut peer = Peer::raw();
        peer.prove(0);
        assert_eq!(peer.answer(answer), [Output::End(End::Bye(code))]);
    }
}

#[test]
fn an_address_or_a_version_that_is_not_ours_ends_it() {
    let mut elsewhere = Peer::raw().hello();
    elsewhere.origin = ORIGIN.replace("lull", "null");
    let mut later = Peer::raw().hello();
    later.versions = (900, 901);
    for (hello, code) in [(elsewhere, RefusedCode::Proof), (later, RefusedCode::Version)] {
        assert_eq!(ended(&Peer::raw().says(&hello_message(hello))), Some(End::Bye(code)));
    }
}

#[test]
fn a_proof_is_of_this_connection_and_this_key_and_comes_once() {
    let statement = |message: &ToCoordinator| match message {
        ToCoordinator::Proof { statement, .. } => statement.to_vec(),
        other => panic!("{other:?}"),
    };
    let with =
        |statement: Vec<u8>| ToCoordinator::Proof { statement: statement.into(), verdicts_seen: 0, day_start: at(0) };
    // The same handshake over another challenge of the coordinator.
    let mut earlier = Peer::with_challenge([8; 32]);
    let old = earlier.greet();
    let mut peer = Peer::raw();
    peer.greet();
    assert_eq!(ended(&peer.says(&old)), Some(End::Bye(RefusedCode::Proof)));
    // By another key, over the right transcript.
    let mut peer = Peer::raw();
    let mine = peer.greet();
    let transcript: lull_protocol::statement::WorkerProof = lull_protocol::cose::peek(&statement(&mine)).unwrap();
    let stolen = with(Signed::sign(transcript, &key(2)).bytes().to_vec());
    assert_eq!(ended(&peer.says(&stolen)), Some(End::Bye(RefusedCode::Proof)));
    // Twice: the second is no handshake any more.
    let mut peer = Peer::raw();
    let mine = peer.greet();
    peer.says(&mine);
    peer.open(vec![], vec![]);
    assert_eq!(refused(&peer.says(&mine)), [(None, RefusedCode::Unexpected)]);
    peer.goes_on();
}

#[test]
fn hello_twice_is_one_too_many() {
    let mut peer = Peer::raw();
    peer.greet();
    let again = hello_message(peer.hello());
    assert_eq!(peer.says(&again), [Output::End(End::Bye(RefusedCode::Unexpected))]);
}

#[test]
fn a_shell_that_breaks_the_rules_is_told() {
    let lease = lease(1, lull_protocol::statement::JobClass::Judgment);
    type Wrong = (&'static str, fn(&mut Peer) -> Vec<Output>);
    let wrong: [Wrong; 6] = [
        ("no question", |peer| peer.answer(Answer::Yes)),
        ("a frame meanwhile", |peer| {
            peer.says(&ToCoordinator::want(1, 0));
            peer.says(&ToCoordinator::want(0, 0))
        }),
        ("a push meanwhile", |peer| {
            peer.says(&ToCoordinator::want(1, 0));
            peer.feed(Input::Pushes(vec![Push::Account]))
        }),
        ("a wake meanwhile", |peer| {
            peer.says(&ToCoordinator::want(1, 0));
            peer.feed(Input::Wake)
        }),
        ("numbers that don't grow", |peer| {
            let worker = peer.key.public();
            peer.feed(Input::Pushes(vec![Push::Verdicts(vec![verdict(worker, 7)])]));
            peer.finds(Found::VerdictsAfter(vec![verdict(worker, 2), verdict(worker, 2)]))
        }),
        ("an offer that is none", |peer| {
            peer.says(&ToCoordinator::want(1, 0));
            let leases = vec![lull_market::Lease {
                offer: vec![1],
                item: vec![],
                extension: None,
                pace: None,
                record: None,
                skips_left: None,
                is_withdrawn: false,
            }];
            peer.answer(Answer::Reply(lull_market::Reply::Leases(leases)))
        }),
    ];
    for (what, does) in wrong {
        let end = ended(&does(&mut Peer::serving()));
        assert!(matches!(end, Some(End::Fault(_))), "{what}: {end:?}");
        assert_eq!(end.and_then(End::last_word), Some(RefusedCode::Unavailable));
    }
    for input in [Input::Wake, Input::Pushes(vec![Push::Account])] {
        assert!(matches!(ended(&Peer::raw().feed(input)), Some(End::Fault(_))), "before the seat");
    }
    // The end may come while a question is open.
    let mut peer = Peer::raw();
    peer.prove(0);
    assert_eq!(peer.feed(Input::End(RefusedCode::Stopping)), [Output::End(End::Bye(RefusedCode::Stopping))]);
    assert_eq!(peer.answer(Answer::Yes), [], "too late");
    assert_eq!(peer.finds(Found::OpenLeases(vec![lease])), []);
}
