//! `Intl` of ECMA-402, each formatter made once.

use std::cell::RefCell;

use js_sys::Intl::{DateTimeFormat, DisplayNames, NumberFormat};
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::prelude::*;

use super::{Style, When, locale};
use crate::text;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Intl)]
    type PluralRules;
    #[wasm_bindgen(constructor, js_namespace = Intl)]
    fn new(locales: &Array) -> PluralRules;
    #[wasm_bindgen(method)]
    fn select(this: &PluralRules, n: f64) -> String;

    #[wasm_bindgen(js_namespace = Intl)]
    type ListFormat;
    #[wasm_bindgen(constructor, js_namespace = Intl)]
    fn new(locales: &Array, options: &Object) -> ListFormat;
    #[wasm_bindgen(method)]
    fn format(this: &ListFormat, list: &Array) -> String;
}

thread_local! {
    static LOCALES: Array = Array::of1(&locale(text::language(), &lull_browser::ui_language()).into());
    static NUMBERS: RefCell<Vec<(Style, Function)>> = const { RefCell::new(Vec::new()) };
    static TIMES: RefCell<Vec<(When, Function)>> = const { RefCell::new(Vec::new()) };
    static PLURALS: PluralRules = PluralRules::new(&locales());
}

fn locales() -> Array {
    LOCALES.with(Clone::clone)
}

/// A number in a style.
pub(super) fn number(style: Style, value: f64) -> String {
    let known = NUMBERS.with_borrow(|all| all.iter().find(|(of, _)| *of == style).map(|(_, format)| format.clone()));
    let format = known.unwrap_or_else(|| {
        let format = number_format(style);
        NUMBERS.with_borrow_mut(|all| all.push((style, format.clone())));
        format
    });
    call(&format, value)
}

fn number_format(style: Style) -> Function {
    let options = Object::new();
    let decimals = |least: u32, most: u32| {
        set(&options, "minimumFractionDigits", &least.into());
        set(&options, "maximumFractionDigits", &most.into());
    };
    match style {
        Style::Amount => decimals(3, 6),
        Style::Credit => {
            decimals(3, 6);
            set(&options, "signDisplay", &"always".into());
        }
        Style::Rate => decimals(2, 2),
        Style::Percent => {
            decimals(0, 2);
            set(&options, "style", &"percent".into());
        }
        Style::Count => {}
        Style::Unit { unit, most, least, in_full } => {
            decimals(least, most);
            set(&options, "style", &"unit".into());
            set(&options, "unit", &unit.into());
            set(&options, "unitDisplay", &if in_full { "long" } else { "short" }.into());
        }
    }
    NumberFormat::new(&locales(), &options).format()
}

/// A time, milliseconds since 1970.
pub(super) fn time(when: When, at_ms: u64) -> String {
    let known = TIMES.with_borrow(|all| all.iter().find(|(of, _)| *of == when).map(|(_, format)| format.clone()));
    let format = known.unwrap_or_else(|| {
        let format = time_format(when);
        TIMES.with_borrow_mut(|all| all.push((when, format.clone())));
        format
    });
    call(&format, at_ms as f64)
}

fn time_format(when: When) -> Function {
    const CLOCK: [(&str, &str); 2] = [("hour", "numeric"), ("minute", "2-digit")];
    const DATE: [(&str, &str); 2] = [("day", "numeric"), ("month", "short")];
    const UTC: (&str, &str) = ("timeZone", "UTC");
    let options = Object::new();
    let all = |fields: &[(&str, &str)]| fields.iter().for_each(|(name, value)| set(&options, name, &(*value).into()));
    match when {
        When::Time => all(&CLOCK),
        When::Day => all(&DATE),
        When::DayTime => {
            all(&CLOCK);
            all(&DATE);
        }
        When::Instant => {
            all(&CLOCK);
            all(&DATE);
            all(&[("year", "numeric"), ("second", "2-digit")]);
            set(&options, "fractionalSecondDigits", &3.into());
        }
        When::Hour => all(&[("hour", "numeric"), UTC]),
        When::Weekday => all(&[("weekday", "long"), UTC]),
        When::WeekdayShort => all(&[("weekday", "narrow"), UTC]),
    }
    DateTimeFormat::new(&locales(), &options).format()
}

/// The plural category of a count (CLDR).
pub(crate) fn plural(count: u64) -> String {
    PLURALS.with(|rules| rules.select(count as f64))
}

/// Things in a row: `a, b, c`.
#[cfg(feature = "bandwidth")]
pub(crate) fn list<S: AsRef<str>>(things: &[S]) -> String {
    listed(things, "unit")
}

/// All of them: `a, b, and c`.
pub(crate) fn and<S: AsRef<str>>(things: &[S]) -> String {
    listed(things, "conjunction")
}

/// One of them: `a, b, or c`.
pub(crate) fn or<S: AsRef<str>>(things: &[S]) -> String {
    listed(things, "disjunction")
}

fn listed<S: AsRef<str>>(things: &[S], kind: &str) -> String {
    let things: Array = things.iter().map(|thing| JsValue::from_str(thing.as_ref())).collect();
    let options = Object::new();
    set(&options, "type", &kind.into());
    ListFormat::new(&locales(), &options).format(&things)
}

/// A country's name for its ISO 3166-1 code; the code itself if the browser knows none.
pub(crate) fn country(code: &str) -> String {
    country_name(code).unwrap_or_else(|| code.to_owned())
}

fn country_name(code: &str) -> Option<String> {
    let options = Object::new();
    set(&options, "type", &"region".into());
    let names = DisplayNames::new(&locales(), &options);
    let of: Function = Reflect::get(&names, &"of".into()).ok()?.dyn_into().ok()?;
    of.call1(&names, &code.into()).ok()?.as_string()
}

fn set(options: &Object, name: &str, value: &JsValue) {
    // Setting a property of a fresh plain object can't fail.
    let _ = Reflect::set(options, &name.into(), value);
}

fn call(format: &Function, value: f64) -> String {
    let text = format.call1(&JsValue::UNDEFINED, &value.into());
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}
