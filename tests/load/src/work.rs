//! Leases and results under load: how many, how late, at what cost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lull_protocol::limits::JUDGMENT_LEASES_MAX;
use lull_protocol::{Filter, Hash, TaskSet, ToCoordinator};

use crate::frames::{Seen, client_frame};
use crate::machine::{Spent, Times};
use crate::market;
use crate::swarm::Swarm;

/// Without any answer for so long, something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a phase came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Leases or results.
    pub(crate) count: usize,
    pub(crate) seconds: f64,
    /// From sending to the answer, microseconds.
    pub(crate) waits_us: Vec<u32>,
    pub(crate) spent: Vec<Spent>,
}

impl Tally {
    /// Per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds.max(0.001)
    }
    /// All phases as one.
    pub(crate) fn total(&self) -> Spent {
        let sum = |part: fn(&Spent) -> f64| self.spent.iter().map(part).sum();
        Spent {
            seconds: sum(|s| s.seconds),
            server: sum(|s| s.server),
            writer: sum(|s| s.writer),
            load: sum(|s| s.load),
            others: sum(|s| s.others),
        }
    }
    /// CPU microseconds of the coordinator for each.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.total().server * 1e6 / self.count.max(1) as f64
    }
}

/// Who holds which leases.
pub(crate) type Held = Vec<(usize, Hash)>;

/// Everyone asks for as many judgments as a worker may hold; so many ask at a time.
pub(crate) fn claim(swarm: &mut Swarm, server: u32, window: usize, tally: &mut Tally) -> Result<Held> {
    let want = client_frame(&ToCoordinator::Want {
        fetch: 0,
        judgment: JUDGMENT_LEASES_MAX,
        tasks: TaskSet::CHOICE,
        warnings: lull_protocol::WarningSet::NONE,
        filter: Filter::default(),
    });
    let places = usize::from(JUDGMENT_LEASES_MAX);
    let (mut held, mut seen): (Held, _) = (Vec::with_capacity(swarm.peers.len() * places), Vec::new());
    let mut has = vec![0_usize; swarm.peers.len()];
    let (mut asked, mut served) = (0, 0);
    let before = Times::read(server)?;
    let begun = Instant::now();
    let mut heard = begun;
    while served < swarm.peers.len() {
        while asked < swarm.peers.len() && asked - served < window {
            swarm.send(asked, &want)?;
            asked += 1;
        }
        swarm.look(Duration::from_millis(100), &mut seen)?;
        for (peer, seen) in seen.drain(..) {
            let Seen::Lease(offer) = seen else { continue };
            heard = Instant::now();
            held.push((peer, offer));
            if let Some(has) = has.get_mut(peer) {
                *has += 1;
                served += usize::from(*has == places);
            }
        }
        if heard.elapsed() > PATIENCE {
            bail!("{served} of {asked} workers have their leases, and no more come");
        }
    }
    tally.seconds += begun.elapsed().as_secs_f64();
    tally.spent.push(Times::read(server)?.since(&before));
    tally.count += held.len();
    Ok(held)
}

/// One signed result, ready to go.
pub(crate) struct Job {
    peer: usize,
    frame: Vec<u8>,
}

/// Signs a result for each lease: each worker's first, then each one's second, and so on, since a connection
/// has one result decided at a time.
pub(crate) fn sign(swarm: &Swarm, held: &Held) -> VecDeque<Job> {
    let mut turns = vec![0_u8; swarm.peers.len()];
    let mut jobs: Vec<(u8, Job)> = Vec::with_capacity(held.len());
    for (number, offer) in held {
        let (Some(peer), Some(turn)) = (swarm.peers.get(*number), turns.get_mut(*number)) else { continue };
        jobs.push((*turn, Job { peer: *number, frame: result_frame(*offer, &peer.key) }));
        *turn += 1;
    }
    jobs.sort_by_key(|(turn, job)| (*turn, job.peer));
    jobs.into_iter().map(|(_, job)| job).collect()
}

fn result_frame(offer: Hash, key: &lull_protocol::SigningKey) -> Vec<u8> {
    client_frame(&ToCoordinator::Result { statement: market::answer(offer, key).bytes().to_vec().into() })
}

/// When a result is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As soon as one of so many is acknowledged: how much can be done.
    Closed(usize),
    /// So many per second whatever comes back: how long one waits then, counted from its due time.
    Open(f64),
}

/// Sends results until all are acknowledged.
pub(crate) fn submit(
    swarm: &mut Swarm,
    server: u32,
    mut jobs: VecDeque<Job>,
    pace: Pace,
    tally: &mut Tally,
) -> Result<()> {
    let total = jobs.len();
    let mut sent_at: Vec<VecDeque<Instant>> = vec![VecDeque::new(); swarm.peers.len()];
    let (mut sent, mut acked) = (0_usize, 0_usize);
    let mut seen = Vec::new();
    let before = Times::read(server)?;
    let begun = Instant::now();
    let mut heard = begun;
    while acked < total {
        let mut wait = Duration::from_millis(100);
        loop {
            let due = match pace {
                Pace::Closed(window) if sent - acked < window => Instant::now(),
                Pace::Closed(_) => break,
                Pace::Open(rate) => begun + Duration::from_secs_f64(sent as f64 / rate),
            };
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                // Epoll waits whole milliseconds; what is due meanwhile goes out together.
                wait = left.max(Duration::from_millis(1));
                break;
            }
            let Some(job) = jobs.pop_front() else { break };
            if let Some(at) = sent_at.get_mut(job.peer) {
                at.push_back(due);
            }
            swarm.send(job.peer, &job.frame)?;
            sent += 1;
        }
        swarm.look(wait, &mut seen)?;
        let now = Instant::now();
        for (peer, seen) in seen.drain(..) {
            if let Seen::Ack(_) = seen {
                (acked, heard) = (acked + 1, now);
                let at = sent_at.get_mut(peer).and_then(VecDeque::pop_front);
                let waited = at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
                tally.waits_us.push(u32::try_from(waited.as_micros()).unwrap_or(u32::MAX));
            }
        }
        if heard.elapsed() > PATIENCE {
            bail!("{acked} of {sent} results are acknowledged, and no more come");
        }
    }
    tally.seconds += begun.elapsed().as_secs_f64();
    tally.spent.push(Times::read(server)?.since(&before));
    tally.count += total;
    Ok(())
}

/// Workers as they are: each result that is acknowledged makes place for a lease, each lease is answered at
/// once. So many of them work at a time.
pub(crate) fn mixed(swarm: &mut Swarm, server: u32, busy: usize, span: Duration, tally: &mut Tally) -> Result<()> {
    let want = client_frame(&ToCoordinator::Want {
        fetch: 0,
        judgment: 1,
        tasks: TaskSet::CHOICE,
        warnings: lull_protocol::WarningSet::NONE,
        filter: Filter::default(),
    });
    let mut sent_at: Vec<VecDeque<Instant>> = vec![VecDeque::new(); swarm.peers.len()];
    let mut next = (0..swarm.peers.len()).cycle();
    let (mut working, mut seen) = (0, Vec::new());
    let before = Times::read(server)?;
    let begun = Instant::now();
    let mut heard = begun;
    loop {
        let over = begun.elapsed() > span;
        if over && working == 0 {
            break;
        }
        while !over && working < busy {
            let Some(peer) = next.next() else { break };
            swarm.send(peer, &want)?;
            working += 1;
        }
        swarm.look(Duration::from_millis(100), &mut seen)?;
        let now = Instant::now();
        for (number, seen) in seen.drain(..) {
            match seen {
                Seen::Lease(offer) => {
                    let Some(frame) = swarm.peers.get(number).map(|peer| result_frame(offer, &peer.key)) else {
                        continue;
                    };
                    if let Some(at) = sent_at.get_mut(number) {
                        at.push_back(Instant::now());
                    }
                    swarm.send(number, &frame)?;
                }
                Seen::Ack(_) => {
                    (working, heard) = (working - 1, now);
                    tally.count += 1;
                    let at = sent_at.get_mut(number).and_then(VecDeque::pop_front);
                    let waited = at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
                    tally.waits_us.push(u32::try_from(waited.as_micros()).unwrap_or(u32::MAX));
                }
                _ => {}
            }
        }
        if heard.elapsed() > PATIENCE {
            bail!("{working} workers wait for a lease or an acknowledgement, and none comes");
        }
    }
    tally.seconds += begun.elapsed().as_secs_f64();
    tally.spent.push(Times::read(server)?.since(&before));
    Ok(())
}
