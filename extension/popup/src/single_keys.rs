//! Single keys: which one was pressed, on any keyboard, and whether they answer, skip and take back: a choice of this
//! browser (WCAG 2.1.4).

use std::borrow::Cow;

use web_sys::{KeyboardEvent, Storage, Window};
use yew::{Html, component, use_callback, use_state_eq};

use crate::parts::switch_that;
use crate::text;

/// Where the choice is remembered.
const KEY: &str = "single-keys";
const OFF: &str = "off";

/// Whether they do.
pub(crate) fn are_on() -> bool {
    let stored = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    stored.as_deref() != Some(OFF)
}

/// The key of an event by its name of UI Events; letters are small.
pub(crate) fn key_of(event: &KeyboardEvent) -> String {
    // AltGr types what is a character of its own, and not in every browser is it Ctrl and Alt, too.
    if event.get_modifier_state("AltGraph") {
        return event.key();
    }
    meant(&event.key(), &event.code(), event.shift_key()).into_owned()
}

/// What a key means by what it types; where that is no character of ASCII, and for digits that are under Shift, by its
/// place.
fn meant<'a>(key: &'a str, code: &'a str, has_shift: bool) -> Cow<'a, str> {
    let mut chars = key.chars();
    let (Some(typed), None) = (chars.next(), chars.next()) else { return key.into() };
    if typed.is_ascii_alphanumeric() || matches!(typed, '?' | ' ') {
        return key.to_ascii_lowercase().into();
    }
    if matches!(typed, '؟' | '？') {
        return "?".into();
    }
    let digit = code.strip_prefix("Digit").or_else(|| code.strip_prefix("Numpad"));
    // "&" on the key of 1 is 1 where digits need Shift; with Shift it is what it types.
    if let Some(digit) = digit.filter(|digit| digit.len() == 1 && !has_shift) {
        return digit.into();
    }
    // A sign of ASCII on the place of a letter is of a Latin keyboard, which has that letter elsewhere.
    let letter = code.strip_prefix("Key").filter(|_| !typed.is_ascii());
    letter.map_or(key.into(), |letter| letter.to_ascii_lowercase().into())
}

/// The key as assistive technology is told of it, if it does anything.
pub(crate) fn shortcut(key: &str) -> Option<String> {
    are_on().then(|| key.to_owned())
}

/// What the browser keeps for this page.
pub(crate) fn storage() -> Option<Storage> {
    web_sys::window().as_ref().and_then(|window: &Window| window.local_storage().ok().flatten())
}

/// Hints at keys are shown only while they mean something.
pub(crate) fn show_or_hide_hints() {
    let root = web_sys::window().and_then(|window| window.document()?.document_element());
    if let Some(root) = root {
        // An attribute of this name is always allowed.
        let _ = root.toggle_attribute_with_force("data-no-single-keys", !are_on());
    }
}

/// The switch.
#[component]
pub(crate) fn SingleKeys() -> Html {
    let on = use_state_eq(are_on);
    let setter = on.setter();
    let click = use_callback(*on, move |_, on| {
        let stored = storage().and_then(|storage| storage.set_item(KEY, if *on { OFF } else { "on" }).ok());
        // Without storage the switch stays as it is.
        if stored.is_some() {
            setter.set(!*on);
            show_or_hide_hints();
        }
    });
    switch_that("single-keys", text::single_keys(), text::single_keys_text(), *on, click)
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn a_key_is_known_on_keyboards_of_other_scripts() {
        let check =
            |key: &str, code: &str, expected: &str| assert_eq!(meant(key, code, false), expected, "{key} {code}");
        // What it types counts first, wherever it is: Dvorak, AZERTY, Colemak.
        check("s", "Semicolon", "s");
        check("S", "KeyS", "s");
        check("z", "KeyW", "z");
        check("1", "Digit1", "1");
        check("1", "Numpad1", "1");
        check(" ", "Space", " ");
        // Named keys stay: the numpad without its lock, too.
        check("Enter", "NumpadEnter", "Enter");
        check("End", "Numpad1", "End");
        check("Dead", "KeyE", "Dead");
        check("Process", "KeyS", "Process");
        // Russian, Greek, Hebrew, Arabic.
        check("ы", "KeyS", "s");
        check("Я", "KeyZ", "z");
        check("σ", "KeyS", "s");
        check("ד", "KeyS", "s");
        check("ب", "KeyF", "f");
        check("؟", "Slash", "?");
        // Digits of Arabic and Persian, of both rows; those under Shift of French and Czech.
        check("٣", "Digit3", "3");
        check("۱", "Numpad1", "1");
        check("&", "Digit1", "1");
        check("é", "Digit2", "2");
        check("à", "Digit0", "0");
        check("ě", "Digit2", "2");
        // Signs are no letters, and those on the numpad no digits.
        check(";", "KeyZ", ";");
        check("+", "NumpadAdd", "+");
        check("ж", "Semicolon", "ж");
        check("", "", "");
        assert_eq!(meant("!", "Digit1", true), "!");
        assert_eq!(meant("£", "Digit3", true), "£");
        assert_eq!(meant("Ы", "KeyS", true), "s");
    }
}
