//! Money under random commands: it balances, nothing is paid twice, nothing is lost.

use std::collections::BTreeMap;

use lull_market::{Command, Lease, OpenRejection, Refusal, Rejected, Reply, RequesterId, Reviewed};
use lull_protocol::message::ReturnReason;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::siws::Chain;
use lull_protocol::statement::{AcceptanceRule, FetchReport, Outcome, Report, Verdict};
use lull_protocol::task::{Finding, OptionSet, Preference};
use lull_protocol::{
    Answer, DurationMs, Filter, FlagReason, Hash, Item, PublicKey, Signed, TaskKind, TaskSet, Timestamp,
};
use lull_store::PayCommand;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bench::{BUYER, Bench, amount, fetch_order, key, offer, order_id, project, report, tasks};
use crate::payouts::{Payer, link, pays, wallet};

const WORKERS: u8 = 4;
const REQUESTERS: [RequesterId; 2] = [BUYER, RequesterId([2; 16])];

/// What somebody may do next; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Deposit { requester: bool, amount: u64, reference: u8 },
    Buy { requester: bool, urls: usize, per_item: u64, per_mib: u64 },
    Ask { requester: bool, kind: TaskKind, contents: usize, people: u8, price: u64, is_reviewed: bool },
    Claim { worker: u8, fetch: u8, judgment: u8 },
    Work { worker: u8, which: usize, how: u8 },
    Repeat { which: usize },
    Return { worker: u8, which: usize, reason: u8 },
    Review { requester: bool, which: usize, accept: bool },
    Appeal { worker: u8, which: usize },
    Decide { which: usize, is_upheld: bool },
    Reverse { which: usize, how: u8 },
    Resume { order: u8 },
    Cancel { requester: bool, order: u8 },
    Link { worker: u8, wallet: u8, is_held: bool },
    MakePayouts,
    Reserve { count: usize },
    EndBatch { which: usize, how: u8 },
    Retry,
    Wait { ms: u64 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (any::<bool>(), 1..50_000_u64, 0..6_u8)
            .prop_map(|(requester, amount, reference)| Step::Deposit { requester, amount, reference }),
        2 => (any::<bool>(), 1..4_usize, 1..3_000_u64, 0..3_000_u64)
            .prop_map(|(requester, urls, per_item, per_mib)| Step::Buy { requester, urls, per_item, per_mib }),
        2 => ((any::<bool>(), select(&TaskKind::ALL)), 1..4_usize, 1..5_u8, 1..3_000_u64, any::<bool>()).prop_map(
            |((requester, kind), contents, people, price, is_reviewed)| {
                Step::Ask { requester, kind, contents, people, price, is_reviewed }
            }
        ),
        6 => (0..WORKERS, 0..4_u8, 0..6_u8)
            .prop_map(|(worker, fetch, judgment)| Step::Claim { worker, fetch, judgment }),
        12 => (0..WORKERS, any::<usize>(), any::<u8>())
            .prop_map(|(worker, which, how)| Step::Work { worker, which, how }),
        3 => any::<usize>().prop_map(|which| Step::Repeat { which }),
        2 => (0..WORKERS, any::<usize>(), 0..5_u8)
            .prop_map(|(worker, which, reason)| Step::Return { worker, which, reason }),
        6 => (any::<bool>(), any::<usize>(), any::<bool>())
            .prop_map(|(requester, which, accept)| Step::Review { requester, which, accept }),
        3 => (0..WORKERS, any::<usize>()).prop_map(|(worker, which)| Step::Appeal { worker, which }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, is_upheld)| Step::Decide { which, is_upheld }),
        3 => (any::<usize>(), 0..3_u8).prop_map(|(which, how)| Step::Reverse { which, how }),
        1 => any::<u8>().prop_map(|order| Step::Resume { order }),
        2 => (any::<bool>(), any::<u8>()).prop_map(|(requester, order)| Step::Cancel { requester, order }),
        3 => prop_oneof![0..1_000_u64, 50_000..400_000_u64, 3_000_000..90_000_000_u64, 1..2_000_000_000_u64].prop_map(|ms| Step::Wait { ms }),
        2 => (0..WORKERS, 0..3_u8, any::<bool>())
            .prop_map(|(worker, wallet, is_held)| Step::Link { worker, wallet, is_held }),
        3 => Just(Step::MakePayouts),
        3 => (1..4_usize).prop_map(|count| Step::Reserve { count }),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(which, how)| Step::EndBatch { which, how }),
        1 => Just(Step::Retry),
        2 => Just(Step::Sweep),
    ]
}

/// An answer to what `tasks` asks, or one that there can't be; now and then one to something else.
fn answer(kind: TaskKind, how: u8) -> Answer {
    let sentence = how % 3;
    match kind {
        _ if how.is_multiple_of(17) => Answer::Choice(how % 4),
        TaskKind::Choice => Answer::Choice(how % 4),
        TaskKind::Multi => Answer::Multi(OptionSet::from_bits((how % 8).into()).unwrap()),
        TaskKind::Compare => Answer::Compare(Preference::ALL[usize::from(how % 4)]),
        TaskKind::Rating => Answer::Rating(1 + how % 6),
        TaskKind::Verify if how.is_multiple_of(5) => Answer::Verify(Finding::NotEnough),
        TaskKind::Verify if how.is_multiple_of(2) => Answer::Verify(Finding::Supported { sentence }),
        TaskKind::Verify => Answer::Verify(Finding::Contradicted { sentence }),
    }
}

/// The market, and what an onlooker who trusts nobody wrote down.
struct Onlooker {
    bench: Bench,
    payer: Payer,
    orders: u8,
    leases: Vec<(u8, Lease)>,
    sent: Vec<Command>,
    deposited: BTreeMap<String, u64>,
    /// By the result's hash: whose verdict it was and what it paid.
    paid: BTreeMap<Hash, (PublicKey, u64)>,
    /// Rejections, as their workers heard of them.
    rejections: Vec<(PublicKey, Hash)>,
}

impl Onlooker {
    fn new() -> Self {
        let mut bench = Bench::empty();
        for (i, requester) in REQUESTERS.into_iter().enumerate() {
            let name = format!("Buyer {i}");
            bench.does(Command::AddRequester { requester, key_hash: Hash::of(name.as_bytes()), name });
        }
        let nothing = BTreeMap::new();
        let payer = Payer::new(&mut bench);
        Self {
            bench,
            payer,
            orders: 0,
            leases: vec![],
            sent: vec![],
            deposited: nothing,
            paid: BTreeMap::new(),
            rejections: vec![],
        }
    }

    fn take(&mut self, step: Step) {
        if self.pays(&step) {
            return;
        }
        let Some(command) = self.command(step) else { return };
        let reply = self.bench.one(command.clone());
        if let Err(Refusal::Fault(fault)) = &reply {
            panic!("{command:?}: {fault}");
        }
        match (command, reply) {
            (Command::Deposit { amount, reference, .. }, Ok(_)) => {
                self.deposited.insert(reference, amount.get());
            }
            (Command::Claim { worker, .. }, Ok(Reply::Leases(new))) => {
                let seed = (1..=WORKERS).find(|seed| key(*seed).public() == worker).unwrap();
                self.leases.extend(new.into_iter().map(|lease| (seed, lease)));
            }
            (command @ Command::Submit { .. }, reply) => {
                if let Ok(Reply::Stored { verdicts, .. }) = reply {
                    verdicts.iter().for_each(|v| self.note(v.worker, &v.statement));
                }
                self.sent.push(command);
            }
            // Whose appeals and decisions these are, the market must tell apart by their hashes alone.
            (_, Ok(Reply::Reversal { reversal, worker, is_new: true })) => self.rejections.push((worker, reversal)),
            (_, Ok(Reply::Reviewed(Reviewed { verdicts, rejections, .. }))) => {
                verdicts.iter().for_each(|v| self.note(v.worker, &v.statement));
                rejections.iter().for_each(|open| self.rejected(open));
            }
            (_, Ok(Reply::Cancelled { verdicts, .. })) => {
                verdicts.iter().for_each(|v| self.note(v.worker, &v.statement));
            }
            (Command::Sweep, Ok(Reply::Swept { verdicts, .. })) => {
                verdicts.iter().for_each(|v| self.note(v.worker, &v.statement));
            }
            _ => {}
        }
    }

    /// What the shell that pays does, on no chain.
    fn pays(&mut self, step: &Step) -> bool {
        let Self { bench, payer, .. } = self;
        match *step {
            Step::Link { worker, wallet: 0, .. } => link(bench, &key(1 + worker), None, None),
            Step::Link { worker, wallet: number, is_held } => {
                let until = is_held.then(|| bench.cx.now.plus(100_000).get());
                link(bench, &key(1 + worker), Some(wallet(number)), until);
            }
            Step::MakePayouts => _ = payer.make(bench),
            Step::Reserve { count } => _ = payer.reserve(bench, count),
            Step::EndBatch { which, how } => {
                let open = bench.reader.treasury().unwrap().open;
                if let Some(batch) = open.get(which % open.len().max(1)) {
                    payer.end(bench, batch, how);
                }
            }
            Step::Retry => _ = pays(bench, PayCommand::Retry),
            _ => return false,
        }
        true
    }

    /// What is rejected has no verdict yet.
    fn rejected(&mut self, open: &OpenRejection) {
        let rejection = Signed::<Rejection>::verify(&open.statement, &self.bench.cx.key.public()).unwrap();
        assert!(!self.paid.contains_key(&rejection.payload().result), "rejected after its verdict");
        self.rejections.push((open.worker, rejection.hash()));
    }

    /// A verdict seen again must be the same one.
    fn note(&mut self, worker: PublicKey, statement: &[u8]) {
        let verdict = Signed::<Verdict>::verify(statement, &self.bench.cx.key.public()).unwrap();
        let said = (worker, verdict.payload().amount.get());
        assert_eq!(*self.paid.entry(verdict.payload().result).or_insert(said), said, "one verdict per result");
    }

    fn command(&mut self, step: Step) -> Option<Command> {
        let whose = |first: bool| REQUESTERS[usize::from(first)];
        Some(match step {
            Step::Deposit { requester, amount: value, reference } => {
                let reference = format!("deposit {reference}");
                Command::Deposit { requester: whose(requester), amount: amount(value), reference }
            }
            Step::Buy { requester, urls, per_item, per_mib } => {
                self.orders += 1;
                let mut order = fetch_order(self.orders, &vec![crate::bench::URL; urls]);
                order.requester = whose(requester);
                (order.price.per_item, order.price.per_mib) = (amount(per_item), amount(per_mib));
                Command::CreateFetchOrder(order)
            }
            Step::Ask { requester, kind, contents, people, price, is_reviewed } => {
                self.orders += 1;
                let agree = people / 2 + 1;
                let mut project = project(self.orders, 0, agree, people);
                if is_reviewed {
                    project.rule = AcceptanceRule::Review { agree, people };
                }
                project.tasks = tasks(kind, contents);
                (project.requester, project.price) = (whose(requester), amount(price));
                Command::CreateProject(project)
            }
            Step::Claim { worker, fetch, judgment } => {
                let nonces = self.bench.nonces(usize::from(fetch + judgment));
                Command::Claim {
                    worker: key(1 + worker).public(),
                    fetch,
                    judgment,
                    tasks: TaskSet::ALL,
                    warnings: lull_protocol::WarningSet::ALL,
                    filter: Filter::default(),
                    nonces,
                }
            }
            Step::Work { worker, which, how } => return self.work(1 + worker, which, how),
            Step::Repeat { which } => self.sent.get(which % self.sent.len().max(1))?.clone(),
            Step::Return { worker, which, reason } => {
                let reasons = [
                    ReturnReason::Skipped,
                    ReturnReason::SwitchedOff,
                    ReturnReason::Broken,
                    ReturnReason::TooMany,
                    ReturnReason::RanOut,
                ];
                let (_, lease) = self.leases.get(which % self.leases.len().max(1))?;
                let offer = Hash::of(&lease.offer);
                Command::Return {
                    worker: key(1 + worker).public(),
                    offer,
                    reason: reasons[usize::from(reason)],
                    shown_ms: DurationMs::new(60_000),
                }
            }
            Step::Review { requester, which, accept } => {
                let (_, lease) = self.leases.get(which % self.leases.len().max(1))?;
                let (of, order) = (Hash::of(&lease.offer), Item::from_bytes(&lease.item).unwrap().order());
                let reject = vec![Rejected { offer: of, evidence: "No.".into() }];
                let (accept, reject) = if accept { (vec![of], vec![]) } else { (vec![], reject) };
                Command::Review { requester: whose(requester), order, accept, reject }
            }
            Step::Appeal { worker, which } => {
                let (_, rejection) = *self.rejections.get(which % self.rejections.len().max(1))?;
                let appeal = Appeal { rejection, words: None, at: self.bench.cx.now };
                Command::Appeal { appeal: Box::new(Signed::sign(appeal, &key(1 + worker))) }
            }
            Step::Decide { which, is_upheld } => {
                let (_, rejection) = *self.rejections.get(which % self.rejections.len().max(1))?;
                Command::DecideAppeal { rejection, is_upheld }
            }
            Step::Reverse { which, how } => {
                let (_, lease) = self.leases.get(which % self.leases.len().max(1))?;
                Command::Reverse { offer: Hash::of(&lease.offer), evidence: format!("reason {how}") }
            }
            Step::Resume { order } => Command::Resume { order: order_id(1 + order % self.orders.max(1)) },
            Step::Cancel { requester, order } => {
                Command::Cancel { requester: whose(requester), order: order_id(1 + order % self.orders.max(1)) }
            }
            Step::Wait { ms } => {
                self.bench.later(ms);
                return None;
            }
            Step::Sweep => Command::Sweep,
            Step::Link { .. } | Step::MakePayouts | Step::Reserve { .. } | Step::EndBatch { .. } | Step::Retry => {
                return None;
            }
        })
    }

    /// A result, honest or not, mostly of the worker's own leases.
    fn work(&self, worker: u8, which: usize, how: u8) -> Option<Command> {
        let own: Vec<_> = self.leases.iter().filter(|(seed, _)| *seed == worker || how.is_multiple_of(13)).collect();
        let (_, lease) = own.get(which % own.len().max(1))?;
        let body = vec![how; usize::from(how) * 1_000];
        let mut result = match Item::from_bytes(&lease.item).unwrap() {
            Item::Judgment(_) if how.is_multiple_of(3) => {
                let reason = FlagReason::ALL[usize::from(how / 3 % 6)];
                self.bench.flag(lease, reason, u64::from(how) * 100)
            }
            Item::Judgment(_) if how.is_multiple_of(19) => {
                self.bench.looked(lease, Report::Withdrawn, u64::from(how) * 100)
            }
            Item::Judgment(item) => self.bench.judged(lease, answer(item.task.kind(), how)),
            Item::Fetch(_) => self.bench.result(lease, Report::Fetch(fetched(how, &body))),
        };
        if how.is_multiple_of(11) {
            result.started_at = Timestamp::ZERO;
        }
        let has_body = matches!(&result.report, Report::Fetch(r) if r.outcome.is_paid());
        let body = if has_body { body } else { vec![] };
        Some(Command::Submit { result: Box::new(Signed::sign(result, &key(worker))), body })
    }

    fn holds(&self) {
        let (reader, bench) = (&self.bench.reader, &self.bench);
        bench.checks_out();
        let statistics = reader.statistics().unwrap();
        let deposited: u64 = self.deposited.values().sum();
        assert_eq!(statistics.deposited.get(), deposited, "deposits");
        let balances = REQUESTERS.map(|requester| reader.balance(requester).unwrap());
        let kept: u64 = balances.iter().map(|b| b.available.get() + b.held.get()).sum();
        assert_eq!(
            kept + statistics.earned.get() + statistics.fees.get(),
            deposited + statistics.reversed.get(),
            "conservation"
        );
        for seed in 1..=WORKERS {
            let worker = key(seed).public();
            let verdicts = reader.verdicts_after(&worker, 0, 10_000).unwrap();
            assert!((1..).zip(&verdicts).all(|(number, verdict)| verdict.number == number), "no gaps");
            let (earned, pending, payable) = bench.money(&key(seed));
            let paid: u64 = self.paid.values().filter(|(whose, _)| *whose == worker).map(|(_, amount)| amount).sum();
            let told = reader.payouts(&worker, Chain::Localnet, bench.cx.now).unwrap();
            let on_their_way = told.in_payout.get() + told.paid.get();
            let reversed = reader.account(&worker, Timestamp::ZERO).unwrap().reversed.get();
            assert_eq!((earned, earned), (paid, pending + payable + on_their_way + reversed), "earned");
            assert_eq!(verdicts.len(), self.paid.values().filter(|(whose, _)| *whose == worker).count());
        }
        for (worker, rejection) in &self.rejections {
            assert!((1..=WORKERS).any(|seed| key(seed).public() == *worker), "{rejection} is nobody's");
        }
        for (seed, lease) in &self.leases {
            assert_eq!(offer(lease).worker, key(*seed).public());
        }
    }
}

fn fetched(how: u8, body: &[u8]) -> FetchReport {
    let (outcome, status) = match how % 5 {
        0 => (Outcome::Blocked, 403),
        1 => (Outcome::NotFound, 404),
        _ => (Outcome::Ok, 200),
    };
    let mut report = report(outcome, status, body);
    if how.is_multiple_of(7) {
        report.hops[0].address = "10.0.0.1".into();
    }
    report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn money_balances_whatever_happens(steps in proptest::collection::vec(step(), 1..120)) {
        let mut onlooker = Onlooker::new();
        onlooker.take(Step::Deposit { requester: false, amount: 5_000_000, reference: 100 });
        onlooker.take(Step::Deposit { requester: true, amount: 1_000_000, reference: 101 });
        for (i, step) in steps.into_iter().enumerate() {
            onlooker.take(step);
            if i % 16 == 0 {
                onlooker.holds();
            }
        }
        onlooker.holds();
    }
}
