//! Several RPCs are asked, and none is believed alone.

/// What they say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<T> {
    /// Enough say this, and none says another thing.
    Agreed(T),
    /// Too few say anything.
    TooFew,
    /// Two say different things.
    Differ,
}

/// One value out of what each of them says; those that are silent are left out.
pub(crate) fn said<T: PartialEq>(said: impl Iterator<Item = T>, agree_min: usize) -> Said<T> {
    let mut first = None;
    let mut count = 0;
    for one in said {
        match &first {
            None => first = Some(one),
            Some(other) if *other != one => return Said::Differ,
            Some(_) => {}
        }
        count += 1;
    }
    match first {
        Some(value) if count >= agree_min => Said::Agreed(value),
        _ => Said::TooFew,
    }
}
