//! The one writer: a thread that owns the store. Commands of all tasks wait in a bounded queue; what is
//! there when the thread looks becomes one batch with one commit; replies follow the commit.

use std::collections::BTreeSet;
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::SystemTime;

use lull_market::session::News;
use lull_market::{Command, Context, Refusal, Reply, Terms};
use lull_protocol::{Hash, SigningKey, Timestamp};
use lull_store::{Checkpointer, PayCommand, PayError, PayReply, Store, StoreError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::hub::Hub;
use crate::limits::{APPEALS_TOLD_MAX, BATCH_COMMANDS_MAX, CHECKPOINT_COMMANDS, COMMANDS_QUEUED_MAX};
use crate::pay::PayoutError;
use crate::sanctions::List;
use crate::trouble::Trouble;

/// Why a command gave no reply.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// The market refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store can't write now, or the server is stopping. Ask again later: should a commit that failed have
    /// lasted after all, that is found then.
    #[error("the store can't write now")]
    Unavailable,
}

type PayAnswer = oneshot::Sender<Result<PayReply, PayError>>;
type Answer = oneshot::Sender<Result<Reply, AskError>>;

/// A batch that is committed: who asked, and what became of it.
struct Settled {
    answers: Vec<(Answer, Result<Reply, AskError>)>,
    /// Another process has written meanwhile.
    others_wrote: bool,
}

enum Job {
    Command(Box<Command>, Answer),
    /// A transaction of its own.
    Pay(Box<PayCommand>, PayAnswer),
    Stop,
}

/// Puts commands to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    healthy: watch::Receiver<bool>,
}

impl Writer {
    /// Starts the thread, and the task that hands out what it has committed: waking hundreds of tasks costs
    /// less from within the runtime, and the thread goes on with the next batch meanwhile. A second thread copies
    /// the log into the database; it ends with the first.
    pub(crate) fn start(
        store: Store,
        checkpointer: Checkpointer,
        (key, terms, listed): (SigningKey, Terms, List),
        hub: Arc<Hub>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let (health, healthy) = watch::channel(true);
        let (settled, to_hand_out) = mpsc::unbounded_channel();
        let (log_grew, due) = sync_channel(1);
        let trouble = Trouble::default();
        let work = Work { store, key, terms, listed, settled, health, trouble, log_grew, commands: 0 };
        let checkpoints = Builder::new().name("checkpoints".into()).spawn(move || checkpoints(&checkpointer, &due))?;
        tokio::spawn(hand_out(hub, to_hand_out));
        let thread = Builder::new().name("writer".into()).spawn(move || {
            work.run(queue);
            // Whoever closes the database last leaves it without a log.
            checkpoints.join().unwrap_or_else(|panic| resume_unwind(panic));
        })?;
        Ok((Self { jobs, healthy }, thread))
    }

    /// Has a command decided and committed.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, AskError> {
        let (answer, reply) = oneshot::channel();
        self.jobs.send(Job::Command(Box::new(command), answer)).await.map_err(|_| AskError::Unavailable)?;
        reply.await.map_err(|_| AskError::Unavailable)?
    }

    /// Has a command of the shell that pays committed.
    pub(crate) async fn pay(&self, command: PayCommand) -> Result<PayReply, PayoutError> {
        let (answer, reply) = oneshot::channel();
        self.jobs.send(Job::Pay(Box::new(command), answer)).await.map_err(|_| PayoutError::Unavailable)?;
        Ok(reply.await.map_err(|_| PayoutError::Unavailable)??)
    }

    /// Ends the thread once everything before this is committed.
    pub(crate) async fn stop(&self) {
        // A closed queue means that the thread has already ended.
        let _ = self.jobs.send(Job::Stop).await;
    }

    /// Whether the last commit succeeded.
    pub(crate) fn is_healthy(&self) -> bool {
        *self.healthy.borrow()
    }
}

/// The clock of this machine; before 1970 counts as 1970.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::ZERO.plus(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

struct Work {
    store: Store,
    key: SigningKey,
    terms: Terms,
    listed: List,
    /// As many as commands were queued.
    settled: mpsc::UnboundedSender<Settled>,
    health: watch::Sender<bool>,
    trouble: Trouble,
    log_grew: SyncSender<()>,
    /// Since the log was last said to have grown.
    commands: usize,
}

impl Work {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut stopping = false;
        while !stopping {
            let (mut commands, mut answers, mut pay) = (Vec::new(), Vec::new(), None);
            let mut next = queue.blocking_recv().unwrap_or(Job::Stop);
            loop {
                match next {
                    Job::Command(command, answer) => {
                        commands.push(*command);
                        answers.push(answer);
                    }
                    Job::Pay(command, answer) => pay = Some((command, answer)),
                    Job::Stop => stopping = true,
                }
                if stopping || pay.is_some() || commands.len() == BATCH_COMMANDS_MAX {
                    break;
                }
                match queue.try_recv() {
                    Ok(job) => next = job,
                    Err(_) => break,
                }
            }
            self.commit(&commands, answers);
            if let Some((command, answer)) = pay {
                self.pay(&command, answer);
            }
        }
    }

    fn pay(&mut self, command: &PayCommand, answer: PayAnswer) {
        let paid = self.store.pay(now(), command);
        match &paid {
            Ok(_) => self.learn(true, true),
            Err(PayError::Store(error)) => {
                self.trouble.failed(error);
                self.health.send_replace(false);
            }
            Err(PayError::Fault(fault)) => {
                tracing::error!(fault, "a command of payouts broke an invariant and changed nothing");
            }
            Err(PayError::Stale | PayError::OtherTreasury | PayError::NotHeld | PayError::TooManyDeposits) => {}
        }
        // Whoever asked may be gone.
        let _ = answer.send(paid);
    }

    fn commit(&mut self, commands: &[Command], answers: Vec<Answer>) {
        if commands.is_empty() {
            return;
        }
        let (key, terms, listed) = (self.key.clone(), self.terms.clone(), self.listed.wallets());
        let context = Context { now: now(), key, terms, listed };
        let applied = self.store.apply_each(&context, commands);
        if let Some(error) = &applied.split {
            tracing::debug!(%error, commands = commands.len(), "a batch failed; its commands were tried one by one");
        }
        let held = applied.replies.last().is_some_and(Result::is_ok);
        let mut replies = Vec::with_capacity(answers.len());
        for reply in applied.replies {
            replies.push(match reply {
                Ok(reply) => {
                    if let Err(Refusal::Fault(fault)) = &reply {
                        tracing::error!(fault, "a command broke an invariant and changed nothing");
                    }
                    reply.map_err(AskError::from)
                }
                Err(error) => {
                    self.trouble.failed(&error);
                    Err(AskError::Unavailable)
                }
            });
        }
        self.learn(held, applied.wrote);
        self.commands += commands.len();
        if self.commands >= CHECKPOINT_COMMANDS {
            self.commands = 0;
            // Full: it is known already.
            let _ = self.log_grew.try_send(());
        }
        let answers = answers.into_iter().zip(replies).collect();
        let others_wrote = commands.contains(&Command::Sweep) && self.others_wrote();
        // Without the runtime nobody waits any more; what was committed stays committed.
        let _ = self.settled.send(Settled { answers, others_wrote });
    }

    /// Whether the operator's own commands have changed something, which nobody else tells.
    fn others_wrote(&mut self) -> bool {
        self.store.others_wrote().unwrap_or_else(|error| {
            tracing::debug!(%error, "the data version was not read");
            false
        })
    }

    /// How the disk fares. A batch that wrote nothing says nothing of it, so while there is trouble the store is
    /// asked.
    fn learn(&mut self, held: bool, wrote: bool) {
        let healthy = match self.store_tried(held, wrote) {
            Ok(()) => held,
            Err(error) => {
                self.trouble.failed(&error);
                false
            }
        };
        if healthy {
            self.trouble.passed();
        }
        self.health.send_replace(healthy);
    }

    fn store_tried(&mut self, held: bool, wrote: bool) -> Result<(), StoreError> {
        let is_known = !held || wrote || *self.health.borrow();
        if is_known { Ok(()) } else { self.store.probe() }
    }
}

fn checkpoints(checkpointer: &Checkpointer, due: &Receiver<()>) {
    while due.recv().is_ok() {
        // What keeps this from its work keeps the writer from its own, which says so.
        if let Err(error) = checkpointer.run() {
            tracing::debug!(%error, "the log was not copied");
        }
    }
}

async fn hand_out(hub: Arc<Hub>, mut settled: mpsc::UnboundedReceiver<Settled>) {
    let mut appeals_told = BTreeSet::new();
    while let Some(Settled { answers: batch, others_wrote }) = settled.recv().await {
        let (mut pushes, mut work_is_new) = (Vec::new(), false);
        for (_, reply) in &batch {
            if let Ok(Reply::Appealed(rejection)) = reply {
                tell_of_appeal(&mut appeals_told, *rejection);
            }
            let news = reply.as_ref().map(News::of).unwrap_or_default();
            pushes.extend(news.pushes);
            work_is_new |= news.work;
        }
        // First what waits for nobody: then a connection that gets its answer finds the rest of its news, too,
        // and sends all at once.
        hub.deliver(pushes);
        if others_wrote {
            hub.others_wrote();
        }
        for (answer, reply) in batch {
            // Whoever asked may be gone.
            let _ = answer.send(reply);
        }
        if work_is_new {
            hub.work_is_new();
        }
    }
}

/// Once: workers send an appeal again with each connection.
fn tell_of_appeal(told: &mut BTreeSet<Hash>, rejection: Hash) {
    if told.len() == APPEALS_TOLD_MAX {
        told.clear();
    }
    if told.insert(rejection) {
        tracing::info!(%rejection, "an appeal waits for the operator");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lull_market::RequesterId;
    use zeroize::Zeroizing;

    fn requester(n: u8) -> Command {
        let name = format!("Buyer {n}");
        Command::AddRequester { requester: RequesterId([n; 16]), name, key_hash: Hash([n; 32]) }
    }

    #[test]
    fn one_command_that_does_not_fit_does_not_fail_its_batch() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("lull.sqlite")).unwrap();
        store.set_bytes_max(400_000).unwrap();
        let config = crate::config::Settings::default().finish().unwrap();
        let key = SigningKey::from_seed(&Zeroizing::new([7; 32]));
        let (health, healthy) = watch::channel(true);
        let (settled, mut replies) = mpsc::unbounded_channel();
        let (log_grew, _due) = sync_channel(1);
        let (terms, trouble) = (config.terms, Trouble::default());
        let listed = List::open(None).unwrap();
        let mut work = Work { store, key, terms, listed, settled, health, trouble, log_grew, commands: 0 };
        let bytes = [
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".as_slice(),
            &[1; 500_000],
        ]
        .concat();
        let media_type = "image/png".to_owned();
        let large = Command::PutBlob { requester: RequesterId([1; 16]), media_type, bytes };
        let batch = [requester(1), large, requester(2)];
        work.commit(&batch, batch.iter().map(|_| oneshot::channel().0).collect());
        let mut replies = replies.try_recv().unwrap().answers.into_iter();
        let mut next = || replies.next().unwrap().1;
        assert!(matches!(next(), Ok(Reply::Done)));
        assert!(matches!(next(), Err(AskError::Unavailable)));
        assert!(matches!(next(), Ok(Reply::Done)));
        assert!(*healthy.borrow(), "the last commit succeeded");
    }
}
