//! Results with a body: windows, memory, and the limits of time and number.

use lull_market::session::limits::{MESSAGES_BURST_MAX, UPLOAD_MS_MAX, UPLOAD_STALL_MS_MAX, UPLOADS_MAX};
use lull_market::session::{Answer, End, Input, Output, Push, Query, Question};
use lull_market::{Command, Lease, Reply};
use lull_protocol::limits::{BODY_BYTES_MAX, BODY_WINDOW_BYTES, CHUNK_BYTES_MAX};
use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{JobClass, Report, WorkResult};
use lull_protocol::{Hash, Signed, ToCoordinator, ToWorker};

use crate::peer::{Peer, asked, bytes, facts, fetched, key, lease, offer_of, refused, sent};

const WINDOW_KIB: u32 = BODY_WINDOW_BYTES as u32 / 1_024;

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn page(number: u8) -> Lease {
    lease(number, JobClass::Fetch)
}

impl Peer {
    /// Sends a result; what follows once the store has said what it knows of its offer.
    fn states(&mut self, lease: &Lease, result: &Signed<WorkResult>) -> Vec<Output> {
        let outputs = self.says(&ToCoordinator::Result { statement: result.bytes().to_vec().into() });
        let offer = offer_of(lease);
        assert_eq!(asked(&outputs), Some(&Question::Read(Query::SubmitFacts { offer })), "{outputs:?}");
        self.finds(facts(lease))
    }

    /// Sends a result whose body is asked for; the window that is wanted.
    fn begins(&mut self, lease: &Lease, body: &[u8]) -> Vec<ToWorker> {
        let result = self.result(offer_of(lease), fetched(body));
        let outputs = self.states(lease, &result);
        assert!(matches!(asked(&outputs), Some(Question::MemoryKib(_))), "{outputs:?}");
        sent(&self.answer(Answer::Yes))
    }

    fn chunk(&mut self, lease: &Lease, offset: usize, piece: &[u8]) -> Vec<Output> {
        let offer = offer_of(lease);
        self.says(&ToCoordinator::BodyChunk { offer, offset: bytes(offset), bytes: piece.to_vec().into() })
    }
}

#[test]
fn memory_is_asked_for_window_by_window_and_held_until_the_answer_of_the_store() {
    let mut peer = Peer::serving();
    let (lease, body) = (page(1), body(BODY_WINDOW_BYTES as usize + 10));
    let (offer, result) = (offer_of(&lease), peer.result(offer_of(&page(1)), fetched(&body)));
    assert_eq!(asked(&peer.states(&lease, &result)), Some(&Question::MemoryKib(WINDOW_KIB)));
    assert_eq!(peer.session.memory_kib(), 0, "nothing is held before it is granted");
    let wanted = |offset: u64, len: u64| {
        vec![Output::Send(ToWorker::BodyWanted { offer, offset: bytes(offset as usize), bytes: bytes(len as usize) })]
    };
    assert_eq!(peer.answer(Answer::Yes), wanted(0, BODY_WINDOW_BYTES));
    let mut last = Vec::new();
    for (number, piece) in body.chunks(CHUNK_BYTES_MAX).enumerate() {
        assert_eq!(peer.session.memory_kib(), WINDOW_KIB + u32::from(number >= 8), "before chunk {number}");
        last = peer.chunk(&lease, number * CHUNK_BYTES_MAX, piece);
        if number == 7 {
            assert_eq!(asked(&last), Some(&Question::MemoryKib(1)));
            assert_eq!(peer.answer(Answer::Yes), wanted(BODY_WINDOW_BYTES, 10));
        }
    }
    let submit = Command::Submit { result: Box::new(result.clone()), body };
    assert_eq!(asked(&last), Some(&Question::Command(submit)));
    assert_eq!(peer.session.memory_kib(), WINDOW_KIB + 1, "on its way to the store");
    let (hash, verdicts) = (result.hash(), vec![]);
    let reply = Reply::Stored { result: hash, verdicts, freed: false, withdrawn: vec![] };
    let ack = ToWorker::Ack { offer, result: result.hash() };
    assert_eq!(peer.answer(Answer::Reply(reply)), [Output::Send(ack)]);
    assert_eq!((peer.session.memory_kib(), peer.session.counts().results), (0, 1));
}

#[test]
fn without_memory_a_body_waits_for_another_time() {
    let mut peer = Peer::serving();
    let (lease, body) = (page(1), body(2 * BODY_WINDOW_BYTES as usize));
    let busy = [(Some(offer_of(&lease)), RefusedCode::Busy)];
    let result = peer.result(offer_of(&lease), fetched(&body));
    peer.states(&lease, &result);
    assert_eq!(refused(&peer.answer(Answer::No)), busy);
    peer.begins(&lease, &body);
    for (number, piece) in body.chunks(CHUNK_BYTES_MAX).take(8).enumerate() {
        peer.chunk(&lease, number * CHUNK_BYTES_MAX, piece);
    }
    assert_eq!(refused(&peer.answer(Answer::No)), busy);
    assert_eq!(peer.session.memory_kib(), 0, "what it had is free");
    assert!(!RefusedCode::Busy.is_final(), "the worker keeps its result");
    peer.goes_on();
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let mut peer = Peer::serving();
    let (lease, body) = (page(1), body(3 * CHUNK_BYTES_MAX));
    let busy = [(Some(offer_of(&lease)), RefusedCode::Busy)];
    peer.begins(&lease, &body);
    peer.passes(UPLOAD_STALL_MS_MAX - 1);
    assert_eq!(peer.chunk(&lease, 0, &body[..CHUNK_BYTES_MAX]), []);
    peer.passes(UPLOAD_STALL_MS_MAX - 1);
    // Less than a whole chunk is taken, but gives no more time; nor does anything else.
    assert_eq!(peer.chunk(&lease, CHUNK_BYTES_MAX, &body[CHUNK_BYTES_MAX..][..9]), []);
    peer.goes_on();
    assert_eq!(refused(&peer.passes(1)), busy);
    assert_eq!(peer.session.memory_kib(), 0);
    let range = [(Some(offer_of(&lease)), RefusedCode::BodyRange)];
    assert_eq!(refused(&peer.chunk(&lease, CHUNK_BYTES_MAX + 9, &body[..9])), range, "nothing waits for it");
    peer.goes_on();
}

#[test]
fn a_whole_body_has_its_time_however_steadily_it_comes() {
    let mut peer = Peer::serving();
    let (lease, body) = (page(1), body(8 * CHUNK_BYTES_MAX));
    peer.begins(&lease, &body);
    let step_ms = UPLOAD_STALL_MS_MAX - 1;
    for (number, piece) in body.chunks(CHUNK_BYTES_MAX).take((UPLOAD_MS_MAX / step_ms) as usize).enumerate() {
        assert_eq!(refused(&peer.passes(step_ms)), []);
        assert_eq!(peer.chunk(&lease, number * CHUNK_BYTES_MAX, piece), []);
    }
    let left_ms = UPLOAD_MS_MAX % step_ms;
    assert_eq!(refused(&peer.passes(left_ms - 1)), []);
    assert_eq!(refused(&peer.passes(1)), [(Some(offer_of(&lease)), RefusedCode::Busy)]);
}

#[test]
fn so_many_bodies_at_once_and_each_once() {
    let mut peer = Peer::serving();
    let leases: Vec<Lease> = (0..=UPLOADS_MAX as u8).map(page).collect();
    let (last, first) = leases.split_last().unwrap();
    for lease in first {
        assert_eq!(peer.begins(lease, b"body").len(), 1);
    }
    let result = peer.result(offer_of(last), fetched(b"body"));
    assert_eq!(refused(&peer.states(last, &result)), [(Some(offer_of(last)), RefusedCode::Busy)]);
    let again = peer.result(offer_of(&first[0]), fetched(b"body")).bytes().to_vec();
    let outputs = peer.says(&ToCoordinator::Result { statement: again.into() });
    assert_eq!(refused(&outputs), [(Some(offer_of(&first[0])), RefusedCode::Unexpected)]);
    // They come in any mix.
    assert_eq!(peer.chunk(&first[1], 0, b"bo"), []);
    assert!(matches!(asked(&peer.chunk(&first[0], 0, b"body")), Some(Question::Command(_))));
    let unavailable = [(Some(offer_of(&first[0])), RefusedCode::Unavailable)];
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), unavailable);
    assert!(matches!(asked(&peer.chunk(&first[1], 2, b"dy")), Some(Question::Command(_))));
}

#[test]
fn a_lease_that_ends_takes_its_body_along() {
    let mut peer = Peer::serving();
    let lease = page(1);
    let offer = offer_of(&lease);
    peer.begins(&lease, b"body");
    assert_eq!(peer.session.memory_kib(), 1);
    let outputs = peer.feed(Input::Pushes(vec![Push::Withdraw(offer, RefusedCode::LeaseExpired)]));
    assert_eq!(sent(&outputs), [ToWorker::Withdraw { offer, reason: RefusedCode::LeaseExpired }]);
    assert_eq!(peer.session.memory_kib(), 0);
    assert_eq!(refused(&peer.chunk(&lease, 0, b"body")), [(Some(offer), RefusedCode::BodyRange)]);
}

#[test]
fn a_body_is_the_signed_one() {
    let mut peer = Peer::serving();
    let lease = page(1);
    peer.begins(&lease, b"body");
    assert_eq!(refused(&peer.chunk(&lease, 0, b"bode")), [(Some(offer_of(&lease)), RefusedCode::BodyHash)]);
    assert_eq!(peer.session.memory_kib(), 0);
}

#[test]
fn whole_chunks_cost_no_pace() {
    let mut peer = Peer::serving();
    let (lease, body) = (page(1), body(4 * CHUNK_BYTES_MAX));
    peer.begins(&lease, &body);
    // With the result, all that may be said at once is said; the clock stands still.
    while peer.session.counts().refused < u64::from(MESSAGES_BURST_MAX) - 1 {
        peer.chunk(&page(2), 0, b"nobody asked");
    }
    for (number, piece) in body.chunks(CHUNK_BYTES_MAX).enumerate() {
        let outputs = peer.chunk(&lease, number * CHUNK_BYTES_MAX, piece);
        assert_eq!(asked(&outputs).is_some(), number == 3);
    }
    peer.answer(Answer::Unavailable);
    assert_eq!(peer.ping(0), [Output::End(End::Bye(RefusedCode::Busy))], "anything else is one too many");
}

#[test]
fn no_body_is_asked_for_that_is_too_large_not_paid_or_not_signed() {
    let mut peer = Peer::serving();
    let lease = page(1);
    let offer = offer_of(&lease);
    let mut report = fetched(b"body");
    if let Report::Fetch(fetch) = &mut report {
        fetch.body_bytes = bytes(BODY_BYTES_MAX as usize + 1);
    }
    let result = peer.result(offer, report);
    let outputs = peer.says(&ToCoordinator::Result { statement: result.bytes().to_vec().into() });
    assert_eq!(refused(&outputs), [(Some(offer), RefusedCode::TooLarge)]);
    let forged = Signed::sign(peer.result(offer, fetched(b"body")).payload().clone(), &key(9));
    let outputs = peer.says(&ToCoordinator::Result { statement: forged.bytes().to_vec().into() });
    assert_eq!(refused(&outputs), [(Some(offer), RefusedCode::Signature)]);
    let outputs = peer.says(&ToCoordinator::Result { statement: vec![1, 2, 3].into() });
    assert_eq!(refused(&outputs), [(None, RefusedCode::Signature)]);
    // Nobody knows this offer: the market says so.
    let unknown = Hash([4; 32]);
    let result = peer.result(unknown, fetched(b"body"));
    peer.says(&ToCoordinator::Result { statement: result.bytes().to_vec().into() });
    let outputs = peer.finds(lull_market::session::Found::SubmitFacts(None));
    assert!(matches!(asked(&outputs), Some(Question::Command(Command::Submit { body, .. })) if body.is_empty()));
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), [(Some(unknown), RefusedCode::Unavailable)]);
    // What cannot be read now can be sent again.
    let result = peer.result(offer, fetched(b"body"));
    peer.says(&ToCoordinator::Result { statement: result.bytes().to_vec().into() });
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), [(Some(offer), RefusedCode::Unavailable)]);
}
