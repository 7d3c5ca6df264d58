//! The one writer: commands in, replies out, one commit per batch.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use lull_market::{
    Command, Context, Decided, Project, Refusal, Rejected, Reply, RequesterId, Reviewed, Write, assignment, cancel,
    connect, payouts, project, requester, reversal, review, verdict,
};
use lull_protocol::statement::JobClass;
use lull_protocol::units::Nonce;
use lull_protocol::{Content, Filter, Hash, OrderId, PublicKey, TaskSet, Timestamp, WarningSet};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::error::StoreError;
use crate::pay::{PayCommand, PayError, PayReply};
use crate::write::{Books, write_all};
use crate::{load, open, pay, persons, reversals, wallets};

/// How many of each kind one [`Command::Sweep`] handles: leases, results that time decides, settlements, rebindings. What
/// is left waits for the next sweep, so that no batch grows without bound.
pub const SWEEP_MAX: usize = 1_000;

/// The connection that writes. There is one per database.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    /// Changes when another connection commits.
    data_version: Option<i64>,
}

/// Copies the write-ahead log into the database beside the [`Store`] that writes it, so that a commit that finds
/// the log at its limit has little left to copy.
#[derive(Debug)]
pub struct Checkpointer {
    db: Connection,
}

impl Checkpointer {
    /// A connection of its own to a database that a [`Store`] has opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::writer(path, false)? })
    }

    /// Copies what no reader stands in the way of, synced; holds nobody up.
    pub fn run(&self) -> Result<(), StoreError> {
        Ok(self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }
}

/// What became of a batch.
#[derive(Debug)]
pub struct Applied {
    /// Each command's reply or refusal, or why its commit failed.
    pub replies: Vec<Result<Result<Reply, Refusal>, Arc<StoreError>>>,
    /// Why the batch as a whole failed, if its commands were then tried one by one.
    pub split: Option<StoreError>,
    /// Something was written: that nothing failed says something about the disk.
    pub wrote: bool,
}

/// Each command's reply or refusal.
pub type Replies = Vec<Result<Reply, Refusal>>;

/// Why one command stopped.
pub(crate) enum Stop {
    /// The market said no: this command alone is rolled back.
    Refused(Refusal),
    /// The database failed: the batch is rolled back.
    Failed(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<rusqlite::Error> for Stop {
    /// A broken constraint is a fault of one command, not of the disk.
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            return Self::Refused(Refusal::Fault(error.to_string()));
        }
        Self::Failed(error.into())
    }
}

impl Store {
    /// Opens a database, or makes it, and brings it to this program's version. Nobody else writes to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::writer(path, true)?, data_version: None })
    }

    /// Opens a database that a server has opened: its log is the server's, and good.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::writer(path, false)?, data_version: None })
    }

    /// Whether a commit would succeed: tries one of a size that needs room of its own, and leaves nothing.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        let tried = self
            .db
            .execute_batch("BEGIN IMMEDIATE; CREATE TABLE probe (bytes); INSERT INTO probe VALUES (zeroblob(65536));");
        self.roll_back()?;
        tried?;
        // A page that is written as it was takes the log and the disk as far as any other.
        let version: u32 = self.db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok(self.db.pragma_update(None, "user_version", version)?)
    }

    /// Whether another connection has written since this was last asked.
    pub fn others_wrote(&mut self) -> Result<bool, StoreError> {
        let version: i64 = self.db.pragma_query_value(None, "data_version", |row| row.get(0))?;
        Ok(self.data_version.replace(version).is_some_and(|before| before != version))
    }

    /// Stops the database file from growing beyond this size, bytes (rounded down to whole pages; never
    /// below its size now): the coordinator then answers [`StoreError::Full`] before the disk is full.
    /// Holds until the store is closed.
    pub fn set_bytes_max(&mut self, bytes_max: u64) -> Result<(), StoreError> {
        let page_bytes: u64 = self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = u32::try_from(bytes_max / page_bytes.max(1)).unwrap_or(u32::MAX - 1).max(1);
        self.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok(())
    }

    /// Decides and applies a batch: one transaction, one commit. What is returned is on the disk. A refused
    /// command changes nothing and does not touch the others; on an error nothing of the batch is kept, and
    /// the store can be used again.
    ///
    /// A savepoint per command would copy every page that the command changes, and nearly all refusals come
    /// before the first write. So a batch goes without, and only if a command must be undone is the batch
    /// undone and done again with savepoints; the same facts, time and nonces decide it the same way.
    pub fn apply(&mut self, cx: &Context, batch: &[Command]) -> Result<Replies, StoreError> {
        let swift = self.run(cx, batch);
        self.roll_back()?;
        if let Some(replies) = swift? {
            return Ok(replies);
        }
        let careful = self.run_with_savepoints(cx, batch);
        self.roll_back()?;
        careful
    }

    /// Ends what a run has left open.
    fn roll_back(&mut self) -> Result<(), StoreError> {
        if !self.db.is_autocommit() {
            self.db.execute_batch("ROLLBACK")?;
        }
        Ok(())
    }

    /// As [`apply`](Self::apply), but what fails as a batch is tried again command by command: what does not
    /// fit, or is damaged, may be one command's fault. A lock that others hold is nobody's here, and waiting
    /// for it again and again would help no one.
    pub fn apply_each(&mut self, cx: &Context, batch: &[Command]) -> Applied {
        let before = self.db.total_changes();
        let failed = match self.apply(cx, batch) {
            Ok(replies) => {
                let wrote = self.db.total_changes() > before;
                return Applied { replies: replies.into_iter().map(Ok).collect(), split: None, wrote };
            }
            Err(error) => error,
        };
        if batch.len() <= 1 || matches!(failed, StoreError::Busy(_)) {
            let failed = Arc::new(failed);
            return Applied { replies: batch.iter().map(|_| Err(failed.clone())).collect(), split: None, wrote: false };
        }
        let mut all = Applied { replies: Vec::with_capacity(batch.len()), split: Some(failed), wrote: false };
        for command in batch {
            let one = self.apply_each(cx, std::slice::from_ref(command));
            all.replies.extend(one.replies);
            all.wrote |= one.wrote;
        }
        all
    }

    /// Applies what the shell that pays has written: one transaction, one commit. What is returned is on the disk; on an
    /// error nothing of it is kept.
    pub fn pay(&mut self, now: Timestamp, command: &PayCommand) -> Result<PayReply, PayError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let reply = pay::pay(&tx, now, command)?;
        tx.commit()?;
        Ok(reply)
    }

    /// `None`: a command has written and must be undone.
    fn run(&mut self, cx: &Context, batch: &[Command]) -> Result<Option<Replies>, StoreError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut replies, mut books) = (Vec::with_capacity(batch.len()), Books::default());
        for command in batch {
            let before = tx.total_changes();
            replies.push(match decide(&tx, cx, command, &mut books) {
                Ok(reply) => Ok(reply),
                Err(Stop::Refused(refusal)) if tx.total_changes() == before => Err(refusal),
                Err(Stop::Refused(_)) => return Ok(None),
                Err(Stop::Failed(error)) => return Err(error),
            });
        }
        match books.close(&tx) {
            Ok(()) => tx.commit()?,
            Err(Stop::Refused(_)) => return Ok(None),
            Err(Stop::Failed(error)) => return Err(error),
        }
        Ok(Some(replies))
    }

    fn run_with_savepoints(&mut self, cx: &Context, batch: &[Command]) -> Result<Replies, StoreError> {
        let mut tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut replies = Vec::with_capacity(batch.len());
        for command in batch {
            let (savepoint, mut books) = (tx.savepoint()?, Books::default());
            let decided = decide(&savepoint, cx, command, &mut books);
            replies.push(match decided.and_then(|reply| books.close(&savepoint).map(|()| reply)) {
                Ok(reply) => {
                    savepoint.commit()?;
                    Ok(reply)
                }
                Err(Stop::Refused(refusal)) => {
                    savepoint.finish()?;
                    Err(refusal)
                }
                Err(Stop::Failed(error)) => return Err(error),
            });
        }
        tx.commit()?;
        Ok(replies)
    }
}

/// Loads what a command needs, lets the market decide, applies its writes.
fn decide(db: &Connection, cx: &Context, command: &Command, books: &mut Books) -> Result<Reply, Stop> {
    let decided = match command {
        Command::AddRequester { requester, name, key_hash } => {
            let facts = load::new_requester(db, *requester, name, *key_hash)?;
            requester::add_requester(&facts, *requester, name, *key_hash)?
        }
        Command::Deposit { requester, amount, reference } => {
            books.close(db)?;
            requester::deposit(&load::deposit(db, *requester, reference)?, *requester, *amount, reference)?
        }
        Command::PutBlob { requester, media_type, bytes } => {
            requester::put_blob(load::blob(db, *requester, bytes)?, *requester, media_type, bytes)?
        }
        Command::CreateFetchOrder(order) => {
            books.close(db)?;
            let facts = load::new_order(db, order.requester, order.order, &[])?;
            requester::create_fetch_order(&facts, order, cx)?
        }
        Command::CreateProject(project) => {
            books.close(db)?;
            let facts = load::new_order(db, project.requester, project.order, &blobs(project))?;
            project::create_project(&facts, project, cx)?
        }
        Command::Claim { worker, fetch, judgment, tasks, warnings, filter, nonces } => {
            claim(db, cx, *worker, (*fetch, *judgment, *tasks, *warnings, filter), nonces)?
        }
        Command::Submit { result, body } => {
            verdict::submit(load::submitted(db, result.payload().offer)?, result, body, cx)?
        }
        Command::Return { worker, offer, reason, shown_ms } => {
            assignment::give_back(load::returned(db, *offer, cx.now)?, *worker, *reason, *shown_ms, cx)?
        }
        Command::Extend { worker, offer } => {
            assignment::extend(load::lease(db, *offer)?.as_ref(), *offer, *worker, cx)?
        }
        Command::Review { requester, order, accept, reject } => {
            return Ok(Reply::Reviewed(review(db, cx, books, (*requester, *order), (accept, reject))?));
        }
        Command::Cancel { requester, order } => return cancel(db, cx, books, (*requester, *order)),
        Command::Appeal { appeal } => match reversals::of_reversal(db, appeal.payload().rejection)? {
            Some((paid, reversal)) => reversal::appeal(&paid, &reversal, appeal, cx)?,
            None => review::appeal(load::rejected(db, appeal.payload().rejection)?.as_ref(), appeal, cx)?,
        },
        Command::DecideAppeal { rejection, is_upheld } => match reversals::of_reversal(db, *rejection)? {
            Some((paid, reversal)) => reversal::decide(&paid, &reversal, *is_upheld, cx)?,
            None => {
                let rejected = load::rejected(db, *rejection)?;
                let (writes, reviewed) = review::decide_appeal(rejected.as_ref(), *is_upheld, cx)?;
                Decided { writes, reply: Reply::Reviewed(reviewed) }
            }
        },
        Command::Reverse { offer, evidence } => {
            reversal::propose(reversals::of_offer(db, *offer)?.as_ref(), evidence, cx)?
        }
        Command::Resume { order } => review::resume(load::project_review(db, *order)?.as_ref(), *order)?,
        Command::Wallet(request) => wallets::decide(db, cx, request, books)?,
        Command::PayWhen { worker, schedule, account_agreed } => {
            let now = pay::schedule(db, *worker)?;
            payouts::pay_when(load::same_wallet(db, *worker)?, *worker, (*schedule, now), *account_agreed)
        }
        Command::PayNow { worker } => payouts::pay_now(load::same_wallet(db, *worker)?, *worker),
        Command::Sweep => return sweep(db, cx, books),
    };
    write_all(db, cx.now, decided.writes, books)?;
    Ok(decided.reply)
}

/// The blobs that a project names: pictures, and its practice.
fn blobs(project: &Project) -> Vec<Hash> {
    let tasks = [Some(&project.tasks), project.lessons.as_ref().map(|lessons| &lessons.tasks)];
    let contents = tasks.into_iter().flatten().flat_map(|tasks| tasks.contents(""));
    let pictures = contents.filter_map(|(_, content)| match content {
        Content::Picture(picture) => Some(picture.hash),
        Content::Text(_) | Content::Code(_) | Content::Markdown(_) => None,
    });
    let practice = project.lessons.as_ref().map(|lessons| lessons.practice().blob().hash);
    pictures.chain(practice).collect()
}

fn claim(
    db: &Connection,
    cx: &Context,
    worker: PublicKey,
    (fetch, judgment, tasks, warnings, filter): (u8, u8, TaskSet, WarningSet, &Filter),
    nonces: &[Nonce],
) -> Result<Decided, Stop> {
    let places = |class, wanted| -> Result<u8, Stop> {
        Ok(assignment::places(class, wanted, load::open_count(db, worker, class, cx.now)?))
    };
    let (fetch, judgment) = (places(JobClass::Fetch, fetch)?, places(JobClass::Judgment, judgment)?);
    let claimer = (worker, persons::shared(db, worker)?);
    let mut candidates = load::candidates(db, claimer, [None].into_iter(), &load::Spared::default(), fetch, cx.now)?;
    if judgment > 0 {
        let spared = load::spared(db, worker, (warnings, filter), cx.now)?;
        candidates.extend(load::candidates(db, claimer, tasks.iter().map(Some), &spared, judgment, cx.now)?);
    }
    Ok(assignment::claim(candidates, worker, nonces, cx)?)
}

/// Each due thing is decided on facts that are loaded after the one before it was written.
fn sweep(db: &Connection, cx: &Context, books: &mut Books) -> Result<Reply, Stop> {
    let mut expired = Vec::new();
    for offer in load::overdue(db, cx.now, SWEEP_MAX)? {
        let held = load::held(db, offer)?.ok_or_else(gone)?;
        write_all(db, cx.now, assignment::expire(&held, cx)?, books)?;
        expired.push((held.lease.worker, offer));
    }
    let mut by_time = Reviewed::default();
    for offer in load::overwaited(db, cx.now, SWEEP_MAX)? {
        let waiting = load::waiting(db, offer)?.ok_or_else(gone)?;
        let (writes, reviewed) = review::by_time(&waiting, cx)?;
        write_all(db, cx.now, writes, books)?;
        by_time.extend(reviewed);
    }
    let mut settled = Vec::new();
    for due in load::unsettled(db, cx.now, SWEEP_MAX)? {
        let writes = if due.is_contested {
            reversal::by_time(&reversals::of_lease(db, due.lease)?.ok_or_else(gone)?, cx)?
        } else {
            reversal::settle(&due)?
        };
        write_all(db, cx.now, writes, books)?;
        settled.push(due.worker);
    }
    settled.sort_unstable();
    settled.dedup();
    let wallets = rebindings(db, cx, books)?;
    wallets::forget(db, cx.now, SWEEP_MAX)?;
    let Reviewed { verdicts, freed, .. } = by_time;
    Ok(Reply::Swept { expired, verdicts, settled, freed, wallets })
}

/// Lets rebindings come about whose time it is; who hears of that.
fn rebindings(db: &Connection, cx: &Context, books: &mut Books) -> Result<Vec<PublicKey>, Stop> {
    // Balances are read.
    books.close(db)?;
    let mut told = BTreeSet::new();
    for yes in wallets::due(db, cx.now, SWEEP_MAX)? {
        let writes = wallets::by_time(db, cx, yes)?;
        told.extend(connect::told_of(&writes));
        write_all(db, cx.now, writes.into_iter().map(Write::Wallet).collect(), books)?;
    }
    Ok(told.into_iter().collect())
}

/// Each answer is decided on facts that are loaded after the one before it was written: some may be of one item.
fn review(
    db: &Connection,
    cx: &Context,
    books: &mut Books,
    whose: (RequesterId, OrderId),
    (accept, reject): (&[Hash], &[Rejected]),
) -> Result<Reviewed, Stop> {
    review::check_size(accept.len(), reject.len())?;
    let mut all = Reviewed::default();
    for (i, offer) in accept.iter().enumerate() {
        let (writes, reviewed) = review::accept(load::waiting(db, *offer)?.as_ref(), whose, i, cx)?;
        write_all(db, cx.now, writes, books)?;
        all.extend(reviewed);
    }
    for (i, rejected) in reject.iter().enumerate() {
        let facts = load::waiting(db, rejected.offer)?;
        let (writes, reviewed) = review::reject(facts.as_ref(), whose, (i, rejected), cx)?;
        write_all(db, cx.now, writes, books)?;
        all.extend(reviewed);
    }
    let project = load::project_review(db, whose.1)?.ok_or_else(gone)?;
    write_all(db, cx.now, review::pause(&project, whose.1).into_iter().collect(), books)?;
    Ok(all)
}

/// Each open item is stopped on facts that are loaded after the one before it was written: a worker may have answered
/// several.
fn cancel(
    db: &Connection,
    cx: &Context,
    books: &mut Books,
    (requester, order): (RequesterId, OrderId),
) -> Result<Reply, Stop> {
    let (mut verdicts, mut withdrawn) = (Vec::new(), Vec::new());
    if let Some(write) = cancel::begin(load::cancellable(db, order)?.as_ref(), (requester, order))? {
        write_all(db, cx.now, vec![write], books)?;
        withdrawn = load::leases_of_order(db, order)?;
        for item in load::open_items(db, order)? {
            let (writes, judged) = cancel::stop(load::to_stop(db, item)?.ok_or_else(gone)?, cx)?;
            write_all(db, cx.now, writes, books)?;
            verdicts.extend(judged);
        }
    }
    Ok(Reply::Cancelled { verdicts, withdrawn })
}

fn gone() -> Refusal {
    Refusal::Fault("a row vanished inside its transaction".into())
}
