//! Wallets and payouts as a coordinator tells of them and as a person commands: of few, so that some are met again.

use lull_protocol::connect::{Purpose, Rebinding, WalletAsked, WalletEvent, WalletNews, WalletRefusal, WalletState};
use lull_protocol::payout::{
    DayLimit, Hold, NextPayout, Payout, PayoutStage, Payouts, Schedule, Standstill, TransactionId, Weekday, When,
};
use lull_protocol::siws::Chain;
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, PublicKey, ToWorker, Wallet};
use lull_view::{Command, View};

use crate::feed::Feed;
use crate::make::{self, WORKER, amount};

fn purpose(feed: &mut Feed<'_>) -> Purpose {
    *feed.pick(&Purpose::ALL)
}

fn ticket(feed: &mut Feed<'_>) -> Ticket {
    Ticket([feed.byte() & 3; 32])
}

fn wallet(feed: &mut Feed<'_>) -> Wallet {
    let key = make::key(90 + (feed.byte() & 1)).public();
    Wallet::new(key).expect("a key that signs")
}

/// This browser, or another of the wallet.
fn browser(feed: &mut Feed<'_>) -> PublicKey {
    if feed.one_in(3) { make::key(WORKER).public() } else { PublicKey([feed.byte() & 3; 32]) }
}

fn rebinding(feed: &mut Feed<'_>) -> Rebinding {
    let yes = Hash([feed.byte() & 3; 32]);
    Rebinding { yes, worker: browser(feed), lost: browser(feed), due: make::moment(feed) }
}

fn state(feed: &mut Feed<'_>) -> WalletState {
    let asked = feed.one_in(2).then(|| WalletAsked {
        ticket: ticket(feed).hash(),
        purpose: purpose(feed),
        wallet: wallet(feed),
        until: make::moment(feed),
        others: (0..feed.below(3)).map(|_| browser(feed)).collect(),
    });
    let rebinds: Vec<Rebinding> = (0..feed.below(3)).map(|_| rebinding(feed)).collect();
    let what = rebinds.first().map(|rebinding| WalletEvent::Rebinding(*rebinding));
    let news = what.map(|what| WalletNews { number: feed.number(), at: make::moment(feed), what });
    WalletState {
        wallet: feed.one_in(2).then(|| wallet(feed)),
        held_until: feed.one_in(3).then(|| make::moment(feed)),
        asked,
        rebinds,
        news: news.into_iter().collect(),
    }
}

fn payout(feed: &mut Feed<'_>) -> Payout {
    let stages = [PayoutStage::Waiting, PayoutStage::Arriving, PayoutStage::Paid, PayoutStage::Held(Hold::Frozen)];
    Payout {
        number: feed.number(),
        made_at: make::moment(feed),
        wallet: wallet(feed),
        share: amount(feed.number()),
        earnings: amount(feed.number()),
        arrives: amount(feed.number()),
        fee: amount(feed.number()),
        account: amount(feed.number()),
        stage: *feed.pick(&stages),
        transaction: feed.one_in(2).then(|| TransactionId([feed.byte(); 64])),
        paid_at: feed.one_in(2).then(|| make::moment(feed)),
        since: make::moment(feed),
    }
}

fn payouts(feed: &mut Feed<'_>) -> Vec<Payout> {
    (0..feed.below(4)).map(|_| payout(feed)).collect()
}

fn schedule(feed: &mut Feed<'_>) -> Schedule {
    match feed.below(3) {
        0 => Schedule::Now,
        1 => Schedule::At(amount(feed.number())),
        _ => Schedule::Weekly(*feed.pick(&Weekday::ALL)),
    }
}

/// What a coordinator says of it.
pub(crate) fn told(feed: &mut Feed<'_>) -> ToWorker {
    match feed.below(6) {
        0 => ToWorker::Ticket { ticket: ticket(feed), purpose: purpose(feed), expires_at: make::moment(feed) },
        1 | 2 => ToWorker::Wallet(Box::new(state(feed))),
        3 => ToWorker::WalletRefused {
            about: feed
                .one_in(2)
                .then(|| if feed.one_in(2) { ticket(feed).hash() } else { Hash([feed.byte() & 3; 32]) }),
            why: *feed.pick(&[WalletRefusal::Expired, WalletRefusal::Used, WalletRefusal::Decided]),
        },
        4 => {
            let next = NextPayout {
                earnings: amount(feed.number()),
                arrives: amount(feed.number()),
                fee: amount(feed.number()),
                account: amount(feed.number()),
                when: *feed.pick(&[When::Now, When::AfterYes, When::On(Weekday::Friday)]),
                day: feed.one_in(3).then(|| DayLimit { most: amount(feed.number()), later: amount(feed.number()) }),
            };
            ToWorker::Payouts(Box::new(Payouts {
                chain: *feed.pick(&[Chain::Mainnet, Chain::Localnet]),
                in_payout: amount(feed.number()),
                paid: amount(feed.number()),
                schedule: schedule(feed),
                next: feed.one_in(2).then_some(next),
                standstill: feed.one_in(3).then_some(Standstill::Short),
                newest: payouts(feed),
                has_older: feed.one_in(2),
            }))
        }
        _ => ToWorker::PayoutsBefore {
            number: u64::from(feed.byte() & 3),
            payouts: payouts(feed),
            has_older: feed.one_in(2),
        },
    }
}

/// What a person commands about it; a yes mostly to what is on screen.
pub(crate) fn command(feed: &mut Feed<'_>, shown: Option<WalletState>, view: &View) -> Command {
    match feed.below(12) {
        0..=3 => {
            let asked = shown.and_then(|state| state.asked).filter(|_| !feed.one_in(4));
            let Some(asked) = asked else {
                let (ticket, purpose) = (ticket(feed).hash(), purpose(feed));
                let lost = feed.one_in(2).then(|| browser(feed));
                return Command::WalletYes { ticket, purpose, wallet: wallet(feed), lost };
            };
            let lost = asked.others.first().copied().filter(|_| asked.purpose == Purpose::Rebind);
            Command::WalletYes { ticket: asked.ticket, purpose: asked.purpose, wallet: asked.wallet, lost }
        }
        4 => Command::ConnectWallet { purpose: purpose(feed) },
        5 => Command::WalletNo,
        6 => Command::WalletVeto { yes: Hash([feed.byte() & 3; 32]) },
        7 => Command::WalletNewsKnown { number: feed.number() },
        8 => Command::PayWhen { schedule: schedule(feed), account_agreed: amount(feed.number()) },
        9 => Command::FindPayouts { before: u64::from(feed.byte() & 3) },
        10 => Command::LookAtWallet { on: !view.wallet.is_looked_at },
        _ => Command::PayNow,
    }
}
