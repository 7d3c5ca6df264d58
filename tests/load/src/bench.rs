//! The benchmark: one coordinator, one crowd, one row after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use lull_coordinator::limits::BATCH_COMMANDS_MAX;
use lull_protocol::limits::JUDGMENT_LEASES_MAX;

use crate::machine::{allow_files, percentile_ms, resident_kib};
use crate::server::{Server, find_coordinator};
use crate::swarm::Swarm;
use crate::work::{Pace, Tally};
use crate::{bare, market, socket, store, work};
use lull_figures::Row;

/// Files that are open besides connections.
const OTHER_FILES: u64 = 500;
/// Connections before memory is counted: readers and threads are there then.
const FIRST_WORKERS: usize = 64;
/// Results that wait for their acknowledgement at a time.
const RESULTS_WINDOW: usize = 384;
/// Workers that wait for leases at a time.
const CLAIMS_WINDOW: usize = 128;
/// Results per second that a run is stocked for.
const RATE_MAX: usize = 20_000;
/// Messages of a socket's row.
const MESSAGES: usize = 100_000;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long results are sent, seconds (each of the other rows takes less)
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections
    #[arg(long, default_value_t = 10_000, value_parser = at_least_one)]
    workers: usize,
    /// The program to measure [default: the lull-coordinator beside this one]
    #[arg(long)]
    coordinator: Option<PathBuf>,
    /// Where a data folder is made, on the disk that is to be measured; it is removed at the end
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Only these rows
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "a number from 1 on".to_owned())
}

/// A group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The store alone, without sockets
    Store,
    /// Memory per idle connection
    Memory,
    /// Cost of a message
    Socket,
    /// Results, claims and their latency
    Results,
    /// Results at a fixed rate
    Paced,
    /// Workers that claim and answer
    Mixed,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Runs it.
pub(crate) fn run(options: Options) -> Result<()> {
    let program = find_coordinator(options.coordinator.clone())?;
    allow_files(options.workers as u64 + OTHER_FILES)?;
    std::fs::create_dir_all(&options.folder).with_context(|| options.folder.display().to_string())?;
    let folder = tempfile::Builder::new().prefix("load-").tempdir_in(&options.folder)?;
    let data = folder.path().join("data");
    let mut run = Run { folder: folder.path(), data: &data, acknowledged: 0, swarm: Swarm::new()?, options };
    run.all(&program)
}

struct Run<'a> {
    folder: &'a Path,
    data: &'a Path,
    options: Options,
    swarm: Swarm,
    acknowledged: usize,
}

impl Run<'_> {
    fn all(&mut self, program: &Path) -> Result<()> {
        if self.options.wants(Part::Store) {
            self.store()?;
        }
        if self.options.only == [Part::Store] {
            return Ok(());
        }
        let seconds = usize::try_from(self.options.seconds)?;
        let round = self.options.workers * usize::from(JUDGMENT_LEASES_MAX);
        let places = (2 * seconds * RATE_MAX).max(round) + 3 * round;
        eprintln!("· a market with {places} places for answers");
        market::stock(self.data, places)?;
        if self.options.wants(Part::Socket) {
            self.socket(&Server::coordinator(program, self.data)?)?;
        }
        // Another process: what the connections before leave behind would be room for these.
        let server = Server::coordinator(program, self.data)?;
        self.memory(&server)?;
        if self.options.wants(Part::Results) {
            self.results(&server)?;
        }
        if self.options.wants(Part::Paced) {
            self.paced(&server)?;
        }
        if self.options.wants(Part::Mixed) {
            self.mixed(&server)?;
        }
        drop(server);
        eprintln!("· the ledger and {} acknowledged results against the database", self.acknowledged);
        market::audit(self.data, self.acknowledged)
    }

    fn store(&mut self) -> Result<()> {
        eprintln!("· the store alone");
        let span = Duration::from_secs(self.options.seconds);
        let (leases, answers) = store::pace(&self.folder.join("store"), span)?;
        for (name, clock) in [("store: answers judged and paid", &answers), ("store: leases", &leases)] {
            Row::new(name, clock.rate(), "per s").note(clock.cost()).print()?;
        }
        Ok(())
    }

    fn memory(&mut self, server: &Server) -> Result<()> {
        let count = self.options.workers;
        eprintln!("· {count} connections");
        self.swarm.grow(server.target, FIRST_WORKERS.min(count))?;
        self.swarm.heartbeat()?;
        let before = resident_kib(server.id())?;
        self.swarm.grow(server.target, count)?;
        self.swarm.heartbeat()?;
        let after = resident_kib(server.id())?;
        if !self.options.wants(Part::Memory) || count <= FIRST_WORKERS {
            return Ok(());
        }
        let each = (after - before) / (count - FIRST_WORKERS) as f64;
        let note = format!("{count} connections after handshake and heartbeat; {after} KiB resident in all");
        Row::new("coordinator: memory per idle connection", each, "KiB").at_most(7.0).note(note).print()
    }

    fn socket(&mut self, server: &Server) -> Result<()> {
        let echo = Server::echo()?;
        for (name, depth) in [("one at a time", 1), ("16 in a burst", 16)] {
            eprintln!("· heartbeats, {name}");
            let (ping, echoed) = socket::cpu_us(server, &echo, depth, MESSAGES)?;
            let name = format!("coordinator: CPU per heartbeat, {name}");
            let note = "kernel time included; read, decoded, answered";
            Row::new(name, ping, "µs").beside("raw TCP echo on tokio", echoed).note(note).print()?;
        }
        Ok(())
    }

    fn results(&mut self, server: &Server) -> Result<()> {
        let span = Duration::from_secs(self.options.seconds);
        let (mut claims, mut results, mut statement_bytes) = (Tally::default(), Tally::default(), 0);
        while results.seconds < span.as_secs_f64() {
            self.swarm.heartbeat()?;
            eprintln!("· everyone claims");
            let held = work::claim(&mut self.swarm, server.id(), CLAIMS_WINDOW, &mut claims)?;
            let jobs = work::sign(&self.swarm, &held);
            if let Some(((peer, offer), _)) = held.first().zip(jobs.front()) {
                let key = &self.swarm.peers.get(*peer).context("a worker")?.key;
                statement_bytes = market::answer(*offer, key).bytes().len();
            }
            eprintln!("· {} results, {RESULTS_WINDOW} at a time", jobs.len());
            work::submit(&mut self.swarm, server.id(), jobs, Pace::Closed(RESULTS_WINDOW), &mut results)?;
        }
        self.acknowledged += results.count;
        eprintln!("· bare signatures and bare commits");
        let verify = bare::verify_per_second(2, statement_bytes, Duration::from_secs(3))?;
        // A result and its verdict are one row here.
        let row_bytes = 2 * statement_bytes;
        let commit = bare::commit_rows_per_second(self.folder, BATCH_COMMANDS_MAX, row_bytes, Duration::from_secs(3))?;
        let rate = results.rate();
        let shares = results.total().shares();
        let note = format!("verified, durable, acknowledged, judged and paid; {RESULTS_WINDOW} in flight; {shares}");
        let name = "coordinator: results";
        Row::new(name, rate, "per s")
            .at_least(10_000.0)
            .beside("bare verify_strict on 2 threads", verify)
            .note(note)
            .print()?;
        let note = format!("commits of {BATCH_COMMANDS_MAX} rows of {row_bytes} bytes, WAL, synchronous=FULL");
        let name = "coordinator: results, beside commits";
        Row::new(name, rate, "per s").beside("bare group commit", commit).note(note).print()?;
        Row::new("coordinator: CPU per result", results.cpu_us(), "µs").note(shares).print()?;
        for percent in [50, 99] {
            let value = percentile_ms(&mut results.waits_us, percent);
            let row = Row::new(format!("coordinator: acknowledgement at the highest rate, p{percent}"), value, "ms");
            row.note(format!("in the same run, at {rate:.0} results per s")).print()?;
        }
        let shares = claims.total().shares();
        let name = "coordinator: leases handed out";
        Row::new(name, claims.rate(), "per s").note(format!("{JUDGMENT_LEASES_MAX} per claim; {shares}")).print()?;
        Row::new("coordinator: CPU per lease", claims.cpu_us(), "µs").print()
    }

    fn paced(&mut self, server: &Server) -> Result<()> {
        self.swarm.heartbeat()?;
        let rate = 10_000.0;
        let held = work::claim(&mut self.swarm, server.id(), CLAIMS_WINDOW, &mut Tally::default())?;
        let (jobs, mut results) = (work::sign(&self.swarm, &held), Tally::default());
        self.acknowledged += jobs.len();
        eprintln!("· {} results at {rate} per second", jobs.len());
        work::submit(&mut self.swarm, server.id(), jobs, Pace::Open(rate), &mut results)?;
        let note = format!(
            "sent at {rate:.0} per s whatever comes back, {:.0} per s came back, counted from the due time; {}",
            results.rate(),
            results.total().shares()
        );
        for percent in [50, 99] {
            let value = percentile_ms(&mut results.waits_us, percent);
            let name = format!("coordinator: acknowledgement at {rate:.0} per s, p{percent}");
            let row = Row::new(name, value, "ms").note(note.clone());
            if percent == 99 { row.at_most(50.0) } else { row }.print()?;
        }
        Ok(())
    }

    fn mixed(&mut self, server: &Server) -> Result<()> {
        self.swarm.heartbeat()?;
        eprintln!("· claims and results together");
        let (span, mut tally) = (Duration::from_secs(self.options.seconds), Tally::default());
        work::mixed(&mut self.swarm, server.id(), RESULTS_WINDOW, span, &mut tally)?;
        self.acknowledged += tally.count;
        let shares = tally.total().shares();
        let note = format!("the generator signs each answer; {shares}");
        Row::new("coordinator: claimed and answered", tally.rate(), "per s").note(note).print()?;
        let p99 = percentile_ms(&mut tally.waits_us, 99);
        Row::new("coordinator: acknowledgement while claiming, p99", p99, "ms").print()
    }
}
