"""Makes a repository of many signed backups, each with a proof, and times what reads them all; see benchmark-many."""

import base64
import datetime
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time

import nacl.signing

state, count, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
signer = nacl.signing.SigningKey.generate()
key_id = os.urandom(8)
key_name = key_id[::-1].hex().upper()


def minisign(content, comment):
    """The format of minisign's own documentation, prehashed."""
    signature = signer.sign(hashlib.blake2b(content).digest()).signature
    line = base64.b64encode(b"ED" + key_id + signature).decode()
    whole = base64.b64encode(signer.sign(signature + comment.encode()).signature).decode()
    return f"untrusted comment: a signature\n{line}\ntrusted comment: {comment}\n{whole}\n".encode()


def write(folder, name, document, comment):
    content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    for path, bytes_ in ((name, content), (f"{name}.minisig", minisign(content, comment))):
        with open(os.path.join(folder, path), "wb") as file:
            file.write(bytes_)
    return hashlib.sha256(content).hexdigest()


with open(f"{state}/keys/trusted/{key_name}.pub", "w") as file:
    line = base64.b64encode(b"Ed" + key_id + signer.verify_key.encode()).decode()
    file.write(f"untrusted comment: minisign public key {key_name}\n{line}\n")

first = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
for number in range(count):
    moment = first + datetime.timedelta(hours=5 * number)
    stamp, label = moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z"), moment.strftime("%Y%m%dT%H%M%SZ")
    folder = f"{state}/backups/main/{label}"
    os.makedirs(f"{folder}/proofs")
    files = [{"name": f"{name}.dump.zst.age", "role": "dump", "database": name, "size": 1, "contentSize": 1,
              "sha256": hashlib.sha256(name.encode()).hexdigest()} for name in ("app", "shop", "log")]
    files += [{"name": f"{name}.zst.age", "role": role, "size": 1, "contentSize": 1,
               "sha256": hashlib.sha256(name.encode()).hexdigest()}
              for name, role in (("globals.sql", "globals"), ("index.json", "index"))]
    for file in files:
        with open(f"{folder}/{file['name']}", "wb") as content:
            content.write(b"x")
    manifest = write(folder, "manifest.json", {
        "schema": 1, "label": label, "run": os.urandom(16).hex(), "cluster": "main", "systemIdentifier": "1",
        "serverVersion": "15.18", "serverVersionNumber": 150018, "programs": {"pg_dump": "15.18"}, "started": stamp,
        "finished": stamp, "files": files, "compression": "zstd", "encryption": "age-encryption.org/v1",
        "databases": [{"name": name, "oid": 1, "snapshot": stamp} for name in ("app", "shop", "log")],
        "recipients": ["age1"], "producerKey": key_name, "trust": "separate", "notCovered": []},
        f"dbsec backup main/{label}")
    if number % 7 == 0:
        write(f"{folder}/proofs", f"{label}-restore.json", {
            "schema": 1, "cluster": "main", "label": label, "manifest": manifest, "level": "restore",
            "verdict": "equal", "missing": [], "notes": [], "started": stamp, "finished": stamp, "programs": {},
            "proverKey": key_name, "trust": "separate",
            "databases": [{"name": name, "verdict": "equal", "differences": 0, "tables": 1, "rows": 1}
                          for name in ("app", "shop", "log")]}, f"dbsec proof main/{label} restore")

print(f"{count} backups of 3 databases, one in 7 with a proof; {os.cpu_count()} cores, median of {runs} runs after a warm-up")
for words in ("list", "list --json", "check",
              "prune --dry-run --keep-daily 30 --keep-weekly 10 --keep-monthly 60 --keep-yearly 10 --require-proof restore"):
    times = []
    for _ in range(runs + 1):
        started = time.monotonic()
        done = subprocess.run(["dbbackup", *words.split()], stdout=subprocess.PIPE, check=False)
        times.append(time.monotonic() - started)
        if done.returncode not in (0, 1) or (words != "check" and done.stdout.count(b"main") < count):
            sys.exit(f"error: dbbackup {words} ended with {done.returncode}")
    median = statistics.median(times[1:])
    print(f"  dbbackup {words.split()[0]:6} {median:6.2f} s   at most 1: {'met' if median <= 1 else 'NOT MET'}   dbbackup {words}")
