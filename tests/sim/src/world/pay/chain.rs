//! A chain of the simulator's own: accounts, blocks that may be dropped, then finalized ones. It reads transactions
//! by Solana's types, not by `crate/payout`'s reader.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use lull_payout::address::Address;
use lull_payout::facts::{InstructionError, Landing, TransactionError};
use lull_payout::units::{Nonce, Signature};
use solana_transaction::versioned::VersionedTransaction;

use crate::plan::{MINUTE, Ms};

/// What a signature costs, lamports.
pub(crate) const FEE: u64 = 5_000;
/// Rent of a token account, lamports.
pub(crate) const ACCOUNT_RENT: u64 = 1_488_440;
/// Rent of a lane, lamports.
pub(crate) const LANE_RENT: u64 = 1_002_240;
/// Rent of an account that holds nothing, lamports.
pub(crate) const EMPTY_RENT: u64 = 650_240;
/// Compute units of any transaction here.
pub(crate) const UNITS: u64 = 20_000;
/// So long a blockhash is good for.
const BLOCKHASH_MS: Ms = MINUTE;
/// After this most of the network has voted for a block.
const CONFIRMED_MS: Ms = 900;

// What instructions of the system program begin with.
const TRANSFER: [u8; 4] = [2, 0, 0, 0];
const ADVANCE: [u8; 4] = [4, 0, 0, 0];
const MAKE_NONCE: [u8; 4] = [6, 0, 0, 0];
const ALLOCATE: [u8; 4] = [9, 0, 0, 0];
// What the token program calls its errors.
const TOO_LITTLE: u32 = 1;
const NO_ACCOUNT: u32 = 2;
const FROZEN: u32 = 17;
/// What the system program calls an address that is taken.
const TAKEN: u32 = 0;

/// What accounts hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) nonces: BTreeMap<Address, Nonce>,
    pub(crate) tokens: BTreeMap<Address, u64>,
    /// The treasury's.
    pub(crate) lamports: u64,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) landing: Landing,
    pub(crate) signature: Signature,
    /// Accounts that it names.
    pub(crate) names: Vec<Address>,
    /// The lane whose nonce it used up.
    pub(crate) advanced: Option<Address>,
    after: State,
    landed_at: Ms,
    finalized_at: Ms,
}

impl Landed {
    pub(crate) fn is_confirmed(&self, now: Ms) -> bool {
        self.landed_at + CONFIRMED_MS <= now
    }
}

/// The chain.
pub(crate) struct Chain {
    genesis: State,
    finalized: Vec<Landed>,
    tip: Vec<Landed>,
    pub(crate) frozen: BTreeSet<Address>,
    slot: u64,
}

impl Chain {
    pub(crate) fn new(genesis: State) -> Self {
        Self { genesis, finalized: Vec::new(), tip: Vec::new(), frozen: BTreeSet::new(), slot: 1 }
    }

    /// As of the last block.
    pub(crate) fn state(&self) -> &State {
        self.tip.last().map_or(self.state_at(self.finalized.len()), |landed| &landed.after)
    }

    /// After so many finalized transactions.
    pub(crate) fn state_at(&self, count: usize) -> &State {
        count.checked_sub(1).and_then(|index| self.finalized.get(index)).map_or(&self.genesis, |landed| &landed.after)
    }

    pub(crate) fn finalized(&self) -> &[Landed] {
        &self.finalized
    }

    /// How many were finalized by then.
    pub(crate) fn finalized_by(&self, at: Ms) -> usize {
        self.finalized.partition_point(|landed| landed.finalized_at <= at)
    }

    /// In a block that is not final yet.
    pub(crate) fn in_tip(&self, signature: &Signature) -> Option<&Landed> {
        self.tip.iter().find(|landed| landed.signature == *signature)
    }

    pub(crate) fn has(&self, signature: &Signature) -> bool {
        self.in_tip(signature).is_some() || self.finalized.iter().any(|landed| landed.signature == *signature)
    }

    pub(crate) fn is_still(&self) -> bool {
        self.tip.is_empty()
    }

    /// The value that stands for a recent block.
    pub(crate) fn blockhash(now: Ms) -> Nonce {
        let mut hash = [0xb1; 32];
        hash[..8].copy_from_slice(&now.to_le_bytes());
        Nonce(hash)
    }

    /// Puts a transaction into a block, if it can be in one. The block's slot.
    pub(crate) fn land(&mut self, bytes: &[u8], now: Ms) -> Option<u64> {
        let transaction: VersionedTransaction = wincode::deserialize(bytes).ok()?;
        let signature: [u8; 64] = (*transaction.signatures.first()?).into();
        let keys = transaction.message.static_account_keys();
        let payer = VerifyingKey::from_bytes(keys.first()?.as_array()).ok()?;
        payer.verify_strict(&transaction.message.serialize(), &signature.into()).ok()?;
        if self.has(&Signature(signature)) {
            return None;
        }
        self.slot += 1;
        let ran = self.run(&transaction, now)?;
        let before = self.state();
        let mut moved = BTreeMap::new();
        for (account, tokens) in &ran.after.tokens {
            let by = i128::from(*tokens) - i128::from(before.tokens.get(account).copied().unwrap_or(0));
            if by != 0 {
                moved.insert(*account, by);
            }
        }
        let landing = Landing {
            bytes: bytes.to_vec(),
            slot: self.slot,
            error: ran.error,
            fee_lamports: ran.fee,
            spent_lamports: before.lamports - ran.after.lamports,
            moved,
        };
        let (signature, names) = (Signature(signature), keys.to_vec());
        let (landed_at, finalized_at) = (now, Ms::MAX);
        self.tip.push(Landed {
            landing,
            signature,
            names,
            advanced: ran.advanced,
            after: ran.after,
            landed_at,
            finalized_at,
        });
        Some(self.slot)
    }

    /// Blocks up to this slot are final. What became so.
    pub(crate) fn finalize(&mut self, slot: u64, now: Ms) -> &[Landed] {
        let from = self.finalized.len();
        let count = self.tip.iter().take_while(|landed| landed.landing.slot <= slot).count();
        for mut landed in self.tip.drain(..count) {
            landed.finalized_at = now;
            self.finalized.push(landed);
        }
        self.finalized.get(from..).unwrap_or_default()
    }

    /// Drops all blocks but so many that are not final; their transactions may land again.
    pub(crate) fn fork(&mut self, kept: usize) -> Vec<Vec<u8>> {
        let kept = kept.min(self.tip.len());
        self.tip.drain(kept..).map(|landed| landed.landing.bytes).collect()
    }

    /// Something that others do to accounts, in every block.
    pub(crate) fn change(&mut self, change: impl Fn(&mut State)) {
        change(&mut self.genesis);
        self.finalized.iter_mut().chain(&mut self.tip).for_each(|landed| change(&mut landed.after));
    }

    pub(crate) fn simulate(&self, bytes: &[u8], now: Ms) -> Result<u64, TransactionError> {
        let unknown = || TransactionError::Whole("BlockhashNotFound".into());
        let transaction: VersionedTransaction = wincode::deserialize(bytes).map_err(|_| unknown())?;
        self.run(&transaction, now).ok_or_else(unknown)?.error.map_or(Ok(UNITS), Err)
    }

    /// `None`: it can't land. With an error it lands, costs its fee, uses up its nonce, and does nothing else.
    fn run(&self, transaction: &VersionedTransaction, now: Ms) -> Option<Ran> {
        let message = &transaction.message;
        let keys = message.static_account_keys();
        let before = self.state();
        let mut after = before.clone();
        let first = message.instructions().first()?;
        let nonce = Nonce(message.recent_blockhash().to_bytes());
        let of_system = keys.get(usize::from(first.program_id_index)) == Some(&Address::default());
        let mut advanced = None;
        if of_system && first.data == ADVANCE {
            let lane = *keys.get(usize::from(*first.accounts.first()?))?;
            if before.nonces.get(&lane) != Some(&nonce) {
                return None;
            }
            after.nonces.insert(lane, self.next_nonce(&lane));
            advanced = Some(lane);
        } else {
            let made = u64::from_le_bytes(*nonce.0.first_chunk()?);
            if Self::blockhash(made) != nonce || made > now || made + BLOCKHASH_MS < now {
                return None;
            }
        }
        let fee = FEE + priority(transaction);
        after.lamports = after.lamports.checked_sub(fee)?;
        let failed = after.clone();
        for (index, instruction) in message.instructions().iter().enumerate() {
            let account = |place: usize| keys.get(usize::from(*instruction.accounts.get(place)?)).copied();
            if let Err(number) = self.step(&mut after, &account, &instruction.data, instruction.accounts.len())? {
                let error = TransactionError::Instruction { index, why: InstructionError::Custom(number) };
                return Some(Ran { after: failed, error: Some(error), fee, advanced });
            }
        }
        Some(Ran { after, error: None, fee, advanced })
    }

    /// One instruction; `None`: nobody knows it.
    fn step(
        &self,
        state: &mut State,
        account: &dyn Fn(usize) -> Option<Address>,
        data: &[u8],
        accounts: usize,
    ) -> Option<Result<(), u32>> {
        match (accounts, data) {
            // The associated token account program: make it if it isn't there.
            (6, [1]) => {
                let made = account(1)?;
                if !state.tokens.contains_key(&made) {
                    let Some(left) = state.lamports.checked_sub(ACCOUNT_RENT) else { return Some(Err(TOO_LITTLE)) };
                    state.lamports = left;
                    state.tokens.insert(made, 0);
                }
            }
            // TransferChecked.
            (4, [12, rest @ ..]) => {
                let amount = u64::from_le_bytes(*rest.first_chunk()?);
                let (from, to) = (account(0)?, account(2)?);
                if self.frozen.contains(&to) {
                    return Some(Err(FROZEN));
                }
                if !state.tokens.contains_key(&to) {
                    return Some(Err(NO_ACCOUNT));
                }
                let source = state.tokens.get_mut(&from)?;
                let Some(left) = source.checked_sub(amount) else { return Some(Err(TOO_LITTLE)) };
                *source = left;
                *state.tokens.entry(to).or_default() += amount;
            }
            (_, [tag @ .., _, _, _, _, _, _, _, _]) if *tag == TRANSFER => {
                let amount = u64::from_le_bytes(*data.last_chunk()?);
                let Some(left) = state.lamports.checked_sub(amount) else { return Some(Err(TOO_LITTLE)) };
                state.lamports = left;
            }
            (_, _) if data.starts_with(&ALLOCATE) && state.nonces.contains_key(&account(0)?) => {
                return Some(Err(TAKEN));
            }
            (_, _) if data.starts_with(&MAKE_NONCE) => {
                let lane = account(0)?;
                let nonce = self.next_nonce(&lane);
                state.nonces.insert(lane, nonce);
            }
            // The nonce, compute budget, memo, whose an account is.
            _ => {}
        }
        Some(Ok(()))
    }

    /// Different in every block.
    fn next_nonce(&self, lane: &Address) -> Nonce {
        let mut next = *lane.as_array();
        next[..8].copy_from_slice(&self.slot.to_le_bytes());
        Nonce(next)
    }
}

/// What running a transaction came to.
struct Ran {
    after: State,
    error: Option<TransactionError>,
    fee: u64,
    advanced: Option<Address>,
}

/// What it offers for being taken soon, lamports.
fn priority(transaction: &VersionedTransaction) -> u64 {
    let (mut units, mut price) = (0, 0);
    for instruction in transaction.message.instructions().iter().filter(|one| one.accounts.is_empty()) {
        match instruction.data.as_slice() {
            [2, rest @ ..] if rest.len() == 4 => {
                units = rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
            }
            [3, rest @ ..] if rest.len() == 8 => {
                price = rest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
            }
            _ => {}
        }
    }
    u64::from(units).saturating_mul(price).div_ceil(1_000_000)
}
