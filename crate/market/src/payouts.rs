//! What payouts do to the ledger. `crate/payout` decides when; each of its steps is one entry here.
//!
//! - *Made*: each share goes from its worker's payable to its in payout.
//! - *Paid*, once it is final: each share goes on to its worker's paid, all of it; and what the person was told that the
//!   network costs (the *quote*), which never left the treasury, comes back in from the outside world as network fees.
//! - *Spent*: what a transaction cost the treasury, in the mint's units, goes from network fees to the treasury, as far
//!   as there is so much. What is beyond is the operator's: it is lamports, which this ledger never held.
//!
//! So for each worker earned = pending + payable + in payout + paid, by the balances alone, whoever bears the fee; and
//! the treasury's tokens are what came in less what was paid.

use lull_protocol::payout::Schedule;
use lull_protocol::{Amount, PublicKey};

use crate::command::Reply;
use crate::connect;
use crate::facts::{Decided, Write};
use crate::ledger::{Account, Cause, Entry, LedgerError, Posting, signed};

/// What one worker earned of a payout; a person's payout has one of each of their workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose earnings.
    pub worker: PublicKey,
    /// How much of them; not zero.
    pub amount: Amount,
}

/// A person says when they want to be paid; the newest word of all their workers counts, and the others are told.
/// `workers`: all that are paid to the same wallet, this one too; `now`: when they are until then.
pub fn pay_when(
    workers: Vec<PublicKey>,
    worker: PublicKey,
    (schedule, now): (Schedule, Schedule),
    account_agreed: Amount,
) -> Decided {
    let told = connect::scheduled(&workers, worker, schedule, now).into_iter().map(Write::Wallet);
    let writes = [Write::SetPayoutChoice { worker, schedule, account_agreed }].into_iter().chain(told).collect();
    Decided { writes, reply: Reply::PayoutsChanged(workers) }
}

/// A person wants what is payable now. It is forgotten with the next payout, or if that is not worth its fee yet.
pub fn pay_now(workers: Vec<PublicKey>, worker: PublicKey) -> Decided {
    Decided { writes: vec![Write::WishPayout { worker }], reply: Reply::PayoutsChanged(workers) }
}

/// A payout is made: number and shares.
pub fn made(payout: u64, shares: &[Share]) -> Result<Entry, LedgerError> {
    let mut postings = vec![];
    for Share { worker, amount } in shares {
        let amount = signed(*amount)?;
        postings.push(Posting { account: Account::Payable(*worker), delta: -amount });
        postings.push(Posting { account: Account::InPayout(*worker), delta: amount });
    }
    Entry::new(Cause::Payout(payout), postings)
}

/// A payout is final; its quote is at most all of it.
pub fn paid(payout: u64, shares: &[Share], quote: Amount) -> Result<Entry, LedgerError> {
    let (mut postings, mut sum) = (vec![], 0_i64);
    for Share { worker, amount } in shares {
        let amount = signed(*amount)?;
        sum = sum.checked_add(amount).ok_or(LedgerError::Range)?;
        postings.push(Posting { account: Account::InPayout(*worker), delta: -amount });
        postings.push(Posting { account: Account::Paid(*worker), delta: amount });
    }
    let quote = signed(quote)?;
    if quote > sum {
        return Err(LedgerError::Negative("paid"));
    }
    if quote != 0 {
        postings.push(Posting { account: Account::Deposits, delta: -quote });
        postings.push(Posting { account: Account::NetworkFees, delta: quote });
    }
    Entry::new(Cause::Paid(payout), postings)
}

/// A transaction of this signature is final and cost so much; `kept` is the balance of network fees. `None` if it is
/// nothing, or nothing is kept.
pub fn spent(signature: [u8; 64], kept: Amount, cost: Amount) -> Result<Option<Entry>, LedgerError> {
    Entry::transfer(Cause::Spent(signature), Account::NetworkFees, &[(Account::Treasury, cost.min(kept))])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::post;

    #[derive(Default)]
    struct Books(BTreeMap<Account, i64>);

    impl Books {
        fn apply(&mut self, entry: &Entry) -> Result<(), LedgerError> {
            let mut after = self.0.clone();
            for posting in entry.postings() {
                let balance = after.entry(posting.account).or_default();
                *balance = post(*balance, posting)?;
            }
            self.0 = after;
            Ok(())
        }
        fn balance(&self, account: Account) -> i64 {
            self.0.get(&account).copied().unwrap_or_default()
        }
        fn earn(&mut self, worker: PublicKey, amount: Amount) {
            let to = [(Account::Payable(worker), amount)];
            let entry = Entry::transfer(Cause::Deposit("work".into()), Account::Deposits, &to).expect("it balances");
            self.apply(&entry.expect("it moves something")).expect("money from outside");
        }
    }

    fn amount(value: u64) -> Amount {
        Amount::new(value).expect("a test's amount is small")
    }
    fn worker(n: usize) -> PublicKey {
        PublicKey([u8::try_from(n).expect("few"); 32])
    }
    fn shares(amounts: &[u64]) -> Vec<Share> {
        amounts.iter().enumerate().map(|(n, value)| Share { worker: worker(n), amount: amount(*value) }).collect()
    }

    #[test]
    fn a_payout_goes_its_way() {
        let (mut books, shares) = (Books::default(), shares(&[10, 500]));
        shares.iter().for_each(|share| books.earn(share.worker, share.amount));
        let kinds = |entry: &Entry| (entry.cause().kind(), entry.cause().about());
        let entry = made(7, &shares).expect("it balances");
        assert_eq!(kinds(&entry), ("payout", "7".into()));
        books.apply(&entry).expect("it was earned");
        assert_eq!(books.apply(&entry), Err(LedgerError::Negative("payable")), "not twice");
        let entry = paid(7, &shares, amount(25)).expect("it balances");
        assert_eq!(kinds(&entry), ("paid", "7".into()));
        books.apply(&entry).expect("it was in payout");
        assert_eq!(books.apply(&entry), Err(LedgerError::Negative("in_payout")), "not twice");
        let (first, second) = (Account::Paid(worker(0)), Account::Paid(worker(1)));
        assert_eq!((books.balance(first), books.balance(second), books.balance(Account::NetworkFees)), (10, 500, 25));
        assert_eq!(books.balance(Account::Deposits), -510 - 25, "485 have left, 25 are there");
        let entry = spent([0xab; 64], amount(25), amount(40)).expect("it balances").expect("it moves something");
        assert_eq!(kinds(&entry), ("spent", "ab".repeat(64)));
        books.apply(&entry).expect("it was kept");
        assert_eq!((books.balance(Account::NetworkFees), books.balance(Account::Treasury)), (0, 25));
        assert_eq!(spent([0; 64], Amount::ZERO, amount(40)), Ok(None));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        assert_eq!(made(1, &[]), Err(LedgerError::Empty));
        assert_eq!(made(1, &shares(&[0])), Err(LedgerError::Empty));
        let twice = [shares(&[5]), shares(&[5])].concat();
        assert_eq!(made(1, &twice), Err(LedgerError::SameAccount));
        assert_eq!(paid(1, &shares(&[5, 5]), amount(11)), Err(LedgerError::Negative("paid")));
        assert!(paid(1, &shares(&[5, 5]), amount(10)).is_ok());
        assert_eq!(made(1, &shares(&[u64::MAX >> 11, 1])).map(|_| ()), Ok(()));
        assert_eq!(paid(1, &shares(&[5]), Amount::MAX), Err(LedgerError::Negative("paid")));
    }

    proptest! {
        /// Whatever is paid out, and however much of it is refused: each worker's earnings are somewhere, nothing is below
        /// zero, and what came in is what there is.
        #[test]
        fn every_unit_is_somewhere(steps in vec((vec(1..1_000_u64, 1..4), 0..800_u64, 0..900_u64, any::<bool>()), 1..20)) {
            let mut books = Books::default();
            let (mut earned, mut quotes) = (BTreeMap::<PublicKey, i64>::new(), 0);
            for (number, (amounts, quote, cost, is_earned)) in (0..).zip(steps) {
                let shares = shares(&amounts);
                for share in shares.iter().filter(|_| is_earned) {
                    books.earn(share.worker, share.amount);
                    *earned.entry(share.worker).or_default() += share.amount.get() as i64;
                }
                if books.apply(&made(number, &shares)?).is_ok()
                    && let Ok(entry) = paid(number, &shares, amount(quote))
                {
                    books.apply(&entry)?;
                    quotes += quote as i64;
                }
                let kept = amount(books.balance(Account::NetworkFees).unsigned_abs());
                if let Some(entry) = spent([number as u8; 64], kept, amount(cost))? {
                    books.apply(&entry)?;
                }
                for (worker, earned) in &earned {
                    let own = [Account::Payable(*worker), Account::InPayout(*worker), Account::Paid(*worker)];
                    prop_assert_eq!(own.into_iter().map(|account| books.balance(account)).sum::<i64>(), *earned);
                }
                prop_assert_eq!(books.balance(Account::NetworkFees) + books.balance(Account::Treasury), quotes);
                prop_assert_eq!(-books.balance(Account::Deposits), earned.values().sum::<i64>() + quotes);
                prop_assert_eq!(books.0.values().sum::<i64>(), 0);
                prop_assert!(books.0.iter().all(|(account, balance)| *balance >= 0 || *account == Account::Deposits));
            }
        }
    }
}
