//! Words about calls to the person.

pub(crate) const POPS: &str = "When a judgment is there";
pub(crate) const OPEN: &str = "Open by itself";
pub(crate) const OPEN_TEXT: &str = "Only while you are here, over a window that isn't full-screen and plays no sound. Its keys sleep until you press the space bar or click.";
pub(crate) const NOTIFY: &str = "Show a notification";
pub(crate) const NOTIFY_TEXT: &str = "The browser asks you first.";
pub(crate) const NOTIFY_DENIED: &str =
    "The browser doesn't allow notifications. Its own settings for Lull change that.";
pub(crate) const AT_MOST: &str = "At most";
pub(crate) const QUIET_FROM: &str = "Quiet from";
pub(crate) const QUIET_TO: &str = "Quiet until";
pub(crate) const COVER: &str = "Lull opened by itself. Look at it";
pub(crate) const SPACE: &str = "Space";

/// How often at most.
pub(crate) fn minutes(minutes: u64) -> String {
    match minutes {
        60 => "once an hour".to_owned(),
        _ if minutes.is_multiple_of(60) => format!("every {} hours", minutes / 60),
        _ => format!("every {minutes} minutes"),
    }
}
