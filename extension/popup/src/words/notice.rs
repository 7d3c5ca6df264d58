//! What the background has to say: notices, what couldn't be read, results that weren't taken.

use lull_view::Notice;

use crate::{format, text};

/// A notice.
pub(crate) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::OtherKey { pinned, found } => text::notice_other_key(pinned, found),
        Notice::Broken => text::notice_broken().to_owned(),
        Notice::NeverFull => text::notice_never_full().to_owned(),
        Notice::Withdrawn { is_paid: true } => text::notice_withdrawn_paid().to_owned(),
        Notice::Withdrawn { is_paid: false } => text::notice_withdrawn().to_owned(),
        Notice::Storage => text::notice_storage().to_owned(),
        Notice::SetAside { record } => set_aside(record).to_owned(),
        Notice::Refused { code } => refused(code).to_owned(),
        Notice::AppealRefused { code } => appeal_refused(code).to_owned(),
        Notice::Contradiction { .. } => text::notice_contradiction().to_owned(),
        Notice::Clock { ahead_ms } => {
            let time = format::minutes((ahead_ms.unsigned_abs() + 30_000) / 60_000);
            if *ahead_ms < 0 { text::notice_clock_behind(&time) } else { text::notice_clock_ahead(&time) }
        }
    }
}

/// What couldn't be read. Without its key or its package Lull doesn't work; all else it can do without.
fn set_aside(record: &str) -> &'static str {
    match record {
        "key" => text::set_aside_key(),
        "trust.json" => text::set_aside_trust(),
        "caps" => text::set_aside_caps(),
        "usage" => text::set_aside_usage(),
        "never" => text::set_aside_never(),
        _ => text::set_aside_other(),
    }
}

/// Why the coordinator refused a result for good, and what becomes of the money.
fn refused(code: &str) -> &'static str {
    match code {
        "lease_expired" => text::not_taken_lease_expired(),
        "lease_ended" => text::not_taken_lease_ended(),
        "withdrawn" => text::not_taken_withdrawn(),
        "result_differs" => text::not_taken_result_differs(),
        "unknown_offer" => text::not_taken_unknown_offer(),
        "not_yours" => text::not_taken_not_yours(),
        "wrong_report" => text::not_taken_wrong_report(),
        "body_hash" => text::not_taken_body_hash(),
        "signature" => text::not_taken_signature(),
        "too_large" => text::not_taken_too_large(),
        _ => text::not_taken_other(),
    }
}

/// Why an appeal doesn't count.
fn appeal_refused(code: &str) -> &'static str {
    match code {
        "lease_ended" => text::appeal_refused_ended(),
        _ => text::appeal_refused_other(),
    }
}
