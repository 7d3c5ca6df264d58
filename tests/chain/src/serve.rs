//! A chain for the demonstration: a test mint, and a treasury with tokens of it.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use ed25519_dalek::SigningKey;
use serde_json::json;

use crate::world::{Tools, World};

/// As on mainnet.
const SLOT_MS: u64 = 400;
/// What the treasury has, base units: a million test dollars.
const TOKENS: u64 = 1_000_000_000_000;

/// Where.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Surfpool's native module
    #[arg(long, env = "LULL_SURFPOOL")]
    surfpool: PathBuf,
    /// Where the treasury's key is written; an older one there is overwritten, for its chain is gone
    key: PathBuf,
}

/// Serves until standard input ends.
pub(crate) async fn serve(ServeArgs { surfpool, key }: ServeArgs) -> Result<()> {
    let tools = Tools { surfpool, python: PathBuf::new(), coordinator: PathBuf::new() };
    // A treasury of its own for each chain: lanes and payouts of an earlier one are not taken for this one's.
    let treasury = SigningKey::from_bytes(&std::array::from_fn(|_| fastrand::u8(..)));
    let world = World::of(&tools, SLOT_MS, TOKENS, treasury).await?;
    let pair = serde_json::to_string(&world.key.to_keypair_bytes().to_vec())?;
    fs::write(&key, pair).with_context(|| format!("writing {}", key.display()))?;
    fs::set_permissions(&key, Permissions::from_mode(0o600))?;
    let mint = world.terms.treasury.mint.address().to_string();
    println!("{}", json!({ "rpc": world.surfnet.net.url(), "mint": mint, "key": key }));
    tokio::task::spawn_blocking(|| std::io::stdin().lock().read_to_end(&mut vec![])).await??;
    Ok(())
}
