//! The parts of the file: each a piece of JSON. Names are those of the code; times ISO 8601 in UTC, amounts base units;
//! what isn't there is left out.

use base64ct::{Base64, Encoding};
use lull_protocol::cose;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::reversal::{Reversal, ReversalEnd};
use lull_protocol::statement::{Verdict, WorkResult};
use lull_protocol::{Amount, Hash, Item};

use super::{About, EVERYTHING_FORMAT, LEFT_OUT, pages, texts};
use crate::activity::json_text;
use crate::receipt::reason;
use crate::wallet::{PayoutTimes, payout_json_line};
use crate::{
    Account, BandwidthWhen, Caps, DayTotals, KindTotals, Limits, NextPayout, Operator, Payout, Payouts, ReceiptPart,
    ReceiptView, Schedule, Standstill, Timestamp, Used, View, WalletEvent, WalletNews, WalletPage, WalletState,
    Weekday, When, You, iso_8601, report_in_words,
};

/// An object of JSON in the making.
#[derive(Debug, Default)]
pub(super) struct Object(String);

impl Object {
    /// A field of what is JSON already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        json_text(name, &mut self.0);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// A text; nothing for an empty one.
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        let mut json = String::new();
        json_text(text, &mut json);
        self.raw(name, &json)
    }

    fn words(self, name: &str, words: impl ToString) -> Self {
        self.text(name, &words.to_string())
    }

    fn number(self, name: &str, number: impl Into<u64>) -> Self {
        self.raw(name, &number.into().to_string())
    }

    fn amount(self, name: &str, amount: Amount) -> Self {
        self.number(name, amount.get())
    }

    fn is(self, name: &str, yes: bool) -> Self {
        self.raw(name, if yes { "true" } else { "false" })
    }

    /// A time, if there is one.
    fn time(self, name: &str, at: impl Into<Option<u64>>) -> Self {
        match at.into() {
            Some(at) => self.text(name, &iso_8601(at)),
            None => self,
        }
    }

    pub(super) fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// A list of what is JSON already.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// All that is in the view, without the end of the object.
pub(super) fn head(view: &View, about: &About) -> String {
    let settings = &view.settings;
    let choices = Object::default()
        .is("judgments", settings.judgments)
        .is("bandwidth", settings.bandwidth)
        .text("bandwidth_when", if settings.bandwidth_when == BandwidthWhen::Away { "away" } else { "always" })
        .is("paused", settings.paused)
        .is("operator_card_seen", settings.card_seen)
        .is("first_run_done", settings.first_run_done);
    let consent = Object::default()
        .is("bandwidth_agreed", view.consent.given_at.is_some())
        .time("bandwidth_agreed_at", view.consent.given_at)
        .is("bandwidth_covers_this_version", view.consent.is_current)
        .is("judgments", settings.judgments);
    let pops = Object::default()
        .is("open", view.pops.open)
        .is("notify", view.pops.notify)
        .number("minutes", view.pops.minutes)
        .number("quiet_from_hour", view.pops.quiet_from)
        .number("quiet_to_hour", view.pops.quiet_to);
    let warnings = Object::default()
        .raw("chosen", &texts(view.warnings.chosen.iter().map(|warning| warning.as_str())))
        .number("day_max", view.warnings.day_max)
        .number("seen_today", view.warnings.seen_today);
    let wishes = Object::default()
        .number("hourly_min_base_units", view.wishes.hourly_min)
        .is("text_only", view.wishes.text_only)
        .raw("types", &texts(view.wishes.tasks.iter().map(|kind| kind.as_str())));
    let never = Object::default()
        .raw("domains", &texts(view.never.domains.iter().map(String::as_str)))
        .raw("requesters", &texts(view.never.requesters.iter().map(String::as_str)));
    let parts = [
        ("worker", Object::default().text("key", &view.worker).end()),
        ("coordinator", view.operator.as_ref().map_or_else(|| Object::default().end(), coordinator)),
        ("settings", choices.end()),
        ("consent", consent.end()),
        ("limits", limits(&view.limits)),
        ("never", never.end()),
        ("wishes", wishes.end()),
        ("warnings", warnings.end()),
        ("pops", pops.end()),
        ("account", account(&view.account)),
        ("counts", counts(view)),
        ("pages", pages(about)),
    ];
    let mut out = Object::default()
        .text("format", EVERYTHING_FORMAT)
        .time("saved_at", about.saved_at)
        .text("lull", &about.version)
        .raw("left_out", &texts(LEFT_OUT.into_iter()))
        .0;
    for (name, json) in parts {
        out.push_str(&format!(",\n\"{name}\":{json}"));
    }
    out
}

fn coordinator(operator: &Operator) -> String {
    Object::default()
        .text("address", &operator.address)
        .text("key", &operator.key)
        .text("public_key", &operator.public_key)
        .text("name", &operator.name)
        .text("country", &operator.country)
        .text("contact", &operator.contact)
        .number("fee_basis_points", operator.fee_bp)
        .text("asset", &operator.asset)
        .is("is_demo", operator.demo)
        .end()
}

fn limits(limits: &Limits) -> String {
    let Limits { caps, used, paused_until, .. } = limits;
    Object::default()
        .raw("caps", &self::caps(caps))
        .raw("used", &self::used(used))
        .time("paused_until", *paused_until)
        .end()
}

fn caps(caps: &Caps) -> String {
    // Monday first; the hours in which something may be fetched.
    let hours = caps.hours.iter().map(|day| {
        let hours = (0..24_u32).filter(|hour| day.checked_shr(*hour).is_some_and(|bits| bits & 1 == 1));
        list(hours.map(|hour| hour.to_string()))
    });
    Object::default()
        .number("second_bytes", caps.second_bytes)
        .number("day_bytes", caps.day_bytes)
        .number("month_bytes", caps.month_bytes)
        .number("month_begins_on_day", caps.month_day)
        .number("domain_minute_requests", caps.domain_minute)
        .number("domain_day_requests", caps.domain_day)
        .raw("hours_from_monday", &list(hours))
        .is("metered", caps.metered)
        .end()
}

fn used(used: &Used) -> String {
    Object::default()
        .number("day_bytes", used.day_bytes)
        .number("month_bytes", used.month_bytes)
        .number("day_upload_bytes", used.day_upload_bytes)
        .number("month_upload_bytes", used.month_upload_bytes)
        .time("day_ends_at", used.day_ends_at)
        .time("month_ends_at", used.month_ends_at)
        .end()
}

fn account(account: &Account) -> String {
    Object::default()
        .number("earned_base_units", account.earned)
        .number("earned_today_base_units", account.earned_today)
        .number("pending_base_units", account.pending)
        .number("payable_base_units", account.payable)
        .number("reversed_base_units", account.reversed)
        .end()
}

fn counts(view: &View) -> String {
    let seen = &view.diagnostics;
    Object::default()
        .number("fetches_ever", view.bandwidth.fetches)
        .number("bytes_ever", view.bandwidth.bytes)
        .number("judgments_waiting", view.judgments_waiting)
        .number("results_unsent", view.outbox)
        .number("background_starts", seen.wakes)
        .number("alarms", seen.alarms)
        .number("request_events_own", seen.events_own)
        .number("request_events_foreign", seen.events_foreign)
        .raw("clock_ahead_ms", &seen.clock_ahead_ms.to_string())
        .end()
}

pub(super) fn you(you: &You) -> String {
    Object::default().raw("types", &list(you.kinds.iter().map(kind))).number("skips", you.skips).end()
}

fn kind(row: &KindTotals) -> String {
    let object = Object::default()
        .text("type", row.kind.as_str())
        .number("answers", row.answers)
        .number("agreed", row.agreed)
        .number("others_agreed", row.others_agreed)
        .number("on_screen_ms", row.time_ms)
        .number("earned_base_units", row.earned);
    let checked = row.checked.map(|checked| (checked, row.right.unwrap_or_default()));
    match checked {
        Some((checked, right)) => object.number("checked", checked).number("right", right).end(),
        None => object.end(),
    }
}

pub(super) fn day(day: &DayTotals) -> String {
    Object::default()
        .time("start", day.start)
        .number("fetches", day.fetches)
        .number("judgments", day.judgments)
        .number("bytes_received", day.received)
        .number("bytes_sent", day.sent)
        .number("earned_base_units", day.earned)
        .end()
}

/// The wallet and its payouts as the coordinator told them last; of a ticket, whose address is a secret, nothing.
pub(super) fn wallet(page: &WalletPage, ahead_ms: i64, local_date: fn(u64) -> String) -> String {
    let local = |at: Timestamp| WalletPage::local(at, ahead_ms);
    let object = match page.state() {
        Some(state) => wallet_state(&state, local),
        None => Object::default(),
    };
    match page.payouts() {
        Some(payouts) => object.raw("payouts", &self::payouts(&payouts, local, local_date)).end(),
        None => object.end(),
    }
}

fn wallet_state(state: &WalletState, local: impl Fn(Timestamp) -> u64) -> Object {
    let news = state.news.iter().map(|WalletNews { number, at, what }| {
        let (event, wallet) = event(what);
        let object = Object::default().number("number", *number).time("time", local(*at)).text("what", event);
        object.text("wallet", &wallet).end()
    });
    let object = match &state.wallet {
        Some(wallet) => Object::default().words("address", wallet),
        None => Object::default(),
    };
    object.time("held_until", state.held_until.map(&local)).raw("news", &list(news))
}

/// What happened, and to which wallet, if it says so.
fn event(what: &WalletEvent) -> (&'static str, String) {
    match what {
        WalletEvent::PaidTo { wallet, .. } => ("paid_to", wallet.to_string()),
        WalletEvent::Left { wallet, .. } => ("left", wallet.to_string()),
        WalletEvent::Rebinding(_) => ("rebinding", String::new()),
        WalletEvent::Vetoed { .. } => ("rebinding_vetoed", String::new()),
        WalletEvent::Rebound(_) => ("rebound", String::new()),
        WalletEvent::Lapsed(_) => ("rebinding_lapsed", String::new()),
        WalletEvent::PutOut { wallet, .. } => ("put_out", wallet.to_string()),
        WalletEvent::OtherPutOut { .. } => ("other_put_out", String::new()),
        WalletEvent::Scheduled { .. } => ("schedule_changed", String::new()),
    }
}

fn payouts(payouts: &Payouts, local: impl Fn(Timestamp) -> u64, local_date: fn(u64) -> String) -> String {
    let line = |payout: &Payout| {
        let times = PayoutTimes {
            date: local_date(local(payout.made_at)),
            made_at: iso_8601(local(payout.made_at)),
            paid_at: payout.paid_at.map(|at| iso_8601(local(at))).unwrap_or_default(),
            since: iso_8601(local(payout.since)),
        };
        payout_json_line(payout, &times)
    };
    let object = Object::default()
        .text("chain", payouts.chain.as_str())
        .amount("in_payout_base_units", payouts.in_payout)
        .amount("paid_base_units", payouts.paid)
        .text("schedule", &schedule(payouts.schedule))
        .text("standstill", payouts.standstill.map_or("", standstill));
    let object = match &payouts.next {
        Some(next) => object.raw("next", &next_payout(next, &local)),
        None => object,
    };
    object.raw("newest", &list(payouts.newest.iter().map(line))).is("has_older", payouts.has_older).end()
}

fn next_payout(next: &NextPayout, local: impl Fn(Timestamp) -> u64) -> String {
    let when = match next.when {
        When::Now => "now".to_owned(),
        When::At(amount) => format!("at {} base units", amount.get()),
        When::On(day) => format!("on {}", weekday(day)),
        When::AfterYes => "after your yes to the token account".to_owned(),
        When::After(at) => format!("after {}", iso_8601(local(at))),
    };
    Object::default()
        .amount("earnings_base_units", next.earnings)
        .amount("arrives_base_units", next.arrives)
        .amount("fee_base_units", next.fee)
        .amount("account_base_units", next.account)
        .text("when", &when)
        .end()
}

fn schedule(schedule: Schedule) -> String {
    match schedule {
        Schedule::Now => "now".to_owned(),
        Schedule::At(amount) => format!("at {} base units", amount.get()),
        Schedule::Weekly(day) => format!("every {}", weekday(day)),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn standstill(why: Standstill) -> &'static str {
    match why {
        Standstill::Paused => "paused",
        Standstill::ListOld => "list_old",
        Standstill::Differs => "differs",
        Standstill::Short => "short",
        Standstill::Unreachable => "unreachable",
    }
}

/// An opened receipt as a line of the file of receipts.
pub(super) fn line(receipt: &ReceiptView) -> String {
    let part = |object: Object, part: &ReceiptPart| object.text(&part.part, &Base64::encode_string(&part.content));
    receipt.parts.iter().fold(Object::default(), part).end()
}

/// The parts of a receipt's line.
pub(super) struct Signed<'a> {
    line: &'a str,
    offer: Vec<u8>,
}

impl<'a> Signed<'a> {
    /// Reads a line; `None` if it is no receipt's.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let offer = part(line, "offer")?;
        Some(Self { line, offer })
    }

    pub(super) fn offer_hash(&self) -> Hash {
        Hash::of(&self.offer)
    }

    /// What the person said in it, whole, and what was said to that; `None` of a fetch, of which the log has all.
    pub(super) fn in_words(&self) -> Option<String> {
        let part = |name| part(self.line, name);
        let Ok(Item::Judgment(item)) = Item::from_bytes(&part("item")?) else { return None };
        let result = cose::peek::<WorkResult>(&part("result")?).ok()?;
        let verdict = part("verdict").and_then(|bytes| cose::peek::<Verdict>(&bytes).ok());
        let rejection = part("rejection").and_then(|bytes| cose::peek::<Rejection>(&bytes).ok());
        let reversal = part("reversal").and_then(|bytes| cose::peek::<Reversal>(&bytes).ok());
        let appeal = part("appeal").and_then(|bytes| cose::peek::<Appeal>(&bytes).ok());
        let ending = part("reversal_end").and_then(|bytes| cose::peek::<ReversalEnd>(&bytes).ok());
        let evidence = reversal.map(|reversal| reversal.evidence).or(rejection.map(|rejection| rejection.evidence));
        let mut object = Object::default()
            .words("offer", self.offer_hash())
            .text("title", &item.title)
            .text("question", &item.question)
            .text("answer", &report_in_words(&item.task, &result.report).unwrap_or_default())
            .time("shown_at", result.started_at.get())
            .time("answered_at", result.finished_at.get());
        if let Some(verdict) = verdict {
            object = object.text("verdict", reason(verdict.reason)).amount("amount_base_units", verdict.amount);
        }
        object = object.text("held_against_it", &evidence.unwrap_or_default());
        if let Some(appeal) = appeal {
            object = object.time("appealed_at", appeal.at.get()).text("appeal", &appeal.words.unwrap_or_default());
        }
        Some(object.text("ended", ending.map_or("", |end| end.ending.as_str())).end())
    }
}

/// The bytes of a part of a receipt's line, which has names and base64 alone.
fn part(line: &str, name: &str) -> Option<Vec<u8>> {
    let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
    let (base64, _) = rest.split_once('"')?;
    Base64::decode_vec(base64).ok()
}
