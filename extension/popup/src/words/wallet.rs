//! What is said about wallets and payouts.

use lull_view::{
    Amount, Chain, DayLimit, Hold, NextPayout, PayoutStage, Schedule, Standstill, Timestamp, Wallet, WalletRefusal,
    WalletTrouble, Weekday, When,
};

use crate::icons::Icon;
use crate::{format, text};

/// A payout is worth it from this many times its fee on: the coordinator's rule, which has the last word.
const FEE_SHARE: u64 = 20;

/// A wallet's first and last four digits, which stay on one line.
pub(crate) fn short(wallet: &Wallet) -> String {
    wallet.short().replace('…', "…\u{2060}")
}

/// Why what the person wanted didn't come about.
pub(crate) fn trouble(trouble: WalletTrouble) -> &'static str {
    match trouble {
        WalletTrouble::Changed => text::wallet_trouble_changed(),
        WalletTrouble::Lapsed => text::wallet_trouble_lapsed(),
        WalletTrouble::Refused(why) => refusal(why),
    }
}

fn refusal(why: WalletRefusal) -> &'static str {
    match why {
        WalletRefusal::Unknown => text::wallet_refused_unknown(),
        WalletRefusal::Expired => text::wallet_refused_expired(),
        WalletRefusal::Used => text::wallet_refused_used(),
        WalletRefusal::Replaced => text::wallet_refused_replaced(),
        WalletRefusal::Declined => text::wallet_refused_declined(),
        WalletRefusal::NotYet => text::wallet_refused_not_yet(),
        WalletRefusal::Foreign => text::wallet_refused_foreign(),
        WalletRefusal::OtherCoordinator => text::wallet_refused_other_coordinator(),
        WalletRefusal::OtherPurpose => text::wallet_refused_other_purpose(),
        WalletRefusal::AccountChanged => text::wallet_refused_account(),
        WalletRefusal::TooMany => text::wallet_refused_too_many(),
        WalletRefusal::Linked => text::wallet_refused_linked(),
        WalletRefusal::NotLinked => text::wallet_refused_not_linked(),
        WalletRefusal::SameWallet => text::wallet_refused_same(),
        WalletRefusal::WrongAccount => text::wallet_refused_wrong_account(),
        WalletRefusal::NotOfThisWallet => text::wallet_refused_not_of_wallet(),
        WalletRefusal::Rebinding => text::wallet_refused_rebinding(),
        WalletRefusal::WalletFull => text::wallet_refused_full(),
        WalletRefusal::Listed => text::wallet_refused_listed(),
        WalletRefusal::Decided => text::wallet_refused_decided(),
        WalletRefusal::Unavailable => text::wallet_refused_unavailable(),
    }
}

/// Why nobody is paid now.
pub(crate) fn standstill(why: Standstill) -> &'static str {
    match why {
        Standstill::Paused => text::wallet_still_paused(),
        Standstill::ListOld => text::wallet_still_list(),
        Standstill::Differs => text::wallet_still_differs(),
        Standstill::Short => text::wallet_still_short(),
        Standstill::Unreachable => text::wallet_still_unreachable(),
    }
}

/// When payouts are, inside a sentence.
pub(crate) fn scheduled(schedule: Schedule, asset: &str) -> String {
    match schedule {
        Schedule::Now => text::wallet_scheduled_now().to_owned(),
        Schedule::At(amount) => text::wallet_scheduled_at(&format::amount_of(amount.get(), asset)),
        Schedule::Weekly(day) => text::wallet_scheduled_on(&self::day(day)),
    }
}

/// When the next payout is; for what is held, [`after`].
pub(crate) fn when(when: When, asset: &str) -> String {
    match when {
        When::Now => text::wallet_next_now().to_owned(),
        When::At(amount) => text::wallet_next_at(&format::amount_of(amount.get(), asset)),
        When::On(day) => text::wallet_next_on(&self::day(day)),
        When::AfterYes => text::wallet_next_yes().to_owned(),
        When::After(_) => String::new(),
    }
}

/// Until when the next payout is held, or which part of it is due.
pub(crate) fn after(next: &Option<NextPayout>, local: impl Fn(Timestamp) -> u64) -> Option<String> {
    let next = next.as_ref()?;
    match (next.when, next.day) {
        (When::Now, Some(DayLimit { most, later })) => {
            let [later, most] = [later, most].map(|amount| format::amount(amount.get()));
            Some(text::wallet_next_part(&later, &most))
        }
        (When::After(at), Some(DayLimit { most, .. })) => {
            Some(text::wallet_next_day(&format::day_time(local(at)), &format::amount(most.get())))
        }
        (When::On(on), Some(DayLimit { most, .. })) => {
            Some(text::wallet_next_day_on(&day(on), &format::amount(most.get())))
        }
        (When::After(at), None) => Some(text::wallet_next_after(&format::day_time(local(at)))),
        _ => None,
    }
}

/// The same for programs.
pub(crate) fn when_code(when: When) -> &'static str {
    match when {
        When::Now => "now",
        When::At(_) => "at",
        When::On(_) => "on",
        When::AfterYes => "after-yes",
        When::After(_) => "after",
    }
}

/// Whether the schedule alone stands between the person and their money.
pub(crate) fn may_pay_now(next: &NextPayout) -> bool {
    let is_worth_it = next.arrives > Amount::ZERO && next.earnings.get() / FEE_SHARE >= next.fee.get();
    is_worth_it && matches!(next.when, When::At(_) | When::On(_))
}

/// What the person has agreed to for a token account. While payouts are held nobody tells: then they are asked anew.
pub(crate) fn agreed(next: &NextPayout) -> Amount {
    if matches!(next.when, When::AfterYes | When::After(_)) { Amount::ZERO } else { next.account }
}

/// A schedule's code in the list of them.
pub(crate) fn schedule_code(schedule: Schedule) -> &'static str {
    match schedule {
        Schedule::Now => "now",
        Schedule::At(_) => "at",
        Schedule::Weekly(Weekday::Monday) => "monday",
        Schedule::Weekly(Weekday::Tuesday) => "tuesday",
        Schedule::Weekly(Weekday::Wednesday) => "wednesday",
        Schedule::Weekly(Weekday::Thursday) => "thursday",
        Schedule::Weekly(Weekday::Friday) => "friday",
        Schedule::Weekly(Weekday::Saturday) => "saturday",
        Schedule::Weekly(Weekday::Sunday) => "sunday",
    }
}

/// A day of the week.
pub(crate) fn day(day: Weekday) -> String {
    let number = Weekday::ALL.into_iter().position(|other| other == day).unwrap_or_default();
    format::weekday(number).0
}

/// A payout's stage: class and icon, so that none is told by colour alone, and the word.
pub(crate) fn stage(stage: PayoutStage) -> (&'static str, Icon, &'static str) {
    match stage {
        PayoutStage::Waiting => ("waiting", Icon::Clock, text::payout_waiting()),
        PayoutStage::Sent => ("sent", Icon::Sending, text::payout_sent()),
        PayoutStage::Arriving => ("arriving", Icon::Next, text::payout_arriving()),
        PayoutStage::Paid => ("paid", Icon::Check, text::payout_paid()),
        PayoutStage::Held(_) => ("held", Icon::Warning, text::payout_held()),
    }
}

/// Why a payout is set aside, and what the person can do.
pub(crate) fn hold(why: Hold) -> &'static str {
    match why {
        Hold::Listed => text::payout_held_listed(),
        Hold::Frozen => text::payout_held_frozen(),
        Hold::Foreign => text::payout_held_foreign(),
        Hold::AboveLimit => text::payout_held_above(),
        Hold::Refused => text::payout_held_refused(),
        Hold::Nothing => text::payout_held_nothing(),
        Hold::NoAccount => text::payout_held_no_account(),
    }
}

/// A website that shows transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explorer {
    Solana,
    Solscan,
    Fm,
}

impl Explorer {
    pub(crate) const ALL: [Self; 3] = [Self::Solana, Self::Solscan, Self::Fm];

    /// As it is remembered.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Solana => "solana",
            Self::Solscan => "solscan",
            Self::Fm => "fm",
        }
    }

    /// Its own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Solana => "Solana Explorer",
            Self::Solscan => "Solscan",
            Self::Fm => "SolanaFM",
        }
    }

    /// Where it shows a transaction of a chain; none knows the chain of one machine.
    pub(crate) fn address(self, transaction: &str, chain: Chain) -> Option<String> {
        let site = match self {
            Self::Solana => "https://explorer.solana.com",
            Self::Solscan => "https://solscan.io",
            Self::Fm => "https://solana.fm",
        };
        let cluster = match (chain, self) {
            (Chain::Localnet, _) => return None,
            (Chain::Mainnet, _) => "",
            (Chain::Devnet, Self::Fm) => "?cluster=devnet-solana",
            (Chain::Testnet, Self::Fm) => "?cluster=testnet-solana",
            (Chain::Devnet, _) => "?cluster=devnet",
            (Chain::Testnet, _) => "?cluster=testnet",
        };
        Some(format!("{site}/tx/{transaction}{cluster}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(earnings: u64, fee: u64, account: u64, when: When) -> NextPayout {
        let units = |amount| Amount::new(amount).expect("an amount");
        let arrives = units(earnings.saturating_sub(fee + account));
        NextPayout { earnings: units(earnings), arrives, fee: units(fee), account: units(account), when, day: None }
    }

    #[test]
    fn pay_now_is_offered_when_the_schedule_alone_stands_in_the_way() {
        let on = When::On(Weekday::Friday);
        let offered = [
            (next(6_000, 300, 0, on), true),
            (next(5_999, 300, 0, on), false),
            (next(6_000, 300, 0, When::At(Amount::MAX)), true),
            (next(6_000, 300, 5_700, on), false),
            (next(6_000, 300, 0, When::Now), false),
            (next(600_000, 300, 298_000, When::AfterYes), false),
            (next(6_000, 300, 0, When::After(Timestamp::ZERO)), false),
        ];
        for (next, expected) in offered {
            assert_eq!(may_pay_now(&next), expected, "{next:?}");
        }
    }

    #[test]
    fn a_days_limit_is_said_with_what_comes_later() {
        let units = |amount| Amount::new(amount).expect("an amount");
        let limit = Some(DayLimit { most: units(10_000_000), later: units(2_499_000) });
        let said = |when| after(&Some(NextPayout { day: limit, ..next(9_500_300, 300, 0, when) }), |at| at.get());
        assert_eq!(said(When::Now).as_deref(), Some("Now; 2.499 more later, for at most 10.000 are paid in 24 hours"));
        let full = said(When::After(Timestamp::ZERO)).expect("it is said");
        assert!(full.ends_with(": the 10.000 that are paid in 24 hours at most are reached"), "{full}");
        let weekly = said(When::On(Weekday::Friday));
        let friday = day(Weekday::Friday);
        assert_eq!(weekly, Some(format!("On {friday}: the 10.000 that are paid in 24 hours at most are reached")));
    }

    #[test]
    fn nobody_agrees_to_an_account_by_choosing_a_day() {
        let agreed = |when| agreed(&next(600_000, 300, 298_000, when)).get();
        assert_eq!((agreed(When::AfterYes), agreed(When::After(Timestamp::ZERO))), (0, 0));
        assert_eq!((agreed(When::Now), agreed(When::On(Weekday::Friday))), (298_000, 298_000));
    }

    #[test]
    fn each_schedule_has_a_code_of_its_own() {
        let days = Weekday::ALL.map(|day| schedule_code(Schedule::Weekly(day)));
        let mut all: Vec<&str> = days.into_iter().chain(["now", "at"]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn each_explorer_knows_every_chain_but_this_machines() {
        for explorer in Explorer::ALL {
            assert_eq!(explorer.address("5x", Chain::Localnet), None);
            let mainnet = explorer.address("5x", Chain::Mainnet).expect("it has it");
            assert!(mainnet.starts_with("https://") && mainnet.ends_with("/tx/5x"), "{mainnet}");
            let test = [Chain::Devnet, Chain::Testnet].map(|chain| explorer.address("5x", chain).expect("it has it"));
            assert!(test[0].contains("cluster=devnet") && test[1].contains("cluster=testnet"), "{test:?}");
        }
    }
}
