//! A rejection comes before the verdict that rests on it, with its evidence, so that its worker can appeal and a
//! human can decide before anything is final.

use crate::cose::Statement;
use crate::fields;
use crate::limits::{APPEAL_BYTES_MAX, REJECTION_EVIDENCE_BYTES_MAX};
use crate::statement::VerdictReason;
use crate::units::{Hash, PublicKey, Timestamp};

/// What is held against one result, signed by the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The result's hash.
    pub result: Hash,
    /// Whose result it is.
    pub worker: PublicKey,
    /// What the verdict says if nobody appeals: `RejectedByBuyer` or `TimesOutsideLease`.
    pub reason: VerdictReason,
    /// Why, in the buyer's words or the coordinator's.
    pub evidence: String,
    /// When.
    pub decided_at: Timestamp,
    /// Until when the worker may appeal; an appeal that comes before the verdict counts.
    pub appeal_until: Timestamp,
}
fields!(Rejection { 0 result, 1 worker, 2 reason, 3 evidence, 4 decided_at, 5 appeal_until });

impl Statement for Rejection {
    const TYP: &'static str = "application/vnd.lull.rejection+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if !matches!(self.reason, VerdictReason::RejectedByBuyer | VerdictReason::TimesOutsideLease) {
            return Err("a rejection is the buyer's, or about times outside the lease");
        }
        if self.evidence.trim().is_empty() || self.evidence.len() > REJECTION_EVIDENCE_BYTES_MAX {
            return Err("the evidence is empty or longer than REJECTION_EVIDENCE_BYTES_MAX");
        }
        if self.appeal_until < self.decided_at { Err("times out of order") } else { Ok(()) }
    }
}

/// A worker's objection to a rejection, signed by the worker. A human decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// The rejection's hash.
    pub rejection: Hash,
    /// What the person has to say, if anything.
    pub words: Option<String>,
    /// When, coordinator's clock as the worker knows it.
    pub at: Timestamp,
}
fields!(Appeal { 0 rejection, 1 words, 2 at });

impl Statement for Appeal {
    const TYP: &'static str = "application/vnd.lull.appeal+cbor";
    fn check(&self) -> Result<(), &'static str> {
        match &self.words {
            Some(words) if words.trim().is_empty() || words.len() > APPEAL_BYTES_MAX => {
                Err("the words are empty or longer than APPEAL_BYTES_MAX")
            }
            _ => Ok(()),
        }
    }
}

/// How a buyer has treated those who answered, over all its projects: travels beside an offer, unsigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuyerRecord {
    /// Answers that the buyer has accepted or rejected, or left to be approved by time.
    pub reviewed: u32,
    /// Of these, rejected.
    pub rejected: u32,
    /// Of these, accepted in the end.
    pub overturned: u32,
}
fields!(BuyerRecord { 0 reviewed, 1 rejected, 2 overturned });
