//! A worker's wallet over its connection.

use lull_market::connect::{Given, Problem, Request};
use lull_market::facts::AccountFacts;
use lull_market::session::{Answer, End, Found, Input, Output, Push, Query, Question, Stage};
use lull_market::{Command, Refusal, Reply};
use lull_protocol::connect::{Purpose, WalletBrowser, WalletRefusal, WalletState, WalletVeto, WalletYes};
use lull_protocol::message::RefusedCode;
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, Signed, SigningKey, Timestamp, ToCoordinator, ToWorker, Wallet, siws};

use crate::peer::{Peer, account, asked, at, ended, key, reads_account, refused, sent};

const TICKET: Ticket = Ticket([5; 32]);

fn wallet() -> Wallet {
    Wallet::new(key(9).public()).unwrap()
}

fn yes(purpose: Purpose) -> WalletYes {
    let lost = purpose.names_another().then(|| key(2).public());
    let (coordinator, ticket) = (key(200).public(), TICKET.hash());
    WalletYes { coordinator, purpose, ticket, wallet: wallet(), lost, at: at(0) }
}

fn veto(yes: Hash) -> WalletVeto {
    WalletVeto { coordinator: key(200).public(), yes, at: at(0) }
}

/// One of each thing that a worker can say of its wallet, well signed and not.
pub(crate) fn said(key: &SigningKey, kind: u8, number: u64) -> ToCoordinator {
    let statement = |bytes: &[u8]| bytes.to_vec().into();
    match kind {
        0 => ToCoordinator::OpenTicket { purpose: Purpose::ALL[number as usize % Purpose::ALL.len()] },
        1 => ToCoordinator::WalletYes { statement: statement(Signed::sign(yes(Purpose::Link), key).bytes()) },
        2 => ToCoordinator::WalletNo { ticket: TICKET.hash() },
        3 => ToCoordinator::WalletVeto { statement: statement(Signed::sign(veto(TICKET.hash()), key).bytes()) },
        4 if number.is_multiple_of(2) => ToCoordinator::WalletBrowsers,
        4 => ToCoordinator::WalletNewsKnown { number },
        _ => ToCoordinator::WalletYes { statement: statement(&[1]) },
    }
}

pub(crate) fn opened(purpose: Purpose, expires_at: Timestamp) -> Answer {
    let given = if purpose.needs_wallet() {
        Given::Ticket { ticket: TICKET, purpose, expires_at }
    } else {
        Given::Asked(expires_at)
    };
    Answer::Reply(Reply::Wallet { given, told: vec![] })
}

pub(crate) fn done() -> Answer {
    Answer::Reply(Reply::Wallet { given: Given::Done, told: vec![] })
}

fn state() -> WalletState {
    WalletState { wallet: Some(wallet()), ..WalletState::default() }
}

fn reads_wallet(outputs: &[Output]) -> bool {
    matches!(asked(outputs), Some(Question::Read(Query::Wallet { .. })))
}

fn told(peer: &mut Peer, outputs: &[Output]) {
    assert!(reads_wallet(outputs), "{outputs:?}");
    let outputs = peer.finds(Found::Wallet(Box::new(state())));
    assert_eq!(sent(&outputs), [ToWorker::Wallet(Box::new(state()))]);
}

fn serving() -> Peer {
    let mut peer = Peer::paying();
    peer.prove(0);
    assert!(reads_account(&peer.answer(Answer::Yes)));
    let outputs = peer.finds(account(0));
    assert!(matches!(sent(&outputs)[..], [ToWorker::Account { .. }]), "{outputs:?}");
    assert!(reads_wallet(&outputs), "after the account and before the leases");
    let outputs = peer.finds(Found::Wallet(Box::new(state())));
    assert_eq!(sent(&outputs), [ToWorker::Wallet(Box::new(state()))]);
    peer.finds(Found::OpenLeases(vec![]));
    peer.finds(crate::payouts::found());
    peer.finds(Found::OpenRejections(vec![]));
    let outputs = peer.finds(Found::VerdictsAfter(vec![]));
    let seen = Request::Seen { worker: peer.key.public() };
    assert_eq!(asked(&outputs), Some(&Question::Command(Command::Wallet(Box::new(seen)))), "once it has all it needs");
    assert_eq!(peer.answer(Answer::Unavailable), [], "whether that could be noted is nobody's concern");
    assert_eq!(peer.session.stage(), Stage::Serving);
    peer
}

#[test]
fn a_ticket_is_the_worker_s_alone() {
    let mut peer = serving();
    let worker = peer.key.public();
    let outputs = peer.says(&ToCoordinator::OpenTicket { purpose: Purpose::Link });
    assert_eq!(outputs, [Output::Ask(Question::OpenTicket { worker, purpose: Purpose::Link })]);
    let outputs = peer.answer(opened(Purpose::Link, at(300_000)));
    let (ticket, purpose, expires_at) = (TICKET, Purpose::Link, at(300_000));
    assert_eq!(sent(&outputs), [ToWorker::Ticket { ticket, purpose, expires_at }]);
    told(&mut peer, &outputs);
    peer.says(&ToCoordinator::OpenTicket { purpose: Purpose::Unlink });
    let outputs = peer.answer(opened(Purpose::Unlink, at(300_000)));
    told(&mut peer, &outputs);
    peer.finds(crate::payouts::found());
    peer.goes_on();
}

#[test]
fn the_workers_of_the_wallet_are_read() {
    let mut peer = serving();
    let worker = peer.key.public();
    let outputs = peer.says(&ToCoordinator::WalletBrowsers);
    assert_eq!(asked(&outputs), Some(&Question::Read(Query::WalletBrowsers { worker })));
    let browsers = vec![WalletBrowser { worker, linked_at: Some(at(0)), seen_at: None }];
    let outputs = peer.finds(Found::WalletBrowsers(browsers.clone()));
    assert_eq!(sent(&outputs), [ToWorker::WalletBrowsers { browsers }]);
    peer.says(&ToCoordinator::WalletBrowsers);
    assert_eq!(refused(&peer.answer(Answer::Unavailable)), [(None, RefusedCode::Unavailable)]);
    peer.goes_on();
}

#[test]
fn each_step_is_asked_for_and_answered() {
    let mut peer = serving();
    let (worker, ticket) = (peer.key.public(), TICKET.hash());
    let signed = Signed::sign(yes(Purpose::Link), &peer.key);
    let vetoed = Signed::sign(veto(signed.hash()), &peer.key);
    let statement = |bytes: &[u8]| bytes.to_vec().into();
    let steps = [
        (
            ToCoordinator::WalletYes { statement: statement(signed.bytes()) },
            Request::Agree(signed.clone()),
            Some(ticket),
        ),
        (ToCoordinator::WalletNo { ticket }, Request::Decline { worker, ticket }, Some(ticket)),
        (
            ToCoordinator::WalletVeto { statement: statement(vetoed.bytes()) },
            Request::Veto(vetoed),
            Some(signed.hash()),
        ),
        (ToCoordinator::WalletNewsKnown { number: 3 }, Request::Known { worker, number: 3 }, None),
    ];
    for (message, request, about) in steps {
        let question = Question::Command(Command::Wallet(Box::new(request)));
        assert_eq!(asked(&peer.says(&message)), Some(&question));
        let outputs = peer.answer(done());
        told(&mut peer, &outputs);
        peer.finds(crate::payouts::found());
        assert_eq!(asked(&peer.says(&message)), Some(&question));
        let outputs = peer.answer(Answer::Refused(Refusal::Wallet(Problem::Foreign)));
        assert_eq!(outputs, [Output::Send(ToWorker::WalletRefused { about, why: WalletRefusal::Foreign })]);
        peer.says(&message);
        let outputs = peer.answer(Answer::Unavailable);
        assert_eq!(outputs, [Output::Send(ToWorker::WalletRefused { about, why: WalletRefusal::Unavailable })]);
        peer.goes_on();
    }
}

#[test]
fn what_another_key_signed_reaches_nobody() {
    let mut peer = serving();
    let (one, other) = (Signed::sign(yes(Purpose::Link), &key(2)), Signed::sign(veto(Hash([3; 32])), &key(2)));
    let outputs = peer.says(&ToCoordinator::WalletYes { statement: one.bytes().to_vec().into() });
    assert_eq!(refused(&outputs), [(Some(TICKET.hash()), RefusedCode::Signature)]);
    let outputs = peer.says(&ToCoordinator::WalletVeto { statement: other.bytes().to_vec().into() });
    assert_eq!(refused(&outputs), [(Some(Hash([3; 32])), RefusedCode::Signature)]);
    let outputs = peer.says(&ToCoordinator::WalletYes { statement: vec![1].into() });
    assert_eq!(refused(&outputs), [(None, RefusedCode::Signature)]);
    peer.goes_on();
}

#[test]
fn news_is_told_and_all_that_was_missed() {
    let mut peer = serving();
    for push in [Push::Wallet, Push::Others] {
        let outputs = peer.feed(Input::Pushes(vec![push.clone()]));
        let outputs = if push == Push::Others { peer.finds(Found::VerdictsAfter(vec![])) } else { outputs };
        assert!(reads_account(&outputs), "{push:?}: {outputs:?}");
        let outputs = peer.finds(account(0));
        told(&mut peer, &outputs);
        peer.finds(crate::payouts::found());
    }
    let mut poor = Peer::serving();
    let outputs = poor.feed(Input::Pushes(vec![Push::Wallet]));
    assert!(reads_account(&outputs));
    assert!(!reads_wallet(&poor.finds(account(0))), "it pays nobody");
}

#[test]
fn who_lost_its_place_is_let_in_no_more() {
    let succeeded = || Found::Account(AccountFacts { is_succeeded: true, ..AccountFacts::default() });
    for mut peer in [Peer::raw(), Peer::paying()] {
        peer.prove(0);
        peer.answer(Answer::Yes);
        assert_eq!(peer.finds(succeeded()), [Output::End(End::Bye(RefusedCode::Succeeded))]);
    }
    let mut peer = serving();
    peer.feed(Input::Pushes(vec![Push::Wallet]));
    assert_eq!(ended(&peer.finds(succeeded())), Some(End::Bye(RefusedCode::Succeeded)), "while it is connected");
}

#[test]
fn each_problem_has_its_word() {
    use WalletRefusal as W;
    let words = [
        (Problem::Unknown, W::Unknown),
        (Problem::Expired, W::Expired),
        (Problem::Used, W::Used),
        (Problem::Replaced, W::Replaced),
        (Problem::Declined, W::Declined),
        (Problem::NotYet, W::NotYet),
        (Problem::SignIn(siws::Problem::Signature), W::NotYet),
        (Problem::OtherCoordinator, W::OtherCoordinator),
        (Problem::OtherPurpose, W::OtherPurpose),
        (Problem::AccountChanged, W::AccountChanged),
        (Problem::TooMany, W::TooMany),
        (Problem::Linked, W::Linked),
        (Problem::NotLinked, W::NotLinked),
        (Problem::SameWallet, W::SameWallet),
        (Problem::WrongAccount, W::WrongAccount),
        (Problem::NotOfThisWallet, W::NotOfThisWallet),
        (Problem::Rebinding, W::Rebinding),
        (Problem::WalletFull, W::WalletFull),
        (Problem::Listed, W::Listed),
        (Problem::Decided, W::Decided),
    ];
    let mut peer = serving();
    for (problem, why) in words {
        peer.says(&ToCoordinator::OpenTicket { purpose: Purpose::Link });
        let outputs = peer.answer(Answer::Refused(Refusal::Wallet(problem)));
        assert_eq!(outputs, [Output::Send(ToWorker::WalletRefused { about: None, why })]);
    }
    let fault: Refusal = Problem::Fault("a bug").into();
    assert_eq!(fault, Refusal::Fault("a bug".into()), "for the log");
}
