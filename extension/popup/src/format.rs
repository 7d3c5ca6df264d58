//! Amounts, bytes and times as the person's own locale writes them.

use js_sys::Intl::{DateTimeFormat, DisplayNames, NumberFormat};
use js_sys::{Array, Date, Function, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::words;

#[wasm_bindgen]
extern "C" {
    /// A number as code and input fields write it: `0.004`. The standard library's way is 5 KB (gzip) more.
    #[wasm_bindgen(js_name = String)]
    pub(crate) fn plain(number: f64) -> String;
}

/// A day, milliseconds.
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// Base units in one of what people count.
const UNITS_PER_ONE: f64 = 1e6;
/// The decimal steps of byte counts and their names in ECMA-402.
const BYTE_STEPS: [(f64, &str); 5] =
    [(1e12, "terabyte"), (1e9, "gigabyte"), (1e6, "megabyte"), (1e3, "kilobyte"), (1.0, "byte")];

thread_local! {
    static AMOUNT: Function = number(&[("minimumFractionDigits", 3.into()), ("maximumFractionDigits", 6.into())]);
    static PERCENT: Function = number(&[("style", "percent".into()), ("maximumFractionDigits", 2.into())]);
    static COUNT: Function = number(&[]);
    static TIME: Function = date(&[("hour", "numeric".into()), ("minute", "2-digit".into())]);
    static INSTANT: Function = date(&[
        ("year", "numeric".into()), ("month", "short".into()), ("day", "numeric".into()),
        ("hour", "numeric".into()), ("minute", "2-digit".into()), ("second", "2-digit".into()),
        ("fractionalSecondDigits", 3.into()),
    ]);
    static HOUR: Function = date(&[("hour", "numeric".into()), ("minute", "2-digit".into()), ("timeZone", "UTC".into())]);
    static DAY: Function = date(&[("day", "numeric".into()), ("month", "short".into())]);
}

/// Milliseconds since 1970 by the browser's clock.
pub(crate) fn now_ms() -> u64 {
    Date::now() as u64
}

/// Base units as a number people read: `0.004`.
pub(crate) fn amount(units: u64) -> String {
    AMOUNT.with(|f| call(f, units as f64 / UNITS_PER_ONE))
}

/// The same with the asset's name: `0.004 demo credits`.
pub(crate) fn amount_of(units: u64, asset: &str) -> String {
    format!("{} {asset}", amount(units))
}

/// An hour of the day: `22:00` or `10 PM`.
pub(crate) fn hour(hour: u64) -> String {
    HOUR.with(|f| call(f, (hour * HOUR_MS) as f64))
}

/// A plain count.
pub(crate) fn count(n: u64) -> String {
    COUNT.with(|f| call(f, n as f64))
}

/// Basis points as a percentage.
pub(crate) fn basis_points(bp: u16) -> String {
    PERCENT.with(|f| call(f, f64::from(bp) / 10_000.0))
}

/// A byte count in its nearest unit: `1.2 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (step, unit) = BYTE_STEPS.into_iter().find(|(step, _)| bytes >= *step).unwrap_or((1.0, "byte"));
    // "412 bytes", but "1.2 MB".
    let display = if unit == "byte" { "long" } else { "short" };
    let format = number(&[
        ("style", "unit".into()),
        ("unit", unit.into()),
        ("unitDisplay", display.into()),
        ("maximumFractionDigits", 1.into()),
    ]);
    call(&format, bytes / step)
}

/// The time of day if it is today, else the day.
pub(crate) fn moment(at_ms: u64) -> String {
    let (at, now) = (Date::new(&JsValue::from_f64(at_ms as f64)), Date::new_0());
    let formatter = if at.to_date_string() == now.to_date_string() { &TIME } else { &DAY };
    formatter.with(|f| call(f, at_ms as f64))
}

/// A time that is to come: at an hour if it's within a day, else on a day.
pub(crate) fn soon(at_ms: u64) -> String {
    if at_ms.saturating_sub(now_ms()) <= DAY_MS {
        format!("at {}", TIME.with(|f| call(f, at_ms as f64)))
    } else {
        format!("on {}", DAY.with(|f| call(f, at_ms as f64)))
    }
}

/// The day and the hour of a time that is to come.
pub(crate) fn soon_day(at_ms: u64) -> String {
    format!("{}, {}", DAY.with(|f| call(f, at_ms as f64)), TIME.with(|f| call(f, at_ms as f64)))
}

/// The day.
pub(crate) fn day(at_ms: u64) -> String {
    DAY.with(|f| call(f, at_ms as f64))
}

/// An ISO 8601 time as the person's own date and time, to the millisecond; `None` if it is none.
pub(crate) fn instant(iso: &str) -> Option<String> {
    let at_ms = Date::parse(iso);
    at_ms.is_finite().then(|| INSTANT.with(|f| call(f, at_ms)))
}

/// ISO 8601, for machines.
pub(crate) fn machine_time(at_ms: u64) -> String {
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    // `toISOString` throws for dates outside of the calendar.
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

/// A country's name for its ISO 3166-1 code; the code itself if the browser knows none.
pub(crate) fn country(code: &str) -> String {
    country_name(code).unwrap_or_else(|| code.to_owned())
}

fn country_name(code: &str) -> Option<String> {
    let names = DisplayNames::new(&Array::of1(&words::LANGUAGE.into()), &options(&[("type", "region".into())]));
    let of: Function = Reflect::get(&names, &"of".into()).ok()?.dyn_into().ok()?;
    of.call1(&names, &code.into()).ok()?.as_string()
}

fn options(entries: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in entries {
        // Setting a property of a fresh plain object can't fail.
        let _ = Reflect::set(&object, &(*key).into(), value);
    }
    object
}

fn number(entries: &[(&str, JsValue)]) -> Function {
    NumberFormat::new(&Array::new(), &options(entries)).format()
}

fn date(entries: &[(&str, JsValue)]) -> Function {
    DateTimeFormat::new(&Array::new(), &options(entries)).format()
}

fn call(format: &Function, value: f64) -> String {
    let text = format.call1(&JsValue::UNDEFINED, &value.into());
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}
