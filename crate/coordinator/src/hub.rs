//! Who is connected: at most one connection per worker. Commits reach the connections through here; nothing
//! here ever waits, so the writer can't be held up by a slow peer.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lull_market::session::{Input, Push};
use lull_protocol::PublicKey;
use lull_protocol::message::RefusedCode;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::limits::{PUSHES_QUEUED_MAX, WAKE_MS};

/// The connections.
#[derive(Debug)]
pub(crate) struct Hub {
    seats: Mutex<Seats>,
    news: Notify,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Seats {
    by_worker: BTreeMap<PublicKey, Entry>,
    next: u64,
    stopping: bool,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    mailbox: Arc<Mailbox>,
}

/// What waits for one connection. It holds no memory while nothing waits.
#[derive(Debug, Default)]
struct Mailbox {
    mail: Mutex<Mail>,
    came: Notify,
    /// Its connection has left.
    left: Notify,
}

#[derive(Debug, Default)]
struct Mail {
    pushes: Vec<Push>,
    /// There may be new work.
    wake: bool,
    /// The connection must end, and why.
    end: Option<RefusedCode>,
    left: bool,
}

impl Mailbox {
    fn put(&self, change: impl FnOnce(&mut Mail)) {
        change(&mut self.mail());
        self.came.notify_one();
    }

    /// A heap that is full belongs to a peer that doesn't read: it is sent away and catches up later.
    fn push(&self, push: Push) {
        self.put(|mail| {
            if mail.pushes.len() < PUSHES_QUEUED_MAX {
                mail.pushes.push(push);
            } else {
                mail.end = Some(RefusedCode::Busy);
            }
        });
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place; leaving is dropping it.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Arc<Hub>,
    worker: PublicKey,
    /// The connection's number, for the log.
    pub(crate) number: u64,
    mailbox: Arc<Mailbox>,
}

impl Seat {
    /// What the hub has for the connection. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Input<'static> {
        loop {
            if let Some(input) = self.waiting() {
                return input;
            }
            self.mailbox.came.notified().await;
        }
    }

    /// What the hub has for the connection now.
    pub(crate) fn waiting(&mut self) -> Option<Input<'static>> {
        let mut mail = self.mailbox.mail();
        if let Some(code) = mail.end {
            return Some(Input::End(code));
        }
        if !mail.pushes.is_empty() {
            return Some(Input::Pushes(take(&mut mail.pushes)));
        }
        take(&mut mail.wake).then_some(Input::Wake)
    }
}

/// The older connection of a worker that has just connected again.
#[derive(Debug)]
pub(crate) struct Older(Arc<Mailbox>);

impl Older {
    /// Returns when it has left.
    pub(crate) async fn gone(self) {
        loop {
            let left = self.0.left.notified();
            if self.0.mail().left {
                return;
            }
            left.await;
        }
    }
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { seats: Mutex::default(), news: Notify::new(), count: watch::Sender::new(0) })
    }

    /// Seats a worker; its older connection is told to end. `None`: the server is stopping.
    pub(crate) fn join(self: &Arc<Self>, worker: PublicKey) -> Option<(Seat, Option<Older>)> {
        let mut seats = self.seats();
        if seats.stopping {
            return None;
        }
        let number = seats.next;
        seats.next += 1;
        let mailbox = Arc::new(Mailbox::default());
        let entry = Entry { number, mailbox: mailbox.clone() };
        let older = seats.by_worker.insert(worker, entry).map(|old| {
            old.mailbox.put(|mail| mail.end = Some(RefusedCode::Replaced));
            Older(old.mailbox)
        });
        self.count.send_replace(seats.by_worker.len());
        Some((Seat { hub: self.clone(), worker, number, mailbox }, older))
    }

    /// Hands each push to the connection that it concerns, if there is one.
    pub(crate) fn deliver(&self, pushes: Vec<(PublicKey, Push)>) {
        if pushes.is_empty() {
            return;
        }
        let seats = self.seats();
        for (worker, push) in pushes {
            if let Some(entry) = seats.by_worker.get(&worker) {
                entry.mailbox.push(push);
            }
        }
    }

    /// Another process has written: each connection reads what there is for it.
    pub(crate) fn others_wrote(&self) {
        for entry in self.seats().by_worker.values() {
            entry.mailbox.push(Push::Others);
        }
    }

    /// How payouts stand has changed for everybody.
    pub(crate) fn payouts_changed(&self) {
        for entry in self.seats().by_worker.values() {
            entry.mailbox.push(Push::Payouts);
        }
    }

    /// There may be new work: connections that wait for some will ask, soon.
    pub(crate) fn work_is_new(&self) {
        self.news.notify_one();
    }

    /// Wakes all when there is new work, at most once per [`WAKE_MS`]; for as long as the task lives.
    pub(crate) async fn wake(&self) {
        loop {
            self.news.notified().await;
            self.wake_all();
            sleep(Duration::from_millis(WAKE_MS)).await;
        }
    }

    fn wake_all(&self) {
        for entry in self.seats().by_worker.values() {
            entry.mailbox.put(|mail| mail.wake = true);
        }
    }

    /// Ends every connection and lets no new one in.
    pub(crate) fn stop(&self) {
        let mut seats = self.seats();
        seats.stopping = true;
        for entry in seats.by_worker.values() {
            entry.mailbox.put(|mail| mail.end = Some(RefusedCode::Stopping));
        }
    }

    /// Returns when nobody is connected.
    pub(crate) async fn empty(&self) {
        // The sender lives in self, so waiting can't fail.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// How many are connected.
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.mailbox.mail().left = true;
        self.mailbox.left.notify_waiters();
        let mut seats = self.hub.seats();
        if seats.by_worker.get(&self.worker).is_some_and(|entry| entry.number == self.number) {
            seats.by_worker.remove(&self.worker);
            self.hub.count.send_replace(seats.by_worker.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lull_protocol::Hash;

    const WORKER: PublicKey = PublicKey([1; 32]);

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_sent_away() {
        let hub = Hub::new();
        let (mut seat, older) = hub.join(WORKER).unwrap();
        assert!(older.is_none());
        for _ in 0..PUSHES_QUEUED_MAX {
            hub.deliver(vec![(WORKER, Push::Account)]);
        }
        assert!(matches!(seat.waiting(), Some(Input::Pushes(all)) if all.len() == PUSHES_QUEUED_MAX), "full");
        for _ in 0..=PUSHES_QUEUED_MAX {
            hub.deliver(vec![(WORKER, Push::Account)]);
        }
        assert!(matches!(seat.next().await, Input::End(RefusedCode::Busy)), "too full");
    }

    #[tokio::test]
    async fn the_newest_connection_has_the_seat() {
        let hub = Hub::new();
        let (mut first, _) = hub.join(WORKER).unwrap();
        let (mut second, older) = hub.join(WORKER).unwrap();
        assert!(matches!(first.next().await, Input::End(RefusedCode::Replaced)));
        let older = tokio::spawn(older.unwrap().gone());
        drop(first);
        older.await.unwrap();
        assert_eq!(hub.count(), 1, "leaving late does not unseat the next");
        let push = |n| Push::Withdraw(Hash([n; 32]), RefusedCode::LeaseExpired);
        hub.deliver(vec![(WORKER, push(1)), (PublicKey([2; 32]), push(2)), (WORKER, push(3))]);
        assert!(matches!(second.next().await, Input::Pushes(pushes) if pushes == [push(1), push(3)]));
    }

    #[tokio::test(start_paused = true)]
    async fn much_news_wakes_once() {
        let hub = Hub::new();
        let (mut seat, _) = hub.join(WORKER).unwrap();
        let waker = tokio::spawn({
            let hub = hub.clone();
            async move { hub.wake().await }
        });
        hub.work_is_new();
        assert!(matches!(seat.next().await, Input::Wake));
        let first = tokio::time::Instant::now();
        (0..1_000).for_each(|_| hub.work_is_new());
        assert!(matches!(seat.next().await, Input::Wake));
        assert!(first.elapsed() >= Duration::from_millis(WAKE_MS));
        let third = tokio::time::timeout(Duration::from_millis(10 * WAKE_MS), seat.next());
        assert!(third.await.is_err(), "nothing is new any more");
        waker.abort();
    }

    #[tokio::test]
    async fn stopping_ends_all_and_lets_nobody_in() {
        let hub = Hub::new();
        let (mut seat, _) = hub.join(WORKER).unwrap();
        hub.stop();
        assert!(matches!(seat.next().await, Input::End(RefusedCode::Stopping)));
        assert!(hub.join(PublicKey([2; 32])).is_none());
        drop(seat);
        hub.empty().await;
    }
}
