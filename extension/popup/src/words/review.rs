//! What is said about answers that a buyer reviews: rejections, appeals, and the buyer's record.

use lull_view::{BuyerRecord, VerdictReason};

pub(crate) const CONTESTED: &str = "Rejected, you can appeal";
pub(crate) const APPEALED: &str = "Appealed";
pub(crate) const LINE_LOOK: &str = "See why, and appeal if you disagree";
pub(crate) const WHY: &str = "What is held against it";
pub(crate) const YOUR_WORDS: &str = "What you said";
pub(crate) const WORDS_LABEL: &str = "Why it is right, if you want to say (optional)";
pub(crate) const WORDS_LONG: &str = "That is too long for an appeal.";
pub(crate) const APPEAL: &str = "Appeal";

/// The line on the first page.
pub(crate) fn contested(count: u32) -> String {
    match count {
        1 => "One of your answers was rejected".to_owned(),
        n => format!("{n} of your answers were rejected"),
    }
}

/// How the buyer has reviewed so far.
pub(crate) fn record(record: &BuyerRecord) -> String {
    let BuyerRecord { reviewed, rejected, overturned } = *record;
    match (reviewed, rejected) {
        (0, _) => "This buyer reviews answers, and has reviewed none so far.".to_owned(),
        (_, 0) => format!("This buyer reviews answers, and rejected none of {reviewed}."),
        _ => format!("This buyer reviews answers: rejected {rejected} of {reviewed}, {overturned} overturned."),
    }
}

/// Where no record came with the offer.
pub(crate) const RECORD_UNKNOWN: &str = "This buyer reviews answers. How it did so far is not known yet.";

/// Who must agree, of answers that a buyer accepts one by one.
pub(crate) fn rule(people: u8, agree: u8) -> String {
    let whom = if people == 1 { "Asked of you alone".to_owned() } else { format!("Asked of {people} people") };
    let agreed = if people == 1 { String::new() } else { format!("; {agree} must agree") };
    format!(
        "{whom}{agreed}. You're paid in full once the buyer accepts; a rejection needs a reason, and you can appeal."
    )
}

/// Where it stands, in a title and a sentence.
pub(crate) fn open(until: &str) -> (&'static str, String) {
    ("This answer was rejected", format!("Nothing is final yet. You can appeal until {until}; then a human decides."))
}

pub(crate) const WAITS: (&str, &str) = (
    "You appealed",
    "A human decides about it. If nobody does in time, you are right and are paid. Lull sends it as soon as it's \
     connected.",
);

/// How it ended.
pub(crate) fn ended(reason: Option<VerdictReason>, has_appealed: bool) -> (&'static str, &'static str) {
    match reason {
        Some(VerdictReason::AppealUpheld) => {
            ("Your appeal was upheld", "The rejection did not stand: you are paid in full.")
        }
        Some(VerdictReason::AppealDenied) => {
            ("Your appeal was denied", "A human looked at it, and the rejection stands.")
        }
        Some(VerdictReason::ApprovedByBuyer) => ("The buyer took the rejection back", "You are paid in full."),
        _ if has_appealed => ("The rejection stands", "Your appeal came after its time."),
        _ => ("The rejection stands", "Nobody appealed in time."),
    }
}

/// A part's title and what it is.
pub(crate) fn part(part: &str) -> Option<(&'static str, &'static str)> {
    match part {
        "rejection" => Some(("Rejection", "What was held against it")),
        "appeal" => Some(("Appeal", "What you said to that")),
        _ => None,
    }
}

/// What a check says while it holds, and once it fails.
pub(crate) fn check(check: &str) -> Option<(&'static str, &'static str)> {
    match check {
        "rejection_signed" => Some(("The coordinator's signature fits", "The coordinator's signature no longer fits")),
        "rejection_matches" => {
            Some(("It is about this very result", "The rejection and the verdict don't name each other's result"))
        }
        "appeal_signed" => Some(("Your signature fits", "Your signature no longer fits")),
        "appeal_matches" => Some(("It answers this very rejection", "The appeal answers another rejection")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyers_record_is_told_with_its_count() {
        let said = |reviewed, rejected, overturned| record(&BuyerRecord { reviewed, rejected, overturned });
        assert!(said(480, 12, 3).contains("rejected 12 of 480, 3 overturned"));
        assert!(said(480, 0, 0).contains("rejected none of 480"));
        assert!(said(0, 0, 0).contains("reviewed none so far"));
    }
}
