//! The operator's commands of the treasury. They work on the database; a server that runs sees it within a second.

use std::collections::BTreeMap;

use lull_payout::facts::Write;
use lull_payout::reconcile::{Known, rebuild, restore};
use lull_payout::rpc;
use lull_payout::units::{LaneId, PayoutId, Signature};
use lull_store::{PayCommand, PayError, PayReply, Reader, Restore, Store, TreasuryState};
use serde_json::{Value, json};
use thiserror::Error;

use super::config::PayConfig;
use super::net::Net;
use super::{Ground, PayoutError, ground};
use crate::config::Config;
use crate::folder::{Folder, FolderError};
use crate::writer::now;

/// Alarms and payouts set aside that are shown at once.
const SHOWN_MAX: usize = 50;
/// How often reconciling begins anew because the server has paid meanwhile.
const TRIES_MAX: usize = 5;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum TreasuryError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] lull_store::StoreError),
    /// A command was refused.
    #[error(transparent)]
    Refused(#[from] PayError),
    /// The chain, or the settings.
    #[error(transparent)]
    Payout(#[from] PayoutError),
    /// Nothing is set.
    #[error("reconciling reads the chain: set payout.chain, payout.rpc and the others as the server has them")]
    NotSet,
    /// What the chain says can't be read.
    #[error(
        "transaction {0} is in the treasury's history and can't be read from the RPCs: try again, or ask an RPC that keeps all"
    )]
    Unreadable(Signature),
    /// No such number.
    #[error("a payout's number is from 1 to 2^53 - 1")]
    Number,
}

/// How paying stands, as JSON.
pub fn status(config: &Config) -> Result<Value, TreasuryError> {
    let reader = Reader::open(&Folder::open(&config.data)?.database())?;
    let TreasuryState { id, run, paused_at, standstill, lanes, moved, waiting, in_batch, held, paid, open, .. } =
        &reader.treasury()?;
    let sum = |(count, sum): &(u64, lull_protocol::Amount)| json!({ "payouts": count, "arrives": sum.get() });
    let batch = |batch: &lull_payout::batch::Batch| json!({ "batch": batch.id.get(), "stage": batch.stage.word(), "payouts": batch.transfers.len() });
    let moved = moved.iter().map(|one| json!({ "lane": one.lane.0.to_string(), "at": one.at.get(), "why": one.why }));
    let moved: Vec<Value> = moved.collect();
    let held_now = reader.payouts_held(SHOWN_MAX)?.into_iter().map(|one| {
        json!({
            "payout": one.payout.get(), "arrives": one.amount.get(), "why": format!("{:?}", one.hold).to_lowercase(),
            "at": one.at.get(),
        })
    });
    let alarms = reader.alarms(SHOWN_MAX)?.into_iter();
    let alarms =
        alarms.map(|one| json!({ "at": one.at.get(), "batch": one.batch, "what": one.what, "stops": one.stops }));
    Ok(json!({
        "treasury": id.map(|id| id.owner.to_string()),
        "mint": id.map(|id| id.mint.to_string()),
        "run": run,
        "state": match (id, moved.is_empty(), paused_at) {
            (None, _, _) => "never paid",
            (_, false, _) => "stopped: reconcile",
            (_, _, Some(_)) => "paused",
            _ if standstill.is_some() => "standing still",
            _ => "pays",
        },
        "standstill": standstill.map(|why| format!("{why:?}").to_lowercase()),
        "lanes": lanes.len(),
        "lanes_moved": moved,
        "batches": open.iter().map(batch).collect::<Vec<_>>(),
        "waiting": sum(waiting),
        "in_batches": sum(in_batch),
        "held": sum(held),
        "paid": sum(paid),
        "spent_lamports": reader.treasury()?.spent_lamports,
        "held_now": held_now.collect::<Vec<_>>(),
        "alarms": alarms.collect::<Vec<_>>(),
    }))
}

/// Pauses payouts, or lets them go on.
pub fn pause(config: &Config, is_paused: bool) -> Result<(), TreasuryError> {
    write(config, &PayCommand::Pause(is_paused)).map(drop)
}

/// A payout that was set aside waits again.
pub fn release(config: &Config, payout: u64) -> Result<(), TreasuryError> {
    let payout = PayoutId::new(payout).ok_or(TreasuryError::Number)?;
    write(config, &PayCommand::Release(payout)).map(drop)
}

/// Reads the treasury's history from the chain and books what the database doesn't know. Payouts go on if all of it is
/// explained, or if the operator accepts what is not.
pub async fn reconcile(config: &Config, is_accepted: bool) -> Result<Value, TreasuryError> {
    let payout = config.payout.as_ref().ok_or(TreasuryError::NotSet)?;
    let Ground { net, terms, .. } = ground(payout).await?;
    let reader = Reader::open(&Folder::open(&config.data)?.database())?;
    let mut tries = 0;
    loop {
        tries += 1;
        let state = reader.treasury()?;
        let (known, wallets): (Vec<Known>, _) = (reader.payouts_known()?, reader.wallets_known()?);
        let landings = landings(&net, &terms, payout).await?;
        let treasury = &terms.treasury;
        let rebuilt = rebuild(&landings, treasury);
        let mut restored = restore(&known, &state.open, &rebuilt, treasury);
        // A lane that the database doesn't know is found by the server, which compares it then.
        let lanes: Vec<LaneId> = state.lanes.iter().map(|lane| lane.id).collect();
        restored.writes.retain(|write| match write {
            Write::SpendLane { lane, .. } | Write::FreeLane(lane) => lanes.contains(lane),
            _ => true,
        });
        let accounts = wallets.into_iter().map(|wallet| (treasury.mint.account_of(&wallet.address()), wallet));
        let accounts: BTreeMap<_, _> = accounts.collect();
        let told = (rebuilt.payments.len(), restored.clone());
        let command = PayCommand::Restore(Box::new(Restore {
            restored,
            wallets: accounts,
            version: state.version,
            sol: payout.sol_price,
            is_accepted,
        }));
        match write(config, &command) {
            Ok(reply) => return Ok(report(told.0, &told.1, &reply, is_accepted)),
            Err(TreasuryError::Refused(PayError::Stale)) if tries < TRIES_MAX => {}
            Err(error) => return Err(error),
        }
    }
}

fn report(payments: usize, restored: &lull_payout::reconcile::Restored, reply: &PayReply, is_accepted: bool) -> Value {
    let unbooked = reply.unbooked.iter().map(|one| {
        json!({
            "payout": one.payout.get(), "token_account": one.account.to_string(), "amount": one.amount.get(),
            "transaction": one.landed.signature.to_string(),
        })
    });
    let unbooked: Vec<Value> = unbooked.collect();
    let contradicted: Vec<u64> = restored.contradicted.iter().map(|payout| payout.get()).collect();
    let unexplained: Vec<String> = restored.unexplained.iter().map(Signature::to_string).collect();
    let is_clear = unbooked.is_empty() && contradicted.is_empty() && unexplained.is_empty();
    json!({
        "payments_on_chain": payments,
        "booked": reply.number,
        "nobodys": unbooked,
        "contradicted": contradicted,
        "unexplained": unexplained,
        "goes_on": is_clear || is_accepted,
    })
}

/// All of the treasury's finalized transactions, oldest first, as all RPCs tell them.
async fn landings(
    net: &Net,
    terms: &lull_payout::batch::Terms,
    config: &PayConfig,
) -> Result<Vec<lull_payout::facts::Landing>, TreasuryError> {
    let agree_min = config.agree_min();
    let mut landings = vec![];
    for signature in net.history(&terms.treasury.owner, agree_min).await.map_err(PayoutError::from)? {
        let transaction = net.agreed(&rpc::transaction(&signature), agree_min).await.map_err(PayoutError::from)?;
        let landing = transaction.and_then(|transaction| transaction.landing(&terms.treasury.mint));
        landings.push(landing.ok_or(TreasuryError::Unreadable(signature))?);
    }
    landings.reverse();
    Ok(landings)
}

pub(super) fn write(config: &Config, command: &PayCommand) -> Result<PayReply, TreasuryError> {
    let folder = Folder::open(&config.data)?;
    folder.expect_database()?;
    // Held for as long as this writes.
    let lock = folder.lock();
    let mut store = match &lock {
        Ok(_) => Store::open(&folder.database())?,
        Err(_) => Store::open_beside(&folder.database())?,
    };
    Ok(store.pay(now(), command)?)
}
