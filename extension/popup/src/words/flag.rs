//! What the popup says of flags, of judgments that are taken back, and of late answers.

use lull_view::FlagReason;

pub(crate) const FLAG: &str = "Flag";
/// The key that opens the sheet, in the list of keys.
pub(crate) const FLAG_KEY: (&str, &str) = ("F", "flag: something is wrong with it");
pub(crate) const FLAG_TITLE: &str = "What's wrong with it?";
pub(crate) const FLAG_NOTE: &str = "A note, if you like";
pub(crate) const FLAG_TEXT: &str =
    "The buyer reads it. If another person flags it too, nobody is asked any more and your time is paid.";
pub(crate) const FLAG_TEXT_UNCLEAR: &str = "The buyer reads it, and may explain better. It isn't paid.";
pub(crate) const FLAG_SEND: &str = "Send";
pub(crate) const FLAG_CLOSE: &str = "Close";

/// A reason, as it is chosen.
pub(crate) fn reason(reason: FlagReason) -> &'static str {
    match reason {
        FlagReason::Broken => "It's broken",
        FlagReason::Harmful => "It's harmful",
        FlagReason::PersonalData => "It asks for personal data",
        FlagReason::Captcha => "It's someone else's CAPTCHA",
        FlagReason::Illegal => "It's illegal",
        FlagReason::Unclear => "The instructions are unclear",
    }
}

/// A judgment went away.
pub(crate) fn taken_back(is_paid: bool) -> &'static str {
    if is_paid {
        "Others flagged that one, so it was taken back. You're paid for the look."
    } else {
        "Others flagged that one, so it was taken back. Less than 5 s on screen isn't paid."
    }
}

/// The lease is over, and the judgment is still on screen.
pub(crate) const TIME_UP: &str = "Time is up: still paid if nobody else has it";
