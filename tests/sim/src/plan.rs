//! What happens in a run: its people, orders and faults, drawn from its seed. Each element stands for itself,
//! so that leaving one out changes no other.

use std::collections::BTreeSet;
use std::fmt;

use fastrand::Rng;
use lull_market::Terms;
use lull_protocol::TaskKind;

use crate::mix::{chance, pick, stream};
use crate::table::{FaultName, Situation};

mod paying;

pub(crate) use paying::{PayPlan, Trouble, TroubleKind};

/// Milliseconds of the world's clock.
pub type Ms = u64;
/// A second.
pub(crate) const SECOND: Ms = 1_000;
/// A minute.
pub(crate) const MINUTE: Ms = 60 * SECOND;
/// An hour.
pub const HOUR: Ms = 60 * MINUTE;

/// Honest browsers in one run at most.
pub(crate) const BROWSERS_MAX: usize = 8;

/// A run's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// How long things go wrong; what happens when is drawn from it.
    pub(crate) chaos_ms: Ms,
    /// When all faults stop: after that time, or earlier in a run that is made small.
    pub calm_ms: Ms,
    /// The operator's terms.
    pub(crate) terms: Terms,
    /// Room for bodies under transfer, KiB.
    pub(crate) bodies_kib: u32,
    /// How long a commit takes, milliseconds.
    pub(crate) commit_ms: Ms,
    /// How long it is from one sweep to the next at the least: much is due at once where that is long.
    pub(crate) sweep_ms: Ms,
    /// How it pays; `None`: it pays nobody.
    pub(crate) pays: Option<PayPlan>,
    /// Everybody and everything, whether or not it takes part.
    pub(crate) elements: Vec<Element>,
    /// The elements that take part.
    pub kept: BTreeSet<usize>,
}

/// Somebody or something.
#[derive(Clone, Debug)]
pub(crate) enum Element {
    /// An honest browser with its person.
    Browser(BrowserPlan),
    /// A worker that lies.
    Liar(LiarPlan),
    /// A buyer's order.
    Order(OrderPlan),
    /// A fault.
    Fault(Fault),
    /// Something goes wrong with paying.
    Trouble(Trouble),
}

/// A browser and its person.
#[derive(Clone, Debug)]
pub(crate) struct BrowserPlan {
    /// When it is first opened.
    pub(crate) at: Ms,
    /// Share of the time it is open, of a hundred.
    pub(crate) open_share: u32,
    /// How long it stays open on average.
    pub(crate) stays_ms: Ms,
    /// How far its clock is ahead at first.
    pub(crate) ahead_ms: i64,
    /// One-way latency of its line.
    pub(crate) latency_ms: Ms,
    /// How fast its line is, bytes per millisecond.
    pub(crate) bytes_per_ms: u64,
    /// Time to an answer on average.
    pub(crate) thinks_ms: Ms,
    /// How fickle the person is, of a thousand looks.
    pub(crate) fickle: u32,
}

/// A worker that lies.
#[derive(Clone, Debug)]
pub(crate) struct LiarPlan {
    /// When it first comes.
    pub(crate) at: Ms,
    /// When it goes for good.
    pub(crate) until: Ms,
    /// What it does most.
    pub(crate) habit: Habit,
}

macro_rules! listed {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),* }
        impl $name {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    };
}
pub(crate) use listed;

listed! {
    /// How a liar lies.
    Habit {
        /// Sends again what it sent before, on new connections too.
        Replays,
        /// The same offer over two connections at once, with different answers.
        Races,
        /// Another answer after the first was taken.
        Differs,
        /// Answers offers of others.
        Steals,
        /// Too late.
        Dawdles,
        /// Bodies that are not the signed ones, or never end.
        Forges,
        /// Far too much.
        Floods,
        /// Signs with another key, or says it is somebody else.
        Impersonates,
        /// Numbers at and beyond every edge.
        Exaggerates,
        /// Takes all and gives it back.
        Hoards,
        /// Bytes that are no messages.
        Babbles,
        /// Honest work, but never waits its turn.
        Hurries,
        /// Flags all it is given, and says that it was taken back.
        Flags,
    }
}

listed! {
    /// How a buyer reviews answers.
    Reviewer {
        /// Looks at all of them, and rejects few.
        Fair,
        /// Leaves most of them to time.
        Lazy,
        /// Rejects what it can.
        Unfair,
    }
}

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct OrderPlan {
    /// When it is placed.
    pub(crate) at: Ms,
    /// Which buyer.
    pub(crate) buyer: u8,
    /// What it is.
    pub(crate) work: WorkPlan,
}

/// What is ordered.
#[derive(Clone, Debug)]
pub(crate) enum WorkPlan {
    /// Pages.
    Fetches {
        /// How many.
        count: usize,
        /// Ceiling of each body, bytes.
        bytes_max: u64,
        /// HEAD instead of GET.
        head: bool,
        /// Plain http too.
        http: bool,
    },
    /// Questions.
    Judgments {
        /// Of which type.
        task: TaskKind,
        /// How many.
        count: usize,
        /// How many people each.
        people: u8,
        /// How many of the questions show a picture, of a hundred.
        pictures: u32,
        /// How the buyer reviews the answers, if it does.
        review: Option<Reviewer>,
    },
}

/// A fault.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// When.
    pub(crate) at: Ms,
    /// It waits a while for this.
    pub(crate) waits_for: Option<Situation>,
    /// What.
    pub(crate) kind: FaultKind,
}

/// Whom a fault of one browser hits: the n-th of those that take part, counted round.
pub(crate) type Who = usize;

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum FaultKind {
    /// The browser's background ends after so many more effects; `silent`: its machine, too.
    KillBrowser { who: Who, effects: u32, down_ms: Ms, silent: bool },
    /// The coordinator is killed after so many more outputs of its connections.
    KillHouse { outputs: u32, down_ms: Ms },
    /// The coordinator is killed in the middle of a change of its disk; `power`: the machine, too.
    StopDisk { changes: u64, power: bool, down_ms: Ms },
    /// The operator stops the coordinator and starts it again.
    Restart { down_ms: Ms },
    /// Some of the coordinator's reads, writes and syncs fail, of a thousand.
    DiskErrors { read: u32, write: u32, sync: u32, for_ms: Ms },
    /// The coordinator's disk has so much room left, bytes.
    DiskFull { room: u64, for_ms: Ms },
    /// Commits take this long.
    DiskSlow { commit_ms: Ms, for_ms: Ms },
    /// The line breaks; `silent`: nobody is told.
    Cut { who: Who, silent: bool },
    /// Nothing gets through.
    Partition { who: Who, for_ms: Ms },
    /// The line is slow.
    Slow { who: Who, latency_ms: Ms, bytes_per_ms: u64, for_ms: Ms },
    /// Somebody between changes frames, of a thousand.
    Attack { who: Who, of_thousand: u32, for_ms: Ms },
    /// Some of the browser's batches fail, of a thousand.
    StorageErrors { who: Who, of_thousand: u32, for_ms: Ms },
    /// The browser's storage has so much room left, bytes.
    StorageFull { who: Who, room: usize, for_ms: Ms },
    /// The browser's next so many batches with a result fail.
    ResultUnstored { who: Who, batches: u32 },
    /// The browser's batches take this long.
    StorageSlow { who: Who, latency_ms: Ms, for_ms: Ms },
    /// The browser's clock jumps.
    ClockJump { who: Who, by_ms: i64 },
    /// The coordinator's clock is set.
    HouseClock { by_ms: i64 },
    /// A second browser with a copy of the first one's key and records.
    Twin { who: Who, for_ms: Ms },
    /// The sites answer nothing.
    SitesDown { for_ms: Ms },
    /// The browser's records are damaged while it is closed.
    DamagedRecord { who: Who },
}

impl Plan {
    /// The plan of a seed; things go wrong for this long, or for as long as the seed says.
    pub fn new(seed: u64, chaos_ms: Option<Ms>) -> Self {
        let mut rng = stream(seed, "plan", 0);
        let drawn = match rng.u32(..10) {
            0..=3 => rng.u64(HOUR..6 * HOUR),
            4..=6 => rng.u64(6 * HOUR..24 * HOUR),
            7..=8 => rng.u64(24 * HOUR..96 * HOUR),
            _ => rng.u64(96 * HOUR..240 * HOUR),
        };
        let chaos_ms = chaos_ms.unwrap_or(drawn);
        let mut elements = elements(seed, &mut rng, chaos_ms);
        elements.extend(paying::troubles(seed, chaos_ms).into_iter().map(Element::Trouble));
        Self {
            seed,
            chaos_ms,
            calm_ms: chaos_ms,
            terms: terms(&mut rng),
            bodies_kib: if chance(&mut rng, 300) { rng.u32(512..1_200) } else { 64 * 1024 },
            commit_ms: rng.u64(1..30),
            sweep_ms: *pick(&mut rng, &[SECOND, SECOND, MINUTE, 8 * MINUTE]).unwrap_or(&SECOND),
            pays: PayPlan::new(seed),
            kept: (0..elements.len()).collect(),
            elements,
        }
    }

    /// How long things go wrong.
    pub fn chaos_ms(&self) -> Ms {
        self.chaos_ms
    }

    /// Those that take part, with their numbers.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (usize, &Element)> {
        self.elements.iter().enumerate().filter(|(number, _)| self.kept.contains(number))
    }

    /// One line per element that takes part.
    pub fn describe(&self) -> String {
        let lines = self.kept().map(|(number, element)| format!("  {number:3} {element}\n"));
        let hours = self.calm_ms as f64 / HOUR as f64;
        let pays = self.pays.as_ref().map_or("pays nobody".to_owned(), |pays| format!("{pays:?}"));
        format!(
            "seed {}, {hours:.2} hours of faults, {:?}, {pays}\n{}",
            self.seed,
            self.terms,
            lines.collect::<String>()
        )
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |ms: Ms| format!("{:9.1} s", ms as f64 / 1_000.0);
        match self {
            Self::Browser(plan) => write!(f, "{} {plan:?}", at(plan.at)),
            Self::Liar(plan) => write!(f, "{} {plan:?}", at(plan.at)),
            Self::Order(plan) => write!(f, "{} buyer {}: {:?}", at(plan.at), plan.buyer, plan.work),
            Self::Fault(Fault { at: from, waits_for: None, kind }) => write!(f, "{} {kind:?}", at(*from)),
            Self::Fault(Fault { at: from, waits_for: Some(situation), kind }) => {
                write!(f, "{} once {situation:?}: {kind:?}", at(*from))
            }
            Self::Trouble(Trouble { at: from, waits_for, for_ms, kind }) => {
                let once = waits_for.map_or(String::new(), |state| format!(" once {state:?}:"));
                write!(f, "{}{once} {kind:?} for {} s", at(*from), for_ms / SECOND)
            }
        }
    }
}

fn terms(rng: &mut Rng) -> Terms {
    Terms {
        asset: "demo credits".into(),
        fee_bp: *pick(rng, &[0, 1, 500, 1_000, 9_999]).unwrap_or(&0),
        fetch_lease_ms: rng.u64(MINUTE..10 * MINUTE),
        judgment_lease_ms: rng.u64(2 * MINUTE..30 * MINUTE),
        approval_ms: rng.u64(5 * MINUTE..2 * HOUR),
        dispute_ms: rng.u64(MINUTE..3 * HOUR),
        appeal_ms: rng.u64(20 * MINUTE..4 * HOUR),
        appeal_decision_ms: rng.u64(10 * MINUTE..4 * HOUR),
    }
}

fn elements(seed: u64, rng: &mut Rng, chaos_ms: Ms) -> Vec<Element> {
    let hours = (chaos_ms / HOUR).max(1);
    let browsers = if chance(rng, 100) { rng.usize(1..=BROWSERS_MAX) } else { rng.usize(1..=4) };
    let liars = if chance(rng, 500) { rng.usize(0..=3) } else { 0 };
    // Long runs are mostly quiet: the work does not grow with their length.
    let orders = rng.u64(2..=6 + hours.min(24)) as usize;
    let faults = if chance(rng, 80) { 0 } else { rng.u64(1..=30 + 6 * hours.min(30)) as usize };
    let mut all = Vec::new();
    let mut each = |count: usize, name: &str, draw: &dyn Fn(&mut Rng) -> Element| {
        all.extend((0..count as u64).map(|n| draw(&mut stream(seed, name, n))));
    };
    let kinds = kinds(rng);
    // Faults come in bursts: most near work, so that they meet somebody.
    let bursts: Vec<Ms> = (0..rng.u64(1..=1 + hours.min(12))).map(|_| rng.u64(..chaos_ms)).collect();
    let when = |rng: &mut Rng| {
        let burst = pick(rng, &bursts).copied().unwrap_or(0);
        if chance(rng, 800) { (burst + rng.u64(..20 * MINUTE)).min(chaos_ms) } else { rng.u64(..chaos_ms) }
    };
    each(browsers, "browser", &|rng| Element::Browser(browser(rng, chaos_ms)));
    each(liars, "liar", &|rng| Element::Liar(liar(rng, chaos_ms)));
    each(orders, "order", &|rng| {
        let at = if chance(rng, 200) { rng.u64(..SECOND) } else { when(rng).saturating_sub(2 * MINUTE) };
        Element::Order(OrderPlan { at, buyer: rng.u8(..2), work: work(rng) })
    });
    each(faults, "fault", &|rng| {
        let at = when(rng);
        let name = pick(rng, &kinds).copied().unwrap_or(FaultName::KillBrowser);
        let kind = fault(rng, name);
        let waits_for = if chance(rng, 700) { Situation::any(rng, name) } else { None };
        Element::Fault(Fault { at, waits_for, kind })
    });
    all
}

/// Each run has its own few kinds of faults, so that some meet each other often (swarm testing).
fn kinds(rng: &mut Rng) -> Vec<FaultName> {
    let share = rng.u32(200..=900);
    let kinds: Vec<FaultName> = FaultName::ALL.iter().copied().filter(|_| chance(rng, share)).collect();
    if kinds.is_empty() { FaultName::ALL.to_vec() } else { kinds }
}

fn browser(rng: &mut Rng, chaos_ms: Ms) -> BrowserPlan {
    let is_far_off = chance(rng, 150);
    BrowserPlan {
        at: if chance(rng, 700) { rng.u64(..MINUTE) } else { rng.u64(..chaos_ms / 2 + 1) },
        open_share: *pick(rng, &[10, 25, 50, 90, 100]).unwrap_or(&50),
        stays_ms: rng.u64(5 * MINUTE..3 * HOUR),
        ahead_ms: if is_far_off { rng.i64(-7_200_000..7_200_000) } else { rng.i64(-2_000..2_000) },
        latency_ms: rng.u64(1..150),
        bytes_per_ms: *pick(rng, &[20, 200, 2_000, 20_000]).unwrap_or(&2_000),
        thinks_ms: rng.u64(2 * SECOND..40 * SECOND),
        fickle: *pick(rng, &[0, 5, 30, 100]).unwrap_or(&5),
    }
}

fn liar(rng: &mut Rng, chaos_ms: Ms) -> LiarPlan {
    let at = rng.u64(..chaos_ms * 3 / 4 + 1);
    let until = at + rng.u64(5 * MINUTE..2 * HOUR);
    LiarPlan { at, until, habit: pick(rng, Habit::ALL).copied().unwrap_or(Habit::Replays) }
}

fn work(rng: &mut Rng) -> WorkPlan {
    let count = if chance(rng, 100) { rng.usize(10..60) } else { rng.usize(1..12) };
    if rng.bool() {
        let bytes_max = *pick(rng, &[1_000, 64 << 10, 256 << 10, 2 << 20]).unwrap_or(&1_000);
        return WorkPlan::Fetches { count, bytes_max, head: chance(rng, 100), http: chance(rng, 200) };
    }
    let pictures = *pick(rng, &[0, 0, 30, 100]).unwrap_or(&0);
    let (people, task) = (rng.u8(1..=4), *pick(rng, &TaskKind::ALL).unwrap_or(&TaskKind::Choice));
    let review = if chance(rng, 400) { pick(rng, Reviewer::ALL).copied() } else { None };
    WorkPlan::Judgments { task, count, people, pictures, review }
}

/// None at all as often as some.
fn few(rng: &mut Rng) -> u32 {
    if rng.bool() { 0 } else { rng.u32(1..12) }
}

fn fault(rng: &mut Rng, name: FaultName) -> FaultKind {
    let who = rng.usize(..BROWSERS_MAX);
    let for_ms = if chance(rng, 100) { rng.u64(MINUTE..HOUR) } else { rng.u64(5 * SECOND..10 * MINUTE) };
    let down_ms = match rng.u32(..100) {
        0..=4 => rng.u64(4 * HOUR..16 * HOUR),
        5..=14 => rng.u64(MINUTE..2 * HOUR),
        _ => rng.u64(100..MINUTE),
    };
    match name {
        FaultName::KillBrowser => FaultKind::KillBrowser { who, effects: few(rng), down_ms, silent: chance(rng, 300) },
        FaultName::KillHouse => FaultKind::KillHouse { outputs: few(rng), down_ms },
        FaultName::StopDisk => {
            let most = *pick(rng, &[4, 12, 60]).unwrap_or(&12);
            FaultKind::StopDisk { changes: rng.u64(..most), power: chance(rng, 700), down_ms }
        }
        FaultName::Restart => FaultKind::Restart { down_ms },
        FaultName::DiskErrors => {
            let (read, write, sync) = (rng.u32(..30), rng.u32(..200), rng.u32(..300));
            FaultKind::DiskErrors { read: if rng.bool() { 0 } else { read }, write, sync, for_ms }
        }
        FaultName::DiskFull => FaultKind::DiskFull { room: rng.u64(..200_000), for_ms },
        FaultName::DiskSlow => FaultKind::DiskSlow { commit_ms: rng.u64(100..20 * SECOND), for_ms },
        FaultName::Cut => FaultKind::Cut { who, silent: chance(rng, 400) },
        FaultName::Partition => FaultKind::Partition { who, for_ms },
        FaultName::Slow => {
            let latency_ms = rng.u64(200..8 * SECOND);
            FaultKind::Slow { who, latency_ms, bytes_per_ms: rng.u64(1..20), for_ms }
        }
        FaultName::Attack => FaultKind::Attack { who, of_thousand: *pick(rng, &[30, 200, 600]).unwrap_or(&30), for_ms },
        FaultName::StorageErrors => FaultKind::StorageErrors { who, of_thousand: rng.u32(50..=1_000), for_ms },
        FaultName::StorageFull => FaultKind::StorageFull { who, room: rng.usize(..20_000), for_ms },
        FaultName::StorageSlow => FaultKind::StorageSlow { who, latency_ms: rng.u64(100..5 * SECOND), for_ms },
        FaultName::ClockJump => {
            let far = if rng.bool() { 100_000 } else { 10_000_000 };
            FaultKind::ClockJump { who, by_ms: rng.i64(-far..far) }
        }
        FaultName::HouseClock => FaultKind::HouseClock { by_ms: rng.i64(-3_000..3_000) },
        FaultName::Twin => FaultKind::Twin { who, for_ms },
        FaultName::SitesDown => FaultKind::SitesDown { for_ms },
        FaultName::ResultUnstored => FaultKind::ResultUnstored { who, batches: rng.u32(1..4) },
        FaultName::DamagedRecord => FaultKind::DamagedRecord { who },
    }
}
