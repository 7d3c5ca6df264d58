//! Fetching pages for a buyer, beside plain fetches of the same pages by a page of the extension.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Bench, number, say};
use crate::world::World;
use lull_figures::{Row, Sample};

/// Pages that are fetched over and over.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    /// What each has, bytes.
    pub(super) bytes: usize,
    /// What the site takes to think before it answers, milliseconds.
    pub(super) thinks_ms: u64,
    /// Pages of a round.
    pub(super) count: usize,
    /// Rounds: plain and relayed ones take turns.
    pub(super) rounds: usize,
}

impl Pages {
    /// Receipts that they leave behind.
    pub(super) const fn receipts(self) -> usize {
        self.count * (1 + self.rounds)
    }
}

/// Goal: the relay's time by the plain fetch's.
const RATIO: f64 = 1.1;
/// How often the buyer looks for the last result.
const LOOK: Duration = Duration::from_millis(5);

/// Times of a page, a value a round, milliseconds.
#[derive(Default)]
struct Times {
    plain: Sample,
    /// A plain fetch that waits for the address, as the relay must.
    watched: Sample,
    /// From request to the body's end, as the worker signed it.
    fetch: Sample,
    /// From the first request to the last acknowledgement, by the number of pages.
    whole: Sample,
    fetch_ratio: Sample,
    whole_ratio: Sample,
}

pub(super) async fn measure(bench: &Bench, pages: Pages) -> Result<Vec<Row>> {
    let Pages { bytes, thinks_ms, count, rounds } = pages;
    say(&format!(
        "{rounds} rounds of {count} pages of {bytes} bytes, plain and for a buyer; the site thinks {thinks_ms} ms"
    ));
    let mut times = Times::default();
    // The first one opens connections and warms caches.
    self::round(bench, pages, 0, &mut Times::default()).await?;
    for round in 1..=rounds {
        self::round(bench, pages, round, &mut times).await?;
    }
    Ok(self::rows(pages, &times))
}

/// Bytes as a person says them.
fn size(bytes: usize) -> String {
    match bytes {
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} KB", bytes / 1_000),
    }
}

fn rows(Pages { bytes, thinks_ms, count, rounds }: Pages, times: &Times) -> Vec<Row> {
    let site = format!("{} relayed, site thinks {thinks_ms} ms", size(bytes));
    let [plain, watched, fetch, whole] =
        [&times.plain, &times.watched, &times.fetch, &times.whole].map(|sample| sample.quantile(0.5));
    let bytes_per_ms = |ms: f64| bytes as f64 / ms;
    let how = format!(
        "a site on loopback that answers after {thinks_ms} ms, kept-alive https, one page after another; medians of \
         {rounds} rounds of {count} pages, plain ones and relayed ones in turn; plain is \
         fetch(url, {{cache: 'no-store'}}).arrayBuffer() in an extension page"
    );
    let fetched = format!("request to end of body with policy and the address judged, as the worker signs it; {how}");
    let whole_note = format!(
        "first request to last acknowledgement by the number of pages, work always there: fetched, hashed, signed, \
         stored with strict durability, sent, verified, stored by the coordinator with its body; the coordinator hands \
         one connection work at most every 10 ms (CLAIM_MS_MIN), 2 pages at a time (FETCH_LEASES_MAX): never less than \
         5 ms a page, and the next request waits while the average is above the second's cap at its highest, 100 MB/s; \
         {how}"
    );
    let watched_note = format!(
        "a plain fetch by an extension page that registers webRequest.onResponseStarted for the URL and reads no body \
         before the address is known: the least that the relay's rule costs in this browser; {how}"
    );
    vec![
        Row::new(format!("{site}: plain fetch, address awaited"), watched, "ms")
            .beside("plain fetch", plain)
            .note(&watched_note),
        Row::new(format!("{site}: fetch"), fetch, "ms").beside("plain fetch", plain).note(&fetched),
        Row::new(format!("{site}: end to end"), whole, "ms").beside("plain fetch", plain).note(&whole_note),
        Row::new(format!("{site}: bytes end to end"), bytes_per_ms(whole), "KB/s")
            .beside("plain fetch", bytes_per_ms(plain))
            .note(&whole_note),
        Row::new(format!("{site}: fetch by plain fetch"), times.fetch_ratio.quantile(0.5), "×")
            .at_most(RATIO)
            .note(&fetched),
        Row::new(format!("{site}: end to end by plain fetch"), times.whole_ratio.quantile(0.5), "×")
            .at_most(RATIO)
            .note(&whole_note),
    ]
}

async fn round(bench: &Bench, pages: Pages, round: usize, times: &mut Times) -> Result<()> {
    let Pages { bytes, thinks_ms, count, .. } = pages;
    let path = |who: &str, page: usize| format!("/bench/{thinks_ms}/{bytes}/{who}-{round}-{page}");
    let urls = |who: &str| (0..count).map(|page| World::url(&path(who, page))).collect::<Vec<_>>();
    let plain = bench.page(&format!("plainFetch({})", serde_json::to_string(&urls("plain"))?)).await?;
    let watched = bench.page(&format!("watchedFetch({})", serde_json::to_string(&urls("watched"))?)).await?;
    for fetched in [&plain, &watched] {
        ensure!(number(fetched, "bytes")? as usize == count * bytes, "plain fetches brought {fetched}");
    }
    let sites = bench.world.sites.as_ref().context("the namespace has sites")?;
    let order = bench.world.buyer.order("A library's link check", &urls("relay")).await?;
    while bench.world.buyer.results_count(&order).await? < count as u64 {
        tokio::time::sleep(LOOK).await;
    }
    let ended = Instant::now();
    let first = sites.first_asked(&path("relay", 0)).context("no request for the first page")?;
    let mut fetch_ms = 0.0;
    for result in bench.world.buyer.results(&order).await? {
        let at = |name: &str| result.get(name).and_then(Value::as_f64).with_context(|| format!("no {name}: {result}"));
        ensure!(result.pointer("/fetch/body_bytes") == Some(&bytes.into()), "not the whole page: {result}");
        fetch_ms += at("finished_at")? - at("started_at")?;
    }
    let whole_ms = (ended - first).as_secs_f64() * 1_000.0;
    let [plain, watched, fetch, whole] =
        [number(&plain, "ms")?, number(&watched, "ms")?, fetch_ms, whole_ms].map(|ms| ms / count as f64);
    times.plain.push(plain);
    times.watched.push(watched);
    times.fetch.push(fetch);
    times.whole.push(whole);
    times.fetch_ratio.push(fetch / plain);
    times.whole_ratio.push(whole / plain);
    Ok(())
}
