//! What must hold, in a model of its own. It knows the protocol's types and what the rules promise, and
//! nothing of how market and store work: it sees frames at the border, commands with what they were
//! answered, and at audits what the store says of itself.
//!
//! A command that was under way when the coordinator died may have been committed or not. It is kept as
//! unsure; the next audit looks for its traces and takes it in, or forgets it.

mod audit;
mod books;
mod border;
mod buying;
mod caps;
mod consent;
mod fetching;
mod flagging;
mod offers;
mod paying;
mod persons;
mod pops;
mod practice;
mod review;
mod rules;
mod working;

use std::collections::{BTreeMap, BTreeSet};

use lull_market::{Command, RequesterId, Terms};
use lull_protocol::message::ReturnReason;
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::statement::{Offer, Verdict};
use lull_protocol::units::Nonce;
use lull_protocol::{Answer, Hash, Item, OrderId, PublicKey, Timestamp};

use caps::AllCaps;
use consent::Consents;
use offers::Skips;
use paying::Paying;
use persons::Persons;
use pops::AllPops;
use practice::AllPractice;

use crate::world::ConnId;

/// With a connection a worker learns the coordinator's clock at least this often, milliseconds: a heartbeat,
/// and the silence after which it would have left.
const CLOCK_LEARNED_MS_MAX: u64 = 120_000;

/// What broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which invariant.
    pub invariant: &'static str,
    /// What was seen.
    pub detail: String,
}

/// A broken invariant.
pub(crate) fn broken(invariant: &'static str, detail: impl Into<String>) -> Broken {
    Broken { invariant, detail: detail.into() }
}

/// Whether something holds.
pub(crate) type Holds = Result<(), Broken>;

/// Holds, or breaks the invariant.
fn must(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Holds {
    if holds { Ok(()) } else { Err(broken(invariant, detail())) }
}

/// How far a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Its result is stored.
    Done,
    Returned(ReturnReason),
    Expired,
}

/// A lease.
#[derive(Clone, Debug)]
struct Lease {
    worker: PublicKey,
    item: Hash,
    offer: Offer,
    state: State,
    /// When it ends, extensions included.
    deadline: Timestamp,
    extensions: u8,
    /// How long its answer was on screen, milliseconds.
    shown: Option<u64>,
    /// Hash and statement of the result that counts.
    stored: Option<(Hash, Vec<u8>)>,
    /// What its verdict says or must say, once it is decided.
    ruling: Option<rules::Ruling>,
    /// The verdict's place in its worker's row.
    verdict: Option<usize>,
    /// Whether it takes a place of its item, or was paid for a body.
    counts: bool,
    /// What is held against it.
    contest: Option<review::Contest>,
    /// When time decides about its result.
    decides_at: Timestamp,
    /// Its worker appealed in the calm and with time to spare.
    must_be_heard: bool,
    was_acknowledged: bool,
    /// Results that reached the coordinator.
    delivered: BTreeSet<Hash>,
}

/// An item.
#[derive(Clone, Debug)]
struct Work {
    item: Item,
    order: OrderId,
    needed: u8,
    tries: u8,
    is_closed: bool,
    held: u64,
    leases: Vec<Hash>,
    flags: Vec<flagging::Flagged>,
    /// People who flagged it so, as they were known when each flag came.
    flaggers: u8,
}

/// A verdict in its worker's row.
#[derive(Clone, Debug)]
struct Ruled {
    statement: Vec<u8>,
    verdict: Verdict,
    order: OrderId,
    is_settled: bool,
}

/// An order.
#[derive(Clone, Debug)]
struct Order {
    requester: RequesterId,
    command: Command,
    full_price: u64,
    is_certain: bool,
    /// Answers reviewed and rejected since it began or was resumed.
    review: (u64, u64),
    is_paused: bool,
}

/// What is known of a worker.
#[derive(Clone, Debug, Default)]
struct Worker {
    is_honest: bool,
    is_attacked: bool,
    was_twinned: bool,
    was_damaged: bool,
    /// The keys of its records that were damaged.
    damaged: BTreeSet<String>,
    /// When its clock last jumped, by the coordinator's clock.
    clock_jumped_at: Option<Timestamp>,
    /// Receipts and results that go if these batches are taken, to make room.
    makes_room: BTreeMap<u64, Vec<Hash>>,
    /// Receipts and results that it let go.
    let_go: BTreeSet<Hash>,
    /// The one result it signed for each offer.
    signed: BTreeMap<Hash, Hash>,
    /// Offers whose result it heard of: acknowledged, judged or refused for good.
    heard: BTreeSet<Hash>,
    /// What the person answered.
    answered: BTreeMap<Hash, BTreeSet<Answer>>,
    /// What the person flagged, and what a page showed them for long enough.
    flagged: BTreeSet<Hash>,
    seen: BTreeSet<Hash>,
    /// The one appeal it signed about each rejection.
    appeals: BTreeMap<Hash, Hash>,
    /// What the person took back; `true` until it is answered again.
    taken_back: BTreeMap<Hash, bool>,
    /// What it was last told that it earned, on each connection.
    told_earned: BTreeMap<ConnId, u64>,
    /// Verdicts it was sent, as numbers.
    told_verdicts: u64,
}

/// The model.
pub(crate) struct Model {
    /// What the web answers follows from it.
    seed: u64,
    house: PublicKey,
    terms: Terms,
    names: Vec<String>,
    pub(crate) consent: Consents,
    pub(crate) caps: AllCaps,
    pub(crate) pops: AllPops,
    pub(crate) practice: AllPractice,
    persons: Persons,
    paying: Paying,
    workers: BTreeMap<PublicKey, Worker>,
    items: BTreeMap<Hash, Work>,
    leases: BTreeMap<Hash, Lease>,
    nonces: BTreeSet<Nonce>,
    /// Of claims whose commit was unsure: leases that the worker may have, and nobody has seen.
    maybe_nonces: BTreeMap<Nonce, PublicKey>,
    verdicts: BTreeMap<PublicKey, Vec<Ruled>>,
    orders: BTreeMap<OrderId, Order>,
    /// By reference: whose, how much, whether it is certain.
    deposits: BTreeMap<String, (RequesterId, u64, bool)>,
    available: BTreeMap<RequesterId, i128>,
    /// Of each project: time on screen and pay of its outcomes.
    outcomes: BTreeMap<OrderId, Vec<(u64, u64)>>,
    skips: BTreeMap<(PublicKey, OrderId), Skips>,
    /// How requesters have treated those who answered.
    records: BTreeMap<RequesterId, BuyerRecord>,
    fees: u64,
    unsure: Vec<(Command, Timestamp)>,
    /// Leases that changed since the last audit.
    touched: BTreeSet<Hash>,
    counts: Counts,
}

/// What was achieved, for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Results that were acknowledged.
    pub acknowledged: u64,
    /// Verdicts.
    pub verdicts: u64,
    /// Commands that were under way when the coordinator died, and turned out to be committed.
    pub adopted: u64,
    /// The same, and they were not.
    pub forgotten: u64,
    /// What all workers earned, base units.
    pub earned: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.verdicts += other.verdicts;
        self.adopted += other.adopted;
        self.forgotten += other.forgotten;
        self.earned += other.earned;
    }
}

impl Model {
    pub(crate) fn new(seed: u64, house: PublicKey, terms: Terms, names: Vec<String>) -> Self {
        Self {
            seed,
            house,
            terms,
            names,
            consent: Consents::default(),
            caps: AllCaps::default(),
            pops: AllPops::default(),
            practice: AllPractice::default(),
            persons: Persons::default(),
            paying: Paying::default(),
            workers: BTreeMap::new(),
            items: BTreeMap::new(),
            leases: BTreeMap::new(),
            nonces: BTreeSet::new(),
            maybe_nonces: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            orders: BTreeMap::new(),
            deposits: BTreeMap::new(),
            available: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            skips: BTreeMap::new(),
            records: BTreeMap::new(),
            fees: 0,
            unsure: Vec::new(),
            touched: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let earned = self.verdicts.values().flatten().map(|ruled| ruled.verdict.amount.get()).sum();
        Counts { earned, verdicts: self.verdicts.values().map(|row| row.len() as u64).sum(), ..self.counts }
    }

    /// This worker runs our machine.
    pub(crate) fn is_honest(&mut self, worker: PublicKey) {
        self.worker(worker).is_honest = true;
    }
    /// Somebody changes what this worker sends and is sent.
    pub(crate) fn attacked(&mut self, worker: PublicKey) {
        self.worker(worker).is_attacked = true;
    }
    /// Nothing is left of that.
    pub(crate) fn forget_attack(&mut self, worker: PublicKey) {
        self.worker(worker).is_attacked = false;
    }
    /// This worker has a copy.
    pub(crate) fn twinned(&mut self, worker: PublicKey) {
        self.worker(worker).was_twinned = true;
    }
    /// This worker starts with what its storage holds; of what was under way anything may be there.
    pub(crate) fn started(&mut self, worker: PublicKey) {
        let worker = self.worker(worker);
        let offers = std::mem::take(&mut worker.makes_room);
        worker.let_go.extend(offers.into_values().flatten());
    }
    /// One of this worker's records was damaged.
    pub(crate) fn damaged(&mut self, worker: PublicKey, key: &str) {
        self.worker(worker).was_damaged = true;
        self.worker(worker).damaged.insert(key.to_owned());
        if key == "pops" {
            self.pops.lost(worker);
        }
        if key == "settings" {
            self.consent.lost(worker);
        }
        if ["caps", "usage"].contains(&key) {
            self.caps.lost(worker);
        }
        if ["caps", "usage", "never"].contains(&key) {
            self.consent.limit_lost(worker);
        }
    }

    /// This worker's clock jumps.
    pub(crate) fn clock_jumped(&mut self, worker: PublicKey, at: Timestamp) {
        self.worker(worker).clock_jumped_at = Some(at);
    }

    fn worker(&mut self, worker: PublicKey) -> &mut Worker {
        self.workers.entry(worker).or_default()
    }

    /// Whether nothing but its own faults and lost lines befell this worker.
    /// Whether a record about an offer was damaged: a statement in it may still be there, and not hold.
    pub(crate) fn was_record_damaged(&self, worker: &PublicKey, offer: &str) -> bool {
        self.workers.get(worker).is_some_and(|worker| worker.damaged.iter().any(|key| key.contains(offer)))
    }

    fn is_unharmed(&self, worker: &PublicKey) -> bool {
        let harmed = |w: &Worker| !w.is_honest || w.is_attacked || w.was_twinned || w.was_damaged;
        self.workers.get(worker).is_some_and(|w| !harmed(w))
    }

    /// Whether an unharmed worker had every chance to know the coordinator's clock when it was given this
    /// offer: its own did not jump since, nor right before.
    fn knows_the_time(&self, worker: &PublicKey, offer: &Offer) -> bool {
        let jumped_at = self.workers.get(worker).and_then(|worker| worker.clock_jumped_at);
        let is_settled = jumped_at.is_none_or(|at| at.plus(CLOCK_LEARNED_MS_MAX) < offer.issued_at);
        self.is_unharmed(worker) && is_settled
    }

    /// Offers that are not this worker's, those whose leases are open first.
    pub(crate) fn offers_of_others(&self, worker: &PublicKey) -> Vec<Hash> {
        let others = self.leases.iter().filter(|(_, lease)| lease.worker != *worker);
        let (open, over): (Vec<_>, Vec<_>) = others.partition(|(_, lease)| lease.state == State::Open);
        open.into_iter().take(20).chain(over.into_iter().take(4)).map(|(offer, _)| *offer).collect()
    }

    /// Whether it may have leases that nobody has seen.
    fn may_have_unseen_leases(&self, worker: &PublicKey) -> bool {
        self.maybe_nonces.values().any(|of| of == worker)
    }

    /// What is payable of a worker's.
    fn payable(&self, worker: &PublicKey) -> u64 {
        let gone = self.paying.in_payout(worker) + self.paying.paid(worker);
        self.account(worker).1.saturating_sub(gone)
    }

    /// What a worker has earned that is pending, and that is final, wherever that is by now.
    fn account(&self, worker: &PublicKey) -> (u64, u64) {
        let row = self.verdicts.get(worker).into_iter().flatten();
        row.fold((0, 0), |(pending, settled), ruled| match (ruled.is_settled, ruled.verdict.amount.get()) {
            (false, amount) => (pending + amount, settled),
            (true, amount) => (pending, settled + amount),
        })
    }
}
