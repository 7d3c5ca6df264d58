//! `lull-native crowd`: the demonstration's crowd.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Parser, Subcommand};
use lull_native::{Crowd, NativeWorker, fresh_key, load_recorded};
use lull_protocol::trust::TrustRoot;

/// Native Lull workers for the demonstration and for load.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example:\n  lull-native crowd --coordinator ws://127.0.0.1:7411/v1/worker \\\n    --fingerprint 5f3a… --recorded tests/demo/judgments.json --people 2"
)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Simulated people that replay recorded answers, until stopped.
    Crowd {
        /// The coordinator's worker socket.
        #[arg(long)]
        coordinator: String,
        /// SHA-256 of its public key, 64 hexadecimal digits.
        #[arg(long)]
        fingerprint: String,
        /// Recorded answers.
        #[arg(long)]
        recorded: PathBuf,
        /// How many people.
        #[arg(long, default_value_t = 2)]
        people: usize,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Task::Crowd { coordinator, fingerprint, recorded, people } = Args::parse().command;
    let trust = TrustRoot::new(&coordinator, &fingerprint)?;
    let recorded = Arc::new(load_recorded(&recorded)?);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    for person in 0..people {
        let shell = Crowd { recorded: recorded.clone(), person };
        tasks.spawn(NativeWorker::new(trust.clone(), fresh_key(), BTreeMap::new(), shell).run(stopped.clone()));
    }
    tokio::signal::ctrl_c().await?;
    stop.send(true)?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
