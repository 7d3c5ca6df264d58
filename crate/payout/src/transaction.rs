//! The bytes of a payment: what is signed, what is sent, and reading them back.
//!
//! A payment is one legacy transaction of the treasury: it advances its lane's nonce, says what it may compute and
//! pays for that, says its memo, and then for each payout makes the wallet's token account where there is none and
//! transfers. The treasury owns the tokens and the lanes and pays the fees, so there is one signature, and it is
//! known before anything is sent. As the nonce stands where a recent blockhash would, at most one transaction
//! per value of a lane's nonce can ever land, and each lands at any time until then.

use std::ops::Range;

use ed25519_dalek::VerifyingKey;
use lull_protocol::Amount;
use lull_protocol::cbor::ByteVec;
use lull_protocol::fields;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::{Instruction, Message as LegacyMessage};
use solana_nonce::state::State;
use solana_system_interface::instruction::{
    SystemInstruction, advance_nonce_account, allocate_with_seed, create_nonce_account, transfer,
};
use solana_transaction::versioned::VersionedTransaction;
use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent;
use spl_memo_interface::instruction::build_memo;
use spl_token_interface::instruction::{TokenInstruction, transfer_checked};
use thiserror::Error;

use crate::address::{Address, Wallet};
use crate::memo::{Memo, MemoError};
use crate::token::{Mint, TokenProgram};
use crate::units::{BatchId, LaneId, Nonce, PayoutId, Signature};

/// The largest transaction that travels: an IPv6 packet of the least size that every network must carry, less its
/// headers.
pub const TRANSACTION_BYTES_MAX: usize = 1_232;
/// What a transaction may compute at most.
pub const UNITS_MAX: u32 = 1_400_000;
/// Instructions of a payment before the transfers.
const HEAD: usize = 4;

/// Who pays, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treasury {
    /// Its key: owns the tokens, pays the fees, advances the nonces.
    pub owner: Address,
    /// The mint that is paid in.
    pub mint: Mint,
}

/// One payout in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Which.
    pub payout: PayoutId,
    /// To whom.
    pub wallet: Wallet,
    /// How much arrives.
    pub amount: Amount,
    /// Makes the wallet's token account first.
    pub makes_account: bool,
}

fields!(Transfer { 0 payout, 1 wallet, 2 amount, 3 makes_account });

/// What a transaction may compute, and what it offers for being taken soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Compute units, at most.
    pub units: u32,
    /// Millionths of a lamport per unit.
    pub price: u64,
}

fields!(Fees { 0 units, 1 price });

impl Fees {
    /// More than any transaction needs: for measuring one that isn't priced yet. All fees are of the same length.
    pub const MOST: Self = Self { units: UNITS_MAX, price: u64::MAX };
}

/// A message: what a key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(ByteVec);

/// A signed transaction: the only bytes that are ever sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    signature: Signature,
    bytes: ByteVec,
}

fields!(Signed { 0 signature, 1 bytes });

/// Why a payment can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The memo can't say the payouts.
    #[error(transparent)]
    Memo(#[from] MemoError),
    /// It doesn't fit a transaction.
    #[error("it has {0} bytes, a transaction at most 1,232")]
    TooLong(usize),
    /// A transfer of nothing.
    #[error("a transfer of nothing")]
    Nothing,
    /// The treasury would pay itself.
    #[error("the treasury would pay itself")]
    Itself,
}

/// The signature isn't the treasury's under this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature is not the treasury's under this message")]
pub struct NotSigned;

/// The message of a payment. Payouts ascend.
pub fn payment(
    treasury: &Treasury,
    lane: LaneId,
    nonce: Nonce,
    batch: BatchId,
    transfers: &[Transfer],
    fees: Fees,
) -> Result<Message, BuildError> {
    let memo = Memo::new(batch, transfers.iter().map(|transfer| transfer.payout).collect())?;
    let Treasury { owner, mint } = treasury;
    let program = mint.program().address();
    let from = mint.account_of(owner);
    let mut instructions = head(*owner, lane, fees);
    instructions.push(build_memo(&spl_memo_interface::v3::ID, memo.to_string().as_bytes(), &[]));
    for transfer in transfers {
        let wallet = transfer.wallet.address();
        if transfer.amount == Amount::ZERO {
            return Err(BuildError::Nothing);
        }
        if wallet == *owner {
            return Err(BuildError::Itself);
        }
        if transfer.makes_account {
            let made = create_associated_token_account_idempotent(owner, &wallet, &mint.address(), &program);
            instructions.push(made);
        }
        instructions.push(transfer_instruction(treasury, &from, &mint.account_of(&wallet), transfer.amount));
    }
    finished(&instructions, *owner, nonce)
}

/// The message that uses a lane's nonce up for nothing, so that the payment that holds it can never land.
pub fn cancel(treasury: &Treasury, lane: LaneId, nonce: Nonce, fees: Fees) -> Result<Message, BuildError> {
    finished(&head(treasury.owner, lane, fees), treasury.owner, nonce)
}

/// The lane of a number: an account at an address that follows from the treasury's, so that no key but the treasury's
/// is needed for it, and a lost database can find it.
pub fn lane(owner: &Address, number: u16) -> LaneId {
    let made = Address::create_with_seed(owner, &seed(number), &solana_system_interface::program::ID);
    LaneId(made.expect("the seed is short and the system program no derived address"))
}

fn seed(number: u16) -> String {
    format!("lull lane {number}")
}

/// How long a lane's account is: what `getMinimumBalanceForRentExemption` is asked about.
pub fn lane_bytes() -> u64 {
    State::size() as u64
}

/// The message that makes lanes, each with this rent, under a recent blockhash.
pub fn make_lanes(owner: &Address, numbers: Range<u16>, rent: u64, blockhash: Nonce) -> Result<Message, BuildError> {
    let mut instructions = Vec::new();
    for number in numbers {
        let LaneId(lane) = lane(owner, number);
        // Creating fails where there are lamports already, and anybody can send some there.
        instructions.push(transfer(owner, &lane, rent));
        instructions.push(allocate_with_seed(
            &lane,
            owner,
            &seed(number),
            lane_bytes(),
            &solana_system_interface::program::ID,
        ));
        instructions.extend(create_nonce_account(owner, &lane, owner, rent).into_iter().skip(1));
    }
    finished(&instructions, *owner, blockhash)
}

fn head(owner: Address, lane: LaneId, fees: Fees) -> Vec<Instruction> {
    vec![
        // A durable nonce counts only where this comes first.
        advance_nonce_account(&lane.0, &owner),
        ComputeBudgetInstruction::set_compute_unit_limit(fees.units),
        ComputeBudgetInstruction::set_compute_unit_price(fees.price),
    ]
}

fn transfer_instruction(treasury: &Treasury, from: &Address, to: &Address, amount: Amount) -> Instruction {
    let Treasury { owner, mint } = treasury;
    // The classic program's instruction is Token-2022's, too; the library makes it for its own program only.
    let classic = TokenProgram::Classic.address();
    let made = transfer_checked(&classic, from, &mint.address(), to, owner, &[], amount.get(), mint.decimals());
    let instruction = made.expect("its one error is another program's address");
    Instruction { program_id: mint.program().address(), ..instruction }
}

fn finished(instructions: &[Instruction], payer: Address, nonce: Nonce) -> Result<Message, BuildError> {
    let message = LegacyMessage::new_with_blockhash(instructions, Some(&payer), &Hash::new_from_array(nonce.0));
    let message = Message(message.serialize().into());
    let length = message.with(Signature([0; 64])).bytes.len();
    if length > TRANSACTION_BYTES_MAX { Err(BuildError::TooLong(length)) } else { Ok(message) }
}

impl Message {
    /// What is signed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
    /// The transaction, if the signature is this key's under it.
    pub fn attach(&self, signature: Signature, signer: &Address) -> Result<Signed, NotSigned> {
        let key = VerifyingKey::from_bytes(signer.as_array()).map_err(|_| NotSigned)?;
        key.verify_strict(self.bytes(), &signature.0.into()).map_err(|_| NotSigned)?;
        Ok(self.with(signature))
    }
    /// A transaction that nobody signed, for simulations.
    pub fn unsigned(&self) -> Vec<u8> {
        self.with(Signature([0; 64])).bytes.into()
    }
    fn with(&self, signature: Signature) -> Signed {
        // One signature: the compact length 1, then the signature, then what was signed.
        let bytes = [&[1], &signature.0[..], self.bytes()].concat();
        Signed { signature, bytes: bytes.into() }
    }
}

impl lull_protocol::cbor::Cbor for Message {
    fn write(&self, to: &mut lull_protocol::cbor::Writer) {
        self.0.write(to);
    }
    fn read(from: &mut lull_protocol::cbor::Reader<'_>) -> Self {
        Self(ByteVec::read(from))
    }
}

impl Signed {
    /// Its name on the chain.
    pub fn signature(&self) -> Signature {
        self.signature
    }
    /// What is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Which transfer an instruction of a payment belongs to, by their places.
pub fn transfer_at(transfers: &[Transfer], instruction: usize) -> Option<usize> {
    let mut next = HEAD;
    transfers.iter().position(|transfer| {
        next += if transfer.makes_account { 2 } else { 1 };
        (HEAD..next).contains(&instruction)
    })
}

/// A transaction on the chain, as far as it tells of payouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// Its name.
    pub signature: Signature,
    /// Its accounts, in its own order.
    pub accounts: Vec<Address>,
    /// Those that signed.
    pub signers: Vec<Address>,
    /// The lane whose nonce it advanced, if it did so first, and under whose key. Who has not signed advanced none:
    /// anybody can name a lane and its owner in a transaction that fails, and be in the lane's history by that.
    pub advanced: Option<(LaneId, Address)>,
    /// What stands where a recent blockhash would: the value it used up, if it advanced a lane.
    pub nonce: Nonce,
    /// Its memo, if it has one of ours.
    pub memo: Option<Memo>,
    /// Token accounts that it made, if they weren't there.
    pub made: Vec<Address>,
    /// Token accounts that it transferred to, and how much to each, in its order; of the mint that was asked about.
    pub transfers: Vec<(Address, u64)>,
}

/// Reads a transaction of anybody's; `None` if it can't be one.
pub fn read(bytes: &[u8], mint: &Mint) -> Option<OnChain> {
    let transaction = wincode::deserialize::<VersionedTransaction>(bytes).ok()?;
    let signature = Signature((*transaction.signatures.first()?).into());
    let VersionedTransaction { message, .. } = transaction;
    let accounts = message.static_account_keys().to_vec();
    let signers: Vec<Address> =
        accounts.iter().take(message.header().num_required_signatures.into()).copied().collect();
    let (mut advanced, mut memo, mut made, mut transfers) = (None, None, Vec::new(), Vec::new());
    for (index, instruction) in message.instructions().iter().enumerate() {
        let account = |place: usize| accounts.get(usize::from(*instruction.accounts.get(place)?)).copied();
        let Some(program) = accounts.get(usize::from(instruction.program_id_index)) else { continue };
        if index == 0 && *program == solana_system_interface::program::ID {
            let read = wincode::deserialize::<SystemInstruction>(&instruction.data);
            if let Ok(SystemInstruction::AdvanceNonceAccount) = read {
                advanced = account(0).map(LaneId).zip(account(2).filter(|authority| signers.contains(authority)));
            }
        } else if *program == spl_memo_interface::v3::ID {
            memo = memo.or_else(|| std::str::from_utf8(&instruction.data).ok()?.parse().ok());
        } else if *program == spl_associated_token_account_interface::program::ID {
            made.extend(account(1));
        } else if let (Some(to), Some(amount)) = (account(2), transferred(instruction, &accounts, mint)) {
            transfers.push((to, amount));
        }
    }
    let nonce = Nonce(message.recent_blockhash().to_bytes());
    Some(OnChain { signature, accounts, signers, advanced, nonce, memo, made, transfers })
}

/// How much of the mint an instruction transfers, if it does.
fn transferred(instruction: &CompiledInstruction, accounts: &[Address], mint: &Mint) -> Option<u64> {
    let account = |index: u8| accounts.get(usize::from(index)).copied();
    let is_of_mint = account(instruction.program_id_index) == Some(mint.program().address())
        && account(*instruction.accounts.get(1)?) == Some(mint.address());
    match TokenInstruction::unpack(&instruction.data) {
        Ok(TokenInstruction::TransferChecked { amount, .. }) if is_of_mint => Some(amount),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use lull_protocol::cbor;
    use proptest::prelude::*;

    use super::*;

    fn key(number: u64) -> SigningKey {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        SigningKey::from_bytes(&seed)
    }

    fn address(number: u64) -> Address {
        Address::from(key(number).verifying_key().to_bytes())
    }

    fn treasury() -> Treasury {
        Treasury { owner: address(0), mint: crate::token::tests::classic() }
    }

    fn transfers(count: u64, makes_account: bool) -> Vec<Transfer> {
        let transfer = |number| Transfer {
            payout: PayoutId::new(1_000_000 + number).expect("small"),
            wallet: Wallet::new(address(1 + number)).expect("a key"),
            amount: Amount::new(10 + number).expect("small"),
            makes_account,
        };
        (0..count).map(transfer).collect()
    }

    const BATCH: BatchId = BatchId::new(1 << 52).expect("small");
    const NONCE: Nonce = Nonce([3; 32]);

    fn built(transfers: &[Transfer]) -> Result<Message, BuildError> {
        payment(&treasury(), lane(&address(0), 0), NONCE, BATCH, transfers, Fees::MOST)
    }

    #[test]
    fn a_transaction_holds_this_many() {
        let most = |makes_account| (1..).take_while(|count| built(&transfers(*count, makes_account)).is_ok()).count();
        assert_eq!((most(false), most(true)), (15, 8));
        assert!(matches!(built(&transfers(16, false)), Err(BuildError::TooLong(_))));
    }

    #[test]
    fn only_the_treasurys_signature_fits() {
        let message = built(&transfers(2, true)).expect("it fits");
        let signature = Signature(key(0).sign(message.bytes()).to_bytes());
        let signed = message.attach(signature, &address(0)).expect("it is the treasury's");
        assert_eq!((signed.signature(), signed.bytes().len()), (signature, message.unsigned().len()));
        assert_eq!(cbor::decode(&cbor::encode(&signed), 2_000), Ok(signed));
        assert_eq!(message.attach(signature, &address(1)), Err(NotSigned));
        let mut wrong = signature;
        wrong.0[5] ^= 1;
        assert_eq!(message.attach(wrong, &address(0)), Err(NotSigned));
        assert_eq!(built(&transfers(1, false)).map(|other| other.attach(signature, &address(0))), Ok(Err(NotSigned)));
    }

    #[test]
    fn nobody_is_paid_nothing_and_the_treasury_not_itself() {
        let mut nothing = transfers(1, false);
        nothing[0].amount = Amount::ZERO;
        assert_eq!(built(&nothing), Err(BuildError::Nothing));
        let mut itself = transfers(1, false);
        itself[0].wallet = Wallet::new(address(0)).expect("a key");
        assert_eq!(built(&itself), Err(BuildError::Itself));
        assert_eq!(built(&[]), Err(BuildError::Memo(MemoError::Payouts)));
        let twice = [transfers(1, false), transfers(1, false)].concat();
        assert_eq!(built(&twice), Err(BuildError::Memo(MemoError::Payouts)));
    }

    #[test]
    fn an_instruction_has_its_transfer() {
        let transfers = [transfers(2, true), transfers(1, false)].concat();
        let places: Vec<_> = (0..10).map(|instruction| transfer_at(&transfers, instruction)).collect();
        let (head, one) = (None, Some);
        assert_eq!(places, [head, head, head, head, one(0), one(0), one(1), one(1), one(2), None]);
    }

    #[test]
    fn a_cancel_uses_the_same_value() {
        let treasury = treasury();
        let lane = lane(&treasury.owner, 3);
        let message = cancel(&treasury, lane, NONCE, Fees { units: 5_000, price: 1 }).expect("it fits");
        let read = read(&message.unsigned(), &treasury.mint).expect("a transaction");
        assert_eq!((read.advanced, read.nonce, read.memo), (Some((lane, treasury.owner)), NONCE, None));
        assert!(make_lanes(&treasury.owner, 0..4, 1_000, NONCE).is_ok());
        assert_ne!(super::lane(&treasury.owner, 4), lane);
    }

    #[test]
    fn lamports_where_a_lane_will_be_are_no_hindrance() {
        let message = make_lanes(&address(0), 0..1, 1_000, NONCE).expect("it fits");
        let transaction: VersionedTransaction = wincode::deserialize(&message.unsigned()).expect("a transaction");
        let read = |one: &CompiledInstruction| wincode::deserialize(&one.data).expect("the system program's");
        let said: Vec<SystemInstruction> = transaction.message.instructions().iter().map(read).collect();
        use SystemInstruction::{AllocateWithSeed, InitializeNonceAccount, Transfer};
        assert!(matches!(
            &said[..],
            [Transfer { lamports: 1_000 }, AllocateWithSeed { .. }, InitializeNonceAccount(_)]
        ));
    }

    #[test]
    fn who_has_not_signed_advances_no_lane() {
        let treasury = treasury();
        let lane = lane(&treasury.owner, 0);
        let mut advance = advance_nonce_account(&lane.0, &treasury.owner);
        advance.accounts.iter_mut().for_each(|account| account.is_signer = false);
        let message = finished(&[advance], address(7), NONCE).expect("it fits");
        let read = read(&message.unsigned(), &treasury.mint).expect("a transaction");
        assert_eq!((read.signers, read.advanced), (vec![address(7)], None));
    }

    proptest! {
        #[test]
        fn what_is_built_reads_back(count in 1..8_u64, makes_account: bool) {
            let transfers = transfers(count, makes_account);
            let message = built(&transfers).expect("it fits");
            let treasury = treasury();
            let read = read(&message.unsigned(), &treasury.mint).expect("a transaction");
            prop_assert_eq!(read.signers, vec![treasury.owner]);
            prop_assert_eq!(read.advanced, Some((lane(&treasury.owner, 0), treasury.owner)));
            prop_assert_eq!(read.nonce, NONCE);
            let memo = read.memo.expect("it has one");
            prop_assert_eq!(memo.batch(), BATCH);
            prop_assert!(memo.payouts().iter().eq(transfers.iter().map(|transfer| &transfer.payout)));
            let sent = transfers.iter().map(|one| (treasury.mint.account_of(&one.wallet.address()), one.amount.get()));
            prop_assert!(read.transfers.iter().copied().eq(sent));
            let to: Vec<Address> = read.transfers.iter().map(|(to, _)| *to).collect();
            prop_assert_eq!(read.made, if makes_account { to } else { vec![] });
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..400_usize, to: u8) {
            let _ = read(&bytes, &treasury().mint);
            let mut changed = built(&transfers(3, true)).expect("it fits").unsigned();
            if let Some(byte) = changed.get_mut(at) {
                *byte = to;
            }
            let _ = read(&changed, &treasury().mint);
            let _ = read(&changed[..at.min(changed.len())], &treasury().mint);
        }
    }
}
