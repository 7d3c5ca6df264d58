//! Deposits by transfers on the chain: each transaction is credited once, whatever a database has seen before.

use lull_market::{Command, RequesterId};
use lull_payout::address::Address;
use lull_payout::deposit::{LOOK_DAY_MS, LOOK_YOUNG_MS, LOOKED_MS, OPEN_MAX, Reference, Uncredited, YOUNG_MS};
use lull_payout::units::{Nonce, Signature};
use lull_protocol::limits::AMOUNT_MAX;
use lull_protocol::{Amount, Hash};
use lull_store::{DepositCommand, DepositRow, LandedDeposit, PayCommand, PayError, Reader, Store, TreasuryId};
use proptest::prelude::*;

use crate::bench::{BUYER, Bench, amount};

const OTHER: RequesterId = RequesterId([77; 16]);

fn treasury(owner: u8) -> TreasuryId {
    let address = |byte| Address::from([byte; 32]);
    TreasuryId { owner: address(owner), mint: address(2), genesis: Nonce([3; 32]) }
}

fn signature(number: u8) -> Signature {
    Signature([number; 64])
}

fn reference(number: u8) -> Reference {
    Reference([number; 32])
}

fn ask(number: u8, requester: RequesterId) -> DepositCommand {
    DepositCommand::Ask { reference: reference(number), requester, treasury: treasury(1), asked: amount(500) }
}

fn look(number: u8, requester: RequesterId) -> DepositCommand {
    DepositCommand::Look { reference: reference(number), requester, treasury: treasury(1) }
}

fn paid(number: u8, requester: RequesterId, value: u64) -> LandedDeposit {
    LandedDeposit { signature: signature(number), slot: number.into(), judged: Ok((requester, amount(value))) }
}

fn refused(number: u8, why: Uncredited) -> LandedDeposit {
    LandedDeposit { signature: signature(number), slot: number.into(), judged: Err(why) }
}

fn looked(number: u8, landed: &[LandedDeposit]) -> DepositCommand {
    DepositCommand::Looked { reference: reference(number), landed: landed.to_vec(), heard: None, has_more: false }
}

fn bench() -> Bench {
    let mut bench = Bench::empty();
    for (requester, name) in [(BUYER, "Buyer"), (OTHER, "Other")] {
        let key_hash = Hash::of(name.as_bytes());
        bench.does(Command::AddRequester { requester, name: name.into(), key_hash });
    }
    bench
}

/// How many transactions are new.
fn does(bench: &mut Bench, command: DepositCommand) -> Result<u64, PayError> {
    bench.store.pay(bench.cx.now, &PayCommand::Deposit(command)).map(|reply| reply.number)
}

fn row(bench: &Bench, number: u8) -> DepositRow {
    bench.reader.deposit(&reference(number)).unwrap().unwrap()
}

fn available(bench: &Bench, requester: RequesterId) -> u64 {
    bench.reader.balance(requester).unwrap().available.get()
}

fn credited(bench: &Bench, number: u8) -> Vec<Result<Amount, Uncredited>> {
    row(bench, number).transactions.iter().map(|one| one.credited).collect()
}

#[test]
fn each_transaction_is_credited_once() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    let first = [paid(1, BUYER, 400)];
    assert_eq!(does(&mut bench, looked(1, &first)).unwrap(), 1);
    assert_eq!(does(&mut bench, looked(1, &first)).unwrap(), 0, "again");
    let more = [paid(1, BUYER, 400), refused(2, Uncredited::Dust), paid(3, BUYER, 900)];
    assert_eq!(does(&mut bench, looked(1, &more)).unwrap(), 2);
    assert_eq!(available(&bench, BUYER), 1_300);
    assert_eq!(credited(&bench, 1), [Ok(amount(400)), Err(Uncredited::Dust), Ok(amount(900))]);
    assert_eq!(row(&bench, 1).last, Some(signature(3)));
    assert_eq!(does(&mut bench, looked(1, &[])).unwrap(), 0);
    assert_eq!(row(&bench, 1).last, Some(signature(3)), "kept");
    bench.checks_out();
}

#[test]
fn one_transaction_of_two_references_is_one_deposit() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    does(&mut bench, ask(2, BUYER)).unwrap();
    does(&mut bench, ask(3, OTHER)).unwrap();
    for number in [1, 2] {
        assert_eq!(does(&mut bench, looked(number, &[paid(9, BUYER, 400)])).unwrap(), 1);
        assert_eq!(credited(&bench, number), [Ok(amount(400))], "both are paid");
    }
    // Found late that it names another's as well: it stays where it is.
    does(&mut bench, looked(3, &[paid(9, OTHER, 400)])).unwrap();
    assert_eq!(credited(&bench, 3), [Err(Uncredited::Counted)]);
    assert_eq!((available(&bench, BUYER), available(&bench, OTHER)), (400, 0));
    bench.checks_out();
}

#[test]
fn what_the_operator_has_counted_is_not_counted_again() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    let reference = signature(1).to_string();
    bench.does(Command::Deposit { requester: BUYER, amount: amount(400), reference });
    bench.does(Command::Deposit { requester: BUYER, amount: amount(7), reference: signature(2).to_string() });
    does(&mut bench, looked(1, &[paid(1, BUYER, 400), paid(2, BUYER, 400)])).unwrap();
    assert_eq!(credited(&bench, 1), [Ok(amount(400)), Err(Uncredited::Counted)]);
    does(&mut bench, looked(1, &[paid(3, BUYER, AMOUNT_MAX)])).unwrap();
    assert_eq!(credited(&bench, 1).last(), Some(&Err(Uncredited::TooMuch)), "more than the ledger holds");
    assert_eq!(available(&bench, BUYER), 407);
    bench.checks_out();
}

/// Money that came after the copy was made is found again, and counts once; so does that of a reference which the copy
/// has never seen.
#[test]
fn a_restored_database_counts_all_of_it_once() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    does(&mut bench, looked(1, &[paid(1, BUYER, 400)])).unwrap();
    let copy = bench.path().with_file_name("copy.sqlite");
    bench.reader.back_up(&copy).unwrap();
    does(&mut bench, looked(1, &[paid(2, BUYER, 500)])).unwrap();
    does(&mut bench, ask(2, BUYER)).unwrap();
    does(&mut bench, looked(2, &[paid(3, BUYER, 600)])).unwrap();
    assert_eq!(available(&bench, BUYER), 1_500);
    bench.store = Store::open(&copy).unwrap();
    bench.reader = Reader::open(&copy).unwrap();
    assert_eq!((available(&bench, BUYER), row(&bench, 1).last), (400, Some(signature(1))));
    does(&mut bench, looked(1, &[paid(1, BUYER, 400), paid(2, BUYER, 500)])).unwrap();
    does(&mut bench, look(2, BUYER)).unwrap();
    does(&mut bench, looked(2, &[paid(3, BUYER, 600)])).unwrap();
    assert_eq!(row(&bench, 2).asked, None, "forgotten");
    assert_eq!(available(&bench, BUYER), 1_500);
    assert!(matches!(does(&mut bench, looked(5, &[])), Err(PayError::Stale)), "one that nobody knows");
    bench.checks_out();
}

#[test]
fn references_are_looked_at_more_and_more_rarely() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    let begun = bench.cx.now;
    let due = |bench: &Bench, owner| bench.reader.deposits_due(&treasury(owner), bench.cx.now, 9).unwrap().len();
    assert_eq!((due(&bench, 1), due(&bench, 5)), (1, 0), "another treasury's is not looked at");
    does(&mut bench, looked(1, &[])).unwrap();
    assert_eq!((row(&bench, 1).due_at, due(&bench, 1)), (Some(begun.plus(LOOK_YOUNG_MS)), 0));
    bench.later(YOUNG_MS);
    does(&mut bench, looked(1, &[])).unwrap();
    assert_eq!(row(&bench, 1).due_at, Some(bench.cx.now.plus(LOOK_DAY_MS)));
    bench.later(LOOKED_MS);
    does(&mut bench, looked(1, &[])).unwrap();
    assert_eq!((row(&bench, 1).due_at, due(&bench, 1)), (None, 0), "closed");
    does(&mut bench, look(1, BUYER)).unwrap();
    assert_eq!(due(&bench, 1), 1, "asked for again");
    assert!(matches!(does(&mut bench, look(1, OTHER)), Err(PayError::Fault(_))), "not by another");
    let (heard, has_more) = (Some(signature(4)), true);
    let found = DepositCommand::Looked { reference: reference(1), landed: vec![], heard, has_more };
    does(&mut bench, found).unwrap();
    assert_eq!((row(&bench, 1).heard, due(&bench, 1)), (heard, 1), "the rest is read at once");
}

#[test]
fn only_so_many_wait_for_their_payment() {
    let mut bench = bench();
    for number in 0..OPEN_MAX {
        does(&mut bench, ask(number as u8, BUYER)).unwrap();
    }
    assert!(matches!(does(&mut bench, ask(200, BUYER)), Err(PayError::TooManyDeposits)));
    assert!(matches!(does(&mut bench, look(200, BUYER)), Err(PayError::TooManyDeposits)));
    does(&mut bench, look(0, BUYER)).unwrap();
    does(&mut bench, ask(201, OTHER)).unwrap();
    does(&mut bench, looked(0, &[paid(1, BUYER, 400)])).unwrap();
    does(&mut bench, ask(200, BUYER)).unwrap();
    assert_eq!(bench.reader.deposits(BUYER, 100).unwrap().len(), OPEN_MAX + 1);
    let addresses = [0, 201, 250].map(|number| reference(number).address());
    let owners = bench.reader.deposit_owners(&addresses).unwrap();
    assert_eq!(owners.into_iter().collect::<Vec<_>>(), [(addresses[0], BUYER), (addresses[1], OTHER)]);
}

#[test]
fn the_check_finds_a_credit_without_its_deposit() {
    let mut bench = bench();
    does(&mut bench, ask(1, BUYER)).unwrap();
    does(&mut bench, looked(1, &[paid(1, BUYER, 400)])).unwrap();
    let raw = rusqlite::Connection::open(bench.path()).unwrap();
    raw.execute("UPDATE deposit_transactions SET credited = credited + 1", []).unwrap();
    let problems = bench.reader.check_ledger().unwrap().problems;
    assert!(problems.iter().any(|problem| problem.contains("credited without its deposit")), "{problems:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Looks in any order, again and again, at any part of what there is: the ledger is the sum of what was credited,
    /// each signature once.
    #[test]
    fn the_ledger_is_what_arrived(looks in prop::collection::vec((0..4_u8, 0..4_u8, 0..6_u8, 0..6_u8), 1..40)) {
        let mut bench = bench();
        let whose = |number: u8| if number < 2 { BUYER } else { OTHER };
        for number in 0..4 {
            does(&mut bench, ask(number, whose(number))).unwrap();
        }
        let mut counted = std::collections::BTreeMap::new();
        for (number, _, from, to) in looks {
            // A transaction's amount is its own.
            let landed: Vec<_> = (from..to).map(|one| paid(one, whose(number), 100 << one)).collect();
            does(&mut bench, looked(number, &landed)).unwrap();
            for one in from..to {
                counted.entry(one).or_insert(whose(number));
            }
        }
        for requester in [BUYER, OTHER] {
            let sum: u64 = counted.iter().filter(|(_, by)| **by == requester).map(|(one, _)| 100 << one).sum();
            prop_assert_eq!(available(&bench, requester), sum);
        }
        bench.checks_out();
    }
}
