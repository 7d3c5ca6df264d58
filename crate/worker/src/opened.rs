//! Opening a receipt: every check, and one byte changed for show. And the export.

use base64ct::{Base64, Encoding};
use lull_protocol::receipt::{Check, CheckKind, Part, Receipt, field_at};
use lull_protocol::{Hash, PublicKey};
use lull_view::{ChangeByte, ChangedByte, ReceiptCheck, ReceiptPart, ReceiptView};

use crate::Worker;
use crate::records::ReceiptRecord;

/// The first line's `format`.
const EXPORT_FORMAT: &str = "lull-receipts-1";

const PARTS: [(Part, &str); 8] = [
    (Part::Item, "item"),
    (Part::Offer, "offer"),
    (Part::Result, "result"),
    (Part::Verdict, "verdict"),
    (Part::Rejection, "rejection"),
    (Part::Reversal, "reversal"),
    (Part::Appeal, "appeal"),
    (Part::ReversalEnd, "reversal_end"),
];

impl Worker {
    /// A receipt, checked. Without a verdict yet it has three parts and their checks, and what is held against it.
    pub(crate) fn open_receipt(&self, offer: &str, change: Option<&ChangeByte>) -> Option<ReceiptView> {
        let offer = Hash::from_hex(offer)?;
        let (receipt, has_verdict) = self.receipt_of(&offer)?;
        Some(self.checked(&offer, receipt, has_verdict, change))
    }

    /// The same of a receipt that was read from storage.
    pub(crate) fn receipt_view(
        &self,
        offer: &Hash,
        record: &ReceiptRecord,
        change: Option<&ChangeByte>,
    ) -> ReceiptView {
        let (receipt, has_verdict) = parts_of_record(record);
        self.checked(offer, receipt, has_verdict, change)
    }

    /// Whether a receipt, or what will be one, is in memory.
    pub(crate) fn has_receipt(&self, offer: &Hash) -> bool {
        self.outbox.contains(offer)
            || self.reversals.receipt(offer).is_some()
            || self.receipts.by_offer(offer).is_some()
    }

    /// Item, offer and result, if they are in memory.
    pub(crate) fn parts_of(&self, offer: &Hash) -> Option<[Vec<u8>; 3]> {
        self.receipt_of(offer).map(|(receipt, _)| [receipt.item, receipt.offer, receipt.result])
    }

    fn checked(
        &self,
        offer: &Hash,
        mut receipt: Receipt,
        has_verdict: bool,
        change: Option<&ChangeByte>,
    ) -> ReceiptView {
        let rejection = self.reversal_view(offer).or_else(|| self.rejection_view(offer, &receipt, has_verdict));
        let changed = change.and_then(|change| change_byte(&mut receipt, change));
        // No key verifies under the zero key: without the coordinator's, nothing is said to hold.
        let coordinator = self.coordinator.as_ref().map_or(PublicKey([0; 32]), |c| c.key);
        let has_part = |part: Part| match part {
            Part::Verdict => has_verdict,
            Part::Rejection => receipt.rejection.is_some(),
            Part::Appeal => receipt.appeal.is_some(),
            Part::Reversal => receipt.reversal.is_some(),
            Part::ReversalEnd => receipt.reversal_end.is_some(),
            Part::Item | Part::Offer | Part::Result => true,
        };
        let checks = receipt.checks(&coordinator).into_iter().filter(|c| has_verdict || c.part != Part::Verdict);
        let checks: Vec<ReceiptCheck> = checks.map(check_view).collect();
        let parts = PARTS.into_iter().filter(|(part, _)| has_part(*part));
        ReceiptView {
            offer: offer.to_string(),
            parts: parts.map(|(part, name)| part_view(&receipt, part, name)).collect(),
            valid: checks.iter().all(|check| check.error.is_none()),
            checks,
            changed,
            rejection,
        }
    }

    fn receipt_of(&self, offer: &Hash) -> Option<(Receipt, bool)> {
        if let Some(entry) = self.outbox.get(offer) {
            let (item, offer, result) = (entry.item.clone(), entry.offer.clone(), entry.result.bytes().to_vec());
            let (rejection, appeal, reversal, reversal_end) = (None, None, None, None);
            let verdict = Vec::new();
            let receipt = Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
            return Some((receipt, false));
        }
        if let Some(receipt) = self.reversals.receipt(offer) {
            return Some((receipt.clone(), true));
        }
        self.receipts.by_offer(offer).map(parts_of_record)
    }

    /// Every complete receipt that is loaded as JSON Lines, the oldest first; those that are kept follow by
    /// `ExportKept`. What has no verdict yet is no receipt.
    pub(crate) fn export(&self) -> String {
        // Hexadecimal and base64 need no escapes.
        let coordinator = self.coordinator.as_ref().map(|c| c.key.to_string()).unwrap_or_default();
        let mut out = format!(
            "{{\"format\":\"{EXPORT_FORMAT}\",\"coordinator\":\"{coordinator}\",\"worker\":\"{}\"}}\n",
            self.me
        );
        for (_, record) in self.receipts.in_row() {
            out.push_str(&self.line(record).unwrap_or_default());
        }
        out
    }

    /// A complete receipt as a line of the export, with what became of its money since.
    pub(crate) fn line(&self, record: &ReceiptRecord) -> Option<String> {
        if let Some(receipt) = self.reversals.receipt(&Hash::of(&record.offer)) {
            return Some(line(receipt));
        }
        record.verdict.is_some().then(|| line(&parts_of_record(record).0))
    }
}

fn line(receipt: &Receipt) -> String {
    let mut line = String::new();
    let parts = PARTS.into_iter().filter(|(part, _)| !receipt.part(*part).is_empty());
    for (part, name) in parts {
        line.push_str(if line.is_empty() { "{\"" } else { ",\"" });
        line.push_str(name);
        line.push_str("\":\"");
        line.push_str(&Base64::encode_string(receipt.part(part)));
        line.push('"');
    }
    line.push_str("}\n");
    line
}

fn parts_of_record(record: &ReceiptRecord) -> (Receipt, bool) {
    let verdict = record.verdict.as_ref().map(|v| v.to_vec());
    let has_verdict = verdict.is_some();
    let (item, offer, result) = (record.item.to_vec(), record.offer.to_vec(), record.result.to_vec());
    let [rejection, appeal] = [&record.rejection, &record.appeal].map(|part| part.as_ref().map(|bytes| bytes.to_vec()));
    let (verdict, reversal, reversal_end) = (verdict.unwrap_or_default(), None, None);
    (Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end }, has_verdict)
}

/// Flips the lowest bit of one byte and says where that was.
fn change_byte(receipt: &mut Receipt, change: &ChangeByte) -> Option<ChangedByte> {
    let (part, name) = PARTS.into_iter().find(|(_, name)| *name == change.part)?;
    if receipt.part(part).is_empty() {
        return None;
    }
    let bytes = receipt.part_mut(part);
    let offset = change.offset.checked_rem(bytes.len() as u64)?;
    let index = usize::try_from(offset).ok()?;
    let field = field_at(part, bytes, index).unwrap_or("envelope").to_owned();
    let byte = bytes.get_mut(index)?;
    let before = *byte;
    *byte ^= 1;
    Some(ChangedByte { part: name.to_owned(), field, offset, before, after: *byte })
}

fn part_name(part: Part) -> String {
    PARTS.into_iter().find(|(p, _)| *p == part).map(|(_, name)| name.to_owned()).unwrap_or_default()
}

fn check_view(check: Check) -> ReceiptCheck {
    let name = match check.kind {
        CheckKind::OfferSigned => "offer_signed",
        CheckKind::ItemMatches => "item_matches",
        CheckKind::ResultSigned => "result_signed",
        CheckKind::ResultMatches => "result_matches",
        CheckKind::VerdictSigned => "verdict_signed",
        CheckKind::VerdictMatches => "verdict_matches",
        CheckKind::AmountFits => "amount_fits",
        CheckKind::RejectionSigned => "rejection_signed",
        CheckKind::RejectionMatches => "rejection_matches",
        CheckKind::AppealSigned => "appeal_signed",
        CheckKind::AppealMatches => "appeal_matches",
        CheckKind::ReversalSigned => "reversal_signed",
        CheckKind::ReversalMatches => "reversal_matches",
        CheckKind::ReversalEndSigned => "reversal_end_signed",
        CheckKind::ReversalEndMatches => "reversal_end_matches",
    };
    ReceiptCheck { check: name.to_owned(), part: part_name(check.part), error: check.error }
}

fn part_view(receipt: &Receipt, part: Part, name: &str) -> ReceiptPart {
    let bytes = receipt.part(part);
    ReceiptPart { part: name.to_owned(), hash: Hash::of(bytes).to_string(), content: bytes.to_vec().into() }
}
