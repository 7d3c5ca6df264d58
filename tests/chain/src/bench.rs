//! What paying costs and how long it takes: the real coordinator on a real chain, beside the chain's own limit for
//! transactions of the same size.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use lull_figures::Row;
use lull_payout::address::Wallet;
use lull_payout::rpc::{self, Commitment};
use lull_payout::transaction::{Fees, Transfer, payment};
use lull_payout::units::{BatchId, PayoutId};
use lull_protocol::SigningKey;
use lull_protocol::payout::PayoutStage;

use crate::house::{House, PAGE, amount, wallet, worker};
use crate::store::Store;
use crate::world::{Tools, World};

/// As on mainnet.
const SLOT_MS: u64 = 400;
const PLENTY: u64 = 1_000_000_000_000;
/// The goal of a withdrawal's arrival, seconds, 95th percentile.
const ARRIVING_S_MAX: f64 = 3.0;

/// How much.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Surfpool's native module
    #[arg(long, env = "LULL_SURFPOOL")]
    surfpool: PathBuf,
    /// A Python
    #[arg(long, env = "LULL_SOLDERS_PYTHON")]
    python: PathBuf,
    /// The coordinator's program
    #[arg(long, env = "LULL_COORDINATOR_BIN")]
    coordinator: PathBuf,
    /// People who are paid at once
    #[arg(long, default_value_t = 120)]
    people: u8,
    /// People who are paid one after the other, to time each
    #[arg(long, default_value_t = 20)]
    singles: u8,
    /// Lanes
    #[arg(long, default_value_t = 8)]
    lanes: u16,
}

/// Measures and prints the rows.
pub(crate) async fn bench(args: BenchArgs) -> Result<()> {
    let BenchArgs { surfpool, python, coordinator, people, singles, lanes } = args;
    let tools = Tools { surfpool, python, coordinator };
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let limit = limit(&tools, lanes).await?;
    let mut house = House::new(&world, &format!("lanes = {lanes}"))?;
    let all: Vec<(SigningKey, Wallet)> =
        (1..=people).map(|number| Ok((worker(number), wallet(number.into())?))).collect::<Result<_>>()?;
    house.link(&all)?;
    for (worker, wallet) in &all {
        world.make_account(wallet.address()).await?;
        house.earn(worker, 1)?;
    }
    house.start()?;
    house.until_paid(people.into()).await?;
    let state = house.state()?;
    house.compare(&all).await?;
    let spent = state.spent_lamports.saturating_sub(5_000 * u64::from(lanes));
    Row::new("payouts to finality", per_second(&house, &all)?, "1/s")
        .beside("the chain alone", limit)
        .note(format!("{people} people due at once, {lanes} lanes; from the first payout made to the last one final"))
        .print()?;
    Row::new("cost of a payout", spent as f64 / f64::from(people), "lamports")
        .note("what the treasury spent, lanes' renewal left out, by payouts; all have a token account")
        .print()?;
    let (mut arriving, mut paid) = (vec![], vec![]);
    for (worker, _) in all.iter().take(singles.into()) {
        let before = house.told(worker)?.newest.len();
        house.earn(worker, 1)?;
        let begun = Instant::now();
        arriving.push(until(&house, worker, before, PayoutStage::Arriving, begun).await?);
        paid.push(until(&house, worker, before, PayoutStage::Paid, begun).await?);
    }
    house.compare(&all).await?;
    let note = format!("one person after the other, {singles} of them; slots of {SLOT_MS} ms");
    let rows = [
        Row::new("due to arriving, p50", quantile(&arriving, 50), "s"),
        Row::new("due to arriving, p95", quantile(&arriving, 95), "s").at_most(ARRIVING_S_MAX),
        Row::new("due to paid, p50", quantile(&paid, 50), "s"),
        Row::new("due to paid, p95", quantile(&paid, 95), "s"),
    ];
    rows.into_iter().try_for_each(|row| row.note(note.clone()).print())
}

/// From the first one made to the last one final.
fn per_second(house: &House<'_>, all: &[(SigningKey, Wallet)]) -> Result<f64> {
    let mut times = BTreeMap::new();
    for (worker, _) in all {
        for payout in house.told(worker)?.newest {
            times.insert(payout.number, (payout.made_at, payout.paid_at.context("it is paid")?));
        }
    }
    let first = times.values().map(|(made, _)| *made).min().context("some were made")?;
    let last = times.values().map(|(_, paid)| *paid).max().context("some were paid")?;
    Ok(times.len() as f64 * 1_000.0 / last.since(first).max(1) as f64)
}

async fn until(
    house: &House<'_>,
    worker: &SigningKey,
    before: usize,
    stage: PayoutStage,
    begun: Instant,
) -> Result<Duration> {
    loop {
        let newest = house.told(worker)?.newest;
        let is_there =
            |payout: &lull_protocol::payout::Payout| payout.stage == stage || payout.stage == PayoutStage::Paid;
        if newest.len() > before && newest.first().is_some_and(is_there) {
            return Ok(begun.elapsed());
        }
        ensure!(begun.elapsed() < Duration::from_secs(60), "{newest:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The chain's own: full payments on as many lanes, signed beforehand, sent at once, until all are final. A second
/// payment on a lane waits for the first one's new value, as it must.
async fn limit(tools: &Tools, lanes: u16) -> Result<f64> {
    let (world, store): (World, Store) = World::new(tools, SLOT_MS, PLENTY, lanes).await?;
    let net = &world.surfnet.net;
    let treasury = world.terms.treasury;
    let payouts: Vec<PayoutId> = (1..16).filter_map(PayoutId::new).collect();
    for payout in &payouts {
        world.make_account(crate::world::wallet(*payout).address()).await?;
    }
    let transfers: Vec<Transfer> = payouts
        .iter()
        .map(|payout| Transfer {
            payout: *payout,
            wallet: crate::world::wallet(*payout),
            amount: amount(PAGE),
            makes_account: false,
        })
        .collect();
    let fees = Fees { units: 200_000, price: 0 };
    let mut signed = vec![];
    for (number, lane) in (1..).zip(store.lanes()) {
        let id = BatchId::new(number).context("few")?;
        let message = payment(&treasury, lane.id, lane.nonce, id, &transfers, fees)?;
        signed.push(message.attach(world.sign(message.bytes()), &treasury.owner)?);
    }
    let begun = Instant::now();
    for one in &signed {
        net.ask(&rpc::send(one.bytes())).await?;
    }
    let names: Vec<_> = signed.iter().map(|one| one.signature()).collect();
    loop {
        let seen = net.ask(&rpc::statuses(&names)).await?;
        let is_final = |status: &Option<rpc::Status>| {
            status.is_some_and(|status| status.commitment == Commitment::Finalized && !status.is_failed)
        };
        if seen.iter().all(is_final) {
            break;
        }
        ensure!(begun.elapsed() < Duration::from_secs(120), "they are not final: {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((usize::from(lanes) * transfers.len()) as f64 / begun.elapsed().as_secs_f64())
}

fn quantile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}
