#!/usr/bin/env python3
"""An outside COSE implementation judges the signed statements in v1.json.

For each COSE_Sign1: pycose decodes it, its headers are the ones the protocol allows, its signature
verifies under the given key, its payload and hash are the ones given, a flipped bit in each of its
parts makes it fail, and pycose, signing the same payload with the same seed, writes the same bytes.
For each statement that must be refused for its signature or its key: pycose refuses it too, or, where
Lull asks for more than RFC 8032 (no key and no R of small order), it says that pycose is laxer.

    python3 -m venv venv && venv/bin/pip install pycose==1.1.0 cbor2==5.6.5 cryptography
    venv/bin/python tests/vectors/check_cose.py
"""

import hashlib
import json
import pathlib
import sys

from pycose.headers import Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import CoseMessage, Sign1Message
from pycose.algorithms import EdDSA

KINDS = [
    "offer", "extension", "result", "verdict", "rejection", "appeal", "reversal", "reversal-end",
    "wallet-yes", "wallet-veto", "coordinator-proof", "worker-proof", "operator-card",
]
TYP = 16  # RFC 9596
# Where verify_strict asks for more than RFC 8032 §5.1.7 does.
STRICTER = {"refused small-order key", "refused small-order R"}


def opened(data, public_key):
    """A Sign1Message ready to verify."""
    message = CoseMessage.decode(data)
    if not isinstance(message, Sign1Message):
        raise ValueError("not a COSE_Sign1")
    message.key = OKPKey(crv=Ed25519, x=public_key)
    return message


def holds(data, public_key):
    """Whether pycose decodes and verifies it."""
    try:
        return bool(opened(data, public_key).verify_signature())
    except Exception:
        return False


def check_good(line):
    data, public_key = bytes.fromhex(line["hex"]), bytes.fromhex(line["public_key"])
    payload, seed = bytes.fromhex(line["payload"]), bytes.fromhex(line["seed"])
    message = opened(data, public_key)
    typ = f"application/vnd.lull.{line['kind']}+cbor"
    assert message.phdr == {Algorithm: EdDSA, TYP: typ}, f"protected header {message.phdr}"
    assert message.uhdr == {}, f"unprotected header {message.uhdr}"
    assert message.payload == payload, "payload"
    assert hashlib.sha256(data).hexdigest() == line["hash"], "hash"
    assert message.verify_signature(), "signature"
    flips = 0
    for part in (message.phdr_encoded, payload, data[-64:]):
        start = data.index(part)
        for at in (start, start + len(part) // 2, start + len(part) - 1):
            changed = bytearray(data)
            changed[at] ^= 1
            assert not holds(bytes(changed), public_key), f"byte {at} flipped, and it still verifies"
            flips += 1
    again = Sign1Message(phdr={Algorithm: EdDSA, TYP: typ}, payload=payload)
    again.key = OKPKey(crv=Ed25519, d=seed, x=public_key)
    assert again.encode() == data, "signed again with the same seed, other bytes"
    return flips


def main():
    path = pathlib.Path(__file__).with_name("v1.json")
    lines = [line for line in json.loads(path.read_text()) if line["kind"] in KINDS]
    good = [line for line in lines if "refused" not in line]
    bad = [line for line in lines if line.get("refused") in ("signature", "key")]
    failures, flips, held = [], 0, 0
    for line in good:
        try:
            flips += check_good(line)
            held += 1
            print(f"ok       {line['name']}")
        except Exception as error:
            failures.append(line["name"])
            print(f"MISMATCH {line['name']}: {error!r}")
    for line in bad:
        passed = holds(bytes.fromhex(line["hex"]), bytes.fromhex(line["public_key"]))
        if not passed:
            print(f"ok       {line['name']}: pycose refuses it too")
        elif line["name"] in STRICTER:
            print(f"laxer    {line['name']}: pycose lets it pass, Lull does not")
        else:
            failures.append(line["name"])
            print(f"MISMATCH {line['name']}: pycose lets it pass")
    missing = [kind for kind in KINDS if kind not in {line["kind"] for line in good}]
    print(f"{held} of {len(good)} statements of {len(KINDS)} types verified and signed again to the same bytes, "
          f"{flips} flipped bits refused, {len(bad)} bad ones judged; {len(failures)} mismatches")
    if failures or missing:
        sys.exit(f"failed: {failures}; types without a statement: {missing}")


if __name__ == "__main__":
    main()
