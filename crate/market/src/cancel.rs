//! A requester cancels an order: what is begun is paid, the rest of its money goes back.
//!
//! - From then on nothing of it is leased. Each item that is still open is *stopped*, as by people's flags
//!   ([`flag`](crate::flag)), and by the same rules: answers that have no verdict are paid in full, rejected ones too;
//!   open leases are withdrawn, and a look of `SEEN_MS_MIN` is paid, as are flags that wait; an answer or a page that
//!   comes under its lease is paid as if nothing had happened.
//! - An item is closed as failed when its last lease has ended, at once if there is none; what is still held for it goes
//!   back to the requester. What was decided before stays as it is.
//! - Asking again changes nothing. An order without an open item is finished: there is nothing to cancel.

use crate::command::{Context, NumberedVerdict, Refusal, RequesterId, ReviewProblem};
use crate::desk::Desk;
use crate::facts::{CancelFacts, StopFacts, Write};
use crate::flag;

use lull_protocol::OrderId;

/// Decides whether an order may be cancelled, and what to write first; `None`: it is cancelled already. No facts: no
/// such order.
pub fn begin(
    facts: Option<&CancelFacts>,
    (requester, order): (RequesterId, OrderId),
) -> Result<Option<Write>, Refusal> {
    let no = |problem| Err(Refusal::Review { field: "order".into(), problem });
    match facts.filter(|facts| facts.requester == requester) {
        None => no(ReviewProblem::UnknownOrder),
        Some(facts) if facts.is_cancelled => Ok(None),
        Some(facts) if !facts.is_open => no(ReviewProblem::Finished),
        Some(_) => Ok(Some(Write::SetCancelled { order })),
    }
}

/// Stops one of its open items.
pub fn stop(facts: StopFacts, cx: &Context) -> Result<(Vec<Write>, Vec<NumberedVerdict>), Refusal> {
    let StopFacts { item, order, answers, flags, last_numbers, tally } = facts;
    let mut desk = Desk::new(cx, order, item, last_numbers).with_tally(tally);
    flag::stop(&mut desk, &answers, flags)?;
    Ok(desk.finish())
}
