//! What is read out, as JSON: one object per line. Hashes and keys are lower-case hexadecimal, statements
//! are base64, amounts are integers in base units, times are milliseconds since 1970.

use data_encoding::BASE64;
use lull_market::ItemState;
use lull_protocol::item::{Content, Item};
use lull_protocol::statement::{AcceptanceRule, Decision, FetchReport, Report, VerdictReason};
use lull_store::{EntryRow, OrderStatus, ReceiptRow, ResultRow};
use serde_json::{Value, json};

/// An order as its requester sees it.
pub(crate) fn order(status: &OrderStatus) -> Value {
    let terms = &status.order;
    let line = json!({
        "order": terms.id.to_string(),
        "title": status.title,
        "created_at": status.created_at.get(),
        "items": {
            "total": status.items.total,
            "open": status.items.open,
            "done": status.items.done,
            "ambiguous": status.items.ambiguous,
            "failed": status.items.failed,
        },
        "results": status.results,
        "full_price": status.full_price.get(),
        "spent": status.spent.get(),
        "held": status.held.get(),
    });
    let price = &terms.price;
    let rest = match terms.rule {
        AcceptanceRule::FetchChecks { bytes_max } => json!({
            "class": "fetch",
            "bytes_max": bytes_max.get(),
            "price": {"per_item": price.per_item.get(), "per_mib": price.per_mib.get()},
        }),
        AcceptanceRule::Agreement { agree, people } => json!({
            "class": "judgment",
            "rule": {"agree": agree, "people": people},
            "price": price.per_item.get(),
        }),
    };
    joined(line, rest)
}

/// The fields of both objects.
fn joined(mut line: Value, rest: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut line, rest) {
        fields.extend(more);
    }
    line
}

/// One result with its verdict.
pub(crate) fn result(row: &ResultRow) -> Value {
    let line = json!({
        "number": row.number,
        "item": row.item_number,
        "item_state": item_state(row.item_state),
        "offer": row.offer.to_string(),
        "worker": row.worker.to_string(),
        "started_at": row.result.started_at.get(),
        "finished_at": row.result.finished_at.get(),
        "decision": decision(row.decision),
        "reason": reason(row.reason),
        "amount": row.amount.get(),
    });
    let rest = match (&row.item, &row.result.report) {
        (Item::Fetch(item), Report::Fetch(report)) => {
            json!({"url": item.url, "fetch": fetch(report), "has_body": row.has_body})
        }
        (Item::Judgment(item), Report::Choice(answer)) => json!({
            "content": match &item.content {
                Content::Text(text) => json!({"text": text}),
                Content::Picture(picture) => json!({"hash": picture.hash.to_string(), "alt": picture.alt}),
            },
            "option": answer.option,
            "answer": item.options.get(usize::from(answer.option)),
            "decided": row.decided,
        }),
        // The market stores no answer to a fetch and no fetch for a question.
        (Item::Fetch(_), Report::Choice(_)) | (Item::Judgment(_), Report::Fetch(_)) => json!({}),
    };
    joined(line, rest)
}

fn fetch(report: &FetchReport) -> Value {
    let headers: Vec<Value> = report.headers.iter().map(|h| json!({"name": h.name, "value": h.value})).collect();
    let hops: Vec<Value> =
        report.hops.iter().map(|h| json!({"url": h.url, "address": h.address, "status": h.status})).collect();
    json!({
        "outcome": report.outcome.as_str(),
        "reason": report.reason,
        "status": report.status,
        "headers": headers,
        "body_hash": report.body_hash.to_string(),
        "body_bytes": report.body_bytes.get(),
        "hops": hops,
        "received_bytes": report.traffic.received.get(),
        "sent_bytes": report.traffic.sent.get(),
        "head_ms": report.head_ms,
    })
}

/// One ledger entry.
pub(crate) fn entry(row: &EntryRow) -> Value {
    let postings: Vec<Value> =
        row.postings.iter().map(|p| json!({"account": p.account.to_string(), "delta": p.delta})).collect();
    json!({"number": row.id, "at": row.at.get(), "cause": row.cause, "about": row.about, "postings": postings})
}

/// One receipt, as it was signed.
pub(crate) fn receipt(row: &ReceiptRow) -> Value {
    json!({
        "number": row.number,
        "order": row.order.to_string(),
        "worker": row.worker.to_string(),
        "worker_number": row.worker_number,
        "item": BASE64.encode(&row.receipt.item),
        "offer": BASE64.encode(&row.receipt.offer),
        "result": BASE64.encode(&row.receipt.result),
        "verdict": BASE64.encode(&row.receipt.verdict),
    })
}

fn item_state(state: ItemState) -> &'static str {
    match state {
        ItemState::Open => "open",
        ItemState::Done => "done",
        ItemState::Ambiguous => "ambiguous",
        ItemState::Failed => "failed",
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Accepted => "accepted",
        Decision::Rejected => "rejected",
        Decision::Ambiguous => "ambiguous",
    }
}

fn reason(reason: VerdictReason) -> &'static str {
    match reason {
        VerdictReason::ChecksPassed => "checks_passed",
        VerdictReason::Agreed => "agreed",
        VerdictReason::OthersAgreed => "others_agreed",
        VerdictReason::NobodyAgreed => "nobody_agreed",
        VerdictReason::ApprovedByTime => "approved_by_time",
        VerdictReason::UnpaidOutcome => "unpaid_outcome",
        VerdictReason::HopRefused => "hop_refused",
        VerdictReason::HopsDontFit => "hops_dont_fit",
        VerdictReason::BodyTooLarge => "body_too_large",
        VerdictReason::TimesOutsideLease => "times_outside_lease",
    }
}
