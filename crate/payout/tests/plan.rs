//! Plans: no payout twice, nothing above a limit, batches as full as they can be.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use lull_payout::batch::{Batch, Stage};
use lull_payout::facts::{Alarm, BATCH_MAX, Decided, Effect, Hold, PayoutState, Write};
use lull_payout::lane::{Gate, Lane};
use lull_payout::plan::{Due, Facts, Limits, Purse, plan, renew};
use lull_payout::sanctions::{LIST_AGE_MS_MAX, Sanctions};
use lull_payout::token::Recipient;
use lull_payout::transaction::{Fees, lane, payment};
use lull_payout::units::{BatchId, Nonce, PayoutId, Signature};
use lull_protocol::{Amount, Timestamp};
use proptest::prelude::*;

use common::{address, id, terms, wallet};

const RUN: u64 = 4;
const FEE: u64 = 6_000;
const RENT: u64 = 2_000_000;

fn amount(value: u64) -> Amount {
    Amount::new(value).expect("small")
}

fn lanes(count: u16) -> Vec<Lane> {
    let nonce = Nonce([1; 32]);
    let last = Signature([2; 64]);
    let of = |number| Lane { id: lane(&address(0), number), nonce, is_spent: false, last, batch: None, run: RUN };
    (0..count).map(of).collect()
}

fn due(payout: u64, recipient: Recipient) -> Due {
    Due {
        payout: id(payout),
        person: payout,
        wallet: wallet(id(payout)),
        amount: amount(1_000 + payout),
        batch_max: BATCH_MAX,
        is_account_charged: true,
        recipient,
        person_day: Amount::ZERO,
    }
}

const RICH: Purse = Purse { tokens: u64::MAX, lamports: u64::MAX, transaction_lamports: FEE, account_lamports: RENT };
const FREE: Limits = Limits { hour: Amount::MAX, person_day: Amount::MAX };

fn planned(due: &[Due], lanes: &[Lane], limits: Limits, purse: Purse, sanctions: &Sanctions) -> Decided {
    let names: Vec<BatchId> = (1..100).filter_map(BatchId::new).collect();
    let (hour, is_paused) = (Amount::ZERO, false);
    let facts = Facts { due, lanes, names: &names, limits, hour, purse, sanctions, is_paused, run: RUN };
    plan(&facts, &terms(), &Gate::Open, Timestamp::ZERO)
}

fn nobody() -> Sanctions {
    Sanctions::parse("dated 1970-01-01", Timestamp::ZERO).expect("an empty list")
}

fn batches(decided: &Decided) -> Vec<Batch> {
    let batch = |write: &Write| if let Write::SetBatch(batch) = write { Some(batch.clone()) } else { None };
    decided.writes.iter().filter_map(batch).collect()
}

fn held(decided: &Decided) -> Vec<(u64, Hold)> {
    let held = |write: &Write| match write {
        Write::SetPayout(payout, PayoutState::Held(hold)) => Some((payout.get(), *hold)),
        _ => None,
    };
    decided.writes.iter().filter_map(held).collect()
}

#[test]
fn batches_are_full_and_wallets_without_an_account_go_apart() {
    let recipient = |payout| if payout % 2 == 0 { Recipient::Open } else { Recipient::Missing };
    let due: Vec<Due> = (1..=46).map(|payout| due(payout, recipient(payout))).collect();
    let sizes = |lanes: u16| {
        let batches = batches(&planned(&due, &self::lanes(lanes), FREE, RICH, &nobody()));
        let size = |batch: &Batch| (batch.transfers[0].makes_account, batch.transfers.len());
        batches.iter().map(size).collect::<Vec<_>>()
    };
    assert_eq!(sizes(9), [(true, 8), (false, 15), (true, 8), (false, 8), (true, 7)]);
    assert_eq!(sizes(2), [(true, 8), (false, 15)]);
    assert_eq!(sizes(0), []);
}

#[test]
fn each_hold_has_its_reason_and_holds_nobody_else() {
    let list = Sanctions::parse(&format!("dated 1970-01-01\n{}", wallet(id(1))), Timestamp::ZERO).expect("a list");
    let mut some: Vec<Due> = (1..=9).map(|payout| due(payout, Recipient::Open)).collect();
    some[1].recipient = Recipient::Frozen;
    some[2].recipient = Recipient::Foreign;
    some[3].amount = Amount::ZERO;
    some[4].amount = Amount::MAX;
    some[5].wallet = wallet(id(0));
    // Closed since: it was made at the price of a transfer alone.
    (some[8].recipient, some[8].is_account_charged) = (Recipient::Missing, false);
    let limits = Limits { person_day: amount(1 << 50), ..FREE };
    let decided = planned(&some, &lanes(3), limits, RICH, &list);
    use Hold::{AboveLimit, Foreign, Frozen, Listed, NoAccount, Nothing};
    let reasons = [(1, Listed), (2, Frozen), (3, Foreign), (4, Nothing), (5, AboveLimit), (6, Foreign), (9, NoAccount)];
    assert_eq!(held(&decided), reasons);
    let paid: Vec<PayoutId> = batches(&decided)[0].transfers.iter().map(|transfer| transfer.payout).collect();
    assert_eq!(paid, [id(7), id(8)]);
}

#[test]
fn an_old_list_a_pause_and_a_closed_gate_stop_all() {
    let due = [due(1, Recipient::Open)];
    let (lanes, list) = (lanes(1), nobody());
    let names = [BatchId::new(1).expect("small")];
    let facts = Facts {
        due: &due,
        lanes: &lanes,
        names: &names,
        limits: FREE,
        hour: Amount::ZERO,
        purse: RICH,
        sanctions: &list,
        is_paused: false,
        run: RUN,
    };
    let old = Timestamp::ZERO.plus(LIST_AGE_MS_MAX + 1);
    let decided = plan(&facts, &terms(), &Gate::Open, old);
    assert_eq!((decided.writes, decided.effects), (vec![], vec![Effect::Alarm(None, Alarm::ListOld)]));
    assert_eq!(plan(&facts, &terms(), &Gate::Closed, Timestamp::ZERO), Decided::default());
    let paused = Facts { is_paused: true, ..facts.clone() };
    assert_eq!(plan(&paused, &terms(), &Gate::Open, Timestamp::ZERO), Decided::default());
    // A lane of an earlier run is renewed once, by a batch that pays nobody.
    assert_eq!(renew(&lanes, &names, RUN), Decided::default());
    let renewed = batches(&renew(&lanes, &names, RUN + 1));
    assert!(matches!(renewed.as_slice(), [Batch { stage: Stage::Reserved, transfers, .. }] if transfers.is_empty()));
}

fn any_due() -> impl Strategy<Value = Due> {
    let recipient = prop_oneof![Just(Recipient::Open), Just(Recipient::Missing), Just(Recipient::Frozen)];
    let batch_max = prop_oneof![Just(BATCH_MAX), Just(1), Just(4)];
    (1..60_u64, 0..6_u64, 0..5_000_u64, batch_max, recipient).prop_map(
        |(payout, person, value, batch_max, recipient)| Due {
            person,
            amount: amount(value),
            batch_max,
            // One figure per person.
            person_day: amount(person * 400),
            ..due(payout, recipient)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_twice_and_nothing_above_a_limit(
        due in prop::collection::vec(any_due(), 0..60), count in 0..6_u16, hour in 0..80_000_u64, person in 0..9_000_u64,
        tokens in 0..90_000_u64, lamports in 0..40_000_000_u64,
    ) {
        let limits = Limits { hour: amount(hour), person_day: amount(person) };
        let purse = Purse { tokens, lamports, ..RICH };
        let decided = planned(&due, &lanes(count), limits, purse, &nobody());
        let mut first = BTreeMap::new();
        for one in &due {
            first.entry(one.payout).or_insert(*one);
        }
        let (mut paid, mut used, mut persons) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::<u64, u64>::new());
        let (mut sum, mut cost) = (0, 0);
        for batch in batches(&decided) {
            prop_assert!(used.insert(batch.lane), "a lane twice");
            prop_assert!(payment(&terms().treasury, batch.lane, batch.nonce, batch.id, &batch.transfers, Fees::MOST).is_ok());
            prop_assert!(decided.writes.contains(&Write::TakeLane(batch.lane, batch.id)));
            prop_assert!(decided.effects.contains(&Effect::Again(batch.id)));
            cost += FEE;
            for transfer in &batch.transfers {
                prop_assert!(paid.insert(transfer.payout), "a payout twice");
                let one = first[&transfer.payout];
                prop_assert_eq!((transfer.wallet, transfer.amount), (one.wallet, one.amount));
                prop_assert_eq!(transfer.makes_account, one.recipient == Recipient::Missing);
                prop_assert!(batch.transfers.len() <= usize::from(one.batch_max));
                prop_assert!(decided.writes.contains(&Write::SetPayout(one.payout, PayoutState::InBatch(batch.id))));
                *persons.entry(one.person).or_default() += one.amount.get();
                prop_assert!(persons[&one.person] + one.person_day.get() <= person);
                sum += one.amount.get();
                cost += if transfer.makes_account { RENT } else { 0 };
            }
        }
        prop_assert!(sum <= hour && sum <= tokens && cost <= lamports);
        for (payout, _) in held(&decided) {
            prop_assert!(paid.insert(id(payout)), "held and paid");
        }
    }
}
