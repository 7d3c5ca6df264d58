//! Every word the popup shows.

#[cfg(feature = "bandwidth")]
pub(crate) mod consent;
#[cfg(feature = "bandwidth")]
pub(crate) mod facts;
pub(crate) mod judgment;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod pops;
pub(crate) mod review;

use lull_view::{ActivityState, BandwidthState, ChangedByte, LinkProblem, Notice};

/// The language of these words (BCP 47).
pub(crate) const LANGUAGE: &str = "en";

pub(crate) const NAME: &str = "Lull";
pub(crate) const BACKGROUND_SILENT: &str =
    "Lull's background isn't answering. If this stays, switch the extension off and on again.";

/// The title of the tab; home is Lull itself.
pub(crate) fn document_title(page: &str) -> String {
    if page.is_empty() { NAME.to_owned() } else { format!("{page} – {NAME}") }
}

// First run.
pub(crate) const WELCOME: &str = "Welcome";
pub(crate) const WELCOME_TITLE: &str = "Quiet moments, put to work.";
pub(crate) const WELCOME_LEAD: &str = "Lull pays you for quick judgments: you look, you choose, you earn. Every answer is signed by a key that \
     lives in this browser.";
pub(crate) const WELCOME_FACTS: [&str; 3] = [
    "No account, and no permission asked: answering needs none.",
    "You never see a job you didn't agree to, and you can pause with one click.",
    "Each payment opens into a receipt that your own browser checks.",
];
pub(crate) const START: &str = "Start answering";
pub(crate) const WELCOME_WAIT: &str = "Finding your coordinator";
pub(crate) const WELCOME_WAIT_MORE: &str = "Your key is made in this browser and stays here. This takes a moment.";
pub(crate) const CARD_LEAD: &str =
    "This is who sends you work and pays you. Their card is signed, so you can hold them to it.";
pub(crate) const NOT_NOW: &str = "Not now";

pub(crate) fn card_title(name: &str) -> String {
    format!("Work for {name}?")
}

pub(crate) fn card_accept(name: &str) -> String {
    format!("Work for {name}")
}

// The operator's card.
pub(crate) const CARD_COUNTRY: &str = "Country";
pub(crate) const CARD_CONTACT: &str = "Contact";
pub(crate) const CARD_FEE: &str = "Fee";
pub(crate) const CARD_ASSET: &str = "Pays in";
pub(crate) const CARD_KEY: &str = "Key";
pub(crate) const CARD_KEY_FULL: &str = "Full key, for lull verify";
pub(crate) const CARD_ADDRESS: &str = "Address";
pub(crate) const CARD_DEMO: &str = "This is a demonstration: what you earn is play money, without value outside. The others who answer are the demo \
     crowd: simulated people that replay recorded answers, or a picture's label.";

pub(crate) const CARD_FEE_NONE: &str = "None";

pub(crate) fn card_fee(percent: &str) -> String {
    format!("{percent}, paid by the buyer on top")
}

// The connection.
pub(crate) const LINK_OFF: &str = "Off";
pub(crate) const LINK_PAUSED: &str = "Paused";
pub(crate) const LINK_CONNECTING: &str = "Connecting";
pub(crate) const LINK_CONNECTED: &str = "Connected";
pub(crate) const LINK_WAITING: &str = "Not connected";
pub(crate) const LINK_STOPPED: &str = "Stopped";
pub(crate) const CONNECT_NOW: &str = "Try now";
pub(crate) const CONNECT_HERE: &str = "Connect here";

pub(crate) fn next_try(seconds: u64) -> String {
    if seconds == 0 { "Trying again now.".to_owned() } else { format!("Next try in {seconds} s.") }
}

/// Why there is no connection, and what the person can do.
pub(crate) fn problem(reason: LinkProblem) -> (&'static str, &'static str) {
    match reason {
        LinkProblem::Unreachable => {
            ("Nobody answers.", "The coordinator may be down, or this browser offline. Lull keeps trying.")
        }
        LinkProblem::Lost => ("The connection broke off.", "Lull connects again by itself. Nothing is lost."),
        LinkProblem::OtherKey => (
            "Another key answered than the one you trust.",
            "Lull doesn't talk to it. Ask the operator before you go on.",
        ),
        LinkProblem::Version => ("This Lull and the coordinator speak different versions.", "Update Lull to go on."),
        LinkProblem::Handshake => {
            ("The coordinator couldn't prove who it is.", "Lull keeps trying. If it stays so, tell the operator.")
        }
        LinkProblem::Replaced => {
            ("Your key is connected from another place.", "Close Lull there, or take the connection over here.")
        }
        LinkProblem::Stopping => {
            ("The coordinator is resting for a while.", "Lull comes back by itself. Nothing is lost.")
        }
        LinkProblem::Storage => {
            ("This browser's storage is full or failing.", "Free some space; then Lull can keep your work safe again.")
        }
    }
}

// Home.
pub(crate) const PAUSE: &str = "Pause";
pub(crate) const GO_ON: &str = "Go on";
pub(crate) const SETTINGS: &str = "Settings";
pub(crate) const BACK: &str = "Back";
pub(crate) const OPEN_TAB: &str = "Open as a page";
pub(crate) const TODAY: &str = "today";
pub(crate) const ALL: &str = "in all";
pub(crate) const PAUSED_TITLE: &str = "Paused";
pub(crate) const PAUSED_TEXT: &str = "Everything stands still. Nothing leaves your browser until you go on.";
pub(crate) const OFF_TITLE: &str = "Judgments are off";
pub(crate) const OFF_TEXT: &str = "Switch them on to answer quick questions and earn.";
pub(crate) const OFF_BUTTON: &str = "Answer judgments";
pub(crate) const QUIET_TITLE: &str = "All quiet";
pub(crate) const QUIET_TEXT: &str = "No question waits for you. The next one appears here by itself.";
pub(crate) const OFFLINE_TITLE: &str = "Not connected";
pub(crate) const OFFLINE_TEXT: &str = "Questions appear here once you're connected.";
pub(crate) const ACTIVITIES: &str = "What you did";
pub(crate) const ACTIVITIES_NONE: &str = "Your answers and fetches will be listed here, each with its receipt.";
pub(crate) const LOADING: &str = "Loading";
pub(crate) const DISMISS: &str = "Dismiss";

pub(crate) fn outbox(n: u32) -> String {
    match n {
        1 => "1 signed result is safe here and waits to be sent.".to_owned(),
        n => format!("{n} signed results are safe here and wait to be sent."),
    }
}

pub(crate) fn credited(amount: &str) -> String {
    format!("+{amount}")
}
pub(crate) const CREDIT_OPEN: &str = "Open the receipt";

/// The state of an accepted fetch that a buyer doesn't pay for.
pub(crate) const UNPAID: &str = "Not paid for";

/// An activity's state.
pub(crate) fn activity_state(state: ActivityState) -> &'static str {
    match state {
        ActivityState::Sending => "Sending",
        ActivityState::Waiting => "Waiting",
        ActivityState::Accepted => "Accepted",
        ActivityState::Ambiguous => "Paid, people differ",
        ActivityState::Rejected => "Rejected",
        ActivityState::Refused => "Not taken",
        ActivityState::Contested => review::CONTESTED,
        ActivityState::Appealed => review::APPEALED,
    }
}

/// A fetch's outcome (design: Fetch work).
pub(crate) fn outcome(code: &str) -> &str {
    match code {
        "ok" => "fetched",
        "not_found" => "not found",
        "blocked" => "blocked by the site",
        "challenge" => "the site asked for a human",
        "policy" => "refused by Lull",
        "network" => "no connection to the site",
        "timeout" => "took too long",
        other => other,
    }
}

// Time.
pub(crate) const TIME_UP: &str = "time is up";

pub(crate) fn time_left(seconds: u64) -> String {
    match seconds {
        0 => TIME_UP.to_owned(),
        s if s < 100 => format!("{s} s left"),
        s if s < 5_400 => format!("{} min left", s.div_ceil(60)),
        s => format!("{} h left", (s + 1_800) / 3_600),
    }
}

// Receipts.
pub(crate) const RECEIPT: &str = "Receipt";
pub(crate) const RECEIPT_NONE: &str = "This browser holds no such receipt";
pub(crate) const RECEIPT_NONE_TEXT: &str = "It may belong to another browser, or still be on its way.";
pub(crate) const RECEIPT_VALID: &str = "Verified";
pub(crate) const RECEIPT_VALID_TEXT: &str = "Every signature and hash was checked in your browser just now.";
pub(crate) const RECEIPT_OPEN: &str = "Verified so far";
pub(crate) const RECEIPT_OPEN_TEXT: &str = "Checked in your browser just now. The verdict is still to come.";
pub(crate) const RECEIPT_BROKEN: &str = "Not valid";
pub(crate) const CHANGE_BYTE: &str = "Change one byte";
pub(crate) const CHANGE_ANOTHER: &str = "Change another byte";
pub(crate) const CHANGE_WHY: &str = "Try to cheat: change any byte below and see who notices.";
pub(crate) const UNDO: &str = "Undo";
pub(crate) const HASH: &str = "SHA-256";
pub(crate) const SIZE: &str = "Size";

/// A part's title and what it is.
pub(crate) fn part(part: &str) -> (&str, &'static str) {
    match part {
        "item" => ("Item", "What was asked"),
        "offer" => ("Offer", "What was promised"),
        "result" => ("Result", "What you did"),
        "verdict" => ("Verdict", "What was decided"),
        other => review::part(other).unwrap_or((other, "")),
    }
}

/// Who signed a part.
pub(crate) fn signer(signer: Option<&str>) -> String {
    match signer {
        None => "named by the offer".to_owned(),
        Some("you") => "signed by you".to_owned(),
        Some("coordinator") => "signed by the coordinator".to_owned(),
        Some(other) => format!("signed by {other}"),
    }
}

/// What a check says while it holds, and once it fails.
pub(crate) fn check(check: &str) -> (&str, &str) {
    match check {
        "offer_signed" => ("The coordinator's signature fits", "The coordinator's signature no longer fits"),
        "item_matches" => ("It is the item that the offer names", "The item isn't the one that the offer names"),
        "result_signed" => ("Your signature fits", "Your signature no longer fits"),
        "result_matches" => ("It answers this very offer", "The result answers another offer"),
        "verdict_signed" => ("The coordinator's signature fits", "The coordinator's signature no longer fits"),
        "verdict_matches" => ("It judges this very result", "The verdict judges another result"),
        "amount_fits" => ("The amount is within the offer", "The amount isn't within the offer"),
        other => review::check(other).unwrap_or((other, other)),
    }
}

pub(crate) fn more_fail(n: usize) -> String {
    if n == 1 { "And 1 more check fails.".to_owned() } else { format!("And {n} more checks fail.") }
}

/// A field's name of a signed statement or item.
pub(crate) fn field(name: &str) -> String {
    match name {
        "issued_at" => "Issued".to_owned(),
        "approved_at" => "Approved at the latest".to_owned(),
        "decided_at" => "Decided".to_owned(),
        "started_at" => "Started".to_owned(),
        "finished_at" => "Finished".to_owned(),
        "http_allowed" => "http allowed".to_owned(),
        "bytes_max" => "Bytes at most".to_owned(),
        "requester" => "Buyer".to_owned(),
        "nonce" => "Number used once".to_owned(),
        "url" => "URL".to_owned(),
        other => {
            let mut words = other.replace('_', " ");
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            words
        }
    }
}

/// Where a changed byte lies: before and after the field's name, which the page sets in italics.
pub(crate) fn changed(change: &ChangedByte) -> (String, String) {
    let before = format!("You changed byte {}, in the {}'s ", change.offset, change.part);
    (before, format!(": 0x{:02x} → 0x{:02x}.", change.before, change.after))
}

// Bandwidth.
pub(crate) const BANDWIDTH: &str = "Bandwidth";
pub(crate) const LEND: &str = "Lend bandwidth";
pub(crate) const LEND_ASK: &str = "Lend bandwidth?";
pub(crate) const LEND_TEXT: &str = "See what it would fetch, and what it refuses.";
/// In the flavour of Lull that only judges.
#[cfg(not(feature = "bandwidth"))]
pub(crate) const ABSENT: &str = "This Lull only judges";
pub(crate) const ABSENT_TEXT: &str = "There is no bandwidth in it: it can't fetch a page, and asks for no permission.";
pub(crate) const CONSENT: &str = "Before you lend";
pub(crate) const FACTS: &str = "What Lull can and can't do";
pub(crate) const FACTS_LINK: &str = "What Lull can and can't do with my connection";
pub(crate) const LEND_SHOW: &str = "Show me";
pub(crate) const LEND_LEAD: &str = "Buyers ask for public web pages; your browser fetches them while you're away, signs what it got, and you're \
     paid for each.";
pub(crate) const LEND_EXAMPLES: &str = "What it fetches, and what it refuses";
pub(crate) const LEND_EXAMPLES_TEXT: &str =
    "Judged right now by the rules inside this extension. No buyer and no coordinator can loosen them.";
pub(crate) const LEND_WOULD: &str = "Would fetch";
pub(crate) const LEND_WOULD_NOT: &str = "Refuses";
pub(crate) const LEND_TRY: &str = "Try any address";
pub(crate) const LEND_TRY_HINT: &str = "https://…";
pub(crate) const LEND_FACTS: [(&str, &str); 4] = [
    (
        "Sites see your address",
        "A site sees a visit from your internet address, without your cookies, log-ins or history.",
    ),
    ("Only while you're away", "Unless you choose otherwise, Lull fetches only when nobody is at the keyboard."),
    (
        "Never your browsing",
        "Lull looks only at its own requests. Settings count every other one it saw; it must be zero.",
    ),
    ("Off means off", "Switch it off and the permission goes back to the browser at once."),
];
pub(crate) const LEND_PERMISSION: &str = "Your browser will ask whether Lull may reach all sites. It sounds big, since buyers' pages can be anywhere; the rules \
     above stay in force.";
pub(crate) const LEND_TAB: &str = "Continue on a full page";
pub(crate) const LEND_DENIED: &str =
    "Your browser didn't give the permission, so bandwidth stays off. Judgments go on as before; you can ask again.";
pub(crate) const LEND_ASKING: &str = "Your browser is asking you";
pub(crate) const LEND_OFF: &str = "Switch off";
pub(crate) const LEND_REGRANT: &str = "Ask for the permission again";
pub(crate) const WHEN: &str = "When";
pub(crate) const WHEN_AWAY: &str = "Only while I'm away";
pub(crate) const WHEN_ALWAYS: &str = "Any time";

/// Pages of the kind that buyers ask for.
pub(crate) const EXAMPLES_FETCHED: [&str; 3] =
    ["https://en.wikipedia.org/wiki/Tide", "https://www.gutenberg.org/ebooks/2701", "https://www.rust-lang.org/learn"];
/// Destinations that policy refuses, each for another reason.
pub(crate) const EXAMPLES_REFUSED: [&str; 3] =
    ["https://192.168.1.1/", "https://accounts.example-bank.com/login", "https://printer.local/"];

pub(crate) fn fetches(n: u64, shown: &str) -> String {
    if n == 1 { "1 fetch".to_owned() } else { format!("{shown} fetches") }
}

/// What bandwidth does: a word for the state, and a sentence.
pub(crate) fn bandwidth(state: BandwidthState) -> (&'static str, &'static str) {
    match state {
        BandwidthState::Absent => ("Not in it", ABSENT_TEXT),
        BandwidthState::Forbidden => ("Off", "The organisation that manages this browser has switched it off."),
        BandwidthState::NotAllowed => ("Off", "The organisation that manages this browser doesn't allow it."),
        BandwidthState::Off => ("Off", "You haven't switched it on."),
        BandwidthState::NeedsConsent => ("Asks you", "It needs your consent before it goes on."),
        BandwidthState::NoPermission => ("Needs permission", "The browser's permission is missing."),
        BandwidthState::Paused => ("Paused", "It stands still until you go on."),
        BandwidthState::WaitingForAway => ("You're here", "It waits until you're away."),
        BandwidthState::DataSaver => ("Data Saver", "It rests while Data Saver is on."),
        BandwidthState::Limited { .. } => ("Resting", "One of your limits is reached."),
        BandwidthState::Idle => ("Ready", "Nothing to fetch right now."),
        BandwidthState::Fetching => ("Fetching", "A page is on its way."),
    }
}

/// A refusal of the policy, by its code.
pub(crate) fn refusal(code: &str) -> &str {
    match code {
        "malformed" => "Not a plain web address.",
        "scheme" => "Only https, or http where the order says so.",
        "port" => "An unusual port: those lead to things that aren't web pages.",
        "credentials" => "It carries a user name or password.",
        "ip_literal" => "An address instead of a name: it could be a device in your home.",
        "special_name" => "Not a public name: it could be a device in your home.",
        "sensitive" => "A place for logins, sign-ups or payments. Lull never goes there.",
        "private_address" => "The answer came from a private network.",
        "no_address" => "Nobody could say who answered.",
        "too_many_hops" => "Too many redirects.",
        "bad_redirect" => "A redirect to nowhere.",
        "too_large" => "Larger than the order allows.",
        "first_hop" => "Another page than the one asked for.",
        "wildcard" => "It contains a *, which Lull can't watch alone.",
        "government" => "A government's site. Lull never goes there.",
        "adult" => "A site for adults. Lull never goes there.",
        "scanner" => "It asks for what only an intruder looks for. Your address would get a bad name.",
        "media_type" => "Neither a page nor data, a document or a picture.",
        "shows_address" => "It is made to repeat its visitor's address: it would tell the buyer yours.",
        "never_domain" => "It is on your own list of sites that are never fetched.",
        other => other,
    }
}

// Settings.
pub(crate) const WORK: &str = "Work";
pub(crate) const JUDGMENTS: &str = "Judgments";
pub(crate) const JUDGMENTS_TEXT: &str = "Answer quick questions. Needs no permission.";
pub(crate) const SINGLE_KEYS: &str = "Single keys";
pub(crate) const SINGLE_KEYS_TEXT: &str = "Answer, skip and take back by one key. Off: Tab and Enter do it all.";
pub(crate) const OPERATOR: &str = "Who you work for";
pub(crate) const OPERATOR_NONE: &str = "Known after the first connection.";
pub(crate) const KEY: &str = "Your key";
pub(crate) const KEY_TEXT: &str = "Made in this browser; it never leaves it. Everything you do is signed with it, and your earnings belong to it. If \
     you remove Lull, the key and what it earned are gone; there is no backup yet.";
pub(crate) const RECEIPTS: &str = "Your receipts";
pub(crate) const RECEIPTS_TEXT: &str = "All of them in one file, which anyone can verify without Lull.";
pub(crate) const EXPORT: &str = "Save receipts";
pub(crate) const EXPORT_FILE: &str = "lull-receipts.jsonl";
pub(crate) const EXPORT_DONE: &str = "Saved.";
pub(crate) const EXPORT_FAILED: &str = "The file couldn't be made. Please try again.";
pub(crate) const MONEY: &str = "Money";
pub(crate) const MONEY_PENDING: &str = "Still open to dispute";
pub(crate) const MONEY_PAYABLE: &str = "Final, not yet paid out";
pub(crate) const MONEY_EARNED: &str = "Earned in all";
pub(crate) const DIAGNOSTICS: &str = "For the curious";
pub(crate) const EVENTS_FOREIGN: &str = "Request events of your own browsing seen";
pub(crate) const EVENTS_OWN: &str = "Request events of Lull's own fetches";
pub(crate) const WAKES: &str = "Starts of the background";
pub(crate) const ALARMS: &str = "Alarms";
pub(crate) const OUTBOX: &str = "Signed results not yet acknowledged";
pub(crate) const CLOCK: &str = "Your clock against the coordinator's";
pub(crate) const VERSION: &str = "Version";

pub(crate) fn clock(ahead_ms: i64) -> String {
    let tenths = (ahead_ms.unsigned_abs() + 50) / 100;
    let side = if ahead_ms < 0 { "behind" } else { "ahead" };
    format!("{}.{} s {side}", tenths / 10, tenths % 10)
}

/// A notice.
pub(crate) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::OtherKey { pinned, found } => format!(
            "Another key answered than the one you trust. Trusted: {pinned}. Answered: {found}. Lull doesn't talk to it."
        ),
        Notice::NeverFull => "The list of what is never served is full. Take something off it first.".to_owned(),
        Notice::Storage => {
            "This browser's storage is full or failing. Work stands still; nothing acknowledged is lost. \
                            Free some space."
                .to_owned()
        }
        Notice::SetAside { record } => set_aside(record).to_owned(),
        Notice::Refused { code } => refused(code).to_owned(),
        Notice::Contradiction { .. } => {
            "The coordinator signed two different verdicts about one result. Both are kept.".to_owned()
        }
        Notice::Clock { ahead_ms } => {
            let minutes = (ahead_ms.unsigned_abs() + 30_000) / 60_000;
            let side = if *ahead_ms < 0 { "behind" } else { "ahead" };
            format!("Your clock is about {minutes} min {side}. Lull corrects for it.")
        }
    }
}

/// What couldn't be read. Without its key or its package Lull doesn't work; all else it can do without.
fn set_aside(record: &str) -> &'static str {
    match record {
        "key" => "Your key couldn't be read, so Lull stands still. Nothing was deleted.",
        "trust.json" => {
            "This copy of Lull doesn't say which coordinator to trust, so it stands still. Install it again."
        }
        "caps" => "Your limits couldn't be read, so they are the usual ones now. Set them again, then go on.",
        "usage" => {
            "What was used today and this month couldn't be read, so it counts from nothing. See your limits, then go on."
        }
        "never" => "Your list of what is never served couldn't be read, so it is empty now. Fill it again, then go on.",
        _ => "A stored record couldn't be read. It was set aside, nothing else is affected.",
    }
}

/// Why the coordinator refused a result for good, and what becomes of the money.
fn refused(code: &str) -> &'static str {
    match code {
        "lease_expired" => {
            "A result reached the coordinator after its time was up, so it isn't paid. Nothing else is lost."
        }
        "lease_ended" => {
            "A result reached the coordinator after its work was handed back or withdrawn, so it isn't paid. Nothing \
             else is lost."
        }
        "withdrawn" => "The work was withdrawn before your result arrived, so it isn't paid. Nothing else is lost.",
        "result_differs" => {
            "Another result of yours for the same work came first. That one counts, so no money is lost; this one isn't \
             paid as well."
        }
        "unknown_offer" => {
            "The coordinator doesn't know an offer that you worked on, so it isn't paid. Your receipt holds the offer with \
             its signature: show it to the operator."
        }
        "not_yours" => {
            "The coordinator holds that an offer you worked on was made to another key, so it isn't paid. If its receipt \
             says otherwise, show it to the operator."
        }
        "wrong_report" => {
            "A result was of another kind than its work asks for, so it isn't paid. That is a fault of Lull's, not yours."
        }
        "body_hash" => {
            "A fetched page didn't arrive as it was signed, so it isn't paid. That is a fault of Lull's, not yours."
        }
        "signature" => "The coordinator couldn't verify a result's signature, so it isn't paid. Nothing else is lost.",
        "too_large" => "A result was larger than the coordinator takes, so it isn't paid. Nothing else is lost.",
        _ => "The coordinator didn't take a result, so it isn't paid. Nothing else is lost.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_in_the_unit_people_use() {
        let said = [0, 9, 99, 100, 5_399, 5_400, 7_300].map(time_left);
        assert_eq!(said, ["time is up", "9 s left", "99 s left", "2 min left", "90 min left", "2 h left", "2 h left"]);
    }

    #[test]
    fn fields_without_a_word_of_their_own_are_still_words() {
        assert_eq!(field("guideline_version"), "Guideline version");
        assert_eq!(field(""), "");
    }

    #[test]
    fn clocks_are_told_in_tenths() {
        assert_eq!(
            (clock(-340), clock(0), clock(61_250)),
            ("0.3 s behind".into(), "0.0 s ahead".into(), "61.3 s ahead".into())
        );
    }
}
