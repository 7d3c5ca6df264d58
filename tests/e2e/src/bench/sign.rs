//! Signing a result in the browser.

use anyhow::Result;

use super::{Bench, number, say};
use lull_figures::{Row, Sample};

/// Signatures that are timed together, and how often.
const SIGNATURES: u32 = 200;
const ROUNDS: usize = 20;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    say(&format!("signing {SIGNATURES} results, {ROUNDS} times"));
    let (mut wasm, mut webcrypto, mut bytes) = (Sample::default(), Sample::default(), 0.0);
    for _ in 0..ROUNDS {
        let took = bench.page(&format!("sign({SIGNATURES})")).await?;
        wasm.push(number(&took, "wasm")? * 1_000.0 / f64::from(SIGNATURES));
        webcrypto.push(number(&took, "webcrypto")? * 1_000.0 / f64::from(SIGNATURES));
        bytes = number(&took, "bytes")?;
    }
    let note = format!(
        "encoding and signing a judgment's result of {bytes} bytes, by the background's crates and profile in a page of \
         the same browser; median of {ROUNDS} rounds of {SIGNATURES}; WebCrypto signs as many bytes, one after another"
    );
    let row = Row::new("sign per result", wasm.quantile(0.5), "µs");
    Ok(vec![row.beside("WebCrypto Ed25519 sign", webcrypto.quantile(0.5)).note(note)])
}
