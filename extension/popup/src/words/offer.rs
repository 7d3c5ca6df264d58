//! What the popup says of an offer: how long it lasts, how its project goes, what is wanted, and how the person fares.

use lull_view::{Pace, TaskKind};

use super::judgment::Key;
use crate::{format, text};

/// What E does, in the list of keys.
pub(super) const MORE_TIME_KEY: Key = Key::single("E", text::key_more_time);

/// Said once, when time runs out.
pub(crate) fn time_runs_out(seconds: u64, key: bool) -> String {
    let left = format::seconds(seconds);
    if key { text::time_runs_out_key(&left) } else { text::time_runs_out_button(&left) }
}

/// How a project has gone so far, beside its price.
pub(crate) fn pace(pace: &Pace) -> String {
    let Pace { outcomes, median_s, hourly } = *pace;
    text::pace(&format::duration(median_s.into()), &format::count(outcomes), &format::rate(hourly.get()))
}

/// What it pays, and an hour of it if that is known, said once.
pub(crate) fn spoken_price(price: &str, pace: Option<&Pace>) -> String {
    match pace {
        Some(pace) => text::spoken_price(price, &format::rate(pace.hourly.get())),
        None => text::spoken_price_alone(price),
    }
}

/// How many skips are free today.
pub(crate) fn skips_left(left: u32) -> String {
    if left == 0 { text::skips_left_none().to_owned() } else { text::skips_left(left.into()) }
}

/// A type of judgment, as what the person does.
pub(crate) fn kind(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Choice => text::kind_choice(),
        TaskKind::Multi => text::kind_multi(),
        TaskKind::Compare => text::kind_compare(),
        TaskKind::Rating => text::kind_rating(),
        TaskKind::Verify => text::kind_verify(),
    }
}

/// How many of how many answers others agreed with.
pub(crate) fn agreement(percent: u64, answers: u64) -> String {
    let basis_points = u16::try_from(percent.saturating_mul(100)).unwrap_or(10_000);
    text::you_agrees_of(&format::basis_points(basis_points), &format::count(answers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words_for_few_things() {
        assert_eq!(time_runs_out(20, true), "20 sec left for the paid question. Press E for more time.");
        assert_eq!(text::time_given(1), "You have 1 more minute.");
        assert_eq!(skips_left(8), "8 free skips left today");
        assert_eq!(skips_left(1), "1 free skip left today");
        assert_eq!(agreement(93, 1_200), "93% of 1,200");
    }
}
