//! Since when something is on screen.

use crate::format;

/// A look at something: what is signed of it, and a clock that nobody sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    /// Milliseconds since 1970.
    pub(crate) shown_at: u64,
    /// Of the page's own life, milliseconds: the person may set the other clock back.
    began_ms: f64,
}

impl Look {
    /// It begins now.
    pub(crate) fn begin() -> Self {
        Self { shown_at: format::now_ms(), began_ms: page_ms() }
    }

    /// Whether it has lasted so long by now.
    pub(crate) fn has_lasted(self, look_ms: u32) -> bool {
        page_ms() - self.began_ms >= f64::from(look_ms)
    }
}

/// Since this page began (High Resolution Time). Without that clock every look was long enough.
fn page_ms() -> f64 {
    let clock = web_sys::window().and_then(|window| window.performance());
    clock.map_or(f64::INFINITY, |clock| clock.now())
}
