//! The chain's process, its RPC, and transactions of a test's own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};
use lull_payout::address::Address;
use lull_payout::rpc::{self, Call, Commitment};
use lull_payout::units::Signature;
use serde::Deserialize;
use serde_json::{Value, json};
use solana_hash::Hash;
use solana_message::{Instruction, Message};
use solana_system_interface::instruction::transfer;

/// A chain of its own, until it is dropped.
pub(crate) struct Surfnet {
    process: Child,
    /// Its RPC.
    pub(crate) net: Net,
    payer: SigningKey,
}

#[derive(Deserialize)]
struct Ready {
    rpc: String,
    payer: String,
}

impl Surfnet {
    pub(crate) fn start(module: &Path, slot_ms: u64) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("surfnet.js");
        let configuration = json!({ "slotTimeMs": slot_ms, "airdropSol": 1_000_000_000_000_u64 });
        let mut node = Command::new("node");
        node.arg(script).arg(module).arg(configuration.to_string());
        let mut process = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("can't start node")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let ready: Ready = serde_json::from_str(&line).context("the chain didn't start")?;
        let payer = HEXLOWER.decode(ready.payer.as_bytes()).ok().context("the payer's key is no hexadecimal")?;
        let payer = SigningKey::from_bytes(payer.first_chunk().context("the payer's key is too short")?);
        Ok(Self { process, net: Net::new(ready.rpc)?, payer })
    }

    /// Gives lamports away.
    pub(crate) async fn fund(&self, to: &Address, lamports: u64) -> Result<()> {
        self.net.execute(&[transfer(&address(&self.payer), to, lamports)], &[&self.payer]).await.map(drop)
    }
}

impl Drop for Surfnet {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// One RPC.
#[derive(Clone)]
pub(crate) struct Net {
    http: reqwest::Client,
    url: String,
}

impl Net {
    fn new(url: String) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { http, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All that a shell has to do for a call.
    pub(crate) async fn ask<T>(&self, call: &Call<T>) -> Result<T> {
        let post = self.http.post(&self.url).header("content-type", "application/json").body(call.body(1));
        let body = post.send().await?.bytes().await?;
        call.answer(1, &body).with_context(|| String::from_utf8_lossy(&body).chars().take(600).collect::<String>())
    }

    /// Signs, sends and waits until it is confirmed.
    pub(crate) async fn execute(&self, instructions: &[Instruction], keys: &[&SigningKey]) -> Result<Signature> {
        self.execute_bytes(&self.signed(instructions, keys).await?).await
    }

    /// A transaction, signed; the first of the keys pays.
    pub(crate) async fn signed(&self, instructions: &[Instruction], keys: &[&SigningKey]) -> Result<Vec<u8>> {
        let payer = keys.first().context("who pays?")?;
        let blockhash = self.ask(&rpc::latest_blockhash()).await?;
        let message =
            Message::new_with_blockhash(instructions, Some(&address(payer)), &Hash::new_from_array(blockhash.0));
        let signed = message.serialize();
        let mut bytes = vec![u8::try_from(keys.len())?];
        let signers = message.account_keys.iter().take(keys.len());
        for signer in signers {
            let key = keys.iter().find(|key| address(key) == *signer).context("a signer is missing")?;
            bytes.extend(key.sign(&signed).to_bytes());
        }
        bytes.extend(&signed);
        Ok(bytes)
    }

    /// Sends and waits until it is confirmed; an error if it failed.
    pub(crate) async fn execute_bytes(&self, bytes: &[u8]) -> Result<Signature> {
        let answer = self.raw("sendTransaction", json!([BASE64.encode(bytes), { "encoding": "base64" }])).await?;
        let text = answer.get("result").and_then(Value::as_str).with_context(|| answer.to_string())?;
        let signature: Signature = text.parse()?;
        let begun = Instant::now();
        loop {
            let status = self.ask(&rpc::statuses(&[signature])).await?.into_iter().flatten().next();
            if let Some(status) = status.filter(|status| status.commitment >= Commitment::Confirmed) {
                ensure!(!status.is_failed, "a transaction of the test failed");
                return Ok(signature);
            }
            ensure!(begun.elapsed() < Duration::from_secs(30), "a transaction of the test does not land");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Hands a transaction to the chain unseen, so that it lands although it fails.
    pub(crate) async fn execute_failing(&self, instructions: &[Instruction], key: &SigningKey) -> Result<()> {
        let blockhash = self.ask(&rpc::latest_blockhash()).await?;
        let blockhash = Hash::new_from_array(blockhash.0);
        let signed = Message::new_with_blockhash(instructions, Some(&address(key)), &blockhash).serialize();
        let bytes = [&[1_u8][..], &key.sign(&signed).to_bytes(), &signed].concat();
        let config = json!({ "encoding": "base64", "skipPreflight": true });
        self.raw("sendTransaction", json!([BASE64.encode(&bytes), config])).await.map(drop)
    }

    async fn raw(&self, method: &str, params: Value) -> Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let post = self.http.post(&self.url).header("content-type", "application/json").body(body);
        Ok(serde_json::from_slice(&post.send().await?.bytes().await?)?)
    }
}

/// A key's address.
pub(crate) fn address(key: &SigningKey) -> Address {
    Address::from(key.verifying_key().to_bytes())
}
