#!/usr/bin/env python3
"""Checks an audit log of dbsec, or a proof from one, with Python's standard library and nothing of ours.

  verify-log.py FOLDER [--key VKEY] [--kept CHECKPOINT ...]    every record, the tree, the signature, kept checkpoints
  verify-log.py --proof FILE --key VKEY [--record FILE]        that one record is in a log (C2SP tlog-proof)

VKEY is a file such as log.vkey, or the line in it. Exit status: 0 it holds, 1 it does not, 2 it could not be read.
The formats: RFC 6962 (section 2.1), C2SP tlog-checkpoint, signed-note, tlog-proof; RFC 8032 for the signature.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519, from RFC 8032, section 5.1: slow, and enough for a few signatures.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("not a point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(number, a):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, a)
        a, number = add(a, a), number >> 1
    return result


def signature_is_good(key, message, signature):
    try:
        a, r = point(key), point(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= Q:
        return False
    y = 4 * pow(5, P - 2, P) % P
    base = point(y.to_bytes(32, "little"))
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = multiply(s, base), add(r, multiply(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


class Key:
    def __init__(self, text):
        if os.path.exists(text):
            text = open(text, encoding="utf-8").read()
        self.name, number, data = text.strip().split("+", 2)
        data = base64.b64decode(data, validate=True)
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        if data[0] != 1 or len(data) != 33 or self.id.hex() != number:
            raise ValueError("not a log's public key")
        self.bytes = data[1:]


class Checkpoint:
    def __init__(self, text):
        self.text, rest = text[: text.rindex("\n\n") + 1], text[text.rindex("\n\n") + 2 :]
        self.origin, size, root, end = self.text.split("\n")
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        if end or str(self.size) != size or len(self.root) != 32 or not rest.endswith("\n"):
            raise ValueError("not a checkpoint")
        self.signatures = []
        for line in rest[:-1].split("\n"):
            dash, name, data = line.split(" ")
            if dash != "\u2014":
                raise ValueError("not a signature")
            self.signatures.append((name, base64.b64decode(data, validate=True)))

    def signed_by(self, key):
        own = [data for name, data in self.signatures if name == key.name and data[:4] == key.id]
        return (
            self.origin == key.name
            and bool(own)
            and all(signature_is_good(key.bytes, self.text.encode(), data[4:]) for data in own)
        )


def read(path):
    return open(path, encoding="utf-8", newline="").read()


class Tree:
    """The roots of perfect subtrees, the widest first."""

    def __init__(self):
        self.size, self.parts = 0, []

    def append(self, leaf):
        self.size += 1
        width = 1
        while self.parts and self.parts[-1][0] == width:
            leaf, width = sha256(b"\1" + self.parts.pop()[1] + leaf), width * 2
        self.parts.append((width, leaf))

    def root(self):
        if not self.parts:
            return sha256(b"")
        root = self.parts[-1][1]
        for _, part in reversed(self.parts[:-1]):
            root = sha256(b"\1" + part + root)
        return root


def leaves(folder, problems):
    """The hash of each record, those of which only the hash is left included."""
    files = sorted(name for name in os.listdir(folder) if re.fullmatch(r"log-\d{6}\.jsonl", name))
    count = 0
    if not files:
        problems.append("there is no file of records")
        return
    first = json.loads(open(os.path.join(folder, files[0]), "rb").readline())["seq"]
    if first:
        with open(os.path.join(folder, "leaves"), "rb") as hashes:
            while count < first:
                yield hashes.read(32)
                count += 1
    for number, name in enumerate(files, int(files[0][4:10])):
        if name != f"log-{number:06d}.jsonl":
            problems.append(f"log-{number:06d}.jsonl is gone")
            return
        for line in open(os.path.join(folder, name), "rb"):
            if not line.endswith(b"\n"):
                return
            try:
                seq = json.loads(line)["seq"]
            except (ValueError, KeyError, TypeError):
                seq = None
            if seq != count and len(problems) < 20:
                problems.append(f"record {count} is not one, or says that it is record {seq}")
            yield sha256(b"\0" + line[:-1])
            count += 1


def verify_log(folder, key, kept):
    problems = []
    checkpoint = Checkpoint(read(os.path.join(folder, "checkpoint")))
    wanted = {one.size: None for one in [checkpoint] + [one for _, one in kept]}
    tree = Tree()
    for leaf in leaves(folder, problems):
        tree.append(leaf)
        if tree.size in wanted:
            wanted[tree.size] = tree.root()
    for name, one in [("checkpoint", checkpoint)] + kept:
        if one.origin != checkpoint.origin:
            problems.append(f"{name} is of another log")
        elif wanted[one.size] is None:
            problems.append(f"{name} covers {one.size} records, and there are only {tree.size}")
        elif wanted[one.size] != one.root:
            problems.append(f"{name} covers other {one.size} records than these")
        if key and not one.signed_by(key):
            problems.append(f"{name} is not signed by the key {key.name}+{key.id.hex()}")
    print(f"{checkpoint.origin}: {tree.size} records, {checkpoint.size} of them under the checkpoint")
    print(f"root {checkpoint.root.hex()}, {'signature checked' if key else 'signature NOT checked: --key'}")
    return problems


def verify_proof(path, key, record):
    head, checkpoint = read(path).split("\n\n", 1)
    lines, checkpoint = head.split("\n"), Checkpoint(checkpoint)
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise ValueError("not a proof")
    extra = base64.b64decode(lines.pop(0)[6:], validate=True) if lines[0].startswith("extra ") else None
    index, proof = int(lines.pop(0).removeprefix("index ")), [base64.b64decode(line, validate=True) for line in lines]
    data = open(record, "rb").read().removesuffix(b"\n") if record else extra
    if data is None:
        raise ValueError("the proof does not hold the record: --record")
    # RFC 9162, section 2.1.3.2
    position, last, hash = index, checkpoint.size - 1, sha256(b"\0" + data)
    for step in proof:
        if last == 0:
            return ["the proof is too long"]
        if position & 1 or position == last:
            hash = sha256(b"\1" + step + hash)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            hash = sha256(b"\1" + hash + step)
        position, last = position >> 1, last >> 1
    problems = [] if last == 0 and hash == checkpoint.root else ["the record is not in that log at that place"]
    if not checkpoint.signed_by(key):
        problems.append(f"the checkpoint is not signed by the key {key.name}+{key.id.hex()}")
    print(f"record {index} of {checkpoint.size} in {checkpoint.origin}")
    print(data.decode(errors="backslashreplace"))
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--key")
    parser.add_argument("--kept", action="append", default=[])
    parser.add_argument("--proof")
    parser.add_argument("--record")
    options = parser.parse_args()
    try:
        key = Key(options.key) if options.key else None
        if options.proof:
            if not key:
                parser.error("--proof needs --key")
            problems = verify_proof(options.proof, key, options.record)
        elif options.folder:
            kept = [(path, Checkpoint(read(path))) for path in options.kept]
            problems = verify_log(options.folder, key, kept)
        else:
            parser.error("name the log's folder, or --proof")
    except (OSError, ValueError, KeyError) as problem:
        print(f"cannot read it: {problem}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"WRONG: {problem}")
    print("it holds" if not problems else "IT DOES NOT HOLD")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
