//! What is said about answers that a buyer reviews: rejections, appeals, and the buyer's record.

use lull_view::{BuyerRecord, Ending, Judgment, VerdictReason};

use crate::{format, text};

/// How the buyer has reviewed so far.
pub(crate) fn record(judgment: &Judgment) -> String {
    let Some(BuyerRecord { reviewed, rejected, overturned }) = judgment.record else {
        return text::record_unknown().to_owned();
    };
    match (reviewed, rejected) {
        (0, _) => text::record_none().to_owned(),
        (_, 0) => text::record_clean(&format::count(reviewed.into())),
        _ => {
            let (rejected, overturned) = (format::count(rejected.into()), format::count(overturned.into()));
            text::record(&rejected, &format::count(reviewed.into()), &overturned)
        }
    }
}

/// Who must agree, of answers that a buyer accepts one by one.
pub(crate) fn rule(judgment: &Judgment) -> String {
    let Judgment { people, agree, .. } = *judgment;
    let approved = format::moment(judgment.approved_at);
    match people {
        1 => text::rule_reviewed_alone(&approved),
        _ => text::rule_reviewed(&format::count(people.into()), &format::count(agree.into()), &approved),
    }
}

/// What becomes of an appeal, in a title and a sentence.
pub(crate) fn waiting(is_delivered: bool) -> (&'static str, &'static str) {
    let text = if is_delivered { text::appeal_delivered_text() } else { text::appeal_unsent_text() };
    (text::appeal_waits(), text)
}

/// How it ended, in a title and a sentence.
pub(crate) fn ended(reason: Option<VerdictReason>, has_appealed: bool) -> (&'static str, &'static str) {
    match reason {
        Some(VerdictReason::AppealUpheld) => (text::appeal_upheld(), text::appeal_upheld_text()),
        Some(VerdictReason::AppealDenied) => (text::appeal_denied(), text::appeal_denied_text()),
        Some(VerdictReason::ApprovedByBuyer) => (text::rejection_taken_back(), text::paid_in_full()),
        Some(VerdictReason::Stopped) => (text::rejection_stopped(), text::paid_in_full()),
        _ if has_appealed => (text::rejection_stands(), text::rejection_late()),
        _ => (text::rejection_stands(), text::rejection_nobody()),
    }
}

/// What becomes of an appeal about money that was paid, in a title and a sentence.
pub(crate) fn money_waits(is_delivered: bool) -> (&'static str, &'static str) {
    let text = if is_delivered { text::reversal_delivered_text() } else { text::reversal_unsent_text() };
    (text::appeal_waits(), text)
}

/// How a reversal ended, in a title and a sentence.
pub(crate) fn money_ended(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::Unopposed => (text::reversal_stands(), text::rejection_nobody()),
        Ending::Denied => (text::appeal_denied(), text::reversal_denied_text()),
        Ending::Upheld => (text::appeal_upheld(), text::reversal_kept_text()),
        Ending::Undecided => (text::reversal_undecided(), text::reversal_kept_text()),
        Ending::TakenBack => (text::reversal_taken_back(), text::reversal_kept_text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_takeback_and_a_stop_are_no_rejection_that_stands() {
        for paid in [VerdictReason::AppealUpheld, VerdictReason::ApprovedByBuyer, VerdictReason::Stopped] {
            assert_ne!(ended(Some(paid), true).0, text::rejection_stands());
        }
        assert_ne!(
            ended(Some(VerdictReason::RejectedByBuyer), true),
            ended(Some(VerdictReason::RejectedByBuyer), false)
        );
    }
}
