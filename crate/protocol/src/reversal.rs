//! A reversal takes back what a verdict paid while that is still pending. As with a rejection the statement comes first,
//! with its evidence, so that the worker can appeal and a human can decide; what became of it is a statement of its own.

use crate::cose::Statement;
use crate::limits::REJECTION_EVIDENCE_BYTES_MAX;
use crate::rejection::is_plain;
use crate::units::{Amount, Hash, PublicKey, Timestamp};
use crate::{codes, fields};

/// What the operator holds against a result that was paid, signed by the coordinator. The verdict stays as it was given:
/// what is reversed is its money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The result's hash.
    pub result: Hash,
    /// Whose result it is.
    pub worker: PublicKey,
    /// The verdict's hash.
    pub verdict: Hash,
    /// What the verdict paid; all of it is in question.
    pub amount: Amount,
    /// Why, in the operator's words.
    pub evidence: String,
    /// When.
    pub decided_at: Timestamp,
    /// Until when the worker may appeal; the money stays pending at least so long.
    pub appeal_until: Timestamp,
}
fields!(Reversal { 0 result, 1 worker, 2 verdict, 3 amount, 4 evidence, 5 decided_at, 6 appeal_until });

impl Statement for Reversal {
    const TYP: &'static str = "application/vnd.lull.reversal+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.amount == Amount::ZERO {
            return Err("nothing was paid");
        }
        if !is_plain(&self.evidence) || self.evidence.len() > REJECTION_EVIDENCE_BYTES_MAX {
            return Err("the evidence shows nothing, has control characters or exceeds REJECTION_EVIDENCE_BYTES_MAX");
        }
        if self.appeal_until < self.decided_at { Err("times out of order") } else { Ok(()) }
    }
}

/// What became of a reversal, signed by the coordinator. It is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReversalEnd {
    /// The reversal's hash.
    pub reversal: Hash,
    /// Whose money it was about.
    pub worker: PublicKey,
    /// How it ended.
    pub ending: Ending,
    /// When.
    pub decided_at: Timestamp,
}
fields!(ReversalEnd { 0 reversal, 1 worker, 2 ending, 3 decided_at });

impl Statement for ReversalEnd {
    const TYP: &'static str = "application/vnd.lull.reversal-end+cbor";
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// How a reversal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Nobody appealed in time: the money is reversed.
    Unopposed,
    /// A human decided against the appeal: the money is reversed.
    Denied,
    /// A human decided for the worker: the money is payable.
    Upheld,
    /// Nobody decided about the appeal in time, so the worker is right: the money is payable.
    Undecided,
    /// The operator took it back before anybody appealed: the money is payable.
    TakenBack,
}
codes!(Ending { 0 Unopposed, 1 Denied, 2 Upheld, 3 Undecided, 4 TakenBack });

impl Ending {
    /// Whether the money is reversed.
    pub fn is_reversed(self) -> bool {
        matches!(self, Self::Unopposed | Self::Denied)
    }
    /// Whether it comes only after an appeal.
    pub fn follows_appeal(self) -> bool {
        matches!(self, Self::Denied | Self::Upheld | Self::Undecided)
    }
    /// Its word, where a machine or an operator reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unopposed => "unopposed",
            Self::Denied => "denied",
            Self::Upheld => "upheld",
            Self::Undecided => "undecided",
            Self::TakenBack => "taken_back",
        }
    }
}
