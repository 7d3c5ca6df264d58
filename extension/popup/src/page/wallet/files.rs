//! Statements: the payouts of some days as a file. What isn't known yet is asked for first.

use lull_view::{
    Payout, PayoutTimes, WalletPage as Told, iso_8601, json_text, payout_csv_head, payout_csv_line, payout_json_line,
};
use web_sys::{Event, HtmlInputElement};
use yew::{Callback, Html, Properties, TargetCast, component, html, use_effect_with, use_state_eq};

use super::history::Known;
use crate::format;
use crate::model::Lull;
use crate::save::save;
use crate::text;

#[derive(PartialEq, Properties)]
pub(super) struct FilesProps {
    pub(super) lull: Lull,
    pub(super) known: Known,
    pub(super) ahead_ms: i64,
    pub(super) is_connected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Json,
    Csv,
}

/// Local dates, `2026-10-05`, both included; empty for no end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Days {
    from: String,
    to: String,
}

impl Days {
    // Dates of this form are in the order of their letters.
    fn has(&self, date: &str) -> bool {
        !self.is_after(date) && (self.to.is_empty() || date <= self.to.as_str())
    }
    /// Whether a date lies before the first one.
    fn is_after(&self, date: &str) -> bool {
        date < self.from.as_str()
    }
}

/// Two dates, and a button for each form.
#[component]
pub(super) fn Files(props: &FilesProps) -> Html {
    let days = use_state_eq(Days::default);
    // The file that is being made.
    let making = use_state_eq(|| None::<Form>);
    let said = use_state_eq(|| "");
    let (lull, ahead_ms, asset) = (props.lull.clone(), props.ahead_ms, props.lull.asset().to_owned());
    let (made, setter) = (making.setter(), said.setter());
    let now = (*making, (*days).clone(), props.known.clone(), props.is_connected);
    use_effect_with(now, move |(making, days, known, is_connected)| {
        let Some(form) = *making else { return };
        let date = |payout: &Payout| format::local_date(Told::local(payout.made_at, ahead_ms));
        let is_whole = known.payouts.last().is_some_and(|last| days.is_after(&date(last)));
        match known.next().filter(|_| !is_whole) {
            Some(next) if *is_connected => lull.wire.send(next),
            Some(_) => {
                made.set(None);
                setter.set(text::payouts_offline());
            }
            None => {
                let payouts = known.payouts.iter().filter(|payout| days.has(&date(payout)));
                let is_saved = form.save(payouts, ahead_ms, &asset);
                made.set(None);
                setter.set(if is_saved { text::export_done() } else { text::export_failed() });
            }
        }
    });
    let saver = |form: Form| {
        let (making, said) = (making.setter(), said.setter());
        Callback::from(move |_| {
            said.set(text::loading());
            making.set(Some(form));
        })
    };
    let field = |id: &'static str, label: &'static str, value: &str, set: fn(&mut Days, String)| {
        let days = days.clone();
        let change = Callback::from(move |event: Event| {
            let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
            let mut next = (*days).clone();
            set(&mut next, field.value());
            days.set(next);
        });
        html! {
            <label class="day">
                <span class="quiet">{ label }</span>
                <input type="date" data-testid={id} value={value.to_owned()} onchange={change} />
            </label>
        }
    };
    html! {
        <div class="statements" role="group" aria-labelledby="statements-title">
            <h3 id="statements-title">{ text::payouts_files() }</h3>
            <p class="quiet">{ text::payouts_files_text() }</p>
            <div class="days">
                { field("payouts-from", text::payouts_from(), &days.from, |days, value| days.from = value) }
                { field("payouts-to", text::payouts_to(), &days.to, |days, value| days.to = value) }
            </div>
            <p class="export">
                <button class="button small" data-testid="payouts-csv" onclick={saver(Form::Csv)}>{ text::log_save_csv() }</button>
                <button class="button small" data-testid="payouts-json" onclick={saver(Form::Json)}>{ text::log_save_json() }</button>
                <span role="status" data-testid="payouts-said">{ *said }</span>
            </p>
        </div>
    }
}

impl Form {
    /// Hands the file to the browser, the oldest payout first. Whether it took it.
    fn save<'a>(self, payouts: impl DoubleEndedIterator<Item = &'a Payout>, ahead_ms: i64, asset: &str) -> bool {
        let lines = payouts.rev().map(|payout| {
            let times = times(payout, ahead_ms);
            match self {
                Self::Csv => payout_csv_line(payout, &times),
                Self::Json => payout_json_line(payout, &times),
            }
        });
        match self {
            Self::Csv => {
                let text: String = std::iter::once(payout_csv_head()).chain(lines).collect();
                save(&[text], "lull-payouts.csv", "text/csv").is_ok()
            }
            Self::Json => {
                let mut text = "{\"format\":\"lull-payouts-1\",\"saved_at\":".to_owned();
                json_text(&iso_8601(format::now_ms()), &mut text);
                text.push_str(",\"asset\":");
                json_text(asset, &mut text);
                text.push_str(",\"payouts\":[\n");
                text.push_str(&lines.collect::<Vec<_>>().join(",\n"));
                text.push_str("\n]}\n");
                save(&[text], "lull-payouts.json", "application/json").is_ok()
            }
        }
    }
}

fn times(payout: &Payout, ahead_ms: i64) -> PayoutTimes {
    let local = |at| Told::local(at, ahead_ms);
    PayoutTimes {
        date: format::local_date(local(payout.made_at)),
        made_at: iso_8601(local(payout.made_at)),
        paid_at: payout.paid_at.map(|at| iso_8601(local(at))).unwrap_or_default(),
        since: iso_8601(local(payout.since)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_days_are_included() {
        let days = Days { from: "2026-10-05".to_owned(), to: "2026-10-07".to_owned() };
        let has = ["2026-10-04", "2026-10-05", "2026-10-07", "2026-10-08", "2025-12-31"].map(|date| days.has(date));
        assert_eq!(has, [false, true, true, false, false]);
        assert!(Days::default().has("1970-01-01"));
        assert!(days.is_after("2026-10-04") && !Days::default().is_after("1970-01-01"));
    }
}
