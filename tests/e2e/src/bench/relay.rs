//! Fetching pages for a buyer, beside plain fetches of the same pages by a page of the extension.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::row::Row;
use super::{Bench, number, say};
use crate::site::BENCH_BODY_BYTES;
use crate::world::World;

/// Pages of a round, and rounds: plain and relayed ones take turns.
const PAGES: usize = 60;
const ROUNDS: usize = 4;
/// Goal: the relay's time by the plain fetch's.
const RATIO: f64 = 1.1;
/// How often the buyer looks for the last result.
const LOOK: Duration = Duration::from_millis(5);

/// Sums of all rounds, milliseconds.
#[derive(Default)]
struct Times {
    plain: f64,
    /// From request to the body's end, as the worker signed it.
    fetch: f64,
    /// From the first request to the last acknowledgement.
    whole: f64,
    pages: f64,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for delay_ms in [0, 50] {
        say(&format!("{ROUNDS} rounds of {PAGES} pages, plain and for a buyer; the site thinks {delay_ms} ms"));
        let mut times = Times::default();
        for round in 0..=ROUNDS {
            let one = self::round(bench, delay_ms, round).await?;
            // The first one opens connections and warms caches.
            if round > 0 {
                times = Times {
                    plain: times.plain + one.plain,
                    fetch: times.fetch + one.fetch,
                    whole: times.whole + one.whole,
                    pages: times.pages + one.pages,
                };
            }
        }
        rows.extend(self::rows(delay_ms, &times));
    }
    Ok(rows)
}

fn rows(delay_ms: u64, times: &Times) -> Vec<Row> {
    let site = if delay_ms == 0 { "site on loopback".to_owned() } else { format!("site thinks {delay_ms} ms") };
    let (plain, fetch, whole) = (times.plain / times.pages, times.fetch / times.pages, times.whole / times.pages);
    let name = |what: &str| format!("relay, {site}: {what}");
    let peer = "plain fetch";
    let rate = |ms: f64| BENCH_BODY_BYTES as f64 / ms / 1_000.0;
    vec![
        Row::new(name("the fetch of 100 KB"), fetch, "ms").beside(peer, plain),
        Row::new(name("100 KB end to end"), whole, "ms").beside(peer, plain),
        Row::new(name("bytes end to end"), rate(whole), "MB/s").beside(peer, rate(plain)),
        Row::new(name("fetch by plain fetch"), fetch / plain, "×").at_most(RATIO),
        Row::new(name("end to end by plain fetch"), whole / plain, "×").at_most(RATIO),
    ]
}

async fn round(bench: &Bench, delay_ms: u64, round: usize) -> Result<Times> {
    let path = |who: &str, page: usize| format!("/bench/{delay_ms}/{who}-{round}-{page}");
    let urls = |who: &str| (0..PAGES).map(|page| World::url(&path(who, page))).collect::<Vec<_>>();
    let plain = bench.page(&format!("plainFetch({})", serde_json::to_string(&urls("plain"))?)).await?;
    ensure!(number(&plain, "bytes")? as usize == PAGES * BENCH_BODY_BYTES, "plain fetches brought {plain}");
    let sites = bench.world.sites.as_ref().context("the namespace has sites")?;
    let order = bench.world.buyer.order("A library's link check", &urls("relay")).await?;
    while bench.world.buyer.results_count(&order).await? < PAGES as u64 {
        tokio::time::sleep(LOOK).await;
    }
    let ended = std::time::Instant::now();
    let results = bench.world.buyer.results(&order).await?;
    let mut fetch = 0.0;
    for result in &results {
        let ms = |name: &str| result.get(name).and_then(Value::as_f64).with_context(|| format!("no {name}: {result}"));
        fetch += ms("finished_at")? - ms("started_at")?;
    }
    let begun = sites.first_asked(&path("relay", 0)).context("no request for the first page")?;
    Ok(Times {
        plain: number(&plain, "ms")?,
        fetch,
        whole: (ended - begun).as_secs_f64() * 1_000.0,
        pages: PAGES as f64,
    })
}
