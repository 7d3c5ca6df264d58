//! What is read out, as JSON: one object per line. Hashes and keys are lower-case hexadecimal, statements
//! are base64, amounts are integers in base units, times are milliseconds since 1970.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use lull_market::ItemState;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::statement::{AcceptanceRule, Decision, FetchReport, Input, Report, VerdictReason};
use lull_protocol::task::{
    AgreementKey, Choice, Compare, Finding, Multi, OptionSet, Preference, Rating, Task, TaskKind, Verify,
};
use lull_protocol::{Answer, Content, FlagReason, Hash, Item, Timestamp, cose};
use lull_store::{EntryRow, FlagRow, OrderStatus, PausedRow, ReceiptRow, ResultRow, ReversalRow, Review, WaitingRow};
use serde_json::{Value, json};

/// An order as its requester sees it.
pub(crate) fn order(status: &OrderStatus) -> Value {
    let terms = &status.order;
    let line = json!({
        "order": terms.id.to_string(),
        "title": status.title,
        "created_at": status.created_at.get(),
        "cancelled_at": status.cancelled_at.map(Timestamp::get),
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
        AcceptanceRule::Agreement { agree, people } | AcceptanceRule::Review { agree, people } => json!({
            "class": "judgment",
            "type": terms.task.map(TaskKind::as_str),
            "rule": {"agree": agree, "people": people},
            "price": price.per_item.get(),
            "flags": FlagReason::ALL.iter().zip(status.flags).map(|(reason, count)| (reason.as_str(), count))
                .collect::<BTreeMap<_, _>>(),
            "review": review(status),
        }),
    };
    joined(line, rest)
}

/// How a project's answers were reviewed; `null` for one that does not review.
fn review(status: &OrderStatus) -> Value {
    let Review { reviewed, rejected, paused_at } = status.review;
    match status.order.rule {
        AcceptanceRule::Review { .. } => json!({
            "state": if paused_at.is_some() { "paused" } else { "running" },
            "paused_at": paused_at.map(Timestamp::get),
            "reviewed": reviewed,
            "rejected": rejected,
            "answers": {
                "waiting": status.waiting.waiting,
                "rejected": status.waiting.rejected,
                "appealed": status.waiting.appealed,
            },
        }),
        AcceptanceRule::Agreement { .. } | AcceptanceRule::FetchChecks { .. } => Value::Null,
    }
}

/// An answer that has no verdict yet.
pub(crate) fn waiting(row: &WaitingRow) -> Value {
    let line = json!({
        "number": row.number,
        "item": row.item_number,
        "offer": row.offer.to_string(),
        "worker": row.worker.to_string(),
        "started_at": row.result.started_at.get(),
        "finished_at": row.result.finished_at.get(),
        "state": match (&row.rejection, &row.appeal) {
            (None, _) => "waiting",
            (Some(_), None) => "rejected",
            (Some(_), Some(_)) => "appealed",
        },
        "decides_at": row.decides_at.get(),
    });
    let answered = match (&row.item, &row.result.report) {
        (Item::Judgment(item), Report::Judgment(report)) => {
            let kind = item.task.kind();
            let answered = joined(task(&item.task), answer(&item.task, &report.answer));
            joined(answered, json!({"type": kind.as_str(), "input": input(report.input)}))
        }
        // The market stores no answer to a fetch; a fetch gets its verdict at once.
        _ => json!({}),
    };
    let rejected = row.rejection.as_ref().map(|(hash, said)| rejection(*hash, said, row.appeal.as_ref().map(|a| &a.1)));
    joined(joined(line, answered), json!({"rejection": rejected}))
}

/// A rejected answer, for whoever decides about it.
pub(crate) fn rejected(row: &WaitingRow) -> Value {
    let question = match &row.item {
        Item::Judgment(item) => {
            joined(json!({"guideline": item.guideline, "question": item.question}), choices(&item.task))
        }
        Item::Fetch(_) => json!({}),
    };
    let BuyerRecord { reviewed, rejected, overturned } = row.record;
    let project = json!({
        "order": row.order.to_string(),
        "title": row.title,
        "requester": row.requester,
        "record": {"reviewed": reviewed, "rejected": rejected, "overturned": overturned},
        "appealed_at": row.appeal.as_ref().map(|(at, _)| at.get()),
    });
    joined(joined(project, question), waiting(row))
}

/// What there was to choose from.
fn choices(task: &Task) -> Value {
    match task {
        Task::Choice(Choice { options, .. }) => json!({"choices": options}),
        Task::Multi(Multi { options, least, most, .. }) => json!({"choices": options, "least": least, "most": most}),
        Task::Rating(Rating { steps, lowest, highest, .. }) => {
            json!({"steps": steps, "lowest": lowest, "highest": highest})
        }
        Task::Compare(_) | Task::Verify(_) => json!({}),
    }
}

/// Money that is contested while it is pending.
pub(crate) fn reversal(row: &ReversalRow) -> Value {
    let said = &row.reversal;
    json!({
        "reversal": row.hash.to_string(),
        "order": row.order.to_string(),
        "title": row.title,
        "requester": row.requester,
        "item": row.item_number,
        "offer": row.offer.to_string(),
        "verdict": said.verdict.to_string(),
        "worker": said.worker.to_string(),
        "amount": said.amount.get(),
        "evidence": said.evidence,
        "decided_at": said.decided_at.get(),
        "appeal_until": said.appeal_until.get(),
        "state": if row.appeal.is_some() { "appealed" } else { "contested" },
        "appealed_at": row.appeal.as_ref().map(|(at, _)| at.get()),
        "appeal": row.appeal.as_ref().and_then(|(_, appeal)| appeal.words.as_deref()),
        "decides_at": row.decides_at.get(),
    })
}

/// A project that waits for the operator.
pub(crate) fn paused(row: &PausedRow) -> Value {
    json!({
        "order": row.order.to_string(),
        "title": row.title,
        "requester": row.requester,
        "paused_at": row.review.paused_at.map(Timestamp::get),
        "reviewed": row.review.reviewed,
        "rejected": row.review.rejected,
    })
}

fn rejection(hash: Hash, said: &Rejection, appeal: Option<&Appeal>) -> Value {
    json!({
        "rejection": hash.to_string(),
        "reason": reason(said.reason),
        "evidence": said.evidence,
        "decided_at": said.decided_at.get(),
        "appeal_until": said.appeal_until.get(),
        "appeal": appeal.map(|appeal| json!({"words": appeal.words, "at": appeal.at.get()})),
    })
}

/// What came before the verdict of a result that was rejected.
fn rejection_of(receipt: &Receipt) -> Option<Value> {
    let bytes = receipt.rejection.as_ref()?;
    let appeal = receipt.appeal.as_ref().and_then(|bytes| cose::peek::<Appeal>(bytes).ok());
    let said = cose::peek::<Rejection>(bytes).ok()?;
    Some(rejection(Hash::of(bytes), &said, appeal.as_ref()))
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
        "rejection": rejection_of(&row.receipt),
    });
    let rest = match (&row.item, &row.result.report) {
        (Item::Fetch(item), Report::Fetch(report)) => {
            json!({"url": item.url, "fetch": fetch(report), "has_body": row.has_body})
        }
        (Item::Judgment(item), Report::Judgment(report)) => {
            let kind = item.task.kind();
            let answered = joined(task(&item.task), answer(&item.task, &report.answer));
            let decided = row.decided.map(|key| decided(kind, key));
            joined(answered, json!({"type": kind.as_str(), "input": input(report.input), "decided": decided}))
        }
        (Item::Judgment(item), Report::Flag(flag)) => {
            let rest = json!({
                "type": item.task.kind().as_str(),
                "flag": flag.reason.as_str(),
                "note": flag.note,
                "input": input(flag.input),
            });
            joined(task(&item.task), rest)
        }
        (Item::Judgment(item), Report::Withdrawn) => {
            joined(task(&item.task), json!({"type": item.task.kind().as_str(), "withdrawn": true}))
        }
        // The market stores no answer to a fetch and no fetch for a question.
        (Item::Fetch(_), _) | (Item::Judgment(_), Report::Fetch(_)) => json!({}),
    };
    joined(line, rest)
}

/// One flag and what became of it.
pub(crate) fn flag(row: &FlagRow) -> Value {
    let line = json!({
        "number": row.number,
        "item": row.item_number,
        "item_state": item_state(row.item_state),
        "offer": row.offer.to_string(),
        "worker": row.worker.to_string(),
        "at": row.at.get(),
        "flag": row.reason.as_str(),
        "note": row.note,
        "seen_ms": row.seen_ms,
        "reason": row.verdict.map(|(verdict, _)| reason(verdict)),
        "amount": row.verdict.map(|(_, amount)| amount.get()),
    });
    match &row.item {
        Item::Judgment(item) => joined(line, task(&item.task)),
        Item::Fetch(_) => line,
    }
}

/// The same for the operator, who sees whose it is.
pub(crate) fn flag_of_any(row: &FlagRow) -> Value {
    let title = match &row.item {
        Item::Judgment(item) => item.title.as_str(),
        Item::Fetch(item) => item.purpose.as_str(),
    };
    joined(flag(row), json!({"order": row.order.to_string(), "requester": row.requester, "title": title}))
}

/// What was judged: what is this item's own.
fn task(task: &Task) -> Value {
    match task {
        Task::Choice(Choice { content: shown, .. })
        | Task::Multi(Multi { content: shown, .. })
        | Task::Rating(Rating { content: shown, .. }) => json!({"content": content(shown)}),
        Task::Compare(Compare { left, right }) => json!({"left": content(left), "right": content(right)}),
        Task::Verify(Verify { claim, source }) => json!({"claim": claim, "source": source}),
    }
}

fn content(content: &Content) -> Value {
    match content {
        Content::Text(text) => json!({"text": text}),
        Content::Code(text) => json!({"code": text}),
        Content::Markdown(text) => json!({"markdown": text}),
        Content::Picture(picture) => json!({"hash": picture.hash.to_string(), "alt": picture.alt}),
    }
}

fn answer(task: &Task, answer: &Answer) -> Value {
    let options: &[String] = match task {
        Task::Choice(Choice { options, .. }) | Task::Multi(Multi { options, .. }) => options,
        Task::Compare(_) | Task::Rating(_) | Task::Verify(_) => &[],
    };
    match answer {
        Answer::Choice(option) => json!({"option": option, "answer": options.get(usize::from(*option))}),
        Answer::Multi(chosen) => {
            let chosen: Vec<u8> = chosen.iter().collect();
            let words: Vec<_> = chosen.iter().filter_map(|option| options.get(usize::from(*option))).collect();
            json!({"options": chosen, "answer": words})
        }
        Answer::Compare(preference) => json!({"answer": preference.as_str()}),
        Answer::Rating(step) => json!({"answer": step}),
        Answer::Verify(finding) => json!({"answer": finding.as_str(), "sentence": finding.sentence()}),
    }
}

fn input(input: Input) -> &'static str {
    match input {
        Input::Keyboard => "keyboard",
        Input::Pointer => "pointer",
        Input::Replay => "replay",
    }
}

/// What people agreed on: options by their numbers, all else as an answer says it.
fn decided(kind: TaskKind, AgreementKey(key): AgreementKey) -> Value {
    match kind {
        TaskKind::Choice | TaskKind::Rating => json!(key),
        TaskKind::Multi => json!(OptionSet::from_bits(key).map(|chosen| chosen.iter().collect::<Vec<u8>>())),
        TaskKind::Compare => json!(Preference::ALL.get(usize::from(key)).map(|preference| preference.as_str())),
        TaskKind::Verify => json!(Finding::WORDS.get(usize::from(key))),
    }
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
        "rejection": row.receipt.rejection.as_ref().map(|bytes| BASE64.encode(bytes)),
        "appeal": row.receipt.appeal.as_ref().map(|bytes| BASE64.encode(bytes)),
        "reversal": row.receipt.reversal.as_ref().map(|bytes| BASE64.encode(bytes)),
        "reversal_end": row.receipt.reversal_end.as_ref().map(|bytes| BASE64.encode(bytes)),
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
        VerdictReason::Stopped => "stopped",
        VerdictReason::StoppedUnpaid => "stopped_unpaid",
        VerdictReason::FlagNotShared => "flag_not_shared",
        VerdictReason::FlagPassedOn => "flag_passed_on",
        VerdictReason::ApprovedByBuyer => "approved_by_buyer",
        VerdictReason::RejectedByBuyer => "rejected_by_buyer",
        VerdictReason::AppealUpheld => "appeal_upheld",
        VerdictReason::AppealDenied => "appeal_denied",
    }
}
