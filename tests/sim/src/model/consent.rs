//! Consent: what each person allows, and what of it was durable when the background ended.

use std::collections::BTreeMap;

use lull_protocol::PublicKey;
use lull_view::{BandwidthWhen, Command, Settings};
use lull_worker::Surroundings;

use super::{Holds, must};
use crate::world::may_be_asked;

/// What all persons allow.
#[derive(Debug, Default)]
pub(crate) struct Consents(BTreeMap<PublicKey, Consent>);

#[derive(Debug, Default)]
struct Consent {
    /// As commanded.
    wanted: Settings,
    /// As surely stored.
    stored: Settings,
    /// Batches under way that hold settings, and what they were.
    under_way: Vec<(u64, Settings)>,
    surroundings: Surroundings,
    /// The record was damaged: nobody knows what it says.
    is_lost: bool,
}

impl Consents {
    fn of(&mut self, worker: PublicKey) -> &mut Consent {
        self.0.entry(worker).or_default()
    }

    /// The background started with these settings: they must be what was stored, or was about to be.
    pub(crate) fn started(&mut self, worker: PublicKey, found: Settings) -> Holds {
        let consent = self.of(worker);
        let is_known = consent.is_lost
            || found == consent.stored
            || consent.under_way.iter().any(|(_, settings)| *settings == found);
        let detail = || format!("{found:?} after a start; stored was {:?}", consent.stored);
        must(is_known, "settings survive", detail)?;
        consent.under_way.clear();
        consent.is_lost = false;
        (consent.wanted, consent.stored) = (found.clone(), found);
        Ok(())
    }

    pub(super) fn lost(&mut self, worker: PublicKey) {
        self.of(worker).is_lost = true;
    }

    pub(super) fn writes(&mut self, worker: PublicKey, batch: u64) {
        let consent = self.of(worker);
        let settings = consent.wanted.clone();
        consent.under_way.push((batch, settings));
    }

    pub(super) fn wrote(&mut self, worker: PublicKey, batch: u64, is_taken: bool) {
        let consent = self.of(worker);
        let Some(at) = consent.under_way.iter().position(|(number, _)| *number == batch) else { return };
        let (_, settings) = consent.under_way.remove(at);
        if is_taken {
            consent.stored = settings;
        }
    }

    pub(crate) fn surroundings(&mut self, worker: PublicKey, surroundings: Surroundings) {
        self.of(worker).surroundings = surroundings;
    }

    pub(crate) fn command(&mut self, worker: PublicKey, command: &Command) {
        let wanted = &mut self.of(worker).wanted;
        match command {
            Command::SetJudgments { on } => wanted.judgments = *on,
            Command::SetBandwidth { on } => wanted.bandwidth = *on,
            Command::SetBandwidthWhen { when } => wanted.bandwidth_when = *when,
            Command::SetPaused { on } => wanted.paused = *on,
            Command::CardSeen => wanted.card_seen = true,
            Command::FirstRunDone => wanted.first_run_done = true,
            Command::Answer { .. }
            | Command::Skip { .. }
            | Command::OpenReceipt { .. }
            | Command::Export
            | Command::JudgeUrl { .. }
            | Command::DismissNotice
            | Command::ConnectNow => {}
        }
    }

    /// The browser dials.
    pub(crate) fn connects(&mut self, worker: PublicKey) -> Holds {
        let wanted = &self.of(worker).wanted;
        let is_on = !wanted.paused && (wanted.judgments || wanted.bandwidth);
        must(is_on, "nothing before consent", || format!("dials with {wanted:?}"))
    }

    /// The browser sends a request for a buyer.
    pub(crate) fn fetches(&mut self, worker: PublicKey, url: &str) -> Holds {
        let Consent { wanted, surroundings, .. } = self.of(worker);
        let is_time = surroundings.away || wanted.bandwidth_when == BandwidthWhen::Always;
        let may = wanted.bandwidth && !wanted.paused && wanted.card_seen && is_time;
        let can = surroundings.host_permission && !surroundings.data_saver;
        must(may && can, "nothing before consent", || format!("{url} with {wanted:?}, {surroundings:?}"))?;
        // Whether plain http is allowed is in the item; the verdict looks at that.
        must(may_be_asked(url, true), "policy on every hop", || url.to_owned())
    }
}
