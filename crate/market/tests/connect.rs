//! A worker and its wallet: what is needed for a yes, what a ticket is good for, who hears of it, what is held.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is a failure")]

use std::collections::BTreeMap;

use ed25519_dalek::Signer;
use lull_market::connect::*;
use lull_protocol::connect::{Purpose, WalletVeto, WalletYes};
use lull_protocol::payout::{Schedule, Weekday};
use lull_protocol::siws::{self, Chain, Proof, SignIn};
use lull_protocol::units::Nonce;
use lull_protocol::{Amount, Hash, PublicKey, Signed, SigningKey, Timestamp, Wallet};
use proptest::prelude::*;
use proptest::sample::select;

const T0: u64 = 1_790_000_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
}
fn id(seed: u8) -> PublicKey {
    key(seed).public()
}
fn wallet(seed: u8) -> Wallet {
    Wallet::new(id(seed)).expect("a key's")
}
fn coordinator() -> PublicKey {
    id(0xc0)
}
fn at(ms: u64) -> Timestamp {
    Timestamp::new(T0 + ms).expect("in range")
}
fn amount(value: u64) -> Amount {
    Amount::new(value).expect("in range")
}
fn ticket(n: u8) -> Hash {
    Hash([n; 32])
}

/// A store that does what it is told.
#[derive(Default)]
struct Book {
    tickets: BTreeMap<Hash, (Ticket, Timestamp)>,
    workers: BTreeMap<PublicKey, WorkerFacts>,
    retired: Vec<PublicKey>,
    rebinds: BTreeMap<Hash, Rebind>,
    listed: Vec<Wallet>,
    told: Vec<(PublicKey, Notice)>,
}

impl Book {
    fn worker(&self, worker: PublicKey, now: Timestamp) -> WorkerFacts {
        let own = self.tickets.values().filter(|(t, at)| t.worker == worker && now.since(*at) < TICKETS_WINDOW_MS);
        let is_open = |t: &Ticket| matches!(t.state, TicketState::Open | TicketState::Taken(_) | TicketState::Named(_));
        let facts = WorkerFacts {
            worker,
            wallet: None,
            left: None,
            held_until: None,
            tickets: own.clone().count().try_into().expect("few"),
            open: own.clone().find(|(t, _)| is_open(t)).map(|(t, _)| t.hash),
            pending: amount(30),
            payable: amount(500),
            in_payout: amount(70),
        };
        match self.workers.get(&worker) {
            Some(known) => WorkerFacts { tickets: facts.tickets, open: facts.open, ..known.clone() },
            None => facts,
        }
    }
    fn wallet(&self, wallet: Wallet) -> WalletFacts {
        let paid = self.workers.values().filter(|w| w.wallet == Some(wallet) && !self.retired.contains(&w.worker));
        let workers: Vec<_> = paid.map(|w| w.worker).collect();
        let open = self.rebinds.values().filter(|r| r.state == RebindState::Open && r.wallet == wallet);
        WalletFacts { workers, rebinding: open.map(|r| r.lost).collect(), is_listed: self.listed.contains(&wallet) }
    }
    fn apply(&mut self, writes: Vec<Write>, now: Timestamp) {
        for write in writes {
            match write {
                Write::AddTicket(ticket) => {
                    assert!(self.tickets.insert(ticket.hash, (ticket, now)).is_none(), "a ticket twice");
                }
                Write::SetTicket { hash, state, expires_at } => {
                    let (ticket, _) = self.tickets.get_mut(&hash).expect("a known ticket");
                    (ticket.state, ticket.expires_at) = (state, expires_at);
                }
                Write::SetWallet { worker, wallet, held_until, .. } => {
                    let facts = self.worker(worker, now);
                    self.workers.insert(worker, WorkerFacts { wallet: Some(wallet), left: None, held_until, ..facts });
                }
                Write::CountRefused { hash, refused } => {
                    self.tickets.get_mut(&hash).expect("a known ticket").0.refused = refused;
                }
                Write::ClearWallet { worker, .. } | Write::PutOut { worker, .. } => {
                    let facts = self.worker(worker, now);
                    self.workers.insert(worker, WorkerFacts { wallet: None, left: facts.wallet, ..facts });
                }
                Write::AddRebind { rebind, .. } => {
                    self.rebinds.insert(rebind.yes, rebind);
                }
                Write::SetRebind { yes, state, .. } => self.rebinds.get_mut(&yes).expect("a known one").state = state,
                Write::Succeed(rebind) => {
                    let facts = self.worker(rebind.worker, now);
                    self.workers.insert(rebind.worker, WorkerFacts { wallet: Some(rebind.wallet), ..facts });
                    self.retired.push(rebind.lost);
                }
                Write::Notify(worker, notice) => self.told.push((worker, notice)),
                Write::Known { .. } | Write::Seen(_) => {}
            }
        }
    }

    fn open(&mut self, worker: u8, purpose: Purpose, n: u8, now: Timestamp) -> Result<(), Problem> {
        let writes = open(&self.worker(id(worker), now), purpose, ticket(n), now)?;
        self.apply(writes, now);
        Ok(())
    }
    fn ticket(&self, n: u8) -> Option<&Ticket> {
        self.tickets.get(&ticket(n)).map(|(ticket, _)| ticket)
    }
    fn take(&mut self, n: u8, now: Timestamp) -> Result<SignIn, Problem> {
        let site = Site { origin: "wss://lull.example".into(), chain: Chain::Localnet };
        let (writes, sign_in) = take(self.ticket(n), &site, Nonce([n; 16]), now)?;
        self.apply(writes, now);
        Ok(sign_in)
    }
    fn sign(&mut self, n: u8, proof: &Proof, now: Timestamp) -> Result<(), Problem> {
        let worker = self.ticket(n).map_or(id(0), |ticket| ticket.worker);
        let facts = (self.worker(worker, now), self.wallet(proof.wallet));
        let (writes, given) = sign_in(self.ticket(n), &facts.0, &facts.1, proof, now)?;
        self.apply(writes, now);
        match given {
            Given::Refused(problem) => Err(problem),
            given => {
                assert_eq!(given, Given::Asked(now.plus(TICKET_MS)));
                Ok(())
            }
        }
    }
    fn agree(&mut self, yes: &Signed<WalletYes>, now: Timestamp) -> Result<usize, Problem> {
        let ticket = self.tickets.get(&yes.payload().ticket).map(|(ticket, _)| ticket);
        let facts = (self.worker(*yes.signer(), now), self.wallet(yes.payload().wallet));
        let lost = yes.payload().lost.map(|lost| self.worker(lost, now));
        let writes = agree(ticket, (&facts.0, lost.as_ref()), &facts.1, (yes, &coordinator()), now)?;
        let count = writes.len();
        self.apply(writes, now);
        Ok(count)
    }
    fn veto(&mut self, veto: &Signed<WalletVeto>, now: Timestamp) -> Result<usize, Problem> {
        let rebind = self.rebinds.get(&veto.payload().yes).copied();
        let facts = rebind.map(|rebind| self.wallet(rebind.wallet)).unwrap_or_default();
        let writes = lull_market::connect::veto(rebind.as_ref(), &facts, (veto, &coordinator()), now)?;
        let count = writes.len();
        self.apply(writes, now);
        Ok(count)
    }
    fn sweep(&mut self, now: Timestamp) {
        for rebind in self.rebinds.clone().into_values() {
            let writes = by_time(&rebind, &self.worker(rebind.worker, now), &self.wallet(rebind.wallet), now);
            self.apply(writes, now);
        }
    }
    /// All steps at once.
    fn connect(&mut self, worker: u8, purpose: Purpose, to: u8, n: u8, now: Timestamp) -> Result<(), Problem> {
        self.open(worker, purpose, n, now)?;
        if purpose.needs_wallet() {
            let sign_in = self.take(n, now)?;
            self.sign(n, &proof(&sign_in, to), now)?;
        }
        self.agree(&yes(worker, purpose, to, n), now).map(|_| ())
    }
    fn paid_to(&self, worker: u8) -> Option<Wallet> {
        self.workers.get(&id(worker)).and_then(|facts| facts.wallet)
    }
    fn held(&self, worker: u8, now: Timestamp) -> bool {
        is_held(&self.worker(id(worker), now), now)
    }
}

fn proof(sign_in: &SignIn, by: u8) -> Proof {
    let message = sign_in.text(&wallet(by)).into_bytes();
    let signature = ed25519_dalek::SigningKey::from_bytes(&[by; 32]).sign(&message).to_bytes();
    Proof { wallet: wallet(by), message, signature }
}

fn said(purpose: Purpose, to: u8, n: u8) -> WalletYes {
    let lost = purpose.names_another().then(|| id(1));
    WalletYes { coordinator: coordinator(), purpose, ticket: ticket(n), wallet: wallet(to), lost, at: at(0) }
}
fn yes(worker: u8, purpose: Purpose, to: u8, n: u8) -> Signed<WalletYes> {
    Signed::sign(said(purpose, to, n), &key(worker))
}
fn no(worker: u8, yes: Hash) -> Signed<WalletVeto> {
    Signed::sign(WalletVeto { coordinator: coordinator(), yes, at: at(0) }, &key(worker))
}

#[test]
fn both_must_say_yes() {
    let mut book = Book::default();
    book.open(1, Purpose::Link, 1, at(0)).expect("opened");
    assert_eq!(book.agree(&yes(1, Purpose::Link, 9, 1), at(1)), Err(Problem::NotYet), "before the wallet");
    let sign_in = book.take(1, at(1)).expect("taken");
    assert_eq!(book.take(1, at(2)), Err(Problem::Used), "a second tab");
    assert_eq!(
        book.sign(1, &Proof { signature: [0; 64], ..proof(&sign_in, 9) }, at(2)),
        Err(siws::Problem::Signature.into())
    );
    book.sign(1, &proof(&sign_in, 9), at(2)).expect("a bad proof has used up nothing");
    assert_eq!(book.sign(1, &proof(&sign_in, 9), at(3)), Err(Problem::Used), "replayed");
    assert_eq!(book.paid_to(1), None, "before the worker");
    assert_eq!(book.agree(&yes(2, Purpose::Link, 9, 1), at(4)), Err(Problem::Foreign));
    assert_eq!(book.agree(&yes(1, Purpose::Link, 8, 1), at(4)), Err(Problem::AccountChanged));
    assert_eq!(book.agree(&yes(1, Purpose::Change, 9, 1), at(4)), Err(Problem::OtherPurpose));
    let elsewhere = WalletYes { coordinator: id(3), ..said(Purpose::Link, 9, 1) };
    assert_eq!(book.agree(&Signed::sign(elsewhere, &key(1)), at(4)), Err(Problem::OtherCoordinator));
    assert!(book.agree(&yes(1, Purpose::Link, 9, 1), at(4)).is_ok_and(|writes| writes > 0));
    assert_eq!(book.agree(&yes(1, Purpose::Link, 9, 1), at(TICKET_MS * 9)), Ok(0), "sent again");
    let later = WalletYes { at: at(1), ..said(Purpose::Link, 9, 1) };
    assert_eq!(book.agree(&Signed::sign(later, &key(1)), at(5)), Err(Problem::Used));
    assert_eq!((book.paid_to(1), book.held(1, at(5))), (Some(wallet(9)), false), "the first wallet waits for nothing");
}

#[test]
fn tickets_end() {
    let mut book = Book::default();
    assert_eq!(book.take(1, at(0)), Err(Problem::Unknown));
    book.open(1, Purpose::Link, 1, at(0)).expect("opened");
    assert_eq!(book.take(1, at(TICKET_MS)), Err(Problem::Expired));
    let sign_in = book.take(1, at(TICKET_MS - 1)).expect("in time");
    assert_eq!(book.sign(1, &proof(&sign_in, 9), at(TICKET_MS)), Err(Problem::Expired));
    book.sign(1, &proof(&sign_in, 9), at(TICKET_MS - 1)).expect("in time");
    let late = at(2 * TICKET_MS - 1);
    assert_eq!(book.agree(&yes(1, Purpose::Link, 9, 1), late), Err(Problem::Expired), "five more minutes for the yes");
    book.open(1, Purpose::Link, 2, late).expect("opened");
    book.open(1, Purpose::Link, 3, late).expect("opened");
    assert_eq!(book.take(2, late), Err(Problem::Replaced));
    assert_eq!(decline(book.ticket(3), &id(2), late), Err(Problem::Foreign));
    let writes = decline(book.ticket(3), &id(1), late).expect("declined");
    book.apply(writes, late);
    assert_eq!((book.take(3, late), decline(book.ticket(3), &id(1), late)), (Err(Problem::Declined), Ok(vec![])));
    for n in 4..=10 {
        book.open(1, Purpose::Link, n, late).expect("opened");
    }
    assert_eq!(book.open(1, Purpose::Link, 11, late), Err(Problem::TooMany));
    book.open(2, Purpose::Link, 12, late).expect("another's limit is another's");
    book.open(1, Purpose::Link, 11, late.plus(TICKETS_WINDOW_MS)).expect("an hour later");
}

#[test]
fn a_sign_in_of_another_ticket_counts_for_none() {
    let mut book = Book::default();
    book.open(1, Purpose::Link, 1, at(0)).expect("opened");
    book.open(2, Purpose::Link, 2, at(0)).expect("opened");
    let (_, theirs) = (book.take(1, at(0)).expect("taken"), book.take(2, at(0)).expect("taken"));
    let other = siws::Problem::OtherStatement;
    assert_eq!(book.sign(1, &proof(&theirs, 9), at(1)), Err(other.into()), "it names another browser");
}

#[test]
fn another_wallet_waits_a_day_whichever_way_it_comes() {
    let mut book = Book::default();
    book.connect(1, Purpose::Link, 9, 1, at(0)).expect("linked");
    assert_eq!(book.open(1, Purpose::Link, 2, at(1)), Err(Problem::Linked));
    assert_eq!(book.connect(1, Purpose::Change, 9, 2, at(1)), Err(Problem::SameWallet));
    book.connect(1, Purpose::Change, 8, 3, at(2)).expect("changed");
    assert_eq!(book.paid_to(1), Some(wallet(8)));
    assert!(book.held(1, at(2)) && book.held(1, at(1 + HOLD_MS)) && !book.held(1, at(2 + HOLD_MS)));
    let held_until = Some(at(2 + HOLD_MS));
    let notice = Notice::PaidTo { wallet: wallet(8), before: Some(wallet(9)), held_until };
    assert_eq!(book.told.last(), Some(&(id(1), notice)));

    book.connect(1, Purpose::Unlink, 8, 4, at(3)).expect("left");
    assert_eq!(book.paid_to(1), None);
    let left = Notice::Left { wallet: wallet(8), stays: amount(530), arrives: amount(70) };
    assert_eq!(book.told.last(), Some(&(id(1), left)));
    assert_eq!(book.open(1, Purpose::Unlink, 5, at(4)), Err(Problem::NotLinked));
    book.connect(1, Purpose::Link, 8, 6, at(4)).expect("linked again");
    assert!(book.held(1, at(1 + HOLD_MS)) && !book.held(1, at(2 + HOLD_MS)), "leaving shortens nothing");
    book.connect(1, Purpose::Unlink, 8, 7, at(5 + HOLD_MS)).expect("left");
    book.connect(1, Purpose::Link, 7, 8, at(6 + HOLD_MS)).expect("linked");
    assert!(book.held(1, at(7 + HOLD_MS)), "a change by way of none is a change");
}

/// Worker 1 and 2 are paid to wallet 9, worker 3 wants the place of worker 1.
fn rebinding() -> (Book, Hash) {
    let mut book = Book::default();
    book.connect(1, Purpose::Link, 9, 1, at(0)).expect("linked");
    book.connect(2, Purpose::Link, 9, 2, at(0)).expect("linked");
    book.told.clear();
    book.connect(3, Purpose::Rebind, 9, 3, at(0)).expect("begun");
    let hash = yes(3, Purpose::Rebind, 9, 3).hash();
    (book, hash)
}

#[test]
fn a_lost_worker_s_place_is_taken_after_a_day_that_all_know_of() {
    let (mut book, hash) = rebinding();
    let rebind = book.rebinds[&hash];
    let told: Vec<_> = book.told.iter().filter(|(_, n)| *n == Notice::Rebinding(rebind)).map(|(key, _)| *key).collect();
    assert!([1, 2, 3].iter().all(|seed| told.contains(&id(*seed))) && told.len() == 3);
    assert_eq!(book.connect(4, Purpose::Rebind, 9, 4, at(1)), Err(Problem::Rebinding));
    assert_eq!(book.connect(5, Purpose::Rebind, 8, 5, at(1)), Err(Problem::WrongAccount));
    book.sweep(at(HOLD_MS - 1));
    assert_eq!(book.paid_to(3), None);
    book.sweep(at(HOLD_MS));
    assert_eq!((book.paid_to(3), &book.retired[..]), (Some(wallet(9)), &[id(1)][..]));
    assert_eq!(book.veto(&no(2, hash), at(HOLD_MS)), Err(Problem::Decided));
    let count = book.told.len();
    book.sweep(at(HOLD_MS + 1));
    assert_eq!(book.told.len(), count, "once");
}

#[test]
fn every_live_key_can_veto_and_nobody_else() {
    for by in [1, 2] {
        let (mut book, hash) = rebinding();
        assert_eq!(book.veto(&no(3, hash), at(1)), Err(Problem::Foreign));
        assert_eq!(book.veto(&no(2, Hash([0; 32])), at(1)), Err(Problem::Unknown));
        let elsewhere = WalletVeto { coordinator: id(3), yes: hash, at: at(0) };
        assert_eq!(book.veto(&Signed::sign(elsewhere, &key(2)), at(1)), Err(Problem::OtherCoordinator));
        assert!(book.veto(&no(by, hash), at(HOLD_MS - 1)).is_ok_and(|writes| writes > 0));
        assert_eq!(book.veto(&no(by, hash), at(HOLD_MS)), Ok(0), "sent again");
        book.sweep(at(HOLD_MS));
        assert_eq!((book.paid_to(3), book.retired.len()), (None, 0));
        assert_eq!(book.rebinds[&hash].state, RebindState::Vetoed(id(by)));
    }
}

/// Worker 1 and 2 are paid to wallet 9; worker 2 is put out by worker 1, or says so of worker 1.
fn puts_out(book: &mut Book, (by, gone): (u8, u8), to: u8, n: u8, now: Timestamp) -> Result<usize, Problem> {
    book.open(by, Purpose::PutOut, n, now)?;
    let sign_in = book.take(n, now)?;
    book.sign(n, &proof(&sign_in, to), now)?;
    let said = WalletYes { lost: Some(id(gone)), ..said(Purpose::PutOut, to, n) };
    book.agree(&Signed::sign(said, &key(by)), now)
}

#[test]
fn who_is_put_out_has_no_say_and_keeps_what_it_earned() {
    let (mut book, hash) = rebinding();
    book.told.clear();
    puts_out(&mut book, (1, 2), 9, 7, at(1)).expect("the wallet signed, and a worker of it said yes");
    assert_eq!((book.paid_to(1), book.paid_to(2)), (Some(wallet(9)), None));
    let news: Vec<_> = book.told.iter().filter(|(_, notice)| notice.event().is_some()).copied().collect();
    let out = Notice::PutOut { wallet: wallet(9), by: id(1), stays: amount(530), arrives: amount(70) };
    assert_eq!(news, [(id(2), out), (id(1), Notice::OtherPutOut { worker: id(2), by: id(1) })]);
    assert_eq!(book.veto(&no(2, hash), at(2)), Err(Problem::Foreign), "nor a veto");
    assert!(!book.wallet(wallet(9)).workers.contains(&id(2)), "nor a say about when the others are paid");
    assert_eq!(book.open(2, Purpose::PutOut, 8, at(2)), Err(Problem::NotLinked), "nor can it put out anybody");
    book.connect(2, Purpose::Link, 8, 9, at(3)).expect("another wallet");
    assert!(book.held(2, at(3)), "which is a change of wallet");
}

#[test]
fn a_key_alone_puts_nobody_out() {
    let (mut book, _) = rebinding();
    book.open(2, Purpose::PutOut, 7, at(1)).expect("anybody may ask");
    let said = WalletYes { lost: Some(id(1)), ..said(Purpose::PutOut, 9, 7) };
    assert_eq!(book.agree(&Signed::sign(said, &key(2)), at(1)), Err(Problem::NotYet), "without the wallet");
    assert_eq!(puts_out(&mut book, (2, 1), 8, 8, at(1)), Err(Problem::OtherWallet), "with a wallet of its own");
    assert_eq!(puts_out(&mut book, (4, 1), 9, 9, at(1)), Err(Problem::NotLinked), "from outside");
    assert_eq!(puts_out(&mut book, (2, 2), 9, 10, at(1)), Err(Problem::NotOfThisWallet), "itself: that is unlinking");
    assert_eq!(puts_out(&mut book, (2, 3), 9, 11, at(1)), Err(Problem::NotOfThisWallet), "one that isn't paid to it");
    assert_eq!((book.paid_to(1), book.paid_to(2)), (Some(wallet(9)), Some(wallet(9))));
}

#[test]
fn ten_refused_sign_ins_are_the_end_of_a_ticket() {
    let mut book = Book::default();
    book.open(1, Purpose::Link, 1, at(0)).expect("opened");
    let sign_in = book.take(1, at(0)).expect("taken");
    let bad = Proof { signature: [0; 64], ..proof(&sign_in, 9) };
    for _ in 1..SIGN_INS_REFUSED_MAX {
        assert_eq!(book.sign(1, &bad, at(1)), Err(siws::Problem::Signature.into()));
    }
    assert_eq!(book.sign(1, &bad, at(1)), Err(Problem::Spent));
    assert_eq!(book.sign(1, &proof(&sign_in, 9), at(1)), Err(Problem::Spent), "also the right one");
    assert_eq!(book.take(1, at(1)), Err(Problem::Spent));
    book.connect(1, Purpose::Link, 9, 2, at(2)).expect("a new one");
}

#[test]
fn the_others_are_told_who_said_when_they_are_paid() {
    let (workers, schedule) = ([id(1), id(2), id(3)], Schedule::Weekly(Weekday::Friday));
    let told = scheduled(&workers, id(2), schedule, Schedule::Now);
    let notice = Notice::Scheduled { by: id(2), schedule };
    assert_eq!(told, [Write::Notify(id(1), notice), Write::Notify(id(3), notice)]);
    assert_eq!(scheduled(&workers, id(2), schedule, schedule), [], "nothing changed");
}

#[test]
fn what_changed_meanwhile_lapses() {
    let (mut book, hash) = rebinding();
    book.connect(1, Purpose::Unlink, 9, 7, at(1)).expect("the lost one left by itself");
    book.sweep(at(HOLD_MS));
    assert_eq!((book.rebinds[&hash].state, book.paid_to(3)), (RebindState::Lapsed, None));
    let (mut book, hash) = rebinding();
    book.connect(3, Purpose::Link, 8, 7, at(1)).expect("linked");
    book.sweep(at(HOLD_MS));
    assert_eq!((book.rebinds[&hash].state, book.paid_to(3)), (RebindState::Lapsed, Some(wallet(8))));
}

#[test]
fn some_wallets_take_nobody() {
    let mut book = Book { listed: vec![wallet(8)], ..Book::default() };
    assert_eq!(book.connect(1, Purpose::Link, 8, 1, at(0)), Err(Problem::Listed));
    for seed in 20..20 + u8::try_from(WORKERS_PER_WALLET_MAX).expect("few") {
        let facts = WorkerFacts { wallet: Some(wallet(9)), ..book.worker(id(seed), at(0)) };
        book.workers.insert(id(seed), facts);
    }
    assert_eq!(book.connect(1, Purpose::Link, 9, 2, at(0)), Err(Problem::WalletFull));
    book.listed.push(wallet(9));
    book.connect(20, Purpose::Unlink, 9, 3, at(0)).expect("who is listed may be left");
}

proptest! {
    /// Any steps in any order, by anyone: no panic, and a wallet is only ever paid to after it signed in for that
    /// worker and the worker said yes.
    #[test]
    fn nobody_is_linked_unasked(steps in proptest::collection::vec(
        (0..7_u8, 1..4_u8, select(&Purpose::ALL), 7..9_u8, 0..12_u8, 0..60_000_u64), 0..60)) {
        let (mut book, mut now) = (Book::default(), at(0));
        let (mut signed, mut agreed) = (vec![], vec![]);
        for (step, worker, purpose, to, n, later) in steps {
            now = now.plus(later);
            // Half of the steps are of the ticket's own worker, for what it is for.
            let own = book.ticket(n).filter(|_| later % 2 == 0).map(|ticket| (ticket.worker, ticket.purpose));
            let seed = (1..4).find(|seed| own.is_some_and(|(own, _)| own == id(*seed)));
            let (worker, purpose) = (seed.unwrap_or(worker), own.map_or(purpose, |(_, purpose)| purpose));
            match step {
                0 if book.ticket(n).is_none() => {
                    let _ = book.open(worker, purpose, n, now);
                }
                0 => {}
                1 => {
                    let _ = book.take(n, now);
                }
                2 => {
                    let taken = book.ticket(n).map(|ticket| ticket.state.clone());
                    if let Some(TicketState::Taken(sign_in)) = taken
                        && book.sign(n, &proof(&sign_in, to), now).is_ok()
                    {
                        signed.push((sign_in.asked().worker, wallet(to)));
                    }
                }
                3 => if book.agree(&yes(worker, purpose, to, n), now).is_ok() {
                    agreed.push((id(worker), wallet(to)));
                },
                4 => if let Some(hash) = book.rebinds.keys().next().copied() {
                    let _ = book.veto(&no(worker, hash), now);
                },
                5 => {
                    now = now.plus(HOLD_MS);
                    book.sweep(now);
                }
                _ => if let Ok(writes) = decline(book.ticket(n), &id(worker), now) {
                    book.apply(writes, now);
                },
            }
            for facts in book.workers.values() {
                if let Some(wallet) = facts.wallet {
                    prop_assert!(signed.contains(&(facts.worker, wallet)) && agreed.contains(&(facts.worker, wallet)));
                }
            }
        }
    }
}
