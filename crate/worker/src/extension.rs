//! More time for a judgment: asked for by the person, or when it comes on screen with little left; promised by the
//! coordinator, kept with the lease.
//!
//! A promise is a statement of its own about an offer. It is taken whenever it comes, if it is newer than the one that
//! is there: asked for or not, before the answer or after. It goes with the answer into the outbox and to the
//! receipt, where it is the evidence that an answer after the offer's deadline was in time.

use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::EXTENSIONS_MAX;
use lull_protocol::statement::{Extension, JobClass};
use lull_protocol::{Hash, PublicKey, Timestamp, ToCoordinator};

use crate::Worker;
use crate::lease::Lease;
use crate::records::Key;
use crate::storage::After;

/// The last promise about a lease.
#[derive(Clone, Debug)]
pub(crate) struct Extended {
    /// `Signed<Extension>`.
    pub(crate) bytes: Vec<u8>,
    pub(crate) number: u8,
    /// Coordinator's clock.
    pub(crate) deadline: Timestamp,
}

impl Extended {
    /// Reads one about this offer. What storage holds was verified before, so that no key need be known.
    pub(crate) fn read(bytes: &[u8], offer: &Hash, key: Option<&PublicKey>) -> Option<Self> {
        let extension = match key {
            Some(key) => Signed::<Extension>::verify(bytes, key).map(|signed| signed.payload().clone()),
            None => cose::peek(bytes),
        };
        let Extension { number, deadline, .. } = extension.ok().filter(|extension| extension.offer == *offer)?;
        Some(Self { bytes: bytes.to_vec(), number, deadline })
    }
}

/// Whether one promise is newer than another.
fn is_newer(new: &Extended, old: Option<&Extended>) -> bool {
    old.is_none_or(|old| new.number > old.number)
}

impl Worker {
    /// The person asks for more time.
    pub(crate) fn extend(&mut self, offer: &str) {
        if let Some(offer) = self.open_offer(offer) {
            self.ask_for_time(offer);
        }
    }

    /// Asks for more time, once at a time.
    pub(crate) fn ask_for_time(&mut self, offer: Hash) {
        if !self.can_have_time(&offer) {
            return;
        }
        if let Some(lease) = self.leases.get_mut(&offer).filter(|lease| !lease.asked_for_time) {
            lease.asked_for_time = true;
            self.send(&ToCoordinator::Extend { offer });
        }
    }

    /// Whether it makes sense to ask.
    pub(crate) fn can_have_time(&self, offer: &Hash) -> bool {
        let is_used_up = |lease: &Lease| lease.extended.as_ref().is_some_and(|e| e.number >= EXTENSIONS_MAX);
        self.is_ready() && self.leases.get(offer).is_some_and(|lease| !lease.is_done && !is_used_up(lease))
    }

    /// The coordinator's answer to that.
    pub(crate) fn extended(&mut self, statement: &[u8]) {
        if let Ok(Extension { offer, .. }) = cose::peek::<Extension>(statement) {
            self.take_extension(&offer, statement);
        }
    }

    pub(crate) fn take_extension(&mut self, offer: &Hash, statement: &[u8]) {
        let Some(coordinator) = &self.coordinator else { return };
        let Some(new) = Extended::read(statement, offer, Some(&coordinator.key)) else { return };
        // More time is never less.
        if self.leases.get(offer).is_some_and(|lease| new.deadline < lease.deadline()) {
            return self.not_extended(offer);
        }
        if let Some(held) = self.held.as_mut().filter(|held| held.offer == *offer)
            && is_newer(&new, held.lease.extended.as_ref())
        {
            held.lease.extended = Some(new.clone());
        }
        let is_judgment = |class: JobClass| class == JobClass::Judgment;
        if let Some(lease) = self.leases.get_mut(offer).filter(|lease| is_judgment(lease.offer.class)) {
            lease.asked_for_time = false;
            if is_newer(&new, lease.extended.as_ref()) {
                lease.extended = Some(new.clone());
                self.persist([Key::Lease(*offer)], After::Nothing);
                self.changed();
            }
        }
        if let Some(entry) = self.outbox.get_mut(offer).filter(|entry| is_judgment(entry.class))
            && is_newer(&new, entry.extended.as_ref())
        {
            entry.deadline = entry.deadline.max(new.deadline);
            entry.extended = Some(new);
            if entry.is_durable {
                self.persist([Key::Outbox(*offer)], After::Nothing);
            }
        }
    }

    /// It can't be had, or the connection that was asked is gone: the person may ask again.
    pub(crate) fn not_extended(&mut self, offer: &Hash) {
        if let Some(lease) = self.leases.get_mut(offer) {
            lease.asked_for_time = false;
        }
    }
}
