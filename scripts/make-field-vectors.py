#!/usr/bin/env python3
"""Makes Tests/Fixtures/fields/version1.json: fields and index values of version 1, by other code than ours.

    PYTHONPATH=.build-fields/python python3 scripts/make-field-vectors.py > Tests/Fixtures/fields/version1.json

The file is frozen. This is how it was made; what it holds must be readable for ever.
"""
import importlib.util
import json
import os
import random
import sys

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as aead_seal

place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Documentation", "read-field.py")
spec = importlib.util.spec_from_file_location("read_field", place)
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)

dice = random.Random(20261126)
ROW = "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"


def pad(value, step):
    return value + b"\x80" + b"\0" * (step - 1 - len(value) % step)


def field(ring_key, context, row, step, value):
    key, nonce = reader.key_id(ring_key), dice.randbytes(24)
    sealed = aead_seal(
        pad(value, step), reader.associated_data(key, context, row), nonce, reader.field_key(ring_key, context))
    return b"\x01" + key + nonce + sealed


keys = [bytes(range(32)), bytes(32), dice.randbytes(32)]
values = [b"", b"\x80", b"\0", b"0171 1234567", "Žofie 🦀".encode(), bytes(range(256)), b"fifteen bytes..", b"sixteen bytes..."]
fields = []
for ring_key in keys:
    for context, row, step in [("users.phone", None, 16), ("users.phone", ROW, 16), ("ü.名", None, 1), ("a", ROW, 64)]:
        for value in values:
            sealed = field(ring_key, context, row, step, value)
            assert reader.open_field(sealed, {reader.key_id(ring_key): ring_key}, context, row) == value
            fields.append(dict(
                key=ring_key.hex(), context=context, row=row, padding=step, value=value.hex(), field=sealed.hex()))
indexes = []
for ring_key in keys:
    for parts in [[""], ["0171 1234567"], ["Žofie"], ["ab", "c"], ["a", "bc"]]:
        for bits in [1, 12, 16, 20, 256]:
            value = reader.index_value(ring_key, "users.phone", "exact", parts, bits)
            indexes.append(dict(
                key=ring_key.hex(), context="users.phone", index="exact", parts=parts, bits=bits, value=value.hex()))
json.dump(
    dict(keys=[dict(key=key.hex(), id=reader.key_id(key).hex()) for key in keys], fields=fields, indexes=indexes),
    sys.stdout, indent=1, ensure_ascii=False)
print()
