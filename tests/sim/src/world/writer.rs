//! The coordinator's disk: starting on it, writing to it one batch at a time, reading from it, dying on it.

use lull_disk::Weather;
use lull_market::session::{Answer, Found, News, Query};
use lull_market::{Command, Context, Refusal, Reply, Reviewed};
use lull_protocol::cose;
use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{Extension, Offer};
use lull_store::{Reader, Store, StoreError};

use super::house::{Asker, Decided, HouseEvent, Process};
use super::net::Side;
use super::{BASE_MS, Event, World};
use crate::mix::chance;
use crate::model::broken;
use crate::plan::{MINUTE, Ms, SECOND};

/// As the coordinator's own limits of these names.
const BATCH_COMMANDS_MAX: usize = 256;
const STOP_MS_MAX: Ms = 5 * SECOND;
/// A sweep happens when something is due, and at least this often; the coordinator's own every second would
/// make quiet hours dear.
const SWEEP_MS_MAX: Ms = 10 * MINUTE;
pub(crate) const DATABASE: &str = "lull.sqlite";

impl World {
    /// The operator (or the machine's init) starts the coordinator.
    pub(crate) fn start_house(&mut self) {
        if self.house.process.is_some() {
            return;
        }
        self.house.is_dark = false;
        self.tally.starts += 1;
        self.make_copy();
        let path = self.house.disk.path(DATABASE);
        let opened = Store::open(&path).and_then(|store| Ok((store, Reader::open(&path)?)));
        if self.house.disk.is_stopped() {
            drop(opened);
            return self.die_on_disk();
        }
        match opened {
            Ok((store, reader)) => {
                self.house.process = Some(Process::new(store, reader));
                if self.is_serving() {
                    self.queue_house(0, HouseEvent::Sweep);
                } else {
                    self.queue.after(MINUTE, Event::LetGo);
                }
                self.audit(false);
                self.begin_to_pay();
            }
            Err(error) => {
                self.blame_disk(&error, "the store can't be opened");
                let after_ms = self.rng.u64(SECOND..10 * SECOND);
                self.queue.after(after_ms, Event::HouseStarts);
            }
        }
    }

    /// An error of the disk is an injected fault; any other is a bug.
    pub(crate) fn blame_disk(&mut self, error: &StoreError, what: &'static str) {
        if !error.is_transient() || self.house.weather == Weather::FAIR {
            tracing::error!(?error, what);
        }
    }

    pub(crate) fn ask_writer(&mut self, command: Command, asker: Asker) {
        let is_closed = self.pay.as_ref().is_some_and(|pay| pay.is_closed());
        let Some(process) = &mut self.house.process else { return };
        if is_closed && process.stopping.is_none() {
            // Nobody listens: who asked asks again.
            return;
        }
        process.commands.push_back((command, asker));
        if process.committing.is_none() && process.commands.len() == 1 {
            let after_ms = self.rng.u64(..2);
            self.queue_house(after_ms, HouseEvent::Commit);
        }
    }

    /// Takes what waits into one transaction. Its answers come after the time that a commit takes.
    pub(crate) fn commit(&mut self) {
        let (now, key, terms) = (self.house_wall(), self.house.shared.key.clone(), self.plan.terms.clone());
        let listed = self.pay.as_ref().map_or_else(Default::default, |pay| pay.listed());
        let Some(process) = &mut self.house.process else { return };
        if process.committing.is_some() || process.commands.is_empty() {
            return;
        }
        let count = process.commands.len().min(BATCH_COMMANDS_MAX);
        let (commands, askers): (Vec<Command>, Vec<Asker>) = process.commands.drain(..count).unzip();
        let applied = process.store.apply_each(&Context { now, key, terms, listed: listed.into() }, &commands);
        if self.house.disk.is_stopped() {
            self.model.may_have_committed(&commands, now);
            return self.die_on_disk();
        }
        if let Some(error) = applied.split {
            self.blame_disk(&error, "a batch failed; now one by one");
        }
        let mut decided = Vec::new();
        for ((command, asker), reply) in commands.iter().zip(askers).zip(applied.replies) {
            let (answer, news) = match reply {
                Ok(Ok(reply)) => {
                    let checked = self.model.committed(command, &reply, now);
                    self.check(checked);
                    self.note_due(&reply);
                    let news = News::of(&reply);
                    (Answer::Reply(reply), news)
                }
                Ok(Err(refusal)) => {
                    if let Refusal::Fault(fault) = &refusal {
                        tracing::error!(fault, ?command, "a command broke an invariant and changed nothing");
                    }
                    (Answer::Refused(refusal), News::default())
                }
                Err(error) => {
                    self.blame_disk(&error, "a commit failed");
                    // What SQLite wrote before its sync failed can come back when the process dies now.
                    self.model.may_have_committed(std::slice::from_ref(command), now);
                    (Answer::Unavailable, News::default())
                }
            };
            decided.push(Decided { asker, answer, news });
        }
        self.tally.commits += 1;
        if let Some(process) = &mut self.house.process {
            process.committing = Some(decided);
        }
        self.queue_house(self.house.commit_ms, HouseEvent::Committed);
    }

    pub(crate) fn committed(&mut self) {
        let Some(process) = &mut self.house.process else { return };
        let era = self.house.era;
        let decided = process.committing.take().unwrap_or_default();
        if !process.commands.is_empty() {
            self.queue_house(0, HouseEvent::Commit);
        }
        for Decided { asker, answer, news } in decided {
            if self.house.era != era || self.has_failed() {
                return;
            }
            match asker {
                Asker::Connection(conn) => self.answer(conn, answer),
                Asker::Buyer(buyer, turn) => self.buyer_hears(buyer, turn, answer),
                Asker::Page(number) => self.page_hears(number, answer),
                Asker::Sweeper | Asker::Operator => {}
            }
            self.deliver(news);
        }
    }

    /// When a sweep will find something.
    fn note_due(&mut self, reply: &Reply) {
        let (mut walls, now, terms) = (Vec::new(), self.house_wall().get(), &self.plan.terms);
        match reply {
            Reply::Leases(leases) => {
                for offer in leases.iter().filter_map(|lease| cose::peek::<Offer>(&lease.offer).ok()) {
                    walls.extend([offer.deadline.get(), offer.approved_at.get()]);
                }
            }
            Reply::Extended(statement) => {
                walls.extend(cose::peek::<Extension>(statement).map(|extension| extension.deadline.get()));
            }
            Reply::Stored { verdicts, .. } => {
                walls.extend(verdicts.first().map(|_| now + terms.dispute_ms));
                // It may have come late, and waits for its buyer.
                walls.push(now + terms.approval_ms);
            }
            Reply::Reviewed(Reviewed { verdicts, rejections, .. }) => {
                walls.extend(verdicts.first().map(|_| now + terms.dispute_ms));
                walls.extend(rejections.first().map(|_| now + terms.appeal_ms));
            }
            Reply::Swept { verdicts, .. } => walls.extend(verdicts.first().map(|_| now + terms.dispute_ms)),
            Reply::Appealed(_) => walls.push(now + terms.appeal_decision_ms),
            _ => {}
        }
        for wall in walls {
            let at = wall.saturating_sub(BASE_MS).saturating_add_signed(-self.house.clock_step_ms);
            self.house.due.insert(at + 1 + self.rng.u64(..SECOND));
        }
    }

    pub(crate) fn sweep(&mut self) {
        let now = self.queue.now();
        while self.house.due.first().is_some_and(|at| *at <= now) {
            self.house.due.pop_first();
        }
        self.ask_writer(Command::Sweep, Asker::Sweeper);
        let next = self.house.due.first().copied().unwrap_or(Ms::MAX).min(now + SWEEP_MS_MAX);
        self.queue_house(next.saturating_sub(now).max(self.plan.sweep_ms), HouseEvent::Sweep);
    }

    pub(crate) fn read_later(&mut self, conn: u64, query: Query) {
        // A read sees what was committed when it began; it may be a while until the connection hears of it.
        let answer = match self.read(&query) {
            Some(found) => {
                let checked = self.model.read(&query, &found);
                self.check(checked);
                Answer::Found(found)
            }
            None => Answer::Unavailable,
        };
        let after_ms = self.rng.u64(..4);
        self.queue_house(after_ms, HouseEvent::Answered { conn, answer });
    }

    fn read(&mut self, query: &Query) -> Option<Found> {
        let path = self.house.disk.path(DATABASE);
        let process = self.house.process.as_mut()?;
        let reader = match process.reader.take() {
            Some(reader) => Ok(reader),
            None => Reader::open(&path),
        };
        match reader.and_then(|reader| Ok((reader.answer(query)?, reader))) {
            Ok((found, reader)) => {
                process.reader = Some(reader);
                Some(found)
            }
            Err(error) => {
                self.blame_disk(&error, "reading the store failed");
                None
            }
        }
    }

    /// The disk stood still in the middle of something.
    pub(crate) fn die_on_disk(&mut self) {
        let (power, down_ms) = self.house.armed.take().unwrap_or((false, SECOND));
        self.kill_house(power, down_ms);
    }

    /// The process is gone, at this very moment.
    pub(crate) fn kill_house(&mut self, power: bool, down_ms: Ms) {
        // What connections to the database do when they are dropped must not count.
        self.house.disk.stop();
        let process = self.house.process.take();
        let conns: Vec<u64> = process.iter().flat_map(|process| process.sessions.keys().copied()).collect();
        drop(process);
        if power {
            self.house.disk.cut_power();
        } else {
            self.house.disk.kill();
        }
        self.house.era += 1;
        self.house.kill_after = None;
        self.house.armed = None;
        self.house.is_dark = power;
        self.tally.house_kills += 1;
        for conn in conns {
            let silent = power && chance(&mut self.rng, 700);
            self.net.close(&mut self.queue, conn, Side::House, silent);
        }
        self.queue.after(down_ms.max(1), Event::HouseStarts);
        self.buyers_lose_touch();
    }

    /// The operator stops the process as it should be.
    pub(crate) fn stop_house(&mut self, down_ms: Ms) {
        let Some(process) = &mut self.house.process else { return };
        process.stopping = Some(down_ms);
        self.end_connections(RefusedCode::Stopping);
        self.queue_house(STOP_MS_MAX, HouseEvent::End);
        let is_empty = self.house.process.as_ref().is_some_and(|process| process.sessions.is_empty());
        if is_empty {
            self.queue_house(0, HouseEvent::End);
        }
    }

    pub(crate) fn end_process(&mut self) {
        // What waits is committed first.
        let waits = self.house.process.as_ref().is_some_and(|p| p.committing.is_some() || !p.commands.is_empty());
        if waits {
            return self.queue_house(self.house.commit_ms, HouseEvent::End);
        }
        let Some(process) = self.house.process.take() else { return };
        let conns: Vec<u64> = process.sessions.keys().copied().collect();
        let down_ms = process.stopping.unwrap_or(0);
        // This closes the database as it should be.
        drop(process);
        if self.house.disk.is_stopped() {
            self.house.disk.kill();
        }
        self.house.era += 1;
        self.tally.restarts += 1;
        for conn in conns {
            self.net.close(&mut self.queue, conn, Side::House, false);
        }
        self.queue.after(down_ms.max(1), Event::HouseStarts);
        self.buyers_lose_touch();
    }

    /// The store as an auditor reads it, against the model. An auditor has all the time there is, so no read
    /// fails for good.
    pub(crate) fn audit(&mut self, is_last: bool) {
        if self.house.process.is_none() {
            return;
        }
        let wall = self.house_wall();
        self.house.disk.set_weather(Weather::FAIR);
        let checked = match Reader::open(&self.house.disk.path(DATABASE)) {
            Ok(reader) => self.model.audit(&reader, wall, is_last),
            Err(error) => Err(broken("the store can be read", format!("{error:?}"))),
        };
        self.house.disk.set_weather(self.house.weather);
        self.tally.audits += 1;
        self.check(checked);
    }
}
