"""Gives workers of a coordinator's database their wallets, as a link that both have agreed on leaves it.

python link.py DATABASE WORKER WALLET ... (both in hexadecimal)"""
import sqlite3
import sys

with sqlite3.connect(sys.argv[1], timeout=10) as db:
    pairs = zip(sys.argv[2::2], sys.argv[3::2])
    rows = [(bytes.fromhex(worker), bytes.fromhex(wallet)) for worker, wallet in pairs]
    db.executemany("INSERT INTO wallets (worker, wallet) VALUES (?, ?)", rows)
