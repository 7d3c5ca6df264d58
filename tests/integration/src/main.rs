//! Faults for real: a coordinator's process under load of native workers is killed, starved of disk, frozen and
//! cut off; afterwards every acknowledged result, verdict and balance is compared with what the workers hold.
//! Started through `cargo xtask test`.

mod books;
mod buyer;
mod fault;
mod place;
mod process;
mod proxy;
mod site;
mod table;
mod tamper;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::fault::{Kind, Outcome, Run};
use crate::process::Programs;

const EXAMPLES: &str = "Examples, through `cargo xtask test`, which sets up what this needs:
  cargo xtask test --only faults            a slice of a minute or two
  cargo xtask test --only faults --long     200 kills, long freezes, long storms: about half an hour";

/// Faults for real, and the books compared afterwards.
#[derive(Parser)]
#[command(name = "lull-integration", after_help = EXAMPLES)]
struct Args {
    /// All of it, not a slice.
    #[arg(long)]
    long: bool,
    /// What moments and choices are drawn from [default: the clock].
    #[arg(long)]
    seed: Option<u64>,
    /// Only this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(Kind::ALL.map(|(name, _)| name)))]
    only: Option<String>,
    /// Keeps what a run leaves in this folder [default: a fresh one that goes away, unless something failed].
    #[arg(long)]
    keep: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    place::enter()?;
    // Installed once; a second time would only say that it is there.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let programs = Programs::from_env()?;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(0..1 << 32));
    let run = Run { long: args.long, seed };
    let temporary = tempfile::Builder::new().prefix("lull-faults-").tempdir()?;
    let folder = args.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    println!("seed {seed} (moments of processes are real: a seed repeats the choices, not the microseconds)");
    let (mut outcomes, mut failed) = (Vec::new(), Vec::new());
    for (name, kind) in Kind::ALL {
        if args.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        println!("── {name}");
        let began = Instant::now();
        match on_runtime(kind.run(&programs, &folder.join(name), run)) {
            Ok(outcome) => {
                failed.extend(disagreements(name, &outcome));
                outcomes.push(outcome);
            }
            Err(error) => failed.push(format!("{name}: {error:?}")),
        }
        println!("   {:.0} s", began.elapsed().as_secs_f64());
    }
    print!("\n{}", table::table(&outcomes));
    for line in &failed {
        println!("FAILED  {line}");
    }
    if !failed.is_empty() {
        let folder = args.keep.unwrap_or_else(|| temporary.keep());
        bail!("{} things do not agree; seed {seed}; journals and logs are in {}", failed.len(), folder.display());
    }
    Ok(())
}

/// A runtime of its own: what a world left running ends with it.
fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// What does not agree in the books, and what the log may not say.
fn disagreements(name: &str, outcome: &Outcome) -> Vec<String> {
    let allowed = |error: &&String| !outcome.errors_allowed.iter().any(|words| error.contains(words));
    let errors = outcome.ending.errors.iter().filter(allowed).map(|error| format!("the log says: {error}"));
    let lines = outcome.ending.findings.all().cloned().chain(errors);
    lines.map(|line| format!("{name}: {line}")).collect()
}
