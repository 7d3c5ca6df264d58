//! What RPCs say of the chain: each may be silent, behind, or lie.

use std::collections::BTreeMap;

use fastrand::Rng;
use lull_payout::address::{Address, Wallet};
use lull_payout::facts::{InstructionError, Landing, Preparation, Seen, Sight, TransactionError};
use lull_payout::lane::{Lane, LaneSight};
use lull_payout::token::{Mint, Recipient};
use lull_payout::transaction::read;
use lull_payout::units::{LaneId, Nonce, Signature};

use super::chain::{Chain, FEE, Landed};
use crate::mix::{bytes, chance};
use crate::plan::Ms;

/// A transaction that was sent: its name and its bytes.
pub(crate) type Sent = (Signature, Vec<u8>);

/// How an RPC is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mood {
    /// Questions that it doesn't answer, of a thousand.
    pub(crate) silent: u32,
    /// How far it is behind, milliseconds.
    pub(crate) behind_ms: Ms,
    /// Answers that are lies, of a thousand.
    pub(crate) lies: u32,
}

/// All RPCs, and the chain that they speak of.
pub(crate) struct Rpcs {
    pub(crate) chain: Chain,
    pub(crate) moods: Vec<Mood>,
    pub(crate) agree_min: usize,
    pub(crate) mint: Mint,
    pub(crate) owner: Address,
    /// The most that recent transactions offered, millionths of a lamport per unit.
    pub(crate) price_max: u64,
    rng: Rng,
}

/// What one of them sees at this moment.
struct View<'a> {
    chain: &'a Chain,
    finalized: &'a [Landed],
    now: Ms,
    lies: bool,
}

impl Rpcs {
    pub(crate) fn new(chain: Chain, count: usize, (owner, mint): (Address, Mint), rng: Rng) -> Self {
        let moods = vec![Mood::default(); count];
        Self { chain, moods, agree_min: count.min(2), mint, owner, price_max: 0, rng }
    }

    /// How each of those sees it that answer.
    fn each<T>(&mut self, now: Ms, mut say: impl FnMut(&View<'_>, &mut Rng) -> T) -> Vec<T> {
        let mut said = Vec::new();
        for mood in &self.moods {
            if chance(&mut self.rng, mood.silent) {
                continue;
            }
            let known = self.chain.finalized_by(now.saturating_sub(mood.behind_ms));
            let lies = chance(&mut self.rng, mood.lies);
            let finalized = self.chain.finalized().get(..known).unwrap_or_default();
            said.push(say(&View { chain: &self.chain, finalized, now, lies }, &mut self.rng));
        }
        said
    }

    /// What so many say, and none differently.
    fn agreed<T: PartialEq>(&self, mut said: Vec<T>) -> Option<T> {
        let is_enough = said.len() >= self.agree_min;
        let one = said.pop()?;
        (is_enough && said.iter().all(|other| *other == one)).then_some(one)
    }

    /// Whether enough of them answer to learn something that none of them lies about.
    pub(crate) fn answer(&mut self, now: Ms) -> bool {
        let said = self.each(now, |_, _| ());
        said.len() >= self.agree_min
    }

    /// Before a batch is signed.
    pub(crate) fn prepare(&mut self, lane: LaneId, transaction: &[u8], now: Ms) -> Vec<Preparation> {
        let price_max = self.price_max;
        self.each(now, |view, rng| Preparation {
            nonce: view.nonce(lane, rng),
            simulated: match view.lies {
                true => Err(invented(rng)),
                false => view.chain.simulate(transaction, now),
            },
            prices: vec![rng.u64(..=price_max)],
        })
    }

    /// How a batch stands that was signed.
    pub(crate) fn sights(&mut self, lane: LaneId, (payment, cancel): (&Sent, Option<&Sent>), now: Ms) -> Vec<Sight> {
        let (mint, owner) = (self.mint, self.owner);
        self.each(now, |view, rng| {
            let nonce = view.nonce(lane, rng);
            let payment = view.seen(payment, (&mint, owner), rng);
            let cancel = cancel.map_or(Seen::Nothing, |cancel| view.seen(cancel, (&mint, owner), rng));
            Sight { payment, cancel, nonce }
        })
    }

    /// How a lane stands.
    pub(crate) fn lane_sights(&mut self, lane: &Lane, now: Ms) -> Vec<LaneSight> {
        self.each(now, |view, rng| {
            let newer = view.finalized.iter().rev().take_while(|landed| landed.signature != lane.last);
            let newer = newer.filter(|landed| landed.advanced == Some(lane.id.0)).map(|landed| landed.signature);
            LaneSight { nonce: view.nonce(lane.id, rng), newer: newer.collect() }
        })
    }

    /// A lane's value, and the transaction that made it; `None`: they don't agree.
    pub(crate) fn lane(&mut self, lane: LaneId, now: Ms) -> Option<Option<(Nonce, Signature)>> {
        let said = self.each(now, |view, rng| {
            let nonce = view.nonce(lane, rng)?;
            let first = view.finalized.iter().find(|landed| landed.names.contains(&lane.0))?;
            Some((nonce, first.signature))
        });
        self.agreed(said)
    }

    /// What is where wallets' token accounts should be, of those that they agree about.
    pub(crate) fn recipients(&mut self, wallets: &[Wallet], now: Ms) -> Option<BTreeMap<Wallet, Recipient>> {
        let mint = self.mint;
        let said = self.each(now, |view, rng| {
            let of = |wallet: &Wallet| match view.lies {
                true => {
                    if rng.bool() {
                        Recipient::Missing
                    } else {
                        Recipient::Frozen
                    }
                }
                false => view.recipient(&mint.account_of(&wallet.address())),
            };
            wallets.iter().map(of).collect::<Vec<_>>()
        });
        if said.len() < self.agree_min {
            return None;
        }
        let mut agreed = BTreeMap::new();
        for (place, wallet) in wallets.iter().enumerate() {
            let mut found = said.iter().map(|all| all.get(place).copied());
            let Some(first) = found.next().flatten() else { continue };
            if found.all(|other| other == Some(first)) {
                agreed.insert(*wallet, first);
            }
        }
        Some(agreed)
    }

    /// The treasury's tokens and lamports, the least that any says.
    pub(crate) fn purse(&mut self, now: Ms) -> Option<(u64, u64)> {
        let own = self.mint.account_of(&self.owner);
        let said = self.each(now, |view, _| {
            let state = view.chain.state();
            (state.tokens.get(&own).copied().unwrap_or(0), state.lamports)
        });
        let is_enough = said.len() >= self.agree_min;
        said.into_iter().reduce(|one, other| (one.0.min(other.0), one.1.min(other.1))).filter(|_| is_enough)
    }

    /// All finalized transactions of the treasury, the oldest first.
    pub(crate) fn landings(&mut self, now: Ms) -> Option<Vec<Landing>> {
        let said = self.each(now, |view, _| match view.lies {
            true => Vec::new(),
            false => view.finalized.iter().map(|landed| landed.landing.clone()).collect::<Vec<_>>(),
        });
        self.agreed(said)
    }
}

impl View<'_> {
    fn nonce(&self, lane: LaneId, rng: &mut Rng) -> Option<Nonce> {
        if self.lies {
            return rng.bool().then(|| Nonce(bytes(rng)));
        }
        self.chain.state_at(self.finalized.len()).nonces.get(&lane.0).copied()
    }

    fn recipient(&self, account: &Address) -> Recipient {
        match self.chain.state().tokens.contains_key(account) {
            true if self.chain.frozen.contains(account) => Recipient::Frozen,
            true => Recipient::Open,
            false => Recipient::Missing,
        }
    }

    fn seen(&self, (signature, sent): &Sent, treasury: (&Mint, Address), rng: &mut Rng) -> Seen {
        if self.lies {
            return match rng.u32(..4) {
                0 => Seen::Nothing,
                1 => Seen::Processed,
                2 => Seen::Confirmed,
                _ => Seen::Finalized(lie(sent, treasury, rng)),
            };
        }
        if let Some(landed) = self.finalized.iter().rev().find(|landed| landed.signature == *signature) {
            // Its history may lag behind its statuses.
            return match rng.u32(..20) {
                0 => Seen::Confirmed,
                _ => Seen::Finalized(landed.landing.clone()),
            };
        }
        match self.chain.in_tip(signature) {
            Some(landed) if landed.is_confirmed(self.now) => Seen::Confirmed,
            Some(_) => Seen::Processed,
            // Final for others, and not here yet.
            None if self.chain.has(signature) => Seen::Confirmed,
            None => Seen::Nothing,
        }
    }
}

fn invented(rng: &mut Rng) -> TransactionError {
    match rng.bool() {
        true => TransactionError::Whole("Invented".into()),
        false => TransactionError::Instruction { index: rng.usize(..20), why: InstructionError::Custom(rng.u32(..20)) },
    }
}

/// The right bytes, as paid or as failed.
fn lie(sent: &[u8], (mint, owner): (&Mint, Address), rng: &mut Rng) -> Landing {
    let own = mint.account_of(&owner);
    let mut moved = BTreeMap::new();
    for (account, by) in read(sent, mint).map_or(vec![], |read| read.transfers) {
        *moved.entry(account).or_default() += i128::from(by);
        *moved.entry(own).or_default() -= i128::from(by);
    }
    let error = rng.bool().then(|| invented(rng));
    if error.is_some() {
        moved.clear();
    }
    Landing { bytes: sent.to_vec(), slot: 1, error, fee_lamports: FEE, spent_lamports: FEE, moved }
}
