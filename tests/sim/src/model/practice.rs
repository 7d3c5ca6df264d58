//! Practice: before a project's judgments, and not again once the person was through.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::{Hash, Item, PublicKey};

use super::{Holds, Model, must};

const PRACTICE: &str = "practice first, and once";

/// What each worker's person was through with.
#[derive(Debug, Default)]
pub(crate) struct AllPractice(BTreeMap<PublicKey, Of>);

#[derive(Debug, Default)]
struct Of {
    ever: BTreeSet<String>,
    /// Since the background started: storage may not have known of what was before.
    lately: BTreeSet<String>,
}

impl AllPractice {
    /// The background starts.
    pub(crate) fn started(&mut self, worker: PublicKey) {
        self.0.entry(worker).or_default().lately.clear();
    }

    /// The person did it, or skipped it.
    pub(crate) fn over(&mut self, worker: PublicKey, practice: &str) {
        let of = self.0.entry(worker).or_default();
        of.ever.insert(practice.to_owned());
        of.lately.insert(practice.to_owned());
    }

    /// It is on screen.
    pub(crate) fn is_shown(&self, worker: PublicKey, practice: &str) -> Holds {
        let is_over = self.0.get(&worker).is_some_and(|of| of.lately.contains(practice));
        must(!is_over, PRACTICE, || format!("{practice} is asked again"))
    }
}

impl Model {
    /// A judgment is on screen: its practice is over.
    pub(crate) fn practised_before(&self, worker: PublicKey, offer: &str) -> Holds {
        let lease = Hash::from_hex(offer).and_then(|offer| self.leases.get(&offer));
        let work = lease.and_then(|lease| self.items.get(&lease.item));
        let Some(Item::Judgment(item)) = work.map(|work| &work.item) else { return Ok(()) };
        let Some(practice) = item.practice else { return Ok(()) };
        let is_over = self.practice.0.get(&worker).is_some_and(|of| of.ever.contains(&practice.hash.to_string()));
        must(is_over, PRACTICE, || format!("{offer} is shown before its practice"))
    }
}
