#!/usr/bin/env python3
"""Reads encrypted fields without dbpii: Python, PyNaCl, and the stock `age` for a keyring that is wrapped for recipients.

    python3 read-field.py keyring.json users.phone -i identity.txt [--row UUID] < fields
    python3 read-field.py keyring.json users.phone -p passphrase.txt            < fields
    python3 read-field.py keyring.json users.phone -i identity.txt --subject "$(psql -Atc \\
        "SELECT subject, key_id, wrapped, commitment FROM dbpii.subjects WHERE subject = '4711'")" < fields

Standard input holds one field a line, as psql prints a bytea: \\x01..., or \\x02... for fields of a person. The formats are
described in fields.md and erasure.md.
"""
import argparse
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import uuid

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.pwhash import argon2id


def prefixed(*parts):
    """Each part behind its length, in four bytes, the most significant first."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def blake2b(message, key, size=32):
    return hashlib.blake2b(message, key=key, digest_size=size).digest()


def key_id(ring_key):
    return blake2b(b"dbsec key id v1", ring_key)[:8]


def field_key(ring_key, context):
    return blake2b(prefixed(b"dbsec field key v1", context.encode()), ring_key)


def index_value(ring_key, context, index, values, bits=256):
    """The value of a blind index over texts to which its transforms were applied."""
    key = blake2b(prefixed(b"dbsec field index v1", context.encode(), index.encode()), ring_key)
    full = int.from_bytes(blake2b(prefixed(*(value.encode() for value in values)), key), "big")
    count = (bits + 7) // 8
    return (full >> (256 - bits) << (count * 8 - bits)).to_bytes(count, "big")


def associated_data(key, context, row=None):
    binding = b"\x04" + prefixed(b"") if row is None else b"\x05" + prefixed(uuid.UUID(row).bytes)
    return b"\x01" + prefixed(b"\x01") + b"\x02" + prefixed(key) + b"\x03" + prefixed(context.encode()) + binding


def open_field(field, ring_keys, context, row=None):
    """`ring_keys` are the ring's keys, and subjects' keys, by their ids."""
    if len(field) < 50 or field[0] not in (1, 2):
        raise ValueError("this is no field of version 1 or 2")
    key, nonce, sealed = field[1:9], field[9:33], field[33:]
    if key not in ring_keys:
        raise ValueError(f"the keyring has no key {key.hex()}")
    padded = aead_open(sealed, associated_data(key, context, row), nonce, field_key(ring_keys[key], context))
    return padded.rstrip(b"\0")[:-1]


def subject_key(row, ring_keys):
    """The id and the key of a person, from the row of dbpii.subjects as psql -At prints it."""
    subject, *columns = row.rsplit("|", 3)
    identifier, wrapped, commitment = (bytes.fromhex(column.removeprefix("\\x")) for column in columns)
    ring_key = ring_keys[wrapped[:8]]
    bound = prefixed(b"dbsec subject v1", subject.encode(), identifier)
    key = aead_open(wrapped[32:], bound, wrapped[8:32], blake2b(prefixed(b"dbsec subject wrap v1"), ring_key))
    expected = hmac.digest(blake2b(prefixed(b"dbsec subject commitment v1"), ring_key), bound + key, "sha256")
    if key_id(key) != identifier or not hmac.compare_digest(expected, commitment):
        raise ValueError("the row of the subject was changed")
    return identifier, key


def read_keyring(path, identity=None, passphrase=None):
    with open(path, encoding="utf-8") as file:
        ring = json.load(file)
    if "passphrase" in ring:
        cost = ring["passphrase"]
        wrapping = argon2id.kdf(32, passphrase, bytes.fromhex(cost["salt"]), cost["operations"], cost["memory"])

    keys = {}
    for entry in ring["keys"]:
        if "wrapped" not in entry:
            continue
        wrapped = base64.b64decode(entry["wrapped"])
        if "passphrase" in ring:
            bound = prefixed(b"dbsec keyring v1", ring["ring"].encode(), entry["id"].encode())
            key = aead_open(wrapped[24:], bound, wrapped[:24], wrapping)
        else:
            key = subprocess.run(["age", "-d", "-i", identity], input=wrapped, stdout=subprocess.PIPE, check=True).stdout
        assert key_id(key).hex() == entry["id"], "the keyring has another key under this id"
        keys[key_id(key)] = key
    return keys


def active_key(path):
    """The id of the key that new fields are encrypted with."""
    with open(path, encoding="utf-8") as file:
        return next(bytes.fromhex(key["id"]) for key in json.load(file)["keys"] if key["state"] == "active")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("keyring")
    arguments.add_argument("context")
    arguments.add_argument("-i", "--identity", help="a file with the age identity")
    arguments.add_argument("-p", "--passphrase", help="a file with the passphrase")
    arguments.add_argument("--row", help="the row's uuid, for a column that is bound to its rows")
    arguments.add_argument("--subject", help="the person's row of dbpii.subjects, as psql -At prints it")
    given = arguments.parse_args()
    passphrase = open(given.passphrase, "rb").read().rstrip(b"\r\n") if given.passphrase else None
    keys = read_keyring(given.keyring, given.identity, passphrase)
    if given.subject:
        keys.update([subject_key(given.subject, keys)])
    for line in sys.stdin:
        field = bytes.fromhex(line.strip().removeprefix("\\x"))
        sys.stdout.buffer.write(open_field(field, keys, given.context, given.row) + b"\n")


if __name__ == "__main__":
    main()
