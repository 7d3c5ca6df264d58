//! The real coordinator pays on a real chain: what it has paid is on the chain once, whatever happens to it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lull_payout::address::Wallet;
use lull_protocol::SigningKey;
use lull_protocol::calendar::civil_from_days;
use lull_protocol::payout::{Hold, PayoutStage, Standstill, When};
use lull_store::TreasuryState;
use serde_json::{Value, json};

use crate::house::{House, PAGE, now, wallet, worker};
use crate::scenario::PLENTY;
use crate::world::{Tools, World};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Quick, and finalized within three seconds.
const SLOT_MS: u64 = 80;

/// Workers and the wallets of their people: the first two are one person.
fn people(count: u8) -> Result<Vec<(SigningKey, Wallet)>> {
    (1..=count).map(|number| Ok((worker(number), wallet(u64::from(number.max(2)))?))).collect()
}

/// Of those whose number is even the wallets have a token account; the others agree to what one costs.
async fn settle(world: &World, house: &mut House<'_>, people: &[(SigningKey, Wallet)]) -> Result<()> {
    house.link(people)?;
    for (number, (worker, wallet)) in (1_u64..).zip(people) {
        if number % 2 == 0 {
            world.make_account(wallet.address()).await?;
        } else {
            house.agree(worker)?;
        }
        house.earn(worker, 6)?;
    }
    Ok(())
}

/// The plain way; and the operator pauses, and lets it go on.
pub(crate) async fn pays(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "lanes = 3")?;
    let people = people(6)?;
    settle(&world, &mut house, &people).await?;
    house.start()?;
    house.until_paid(5).await?;
    ensure!(house.compare(&people).await? > 0, "nothing was paid");
    let told = house.told(&worker(1))?;
    ensure!(told.paid.get() == 6 * PAGE && told.in_payout.get() == 0, "{told:?}");
    let state = house.state()?;
    ensure!(state.paid.0 == 5 && state.spent_lamports > 0, "two workers of one wallet are one payout: {state:?}");
    // A worker without a yes to the cost of its account waits for it.
    let (late, to) = (worker(90), wallet(90)?);
    house.link(&[(late.clone(), to)])?;
    house.earn(&late, 6)?;
    let (_, said) = house.operator(&["treasury", "status"]).await?;
    ensure!(said.get("state") == Some(&json!("pays")), "{said}");
    house.until("told of the wallet's account", |state| state.costs.account_lamports > 0).await?;
    let next = house.told(&late)?.next;
    ensure!(next.is_some_and(|next| next.when == When::AfterYes && next.account.get() > 0), "{next:?}");
    // Paused, nobody new is paid.
    house.operator(&["treasury", "pause"]).await?;
    house.agree(&late)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(house.told(&late)?.standstill == Some(Standstill::Paused) && house.state()?.paid.0 == 5, "not paused");
    house.operator(&["treasury", "resume"]).await?;
    let begun = Instant::now();
    let arriving = until_stage(&house, &late, PayoutStage::Arriving, begun).await?;
    house.until_paid(6).await?;
    let paid = begun.elapsed();
    house.compare(&[people, vec![(late, to)]].concat()).await?;
    Ok(format!("\n        due to arriving {:.2} s, to paid {:.2} s", arriving.as_secs_f32(), paid.as_secs_f32()))
}

async fn until_stage(house: &House<'_>, worker: &SigningKey, stage: PayoutStage, begun: Instant) -> Result<Duration> {
    loop {
        let newest = house.told(worker)?.newest;
        if newest.first().is_some_and(|payout| payout.stage == stage || payout.stage == PayoutStage::Paid) {
            return Ok(begun.elapsed());
        }
        ensure!(begun.elapsed() < Duration::from_secs(30), "{newest:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whose wallet is on the list is held, nobody else is; an old list pauses all. A program signs.
pub(crate) async fn listed(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let (year, month, day) = civil_from_days(now().get() / 86_400_000);
    let today = format!("dated {year:04}-{month:02}-{day:02}");
    house.sign_by_program(&format!("{today}\n{}\n", wallet(3)?))?;
    let people = people(4)?;
    house.link(&people)?;
    settle_linked(&world, &mut house, &people).await?;
    house.start()?;
    house.until("two are paid", |state| state.paid.0 == 2 && state.open.is_empty()).await?;
    ensure!(house.state()?.held.0 == 1, "nobody is held");
    let told = house.told(&worker(3))?.newest;
    ensure!(matches!(told.as_slice(), [one] if one.stage == PayoutStage::Held(Hold::Listed)), "{told:?}");
    house.compare(&people).await?;
    house.list("dated 2020-01-01\n")?;
    house.earn(&worker(4), 1)?;
    house.until("the list is old", |state| state.standstill == Some(Standstill::ListOld)).await?;
    ensure!(house.told(&worker(4))?.standstill == Some(Standstill::ListOld), "it isn't told");
    ensure!(house.state()?.waiting.0 == 0, "a payout is made that nobody can be paid");
    house.list(&format!("{today}\n"))?;
    let number = told.first().map_or(0, |one| one.number).to_string();
    house.operator(&["treasury", "release", &number]).await?;
    house.until_paid(4).await?;
    house.compare(&people).await?;
    Ok(String::new())
}

/// What is left of a day's limit is paid now, the rest when the day has room; the worker is told both.
pub(crate) async fn in_parts(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let most = 10 * PAGE;
    let file = house.path("lull.toml");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("person_day_max = 500000000", &format!("person_day_max = {most}")))?;
    let people = people(2)?;
    let (worker, wallet) = people.last().cloned().context("two are one person")?;
    house.link(&people)?;
    world.make_account(wallet.address()).await?;
    house.earn(&worker, 1)?;
    house.start()?;
    house.until_paid(1).await?;
    let first = house.told(&worker)?.newest.first().map_or(0, |payout| payout.arrives.get());
    ensure!(0 < first && first < PAGE, "of one page arrives {first}");
    house.earn(&worker, 13)?;
    house.until_paid(2).await?;
    let told = house.told(&worker)?;
    let part = told.newest.first().context("the part")?;
    ensure!(part.arrives.get() == most - first, "{part:?}");
    ensure!(part.earnings.get() == part.arrives.get() + part.fee.get() + part.account.get(), "{part:?}");
    let paid_at = part.paid_at.context("it is paid")?;
    // The day is full: the rest stays payable, and nothing more is made of it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(house.state()?.paid.0 == 2 && house.state()?.waiting.0 == 0, "more than a day's limit");
    let next = house.told_of_day(&worker, most)?.next.context("the rest")?;
    let day = next.day.context("the day's limit")?;
    ensure!(matches!(next.when, When::After(at) if at >= paid_at.plus(DAY_MS)), "{next:?}");
    ensure!((day.most.get(), day.later) == (most, next.arrives), "{next:?}");
    ensure!(next.earnings.get() == 14 * PAGE - told.paid.get(), "{next:?}");
    ensure!(house.compare(&people).await? == most, "the chain has another sum");
    Ok(format!("\n        {first} today before, {} then, {} later", part.arrives.get(), day.later.get()))
}

/// It is killed again and again, each time a little later in its life.
pub(crate) async fn killed(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let people = people(5)?;
    settle(&world, &mut house, &people).await?;
    let kills = 14;
    for kill in 0..kills {
        house.start()?;
        tokio::time::sleep(Duration::from_millis(250 + 350 * kill)).await;
        house.kill().await?;
        if kill % 3 == 2 {
            house.earn(&worker(2), 1)?;
        }
    }
    house.start()?;
    house.until_paid(4).await?;
    let sum = house.compare(&people).await?;
    let state = house.state()?;
    ensure!(state.moved.is_empty(), "{:?}", state.moved);
    Ok(format!("\n        {kills} kills, {} payouts, {sum} base units", state.paid.0))
}

fn is_stopped(state: &TreasuryState) -> bool {
    !state.moved.is_empty()
}

/// The database is restored from before anybody was paid: it stops, is reconciled, and goes on.
pub(crate) async fn restored(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let people = people(5)?;
    house.link(&people)?;
    // Lanes are there in the copy, payouts are not.
    house.start()?;
    house
        .until("ready", |state| state.lanes.len() == 2 && state.lanes.iter().all(|lane| lane.run == state.run))
        .await?;
    house.kill().await?;
    settle_linked(&world, &mut house, &people).await?;
    let mut copy = house.copy()?;
    house.start()?;
    house.until_paid(4).await?;
    let sum = house.compare(&people).await?;
    house.kill().await?;
    copy.start()?;
    copy.until("stopped", is_stopped).await?;
    copy.earn(&worker(3), 2)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(copy.state()?.paid.0 == 0, "it pays although it has stopped");
    let (is_done, said) = copy.operator(&["treasury", "reconcile"]).await?;
    ensure!(is_done && said.get("goes_on") == Some(&Value::Bool(true)), "{said}");
    ensure!(copy.compare(&people).await? == sum, "{said}");
    copy.until_paid(5).await?;
    ensure!(copy.compare(&people).await? > sum, "it goes on");
    Ok(format!("\n        {} booked from the chain's memos", said.get("booked").unwrap_or(&Value::Null)))
}

async fn settle_linked(world: &World, house: &mut House<'_>, people: &[(SigningKey, Wallet)]) -> Result<()> {
    for (worker, wallet) in people {
        world.make_account(wallet.address()).await?;
        house.earn(worker, 6)?;
    }
    Ok(())
}

/// Two processes pay from copies of one database with one key.
pub(crate) async fn twice(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut one = House::new(&world, "")?;
    let people = people(8)?;
    one.link(&people)?;
    settle_linked(&world, &mut one, &people).await?;
    let mut other = one.copy()?;
    one.start()?;
    other.start()?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    one.kill().await?;
    let mut stops = 0;
    loop {
        let holds = |state: &TreasuryState| {
            is_stopped(state) || (state.paid.0 >= 7 && state.open.is_empty() && state.waiting.0 == 0)
        };
        other.until("stopped or done", holds).await?;
        if !is_stopped(&other.state()?) {
            break;
        }
        stops += 1;
        let (_, status) = other.operator(&["treasury", "status"]).await?;
        ensure!(stops < 10, "it stops again and again: {status}");
        let (is_done, said) = other.operator(&["treasury", "reconcile"]).await?;
        ensure!(is_done, "{said}");
    }
    let sum = other.compare(&people).await?;
    Ok(format!("\n        reconciled {stops} times, {sum} base units"))
}

/// A stranger names a lane in a transaction of theirs, as if to advance it: it lands, failed, and stops nobody.
pub(crate) async fn stranger(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let people = people(4)?;
    settle(&world, &mut house, &people).await?;
    house.start()?;
    house.until_paid(3).await?;
    house.kill().await?;
    let owner = world.terms.treasury.owner;
    let lane = lull_payout::transaction::lane(&owner, 0);
    let stranger = crate::world::key(77_777);
    world.surfnet.fund(&crate::net::address(&stranger), 1_000_000_000).await?;
    let mut advance = solana_system_interface::instruction::advance_nonce_account(&lane.0, &owner);
    advance.accounts.iter_mut().for_each(|account| account.is_signer = false);
    world.surfnet.net.execute_failing(&[advance], &stranger).await?;
    // Final by then, so that the next start sees it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    house.earn(&worker(2), 1)?;
    house.start()?;
    house.until_paid(4).await?;
    ensure!(house.state()?.moved.is_empty(), "a stranger stopped payouts");
    house.compare(&people).await?;
    Ok(String::new())
}

/// Reconciled before the server has settled what was pending in the copy: that is not paid again.
pub(crate) async fn reconciled_first(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let people = people(2)?;
    house.link(&people)?;
    world.make_account(wallet(2)?.address()).await?;
    house.start()?;
    let is_ready =
        |state: &TreasuryState| state.lanes.len() == 2 && state.lanes.iter().all(|lane| lane.run == state.run);
    house.until("all lanes are of this run", is_ready).await?;
    house.kill().await?;
    house.earn_pending(&worker(2), 6)?;
    let mut copy = house.copy()?;
    house.start()?;
    house.until_paid(1).await?;
    house.kill().await?;
    let (_, said) = copy.operator(&["treasury", "reconcile"]).await?;
    ensure!(said.get("booked") == Some(&json!(1)), "{said}");
    copy.start()?;
    copy.until("it is set off", |state| state.paid.0 == 2).await?;
    let held = world.held_by(wallet(2)?.address()).await?;
    ensure!(held <= 6 * PAGE, "6 pages of {PAGE} were earned, {held} are on the chain");
    ensure!(copy.told(&worker(2))?.paid.get() == 6 * PAGE, "the fee is payable again");
    Ok(String::new())
}

/// A stranger sends some lamports to where a lane is going to be.
pub(crate) async fn prefunded(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    world.surfnet.fund(&lull_payout::transaction::lane(&world.terms.treasury.owner, 1).0, 1_000_000).await?;
    let people = people(4)?;
    settle(&world, &mut house, &people).await?;
    house.start()?;
    house.until_paid(3).await?;
    house.until("both lanes are there", |state| state.lanes.len() == 2).await?;
    house.compare(&people).await?;
    Ok(String::new())
}

/// The chain can't be asked for a while: workers and the operator are told, and it is taken back.
pub(crate) async fn down(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let people = people(4)?;
    settle(&world, &mut house, &people).await?;
    house.start()?;
    house.until_paid(3).await?;
    house.kill().await?;
    let file = house.path("lull.toml");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace(world.surfnet.net.url(), "http://127.0.0.1:9"))?;
    house.earn(&worker(4), 3)?;
    house.start()?;
    house.until("it is told", |state| state.standstill == Some(Standstill::Unreachable)).await?;
    ensure!(house.told(&worker(4))?.standstill == Some(Standstill::Unreachable), "the worker isn't told");
    house.kill().await?;
    std::fs::write(&file, text)?;
    house.start()?;
    house.until("it is taken back", |state| state.standstill.is_none()).await?;
    house.until_paid(4).await?;
    house.compare(&people).await?;
    Ok(String::new())
}
