//! Lull browser.
