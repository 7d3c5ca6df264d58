//! What becomes of an item that people flag.
//!
//! - A flag is a result that doesn't count: its place is free for others, and its worker isn't offered the item again.
//! - `unclear` reaches the requester and stops nothing: accepted at once, paid nothing.
//! - Any other flag waits for others. When [`FLAGS_CLOSE`] people have flagged the item so, it is *stopped*: nobody gets
//!   a lease of it any more, and open leases are withdrawn. If others decide the item before, or the flag waits longer
//!   than its offer said, it is accepted and paid nothing: that others see it differently is no evidence against anyone.
//! - Once an item is stopped, an answer to it is paid in full, and so is a flag or a withdrawn lease if the item was on
//!   screen for [`SEEN_MS_MIN`] of the lease.
//! - What is held for the item pays: the answers and the open leases first, which were promised a price, then the flags
//!   in the order they came. While flags wait, as many places stay free as there are flags, unless nobody works on the
//!   item: so what is held pays two flags of an item that two people or more were to answer, unless all but one of them
//!   have answered it.
//! - An order that its requester cancels stops its items by the same rules ([`cancel`](crate::cancel)).
//! - It is closed as failed when its last lease has ended; the rest of what is held goes back to the requester.

use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::statement::{Decision, VerdictReason, WorkResult};
use lull_protocol::{Amount, FlagReport, Timestamp};

use crate::command::Refusal;
use crate::desk::{Desk, Judged, Ruling};
use crate::facts::{Answer, Flag, ItemFacts, ItemState, LeaseFacts, LeaseState, Write};
use crate::ledger::with_fee;

/// Different people whose flags stop an item.
pub const FLAGS_CLOSE: u8 = 2;

impl ItemFacts {
    /// Whether people's flags have stopped it, or its requester has.
    pub fn is_stopped(&self) -> bool {
        self.is_cancelled || self.flags >= FLAGS_CLOSE
    }

    /// Places that nobody has taken.
    pub fn free(&self) -> u8 {
        self.needed.saturating_sub(self.leased).saturating_sub(self.answered)
    }

    /// Whether a place may be leased.
    pub fn is_offered(&self) -> bool {
        let kept = if self.leased == 0 { 0 } else { self.flags };
        self.state == ItemState::Open && !self.is_stopped() && self.free() > kept
    }
}

/// How long a result's item was on screen, as far as the lease and the coordinator's clock bear it out, milliseconds.
pub fn seen_ms(result: &WorkResult, lease: &LeaseFacts, now: Timestamp) -> u64 {
    result.finished_at.min(now).since(result.started_at.max(lease.issued_at))
}

/// A flag. The item's other answers and flags are those without a verdict.
pub(crate) fn flagged(
    desk: &mut Desk<'_>,
    judged: Judged,
    flag: &FlagReport,
    seen_ms: u64,
    (has_flagged, answers, mut flags): (bool, Vec<Answer>, Vec<Flag>),
) -> Result<(), Refusal> {
    let (item, order) = (desk.item.id, desk.order().id);
    desk.writes.push(Write::AddFlag { lease: judged.lease, item, order, reason: flag.reason, seen_ms });
    if !flag.reason.stops() {
        if desk.item.is_stopped() {
            // Whatever is said of it: it was looked at, and taken back.
            pay_look(desk, judged, seen_ms)?;
        } else {
            desk.rule(judged, unpaid(VerdictReason::FlagPassedOn))?;
        }
        return desk.close_if_stopped();
    }
    let was_stopped = desk.item.is_stopped();
    // A second one of the same person waits like the first, and is no second opinion.
    if !has_flagged {
        desk.item.flags = desk.item.flags.saturating_add(1);
    }
    let Judged { lease, worker, result, shown, .. } = judged;
    flags.push(Flag { lease, worker, result, seen_ms, shown });
    if !desk.item.is_stopped() {
        desk.writes.push(Write::SetLease { lease: judged.lease, state: LeaseState::Answered, again: false });
        return Ok(());
    }
    stop(desk, if was_stopped { &[] } else { &answers }, flags)
}

/// An item stops: its answers without a verdict are paid, and then the flags that wait.
pub(crate) fn stop(desk: &mut Desk<'_>, answers: &[Answer], flags: Vec<Flag>) -> Result<(), Refusal> {
    let price = desk.order().price.per_item;
    for answer in answers.iter().filter(|answer| !answer.judged) {
        let Answer { lease, worker, result, shown, .. } = *answer;
        let rejection = answer.rejection.as_deref();
        desk.rule(Judged { lease, worker, result, shown, rejection }, stopped(price))?;
    }
    for flag in flags {
        pay_look(desk, flag.judged(), flag.seen_ms)?;
    }
    desk.close_if_stopped()
}

/// An answer to an item that was stopped while the person worked on it.
pub(crate) fn answered_late(desk: &mut Desk<'_>, judged: Judged) -> Result<(), Refusal> {
    desk.rule(judged, stopped(desk.order().price.per_item))?;
    desk.close_if_stopped()
}

/// The look at an item that was taken back.
pub(crate) fn withdrawn(desk: &mut Desk<'_>, judged: Judged, seen_ms: u64) -> Result<(), Refusal> {
    pay_look(desk, judged, seen_ms)?;
    desk.close_if_stopped()
}

/// Flags of an item that others have decided.
pub(crate) fn not_shared(desk: &mut Desk<'_>, flags: Vec<Flag>) -> Result<(), Refusal> {
    flags.iter().try_for_each(|flag| by_time(desk, flag.judged()))
}

/// A flag that waits for others longer than its offer said.
pub(crate) fn by_time(desk: &mut Desk<'_>, judged: Judged) -> Result<(), Refusal> {
    desk.rule(judged, unpaid(VerdictReason::FlagNotShared))
}

/// Pays for a look that was long enough, if more is held than open leases were promised.
fn pay_look(desk: &mut Desk<'_>, judged: Judged, seen_ms: u64) -> Result<(), Refusal> {
    let price = desk.order().price.per_item;
    let fault = || Refusal::Fault("an order's price is out of range".into());
    let one = with_fee(price, desk.order().fee_bp).ok_or_else(fault)?;
    let needed = one.checked_mul(u64::from(desk.item.leased) + 1).ok_or_else(fault)?;
    let is_paid = seen_ms >= SEEN_MS_MIN && desk.item.held >= needed;
    desk.rule(judged, if is_paid { stopped(price) } else { unpaid(VerdictReason::StoppedUnpaid) })
}

fn stopped(amount: Amount) -> Ruling {
    Ruling { decision: Decision::Accepted, reason: VerdictReason::Stopped, amount }
}

fn unpaid(reason: VerdictReason) -> Ruling {
    Ruling { decision: Decision::Accepted, reason, amount: Amount::ZERO }
}

impl Flag {
    fn judged(&self) -> Judged<'static> {
        let Self { lease, worker, result, shown, .. } = *self;
        Judged { lease, worker, result, shown, rejection: None }
    }
}

impl Desk<'_> {
    /// Closes an item that was stopped and that nobody works on any more.
    pub(crate) fn close_if_stopped(&mut self) -> Result<(), Refusal> {
        if self.item.is_stopped() && self.item.leased == 0 && self.item.state == ItemState::Open {
            self.close(ItemState::Failed, None)?;
        }
        Ok(())
    }
}
