//! Consent to bandwidth: a record of what was agreed to, and whether that still covers what Lull may do.
//!
//! The record holds the terms themselves (`lull_policy::terms`), not a number of theirs: so
//! what became narrower asks nobody anything, and whatever is wider than agreed, or isn't in the record at all, asks
//! everybody again.

use lull_policy::{is_within, terms};
use lull_protocol::{Timestamp, fields};
use lull_view::{BandwidthState, Command, Consent, Statement};

use crate::records::Key;
use crate::storage::After;
use crate::{Effect, Managed, Worker};

/// What a person agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsentRecord {
    /// The browser's own clock.
    at: Timestamp,
    /// What may be done, and how far; zero: what is refused.
    terms: Vec<(String, u64)>,
    /// Which statements were made: bit n is the n-th of [`Statement::ALL`].
    statements: u64,
}
fields!(ConsentRecord { 0 at, 1 terms, 2 statements });

/// All of them.
const EVERY_STATEMENT: u64 = (1 << Statement::ALL.len()) - 1;

impl ConsentRecord {
    /// To all that Lull may do today.
    fn to_all(at: Timestamp) -> Self {
        Self { at, terms: terms(), statements: EVERY_STATEMENT }
    }

    fn is_current(&self) -> bool {
        self.statements & EVERY_STATEMENT == EVERY_STATEMENT && is_within(&self.terms)
    }
}

/// What a person agreed to, and whether it is enough: compared once, since either changes only with a new build.
#[derive(Debug)]
pub(crate) struct Agreed {
    record: ConsentRecord,
    is_current: bool,
}

impl Agreed {
    pub(crate) fn new(record: ConsentRecord) -> Self {
        Self { is_current: record.is_current(), record }
    }

    pub(crate) fn record(&self) -> &ConsentRecord {
        &self.record
    }
}

/// Who forbids bandwidth in this browser, as the state that says so: a policy that says no, anywhere; or one
/// that installed Lull and doesn't say yes.
pub(crate) fn barrier(managed: Managed) -> Option<BandwidthState> {
    match managed {
        Managed { allows_bandwidth: Some(false), .. } => Some(BandwidthState::Forbidden),
        Managed { allows_bandwidth: None, is_installed_by_policy: true } => Some(BandwidthState::NotAllowed),
        Managed { .. } => None,
    }
}

impl Worker {
    /// Why a command is not carried out, in words; the same for one that is.
    pub(crate) fn objection(&self, command: &Command) -> Option<&'static str> {
        match command {
            Command::Agree { statements } => {
                let is_missing = Statement::ALL.iter().any(|needed| !statements.contains(needed));
                is_missing.then_some("Consent needs each of its statements.")
            }
            Command::SetBandwidth { on: true } => match self.barrier() {
                Some(_) => Some("The organisation that manages this browser doesn't allow bandwidth."),
                None if !self.has_consent() => {
                    Some("Bandwidth needs your consent first, to all that this version of Lull may do.")
                }
                None => None,
            },
            _ => self.wallet_objection(command),
        }
    }

    /// Whether bandwidth is on, agreed to and not forbidden: without that nothing of it leaves the browser.
    pub(crate) fn lends(&self) -> bool {
        self.settings.bandwidth && self.barrier().is_none() && self.has_consent()
    }

    /// Whether consent covers all that Lull may do.
    pub(crate) fn has_consent(&self) -> bool {
        self.consent.as_ref().is_some_and(|agreed| agreed.is_current)
    }

    pub(crate) fn barrier(&self) -> Option<BandwidthState> {
        if !cfg!(feature = "bandwidth") {
            return Some(BandwidthState::Absent);
        }
        barrier(self.surroundings.map(|s| s.managed).unwrap_or_default())
    }

    pub(crate) fn consent_view(&self) -> Consent {
        Consent { given_at: self.consent.as_ref().map(|agreed| agreed.record.at.get()), is_current: self.has_consent() }
    }

    pub(crate) fn agree(&mut self, now: Timestamp) {
        self.consent = Some(Agreed::new(ConsentRecord::to_all(now)));
        self.persist([Key::Consent], After::Nothing);
        self.changed();
    }

    /// Both records go in one batch.
    pub(crate) fn take_consent_back(&mut self) {
        let was_given = self.consent.take().is_some();
        if was_given {
            self.persist_lazily(Key::Consent);
            self.changed();
        }
        if !self.switch_bandwidth_off() && was_given {
            self.persist([], After::Nothing);
        }
    }

    /// Switches bandwidth off and gives the permission back. Whether it was on.
    pub(crate) fn switch_bandwidth_off(&mut self) -> bool {
        let was_on = self.settings.bandwidth;
        self.set(|settings| settings.bandwidth = false);
        if was_on {
            self.effects.push_back(Effect::ReleasePermission);
        }
        was_on
    }
}
