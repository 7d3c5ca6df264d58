//! Which message says what: a state, a reason, a code in the person's own words. The messages are [`crate::text`]'s.

mod answer;
pub(crate) mod backup;
#[cfg(feature = "bandwidth")]
pub(crate) mod consent;
pub(crate) mod content;
#[cfg(feature = "bandwidth")]
pub(crate) mod facts;
pub(crate) mod flag;
pub(crate) mod judgment;
pub(crate) mod limits;
pub(crate) mod log;
mod notice;
pub(crate) mod offer;
pub(crate) mod pops;
pub(crate) mod practice;
pub(crate) mod receipt;
pub(crate) mod review;
pub(crate) mod wallet;

use lull_view::{ActivityState, BandwidthState, LinkProblem};

use crate::{format, text};

pub(crate) use self::answer::answer;
pub(crate) use self::notice::notice;

/// The title of the tab; home is Lull itself.
pub(crate) fn document_title(page: Option<&str>) -> String {
    page.map_or_else(|| text::name().to_owned(), text::document_title)
}

/// What Lull is, for who is new.
pub(crate) fn welcome_facts() -> [&'static str; 3] {
    [text::welcome_fact_account(), text::welcome_fact_agreed(), text::welcome_fact_receipt()]
}

/// When the next try to connect comes.
pub(crate) fn next_try(seconds: u64) -> String {
    if seconds == 0 { text::next_try_now().to_owned() } else { text::next_try(&format::seconds(seconds)) }
}

/// Why there is no connection, and what the person can do.
pub(crate) fn problem(reason: LinkProblem) -> (&'static str, &'static str) {
    match reason {
        LinkProblem::Unreachable => (text::problem_unreachable(), text::problem_unreachable_advice()),
        LinkProblem::Lost => (text::problem_lost(), text::problem_lost_advice()),
        LinkProblem::OtherKey => (text::problem_other_key(), text::problem_other_key_advice()),
        LinkProblem::Version => (text::problem_version(), text::problem_version_advice()),
        LinkProblem::Handshake => (text::problem_handshake(), text::problem_handshake_advice()),
        LinkProblem::Replaced => (text::problem_replaced(), text::problem_replaced_advice()),
        LinkProblem::Stopping => (text::problem_stopping(), text::problem_stopping_advice()),
        LinkProblem::Storage => (text::problem_storage(), text::problem_storage_advice()),
        LinkProblem::Succeeded => (text::problem_succeeded(), text::problem_succeeded_advice()),
    }
}

/// An activity's state.
pub(crate) fn activity_state(state: ActivityState) -> &'static str {
    match state {
        ActivityState::Sending => text::state_sending(),
        ActivityState::Waiting => text::state_waiting(),
        ActivityState::Accepted => text::state_accepted(),
        ActivityState::Ambiguous => text::state_ambiguous(),
        ActivityState::Rejected => text::state_rejected(),
        ActivityState::Refused => text::state_refused(),
        ActivityState::Contested => text::state_contested(),
        ActivityState::Appealed => text::state_appealed(),
        ActivityState::Reversed => text::state_reversed(),
    }
}

/// A fetch's outcome (design: Fetch work); one of a later version is told by its code.
pub(crate) fn outcome(code: &str) -> &str {
    match code {
        "ok" => text::outcome_ok(),
        "not_found" => text::outcome_not_found(),
        "blocked" => text::outcome_blocked(),
        "challenge" => text::outcome_challenge(),
        "policy" => text::outcome_policy(),
        "network" => text::outcome_network(),
        "timeout" => text::outcome_timeout(),
        other => other,
    }
}

/// What is left of a lease.
pub(crate) fn time_left(seconds: u64) -> String {
    if seconds == 0 { text::time_up().to_owned() } else { text::time_left(&format::duration(seconds)) }
}

/// What bandwidth does: a word for the state, and a sentence.
pub(crate) fn bandwidth(state: BandwidthState) -> (&'static str, &'static str) {
    match state {
        BandwidthState::Absent => (text::bandwidth_absent(), text::absent_text()),
        BandwidthState::Forbidden => (text::bandwidth_off(), text::bandwidth_forbidden_text()),
        BandwidthState::NotAllowed => (text::bandwidth_off(), text::bandwidth_not_allowed_text()),
        BandwidthState::Off => (text::bandwidth_off(), text::bandwidth_off_text()),
        BandwidthState::NeedsConsent => (text::bandwidth_needs_consent(), text::bandwidth_needs_consent_text()),
        BandwidthState::NoPermission => (text::bandwidth_no_permission(), text::bandwidth_no_permission_text()),
        BandwidthState::Paused => (text::bandwidth_paused(), text::bandwidth_paused_text()),
        BandwidthState::WaitingForAway => (text::bandwidth_away(), text::bandwidth_away_text()),
        BandwidthState::DataSaver => (text::bandwidth_data_saver(), text::bandwidth_data_saver_text()),
        BandwidthState::Limited { .. } => (text::bandwidth_limited(), text::bandwidth_limited_text()),
        BandwidthState::Idle => (text::bandwidth_idle(), text::bandwidth_idle_text()),
        BandwidthState::Fetching => (text::bandwidth_fetching(), text::bandwidth_fetching_text()),
    }
}

/// What lending means, in four thoughts.
#[cfg(feature = "bandwidth")]
pub(crate) fn lend_facts() -> [(&'static str, &'static str); 4] {
    [
        (text::lend_address(), text::lend_address_text()),
        (text::lend_away(), text::lend_away_text()),
        (text::lend_browsing(), text::lend_browsing_text()),
        (text::lend_off_means(), text::lend_off_means_text()),
    ]
}

/// Pages of the kind that buyers ask for.
#[cfg(feature = "bandwidth")]
pub(crate) const EXAMPLES_FETCHED: [&str; 3] =
    ["https://en.wikipedia.org/wiki/Tide", "https://www.gutenberg.org/ebooks/2701", "https://www.rust-lang.org/learn"];
/// Destinations that policy refuses, each for another reason.
#[cfg(feature = "bandwidth")]
pub(crate) const EXAMPLES_REFUSED: [&str; 3] =
    ["https://192.168.1.1/", "https://accounts.example-bank.com/login", "https://printer.local/"];

/// A refusal of the policy, by its code; one of a later version is told by that.
pub(crate) fn refusal(code: &str) -> &str {
    match code {
        "malformed" => text::refusal_malformed(),
        "scheme" => text::refusal_scheme(),
        "port" => text::refusal_port(),
        "credentials" => text::refusal_credentials(),
        "ip_literal" => text::refusal_ip_literal(),
        "special_name" => text::refusal_special_name(),
        "sensitive" => text::refusal_sensitive(),
        "private_address" => text::refusal_private_address(),
        "no_address" => text::refusal_no_address(),
        "too_many_hops" => text::refusal_too_many_hops(),
        "bad_redirect" => text::refusal_bad_redirect(),
        "too_large" => text::refusal_too_large(),
        "first_hop" => text::refusal_first_hop(),
        "wildcard" => text::refusal_wildcard(),
        "government" => text::refusal_government(),
        "adult" => text::refusal_adult(),
        "scanner" => text::refusal_scanner(),
        "media_type" => text::refusal_media_type(),
        "shows_address" => text::refusal_shows_address(),
        "never_domain" => text::refusal_never_domain(),
        other => other,
    }
}

/// How far a clock is off.
pub(crate) fn clock(ahead_ms: i64) -> String {
    let time = format::tenths((ahead_ms.unsigned_abs() + 50) / 100);
    if ahead_ms < 0 { text::clock_behind(&time) } else { text::clock_ahead(&time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_in_the_unit_people_use() {
        let said = [0, 9, 99, 100, 5_399, 5_400, 7_300].map(time_left);
        let expected =
            [text::time_up(), "9 sec left", "99 sec left", "2 min left", "90 min left", "2 hr left", "2 hr left"];
        assert_eq!(said, expected);
    }

    #[test]
    fn clocks_are_told_in_tenths() {
        assert_eq!([-340, 0, 61_250].map(clock), ["0.3 sec behind", "0.0 sec ahead", "61.3 sec ahead"]);
    }
}
