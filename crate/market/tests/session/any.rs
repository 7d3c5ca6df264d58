//! Whatever comes, in whatever order: no panic, at most one question open, every number within its limit.

use lull_market::session::limits::UPLOADS_MAX;
use lull_market::session::{Answer, End, Found, Input, Output, Push, Query, Question, Stage};
use lull_market::{Refusal, Reply};
use lull_protocol::limits::{BODY_BYTES_MAX, CHUNK_BYTES_MAX, VERDICTS_IN_FLIGHT_MAX};
use lull_protocol::message::{Message as _, RefusedCode, ReturnReason};
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::JobClass;
use lull_protocol::{ByteCount, Hash, Signed, ToCoordinator, ToWorker};
use proptest::prelude::*;

use crate::payouts::found;
use crate::peer::{Peer, account, at, bytes, chosen, facts, fetched, hello_message, lease, offer_of, verdict};

/// What comes next. Numbers pick among a few offers and sizes, so that some are met again.
#[derive(Clone, Debug)]
enum Step {
    Say(Said),
    Raw(Vec<u8>),
    Text,
    Sign,
    /// As a shell answers: what fits the question; `false`: what says no.
    Answer(bool),
    /// What fits no question, or comes without one.
    Stray(u8),
    Push(u8, u64),
    Wake,
    End(u8),
    Tick,
    Wait(u64),
}

#[derive(Clone, Debug)]
enum Said {
    Hello,
    Proof(u64),
    Want(u8, u8),
    Result { offer: u8, size: usize, is_fetch: bool },
    Chunk { offer: u8, next: bool, offset: u64, len: usize },
    Return(u8),
    Extend(u8),
    Blob(u64),
    Ping(u64, u64),
    Appeal(u8),
    Wallet(u8, u64),
    Pay(bool),
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..6, Just(256), Just(300), Just((1 << 53) - 1), any::<u64>()]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        1 => Just(Said::Hello),
        1 => number().prop_map(Said::Proof),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(fetch, judgment)| Said::Want(fetch, judgment)),
        4 => (0..4_u8, prop::sample::select(vec![0, 1, 70_000, 600_000]), any::<bool>())
            .prop_map(|(offer, size, is_fetch)| Said::Result { offer, size, is_fetch }),
        9 => (0..4_u8, prop::bool::weighted(0.9), number(), prop::sample::select(vec![0, 1, CHUNK_BYTES_MAX]))
            .prop_map(|(offer, next, offset, len)| Said::Chunk { offer, next, offset, len }),
        2 => (0..4_u8).prop_map(Said::Return),
        1 => (0..4_u8).prop_map(Said::Extend),
        1 => number().prop_map(Said::Blob),
        3 => (number(), number()).prop_map(|(day, seen)| Said::Ping(day, seen)),
        1 => (0..4_u8).prop_map(Said::Appeal),
        2 => (0..6_u8, number()).prop_map(|(kind, number)| Said::Wallet(kind, number)),
        1 => any::<bool>().prop_map(Said::Pay),
    ]
}

/// Steps of a shell that keeps the rules, or of one that doesn't.
fn step(is_rude: bool) -> impl Strategy<Value = Step> {
    let stray = move |kind| if is_rude { Step::Stray(kind) } else { Step::Sign };
    prop_oneof![
        20 => said().prop_map(Step::Say),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Step::Raw),
        1 => prop_oneof![1 => Just(Step::Text), 9 => Just(Step::Sign)],
        30 => prop::bool::weighted(0.9).prop_map(Step::Answer),
        1 => any::<u8>().prop_map(stray),
        3 => (0..5_u8, 1..400_u64).prop_map(|(kind, to)| Step::Push(kind, to)),
        2 => Just(Step::Wake),
        1 => (0..4_u8).prop_map(Step::End),
        4 => Just(Step::Tick),
        3 => prop_oneof![0..100_u64, 9_000..70_000_u64, 0..1_u64 << 50].prop_map(Step::Wait),
    ]
}

/// A connection and what an onlooker knows of it.
struct Onlooker {
    peer: Peer,
    proof: Option<ToCoordinator>,
    open: Option<Question>,
    ended: Option<End>,
    verdicts: u64,
    confirmed: u64,
    next_offsets: [u64; 4],
    granted_kib: u32,
}

impl Onlooker {
    fn new() -> Self {
        let peer = Peer::paying();
        Self {
            peer,
            proof: None,
            open: None,
            ended: None,
            verdicts: 0,
            confirmed: 0,
            next_offsets: [0; 4],
            granted_kib: 0,
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        let outputs = self.peer.feed(input);
        for output in outputs {
            assert!(self.ended.is_none(), "{output:?} after the end");
            match output {
                Output::End(end) => (self.open, self.ended) = (None, Some(end)),
                _ if self.open.is_some() => panic!("{output:?} while {:?} is open", self.open),
                Output::Send(message) => self.sent(message),
                Output::Ask(question) => self.open = Some(question),
            }
        }
        let (session, timed) = (&self.peer.session, self.open.is_none() && self.ended.is_none());
        assert_eq!((session.wakes_at().is_some(), session.stage() == Stage::Ended), (timed, self.ended.is_some()));
        let most = UPLOADS_MAX as u64 * BODY_BYTES_MAX.div_ceil(1_024);
        assert!(u64::from(session.memory_kib()) <= most && session.memory_kib() <= self.granted_kib);
        self.granted_kib = session.memory_kib();
    }

    fn sent(&mut self, message: ToWorker) {
        ToWorker::from_frame(&message.to_frame()).expect("what is sent is a message");
        match message {
            ToWorker::Verdict { number, .. } => {
                assert!(number > self.verdicts, "verdict {number} after {}", self.verdicts);
                self.verdicts = number;
                assert!(number - self.confirmed <= VERDICTS_IN_FLIGHT_MAX as u64);
            }
            ToWorker::BodyWanted { offer, offset, .. } => self.next_offsets[place(&offer)] = offset.get(),
            ToWorker::Hello { .. } | ToWorker::Bye { .. } => panic!("not here"),
            _ => {}
        }
    }

    fn does(&mut self, step: &Step) {
        let has_seat = matches!(self.peer.session.stage(), Stage::Opening | Stage::Serving | Stage::Ended);
        match step {
            Step::Say(said) => {
                if let Some(message) = self.message(said) {
                    self.feed(Input::Frame(&message.to_frame()));
                }
            }
            // A frame that is no message is the end of it: rarely, so that there is something to end.
            Step::Raw(bytes) if bytes.len() < 20 => self.feed(Input::Frame(bytes)),
            Step::Raw(_) | Step::Sign => self.feed(Input::Sign),
            Step::Text => self.feed(Input::Text),
            Step::Answer(well) => {
                if let Some(question) = self.open.take() {
                    let answer = self.answer(&question, *well);
                    self.feed(Input::Answer(answer));
                }
            }
            Step::Stray(kind) => {
                self.open = None;
                let answers = [Answer::Yes, Answer::No, Answer::Found(account(1)), Answer::Reply(Reply::Done)];
                self.feed(Input::Answer(answers[usize::from(*kind) % answers.len()].clone()));
            }
            Step::Push(kind, to) if has_seat => {
                let push = self.push(*kind, *to);
                self.feed(Input::Pushes(vec![push, Push::Account, Push::Payouts]));
            }
            Step::Wake if has_seat => self.feed(Input::Wake),
            Step::Push(..) | Step::Wake => {}
            Step::End(kind) => {
                self.open = None;
                self.feed(match kind {
                    0 => Input::Closed,
                    1 => Input::Broken,
                    2 => Input::End(RefusedCode::Replaced),
                    _ => Input::End(RefusedCode::Busy),
                });
            }
            Step::Tick => {
                self.feed(Input::Tick);
                assert!(!self.peer.is_late(), "it would tick again and again");
            }
            Step::Wait(ms) => {
                // A tick may come late, and something else before it.
                self.peer.now_ms = self.peer.now_ms.saturating_add(*ms);
            }
        }
    }

    fn push(&self, kind: u8, to: u64) -> Push {
        let worker = self.peer.key.public();
        match kind {
            0 | 1 => Push::Verdicts(
                (self.verdicts + 1..=(self.verdicts + to).min((1 << 53) - 1)).map(|n| verdict(worker, n)).collect(),
            ),
            2 => Push::Verdicts(vec![verdict(worker, to)]),
            3 => Push::Wallet,
            _ => Push::Withdraw(offer(to as u8 % 4), RefusedCode::LeaseExpired),
        }
    }

    fn message(&mut self, said: &Said) -> Option<ToCoordinator> {
        Some(match said {
            Said::Hello => {
                if self.peer.session.stage() == Stage::Hello {
                    self.proof = Some(self.peer.greet());
                    return None;
                }
                hello_message(self.peer.hello())
            }
            Said::Proof(seen) => {
                let ToCoordinator::Proof { statement, day_start, .. } = self.proof.clone()? else { return None };
                if self.peer.session.stage() == Stage::Proof {
                    (self.verdicts, self.confirmed) = ((*seen).min((1 << 53) - 1), (*seen).min((1 << 53) - 1));
                }
                ToCoordinator::Proof { statement, verdicts_seen: *seen, day_start }
            }
            Said::Want(fetch, judgment) => ToCoordinator::want(*fetch, *judgment),
            Said::Result { offer: number, size, is_fetch } => {
                let report = if *is_fetch { fetched(&vec![7; *size]) } else { chosen() };
                let result = self.peer.result(offer(*number), report);
                ToCoordinator::Result { statement: result.bytes().to_vec().into() }
            }
            Said::Chunk { offer: number, next, offset, len } => {
                let at = &mut self.next_offsets[usize::from(*number)];
                let offset = if *next { *at } else { *offset % (1 << 53) };
                *at = offset.saturating_add(*len as u64) % (1 << 53);
                let offset = ByteCount::new(offset).unwrap();
                ToCoordinator::BodyChunk { offer: offer(*number), offset, bytes: vec![7; *len].into() }
            }
            Said::Extend(number) => ToCoordinator::Extend { offer: offer(*number) },
            Said::Return(number) => {
                ToCoordinator::Return { offer: offer(*number), reason: ReturnReason::Skipped, shown_ms: None }
            }
            Said::Appeal(number) => {
                let appeal = Appeal { rejection: offer(*number), words: None, at: at(0) };
                ToCoordinator::Appeal { statement: Signed::sign(appeal, &self.peer.key).bytes().to_vec().into() }
            }
            Said::Wallet(kind, number) => crate::wallet::said(&self.peer.key, *kind, *number),
            Said::Pay(true) => ToCoordinator::PayNow,
            Said::Pay(false) => ToCoordinator::PayoutsBefore { number: 9 },
            Said::Blob(offset) => {
                ToCoordinator::GetBlob { hash: offer(0), offset: ByteCount::new(*offset % (1 << 53)).unwrap() }
            }
            Said::Ping(day, seen) => {
                self.confirmed = (*seen).clamp(self.confirmed, self.verdicts);
                ToCoordinator::Ping { day_start: at(*day), verdicts_seen: *seen }
            }
        })
    }

    /// An answer that fits the question.
    fn answer(&mut self, question: &Question, well: bool) -> Answer {
        let worker = self.peer.key.public();
        match question {
            _ if !well => Answer::Unavailable,
            Question::Seat(_) => Answer::Yes,
            Question::MemoryKib(kib) => {
                self.granted_kib += kib;
                Answer::Yes
            }
            Question::Claim(claim) => {
                assert!(claim.nonces() > 0 && claim.nonces() <= 6);
                Answer::Reply(Reply::Leases((0..claim.fetch.min(2)).map(|n| lease(n, JobClass::Fetch)).collect()))
            }
            Question::Command(lull_market::Command::Submit { result, .. }) => Answer::Reply(Reply::Stored {
                result: result.hash(),
                verdicts: vec![],
                freed: false,
                withdrawn: vec![],
            }),
            Question::Command(lull_market::Command::Extend { .. }) => Answer::Reply(Reply::Extended(vec![1])),
            Question::Command(lull_market::Command::Appeal { appeal }) => {
                Answer::Reply(Reply::Appealed(appeal.payload().rejection))
            }
            Question::Command(lull_market::Command::PayNow { worker }) => {
                Answer::Reply(Reply::PayoutsChanged(vec![*worker]))
            }
            Question::Command(lull_market::Command::Return { .. }) => Answer::Reply(Reply::Freed { skips_left: None }),
            Question::OpenTicket { purpose, .. } => crate::wallet::opened(*purpose, at(self.peer.now_ms)),
            Question::Command(lull_market::Command::Wallet(_)) => crate::wallet::done(),
            Question::Command(other) => Answer::Refused(Refusal::Fault(format!("{other:?}"))),
            Question::Read(query) => Answer::Found(match query {
                Query::Account { .. } => account(3),
                Query::OpenLeases { .. } => Found::OpenLeases(vec![lease(3, JobClass::Judgment)]),
                Query::OpenRejections { .. } => Found::OpenRejections(vec![]),
                Query::Reversals { .. } => Found::Reversals(vec![]),
                Query::VerdictsAfter { number, limit, .. } => {
                    let last = (number + *limit as u64 / 2).min((1 << 53) - 1);
                    Found::VerdictsAfter((number + 1..=last).map(|n| verdict(worker, n)).collect())
                }
                Query::SubmitFacts { offer } => facts(&lease(place(offer) as u8, JobClass::Fetch)),
                Query::WalletBrowsers { .. } => Found::WalletBrowsers(vec![]),
                Query::Wallet { .. } => Found::Wallet(Default::default()),
                Query::Payouts { .. } => found(),
                Query::PayoutsBefore { .. } => Found::PayoutsBefore(vec![], false),
                Query::Blob { .. } => Found::Blob(Some(vec![1; bytes(100_000).get() as usize])),
            }),
        }
    }
}

fn offer(number: u8) -> Hash {
    offer_of(&lease(number, JobClass::Fetch))
}

fn place(hash: &Hash) -> usize {
    (0..4).find(|number| offer(*number) == *hash).map_or(0, usize::from)
}

fn check(steps: &[Step], well_mannered: bool, begins_serving: bool) -> Onlooker {
    let mut onlooker = Onlooker::new();
    if begins_serving {
        for step in [Step::Say(Said::Hello), Step::Say(Said::Proof(0))] {
            onlooker.does(&step);
        }
    }
    for step in steps {
        if well_mannered && onlooker.open.is_some() && !matches!(step, Step::Answer(_) | Step::Tick | Step::Wait(_)) {
            onlooker.does(&Step::Answer(true));
        }
        if well_mannered && onlooker.open.is_some() {
            continue;
        }
        onlooker.does(step);
    }
    onlooker
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics_and_one_question_is_open_at_most(
        steps in proptest::collection::vec(step(false), 0..120),
        begins_serving in prop::bool::weighted(0.8),
    ) {
        let onlooker = check(&steps, true, begins_serving);
        prop_assert!(!matches!(onlooker.ended, Some(End::Fault(_))), "{:?}", onlooker.ended);
    }

    #[test]
    fn a_shell_without_manners_gets_no_second_question_either(
        steps in proptest::collection::vec(step(true), 0..80),
        begins_serving in prop::bool::weighted(0.8),
    ) {
        check(&steps, false, begins_serving);
    }
}
