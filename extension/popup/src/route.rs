//! Hash routes, and whether this page is the toolbar's popup or a full tab.

use gloo::events::EventListener;
use yew::{hook, use_effect_with, use_state_eq};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Money, the judgment to answer, activities.
    Home,
    /// First run.
    Welcome,
    /// One receipt, by its offer's hash.
    Receipt(String),
    /// The log.
    Log,
    /// The log between two times, milliseconds since 1970.
    Between(u64, u64),
    /// One entry of the log, by its number.
    Entry(u64),
    /// Who asked for it.
    Alibi(u64),
    /// What lending bandwidth means.
    Bandwidth,
    /// Consent to it.
    Consent,
    /// What Lull can and can't do with a connection.
    Facts,
    /// Caps, hours, what was used.
    Limits,
    /// How the person fares.
    You,
    /// The wallet and payouts.
    Wallet,
    /// Choices, key, export, diagnostics.
    Settings,
    /// A backup of the key, made or restored.
    Backup,
    /// What erasing everything means.
    Erase,
}

impl Route {
    fn from_hash(hash: &str) -> Self {
        match hash.trim_start_matches(['#', '/']) {
            "welcome" => Self::Welcome,
            "bandwidth" => Self::Bandwidth,
            "consent" => Self::Consent,
            "facts" => Self::Facts,
            "limits" => Self::Limits,
            "settings" => Self::Settings,
            "backup" => Self::Backup,
            "erase" => Self::Erase,
            "you" => Self::You,
            "wallet" => Self::Wallet,
            "activity" => Self::Log,
            path => match path.split_once('/') {
                Some(("receipt", offer)) => Self::Receipt(offer.to_owned()),
                Some(("activity", what)) => {
                    between(what).or_else(|| what.parse().ok().map(Self::Entry)).unwrap_or(Self::Log)
                }
                Some(("alibi", number)) => number.parse().map_or(Self::Log, Self::Alibi),
                _ => Self::Home,
            },
        }
    }

    /// The link to it.
    pub(crate) fn href(&self) -> String {
        match self {
            Self::Home => "#/".to_owned(),
            Self::Welcome => "#/welcome".to_owned(),
            Self::Receipt(offer) => format!("#/receipt/{offer}"),
            Self::Log => "#/activity".to_owned(),
            Self::Between(since, until) => format!("#/activity/{since}-{until}"),
            Self::Entry(number) => format!("#/activity/{number}"),
            Self::Alibi(number) => format!("#/alibi/{number}"),
            Self::Bandwidth => "#/bandwidth".to_owned(),
            Self::Consent => "#/consent".to_owned(),
            Self::Facts => "#/facts".to_owned(),
            Self::Limits => "#/limits".to_owned(),
            Self::Settings => "#/settings".to_owned(),
            Self::Backup => "#/backup".to_owned(),
            Self::Erase => "#/erase".to_owned(),
            Self::You => "#/you".to_owned(),
            Self::Wallet => "#/wallet".to_owned(),
        }
    }

    /// The path of this page in a full tab.
    pub(crate) fn tab_path(&self) -> String {
        format!("popup.html?tab=1{}", self.href())
    }
}

fn between(times: &str) -> Option<Route> {
    let (since, until) = times.split_once('-')?;
    Some(Route::Between(since.parse().ok()?, until.parse().ok()?))
}

/// Goes to a page.
pub(crate) fn go(route: &Route) {
    if let Some(window) = web_sys::window() {
        // Setting a fragment can't fail on a page that is loaded.
        let _ = window.location().set_hash(&route.href());
    }
}

/// Whether this page is a full tab.
pub(crate) fn is_tab() -> bool {
    let search = web_sys::window().and_then(|window| window.location().search().ok());
    search.is_some_and(|search| search.contains("tab=1"))
}

/// Whether this popup opened by itself.
pub(crate) fn is_popped() -> bool {
    let search = web_sys::window().and_then(|window| window.location().search().ok());
    search.is_some_and(|search| search.contains("popped=1"))
}

fn current() -> Route {
    let hash = web_sys::window().and_then(|window| window.location().hash().ok());
    Route::from_hash(&hash.unwrap_or_default())
}

/// The page of the moment.
#[hook]
pub(crate) fn use_route() -> Route {
    let route = use_state_eq(current);
    let setter = route.setter();
    use_effect_with((), move |()| {
        let listener =
            web_sys::window().map(|window| EventListener::new(&window, "hashchange", move |_| setter.set(current())));
        move || drop(listener)
    });
    (*route).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_HAND: [Route; 2] = [Route::Home, Route::Welcome];

    fn seldom() -> Vec<Route> {
        let with = [Route::Receipt("00ff".to_owned()), Route::Entry(7), Route::Between(7, 9), Route::Alibi(7)];
        let lending = [Route::Bandwidth, Route::Consent, Route::Facts, Route::Limits];
        [Route::Log, Route::Settings, Route::You, Route::Wallet, Route::Backup, Route::Erase]
            .into_iter()
            .chain(with)
            .chain(lending)
            .collect()
    }

    #[test]
    fn every_page_is_found_by_its_own_link() {
        for route in AT_HAND.into_iter().chain(seldom()) {
            assert_eq!(Route::from_hash(&route.href()), route);
        }
    }

    #[test]
    fn the_entry_knows_which_module_has_which_page() {
        let entry = include_str!("../../entry/popup.js");
        let names = entry.split_once("#\\/(").and_then(|(_, rest)| rest.split_once(')')).map(|(names, _)| names);
        let names: Vec<&str> = names.expect("the names of pages").split('|').collect();
        let is_seldom = |route: &Route| names.contains(&route.href().split('/').nth(1).unwrap_or_default());
        assert!(seldom().iter().all(is_seldom));
        assert!(!AT_HAND.iter().any(is_seldom));
    }

    #[test]
    fn what_is_no_page_is_home() {
        for hash in ["", "#", "#/", "#/nowhere", "#/receipt", "?"] {
            assert_eq!(Route::from_hash(hash), Route::Home, "{hash}");
        }
    }
}
