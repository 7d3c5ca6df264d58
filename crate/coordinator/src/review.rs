//! `POST /v1/orders/{order}/review`: a requester's word about answers of its project.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use lull_market::{Command, Rejected, Reply};
use lull_protocol::Hash;
use lull_store::Review;
use serde_json::{Value, json};

use crate::App;
use crate::api::{Requester, Segment, own_order};
use crate::buy::{Body, whole};
use crate::fields::Fields;
use crate::limits::REVIEW_BYTES_MAX;
use crate::lines;
use crate::problem::Problem;

/// All of it is done, or nothing.
pub(crate) async fn post_review(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let body = whole(body, REVIEW_BYTES_MAX)?;
    let before = own_order(&app, requester, &id).await?;
    let order = before.order.id;
    let (accept, reject) = read_review(&body)?;
    match app.writer.ask(Command::Review { requester, order, accept, reject }).await? {
        Reply::Reviewed(reviewed) => {
            let status = own_order(&app, requester, &id).await?;
            if before.review.paused_at.is_none() && status.review.paused_at.is_some() {
                let Review { reviewed, rejected, .. } = status.review;
                tracing::info!(%order, reviewed, rejected, "a project is paused until the operator resumes it");
            }
            let (verdicts, rejections) = (reviewed.verdicts.len(), reviewed.rejections.len());
            Ok(Json(json!({"verdicts": verdicts, "rejections": rejections, "progress": lines::order(&status)})))
        }
        _ => Err(Problem::unavailable("no review came back")),
    }
}

fn read_review(body: &Bytes) -> Result<(Vec<Hash>, Vec<Rejected>), Problem> {
    let mut f = Fields::parse(body)?;
    let named = |f: &mut Fields, name: &str, text: &str| match Hash::from_hex(text) {
        Some(hash) => Some(hash),
        None => f.wrong(name, "must be the `offer` of an answer: 64 lower-case hex digits"),
    };
    let accept = f.optional::<Vec<String>>("accept", Vec::new()).and_then(|offers| {
        let read = offers.iter().enumerate().map(|(i, text)| named(&mut f, &format!("accept[{i}]"), text));
        let read: Vec<Option<Hash>> = read.collect();
        read.into_iter().collect::<Option<Vec<Hash>>>()
    });
    let reject = if f.has("reject") {
        f.list("reject", |one| {
            let offer = one.required::<String>("offer").and_then(|text| named(one, "offer", &text));
            let evidence = one.required("evidence");
            Some(Rejected { offer: offer?, evidence: evidence? })
        })
    } else {
        Some(Vec::new())
    };
    let whole = accept.zip(reject);
    f.finish(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_of_a_review_is_named() {
        let offer = "ab".repeat(32);
        let read = |value: Value| read_review(&Bytes::from(value.to_string()));
        let (accept, reject) =
            read(json!({"accept": [offer], "reject": [{"offer": offer, "evidence": "No."}]})).unwrap();
        assert_eq!((accept, reject[0].offer), (vec![Hash([0xab; 32])], Hash([0xab; 32])));
        assert_eq!(read(json!({})).unwrap(), (vec![], vec![]), "the market says that this is too few");
        let wrong = json!({"accept": ["ab"], "reject": [{"offer": 3}, {"evidence": "No.", "why": 1}], "all": true});
        let named = read(wrong).unwrap_err().fields_named();
        let all = ["accept[0]", "reject[0].offer", "reject[0].evidence", "reject[1].offer", "reject[1].why", "all"];
        assert_eq!(named, all);
    }
}
