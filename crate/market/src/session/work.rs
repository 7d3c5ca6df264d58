//! A connection that has its seat: what the worker is told, and what it may ask for.

use std::collections::BTreeMap;

use lull_protocol::cose::{self, SignerKey};
use lull_protocol::limits::{
    AMOUNT_MAX, CHUNK_BYTES_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, REJECTIONS_RESENT_MAX, REVERSALS_RESENT_MAX,
    REVERSALS_TOLD_MS, SILENCE_MS_MAX, VERDICTS_IN_FLIGHT_MAX, VERDICTS_RESENT_MAX,
};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::siws::Chain;
use lull_protocol::statement::{JobClass, Offer, Verdict};
use lull_protocol::{
    Amount, ByteCount, Filter, Hash, PublicKey, TaskSet, Timestamp, ToCoordinator, ToWorker, WarningSet,
};

use super::io::{Answer, Claim, End, Found, Push, Query, Question};
use super::limits::{CLAIM_MS_MIN, CLAIM_OTHERWISE_MS_MIN};
use super::out::{Admitted, Asked, Step};
use super::pace::Pace;
use super::results::Transfer;
use crate::command::{Command, Lease, NumberedVerdict, OpenRejection, Refusal, Reply};
use crate::facts::AccountFacts;

#[derive(Debug)]
pub(super) struct Work {
    pub(super) worker: PublicKey,
    /// Its key, once it has sent a result.
    pub(super) signer: Option<Box<SignerKey>>,
    day_start: Timestamp,
    /// The worker does not know its open leases yet.
    opening: bool,
    /// More of its open rejections may be in the store, after the last one it was told.
    rejections_left: bool,
    last_rejection: Option<Hash>,
    /// The same of reversals, once the account has said that there are any; all are told when it changes.
    reversals_left: bool,
    last_reversal: Option<Hash>,
    /// Places still free, per class, as far as the worker has said.
    want: (u8, u8),
    /// The types of judgments that it wants.
    tasks: TaskSet,
    /// The classes of sensitive content that it wants.
    warnings: WarningSet,
    /// And of all these not which; in a box, for most have none.
    filter: Option<Box<Filter>>,
    /// Per class: the store had nothing more for this worker, and has had nothing new since.
    dry: (bool, bool),
    /// Work is to be claimed, as soon as [`CLAIM_MS_MIN`] allows.
    pub(super) claim_due: bool,
    claim_from_ms: u64,
    /// When that was last done.
    claimed_ms: u64,
    /// Leases it holds, as far as this connection has seen: the store counts them against what is wanted.
    pub(super) held: BTreeMap<Hash, JobClass>,
    verdicts_sent: u64,
    verdicts_confirmed: u64,
    /// The store holds verdicts that were not sent on this connection.
    behind: bool,
    /// The worker's money as it was last read, and what verdicts have added since.
    account: Option<AccountFacts>,
    /// It must be read: at first, and when something else than the next verdict has changed it.
    account_due: bool,
    /// The worker does not know it yet.
    account_unsent: bool,
    /// Where it is paid, by a coordinator that pays.
    chain: Option<Chain>,
    /// How the worker stands with its wallet must be read, and the worker told.
    pub(super) wallet_due: bool,
    /// It is paid to a wallet.
    pub(super) is_linked: bool,
    /// The day (UTC) on which it was noted last that it is connected.
    pub(super) seen_day: Option<u64>,
    /// Its payouts must be read and told.
    pub(super) payouts_due: bool,
    pub(super) transfers: BTreeMap<Hash, Transfer>,
    pace: Pace,
    heard_ms: u64,
}

impl Work {
    /// Welcomes the worker; [`settle`](Self::settle) goes on with its account, open leases, unseen verdicts.
    pub(super) fn begin(step: &mut Step<'_>, admitted: Admitted, chain: Option<Chain>) -> Self {
        step.out.send(ToWorker::Welcome { now: step.now.wall });
        // Above the limit of a number there are no verdicts; the store need not be asked with such a one.
        let seen = admitted.verdicts_seen.min(AMOUNT_MAX);
        let now_ms = step.now.monotonic_ms;
        Self {
            worker: admitted.worker,
            signer: None,
            day_start: admitted.day_start,
            opening: true,
            rejections_left: true,
            last_rejection: None,
            reversals_left: false,
            last_reversal: None,
            want: (0, 0),
            tasks: TaskSet::CHOICE,
            warnings: WarningSet::NONE,
            filter: None,
            dry: (false, false),
            claim_due: false,
            claim_from_ms: now_ms,
            claimed_ms: now_ms,
            held: BTreeMap::new(),
            verdicts_sent: seen,
            verdicts_confirmed: seen,
            behind: true,
            account: None,
            account_due: true,
            account_unsent: false,
            chain,
            wallet_due: chain.is_some(),
            is_linked: false,
            seen_day: None,
            payouts_due: chain.is_some(),
            transfers: BTreeMap::new(),
            pace: Pace::new(now_ms),
            heard_ms: now_ms,
        }
    }

    pub(super) fn worker(&self) -> PublicKey {
        self.worker
    }

    pub(super) fn is_opening(&self) -> bool {
        self.opening
    }

    pub(super) fn wakes_at(&self) -> u64 {
        let claim = self.claim_due.then_some(self.claim_from_ms);
        let stalled = self.transfers.values().map(Transfer::ends_at).min();
        [claim, stalled].into_iter().flatten().fold(self.silent_at(), u64::min)
    }

    pub(super) fn tick(&mut self, step: &mut Step<'_>) {
        if step.now.monotonic_ms >= self.silent_at() {
            return step.out.end(End::Lost);
        }
        self.drop_stalled(step);
    }

    fn silent_at(&self) -> u64 {
        self.heard_ms.saturating_add(SILENCE_MS_MAX)
    }

    /// Asks for what is due, one question at a time.
    pub(super) fn settle(&mut self, step: &mut Step<'_>) {
        if step.out.has_ended() || step.out.asked().is_some() {
            return;
        }
        let (worker, room) = (self.worker, self.room());
        if self.wallet_due && !self.account_due {
            let query = Query::Wallet { worker, now: step.now.wall };
            step.out.ask(Question::Read(query), Asked::Wallet);
        } else if self.opening && !self.account_due {
            let query = Query::OpenLeases { worker, now: step.now.wall };
            step.out.ask(Question::Read(query), Asked::OpenLeases);
        } else if !self.account_due
            && self.payouts_due
            && let Some(chain) = self.chain
        {
            let query = Query::Payouts { worker, chain, now: step.now.wall };
            step.out.ask(Question::Read(query), Asked::Payouts);
        } else if !self.opening && self.rejections_left {
            let query = Query::OpenRejections { worker, after: self.last_rejection };
            step.out.ask(Question::Read(query), Asked::Rejections);
        } else if !self.opening && self.reversals_left && !self.behind {
            // After its verdicts, so that the worker has what they are about.
            let ended_since = step.now.wall.minus(REVERSALS_TOLD_MS);
            let query = Query::Reversals { worker, ended_since, after: self.last_reversal };
            step.out.ask(Question::Read(query), Asked::Reversals);
        } else if !self.opening && self.behind && room > 0 {
            let limit = room.min(VERDICTS_RESENT_MAX);
            let query = Query::VerdictsAfter { worker, number: self.verdicts_sent, limit };
            step.out.ask(Question::Read(query), Asked::Verdicts { limit });
        } else if self.account_due {
            let query = Query::Account { worker, day_start: self.day_start };
            step.out.ask(Question::Read(query), Asked::Account);
        } else if self.account_unsent {
            self.send_account(step);
            self.settle(step);
        } else if self.claim_due && step.now.monotonic_ms >= self.claim_from_ms {
            self.claim(step);
        } else if self.is_seen_due(step.now.wall) {
            self.seen_today(step);
        }
    }

    pub(super) fn pushed(&mut self, step: &mut Step<'_>, pushes: Vec<Push>) {
        for push in pushes {
            match push {
                Push::Verdicts(verdicts) => {
                    for verdict in verdicts {
                        if verdict.number == self.verdicts_sent + 1 && self.room() > 0 {
                            self.send_verdict(step, verdict);
                        } else if verdict.number > self.verdicts_sent {
                            self.behind = true;
                        }
                    }
                }
                Push::Rejected(rejections) => {
                    rejections.into_iter().for_each(|rejection| Self::send_rejection(step, rejection));
                }
                Push::Others => {
                    (self.behind, self.account_due) = (true, true);
                    (self.wallet_due, self.payouts_due) = (self.chain.is_some(), true);
                    self.woken();
                }
                Push::Withdraw(offer, reason) => {
                    // What is withdrawn stays open until the worker says how long the person looked at it.
                    if reason != RefusedCode::Withdrawn {
                        self.transfers.remove(&offer);
                        self.held.remove(&offer);
                        self.claim_due = true;
                    }
                    step.out.send(ToWorker::Withdraw { offer, reason });
                }
                Push::Account | Push::Payouts => (self.account_due, self.payouts_due) = (true, true),
                // The account, too, says whether another has taken this worker's place; payouts, where they go.
                Push::Wallet => {
                    (self.account_due, self.payouts_due, self.wallet_due) = (true, true, self.chain.is_some());
                }
            }
        }
    }

    pub(super) fn woken(&mut self) {
        self.dry = (false, false);
        self.claim_due = true;
    }

    /// A message, or `None` for the transport's own sign of life.
    pub(super) fn received(&mut self, step: &mut Step<'_>, message: Option<ToCoordinator>) {
        self.heard_ms = step.now.monotonic_ms;
        let whole_chunk = match &message {
            Some(ToCoordinator::BodyChunk { offer, offset, bytes }) => {
                self.transfers.get(offer).is_some_and(|t| t.is_next_whole(*offset, bytes.len()))
            }
            _ => false,
        };
        if !whole_chunk && !self.pace.take(step.now.monotonic_ms) {
            return step.out.bye(RefusedCode::Busy);
        }
        match message {
            None => {}
            Some(ToCoordinator::Want { fetch, judgment, tasks, filter, warnings }) => {
                let filter = Some(filter).filter(|filter| *filter != Filter::default()).map(Box::new);
                self.want = (fetch.min(FETCH_LEASES_MAX), judgment.min(JUDGMENT_LEASES_MAX));
                if (self.tasks, self.warnings, &self.filter) != (tasks, warnings, &filter) && self.dry.1 {
                    self.dry.1 = false;
                    let soonest = self.claimed_ms.saturating_add(CLAIM_OTHERWISE_MS_MIN);
                    self.claim_from_ms = self.claim_from_ms.max(soonest);
                }
                (self.tasks, self.warnings, self.filter) = (tasks, warnings, filter);
                self.claim_due = true;
            }
            Some(ToCoordinator::Result { statement }) => self.result(step, &statement),
            Some(ToCoordinator::BodyChunk { offer, offset, bytes }) => self.chunk(step, offer, offset, &bytes),
            Some(ToCoordinator::Return { offer, reason, shown_ms }) => {
                self.transfers.remove(&offer);
                let command = Command::Return { worker: self.worker, offer, reason, shown_ms };
                step.out.ask(Question::Command(command), Asked::Return { offer, reason });
            }
            Some(ToCoordinator::Extend { offer }) => {
                let command = Command::Extend { worker: self.worker, offer };
                step.out.ask(Question::Command(command), Asked::Extend { offer });
            }
            Some(ToCoordinator::GetBlob { hash, offset }) => {
                step.out.ask(Question::Read(Query::Blob { hash }), Asked::Blob { hash, offset });
            }
            Some(ToCoordinator::Ping { day_start, verdicts_seen }) => self.ping(step, day_start, verdicts_seen),
            Some(ToCoordinator::Appeal { statement }) => self.appeal(step, &statement),
            Some(ToCoordinator::OpenTicket { purpose }) if self.chain.is_some() => self.open_ticket(step, purpose),
            Some(ToCoordinator::WalletYes { statement }) if self.chain.is_some() => self.wallet_yes(step, &statement),
            Some(ToCoordinator::WalletNo { ticket }) if self.chain.is_some() => self.wallet_no(step, ticket),
            Some(ToCoordinator::WalletVeto { statement }) if self.chain.is_some() => self.wallet_veto(step, &statement),
            Some(ToCoordinator::WalletNewsKnown { number }) if self.chain.is_some() => self.wallet_known(step, number),
            Some(ToCoordinator::WalletBrowsers) if self.chain.is_some() => {
                let query = Query::WalletBrowsers { worker: self.worker };
                step.out.ask(Question::Read(query), Asked::WalletBrowsers);
            }
            Some(
                ToCoordinator::OpenTicket { .. }
                | ToCoordinator::WalletYes { .. }
                | ToCoordinator::WalletNo { .. }
                | ToCoordinator::WalletVeto { .. }
                | ToCoordinator::WalletNewsKnown { .. }
                | ToCoordinator::WalletBrowsers,
            ) => self.refuse(step, None, RefusedCode::Unexpected),
            Some(
                message @ (ToCoordinator::PayWhen { .. } | ToCoordinator::PayNow | ToCoordinator::PayoutsBefore { .. }),
            ) => self.pay(step, message),
            Some(ToCoordinator::Hello { .. } | ToCoordinator::Proof { .. }) => {
                self.refuse(step, None, RefusedCode::Unexpected);
            }
        }
    }

    fn ping(&mut self, step: &mut Step<'_>, day_start: Timestamp, verdicts_seen: u64) {
        self.account_due |= day_start != self.day_start;
        self.day_start = day_start;
        self.verdicts_confirmed = verdicts_seen.clamp(self.verdicts_confirmed, self.verdicts_sent);
        self.claim_due = true;
        step.out.send(ToWorker::Pong { now: step.now.wall });
    }

    /// What the person says of their payouts, to a coordinator that pays.
    fn pay(&mut self, step: &mut Step<'_>, message: ToCoordinator) {
        let worker = self.worker;
        let (question, asked) = match message {
            ToCoordinator::PayWhen { schedule, account_agreed } if self.chain.is_some() => {
                (Question::Command(Command::PayWhen { worker, schedule, account_agreed }), Asked::PayChoice)
            }
            ToCoordinator::PayNow if self.chain.is_some() => {
                (Question::Command(Command::PayNow { worker }), Asked::PayChoice)
            }
            ToCoordinator::PayoutsBefore { number } if self.chain.is_some() => {
                (Question::Read(Query::PayoutsBefore { worker, number }), Asked::PayoutsBefore { number })
            }
            _ => return self.refuse(step, None, RefusedCode::Unexpected),
        };
        step.out.ask(question, asked);
    }

    pub(super) fn answered(&mut self, step: &mut Step<'_>, asked: Asked, answer: Answer) {
        match (asked, answer) {
            (Asked::OpenLeases, Answer::Found(Found::OpenLeases(leases))) => {
                self.opening = false;
                for lease in leases {
                    self.assign(step, lease);
                }
            }
            (Asked::Rejections, Answer::Found(Found::OpenRejections(page))) => {
                self.rejections_left = page.len() >= REJECTIONS_RESENT_MAX;
                self.last_rejection = page.last().map(|last| Hash::of(&last.statement));
                page.into_iter().for_each(|rejection| Self::send_rejection(step, rejection));
            }
            (Asked::Reversals, Answer::Found(Found::Reversals(page))) => {
                self.reversals_left = page.len() >= REVERSALS_RESENT_MAX;
                self.last_reversal = page.last().map(|last| last.reversal);
                for told in page {
                    step.out.send(ToWorker::Reversal { receipt: told.receipt.to_bytes().into() });
                }
            }
            (Asked::Verdicts { limit }, Answer::Found(Found::VerdictsAfter(page))) => {
                self.behind = page.len() >= limit;
                for verdict in page {
                    self.send_verdict(step, verdict);
                }
            }
            (Asked::Account, Answer::Found(Found::Account(account))) if account.is_succeeded => {
                step.out.bye(RefusedCode::Succeeded);
            }
            (Asked::Account, Answer::Found(Found::Account(account))) => {
                (self.reversals_left, self.last_reversal) = (account.has_reversals, None);
                (self.account, self.account_due) = (Some(account), false);
                self.send_account(step);
            }
            (Asked::Wallet, Answer::Found(Found::Wallet(state))) => {
                (self.wallet_due, self.is_linked) = (false, state.wallet.is_some());
                step.out.send(ToWorker::Wallet(state));
            }
            (Asked::WalletBrowsers, Answer::Found(Found::WalletBrowsers(browsers))) => {
                step.out.send(ToWorker::WalletBrowsers { browsers });
            }
            (Asked::WalletBrowsers, answer) => self.refuse(step, None, code_of(&answer)),
            // Who can't be noted today is noted on another day.
            (Asked::Seen, _) => {}
            (Asked::Payouts, Answer::Found(Found::Payouts(payouts))) => {
                self.payouts_due = false;
                step.out.send(ToWorker::Payouts(payouts));
            }
            (Asked::PayoutsBefore { number }, Answer::Found(Found::PayoutsBefore(payouts, has_older))) => {
                step.out.send(ToWorker::PayoutsBefore { number, payouts, has_older });
            }
            // Committed: its news may already have been told, and it is answered all the same.
            (Asked::PayChoice, Answer::Reply(_)) => self.payouts_due = true,
            (Asked::PayoutsBefore { .. } | Asked::PayChoice, answer) => self.refuse(step, None, code_of(&answer)),
            // Without its money, leases and verdicts a session can't go on; the worker comes back later.
            (
                Asked::OpenLeases
                | Asked::Rejections
                | Asked::Reversals
                | Asked::Verdicts { .. }
                | Asked::Account
                | Asked::Wallet
                | Asked::Payouts
                | Asked::Seat(_),
                _,
            ) => step.out.bye(RefusedCode::Unavailable),
            (Asked::WalletStep { about }, answer) => self.wallet_stepped(step, about, answer),
            (Asked::Claim { fetch, judgment }, answer) => self.claimed(step, (fetch, judgment), answer),
            (Asked::Facts(result), answer) => self.facts(step, result, answer),
            (Asked::Memory { offer, offset, bytes, kib }, answer) => {
                self.memory(step, offer, (offset, bytes), kib, &answer);
            }
            (Asked::Submit { offer, .. }, answer) => self.submitted(step, offer, answer),
            (Asked::Return { offer, reason }, answer) => self.returned(step, offer, reason, answer),
            (Asked::Extend { .. }, Answer::Reply(Reply::Extended(statement))) => {
                step.out.send(ToWorker::Extended { statement: statement.into() });
            }
            // Not by the reason: a final one would speak of the offer's result, which may be on its way.
            (Asked::Extend { offer }, _) => self.refuse(step, Some(offer), RefusedCode::Unexpected),
            (Asked::Blob { hash, offset }, answer) => self.blob(step, hash, offset, answer),
            (Asked::Appeal { .. }, Answer::Reply(Reply::Appealed(rejection))) => {
                step.out.send(ToWorker::Appealed { rejection });
            }
            (Asked::Appeal { rejection }, answer) => self.refuse(step, Some(rejection), code_of(&answer)),
        }
    }

    /// Leases what the worker has places for.
    fn claim(&mut self, step: &mut Step<'_>) {
        self.claim_due = false;
        let held = |class| u8::try_from(self.held.values().filter(|c| **c == class).count()).unwrap_or(u8::MAX);
        let held = (held(JobClass::Fetch), held(JobClass::Judgment));
        let fetch = places(self.want.0, held.0, FETCH_LEASES_MAX, self.dry.0);
        let judgment = places(self.want.1, held.1, JUDGMENT_LEASES_MAX, self.dry.1);
        if fetch == 0 && judgment == 0 {
            return;
        }
        let filter = self.filter.as_deref().cloned().unwrap_or_default();
        self.claimed_ms = step.now.monotonic_ms;
        self.claim_from_ms = self.claimed_ms.saturating_add(CLAIM_MS_MIN);
        let (worker, tasks, warnings) = (self.worker, self.tasks, self.warnings);
        let claim = Claim { worker, fetch, judgment, tasks, warnings, filter };
        step.out.ask(Question::Claim(claim), Asked::Claim { fetch: fetch > 0, judgment: judgment > 0 });
    }

    fn claimed(&mut self, step: &mut Step<'_>, (fetch, judgment): (bool, bool), answer: Answer) {
        let leases = match answer {
            Answer::Reply(Reply::Leases(leases)) => leases,
            answer => return self.refuse(step, None, code_of(&answer)),
        };
        self.dry = (self.dry.0 || fetch, self.dry.1 || judgment);
        for lease in leases {
            match self.assign(step, lease) {
                Some(JobClass::Fetch) => (self.want.0, self.dry.0) = (self.want.0.saturating_sub(1), false),
                Some(JobClass::Judgment) => (self.want.1, self.dry.1) = (self.want.1.saturating_sub(1), false),
                None => {}
            }
        }
    }

    fn assign(&mut self, step: &mut Step<'_>, lease: Lease) -> Option<JobClass> {
        let Ok(Offer { class, .. }) = cose::peek::<Offer>(&lease.offer) else {
            step.out.end(End::Fault("an offer of our own can't be read"));
            return None;
        };
        let Lease { offer, item, extension, pace, record, skips_left, is_withdrawn } = lease;
        let hash = Hash::of(&offer);
        self.held.insert(hash, class);
        if is_withdrawn {
            step.out.send(ToWorker::Withdraw { offer: hash, reason: RefusedCode::Withdrawn });
            return Some(class);
        }
        let extension = extension.map(Into::into);
        let (offer, item) = (offer.into(), item.into());
        step.out.send(ToWorker::Assign { offer, item, extension, pace, record, skips_left });
        Some(class)
    }

    fn returned(&mut self, step: &mut Step<'_>, offer: Hash, reason: ReturnReason, answer: Answer) {
        match answer {
            Answer::Reply(Reply::Freed { skips_left: Some((order, left)) }) => {
                step.out.send(ToWorker::SkipsLeft { order, left });
            }
            Answer::Reply(_) => {}
            answer => return self.refuse(step, Some(offer), code_of(&answer)),
        }
        // A worker that turned the item down still has the place it asked for; the shell wakes all who wait
        // for work, this connection too.
        let turned_down = matches!(reason, ReturnReason::Skipped | ReturnReason::Broken | ReturnReason::Filtered);
        match self.held.remove(&offer).filter(|_| turned_down) {
            Some(JobClass::Fetch) => self.want.0 = (self.want.0 + 1).min(FETCH_LEASES_MAX),
            Some(JobClass::Judgment) => self.want.1 = (self.want.1 + 1).min(JUDGMENT_LEASES_MAX),
            None => {}
        }
    }

    fn blob(&mut self, step: &mut Step<'_>, hash: Hash, mut offset: ByteCount, answer: Answer) {
        let blob = match answer {
            Answer::Found(Found::Blob(Some(bytes))) => bytes,
            Answer::Found(Found::Blob(None)) => return self.refuse(step, Some(hash), RefusedCode::UnknownBlob),
            _ => return self.refuse(step, Some(hash), RefusedCode::Unavailable),
        };
        let (total, start) = (size(&blob), usize::try_from(offset.get()).unwrap_or(usize::MAX));
        let Some(rest) = blob.get(start..).filter(|rest| !rest.is_empty()) else {
            return self.refuse(step, Some(hash), RefusedCode::BodyRange);
        };
        for piece in rest.chunks(CHUNK_BYTES_MAX) {
            step.out.send(ToWorker::BlobChunk { hash, total, offset, bytes: piece.to_vec().into() });
            offset = offset.checked_add(size(piece)).unwrap_or(total);
        }
    }

    /// How many verdicts may still be sent before the worker confirms some.
    fn room(&self) -> usize {
        let unconfirmed = usize::try_from(self.verdicts_sent - self.verdicts_confirmed).unwrap_or(usize::MAX);
        VERDICTS_IN_FLIGHT_MAX.saturating_sub(unconfirmed)
    }

    fn send_verdict(&mut self, step: &mut Step<'_>, verdict: NumberedVerdict) {
        if verdict.number <= self.verdicts_sent || verdict.number > AMOUNT_MAX {
            return step.out.end(End::Fault("the numbers of verdicts don't grow"));
        }
        self.verdicts_sent = verdict.number;
        self.count(&verdict);
        // Whoever was away while the rejection was open learns here what it says.
        if let Some(rejection) = verdict.rejection {
            step.out.send(ToWorker::Rejected { statement: rejection.into() });
        }
        step.out.send(ToWorker::Verdict { number: verdict.number, statement: verdict.statement.into() });
    }

    fn send_rejection(step: &mut Step<'_>, OpenRejection { statement, is_appealed, .. }: OpenRejection) {
        let rejection = Hash::of(&statement);
        step.out.send(ToWorker::Rejected { statement: statement.into() });
        if is_appealed {
            step.out.send(ToWorker::Appealed { rejection });
        }
    }

    /// Adds what a verdict pays, unless the account was read when the verdict was in it already.
    fn count(&mut self, verdict: &NumberedVerdict) {
        self.account_unsent = true;
        let Some(account) = &mut self.account else { return };
        if verdict.number <= account.verdicts {
            return;
        }
        let paid = cose::peek::<Verdict>(&verdict.statement).ok().filter(|_| verdict.number == account.verdicts + 1);
        match paid.and_then(|paid| account.with(&paid, self.day_start)) {
            Some(more) => *account = more,
            None => self.account_due = true,
        }
    }

    fn send_account(&mut self, step: &mut Step<'_>) {
        self.account_unsent = false;
        let Some(AccountFacts { earned, pending, payable, earned_today, reversed, .. }) = self.account else { return };
        let (day_start, reversed) = (self.day_start, Some(reversed).filter(|reversed| *reversed != Amount::ZERO));
        step.out.send(ToWorker::Account { earned, pending, payable, earned_today, day_start, reversed });
    }

    pub(super) fn refuse(&mut self, step: &mut Step<'_>, about: Option<Hash>, code: RefusedCode) {
        if let Some(offer) = about.filter(|_| code.is_final()) {
            self.held.remove(&offer);
        }
        step.out.send(ToWorker::Refused { about, code });
    }
}

/// How many places to claim for a class, those that its leases hold included; 0 if no lease can come of it.
fn places(want: u8, held: u8, limit: u8, dry: bool) -> u8 {
    let places = want.saturating_add(held).min(limit);
    if dry || places <= held { 0 } else { places }
}

fn size(bytes: &[u8]) -> ByteCount {
    ByteCount::new(bytes.len() as u64).expect("memory is smaller than 2^53 bytes")
}

/// What a worker hears of a command that was not done.
pub(super) fn code_of(answer: &Answer) -> RefusedCode {
    match answer {
        Answer::Refused(Refusal::Worker(code)) => *code,
        _ => RefusedCode::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_asked_only_where_a_lease_can_come_of_it() {
        assert_eq!(places(1, 0, 2, false), 1);
        assert_eq!(places(1, 1, 2, false), 2, "held leases count against the wish");
        assert_eq!(places(255, 1, 2, false), 2);
        assert_eq!(places(1, 2, 2, false), 0, "all places are held");
        assert_eq!(places(0, 1, 2, false), 0, "nothing is wanted");
        assert_eq!(places(2, 0, 2, true), 0, "nothing is there");
    }
}
