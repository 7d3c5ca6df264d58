#!/usr/bin/env python3
"""solders, somebody else's Solana library, judges the bytes of our transactions.

Reads lines of JSON: a transaction's bytes, who signed, and what it is meant to do; each must be what solders finds:
the same signature, which verifies, the same payer, nonce, instructions and accounts. A flipped bit must not verify.

    venv/bin/python tests/chain/check.py < lines
"""

import json
import sys

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction, AccountMeta
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import advance_nonce_account, AdvanceNonceAccountParams
from solders.token.associated import get_associated_token_address
from solders.transaction import Transaction

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")


def account(wallet, mint, program):
    """A wallet's token account: derived here, for the library's own knows the classic program only."""
    found, _ = Pubkey.find_program_address([bytes(wallet), bytes(program), bytes(mint)], ASSOCIATED)
    return found


def create(owner, wallet, mint, program):
    """CreateIdempotent of the associated token account program."""
    accounts = [
        AccountMeta(owner, True, True),
        AccountMeta(account(wallet, mint, program), False, True),
        AccountMeta(wallet, False, False),
        AccountMeta(mint, False, False),
        AccountMeta(SYSTEM, False, False),
        AccountMeta(program, False, False),
    ]
    return Instruction(ASSOCIATED, bytes([1]), accounts)


def transfer(owner, wallet, mint, program, amount, decimals):
    """TransferChecked of a token program."""
    accounts = [
        AccountMeta(account(owner, mint, program), False, True),
        AccountMeta(mint, False, False),
        AccountMeta(account(wallet, mint, program), False, True),
        AccountMeta(owner, True, False),
    ]
    return Instruction(program, bytes([12]) + amount.to_bytes(8, "little") + bytes([decimals]), accounts)


def expected(plan):
    """The transaction's message, made by solders from what was planned."""
    owner, mint, program = (Pubkey.from_string(plan[key]) for key in ("owner", "mint", "program"))
    lane = Pubkey.from_string(plan["lane"])
    params = AdvanceNonceAccountParams(nonce_pubkey=lane, authorized_pubkey=owner)
    instructions = [
        advance_nonce_account(params),
        set_compute_unit_limit(plan["units"]),
        set_compute_unit_price(plan["price"]),
        Instruction(MEMO, plan["memo"].encode(), []),
    ]
    for one in plan["transfers"]:
        wallet = Pubkey.from_string(one["wallet"])
        if one["makes_account"]:
            instructions.append(create(owner, wallet, mint, program))
        instructions.append(transfer(owner, wallet, mint, program, one["amount"], plan["decimals"]))
    return Message.new_with_blockhash(instructions, owner, Hash.from_string(plan["nonce"]))


def meaning(message):
    """Instructions with their accounts, whatever order the message lists those in."""
    keys = message.account_keys
    header = message.header
    signers, last = header.num_required_signatures, len(keys) - header.num_readonly_unsigned_accounts

    def writes(index):
        return index < signers - header.num_readonly_signed_accounts or signers <= index < last

    accounts = {str(key): (index < signers, writes(index)) for index, key in enumerate(keys)}
    instructions = [
        (str(keys[one.program_id_index]), [str(keys[index]) for index in one.accounts], bytes(one.data))
        for one in message.instructions
    ]
    return str(keys[0]), str(message.recent_blockhash), accounts, instructions


def judge(line):
    plan = json.loads(line)
    data = bytes.fromhex(plan["bytes"])
    transaction = Transaction.from_bytes(data)
    assert bytes(transaction) == data, "solders writes other bytes"
    assert len(data) <= 1232, "too long"
    assert [str(one) for one in transaction.signatures] == [plan["signature"]], "another signature"
    transaction.verify()
    ours, theirs = meaning(transaction.message), meaning(expected(plan))
    assert ours == theirs, f"ours {ours}\ntheirs {theirs}"
    if plan["program"] == "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA":
        owner, mint, program = (Pubkey.from_string(plan[key]) for key in ("owner", "mint", "program"))
        assert get_associated_token_address(owner, mint) == account(owner, mint, program)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    try:
        Transaction.from_bytes(bytes(flipped)).verify()
    except Exception:
        return
    raise AssertionError("a flipped bit still verifies")


def main():
    count = 0
    for line in sys.stdin:
        judge(line)
        count += 1
    assert count > 0, "nothing to judge"
    print(f"solders: {count} transactions are what was planned")


if __name__ == "__main__":
    main()
