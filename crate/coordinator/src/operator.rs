//! The operator's commands about requesters, appeals and paused projects. They write to the database directly; a running
//! server sees it.

use data_encoding::HEXLOWER;
use lull_market::{Command, Context, Refusal, Reply, RequesterId, ReviewProblem};
use lull_protocol::{Amount, Hash, OrderId};
use lull_store::{Reader, Store, StoreError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::folder::{Folder, FolderError, random_bytes};
use crate::writer::now;

/// What an API key begins with, so that one is known when it turns up where it shouldn't.
const KEY_PREFIX: &str = "lull_";

/// Why a command of the operator failed.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The market's no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Adds a requester, with money if a deposit is given; returns the API key, which is stored nowhere.
pub fn add_requester(config: &Config, name: &str, deposit: Option<Amount>) -> Result<Zeroizing<String>, OperatorError> {
    let requester = RequesterId(*random_bytes()?);
    let key = Zeroizing::new(format!("{KEY_PREFIX}{}", HEXLOWER.encode(&*random_bytes::<32>()?)));
    let add = Command::AddRequester { requester, name: name.to_owned(), key_hash: Hash::of(key.as_bytes()) };
    let mut commands = vec![add];
    if let Some(amount) = deposit {
        commands.push(Command::Deposit { requester, amount, reference: fresh_reference()? });
    }
    apply(config, &commands)?;
    Ok(key)
}

/// Counts money that a requester paid in. The same reference counts once.
pub fn deposit(config: &Config, name: &str, amount: Amount, reference: Option<String>) -> Result<(), OperatorError> {
    let reader = Reader::open(&Folder::open(&config.data)?.database())?;
    let requester = reader.requester_by_name(name)?.ok_or(Refusal::UnknownRequester)?;
    let reference = reference.map_or_else(fresh_reference, Ok)?;
    apply(config, &[Command::Deposit { requester, amount, reference }])?;
    Ok(())
}

/// Decides about an appeal, by its rejection's hash. Its order, and whether that is news.
pub fn decide_appeal(config: &Config, rejection: Hash, is_upheld: bool) -> Result<(OrderId, bool), OperatorError> {
    let unknown = || Refusal::Review { field: "rejection".into(), problem: ReviewProblem::UnknownRejection };
    let reader = Reader::open(&Folder::open(&config.data)?.database())?;
    let order = reader.rejection(&rejection)?.ok_or_else(unknown)?.order;
    let replies = apply(config, &[Command::DecideAppeal { rejection, is_upheld }])?;
    let is_new = replies.iter().any(|reply| matches!(reply, Reply::Reviewed(done) if !done.verdicts.is_empty()));
    Ok((order, is_new))
}

/// Lets a paused project go on.
pub fn resume(config: &Config, order: OrderId) -> Result<(), OperatorError> {
    apply(config, &[Command::Resume { order }])?;
    Ok(())
}

fn fresh_reference() -> Result<String, FolderError> {
    Ok(format!("operator {}", HEXLOWER.encode(&*random_bytes::<16>()?)))
}

fn apply(config: &Config, commands: &[Command]) -> Result<Vec<Reply>, OperatorError> {
    let folder = Folder::open(&config.data)?;
    // The key comes first: a folder with a database and no key has lost it.
    let context = Context { now: now(), key: folder.key()?, terms: config.terms.clone(), listed: Default::default() };
    folder.expect_database()?;
    // Held for as long as this writes.
    let lock = folder.lock();
    let mut store = match &lock {
        Ok(_) => Store::open(&folder.database())?,
        Err(_) => Store::open_beside(&folder.database())?,
    };
    folder.operator_token()?;
    Ok(store.apply(&context, commands)?.into_iter().collect::<Result<_, _>>()?)
}
