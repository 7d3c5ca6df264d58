//! What is said about the content of judgments.

/// Before the address of a picture in Markdown.
pub(crate) const NOT_LOADED: &str = "picture, not loaded: ";
