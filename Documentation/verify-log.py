#!/usr/bin/env python3
"""Checks an audit log of dbsec, a folder of evidence, or a proof, with Python's standard library and nothing of ours.

  verify-log.py FOLDER [--key VKEY] [--kept CHECKPOINT ...]    every record, the tree, the signature, kept checkpoints
  verify-log.py [EVIDENCE] [--key VKEY]                        a folder of dbaudit report --pack; by default its own
  verify-log.py [EVIDENCE] --prove NUMBER                      writes the C2SP tlog-proof of one of its records
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


def unbase64(text):
    """One text for one run of bytes: no spare bits, no missing padding."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not base64")
    return data


def sha256_of_file(path):
    hash = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            hash.update(part)
    return hash.hexdigest()


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
        data = unbase64(data)
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        if data[0] != 1 or len(data) != 33 or self.id.hex() != number:
            raise ValueError("not a log's public key")
        self.bytes = data[1:]


class Checkpoint:
    def __init__(self, text):
        self.text, rest = text[: text.rindex("\n\n") + 1], text[text.rindex("\n\n") + 2 :]
        self.origin, size, root, end = self.text.split("\n")
        self.size, self.root = int(size), unbase64(root)
        if end or str(self.size) != size or len(self.root) != 32 or not rest.endswith("\n"):
            raise ValueError("not a checkpoint")
        self.signatures = []
        for line in rest[:-1].split("\n"):
            dash, name, data = line.split(" ")
            if dash != "\u2014":
                raise ValueError("not a signature")
            self.signatures.append((name, unbase64(data)))

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


class Proof:
    """A file of C2SP tlog-proof."""

    def __init__(self, text):
        head, checkpoint = text.split("\n\n", 1)
        lines, self.checkpoint = head.split("\n"), Checkpoint(checkpoint)
        if lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise ValueError("not a proof")
        extra = lines.pop(0)[6:] if lines[0].startswith("extra ") else None
        self.extra = None if extra is None else unbase64(extra)
        index = lines.pop(0)
        self.index = int(index.removeprefix("index "))
        self.hashes = [unbase64(line) for line in lines]
        if index != f"index {self.index}" or any(len(hash) != 32 for hash in self.hashes):
            raise ValueError("not a proof")

    def includes(self, record):
        """RFC 9162, section 2.1.3.2."""
        position, last, hash = self.index, self.checkpoint.size - 1, sha256(b"\0" + record)
        if not 0 <= position <= last:
            return False
        for step in self.hashes:
            if last == 0:
                return False
            if position & 1 or position == last:
                hash = sha256(b"\1" + step + hash)
                while not position & 1 and position:
                    position, last = position >> 1, last >> 1
            else:
                hash = sha256(b"\1" + hash + step)
            position, last = position >> 1, last >> 1
        return last == 0 and hash == self.checkpoint.root


def verify_proof(path, key, record):
    proof = Proof(read(path))
    data = open(record, "rb").read().removesuffix(b"\n") if record else proof.extra
    if data is None:
        raise ValueError("the proof does not hold the record: --record")
    problems = [] if proof.includes(data) else ["the record is not in that log at that place"]
    if not proof.checkpoint.signed_by(key):
        problems.append(f"the checkpoint is not signed by the key {key.name}+{key.id.hex()}")
    print(f"record {proof.index} of {proof.checkpoint.size} in {proof.checkpoint.origin}")
    print(data.decode(errors="backslashreplace"))
    return problems


class Evidence:
    """Some records of a log, and the hashes of all subtrees that have none of them."""

    def __init__(self, folder):
        self.folder, self.checkpoint = folder, Checkpoint(read(os.path.join(folder, "checkpoint")))
        proof = json.loads(read(os.path.join(folder, "proof.json")))
        if proof["format"] != "dbsec subset proof v1" or proof["size"] != self.checkpoint.size:
            raise ValueError("proof.json belongs to another checkpoint")
        self.hashes = {(start, start + count): bytes.fromhex(digest) for start, count, digest in proof["subtrees"]}
        if any(len(hash) != 32 for hash in self.hashes.values()):
            raise ValueError("proof.json has a hash that is none")
        self.places, end = {}, 0
        for line in open(os.path.join(folder, "records.jsonl"), "rb"):
            seq, start, end = json.loads(line)["seq"], end, end + len(line)
            if seq in self.places:
                raise ValueError(f"record {seq} is there twice")
            self.places[seq] = (start, end - 1)
            self.hashes[seq, seq + 1] = sha256(b"\0" + line.removesuffix(b"\n"))
        # Every hash that was given must lead to the root: one that stands for a whole tree would hide what is below it.
        self.unused = set(self.hashes)
        if self.hash(0, self.checkpoint.size) != self.checkpoint.root or self.unused:
            raise ValueError("the records do not lead to the root that was signed")

    def hash(self, low, high):
        self.unused.discard((low, high))
        if (low, high) not in self.hashes:
            if high - low < 2:
                return sha256(b"")  # the root of a log without records; in any other it leads to none that was signed
            half = low + (1 << (high - low - 1).bit_length() - 1)
            self.hashes[low, high] = sha256(b"\1" + self.hash(low, half) + self.hash(half, high))
        return self.hashes[low, high]

    def line(self, number):
        start, end = self.places[number]
        with open(os.path.join(self.folder, "records.jsonl"), "rb") as records:
            records.seek(start)
            return records.read(end - start)

    def prove(self, number):
        if number not in self.places:
            raise ValueError(f"record {number} is not one of these")
        low, high, hashes = 0, self.checkpoint.size, []
        while high - low > 1:
            half = low + (1 << (high - low - 1).bit_length() - 1)
            left = number < half
            hashes.append(self.hash(half, high) if left else self.hash(low, half))
            low, high = (low, half) if left else (half, high)
        lines = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(self.line(number)).decode(), f"index {number}"]
        lines += [base64.b64encode(hash).decode() for hash in reversed(hashes)]
        return "\n".join(lines) + "\n\n" + read(os.path.join(self.folder, "checkpoint"))


def verify_evidence(folder, key):
    try:
        for line in read(os.path.join(folder, "SHA256SUMS")).splitlines():
            digest, name = line.split("  ", 1)
            inside = not name.startswith("/") and ".." not in name.split("/")
            if not inside or sha256_of_file(os.path.join(folder, name)) != digest:
                return [f"{name} is not what SHA256SUMS says"]
        evidence = Evidence(folder)
        checkpoint, given = evidence.checkpoint, key is not None
        key = key or Key(os.path.join(folder, "log.vkey"))
        if not checkpoint.signed_by(key):
            return [f"the checkpoint is not signed by the key {key.name}+{key.id.hex()}"]
        proofs = os.path.join(folder, "proofs")
        for number in sorted(evidence.places) if os.path.isdir(proofs) else []:
            proof = Proof(read(os.path.join(proofs, f"{number}.tlog-proof")))
            whole = proof.index == number and proof.extra == evidence.line(number) and proof.includes(proof.extra)
            if not whole or proof.checkpoint.text != checkpoint.text or not proof.checkpoint.signatures == checkpoint.signatures:
                return [f"proofs/{number}.tlog-proof does not prove record {number}"]
    except (ValueError, KeyError, TypeError) as problem:
        return [str(problem)]
    print(f"{checkpoint.origin}: {len(evidence.places)} of {checkpoint.size} records, each of them in the log that was signed")
    whose = "the one you gave" if given else "the one in this folder; compare it with the one you hold"
    print(f"key: {whose}: {key.name}+{key.id.hex()}")
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--key")
    parser.add_argument("--kept", action="append", default=[])
    parser.add_argument("--proof")
    parser.add_argument("--record")
    parser.add_argument("--prove", type=int, metavar="NUMBER")
    options = parser.parse_args()
    own = os.path.dirname(os.path.abspath(__file__))
    folder = options.folder or (own if os.path.exists(os.path.join(own, "proof.json")) else None)
    try:
        key = Key(options.key) if options.key else None
        if options.proof:
            if not key:
                parser.error("--proof needs --key")
            problems = verify_proof(options.proof, key, options.record)
        elif not folder:
            parser.error("name the log's folder, a folder of evidence, or --proof")
        elif options.prove is not None:
            sys.stdout.write(Evidence(folder).prove(options.prove))
            return 0
        elif os.path.exists(os.path.join(folder, "proof.json")):
            problems = verify_evidence(folder, key)
        else:
            kept = [(path, Checkpoint(read(path))) for path in options.kept]
            problems = verify_log(folder, key, kept)
    except (OSError, ValueError, KeyError) as problem:
        print(f"cannot read it: {problem}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"WRONG: {problem}")
    print("it holds" if not problems else "IT DOES NOT HOLD")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
