//! An audit: what the store says of itself, against what the model knows.

use std::collections::{BTreeMap, BTreeSet};

use lull_market::connect::Request;
use lull_market::ledger::Account;
use lull_market::{Command, LeaseState};
use lull_protocol::rejection::Rejection;
use lull_protocol::statement::{Report, Verdict, VerdictReason};
use lull_protocol::{Hash, Item, OrderId, PublicKey, Timestamp, cose};
use lull_store::{EntryRow, Reader, StoreError};

use super::{Broken, Holds, Lease, Model, State, broken, must};
use crate::world::shows;

/// Rows read at once.
const PAGE: usize = 1_000;

/// What the ledger says.
struct Ledger {
    balances: BTreeMap<Account, i128>,
    /// What is about what: a deposit's reference, an order, a verdict's hash.
    causes: BTreeSet<(String, String)>,
}

fn unreadable(error: StoreError) -> Broken {
    broken("the store can be read", format!("{error:?}"))
}

impl Model {
    /// Holds the store against the model; `is_last`: in full, and everything must be over.
    pub(crate) fn audit(&mut self, reader: &Reader, at: Timestamp, is_last: bool) -> Holds {
        let ledger = ledger(reader)?;
        self.take_in_unsure(reader, &ledger)?;
        self.read_payouts(reader)?;
        self.leases_agree(reader, is_last)?;
        self.review_agrees(reader)?;
        self.verdicts_agree(reader)?;
        self.money_agrees(reader, &ledger)?;
        let check = reader.check_ledger().map_err(unreadable)?;
        must(check.problems.is_empty(), "the store's own check", || format!("{:?}", check.problems))?;
        if is_last {
            self.bodies_are_there(reader)?;
            self.everything_is_over(reader, at)?;
            if self.pays() {
                self.all_are_paid(reader, at)?;
            }
        }
        Ok(())
    }

    /// Looks for traces of what was in a transaction when the coordinator died.
    fn take_in_unsure(&mut self, reader: &Reader, ledger: &Ledger) -> Holds {
        let workers: Vec<PublicKey> = self.workers.keys().copied().collect();
        for (command, at) in std::mem::take(&mut self.unsure) {
            let is_there = self.left_traces(&command, at, reader, ledger)?;
            match is_there {
                true => self.counts.adopted += 1,
                false => self.counts.forgotten += 1,
            }
            if is_there {
                self.adopt(&command, at, reader)?;
            }
            // In the order of the commands, so that a later one finds what an earlier one brought.
            self.take_in_verdicts(&workers, reader, Some(at))?;
        }
        self.take_in_verdicts(&workers, reader, None)
    }

    fn left_traces(&self, command: &Command, at: Timestamp, reader: &Reader, ledger: &Ledger) -> Result<bool, Broken> {
        let state = |offer: &Hash| reader.lease(offer).map_err(unreadable);
        let caused = |cause: &str, about: String| ledger.causes.contains(&(cause.to_owned(), about));
        Ok(match command {
            Command::Deposit { reference, .. } => caused("deposit", reference.clone()),
            Command::CreateFetchOrder(order) => reader.order(&order.order).map_err(unreadable)?.is_some(),
            Command::CreateProject(project) => reader.order(&project.order).map_err(unreadable)?.is_some(),
            Command::Submit { result, .. } => {
                let statement = result.bytes();
                let offer = cose::peek::<lull_protocol::statement::WorkResult>(statement).ok().map(|r| r.offer);
                let is_new = offer.is_some_and(|o| self.leases.get(&o).is_some_and(|lease| lease.stored.is_none()));
                let found = offer.map(|offer| state(&offer)).transpose()?.flatten();
                is_new && found.and_then(|lease| lease.result) == Some(Hash::of(statement))
            }
            Command::Return { offer, .. } => {
                // What ran out may be said after the lease has expired.
                let may_be = |lease: &Lease| matches!(lease.state, State::Open | State::Expired);
                self.leases.get(offer).is_some_and(may_be)
                    && state(offer)?.is_some_and(|lease| lease.state == LeaseState::Returned)
            }
            Command::Extend { offer, .. } => {
                let known = self.leases.get(offer).map(|lease| lease.deadline);
                known.is_some() && state(offer)?.map(|lease| lease.deadline) > known
            }
            Command::Sweep => {
                // What was due may have been answered late in the same transaction, or handed back after it.
                let due = self.leases.iter().filter(|(_, l)| l.state == State::Open && l.deadline < at);
                for (offer, _) in due {
                    match state(offer)?.map(|lease| lease.state) {
                        Some(LeaseState::Answered | LeaseState::Judged | LeaseState::Returned) => {}
                        found => return Ok(found == Some(LeaseState::Expired)),
                    }
                }
                if let Some(offer) = self.due(at).first() {
                    return Ok(state(offer)?.is_some_and(|lease| lease.state == LeaseState::Judged));
                }
                let unsettled = |ruled: &&super::Ruled| {
                    let is_due = ruled.verdict.decided_at.plus(self.terms.dispute_ms) <= at;
                    !ruled.is_settled && is_due && ruled.verdict.amount.get() > 0
                };
                let due = self.verdicts.values().flatten().find(unsettled);
                due.is_some_and(|ruled| caused("settled", Hash::of(&ruled.statement).to_string()))
            }
            Command::Review { order, accept, reject, .. } => {
                let said = about(reader, order)?;
                let by_buyer = [VerdictReason::ApprovedByBuyer, VerdictReason::AppealUpheld];
                let is_accepted = |verdict: &Verdict| by_buyer.contains(&verdict.reason) && verdict.decided_at == at;
                let accepted =
                    |offer: &Hash| said.get(offer).is_some_and(|s| s.verdict.as_ref().is_some_and(is_accepted));
                let is_rejected = |rejection: &Rejection| rejection.decided_at == at;
                let rejected = |offer: &Hash| {
                    said.get(offer).is_some_and(|s| s.rejection.as_ref().is_some_and(|(_, r)| is_rejected(r)))
                };
                let is_new = |offer: &Hash| self.leases.get(offer).is_some_and(|lease| lease.ruling.is_none());
                let is_free = |offer: &Hash| self.leases.get(offer).is_some_and(|lease| lease.contest.is_none());
                accept.iter().any(|offer| is_new(offer) && accepted(offer))
                    || reject.iter().any(|r| is_free(&r.offer) && rejected(&r.offer))
            }
            Command::Appeal { appeal } => {
                let offer = self.contested(&appeal.payload().rejection);
                let lease = offer.and_then(|offer| self.leases.get(&offer));
                let is_new = lease.is_some_and(|lease| lease.contest.as_ref().is_some_and(|c| !c.is_appealed));
                let order = lease.and_then(|lease| self.items.get(&lease.item)).map(|work| work.order);
                let said = order.map(|order| about(reader, &order)).transpose()?.unwrap_or_default();
                is_new && offer.and_then(|offer| said.get(&offer)).is_some_and(|said| said.is_appealed)
            }
            Command::DecideAppeal { rejection, .. } => {
                let offer = self.contested(rejection);
                let lease = offer.and_then(|offer| self.leases.get(&offer));
                let order = lease.and_then(|lease| self.items.get(&lease.item)).map(|work| work.order);
                let said = order.map(|order| about(reader, &order)).transpose()?.unwrap_or_default();
                let verdict = offer.and_then(|offer| said.get(&offer)).and_then(|said| said.verdict.clone());
                let by_human = [VerdictReason::AppealUpheld, VerdictReason::AppealDenied];
                let is_new = lease.is_some_and(|lease| lease.ruling.is_none());
                is_new && verdict.is_some_and(|v| by_human.contains(&v.reason) && v.decided_at == at)
            }
            Command::Resume { order } => {
                let is_paused = self.orders.get(order).is_some_and(|order| order.is_paused);
                let found = reader.order(order).map_err(unreadable)?;
                is_paused && found.is_some_and(|found| found.review.paused_at.is_none())
            }
            // Their leases show themselves when they are sent; the rest leaves no trace that matters. This operator contests
            // no money.
            Command::Claim { .. }
            | Command::Reverse { .. }
            | Command::Cancel { .. }
            | Command::AddRequester { .. }
            | Command::PutBlob { .. }
            | Command::PayWhen { .. }
            | Command::PayNow { .. } => false,
            Command::Wallet(request) => match &**request {
                Request::Agree(yes) => {
                    let found = reader.wallet(*yes.signer(), at).map_err(unreadable)?.wallet;
                    self.wallet_came_about(yes, found)
                }
                _ => false,
            },
        })
    }

    fn adopt(&mut self, command: &Command, at: Timestamp, reader: &Reader) -> Holds {
        match command {
            Command::Deposit { reference, .. } => self.deposited(reference),
            Command::CreateFetchOrder(order) => self.ordered(order.order, at),
            Command::CreateProject(project) => self.ordered(project.order, at),
            Command::Submit { result, body } => {
                let statement = result.bytes();
                let Ok(result) = cose::peek::<lull_protocol::statement::WorkResult>(statement) else { return Ok(()) };
                self.take_result(result.offer, Hash::of(statement), statement, body, at)?;
            }
            Command::Return { worker, offer, reason, shown_ms } => {
                self.returned(*worker, *offer, (*reason, *shown_ms), at).map(drop)?;
            }
            Command::Extend { offer, .. } => self.found_extended(*offer),
            Command::Sweep => drop(self.swept(at)),
            Command::Review { requester, order, accept, reject } => {
                let (_, rejected) = self.reviewed((*requester, *order), (accept, reject), at)?;
                self.see_rejections(&rejected, at, reader)?;
            }
            Command::Appeal { appeal } => self.appealed(appeal, at)?,
            Command::DecideAppeal { rejection, is_upheld } => drop(self.appeal_decided(rejection, *is_upheld)?),
            Command::Resume { order } => self.resumed(*order),
            Command::Wallet(request) => self.wallet_step(request, at),
            Command::Claim { .. }
            | Command::Reverse { .. }
            | Command::Cancel { .. }
            | Command::AddRequester { .. }
            | Command::PutBlob { .. }
            | Command::PayWhen { .. }
            | Command::PayNow { .. } => {}
        }
        Ok(())
    }

    /// The statements of rejections whose commit was unsure.
    fn see_rejections(&mut self, offers: &[Hash], at: Timestamp, reader: &Reader) -> Holds {
        for offer in offers {
            let Some(lease) = self.leases.get(offer).filter(|lease| lease.contest.is_some()) else { continue };
            let (worker, item) = (lease.worker, lease.item);
            let Some(order) = self.items.get(&item).map(|work| work.order) else { continue };
            let found = about(reader, &order)?.remove(offer).and_then(|said| said.rejection);
            let Some((statement, _)) = found else {
                return Err(broken("acknowledged means durable", format!("the rejection of {offer} is gone")));
            };
            self.seen(offer, worker, &statement, at)?;
        }
        Ok(())
    }

    /// Verdicts beyond those that are known, of commands up to this time; the audit then looks at what they say. One
    /// about a result that no command has brought yet waits for that. `None`: there is none to come.
    fn take_in_verdicts(&mut self, workers: &[PublicKey], reader: &Reader, until: Option<Timestamp>) -> Holds {
        let mut all = Vec::new();
        for worker in workers {
            let known = self.verdicts.get(worker).map_or(0, Vec::len) as u64;
            for verdict in reader.verdicts_after(worker, known, PAGE).map_err(unreadable)? {
                let payload = cose::peek::<Verdict>(&verdict.statement).ok();
                let result = payload.as_ref().map(|verdict| verdict.result);
                let decided_at = payload.map(|verdict| verdict.decided_at);
                let is_later = until.is_some_and(|at| decided_at.is_some_and(|decided_at| decided_at > at));
                let has_result = |lease: &&Lease| lease.stored.as_ref().map(|(hash, _)| *hash) == result;
                let lease = self.leases.values().filter(|lease| lease.worker == *worker).find(has_result);
                if is_later || (until.is_some() && lease.is_none()) {
                    break;
                }
                all.push(((decided_at, lease.map(|lease| lease.decides_at)), verdict));
            }
        }
        // Those that time decided come first, in the order in which a sweep does: others follow from them.
        all.sort_by_key(|(when, _)| *when);
        all.iter().try_for_each(|(_, verdict)| self.found_alone(verdict))?;
        all.sort_by_key(|(_, verdict)| (verdict.worker, verdict.number));
        all.iter().try_for_each(|(_, verdict)| self.ruled(verdict).map(drop))
    }

    /// Every lease is in the store as it is known, and what was acknowledged has the same bytes.
    fn leases_agree(&mut self, reader: &Reader, is_last: bool) -> Holds {
        let touched = std::mem::take(&mut self.touched);
        for (offer, lease) in &self.leases {
            if !is_last && !touched.contains(offer) && lease.state != State::Open {
                continue;
            }
            let found = reader.lease(offer).map_err(unreadable)?;
            let Some(found) = found else {
                return Err(broken("acknowledged means durable", format!("the lease of {offer} is gone")));
            };
            let row = self.verdicts.get(&lease.worker);
            let said = lease.verdict.and_then(|at| row?.get(at)).map(|ruled| super::working::said(&ruled.verdict));
            must(said == lease.ruling, "verdicts follow the rules", || {
                format!("{offer} has the verdict {said:?}, not {:?}", lease.ruling)
            })?;
            let expected = match (lease.state, lease.verdict) {
                (State::Open, _) => LeaseState::Open,
                (State::Done, None) => LeaseState::Answered,
                (State::Done, Some(_)) => LeaseState::Judged,
                (State::Returned(_), _) => LeaseState::Returned,
                (State::Expired, _) => LeaseState::Expired,
            };
            let result = lease.stored.as_ref().map(|(hash, _)| *hash);
            let agrees = (found.state, found.result, found.worker, found.deadline)
                == (expected, result, lease.worker, lease.deadline);
            must(agrees, "acknowledged means durable", || {
                format!("{offer} is {found:?}, not {expected:?} {result:?}")
            })?;
        }
        Ok(())
    }

    fn verdicts_agree(&self, reader: &Reader) -> Holds {
        for (worker, row) in &self.verdicts {
            let mut number = 0;
            for page in row.chunks(PAGE) {
                let found = reader.verdicts_after(worker, number, PAGE).map_err(unreadable)?;
                let agrees = found.len() >= page.len()
                    && page.iter().zip(&found).all(|(known, found)| known.statement == found.statement);
                must(agrees, "acknowledged means durable", || format!("verdicts of {worker} after {number} differ"))?;
                number += page.len() as u64;
            }
            let beyond = reader.verdicts_after(worker, number, 1).map_err(unreadable)?;
            must(beyond.is_empty(), "verdicts follow the rules", || format!("{worker} has a verdict from nowhere"))?;
        }
        Ok(())
    }

    /// Every account, recomputed from postings and from what the model knows.
    fn money_agrees(&self, reader: &Reader, ledger: &Ledger) -> Holds {
        let balance = |account: Account| ledger.balances.get(&account).copied().unwrap_or(0);
        for (reference, (_, _, is_certain)) in &self.deposits {
            let is_there = ledger.causes.contains(&("deposit".to_owned(), reference.clone()));
            must(is_there == *is_certain, "acknowledged means durable", || format!("deposit {reference}"))?;
        }
        for worker in self.verdicts.keys() {
            let (pending, payable) = (self.account(worker).0, self.payable(worker));
            let found = (balance(Account::Pending(*worker)), balance(Account::Payable(*worker)));
            must(found == (pending.into(), payable.into()), "each result is paid once", || {
                format!("{worker} has {found:?} in the ledger, verdicts say {pending} and {payable}")
            })?;
            let found = (balance(Account::InPayout(*worker)), balance(Account::Paid(*worker)));
            let known = (self.paying.in_payout(worker).into(), self.paying.paid(worker).into());
            must(found == known, "each payout is paid once", || format!("{worker} has {found:?}, not {known:?}"))?;
        }
        let quotes = i128::from(self.paying.quotes());
        let kept = balance(Account::NetworkFees) + balance(Account::Treasury);
        must(kept == quotes, "fees fit", || format!("{kept} of the network's fees, people bore {quotes}"))?;
        let paid_in: i128 = self.deposits.values().filter(|d| d.2).map(|d| i128::from(d.1)).sum();
        must(balance(Account::Deposits) == -paid_in - quotes, "deposits are conserved", || {
            format!("{paid_in} was paid in")
        })?;
        must(balance(Account::Fee) == i128::from(self.fees), "fees fit", || {
            format!("{} in the ledger, {} by the rules", balance(Account::Fee), self.fees)
        })?;
        for (requester, available) in &self.available {
            let found = balance(Account::Available(*requester));
            must(found == *available, "requesters' money is conserved", || {
                format!("{requester:?} has {found} available, expected {available}")
            })?;
            let shown = reader.balance(*requester).map_err(unreadable)?;
            let held: u64 = self.held_for(requester);
            must(
                (i128::from(shown.available.get()), shown.held.get()) == (found, held),
                "requesters' money is conserved",
                || format!("{requester:?} is shown {shown:?}, {held} should be held"),
            )?;
        }
        Ok(())
    }

    fn held_for(&self, requester: &lull_market::RequesterId) -> u64 {
        let is_theirs = |work: &&super::Work| self.orders.get(&work.order).is_some_and(|o| o.requester == *requester);
        self.items.values().filter(is_theirs).map(|work| work.held).sum()
    }

    /// Bodies that were paid for are stored, and are the signed ones.
    fn bodies_are_there(&self, reader: &Reader) -> Holds {
        for (offer, lease) in &self.leases {
            let Some((_, statement)) = lease.stored.as_ref().filter(|_| lease.counts) else { continue };
            let result: Option<lull_protocol::statement::WorkResult> = cose::peek(statement).ok();
            let Some(Report::Fetch(report)) = result.map(|result| result.report) else { continue };
            let body = reader.body(offer).map_err(unreadable)?.unwrap_or_default();
            let agrees = Hash::of(&body) == report.body_hash;
            must(agrees, "bodies are the signed ones", || format!("the body of {offer}, {} bytes", body.len()))?;
        }
        Ok(())
    }

    /// Nothing is under way any more, and what honest workers could do is done.
    fn everything_is_over(&self, reader: &Reader, at: Timestamp) -> Holds {
        let open = reader.statistics().map_err(unreadable)?.leases_open;
        must(open == 0, "each lease ends", || format!("{open} leases are open at the end"))?;
        for (offer, lease) in &self.leases {
            let is_judged = lease.state != State::Done || lease.verdict.is_some();
            must(is_judged, "progress", || format!("{offer} never got its verdict"))?;
        }
        for ruled in self.verdicts.values().flatten() {
            must(ruled.is_settled, "progress", || {
                format!("a verdict of {:?} is not settled", ruled.verdict.decided_at)
            })?;
        }
        let _ = at;
        for (hash, work) in self.items.iter().filter(|(_, work)| !work.is_closed) {
            let able = self.workers.iter().find(|(key, worker)| {
                worker.is_honest && !self.may_have_unseen_leases(key) && self.could_take(key, work)
            });
            must(able.is_none(), "progress", || {
                format!("{hash} ({}) waits, though {:?} could do it", kind(&work.item), able.map(|(key, _)| *key))
            })?;
        }
        Ok(())
    }

    /// Whether a worker may still be offered an item.
    fn could_take(&self, worker: &PublicKey, work: &super::Work) -> bool {
        let before: Vec<&Lease> =
            work.leases.iter().filter_map(|o| self.leases.get(o)).filter(|l| self.is_of_person(l, worker)).collect();
        let blocks = |lease: &&Lease| match lease.state {
            State::Open | State::Done => true,
            State::Returned(reason) => super::working::is_for_good(reason),
            State::Expired => false,
        };
        let can_show = match &work.item {
            // Nobody has to want what is sensitive.
            Item::Judgment(item) => {
                item.warnings.is_empty() && shows(worker).iter().any(|kind| kind == item.task.kind())
            }
            Item::Fetch(_) => true,
        };
        can_show && !self.rests(worker, work.order) && before.len() < 3 && !before.iter().any(blocks)
    }
}

/// What the store says about an answer.
#[derive(Default)]
struct Said {
    /// Its statement, and what it says.
    rejection: Option<(Vec<u8>, Rejection)>,
    is_appealed: bool,
    verdict: Option<Verdict>,
}

/// About each answer of an order, by its offer.
fn about(reader: &Reader, order: &OrderId) -> Result<BTreeMap<Hash, Said>, Broken> {
    let mut all: BTreeMap<Hash, Said> = BTreeMap::new();
    for row in reader.waiting_answers(order, 0, usize::MAX).map_err(unreadable)? {
        let open = reader.open_rejections(&row.worker, None).map_err(unreadable)?;
        let statement = |hash: Hash| open.iter().find(|open| Hash::of(&open.statement) == hash);
        let rejection = row.rejection.and_then(|(hash, said)| Some((statement(hash)?.statement.clone(), said)));
        all.insert(row.offer, Said { rejection, is_appealed: row.appeal.is_some(), verdict: None });
    }
    for row in reader.results(order, 0, usize::MAX).map_err(unreadable)? {
        let rejection = row.receipt.rejection.and_then(|bytes| Some((bytes.clone(), cose::peek(&bytes).ok()?)));
        let verdict = cose::peek(&row.receipt.verdict).ok();
        all.insert(row.offer, Said { rejection, is_appealed: row.receipt.appeal.is_some(), verdict });
    }
    Ok(all)
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Fetch(_) => "a fetch",
        Item::Judgment(_) => "a judgment",
    }
}

/// The whole ledger: each entry sums to zero, and no balance but the outside world's is ever negative.
fn ledger(reader: &Reader) -> Result<Ledger, Broken> {
    let mut ledger = Ledger { balances: BTreeMap::new(), causes: BTreeSet::new() };
    let mut after = 0;
    loop {
        let page = reader.ledger(after, PAGE).map_err(unreadable)?;
        let Some(last) = page.last().map(|entry| entry.id) else { return Ok(ledger) };
        after = last;
        for entry in &page {
            post(&mut ledger, entry)?;
        }
    }
}

fn post(ledger: &mut Ledger, entry: &EntryRow) -> Holds {
    let sum: i128 = entry.postings.iter().map(|posting| i128::from(posting.delta)).sum();
    must(sum == 0, "postings sum to zero", || format!("{entry:?}"))?;
    for posting in &entry.postings {
        let balance = ledger.balances.entry(posting.account).or_default();
        *balance += i128::from(posting.delta);
        let may_be = *balance >= 0 || posting.account == Account::Deposits;
        must(may_be, "no balance negative", || format!("{} has {balance} after {entry:?}", posting.account))?;
    }
    let is_new = ledger.causes.insert((entry.cause.clone(), entry.about.clone()));
    must(is_new, "each result is paid once", || format!("a second entry for {} {}", entry.cause, entry.about))
}

#[cfg(test)]
mod tests {
    use crate::model::rules;

    #[test]
    fn the_fee_is_rounded_down() {
        assert_eq!((rules::fee(1, 9_999), rules::fee(10_000, 500), rules::fee(0, 1)), (0, 500, 0));
    }
}
