//! Payouts as the store keeps them: what a shell decides is written whole, balances, and is told to whose it is.

use lull_market::payouts::Share;
use lull_market::{Command, Reply};
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::{Batch, Landed, Stage};
use lull_payout::facts::{BATCH_MAX, PayoutState, Write};
use lull_payout::lane::Lane;
use lull_payout::reconcile::{Forgotten, Restored};
use lull_payout::rules::{Costs, Quote};
use lull_payout::transaction::Transfer;
use lull_payout::units::{BatchId, LaneId, Nonce, PayoutId, Signature};
use lull_protocol::limits::PAYOUTS_TOLD_MAX;
use lull_protocol::payout::{DayLimit, Hold, PayoutStage, Schedule, Standstill, Weekday, When};
use lull_protocol::siws::Chain;
use lull_protocol::{Amount, PublicKey, SigningKey};
use lull_store::{HELD_MS, NewPayout, PayCommand, PayError, PayReply, Person, Restore, TreasuryId};

use crate::bench::{Bench, amount, fetch_order, key};

const SOL: u64 = 200_000_000;

/// A shell that pays, on no chain.
pub(crate) struct Payer {
    count: u64,
}

pub(crate) fn wallet(seed: u8) -> Wallet {
    Wallet::new(Address::from(key(100 + seed).public().0)).unwrap()
}

fn lane(number: u8) -> LaneId {
    LaneId(Address::from([number; 32]))
}

pub(crate) fn costs() -> Costs {
    Costs { transaction_lamports: 5_000, account_lamports: 1_500_000, sharing: 1, sol: amount(SOL) }
}

pub(crate) fn quote() -> Quote {
    Quote { fee: amount(1_000), account: Amount::ZERO }
}

impl Payer {
    /// Two lanes, and a first run.
    pub(crate) fn new(bench: &mut Bench) -> Self {
        let one = |byte| Address::from([byte; 32]);
        let id = TreasuryId { owner: one(1), mint: one(2), genesis: Nonce([3; 32]) };
        assert_eq!(pays(bench, PayCommand::Begin(id)).number, 1);
        let lane = |number| Lane {
            id: lane(number),
            nonce: Nonce([number; 32]),
            is_spent: false,
            last: Signature([number; 64]),
            batch: None,
            run: 1,
        };
        pays(bench, PayCommand::AddLanes(vec![lane(1), lane(2)]));
        pays(bench, PayCommand::Stands { costs: costs(), standstill: None });
        Self { count: 0 }
    }

    /// Makes a payout for each person, if these have earned more than it costs.
    pub(crate) fn make(&mut self, bench: &mut Bench) -> u64 {
        let persons = bench.reader.persons(amount(1_001), None, 100, bench.cx.now).unwrap();
        let made = persons.into_iter().map(|person| new(&person)).collect();
        pays(bench, PayCommand::Make { made, not_due: vec![] }).number
    }

    /// Puts up to so many that wait on a free lane.
    pub(crate) fn reserve(&mut self, bench: &mut Bench, count: usize) -> Option<Batch> {
        let waiting = bench.reader.payouts_waiting(Amount::MAX, count, bench.cx.now).unwrap();
        let state = bench.reader.treasury().unwrap();
        let lane = state.lanes.iter().find(|lane| lane.batch.is_none() && !lane.is_spent)?;
        if waiting.is_empty() {
            return None;
        }
        let transfer = |one: &lull_store::WaitingPayout| Transfer {
            payout: one.payout,
            wallet: one.wallet,
            amount: one.amount,
            makes_account: false,
        };
        self.count += 1;
        let id = BatchId::new(1_000 + self.count).unwrap();
        let transfers: Vec<Transfer> = waiting.iter().map(transfer).collect();
        let batch = Batch { id, lane: lane.id, nonce: lane.nonce, transfers, run: 1, stage: Stage::Reserved };
        let mut writes = vec![Write::TakeLane(lane.id, id)];
        let taken = batch.transfers.iter().map(|one| Write::SetPayout(one.payout, PayoutState::InBatch(id)));
        writes.extend(taken);
        writes.push(Write::SetBatch(batch.clone()));
        pays(bench, decided(None, writes));
        Some(batch)
    }

    fn landed(&mut self) -> Landed {
        self.count += 1;
        let mut signature = [9; 64];
        signature[..8].copy_from_slice(&self.count.to_le_bytes());
        Landed { signature: Signature(signature), slot: self.count, fee_lamports: 5_000, rent_lamports: 0 }
    }

    /// Ends an open batch: all are paid, wait again or are held; its lane goes on.
    pub(crate) fn end(&mut self, bench: &mut Bench, batch: &Batch, how: u8) {
        let landed = self.landed();
        let (stage, state) = match how % 3 {
            0 => (Stage::Paid { landed }, PayoutState::Paid { signature: landed.signature, slot: landed.slot }),
            1 => (Stage::Failed { landed }, PayoutState::Waiting { batch_max: 1 }),
            _ => (Stage::Failed { landed }, PayoutState::Held(Hold::Refused)),
        };
        let over = Batch { stage, ..batch.clone() };
        let mut writes = vec![
            Write::SetBatch(over),
            Write::SpendLane { lane: batch.lane, nonce: batch.nonce, by: landed.signature, run: 1 },
            Write::Spend { batch: Some(batch.id), landed },
        ];
        writes.extend(batch.transfers.iter().map(|one| Write::SetPayout(one.payout, state)));
        pays(bench, decided(Some(batch), writes));
        self.count += 1;
        let mut next = [7; 32];
        next[..8].copy_from_slice(&self.count.to_le_bytes());
        pays(bench, decided(None, vec![Write::NextNonce(batch.lane, Nonce(next))]));
    }
}

fn new(person: &Person) -> NewPayout {
    let arrives = amount(person.earned.payable.get() - quote().fee.get());
    NewPayout { wallet: person.wallet, shares: person.shares.clone(), arrives, quote: quote() }
}

pub(crate) fn decided(on: Option<&Batch>, writes: Vec<Write>) -> PayCommand {
    PayCommand::Decided { on: on.cloned().map(Box::new), writes, sol: amount(SOL) }
}

pub(crate) fn pays(bench: &mut Bench, command: PayCommand) -> PayReply {
    bench.store.pay(bench.cx.now, &command).unwrap()
}

/// As a link that was agreed on leaves it.
pub(crate) fn link(bench: &Bench, worker: &SigningKey, to: Option<Wallet>, held_until: Option<u64>) {
    let db = rusqlite::Connection::open(bench.path()).unwrap();
    let wallet = to.map(|wallet| wallet.address().to_bytes());
    db.execute(
        "INSERT INTO wallets (worker, wallet, held_until) VALUES (?1, ?2, ?3)
         ON CONFLICT (worker) DO UPDATE SET wallet = ?2, held_until = ?3",
        rusqlite::params![worker.public().0, wallet, held_until],
    )
    .unwrap();
}

/// These workers have so much payable, 1,000 for each page.
pub(crate) fn earn(bench: &mut Bench, worker: &SigningKey, pages: u8, number: u8) {
    fetches(bench, worker, pages, number);
    bench.later(90_000_000);
    bench.sweep();
}

/// The same, and time stands still.
fn earn_at_once(bench: &mut Bench, worker: &SigningKey, pages: u8, number: u8) {
    let dispute_ms = std::mem::replace(&mut bench.cx.terms.dispute_ms, 0);
    fetches(bench, worker, pages, number);
    bench.sweep();
    bench.cx.terms.dispute_ms = dispute_ms;
}

fn fetches(bench: &mut Bench, worker: &SigningKey, pages: u8, number: u8) {
    let urls: Vec<String> = (0..pages).map(|page| format!("https://www.rust-lang.org/page?{page}")).collect();
    bench.buy(fetch_order(number, &urls.iter().map(String::as_str).collect::<Vec<_>>()));
    loop {
        let leases = bench.claim(worker, 1, 0);
        let Some(lease) = leases.first() else { break };
        let lull_protocol::Item::Fetch(item) = lull_protocol::Item::from_bytes(&lease.item).unwrap() else { panic!() };
        let mut page = bench.page(lease, b"");
        if let lull_protocol::statement::Report::Fetch(report) = &mut page.report {
            report.hops = vec![crate::bench::hop(&item.url, 200)];
        }
        bench.stores(worker, &page, b"");
    }
}

pub(crate) fn told(bench: &Bench, worker: &SigningKey) -> lull_protocol::payout::Payouts {
    bench.reader.payouts(&worker.public(), Chain::Localnet, bench.cx.now).unwrap()
}

#[test]
fn a_persons_earnings_go_their_way() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let (one, other) = (key(1), key(2));
    earn(&mut bench, &one, 5, 1);
    earn(&mut bench, &other, 3, 2);
    assert_eq!((bench.money(&one).2, bench.money(&other).2), (5_000, 3_000));
    assert_eq!(payer.make(&mut bench), 0, "nobody has a wallet");
    assert_eq!(told(&bench, &one).next, None);
    link(&bench, &one, Some(wallet(1)), None);
    link(&bench, &other, Some(wallet(1)), None);
    let next = told(&bench, &one).next.unwrap();
    assert_eq!((next.earnings, next.when), (amount(8_000), When::AfterYes), "nothing is known of its token account");
    let seen = PayCommand::Looked(vec![(wallet(1), true)]);
    let mut both = vec![one.public(), other.public()];
    both.sort_unstable();
    assert_eq!(pays(&mut bench, seen.clone()).workers, both);
    assert_eq!(pays(&mut bench, seen).workers, [], "it is no news");
    assert_eq!(told(&bench, &one).next.unwrap().when, When::At(amount(20_000)));
    assert_eq!(payer.make(&mut bench), 1);
    assert_eq!((bench.money(&one), bench.money(&other)), ((5_000, 0, 0), (3_000, 0, 0)));
    bench.checks_out();
    let batch = payer.reserve(&mut bench, 9).unwrap();
    assert!(payer.reserve(&mut bench, 9).is_none(), "nothing waits");
    let payouts = told(&bench, &one);
    let [payout] = payouts.newest.as_slice() else { panic!("{payouts:?}") };
    assert_eq!((payout.number, payout.share, payout.earnings), (1, amount(5_000), amount(8_000)));
    assert_eq!((payout.arrives, payout.fee, payout.stage), (amount(7_000), amount(1_000), PayoutStage::Waiting));
    assert_eq!((payouts.in_payout, payouts.paid), (amount(5_000), Amount::ZERO));
    payer.end(&mut bench, &batch, 0);
    let payouts = told(&bench, &one);
    let payout = payouts.newest.first().unwrap();
    assert_eq!((payouts.in_payout, payouts.paid, payout.stage), (Amount::ZERO, amount(5_000), PayoutStage::Paid));
    assert!(payout.transaction.is_some() && payout.paid_at == Some(bench.cx.now));
    assert_eq!(bench.money(&one), (5_000, 0, 0), "what was paid was earned");
    bench.checks_out();
    // 5,000 lamports are worth what the person bore.
    let db = rusqlite::Connection::open(bench.path()).unwrap();
    let treasury: u64 =
        db.query_row("SELECT balance FROM accounts WHERE kind = 'treasury'", [], |row| row.get(0)).unwrap();
    assert_eq!(treasury, 1_000);
}

#[test]
fn who_was_paid_has_a_token_account() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let (one, other) = (key(1), key(2));
    earn(&mut bench, &one, 5, 1);
    link(&bench, &one, Some(wallet(1)), None);
    link(&bench, &other, Some(wallet(1)), None);
    pays(&mut bench, PayCommand::Looked(vec![(wallet(1), false)]));
    let costs_an_account = |bench: &Bench| told(bench, &other).next.unwrap().account > Amount::ZERO;
    assert_eq!(payer.make(&mut bench), 1);
    let batch = payer.reserve(&mut bench, 1).unwrap();
    assert!(costs_an_account(&bench), "it is not there yet");
    payer.end(&mut bench, &batch, 0);
    assert!(!costs_an_account(&bench), "it was paid to");
    let seen = PayCommand::Looked(vec![(wallet(1), true)]);
    assert_eq!(pays(&mut bench, seen).workers, [], "nobody need look");
    // Where it was closed, that is seen before the next payout.
    pays(&mut bench, PayCommand::Looked(vec![(wallet(1), false)]));
    assert!(costs_an_account(&bench));
}

#[test]
fn what_has_changed_since_is_refused_whole() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    earn(&mut bench, &worker, 4, 1);
    link(&bench, &worker, Some(wallet(1)), None);
    let person = bench.reader.persons(amount(1), None, 9, bench.cx.now).unwrap().pop().unwrap();
    payer.make(&mut bench);
    let again = PayCommand::Make { made: vec![new(&person)], not_due: vec![] };
    assert_eq!(pays(&mut bench, again).number, 0, "it isn't payable any more");
    bench.checks_out();
    let batch = payer.reserve(&mut bench, 1).unwrap();
    let payout = batch.transfers[0].payout;
    let landed = payer.landed();
    let refused = |bench: &mut Bench, on, writes| bench.store.pay(bench.cx.now, &decided(on, writes));
    let mut other = batch.clone();
    other.run = 2;
    let result = refused(&mut bench, Some(&other), vec![Write::FreeLane(batch.lane)]);
    assert!(matches!(result, Err(PayError::Stale)), "decided on another batch");
    let id = BatchId::new(5).unwrap();
    let result = refused(&mut bench, None, vec![Write::TakeLane(batch.lane, id)]);
    assert!(matches!(result, Err(PayError::Stale)), "a lane that is taken");
    let result = refused(&mut bench, None, vec![Write::SetPayout(payout, PayoutState::InBatch(id))]);
    assert!(matches!(result, Err(PayError::Stale)), "it is in a batch");
    payer.end(&mut bench, &batch, 0);
    for state in [
        PayoutState::Waiting { batch_max: BATCH_MAX },
        PayoutState::Held(Hold::Frozen),
        PayoutState::Paid { signature: landed.signature, slot: 1 },
    ] {
        let result = refused(&mut bench, None, vec![Write::SetPayout(payout, state)]);
        assert!(matches!(result, Err(PayError::Stale)), "paid is final");
    }
    let result = refused(&mut bench, None, vec![Write::SetBatch(batch)]);
    assert!(matches!(result, Err(PayError::Stale)), "over is over");
    bench.checks_out();
}

#[test]
fn a_held_person_waits_and_a_held_payout_comes_again() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    earn(&mut bench, &worker, 4, 1);
    let until = bench.cx.now.plus(1_000);
    link(&bench, &worker, Some(wallet(1)), Some(until.get()));
    assert_eq!(payer.make(&mut bench), 0);
    assert_eq!(told(&bench, &worker).next.unwrap().when, When::After(until));
    bench.later(1_000);
    assert_eq!(payer.make(&mut bench), 1);
    let batch = payer.reserve(&mut bench, 1).unwrap();
    payer.end(&mut bench, &batch, 2);
    assert_eq!(told(&bench, &worker).newest[0].stage, PayoutStage::Held(Hold::Refused));
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 0);
    link(&bench, &worker, Some(wallet(2)), None);
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 1, "they have another wallet");
    let again = bench.reader.payouts_waiting(Amount::MAX, 9, bench.cx.now).unwrap();
    assert_eq!((again[0].wallet, again[0].batch_max), (wallet(2), 1));
    assert!(!again[0].is_account_charged, "nobody was charged for the other wallet's account");
    let batch = payer.reserve(&mut bench, 1).unwrap();
    payer.end(&mut bench, &batch, 2);
    bench.later(HELD_MS);
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 1, "a day is over");
    let held = vec![Write::SetPayout(PayoutId::new(1).unwrap(), PayoutState::Held(Hold::Listed))];
    pays(&mut bench, decided(None, held));
    bench.later(HELD_MS);
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 0, "the list has no end");
    assert_eq!(bench.reader.payouts_held(9).unwrap()[0].hold, Hold::Listed);
    pays(&mut bench, PayCommand::Release(PayoutId::new(1).unwrap()));
    let release = PayCommand::Release(PayoutId::new(1).unwrap());
    assert!(matches!(bench.store.pay(bench.cx.now, &release), Err(PayError::NotHeld)));
    bench.checks_out();
}

#[test]
fn a_days_limit_is_told_with_what_it_leaves() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    link(&bench, &worker, Some(wallet(1)), None);
    pays(&mut bench, PayCommand::Looked(vec![(wallet(1), true)]));
    earn(&mut bench, &worker, 21, 1);
    assert_eq!(payer.make(&mut bench), 1);
    let batch = payer.reserve(&mut bench, 1).unwrap();
    bench.later(1);
    payer.end(&mut bench, &batch, 0);
    let paid_at = bench.cx.now;
    let day = |bench: &Bench| bench.reader.wallet_day(wallet(1), amount(45_000), bench.cx.now).unwrap();
    assert_eq!((day(&bench).paid, day(&bench).over_at), (amount(20_000), paid_at.plus(86_400_000)));
    // On the same day 31,000 more are payable, and there is room for 25,000.
    earn_at_once(&mut bench, &worker, 31, 2);
    let with = |most| {
        let reader = lull_store::Reader::open(&bench.path()).unwrap().with_person_day(Some(amount(most)));
        reader.payouts(&worker.public(), Chain::Localnet, bench.cx.now).unwrap().next.unwrap()
    };
    let of = |most, later| Some(DayLimit { most: amount(most), later: amount(later) });
    let part = with(45_000);
    assert_eq!((part.when, part.arrives, part.day), (When::Now, amount(25_000), of(45_000, 5_000)));
    assert_eq!((part.earnings, part.fee), (amount(26_000), amount(1_000)));
    let full = with(20_000);
    assert_eq!((full.when, full.arrives), (When::After(paid_at.plus(86_400_000)), amount(30_000)));
    assert_eq!(full.day, of(20_000, 30_000));
    assert_eq!((with(50_000).arrives, with(50_000).day), (amount(30_000), None), "there is room for all of it");
    assert_eq!(told(&bench, &worker).next.unwrap().day, None, "no limit is known");
    bench.later(86_400_001);
    assert_eq!((day(&bench).paid, day(&bench).over_at), (Amount::ZERO, bench.cx.now.plus(86_400_000)));
}

#[test]
fn the_newest_word_of_a_persons_workers_counts() {
    let mut bench = Bench::new();
    let _payer = Payer::new(&mut bench);
    let (one, other) = (key(1), key(2));
    let when = |worker: &SigningKey, schedule| Command::PayWhen {
        worker: worker.public(),
        schedule,
        account_agreed: amount(300_000),
    };
    let reply = bench.does(when(&one, Schedule::At(amount(50))));
    assert_eq!(reply, Reply::PayoutsChanged(vec![one.public()]), "without a wallet, too");
    assert_eq!(told(&bench, &one).schedule, Schedule::At(amount(50)));
    link(&bench, &one, Some(wallet(1)), None);
    link(&bench, &other, Some(wallet(1)), None);
    bench.later(1);
    let Reply::PayoutsChanged(mut workers) = bench.does(when(&other, Schedule::Weekly(Weekday::Friday))) else {
        panic!()
    };
    workers.sort_unstable();
    assert_eq!(workers.len(), 2);
    assert_eq!(told(&bench, &one).schedule, Schedule::Weekly(Weekday::Friday));
    earn(&mut bench, &one, 30, 1);
    let friday = told(&bench, &one).next.unwrap();
    bench.does(Command::PayNow { worker: one.public() });
    let person = |bench: &Bench| bench.reader.persons(amount(1), None, 9, bench.cx.now).unwrap().pop().unwrap();
    assert!(person(&bench).is_wanted);
    assert_eq!(told(&bench, &other).next.unwrap().earnings, friday.earnings);
    pays(&mut bench, PayCommand::Make { made: vec![], not_due: vec![wallet(1)] });
    assert!(!person(&bench).is_wanted, "not worth it");
}

#[test]
fn what_stands_still_is_said_and_the_treasury_stays_one() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    let standstill = |bench: &Bench| told(bench, &worker).standstill;
    assert_eq!(standstill(&bench), None);
    let seen = |standstill| PayCommand::Stands { costs: costs(), standstill };
    assert!(pays(&mut bench, seen(Some(Standstill::ListOld))).is_for_all);
    assert!(!pays(&mut bench, seen(Some(Standstill::ListOld))).is_for_all);
    assert_eq!(standstill(&bench), Some(Standstill::ListOld));
    assert!(pays(&mut bench, seen(Some(Standstill::Unreachable))).is_for_all);
    assert_eq!(standstill(&bench), Some(Standstill::Unreachable));
    assert_eq!(bench.reader.treasury().unwrap().standstill, Some(Standstill::Unreachable));
    let alarm = PayCommand::Alarm { batch: None, lane: Some(lane(1)), what: "it moved".into() };
    pays(&mut bench, alarm.clone());
    pays(&mut bench, alarm);
    assert_eq!(bench.reader.alarms(9).unwrap().len(), 1, "said once");
    assert_eq!(standstill(&bench), Some(Standstill::Differs));
    pays(&mut bench, PayCommand::Pause(true));
    assert_eq!(standstill(&bench), Some(Standstill::Paused));
    pays(&mut bench, PayCommand::Pause(false));
    assert_eq!(bench.reader.treasury().unwrap().moved[0].why, "it moved");
    let mut id = bench.reader.treasury().unwrap().id.unwrap();
    id.mint = Address::from([77; 32]);
    earn(&mut bench, &worker, 4, 1);
    link(&bench, &worker, Some(wallet(1)), None);
    payer.make(&mut bench);
    let batch = payer.reserve(&mut bench, 9).unwrap();
    assert!(matches!(bench.store.pay(bench.cx.now, &PayCommand::Begin(id)), Err(PayError::OtherTreasury)));
    payer.end(&mut bench, &batch, 2);
    assert_eq!(pays(&mut bench, PayCommand::Begin(id)).number, 2, "what is held or waits is the new treasury's");
    assert_eq!(bench.reader.treasury().unwrap().held.0, 1);
}

/// Reconciling compares with a version: what changes no payout, batch or lane must not make it begin anew.
#[test]
fn a_version_is_of_what_reconciling_compares() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let (one, other) = (key(1), key(2));
    earn(&mut bench, &one, 4, 1);
    earn(&mut bench, &other, 4, 2);
    link(&bench, &one, Some(wallet(1)), None);
    link(&bench, &other, Some(wallet(1)), None);
    payer.make(&mut bench);
    let held = vec![Write::SetPayout(PayoutId::new(1).unwrap(), PayoutState::Held(Hold::Listed))];
    pays(&mut bench, decided(None, held));
    let version = |bench: &Bench| bench.reader.treasury().unwrap().version;
    let before = version(&bench);
    pays(&mut bench, PayCommand::Looked(vec![(wallet(1), true)]));
    pays(&mut bench, PayCommand::Stands { costs: costs(), standstill: Some(Standstill::Short) });
    pays(&mut bench, PayCommand::Retry);
    pays(&mut bench, PayCommand::Make { made: vec![], not_due: vec![wallet(1)] });
    let alarm = |lane| PayCommand::Alarm { batch: None, lane, what: "it is short".into() };
    pays(&mut bench, alarm(None));
    assert_eq!(version(&bench), before);
    pays(&mut bench, alarm(Some(lane(1))));
    assert_eq!(version(&bench), before + 1);
    link(&bench, &one, Some(wallet(2)), None);
    assert!(!bench.reader.is_retry_due(bench.cx.now).unwrap(), "one of two has another wallet");
    link(&bench, &other, Some(wallet(2)), None);
    assert!(bench.reader.is_retry_due(bench.cx.now).unwrap());
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 1);
    assert_eq!(version(&bench), before + 2);
}

#[test]
fn what_the_chain_has_paid_is_booked_once() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    earn(&mut bench, &worker, 4, 1);
    link(&bench, &worker, Some(wallet(1)), None);
    let account = Address::from([50; 32]);
    let landed = payer.landed();
    let forgotten =
        Forgotten { payout: PayoutId::new(3).unwrap(), account, amount: amount(3_500), makes_account: false, landed };
    let restore = |bench: &Bench, wallets: &[(Address, Wallet)], is_accepted| {
        PayCommand::Restore(Box::new(Restore {
            restored: Restored { forgotten: vec![forgotten], payout_max: PayoutId::new(3), ..Restored::default() },
            wallets: wallets.iter().copied().collect(),
            version: bench.reader.treasury().unwrap().version,
            sol: amount(SOL),
            is_accepted,
        }))
    };
    pays(&mut bench, PayCommand::Alarm { batch: None, lane: Some(lane(1)), what: "it moved".into() });
    let stale = restore(&bench, &[], false);
    pays(&mut bench, PayCommand::Alarm { batch: None, lane: Some(lane(2)), what: "it moved".into() });
    assert!(matches!(bench.store.pay(bench.cx.now, &stale), Err(PayError::Stale)));
    let unknown = restore(&bench, &[], false);
    assert_eq!(pays(&mut bench, unknown).unbooked, [forgotten]);
    assert_eq!(bench.reader.treasury().unwrap().moved.len(), 2, "it stays stopped");
    for round in 0..2 {
        let known = restore(&bench, &[(account, wallet(1))], false);
        assert_eq!(pays(&mut bench, known).number, 1 - round);
        assert_eq!(bench.money(&worker), (4_000, 0, 0), "500 went for the fee, of 1,000");
        assert_eq!(bench.reader.treasury().unwrap().moved.len(), 0);
        bench.checks_out();
    }
    assert_eq!(told(&bench, &worker).newest[0].number, 3);
    earn(&mut bench, &worker, 3, 2);
    assert_eq!((payer.make(&mut bench), payer.make(&mut bench)), (0, 1), "the rest of the fee goes first");
    assert_eq!(told(&bench, &worker).newest[0].number, 5, "numbers go on above the chain's");
    assert_eq!(told(&bench, &worker).newest[0].since, told(&bench, &worker).newest[1].made_at);
}

/// What reconciling found: these arrived at the wallet of one worker.
fn found(bench: &mut Bench, forgotten: Vec<Forgotten>) -> PayReply {
    let restored = Restored { forgotten, payout_max: PayoutId::new(9), ..Restored::default() };
    let wallets = [(Address::from([50; 32]), wallet(1))].into_iter().collect();
    let version = bench.reader.treasury().unwrap().version;
    let restore = Restore { restored, wallets, version, sol: amount(SOL), is_accepted: false };
    pays(bench, PayCommand::Restore(Box::new(restore)))
}

fn forgotten(payout: u64, arrived: u64, landed: Landed) -> Forgotten {
    let account = Address::from([50; 32]);
    Forgotten { payout: PayoutId::new(payout).unwrap(), account, amount: amount(arrived), makes_account: false, landed }
}

#[test]
fn two_equal_payouts_of_one_transaction_are_two() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    earn(&mut bench, &key(1), 8, 1);
    link(&bench, &key(1), Some(wallet(1)), None);
    let landed = payer.landed();
    let both = vec![forgotten(3, 4_000, landed), forgotten(4, 4_000, landed)];
    assert_eq!(found(&mut bench, both.clone()).number, 2);
    assert_eq!(found(&mut bench, both).number, 0, "once each");
    assert_eq!((bench.money(&key(1)), payer.make(&mut bench)), ((8_000, 0, 0), 0), "all of it has arrived");
    bench.checks_out();
}

#[test]
fn what_has_arrived_and_is_earned_later_is_owed() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    earn(&mut bench, &worker, 2, 1);
    link(&bench, &worker, Some(wallet(1)), None);
    let landed = payer.landed();
    assert_eq!(found(&mut bench, vec![forgotten(3, 3_000, landed)]).number, 1);
    assert_eq!(bench.money(&worker), (2_000, 0, 0));
    // Of the next 5,000, 1,000 have arrived and 1,000 were its fee, whatever wallet is theirs now.
    link(&bench, &worker, Some(wallet(2)), None);
    earn(&mut bench, &worker, 1, 2);
    assert_eq!((payer.make(&mut bench), bench.money(&worker)), (0, (3_000, 0, 1_000)), "too little for the fee");
    earn(&mut bench, &worker, 4, 3);
    assert_eq!((payer.make(&mut bench), bench.money(&worker)), (0, (7_000, 0, 3_000)));
    bench.checks_out();
    let payouts = told(&bench, &worker);
    let [later, first] = payouts.newest.as_slice() else { panic!("{payouts:?}") };
    assert_eq!((first.earnings, first.arrives, first.share), (amount(2_000), amount(2_000), amount(2_000)));
    assert_eq!((later.earnings, later.arrives, later.fee), (amount(2_000), amount(1_000), amount(1_000)));
    assert_eq!(
        (payer.make(&mut bench), told(&bench, &worker).newest[0].arrives),
        (1, amount(2_000)),
        "the rest is paid"
    );
    assert_eq!(found(&mut bench, vec![forgotten(3, 3_000, landed)]).number, 0);
    bench.checks_out();
}

#[test]
fn payouts_are_read_in_pages() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let worker = key(1);
    link(&bench, &worker, Some(wallet(1)), None);
    for round in 0..PAYOUTS_TOLD_MAX + 1 {
        earn(&mut bench, &worker, 2, u8::try_from(round).unwrap());
        assert_eq!(payer.make(&mut bench), 1);
    }
    let payouts = told(&bench, &worker);
    assert!(payouts.has_older && payouts.newest.len() == PAYOUTS_TOLD_MAX);
    let last = payouts.newest.last().unwrap().number;
    let (older, more) = bench.reader.payouts_before(&worker.public(), last).unwrap();
    assert_eq!((older.iter().map(|one| one.number).collect::<Vec<_>>(), more), (vec![1], false));
    assert_eq!(bench.reader.payouts_before(&PublicKey([0; 32]), last).unwrap(), (vec![], false));
    let share = Share { worker: worker.public(), amount: amount(2_000) };
    assert_eq!(older[0].share, share.amount);
}
