//! A chain on this machine with a test mint, from which the demonstration's coordinator pays.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long money stays open to dispute here, milliseconds: so that it becomes payable while one looks.
const DISPUTE_MS: u64 = 20_000;
/// What leaves in an hour at most, and to one person in a day, base units: 100 and 10 test dollars.
const LIMITS: (u64, u64) = (100_000_000, 10_000_000);
/// What one SOL is worth in the test mint, base units.
const SOL_PRICE: u64 = 200_000_000;

/// A chain that runs until this is dropped.
pub(crate) struct Chain {
    _process: Child,
    ready: Ready,
}

#[derive(Deserialize)]
struct Ready {
    rpc: String,
    mint: String,
    key: String,
}

impl Chain {
    /// Starts it; the treasury's key is kept in the data folder.
    pub(crate) async fn start(data: &Path) -> Result<Self> {
        let program = std::env::var_os("LULL_CHAIN_BIN").context("LULL_CHAIN_BIN is not set")?;
        let mut process = Command::new(program)
            .arg("serve")
            .arg(data.join("treasury.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the chain did not start")?;
        let out = process.stdout.take().context("the chain's output")?;
        let line = BufReader::new(out).lines().next_line().await?.context("the chain ended")?;
        Ok(Self { _process: process, ready: serde_json::from_str(&line)? })
    }

    /// Where it is.
    pub(crate) fn rpc(&self) -> &str {
        &self.ready.rpc
    }

    /// What the coordinator is told, so that it pays.
    pub(crate) fn settings(&self) -> Vec<String> {
        let Ready { rpc, mint, key } = &self.ready;
        let (hour, person_day) = LIMITS;
        let settings = [
            ("--payout-chain", "localnet".to_owned()),
            ("--payout-rpc", rpc.clone()),
            ("--payout-mint", mint.clone()),
            ("--payout-key", key.clone()),
            ("--payout-hour-max", hour.to_string()),
            ("--payout-person-day-max", person_day.to_string()),
            ("--payout-sol-price", SOL_PRICE.to_string()),
            ("--dispute-ms", DISPUTE_MS.to_string()),
        ];
        settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}
