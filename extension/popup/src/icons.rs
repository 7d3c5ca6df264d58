//! The few drawings: line icons on a 20-unit grid, the mark, and the sea.

use yew::{Html, classes, html};

/// Which line icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// A circle with a bar: not taken.
    Barred,
    /// An arrow that leaves.
    Sending,
    /// A clock.
    Clock,
    /// Two that differ.
    Differ,
    /// Two bars.
    Pause,
    /// A triangle.
    Play,
    /// Sliders.
    Settings,
    /// An arrow back.
    Back,
    /// An arrow forth.
    Next,
    /// A corner arrow out.
    Open,
    /// A sheet with lines.
    Question,
    /// A globe.
    Globe,
    /// A warning triangle.
    Warning,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Check => "M4.5 10.5l3.6 3.6 7.4-8",
            Self::Cross => "M5.5 5.5l9 9m0-9l-9 9",
            Self::Barred => "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13M6 14l8-8",
            Self::Sending => "M10 15.5V5m-4.2 4L10 4.8 14.2 9",
            Self::Clock => "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13M10 6.5V10l2.4 1.8",
            Self::Differ => "M5 7.6h10M5 12.4h10M12.6 4.6L7.4 15.4",
            Self::Pause => "M7.2 5v10M12.8 5v10",
            Self::Play => "M7 4.8v10.4l8-5.2z",
            Self::Settings => "M3.5 6.5h7m4 0h2M3.5 13.5h2m4 0h7M12.5 4.5v4M7.5 11.5v4",
            Self::Back => "M11.8 4.5L6.3 10l5.5 5.5",
            Self::Next => "M8.2 4.5l5.5 5.5-5.5 5.5",
            Self::Open => "M8 4.5H4.5v11h11V12M11.5 4.5h4v4M15.2 4.8L9.5 10.5",
            Self::Question => "M5 3.8h10v12.4H5zM7.8 7.4h4.4M7.8 10.2h4.4M7.8 13h2.4",
            Self::Globe => {
                "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13M3.7 10h12.6M10 3.6c2.2 1.8 3 4 3 6.4s-.8 4.6-3 6.4\
                 c-2.2-1.8-3-4-3-6.4s.8-4.6 3-6.4"
            }
            Self::Warning => "M10 4l7 12H3zM10 8.6v3.2M10 13.9v.2",
        }
    }

    /// Whether it means back or forth, which is where the text comes from or goes to.
    fn turns(self) -> bool {
        matches!(self, Self::Back | Self::Next | Self::Open | Self::Question)
    }

    /// The drawing; always beside words, so hidden from screen readers.
    pub(crate) fn draw(self) -> Html {
        html! {
            <svg class={classes!("icon", self.turns().then_some("turns"))} viewBox="0 0 20 20" aria-hidden="true">
                <path d={self.path()} />
            </svg>
        }
    }
}

/// The mark: a moon at rest in the trough between two waves.
pub(crate) fn mark() -> Html {
    html! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <circle class="mark-moon" cx="16" cy="11.5" r="5" />
            <path class="mark-wave" d="M2.5 12.5C7.5 12.5 8.5 22 16 22s8.5-9.5 13.5-9.5" />
            <path class="mark-wave mark-far" d="M7.5 22.5c2.5 3.3 5 4.5 8.5 4.5s6-1.2 8.5-4.5" />
        </svg>
    }
}

/// The edge of the sea under the header: two waves that roll once when money comes in.
pub(crate) fn shore() -> Html {
    html! {
        <svg class="shore" viewBox="0 0 400 20" preserveAspectRatio="none" aria-hidden="true">
            <path class="shore-far" d="M-200 12c33-9 67-9 100 0s67 9 100 0 67-9 100 0 67 9 100 0 67-9 100 0 67 9 100 0 67-9 100 0 67 9 100 0V21H-200z" />
            <path class="shore-near" d="M-200 14c25-6 50-6 100 0s75 6 100 0 50-6 100 0 75 6 100 0 50-6 100 0 75 6 100 0 50-6 100 0 75 6 100 0V21H-200z" />
        </svg>
    }
}

/// A calm sea for the moments when nothing is to be done.
pub(crate) fn sea() -> Html {
    html! {
        <svg class="sea" viewBox="0 0 240 96" aria-hidden="true">
            <circle class="sea-halo" cx="120" cy="44" r="34" />
            <circle class="sea-moon" cx="120" cy="44" r="18" />
            <path class="sea-wave" d="M8 46c42 0 62 28 112 28s70-28 112-28" />
            <path class="sea-wave sea-mid" d="M40 66c26 4 44 20 80 20s54-16 80-20" />
            <path class="sea-wave sea-far" d="M84 88c14 4 22 5 36 5s22-1 36-5" />
        </svg>
    }
}
