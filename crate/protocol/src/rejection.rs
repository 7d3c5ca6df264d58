//! A rejection comes before the verdict that rests on it, with its evidence, so that its worker can appeal and a
//! human can decide before anything is final.

use crate::cose::Statement;
use crate::fields;
use crate::limits::{APPEAL_BYTES_MAX, REJECTION_EVIDENCE_BYTES_MAX};
use crate::statement::VerdictReason;
use crate::task::look;
use crate::units::{Hash, PublicKey, Timestamp};

/// What is held against one result, signed by the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The result's hash.
    pub result: Hash,
    /// Whose result it is.
    pub worker: PublicKey,
    /// What the verdict says if nobody appeals: `RejectedByBuyer`.
    pub reason: VerdictReason,
    /// Why, in the buyer's words.
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
        if self.reason != VerdictReason::RejectedByBuyer {
            return Err("a rejection is the buyer's");
        }
        if !is_plain(&self.evidence) || self.evidence.len() > REJECTION_EVIDENCE_BYTES_MAX {
            return Err("the evidence shows nothing, has control characters or exceeds REJECTION_EVIDENCE_BYTES_MAX");
        }
        if self.appeal_until < self.decided_at { Err("times out of order") } else { Ok(()) }
    }
}

/// A worker's objection to a rejection or a reversal, signed by the worker. A human decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// The rejection's hash, or the [`Reversal`](crate::reversal::Reversal)'s.
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
            Some(words) if !is_plain(words) || words.len() > APPEAL_BYTES_MAX => {
                Err("the words show nothing, have control characters or exceed APPEAL_BYTES_MAX")
            }
            _ => Ok(()),
        }
    }
}

/// Whether there is something to read, and nothing that a terminal would act on.
pub fn is_plain(text: &str) -> bool {
    !look(text).all(char::is_whitespace) && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// The words that a person's text makes: control characters are spaces, none at its ends; `None` if there is nothing to
/// read.
pub fn words_of(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    Some(plain.trim().to_owned()).filter(|words| is_plain(words))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_no_evidence() {
        for nothing in ["", " \n", "\u{200b}\u{200b}", "\u{202e}", "red\u{1b}[31m", "a\u{0}b", "tab\there"] {
            assert!(!is_plain(nothing), "{nothing:?}");
        }
        for text in ["It is a sign.\nSee section 2.", "👩\u{200d}🚀", "مرحبا", "<b>bold</b>"] {
            assert!(is_plain(text), "{text:?}");
        }
        assert_eq!(words_of("  a\tb\u{1b}c\nd "), Some("a b c\nd".to_owned()));
        assert_eq!(words_of("\u{200b}\t"), None);
    }
}
