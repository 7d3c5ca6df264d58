//! How fast policy decides, natively and in the browser.

use std::time::Instant;

use anyhow::{Result, ensure};
use lull_bench::{judge_urls, parse_urls};
use lull_figures::{Row, Sample};

use super::super::{Bench, number, say};

/// Rounds over the table that are timed together, and how often.
const ROUNDS: u32 = 100;
const TIMES: usize = 20;
/// What stands beside it.
const PEER: &str = "url::Url::parse";

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    say(&format!("policy's decisions, {TIMES} times {ROUNDS} rounds"));
    bench.open_page().await?;
    let (mut native, mut wasm) = ((Sample::default(), Sample::default()), (Sample::default(), Sample::default()));
    let mut table = 0;
    for _ in 0..TIMES {
        let begun = Instant::now();
        let judged = judge_urls(ROUNDS);
        native.0.push(judged as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let parsed = parse_urls(ROUNDS);
        native.1.push(parsed as f64 / begun.elapsed().as_secs_f64());
        let page = bench.page(&format!("judge({ROUNDS})")).await?;
        let per_second =
            |count: &str, ms: &str| Ok::<_, anyhow::Error>(number(&page, count)? / number(&page, ms)? * 1_000.0);
        wasm.0.push(per_second("decisions", "judged")?);
        wasm.1.push(per_second("urls", "parsed")?);
        ensure!(judged == parsed && number(&page, "decisions")? == judged as f64, "not every ordinary URL passes");
        table = judged / ROUNDS as usize;
    }
    let rows = [("native", native), ("in the browser's wasm", wasm)].map(|(where_, (decisions, parses))| {
        let note = format!(
            "the URL and the address that answered judged, as each hop is, over {table} ordinary URLs that pass, one \
             thread; the same URLs parsed; medians of {TIMES} times {ROUNDS} rounds"
        );
        Row::new(format!("policy decisions, {where_}"), decisions.quantile(0.5), "per s")
            .beside(PEER, parses.quantile(0.5))
            .note(note)
    });
    Ok(rows.into())
}
