//! Words about what is offered, how long it lasts, what is wanted, and how the person fares.

use lull_view::TaskKind;

// More time.
pub(crate) const MORE_TIME: &str = "More time";
pub(crate) const MORE_TIME_KEY: (&str, &str) = ("E", "more time, when it runs out");
pub(crate) const LAST_SECONDS: &str = "Only seconds left.";
pub(crate) const NO_MORE_TIME: &str = "Only seconds left. This question can't be extended any more; it goes to others.";

/// Said once, when time runs out.
pub(crate) fn time_runs_out(seconds: u64, key: bool) -> String {
    let how = if key { "Press E for more time." } else { "The button More time gives you more." };
    format!("{seconds} seconds left for this question. {how}")
}

/// Said once, when there is more.
pub(crate) fn time_given(minutes: u64) -> String {
    if minutes == 1 { "You have 1 more minute.".to_owned() } else { format!("You have {minutes} more minutes.") }
}

// How a project goes.
pub(crate) const PACE_UNKNOWN: &str = "Time and pay per hour: not known yet";

pub(crate) fn pace(seconds: &str, outcomes: &str, hourly: &str) -> String {
    format!("Median {seconds} (n = {outcomes}), ≈ {hourly} an hour, skips counted")
}

/// A median of so many seconds.
pub(crate) fn seconds(n: u32) -> String {
    if n < 120 { format!("{n} s") } else { format!("{} min", n.div_ceil(60)) }
}

// Skips.
pub(crate) fn skips_left(n: u32) -> String {
    match n {
        0 => "After the next skip, this project rests until tomorrow (UTC).".to_owned(),
        n => format!("Skips left today: {n}"),
    }
}

// Whom not to work for.
pub(crate) fn never_buyer(name: &str) -> String {
    format!("Never offer me {name}")
}

pub(crate) fn nothing_more_from(name: &str) -> String {
    format!("You'll be offered nothing more from {name}.")
}

pub(crate) const MORE: &str = "More";
pub(crate) const UNDO: &str = "Undo";

// What is wanted.
pub(crate) const WISHES: &str = "What you're offered";
pub(crate) const WISHES_TEXT: &str = "Turning work down this way is free: it counts against nobody.";
pub(crate) const HOURLY_MIN: &str = "Don't offer me less an hour than";
pub(crate) const HOURLY_MIN_TEXT: &str = "0 is no limit. What isn't known yet is offered all the same.";
pub(crate) const TEXT_ONLY: &str = "No pictures";
pub(crate) const TEXT_ONLY_TEXT: &str = "Only questions that can be read, or read out.";
pub(crate) const KINDS: &str = "Kinds of questions";
pub(crate) const KINDS_NONE: &str = "Without any kind, you're offered no questions.";

pub(crate) fn kind(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Choice => "Choose one",
        TaskKind::Multi => "Choose several",
        TaskKind::Compare => "Compare two",
        TaskKind::Rating => "Rate",
        TaskKind::Verify => "Check a claim",
    }
}

// How the person fares.
pub(crate) const YOU: &str = "How you fare";
pub(crate) const YOU_SEE: &str = "See how you fare";
pub(crate) const YOU_TEXT: &str = "From your own receipts, kept in this browser alone.";
pub(crate) const YOU_NONE: &str = "Nothing to see yet";
pub(crate) const YOU_NONE_TEXT: &str = "Once your answers are paid, this page shows what an hour of them brings.";
pub(crate) const NOT_KNOWN: &str = "not known yet";
pub(crate) const AGREES: &str = "Agrees with others";
pub(crate) const AN_HOUR: &str = "An hour of judging";
pub(crate) const ANSWERS: &str = "Answers";
pub(crate) const AGREES_TEXT: &str =
    "Of the answers that enough others agreed about. Differing isn't wrong, and it is paid in full.";
pub(crate) const BY_DAY: &str = "Earned by day";
pub(crate) const DAYS_NONE: &str = "Nothing in these days.";

pub(crate) fn agreement(percent: u64, answers: &str) -> String {
    format!("{percent} % of {answers}")
}

pub(crate) fn last_days(days: u64) -> String {
    format!("{days} days")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words_for_few_things() {
        assert_eq!(time_given(1), "You have 1 more minute.");
        assert_eq!(skips_left(3), "Skips left today: 3");
        assert_eq!([9, 119, 120, 450].map(seconds), ["9 s", "119 s", "2 min", "8 min"]);
    }
}
