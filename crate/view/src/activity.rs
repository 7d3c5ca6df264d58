//! What this browser did over the last 90 days: what the UI asks for, what it gets, and how it is saved.
//!
//! The background reads its log piece by piece and answers with pages; files are made of pages by whoever
//! saves them, with [`csv_head`], [`csv_line`] and [`json_line`] (`docs/activity.md` describes both forms).

use lull_protocol::{choices, codes, fields};

use crate::{Activity, ActivityState, ActivityWork};

/// Entries in one page at most.
pub const PAGE_MAX: u16 = 1_000;
/// Bytes of a search text that count.
pub const SEARCH_BYTES_MAX: usize = 200;

/// The two kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkClass {
    /// Pages fetched.
    Fetch,
    /// Questions answered.
    Judgment,
}
codes!(WorkClass { 0 Fetch, 1 Judgment });

/// Which entries are wanted. The default is all, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// Part of a domain, title, purpose, answer, requester, outcome, refusal or order, in any case.
    pub text: String,
    /// Only this kind.
    pub class: Option<WorkClass>,
    /// Only in this state.
    pub state: Option<ActivityState>,
    /// Not before this time, milliseconds since 1970 on the browser's clock.
    pub since: Option<u64>,
    /// Before this time.
    pub until: Option<u64>,
    /// Only entries with a lower number: the `next` of the page before.
    pub before: Option<u64>,
    /// Entries at most; held at [`PAGE_MAX`].
    pub limit: u16,
    /// Whether to go through the whole log for [`ActivityPage::totals`].
    pub sum: bool,
}
fields!(Find { 0 text, 1 class, 2 state, 3 since, 4 until, 5 before, 6 limit, 7 sum });

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityEntry {
    /// Its number: later work has a higher one.
    pub number: u64,
    /// What it was and how it stands.
    pub activity: Activity,
    /// The order it belongs to, hexadecimal.
    pub order: String,
    /// Bytes from the sites.
    pub received: u64,
    /// Bytes to the sites.
    pub sent: u64,
}
fields!(ActivityEntry { 0 number, 1 activity, 2 order, 3 received, 4 sent });

/// Entries that fit, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityPage {
    /// They.
    pub entries: Vec<ActivityEntry>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<u64>,
    /// Of all that fit, on whatever page, if they were asked for.
    pub totals: Option<ActivityTotals>,
    /// Entries that were passed and can't be read. They stay where they are.
    pub unreadable: u64,
}
fields!(ActivityPage { 0 entries, 1 next, 2 totals, 3 unreadable });

/// Sums over entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivityTotals {
    /// How many.
    pub count: u64,
    /// Bytes from the sites.
    pub received: u64,
    /// Bytes to the sites.
    pub sent: u64,
    /// What they earned, base units.
    pub amount: u64,
}
fields!(ActivityTotals { 0 count, 1 received, 2 sent, 3 amount });

/// What one day came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayTotals {
    /// When it began: local midnight, on the browser's clock.
    pub start: u64,
    /// Fetches.
    pub fetches: u64,
    /// Judgments.
    pub judgments: u64,
    /// Bytes from the sites.
    pub received: u64,
    /// Bytes to the sites.
    pub sent: u64,
    /// What verdicts brought that came on this day, base units.
    pub earned: u64,
}
fields!(DayTotals { 0 start, 1 fetches, 2 judgments, 3 received, 4 sent, 5 earned });

/// Destinations and requesters that the person never wants to serve again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Never {
    /// Registrable domains, each with all names below it.
    pub domains: Vec<String>,
    /// Requesters, by the name in their items.
    pub requesters: Vec<String>,
}
fields!(Never { 0 domains, 1 requesters });

/// Whom not to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeverWhat {
    /// The registrable domain of this host.
    Domain(String),
    /// The requester of this name.
    Requester(String),
}
choices!(NeverWhat { 0 Domain, 1 Requester });

impl Never {
    /// Whether it is in the list, by the list's own spelling.
    pub fn has(&self, what: &NeverWhat) -> bool {
        match what {
            NeverWhat::Domain(domain) => self.domains.contains(domain),
            NeverWhat::Requester(name) => self.requesters.contains(name),
        }
    }
}

/// One entry with all that the browser still knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityDetail {
    /// The entry.
    pub entry: ActivityEntry,
    /// The registrable domain of a fetch.
    pub domain: Option<String>,
    /// The full address that was asked for; stays in this browser.
    pub url: Option<String>,
    /// The statement of who asked for it; `None` once its receipt made room for newer ones, or for a judgment.
    pub alibi: Option<crate::AlibiFacts>,
    /// Whether the receipt is still here.
    pub has_receipt: bool,
}
fields!(ActivityDetail { 0 entry, 1 domain, 2 url, 3 alibi, 4 has_receipt });

/// The columns of a CSV file, in order.
pub const CSV_COLUMNS: [&str; 16] = [
    "time",
    "class",
    "domain",
    "title",
    "purpose",
    "answer",
    "requester",
    "order",
    "bytes_received",
    "bytes_sent",
    "policy",
    "outcome",
    "verdict",
    "amount_base_units",
    "offer",
    "number",
];

/// The first line of a CSV file (RFC 4180).
pub fn csv_head() -> String {
    csv(CSV_COLUMNS.into_iter())
}

/// One entry as a line of CSV. `time` is ISO 8601 in UTC.
pub fn csv_line(entry: &ActivityEntry, time: &str) -> String {
    csv(fields(entry, time).iter().map(String::as_str))
}

/// A line of CSV.
pub(crate) fn csv<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let mut line = fields.map(csv_field).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// One entry as a JSON object with the names of [`CSV_COLUMNS`]; numbers are numbers, what doesn't apply is left
/// out.
pub fn json_line(entry: &ActivityEntry, time: &str) -> String {
    const NUMBERS: [&str; 4] = ["bytes_received", "bytes_sent", "amount_base_units", "number"];
    json_object(CSV_COLUMNS.into_iter().zip(fields(entry, time)), |name| NUMBERS.contains(&name))
}

/// Names and values as a JSON object; what is empty is left out.
pub(crate) fn json_object<'a>(
    fields: impl Iterator<Item = (&'a str, String)>,
    is_number: impl Fn(&str) -> bool,
) -> String {
    let mut out = String::from("{");
    for (name, value) in fields.filter(|(_, value)| !value.is_empty()) {
        if out.len() > 1 {
            out.push(',');
        }
        json_text(name, &mut out);
        out.push(':');
        if is_number(name) {
            out.push_str(&value);
        } else {
            json_text(&value, &mut out);
        }
    }
    out.push('}');
    out
}

/// A text as JSON (RFC 8259 §7).
pub fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Line separators would end a line of JavaScript.
            c if c < ' ' || c == '\u{7f}' || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn fields(entry: &ActivityEntry, time: &str) -> [String; 16] {
    let activity = &entry.activity;
    let (class, domain, title, purpose, answer, policy, outcome) = match &activity.work {
        ActivityWork::Fetch { site, purpose, outcome, reason, .. } => {
            // A line that broke off has a reason, too; only policy refuses.
            let policy = reason.as_deref().filter(|_| outcome == "policy").unwrap_or("passed");
            ("fetch", site.as_str(), "", purpose.as_str(), "", policy, outcome.as_str())
        }
        ActivityWork::Judgment { title, answer } => ("judgment", "", title.as_str(), "", answer.as_str(), "", ""),
    };
    let text = str::to_owned;
    [
        text(time),
        text(class),
        text(domain),
        text(title),
        text(purpose),
        text(answer),
        activity.requester.clone(),
        entry.order.clone(),
        entry.received.to_string(),
        entry.sent.to_string(),
        text(policy),
        text(outcome),
        text(state_code(activity.state)),
        activity.amount.to_string(),
        activity.offer.clone(),
        entry.number.to_string(),
    ]
}

/// The word of a state in files.
pub fn state_code(state: ActivityState) -> &'static str {
    match state {
        ActivityState::Sending => "sending",
        ActivityState::Waiting => "waiting",
        ActivityState::Accepted => "accepted",
        ActivityState::Ambiguous => "ambiguous",
        ActivityState::Rejected => "rejected",
        ActivityState::Refused => "refused",
        ActivityState::Contested => "contested",
        ActivityState::Appealed => "appealed",
        ActivityState::Reversed => "reversed",
    }
}

/// A field by RFC 4180 §2, always quoted. An apostrophe stands before all that a spreadsheet would take for a formula
/// (OWASP, "CSV Injection"): at the field's start, and after what some locales split at, quotes or not.
fn csv_field(text: &str) -> String {
    let mut field = String::from("\"");
    for part in text.split_inclusive(SEPARATORS) {
        if is_formula(part) {
            field.push('\'');
        }
        field.push_str(&part.replace('"', "\"\""));
    }
    field.push('"');
    field
}

/// What one program or another splits a line at.
const SEPARATORS: [char; 6] = [',', ';', '|', '\t', '\r', '\n'];
/// What begins a formula, in the width of East Asian letters too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a formula follows nothing but quotes, spaces and controls; a tab or a line's end begins one by itself.
fn is_formula(part: &str) -> bool {
    let is_nothing = |c: char| c == '"' || c.is_whitespace() || c.is_control();
    part.starts_with(['\t', '\r', '\n', '\0']) || part.trim_start_matches(is_nothing).starts_with(FORMULA)
}
