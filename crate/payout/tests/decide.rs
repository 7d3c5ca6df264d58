//! Single decisions of a batch, where the model test can't tell which one it was.

mod common;

use std::collections::BTreeMap;

use ed25519_dalek::Signer;
use lull_payout::address::Address;
use lull_payout::batch::{Batch, Stage};
use lull_payout::decide;
use lull_payout::facts::{
    Alarm, BATCH_MAX, Decided, Effect, Hold, InstructionError, Landing, Observation, PayoutState, Preparation, Seen,
    Sight, TransactionError, Write,
};
use lull_payout::lane::Gate;
use lull_payout::transaction::{Transfer, lane};
use lull_payout::units::{BatchId, Nonce, Signature};
use lull_protocol::{Amount, Timestamp};

use common::{address, id, key, terms, wallet};

const NONCE: Nonce = Nonce([7; 32]);
const NOW: Timestamp = Timestamp::ZERO;

fn reserved(count: u64) -> Batch {
    let transfer = |number| Transfer {
        payout: id(number),
        wallet: wallet(id(number)),
        amount: Amount::new(100 + number).expect("small"),
        makes_account: false,
    };
    let transfers = (1..=count).map(transfer).collect();
    let (id, lane) = (BatchId::new(5).expect("small"), lane(&address(0), 0));
    Batch { id, lane, nonce: NONCE, transfers, run: 1, stage: Stage::Reserved }
}

fn prepared(simulated: Result<u64, TransactionError>) -> Observation {
    let one = Preparation { nonce: Some(NONCE), simulated, prices: vec![5, 1, 3] };
    Observation::Prepared(vec![one.clone(), one])
}

/// After a decision: the batch as it is stored then.
fn after(batch: &Batch, seen: Observation) -> (Batch, Decided) {
    let decided = decide(batch, seen, &terms(), &Gate::Open, NOW);
    let stored = decided.writes.iter().find_map(|write| match write {
        Write::SetBatch(batch) => Some(batch.clone()),
        _ => None,
    });
    let stored = stored.unwrap_or_else(|| batch.clone());
    assert_eq!(Batch::from_bytes(&stored.to_bytes()), Ok(stored.clone()), "the store keeps what it is given");
    (stored, decided)
}

fn sent(count: u64) -> Batch {
    let (built, _) = after(&reserved(count), prepared(Ok(20_000)));
    let Stage::Built { message, fees } = &built.stage else { unreachable!("it was prepared") };
    assert_eq!((fees.units, fees.price), (23_000, 3), "a tenth and a thousand more; the median");
    let signature = Signature(key(0).sign(message.bytes()).to_bytes());
    let (signed, _) = after(&built, Observation::Signed(signature));
    let (sent, decided) = after(&signed, Observation::Tick);
    let [Effect::Send { transaction, .. }, Effect::Ask { payment, cancel: None, .. }] = decided.effects.as_slice()
    else {
        unreachable!("it is sent: {decided:?}")
    };
    assert_eq!((transaction.len(), *payment), (message.unsigned().len(), signature));
    sent
}

fn landing(batch: &Batch, error: Option<TransactionError>) -> Landing {
    let (payment, _) = batch.stage.signed();
    let treasury = terms().treasury;
    let mut moved = BTreeMap::new();
    for transfer in batch.transfers.iter().filter(|_| error.is_none()) {
        let amount = i128::from(transfer.amount.get());
        moved.insert(treasury.mint.account_of(&transfer.wallet.address()), amount);
        *moved.entry(treasury.mint.account_of(&treasury.owner)).or_default() -= amount;
    }
    let bytes = payment.expect("it is signed").bytes().to_vec();
    Landing { bytes, slot: 8, error, fee_lamports: 5_000, spent_lamports: 5_700, moved }
}

fn seen(landing: Landing) -> Observation {
    let one = Sight { payment: Seen::Finalized(landing), cancel: Seen::Nothing, nonce: Some(Nonce([8; 32])) };
    Observation::Seen(vec![one.clone(), one])
}

fn alarms(decided: &Decided) -> Vec<Alarm> {
    let alarm = |effect: &Effect| if let Effect::Alarm(_, alarm) = effect { Some(alarm.clone()) } else { None };
    decided.effects.iter().filter_map(alarm).collect()
}

fn states(decided: &Decided) -> Vec<PayoutState> {
    let state = |write: &Write| if let Write::SetPayout(_, state) = write { Some(*state) } else { None };
    decided.writes.iter().filter_map(state).collect()
}

#[test]
fn paid_is_what_moved_as_planned() {
    let batch = sent(3);
    let (paid, decided) = after(&batch, seen(landing(&batch, None)));
    let Stage::Paid { landed } = paid.stage else { unreachable!("{}", paid.stage.word()) };
    assert_eq!((landed.fee_lamports, landed.rent_lamports, landed.slot), (5_000, 700, 8));
    assert!(states(&decided).iter().all(|state| matches!(state, PayoutState::Paid { slot: 8, .. })));
    assert!(decided.writes.contains(&Write::Spend { batch: Some(batch.id), landed }));
    assert!(matches!(decided.writes[1], Write::SpendLane { nonce: NONCE, run: 1, .. }));
    // A token more or less, one too many, or none at all: nobody is called paid.
    type Change = fn(&mut BTreeMap<Address, i128>);
    let changes: [Change; 3] = [
        |moved| *moved.values_mut().last().expect("some moved") += 1,
        BTreeMap::clear,
        |moved| _ = moved.insert(Address::default(), 1),
    ];
    for change in changes {
        let mut other = landing(&batch, None);
        change(&mut other.moved);
        let (same, decided) = after(&batch, seen(other));
        assert_eq!((same, alarms(&decided)), (batch.clone(), vec![Alarm::OtherTokens]));
        assert!(alarms(&decided)[0].stops());
    }
}

#[test]
fn one_rpc_is_not_believed_and_two_that_differ_neither() {
    let batch = sent(2);
    let Observation::Seen(sights) = seen(landing(&batch, None)) else { unreachable!() };
    let one = sights[..1].to_vec();
    assert_eq!(decide(&batch, Observation::Seen(one.clone()), &terms(), &Gate::Open, NOW), Decided::default());
    let Observation::Seen(failed) = seen(landing(&batch, Some(TransactionError::Whole("x".into())))) else {
        unreachable!()
    };
    let (same, decided) = after(&batch, Observation::Seen([one, failed].concat()));
    assert_eq!((same, alarms(&decided)), (batch, vec![Alarm::Disagreement]));
}

#[test]
fn who_is_to_blame_goes_alone_and_then_aside() {
    let error = |index, number| TransactionError::Instruction { index, why: InstructionError::Custom(number) };
    let ends = |count, error: TransactionError| {
        let batch = sent(count);
        let (failed, decided) = after(&batch, seen(landing(&batch, Some(error.clone()))));
        assert!(matches!(failed.stage, Stage::Failed { .. }));
        assert_eq!(alarms(&decided), [Alarm::Failed(error)]);
        states(&decided)
    };
    let waits = |batch_max| PayoutState::Waiting { batch_max };
    // Frozen, at the second transfer.
    assert_eq!(ends(3, error(5, 17)), [waits(BATCH_MAX), waits(1), waits(BATCH_MAX)]);
    assert_eq!(ends(1, error(4, 17)), [PayoutState::Held(Hold::Refused)]);
    // The treasury's money is nobody's fault.
    assert_eq!(ends(2, error(4, 1)), [waits(BATCH_MAX); 2]);
    assert_eq!(ends(1, TransactionError::Whole("InsufficientFundsForFee".into())), [waits(BATCH_MAX)]);
    // Nobody knows whose: halves.
    assert_eq!(ends(5, error(0, 9)), [waits(3); 5]);
    assert_eq!(ends(1, error(0, 9)), [PayoutState::Held(Hold::Refused)]);
    // A simulation tells the same, and costs nothing.
    let (dropped, decided) = after(&reserved(3), prepared(Err(error(5, 17))));
    assert_eq!(dropped.stage, Stage::Dropped);
    assert_eq!(states(&decided), [waits(BATCH_MAX), waits(1), waits(BATCH_MAX)]);
    let (same, decided) = after(&reserved(3), prepared(Err(error(4, 1))));
    assert_eq!((same.stage, alarms(&decided)), (Stage::Dropped, vec![Alarm::Simulation(error(4, 1))]));
    assert_eq!(states(&decided), [waits(BATCH_MAX); 3]);
    let whole = TransactionError::Whole("BlockhashNotFound".into());
    let (same, decided) = after(&reserved(3), prepared(Err(whole.clone())));
    assert_eq!((same.stage, alarms(&decided)), (Stage::Reserved, vec![Alarm::Simulation(whole)]));
}

#[test]
fn nothing_is_signed_before_the_gate_opens_or_on_a_lane_that_moved() {
    let (built, _) = after(&reserved(2), prepared(Ok(1)));
    let Stage::Built { message, .. } = &built.stage else { unreachable!() };
    let signature = Signature(key(0).sign(message.bytes()).to_bytes());
    for gate in [Gate::Closed, Gate::Stopped(vec![built.lane])] {
        assert_eq!(decide(&built, Observation::Tick, &terms(), &gate, NOW), Decided::default());
        assert_eq!(decide(&built, Observation::Signed(signature), &terms(), &gate, NOW), Decided::default());
    }
    let (same, decided) = after(&built, Observation::Signed(Signature([0; 64])));
    assert_eq!((same, alarms(&decided)), (built, vec![Alarm::BadSignature]));
    let moved = Preparation { nonce: Some(Nonce([1; 32])), simulated: Ok(1), prices: vec![] };
    let (same, decided) = after(&reserved(2), Observation::Prepared(vec![moved.clone(), moved]));
    assert_eq!((same.stage, alarms(&decided)), (Stage::Reserved, vec![Alarm::LaneMoved]));
    // What renews a lane pays nobody.
    let (renewal, _) = after(&reserved(0), prepared(Ok(1)));
    let decided = decide(&renewal, Observation::Tick, &terms(), &Gate::Closed, NOW);
    assert!(matches!(decided.effects.as_slice(), [Effect::Sign { .. }]));
}

#[test]
fn what_nobody_sees_is_cancelled_after_a_while_and_only_where_the_nonce_is_still_there() {
    let batch = sent(2);
    let sight = |nonce| {
        let one = Sight { payment: Seen::Nothing, cancel: Seen::Nothing, nonce: Some(nonce) };
        Observation::Seen(vec![one.clone(), one])
    };
    let at = |seen, ms| decide(&batch, seen, &terms(), &Gate::Open, NOW.plus(ms));
    assert_eq!(at(sight(NONCE), 59_999), Decided::default());
    let cancelling = at(sight(NONCE), 60_000);
    assert!(matches!(&cancelling.writes[0], Write::SetBatch(Batch { stage: Stage::Cancelling { .. }, .. })));
    assert_eq!(alarms(&at(sight(Nonce([8; 32])), 60_000)), [Alarm::NonceGone]);
    let arriving = Sight { payment: Seen::Confirmed, cancel: Seen::Nothing, nonce: Some(NONCE) };
    let (confirmed, _) = after(&batch, Observation::Seen(vec![arriving.clone(), arriving]));
    assert_eq!(confirmed.stage.word(), "confirmed");
    let (again, _) = after(&confirmed, sight(NONCE));
    assert_eq!(again.stage.word(), "sent");
}
