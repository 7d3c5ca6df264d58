//! What a payment says of itself on the chain: its batch and its payouts.
//!
//! `lull1 2qr83q9s 17 1 1 2`: a version, the batch, the first payout, and then how much further on each next payout
//! is; all numbers in base 36. The memo comes before the transfers, which are in the same order. So a database that
//! is lost can be rebuilt from the treasury's transactions alone, and a payout costs two bytes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::units::{BatchId, PayoutId};

/// What each memo of ours begins with; the digit is the form's version.
const VERSION: &str = "lull1";
/// More payouts than any transaction can hold.
pub const MEMO_PAYOUTS_MAX: usize = 64;

/// A payment's memo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo {
    batch: BatchId,
    payouts: Vec<PayoutId>,
}

/// Why a memo is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MemoError {
    /// Somebody else's words, or a later version's.
    #[error("no memo of this version")]
    Foreign,
    /// It begins like ours and doesn't go on so.
    #[error("malformed memo")]
    Malformed,
    /// Payouts must ascend, and be one at least and [`MEMO_PAYOUTS_MAX`] at most.
    #[error("payouts out of order, none or too many")]
    Payouts,
}

impl Memo {
    /// A memo, if the payouts ascend and are not too many.
    pub fn new(batch: BatchId, payouts: Vec<PayoutId>) -> Result<Self, MemoError> {
        let ascend = payouts.is_sorted_by(|one, next| one < next);
        if !ascend || payouts.is_empty() || payouts.len() > MEMO_PAYOUTS_MAX {
            return Err(MemoError::Payouts);
        }
        Ok(Self { batch, payouts })
    }
    /// The batch.
    pub fn batch(&self) -> BatchId {
        self.batch
    }
    /// Its payouts, ascending.
    pub fn payouts(&self) -> &[PayoutId] {
        &self.payouts
    }
}

impl fmt::Display for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION} {}", Base36(self.batch.get()))?;
        let mut before = 0;
        for payout in &self.payouts {
            write!(f, " {}", Base36(payout.get() - before))?;
            before = payout.get();
        }
        Ok(())
    }
}

impl FromStr for Memo {
    type Err = MemoError;
    fn from_str(text: &str) -> Result<Self, MemoError> {
        let mut words = text.split(' ');
        if words.next() != Some(VERSION) {
            return Err(MemoError::Foreign);
        }
        let mut numbers = words.map(|word| u64::from_str_radix(word, 36).ok());
        let batch = numbers.next().flatten().and_then(BatchId::new).ok_or(MemoError::Malformed)?;
        let mut payouts = Vec::new();
        let mut last = 0_u64;
        for number in numbers.take(MEMO_PAYOUTS_MAX + 1) {
            last = number.and_then(|number| last.checked_add(number)).ok_or(MemoError::Malformed)?;
            payouts.push(PayoutId::new(last).ok_or(MemoError::Malformed)?);
        }
        let memo = Self::new(batch, payouts)?;
        // One form only: what was read is written again.
        if memo.to_string() == text { Ok(memo) } else { Err(MemoError::Malformed) }
    }
}

struct Base36(u64);

impl fmt::Display for Base36 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 36 {
            Base36(self.0 / 36).fmt(f)?;
        }
        let digit = char::from_digit((self.0 % 36) as u32, 36).expect("a digit of base 36 is below 36");
        write!(f, "{digit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memo(batch: u64, payouts: &[u64]) -> Result<Memo, MemoError> {
        let payouts = payouts.iter().map(|payout| PayoutId::new(*payout).expect("small"));
        Memo::new(BatchId::new(batch).expect("small"), payouts.collect())
    }

    #[test]
    fn it_is_short_and_reads_back() {
        let one = memo(36 * 36, &[35, 36, 37, 40]).expect("a memo");
        assert_eq!(one.to_string(), "lull1 100 z 1 1 3");
        assert_eq!("lull1 100 z 1 1 3".parse(), Ok(one));
        assert_eq!(memo(0, &[0]).map(|memo| memo.to_string()).as_deref(), Ok("lull1 0 0"));
        for (text, why) in [
            ("", MemoError::Foreign),
            ("hello", MemoError::Foreign),
            ("lull2 1 1", MemoError::Foreign),
            ("lull1", MemoError::Malformed),
            ("lull1 1", MemoError::Payouts),
            ("lull1 1 1 0", MemoError::Payouts),
            ("lull1 1 01", MemoError::Malformed),
            ("lull1 1 +1", MemoError::Malformed),
            ("lull1 1 A", MemoError::Malformed),
            ("lull1 1  1", MemoError::Malformed),
            ("lull1 1 1 ", MemoError::Malformed),
            ("lull1 1 3w5e11264sgsg", MemoError::Malformed),
            ("lull1 1 2gosa7pa2gv 2gosa7pa2gv", MemoError::Malformed),
        ] {
            assert_eq!(text.parse::<Memo>(), Err(why), "{text}");
        }
        assert_eq!(memo(1, &[2, 1]), Err(MemoError::Payouts));
        assert_eq!(memo(1, &[]), Err(MemoError::Payouts));
        assert_eq!(memo(1, &(0..=MEMO_PAYOUTS_MAX as u64).collect::<Vec<_>>()), Err(MemoError::Payouts));
    }

    proptest! {
        #[test]
        fn every_memo_reads_back(batch in 0..1_u64 << 53, payouts in prop::collection::btree_set(0..1_u64 << 53, 1..20)) {
            let memo = memo(batch, &payouts.into_iter().collect::<Vec<_>>()).expect("they ascend");
            prop_assert_eq!(memo.to_string().parse(), Ok(memo));
        }

        #[test]
        fn what_reads_is_what_was_written(text in "lull1( [0-9a-zA-Z+ ]{0,12}){0,6}") {
            if let Ok(memo) = text.parse::<Memo>() {
                prop_assert_eq!(memo.to_string(), text);
            }
        }
    }
}
