//! The rules of verdicts and prices once more, in few words: what an offer promised, recomputed.

use lull_protocol::statement::{Decision, FetchReport, Offer, Outcome, Price, VerdictReason, WorkResult};
use lull_protocol::task::{Finding, Task};
use lull_protocol::{Answer, FetchItem, Method, Timestamp};

use crate::world::{is_public, may_be_asked};

/// Limits in numerals of the model's own, so that a wrong one in the code is seen. Of the protocol: assignments of
/// each class that one worker may hold.
pub(super) const FETCH_LEASES_MAX: u8 = 2;
pub(super) const JUDGMENT_LEASES_MAX: u8 = 4;
/// Of the protocol: how far a result's times may lie outside its lease, milliseconds.
pub(super) const CLOCK_SKEW_MS_MAX: u64 = 120_000;
/// Of the market: a project pauses with more rejections than so many of a thousand reviewed answers; fewer of these
/// count as so many.
pub(super) const PAUSE_REVIEWED_LEAST: u64 = 20;
pub(super) const PAUSE_PER_MILLE: u64 = 50;
/// Of the worker: settled receipts that it loads.
pub(super) const RECEIPTS_LOADED_MAX: usize = 128;
/// Of the worker: receipts and results that it lets go at once, to make room for settings.
pub(super) const ROOM_RECORDS_MAX: usize = 128;

/// Decision, reason and amount.
pub(super) type Ruling = (Decision, VerdictReason, u64);

/// The operator's fee on an amount, rounded down.
pub(super) fn fee(amount: u64, fee_bp: u16) -> u64 {
    u64::try_from(u128::from(amount) * u128::from(fee_bp) / 10_000).unwrap_or(u64::MAX)
}

/// What a body of this size costs.
pub(super) fn price(price: &Price, bytes: u64) -> u64 {
    let by_size = u128::from(price.per_mib.get()) * u128::from(bytes) / 1_048_576;
    price.per_item.get() + u64::try_from(by_size).unwrap_or(u64::MAX)
}

/// Whether a result's times lie inside its lease, seen at this moment; a coordinator whose clock was set back
/// holds that against nobody.
pub(super) fn in_time(result: &WorkResult, offer: &Offer, at: Timestamp) -> bool {
    let (started, finished) = (result.started_at.get(), result.finished_at.get());
    let (issued, seen) = (offer.issued_at.get(), at.get().max(offer.issued_at.get()));
    started + CLOCK_SKEW_MS_MAX >= issued && finished <= seen + CLOCK_SKEW_MS_MAX
}

/// Whether an answer is one to this task.
pub(super) fn is_answer(task: &Task, answer: &Answer) -> bool {
    let has = |list: &[String], index: u8| list.get(usize::from(index)).is_some();
    match (task, answer) {
        (Task::Choice(task), Answer::Choice(option)) => has(&task.options, *option),
        (Task::Multi(task), Answer::Multi(chosen)) => {
            let count = chosen.bits().count_ones();
            (0..16).all(|bit| chosen.bits() >> bit & 1 == 0 || has(&task.options, bit))
                && (u32::from(task.least)..=u32::from(task.most)).contains(&count)
        }
        (Task::Compare(_), Answer::Compare(_)) | (Task::Verify(_), Answer::Verify(Finding::NotEnough)) => true,
        (Task::Rating(task), Answer::Rating(step)) => *step >= 1 && *step <= task.steps,
        (Task::Verify(task), Answer::Verify(Finding::Supported { sentence } | Finding::Contradicted { sentence })) => {
            has(&task.source, *sentence)
        }
        _ => false,
    }
}

/// What of an answer counts: all of it, but for the sentence in which somebody found something.
pub(super) fn vote(answer: Answer) -> Answer {
    match answer {
        Answer::Verify(Finding::Supported { .. }) => Answer::Verify(Finding::Supported { sentence: 0 }),
        Answer::Verify(Finding::Contradicted { .. }) => Answer::Verify(Finding::Contradicted { sentence: 0 }),
        other => other,
    }
}

/// What becomes of a fetch.
pub(super) fn of_fetch(item: &FetchItem, offer: &Offer, report: &FetchReport, in_time: bool) -> Ruling {
    let rejected = |reason| (Decision::Rejected, reason, 0);
    let is_paid = matches!(report.outcome, Outcome::Ok | Outcome::NotFound);
    let bytes = report.body_bytes.get();
    let begins = report.hops.first().is_none_or(|hop| hop.url == item.url);
    if !in_time {
        rejected(VerdictReason::TimesOutsideLease)
    } else if !is_paid && begins {
        (Decision::Accepted, VerdictReason::UnpaidOutcome, 0)
    } else if !is_paid {
        rejected(VerdictReason::HopsDontFit)
    } else if bytes > item.bytes_max.get() || (item.method == Method::Head && bytes > 0) {
        rejected(VerdictReason::BodyTooLarge)
    } else if !leads_to_outcome(item, report) {
        rejected(VerdictReason::HopsDontFit)
    } else if !all_public(item, report) {
        rejected(VerdictReason::HopRefused)
    } else {
        (Decision::Accepted, VerdictReason::ChecksPassed, price(&offer.price, bytes))
    }
}

/// The first hop is the item's, the others are redirected to, the last has the outcome's status.
fn leads_to_outcome(item: &FetchItem, report: &FetchReport) -> bool {
    let (Some(first), Some(last)) = (report.hops.first(), report.hops.last()) else { return false };
    let redirects = report.hops.len() - 1;
    let is_redirect = |status: u16| [301, 302, 303, 307, 308].contains(&status);
    let fits = match report.outcome {
        Outcome::Ok => report.status / 100 == 2,
        _ => report.status == 404 || report.status == 410,
    };
    first.url == item.url
        && last.status == report.status
        && fits
        && report.hops.iter().take(redirects).all(|hop| is_redirect(hop.status))
}

/// The world's own word: its catalogues of pages and of public addresses.
fn all_public(item: &FetchItem, report: &FetchReport) -> bool {
    let is_fine = |url: &str, address: &str| may_be_asked(url, item.http_allowed) && is_public(Some(address));
    report.hops.iter().all(|hop| is_fine(&hop.url, &hop.address))
}
