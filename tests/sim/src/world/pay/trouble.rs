//! What goes wrong with paying, how it ends, and what the operator does about it.

use lull_payout::address::Wallet;
use lull_payout::reconcile::{rebuild, restore};
use lull_payout::units::LaneId;
use lull_store::{PayCommand, Restore};

use super::super::{Event, World};
use super::rpc::Mood;
use super::{Done, Stop, Who};
use crate::model::broken;
use crate::plan::{Element, HOUR, MINUTE, Ms, SECOND, Trouble, TroubleKind};
use crate::table::{Mark, PayState, TroubleName};

/// How long trouble waits for its state.
const ARMED_MS_MAX: Ms = 2 * HOUR;
/// What the treasury is filled up with once the faults stop.
const FILLED: u64 = 1_000_000_000_000;
/// Payouts set aside that the operator looks at.
const HELD_MAX: usize = 50;
/// Of a price for computing that isn't dear, millionths of a lamport.
const PRICE: u64 = 0;

impl World {
    fn trouble(&self, number: usize) -> Option<Trouble> {
        match self.plan.elements.get(number)? {
            Element::Trouble(trouble) => Some(trouble.clone()),
            _ => None,
        }
    }

    /// Its time has come; it may still wait for its state.
    pub(crate) fn call_trouble(&mut self, number: usize) {
        let Some(Trouble { waits_for, .. }) = self.trouble(number) else { return };
        if self.pay.is_none() {
            return;
        }
        let until = self.queue.now() + ARMED_MS_MAX;
        match waits_for {
            Some(state) => self.pay().waiting.push((number, state, until)),
            None => self.begin_trouble(number),
        }
    }

    /// Begins the troubles whose state is here.
    pub(super) fn look_for_pay_states(&mut self) {
        let now = self.queue.now();
        let (state, is_calm) = (self.pay_state(), self.is_calm);
        let pay = self.pay();
        pay.waiting.retain(|(_, _, until)| now <= *until && !is_calm);
        let here = pay.waiting.iter().position(|(_, waits_for, _)| *waits_for == state);
        if let Some(place) = here {
            let (number, _, _) = pay.waiting.remove(place);
            self.begin_trouble(number);
        }
    }

    /// How far paying is, as far as the process has seen.
    pub(crate) fn pay_state(&self) -> PayState {
        match (&self.pay, &self.house.process) {
            (Some(pay), Some(_)) => pay.state,
            _ => PayState::Down,
        }
    }

    fn begin_trouble(&mut self, number: usize) {
        let Some(Trouble { kind, for_ms, .. }) = self.trouble(number) else { return };
        let state = self.pay_state();
        let needs_process = matches!(
            kind,
            TroubleKind::KillPaying { .. } | TroubleKind::Restored { .. } | TroubleKind::TwoPayers { .. }
        );
        if (needs_process || matches!(kind, TroubleKind::Paused)) && state == PayState::Down {
            return;
        }
        let is_copy = matches!(kind, TroubleKind::Restored { .. } | TroubleKind::TwoPayers { .. });
        // Only from where nothing differs already: the operator would have to tell the two apart.
        if is_copy && (self.pay().is_closed() || self.pay().is_reconciling || state == PayState::Stopped) {
            return;
        }
        self.tally.faults += 1;
        self.mark(Mark::Trouble(TroubleName::of(&kind), state));
        match kind {
            TroubleKind::RpcSilent { rpc, of_thousand } => self.mood(rpc).silent = of_thousand,
            TroubleKind::RpcBehind { rpc, by_ms } => self.mood(rpc).behind_ms = by_ms,
            TroubleKind::RpcLies { rpc, of_thousand } => {
                // Two that lie alike would be believed: nothing helps against that.
                self.pay().rpcs.moods.iter_mut().for_each(|mood| mood.lies = 0);
                self.mood(rpc).lies = of_thousand;
            }
            TroubleKind::RpcSlow { latency_ms } => self.pay().answers_ms = latency_ms,
            TroubleKind::Fork { kept } => self.fork(kept),
            TroubleKind::LandsLate { by_ms, lost } => self.pay().late = Some((by_ms, lost)),
            TroubleKind::Dear { price_max } => self.pay().rpcs.price_max = price_max,
            TroubleKind::Frozen { wallet } => {
                if let Some(account) = self.token_account(wallet) {
                    self.pay().rpcs.chain.frozen.insert(account);
                }
            }
            TroubleKind::Closed { wallet } => {
                if let Some(account) = self.token_account(wallet) {
                    self.pay().rpcs.chain.change(|state| {
                        state.tokens.remove(&account);
                    });
                    self.model.account_closed(account);
                }
            }
            TroubleKind::Listed { wallet } => {
                let pay = self.pay();
                let wallet = usize::try_from(wallet).ok().and_then(|at| pay.wallets.get(at)).map(|one| one.address());
                pay.listed.extend(wallet);
            }
            TroubleKind::ListOld => self.pay().is_list_old = true,
            TroubleKind::Drained { left } => self.drain(left),
            TroubleKind::Paused => self.operator_pays(&PayCommand::Pause(true)),
            TroubleKind::KillPaying { power, down_ms } => return self.kill_house(power, down_ms),
            TroubleKind::Restored { pays_ms } => return self.close_house(pays_ms, false),
            TroubleKind::TwoPayers { pays_ms } => return self.close_house(pays_ms, true),
        }
        self.queue.after(for_ms, Event::TroubleEnds(number));
    }

    pub(crate) fn end_trouble(&mut self, number: usize) {
        let Some(Trouble { kind, .. }) = self.trouble(number) else { return };
        match kind {
            TroubleKind::RpcSilent { rpc, .. } => self.mood(rpc).silent = 0,
            TroubleKind::RpcBehind { rpc, .. } => self.mood(rpc).behind_ms = 0,
            TroubleKind::RpcLies { rpc, .. } => self.mood(rpc).lies = 0,
            TroubleKind::RpcSlow { .. } => self.pay().answers_ms = 0,
            TroubleKind::LandsLate { .. } => self.pay().late = None,
            TroubleKind::Dear { .. } => self.pay().rpcs.price_max = PRICE,
            TroubleKind::Frozen { wallet } => {
                if let Some(account) = self.token_account(wallet) {
                    self.pay().rpcs.chain.frozen.remove(&account);
                }
            }
            TroubleKind::Listed { .. } => self.pay().listed.clear(),
            TroubleKind::ListOld => self.pay().is_list_old = false,
            TroubleKind::Drained { .. } => self.fill_up(),
            TroubleKind::Paused => self.operator_pays(&PayCommand::Pause(false)),
            TroubleKind::Fork { .. }
            | TroubleKind::Closed { .. }
            | TroubleKind::KillPaying { .. }
            | TroubleKind::Restored { .. }
            | TroubleKind::TwoPayers { .. } => {}
        }
    }

    fn mood(&mut self, rpc: usize) -> &mut Mood {
        let moods = &mut self.pay().rpcs.moods;
        let at = rpc % moods.len();
        moods.get_mut(at).expect("there is an RPC, and the place is counted round")
    }

    fn token_account(&mut self, wallet: u64) -> Option<lull_payout::address::Address> {
        let pay = self.pay();
        let wallet: &Wallet = pay.wallets.get(usize::try_from(wallet).ok()?)?;
        Some(pay.terms.treasury.mint.account_of(&wallet.address()))
    }

    /// Blocks are dropped; most of what was in them lands again.
    fn fork(&mut self, kept: usize) {
        let pay = self.pay();
        let mint = pay.terms.treasury.mint;
        let mut again = Vec::new();
        for bytes in pay.rpcs.chain.fork(kept) {
            let Some(read) = lull_payout::transaction::read(&bytes, &mint) else { continue };
            let after_ms = pay.rng.u64(SECOND..MINUTE);
            if pay.rng.bool() && pay.pool.insert(read.signature, bytes).is_none() {
                again.push((after_ms, read.signature));
            }
        }
        for (after_ms, signature) in again {
            self.queue.after(after_ms, Event::Lands(signature));
        }
    }

    fn drain(&mut self, left: u64) {
        let pay = self.pay();
        let own = pay.terms.treasury.mint.account_of(&pay.terms.treasury.owner);
        let has = pay.rpcs.chain.state().tokens.get(&own).copied().unwrap_or(0);
        let taken = has.saturating_sub(left);
        // In every block, so that no block could be dropped that has more.
        pay.rpcs.chain.change(|state| {
            let tokens = state.tokens.entry(own).or_default();
            *tokens = tokens.saturating_sub(taken);
        });
        pay.drained += taken;
    }

    fn fill_up(&mut self) {
        let pay = self.pay();
        let own = pay.terms.treasury.mint.account_of(&pay.terms.treasury.owner);
        let back = std::mem::take(&mut pay.drained);
        pay.rpcs.chain.change(|state| *state.tokens.entry(own).or_default() += back);
    }

    /// The operator's own commands; again later, if they can't be written now.
    pub(super) fn operator_pays(&mut self, command: &PayCommand) {
        // Nothing is lost by a stop: who is paused too long is let go once the faults stop.
        let _ = self.pay_write(Who::House, command);
    }

    /// All of it stops; the operator fills the treasury and looks at what was set aside.
    pub(crate) fn calm_paying(&mut self) {
        if self.pay.is_none() {
            return;
        }
        self.open_house_again();
        self.fill_up();
        let pay = self.pay();
        let own = pay.terms.treasury.mint.account_of(&pay.terms.treasury.owner);
        pay.rpcs.chain.change(|state| {
            *state.tokens.entry(own).or_default() += FILLED;
            state.lamports += FILLED;
        });
        pay.rpcs.moods.iter_mut().for_each(|mood| *mood = Mood::default());
        pay.rpcs.chain.frozen.clear();
        pay.rpcs.price_max = PRICE;
        (pay.answers_ms, pay.late, pay.is_list_old) = (0, None, false);
        pay.listed.clear();
        pay.waiting.clear();
        self.queue.after(MINUTE, Event::Release);
        self.all_want_to_be_paid();
    }

    /// The operator lets go on what was set aside and paused.
    pub(crate) fn operator_releases(&mut self) {
        self.queue.after(10 * MINUTE, Event::Release);
        let Ok(state) = self.pay_read(Who::House, |reader| reader.treasury()) else { return };
        if state.paused_at.is_some() {
            self.operator_pays(&PayCommand::Pause(false));
        }
        let Ok(held) = self.pay_read(Who::House, |reader| reader.payouts_held(HELD_MAX)) else { return };
        for row in held {
            self.operator_pays(&PayCommand::Release(row.payout));
        }
    }

    /// Payouts have stopped: the operator will see it.
    pub(super) fn call_operator(&mut self) {
        if std::mem::replace(&mut self.pay().is_reconciling, true) {
            return;
        }
        let most_ms = if self.is_calm { MINUTE } else { 20 * MINUTE };
        let after_ms = self.pay().rng.u64(10 * SECOND..most_ms);
        self.queue.after(after_ms, Event::Reconcile);
    }

    /// The operator has the chain's memos read back.
    pub(crate) fn operator_reconciles(&mut self) {
        self.pay().is_reconciling = false;
        if self.pay().second.is_some() || self.reconcile().is_err() {
            // Another process pays still, or something can't be asked now.
            self.pay().is_reconciling = true;
            self.queue.after(2 * MINUTE, Event::Reconcile);
        }
    }

    fn reconcile(&mut self) -> Done {
        let state = self.pay_read(Who::House, |reader| reader.treasury())?;
        let (known, wallets) =
            self.pay_read(Who::House, |reader| Ok((reader.payouts_known()?, reader.wallets_known()?)))?;
        let at = self.queue.now();
        let landings = self.pay().rpcs.landings(at).ok_or(Stop::Later)?;
        let treasury = self.pay().terms.treasury;
        let rebuilt = rebuild(&landings, &treasury);
        let mut restored = restore(&known, &state.open, &rebuilt, &treasury);
        let lanes: Vec<LaneId> = state.lanes.iter().map(|lane| lane.id).collect();
        restored.writes.retain(|write| match write {
            lull_payout::facts::Write::SpendLane { lane, .. } | lull_payout::facts::Write::FreeLane(lane) => {
                lanes.contains(lane)
            }
            _ => true,
        });
        let is_clear = restored.contradicted.is_empty() && restored.unexplained.is_empty();
        let what = format!("{:?} contradicted, {:?} unexplained", restored.contradicted, restored.unexplained);
        let wallets = wallets.into_iter().map(|wallet| (treasury.mint.account_of(&wallet.address()), wallet)).collect();
        let (version, sol) = (state.version, self.pay().plan.sol);
        let command = Restore { restored, wallets, version, sol, is_accepted: false };
        let reply = self.pay_write(Who::House, &PayCommand::Restore(Box::new(command)))?;
        self.tally.reconciled += 1;
        if !is_clear || !reply.unbooked.is_empty() {
            let what = format!("{what}, {:?} nobody's", reply.unbooked);
            self.check(Err(broken("reconciling explains all payments", what)));
        }
        Ok(())
    }
}
