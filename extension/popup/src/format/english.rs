//! What `Intl` says in English, for tests outside a browser.

use super::{Style, When};

/// A number in a style.
pub(super) fn number(style: Style, value: f64) -> String {
    match style {
        Style::Amount => decimal(value, 3, 6),
        Style::Credit => format!("+{}", decimal(value, 3, 6)),
        Style::Rate => decimal(value, 2, 2),
        Style::Percent => format!("{}%", decimal(value * 100.0, 0, 2)),
        Style::Count => decimal(value, 0, 0),
        Style::Unit { unit, most, least, .. } => {
            let name = match unit {
                "terabyte" => "TB",
                "gigabyte" => "GB",
                "megabyte" => "MB",
                "kilobyte" => "kB",
                "byte" if value == 1.0 => "byte",
                "byte" => "bytes",
                "hour" => "hr",
                "minute" => "min",
                _ => "sec",
            };
            format!("{} {name}", decimal(value, least as usize, most as usize))
        }
    }
}

fn decimal(value: f64, least: usize, most: usize) -> String {
    // Halves go away from zero, as in ECMA-402.
    let scale = 10_f64.powi(i32::try_from(most).expect("few decimals"));
    let text = format!("{:.most$}", (value * scale).round() / scale);
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let trimmed = decimals.trim_end_matches('0');
    let decimals = if trimmed.len() < least { &decimals[..least] } else { trimmed };
    let whole = grouped(whole);
    if decimals.is_empty() { whole } else { format!("{whole}.{decimals}") }
}

fn grouped(digits: &str) -> String {
    match digits.len().checked_sub(3) {
        Some(head) if head > 0 => format!("{},{}", grouped(&digits[..head]), &digits[head..]),
        _ => digits.to_owned(),
    }
}

/// Times are the browser's.
pub(super) fn time(when: When, at_ms: u64) -> String {
    format!("{when:?} {at_ms}")
}

/// The plural category of a count.
pub(crate) fn plural(count: u64) -> String {
    if count == 1 { "one" } else { "other" }.to_owned()
}

/// Things in a row: `a, b, c`.
#[cfg(feature = "bandwidth")]
pub(crate) fn list<S: AsRef<str>>(things: &[S]) -> String {
    things.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// All of them: `a, b, and c`.
pub(crate) fn and<S: AsRef<str>>(things: &[S]) -> String {
    joined(things, "and")
}

/// One of them: `a, b, or c`.
pub(crate) fn or<S: AsRef<str>>(things: &[S]) -> String {
    joined(things, "or")
}

fn joined<S: AsRef<str>>(things: &[S], word: &str) -> String {
    match things {
        [first, last] => format!("{} {word} {}", first.as_ref(), last.as_ref()),
        [first @ .., last] if !first.is_empty() => format!("{}, {word} {}", list(first), last.as_ref()),
        _ => list(things),
    }
}

/// The code itself.
pub(crate) fn country(code: &str) -> String {
    code.to_owned()
}
