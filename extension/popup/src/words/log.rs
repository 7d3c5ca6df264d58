//! Words of the log about whom never to serve.

use lull_view::NeverWhat;

use crate::text;

/// Never again.
pub(crate) fn never(what: &NeverWhat) -> String {
    match what {
        NeverWhat::Domain(domain) => text::never_site(domain),
        NeverWhat::Requester(name) => text::never_buyer(name),
    }
}

/// The way back.
pub(crate) fn allow(what: &NeverWhat) -> String {
    let (NeverWhat::Domain(name) | NeverWhat::Requester(name)) = what;
    text::never_allow(name)
}

/// What was done.
pub(crate) fn never_done(what: &NeverWhat) -> String {
    match what {
        NeverWhat::Domain(domain) => text::never_site_done(domain),
        NeverWhat::Requester(name) => text::never_buyer_done(name),
    }
}
