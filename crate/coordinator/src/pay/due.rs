//! Who is due, and what goes together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lull_market::payouts::Share;
use lull_payout::address::Wallet;
use lull_payout::batch::{Batch, Stage};
use lull_payout::facts::{Alarm, Effect};
use lull_payout::lane::Gate;
use lull_payout::memo::MEMO_PAYOUTS_MAX;
use lull_payout::plan::{Due, Facts, Purse, plan};
use lull_payout::rpc::{self, ACCOUNTS_MAX, Commitment};
use lull_payout::rules::{Costs, Earned, NextPayout, Quote, Schedule, When, next_payout, within_day};
use lull_payout::sanctions::Sanctions;
use lull_payout::token::{Account, Mint, Recipient};
use lull_payout::transaction::Treasury;
use lull_payout::units::BatchId;
use lull_protocol::Amount;
use lull_protocol::payout::Standstill;
use lull_store::{NewPayout, PayCommand, Person, TreasuryState, WaitingPayout};

use super::PayoutError;
use super::shell::{Shell, Tools, names, words};
use crate::writer::now;

/// People that are read at once.
const PERSONS_MAX: usize = 1_000;
/// For this long a wallet without a token account is not looked at again, milliseconds.
const MISSING_MS: u64 = 30_000;
/// Wallets that are remembered so.
const MISSING_MAX: usize = 100_000;
/// For this long what rent costs is good, milliseconds.
const RENT_MS: u64 = 600_000;
/// Before any transaction of the treasury's own has landed it is taken to cost this, lamports.
const FEE_LAMPORTS: u64 = 5_000;
/// A fee is news once it has moved by more than this part of it: a quarter.
const NEWS_PART: u64 = 4;
const DAY_MS: u64 = 86_400_000;

impl Shell {
    /// Makes payouts of what is due and plans batches; the batches that begin.
    pub(super) async fn make_and_plan(&self) -> Result<Vec<BatchId>, PayoutError> {
        let state = self.state().await?;
        let costs = self.costs().await?;
        let sanctions = match self.sanctions().await {
            Ok(sanctions) if !sanctions.is_old(now()) => sanctions,
            Ok(_) => return self.stand_still(costs, Standstill::ListOld, &words(&Alarm::ListOld)).await,
            Err(error) => return self.stand_still(costs, Standstill::ListOld, &error.to_string()).await,
        };
        self.look_at_new_wallets().await?;
        if self.gate(&state) != Gate::Open || state.paused_at.is_some() {
            self.tell_of(costs, None).await?;
            return Ok(vec![]);
        }
        self.make(&costs).await?;
        self.plan(costs, &sanctions).await
    }

    /// Nobody is paid: workers and the operator are told why.
    async fn stand_still(&self, costs: Costs, why: Standstill, what: &str) -> Result<Vec<BatchId>, PayoutError> {
        self.tell_of(costs, Some(why)).await?;
        self.alarm(None, None, what).await?;
        Ok(vec![])
    }

    /// What a payout costs now.
    async fn costs(&self) -> Result<Costs, PayoutError> {
        let fee = self.app.readers.read(|reader| reader.transaction_lamports()).await?;
        let (account_lamports, _) = self.rents().await?;
        Ok(Costs {
            transaction_lamports: fee.unwrap_or(FEE_LAMPORTS),
            account_lamports,
            sharing: self.config.sharing,
            sol: self.config.sol_price,
        })
    }

    /// Of a token account, and of an account that holds nothing.
    async fn rents(&self) -> Result<(u64, u64), PayoutError> {
        let Tools { net, terms, .. } = &self.tools;
        let late = Duration::from_millis(RENT_MS);
        if let Some((account, empty, at)) = self.memory.lock().await.rents
            && at.elapsed() < late
        {
            return Ok((account, empty));
        }
        let account = net.agreed(&rpc::rent(terms.treasury.mint.account_bytes()), terms.agree_min).await?;
        let empty = net.agreed(&rpc::rent(0), terms.agree_min).await?;
        self.memory.lock().await.rents = Some((account, empty, Instant::now()));
        Ok((account, empty))
    }

    async fn tell_of(&self, costs: Costs, standstill: Option<Standstill>) -> Result<(), PayoutError> {
        let is_known = |(told, why): &(Costs, _)| *why == standstill && !is_news(told, &costs);
        if self.memory.lock().await.seen.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        self.tell(PayCommand::Stands { costs, standstill }).await?;
        self.memory.lock().await.seen = Some((costs, standstill));
        Ok(())
    }

    /// So that what a first token account costs is told before anything is earned.
    async fn look_at_new_wallets(&self) -> Result<(), PayoutError> {
        let wallets = self.app.readers.read(|reader| reader.wallets_unseen(ACCOUNTS_MAX)).await?;
        if !wallets.is_empty() {
            self.look(&wallets).await?;
        }
        Ok(())
    }

    /// What is where wallets' token accounts should be, of those that the RPCs agree about: the others wait. Those
    /// that are missing are remembered.
    async fn look(&self, wallets: &[Wallet]) -> Result<BTreeMap<Wallet, Recipient>, PayoutError> {
        let Tools { net, terms, .. } = &self.tools;
        let mint = terms.treasury.mint;
        let mut all = BTreeMap::new();
        for some in wallets.chunks(ACCOUNTS_MAX) {
            let addresses: Vec<_> = some.iter().map(|wallet| mint.account_of(&wallet.address())).collect();
            let said = net.several(&rpc::accounts(&addresses, self.config.commitment), terms.agree_min).await?;
            all.extend(alike(&mint, some, &said));
        }
        if wallets.iter().any(|wallet| !all.contains_key(wallet)) {
            self.alarm(None, None, &words(&Alarm::Disagreement)).await?;
        }
        let accounts: Vec<_> = all.iter().map(|(wallet, found)| (*wallet, *found != Recipient::Missing)).collect();
        let changed = self.app.readers.read(move |reader| reader.wallets_changed(&accounts)).await?;
        if !changed.is_empty() {
            self.tell(PayCommand::Looked(changed)).await?;
        }
        let missing = &mut self.memory.lock().await.missing;
        if missing.len() > MISSING_MAX {
            missing.clear();
        }
        for (wallet, recipient) in &all {
            match recipient {
                Recipient::Missing => _ = missing.insert(*wallet, Instant::now()),
                _ => _ = missing.remove(wallet),
            }
        }
        Ok(all)
    }

    async fn make(&self, costs: &Costs) -> Result<(), PayoutError> {
        let day = now().get() / DAY_MS;
        let least = costs.quote(true).fee;
        let mut after = None;
        loop {
            let read = move |reader: &mut lull_store::Reader| reader.persons(least, after, PERSONS_MAX, now());
            let persons = self.app.readers.read(read).await?;
            let is_last = persons.len() < PERSONS_MAX;
            after = persons.last().map(|person| person.wallet);
            self.make_of(persons, costs, day).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn make_of(&self, persons: Vec<Person>, costs: &Costs, day: u64) -> Result<(), PayoutError> {
        let not_due = persons
            .iter()
            .filter(|person| person.is_wanted && matches!(next(person, true, costs, day).when, When::At(_)));
        let not_due: Vec<Wallet> = not_due.map(|person| person.wallet).collect();
        let mut due: Vec<Person> = vec![];
        let late = Duration::from_millis(MISSING_MS);
        {
            let missing = &self.memory.lock().await.missing;
            for person in persons {
                let is_remembered = missing.get(&person.wallet).is_some_and(|at| at.elapsed() < late);
                // A payout may have opened the account since.
                let is_missing = is_remembered && !person.earned.has_account;
                if next(&person, !is_missing, costs, day).when == When::Now {
                    due.push(person);
                }
            }
        }
        let wallets: Vec<Wallet> = due.iter().map(|person| person.wallet).collect();
        let found = if wallets.is_empty() { BTreeMap::new() } else { self.look(&wallets).await? };
        let mut made = vec![];
        for person in due {
            let Some(found) = found.get(&person.wallet) else { continue };
            let has_account = *found != Recipient::Missing;
            let whole = next(&person, has_account, costs, day);
            if whole.when != When::Now {
                continue;
            }
            let (wallet, most) = (person.wallet, self.config.limits.person_day);
            let today = self.app.readers.read(move |reader| reader.wallet_day(wallet, most, now())).await?;
            let NextPayout { arrives, quote, when, .. } = within_day(whole, schedule_of(&person), &today);
            if when == When::Now {
                let payout = NewPayout { wallet, shares: person.shares, arrives: whole.arrives, quote };
                made.push(at_most(payout, arrives));
            }
        }
        if !made.is_empty() || !not_due.is_empty() {
            self.tell(PayCommand::Make { made, not_due }).await?;
        }
        Ok(())
    }

    /// What the treasury has, less what batches that it has not paid for yet will take.
    async fn purse(&self, state: &TreasuryState, costs: &Costs) -> Result<Purse, PayoutError> {
        let Tools { net, terms, .. } = &self.tools;
        let Treasury { owner, mint } = terms.treasury;
        let call = rpc::accounts(&[owner, mint.account_of(&owner)], self.config.commitment);
        let (mut own, mut lamports) = (u64::MAX, u64::MAX);
        // Balances change with each payment, so of several the least counts.
        for accounts in net.several(&call, terms.agree_min).await? {
            let [Some(treasury), Some(tokens)] = accounts.as_slice() else { return Err(PayoutError::NoTokens(owner)) };
            own = own.min(mint.token_account(tokens).ok_or(PayoutError::NoTokens(owner))?.amount);
            lamports = lamports.min(treasury.lamports);
        }
        let open: Vec<&Batch> = state.open.iter().filter(|batch| !is_taken(batch, self.config.commitment)).collect();
        let transfers = || open.iter().flat_map(|batch| &batch.transfers);
        let tokens: u64 = transfers().map(|transfer| transfer.amount.get()).sum();
        let accounts = transfers().filter(|transfer| transfer.makes_account).count() as u64;
        let (account_lamports, empty) = self.rents().await?;
        let transaction_lamports = costs.transaction_lamports.saturating_add(self.config.priority_lamports_max);
        let fees = transaction_lamports.saturating_mul(open.len() as u64);
        let taken = account_lamports.saturating_mul(accounts).saturating_add(fees).saturating_add(empty);
        Ok(Purse {
            tokens: own.saturating_sub(tokens),
            lamports: lamports.saturating_sub(taken),
            transaction_lamports,
            account_lamports,
        })
    }

    async fn plan(&self, costs: Costs, sanctions: &Sanctions) -> Result<Vec<BatchId>, PayoutError> {
        let state = self.state().await?;
        let free = state.lanes.iter().filter(|lane| lane.batch.is_none() && !lane.is_spent).count();
        if free == 0 {
            return Ok(vec![]);
        }
        let (person_day, limit) = (self.config.limits.person_day, free * MEMO_PAYOUTS_MAX);
        let read = move |reader: &mut lull_store::Reader| {
            Ok((reader.payouts_waiting(person_day, limit, now())?, reader.payouts_hour(now())?))
        };
        let (waiting, hour) = self.app.readers.read(read).await?;
        if waiting.is_empty() {
            return self.tell_of(costs, None).await.map(|()| vec![]);
        }
        let due = self.due(&waiting).await?;
        let purse = match self.purse(&state, &costs).await {
            Err(error @ PayoutError::NoTokens(_)) => {
                return self.stand_still(costs, Standstill::Short, &error.to_string()).await;
            }
            purse => purse?,
        };
        let facts = Facts {
            due: &due,
            lanes: &state.lanes,
            names: &names(state.lanes.len())?,
            limits: self.config.limits,
            hour,
            purse,
            sanctions,
            is_paused: state.paused_at.is_some(),
            run: self.run,
        };
        let decided = plan(&facts, &self.tools.terms, &self.gate(&state), now());
        let Some(effects) = self.commit(None, decided).await? else { return Ok(vec![]) };
        let (mut begun, mut standstill) = (vec![], None);
        for effect in effects {
            match effect {
                Effect::Again(batch) => begun.push(batch),
                Effect::Alarm(about, alarm) => {
                    if alarm == Alarm::TreasuryShort {
                        standstill = Some(Standstill::Short);
                    }
                    self.alarm(about, None, &words(&alarm)).await?;
                }
                _ => {}
            }
        }
        self.tell_of(costs, standstill).await?;
        Ok(begun)
    }

    async fn due(&self, waiting: &[WaitingPayout]) -> Result<Vec<Due>, PayoutError> {
        let mut wallets: Vec<Wallet> = waiting.iter().map(|one| one.wallet).collect();
        wallets.sort_unstable();
        wallets.dedup();
        let found = self.look(&wallets).await?;
        let due = waiting.iter().filter_map(|one| {
            let WaitingPayout { payout, wallet, amount, batch_max, is_account_charged, person_day } = *one;
            let person = wallets.binary_search(&wallet).ok()? as u64;
            let recipient = *found.get(&wallet)?;
            Some(Due { payout, person, wallet, amount, batch_max, is_account_charged, recipient, person_day })
        });
        Ok(due.collect())
    }
}

/// Whether what a payout costs has changed so that workers are told: not for each lamport of the network's fee, for all of
/// them read their account anew. A token account's cost is what they say yes to, so it is told as it is.
fn is_news(told: &Costs, costs: &Costs) -> bool {
    let moved = told.transaction_lamports.abs_diff(costs.transaction_lamports);
    let but_the_fee = Costs { transaction_lamports: told.transaction_lamports, ..*costs };
    moved.saturating_mul(NEWS_PART) > told.transaction_lamports || but_the_fee != *told
}

/// Whether blocks of this commitment have a batch in them, so that what it took is missing there already.
fn is_taken(batch: &Batch, commitment: Commitment) -> bool {
    commitment == Commitment::Confirmed && matches!(batch.stage, Stage::Confirmed { .. })
}

/// What is where wallets' token accounts should be, as far as all say the same.
fn alike<'a>(
    mint: &'a Mint,
    wallets: &'a [Wallet],
    said: &'a [Vec<Option<Account>>],
) -> impl Iterator<Item = (Wallet, Recipient)> + 'a {
    wallets.iter().enumerate().filter_map(move |(place, wallet)| {
        let of = |accounts: &Vec<Option<Account>>| mint.recipient(*wallet, accounts.get(place)?.as_ref()).into();
        let mut found = said.iter().map(of);
        let first: Recipient = found.next()??;
        found.all(|other: Option<Recipient>| other == Some(first)).then_some((*wallet, first))
    })
}

/// So much of a payout as may arrive in a day; the rest stays payable.
fn at_most(payout: NewPayout, most: Amount) -> NewPayout {
    let Quote { fee, account } = payout.quote;
    let mut left = most.get().saturating_add(fee.get()).saturating_add(account.get());
    let mut shares = vec![];
    for Share { worker, amount } in payout.shares {
        let taken = amount.get().min(left);
        left -= taken;
        shares.extend(Amount::new(taken).filter(|taken| *taken > Amount::ZERO).map(|amount| Share { worker, amount }));
    }
    NewPayout { shares, arrives: most, ..payout }
}

fn next(person: &Person, has_account: bool, costs: &Costs, day: u64) -> NextPayout {
    next_payout(&Earned { schedule: schedule_of(person), has_account, ..person.earned }, costs, day)
}

fn schedule_of(person: &Person) -> Schedule {
    if person.is_wanted { Schedule::Now } else { person.earned.schedule }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use lull_payout::address::Address;
    use lull_payout::token::TokenProgram;
    use lull_payout::transaction::{Fees, lane, make_lanes};
    use lull_payout::units::{Nonce, Signature};
    use lull_protocol::Timestamp;

    use super::*;

    #[test]
    fn a_fee_is_news_once_it_has_moved_by_a_quarter() {
        let sol = Amount::new(200_000_000).unwrap();
        let told = Costs { transaction_lamports: 5_000, account_lamports: 1_500_000, sharing: 1, sol };
        for (lamports, news) in [(5_000, false), (6_250, false), (6_251, true), (3_750, false), (3_749, true)] {
            assert_eq!(is_news(&told, &Costs { transaction_lamports: lamports, ..told }), news, "{lamports}");
        }
        assert!(is_news(&told, &Costs { account_lamports: 1_500_001, ..told }), "it is what they say yes to");
        assert!(is_news(&told, &Costs { sharing: 2, ..told }));
    }

    #[test]
    fn what_a_confirmed_batch_took_is_missing_already() {
        let secret = SigningKey::from_bytes(&[1; 32]);
        let owner = Address::from(secret.verifying_key().to_bytes());
        let (id, nonce) = (BatchId::new(1).unwrap(), Nonce([2; 32]));
        let message = make_lanes(&owner, 0..1, 1, nonce).unwrap();
        let payment = message.attach(Signature(secret.sign(message.bytes()).to_bytes()), &owner).unwrap();
        let (fees, sent_at) = (Fees { units: 1, price: 1 }, Timestamp::ZERO);
        let of = |stage| Batch { id, lane: lane(&owner, 0), nonce, transfers: vec![], run: 1, stage };
        let confirmed = of(Stage::Confirmed { payment: payment.clone(), fees, sent_at });
        assert!(is_taken(&confirmed, Commitment::Confirmed));
        assert!(!is_taken(&confirmed, Commitment::Finalized), "that is not so sure yet");
        assert!(!is_taken(&of(Stage::Sent { payment, fees, sent_at }), Commitment::Confirmed));
    }

    fn account(length: usize, marks: &[(usize, u8)]) -> Account {
        let mut data = vec![0; length];
        for (at, mark) in marks {
            data[*at] = *mark;
        }
        Account { lamports: 1, owner: TokenProgram::Classic.address(), data }
    }

    #[test]
    fn more_than_a_day_may_bring_goes_in_parts() {
        let amount = |value| Amount::new(value).unwrap();
        let share = |byte, value| Share { worker: lull_protocol::PublicKey([byte; 32]), amount: amount(value) };
        let wallet = Wallet::new(Address::from(
            lull_protocol::SigningKey::from_seed(&zeroize::Zeroizing::new([1; 32])).public().0,
        ));
        let payout = NewPayout {
            wallet: wallet.unwrap(),
            shares: vec![share(1, 600), share(2, 600), share(3, 5)],
            arrives: amount(1_200),
            quote: Quote { fee: amount(3), account: amount(2) },
        };
        let part = at_most(payout, amount(1_000));
        assert_eq!((part.arrives, part.shares), (amount(1_000), vec![share(1, 600), share(2, 405)]));
    }

    #[test]
    fn no_rpc_is_believed_alone_about_a_wallet() {
        // A mint of six decimals: they are at 44, that it is made at 45.
        let mint = Mint::read(Address::new_from_array([9; 32]), &account(82, &[(44, 6), (45, 1)]), 6).unwrap();
        let wallet = |seed: u8| {
            let seed = zeroize::Zeroizing::new([seed; 32]);
            Wallet::new(Address::from(lull_protocol::SigningKey::from_seed(&seed).public().0)).unwrap()
        };
        let wallets = [wallet(1), wallet(2)];
        let foreign = || Some(account(165, &[]));
        let found = |said: &[Vec<Option<Account>>]| alike(&mint, &wallets, said).collect::<Vec<_>>();
        let both = [(wallets[0], Recipient::Missing), (wallets[1], Recipient::Foreign)];
        assert_eq!(found(&[vec![None, foreign()], vec![None, foreign()]]), both);
        assert_eq!(found(&[vec![None, foreign()], vec![None, None]]), both[..1], "the other waits");
        assert_eq!(found(&[vec![None, None], vec![None]]), both[..1], "a short answer says nothing");
    }
}
