//! Paying on a simulated chain: the rules of `crate/payout` and the rows of `lull_store`, carried out by a shell of
//! the simulator's own. Every step is an event of its own, so that a kill can fall between any two.
//!
//! `chain` are its blocks, `rpc` what is said of them, `shell` carries out what is decided, `due` makes and plans
//! payouts, `trouble` is what goes wrong, `copies` are databases restored from a copy and a second process that pays
//! from one.

mod chain;
mod copies;
mod due;
mod rpc;
mod shell;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Terms;
use lull_payout::facts::{Effect, Observation};
use lull_payout::rules::Costs;
use lull_payout::token::{Account, Mint, TokenProgram};
use lull_payout::transaction::Treasury;
use lull_payout::units::{BatchId, LaneId, Nonce, Signature};
use lull_protocol::payout::Standstill;
use lull_store::{PayCommand, PayError, PayReply, Reader, StoreError, TreasuryId};

use super::house::HouseEvent;
use super::writer::DATABASE;
use super::{Event, World};
use crate::mix::{bytes, stream};
use crate::model::broken;
use crate::plan::{Ms, PayPlan, SECOND};
use crate::table::PayState;

pub(crate) use chain::ACCOUNT_RENT;
use chain::{Chain, State};
use copies::{Closed, Second};
use rpc::Rpcs;

/// As the coordinator's own limit of this name.
const AGAIN_MS: Ms = 5 * SECOND;
/// Time between two looks while nothing is under way; the coordinator's own every second would make quiet hours dear.
const IDLE_MS: Ms = 90 * SECOND;
/// The same, while payouts wait for a reason that passes by itself.
const WAITS_MS: Ms = 20 * SECOND;
/// The mint's digits.
const DECIMALS: u8 = 6;

/// Which process pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The coordinator's.
    House,
    /// One with a copy of its database.
    Second,
}

/// Everything about paying that outlives a process.
pub(crate) struct Pay {
    plan: PayPlan,
    key: ed25519_dalek::SigningKey,
    terms: Terms,
    id: TreasuryId,
    rpcs: Rpcs,
    rng: Rng,
    /// Sent, and in no block: how often each is on its way to one.
    pool: BTreeMap<Signature, Vec<u8>>,
    answers_ms: Ms,
    /// Transactions land so late, or never, of a thousand.
    late: Option<(Ms, u32)>,
    /// Wallets on the sanctions list.
    listed: BTreeSet<Address>,
    is_list_old: bool,
    /// What was taken from the treasury and is given back.
    drained: u64,
    /// Whose token accounts trouble befalls.
    wallets: Vec<Wallet>,
    state: PayState,
    /// Troubles that wait for their state, and until when.
    waiting: Vec<(usize, PayState, Ms)>,
    closed: Option<Closed>,
    second: Option<Second>,
    /// The chain has payments that the database doesn't know, or had once.
    pub(crate) may_differ: bool,
    is_reconciling: bool,
    /// When something was last written.
    wrote_at: Ms,
}

/// The memory of a process that pays.
#[derive(Debug, Default)]
pub(crate) struct Payer {
    run: u64,
    tasks: VecDeque<Task>,
    /// Wallets without a token account, and when that was seen.
    missing: BTreeMap<Wallet, Ms>,
    /// What workers were told last.
    seen: Option<(Costs, Option<Standstill>)>,
    lanes_sent: Option<Ms>,
    lanes_missing: usize,
    retried: Option<Ms>,
    said: BTreeMap<String, Ms>,
    /// Until the next look.
    next_ms: Ms,
}

/// A step of a shell that pays.
#[derive(Debug)]
enum Task {
    Begin,
    Lanes,
    Ticks,
    Drive(BatchId, Box<Observation>),
    Effect(BatchId, LaneId, Box<Effect>),
    Renew,
    Retry,
    Make,
    Plan,
}

/// Why a turn ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The process is dead.
    Dead,
    /// The chain can't be asked, or the store can't be read or written, now.
    Later,
    /// What was decided on has changed.
    Stale,
}

type Done<T = ()> = Result<T, Stop>;

impl Pay {
    pub(super) fn new(seed: u64, plan: &PayPlan, wallets: Vec<Wallet>) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&bytes(&mut stream(seed, "treasury", 0)));
        let owner = Address::from(key.verifying_key().to_bytes());
        // A mint of so many digits, that is made: they are at 44 and 45.
        let mut data = vec![0; 82];
        data.splice(44..46, [DECIMALS, 1]);
        let account = Account { lamports: 1, owner: TokenProgram::Classic.address(), data };
        let mint = Mint::read(Address::from([9; 32]), &account, DECIMALS).expect("it is a mint of these digits");
        let mut tokens = BTreeMap::from([(mint.account_of(&owner), plan.tokens)]);
        // Some have a token account from elsewhere.
        let mut rng = stream(seed, "accounts", 0);
        let there = wallets.iter().filter(|_| rng.bool()).map(|wallet| (mint.account_of(&wallet.address()), 0));
        tokens.extend(there);
        let chain = Chain::new(State { tokens, lamports: plan.lamports, ..State::default() });
        let rpcs = Rpcs::new(chain, plan.rpcs, (owner, mint), stream(seed, "rpcs", 0));
        let terms = Terms {
            treasury: Treasury { owner, mint },
            agree_min: rpcs.agree_min,
            patience_ms: plan.patience_ms,
            priority_lamports_max: 10_000,
        };
        Self {
            plan: plan.clone(),
            key,
            terms,
            id: TreasuryId { owner, mint: mint.address(), genesis: Nonce([7; 32]) },
            rpcs,
            rng: stream(seed, "payer", 0),
            pool: BTreeMap::new(),
            answers_ms: 0,
            late: None,
            listed: BTreeSet::new(),
            is_list_old: false,
            drained: 0,
            wallets,
            state: PayState::Down,
            waiting: Vec::new(),
            closed: None,
            second: None,
            may_differ: false,
            is_reconciling: false,
            wrote_at: 0,
        }
    }

    /// Wallets that nobody may be paid to now.
    pub(crate) fn listed(&self) -> BTreeSet<lull_protocol::Wallet> {
        let key = |address: &Address| lull_protocol::Wallet::new(lull_protocol::PublicKey(address.to_bytes())).ok();
        self.listed.iter().filter_map(key).collect()
    }

    /// Whether only payments go on, and nothing else is served.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Where a wallet's tokens are.
    pub(crate) fn account_of(&self, wallet: &lull_protocol::Wallet) -> Address {
        self.terms.treasury.mint.account_of(&Wallet::from(*wallet).address())
    }

    /// Whether something may still change by itself.
    pub(crate) fn is_quiet(&self, now: Ms) -> bool {
        self.rpcs.chain.is_still() && now.saturating_sub(self.wrote_at) > 2 * IDLE_MS + AGAIN_MS
    }
}

impl World {
    /// The coordinator's process begins to pay.
    pub(crate) fn begin_to_pay(&mut self) {
        if self.pay.is_none() {
            return;
        }
        if let Some(payer) = self.payer(Who::House) {
            *payer = Payer { tasks: VecDeque::from([Task::Begin]), ..Payer::default() };
            self.queue_house(0, HouseEvent::Pay);
        }
    }

    fn payer(&mut self, who: Who) -> Option<&mut Payer> {
        match who {
            Who::House => self.house.process.as_mut().map(|process| &mut process.payer),
            Who::Second => self.pay.as_mut()?.second.as_mut().map(|second| &mut second.payer),
        }
    }

    fn pay(&mut self) -> &mut Pay {
        self.pay.as_mut().expect("only a coordinator that pays has events of paying")
    }

    /// The next step of a process that pays.
    pub(crate) fn pay_goes_on(&mut self, who: Who) {
        let latency_ms = self.pay().answers_ms;
        let Some(payer) = self.payer(who) else { return };
        let task = payer.tasks.pop_front().unwrap_or_else(|| {
            payer.next_ms = IDLE_MS;
            payer.tasks.extend([Task::Ticks, Task::Renew, Task::Retry, Task::Make, Task::Plan]);
            Task::Lanes
        });
        let done = self.pay_task(who, task);
        let poll_ms = self.pay().plan.poll_ms;
        let commit_ms = self.house.commit_ms;
        let jitter_ms = self.pay().rng.u64(..commit_ms.max(1) + 10);
        let Some(payer) = self.payer(who) else { return };
        let after_ms = match done {
            Err(Stop::Dead) => return,
            Err(Stop::Later) => {
                let is_begun = payer.run > 0;
                payer.tasks.clear();
                payer.seen = None;
                payer.tasks.extend((!is_begun).then_some(Task::Begin));
                AGAIN_MS
            }
            Ok(()) | Err(Stop::Stale) if payer.tasks.is_empty() => payer.next_ms.max(poll_ms),
            Ok(()) | Err(Stop::Stale) => jitter_ms + latency_ms,
        };
        match who {
            Who::House => self.queue_house(after_ms, HouseEvent::Pay),
            Who::Second => self.queue.after(after_ms, Event::SecondPays),
        }
        self.look_for_pay_states();
    }

    /// What a process that pays reads.
    fn pay_read<T>(&mut self, who: Who, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Done<T> {
        if who == Who::Second {
            let second = self.pay.as_ref().and_then(|pay| pay.second.as_ref()).ok_or(Stop::Dead)?;
            return read(&second.reader).map_err(|error| {
                tracing::error!(?error, "a copy can't be read");
                Stop::Later
            });
        }
        let path = self.house.disk.path(DATABASE);
        let process = self.house.process.as_mut().ok_or(Stop::Dead)?;
        let reader = match process.reader.take() {
            Some(reader) => Ok(reader),
            None => Reader::open(&path),
        };
        match reader.and_then(|reader| Ok((read(&reader)?, reader))) {
            Ok((found, reader)) => {
                process.reader = Some(reader);
                Ok(found)
            }
            Err(error) => {
                self.blame_disk(&error, "reading the store failed");
                Err(Stop::Later)
            }
        }
    }

    /// Has a command committed, and its workers told.
    fn pay_write(&mut self, who: Who, command: &PayCommand) -> Done<PayReply> {
        let now = self.house_wall();
        let at = self.queue.now();
        let applied = match who {
            Who::House => self.house.process.as_mut().ok_or(Stop::Dead)?.store.pay(now, command),
            Who::Second => {
                let second = self.pay.as_mut().and_then(|pay| pay.second.as_mut()).ok_or(Stop::Dead)?;
                second.store.pay(now, command)
            }
        };
        if who == Who::House && self.house.disk.is_stopped() {
            self.die_on_disk();
            return Err(Stop::Dead);
        }
        match applied {
            Ok(reply) => {
                self.tally.payments += 1;
                self.pay().wrote_at = at;
                if who == Who::House {
                    self.paid(&reply);
                }
                Ok(reply)
            }
            Err(PayError::Stale) => Err(Stop::Stale),
            Err(PayError::Store(error)) if who == Who::House => {
                self.blame_disk(&error, "a commit failed");
                Err(Stop::Later)
            }
            Err(error) => {
                tracing::error!(?error, ?command, "a command of the shell that pays broke an invariant");
                Err(Stop::Later)
            }
        }
    }

    /// What a commit about payouts means for others.
    fn paid(&mut self, reply: &PayReply) {
        self.read_books();
        self.deliver(lull_market::session::News::of_payouts(&reply.workers));
        if reply.is_for_all {
            let seated = self.house.process.iter().flat_map(|process| process.seats.keys().copied());
            let workers: Vec<_> = seated.collect();
            self.deliver(lull_market::session::News::of_payouts(&workers));
        }
    }

    /// What the ledger says of payouts, as soon as it is written.
    pub(crate) fn read_books(&mut self) {
        if self.pay.is_none() || self.house.process.is_none() {
            return;
        }
        self.house.disk.set_weather(lull_disk::Weather::FAIR);
        let checked = match Reader::open(&self.house.disk.path(DATABASE)) {
            Ok(reader) => self.model.read_payouts(&reader),
            Err(error) => Err(broken("the store can be read", format!("{error:?}"))),
        };
        self.house.disk.set_weather(self.house.weather);
        self.check(checked);
    }
}
