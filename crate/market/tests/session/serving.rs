//! Serving: what is told at first, silence, pace, verdicts and their window, claims, blobs.

use lull_market::facts::AccountFacts;
use lull_market::session::limits::{CLAIM_MS_MIN, CLAIM_OTHERWISE_MS_MIN, MESSAGES_BURST_MAX, MESSAGES_PER_SECOND_MAX};
use lull_market::session::{Answer, Claim, Counts, End, Found, Input, Output, Push, Query, Question};
use lull_market::{Command, NumberedVerdict, OpenRejection, Refusal, Reply};
use lull_protocol::limits::{
    AMOUNT_MAX, CHUNK_BYTES_MAX, HEARTBEAT_MS, REJECTIONS_RESENT_MAX, SILENCE_MS_MAX, VERDICTS_IN_FLIGHT_MAX,
};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::{Decision, JobClass, Verdict, VerdictReason};
use lull_protocol::{Amount, ByteCount, Filter, Hash, OrderId, Signed, TaskKind, TaskSet, ToCoordinator, ToWorker};

use crate::peer::{
    Peer, account, asked, at, bytes, chosen, ended, key, lease, offer_of, reads_account, refused, sent, verdict,
};

/// The claim that outputs ask for: places for fetches, for judgments.
fn claims(outputs: &[Output]) -> Option<(u8, u8)> {
    match asked(outputs) {
        Some(Question::Claim(Claim { fetch, judgment, .. })) => Some((*fetch, *judgment)),
        _ => None,
    }
}

fn numbers(outputs: &[Output]) -> Vec<u64> {
    let numbers = sent(outputs).into_iter().filter_map(|message| match message {
        ToWorker::Verdict { number, .. } => Some(number),
        _ => None,
    });
    numbers.collect()
}

fn amount(value: u64) -> Amount {
    Amount::new(value).unwrap()
}

fn leases(numbers: std::ops::Range<u8>, class: JobClass) -> Answer {
    Answer::Reply(Reply::Leases(numbers.map(|number| lease(number, class)).collect()))
}

#[test]
fn the_account_then_leases_then_verdicts_then_the_account_that_follows_from_them() {
    let mut peer = Peer::raw();
    peer.prove(4);
    let worker = peer.key.public();
    let said = peer.open(vec![lease(1, JobClass::Fetch)], vec![verdict(worker, 5), verdict(worker, 6)]);
    let kinds: Vec<String> = said.iter().map(|m| format!("{m:?}").split_whitespace().next().unwrap().into()).collect();
    assert_eq!(kinds, ["Welcome", "Account", "Assign", "Verdict", "Verdict", "Account"]);
    assert_eq!(peer.session.counts(), Counts { results: 0, verdicts: 2, refused: 0 });
    peer.goes_on();
}

#[test]
fn each_thing_is_read_as_of_its_moment() {
    let mut peer = Peer::raw();
    peer.prove(u64::MAX);
    let (worker, now) = (peer.key.public(), at(peer.now_ms));
    let query = |outputs: Vec<Output>| match asked(&outputs) {
        Some(Question::Read(query)) => query.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(query(peer.answer(Answer::Yes)), Query::Account { worker, day_start: at(0) });
    assert_eq!(query(peer.finds(account(0))), Query::OpenLeases { worker, now });
    assert_eq!(query(peer.finds(Found::OpenLeases(vec![]))), Query::OpenRejections { worker, after: None });
    let after = query(peer.finds(Found::OpenRejections(vec![])));
    assert_eq!(after, Query::VerdictsAfter { worker, number: AMOUNT_MAX, limit: VERDICTS_IN_FLIGHT_MAX });
}

#[test]
fn what_cannot_be_read_at_first_ends_it_for_now() {
    let found = [account(0), Found::OpenLeases(vec![]), Found::OpenRejections(vec![])];
    for well in 0..=found.len() {
        let mut peer = Peer::raw();
        peer.prove(0);
        peer.answer(Answer::Yes);
        found.iter().take(well).for_each(|found| assert_eq!(ended(&peer.finds(found.clone())), None));
        assert_eq!(peer.answer(Answer::Unavailable), [Output::End(End::Bye(RefusedCode::Unavailable))]);
    }
}

#[test]
fn a_minute_of_silence_is_the_end_and_any_frame_breaks_it() {
    let mut peer = Peer::serving();
    for _ in 0..10 {
        peer.passes(HEARTBEAT_MS);
        peer.goes_on();
    }
    assert_eq!(peer.passes(SILENCE_MS_MAX - 1), []);
    assert_eq!(peer.feed(Input::Sign), [], "a ping of the transport counts");
    assert_eq!(peer.passes(SILENCE_MS_MAX - 1), []);
    peer.feed(Input::Pushes(vec![Push::Withdraw(Hash([1; 32]), RefusedCode::LeaseExpired)]));
    assert_eq!(peer.passes(1), [Output::End(End::Lost)], "what is sent does not count");
}

#[test]
fn so_many_at_once_and_so_many_a_second() {
    let mut peer = Peer::serving();
    for _ in 0..MESSAGES_BURST_MAX {
        assert_eq!(ended(&peer.feed(Input::Sign)), None);
    }
    peer.now_ms += 1_000;
    for _ in 0..MESSAGES_PER_SECOND_MAX {
        peer.goes_on();
    }
    assert_eq!(peer.ping(0), [Output::End(End::Bye(RefusedCode::Busy))]);
}

#[test]
fn verdicts_stop_at_the_window_and_go_on_where_the_worker_is() {
    let mut peer = Peer::serving();
    let worker = peer.key.public();
    let most = VERDICTS_IN_FLIGHT_MAX as u64;
    let all = |from: u64, to: u64| (from..=to).map(|number| verdict(worker, number)).collect::<Vec<_>>();
    let outputs = peer.feed(Input::Pushes(vec![Push::Verdicts(all(1, most + 10))]));
    assert_eq!(numbers(&outputs), (1..=most).collect::<Vec<_>>());
    assert!(reads_account(&outputs), "with a full window nothing more is read");
    assert_eq!(sent(&peer.finds(account(1))).len(), 1);
    // More of them don't change that; an old number changes nothing.
    assert_eq!(peer.feed(Input::Pushes(vec![Push::Verdicts(all(most + 11, most + 12))])), []);
    assert_eq!(peer.feed(Input::Pushes(vec![Push::Verdicts(all(3, 4))])), []);
    // Three are stored: there is room for three.
    let outputs = peer.ping(3);
    let limit = 3;
    assert_eq!(asked(&outputs), Some(&Question::Read(Query::VerdictsAfter { worker, number: most, limit })));
    assert_eq!(numbers(&peer.finds(Found::VerdictsAfter(all(most + 1, most + 3)))), [most + 1, most + 2, most + 3]);
    peer.finds(account(2));
    // A worker that says it has what it was never sent, or less than before, gets no other room.
    peer.ping(0);
    let outputs = peer.ping(u64::MAX);
    let (number, limit) = (most + 3, VERDICTS_IN_FLIGHT_MAX);
    assert_eq!(asked(&outputs), Some(&Question::Read(Query::VerdictsAfter { worker, number, limit })));
    let outputs = peer.finds(Found::VerdictsAfter(all(most + 4, most + 12)));
    assert_eq!(numbers(&outputs).len(), 9);
    assert!(reads_account(&outputs), "a page that is not full is the last");
}

#[test]
fn a_gap_is_filled_from_the_store() {
    let mut peer = Peer::serving();
    let worker = peer.key.public();
    let pushes =
        vec![Push::Verdicts(vec![verdict(worker, 1)]), Push::Verdicts(vec![verdict(worker, 3)]), Push::Account];
    let outputs = peer.feed(Input::Pushes(pushes));
    assert_eq!(numbers(&outputs), [1]);
    let after = Query::VerdictsAfter { worker, number: 1, limit: VERDICTS_IN_FLIGHT_MAX - 1 };
    assert_eq!(asked(&outputs), Some(&Question::Read(after)));
    let outputs = peer.finds(Found::VerdictsAfter(vec![verdict(worker, 2), verdict(worker, 3)]));
    assert_eq!(numbers(&outputs), [2, 3]);
    assert!(reads_account(&outputs), "the account once, after all of them");
    assert_eq!(sent(&peer.finds(account(9))).len(), 1);
}

#[test]
fn what_a_verdict_pays_is_counted_once_and_without_a_look_at_the_store() {
    let pays = |worker, number, paid, ms| {
        let verdict = Verdict {
            result: Hash([1; 32]),
            decision: Decision::Accepted,
            reason: VerdictReason::Agreed,
            amount: amount(paid),
            decided_at: at(1_000).minus(ms),
            place: None,
            rejection: None,
        };
        NumberedVerdict {
            worker,
            number,
            statement: Signed::sign(verdict, &key(200)).bytes().to_vec(),
            rejection: None,
        }
    };
    let mut peer = Peer::serving();
    let worker = peer.key.public();
    let push = |verdict| Input::Pushes(vec![Push::Verdicts(vec![verdict])]);
    let told = |outputs: Vec<Output>| match sent(&outputs)[..] {
        [ToWorker::Verdict { .. }, ToWorker::Account { earned, pending, earned_today, .. }] => {
            [earned, pending, earned_today].map(Amount::get)
        }
        _ => panic!("{outputs:?}"),
    };
    assert_eq!(told(peer.feed(push(pays(worker, 1, 40, 0)))), [40, 40, 40]);
    assert_eq!(told(peer.feed(push(pays(worker, 2, 5, 1_001)))), [45, 45, 40], "decided before the day began");
    // What moved otherwise is read, and a verdict that came too late for the push is in it already.
    assert!(reads_account(&peer.feed(Input::Pushes(vec![Push::Account]))));
    let facts = AccountFacts { earned: amount(52), pending: amount(7), verdicts: 3, ..AccountFacts::default() };
    peer.finds(Found::Account(facts));
    assert_eq!(told(peer.feed(push(pays(worker, 3, 7, 0)))), [52, 7, 0]);
    assert_eq!(told(peer.feed(push(pays(worker, 4, 1, 0)))), [53, 8, 1]);
    // More than an amount can hold is the ledger's to tell.
    assert!(reads_account(&peer.feed(push(pays(worker, 5, AMOUNT_MAX, 0)))));
}

#[test]
fn a_new_day_is_a_new_account() {
    let mut peer = Peer::serving();
    let outputs = peer.says(&ToCoordinator::Ping { day_start: at(86_400_000), verdicts_seen: 0 });
    assert!(reads_account(&outputs));
    let said = sent(&peer.finds(account(0)));
    assert!(matches!(said[..], [ToWorker::Account { day_start, .. }] if day_start == at(86_400_000)));
}

#[test]
fn claims_keep_their_distance_and_count_what_is_held() {
    let mut peer = Peer::serving();
    let outputs = peer.says(&ToCoordinator::want(200, 200));
    assert_eq!(claims(&outputs), Some((2, 4)), "within the limits of the protocol");
    assert_eq!(sent(&peer.answer(leases(0..1, JobClass::Fetch))).len(), 1);
    // Neither another wish nor news makes the next claim come sooner.
    assert_eq!(peer.says(&ToCoordinator::want(1, 0)), []);
    assert_eq!(peer.feed(Input::Wake), []);
    assert_eq!(peer.passes(CLAIM_MS_MIN - 1), []);
    assert_eq!(claims(&peer.passes(1)), Some((2, 0)), "one is held, one more is wanted");
    peer.answer(leases(1..2, JobClass::Fetch));
    peer.passes(CLAIM_MS_MIN);
    assert_eq!(peer.says(&ToCoordinator::want(2, 0)), [], "both places are held");
}

#[test]
fn claims_are_of_the_types_that_are_wanted() {
    let mut peer = Peer::serving();
    let mut wants = |tasks| match asked(&peer.says(&ToCoordinator::Want {
        fetch: 0,
        judgment: 1,
        tasks,
        warnings: lull_protocol::WarningSet::NONE,
        filter: Filter::default(),
    })) {
        Some(Question::Claim(claim)) => {
            let claimed = claim.tasks;
            peer.answer(Answer::Reply(Reply::Leases(vec![])));
            peer.passes(CLAIM_OTHERWISE_MS_MIN);
            Some(claimed)
        }
        _ => None,
    };
    let some = TaskSet::of(&[TaskKind::Multi, TaskKind::Verify]);
    assert_eq!(wants(TaskSet::CHOICE), Some(TaskSet::CHOICE));
    assert_eq!(wants(TaskSet::CHOICE), None, "the store had none of these");
    assert_eq!(wants(some), Some(some), "it may have others");
    assert_eq!(wants(some), None);
}

#[test]
fn a_store_with_nothing_is_not_asked_again_before_there_is_news() {
    let mut peer = Peer::serving();
    assert_eq!(claims(&peer.says(&ToCoordinator::want(1, 1))), Some((1, 1)));
    assert_eq!(peer.answer(leases(0..1, JobClass::Judgment)), peer_assigns(&lease(0, JobClass::Judgment)));
    peer.passes(CLAIM_MS_MIN);
    assert_eq!(peer.says(&ToCoordinator::want(1, 0)), []);
    assert_eq!(claims(&peer.feed(Input::Wake)), Some((1, 0)));
    assert_eq!(peer.answer(leases(0..0, JobClass::Fetch)), []);
    // A claim that failed says nothing about what is there.
    peer.passes(CLAIM_MS_MIN);
    assert_eq!(claims(&peer.feed(Input::Wake)), Some((1, 0)));
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), [(None, RefusedCode::Unavailable)]);
    peer.passes(CLAIM_MS_MIN);
    assert_eq!(claims(&peer.says(&ToCoordinator::want(1, 0))), Some((1, 0)));
}

fn peer_assigns(lease: &lull_market::Lease) -> Vec<Output> {
    vec![Output::Send(ToWorker::Assign {
        offer: lease.offer.clone().into(),
        item: lease.item.clone().into(),
        extension: None,
        pace: None,
        record: lease.record,
        skips_left: None,
    })]
}

#[test]
fn an_item_that_was_turned_down_leaves_its_place() {
    for (reason, claims_again) in [
        (ReturnReason::Skipped, true),
        (ReturnReason::Broken, true),
        (ReturnReason::Filtered, true),
        (ReturnReason::SwitchedOff, false),
        (ReturnReason::TooMany, false),
        (ReturnReason::Withdrawn, false),
        (ReturnReason::Unwanted, false),
    ] {
        let mut peer = Peer::serving();
        peer.says(&ToCoordinator::want(0, 1));
        peer.answer(leases(0..1, JobClass::Judgment));
        let offer = offer_of(&lease(0, JobClass::Judgment));
        let command = Command::Return { worker: peer.key.public(), offer, reason, shown_ms: None };
        let outputs = peer.says(&ToCoordinator::Return { offer, reason, shown_ms: None });
        assert_eq!(asked(&outputs), Some(&Question::Command(command)));
        assert_eq!(peer.answer(Answer::Reply(Reply::Freed { skips_left: None })), []);
        peer.passes(CLAIM_MS_MIN);
        assert_eq!(claims(&peer.feed(Input::Wake)), claims_again.then_some((0, 1)), "{reason:?}");
    }
}

#[test]
fn what_is_withdrawn_is_told_at_once_and_after_a_reconnect_and_keeps_its_place_until_it_is_back() {
    let withdrawn = |offer| ToWorker::Withdraw { offer, reason: RefusedCode::Withdrawn };
    let mut peer = Peer::serving();
    peer.says(&ToCoordinator::want(0, 1));
    peer.answer(leases(0..1, JobClass::Judgment));
    let offer = offer_of(&lease(0, JobClass::Judgment));
    peer.passes(CLAIM_MS_MIN);
    assert_eq!(claims(&peer.says(&ToCoordinator::want(0, 1))), Some((0, 2)), "the one that is held and one more");
    peer.answer(leases(0..0, JobClass::Judgment));
    peer.passes(CLAIM_MS_MIN);
    let outputs = peer.feed(Input::Pushes(vec![Push::Withdraw(offer, RefusedCode::Withdrawn)]));
    assert_eq!((sent(&outputs), claims(&outputs)), (vec![withdrawn(offer)], None));
    assert_eq!(claims(&peer.feed(Input::Wake)), Some((0, 2)), "the store still counts it");

    let mut peer = Peer::raw();
    peer.prove(0);
    let stopped = lull_market::Lease { is_withdrawn: true, ..lease(1, JobClass::Judgment) };
    let said = peer.open(vec![lease(0, JobClass::Judgment), stopped.clone()], vec![]);
    assert!(said.contains(&withdrawn(offer_of(&stopped))), "{said:?}");
    assert_eq!(said.iter().filter(|message| matches!(message, ToWorker::Assign { .. })).count(), 1);
}

#[test]
fn an_extension_travels_and_so_does_why_there_is_none() {
    let mut peer = Peer::serving();
    let offer = Hash([5; 32]);
    let outputs = peer.says(&ToCoordinator::Extend { offer });
    let command = Command::Extend { worker: peer.key.public(), offer };
    assert_eq!(asked(&outputs), Some(&Question::Command(command)));
    let outputs = peer.answer(Answer::Reply(Reply::Extended(vec![7])));
    assert_eq!(outputs, [Output::Send(ToWorker::Extended { statement: vec![7].into() })]);
    peer.says(&ToCoordinator::Extend { offer });
    let refusal = Refusal::Worker(RefusedCode::LeaseExpired);
    let told = refused(&peer.answer(Answer::Refused(refusal)));
    assert_eq!(told, [(Some(offer), RefusedCode::Unexpected)], "it says nothing of a result");
    peer.goes_on();
}

#[test]
fn few_skips_left_are_told() {
    let mut peer = Peer::serving();
    let (offer, order) = (Hash([5; 32]), OrderId([7; 16]));
    peer.says(&ToCoordinator::Return { offer, reason: ReturnReason::Skipped, shown_ms: None });
    let outputs = peer.answer(Answer::Reply(Reply::Freed { skips_left: Some((order, 3)) }));
    assert_eq!(outputs, [Output::Send(ToWorker::SkipsLeft { order, left: 3 })]);
}

#[test]
fn another_filter_asks_the_store_again() {
    let mut peer = Peer::serving();
    let mut wants = |filter: &Filter| {
        let want = ToCoordinator::Want {
            fetch: 0,
            judgment: 1,
            tasks: TaskSet::ALL,
            warnings: lull_protocol::WarningSet::NONE,
            filter: filter.clone(),
        };
        match asked(&peer.says(&want)) {
            Some(Question::Claim(claim)) => {
                let asked_with = claim.filter.clone();
                peer.answer(leases(0..0, JobClass::Judgment));
                peer.passes(CLAIM_OTHERWISE_MS_MIN);
                Some(asked_with)
            }
            _ => None,
        }
    };
    let text_only = Filter { text_only: true, ..Filter::default() };
    assert_eq!(wants(&Filter::default()), Some(Filter::default()));
    assert_eq!(wants(&Filter::default()), None, "there was nothing");
    assert_eq!(wants(&text_only), Some(text_only.clone()));
    assert_eq!(wants(&text_only), None);
    assert_eq!(wants(&Filter::default()), Some(Filter::default()));
}

#[test]
fn wishes_that_change_all_the_time_are_looked_at_now_and_then() {
    let mut peer = Peer::serving();
    let mut claims = 0;
    for turn in 0..100_u8 {
        let filter = Filter { text_only: turn % 2 == 0, ..Filter::default() };
        let tasks = TaskSet::ALL;
        let warnings = lull_protocol::WarningSet::NONE;
        let mut outputs = peer.says(&ToCoordinator::Want { fetch: 0, judgment: 1, tasks, warnings, filter });
        outputs.extend(peer.passes(CLAIM_MS_MIN));
        if matches!(asked(&outputs), Some(Question::Claim(_))) {
            claims += 1;
            peer.answer(leases(0..0, JobClass::Judgment));
        }
    }
    assert_eq!(claims, 1 + 100 * CLAIM_MS_MIN / CLAIM_OTHERWISE_MS_MIN, "a second of them");
}

#[test]
fn a_refusal_of_the_market_travels_and_a_fault_says_only_that_it_is_not_possible_now() {
    for (refusal, code) in [
        (Refusal::Worker(RefusedCode::NotYours), RefusedCode::NotYours),
        (Refusal::Fault("secret".into()), RefusedCode::Unavailable),
    ] {
        let mut peer = Peer::serving();
        let offer = Hash([5; 32]);
        peer.says(&ToCoordinator::Return { offer, reason: ReturnReason::Skipped, shown_ms: None });
        assert_eq!(refused(&peer.answer(Answer::Refused(refusal.clone()))), [(Some(offer), code)]);
        let result = peer.result(offer, chosen()).bytes().to_vec();
        peer.says(&ToCoordinator::Result { statement: result.into() });
        assert_eq!(refused(&peer.answer(Answer::Refused(refusal))), [(Some(offer), code)]);
        peer.goes_on();
    }
}

#[test]
fn a_blob_comes_in_pieces_from_where_it_was_asked() {
    let mut peer = Peer::serving();
    let blob: Vec<u8> = (0..2 * CHUNK_BYTES_MAX + 10).map(|i| i as u8).collect();
    let hash = Hash::of(&blob);
    let mut get = |offset: ByteCount, found: Answer| {
        let outputs = peer.says(&ToCoordinator::GetBlob { hash, offset });
        assert_eq!(asked(&outputs), Some(&Question::Read(Query::Blob { hash })));
        peer.answer(found)
    };
    let found = |blob: &[u8]| Answer::Found(Found::Blob(Some(blob.to_vec())));
    let pieces: Vec<(u64, Vec<u8>)> = sent(&get(bytes(10), found(&blob)))
        .into_iter()
        .map(|message| match message {
            ToWorker::BlobChunk { offset, bytes, .. } => (offset.get(), bytes.to_vec()),
            other => panic!("{other:?}"),
        })
        .collect();
    let offsets: Vec<u64> = pieces.iter().map(|piece| piece.0).collect();
    assert_eq!(offsets, [10, 10 + CHUNK_BYTES_MAX as u64, 10 + 2 * CHUNK_BYTES_MAX as u64][..pieces.len()]);
    assert_eq!(pieces.into_iter().flat_map(|piece| piece.1).collect::<Vec<_>>(), blob[10..]);
    let last = ByteCount::new(AMOUNT_MAX).unwrap();
    for (offset, answer, code) in [
        (bytes(blob.len()), found(&blob), RefusedCode::BodyRange),
        (last, found(&blob), RefusedCode::BodyRange),
        (ByteCount::ZERO, found(&[]), RefusedCode::BodyRange),
        (ByteCount::ZERO, Answer::Found(Found::Blob(None)), RefusedCode::UnknownBlob),
        (ByteCount::ZERO, Answer::Unavailable, RefusedCode::Unavailable),
    ] {
        assert_eq!(refused(&get(offset, answer)), [(Some(hash), code)]);
    }
}

#[test]
fn a_rejection_is_told_after_the_leases_with_its_appeal_and_before_its_verdict() {
    let mut peer = Peer::raw();
    peer.prove(0);
    let worker = peer.key.public();
    peer.answer(Answer::Yes);
    peer.finds(account(0));
    let open = |byte: u8, is_appealed| OpenRejection { worker, statement: vec![byte], is_appealed };
    let rejected = |byte: u8| ToWorker::Rejected { statement: vec![byte].into() };
    peer.finds(Found::OpenLeases(vec![lease(1, JobClass::Judgment)]));
    // However many there are, all are told.
    let page = vec![open(6, false); REJECTIONS_RESENT_MAX];
    let outputs = peer.finds(Found::OpenRejections(page));
    let after = Some(Hash::of(&[6]));
    assert_eq!(asked(&outputs), Some(&Question::Read(Query::OpenRejections { worker, after })));
    assert_eq!(sent(&outputs).len(), REJECTIONS_RESENT_MAX);
    let outputs = peer.finds(Found::OpenRejections(vec![open(7, true), open(8, false)]));
    assert_eq!(sent(&outputs), [rejected(7), ToWorker::Appealed { rejection: Hash::of(&[7]) }, rejected(8)]);
    let judged = NumberedVerdict { rejection: Some(vec![8]), ..verdict(worker, 1) };
    let outputs = peer.finds(Found::VerdictsAfter(vec![judged.clone()]));
    let says = ToWorker::Verdict { number: 1, statement: judged.statement.into() };
    assert_eq!(sent(&outputs), [rejected(8), says]);
    peer.finds(account(0));
    assert_eq!(sent(&peer.feed(Input::Pushes(vec![Push::Rejected(vec![open(9, false)])]))), [rejected(9)]);
}

#[test]
fn an_appeal_is_the_workers_own_and_answered_once_it_is_durable() {
    let mut peer = Peer::serving();
    let appeal = Appeal { rejection: Hash([7; 32]), words: Some("No.".into()), at: at(0) };
    let (own, others) = (Signed::sign(appeal.clone(), &peer.key), Signed::sign(appeal, &key(9)));
    let says = |appeal: &Signed<Appeal>| ToCoordinator::Appeal { statement: appeal.bytes().to_vec().into() };
    let about = Some(Hash([7; 32]));
    assert_eq!(refused(&peer.says(&says(&others))), [(about, RefusedCode::Signature)]);
    let outputs = peer.says(&says(&own));
    assert_eq!(outputs, [Output::Ask(Question::Command(Command::Appeal { appeal: Box::new(own.clone()) }))]);
    let outputs = peer.answer(Answer::Reply(Reply::Appealed(Hash([7; 32]))));
    assert_eq!(sent(&outputs), [ToWorker::Appealed { rejection: Hash([7; 32]) }]);
    for (answer, code) in [
        (Answer::Unavailable, RefusedCode::Unavailable),
        (Answer::Refused(Refusal::Worker(RefusedCode::LeaseEnded)), RefusedCode::LeaseEnded),
    ] {
        peer.says(&says(&own));
        assert_eq!(refused(&peer.answer(answer)), [(about, code)]);
    }
}

#[test]
fn what_another_process_wrote_is_read() {
    let mut peer = Peer::serving();
    let worker = peer.key.public();
    let outputs = peer.feed(Input::Pushes(vec![Push::Others]));
    let after = Query::VerdictsAfter { worker, number: 0, limit: VERDICTS_IN_FLIGHT_MAX };
    assert_eq!(asked(&outputs), Some(&Question::Read(after)));
    let outputs = peer.finds(Found::VerdictsAfter(vec![verdict(worker, 1)]));
    assert_eq!(numbers(&outputs), [1]);
    assert!(reads_account(&outputs));
}
