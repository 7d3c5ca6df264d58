//! A chain on this machine with a test mint, from which the demonstration's coordinator pays; and what it says itself.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long money stays open to dispute in the demonstration: so that it becomes payable while one looks.
pub(crate) const DISPUTE: Duration = Duration::from_secs(20);
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

    /// What the coordinator is told, so that it pays; money is open to dispute for so long.
    pub(crate) fn settings(&self, dispute: Duration) -> Vec<String> {
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
            ("--dispute-ms", dispute.as_millis().to_string()),
        ];
        settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// What a wallet has of the mint, base units, as everybody sees it. It keeps it in one account.
    pub(crate) async fn balance(&self, wallet: &str) -> Result<u64> {
        let mint = json!({"mint": self.ready.mint});
        let form = json!({"encoding": "jsonParsed", "commitment": "confirmed"});
        let accounts = self.ask("getTokenAccountsByOwner", json!([wallet, mint, form])).await?;
        let accounts = accounts.get("value").and_then(Value::as_array).context("the wallet's accounts")?;
        let [account] = accounts.as_slice() else { bail!("{} accounts of one wallet", accounts.len()) };
        let address = account.get("pubkey").and_then(Value::as_str).context("an account's address")?;
        let commitment = json!({"commitment": "finalized"});
        let balance = self.ask("getTokenAccountBalance", json!([address, commitment])).await?;
        let amount = balance.pointer("/value/amount").and_then(Value::as_str).context("an amount")?;
        Ok(amount.parse()?)
    }

    /// Whether a transaction is final and did what it was for.
    pub(crate) async fn is_final(&self, transaction: &str) -> Result<bool> {
        let status = self.ask("getSignatureStatuses", json!([[transaction]])).await?;
        let status = status.pointer("/value/0").context("a status")?;
        ensure!(status.get("err").is_none_or(Value::is_null), "it failed: {status}");
        Ok(status.get("confirmationStatus") == Some(&json!("finalized")))
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let client = reqwest::Client::builder().no_proxy().build()?;
        let said: Value = client.post(&self.ready.rpc).json(&asked).send().await?.json().await?;
        said.get("result").cloned().with_context(|| format!("{method}: {said}"))
    }
}
