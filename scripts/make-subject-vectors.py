#!/usr/bin/env python3
"""Makes Tests/Fixtures/fields/subject-version1.json from Documentation/erasure.md alone, with PyNaCl (scripts/fetch-fields).

    scripts/make-subject-vectors.py > Tests/Fixtures/fields/subject-version1.json
"""
import hashlib
import hmac
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.environ.get("DBSEC_FIELDS", os.path.join(ROOT, ".build-fields")), "python"))
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal  # noqa: E402


def prefixed(part):
    return len(part).to_bytes(4, "big") + part


def blake2b(key, message):
    return hashlib.blake2b(message, digest_size=32, key=key).digest()


ring, secret, subject, nonce, context = bytes([7] * 32), bytes(range(32)), b"4711", bytes([9] * 24), b"users.phone"
ring_id = blake2b(ring, b"dbsec key id v1")[:8]
key_id = blake2b(secret, b"dbsec key id v1")[:8]

data = prefixed(b"dbsec subject v1") + prefixed(subject) + prefixed(key_id)
wrapped = ring_id + nonce + seal(secret, data, nonce, blake2b(ring, prefixed(b"dbsec subject wrap v1")))
commitment = hmac.new(blake2b(ring, prefixed(b"dbsec subject commitment v1")), data + secret, hashlib.sha256).digest()

# A field of version 1 under the subject's key, but for its first byte.
parts = [(1, b"\x01"), (2, key_id), (3, context), (4, b"")]
bound = b"".join(bytes([number]) + prefixed(part) for number, part in parts)
plaintext = b"0171 1234567" + b"\x80"
plaintext += bytes(-len(plaintext) % 16)
column_key = blake2b(secret, prefixed(b"dbsec field key v1") + prefixed(context))
field = b"\x02" + key_id + nonce + seal(plaintext, bound, nonce, column_key)

print(json.dumps({"keyID": key_id.hex(), "wrapped": wrapped.hex(), "commitment": commitment.hex(), "field": field.hex()}, indent=2, sort_keys=True))
