//! Lull popup.
