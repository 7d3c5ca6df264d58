//! Words of a receipt: its parts, their fields, its checks, a changed byte.

use lull_view::ChangedByte;

use crate::{format, text};

/// A part's title and what it is.
pub(crate) fn part(part: &str) -> (&str, &'static str) {
    match part {
        "item" => (text::part_item(), text::part_item_what()),
        "offer" => (text::part_offer(), text::part_offer_what()),
        "result" => (text::part_result(), text::part_result_what()),
        "verdict" => (text::part_verdict(), text::part_verdict_what()),
        "rejection" => (text::part_rejection(), text::part_rejection_what()),
        "appeal" => (text::part_appeal(), text::part_appeal_what()),
        "reversal" => (text::part_reversal(), text::part_reversal_what()),
        "reversal_end" => (text::part_reversal_end(), text::part_reversal_end_what()),
        other => (other, ""),
    }
}

/// Who signed a part.
pub(crate) fn signer(signer: Option<&'static str>) -> &'static str {
    match signer {
        None => text::signed_named(),
        Some("you") => text::signed_you(),
        Some("coordinator") => text::signed_coordinator(),
        Some(other) => other,
    }
}

/// What a check says while it holds, and once it fails.
pub(crate) fn check(check: &str) -> (&str, &str) {
    match check {
        "offer_signed" => (text::check_offer_signed(), text::check_offer_signed_not()),
        "item_matches" => (text::check_item_matches(), text::check_item_matches_not()),
        "result_signed" => (text::check_result_signed(), text::check_result_signed_not()),
        "result_matches" => (text::check_result_matches(), text::check_result_matches_not()),
        "verdict_signed" => (text::check_offer_signed(), text::check_offer_signed_not()),
        "verdict_matches" => (text::check_verdict_matches(), text::check_verdict_matches_not()),
        "amount_fits" => (text::check_amount_fits(), text::check_amount_fits_not()),
        "rejection_signed" => (text::check_offer_signed(), text::check_offer_signed_not()),
        "rejection_matches" => (text::check_rejection_matches(), text::check_rejection_matches_not()),
        "appeal_signed" => (text::check_result_signed(), text::check_result_signed_not()),
        "appeal_matches" => (text::check_appeal_matches(), text::check_appeal_matches_not()),
        "reversal_signed" | "reversal_end_signed" => (text::check_offer_signed(), text::check_offer_signed_not()),
        "reversal_matches" => (text::check_reversal_matches(), text::check_reversal_matches_not()),
        "reversal_end_matches" => (text::check_reversal_end_matches(), text::check_reversal_end_matches_not()),
        other => (other, other),
    }
}

/// A field's name of a signed statement or item; one of a later version is told by its own.
pub(crate) fn field(name: &str) -> String {
    let known = match name {
        "issued_at" => text::field_issued_at(),
        "approved_at" => text::field_approved_at(),
        "decided_at" => text::field_decided_at(),
        "started_at" => text::field_started_at(),
        "finished_at" => text::field_finished_at(),
        "deadline" => text::field_deadline(),
        "http_allowed" => text::field_http_allowed(),
        "bytes_max" => text::field_bytes_max(),
        "requester" => text::field_requester(),
        "nonce" => text::field_nonce(),
        "url" => text::field_url(),
        "signature" => text::field_signature(),
        "unreadable" => text::field_unreadable(),
        "order" => text::field_order(),
        "purpose" => text::field_purpose(),
        "method" => text::field_method(),
        "title" => text::field_title(),
        "guideline_version" => text::field_guideline_version(),
        "guideline" => text::field_guideline(),
        "question" => text::field_question(),
        "content" => text::field_content(),
        "options" => text::field_options(),
        "task" => text::field_task(),
        "worker" => text::field_worker(),
        "item" => text::field_item(),
        "class" => text::field_class(),
        "price" => text::field_price(),
        "asset" => text::field_asset(),
        "rule" => text::field_rule(),
        "offer" => text::field_offer(),
        "report" => text::field_report(),
        "result" => text::field_result(),
        "decision" => text::field_decision(),
        "reason" => text::field_reason(),
        "amount" => text::field_amount(),
        "number" => text::field_number(),
        "header" => text::field_header(),
        "envelope" => text::field_envelope(),
        "place" => text::field_place(),
        "rejection" => text::field_rejection(),
        "reversal" => text::part_reversal(),
        "verdict" => text::part_verdict(),
        "ending" => text::field_ending(),
        "evidence" => text::field_evidence(),
        "appeal_until" => text::field_appeal_until(),
        "words" => text::field_words(),
        "at" => text::field_at(),
        _ => return unknown(name),
    };
    known.to_owned()
}

fn unknown(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Where a changed byte lies; its field is [`text::marked`].
pub(crate) fn changed(change: &ChangedByte) -> String {
    let byte = |byte: u8| format!("0x{byte:02x}");
    let offset = format::count(change.offset);
    let (title, _) = part(&change.part);
    text::changed_byte(&offset, title, &text::marked(&field(&change.field)), &byte(change.before), &byte(change.after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_without_a_word_of_their_own_are_still_words() {
        assert_eq!(field("guideline_version"), "Guideline version");
        assert_eq!(field("a_later_one"), "A later one");
        assert_eq!(field(""), "");
    }

    #[test]
    fn a_changed_byte_is_told_in_one_sentence() {
        let change =
            ChangedByte { part: "offer".to_owned(), offset: 12, field: "nonce".to_owned(), before: 0, after: 0x1f };
        let said = changed(&change);
        let said = text::standing_out(&said);
        assert_eq!(
            said,
            ["You changed byte 12 of this part: Offer. Its field: ", "Number used once", ". 0x00 → 0x1f."]
        );
    }
}
