//! The world: one queue of events on one clock. Everything that happens passes through [`World::step`].

mod browser;
mod buyer;
mod faults;
mod fetch;
mod house;
mod hub;
mod liar;
mod lies;
pub(crate) mod net;
mod pay;
mod person;
mod review;
mod storage;
mod wallets;
mod web;
mod writer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use lull_disk::{Disk, Weather};
use lull_market::session;
use lull_protocol::siws::Chain;
use lull_protocol::statement::OperatorCard;
use lull_protocol::trust::TrustRoot;
use lull_protocol::{Signed, SigningKey, Timestamp};
use lull_worker::Surroundings;
use zeroize::Zeroizing;

use browser::{Browser, BrowserEvent};
use buyer::Buyer;
use house::{House, HouseEvent};
use liar::Liar;
use net::{Line, Net, Parcel, Peer, Side};
use pay::{Pay, Who};
use person::Person;
use storage::Storage;
use wallets::Linking;

use crate::log;
use crate::mix::{Mix, bytes, stream};
use crate::model::{Broken, Model};
use crate::plan::{BrowserPlan, Element, HOUR, LiarPlan, MINUTE, Ms, Plan};
use crate::table::{Mark, Marks, Situation};

pub(crate) use net::ConnId;
pub(crate) use web::{
    Answer, Body, answer, is_name_public, is_public, is_readable, looks_up, may_be_asked, said_bytes, shows,
};

/// The clocks of the world when a run begins: 2026-10-05, 10:00 UTC.
pub(crate) const BASE_MS: u64 = 1_791_194_400_000;
/// Buyers there are.
const BUYERS: u8 = 2;
/// Events of one run at most: more is a loop without end.
const STEPS_MAX: u64 = 40_000_000;
/// How long after the last deadline everything must have come to its end.
const CALM_MS: Ms = HOUR;
/// While payouts are under way the end waits so long, and so often at most.
const END_AGAIN_MS: Ms = 2 * MINUTE;
const ENDS_WAITED_MAX: u32 = 60;

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    /// A lane has something to deliver.
    Net {
        conn: ConnId,
        to: Side,
    },
    House {
        era: u64,
        event: HouseEvent,
    },
    HouseStarts,
    Browser {
        who: usize,
        era: u64,
        event: BrowserEvent,
    },
    BrowserStarts {
        who: usize,
    },
    Buyer(usize, u64),
    Liar(usize),
    /// Somebody wants to be paid to a wallet.
    Link(usize),
    Order(usize),
    /// The buyer of an order looks at what was answered.
    Review(usize),
    /// The operator looks at appeals and paused projects.
    Operator,
    Fault(usize),
    FaultEnds(usize),
    AttackForgotten {
        who: usize,
        attacks: u32,
    },
    /// Something goes wrong with paying, and ends.
    Trouble(usize),
    TroubleEnds(usize),
    /// A transaction may be taken into a block.
    Lands(lull_payout::units::Signature),
    /// Blocks up to this slot are final.
    Finalizes(u64),
    /// The next step of a second process that pays.
    SecondPays,
    /// Only payments go on from here, and no longer.
    Closes {
        pays_ms: Ms,
        has_second: bool,
    },
    Opens,
    /// The operator lets payouts go on, has the chain read back, looks at what was set aside.
    LetGo,
    Reconcile,
    Release,
    /// Somebody who has a wallet wants something of it.
    Wish(usize),
    /// The faults stop.
    Calm,
    /// Everything must be over.
    End,
}

/// Events by time; those of one moment in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    now: Ms,
    made: u64,
    events: BTreeMap<(Ms, u64), Event>,
}

impl Queue {
    pub(crate) fn now(&self) -> Ms {
        self.now
    }

    pub(crate) fn at(&mut self, at: Ms, event: Event) {
        // What is due never is as good as no event.
        if at < Ms::MAX / 4 {
            self.made += 1;
            self.events.insert((at.max(self.now), self.made), event);
        }
    }

    pub(crate) fn after(&mut self, ms: Ms, event: Event) {
        self.at(self.now.saturating_add(ms), event);
    }

    fn pop(&mut self) -> Option<Event> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }
}

/// Counts of what happened, for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events.
    pub steps: u64,
    /// Faults that began.
    pub faults: u64,
    /// Commits of the store.
    pub commits: u64,
    /// Starts of the coordinator.
    pub starts: u64,
    /// Times it was killed, power cuts included.
    pub house_kills: u64,
    /// Times it was stopped as it should be.
    pub restarts: u64,
    /// Starts of a browser's background.
    pub browser_starts: u64,
    /// Times one was killed or closed.
    pub browser_kills: u64,
    /// Batches that a browser's storage did not take.
    pub batches_failed: u64,
    /// Requests to the web.
    pub requests: u64,
    /// Audits of the store.
    pub audits: u64,
    /// Commits of processes that pay.
    pub payments: u64,
    /// Payouts that are final on the chain.
    pub paid: u64,
    /// Databases restored from a copy.
    pub restored: u64,
    /// Times the chain was read back.
    pub reconciled: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.faults += other.faults;
        self.commits += other.commits;
        self.starts += other.starts;
        self.house_kills += other.house_kills;
        self.restarts += other.restarts;
        self.browser_starts += other.browser_starts;
        self.browser_kills += other.browser_kills;
        self.batches_failed += other.batches_failed;
        self.requests += other.requests;
        self.audits += other.audits;
        self.payments += other.payments;
        self.paid += other.paid;
        self.restored += other.restored;
        self.reconciled += other.reconciled;
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) queue: Queue,
    pub(crate) rng: Rng,
    pub(crate) mix: Mix,
    pub(crate) tally: Tally,
    pub(crate) marks: Marks,
    pub(crate) model: Model,
    trust: TrustRoot,
    house: House,
    pub(crate) pay: Option<Pay>,
    net: Net,
    browsers: Vec<Browser>,
    liars: Vec<Liar>,
    linkings: Vec<Linking>,
    buyers: Vec<Buyer>,
    /// Hello and proof of honest workers, as somebody has recorded them.
    handshakes: VecDeque<(Vec<u8>, Vec<u8>)>,
    sites_down: bool,
    /// Faults that wait for their situation, and until when.
    waiting: Vec<(usize, Situation, Ms)>,
    is_calm: bool,
    ends_waited: u32,
    failed: Option<Broken>,
}

impl World {
    /// The world of a plan, at its first moment.
    pub(crate) fn new(plan: Plan) -> Self {
        log::install();
        Disk::install();
        let seed = plan.seed;
        let mut rng = stream(seed, "world", 0);
        let key = fresh_key(&mut rng);
        let fingerprint = key.public().fingerprint().to_string();
        let trust = TrustRoot::new("wss://lull.house/socket", &fingerprint).expect("an address of our own");
        let card = OperatorCard {
            name: "House".into(),
            country: "DE".into(),
            contact: "house@lull.house".into(),
            fee_bp: plan.terms.fee_bp,
            asset: plan.terms.asset.clone(),
            demo: true,
            signed_at: Timestamp::ZERO.plus(BASE_MS),
        };
        let shared = session::House {
            card: Signed::sign(card, &key).bytes().to_vec(),
            origins: vec![trust.origin().to_owned()],
            key: key.clone(),
            chain: plan.pays.as_ref().map(|_| Chain::Localnet),
        };
        let names = (0..BUYERS).map(Buyer::name).collect();
        let mut world = Self {
            model: Model::new(seed, key.public(), plan.terms.clone(), names),
            queue: Queue::default(),
            mix: Mix::default(),
            tally: Tally::default(),
            marks: Marks::default(),
            house: house(shared, seed, plan.commit_ms),
            pay: plan.pays.as_ref().map(|pays| Pay::new(seed, pays, wallets::all(seed))),
            net: Net::new(stream(seed, "net", 0)),
            browsers: Vec::new(),
            liars: Vec::new(),
            linkings: Vec::new(),
            buyers: (0..BUYERS).map(Buyer::new).collect(),
            handshakes: VecDeque::new(),
            sites_down: false,
            waiting: Vec::new(),
            is_calm: false,
            ends_waited: 0,
            failed: None,
            trust,
            rng,
            plan,
        };
        for wallet in wallets::named(seed) {
            if let Some(pay) = &world.pay {
                world.model.knows_account(wallet, pay.account_of(&wallet));
            }
        }
        world.populate();
        world
    }

    fn populate(&mut self) {
        let kept: Vec<(usize, Element)> = self.plan.kept().map(|(n, element)| (n, element.clone())).collect();
        self.queue.at(0, Event::HouseStarts);
        (0..self.buyers.len()).for_each(|number| self.buyer_acts(number));
        for (number, element) in kept {
            match element {
                Element::Browser(plan) => self.add_browser(number, plan),
                Element::Liar(plan) => self.add_liar(number, plan),
                Element::Order(order) => self.queue.at(order.at, Event::Order(number)),
                Element::Fault(fault) => self.queue.at(fault.at, Event::Fault(number)),
                Element::Trouble(trouble) => self.queue.at(trouble.at, Event::Trouble(number)),
            }
        }
        self.queue.at(30 * MINUTE, Event::Operator);
        self.queue.at(self.plan.calm_ms, Event::Calm);
    }

    fn add_browser(&mut self, number: usize, plan: BrowserPlan) {
        let mut rng = stream(self.plan.seed, "browser's own", number as u64);
        let key = fresh_key(&mut rng);
        self.may_want_a_wallet(number, &key);
        let who = self.browsers.len();
        let day_start = Timestamp::ZERO.plus(BASE_MS - 10 * HOUR);
        let line = Line { latency_ms: plan.latency_ms, bytes_per_ms: plan.bytes_per_ms, parted_until: 0, attacked: 0 };
        self.net.set_line(Peer::Browser(who), line);
        self.queue.at(plan.at, Event::BrowserStarts { who });
        self.model.is_honest(key.public());
        let utc_offset_min = [0, -300, 60, 330].get(rng.usize(..4)).copied().unwrap_or_default();
        let begins = self.wall(plan.ahead_ms).plus(plan.at);
        let records = self.used_before(key.public(), &mut rng, utc_offset_min, begins);
        self.browsers.push(Browser {
            me: key.public(),
            era: 0,
            background: None,
            storage: Storage::with(records),
            person: Person::new(rng),
            surroundings: Surroundings { day_start, utc_offset_min, ..Surroundings::default() },
            ahead_ms: plan.ahead_ms,
            kill_after: None,
            attacks: 0,
            twin_of: None,
            hello: Vec::new(),
            plan,
            key,
        });
    }

    /// Some have used much of a small day before.
    fn used_before(
        &mut self,
        me: lull_protocol::PublicKey,
        rng: &mut fastrand::Rng,
        utc_offset_min: i32,
        now: Timestamp,
    ) -> Vec<(String, Vec<u8>)> {
        if !crate::mix::chance(rng, 300) {
            self.model.caps.used_before(me, 0, utc_offset_min, now);
            return Vec::new();
        }
        let bytes = 20_000_000 - rng.u64(..4) * 800_000;
        self.model.caps.used_before(me, bytes, utc_offset_min, now);
        let mut usage = lull_policy::caps::Usage::default();
        usage.roll(&lull_policy::caps::Caps::default(), lull_policy::caps::LocalClock { now, utc_offset_min });
        usage.count(bytes);
        vec![("usage".to_owned(), lull_protocol::cbor::encode(&(1_u64, usage)))]
    }

    fn add_liar(&mut self, number: usize, plan: LiarPlan) {
        let mut rng = stream(self.plan.seed, "liar's own", number as u64);
        let key = fresh_key(&mut rng);
        self.may_want_a_wallet(number, &key);
        self.queue.at(plan.at, Event::Liar(self.liars.len()));
        self.liars.push(Liar::new(plan, key, rng));
    }

    /// A clock of the world that is so far ahead.
    pub(crate) fn wall(&self, ahead_ms: i64) -> Timestamp {
        Timestamp::ZERO.plus((BASE_MS + self.queue.now()).saturating_add_signed(ahead_ms))
    }

    /// Takes the next event. Whether there was one, and nothing is broken.
    pub(crate) fn step(&mut self) -> bool {
        let Some(event) = self.queue.pop() else { return false };
        self.tally.steps += 1;
        self.mix.number(self.queue.now());
        self.take(event);
        if !self.waiting.is_empty() && !self.is_calm {
            self.look_for_situations();
        }
        if self.tally.steps > STEPS_MAX {
            self.check(Err(crate::model::broken("it ends", format!("more than {STEPS_MAX} events"))));
        }
        for error in log::take() {
            self.check(Err(crate::model::broken("no ERROR line", error)));
        }
        !self.has_failed()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Net { conn, to } => self.deliver_parcel(conn, to),
            Event::House { era, event } => {
                if self.house.process.is_some() && self.house.era == era {
                    self.house_event(event);
                }
            }
            Event::HouseStarts => self.start_house(),
            Event::Browser { who, era, event } => {
                if self.browser(who).era == era && self.browser(who).background.is_some() {
                    self.browser_event(who, event);
                }
            }
            Event::BrowserStarts { who } => self.start_browser(who),
            Event::Buyer(number, turn) => self.buyer_asks_again(number, turn),
            Event::Liar(who) => self.liar_acts(who),
            Event::Link(number) => self.link(number),
            Event::Order(number) => {
                if let Some(Element::Order(order)) = self.plan.elements.get(number).cloned() {
                    self.order(number, &order);
                }
            }
            Event::Review(number) => self.review(number),
            Event::Operator => self.operator_looks(),
            Event::Fault(number) => {
                if !self.is_calm {
                    self.call_fault(number);
                }
            }
            Event::FaultEnds(number) => {
                if !self.is_calm {
                    self.end_fault(number);
                }
            }
            Event::AttackForgotten { who, attacks } => self.forget_attack(who, attacks),
            Event::Trouble(number) => {
                if !self.is_calm {
                    self.call_trouble(number);
                }
            }
            Event::TroubleEnds(number) => {
                if !self.is_calm {
                    self.end_trouble(number);
                }
            }
            Event::Lands(signature) => self.lands(signature),
            Event::Finalizes(slot) => self.finalizes(slot),
            Event::SecondPays => self.pay_goes_on(Who::Second),
            Event::Closes { pays_ms, has_second } => self.closes(pays_ms, has_second),
            Event::Opens => self.open_house_again(),
            Event::LetGo => self.let_go(),
            Event::Reconcile => self.operator_reconciles(),
            Event::Release => self.operator_releases(),
            Event::Wish(number) => self.wishes(number),
            Event::Calm => {
                self.calm();
                let terms = &self.plan.terms;
                let leases_ms = terms.fetch_lease_ms.max(terms.judgment_lease_ms);
                // A place may be leased three times to each before nobody can have it, after an appeal was denied.
                let appeals_ms = terms.appeal_ms + terms.appeal_decision_ms;
                let last_ms = 3 * leases_ms + appeals_ms + terms.approval_ms + terms.dispute_ms + CALM_MS;
                self.queue.after(last_ms, Event::End);
            }
            Event::End if self.pays_still() => self.queue.after(END_AGAIN_MS, Event::End),
            Event::End => self.end(),
        }
    }

    /// Whether payouts are under way: then the end waits, for as long as it can.
    fn pays_still(&mut self) -> bool {
        let now = self.queue.now();
        let is_still = self.pay.as_ref().is_some_and(|pay| !pay.is_quiet(now));
        self.ends_waited += u32::from(is_still);
        is_still && self.ends_waited < ENDS_WAITED_MAX
    }

    fn deliver_parcel(&mut self, conn: ConnId, to: Side) {
        let Some(peer) = self.net.peer(conn) else { return };
        let Some(parcel) = self.net.take(&mut self.queue, conn, to) else { return };
        self.mix.number(conn);
        if !self.net.is_open(conn, to) && !matches!(parcel, Parcel::Frame(_)) {
            return;
        }
        match (to, peer) {
            (Side::House, _) => self.house_receives(conn, parcel),
            (Side::Worker, Peer::Browser(who)) => self.browser_receives(who, conn, parcel),
            (Side::Worker, Peer::Liar(who)) => self.liar_receives(who, conn, parcel),
        }
    }

    /// The end: the model looks at everything once more.
    fn end(&mut self) {
        if !self.buyers_are_content() {
            let what = "a buyer still waits for an answer".to_owned();
            self.check(Err(crate::model::broken("progress", what)));
        }
        for who in 0..self.browsers.len() {
            let now = self.browser_wall(who);
            let browser = self.browser(who);
            if browser.twin_of.is_some() {
                continue;
            }
            let (me, held) = (browser.me, browser.storage.counts());
            let Some(background) = &browser.background else { continue };
            let view = background.worker.view(now);
            let read = |from: &str, below: &str| browser.storage.range(from, below);
            let export = background.worker.export_stored(now, read);
            let log = whole_log(&background.worker, now, read);
            let checked = self.model.worker_ends(me, &view, &export, held);
            self.check(checked);
            let checked = self.model.log_ends(me, log);
            self.check(checked);
        }
        self.audit(true);
        self.queue.events.clear();
    }

    pub(crate) fn check(&mut self, checked: Result<(), Broken>) {
        if let (Err(broken), None) = (checked, &self.failed) {
            self.failed = Some(broken);
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// What broke, if anything.
    pub(crate) fn failure(&self) -> Option<&Broken> {
        self.failed.as_ref()
    }

    pub(crate) fn mark(&mut self, mark: Mark<'_>) {
        let marked = self.marks.mark(mark);
        self.check(marked);
    }
}

/// Every page of a browser's log.
fn whole_log(
    worker: &lull_worker::Worker,
    now: Timestamp,
    read: impl Fn(&str, &str) -> Vec<(String, Vec<u8>)>,
) -> lull_view::ActivityPage {
    let mut all = lull_view::ActivityPage::default();
    loop {
        let find = lull_view::Find { limit: 100, before: all.next, ..lull_view::Find::default() };
        let query = lull_view::Command::FindActivities(find);
        let Some(lull_view::Reply::Activities { page }) = worker.query_stored(&query, now, &read) else { return all };
        all.entries.extend(page.entries);
        (all.next, all.unreadable) = (page.next, all.unreadable + page.unreadable);
        if all.next.is_none() {
            return all;
        }
    }
}

fn house(shared: session::House, seed: u64, commit_ms: Ms) -> House {
    House {
        shared: Arc::new(shared),
        disk: Disk::new(stream(seed, "disk", 0).u64(..)),
        weather: Weather::FAIR,
        process: None,
        era: 1,
        clock_step_ms: 0,
        commit_ms,
        kill_after: None,
        armed: None,
        is_dark: false,
        due: BTreeSet::new(),
    }
}

fn fresh_key(rng: &mut Rng) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(bytes(rng)))
}
