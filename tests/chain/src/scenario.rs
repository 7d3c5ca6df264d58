//! What is tried. Each scenario has a chain of its own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lull_payout::address::Address;
use lull_payout::batch::{Batch, Stage};
use lull_payout::facts::{Alarm, Hold, PayoutState};
use lull_payout::lane::Gate;
use lull_payout::rpc;
use lull_payout::token::{Mint, MintError, TokenProgram};
use lull_payout::units::PayoutId;
use solana_message::Instruction;
use solana_system_interface::instruction::create_account;

use crate::coordinator;
use crate::deposits;
use crate::judge::judge;
use crate::net::{Surfnet, address};
use crate::shell::{Kill, Killed, Process};
use crate::store::Store;
use crate::world::{DECIMALS, Tools, World, amount, key, of, payouts, wallet};

/// A scenario ends with what it has measured.
type Run = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// Quick blocks, where nothing is measured.
const SLOT_MS: u64 = 40;
pub(crate) const PLENTY: u64 = 1_000_000_000;

/// All of them, by name.
pub(crate) fn all(tools: &Tools) -> Vec<(&'static str, Run)> {
    let tools = || tools.clone();
    vec![
        ("full batches are paid and judged", Box::pin(pays(tools(), TokenProgram::Classic))),
        ("full batches of Token-2022 are paid and judged", Box::pin(pays(tools(), TokenProgram::Token2022))),
        ("killed before each commit", Box::pin(killed(tools(), Kill::BeforeCommit))),
        ("killed after each commit", Box::pin(killed(tools(), Kill::AfterCommit))),
        ("cancelled while it is in flight", Box::pin(cancelled(tools()))),
        ("accounts are frozen and closed in flight", Box::pin(refused(tools()))),
        ("the treasury is empty", Box::pin(empty(tools()))),
        ("a restored database", Box::pin(restored(tools()))),
        ("a restored database whose payment is in flight", Box::pin(restored_in_flight(tools()))),
        ("two processes at once", Box::pin(twice(tools()))),
        ("the coordinator pays", Box::pin(coordinator::pays(tools()))),
        ("the coordinator holds whom a list names, and a program signs", Box::pin(coordinator::listed(tools()))),
        ("a day's limit pays in parts", Box::pin(coordinator::in_parts(tools()))),
        ("the coordinator is killed at many moments", Box::pin(coordinator::killed(tools()))),
        ("the coordinator's database is restored from a copy", Box::pin(coordinator::restored(tools()))),
        ("two coordinators pay with one key", Box::pin(coordinator::twice(tools()))),
        ("requesters deposit", Box::pin(deposits::credits(tools()))),
        ("a database restored from before a deposit", Box::pin(deposits::restored(tools()))),
        ("RPCs differ about a deposit", Box::pin(deposits::disagree(tools()))),
        ("a stranger names a lane", Box::pin(coordinator::stranger(tools()))),
        ("a copy is reconciled before it has settled", Box::pin(coordinator::reconciled_first(tools()))),
        ("a lane's address holds lamports", Box::pin(coordinator::prefunded(tools()))),
        ("the chain can't be asked", Box::pin(coordinator::down(tools()))),
        ("a mint with a transfer fee", Box::pin(transfer_fee(tools()))),
    ]
}

/// The plain way, with blocks as fast as mainnet's.
async fn pays(tools: Tools, program: TokenProgram) -> Result<String> {
    let (world, mut store) = World::with_mint(&tools, 400, PLENTY, 4, program).await?;
    world.add(&mut store, &payouts(1..47)).await?;
    let mut process = Process::start(&world, &mut store);
    process.until_over().await?;
    ensure!(process.alarms.is_empty(), "{:?}", process.alarms);
    let diary = std::mem::take(&mut process.diary);
    world.compare(&store).await?;
    let batches: Vec<Batch> = diary.iter().map(|(batch, _)| batch.clone()).collect();
    Ok(format!("{}\n        {}", figures(&diary), judge(&world, &batches)?))
}

/// A line for each batch: its size, how long it took, what it cost.
fn figures(diary: &[(Batch, Duration)]) -> String {
    let mut lines = String::new();
    for (batch, paid_at) in diary {
        let Stage::Paid { landed } = batch.stage else { continue };
        let at = |word: &str| {
            let mut stages = diary.iter().filter(|(other, _)| other.id == batch.id && other.stage.word() == word);
            stages.next().map_or(Duration::ZERO, |(_, at)| *at)
        };
        let since = |then: Duration| then.saturating_sub(at("reserved")).as_secs_f32();
        let count = batch.transfers.len();
        let kind = match batch.transfers.first() {
            None => "a lane renewed".to_owned(),
            Some(one) if one.makes_account => format!("{count} transfers and accounts"),
            Some(_) => format!("{count} transfers"),
        };
        let each =
            landed.fee_lamports.checked_div(count as u64).map_or(String::new(), |each| format!(" ({each} each)"));
        let (fee, rent) = (landed.fee_lamports, landed.rent_lamports);
        let (confirmed, paid) = (since(at("confirmed")), since(*paid_at));
        lines +=
            &format!("\n        {kind}: confirmed {confirmed:.1} s, paid {paid:.1} s; fee {fee}{each}, rent {rent}");
    }
    lines
}

/// The process is killed at every commit of its life, one after the other, and started again on what it stored.
async fn killed(tools: Tools, kill: fn(usize) -> Kill) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 1).await?;
    for commits in 0.. {
        let first = 1 + commits * 3;
        world.add(&mut store, &payouts(first..first + 3)).await?;
        let mut process = Process::start(&world, &mut store);
        process.kill = Some(kill(usize::try_from(commits)?));
        let ended = process.until_over().await;
        match ended {
            Ok(()) => {
                world.compare(&store).await?;
                return Ok(format!("\n        {commits} moments, {} payouts", store.payouts.len()));
            }
            Err(error) if error.is::<Killed>() => {}
            Err(error) => bail!(error),
        }
        // The next life ends it, or the one after the next kill.
        if commits % 3 == 2 {
            Process::start(&world, &mut store).until_over().await?;
            world.compare(&store).await?;
        }
    }
    bail!("it never ended by itself")
}

/// A payment that nobody was sent is cancelled; then it is sent, too late. One that was sent is cancelled, too late.
async fn cancelled(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 2).await?;
    world.add(&mut store, &payouts(1..11)).await?;
    let mut process = Process::start(&world, &mut store);
    let (batches, bytes) = process.until_withheld().await?;
    for batch in &batches {
        process.cancel(batch.id)?;
    }
    process.until("the cancel has landed", |process| process.store.unfinished().is_empty()).await?;
    world.send_late(&bytes).await;
    process.plans = true;
    process.until_over().await?;
    world.send_late(&bytes).await;
    tokio::time::sleep(Duration::from_millis(10 * SLOT_MS)).await;
    for batch in &batches {
        let seen = world.surfnet.net.ask(&rpc::statuses(&batch.signatures())).await?;
        ensure!(seen.iter().all(Option::is_none), "a cancelled payment has landed");
    }
    let ended = |word| process.diary.iter().filter(|(batch, _)| batch.stage.word() == word).count();
    ensure!(ended("cancelled") == batches.len(), "not cancelled");
    // And the other way round: it lands first, and the cancel never does.
    world.add(process.store, &payouts(11..14)).await?;
    let (batches, bytes) = process.until_withheld().await?;
    world.send_late(&bytes).await;
    for batch in &batches {
        process.cancel(batch.id)?;
    }
    process.until_over().await?;
    for batch in &batches {
        let stage = process.store.batch(batch.id).context("it is stored")?.stage;
        ensure!(matches!(stage, Stage::Paid { .. }), "it landed, and is {}", stage.word());
    }
    world.compare(&store).await?;
    Ok(String::new())
}

/// Token accounts that were fine when the batch was planned take nothing when it lands: those are set aside, or made
/// anew, and nobody else waits.
async fn refused(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 2).await?;
    world.add(&mut store, &payouts(1..31)).await?;
    let mut process = Process::start(&world, &mut store);
    let (_, bytes) = process.until_withheld().await?;
    let number = |number| PayoutId::new(number).context("small");
    let frozen = [number(4)?, number(8)?];
    for payout in frozen {
        world.freeze(payout).await?;
    }
    world.close(number(10)?).await?;
    world.send_late(&bytes).await;
    process.plans = true;
    process.until_over().await?;
    for (payout, state) in &process.store.payouts {
        match state {
            PayoutState::Paid { .. } => ensure!(!frozen.contains(payout), "a frozen account was paid"),
            PayoutState::Held(Hold::Frozen) => ensure!(frozen.contains(payout), "{payout:?} is held"),
            other => bail!("{payout:?} is {other:?}"),
        }
    }
    let failed = process.alarms.iter().filter(|alarm| matches!(alarm, Alarm::Failed(_))).count();
    ensure!(failed >= 1, "nothing failed on the chain");
    world.compare(&store).await?;
    Ok(format!("\n        {failed} fees spent on failures"))
}

/// The treasury has too little for all: some are paid, the others when it is filled. Emptied in flight, nobody is to
/// blame.
async fn empty(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, 6_500_000, 2).await?;
    world.add(&mut store, &payouts(1..11)).await?;
    let mut process = Process::start(&world, &mut store);
    let is_short = |process: &Process| process.alarms.contains(&Alarm::TreasuryShort);
    let holds = |process: &Process| is_short(process) && process.store.unfinished().is_empty();
    process.until("the treasury is short", holds).await?;
    let paid = process.store.payouts.values().filter(|state| matches!(state, PayoutState::Paid { .. })).count();
    ensure!(paid == 6, "{paid} were paid of 6.5 million");
    world.mint_tokens(5_000_000).await?;
    let (batches, bytes) = process.until_withheld().await?;
    world.burn_tokens(5_000_000).await?;
    world.send_late(&bytes).await;
    let is_over = |process: &Process| process.store.unfinished().is_empty();
    process.until("it has failed", is_over).await?;
    for transfer in batches.iter().flat_map(|batch| &batch.transfers) {
        let state = process.store.payouts.get(&transfer.payout);
        ensure!(matches!(state, Some(PayoutState::Waiting { .. })), "{:?} is {state:?}", transfer.payout);
    }
    process.plans = true;
    world.mint_tokens(5_000_000).await?;
    process.until_over().await?;
    let held = process.store.payouts.values().any(|state| matches!(state, PayoutState::Held(_)));
    ensure!(!held, "somebody is blamed for an empty treasury");
    world.compare(&store).await?;
    Ok(String::new())
}

/// The database is restored from before anybody was paid.
async fn restored(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 2).await?;
    let blank = store.clone();
    world.add(&mut store, &payouts(1..11)).await?;
    let copy = store.clone();
    Process::start(&world, &mut store).until_over().await?;
    store = copy;
    let mut process = Process::start(&world, &mut store);
    process.until("it stops", |process| matches!(process.gate(), Gate::Stopped(_))).await?;
    for _ in 0..5 {
        process.turn().await?;
    }
    ensure!(process.at(|_| true).is_empty(), "it plans although it has stopped");
    let restored = process.reconcile().await?;
    ensure!(restored.contradicted.is_empty() && restored.forgotten.is_empty(), "{restored:?}");
    let is_paid = |state: &PayoutState| matches!(state, PayoutState::Paid { .. });
    ensure!(process.store.payouts.values().all(is_paid), "{:?}", process.store.payouts);
    // It goes on.
    world.add(process.store, &payouts(11..15)).await?;
    process.until_over().await?;
    world.compare(&store).await?;
    forgotten(&world, blank).await
}

/// One that knows nobody who was paid is told to whom how much went.
async fn forgotten(world: &World, mut store: Store) -> Result<String> {
    let mut process = Process::start(world, &mut store);
    process.until("it stops", |process| matches!(process.gate(), Gate::Stopped(_))).await?;
    let restored = process.reconcile().await?;
    ensure!(restored.payout_max == PayoutId::new(14), "{:?}", restored.payout_max);
    let mint = world.terms.treasury.mint;
    let found = restored.forgotten.iter().map(|one| (one.payout, one.account, one.amount));
    let paid = |payout: PayoutId| (payout, mint.account_of(&wallet(payout).address()), amount(payout));
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    ensure!(found == payouts(1..15).into_iter().map(paid).collect::<Vec<_>>(), "{found:?}");
    // The issuing of tokens and the making of accounts are no payments, and took none of the treasury's tokens.
    ensure!(restored.unexplained.is_empty(), "{:?}", restored.unexplained);
    process.until_open().await?;
    Ok(String::new())
}

/// The database is restored from before a payment was signed that lands only afterwards.
async fn restored_in_flight(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 2).await?;
    world.add(&mut store, &payouts(1..11)).await?;
    let mut process = Process::start(&world, &mut store);
    process.until_open().await?;
    let copy = process.store.clone();
    let (_, bytes) = process.until_withheld().await?;
    ensure!(!bytes.is_empty(), "nothing in flight");
    store = copy;
    let mut process = Process::start(&world, &mut store);
    process.until_open().await?;
    world.send_late(&bytes).await;
    process.until_over().await?;
    world.send_late(&bytes).await;
    tokio::time::sleep(Duration::from_millis(10 * SLOT_MS)).await;
    world.compare(&store).await?;
    Ok(String::new())
}

/// Two processes pay from copies of one database.
async fn twice(tools: Tools) -> Result<String> {
    let (world, mut store) = World::new(&tools, SLOT_MS, PLENTY, 3).await?;
    world.add(&mut store, &payouts(1..61)).await?;
    let mut one = Process::start(&world, &mut store);
    one.until_open().await?;
    let mut copy = one.store.clone();
    one.turn().await?;
    let mut other = Process::start(&world, &mut copy);
    for _ in 0..60 {
        one.turn().await?;
        other.turn().await?;
    }
    // The first one is ended; the second one goes on, reconciled as often as it stops.
    for stops in 0..10 {
        let is_stopped = |process: &Process| matches!(process.gate(), Gate::Stopped(_));
        let is_over = |process: &Process| {
            let mut states = process.store.payouts.values();
            states.all(|state| matches!(state, PayoutState::Paid { .. })) && process.store.unfinished().is_empty()
        };
        other.until("it stops or is over", |process| is_stopped(process) || is_over(process)).await?;
        if !is_stopped(&other) {
            world.compare(other.store).await?;
            return Ok(format!("\n        reconciled {stops} times"));
        }
        let restored = other.reconcile().await?;
        ensure!(restored.contradicted.is_empty() && restored.forgotten.is_empty(), "{restored:?}");
    }
    bail!("it stops again and again")
}

/// A mint of Token-2022 whose transfers lose a part is refused by name.
async fn transfer_fee(tools: Tools) -> Result<String> {
    let surfnet = Surfnet::start(&tools.surfpool, SLOT_MS)?;
    let (owner_key, mint_key) = (key(0), key(1));
    let (owner, mint) = (address(&owner_key), address(&mint_key));
    surfnet.fund(&owner, 1_000_000_000).await?;
    let program = TokenProgram::Token2022.address();
    // The padded mint, what kind of account it is, and one extension of 108 bytes with its head.
    let bytes = 165 + 1 + 4 + 108;
    let rent = surfnet.net.ask(&rpc::rent(bytes)).await?;
    // InitializeTransferFeeConfig: nobody may change it, 1 %, at most 1,000.
    let fee = [&[26, 0, 0, 0][..], &100_u16.to_le_bytes(), &1_000_u64.to_le_bytes()].concat();
    let account = |address: Address| solana_message::AccountMeta::new(address, false);
    let initialize =
        spl_token_interface::instruction::initialize_mint2(&spl_token_interface::ID, &mint, &owner, None, DECIMALS)?;
    let make = [
        create_account(&owner, &mint, rent, bytes, &program),
        Instruction { program_id: program, accounts: vec![account(mint)], data: fee },
        of(program, initialize),
    ];
    surfnet.net.execute(&make, &[&owner_key, &mint_key]).await?;
    let account = surfnet.net.ask(&rpc::account(&mint, rpc::Commitment::Confirmed)).await?.context("no mint")?;
    ensure!(Mint::read(mint, &account, DECIMALS) == Err(MintError::TransferFee), "it is not refused");
    Ok(String::new())
}
