//! Payouts on a real chain of this machine: `crate/payout` driven by a shell as small as it can be, faults injected,
//! each payout's balance compared, the bytes judged by somebody else's library. And such a chain for the demonstration,
//! and for measuring. Started through `cargo xtask`.

mod bench;
mod coordinator;
mod deposits;
mod house;
mod judge;
mod liar;
mod net;
mod scenario;
mod serve;
mod shell;
#[path = "../../../crate/payout/tests/model/store.rs"]
mod store;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::world::Tools;

/// Payouts on a real chain, and the balances compared afterwards.
#[derive(Parser)]
#[command(
    name = "lull-chain",
    after_help = "Example, through `cargo xtask test`, which sets up what this needs:
  cargo xtask test --only chain"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Payouts, and the balances compared afterwards
    Test(TestArgs),
    /// A chain with a test mint and a treasury, until standard input ends; one JSON line says where
    Serve(serve::ServeArgs),
    /// Payouts per second, what they cost, and how long they take; rows as JSON lines
    Bench(bench::BenchArgs),
}

#[derive(clap::Args)]
struct TestArgs {
    /// Surfpool's native module.
    #[arg(long, env = "LULL_SURFPOOL")]
    surfpool: PathBuf,
    /// A Python that has solders.
    #[arg(long, env = "LULL_SOLDERS_PYTHON")]
    python: PathBuf,
    /// The coordinator's program.
    #[arg(long, env = "LULL_COORDINATOR_BIN")]
    coordinator: PathBuf,
    /// Only scenarios whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Args { task } = Args::parse();
    // Installed once; a second time would only say that it is there.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    match task {
        Task::Test(args) => test(args).await,
        Task::Serve(args) => serve::serve(args).await,
        Task::Bench(args) => bench::bench(args).await,
    }
}

async fn test(TestArgs { surfpool, python, coordinator, only }: TestArgs) -> Result<()> {
    let tools = Tools { surfpool, python, coordinator };
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for (name, run) in scenario::all(&tools).into_iter().filter(|(name, _)| name.contains(&only)) {
        running.spawn(async move { (name, run.await, begun.elapsed()) });
    }
    let mut failed = 0;
    while let Some(ended) = running.join_next().await {
        let (name, result, time) = ended?;
        match result {
            Ok(told) => println!("ok      {name} ({:.1} s){told}", time.as_secs_f32()),
            Err(error) => {
                println!("FAILED  {name} ({:.1} s): {error:#}", time.as_secs_f32());
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("{failed} scenarios failed")
    }
    Ok(())
}
