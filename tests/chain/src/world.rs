//! A chain with a mint, a treasury, lanes and wallets.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ed25519_dalek::SigningKey;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Terms;
use lull_payout::facts::{BATCH_MAX, PayoutState};
use lull_payout::lane::Lane;
use lull_payout::rpc::{self, Commitment};
use lull_payout::token::{self, Account, Mint, TokenProgram};
use lull_payout::transaction::{self, Treasury};
use lull_payout::units::PayoutId;
use lull_protocol::Amount;
use solana_message::Instruction;
use solana_system_interface::instruction::create_account;
use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent;
use spl_token_interface::instruction as spl;

use crate::net::{Surfnet, address};
use crate::store::Store;

/// Digits after the mint's point.
pub(crate) const DECIMALS: u8 = 6;
/// Lanes that one transaction makes.
const LANES_AT_ONCE: u16 = 4;
const LAMPORTS: u64 = 10_000_000_000;

/// The tools that `cargo xtask` names.
#[derive(Clone)]
pub(crate) struct Tools {
    /// The chain's native module.
    pub(crate) surfpool: PathBuf,
    /// A Python with solders.
    pub(crate) python: PathBuf,
    /// The coordinator's program.
    pub(crate) coordinator: PathBuf,
}

/// A chain and what the test made on it.
pub(crate) struct World {
    pub(crate) surfnet: Surfnet,
    pub(crate) key: SigningKey,
    pub(crate) terms: Terms,
    pub(crate) tools: Tools,
}

/// A key of the test's; the same number, the same key.
pub(crate) fn key(number: u64) -> SigningKey {
    let mut seed = [5; 32];
    if let Some(start) = seed.first_chunk_mut() {
        *start = number.to_le_bytes();
    }
    SigningKey::from_bytes(&seed)
}

/// Where a payout of the test goes.
pub(crate) fn wallet(payout: PayoutId) -> Wallet {
    Wallet::new(address(&key(1_000_000 + payout.get()))).expect("it is a key's")
}

/// How much of it arrives.
pub(crate) fn amount(payout: PayoutId) -> Amount {
    Amount::new(1_000_000 + payout.get()).expect("it is small")
}

/// The payouts of these numbers.
pub(crate) fn payouts(numbers: std::ops::Range<u64>) -> Vec<PayoutId> {
    numbers.filter_map(PayoutId::new).collect()
}

impl World {
    /// A chain whose treasury has so many base units, and its lanes.
    pub(crate) async fn new(tools: &Tools, slot_ms: u64, tokens: u64, lanes: u16) -> Result<(Self, Store)> {
        Self::with_mint(tools, slot_ms, tokens, lanes, TokenProgram::Classic).await
    }

    pub(crate) async fn with_mint(
        tools: &Tools,
        slot_ms: u64,
        tokens: u64,
        lanes: u16,
        program: TokenProgram,
    ) -> Result<(Self, Store)> {
        let world = Self::make(tools, slot_ms, tokens, program, key(0)).await?;
        let mut store = Store::default();
        if lanes > 0 {
            world.make_lanes(&mut store, lanes).await?;
        }
        Ok((world, store))
    }

    /// With this treasury, and without lanes.
    pub(crate) async fn of(tools: &Tools, slot_ms: u64, tokens: u64, treasury: SigningKey) -> Result<Self> {
        Self::make(tools, slot_ms, tokens, TokenProgram::Classic, treasury).await
    }

    async fn make(tools: &Tools, slot_ms: u64, tokens: u64, program: TokenProgram, key: SigningKey) -> Result<Self> {
        let surfnet = Surfnet::start(&tools.surfpool, slot_ms)?;
        let owner = address(&key);
        surfnet.fund(&owner, LAMPORTS).await?;
        let bytes = spl_mint_bytes();
        let rent = surfnet.net.ask(&rpc::rent(bytes)).await?;
        let mint_key = self::key(1);
        let mint = address(&mint_key);
        let program = program.address();
        let initialize = spl::initialize_mint2(&spl_token_interface::ID, &mint, &owner, Some(&owner), DECIMALS)?;
        let make = [create_account(&owner, &mint, rent, bytes, &program), of(program, initialize)];
        surfnet.net.execute(&make, &[&key, &mint_key]).await?;
        let account = surfnet.net.ask(&rpc::account(&mint, Commitment::Confirmed)).await?.context("no mint")?;
        let mint = Mint::read(mint, &account, DECIMALS)?;
        let treasury = Treasury { owner, mint };
        let terms = Terms { treasury, agree_min: 2, patience_ms: 3_600_000, priority_lamports_max: 10_000 };
        let world = Self { surfnet, key, terms, tools: tools.clone() };
        world.make_account(owner).await?;
        world.mint_tokens(tokens).await?;
        Ok(world)
    }

    async fn make_lanes(&self, store: &mut Store, lanes: u16) -> Result<()> {
        let net = &self.surfnet.net;
        let owner = self.terms.treasury.owner;
        let rent = net.ask(&rpc::rent(transaction::lane_bytes())).await?;
        for first in (0..lanes).step_by(usize::from(LANES_AT_ONCE)) {
            let numbers = first..lanes.min(first + LANES_AT_ONCE);
            let blockhash = net.ask(&rpc::latest_blockhash()).await?;
            let message = transaction::make_lanes(&owner, numbers.clone(), rent, blockhash)?;
            let signed = message.attach(self.sign(message.bytes()), &owner)?;
            let last = net.execute_bytes(signed.bytes()).await?;
            for number in numbers {
                let id = transaction::lane(&owner, number);
                let account = net.ask(&rpc::account(&id.0, Commitment::Confirmed)).await?.context("no lane")?;
                let nonce = token::nonce(&account, &owner).context("a lane is no nonce account")?;
                store.lanes.insert(id, Lane { id, nonce, is_spent: false, last, batch: None, run: 0 });
            }
        }
        Ok(())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> lull_payout::units::Signature {
        lull_payout::units::Signature(ed25519_dalek::Signer::sign(&self.key, message).to_bytes())
    }

    /// Mints to the treasury.
    pub(crate) async fn mint_tokens(&self, tokens: u64) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let to = mint.account_of(&owner);
        let minted = spl::mint_to(&spl_token_interface::ID, &mint.address(), &to, &owner, &[], tokens)?;
        self.execute(of(mint.program().address(), minted)).await
    }

    /// Burns of the treasury's.
    pub(crate) async fn burn_tokens(&self, tokens: u64) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let from = mint.account_of(&owner);
        let burnt = spl::burn(&spl_token_interface::ID, &from, &mint.address(), &owner, &[], tokens)?;
        self.execute(of(mint.program().address(), burnt)).await
    }

    /// Makes a wallet's token account.
    pub(crate) async fn make_account(&self, wallet: Address) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let program = mint.program().address();
        self.execute(create_associated_token_account_idempotent(&owner, &wallet, &mint.address(), &program)).await
    }

    /// Freezes a wallet's token account, as the mint's issuer can.
    pub(crate) async fn freeze(&self, payout: PayoutId) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let account = mint.account_of(&wallet(payout).address());
        self.execute(spl::freeze_account(&spl_token_interface::ID, &account, &mint.address(), &owner, &[])?).await
    }

    /// Closes a wallet's empty token account, as its owner can.
    pub(crate) async fn close(&self, payout: PayoutId) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let key = key(1_000_000 + payout.get());
        let account = mint.account_of(&address(&key));
        let closed = spl::close_account(&spl_token_interface::ID, &account, &owner, &address(&key), &[])?;
        self.surfnet.net.execute(&[closed], &[&self.key, &key]).await.map(drop)
    }

    /// Sends bytes that were signed long ago.
    pub(crate) async fn send_late(&self, bytes: &[Vec<u8>]) {
        for one in bytes {
            // Whether it can land is what the test is about.
            let _ = self.surfnet.net.ask(&rpc::send(one)).await;
        }
    }

    async fn execute(&self, instruction: Instruction) -> Result<()> {
        self.surfnet.net.execute(&[instruction], &[&self.key]).await.map(drop)
    }

    /// Payouts that are due from now on; those of even numbers have a token account.
    pub(crate) async fn add(&self, store: &mut Store, payouts: &[PayoutId]) -> Result<()> {
        let Treasury { owner, mint } = self.terms.treasury;
        let (mint, program) = (mint.address(), mint.program().address());
        let make = |payout: &PayoutId| {
            let wallet = wallet(*payout).address();
            create_associated_token_account_idempotent(&owner, &wallet, &mint, &program)
        };
        let have: Vec<Instruction> = payouts.iter().filter(|payout| payout.get() % 2 == 0).map(make).collect();
        for some in have.chunks(8) {
            self.surfnet.net.execute(some, &[&self.key]).await?;
        }
        let waiting = PayoutState::Waiting { batch_max: BATCH_MAX };
        store.payouts.extend(payouts.iter().map(|payout| (*payout, waiting)));
        Ok(())
    }

    /// What is at an address now.
    pub(crate) async fn account(&self, address: &Address) -> Result<Option<Account>> {
        self.surfnet.net.ask(&rpc::account(address, Commitment::Confirmed)).await
    }

    /// What a payout's wallet has.
    pub(crate) async fn balance(&self, payout: PayoutId) -> Result<u64> {
        self.held_by(wallet(payout).address()).await
    }

    /// What an address has.
    pub(crate) async fn held_by(&self, wallet: Address) -> Result<u64> {
        let mint = self.terms.treasury.mint;
        let account = self.account(&mint.account_of(&wallet)).await?;
        Ok(account.and_then(|account| mint.token_account(&account)).map_or(0, |held| held.amount))
    }

    /// Every payout that the store calls paid has arrived once, and no other has.
    pub(crate) async fn compare(&self, store: &Store) -> Result<()> {
        for (payout, state) in &store.payouts {
            let expected = if let PayoutState::Paid { .. } = state { amount(*payout).get() } else { 0 };
            let has = self.balance(*payout).await?;
            ensure!(has == expected, "{payout:?} is {state:?} and has {has}");
        }
        Ok(())
    }
}

fn spl_mint_bytes() -> u64 {
    <spl_token_interface::state::Mint as solana_program_pack::Pack>::LEN as u64
}

/// The library makes instructions for the classic program only; Token-2022 has the same.
pub(crate) fn of(program_id: Address, instruction: Instruction) -> Instruction {
    Instruction { program_id, ..instruction }
}
