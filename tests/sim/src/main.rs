//! `lull-sim`: runs the simulator, alone or many times, and makes what fails small.

mod show;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lull_sim::{HOUR, Ms, Outcome, Plan, Report, run, shrink};

use show::Totals;

const EXAMPLES: &str = "\
Examples:
  lull-sim --runs 200              seeds 1 to 200
  lull-sim --hours 10000           until so many hours were simulated, from a random seed on
  lull-sim --seed 42               one run, twice: both must be the same, bit for bit
  lull-sim --seed 42 --keep 0,3,17 --calm-ms 90000
                                   the same with these elements only, as a shrunk failure is printed";

/// The highest seed to begin with: the next ones are numbers too.
const SEED_MAX: u64 = u64::MAX / 2;
/// How long things may go wrong: a run has so many events at most.
const CHAOS_MS_MAX: Ms = 10_000 * HOUR;
/// Runs at once.
const JOBS_MAX: u64 = 1_024;

/// Runs all of Lull on a virtual clock, network and disk, and holds it against a model
#[derive(Parser)]
#[command(name = "lull-sim", version, after_help = EXAMPLES)]
struct Cli {
    /// Run this seed, or begin with it
    #[arg(long, value_parser = RangedU64ValueParser::<u64>::new().range(..=SEED_MAX))]
    seed: Option<u64>,
    /// How many runs
    #[arg(long, conflicts_with = "hours", value_parser = at_least_1())]
    runs: Option<u64>,
    /// Run until this many hours were simulated
    #[arg(long, value_parser = at_least_1())]
    hours: Option<u64>,
    /// Only these elements of the seed's plan take part
    #[arg(long, value_delimiter = ',', requires = "seed", conflicts_with = "hours")]
    keep: Option<Vec<usize>>,
    /// How long things go wrong, milliseconds of the world's clock
    #[arg(long, value_parser = at_least_1().range(1..=CHAOS_MS_MAX))]
    chaos_ms: Option<Ms>,
    /// The faults stop earlier than the plan says, milliseconds of the world's clock
    #[arg(long, requires = "seed", conflicts_with = "hours")]
    calm_ms: Option<Ms>,
    /// Runs at once; all cores if not given
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=JOBS_MAX))]
    jobs: Option<usize>,
    /// Runs that making a failure small may take
    #[arg(long, default_value_t = 300)]
    shrink_runs: usize,
    /// Stop after so many seconds of real time, between two runs
    #[arg(long, value_parser = at_least_1())]
    seconds: Option<u64>,
    /// Go on after a failure; each is named, and none made small
    #[arg(long)]
    go_on: bool,
    /// Print the plan first
    #[arg(long)]
    plan: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(wrong) = fits(&cli) {
        Cli::command().error(ErrorKind::ValueValidation, wrong).exit();
    }
    let held = match (cli.seed, cli.runs, cli.hours) {
        (Some(seed), None, None) => replay(&cli, seed),
        _ => run_many(&cli),
    };
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn at_least_1() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

/// Elements and calm belong to one seed's plan, and lie inside it.
fn fits(cli: &Cli) -> Result<(), String> {
    let Some(seed) = cli.seed.filter(|_| cli.keep.is_some() || cli.calm_ms.is_some()) else { return Ok(()) };
    if cli.runs.is_some_and(|runs| runs > 1) {
        return Err("--keep and --calm-ms are of one seed: --runs can only be 1".into());
    }
    let plan = Plan::new(seed, cli.chaos_ms);
    let (elements, calm_ms) = (plan.kept.len(), plan.calm_ms);
    if let Some(beyond) = cli.keep.iter().flatten().find(|number| **number >= elements) {
        return Err(format!("--keep {beyond}: the plan of seed {seed} has {elements} elements, counted from 0"));
    }
    match cli.calm_ms.filter(|ms| *ms > calm_ms) {
        Some(ms) => Err(format!("--calm-ms {ms}: the faults of seed {seed} stop at {calm_ms} ms anyway")),
        None => Ok(()),
    }
}

fn plan_of(cli: &Cli, seed: u64) -> Plan {
    let mut plan = Plan::new(seed, cli.chaos_ms);
    if let Some(keep) = &cli.keep {
        plan.kept = keep.iter().copied().collect::<BTreeSet<_>>();
    }
    plan.calm_ms = cli.calm_ms.unwrap_or(plan.calm_ms);
    plan
}

/// One seed, twice.
fn replay(cli: &Cli, seed: u64) -> bool {
    let plan = plan_of(cli, seed);
    if cli.plan {
        println!("{}", plan.describe());
    }
    let begun = Instant::now();
    let (first, second) = (run(&plan), run(&plan));
    println!("seed {seed}: {:016x} and {:016x}, {}", first.hash, second.hash, show::one(&first, begun.elapsed() / 2));
    if first.hash != second.hash || first.outcome != second.outcome {
        println!("The same seed went two ways: something draws randomness or time of its own.");
        return false;
    }
    match first.outcome {
        Outcome::Held => true,
        Outcome::Broke { .. } => {
            tell_broken(seed, &first);
            explain(cli, &plan, first);
            false
        }
    }
}

/// Many seeds on all cores, until one fails, or all the same.
fn run_many(cli: &Cli) -> bool {
    let first_seed = cli.seed.unwrap_or_else(|| if cli.runs.is_some() { 1 } else { seed_of_now() });
    let runs_max = cli.runs.unwrap_or(if cli.hours.is_some() { u64::MAX } else { 100 });
    let hours_max = cli.hours.unwrap_or(u64::MAX);
    let jobs = cli.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    println!("seeds from {first_seed} on, {jobs} at once");
    let (next, stop) = (AtomicU64::new(first_seed), AtomicBool::new(false));
    let (totals, failed) = (Mutex::new(Totals::new()), Mutex::new(Vec::new()));
    let begun = Instant::now();
    let is_over = |seed: u64| {
        let seconds = cli.seconds.is_some_and(|most| begun.elapsed() >= Duration::from_secs(most));
        stop.load(Ordering::Relaxed) || seed - first_seed >= runs_max || seconds
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if is_over(seed) {
                        return;
                    }
                    let plan = plan_of(cli, seed);
                    let report = run(&plan);
                    let has_failed = report.outcome != Outcome::Held;
                    let mut totals = show::lock(&totals);
                    totals.add(seed, &report);
                    if has_failed {
                        tell_broken(seed, &report);
                        stop.fetch_or(!cli.go_on, Ordering::Relaxed);
                        show::lock(&failed).push((plan, report));
                    }
                    if totals.simulated_ms() / HOUR >= hours_max {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    println!("{}", totals.report());
    let failed = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let holds = failed.is_empty() && totals.runs() > 0;
    if cli.go_on {
        let seeds: Vec<String> = failed.iter().map(|(plan, _)| plan.seed.to_string()).collect();
        println!("{} failed: {}", seeds.len(), seeds.join(", "));
    } else if let Some((plan, report)) = failed.into_iter().next() {
        explain(cli, &plan, report);
    }
    holds
}

fn tell_broken(seed: u64, report: &Report) {
    println!("BROKEN by seed {seed}: {}", show::outcome(&report.outcome));
}

/// The smallest plan that still breaks the same invariant.
fn explain(cli: &Cli, plan: &Plan, report: Report) {
    println!("\nmaking it small, in at most {} runs …", cli.shrink_runs);
    let (small, report) = shrink(plan, report, cli.shrink_runs, &mut |elements| println!("  {elements} elements"));
    println!("\n{}\n\n{}", show::outcome(&report.outcome), small.describe());
    println!("Replay it:\n  cargo xtask sim {}", show::replay(&small));
}

fn seed_of_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() * 1_000
}
