//! Errors over HTTP: problem documents (RFC 9457), with the fields that are wrong.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lull_market::{Refusal, ReviewProblem, connect};
use lull_store::PayError;
use serde::Serialize;
use serde_json::json;

use crate::limits::RETRY_AFTER_S;
use crate::pay::PayoutError;
use crate::readers::ReadError;
use crate::writer::AskError;

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    /// What exactly is wrong with a step on the way to a wallet.
    code: Option<&'static str>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Its name, such as `urls[3]`.
    pub(crate) field: String,
    /// What is wrong, and what would be right.
    pub(crate) problem: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), errors: Vec::new(), code: None }
    }
    /// 400: the request can't be read.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request can't be read", detail)
    }
    /// 401: no key, or one that nobody has.
    pub(crate) fn unauthorized() -> Self {
        let detail = "send a known key as `Authorization: Bearer …`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "No valid key", detail)
    }
    /// 403: asked by a page of another site.
    pub(crate) fn foreign(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign", "Another site's page", detail)
    }
    /// 429: too much at once.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", "Too many attempts", detail)
    }
    /// A step on the way to a wallet that can't be taken.
    pub(crate) fn connect(problem: &connect::Problem) -> Self {
        let (code, status) = connect_code(problem);
        let title = "The wallet is not connected";
        Self { code: Some(code), ..Self::new(status, "connect", title, problem.to_string()) }
    }
    /// 404: nothing here, or nothing of this requester's.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("there is no such {what} of yours"))
    }
    /// 404: this server has no pages for people.
    pub(crate) fn no_pages() -> Self {
        let detail = "this coordinator serves no pages: its operator sets `pages` to the folder that \
                      `cargo xtask build` writes, target/web";
        Self::new(StatusCode::NOT_FOUND, "no-pages", "No pages here", detail)
    }
    /// 404: nobody can pay in by a transfer here.
    pub(crate) fn no_deposits() -> Self {
        let detail = "this coordinator takes no deposits on a chain: ask its operator how to pay in";
        Self::new(StatusCode::NOT_FOUND, "no-deposits", "No deposits here", detail)
    }
    /// 405: another method.
    pub(crate) fn method() -> Self {
        let title = "Method not allowed";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", title, "this address does not know the request's method")
    }
    /// 408: the request took too long.
    pub(crate) fn too_slow() -> Self {
        let detail = "the request did not end in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "Too slow", detail)
    }
    /// 413: the body is over its limit.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let detail = format!("at most {bytes_max} bytes are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }
    /// 422: fields are wrong.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.problem)).collect::<Vec<_>>().join("; ");
        let title = "Some fields are wrong";
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "fields", title, detail) }
    }
    /// 422: one field is wrong.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), problem: problem.into() }])
    }
    /// 404 or 409: an answer can't be reviewed, or an order cancelled, like this.
    fn review(field: String, problem: ReviewProblem) -> Self {
        let detail = format!("{field}: {problem}; nothing was changed");
        let errors = vec![FieldError { field, problem: problem.to_string() }];
        let (status, kind, title) = match problem {
            ReviewProblem::UnknownAnswer
            | ReviewProblem::UnknownRejection
            | ReviewProblem::UnknownProject
            | ReviewProblem::UnknownOrder
            | ReviewProblem::NoVerdict => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            ReviewProblem::Judged => (StatusCode::CONFLICT, "judged", "The verdict is final"),
            ReviewProblem::Unpaid | ReviewProblem::Payable | ReviewProblem::Contested => {
                (StatusCode::CONFLICT, "final", "The money is final")
            }
            ReviewProblem::OtherEvidence | ReviewProblem::OtherReversal => {
                (StatusCode::CONFLICT, "rejected", "Already rejected")
            }
            ReviewProblem::Finished => (StatusCode::CONFLICT, "finished", "The order is finished"),
            ReviewProblem::NotReviewed => (StatusCode::CONFLICT, "not-reviewed", "This project is not reviewed"),
            ReviewProblem::NotAppealed => (StatusCode::CONFLICT, "not-appealed", "Nobody has appealed"),
        };
        Self { errors, ..Self::new(status, kind, title, detail) }
    }
    /// The names of the fields that are wrong.
    #[cfg(test)]
    pub(crate) fn fields_named(&self) -> Vec<String> {
        self.errors.iter().map(|error| error.field.clone()).collect()
    }
    /// 503: try again later.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail)
    }
    fn internal() -> Self {
        let detail = "the server's log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the server", detail)
    }
}

/// The word for a problem, which never changes, and its status.
fn connect_code(problem: &connect::Problem) -> (&'static str, StatusCode) {
    use connect::Problem as P;
    let (gone, conflict) = (StatusCode::GONE, StatusCode::CONFLICT);
    match problem {
        P::Unknown => ("unknown", StatusCode::NOT_FOUND),
        P::Expired => ("expired", gone),
        P::Used => ("used", gone),
        P::Replaced => ("replaced", gone),
        P::Spent => ("spent", gone),
        P::Declined => ("declined", gone),
        P::NotYet => ("not_yet", conflict),
        P::Foreign => ("foreign", conflict),
        P::OtherCoordinator => ("other_coordinator", conflict),
        P::OtherPurpose => ("other_purpose", conflict),
        P::AccountChanged => ("account_changed", conflict),
        P::SignIn(_) => ("sign_in", StatusCode::UNPROCESSABLE_ENTITY),
        P::TooMany => ("too_many", StatusCode::TOO_MANY_REQUESTS),
        P::Linked => ("linked", conflict),
        P::NotLinked => ("not_linked", conflict),
        P::SameWallet => ("same_wallet", conflict),
        P::WrongAccount => ("wrong_account", conflict),
        P::OtherWallet => ("other_wallet", conflict),
        P::NotOfThisWallet => ("not_of_this_wallet", conflict),
        P::Rebinding => ("rebinding", conflict),
        P::WalletFull => ("wallet_full", conflict),
        P::Listed => ("listed", StatusCode::FORBIDDEN),
        P::Decided => ("decided", conflict),
        P::Fault(_) => ("fault", StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:lull:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "errors": self.errors,
        });
        if let (Some(code), Some(fields)) = (self.code, body.as_object_mut()) {
            fields.insert("code".into(), code.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unavailable => Self::unavailable("the store can't write now; nothing was changed"),
            AskError::Refused(Refusal::Field { field, problem }) => Self::field(field, problem),
            AskError::Refused(Refusal::Funds { needed, available }) => Self::new(
                StatusCode::PAYMENT_REQUIRED,
                "funds",
                "Not enough money",
                format!("the order costs {} base units, {} are available", needed.get(), available.get()),
            ),
            AskError::Refused(Refusal::Taken(what)) => {
                let detail = format!("{what} is already taken by something else");
                Self::new(StatusCode::CONFLICT, "taken", "Already taken", detail)
            }
            AskError::Refused(Refusal::Review { field, problem }) => Self::review(field, problem),
            AskError::Refused(Refusal::Wallet(problem)) => Self::connect(&problem),
            AskError::Refused(Refusal::UnknownRequester) => Self::unauthorized(),
            AskError::Refused(Refusal::Worker(_) | Refusal::Fault(_)) => Self::internal(),
        }
    }
}

impl From<PayoutError> for Problem {
    fn from(error: PayoutError) -> Self {
        match error {
            PayoutError::Pay(full @ PayError::TooManyDeposits) => {
                Self::new(StatusCode::CONFLICT, "deposits-open", "Too many deposits wait", full.to_string())
            }
            PayoutError::Pay(PayError::Fault(_)) => Self::internal(),
            error => {
                tracing::error!(%error, "a deposit was not stored");
                Self::unavailable("the store can't write now; nothing was changed")
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "reading the store failed");
        Self::unavailable("the store can't be read now")
    }
}
