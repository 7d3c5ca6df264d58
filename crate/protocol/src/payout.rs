//! What a worker is told of its payouts, and what it may ask for.

use std::fmt;

use crate::cbor::{Cbor, Reader, Writer};
use crate::limits::PAYOUTS_TOLD_MAX;
use crate::siws::Chain;
use crate::units::{Amount, Timestamp};
use crate::wallet::Wallet;
use crate::{codes, fields, variants};

/// A day of the week, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are the days")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}
codes!(Weekday { 0 Monday, 1 Tuesday, 2 Wednesday, 3 Thursday, 4 Friday, 5 Saturday, 6 Sunday });

impl Weekday {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The day of the week of a day counted from 1970-01-01, a Thursday.
    pub fn of(day: u64) -> Self {
        match day % 7 {
            0 => Self::Thursday,
            1 => Self::Friday,
            2 => Self::Saturday,
            3 => Self::Sunday,
            4 => Self::Monday,
            5 => Self::Tuesday,
            _ => Self::Wednesday,
        }
    }
}

/// When a person wants to be paid, as soon as it is worth the fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At once.
    Now,
    /// From this amount on.
    At(Amount),
    /// On this day of the week, once.
    Weekly(Weekday),
}
variants!(Schedule { 0 Now {}, 1 At { 0 (0) amount }, 2 Weekly { 0 (0) day } });

/// When the next payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It is due.
    Now,
    /// When this much is earned.
    At(Amount),
    /// On the next of these days.
    On(Weekday),
    /// When the person has said yes to the cost of a token account ([`NextPayout::account`]).
    AfterYes,
    /// When payouts of this worker, or to its wallet, are held no more, or a day has room again ([`NextPayout::day`]).
    After(Timestamp),
}
variants!(When { 0 Now {}, 1 At { 0 (0) amount }, 2 On { 0 (0) day }, 3 AfterYes {}, 4 After { 0 (0) at } });

/// "Your next payout: amount, fee, when", of all workers of the wallet together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPayout {
    /// What leaves the earnings: `arrives + fee + account`.
    pub earnings: Amount,
    /// What arrives; nothing as long as the costs eat it all.
    pub arrives: Amount,
    /// The fee of the transfer.
    pub fee: Amount,
    /// The wallet's first token account; nothing if it has one.
    pub account: Amount,
    /// When.
    pub when: When,
    /// What a day's limit leaves for later, if it does.
    pub day: Option<DayLimit>,
}
fields!(NextPayout { 0 earnings, 1 arrives, 2 fee, 3 account, 4 when, 5 day });

/// What one person gets in 24 hours is limited by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLimit {
    /// The most that arrives in 24 hours.
    pub most: Amount,
    /// What would arrive now without the limit, and comes later.
    pub later: Amount,
}
fields!(DayLimit { 0 most, 1 later });

/// A transaction's first signature, which is its name on the chain; base58 as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 64]);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 88];
        let len = five8::encode_64(&self.0, &mut digits);
        let text = digits.get(..len.into()).and_then(|digits| std::str::from_utf8(digits).ok());
        f.write_str(text.expect("base58 of 64 bytes is at most 88 letters and digits"))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Cbor for TransactionId {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.bytes_of())
    }
}

/// How far a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutStage {
    /// It is made, and not sent yet.
    Waiting,
    /// It is signed and sent.
    Sent,
    /// Most of the network has confirmed it.
    Arriving,
    /// It is on the chain for good.
    Paid,
    /// It is set aside.
    Held(Hold),
}
variants!(PayoutStage { 0 Waiting {}, 1 Sent {}, 2 Arriving {}, 3 Paid {}, 4 Held { 0 (0) why } });

/// Why a payout is set aside. It waits again when its person has another wallet, when the operator says so, or, except
/// for [`Hold::Listed`], after a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// The wallet is on a sanctions list.
    Listed,
    /// The wallet's token account takes nothing.
    Frozen,
    /// What is where the wallet's token account should be isn't the wallet's, or the wallet is the operator's own.
    Foreign,
    /// It is more than the operator pays at all.
    AboveLimit,
    /// The chain refuses it.
    Refused,
    /// It is nothing.
    Nothing,
    /// The wallet has no token account any more, and what making one costs wasn't charged.
    NoAccount,
}
codes!(Hold { 0 Listed, 1 Frozen, 2 Foreign, 3 AboveLimit, 4 Refused, 5 Nothing, 6 NoAccount });

/// A payout as it is told to one of the workers it pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its number, from 1; unlike every other's of this coordinator.
    pub number: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// To where.
    pub wallet: Wallet,
    /// What of it this worker earned.
    pub share: Amount,
    /// What all its workers earned: `arrives + fee + account`.
    pub earnings: Amount,
    /// What arrives.
    pub arrives: Amount,
    /// The fee of the transfer.
    pub fee: Amount,
    /// The wallet's first token account.
    pub account: Amount,
    /// How far it is.
    pub stage: PayoutStage,
    /// By this transaction, once it is signed.
    pub transaction: Option<TransactionId>,
    /// When it was seen to be on the chain for good.
    pub paid_at: Option<Timestamp>,
    /// It pays what became final for this worker after this.
    pub since: Timestamp,
}
fields!(Payout {
    0 number, 1 made_at, 2 wallet, 3 share, 4 earnings, 5 arrives, 6 fee, 7 account, 8 stage, 9 transaction, 10 paid_at,
    11 since,
});

/// Why nobody is paid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standstill {
    /// The operator paused payouts.
    Paused,
    /// The sanctions list is too old.
    ListOld,
    /// Ledger and chain differ, and the operator is to look.
    Differs,
    /// The operator's wallet has too little.
    Short,
    /// The chain can't be asked.
    Unreachable,
}
codes!(Standstill { 0 Paused, 1 ListOld, 2 Differs, 3 Short, 4 Unreachable });

/// A worker's payouts: told after the welcome and whenever they change, by a coordinator that pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payouts {
    /// On which chain.
    pub chain: Chain,
    /// The worker's earnings that are on their way.
    pub in_payout: Amount,
    /// The worker's earnings that were paid.
    pub paid: Amount,
    /// When its person wants to be paid.
    pub schedule: Schedule,
    /// The next one; `None` without a wallet.
    pub next: Option<NextPayout>,
    /// Why nobody is paid now.
    pub standstill: Option<Standstill>,
    /// The newest first, `PAYOUTS_TOLD_MAX` at most.
    pub newest: Vec<Payout>,
    /// Whether there are older ones.
    pub has_older: bool,
}
fields!(Payouts {
    0 chain, 1 in_payout, 2 paid, 3 schedule, 4 next, 5 standstill, 6 newest, 7 has_older,
});

/// A message must not carry more payouts than is allowed.
pub(crate) fn payouts_fit(payouts: &[Payout]) -> Result<(), &'static str> {
    if payouts.len() > PAYOUTS_TOLD_MAX { Err("more payouts than PAYOUTS_TOLD_MAX") } else { Ok(()) }
}
