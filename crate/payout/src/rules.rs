//! When somebody is paid, and what that costs them: rules a person understands.
//!
//! - Who is paid bears the network's fee. A payout waits until that is at most 5 % of it ([`FEE_SHARE`]); later is the
//!   person's choice: above an amount of their own, or on a day of the week.
//! - A wallet's first token account costs far more than a transfer. It is charged only up to what the person was told
//!   and said yes to; until then the payout waits, and the 5 % are of the transfer alone.
//! - One person gets at most so much in 24 hours ([`Day`]); who has earned more is paid in parts, as soon as a day has room
//!   for one that is worth its fee.
//! - No earnings expire.

use lull_protocol::limits::AMOUNT_MAX;
pub use lull_protocol::payout::{DayLimit, Schedule, Weekday, When};
use lull_protocol::{Amount, Timestamp};

/// A payout is at least this many times its fee: 5 %.
pub const FEE_SHARE: u64 = 20;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
const LAMPORTS_PER_SOL: u128 = 1_000_000_000;

/// What the chain asks, and what the operator makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// A transaction's fee, priority included: as the last ones cost.
    pub transaction_lamports: u64,
    /// The rent of a new token account, as the chain says for [`Mint::account_bytes`](crate::token::Mint::account_bytes).
    pub account_lamports: u64,
    /// How many payouts share a transaction's fee, by the operator's reckoning; at least 1.
    pub sharing: u32,
    /// What one SOL is worth in the mint's base units, rounded up.
    pub sol: Amount,
}

/// What a payout costs who gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The fee of the transfer.
    pub fee: Amount,
    /// The wallet's first token account.
    pub account: Amount,
}

impl Costs {
    /// The price of a payout, rounded up; amounts beyond all money are held at the limit.
    pub fn quote(&self, has_account: bool) -> Quote {
        let worth = |lamports: u64, parts: u32| {
            let worth = u128::from(lamports) * u128::from(self.sol.get());
            let worth = worth.div_ceil(LAMPORTS_PER_SOL * u128::from(parts.max(1)));
            Amount::new(u64::try_from(worth).unwrap_or(AMOUNT_MAX)).unwrap_or(Amount::MAX)
        };
        let account = if has_account { Amount::ZERO } else { worth(self.account_lamports, 1) };
        Quote { fee: worth(self.transaction_lamports, self.sharing), account }
    }
}

/// What somebody has earned, and how they want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earned {
    /// Final and not paid yet.
    pub payable: Amount,
    /// When they want it.
    pub schedule: Schedule,
    /// Whether their wallet has a token account of the mint.
    pub has_account: bool,
    /// What they agreed to pay for one.
    pub account_agreed: Amount,
    /// The day of their last payout, counted from 1970-01-01.
    pub last_paid: Option<u64>,
}

/// "Your next payout: amount, fee, when".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPayout {
    /// What leaves the earnings: `arrives + quote.fee + quote.account`.
    pub earnings: Amount,
    /// What arrives; nothing as long as the costs eat it all.
    pub arrives: Amount,
    /// What it costs.
    pub quote: Quote,
    /// When.
    pub when: When,
    /// What a day's limit leaves for later, if it does.
    pub day: Option<DayLimit>,
}

/// What one person got in the last 24 hours, and the most that they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The most that arrives in 24 hours.
    pub most: Amount,
    /// What arrived, or is on its way.
    pub paid: Amount,
    /// When all of that is more than 24 hours ago.
    pub over_at: Timestamp,
}

/// The next payout as a day's limit allows: whole, or the part that there is room for, or when there is room again: who
/// is paid on a day of the week waits for that one.
pub fn within_day(next: NextPayout, schedule: Schedule, day: &Day) -> NextPayout {
    let room = day.most.get().saturating_sub(day.paid.get());
    if next.when != When::Now || next.arrives.get() <= room {
        return next;
    }
    let limit = |arrives: u64| {
        let later = Amount::new(next.arrives.get().saturating_sub(arrives)).unwrap_or_default();
        Some(DayLimit { most: day.most, later })
    };
    let Quote { fee, account } = next.quote;
    let earnings = room.saturating_add(fee.get()).saturating_add(account.get());
    let is_worth_it = room > 0 && fee.get().saturating_mul(FEE_SHARE) <= earnings;
    match (Amount::new(earnings), Amount::new(room)) {
        (Some(earnings), Some(arrives)) if is_worth_it => NextPayout { earnings, arrives, day: limit(room), ..next },
        _ => {
            let when = match schedule {
                Schedule::Weekly(on) if on != Weekday::of(day.over_at.get() / DAY_MS) => When::On(on),
                Schedule::Now | Schedule::At(_) | Schedule::Weekly(_) => When::After(day.over_at),
            };
            NextPayout { when, day: limit(0), ..next }
        }
    }
}

/// The next payout of all that is payable. `day`: today, counted from 1970-01-01 in UTC.
pub fn next_payout(earned: &Earned, costs: &Costs, day: u64) -> NextPayout {
    let quote = costs.quote(earned.has_account);
    let spent = quote.fee.get().saturating_add(quote.account.get());
    let worth = quote.fee.get().saturating_mul(FEE_SHARE).max(spent.saturating_add(1));
    let from = match earned.schedule {
        Schedule::At(amount) => amount.get().max(worth),
        Schedule::Now | Schedule::Weekly(_) => worth,
    };
    let when = match earned.schedule {
        _ if quote.account > earned.account_agreed => When::AfterYes,
        _ if earned.payable.get() < from => When::At(Amount::new(from).unwrap_or(Amount::MAX)),
        Schedule::Weekly(on) if on != Weekday::of(day) || earned.last_paid == Some(day) => When::On(on),
        Schedule::Now | Schedule::At(_) | Schedule::Weekly(_) => When::Now,
    };
    let arrives = Amount::new(earned.payable.get().saturating_sub(spent)).unwrap_or_default();
    NextPayout { earnings: earned.payable, arrives, quote, when, day: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(value: u64) -> Amount {
        Amount::new(value).expect("a test's amount is small")
    }

    /// A SOL at 200 dollars, in millionths.
    const COSTS: Costs =
        Costs { transaction_lamports: 6_000, account_lamports: 1_490_000, sharing: 4, sol: Amount::MAX };

    fn costs() -> Costs {
        Costs { sol: amount(200_000_000), ..COSTS }
    }

    fn earned(payable: u64, schedule: Schedule) -> Earned {
        let account_agreed = Amount::ZERO;
        Earned { payable: amount(payable), schedule, has_account: true, account_agreed, last_paid: None }
    }

    #[test]
    fn paid_when_the_fee_is_small_and_the_person_wants_it() {
        let when = |earned: &Earned, day| next_payout(earned, &costs(), day).when;
        assert_eq!(costs().quote(true), Quote { fee: amount(300), account: Amount::ZERO });
        assert_eq!(when(&earned(5_999, Schedule::Now), 0), When::At(amount(6_000)));
        assert_eq!(when(&earned(6_000, Schedule::Now), 0), When::Now);
        assert_eq!(when(&earned(6_000, Schedule::At(amount(500_000))), 0), When::At(amount(500_000)));
        assert_eq!(when(&earned(5_000, Schedule::At(amount(1))), 0), When::At(amount(6_000)));
        assert_eq!(when(&earned(6_000, Schedule::Weekly(Weekday::Friday)), 0), When::On(Weekday::Friday));
        assert_eq!(when(&earned(6_000, Schedule::Weekly(Weekday::Friday)), 1), When::Now);
        let paid_today = Earned { last_paid: Some(1), ..earned(6_000, Schedule::Weekly(Weekday::Friday)) };
        assert_eq!(when(&paid_today, 1), When::On(Weekday::Friday));
        assert_eq!(when(&paid_today, 8), When::Now);
    }

    #[test]
    fn a_first_account_is_charged_after_a_yes_to_its_cost() {
        let first = Earned { has_account: false, ..earned(1_200_000, Schedule::Now) };
        let next = next_payout(&first, &costs(), 0);
        assert_eq!(next.quote.account, amount(298_000));
        assert_eq!(next.when, When::AfterYes);
        let agreed = Earned { account_agreed: amount(298_000), ..first };
        let next = next_payout(&agreed, &costs(), 0);
        assert_eq!((next.when, next.arrives), (When::Now, amount(1_200_000 - 298_000 - 300)));
        let poor = Earned { payable: amount(298_300), ..agreed };
        assert_eq!(next_payout(&poor, &costs(), 0).when, When::At(amount(298_301)));
    }

    #[test]
    fn a_day_pays_what_it_has_room_for_and_says_what_comes_later() {
        let over_at = Timestamp::ZERO.plus(86_400_000);
        let of = |payable, paid| {
            let day = Day { most: amount(10_000_000), paid: amount(paid), over_at };
            within_day(next_payout(&earned(payable, Schedule::Now), &costs(), 0), Schedule::Now, &day)
        };
        let later = |later| Some(DayLimit { most: amount(10_000_000), later: amount(later) });
        assert_eq!((of(10_000_300, 0).arrives, of(10_000_300, 0).day), (amount(10_000_000), None));
        let part = of(11_999_300, 500_000);
        assert_eq!((part.when, part.arrives, part.day), (When::Now, amount(9_500_000), later(2_499_000)));
        assert_eq!(part.earnings, amount(9_500_300), "a part bears its fee");
        // No part that is worth less than its fee, twenty times.
        let full = of(11_999_300, 9_994_301);
        assert_eq!((full.when, full.arrives), (When::After(over_at), amount(11_999_000)));
        assert_eq!((full.day, of(11_999_300, 9_994_300).arrives), (later(11_999_000), amount(5_700)));
        // What isn't due anyway isn't held up by the day.
        assert_eq!(of(5_999, 10_000_000).day, None);
    }

    #[test]
    fn who_is_paid_on_a_day_of_the_week_waits_for_room_on_that_day() {
        // Day 0 is a Thursday.
        let schedule = Schedule::Weekly(Weekday::Thursday);
        let of = |paid, over_at| {
            let day = Day { most: amount(10_000_000), paid: amount(paid), over_at: Timestamp::ZERO.plus(over_at) };
            within_day(next_payout(&earned(11_999_300, schedule), &costs(), 0), schedule, &day)
        };
        assert_eq!((of(0, DAY_MS).when, of(0, DAY_MS).arrives), (When::Now, amount(10_000_000)));
        let (same, next) = (of(10_000_000, DAY_MS - 1), of(10_000_000, DAY_MS));
        assert_eq!(same.when, When::After(Timestamp::ZERO.plus(DAY_MS - 1)));
        assert_eq!((next.when, next.day.map(|day| day.later)), (When::On(Weekday::Thursday), Some(amount(11_999_000))));
    }

    proptest! {
        #[test]
        fn no_day_brings_more_than_its_limit(payable in 0..=AMOUNT_MAX, most in 0..=AMOUNT_MAX, paid in 0..=AMOUNT_MAX) {
            let whole = next_payout(&earned(payable, Schedule::Now), &costs(), 0);
            let day = Day { most: amount(most), paid: amount(paid), over_at: Timestamp::ZERO };
            let next = within_day(whole, Schedule::Now, &day);
            if next.when == When::Now {
                prop_assert!(next.arrives.get() <= most.saturating_sub(paid) && next.arrives > Amount::ZERO);
                prop_assert_eq!(next.earnings.get(), next.arrives.get() + next.quote.fee.get());
                let later = next.day.map_or(0, |day| day.later.get());
                prop_assert_eq!(next.arrives.get() + later, whole.arrives.get());
            }
        }

        #[test]
        fn parts_are_the_whole(
            payable in 0..=AMOUNT_MAX, fee in 0..u64::MAX, rent in 0..u64::MAX, sharing: u32, sol in 0..=AMOUNT_MAX,
            has_account: bool, agreed in 0..=AMOUNT_MAX, at in 0..=AMOUNT_MAX, day: u64,
        ) {
            let costs = Costs { transaction_lamports: fee, account_lamports: rent, sharing, sol: amount(sol) };
            let earned = Earned {
                has_account, account_agreed: amount(agreed), ..earned(payable, Schedule::At(amount(at)))
            };
            let next = next_payout(&earned, &costs, day);
            let spent = next.quote.fee.get() + next.quote.account.get();
            prop_assert!(next.arrives.get() <= payable);
            if next.when == When::Now {
                prop_assert_eq!(next.arrives.get() + spent, payable);
                prop_assert!(next.arrives > Amount::ZERO);
                prop_assert!(next.quote.fee.get() * FEE_SHARE <= payable);
                prop_assert!(next.quote.account <= earned.account_agreed && payable >= at);
            }
        }

        #[test]
        fn no_quote_is_below_the_cost(lamports in 0..1_u64 << 40, sharing in 1..100_u32, sol in 1..1_u64 << 40) {
            let costs = Costs {
                transaction_lamports: lamports, account_lamports: lamports, sharing, sol: amount(sol),
            };
            let cost = u128::from(lamports) * u128::from(sol);
            let quote = costs.quote(false);
            let (fee, account) = (u128::from(quote.fee.get()), u128::from(quote.account.get()));
            prop_assert!(fee * u128::from(sharing) * LAMPORTS_PER_SOL >= cost.min(u128::from(AMOUNT_MAX)));
            prop_assert!(account * LAMPORTS_PER_SOL >= cost.min(u128::from(AMOUNT_MAX)));
        }
    }
}
