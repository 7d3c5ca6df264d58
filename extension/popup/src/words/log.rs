//! Words of the log: search, charts, details, alibi, and whom never to serve.

use lull_view::NeverWhat;

pub(crate) const LOG: &str = "What you did";
pub(crate) const LOG_ALL: &str = "All of it";
pub(crate) const LOG_TEXT: &str = "Every request and answer of the last 90 days. Full addresses stay in this browser.";
pub(crate) const SEARCH: &str = "Search";
pub(crate) const SEARCH_HINT: &str = "Site, purpose, buyer, order";
pub(crate) const KIND: &str = "Kind";
pub(crate) const KIND_ALL: &str = "All work";
pub(crate) const KIND_FETCH: &str = "Bandwidth";
pub(crate) const KIND_JUDGMENT: &str = "Judgments";
pub(crate) const STATE: &str = "State";
pub(crate) const STATE_ALL: &str = "Any state";
pub(crate) const MORE: &str = "Show more";
pub(crate) const NONE_FOUND: &str = "Nothing fits";
pub(crate) const NONE_FOUND_TEXT: &str = "Try fewer letters, or another filter.";
pub(crate) const NONE_YET: &str = "Nothing yet";
pub(crate) const NONE_YET_TEXT: &str = "What you do for buyers is listed here, request by request.";
pub(crate) const READ_FAILED: &str = "The log can't be read";

pub(crate) fn unreadable(n: u64) -> String {
    match n {
        1 => "1 entry can't be read. It is kept as it is.".to_owned(),
        n => format!("{n} entries can't be read. They are kept as they are."),
    }
}

pub(crate) fn totals(count: &str, received: &str, sent: &str, amount: &str) -> String {
    format!("{count} entries, {received} received, {sent} sent, {amount}")
}

// Charts.
pub(crate) const CHART: &str = "Over time";
pub(crate) const BY: [(&str, &str); 3] = [("day", "Day"), ("week", "Week"), ("month", "Month")];
pub(crate) const BY_LABEL: &str = "Add up by";
pub(crate) const CHART_BYTES: &str = "Data";
pub(crate) const CHART_EARNED: &str = "Earned";
pub(crate) const CHART_TABLE: &str = "As a table";
pub(crate) const FROM: &str = "From";

pub(crate) fn chart_label(what: &str, most: &str, all: &str) -> String {
    format!("{what}: {all} in all, {most} at most. The table below has each number.")
}

// Files.
pub(crate) const SAVE_JSON: &str = "Save as JSON";
pub(crate) const SAVE_CSV: &str = "Save as CSV";
pub(crate) const SAVING: &str = "Reading the log…";
pub(crate) const SAVE_TEXT: &str = "Files hold what fits the search, without full addresses.";

// One entry.
pub(crate) const ENTRY: &str = "One piece of work";
pub(crate) const ENTRY_NONE: &str = "No longer here";
pub(crate) const ENTRY_NONE_TEXT: &str = "It is older than 90 days, or made room for newer work.";
pub(crate) const WHEN: &str = "When";
pub(crate) const SITE: &str = "Site";
pub(crate) const PURPOSE: &str = "Declared purpose";
pub(crate) const TITLE: &str = "Project";
pub(crate) const ANSWER: &str = "Your answer";
pub(crate) const BUYER: &str = "Asked for by";
pub(crate) const ORDER: &str = "Order";
pub(crate) const RECEIVED: &str = "Received";
pub(crate) const SENT: &str = "Sent";
pub(crate) const POLICY: &str = "Lull's rules";
pub(crate) const POLICY_PASSED: &str = "Passed";
pub(crate) const OUTCOME: &str = "Outcome";
pub(crate) const VERDICT: &str = "Verdict";
pub(crate) const AMOUNT: &str = "Paid";
pub(crate) const ADDRESS: &str = "Full address";
pub(crate) const ADDRESS_SHOW: &str = "Show the full address";
pub(crate) const RECEIPT_GONE: &str = "Its receipt made room for newer ones.";
pub(crate) const RECEIPT_SHOW: &str = "Receipt";

// Never again.
pub(crate) const NEVER: &str = "Never again";
pub(crate) const NEVER_TEXT: &str = "Work for these goes back at once; nothing is sent.";
pub(crate) const NEVER_NONE: &str = "Nobody is on this list. You can add sites and buyers from what you did.";
pub(crate) const NEVER_SITES: &str = "Sites, with all below them";
pub(crate) const NEVER_BUYERS: &str = "Buyers";
pub(crate) const TAKE_BACK: &str = "Allow again";
pub(crate) const UNDO: &str = "Undo";

pub(crate) fn never(what: &NeverWhat) -> String {
    match what {
        NeverWhat::Domain(domain) => format!("Never fetch {domain} again"),
        NeverWhat::Requester(name) => format!("Never work for {name} again"),
    }
}

pub(crate) fn allow(what: &NeverWhat) -> String {
    let (NeverWhat::Domain(name) | NeverWhat::Requester(name)) = what;
    format!("Allow {name} again")
}

/// What a screen reader says for [`TAKE_BACK`]: it begins with what is seen, so that one who speaks to the browser can
/// say that (WCAG 2.5.3).
pub(crate) fn take_back(name: &str) -> String {
    format!("{TAKE_BACK}: {name}")
}

pub(crate) fn never_done(what: &NeverWhat) -> String {
    match what {
        NeverWhat::Domain(domain) => format!("{domain} is never fetched again."),
        NeverWhat::Requester(name) => format!("You never work for {name} again."),
    }
}

// The alibi.
pub(crate) const ALIBI: &str = "Who asked for this request";
pub(crate) const ALIBI_SHOW: &str = "Alibi";
pub(crate) const ALIBI_LEAD: &str =
    "If a provider or the police ask about this request: this page says who asked for it, and the file proves it.";
pub(crate) const ALIBI_PRINT: &str = "Print";
pub(crate) const ALIBI_SAVE: &str = "Save the file";
pub(crate) const ALIBI_NONE: &str = "No alibi here";
pub(crate) const ALIBI_NONE_TEXT: &str = "Its receipt is gone, or it can't be checked against your coordinator's key. A judgment sends no request and needs none.";
