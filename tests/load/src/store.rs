//! The store alone: what one thread decides, applies and commits, without sockets.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lull_coordinator::limits::BATCH_COMMANDS_MAX;
use lull_market::{Command, Context as House, Reply};
use lull_protocol::Hash;
use lull_protocol::limits::JUDGMENT_LEASES_MAX;
use lull_protocol::units::Nonce;
use lull_protocol::{Filter, TaskSet};
use lull_store::Store;

use crate::machine::{own_bytes_written, own_cpu_seconds};
use crate::market;
use crate::swarm::worker_key;

/// Workers that claim and answer in one round.
const WORKERS: usize = 5_000;
/// Answers per second that the market is stocked for.
const RATE_MAX: usize = 25_000;

/// How many of one kind of command, in what time, at what cost.
#[derive(Default)]
pub(crate) struct Clock {
    count: usize,
    seconds: f64,
    cpu_seconds: f64,
    bytes_written: f64,
}

impl Clock {
    fn run<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (cpu, bytes, begun) = (own_cpu_seconds()?, own_bytes_written()?, Instant::now());
        let done = work()?;
        self.seconds += begun.elapsed().as_secs_f64();
        self.cpu_seconds += own_cpu_seconds()? - cpu;
        self.bytes_written += own_bytes_written()? - bytes;
        Ok(done)
    }

    /// Per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds.max(0.001)
    }

    /// What one costs.
    pub(crate) fn cost(&self) -> String {
        let count = self.count.max(1) as f64;
        let (cpu_us, kib) = (self.cpu_seconds * 1e6 / count, self.bytes_written / count / 1_024.0);
        format!(
            "one thread, batches of {BATCH_COMMANDS_MAX} commands; {cpu_us:.1} µs CPU and {kib:.1} KiB written each"
        )
    }
}

/// Rounds of claims and answers until the answers took so long: the clocks of leases and of answers.
pub(crate) fn pace(data: &Path, span: Duration) -> Result<(Clock, Clock)> {
    let round = WORKERS * usize::from(JUDGMENT_LEASES_MAX);
    market::stock(data, usize::try_from(span.as_secs())? * RATE_MAX + 2 * round)?;
    let (mut store, house) = market::open(data)?;
    let keys: Vec<_> = (0..WORKERS).map(worker_key).collect();
    let (mut leases, mut answers, mut nonce) = (Clock::default(), Clock::default(), 0_u128);
    while answers.seconds < span.as_secs_f64() {
        let house = House { now: crate::swarm::now(), ..house.clone() };
        let mut nonces = |count: u8| {
            (0..count)
                .map(|_| {
                    nonce += 1;
                    Nonce(nonce.to_be_bytes())
                })
                .collect()
        };
        let claims = keys.iter().map(|key| Command::Claim {
            worker: key.public(),
            fetch: 0,
            judgment: JUDGMENT_LEASES_MAX,
            tasks: TaskSet::CHOICE,
            warnings: lull_protocol::WarningSet::ALL,
            filter: Filter::default(),
            nonces: nonces(JUDGMENT_LEASES_MAX),
        });
        let claims: Vec<Command> = claims.collect();
        let replies = leases.run(|| apply(&mut store, &house, &claims))?;
        let mut submits = Vec::with_capacity(round);
        for (key, reply) in keys.iter().zip(replies) {
            let Reply::Leases(leases) = reply else { bail!("a claim gave {reply:?}") };
            for lease in leases {
                let result = Box::new(market::answer(Hash::of(&lease.offer), key));
                submits.push(Command::Submit { result, body: Vec::new() });
            }
        }
        leases.count += submits.len();
        answers.run(|| apply(&mut store, &house, &submits))?;
        answers.count += submits.len();
    }
    let count = answers.count;
    drop(store);
    market::audit(data, count)?;
    Ok((leases, answers))
}

fn apply(store: &mut Store, house: &House, commands: &[Command]) -> Result<Vec<Reply>> {
    let mut replies = Vec::with_capacity(commands.len());
    for batch in commands.chunks(BATCH_COMMANDS_MAX) {
        for reply in store.apply(house, batch)? {
            replies.push(reply?);
        }
    }
    Ok(replies)
}
