//! Who is paid what: recomputed from verdicts, from what people said, from the ledger as it grows, and from what the
//! chain has. It knows nothing of batches, lanes and states.

use std::collections::{BTreeMap, BTreeSet};

use lull_market::ledger::Account;
use lull_payout::address::Address;
use lull_protocol::connect::{Purpose, WalletYes};
use lull_protocol::payout::{Hold, Payout, PayoutStage, Payouts, Schedule, Weekday};
use lull_protocol::{PublicKey, Signed, Timestamp, Wallet};
use lull_store::{EntryRow, Reader, StoreError};

use super::{Broken, Holds, Model, broken, must};

/// A payout is at least so many times its fee: 5 %.
const FEE_SHARE: u64 = 20;
/// Whoever changed their wallet isn't paid for so long.
const HOLD_MS: u64 = 86_400_000;
const DAY_MS: u64 = 86_400_000;
/// Entries read at once.
const PAGE: usize = 1_000;

const ONCE: &str = "each payout is paid once";
const WHOSE: &str = "earnings are paid to whose they are";
const WORTH: &str = "a payout is worth its fee";
const HELD: &str = "a changed wallet waits for a day";
const WISH: &str = "people are paid when they want it";
const BOOKS: &str = "the ledger is the chain";

/// How a worker is paid.
#[derive(Clone, Copy, Debug, Default)]
struct To {
    wallet: Option<Wallet>,
    /// The one it was paid to last, if to none now.
    left: Option<Wallet>,
    held_until: Timestamp,
}

/// When somebody wants to be paid.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// `None`: a commit was unsure, so it may be another.
    schedule: Option<Schedule>,
    agreed: u64,
    at: Timestamp,
}

/// A payout, as the ledger tells it.
#[derive(Clone, Debug)]
struct Made {
    shares: BTreeMap<PublicKey, u64>,
    /// Of what the network costs; once it is paid.
    quote: Option<u64>,
}

/// What was read of the ledger.
#[derive(Clone, Debug, Default)]
struct Books {
    after: u64,
    payouts: BTreeMap<String, Made>,
    in_payout: BTreeMap<PublicKey, u64>,
    paid: BTreeMap<PublicKey, u64>,
    quotes: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Paying {
    to: BTreeMap<PublicKey, To>,
    choices: BTreeMap<PublicKey, Choice>,
    /// Those who may have said that they want it now, since their last payout.
    wishes: BTreeSet<PublicKey>,
    books: Books,
    kept: Option<Books>,
    /// The database may have forgotten payments, or had.
    was_copied: bool,
    /// What is final on the chain: number, token account, amount.
    landed: BTreeSet<(u64, Address, u64)>,
    /// What arrived in each token account.
    received: BTreeMap<Address, u64>,
    /// Workers that were ever paid to a wallet.
    ever: BTreeMap<Wallet, BTreeSet<PublicKey>>,
    /// Those that were closed by whose they are.
    closed: BTreeSet<Address>,
    accounts: BTreeMap<Wallet, Address>,
}

impl Paying {
    fn to(&self, worker: &PublicKey) -> To {
        self.to.get(worker).copied().unwrap_or_default()
    }

    fn of(&self, wallet: Wallet) -> impl Iterator<Item = &PublicKey> {
        self.to.iter().filter(move |(_, to)| to.wallet == Some(wallet)).map(|(worker, _)| worker)
    }

    pub(super) fn in_payout(&self, worker: &PublicKey) -> u64 {
        self.books.in_payout.get(worker).copied().unwrap_or(0)
    }

    pub(super) fn paid(&self, worker: &PublicKey) -> u64 {
        self.books.paid.get(worker).copied().unwrap_or(0)
    }

    /// All that was borne of the network's fees.
    pub(super) fn quotes(&self) -> u64 {
        self.books.quotes
    }

    /// A worker's yes is committed.
    pub(super) fn agreed(&mut self, yes: &Signed<WalletYes>, at: Timestamp) {
        let (worker, said) = (*yes.signer(), yes.payload());
        let to = self.to.entry(worker).or_default();
        match said.purpose {
            Purpose::Link | Purpose::Change => {
                let before = to.wallet.or(to.left).filter(|before| *before != said.wallet);
                if before.is_some() {
                    to.held_until = at.plus(HOLD_MS);
                }
                (to.wallet, to.left) = (Some(said.wallet), None);
                self.ever.entry(said.wallet).or_default().insert(worker);
                // A yes to what one wallet's account costs is none to another's.
                if let Some(choice) = self.choices.get_mut(&worker) {
                    choice.agreed = 0;
                }
            }
            Purpose::Unlink => {
                to.left = to.wallet.take();
            }
            Purpose::Rebind => {}
        }
    }

    pub(super) fn chose(&mut self, worker: PublicKey, schedule: Option<Schedule>, agreed: u64, at: Timestamp) {
        let before = self.choices.get(&worker);
        // What was unsure may have been agreed to as well.
        let agreed = if schedule.is_none() { agreed.max(before.map_or(0, |choice| choice.agreed)) } else { agreed };
        self.choices.insert(worker, Choice { schedule, agreed, at });
    }

    pub(super) fn wished(&mut self, worker: PublicKey) {
        self.wishes.insert(worker);
    }

    /// What those of a wallet said last; `None`: nobody knows which counts.
    fn schedule(&self, wallet: Wallet, at: Timestamp) -> Option<Schedule> {
        let is_free = |worker: &&PublicKey| self.to(worker).held_until <= at;
        let said: Vec<Choice> =
            self.of(wallet).filter(is_free).filter_map(|worker| self.choices.get(worker).copied()).collect();
        let Some(last) = said.iter().map(|choice| choice.at).max() else { return Some(Schedule::Now) };
        let mut newest = said.iter().filter(|choice| choice.at == last);
        let first = newest.next()?.schedule?;
        let is_sure = said.iter().all(|choice| choice.schedule.is_some()) && newest.next().is_none();
        is_sure.then_some(first)
    }
}

fn unreadable(error: StoreError) -> Broken {
    broken("the store can be read", format!("{error:?}"))
}

impl Model {
    /// A wallet's token account.
    pub(crate) fn knows_account(&mut self, wallet: Wallet, account: Address) {
        self.paying.accounts.insert(wallet, account);
    }

    /// Its owner has closed a token account.
    pub(crate) fn account_closed(&mut self, account: Address) {
        self.paying.closed.insert(account);
    }

    /// Whether this coordinator pays.
    pub(super) fn pays(&self) -> bool {
        !self.paying.accounts.is_empty()
    }

    /// Whether a yes whose commit was unsure shows in what the store has.
    pub(super) fn wallet_came_about(&self, yes: &Signed<WalletYes>, found: Option<Wallet>) -> bool {
        let known = self.paying.to(yes.signer()).wallet;
        let expected = Some(yes.payload().wallet).filter(|_| yes.payload().purpose != Purpose::Unlink);
        found == expected && known != expected
    }

    /// A copy of the database is made, which may be restored.
    pub(crate) fn keep_books(&mut self) {
        self.paying.kept = Some(self.paying.books.clone());
    }

    /// It is.
    pub(crate) fn restore_books(&mut self) {
        self.paying.was_copied = true;
        if let Some(kept) = self.paying.kept.take() {
            self.paying.books = kept;
        }
    }

    /// Another process has paid from a copy.
    pub(crate) fn paid_from_copy(&mut self) {
        self.paying.was_copied = true;
    }

    /// A payout is final on the chain.
    pub(crate) fn chain_pays(&mut self, payout: u64, account: Address, amount: u64) -> Holds {
        let is_new = self.paying.landed.insert((payout, account, amount));
        must(is_new, ONCE, || format!("payout {payout} of {amount} arrived at {account} a second time"))?;
        let received = self.paying.received.entry(account).or_default();
        *received += amount;
        let received = *received;
        let of_account = |(_, known): &(&Wallet, &Address)| **known == account;
        let wallet = self.paying.accounts.iter().find(of_account).map(|(wallet, _)| *wallet);
        let Some(workers) = wallet.and_then(|wallet| self.paying.ever.get(&wallet)) else {
            return Err(broken(WHOSE, format!("{amount} went to {account}, which nobody has")));
        };
        let earned: u64 = workers.iter().map(|worker| self.account(worker).1).sum();
        must(received <= earned, ONCE, || format!("{account} got {received}, its workers earned {earned}"))
    }

    /// What the ledger says of payouts, as far as it was not read yet.
    pub(crate) fn read_payouts(&mut self, reader: &Reader) -> Holds {
        loop {
            let page = reader.ledger(self.paying.books.after, PAGE).map_err(unreadable)?;
            let Some(last) = page.last().map(|entry| entry.id) else { return Ok(()) };
            self.paying.books.after = last;
            for entry in &page {
                match entry.cause.as_str() {
                    "payout" => self.payout_made(entry, reader)?,
                    "paid" => self.payout_paid(entry)?,
                    _ => {}
                }
            }
        }
    }

    fn payout_made(&mut self, entry: &EntryRow, reader: &Reader) -> Holds {
        let mut shares = BTreeMap::new();
        for posting in &entry.postings {
            if let Account::InPayout(worker) = posting.account {
                shares.insert(worker, u64::try_from(posting.delta).unwrap_or(0));
            }
        }
        for (worker, share) in &shares {
            let settled = self.account(worker).1;
            let gone = self.paying.in_payout(worker) + self.paying.paid(worker);
            must(gone + share <= settled, ONCE, || {
                format!("{worker} has {settled} final, {gone} are gone, {share} are to go")
            })?;
        }
        let row = |worker: &PublicKey| -> Result<Option<Payout>, Broken> {
            let number = entry.about.parse::<u64>().unwrap_or(0);
            let (rows, _) = reader.payouts_before(worker, number + 1).map_err(unreadable)?;
            Ok(rows.into_iter().find(|row| row.number == number))
        };
        let Some(first) = shares.keys().next() else { return Ok(()) };
        let Some(row) = row(first)? else {
            return Err(broken(WHOSE, format!("the ledger has payout {}, and nobody is told", entry.about)));
        };
        // What a payment of a database that was forgotten comes to is booked as it is.
        if !self.paying.was_copied {
            self.payout_fits(&row, &shares, entry.at)?;
        }
        let wallet = row.wallet;
        let workers: Vec<PublicKey> = self.paying.of(wallet).copied().collect();
        for worker in workers {
            let is_free = self.paying.to(&worker).held_until <= entry.at;
            if is_free {
                self.paying.wishes.remove(&worker);
            }
            if row.account.get() > 0
                && let Some(choice) = self.paying.choices.get_mut(&worker)
            {
                choice.agreed = 0;
            }
        }
        let books = &mut self.paying.books;
        for (worker, share) in &shares {
            *books.in_payout.entry(*worker).or_default() += share;
        }
        books.payouts.insert(entry.about.clone(), Made { shares, quote: None });
        Ok(())
    }

    fn payout_fits(&self, row: &Payout, shares: &BTreeMap<PublicKey, u64>, at: Timestamp) -> Holds {
        let paying = &self.paying;
        let all: u64 = shares.values().sum();
        for worker in shares.keys() {
            let to = paying.to(worker);
            must(to.wallet == Some(row.wallet), WHOSE, || {
                format!("{worker} is paid to {:?}, and {row:?} is made of its earnings", to.wallet)
            })?;
            must(to.held_until <= at, HELD, || format!("{worker} is held until {:?}: {row:?}", to.held_until))?;
        }
        let (arrives, fee, account) = (row.arrives.get(), row.fee.get(), row.account.get());
        must(arrives + fee + account == all, WORTH, || format!("{row:?} takes {all}"))?;
        must(arrives > 0 && fee * FEE_SHARE <= all, WORTH, || format!("{fee} of {all}: {row:?}"))?;
        let agreed = paying.of(row.wallet).filter_map(|worker| paying.choices.get(worker)).map(|choice| choice.agreed);
        let agreed = agreed.max().unwrap_or(0);
        must(account <= agreed, WISH, || format!("an account for {account}, {agreed} was agreed to: {row:?}"))?;
        let is_wished = paying.of(row.wallet).any(|worker| paying.wishes.contains(worker));
        let fits = match paying.schedule(row.wallet, at) {
            _ if is_wished => true,
            None | Some(Schedule::Now) => true,
            Some(Schedule::At(amount)) => all >= amount.get(),
            Some(Schedule::Weekly(day)) => Weekday::of(at.get() / DAY_MS) == day,
        };
        must(fits, WISH, || format!("{:?} was said, and {row:?} is made", paying.schedule(row.wallet, at)))
    }

    fn payout_paid(&mut self, entry: &EntryRow) -> Holds {
        let quote = entry.postings.iter().find(|posting| posting.account == Account::NetworkFees);
        let quote = quote.map_or(0, |posting| u64::try_from(posting.delta).unwrap_or(0));
        let books = &mut self.paying.books;
        let Some(made) = books.payouts.get_mut(&entry.about) else {
            return Err(broken(ONCE, format!("payout {} is paid, and was never made", entry.about)));
        };
        must(made.quote.is_none(), ONCE, || format!("payout {} is paid twice", entry.about))?;
        made.quote = Some(quote);
        for (worker, share) in made.shares.clone() {
            let left = books.in_payout.entry(worker).or_default();
            *left = left.saturating_sub(share);
            *books.paid.entry(worker).or_default() += share;
        }
        books.quotes += quote;
        let (out, received) = (self.paid_out(), self.paying.received.values().sum::<u64>());
        must(out <= received, BOOKS, || {
            format!("payout {} is paid by the ledger, {out} in all; the chain has {received}", entry.about)
        })
    }

    /// What has left, by the ledger.
    fn paid_out(&self) -> u64 {
        let books = &self.paying.books;
        books.paid.values().sum::<u64>().saturating_sub(books.quotes)
    }

    /// What a connection reads of payouts.
    pub(super) fn read_of_payouts(&self, worker: &PublicKey, payouts: &Payouts) -> Holds {
        let said = (payouts.in_payout.get(), payouts.paid.get());
        let known = (self.paying.in_payout(worker), self.paying.paid(worker));
        must(said == known, "earned = pending + payable + in payout + paid", || {
            format!("{worker} reads {said:?}, the ledger has {known:?}")
        })
    }

    /// At the end everybody is paid who can be, and the ledger is the chain.
    pub(super) fn all_are_paid(&self, reader: &Reader, at: Timestamp) -> Holds {
        let state = reader.treasury().map_err(unreadable)?;
        must(state.moved.is_empty(), "progress", || format!("payouts are stopped: {:?}", state.moved))?;
        must(state.open.is_empty(), "progress", || format!("batches are under way: {:?}", state.open))?;
        must(state.waiting.0 == 0, "progress", || format!("payouts wait: {:?}", state.waiting))?;
        let (out, received) = (self.paid_out(), self.paying.received.values().sum::<u64>());
        must(out == received, BOOKS, || format!("the ledger has paid {out}, {received} arrived"))?;
        for row in reader.payouts_held(PAGE).map_err(unreadable)? {
            let is_closed = self.paying.closed.iter().any(|closed| self.is_account(row.wallet.address(), closed));
            must(row.hold == Hold::NoAccount && is_closed, "progress", || format!("for no reason: {row:?}"))?;
        }
        self.nobody_waits(reader, at)
    }

    fn is_account(&self, wallet: Address, account: &Address) -> bool {
        let of = |(known, its): (&Wallet, &Address)| known.key().0 == wallet.to_bytes() && its == account;
        self.paying.accounts.iter().any(of)
    }

    /// Nobody has earned enough to be paid and isn't.
    fn nobody_waits(&self, reader: &Reader, at: Timestamp) -> Holds {
        let costs = reader.treasury().map_err(unreadable)?.costs;
        for (wallet, account) in &self.paying.accounts {
            let free = |worker: &&PublicKey| self.paying.to(worker).held_until <= at;
            let workers: Vec<&PublicKey> = self.paying.of(*wallet).filter(free).collect();
            let is_there = !self.paying.closed.contains(account) && self.paying.received.contains_key(account);
            let quote = costs.quote(is_there);
            let payable: u64 = workers
                .iter()
                .map(|worker| self.account(worker).1 - self.paying.in_payout(worker) - self.paying.paid(worker))
                .sum();
            let worth = (quote.fee.get() * FEE_SHARE).max(quote.fee.get() + quote.account.get() + 1);
            let says_now = self.paying.schedule(*wallet, at) == Some(Schedule::Now);
            must(!says_now || payable < worth, "progress", || {
                format!("{payable} wait for {workers:?}, {worth} would be worth it")
            })?;
        }
        Ok(())
    }
}

/// Whether a payout is told as something else than it is.
pub(super) fn is_told_badly(payouts: &Payouts) -> bool {
    let is_odd = |payout: &Payout| {
        let sum = payout.arrives.get() + payout.fee.get() + payout.account.get();
        sum != payout.earnings.get() || (payout.stage == PayoutStage::Paid) != payout.paid_at.is_some()
    };
    payouts.newest.iter().any(is_odd)
}
