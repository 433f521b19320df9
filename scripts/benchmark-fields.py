"""The measuring part of scripts/benchmark-fields: prints tables."""
import json
import os
import statistics
import subprocess
import sys
import time

import nacl.bindings
import psycopg
import tink
from cryptography.fernet import Fernet
from tink import aead

work, rows, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
build = os.environ["BUILD"]
dbpii = os.path.join(build, "dbpii")


def program(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def lines(text):
    return {(line["what"], line["bytes"]): line["rate"] for line in map(json.loads, text.splitlines())}


def rate(body):
    best = 0
    for _ in range(5):
        begin, calls = time.perf_counter(), 0
        while (took := time.perf_counter() - begin) < 0.2:
            for _ in range(200):
                body()
            calls += 200
        best = max(best, calls / took)
    return best


program(dbpii, "keys", "init", "--keep-identity-here", "--quiet")
keys = os.path.join(os.environ["DBSEC_STATE"], "keys")
pairs = []
for _ in range(runs):
    c = lines(program(os.path.join(work, "c")))
    ours = lines(program(
        os.path.join(build, "BenchmarkFields"), os.path.join(keys, "keyring.json"),
        os.path.join(keys, "keyring-identity.txt")))
    pairs.append((c, ours))

print("one value, thousands a second\n\n| | 16 bytes | 32 bytes | 64 bytes | of C |\n|---|---|---|---|---|")
for what in ["encrypt", "decrypt"]:
    sizes = [16, 32, 64]
    for name, index in [("libsodium in C", 0), ("FieldCipher", 1)]:
        cells = [f"{statistics.median(pair[index][what, size] for pair in pairs) / 1000:.0f}" for size in sizes]
        ratios = [statistics.median(pair[1][what, size] / pair[0][what, size] for pair in pairs) for size in sizes]
        ratio = f"{min(ratios):.2f} to {max(ratios):.2f}" if index else ""
        print(f"| {what}, {name} | {' | '.join(cells)} | {ratio} |")
for what in ["encrypt text", "decrypt text", "index"]:
    cells = [f"{statistics.median(pair[1][what, size] for pair in pairs) / 1000:.0f}" for size in [16, 32, 64]]
    print(f"| {what}, FieldCipher | {' | '.join(cells)} | |")

value = {size: b"a" * size for size in [16, 32, 64]}
aead.register()
fernet = Fernet(Fernet.generate_key())
handles = {
    "tink AES256_GCM": tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead),
    "tink XChaCha20-Poly1305": tink.new_keyset_handle(aead.aead_key_templates.XCHACHA20_POLY1305).primitive(aead.Aead),
}
key = os.urandom(32)
peers = {"Fernet (cryptography)": (fernet.encrypt, fernet.decrypt)}
peers["PyNaCl XChaCha20-Poly1305"] = (
    lambda text: (nonce := os.urandom(24)) + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, b"aad", nonce, key),
    lambda box: nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(box[24:], b"aad", box[:24], key))
for name, handle in handles.items():
    peers[name] = (
        lambda text, handle=handle: handle.encrypt(text, b"aad"), lambda box, handle=handle: handle.decrypt(box, b"aad"))
for name, (seal, open_) in peers.items():
    for what in ["encrypt", "decrypt"]:
        cells = []
        for size in [16, 32, 64]:
            box = seal(value[size])
            cells.append(f"{rate(lambda: seal(value[size]) if what == 'encrypt' else open_(box)) / 1000:.0f}")
        print(f"| {what}, {name} | {' | '.join(cells)} | |")

connection = psycopg.connect("", autocommit=True)
connection.execute("CREATE EXTENSION pgcrypto")


def table(name):
    connection.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
    connection.execute(f"CREATE TABLE {name} (id integer PRIMARY KEY, phone text NOT NULL, twin bytea, filler text)")
    connection.execute(
        f"INSERT INTO {name} SELECT n, '0171 ' || lpad(n::text, 7, '0'), NULL, repeat('x', 60) FROM generate_series(1, {rows}) n")
    connection.execute(f"VACUUM ANALYZE {name}")
    connection.execute("CHECKPOINT")


def timed(body):
    begin = time.perf_counter()
    body()
    return time.perf_counter() - begin


def memory(*command):
    """Runs a program; the peak of its memory in MB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_maxrss / 1000


seconds = {"update": [], "backfill": [], "rotate": [], "second update": []}
peak = 0
constant = "\\x" + "00" * 81
for run in range(runs):
    table("plain")
    seconds["update"].append(timed(lambda: connection.execute(f"UPDATE plain SET twin = '{constant}'")))
    table("users")
    column = ["--table", "users", "--column", "phone"]
    program(dbpii, "column", "start", *column, "--context", f"users.phone.{run}", "--twin", "twin", "--adopt", "--quiet")

    def backfill():
        global peak
        peak = max(peak, memory(dbpii, "column", "backfill", *column, "--quiet"))

    seconds["backfill"].append(timed(backfill))
    connection.execute("VACUUM plain")
    connection.execute("VACUUM users")
    connection.execute("CHECKPOINT")
    program(dbpii, "keys", "rotate", "--quiet")
    program(dbpii, "keys", "rotate", "--activate", "--quiet")
    seconds["second update"].append(timed(lambda: connection.execute(f"UPDATE plain SET twin = '{constant}'")))

    def rotate():
        global peak
        peak = max(peak, memory(dbpii, "column", "rotate", *column, "--quiet"))

    seconds["rotate"].append(timed(rotate))
    program(dbpii, "column", "revert", *column, "--drop-twin", "--quiet")
table("plain")
few = max(1, rows // 100)
pgcrypto = timed(lambda: connection.execute(
    f"UPDATE plain SET twin = pgp_sym_encrypt(phone, 'a passphrase') WHERE id <= {few}")) * rows / few

ratio = {
    "backfill": statistics.median(a / b for a, b in zip(seconds["backfill"], seconds["update"])),
    "rotate": statistics.median(a / b for a, b in zip(seconds["rotate"], seconds["second update"])),
}
print(f"\n{rows:,} rows, {runs} runs\n\n| | seconds | of a plain UPDATE |\n|---|---|---|")
print(f"| UPDATE with constant bytes | {statistics.median(seconds['update']):.2f} | |")
print(f"| column backfill, verified | {statistics.median(seconds['backfill']):.2f} | {ratio['backfill']:.2f} |")
print(f"| UPDATE with constant bytes, again | {statistics.median(seconds['second update']):.2f} | |")
print(f"| column rotate | {statistics.median(seconds['rotate']):.2f} | {ratio['rotate']:.2f} |")
print(
    f"| UPDATE with pgp_sym_encrypt, from {few:,} rows | {pgcrypto:.1f} | "
    f"{pgcrypto / statistics.median(seconds['backfill']):.0f} times the backfill |")
print(f"\npeak memory of dbpii: {peak:.0f} MB")
