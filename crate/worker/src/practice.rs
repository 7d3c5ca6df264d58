//! Practice before a project's paid judgments: which lease waits for it, and which was done. What a person answers
//! there stays in the UI: this machine hears only that it is over, and tells nobody.

use lull_protocol::{BlobRef, Hash, Item};

use crate::Worker;
use crate::lease::Lease;
use crate::limits::PRACTISED_MAX;
use crate::records::Key;
use crate::storage::After;

/// Practices that were done or skipped, by their hashes; the newest last.
#[derive(Debug, Default)]
pub(crate) struct Practised(Vec<Hash>);

impl Practised {
    pub(crate) fn new(mut hashes: Vec<Hash>) -> Self {
        hashes.drain(..hashes.len().saturating_sub(PRACTISED_MAX));
        Self(hashes)
    }
    fn add(&mut self, hash: Hash) {
        self.0.push(hash);
        *self = Self::new(std::mem::take(&mut self.0));
    }
    /// What storage holds; nothing at first.
    pub(crate) fn record(&self) -> Option<&Vec<Hash>> {
        Some(&self.0).filter(|hashes| !hashes.is_empty())
    }
}

impl Worker {
    /// The practice that comes before this judgment is shown.
    pub(crate) fn practice_before(&self, lease: &Lease) -> Option<BlobRef> {
        let Item::Judgment(item) = &lease.item else { return None };
        item.practice.filter(|blob| !self.practised.0.contains(&blob.hash))
    }

    /// The person has done a practice that could be shown, or skipped it: its project's judgments follow.
    pub(crate) fn practise(&mut self, practice: &str) {
        let Some(hash) = Hash::from_hex(practice) else { return };
        let is_asked = self.judgment_row().iter().any(|(_, lease)| {
            self.practice_before(lease).is_some_and(|blob| blob.hash == hash) && self.is_showable(lease)
        });
        if is_asked {
            self.practised.add(hash);
            self.persist([Key::Practised], After::Nothing);
            self.changed();
        }
    }
}
