//! Where payouts go, and whose they are, while a wallet's workers change.

use lull_market::Command;
use lull_payout::facts::{PayoutState, Write};
use lull_payout::rules::Quote;
use lull_payout::units::PayoutId;
use lull_protocol::Amount;
use lull_protocol::connect::{Purpose, WalletEvent};
use lull_protocol::payout::{Hold, Schedule, When};
use lull_protocol::siws::Chain;
use lull_store::{NewPayout, PayCommand};

use crate::bench::{Bench, amount, key};
use crate::payouts::{Payer, decided, earn, link, pays, told, wallet};

/// Long enough for a hold, a rebinding and a dispute, milliseconds.
const A_DAY_AND_MORE_MS: u64 = 90_000_000;

fn goes_to(bench: &Bench) -> [u8; 32] {
    bench.reader.payouts_waiting(Amount::MAX, 9, bench.cx.now).unwrap()[0].wallet.address().to_bytes()
}

/// Worker 2 took the place of worker 1, and worker 3 that of worker 2; then its person left the wallet.
#[test]
fn what_lost_workers_earned_follows_who_took_their_place() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    earn(&mut bench, &key(1), 4, 1);
    for (worker, n) in [(2, 2), (3, 3)] {
        bench.rebinds(worker, worker - 1, 9, n);
        bench.later(A_DAY_AND_MORE_MS);
        bench.sweep();
    }
    earn(&mut bench, &key(3), 2, 2);
    assert_eq!(payer.make(&mut bench), 1);
    let held = vec![Write::SetPayout(PayoutId::new(1).unwrap(), PayoutState::Held(Hold::Listed))];
    pays(&mut bench, decided(None, held));
    bench.connects(3, Purpose::Change, 8, 4).unwrap();
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 0, "both are held");
    bench.later(A_DAY_AND_MORE_MS);
    assert_eq!(pays(&mut bench, PayCommand::Retry).number, 1, "with shares of the lost one and its successor");
    assert_eq!(goes_to(&bench), key(8).public().0);
    earn(&mut bench, &key(4), 2, 3);
    bench.connects(3, Purpose::Unlink, 8, 5).unwrap();
    let wallets = |bench: &Bench, worker| bench.reader.wallet(key(worker).public(), bench.cx.now).unwrap();
    for worker in [1, 2, 3] {
        assert_eq!(wallets(&bench, worker).wallet, None, "worker {worker} is not left behind");
    }
    let news = wallets(&bench, 3).news;
    let Some(WalletEvent::Left { arrives, .. }) = news.last().map(|one| one.what) else { panic!("{news:?}") };
    assert_eq!(arrives, amount(6_000), "what the lost one earned is on its way, too");
}

/// Somebody else's browser came to the wallet, or the same person's second one: the first is paid as before.
#[test]
fn a_hold_covers_the_share_of_who_is_held() {
    let mut bench = Bench::new();
    let mut payer = Payer::new(&mut bench);
    let (one, other) = (key(1), key(2));
    earn(&mut bench, &one, 5, 1);
    earn(&mut bench, &other, 3, 2);
    let until = bench.cx.now.plus(1_000);
    link(&bench, &one, Some(wallet(1)), None);
    link(&bench, &other, Some(wallet(1)), Some(until.get()));
    pays(&mut bench, PayCommand::Looked(vec![(wallet(1), true)]));
    bench.does(Command::PayWhen { worker: one.public(), schedule: Schedule::Now, account_agreed: Amount::ZERO });
    bench.later(1);
    let never = Schedule::At(amount(1_000_000_000));
    bench.does(Command::PayWhen { worker: other.public(), schedule: never, account_agreed: Amount::ZERO });
    let seen = (told(&bench, &one), told(&bench, &other));
    assert_eq!((seen.0.schedule, seen.1.schedule), (Schedule::Now, never));
    let (first, second) = (seen.0.next.unwrap(), seen.1.next.unwrap());
    assert_eq!((first.earnings, first.when), (amount(5_000), When::At(amount(20_000))), "not held");
    assert_eq!((second.earnings, second.when), (amount(8_000), When::After(until)), "all that is free by then");
    let stale = bench.reader.persons(amount(1), None, 9, until).unwrap();
    assert_eq!(stale[0].shares.len(), 2);
    let whole = NewPayout {
        wallet: wallet(1),
        shares: stale[0].shares.clone(),
        arrives: amount(7_000),
        quote: Quote { fee: amount(1_000), account: Amount::ZERO },
    };
    assert_eq!(pays(&mut bench, PayCommand::Make { made: vec![whole], not_due: vec![] }).number, 0, "one is held");
    assert_eq!(payer.make(&mut bench), 1);
    assert_eq!((bench.money(&one).2, bench.money(&other).2), (0, 3_000), "the share of who is free");
    bench.later(1_000);
    assert_eq!(payer.make(&mut bench), 1);
    assert_eq!(bench.money(&other).2, 0);
    bench.checks_out();
}

/// They agreed to what the account of their first wallet cost, once; the second one has none either.
#[test]
fn a_yes_to_one_wallets_account_is_none_to_anothers() {
    let mut bench = Bench::new();
    let _payer = Payer::new(&mut bench);
    let one = key(1);
    for number in [1, 2] {
        earn(&mut bench, &one, 200, number);
    }
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    let agrees = |bench: &mut Bench| {
        let agreed = amount(300_000);
        bench.does(Command::PayWhen { worker: key(1).public(), schedule: Schedule::Now, account_agreed: agreed });
    };
    let when = |bench: &Bench| {
        let next = bench.reader.payouts(&key(1).public(), Chain::Localnet, bench.cx.now).unwrap().next.unwrap();
        assert_eq!(next.account, amount(300_000));
        next.when
    };
    agrees(&mut bench);
    assert_eq!(when(&bench), When::Now);
    bench.connects(1, Purpose::Change, 8, 2).unwrap();
    bench.later(A_DAY_AND_MORE_MS);
    assert_eq!(when(&bench), When::AfterYes);
    agrees(&mut bench);
    let person = bench.reader.persons(amount(1), None, 9, bench.cx.now).unwrap().pop().unwrap();
    let quote = Quote { fee: amount(1_000), account: amount(300_000) };
    let arrives = amount(person.earned.payable.get() - 301_000);
    let made = vec![NewPayout { wallet: person.wallet, shares: person.shares, arrives, quote }];
    assert_eq!(pays(&mut bench, PayCommand::Make { made, not_due: vec![] }).number, 1);
    earn(&mut bench, &one, 200, 3);
    assert_eq!(when(&bench), When::AfterYes, "it was charged once");
}
