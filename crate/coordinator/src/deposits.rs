//! `/v1/deposits`: a requester pays in by a transfer on the chain, which a wallet makes of a link.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lull_market::RequesterId;
use lull_payout::deposit::{LOOKED_MS, Reference, Uncredited, decimal, least, link, units};
use lull_payout::transaction::Treasury;
use lull_protocol::{Amount, Timestamp};
use lull_store::{DepositCommand, DepositRow, DepositTransaction, PayCommand, TreasuryId};
use serde_json::{Value, json};

use crate::App;
use crate::api::{Requester, Segment};
use crate::buy::{Body, whole};
use crate::fields::Fields;
use crate::folder::random_bytes;
use crate::limits::{DEPOSIT_BYTES_MAX, DEPOSITS_SHOWN_MAX};
use crate::pay::deposits::Till;
use crate::problem::Problem;

/// What a wallet shows as who is paid, and what for.
const LABEL: &str = "Lull";
const MESSAGE: &str = "Deposit to your balance as a buyer";

/// `POST /v1/deposits`: a new reference, and the link that names it.
pub(crate) async fn post_deposit(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    body: Body,
) -> Result<Response, Problem> {
    let (till, (treasury, id)) = till(&app)?;
    let mut f = Fields::parse(&whole(body, DEPOSIT_BYTES_MAX)?)?;
    let asked = asked(&mut f, treasury);
    let asked = f.finish(asked)?;
    let fresh = random_bytes().map_err(|_| Problem::unavailable("the operating system gives no randomness"))?;
    let reference = Reference::new(*fresh, &requester.0, &app.house.key);
    let command = DepositCommand::Ask { reference, requester, treasury: *id, asked };
    app.writer.pay(PayCommand::Deposit(command)).await?;
    till.wake();
    let line = line(&own(&app, requester, reference).await?, treasury);
    let location = format!("/v1/deposits/{reference}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(line)).into_response())
}

/// `GET /v1/deposits`: the newest, and what they are paid in.
pub(crate) async fn list(State(app): State<Arc<App>>, Requester(requester): Requester) -> Result<Json<Value>, Problem> {
    let (_, (treasury, _)) = till(&app)?;
    let rows = app.readers.read(move |r| r.deposits(requester, DEPOSITS_SHOWN_MAX)).await?;
    let deposits: Vec<Value> = rows.iter().map(|row| line(row, treasury)).collect();
    Ok(Json(json!({
        "recipient": treasury.owner.to_string(),
        "mint": treasury.mint.address().to_string(),
        "decimals": treasury.mint.decimals(),
        "least": least(treasury.mint.decimals()).get(),
        "deposits": deposits,
    })))
}

/// `GET /v1/deposits/{reference}`.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(reference): Segment,
) -> Result<Json<Value>, Problem> {
    let (_, (treasury, _)) = till(&app)?;
    let reference = reference.parse().map_err(|()| unknown())?;
    Ok(Json(line(&own(&app, requester, reference).await?, treasury)))
}

/// `POST /v1/deposits/{reference}/look`: it was paid, and nobody looks any more.
pub(crate) async fn look(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(reference): Segment,
) -> Result<Json<Value>, Problem> {
    let (till, (treasury, id)) = till(&app)?;
    let reference: Reference = reference.parse().map_err(|()| unknown())?;
    let known = app.readers.read(move |r| r.deposit(&reference)).await?;
    let is_own = match known {
        Some(row) => row.requester == requester,
        // A database that was restored from an older copy has forgotten it.
        None => reference.is_of(&requester.0, &app.house.key),
    };
    if !is_own {
        return Err(unknown());
    }
    let command = DepositCommand::Look { reference, requester, treasury: *id };
    app.writer.pay(PayCommand::Deposit(command)).await?;
    till.wake();
    Ok(Json(line(&own(&app, requester, reference).await?, treasury)))
}

fn till(app: &App) -> Result<(&Till, &(Treasury, TreasuryId)), Problem> {
    let till = app.till.as_ref().ok_or_else(Problem::no_deposits)?;
    let not_yet = || Problem::unavailable("the chain has not answered since the server started");
    Ok((till, till.treasury().ok_or_else(not_yet)?))
}

fn unknown() -> Problem {
    Problem::not_found("deposit")
}

async fn own(app: &App, requester: RequesterId, reference: Reference) -> Result<DepositRow, Problem> {
    let found = app.readers.read(move |r| r.deposit(&reference)).await?;
    found.filter(|row| row.requester == requester).ok_or_else(unknown)
}

fn asked(f: &mut Fields, treasury: &Treasury) -> Option<Amount> {
    let decimals = treasury.mint.decimals();
    let least = least(decimals);
    let (name, amount) = if f.has("tokens") {
        ("tokens", units(&f.required::<String>("tokens")?, decimals))
    } else {
        ("amount", Amount::new(f.required("amount")?))
    };
    match amount {
        Some(amount) if amount >= least => Some(amount),
        _ => {
            let (from, to) = (decimal(least, decimals), decimal(Amount::MAX, decimals));
            f.wrong(name, &format!("must be from {from} to {to} tokens of {decimals} digits after the point"))
        }
    }
}

/// A deposit as it is told.
fn line(row: &DepositRow, treasury: &Treasury) -> Value {
    let (owner, mint) = row.pays;
    let is_ours = owner == treasury.owner && mint == treasury.mint.address();
    let asked = row.asked.filter(|_| is_ours);
    let credited = row.transactions.iter().filter_map(|one| one.credited.ok());
    let sum = credited.clone().try_fold(Amount::ZERO, Amount::checked_add);
    json!({
        "reference": row.reference.to_string(),
        "state": state(row, credited.count() > 0),
        "url": asked.map(|asked| link(treasury, asked, &row.reference, LABEL, MESSAGE)),
        "recipient": owner.to_string(),
        "mint": mint.to_string(),
        "amount": row.asked.map(Amount::get),
        "tokens": asked.map(|asked| decimal(asked, treasury.mint.decimals())),
        "credited": sum.map(Amount::get),
        "credited_tokens": sum.filter(|_| is_ours).map(|sum| decimal(sum, treasury.mint.decimals())),
        "created_at": row.created_at.get(),
        "expires_at": row.asked_at.plus(LOOKED_MS).get(),
        "next_look_at": row.due_at.map(Timestamp::get),
        "seen": row.heard.map(|signature| signature.to_string()),
        "transactions": row.transactions.iter().map(transaction).collect::<Vec<_>>(),
    })
}

fn state(row: &DepositRow, is_credited: bool) -> &'static str {
    match (is_credited, row.heard, row.due_at) {
        (true, ..) => "credited",
        (false, Some(_), _) => "seen",
        (false, None, Some(_)) => "waiting",
        (false, None, None) => "closed",
    }
}

fn transaction(one: &DepositTransaction) -> Value {
    let DepositTransaction { signature, slot, at, credited } = one;
    json!({
        "transaction": signature.to_string(),
        "slot": slot,
        "at": at.get(),
        "credited": credited.map_or(0, Amount::get),
        "why_not": credited.err().map(why_not),
    })
}

/// For a person to read.
fn why_not(why: Uncredited) -> &'static str {
    match why {
        Uncredited::Failed => "the transaction failed, and nothing arrived",
        Uncredited::Nothing => "nothing arrived",
        Uncredited::OtherMint => "it paid in another token; ask the operator",
        Uncredited::OtherRecipient => "it paid somebody else",
        Uncredited::Dust => "less than a hundredth of a token is not credited",
        Uncredited::TooMuch => "it is more than the ledger can hold; the operator was told",
        Uncredited::TwoRequesters => "it names references of two buyers; the operator was told",
        Uncredited::Counted => "something else was counted by this transaction; the operator was told",
        Uncredited::Unreadable => "the transaction can't be read; the operator was told",
    }
}
