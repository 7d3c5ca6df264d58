//! The network: connections that keep their order, and what breaks them.
//!
//! A connection is a lane each way. Latency, a slow line and a partition delay what is in a lane; a cut takes
//! its tail, at a frame of the WebSocket, which is all that either side could see. Nothing is repeated or
//! reordered inside a lane: that happens across connections, and by an adversary between.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use lull_protocol::ToWorker;
use lull_protocol::message::Message;

use super::{Event, Queue};
use crate::mix::{chance, pick};
use crate::plan::Ms;

/// Frames of anybody and of one kind that an adversary may use, at most.
const TAPE_FRAMES: usize = 8;

/// A connection's number.
pub(crate) type ConnId = u64;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    House,
    Worker,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::House => Self::Worker,
            Self::Worker => Self::House,
        }
    }
}

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Browser(usize),
    Liar(usize),
}

/// What arrives.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// Somebody dials, or the house has picked up.
    Open,
    Frame(Vec<u8>),
    Close,
}

/// One end: the lane towards it, and whether its own side has closed it.
#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<(Ms, Parcel)>,
    last: Ms,
    is_waiting: bool,
    is_cut: bool,
    is_closed: bool,
}

/// How good a line is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) latency_ms: Ms,
    pub(crate) bytes_per_ms: u64,
    /// Nothing gets through before then.
    pub(crate) parted_until: Ms,
    /// Frames that somebody between changes, of a thousand.
    pub(crate) attacked: u32,
}

#[derive(Debug)]
struct Conn {
    peer: Peer,
    to_house: Lane,
    to_worker: Lane,
}

impl Conn {
    fn end(&self, side: Side) -> &Lane {
        match side {
            Side::House => &self.to_house,
            Side::Worker => &self.to_worker,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::House => &mut self.to_house,
            Side::Worker => &mut self.to_worker,
        }
    }
}

impl Line {
    const FAIR: Self = Self { latency_ms: 20, bytes_per_ms: 2_000, parted_until: 0, attacked: 0 };
}

/// All connections and lines.
#[derive(Debug)]
pub(crate) struct Net {
    conns: BTreeMap<ConnId, Conn>,
    next: ConnId,
    lines: BTreeMap<Peer, Line>,
    /// What was sent lately, per direction, by the byte that tells a message's kind.
    tapes: BTreeMap<Side, BTreeMap<u8, VecDeque<Vec<u8>>>>,
    rng: Rng,
}

impl Net {
    pub(crate) fn new(rng: Rng) -> Self {
        let (conns, lines, tapes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { conns, next: 1, lines, tapes, rng }
    }

    pub(crate) fn set_line(&mut self, peer: Peer, line: Line) {
        self.lines.insert(peer, line);
    }

    pub(crate) fn line(&mut self, peer: Peer) -> &mut Line {
        self.lines.entry(peer).or_insert(Line::FAIR)
    }

    /// Dials; the house answers, or doesn't.
    pub(crate) fn dial(&mut self, queue: &mut Queue, peer: Peer) -> ConnId {
        let id = self.next;
        self.next += 1;
        self.conns.insert(id, Conn { peer, to_house: Lane::default(), to_worker: Lane::default() });
        self.send(queue, id, Side::House, Parcel::Open);
        id
    }

    pub(crate) fn peer(&self, id: ConnId) -> Option<Peer> {
        self.conns.get(&id).map(|conn| conn.peer)
    }

    /// The connections of a peer that are not closed at its end.
    pub(crate) fn of(&self, peer: Peer) -> Vec<ConnId> {
        let mine = self.conns.iter().filter(|(_, conn)| conn.peer == peer && !conn.to_worker.is_closed);
        mine.map(|(id, _)| *id).collect()
    }

    /// Whether this end was closed by its own side.
    pub(crate) fn is_open(&self, id: ConnId, side: Side) -> bool {
        self.conns.get(&id).is_some_and(|conn| !conn.end(side).is_closed)
    }

    /// How long the last parcel in this lane still takes.
    pub(crate) fn backlog_ms(&self, now: Ms, id: ConnId, to: Side) -> Ms {
        self.conns.get(&id).map_or(0, |conn| conn.end(to).last.saturating_sub(now))
    }

    /// Puts something into the lane towards a side.
    pub(crate) fn send(&mut self, queue: &mut Queue, id: ConnId, to: Side, parcel: Parcel) {
        let Some(peer) = self.peer(id) else { return };
        let attacked = self.line(peer).attacked;
        let parcels = match parcel {
            Parcel::Frame(bytes) => self.tamper(to, bytes, attacked).into_iter().map(Parcel::Frame).collect(),
            other => vec![other],
        };
        for parcel in parcels {
            self.push(queue, id, to, parcel);
        }
    }

    fn push(&mut self, queue: &mut Queue, id: ConnId, to: Side, parcel: Parcel) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let line = self.lines.get(&conn.peer).copied().unwrap_or(Line::FAIR);
        let lane = conn.end_mut(to);
        if lane.is_cut {
            return;
        }
        let bytes = if let Parcel::Frame(bytes) = &parcel { bytes.len() as u64 } else { 0 };
        let jitter_ms = self.rng.u64(..=line.latency_ms / 4 + 1);
        let begins = (queue.now() + line.latency_ms + jitter_ms).max(lane.last);
        let at = begins + bytes / line.bytes_per_ms.max(1);
        lane.last = at;
        lane.queue.push_back((at, parcel));
        if !lane.is_waiting {
            lane.is_waiting = true;
            queue.at(at, Event::Net { conn: id, to });
        }
    }

    /// The next parcel that is due in a lane. A partition holds it back.
    pub(crate) fn take(&mut self, queue: &mut Queue, id: ConnId, to: Side) -> Option<Parcel> {
        let conn = self.conns.get_mut(&id)?;
        let parted_until = self.lines.get(&conn.peer).map_or(0, |line| line.parted_until);
        let lane = conn.end_mut(to);
        lane.is_waiting = false;
        let due = lane.queue.front()?.0.max(parted_until);
        let parcel = if due <= queue.now() { lane.queue.pop_front().map(|(_, parcel)| parcel) } else { None };
        if let Some((at, _)) = lane.queue.front() {
            lane.is_waiting = true;
            queue.at((*at).max(due).max(queue.now()), Event::Net { conn: id, to });
        }
        self.forget(id);
        parcel
    }

    /// One side closes: the other hears of it after all that is under way, unless nobody tells it.
    pub(crate) fn close(&mut self, queue: &mut Queue, id: ConnId, by: Side, silent: bool) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if std::mem::replace(&mut conn.end_mut(by).is_closed, true) {
            return;
        }
        if !silent {
            self.push(queue, id, by.other(), Parcel::Close);
        }
        self.forget(id);
    }

    /// The line breaks: any tail of what is under way is lost.
    pub(crate) fn cut(&mut self, queue: &mut Queue, id: ConnId, silent: bool) {
        for to in [Side::House, Side::Worker] {
            let Some(conn) = self.conns.get_mut(&id) else { return };
            let lane = conn.end_mut(to);
            let kept = self.rng.usize(..=lane.queue.len());
            lane.queue.truncate(kept);
            if !silent {
                self.push(queue, id, to, Parcel::Close);
            }
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.end_mut(to).is_cut = true;
            }
        }
    }

    fn forget(&mut self, id: ConnId) {
        let is_done = |lane: &Lane| lane.is_closed && lane.queue.is_empty();
        let is_over = |conn: &Conn| is_done(&conn.to_house) && is_done(&conn.to_worker);
        if self.conns.get(&id).is_some_and(is_over) {
            self.conns.remove(&id);
        }
    }

    /// What somebody between makes of a frame.
    fn tamper(&mut self, to: Side, bytes: Vec<u8>, attacked: u32) -> Vec<Vec<u8>> {
        let kind = bytes.get(1).copied().unwrap_or_default();
        let tape = self.tapes.entry(to).or_default().entry(kind).or_default();
        tape.push_back(bytes.clone());
        if tape.len() > TAPE_FRAMES {
            tape.pop_front();
        }
        if !chance(&mut self.rng, attacked) {
            return vec![bytes];
        }
        match self.rng.u32(..6) {
            0 => vec![],
            1 => vec![bytes.clone(), bytes],
            2 => vec![bytes, self.foreign(to), self.foreign(to)],
            3 => vec![self.foreign(to), bytes],
            4 => vec![self.mixed(bytes)],
            _ => vec![flipped(&mut self.rng, bytes)],
        }
    }

    /// An offer with another one's item; any other frame as it is.
    fn mixed(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let kind = bytes.get(1).copied().unwrap_or_default();
        let tape = self.tapes.get(&Side::Worker).and_then(|tapes| tapes.get(&kind));
        let of_assign = |bytes: &Vec<u8>| match ToWorker::from_frame(bytes) {
            Ok(ToWorker::Assign { offer, item, extension, pace, record, skips_left }) => {
                Some((offer, item, extension, pace, record, skips_left))
            }
            _ => None,
        };
        let Some((offer, own, extension, pace, record, skips_left)) = of_assign(&bytes) else { return bytes };
        let others = tape.into_iter().flatten().filter_map(of_assign).map(|(_, item, ..)| item);
        let others: Vec<_> = others.filter(|item| *item != own).collect();
        let item = pick(&mut self.rng, &others).cloned().unwrap_or(own);
        ToWorker::Assign { offer, item, extension, pace, record, skips_left }.to_frame()
    }

    /// A frame of any session in this direction.
    pub(crate) fn foreign(&mut self, to: Side) -> Vec<u8> {
        let Some(tapes) = self.tapes.get(&to) else { return vec![] };
        let kind = self.rng.usize(..tapes.len().max(1));
        let Some(tape) = tapes.values().nth(kind) else { return vec![] };
        let number = self.rng.usize(..tape.len().max(1));
        tape.get(number).cloned().unwrap_or_default()
    }
}

/// One byte is another.
pub(crate) fn flipped(rng: &mut Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    let at = rng.usize(..bytes.len().max(1));
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= rng.u8(1..);
    }
    bytes
}
