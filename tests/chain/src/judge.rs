//! Somebody else's library judges our bytes: PyPI's solders, in `check.py`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use lull_payout::batch::{Batch, Stage};
use lull_payout::memo::Memo;
use serde_json::{Value, json};

use crate::world::World;

/// Every payment among these must be what was planned.
pub(crate) fn judge(world: &World, batches: &[Batch]) -> Result<String> {
    let mut check = Command::new(&world.tools.python);
    check.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("check.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = check.spawn().context("can't start Python")?;
    let mut input = running.stdin.take().context("no input")?;
    for batch in batches {
        if let Some(plan) = plan(world, batch)? {
            writeln!(input, "{plan}")?;
        }
    }
    drop(input);
    let output = running.wait_with_output()?;
    ensure!(output.status.success(), "solders finds otherwise");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn plan(world: &World, batch: &Batch) -> Result<Option<Value>> {
    let Stage::Signed { payment, fees } = &batch.stage else { return Ok(None) };
    if batch.transfers.is_empty() {
        return Ok(None);
    }
    let memo = Memo::new(batch.id, batch.transfers.iter().map(|transfer| transfer.payout).collect())?;
    let treasury = world.terms.treasury;
    let transfers = batch.transfers.iter().map(|one| {
        json!({ "wallet": one.wallet.to_string(), "amount": one.amount.get(), "makes_account": one.makes_account })
    });
    Ok(Some(json!({
        "bytes": HEXLOWER.encode(payment.bytes()),
        "signature": payment.signature().to_string(),
        "owner": treasury.owner.to_string(),
        "mint": treasury.mint.address().to_string(),
        "program": treasury.mint.program().address().to_string(),
        "decimals": treasury.mint.decimals(),
        "lane": batch.lane.0.to_string(),
        "nonce": batch.nonce.to_string(),
        "units": fees.units,
        "price": fees.price,
        "memo": memo.to_string(),
        "transfers": transfers.collect::<Vec<_>>(),
    })))
}
