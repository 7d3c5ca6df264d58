//! What a connection says of payouts, and takes about them, where the coordinator pays.

use lull_market::session::{Answer, Found, Input, Output, Push, Query, Question};
use lull_market::{Command, Refusal, Reply};
use lull_protocol::message::RefusedCode;
use lull_protocol::payout::{Payouts, Schedule};
use lull_protocol::siws::Chain;
use lull_protocol::{Amount, ToCoordinator, ToWorker};

use crate::peer::{Peer, account, asked, at, reads_account, refused, sent};

fn payouts() -> Payouts {
    Payouts {
        chain: Chain::Localnet,
        in_payout: Amount::ZERO,
        paid: Amount::ZERO,
        schedule: Schedule::Now,
        next: None,
        standstill: None,
        newest: vec![],
        has_older: false,
    }
}

pub(crate) fn found() -> Found {
    Found::Payouts(Box::new(payouts()))
}

fn reads_payouts(peer: &Peer, outputs: &[Output]) -> bool {
    let (worker, now) = (peer.key.public(), at(peer.now_ms));
    asked(outputs) == Some(&Question::Read(Query::Payouts { worker, chain: Chain::Localnet, now }))
}

/// Served by a coordinator that pays; its payouts are told.
fn paid() -> Peer {
    let mut peer = Peer::on(Some(Chain::Localnet));
    peer.prove(0);
    peer.answer(Answer::Yes);
    peer.finds(account(0));
    let outputs = peer.finds(Found::OpenLeases(vec![]));
    assert!(reads_payouts(&peer, &outputs), "{outputs:?}");
    assert_eq!(sent(&peer.finds(found())), [ToWorker::Payouts(Box::new(payouts()))]);
    peer.finds(Found::OpenRejections(vec![]));
    peer.finds(Found::VerdictsAfter(vec![]));
    peer.goes_on();
    peer
}

#[test]
fn payouts_are_told_at_first_and_whenever_they_change() {
    let mut peer = paid();
    for push in [Push::Payouts, Push::Account] {
        let outputs = peer.feed(Input::Pushes(vec![push]));
        assert!(reads_account(&outputs), "{outputs:?}");
        let outputs = peer.finds(account(0));
        assert!(matches!(sent(&outputs)[..], [ToWorker::Account { .. }]) && reads_payouts(&peer, &outputs));
        assert_eq!(sent(&peer.finds(found())), [ToWorker::Payouts(Box::new(payouts()))]);
    }
    peer.goes_on();
}

#[test]
fn a_person_says_when_they_are_paid_and_is_told_how_it_stands() {
    let mut peer = paid();
    let worker = peer.key.public();
    let (schedule, account_agreed) = (Schedule::At(Amount::MAX), Amount::ZERO);
    let words = [
        (ToCoordinator::PayWhen { schedule, account_agreed }, Command::PayWhen { worker, schedule, account_agreed }),
        (ToCoordinator::PayNow, Command::PayNow { worker }),
    ];
    for (word, command) in words {
        assert_eq!(asked(&peer.says(&word)), Some(&Question::Command(command)));
        let outputs = peer.answer(Answer::Reply(Reply::PayoutsChanged(vec![worker])));
        assert!(reads_payouts(&peer, &outputs), "{outputs:?}");
        assert_eq!(sent(&peer.finds(found())), [ToWorker::Payouts(Box::new(payouts()))]);
        peer.says(&word);
        let outputs = peer.answer(Answer::Refused(Refusal::Fault("a test".into())));
        assert_eq!(refused(&outputs), [(None, RefusedCode::Unavailable)]);
    }
    let outputs = peer.says(&ToCoordinator::PayoutsBefore { number: 7 });
    assert_eq!(asked(&outputs), Some(&Question::Read(Query::PayoutsBefore { worker, number: 7 })));
    let told = ToWorker::PayoutsBefore { number: 7, payouts: vec![], has_older: true };
    assert_eq!(sent(&peer.finds(Found::PayoutsBefore(vec![], true))), [told]);
    peer.says(&ToCoordinator::PayoutsBefore { number: u64::MAX >> 11 });
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), [(None, RefusedCode::Unavailable)]);
    peer.goes_on();
}

#[test]
fn who_pays_nobody_speaks_of_no_payouts() {
    let mut peer = Peer::serving();
    let outputs = peer.feed(Input::Pushes(vec![Push::Payouts]));
    assert!(reads_account(&outputs));
    assert!(matches!(sent(&peer.finds(account(0)))[..], [ToWorker::Account { .. }]));
    peer.goes_on();
    assert_eq!(refused(&peer.says(&ToCoordinator::PayNow)), [(None, RefusedCode::Unexpected)]);
}
