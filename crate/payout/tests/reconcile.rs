//! The books rebuilt from the chain: what was paid, whoever else writes memos.

mod common;

use std::collections::BTreeMap;

use ed25519_dalek::Signer;
use lull_payout::batch::{Batch, Stage};
use lull_payout::facts::{BATCH_MAX, Landing, PayoutState, TransactionError, Write};
use lull_payout::reconcile::{Known, rebuild, restore};
use lull_payout::transaction::{Fees, Message, Transfer, Treasury, cancel, lane, payment};
use lull_payout::units::{BatchId, Nonce, PayoutId, Signature};
use lull_protocol::Amount;
use proptest::prelude::*;

use common::{address, id, key, terms, wallet};

fn amount(payout: PayoutId) -> Amount {
    Amount::new(500 + payout.get()).expect("small")
}

fn transfers(payouts: &[u64]) -> Vec<Transfer> {
    let transfer = |payout: &u64| Transfer {
        payout: id(*payout),
        wallet: wallet(id(*payout)),
        amount: amount(id(*payout)),
        makes_account: payout % 2 == 1,
    };
    payouts.iter().map(transfer).collect()
}

/// As it lands, under the key of this number.
fn landing(message: &Message, signer: u64, moved: &[Transfer], treasury: &Treasury, slot: u64) -> Landing {
    let signature = Signature(key(signer).sign(message.bytes()).to_bytes());
    let signed = message.attach(signature, &address(signer)).expect("its own signature");
    let mut by = BTreeMap::new();
    for transfer in moved {
        let sum = i128::from(transfer.amount.get());
        *by.entry(treasury.mint.account_of(&treasury.owner)).or_default() -= sum;
        *by.entry(treasury.mint.account_of(&transfer.wallet.address())).or_default() += sum;
    }
    Landing { bytes: signed.bytes().to_vec(), slot, error: None, fee_lamports: 5_000, spent_lamports: 6_000, moved: by }
}

fn batch(number: u64, payouts: &[u64]) -> Batch {
    let (id, lane) = (BatchId::new(number).expect("small"), lane(&address(0), 0));
    let nonce = Nonce([u8::try_from(number).expect("small"); 32]);
    Batch { id, lane, nonce, transfers: transfers(payouts), run: 1, stage: Stage::Reserved }
}

fn message(batch: &Batch, treasury: &Treasury) -> Message {
    payment(treasury, batch.lane, batch.nonce, batch.id, &batch.transfers, Fees { units: 1, price: 1 })
        .expect("it fits")
}

fn known(payout: u64, state: PayoutState) -> Known {
    Known { payout: id(payout), wallet: wallet(id(payout)), amount: amount(id(payout)), state }
}

const WAITING: PayoutState = PayoutState::Waiting { batch_max: BATCH_MAX };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_payment_is_found_once(payouts in prop::collection::btree_set(1..1_000_u64, 1..24), size in 1..6_usize) {
        let treasury = terms().treasury;
        let payouts: Vec<u64> = payouts.into_iter().collect();
        let batches: Vec<Batch> = (1..).zip(payouts.chunks(size)).map(|(number, some)| batch(number, some)).collect();
        let landings: Vec<Landing> = batches.iter()
            .map(|batch| landing(&message(batch, &treasury), 0, &batch.transfers, &treasury, batch.id.get())).collect();
        let rebuilt = rebuild(&landings, &treasury);
        prop_assert_eq!(&rebuilt.unexplained, &[]);
        let known: Vec<Known> = payouts.iter().map(|payout| known(*payout, WAITING)).collect();
        let restored = restore(&known, &batches, &rebuilt, &treasury);
        prop_assert_eq!((&restored.forgotten, &restored.contradicted), (&vec![], &vec![]));
        prop_assert_eq!(restored.payout_max, payouts.last().map(|payout| id(*payout)));
        for payout in &payouts {
            let states = restored.writes.iter().filter_map(|write| match write {
                Write::SetPayout(written, state) if *written == id(*payout) => Some(*state),
                _ => None,
            });
            let states: Vec<PayoutState> = states.collect();
            prop_assert!(matches!(states.as_slice(), [PayoutState::Paid { .. }]), "{:?}", states);
        }
    }
}

#[test]
fn a_strangers_memo_and_a_failed_payment_pay_nobody() {
    let treasury = terms().treasury;
    let ours = batch(1, &[1, 2]);
    // Somebody else's transaction with the same words, to the same wallets.
    let stranger = Treasury { owner: address(77), ..treasury };
    let forged = landing(&message(&ours, &stranger), 77, &ours.transfers, &stranger, 1);
    let failed = Landing {
        error: Some(TransactionError::Whole("x".into())),
        moved: BTreeMap::new(),
        ..landing(&message(&ours, &treasury), 0, &[], &treasury, 2)
    };
    let rebuilt = rebuild([&forged, &failed], &treasury);
    assert_eq!((rebuilt.payments.len(), rebuilt.advances.len(), rebuilt.unexplained.len()), (0, 1, 0));
    let restored = restore(&[known(1, WAITING), known(2, WAITING)], &[], &rebuilt, &treasury);
    assert!(!restored.writes.iter().any(|write| matches!(write, Write::SetPayout(..))));
    // Tokens that left in another way must be explained; and so must a payment that moved other tokens than it says.
    let less = landing(&message(&ours, &treasury), 0, &ours.transfers[..1], &treasury, 3);
    assert_eq!(rebuild([&less], &treasury).unexplained.len(), 1);
}

#[test]
fn what_the_store_has_wrong_is_named() {
    let treasury = terms().treasury;
    let (first, again) = (batch(1, &[1, 2]), batch(2, &[1]));
    let land = |batch: &Batch| landing(&message(batch, &treasury), 0, &batch.transfers, &treasury, batch.id.get());
    let rebuilt = rebuild([&land(&first), &land(&again)], &treasury);
    let elsewhere = PayoutState::Paid { signature: Signature([1; 64]), slot: 1 };
    let mut other = known(2, WAITING);
    other.wallet = wallet(id(9));
    let restored = restore(&[known(1, WAITING), other, known(3, elsewhere)], &[], &rebuilt, &treasury);
    // 1 was paid twice, 3 by nothing that is there; 2 is another one's number by now.
    assert_eq!(restored.contradicted, [id(1), id(3)]);
    let forgotten: Vec<_> = restored.forgotten.iter().map(|one| (one.payout, one.amount)).collect();
    assert_eq!(forgotten, [(id(2), amount(id(2)))]);
}

#[test]
fn a_batch_whose_nonce_another_transaction_used_is_cancelled() {
    let treasury = terms().treasury;
    let ours = batch(1, &[1, 2]);
    let signed = message(&ours, &treasury);
    let signed = signed.attach(Signature(key(0).sign(signed.bytes()).to_bytes()), &address(0)).expect("its own");
    let fees = Fees { units: 1, price: 1 };
    let ours = Batch { stage: Stage::Signed { payment: signed, fees }, ..ours };
    let used = cancel(&treasury, ours.lane, ours.nonce, fees).expect("it fits");
    let rebuilt = rebuild([&landing(&used, 0, &[], &treasury, 5)], &treasury);
    let restored = restore(&[known(1, WAITING), known(2, WAITING)], std::slice::from_ref(&ours), &rebuilt, &treasury);
    let is_cancelled = |write: &Write| matches!(write, Write::SetBatch(Batch { stage: Stage::Cancelled { landed }, .. }) if landed.slot == 5);
    assert!(restored.writes.iter().any(is_cancelled));
    assert!(restored.writes.contains(&Write::SetPayout(id(2), WAITING)));
    // Without such a transaction it stays as it is: unknown is unknown.
    let restored = restore(&[], &[ours], &rebuild([], &treasury), &treasury);
    assert_eq!(restored.writes, []);
}
