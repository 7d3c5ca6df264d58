//! Of runs whose coordinator pays: how it pays, and what goes wrong with that. Drawn from streams of their own, so
//! that the rest of a run's plan is as it was without.

use fastrand::Rng;
use lull_protocol::Amount;

use super::{HOUR, MINUTE, Ms, SECOND};
use crate::mix::{chance, pick, stream};
use crate::table::{PayState, TroubleName};

/// Runs whose coordinator pays, of a thousand.
const PAYS: u32 = 600;
/// Those of them in which something goes wrong with that, of a thousand.
const TROUBLED: u32 = 850;
/// What a treasury that isn't short has, base units.
const TOKENS: u64 = 1_000_000_000_000;

/// How a coordinator pays.
#[derive(Clone, Debug)]
pub(crate) struct PayPlan {
    /// RPCs.
    pub(crate) rpcs: usize,
    /// Lanes.
    pub(crate) lanes: u16,
    /// What a SOL is worth, base units.
    pub(crate) sol: Amount,
    /// Payouts that share a fee, by the operator's reckoning.
    pub(crate) sharing: u32,
    /// Time between two looks at the chain while something is under way.
    pub(crate) poll_ms: Ms,
    /// After this a payment that nobody sees is cancelled.
    pub(crate) patience_ms: Ms,
    /// What the treasury has at first, base units; once the faults stop it has plenty.
    pub(crate) tokens: u64,
    /// Its lamports.
    pub(crate) lamports: u64,
}

/// Something goes wrong with paying.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// When.
    pub(crate) at: Ms,
    /// It waits a while for this.
    pub(crate) waits_for: Option<PayState>,
    /// For how long, if it ends by itself.
    pub(crate) for_ms: Ms,
    /// What.
    pub(crate) kind: TroubleKind,
}

/// What goes wrong. An RPC is the n-th, counted round.
#[derive(Clone, Debug)]
pub(crate) enum TroubleKind {
    /// An RPC doesn't answer, of a thousand.
    RpcSilent { rpc: usize, of_thousand: u32 },
    /// An RPC is behind.
    RpcBehind { rpc: usize, by_ms: Ms },
    /// An RPC lies, of a thousand.
    RpcLies { rpc: usize, of_thousand: u32 },
    /// All answers are late.
    RpcSlow { latency_ms: Ms },
    /// Blocks that aren't final are dropped, all but so many.
    Fork { kept: usize },
    /// Transactions land so late, or never, of a thousand.
    LandsLate { by_ms: Ms, lost: u32 },
    /// Others offer much for being taken soon.
    Dear { price_max: u64 },
    /// A wallet's token account is frozen.
    Frozen { wallet: u64 },
    /// A wallet's token account is closed by whose it is.
    Closed { wallet: u64 },
    /// A wallet is on the sanctions list.
    Listed { wallet: u64 },
    /// The sanctions list is too old.
    ListOld,
    /// The treasury has nearly no tokens.
    Drained { left: u64 },
    /// The operator pauses payouts.
    Paused,
    /// The process is killed.
    KillPaying { power: bool, down_ms: Ms },
    /// While nothing else is served, people are paid; then the database is what it was before.
    Restored { pays_ms: Ms },
    /// A second process pays from a copy of the database.
    TwoPayers { pays_ms: Ms },
}

impl PayPlan {
    /// That of a seed, if its coordinator pays.
    pub(super) fn new(seed: u64) -> Option<Self> {
        let mut rng = stream(seed, "pays", 0);
        let rng = &mut rng;
        if !chance(rng, PAYS) {
            return None;
        }
        let sol = *pick(rng, &[400_000, 4_000_000, 20_000_000]).unwrap_or(&400_000);
        Some(Self {
            rpcs: rng.usize(2..=3),
            lanes: rng.u16(1..=3),
            sol: Amount::new(sol).unwrap_or_default(),
            sharing: rng.u32(1..=4),
            poll_ms: rng.u64(SECOND..5 * SECOND),
            patience_ms: *pick(rng, &[20 * SECOND, 2 * MINUTE]).unwrap_or(&MINUTE),
            tokens: if chance(rng, 200) { rng.u64(..60_000) } else { TOKENS },
            lamports: if chance(rng, 50) { rng.u64(3_000_000..6_000_000) } else { 1_000_000_000_000 },
        })
    }
}

/// What goes wrong with paying in a seed's run.
pub(super) fn troubles(seed: u64, chaos_ms: Ms) -> Vec<Trouble> {
    let mut rng = stream(seed, "troubles", 0);
    if PayPlan::new(seed).is_none() || !chance(&mut rng, TROUBLED) {
        return Vec::new();
    }
    let hours = (chaos_ms / HOUR).max(1);
    let count = rng.u64(1..=6 + 2 * hours.min(20));
    let share = rng.u32(200..=900);
    let mut names: Vec<TroubleName> = TroubleName::ALL.iter().copied().filter(|_| chance(&mut rng, share)).collect();
    if names.is_empty() {
        names = TroubleName::ALL.to_vec();
    }
    (0..count).map(|number| trouble(&mut stream(seed, "trouble", number), &names, chaos_ms)).collect()
}

fn trouble(rng: &mut Rng, names: &[TroubleName], chaos_ms: Ms) -> Trouble {
    let name = pick(rng, names).copied().unwrap_or(TroubleName::Fork);
    let waits = if name == TroubleName::KillPaying { 900 } else { 600 };
    let waits_for = if chance(rng, waits) { pick(rng, PayState::UNDER_WAY).copied() } else { None };
    let for_ms = if chance(rng, 150) { rng.u64(HOUR..4 * HOUR) } else { rng.u64(10 * SECOND..20 * MINUTE) };
    Trouble { at: rng.u64(..chaos_ms), waits_for, for_ms, kind: kind(rng, name) }
}

fn kind(rng: &mut Rng, name: TroubleName) -> TroubleKind {
    let (rpc, wallet) = (rng.usize(..6), rng.u64(..3));
    let of_thousand = *pick(rng, &[200, 700, 1_000]).unwrap_or(&200);
    match name {
        TroubleName::RpcSilent => TroubleKind::RpcSilent { rpc, of_thousand },
        TroubleName::RpcBehind => TroubleKind::RpcBehind { rpc, by_ms: rng.u64(SECOND..10 * MINUTE) },
        TroubleName::RpcLies => TroubleKind::RpcLies { rpc, of_thousand },
        TroubleName::RpcSlow => TroubleKind::RpcSlow { latency_ms: rng.u64(500..20 * SECOND) },
        TroubleName::Fork => TroubleKind::Fork { kept: rng.usize(..2) },
        TroubleName::LandsLate => {
            let by_ms = *pick(rng, &[30 * SECOND, 5 * MINUTE, 20 * MINUTE]).unwrap_or(&MINUTE);
            TroubleKind::LandsLate { by_ms, lost: rng.u32(..500) }
        }
        TroubleName::Dear => TroubleKind::Dear { price_max: rng.u64(1_000..1_000_000_000) },
        TroubleName::Frozen => TroubleKind::Frozen { wallet },
        TroubleName::Closed => TroubleKind::Closed { wallet },
        TroubleName::Listed => TroubleKind::Listed { wallet },
        TroubleName::ListOld => TroubleKind::ListOld,
        TroubleName::Drained => TroubleKind::Drained { left: rng.u64(..20_000) },
        TroubleName::Paused => TroubleKind::Paused,
        TroubleName::KillPaying => TroubleKind::KillPaying { power: rng.bool(), down_ms: rng.u64(100..2 * MINUTE) },
        TroubleName::Restored => TroubleKind::Restored { pays_ms: rng.u64(MINUTE..HOUR) },
        TroubleName::TwoPayers => TroubleKind::TwoPayers { pays_ms: rng.u64(MINUTE..HOUR) },
    }
}
