//! The ledger's rules: double entry. An entry names its cause and sums to zero; no account but the
//! outside world's goes below zero; all arithmetic is on integers and checked.

use std::fmt;

use lull_protocol::limits::AMOUNT_MAX;
use lull_protocol::{Amount, Hash, OrderId, PublicKey};
use thiserror::Error;

use crate::command::{Refusal, RequesterId};

/// Where money can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// The outside world: what came in, with a minus sign. The only one that may be negative.
    Deposits,
    /// A requester's, free to spend.
    Available(RequesterId),
    /// Reserved for an order.
    Held(OrderId),
    /// A worker's, still open to dispute.
    Pending(PublicKey),
    /// A worker's, final, not yet paid out.
    Payable(PublicKey),
    /// A worker's, in a payout that is made and not yet final on the chain.
    InPayout(PublicKey),
    /// What was paid to a worker, the network's fee for it included.
    Paid(PublicKey),
    /// What a worker had earned and was reversed while it was pending.
    Reversed(PublicKey),
    /// What workers bore of the network's fees, and the treasury has not spent on them yet.
    NetworkFees,
    /// What the treasury has taken of that for what it spent on the network.
    Treasury,
    /// The operator's.
    Fee,
}

impl Account {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Deposits => "deposits",
            Self::Available(_) => "available",
            Self::Held(_) => "held",
            Self::Pending(_) => "pending",
            Self::Payable(_) => "payable",
            Self::InPayout(_) => "in_payout",
            Self::Paid(_) => "paid",
            Self::Reversed(_) => "reversed",
            Self::NetworkFees => "network_fees",
            Self::Treasury => "treasury",
            Self::Fee => "fee",
        }
    }
    /// Whose it is: the bytes of a requester's, order's or worker's id; empty where there is one account of its kind.
    pub fn owner(&self) -> &[u8] {
        match self {
            Self::Deposits | Self::NetworkFees | Self::Treasury | Self::Fee => &[],
            Self::Available(requester) => &requester.0,
            Self::Held(order) => &order.0,
            Self::Pending(worker)
            | Self::Payable(worker)
            | Self::InPayout(worker)
            | Self::Paid(worker)
            | Self::Reversed(worker) => &worker.0,
        }
    }
    /// The account of a kind and owner, as [`Account::kind`] and [`Account::owner`] give them.
    pub fn from_parts(kind: &str, owner: &[u8]) -> Option<Self> {
        match kind {
            "deposits" if owner.is_empty() => Some(Self::Deposits),
            "available" => Some(Self::Available(RequesterId(owner.try_into().ok()?))),
            "held" => OrderId::from_slice(owner).map(Self::Held),
            "pending" => PublicKey::from_slice(owner).map(Self::Pending),
            "payable" => PublicKey::from_slice(owner).map(Self::Payable),
            "in_payout" => PublicKey::from_slice(owner).map(Self::InPayout),
            "paid" => PublicKey::from_slice(owner).map(Self::Paid),
            "reversed" => PublicKey::from_slice(owner).map(Self::Reversed),
            "network_fees" if owner.is_empty() => Some(Self::NetworkFees),
            "treasury" if owner.is_empty() => Some(Self::Treasury),
            "fee" if owner.is_empty() => Some(Self::Fee),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        if !self.owner().is_empty() {
            f.write_str(":")?;
        }
        self.owner().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why money moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A requester paid in; the reference.
    Deposit(String),
    /// An order was made; its full price is held.
    Order(OrderId),
    /// A verdict paid; its hash.
    Verdict(Hash),
    /// An item was closed; what it did not need goes back. Its order and its number in it.
    Closed(OrderId, u32),
    /// The time for disputes about a verdict is over; its hash.
    Settled(Hash),
    /// What a verdict had paid was reversed, and went back to who had paid it; the verdict's hash.
    Reversed(Hash),
    /// A payout was made; its number.
    Payout(u64),
    /// A payout is final on the chain; its number.
    Paid(u64),
    /// A transaction of the treasury's is final on the chain, whether it paid anybody or not; its first signature.
    Spent([u8; 64]),
}

impl Cause {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Deposit(_) => "deposit",
            Self::Order(_) => "order",
            Self::Verdict(_) => "verdict",
            Self::Closed(..) => "closed",
            Self::Settled(_) => "settled",
            Self::Reversed(_) => "reversed",
            Self::Payout(_) => "payout",
            Self::Paid(_) => "paid",
            Self::Spent(_) => "spent",
        }
    }
    /// What it is about, as text: a reference, a payout's number, or ids and signatures in hexadecimal.
    pub fn about(&self) -> String {
        match self {
            Self::Deposit(reference) => reference.clone(),
            Self::Order(order) => order.to_string(),
            Self::Verdict(verdict) | Self::Settled(verdict) | Self::Reversed(verdict) => verdict.to_string(),
            Self::Closed(order, number) => format!("{order}/{number}"),
            Self::Payout(payout) | Self::Paid(payout) => payout.to_string(),
            Self::Spent(signature) => signature.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// One line of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// By how much its balance changes, base units; never zero.
    pub delta: i64,
}

/// Postings that belong together and sum to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    cause: Cause,
    postings: Vec<Posting>,
}

/// Why an entry or a posting can't be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// The postings don't sum to zero.
    #[error("the entry does not sum to zero")]
    Unbalanced,
    /// Two postings of one entry name the same account.
    #[error("an entry names an account twice")]
    SameAccount,
    /// A posting that moves nothing, or an entry without postings.
    #[error("the entry moves nothing")]
    Empty,
    /// A balance would fall below zero.
    #[error("the balance of {0} would fall below zero")]
    Negative(&'static str),
    /// A sum is above what an amount can hold.
    #[error("a sum is out of range")]
    Range,
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::Fault(error.to_string())
    }
}

impl Entry {
    /// An entry, if its postings sum to zero, none is zero and each account comes once.
    pub fn new(cause: Cause, postings: Vec<Posting>) -> Result<Self, LedgerError> {
        if postings.is_empty() || postings.iter().any(|p| p.delta == 0) {
            return Err(LedgerError::Empty);
        }
        let sum = postings.iter().try_fold(0_i64, |sum, p| sum.checked_add(p.delta)).ok_or(LedgerError::Range)?;
        if sum != 0 {
            return Err(LedgerError::Unbalanced);
        }
        for (i, posting) in postings.iter().enumerate() {
            if postings.iter().skip(i + 1).any(|other| other.account == posting.account) {
                return Err(LedgerError::SameAccount);
            }
        }
        Ok(Self { cause, postings })
    }

    /// Moves money from one account to others; `None` if there is nothing to move.
    pub fn transfer(cause: Cause, from: Account, to: &[(Account, Amount)]) -> Result<Option<Self>, LedgerError> {
        let moved: Vec<_> = to.iter().filter(|(_, amount)| *amount != Amount::ZERO).collect();
        if moved.is_empty() {
            return Ok(None);
        }
        let mut postings = vec![Posting { account: from, delta: 0 }];
        let mut sum = Amount::ZERO;
        for (account, amount) in moved {
            sum = sum.checked_add(*amount).ok_or(LedgerError::Range)?;
            postings.push(Posting { account: *account, delta: signed(*amount)? });
        }
        if let Some(source) = postings.first_mut() {
            source.delta = -signed(sum)?;
        }
        Self::new(cause, postings).map(Some)
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
    /// The lines; they sum to zero.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// An account's balance after a posting. Only [`Account::Deposits`] may be below zero, and none may be
/// further from zero than an amount reaches.
pub fn post(balance: i64, posting: &Posting) -> Result<i64, LedgerError> {
    let after = balance.checked_add(posting.delta).ok_or(LedgerError::Range)?;
    if after.unsigned_abs() > AMOUNT_MAX {
        return Err(LedgerError::Range);
    }
    if after < 0 && posting.account != Account::Deposits {
        return Err(LedgerError::Negative(posting.account.kind()));
    }
    Ok(after)
}

/// The operator's fee on an amount, paid on top: `fee_bp` / 10,000 of it, rounded down.
pub fn fee(amount: Amount, fee_bp: u16) -> Option<Amount> {
    let fee = u128::from(amount.get()) * u128::from(fee_bp) / 10_000;
    Amount::new(u64::try_from(fee).ok()?)
}

/// An amount and its fee.
pub fn with_fee(amount: Amount, fee_bp: u16) -> Option<Amount> {
    amount.checked_add(fee(amount, fee_bp)?)
}

pub(crate) fn signed(amount: Amount) -> Result<i64, LedgerError> {
    i64::try_from(amount.get()).map_err(|_| LedgerError::Range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORKER: Account = Account::Pending(PublicKey([1; 32]));

    fn amount(value: u64) -> Amount {
        Amount::new(value).expect("a test's amount is small")
    }

    #[test]
    fn an_entry_must_balance() {
        let line = |account, delta| Posting { account, delta };
        let entry = |postings| Entry::new(Cause::Deposit("a".into()), postings).map(|_| ());
        assert_eq!(entry(vec![]), Err(LedgerError::Empty));
        assert_eq!(entry(vec![line(Account::Fee, 0)]), Err(LedgerError::Empty));
        assert_eq!(entry(vec![line(Account::Fee, 1)]), Err(LedgerError::Unbalanced));
        assert_eq!(entry(vec![line(Account::Fee, 1), line(Account::Fee, -1)]), Err(LedgerError::SameAccount));
        assert_eq!(entry(vec![line(Account::Fee, i64::MAX), line(WORKER, 1)]), Err(LedgerError::Range));
        assert_eq!(entry(vec![line(Account::Fee, 5), line(WORKER, -5)]), Ok(()));
    }

    #[test]
    fn a_balance_never_falls_below_zero_but_the_outside_worlds() {
        let by = |account, delta| Posting { account, delta };
        assert_eq!(post(5, &by(WORKER, -5)), Ok(0));
        assert_eq!(post(5, &by(WORKER, -6)), Err(LedgerError::Negative("pending")));
        assert_eq!(post(0, &by(Account::Deposits, -6)), Ok(-6));
        assert_eq!(post(AMOUNT_MAX as i64, &by(WORKER, 1)), Err(LedgerError::Range));
        assert_eq!(post(i64::MAX, &by(WORKER, 1)), Err(LedgerError::Range));
    }

    #[test]
    fn accounts_read_back() {
        let accounts = [
            Account::Deposits,
            Account::Available(RequesterId([2; 16])),
            Account::Held(OrderId([3; 16])),
            WORKER,
            Account::Payable(PublicKey([4; 32])),
            Account::InPayout(PublicKey([5; 32])),
            Account::Paid(PublicKey([6; 32])),
            Account::Reversed(PublicKey([7; 32])),
            Account::NetworkFees,
            Account::Treasury,
            Account::Fee,
        ];
        for account in accounts {
            assert_eq!(Account::from_parts(account.kind(), account.owner()), Some(account));
        }
        assert_eq!(Account::from_parts("fee", &[1]), None);
        assert_eq!(Account::from_parts("pending", &[1]), None);
        for kind in ["in_payout", "paid", "reversed", "network_fees", "treasury"] {
            assert_eq!(Account::from_parts(kind, &[1]), None, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn a_transfer_balances(parts in proptest::collection::vec(0..1_000_000_u64, 0..5)) {
            let to: Vec<_> = parts.iter().enumerate()
                .map(|(i, part)| (Account::Payable(PublicKey([i as u8; 32])), amount(*part)))
                .collect();
            let entry = Entry::transfer(Cause::Order(OrderId([0; 16])), Account::Fee, &to)?;
            let sum: u64 = parts.iter().sum();
            prop_assert_eq!(entry.is_some(), sum > 0);
            if let Some(entry) = entry {
                prop_assert_eq!(entry.postings().iter().map(|p| p.delta).sum::<i64>(), 0);
                prop_assert_eq!(entry.postings()[0].delta, -(sum as i64));
            }
        }

        #[test]
        fn parts_cost_no_more_than_the_whole(a in 0..=1_u64 << 40, b in 0..=1_u64 << 40, fee_bp in 0..=10_000_u16) {
            let whole = fee(amount(a + b), fee_bp).map(Amount::get);
            let parts = fee(amount(a), fee_bp).zip(fee(amount(b), fee_bp)).map(|(x, y)| x.get() + y.get());
            prop_assert!(parts <= whole);
        }
    }
}
