//! Every word the popup shows, by functions that `build.rs` makes of `static/_locales/en/messages.json`: `text::pause()`,
//! `text::card_title(name)`, `text::outbox(count)`. In a browser they say what its language's file holds.

use std::cell::Cell;

use crate::format::plural;

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Stands for the first placeholder in a template, and the next one for the next: Unicode's private use, so it is in no
/// message. `build.rs` has it, too.
const FIRST_PLACE: char = '\u{e000}';
/// The characters themselves: a message has no more placeholders (Chrome's `i18n.getMessage`).
#[cfg(target_arch = "wasm32")]
const PLACES: [&str; 9] =
    ["\u{e000}", "\u{e001}", "\u{e002}", "\u{e003}", "\u{e004}", "\u{e005}", "\u{e006}", "\u{e007}", "\u{e008}"];
/// Around a value that may run in another direction (UAX 9).
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';
/// Around what stands out in a sentence, so that the sentence stays one message: see [`standing_out`].
const MARK: char = '\u{e00f}';

thread_local! {
    /// Each template is asked for once, and stays: the browser's answer never changes while a page lives.
    static TEMPLATES: [Cell<Option<&'static str>>; COUNT] = const { [const { Cell::new(None) }; COUNT] };
    static IS_RTL: bool = direction() == "rtl";
}

fn plain(number: usize, key: &'static str) -> &'static str {
    template(number, key, 0)
}

fn filled(number: usize, key: &'static str, values: &[&str]) -> String {
    fill(template(number, key, values.len()), values)
}

/// The message for a count: that of its plural category, or `other` where the language tells no difference.
fn counted(stem: &str, count: u64, values: &[&str]) -> String {
    let of = |category: &str| ask(&[stem, "_", category].concat(), values.len());
    let found = of(&plural(count)).or_else(|| of("other")).unwrap_or_default();
    fill(&found, values)
}

/// A message's template. One function for all: the hundreds of callers are small.
#[inline(never)]
fn template(number: usize, key: &str, places: usize) -> &'static str {
    TEMPLATES.with(|templates| {
        let known = templates.get(number);
        known.and_then(Cell::get).unwrap_or_else(|| {
            let asked: &'static str = ask(key, places).unwrap_or_default().leak();
            if let Some(known) = known {
                known.set(Some(asked));
            }
            asked
        })
    })
}

/// The language's own template, with a character of [`PLACES`] for each placeholder.
#[cfg(target_arch = "wasm32")]
fn ask(key: &str, places: usize) -> Option<String> {
    lull_browser::message(key, PLACES.get(..places).unwrap_or_default())
}

/// Outside a browser, English.
#[cfg(not(target_arch = "wasm32"))]
fn ask(key: &str, _: usize) -> Option<String> {
    const ENGLISH: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/english.rs"));
    ENGLISH.iter().find(|(known, _)| *known == key).map(|(_, template)| (*template).to_owned())
}

/// Puts values in their places.
fn fill(template: &str, values: &[&str]) -> String {
    let mut text = String::with_capacity(template.len());
    for c in template.chars() {
        let place = (c as usize).checked_sub(FIRST_PLACE as usize);
        match place.and_then(|place| values.get(place)) {
            Some(value) if IS_RTL.with(|is| *is) || value.chars().any(|c| is_rtl(c) || turns(c)) => {
                isolate(&mut text, value);
            }
            Some(value) => text.push_str(value),
            None => text.push(c),
        }
    }
    text
}

/// A name runs in its own direction and moves nothing around it: an isolate (UAX 9), which the end of another within it
/// doesn't end, and whose own end ends all that is open within.
fn isolate(text: &mut String, value: &str) {
    let mut open = 1_usize;
    text.push(FIRST_STRONG_ISOLATE);
    for c in value.chars() {
        match c {
            '\u{2066}'..=FIRST_STRONG_ISOLATE => open += 1,
            POP_ISOLATE if open == 1 => continue,
            POP_ISOLATE => open -= 1,
            _ => {}
        }
        text.push(c);
    }
    text.extend(std::iter::repeat_n(POP_ISOLATE, open));
}

/// Whether a character sets the direction of others (UAX 9: marks, embeddings, overrides, isolates).
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character belongs to a script that runs from right to left.
fn is_rtl(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Marks a value that stands out in the sentence it becomes part of.
pub(crate) fn marked(value: &str) -> String {
    format!("{MARK}{value}{MARK}")
}

/// A sentence with one [`marked`] value, as what comes before it, the value, and what comes after it.
pub(crate) fn standing_out(sentence: &str) -> [&str; 3] {
    let mut parts = sentence.splitn(3, MARK);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_the_language_puts_them() {
        assert_eq!(fill("\u{e001} of \u{e000}, \u{e001}", &["a", "b"]), "b of a, b");
        assert_eq!(fill("Work for \u{e000}?", &["مكتبة"]), "Work for \u{2068}مكتبة\u{2069}?");
        assert_eq!(card_title("Harbour Library"), "Work for Harbour Library?");
    }

    #[test]
    fn a_title_turns_no_price() {
        let said = |title: &str| pops_about(title, "Lab", "0.006 demo credits");
        let plain = said("Signs");
        let (before, after) = plain.split_once("Signs").expect("the title is in it");
        let check = |title: &str, isolated: &str| assert_eq!(said(title), format!("{before}{isolated}{after}"));
        check("Signs \u{202e}", "\u{2068}Signs \u{202e}\u{2069}");
        check("Signs \u{2067}\u{202b}x", "\u{2068}Signs \u{2067}\u{202b}x\u{2069}\u{2069}");
        check("\u{2069}Signs\u{2066}a\u{2069}\u{2069}\u{202e}", "\u{2068}Signs\u{2066}a\u{2069}\u{202e}\u{2069}");
        for mark in ['\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202c}', '\u{202d}', '\u{2068}'] {
            assert!(said(&format!("a{mark}")).ends_with(&format!("\u{2069}{after}")), "{mark:?}");
        }
    }

    #[test]
    fn a_count_chooses_its_form() {
        assert_eq!(fetches(1), "1 fetch");
        assert_eq!(fetches(1_000), "1,000 fetches");
        assert_eq!(pops_hours(1), "once an hour");
    }

    #[test]
    fn what_stands_out_stays_in_its_sentence() {
        assert_eq!(standing_out(&bandwidth_is(&marked("Off"))), ["Bandwidth: ", "Off", ""]);
        assert_eq!(standing_out("nothing"), ["nothing", "", ""]);
    }
}
