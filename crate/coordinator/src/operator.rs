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

/// What the operator has decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The order.
    pub order: OrderId,
    /// Whether that is news.
    pub is_new: bool,
    /// Whether it was about money that was paid.
    pub is_reversal: bool,
}

/// Decides about an appeal, by its rejection's or reversal's hash.
pub fn decide_appeal(config: &Config, rejection: Hash, is_upheld: bool) -> Result<Word, OperatorError> {
    let unknown = || Refusal::Review { field: "rejection".into(), problem: ReviewProblem::UnknownRejection };
    let reader = Reader::open(&Folder::open(&config.data)?.database())?;
    let reversal = reader.reversal(&rejection)?.map(|row| row.order);
    let (order, is_reversal) = match reversal {
        Some(order) => (order, true),
        None => (reader.rejection(&rejection)?.ok_or_else(unknown)?.order, false),
    };
    let replies = apply(config, &[Command::DecideAppeal { rejection, is_upheld }])?;
    let is_news = |reply: &Reply| match reply {
        Reply::Reviewed(done) => !done.verdicts.is_empty(),
        Reply::Ended { is_new, .. } => *is_new,
        _ => false,
    };
    Ok(Word { order, is_new: replies.iter().any(is_news), is_reversal })
}

/// Contests what was paid for a result, by its offer's hash. The reversal's hash, and whether that is news.
pub fn reverse(config: &Config, offer: Hash, evidence: &str) -> Result<(Hash, bool), OperatorError> {
    let replies = apply(config, &[Command::Reverse { offer, evidence: evidence.to_owned() }])?;
    let told = replies.iter().find_map(|reply| match reply {
        Reply::Reversal { reversal, is_new, .. } => Some((*reversal, *is_new)),
        _ => None,
    });
    Ok(told.ok_or_else(|| Refusal::Fault("a reversal was not answered".into()))?)
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
