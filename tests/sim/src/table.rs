//! The one table of what can meet what: messages and the state of whoever receives them, faults and the
//! situation they fall into. A new message, state or fault is a variant here; the compiler then asks for its
//! kind, and [`never`] is where a pair that can't be (or is not tracked) is declared, with the reason. Reaching such
//! a pair fails a run; whatever else was not reached is named in the report.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;
use lull_protocol::{ToCoordinator, ToWorker};

use crate::mix::pick;
use crate::model::{Broken, broken};
use crate::plan::{FaultKind, TroubleKind, listed};

listed! {
    /// What a worker can be sent.
    ToWorkerKind {
        /// Bytes that are no message.
        Unreadable,
        /// See [`ToWorker::Hello`], and so on.
        Hello, Welcome, Assign, BodyWanted, Ack, Verdict, Account, Withdraw, BlobChunk, Refused, Pong, Bye,
        Extended, SkipsLeft, Rejected, Appealed, Ticket, Wallet, WalletRefused, Payouts, PayoutsBefore,
        WalletBrowsers,
    }
}

listed! {
    /// What a connection of the coordinator can be sent.
    ToHouseKind {
        /// Bytes that are no message.
        Unreadable,
        /// See [`ToCoordinator::Hello`], and so on.
        Hello, Proof, Want, Result, BodyChunk, Return, GetBlob, Ping, Extend, Appeal, OpenTicket, WalletYes, WalletNo,
        WalletVeto, WalletNewsKnown, PayWhen, PayNow, PayoutsBefore, WalletBrowsers,
    }
}

listed! {
    /// How far a browser is.
    WorkerState {
        /// Its background does not run.
        Closed,
        /// No socket.
        Offline,
        /// The socket opens.
        Dialling,
        /// Its hello is sent.
        Greeting,
        /// Its proof is sent.
        Proving,
        /// Ready, nothing in hand.
        Idle,
        /// Ready, with leases.
        Holding,
        /// Ready, with results that are not acknowledged.
        Sending,
        /// Ready, and its storage takes nothing.
        Failing,
    }
}

listed! {
    /// How far a connection of the coordinator is.
    HouseState {
        /// Waits for a hello.
        Hello,
        /// Waits for a proof.
        Proof,
        /// Waits for the seat.
        Seat,
        /// Reads what the worker must know first.
        Opening,
        /// Waits for nothing but frames.
        Serving,
        /// A body is under transfer.
        Receiving,
        /// A question to the store is open.
        Asking,
        /// There is no such connection (any more).
        Gone,
    }
}

listed! {
    /// Kinds of faults; plans draw from all. Another order makes other plans of the same seeds.
    FaultName {
        /// See [`FaultKind::KillBrowser`], and so on.
        KillBrowser, KillHouse, StopDisk, Restart, DiskErrors, DiskFull, DiskSlow, Cut, Partition, Slow, Attack,
        StorageErrors, StorageFull, StorageSlow, ClockJump, HouseClock, Twin, SitesDown, ResultUnstored,
        DamagedRecord,
    }
}

listed! {
    /// What a fault falls into.
    Situation {
        /// A browser that is closed, and so on as in [`WorkerState`].
        Closed, Offline, Dialling, Greeting, Proving, Idle, Holding, Sending, Failing,
        /// The coordinator does not run.
        Down,
        /// It runs without a connection.
        Quiet,
        /// A handshake at most.
        Meeting,
        /// A connection at work.
        Working,
        /// A body under transfer.
        Receiving,
        /// A commit under way.
        Committing,
    }
}

listed! {
    /// What can go wrong with paying; plans draw from all. Another order makes other plans of the same seeds.
    TroubleName {
        /// See [`TroubleKind::RpcSilent`], and so on.
        RpcSilent, RpcBehind, RpcLies, RpcSlow, Fork, LandsLate, Dear, Frozen, Closed, Listed, ListOld, Drained, Paused,
        KillPaying, Restored, TwoPayers,
    }
}

listed! {
    /// How far paying is.
    PayState {
        /// The coordinator does not run.
        Down,
        /// Lanes are not all of this run yet.
        Shut,
        /// Ledger and chain may differ: it waits for the operator.
        Stopped,
        /// Nobody is under way to be paid.
        Idle,
        /// The batch that has come furthest is so far.
        Reserved, Built, Signed, Sent, Confirmed, Cancelling, CancelSent,
    }
}

/// Something that was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark<'a> {
    ToWorker(Option<&'a ToWorker>, WorkerState),
    ToHouse(Option<&'a ToCoordinator>, HouseState),
    Fault(FaultName, Situation),
    Paying(FaultName, PayState),
    Trouble(TroubleName, PayState),
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pair {
    ToWorker(ToWorkerKind, WorkerState),
    ToHouse(ToHouseKind, HouseState),
    Fault(FaultName, Situation),
    Paying(FaultName, PayState),
    Trouble(TroubleName, PayState),
}

impl ToWorkerKind {
    fn of(message: Option<&ToWorker>) -> Self {
        match message {
            None => Self::Unreadable,
            Some(ToWorker::Hello { .. }) => Self::Hello,
            Some(ToWorker::Welcome { .. }) => Self::Welcome,
            Some(ToWorker::Assign { .. }) => Self::Assign,
            Some(ToWorker::BodyWanted { .. }) => Self::BodyWanted,
            Some(ToWorker::Ack { .. }) => Self::Ack,
            Some(ToWorker::Verdict { .. }) => Self::Verdict,
            Some(ToWorker::Account { .. }) => Self::Account,
            Some(ToWorker::Withdraw { .. }) => Self::Withdraw,
            Some(ToWorker::BlobChunk { .. }) => Self::BlobChunk,
            Some(ToWorker::Refused { .. }) => Self::Refused,
            Some(ToWorker::Pong { .. }) => Self::Pong,
            Some(ToWorker::Bye { .. }) => Self::Bye,
            Some(ToWorker::Extended { .. }) => Self::Extended,
            Some(ToWorker::SkipsLeft { .. }) => Self::SkipsLeft,
            Some(ToWorker::Rejected { .. }) => Self::Rejected,
            Some(ToWorker::Appealed { .. }) => Self::Appealed,
            // Its operator contests no money: the model lets none pass.
            Some(ToWorker::Reversal { .. }) => Self::Unreadable,
            Some(ToWorker::Ticket { .. }) => Self::Ticket,
            Some(ToWorker::Wallet(_)) => Self::Wallet,
            Some(ToWorker::WalletRefused { .. }) => Self::WalletRefused,
            Some(ToWorker::Payouts(_)) => Self::Payouts,
            Some(ToWorker::PayoutsBefore { .. }) => Self::PayoutsBefore,
            Some(ToWorker::WalletBrowsers { .. }) => Self::WalletBrowsers,
        }
    }
}

impl ToHouseKind {
    fn of(message: Option<&ToCoordinator>) -> Self {
        match message {
            None => Self::Unreadable,
            Some(ToCoordinator::Hello { .. }) => Self::Hello,
            Some(ToCoordinator::Proof { .. }) => Self::Proof,
            Some(ToCoordinator::Want { .. }) => Self::Want,
            Some(ToCoordinator::Result { .. }) => Self::Result,
            Some(ToCoordinator::BodyChunk { .. }) => Self::BodyChunk,
            Some(ToCoordinator::Return { .. }) => Self::Return,
            Some(ToCoordinator::GetBlob { .. }) => Self::GetBlob,
            Some(ToCoordinator::Ping { .. }) => Self::Ping,
            Some(ToCoordinator::Extend { .. }) => Self::Extend,
            Some(ToCoordinator::Appeal { .. }) => Self::Appeal,
            Some(ToCoordinator::OpenTicket { .. }) => Self::OpenTicket,
            Some(ToCoordinator::WalletYes { .. }) => Self::WalletYes,
            Some(ToCoordinator::WalletNo { .. }) => Self::WalletNo,
            Some(ToCoordinator::WalletVeto { .. }) => Self::WalletVeto,
            Some(ToCoordinator::WalletNewsKnown { .. }) => Self::WalletNewsKnown,
            Some(ToCoordinator::PayWhen { .. }) => Self::PayWhen,
            Some(ToCoordinator::PayNow) => Self::PayNow,
            Some(ToCoordinator::PayoutsBefore { .. }) => Self::PayoutsBefore,
            Some(ToCoordinator::WalletBrowsers) => Self::WalletBrowsers,
        }
    }
}

impl FaultName {
    pub(crate) fn of(kind: &FaultKind) -> Self {
        match kind {
            FaultKind::KillBrowser { .. } => Self::KillBrowser,
            FaultKind::KillHouse { .. } => Self::KillHouse,
            FaultKind::StopDisk { .. } => Self::StopDisk,
            FaultKind::Restart { .. } => Self::Restart,
            FaultKind::DiskErrors { .. } => Self::DiskErrors,
            FaultKind::DiskFull { .. } => Self::DiskFull,
            FaultKind::DiskSlow { .. } => Self::DiskSlow,
            FaultKind::Cut { .. } => Self::Cut,
            FaultKind::Partition { .. } => Self::Partition,
            FaultKind::Slow { .. } => Self::Slow,
            FaultKind::Attack { .. } => Self::Attack,
            FaultKind::StorageErrors { .. } => Self::StorageErrors,
            FaultKind::StorageFull { .. } => Self::StorageFull,
            FaultKind::StorageSlow { .. } => Self::StorageSlow,
            FaultKind::ResultUnstored { .. } => Self::ResultUnstored,
            FaultKind::ClockJump { .. } => Self::ClockJump,
            FaultKind::HouseClock { .. } => Self::HouseClock,
            FaultKind::Twin { .. } => Self::Twin,
            FaultKind::SitesDown { .. } => Self::SitesDown,
            FaultKind::DamagedRecord { .. } => Self::DamagedRecord,
        }
    }

    fn is_of_the_house(self) -> bool {
        match self {
            Self::KillHouse
            | Self::StopDisk
            | Self::Restart
            | Self::DiskErrors
            | Self::DiskFull
            | Self::DiskSlow
            | Self::HouseClock
            | Self::SitesDown => true,
            Self::KillBrowser
            | Self::Cut
            | Self::Partition
            | Self::Slow
            | Self::Attack
            | Self::StorageErrors
            | Self::StorageFull
            | Self::StorageSlow
            | Self::ResultUnstored
            | Self::ClockJump
            | Self::Twin
            | Self::DamagedRecord => false,
        }
    }
}

impl TroubleName {
    pub(crate) fn of(kind: &TroubleKind) -> Self {
        match kind {
            TroubleKind::RpcSilent { .. } => Self::RpcSilent,
            TroubleKind::RpcBehind { .. } => Self::RpcBehind,
            TroubleKind::RpcLies { .. } => Self::RpcLies,
            TroubleKind::RpcSlow { .. } => Self::RpcSlow,
            TroubleKind::Fork { .. } => Self::Fork,
            TroubleKind::LandsLate { .. } => Self::LandsLate,
            TroubleKind::Dear { .. } => Self::Dear,
            TroubleKind::Frozen { .. } => Self::Frozen,
            TroubleKind::Closed { .. } => Self::Closed,
            TroubleKind::Listed { .. } => Self::Listed,
            TroubleKind::ListOld => Self::ListOld,
            TroubleKind::Drained { .. } => Self::Drained,
            TroubleKind::Paused => Self::Paused,
            TroubleKind::KillPaying { .. } => Self::KillPaying,
            TroubleKind::Restored { .. } => Self::Restored,
            TroubleKind::TwoPayers { .. } => Self::TwoPayers,
        }
    }

    /// Those that need a coordinator that runs.
    fn needs_process(self) -> bool {
        matches!(self, Self::KillPaying | Self::Paused | Self::Restored | Self::TwoPayers)
    }
}

impl PayState {
    /// Those in which somebody is to be paid and isn't yet.
    pub(crate) const UNDER_WAY: &'static [Self] = &[
        Self::Shut,
        Self::Stopped,
        Self::Reserved,
        Self::Built,
        Self::Signed,
        Self::Sent,
        Self::Confirmed,
        Self::Cancelling,
        Self::CancelSent,
    ];
}

impl Situation {
    pub(crate) fn of_worker(state: WorkerState) -> Self {
        match state {
            WorkerState::Closed => Self::Closed,
            WorkerState::Offline => Self::Offline,
            WorkerState::Dialling => Self::Dialling,
            WorkerState::Greeting => Self::Greeting,
            WorkerState::Proving => Self::Proving,
            WorkerState::Idle => Self::Idle,
            WorkerState::Holding => Self::Holding,
            WorkerState::Sending => Self::Sending,
            WorkerState::Failing => Self::Failing,
        }
    }

    pub(crate) fn of_house(state: HouseState) -> Self {
        match state {
            HouseState::Hello | HouseState::Proof | HouseState::Seat => Self::Meeting,
            HouseState::Opening | HouseState::Serving | HouseState::Asking | HouseState::Gone => Self::Working,
            HouseState::Receiving => Self::Receiving,
        }
    }

    fn is_of_the_house(self) -> bool {
        self >= Self::Down
    }

    /// Any that this fault can fall into.
    pub(crate) fn any(rng: &mut Rng, fault: FaultName) -> Option<Self> {
        let fits = |situation: &&Self| never(Pair::Fault(fault, **situation)).is_none();
        pick(rng, &Self::ALL.iter().filter(fits).copied().collect::<Vec<_>>()).copied()
    }
}

/// Why a pair can't be, or is not tracked; `None`: it can.
fn never(pair: Pair) -> Option<&'static str> {
    match pair {
        Pair::ToWorker(_, state) => match state {
            WorkerState::Closed | WorkerState::Offline => Some("no socket, no frame"),
            WorkerState::Dialling => Some("a socket that is not open yet delivers nothing"),
            WorkerState::Greeting
            | WorkerState::Proving
            | WorkerState::Idle
            | WorkerState::Holding
            | WorkerState::Sending
            | WorkerState::Failing => None,
        },
        // Liars and adversaries can send anything at any time.
        Pair::ToHouse(..) => None,
        Pair::Fault(fault, situation) => match (fault.is_of_the_house(), situation.is_of_the_house()) {
            (true, false) => Some("a fault of the coordinator is seen with its own situation"),
            (false, true) => Some("a fault of a browser is seen with its own situation"),
            (true, true) | (false, false) => None,
        },
        Pair::Paying(fault, _) if !fault.is_of_the_house() => Some("a fault of a browser touches no payment"),
        Pair::Trouble(name, PayState::Down) if name.needs_process() => Some("it needs a coordinator that runs"),
        Pair::Paying(..) | Pair::Trouble(..) => None,
    }
}

fn pairs() -> impl Iterator<Item = Pair> {
    let to_worker = ToWorkerKind::ALL.iter().flat_map(|k| WorkerState::ALL.iter().map(|s| Pair::ToWorker(*k, *s)));
    let to_house = ToHouseKind::ALL.iter().flat_map(|k| HouseState::ALL.iter().map(|s| Pair::ToHouse(*k, *s)));
    let faults = FaultName::ALL.iter().flat_map(|k| Situation::ALL.iter().map(|s| Pair::Fault(*k, *s)));
    let paying = FaultName::ALL.iter().flat_map(|k| PayState::ALL.iter().map(|s| Pair::Paying(*k, *s)));
    let troubles = TroubleName::ALL.iter().flat_map(|k| PayState::ALL.iter().map(|s| Pair::Trouble(*k, *s)));
    to_worker.chain(to_house).chain(faults).chain(paying).chain(troubles)
}

type IsOfPart = fn(&Pair) -> bool;

/// How often each pair was reached.
#[derive(Clone, Debug, Default)]
pub struct Marks(BTreeMap<Pair, u64>);

impl Marks {
    pub(crate) fn mark(&mut self, mark: Mark<'_>) -> Result<(), Broken> {
        let pair = match mark {
            Mark::ToWorker(message, state) => Pair::ToWorker(ToWorkerKind::of(message), state),
            Mark::ToHouse(message, state) => Pair::ToHouse(ToHouseKind::of(message), state),
            Mark::Fault(fault, situation) => Pair::Fault(fault, situation),
            Mark::Paying(fault, state) => Pair::Paying(fault, state),
            Mark::Trouble(name, state) => Pair::Trouble(name, state),
        };
        *self.0.entry(pair).or_default() += 1;
        match never(pair) {
            Some(reason) => Err(broken("the table", format!("{pair:?} was reached, but: {reason}"))),
            None => Ok(()),
        }
    }

    /// Adds what another run reached.
    pub fn add(&mut self, other: &Self) {
        for (pair, count) in &other.0 {
            *self.0.entry(*pair).or_default() += count;
        }
    }

    /// Pairs that were reached, and those that can be.
    pub fn reached(&self) -> (usize, usize) {
        let possible = pairs().filter(|pair| never(*pair).is_none());
        possible.fold((0, 0), |(reached, all), pair| (reached + usize::from(self.0.contains_key(&pair)), all + 1))
    }

    /// The report: how many of each part, and the names of those never reached.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let parts: [(&str, &str, IsOfPart); 5] = [
            ("message × state of the worker", "can't be", |pair| matches!(pair, Pair::ToWorker(..))),
            ("message × state of the connection", "can't be", |pair| matches!(pair, Pair::ToHouse(..))),
            ("fault × situation", "not tracked", |pair| matches!(pair, Pair::Fault(..))),
            ("fault × how far paying is", "not tracked", |pair| matches!(pair, Pair::Paying(..))),
            ("trouble with paying × how far it is", "can't be", |pair| matches!(pair, Pair::Trouble(..))),
        ];
        for (name, others, is_of_part) in parts {
            let all: Vec<Pair> = pairs().filter(is_of_part).collect();
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            all.iter().filter_map(|pair| never(*pair)).for_each(|reason| *reasons.entry(reason).or_default() += 1);
            let impossible: usize = reasons.values().sum();
            let missing: Vec<String> =
                all.iter().filter(|p| never(**p).is_none() && !self.0.contains_key(p)).map(name_of).collect();
            let possible = all.len() - impossible;
            let reached = possible - missing.len();
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}: {reached} of {possible} reached, {impossible} {others}");
            for (reason, count) in reasons {
                let _ = writeln!(text, "  {count} {others}: {reason}");
            }
            if !missing.is_empty() {
                let _ = writeln!(text, "  never reached: {}", missing.join(", "));
            }
        }
        text
    }
}

fn name_of(pair: &Pair) -> String {
    match pair {
        Pair::ToWorker(kind, state) => format!("{kind:?}/{state:?}"),
        Pair::ToHouse(kind, state) => format!("{kind:?}/{state:?}"),
        Pair::Fault(fault, situation) => format!("{fault:?}/{situation:?}"),
        Pair::Paying(fault, state) => format!("{fault:?}/{state:?}"),
        Pair::Trouble(name, state) => format!("{name:?}/{state:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_that_cannot_be_is_an_error_and_one_that_can_counts() {
        let mut marks = Marks::default();
        let (_, possible) = marks.reached();
        marks.mark(Mark::ToWorker(None, WorkerState::Idle)).unwrap();
        assert_eq!(marks.reached(), (1, possible));
        assert!(marks.mark(Mark::ToWorker(None, WorkerState::Closed)).is_err());
        assert!(marks.report().contains("Hello/Greeting"), "{}", marks.report());
    }
}
