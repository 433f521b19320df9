#!/usr/bin/env python3
"""A small application with a phone number in it, through the five releases that an encrypted column takes.

    python3 phones.py RELEASE [SECONDS]

writes and reads customers for so many seconds, as the release does it, and ends with 1 as soon as it reads a number that it
did not write. The releases follow the phases of `dbpii column` (README.md):

    plain     writes and reads the plaintext                 before, and while `start` and `backfill` run
    both      writes both, reads the ciphertext if there     `gate` watches it
    twin      writes and reads the ciphertext only           after `finish`, and after the drop
    back      writes both, reads the plaintext               on the way back, after `revert`

The keys come from the keyring of dbpii, by the reader in Documentation; a Swift application would use FieldCipher.
"""
import importlib.util
import os
import random
import sys
import time

import psycopg
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as aead_seal

HERE = os.path.dirname(os.path.abspath(__file__))
CONTEXT, INDEX, BITS = "customers.phone", "exact", 16


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = load("read_field", os.path.join(HERE, "..", "..", "read-field.py"))


class Phones:
    """Encrypts, decrypts and indexes phone numbers; looks at the keyring again when its file was replaced."""

    def __init__(self, keyring, identity):
        self.keyring, self.identity, self.inode = keyring, identity, None
        self.refresh()

    def refresh(self):
        facts = os.stat(self.keyring)
        if self.inode == (facts.st_ino, facts.st_mtime_ns):
            return
        self.keys = reader.read_keyring(self.keyring, self.identity)
        self.active = reader.active_key(self.keyring)
        self.inode = (facts.st_ino, facts.st_mtime_ns)

    def seal(self, phone):
        self.refresh()
        text, nonce = phone.encode(), os.urandom(24)
        padded = text + b"\x80" + b"\0" * (15 - len(text) % 16)
        sealed = aead_seal(
            padded, reader.associated_data(self.active, CONTEXT), nonce,
            reader.field_key(self.keys[self.active], CONTEXT))
        return b"\x01" + self.active + nonce + sealed

    def open(self, field):
        self.refresh()
        return reader.open_field(bytes(field), self.keys, CONTEXT).decode()

    def index(self, phone):
        return reader.index_value(self.keys[self.active], CONTEXT, INDEX, [normal(phone)], BITS)

    def searches(self, phone):
        """One value for each key: while a rotation is half done, rows have either."""
        return [reader.index_value(key, CONTEXT, INDEX, [normal(phone)], BITS) for key in self.keys.values()]


def normal(phone):
    """What the transform `digits` does."""
    return "".join(digit for digit in phone if digit in "0123456789")


WRITES = {
    "plain": "phone = %(phone)s",
    "both": "phone = %(phone)s, phone_enc = %(field)s, phone_exact = %(index)s",
    "twin": "phone_enc = %(field)s, phone_exact = %(index)s",
    "back": "phone = %(phone)s, phone_enc = %(field)s, phone_exact = %(index)s",
}


def run(release, seconds):
    phones = None
    if release != "plain":
        phones = Phones(os.environ["KEYRING"], os.environ["KEYRING_IDENTITY"])
    connection = psycopg.connect("", autocommit=True, application_name="phones")
    columns = {"plain": "phone, NULL", "both": "phone, phone_enc", "twin": "NULL, phone_enc", "back": "phone, NULL"}[release]
    dice, mine, count, end = random.Random(os.getpid()), {}, 0, time.monotonic() + seconds
    # Each process has customers of its own, so that it knows what it wrote.
    low = (os.getpid() % 40) * 100 + 1
    while time.monotonic() < end or count < 50:
        customer = dice.randint(low, low + 99)
        phone = f"0171 {dice.randint(0, 9999999):07}"
        values = dict(id=customer, phone=phone)
        if phones:
            values.update(field=phones.seal(phone), index=phones.index(phone))
        connection.execute(f"UPDATE customers SET {WRITES[release]} WHERE id = %(id)s", values)
        mine[customer] = phone
        for known, written in dice.sample(sorted(mine.items()), min(3, len(mine))):
            plain, field = connection.execute(f"SELECT {columns} FROM customers WHERE id = %s", [known]).fetchone()
            found = phones.open(field) if field is not None else plain
            if found != written:
                sys.exit(f"customer {known}: {found} was read, {written} was written")
        if release == "twin":
            rows = connection.execute(
                "SELECT id, phone_enc FROM customers WHERE phone_exact = ANY (%s)", [phones.searches(phone)]).fetchall()
            # A truncated index finds others too: decryption tells them apart.
            if customer not in [row for row, field in rows if phones.open(field) == phone]:
                sys.exit(f"customer {customer} was not found by phone")
        count += 1
    print(f"{release}: {count} writes, every number read as it was written")


if __name__ == "__main__":
    run(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 5)
