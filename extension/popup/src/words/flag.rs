//! What the popup says of flags.

use lull_view::FlagReason;

use crate::text;

/// A reason, as it is chosen.
pub(crate) fn reason(reason: FlagReason) -> &'static str {
    match reason {
        FlagReason::Broken => text::flag_broken(),
        FlagReason::Harmful => text::flag_harmful(),
        FlagReason::PersonalData => text::flag_personal_data(),
        FlagReason::Captcha => text::flag_captcha(),
        FlagReason::Illegal => text::flag_illegal(),
        FlagReason::Unclear => text::flag_unclear(),
    }
}
