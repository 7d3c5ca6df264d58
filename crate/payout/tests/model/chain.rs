//! A chain of its own reading of transactions: blocks that may be dropped, then finalized ones.

#![expect(clippy::indexing_slicing, reason = "a test's own maps hold what they are asked for")]

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use lull_payout::address::Address;
use lull_payout::facts::{InstructionError, Landing, TransactionError};
use lull_payout::units::{Nonce, Signature};
use solana_transaction::versioned::VersionedTransaction;

pub(crate) const FEE: u64 = 5_000;
pub(crate) const RENT: u64 = 1_500;

/// What accounts hold.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) nonces: BTreeMap<Address, Nonce>,
    pub(crate) tokens: BTreeMap<Address, u64>,
    pub(crate) lamports: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) landing: Landing,
    pub(crate) signature: Signature,
    pub(crate) after: State,
}

pub(crate) struct Chain {
    pub(crate) genesis: State,
    pub(crate) finalized: Vec<Landed>,
    pub(crate) tip: Vec<Landed>,
    /// Sent, and not landed: transactions with a durable nonce never grow old.
    pub(crate) pool: Vec<Vec<u8>>,
    pub(crate) frozen: BTreeSet<Address>,
    slot: u64,
}

impl Chain {
    pub(crate) fn new(genesis: State) -> Self {
        let (finalized, tip, pool, frozen) = (vec![], vec![], vec![], BTreeSet::new());
        Self { genesis, finalized, tip, pool, frozen, slot: 1 }
    }

    pub(crate) fn state(&self) -> &State {
        self.tip.last().map_or(self.state_at(self.finalized.len()), |landed| &landed.after)
    }

    /// After so many finalized transactions.
    pub(crate) fn state_at(&self, count: usize) -> &State {
        count.checked_sub(1).map_or(&self.genesis, |index| &self.finalized[index].after)
    }

    pub(crate) fn send(&mut self, bytes: Vec<u8>) {
        if !self.pool.contains(&bytes) {
            self.pool.push(bytes);
        }
    }

    /// Puts one of the pool into a block, if it can be in one.
    pub(crate) fn land(&mut self, index: usize) {
        let bytes = self.pool.remove(index);
        self.slot += 1;
        match self.execute(&bytes) {
            Some(landed) => self.tip.push(landed),
            // It may be taken again, should the block be dropped that used its nonce.
            None if self.pool.len() < 40 => self.pool.push(bytes),
            None => {}
        }
    }

    pub(crate) fn finalize(&mut self) {
        if !self.tip.is_empty() {
            self.finalized.push(self.tip.remove(0));
        }
    }

    /// Drops the last block; its transaction may land again.
    pub(crate) fn fork(&mut self) {
        if let Some(landed) = self.tip.pop() {
            self.pool.push(landed.landing.bytes);
        }
    }

    pub(crate) fn simulate(&self, bytes: &[u8]) -> Result<u64, TransactionError> {
        let transaction: VersionedTransaction = wincode::deserialize(bytes).expect("it is one");
        let (after, error) =
            self.run(&transaction).ok_or_else(|| TransactionError::Whole("BlockhashNotFound".into()))?;
        drop(after);
        error.map_or(Ok(1_000), Err)
    }

    fn execute(&self, bytes: &[u8]) -> Option<Landed> {
        let transaction: VersionedTransaction = wincode::deserialize(bytes).expect("only transactions are sent");
        let signature: [u8; 64] = transaction.signatures[0].into();
        let payer = VerifyingKey::from_bytes(transaction.message.static_account_keys()[0].as_array()).ok()?;
        payer.verify_strict(&transaction.message.serialize(), &signature.into()).ok()?;
        let before = self.state();
        let (after, error) = self.run(&transaction)?;
        let mut moved = BTreeMap::new();
        for (account, tokens) in &after.tokens {
            let by = i128::from(*tokens) - i128::from(before.tokens.get(account).copied().unwrap_or(0));
            if by != 0 {
                moved.insert(*account, by);
            }
        }
        let landing = Landing {
            bytes: bytes.to_vec(),
            slot: self.slot,
            error,
            fee_lamports: FEE,
            spent_lamports: before.lamports - after.lamports,
            moved,
        };
        Some(Landed { landing, signature: Signature(signature), after })
    }

    /// `None`: it can't land. An error: it lands, uses the nonce and the fee, and does nothing else.
    fn run(&self, transaction: &VersionedTransaction) -> Option<(State, Option<TransactionError>)> {
        let message = &transaction.message;
        let keys = message.static_account_keys();
        let before = self.state();
        let mut after = before.clone();
        let first = message.instructions().first()?;
        let lane = keys[usize::from(first.accounts[0])];
        let is_durable = keys[usize::from(first.program_id_index)] == Address::default() && first.data == [4, 0, 0, 0];
        let nonce = Nonce(message.recent_blockhash().to_bytes());
        if !is_durable || before.nonces.get(&lane) != Some(&nonce) || before.lamports < FEE {
            return None;
        }
        let mut next = [0; 32];
        next[..8].copy_from_slice(&self.slot.to_le_bytes());
        next[8..].copy_from_slice(&lane.as_array()[..24]);
        after.nonces.insert(lane, Nonce(next));
        after.lamports -= FEE;
        let failed = after.clone();
        for (index, instruction) in message.instructions().iter().enumerate().skip(1) {
            let account = |place: usize| keys[usize::from(instruction.accounts[place])];
            let fail = |number| {
                let why = InstructionError::Custom(number);
                Some((failed.clone(), Some(TransactionError::Instruction { index, why })))
            };
            match (instruction.accounts.len(), instruction.data.as_slice()) {
                // The associated token account program: make it if it isn't there.
                (6, [1]) => {
                    if !after.tokens.contains_key(&account(1)) {
                        let Some(left) = after.lamports.checked_sub(RENT) else { return fail(1) };
                        after.lamports = left;
                        after.tokens.insert(account(1), 0);
                    }
                }
                // TransferChecked.
                (4, [12, rest @ ..]) => {
                    let amount = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes"));
                    let (from, to) = (account(0), account(2));
                    if self.frozen.contains(&to) {
                        return fail(17);
                    }
                    if !after.tokens.contains_key(&to) {
                        return fail(2);
                    }
                    let source = after.tokens.get_mut(&from)?;
                    let Some(left) = source.checked_sub(amount) else { return fail(1) };
                    *source = left;
                    *after.tokens.entry(to).or_default() += amount;
                }
                // Compute budget and memo.
                (0, _) => {}
                other => unreachable!("an instruction that nobody knows: {other:?}"),
            }
        }
        Some((after, None))
    }
}
