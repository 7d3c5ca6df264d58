//! `lull-load`: what the real coordinator carries on this machine.

mod bare;
mod bench;
mod frames;
mod machine;
mod market;
mod server;
mod socket;
mod store;
mod swarm;
mod work;

use anyhow::Result;
use clap::{Parser, Subcommand};

const EXAMPLES: &str = "Examples:
  lull-load bench                              everything, 10 seconds of results, 10,000 connections
  lull-load bench --workers 5000 --seconds 30
  lull-load bench --only results               results alone, for work on them
  lull-load bench | jq -r '[.name, .value, .unit] | @tsv'

It starts the lull-coordinator that lies beside it (`cargo build --release -p lull-coordinator -p lull-load`)
on a data folder of its own, and prints one JSON object per figure on stdout.";

/// Measures the coordinator: results, claims, connections, messages.
#[derive(Parser)]
#[command(name = "lull-load", version, after_help = EXAMPLES, after_long_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure, and print a line per figure
    Bench(bench::Options),
    /// A TCP echo, to measure beside
    #[command(hide = true)]
    Echo,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Bench(options) => bench::run(options),
        Task::Echo => server::serve_echo(),
    }
}
