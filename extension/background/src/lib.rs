//! Lull background.
