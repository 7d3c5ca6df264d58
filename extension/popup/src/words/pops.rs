//! Words about calls to the person.

pub(crate) const POPS: &str = "When a judgment is there";
pub(crate) const OPEN: &str = "Open by itself";
pub(crate) const OPEN_TEXT: &str = "Only while you are here, in a window that isn't full-screen and plays no sound. Its keys sleep until you press Space or click.";
pub(crate) const OPEN_BY_CLICK: &str =
    "This browser opens Lull only when you click its icon; the number there says how many judgments wait.";
pub(crate) const NOTIFY: &str = "Show a notification";
pub(crate) const NOTIFY_TEXT: &str =
    "Only while you are here. The browser asks you first; switching it off gives that permission back.";
pub(crate) const NOTIFY_DENIED: &str =
    "The browser doesn't allow notifications. Its own settings for Lull change that.";
pub(crate) const AT_MOST: &str = "At most";
pub(crate) const QUIET_FROM: &str = "Quiet from";
pub(crate) const QUIET_TO: &str = "Quiet until";
pub(crate) const NEVER_QUIET: &str = "No quiet hours.";
pub(crate) const COVER: &str = "A judgment is here";
pub(crate) const COVER_TEXT: &str = "Lull opened by itself, as you chose in Settings. No key but Space does anything yet, so what you were typing is no answer.";
pub(crate) const LOOK: &str = "Look at it";
pub(crate) const SPACE: &str = "Space";

/// What is there.
pub(crate) fn about(title: &str, requester: &str, price: &str) -> String {
    format!("{title}, from {requester}, for {price}")
}

/// How often at most.
pub(crate) fn minutes(minutes: u64) -> String {
    match minutes {
        60 => "once an hour".to_owned(),
        _ if minutes.is_multiple_of(60) => format!("every {} hours", minutes / 60),
        _ => format!("every {minutes} minutes"),
    }
}
