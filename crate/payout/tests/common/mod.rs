//! A treasury and people for the tests.

use ed25519_dalek::SigningKey;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Terms;
use lull_payout::token::{Account, Mint, TokenProgram};
use lull_payout::transaction::Treasury;
use lull_payout::units::PayoutId;
use solana_program_pack::Pack;

/// Of the treasury (0), or of whom a payout goes to (its number).
pub(crate) fn key(number: u64) -> SigningKey {
    let mut seed = [3; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&seed)
}

pub(crate) fn address(number: u64) -> Address {
    Address::from(key(number).verifying_key().to_bytes())
}

pub(crate) fn wallet(payout: PayoutId) -> Wallet {
    Wallet::new(address(payout.get())).expect("a key")
}

pub(crate) fn id(number: u64) -> PayoutId {
    PayoutId::new(number).expect("small")
}

pub(crate) fn terms() -> Terms {
    let mut data = vec![0; spl_token_interface::state::Mint::LEN];
    let mint = spl_token_interface::state::Mint { decimals: 6, is_initialized: true, ..Default::default() };
    mint.pack_into_slice(&mut data);
    let account = Account { lamports: 1, owner: TokenProgram::Classic.address(), data };
    let mint = Mint::read(Address::new_from_array([9; 32]), &account, 6).expect("a mint");
    let treasury = Treasury { owner: address(0), mint };
    Terms { treasury, agree_min: 2, patience_ms: 60_000, priority_lamports_max: 1_000 }
}
