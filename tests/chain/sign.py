"""A signer of one's own, as docs/payouts.md says it: python sign.py KEYFILE"""
import base64
import json
import sys

from solders.keypair import Keypair

with open(sys.argv[1]) as file:
    key = Keypair.from_bytes(bytes(json.load(file)))

for line in sys.stdin:
    asked = json.loads(line)
    if asked["ask"] == "address":
        answer = {"address": str(key.pubkey())}
    else:
        answer = {"signature": str(key.sign_message(base64.b64decode(asked["message"])))}
    print(json.dumps(answer), flush=True)
