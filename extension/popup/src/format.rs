//! Amounts, bytes, times and counts as a locale writes them: [`locale`].

#[cfg(not(target_arch = "wasm32"))]
mod english;
#[cfg(target_arch = "wasm32")]
mod intl;

use js_sys::Date;
use wasm_bindgen::prelude::*;

#[cfg(not(target_arch = "wasm32"))]
use english as intl;

#[cfg(feature = "bandwidth")]
pub(crate) use intl::list;
pub(crate) use intl::{and, country, or, plural};

use crate::text;

#[wasm_bindgen]
extern "C" {
    /// A number as code and input fields write it: `0.004`. The standard library's way is 5 KB (gzip) more.
    #[wasm_bindgen(js_name = String)]
    pub(crate) fn plain(number: f64) -> String;
}

/// A day, milliseconds.
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// A Monday of UTC, milliseconds since 1970.
const MONDAY_MS: u64 = 4 * DAY_MS;
/// Base units in one of what people count.
const UNITS_PER_ONE: f64 = 1e6;
/// The decimal steps of byte counts and their names in ECMA-402.
const BYTE_STEPS: [(f64, &str); 5] =
    [(1e12, "terabyte"), (1e9, "gigabyte"), (1e6, "megabyte"), (1e3, "kilobyte"), (1.0, "byte")];
/// A duration of fewer seconds is told in seconds, one of fewer in minutes.
const SECONDS_MAX: u64 = 100;
const MINUTES_MAX_S: u64 = 5_400;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Three to six decimals.
    Amount,
    /// The same with its sign.
    Credit,
    /// Two decimals: what is reckoned, not paid.
    Rate,
    Percent,
    Count,
    /// A unit of ECMA-402 with so many decimals at most and at least, in short or in full.
    Unit {
        unit: &'static str,
        most: u32,
        least: u32,
        in_full: bool,
    },
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Time,
    Day,
    DayTime,
    Instant,
    /// These of UTC: they name an hour or a day of any week.
    Hour,
    Weekday,
    WeekdayShort,
}

/// The language that every number, time and list is written in: the text's, in the region of the browser if that speaks
/// it, too (`en-GB` for `en`). Not the browser's alone, for formats carry words (`2 min`, `Nov 30`), and a sentence has
/// one language.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "outside a browser, English"))]
fn locale(text: &str, browser: &str) -> String {
    let same = browser.split(['-', '_']).next() == Some(text);
    if same { browser.replace('_', "-") } else { text.to_owned() }
}

/// Milliseconds since 1970 by the browser's clock.
pub(crate) fn now_ms() -> u64 {
    Date::now() as u64
}

/// Base units as a number people read: `0.004`.
pub(crate) fn amount(units: u64) -> String {
    intl::number(Style::Amount, units as f64 / UNITS_PER_ONE)
}

/// The same as what came in: `+0.004`.
pub(crate) fn credit(units: u64) -> String {
    intl::number(Style::Credit, units as f64 / UNITS_PER_ONE)
}

/// An amount with the asset's name: `0.004 demo credits`.
pub(crate) fn amount_of(units: u64, asset: &str) -> String {
    text::amount_of(&amount(units), asset)
}

/// What an hour brings, beside an amount that names the asset: `8.44`.
pub(crate) fn rate(units: u64) -> String {
    intl::number(Style::Rate, units as f64 / UNITS_PER_ONE)
}

/// The same with the asset's name: `8.44 demo credits`.
pub(crate) fn rate_of(units: u64, asset: &str) -> String {
    text::amount_of(&rate(units), asset)
}

/// A credit with the asset's name: `+0.004 demo credits`.
pub(crate) fn credit_of(units: u64, asset: &str) -> String {
    text::amount_of(&credit(units), asset)
}

/// An hour of the day: `22:00` or `10 PM`.
pub(crate) fn hour(hour: u64) -> String {
    intl::time(When::Hour, hour * HOUR_MS)
}

/// A day of the week, 0 being Monday, and its short form.
pub(crate) fn weekday(day: usize) -> (String, String) {
    let at_ms = MONDAY_MS + day as u64 * DAY_MS;
    (intl::time(When::Weekday, at_ms), intl::time(When::WeekdayShort, at_ms))
}

/// A plain count.
pub(crate) fn count(n: u64) -> String {
    intl::number(Style::Count, n as f64)
}

/// Basis points as a percentage.
pub(crate) fn basis_points(bp: u16) -> String {
    intl::number(Style::Percent, f64::from(bp) / 10_000.0)
}

/// A byte count in its nearest unit: `1.2 MB`, but `412 bytes`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (step, unit) = BYTE_STEPS.into_iter().find(|(step, _)| bytes >= *step).unwrap_or((1.0, "byte"));
    intl::number(Style::Unit { unit, most: 1, least: 0, in_full: unit == "byte" }, bytes / step)
}

/// A duration in the unit that people use: `9 sec`, `2 min`, `2 hr`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        s if s < SECONDS_MAX => self::seconds(s),
        s if s < MINUTES_MAX_S => minutes(s.div_ceil(60)),
        s => intl::number(unit("hour", 0), ((s + 1_800) / 3_600) as f64),
    }
}

/// Seconds: `20 sec`.
pub(crate) fn seconds(seconds: u64) -> String {
    intl::number(unit("second", 0), seconds as f64)
}

/// Tenths of a second as seconds: `0.3 sec`.
pub(crate) fn tenths(tenths: u64) -> String {
    intl::number(unit("second", 1), tenths as f64 / 10.0)
}

/// Minutes: `2 min`.
pub(crate) fn minutes(minutes: u64) -> String {
    intl::number(unit("minute", 0), minutes as f64)
}

fn unit(unit: &'static str, decimals: u32) -> Style {
    Style::Unit { unit, most: decimals, least: decimals, in_full: false }
}

/// What [`moment`] calls today, in words of the browser's own.
pub(crate) fn today() -> String {
    Date::new_0().to_date_string().into()
}

/// The time of day if it is today, else the day.
pub(crate) fn moment(at_ms: u64) -> String {
    let (at, now) = (Date::new(&JsValue::from_f64(at_ms as f64)), Date::new_0());
    let is_today = at.to_date_string() == now.to_date_string();
    intl::time(if is_today { When::Time } else { When::Day }, at_ms)
}

/// A time that is to come: at an hour if it's within a day, else on a day.
pub(crate) fn soon(at_ms: u64) -> String {
    if at_ms.saturating_sub(now_ms()) <= DAY_MS {
        text::soon_at(&intl::time(When::Time, at_ms))
    } else {
        text::soon_on(&day(at_ms))
    }
}

/// The day and the time of day.
pub(crate) fn day_time(at_ms: u64) -> String {
    intl::time(When::DayTime, at_ms)
}

/// The day.
pub(crate) fn day(at_ms: u64) -> String {
    intl::time(When::Day, at_ms)
}

/// An ISO 8601 time as the person's own date and time, to the millisecond; `None` if it is none.
pub(crate) fn instant(iso: &str) -> Option<String> {
    let at_ms = Date::parse(iso);
    // `as` saturates; no time here lies before 1970.
    at_ms.is_finite().then(|| intl::time(When::Instant, at_ms as u64))
}

/// The local date, for machines: `2026-10-05`.
pub(crate) fn local_date(at_ms: u64) -> String {
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    format!("{:04}-{:02}-{:02}", date.get_full_year(), date.get_month() + 1, date.get_date())
}

/// ISO 8601, for machines.
pub(crate) fn machine_time(at_ms: u64) -> String {
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    // `toISOString` throws for dates outside of the calendar.
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_browsers_only_if_it_speaks_the_texts_language() {
        let cases = [("en", "en-GB"), ("en", "en_US"), ("en", "de-AT"), ("ar-XB", "ar"), ("de", "de")];
        assert_eq!(cases.map(|(text, browser)| locale(text, browser)), ["en-GB", "en-US", "en", "ar-XB", "de"]);
    }

    #[test]
    fn a_duration_is_told_in_the_unit_people_use() {
        let said = [9, 99, 100, 5_399, 5_400, 7_300].map(duration);
        assert_eq!(said, ["9 sec", "99 sec", "2 min", "90 min", "2 hr", "2 hr"]);
    }

    #[test]
    fn bytes_are_told_in_their_nearest_unit() {
        let said = [0, 1, 412, 1_000, 1_250_000, 5_000_000_000].map(bytes);
        assert_eq!(said, ["0 bytes", "1 byte", "412 bytes", "1 kB", "1.3 MB", "5 GB"]);
    }

    #[test]
    fn money_has_three_to_six_decimals() {
        assert_eq!([0, 4_000, 1, 1_234_567_890].map(amount), ["0.000", "0.004", "0.000001", "1,234.56789"]);
        assert_eq!(credit(4_000), "+0.004");
    }
}
