//! What accounts on the chain say: the mint that is paid in, token accounts, nonce accounts.
//!
//! Mints and token accounts of Token-2022 begin like those of the classic program; what follows is read here, for
//! the library that knows every extension brings some fifty crates of zero-knowledge proofs.

use solana_nonce::state::State;
use solana_nonce::versions::Versions;
use solana_program_pack::Pack;
use spl_associated_token_account_interface::address::get_associated_token_address_with_program_id;
use spl_token_interface::state::{Account as SplAccount, AccountState, Mint as SplMint};
use thiserror::Error;

use crate::address::{Address, Wallet};
use crate::units::Nonce;

/// Token-2022.
const TOKEN_2022: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// Both programs pad what has extensions to this length; the next byte says what kind of account it is.
const KIND_AT: usize = SplAccount::LEN;
const KIND_MINT: u8 = 1;
const KIND_TOKEN_ACCOUNT: u8 = 2;

/// An account as the chain holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its balance.
    pub lamports: u64,
    /// The program whose it is.
    pub owner: Address,
    /// What that program keeps in it.
    pub data: Vec<u8>,
}

/// The program that keeps a mint's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProgram {
    /// SPL Token.
    Classic,
    /// Token-2022.
    Token2022,
}

impl TokenProgram {
    /// Its address.
    pub fn address(self) -> Address {
        match self {
            Self::Classic => spl_token_interface::ID,
            Self::Token2022 => TOKEN_2022,
        }
    }
    fn of(owner: &Address) -> Option<Self> {
        [Self::Classic, Self::Token2022].into_iter().find(|program| program.address() == *owner)
    }
}

/// The mint that is paid in: one whose transfers move what they say, to whom they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    address: Address,
    program: TokenProgram,
    decimals: u8,
}

/// Why a mint can't be paid in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// Of no token program.
    #[error("no token program keeps this account")]
    Program,
    /// Kept by a token program, and no mint.
    #[error("this account is no mint")]
    NotAMint,
    /// Other decimals than the operator named.
    #[error("the mint has {0} decimals")]
    Decimals(u8),
    /// What arrives is less than what was sent.
    #[error("the mint takes a transfer fee")]
    TransferFee,
    /// A program of somebody else's runs in each transfer.
    #[error("the mint has a transfer hook")]
    TransferHook,
    /// Nobody could spend it.
    #[error("the mint's tokens can't be transferred")]
    NonTransferable,
    /// New token accounts are frozen, or may be.
    #[error("the mint sets the state of new accounts")]
    DefaultAccountState,
    /// Wallets show other numbers than the ones that are sent.
    #[error("the mint's amounts are shown as others than they are")]
    ScaledAmounts,
    /// An extension that this version doesn't know: its number.
    #[error("the mint has an unknown extension, number {0}")]
    Unknown(u16),
}

impl Mint {
    /// Reads a mint, and refuses one whose transfers don't simply move what they say. `decimals` are those that the
    /// operator named: a mint with others is another one than they meant.
    pub fn read(address: Address, account: &Account, decimals: u8) -> Result<Self, MintError> {
        let program = TokenProgram::of(&account.owner).ok_or(MintError::Program)?;
        let head = account.data.get(..SplMint::LEN).ok_or(MintError::NotAMint)?;
        let mint = SplMint::unpack(head).map_err(|_| MintError::NotAMint)?;
        match program {
            TokenProgram::Classic if account.data.len() != SplMint::LEN => return Err(MintError::NotAMint),
            TokenProgram::Token2022 if account.data.len() != SplMint::LEN => {
                let rest = extensions(&account.data, KIND_MINT).ok_or(MintError::NotAMint)?;
                for extension in Extensions(rest) {
                    judge(extension.ok_or(MintError::NotAMint)?)?;
                }
            }
            TokenProgram::Classic | TokenProgram::Token2022 => {}
        }
        if mint.decimals != decimals {
            return Err(MintError::Decimals(mint.decimals));
        }
        Ok(Self { address, program, decimals })
    }
    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }
    /// The program that keeps its accounts.
    pub fn program(&self) -> TokenProgram {
        self.program
    }
    /// Digits after the point.
    pub fn decimals(&self) -> u8 {
        self.decimals
    }
    /// Where a wallet keeps it: the associated token account.
    pub fn account_of(&self, wallet: &Address) -> Address {
        get_associated_token_address_with_program_id(wallet, &self.address, &self.program.address())
    }
    /// How long a new token account of it is: what `getMinimumBalanceForRentExemption` is asked about. (No extension
    /// that [`Mint::read`] lets pass adds one to its accounts.)
    pub fn account_bytes(&self) -> u64 {
        // Token-2022's associated accounts have one extension of no content: their owner can't be changed.
        let extension = 1 + 4;
        SplAccount::LEN as u64 + if self.program == TokenProgram::Token2022 { extension } else { 0 }
    }
    /// What is where [`Mint::account_of`] points for this wallet.
    pub fn recipient(&self, wallet: Wallet, account: Option<&Account>) -> Recipient {
        match account.map(|account| self.token_account(account)) {
            // Whoever sends lamports to an address that holds nothing makes an account of no program there.
            _ if account.is_none_or(|account| account.data.is_empty()) => Recipient::Missing,
            Some(Some(held)) if held.owner != wallet.address() => Recipient::Foreign,
            Some(Some(held)) if held.is_frozen => Recipient::Frozen,
            Some(Some(_)) => Recipient::Open,
            Some(None) | None => Recipient::Foreign,
        }
    }
    /// The treasury's own token account; `None` if it is none of this mint.
    pub fn token_account(&self, account: &Account) -> Option<TokenAccount> {
        let length = account.data.len();
        let is_whole = length == SplAccount::LEN
            || self.program == TokenProgram::Token2022 && extensions(&account.data, KIND_TOKEN_ACCOUNT).is_some();
        let held = SplAccount::unpack(account.data.get(..SplAccount::LEN)?).ok()?;
        let is_ours = account.owner == self.program.address() && held.mint == self.address;
        (is_whole && is_ours).then_some(TokenAccount {
            owner: held.owner,
            amount: held.amount,
            is_frozen: held.state == AccountState::Frozen,
        })
    }
}

/// A token account of the mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// Whose.
    pub owner: Address,
    /// Base units.
    pub amount: u64,
    /// Nothing gets in or out.
    pub is_frozen: bool,
}

/// What becomes of a transfer to a wallet, as far as its token account tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// It has an account.
    Open,
    /// It has none yet.
    Missing,
    /// It has one that takes nothing.
    Frozen,
    /// Its account was given to somebody else, or is none.
    Foreign,
}

/// The value of a nonce account that `authority` may advance; `None` if it is none.
pub fn nonce(account: &Account, authority: &Address) -> Option<Nonce> {
    if account.owner != solana_system_interface::program::ID {
        return None;
    }
    match wincode::deserialize::<Versions>(&account.data).ok()? {
        Versions::Current(state) => match *state {
            State::Initialized(data) if data.authority == *authority => Some(Nonce(data.blockhash().to_bytes())),
            State::Initialized(_) | State::Uninitialized => None,
        },
        Versions::Legacy(_) => None,
    }
}

/// What follows the part that both programs share, if the account is of this kind.
fn extensions(data: &[u8], kind: u8) -> Option<&[u8]> {
    let (head, rest) = data.split_at_checked(KIND_AT)?;
    let padding = if kind == KIND_MINT { head.get(SplMint::LEN..)? } else { &[] };
    let (found, rest) = rest.split_first()?;
    (*found == kind && padding.iter().all(|byte| *byte == 0)).then_some(rest)
}

/// Extensions' numbers: 2 bytes of number, 2 of length, both little-endian, then the content. An unreadable one is
/// `None` and the last.
struct Extensions<'a>(&'a [u8]);

impl Iterator for Extensions<'_> {
    type Item = Option<u16>;
    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0);
        // What is left over at the end is zeros.
        if rest.iter().all(|byte| *byte == 0) {
            return None;
        }
        let head =
            rest.split_first_chunk::<2>().and_then(|(number, rest)| Some((number, rest.split_first_chunk::<2>()?)));
        let read = head.and_then(|(number, (length, rest))| {
            Some((*number, rest.get(usize::from(u16::from_le_bytes(*length))..)?))
        });
        self.0 = read.map_or(&[], |(_, rest)| rest);
        Some(read.map(|(number, _)| u16::from_le_bytes(number)))
    }
}

/// The numbers are those of Token-2022's `ExtensionType`.
fn judge(kind: u16) -> Result<(), MintError> {
    match kind {
        1 => Err(MintError::TransferFee),
        14 => Err(MintError::TransferHook),
        9 => Err(MintError::NonTransferable),
        6 => Err(MintError::DefaultAccountState),
        10 | 25 => Err(MintError::ScaledAmounts),
        // Close authority; permanent delegate (an issuer's power like freezing); metadata, groups, and pointers to them.
        3 | 12 | 18..=23 => Ok(()),
        other => Err(MintError::Unknown(other)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use spl_token_interface::state::AccountState;

    use super::*;

    const ADDRESS: Address = Address::new_from_array([9; 32]);

    fn mint_data(decimals: u8) -> Vec<u8> {
        let mint = SplMint { decimals, is_initialized: true, ..SplMint::default() };
        let mut data = vec![0; SplMint::LEN];
        SplMint::pack(mint, &mut data).expect("the length is its own");
        data
    }

    fn account(program: TokenProgram, data: Vec<u8>) -> Account {
        Account { lamports: 1, owner: program.address(), data }
    }

    /// A mint for other modules' tests.
    pub(crate) fn classic() -> Mint {
        Mint::read(ADDRESS, &account(TokenProgram::Classic, mint_data(6)), 6).expect("a mint")
    }

    /// A mint of Token-2022 with these extensions.
    fn extended(extensions: &[(u16, &[u8])]) -> Result<Mint, MintError> {
        let mut data = mint_data(6);
        data.resize(KIND_AT, 0);
        data.push(KIND_MINT);
        for (number, content) in extensions {
            data.extend(number.to_le_bytes());
            data.extend((content.len() as u16).to_le_bytes());
            data.extend(*content);
        }
        Mint::read(ADDRESS, &account(TokenProgram::Token2022, data), 6)
    }

    #[test]
    fn only_a_mint_whose_transfers_are_plain_is_paid_in() {
        assert_eq!((classic().program(), classic().decimals()), (TokenProgram::Classic, 6));
        let read = |program, data| Mint::read(ADDRESS, &account(program, data), 6);
        assert_eq!(read(TokenProgram::Token2022, mint_data(6)).map(|mint| mint.account_bytes()), Ok(170));
        assert_eq!(read(TokenProgram::Classic, mint_data(9)), Err(MintError::Decimals(9)));
        assert_eq!(read(TokenProgram::Classic, vec![0; SplMint::LEN]), Err(MintError::NotAMint));
        assert_eq!(read(TokenProgram::Classic, [mint_data(6), vec![0]].concat()), Err(MintError::NotAMint));
        let stranger = Account { owner: ADDRESS, ..account(TokenProgram::Classic, mint_data(6)) };
        assert_eq!(Mint::read(ADDRESS, &stranger, 6), Err(MintError::Program));
        assert!(extended(&[]).is_ok());
        assert!(extended(&[(18, &[0; 64]), (19, &[1; 90]), (0, &[])]).is_ok());
        assert_eq!(extended(&[(18, &[0; 64]), (1, &[0; 108])]), Err(MintError::TransferFee));
        assert_eq!(extended(&[(14, &[0; 64])]), Err(MintError::TransferHook));
        assert_eq!(extended(&[(9, &[])]), Err(MintError::NonTransferable));
        assert_eq!(extended(&[(6, &[2])]), Err(MintError::DefaultAccountState));
        assert_eq!(extended(&[(25, &[0; 56])]), Err(MintError::ScaledAmounts));
        assert_eq!(extended(&[(99, &[])]), Err(MintError::Unknown(99)));
    }

    fn held(mint: Address, owner: Address, state: AccountState) -> Account {
        let held = SplAccount { mint, owner, amount: 5, state, ..SplAccount::default() };
        let mut data = vec![0; SplAccount::LEN];
        SplAccount::pack(held, &mut data).expect("the length is its own");
        account(TokenProgram::Classic, data)
    }

    #[test]
    fn a_recipient_is_what_its_account_is() {
        let mint = classic();
        let wallet: Wallet = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin".parse().expect("a wallet");
        let recipient = |account: Option<Account>| mint.recipient(wallet, account.as_ref());
        let of = |mint, owner, state| Some(held(mint, owner, state));
        assert_eq!(recipient(of(ADDRESS, wallet.address(), AccountState::Initialized)), Recipient::Open);
        assert_eq!(recipient(of(ADDRESS, wallet.address(), AccountState::Frozen)), Recipient::Frozen);
        assert_eq!(recipient(of(ADDRESS, ADDRESS, AccountState::Initialized)), Recipient::Foreign);
        let other = Address::new_from_array([8; 32]);
        assert_eq!(recipient(of(other, wallet.address(), AccountState::Initialized)), Recipient::Foreign);
        assert_eq!(recipient(None), Recipient::Missing);
        let dust = Account { lamports: 1, owner: Address::default(), data: vec![] };
        assert_eq!(recipient(Some(dust)), Recipient::Missing);
        assert_eq!(recipient(Some(account(TokenProgram::Classic, mint_data(6)))), Recipient::Foreign);
    }

    proptest! {
        #[test]
        fn no_account_panics(data in prop::collection::vec(any::<u8>(), 0..300), at in 0..260_usize, to: u8) {
            for program in [TokenProgram::Classic, TokenProgram::Token2022] {
                let _ = Mint::read(ADDRESS, &account(program, data.clone()), 6);
                let _ = classic().token_account(&account(program, data.clone()));
                let mut long = [mint_data(6), vec![0; 200]].concat();
                long[KIND_AT] = KIND_MINT;
                if let Some(byte) = long.get_mut(at) {
                    *byte = to;
                }
                let _ = Mint::read(ADDRESS, &account(program, long), 6);
            }
            let owner = solana_system_interface::program::ID;
            let _ = nonce(&Account { lamports: 1, owner, data }, &ADDRESS);
        }
    }
}
