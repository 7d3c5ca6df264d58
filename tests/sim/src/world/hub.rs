//! Who has which seat in the coordinator's process, and whom the news of a commit reaches.

use lull_market::session::{Answer, News};
use lull_protocol::PublicKey;
use lull_protocol::message::RefusedCode;

use super::World;
use super::house::{HouseEvent, Serving};
use super::net::{ConnId, Peer};
use crate::model::broken;
use crate::plan::{Ms, SECOND};

/// As the coordinator's own limits of these names.
const PUSHES_QUEUED_MAX: usize = 64;
const REPLACE_MS_MAX: Ms = 12 * SECOND;
const WAKE_MS: Ms = 50;

impl World {
    /// The newest connection of a worker has its seat; the older one leaves first.
    pub(crate) fn take_seat(&mut self, conn: ConnId, worker: PublicKey) {
        let key = self.net.peer(conn).and_then(|peer| match peer {
            Peer::Browser(who) => self.browsers.get(who).map(|browser| browser.me),
            Peer::Liar(who) => self.liars.get(who).map(|liar| liar.key.public()),
        });
        if key.is_some_and(|key| key != worker) {
            let what = format!("{key:?} has the seat of {worker}");
            self.check(Err(broken("a seat is its key's", what)));
        }
        let Some(process) = &mut self.house.process else { return };
        if process.stopping.is_some() {
            return self.feed_answer(conn, Answer::No);
        }
        let older = process.seats.insert(worker, conn);
        let Some(older) = older.filter(|older| process.sessions.contains_key(older)) else {
            return self.feed_answer(conn, Answer::Yes);
        };
        if let Some(serving) = process.sessions.get_mut(&older) {
            serving.end = Some(RefusedCode::Replaced);
        }
        if let Some(serving) = process.sessions.get_mut(&conn) {
            serving.waits_for = Some(older);
        }
        self.queue_house(REPLACE_MS_MAX, HouseEvent::Seat { conn });
        self.pump_soon(older);
    }

    pub(crate) fn grant_seat(&mut self, conn: ConnId, left: Option<ConnId>) {
        let is_waiting = |serving: &mut Serving| serving.waits_for.is_some_and(|older| left.is_none_or(|l| l == older));
        if self.serving(conn).is_some_and(is_waiting) {
            if let Some(serving) = self.serving(conn) {
                serving.waits_for = None;
            }
            self.queue_house(0, HouseEvent::Answered { conn, answer: Answer::Yes });
        }
    }

    /// What a commit means for others.
    pub(crate) fn deliver(&mut self, news: News) {
        let mut touched = Vec::new();
        let Some(process) = &mut self.house.process else { return };
        for (worker, push) in news.pushes {
            let Some(conn) = process.seats.get(&worker) else { continue };
            let Some(serving) = process.sessions.get_mut(conn) else { continue };
            if serving.pushes.len() >= PUSHES_QUEUED_MAX {
                serving.end = Some(RefusedCode::Busy);
            } else {
                serving.pushes.push_back(push);
            }
            touched.push(*conn);
        }
        if news.work && !std::mem::replace(&mut process.is_waking, true) {
            self.queue_house(WAKE_MS, HouseEvent::Wake);
        }
        for conn in touched {
            self.pump_soon(conn);
        }
    }

    pub(crate) fn wake_all(&mut self) {
        let Some(process) = &mut self.house.process else { return };
        process.is_waking = false;
        let seated: Vec<ConnId> = process.seats.values().copied().collect();
        for conn in seated {
            if let Some(serving) = self.serving(conn) {
                serving.is_woken = true;
            }
            self.pump_soon(conn);
        }
    }

    /// Ends every connection with this word.
    pub(crate) fn end_connections(&mut self, code: RefusedCode) {
        let Some(process) = &mut self.house.process else { return };
        let all: Vec<ConnId> = process.sessions.keys().copied().collect();
        for conn in all {
            if let Some(serving) = self.serving(conn) {
                serving.end = Some(code);
            }
            self.pump_soon(conn);
        }
    }

    fn pump_soon(&mut self, conn: ConnId) {
        let Some(serving) = self.serving(conn) else { return };
        serving.look += 1;
        let token = serving.look;
        self.queue_house(0, HouseEvent::Look { conn, token });
    }
}
